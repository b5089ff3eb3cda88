/*
 * The user calls of RFC 9293 3.9.1: OPEN, SEND, RECEIVE, CLOSE, ABORT, STATUS.
 *
 * They check the arguments against the state, move bytes between the application and the buffers,
 * and mark the connection dirty. What leaves because of it leaves in the next flush, but for a SYN
 * and a RST, which nothing else can usefully be merged with.
 */
#include <errno.h>
#include <limits.h>

#include "stack/core/emit.h"
#include "stack/link/neigh.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/tcp/tcp_info.h"
#include "stack/tcp/tcp_rate.h"
#include "stack/tcp/tcp_user.h"

static int take_err(struct tcp_conn *c)
{
	int err = c->err;

	c->err = 0;
	return -err;
}

/* ---- OPEN ---- */

int tcp_user_bind(struct tapir *t, struct tcp_conn *c, const struct tapir_sockaddr *sa)
{
	uint32_t ip4;
	int err;

	if (!tapir_addr_is_v4(&sa->addr))
		return -EAFNOSUPPORT;
	if (c->ep.state != TAPIR_TCP_CLOSED || c->ep.epflags & TCP_EP_BOUND ||
	    c->flags & TCP_F_DETACHED)
		return -EINVAL;
	ip4 = tapir_addr_to_v4(&sa->addr);
	/* R1122-22, R1122-94: only an address of ours. */
	if (ip4 && !netif_by_addr(t, ip4))
		return -EADDRNOTAVAIL;
	err = tcp_port_bind(t, c, &sa->addr, sa->port);
	if (!err)
		c->ep.epflags |= (uint16_t)((ip4 ? TCP_EP_NAMED_ADDR : 0) |
					    (sa->port ? TCP_EP_NAMED_PORT : 0));
	return err;
}

/* Whether dst can be the other end of a connection (MUST-46, EVT-48). */
static int check_peer(const struct tapir *t, const struct tapir_sockaddr *sa)
{
	uint32_t dst = tapir_addr_to_v4(&sa->addr);

	(void)t;
	if (!tapir_addr_is_v4(&sa->addr))
		return -EAFNOSUPPORT;
	if (sa->port == 0)
		return -EADDRNOTAVAIL;
	if (dst == 0 || dst == UINT32_MAX || dst >> 28 == 0xe)
		return -ENETUNREACH; /* no broadcast, no multicast */
	return 0;
}

/* All of OPEN but the SYN: 0 and SYN-SENT, or an errno. */
static int connect_begin(struct tapir *t, struct tcp_conn *c, const struct tapir_sockaddr *sa)
{
	struct tapir_addr bound = c->ep.tuple.laddr;
	struct route rt;
	uint64_t space;
	int r;

	if (c->fo & TCP_FO_DEFER)
		return -EISCONN; /* as Linux: connect() has said that it is */
	if (c->ep.state == TAPIR_TCP_SYN_SENT || c->ep.state == TAPIR_TCP_SYN_RECEIVED)
		return -EALREADY;
	/* What was a connection once is never another, whatever became of it; of an open that failed see sock_connect(). */
	if (c->ep.state != TAPIR_TCP_CLOSED || c->flags & TCP_F_DETACHED)
		return -EISCONN;
	r = check_peer(t, sa);
	if (r < 0)
		return r;
	r = route_lookup(t, tapir_addr_to_v4(&sa->addr), tapir_addr_to_v4(&bound), c->opt.ifindex,
			 &rt);
	if (r < 0)
		return r;
	if (rt.kind != RX_UNICAST)
		return -ENETUNREACH;
	if (c->opt.flags & TCP_O_DONTROUTE && rt.gateway)
		return -ENETUNREACH;
	if (!tcp_act_get(t, c))
		return -ENOMEM;
	c->ep.tuple.laddr = tapir_addr_v4(rt.src); /* MUST-44, MUST-45: for all its life */
	c->ep.tuple.raddr = sa->addr;
	c->ep.tuple.rport = sa->port;
	r = tcp_port_connect(t, c);
	if (r < 0) {
		c->ep.tuple.laddr = bound;
		c->ep.tuple.raddr = (struct tapir_addr){{0}};
		c->ep.tuple.rport = 0;
		tcp_act_release_if_idle(t, c);
		return r;
	}
	c->act->rt = rt;
	c->err = 0; /* as Linux: what a disconnection left is of the past */
	c->flags |= TCP_F_ACTIVE;
	c->iss = tcp_isn(t, &c->ep.tuple);
	c->ts_off = tcp_ts_offset(t, &c->ep.tuple);
	c->snd_una = c->iss;
	c->snd_nxt = c->iss;
	c->snd_max = c->iss;
	c->snd_sml = c->iss;
	c->pushed_seq = c->iss + 1;
	c->snd_up = c->iss;
	c->recover = c->iss;
	c->big_end = c->iss;
	c->last_rcv_ns = t->now_ns; /* until something comes: when we began */
	space = tcp_rcv_space_max(t, &c->opt);
	/* What our SYN offers, all of them, whatever becomes of the settings. */
	c->offered = (uint16_t)((t->conf.tcp_timestamps ? TCP_HAS_TS : 0) |
				(t->conf.tcp_sack ? TCP_HAS_SACK_OK : 0) |
				(t->conf.tcp_window_scaling ? TCP_HAS_WSCALE : 0));
	c->rcv_wscale = t->conf.tcp_window_scaling ? tcp_wscale_for(space) : 0;
	tcp_rcv_buffer(t, c);
	c->rcv_wnd = tcp_rcv_initial(t, &c->opt, tcp_mss_announce(&c->opt, rt.mtu));
	tcp_conn_update_mss(t, c);
	tcp_conn_start_cc(t, c, false); /* anew when the peer's MSS is known */
	tcp_demux_insert(t, &c->ep);
	tcp_set_state(t, &c->ep, TAPIR_TCP_SYN_SENT);
	return 0;
}

int tcp_user_connect(struct tapir *t, struct tcp_conn *c, const struct tapir_sockaddr *sa)
{
	int r = connect_begin(t, c, sa);

	if (r < 0)
		return r;
	if (c->opt.flags & TCP_O_FASTOPEN_CONNECT && tcp_fastopen_may_send(t, c)) {
		/* RFC 7413 4.2.1: the SYN waits for the first write, and goes with it. */
		c->fo |= TCP_FO_DEFER;
		ready_mark(t, &c->rdy, TAPIR_OUT);
		return 0;
	}
	tcp_output(t, c);
	return -EINPROGRESS;
}

/* ---- SEND ---- */

/* Whether the state lets the application send: 0, or the errno (EVT-49). */
static int may_user_send(struct tcp_conn *c)
{
	if (c->err)
		return take_err(c);
	if (c->flags & (TCP_F_FIN_QUEUED | TCP_F_DETACHED))
		return -EPIPE;
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_ESTABLISHED:
	case TAPIR_TCP_CLOSE_WAIT:
		return 0;
	case TAPIR_TCP_SYN_SENT:
	case TAPIR_TCP_SYN_RECEIVED:
		if (tcp_fastopen_child(c))
			return 0;
		return -EAGAIN; /* a blocking socket would wait for the handshake */
	case TAPIR_TCP_CLOSED:	/* as Linux, where there never was a connection either */
	case TAPIR_TCP_FIN_WAIT_1:
	case TAPIR_TCP_FIN_WAIT_2:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
	case TAPIR_TCP_TIME_WAIT:
	case TAPIR_TCP_LISTEN:
		return -EPIPE;
	}
	return -EPIPE;
}

void tcp_user_wake(struct tapir *t, struct tcp_conn *c)
{
	if (!(c->flags & TCP_F_WANT_OUT) || !tcp_snd_writable(t, c))
		return;
	c->flags &= ~(uint32_t)TCP_F_WANT_OUT;
	tcp_chrono_stop(t, c, TCP_CHRONO_SNDBUF);
	ready_mark(t, &c->rdy, TAPIR_OUT);
}

static int no_room(struct tcp_conn *c)
{
	c->flags |= TCP_F_WANT_OUT;
	return -EAGAIN;
}

/* Room made in the ring for up to `want` bytes; 0 or negative: none. */
static int64_t send_room(struct tapir *t, struct tcp_conn *c, size_t want)
{
	uint32_t room = tcp_snd_room(t, c, want);
	uint32_t got;

	if (room == 0)
		return no_room(c);
	if (!tcp_act_get(t, c))
		return -ENOMEM;
	tcp_rate_check_app_limited(c);
	got = tcp_snd_grow(t, c, room);
	if (got == 0) {
		tcp_act_release_if_idle(t, c);
		/* Acknowledgments will make room; where none is to come nobody would say so. */
		return c->act && c->act->snd.len > 0 ? no_room(c) : -ENOMEM;
	}
	return got;
}

/*
 * What a write leaves behind: PSH, urgent mark, and the wish to be sent. `gone`: the buffer is full of what has left by
 * now, as Linux sends it, and there is nothing left to be pushed.
 */
static void after_write(struct tapir *t, struct tcp_conn *c, uint32_t n, int flags, bool gone)
{
	tcp_written(t, c, n, gone ? flags | TAPIR_MSG_MORE : flags);
	if (flags & TAPIR_MSG_MORE)
		c->flags |= TCP_F_MORE;
	else
		c->flags &= ~(uint32_t)TCP_F_MORE;
	if (flags & TAPIR_MSG_OOB) {
		c->snd_up = tcp_snd_end(c); /* MUST-30, RFC 6093 */
		c->flags |= TCP_F_URG_SENT | TCP_F_PUSH;
	}
	tcp_chrono_start(t, c, TCP_CHRONO_BUSY);
	tcp_conn_dirty(t, c);
}

/*
 * The SYN of a connection that connect_begin() made, with as much of iov as it may carry. Returns how much, or
 * -EINPROGRESS when none.
 */
static int64_t send_syn_data(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n)
{
	/* As Linux: room is left for all options that there may be, also those that a middlebox adds. */
	uint32_t room = c->mss > TCP_OPT_MAX ? c->mss - TCP_OPT_MAX : 0;
	uint64_t want = 0;
	int64_t sum = 0;

	for (int i = 0; i < n; i++)
		want += min_u64(iov[i].iov_len, UINT32_MAX);
	room = min_u32(room, tcp_snd_room(t, c, want));
	if (room)
		room = tcp_snd_grow(t, c, room);
	for (int i = 0; i < n && sum < room; i++)
		sum += (int64_t)ring_append(&c->act->snd, iov[i].iov_base,
					    min_size(iov[i].iov_len, (size_t)(room - sum)));
	if (sum)
		c->fo |= TCP_FO_DATA;
	if ((uint64_t)sum < want)
		c->flags |= TCP_F_WANT_OUT;
	tcp_output(t, c);
	return sum ? sum : -EINPROGRESS;
}

int64_t tcp_user_send_fastopen(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n,
			       const struct tapir_sockaddr *peer)
{
	int r;

	/* R7413-1: the setting allows it, and this call asks. */
	if (!(t->conf.tcp_fastopen & TCP_FASTOPEN_CLIENT))
		return -EOPNOTSUPP;
	if (c->fo & TCP_FO_DEFER) {
		c->fo &= (uint8_t)~TCP_FO_DEFER;
		return send_syn_data(t, c, iov, n);
	}
	if (c->flags & TCP_F_CONNECTED)
		return -EISCONN;
	r = connect_begin(t, c, peer);
	if (r < 0)
		return r;
	if (tcp_fastopen_may_send(t, c))
		return send_syn_data(t, c, iov, n);
	tcp_output(t, c);
	return -EINPROGRESS;
}

int64_t tcp_user_send(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n,
		      int flags)
{
	uint64_t want = 0;
	int64_t got, sum = 0;
	uint32_t leaves;
	int r;

	if (c->fo & TCP_FO_DEFER)
		return tcp_user_send_fastopen(t, c, iov, n, NULL);
	r = may_user_send(c);
	if (r < 0)
		return r;
	for (int i = 0; i < n; i++)
		want += min_u64(iov[i].iov_len, UINT32_MAX);
	if (want == 0)
		return 0;
	got = send_room(t, c, (size_t)want);
	if (got < 0)
		return got;
	c->act->reserved = 0;
	leaves = tcp_snd_leaves(c);
	for (int i = 0; i < n && sum < got; i++) {
		size_t len = min_size(iov[i].iov_len, (size_t)(got - sum));

		sum += (int64_t)ring_append(&c->act->snd, iov[i].iov_base, len);
	}
	if ((uint64_t)sum < want) {
		c->flags |= TCP_F_WANT_OUT; /* a short count is told like -EAGAIN */
		/* The urgent byte, and the end of a record, is the last one, which is not in yet. */
		flags &= ~(TAPIR_MSG_OOB | TAPIR_MSG_EOR);
	}
	after_write(t, c, (uint32_t)sum, flags, (uint64_t)sum < want && sum <= leaves);
	return sum;
}

int64_t tcp_user_reserve(struct tapir *t, struct tcp_conn *c, size_t want, struct iovec *iov,
			 int max, int *niov)
{
	struct ring_wspan span[2];
	int64_t got, sum = 0;
	unsigned n;
	int r = may_user_send(c);

	*niov = 0;
	if (c->fo & TCP_FO_DEFER) {
		/* Who writes in place does not know yet what: the SYN goes without data. */
		c->fo &= (uint8_t)~TCP_FO_DEFER;
		c->flags |= TCP_F_WANT_OUT;
		tcp_output(t, c);
	}
	if (r < 0)
		return r;
	if (want == 0 || max <= 0)
		return -EINVAL;
	got = send_room(t, c, want);
	if (got < 0)
		return got;
	n = ring_reserve(&c->act->snd, (size_t)got, span);
	for (unsigned i = 0; i < n && *niov < max; i++) {
		iov[*niov].iov_base = span[i].p;
		iov[*niov].iov_len = span[i].len;
		sum += (int64_t)span[i].len;
		(*niov)++;
	}
	c->act->reserved = (uint32_t)sum;
	return sum;
}

int tcp_user_commit(struct tapir *t, struct tcp_conn *c, size_t len, int flags)
{
	int r;

	/* Only what was reserved holds the application's bytes; the rest of the ring holds old ones. */
	if (!c->act || len > c->act->reserved || len > ring_space(&c->act->snd))
		return -EINVAL;
	r = may_user_send(c);
	if (r < 0)
		return r;
	c->act->reserved = 0;
	ring_commit(&c->act->snd, (uint32_t)len);
	if (len)
		after_write(t, c, (uint32_t)len, flags, false);
	return 0;
}

/* ---- RECEIVE ---- */

/* Nothing to read: why (EVT-50). */
static int64_t nothing(struct tcp_conn *c)
{
	if (c->flags & TCP_F_FIN_RCVD)
		return 0;
	if (c->err)
		return take_err(c);
	/* As Linux: of an open that failed, told that it did, the end is read as well. */
	if (c->flags & (TCP_F_SHUT_RD | TCP_F_DETACHED))
		return 0;
	if (c->ep.state == TAPIR_TCP_CLOSED)
		return -ENOTCONN;
	return -EAGAIN;
}

/* The application took n bytes. */
static void consumed(struct tapir *t, struct tcp_conn *c, uint32_t n)
{
	uint32_t from = c->rcv_user;

	c->rcv_user += n;
	if (c->flags & TCP_F_URG_RCVD && seq_geq(c->rcv_user, c->rcv_up))
		c->flags &= ~(uint32_t)TCP_F_URG_RCVD;
	if (c->act)
		tcp_rcv_release(t, c, from, c->rcv_user);
	tcp_rcv_adjust(t, c);
	tcp_rcv_read_ack(t, c, true);
	tcp_act_release_if_idle(t, c);
}

int64_t tcp_user_recv(struct tapir *t, struct tcp_conn *c, const struct iovec *iov, int n,
		      int flags)
{
	uint32_t avail, seq, done = 0;

	if (flags & TAPIR_MSG_OOB)
		return tcp_urg_recv(c, iov, n, flags);
	seq = tcp_urg_head(c, &avail);
	/* A peek passes over the urgent byte, and leaves it to MSG_OOB. */
	if (seq != c->rcv_user && !(flags & TAPIR_MSG_PEEK))
		consumed(t, c, 1);
	if (avail == 0)
		return nothing(c);
	for (int i = 0; i < n && done < avail; i++) {
		uint32_t len = (uint32_t)min_u64(iov[i].iov_len, avail - done);

		if (flags & TAPIR_MSG_TRUNC)
			; /* Linux: the bytes are discarded */
		else
			tcp_rcv_read(c, seq + done, iov[i].iov_base, len);
		done += len;
	}
	if (!(flags & TAPIR_MSG_PEEK) && done)
		consumed(t, c, done);
	return done;
}

int64_t tcp_user_peek(struct tapir *t, struct tcp_conn *c, struct iovec *iov, int max, int *niov)
{
	uint32_t avail, seq, done = 0;

	(void)t;
	*niov = 0;
	seq = tcp_urg_head(c, &avail);
	if (avail == 0)
		return nothing(c);
	while (*niov < max && done < avail) {
		uint32_t len;
		const uint8_t *p = tcp_rcv_at(c, seq + done, avail - done, &len);

		iov[*niov].iov_base = (void *)(uintptr_t)p;
		iov[*niov].iov_len = len;
		(*niov)++;
		done += len;
	}
	return done;
}

int tcp_user_consume(struct tapir *t, struct tcp_conn *c, size_t len)
{
	uint32_t avail, seq = tcp_urg_head(c, &avail);

	if (len > avail)
		return -EINVAL;
	if (len)
		consumed(t, c, seq - c->rcv_user + (uint32_t)len);
	return 0;
}

int tcp_user_held(struct tapir *t, struct tcp_conn *c, size_t bytes)
{
	if (bytes > INT32_MAX)
		return -EINVAL;
	c->held = (uint32_t)bytes;
	tcp_rcv_read_ack(t, c, true);
	return 0;
}

/* ---- CLOSE, ABORT ---- */

/* The application will send no more: FIN follows what is queued (EVT-51, RFC 9293 3.10.4). */
static void queue_fin(struct tapir *t, struct tcp_conn *c)
{
	c->flags |= TCP_F_FIN_QUEUED | TCP_F_PUSH;
	tcp_chrono_start(t, c, TCP_CHRONO_BUSY);
	if (c->ep.state == TAPIR_TCP_CLOSE_WAIT)
		tcp_set_state(t, &c->ep, TAPIR_TCP_LAST_ACK);
	else
		tcp_set_state(t, &c->ep, TAPIR_TCP_FIN_WAIT_1);
	tcp_conn_dirty(t, c);
}

int tcp_user_shutdown(struct tapir *t, struct tcp_conn *c, int how)
{
	if (how != TAPIR_SHUT_RD && how != TAPIR_SHUT_WR && how != TAPIR_SHUT_RDWR)
		return -EINVAL;
	if (how != TAPIR_SHUT_WR && !(c->flags & TCP_F_SHUT_RD)) {
		c->flags |=
			TCP_F_SHUT_RD; /* MAY-1: discards nothing: what arrives is still acknowledged */
		ready_mark(t, &c->rdy, TAPIR_IN | TAPIR_RDHUP | (uint32_t)tcp_user_poll(t, c));
	}
	/* As Linux: it is shut for all that. */
	if (c->ep.state == TAPIR_TCP_CLOSED)
		return -ENOTCONN;
	if (how == TAPIR_SHUT_RD)
		return 0;
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_SYN_RECEIVED:
	case TAPIR_TCP_ESTABLISHED:
	case TAPIR_TCP_CLOSE_WAIT:
		if (!(c->flags & TCP_F_FIN_QUEUED))
			queue_fin(t, c);
		ready_mark(t, &c->rdy, TAPIR_OUT | (uint32_t)tcp_user_poll(t, c));
		return 0;
	case TAPIR_TCP_SYN_SENT: /* sock_shutdown() gives it up */
	case TAPIR_TCP_FIN_WAIT_1:
	case TAPIR_TCP_FIN_WAIT_2:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
	case TAPIR_TCP_TIME_WAIT:
	case TAPIR_TCP_CLOSED:
	case TAPIR_TCP_LISTEN:
		break;
	}
	return 0;
}

/* No handle any more, the network goes on. False: too many such already, and c was reset (TC-24). */
static bool make_orphan(struct tapir *t, struct tcp_conn *c)
{
	bool full = t->tcp->norphan >= (uint64_t)t->conf.tcp_max_orphans;

	if (full || tcp_mem_costs(t, c)) {
		STAT_INC(t, TcpExt, TCPAbortOnMemory);
		if (full)
			STAT_INC(t, Tapir, TcpOrphansFull);
		tcp_respond_rst_conn(t, c);
		tcp_conn_drop(t, c, 0);
		return false;
	}
	c->flags |= TCP_F_ORPHAN;
	t->tcp->norphan++;
	c->keep_ns = TAPIR_NEVER;
	tcp_conn_dirty(t, c); /* a FIN may have waited there for memory */
	c->persist_shift = 0; /* its patience with a closed window begins now: fire_persist() */
	return true;
}

/* RFC 9293 3.10.5, EVT-52: RST, but where both sides have already said that they are done. */
static void abort_rst(struct tapir *t, struct tcp_conn *c)
{
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_SYN_RECEIVED:
	case TAPIR_TCP_ESTABLISHED:
	case TAPIR_TCP_FIN_WAIT_1:
	case TAPIR_TCP_FIN_WAIT_2:
	case TAPIR_TCP_CLOSE_WAIT:
		tcp_respond_rst_conn(t, c);
		return;
	case TAPIR_TCP_CLOSED:
	case TAPIR_TCP_LISTEN:
	case TAPIR_TCP_SYN_SENT:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
	case TAPIR_TCP_TIME_WAIT:
		return;
	}
}

void tcp_user_abort(struct tapir *t, struct tcp_conn *c)
{
	ready_end(&c->rdy);
	c->rdy.sock = 0;
	abort_rst(t, c);
	if (c->flags & TCP_F_DETACHED || c->ep.state == TAPIR_TCP_CLOSED) {
		tcp_conn_free(t, c);
		return;
	}
	tcp_conn_drop(t, c, 0);
}

void tcp_user_close(struct tapir *t, struct tcp_conn *c)
{
	bool unread = c->rcv_user != tcp_rcv_end(c);

	ready_end(&c->rdy);
	c->rdy.sock = 0;
	if (c->flags & TCP_F_DETACHED || c->ep.state == TAPIR_TCP_CLOSED) {
		tcp_conn_free(t, c);
		return;
	}
	if (c->ep.state == TAPIR_TCP_SYN_SENT) {
		tcp_conn_drop(t, c, 0); /* silently; a SYN-ACK that still comes finds nobody */
		return;
	}
	if (unread || c->held || c->opt.linger_s == 0) {
		/* SHLD-3: what was not read must not look delivered (RFC 1122 4.2.2.13). */
		if (unread || c->held)
			STAT_INC(t, TcpExt, TCPAbortOnClose);
		else
			STAT_INC(t, TcpExt, TCPAbortOnLinger);
		abort_rst(t, c);
		tcp_conn_drop(t, c, 0);
		return;
	}
	if (!(c->flags & TCP_F_FIN_QUEUED))
		queue_fin(t, c);
	if (!make_orphan(t, c))
		return;
	if (c->act) /* nobody reads: pages with nothing in them go */
		tcp_act_release_if_idle(t, c);
	if (c->ep.state == TAPIR_TCP_FIN_WAIT_2) {
		if (c->opt.linger2_s < 0) {
			tcp_respond_rst_conn(t, c);
			tcp_conn_drop(t, c, 0);
			return;
		}
		tcp_conn_to_finwait2_record(t, c);
	}
}

/* ---- STATUS (EVT-53) ---- */

void tcp_user_queues(const struct tcp_conn *c, uint32_t *recv_q, uint32_t *send_q)
{
	tcp_user_queued(c, recv_q, send_q, NULL);
}

void tcp_user_reuse_changed(struct tapir *t, struct tcp_conn *c)
{
	tcp_port_reuse_changed(t, &c->ep);
}

int tcp_user_poll(struct tapir *t, struct tcp_conn *c)
{
	bool ended = c->flags & TCP_F_DETACHED;
	int bits = 0;
	uint32_t avail;

	if (c->err)
		bits |= TAPIR_ERR;
	/* As Linux: shut for reading counts as the peer's FIN does, and FIN when it is asked for. */
	if (ended || (c->flags & (TCP_F_FIN_RCVD | TCP_F_SHUT_RD) &&
		      c->flags & (TCP_F_FIN_QUEUED | TCP_F_FIN_SENT)))
		bits |= TAPIR_HUP;
	if (c->ep.state == TAPIR_TCP_CLOSED && !ended)
		/* as Linux for a fresh socket */
		return bits | TAPIR_OUT | TAPIR_HUP |
		       (c->flags & TCP_F_SHUT_RD ? TAPIR_IN | TAPIR_RDHUP : 0);
	if (c->fo & TCP_FO_DEFER)
		return bits | TAPIR_OUT; /* to be written to, for the SYN's sake */
	if (c->ep.state == TAPIR_TCP_SYN_SENT ||
	    (c->ep.state == TAPIR_TCP_SYN_RECEIVED && !tcp_fastopen_child(c)))
		return bits;
	if (c->flags & (TCP_F_FIN_RCVD | TCP_F_SHUT_RD) || ended)
		bits |= TAPIR_IN | TAPIR_RDHUP;
	(void)tcp_urg_head(c, &avail);
	if (avail) /* an urgent octet by itself is none for read() */
		bits |= TAPIR_IN;
	if (tcp_urg_here(c))
		bits |= TAPIR_PRI;
	if (ended || c->flags & TCP_F_FIN_QUEUED || tcp_snd_writable(t, c))
		bits |= TAPIR_OUT;
	return bits;
}

void tcp_user_push(struct tapir *t, struct tcp_conn *c)
{
	uint32_t unsent;

	tcp_user_queued(c, NULL, NULL, &unsent);
	if (!unsent || !tcp_state_synchronized(c->ep.state))
		return;
	c->flags |= TCP_F_PUSH;
	tcp_conn_dirty(t, c);
}

void tcp_user_opt_changed(struct tapir *t, struct tcp_conn *c)
{
	tcp_rcv_resize(c);
	tcp_keepalive_start(t, c);
	if (tcp_state_synchronized(c->ep.state)) {
		tcp_conn_update_mss(t, c);
		tcp_conn_dirty(t, c);
	}
	tcp_timer_update(t, c);
}
