/*
 * The stack against the model of RFC 9293 3.10 (model.h): the same segments and calls for both, and after
 * each they agree on the state, SND.UNA, SND.NXT, RCV.NXT, on what left, on what the user is told and on every
 * octet delivered. First a table: every state, every flag, places of sequence and acknowledgment numbers
 * around every edge; then walks of several events from a seed. Retransmissions and what holds new text back
 * (congestion control) are none of the model's affair, and are kept out of the way by settings.
 *
 * TAPIR_SIM_LONG=1 tries all 256 values of the flag byte and more walks, TAPIR_SEED=N one walk;
 * TAPIR_MODEL_ALL=1 prints one example of each kind of difference instead of ending at the first.
 */
/* long: one harness, its table of cases and its walks */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/model/model.h"
#include "tests/support/rnd.h"
#include "tests/support/tcpfix.h"

/* As configured by default, which is as Linux does but for RFC 1337. */
static const struct model_rules as_linux = {
	.rfc5961 = true,
	.not_sent = true,
	.at_edge = true,
	.spanning = true,
	.whole = true,
	.rst_behind_fin = true,
	.synack_alone = true,
	.syn_again = true,
	.syn_alone = true,
	.syn_fin_drops = true,
	.embryonic = true,
	.rfc1337 = true,
	.rfc6191 = true,
	.crossed_syn = true,
	.window_as_linux = true,
	.fin_in_window = true,
};

enum {
	RCVBUF = 2048,
	SEND_LEN = 100,
	PORT_FIRST = 2000,
	PORT_LAST = 60000,
	FLAGS_TELLING = TF_SYN | TF_ACK | TF_RST | TF_FIN,
	KINDS_MAX = 200,
};

/* Both of them, on the same connection. */
struct pair {
	struct tf f;
	struct model m;
	struct model_rules rules;
	bool open;	/* not through with this connection */
	bool listening; /* it comes from a listener */
	bool other;	/* the tuple belongs to another incarnation now than the handle */
	uint16_t next_port;
	uint32_t irs;
	uint32_t first;	      /* the number of the stream's first octet */
	bool reset;	      /* the user has heard of it */
	enum model_state was; /* before the event */
	uint64_t cases, conns, octets, seed;
	char story[4000];
	size_t nstory;
};

/* The stack's view of it. */
struct view {
	enum model_state state;
	uint32_t una, nxt, rcv_nxt, rcv_wnd;
};

/* What left in one event. */
struct seen {
	unsigned rsts, syns, pure_acks, acks;
	struct model_seg rst, syn;
};

static const enum model_state of_tapir[] = {
	[TAPIR_TCP_CLOSED] = M_CLOSED,		 [TAPIR_TCP_LISTEN] = M_LISTEN,
	[TAPIR_TCP_SYN_SENT] = M_SYN_SENT,	 [TAPIR_TCP_SYN_RECEIVED] = M_SYN_RECEIVED,
	[TAPIR_TCP_ESTABLISHED] = M_ESTABLISHED, [TAPIR_TCP_FIN_WAIT_1] = M_FIN_WAIT_1,
	[TAPIR_TCP_FIN_WAIT_2] = M_FIN_WAIT_2,	 [TAPIR_TCP_CLOSE_WAIT] = M_CLOSE_WAIT,
	[TAPIR_TCP_CLOSING] = M_CLOSING,	 [TAPIR_TCP_LAST_ACK] = M_LAST_ACK,
	[TAPIR_TCP_TIME_WAIT] = M_TIME_WAIT,
};

/* ---- differences ---- */

static char kinds[KINDS_MAX][80];
static unsigned kinds_count[KINDS_MAX], nkinds;

static void story_add(struct pair *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void story_add(struct pair *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p->story + p->nstory, sizeof(p->story) - p->nstory, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(p->story) - p->nstory)
		p->nstory += (size_t)n;
}

/* One difference: ends the test, or is counted by its kind, and shown once. */
static void differ(struct pair *p, const char *what, uint32_t model, uint32_t stack)
{
	char kind[80];

	snprintf(kind, sizeof(kind), "%s in %s", what, model_state_name(p->was));
	if (!getenv("TAPIR_MODEL_ALL"))
		fail_msg("seed %llu, %s: model %u, stack %u\n%s", (unsigned long long)p->seed, kind,
			 model, stack, p->story);
	for (unsigned i = 0; i < nkinds; i++) {
		if (strcmp(kinds[i], kind) == 0) {
			kinds_count[i]++;
			p->open = false;
			return;
		}
	}
	if (nkinds < KINDS_MAX) {
		strcpy(kinds[nkinds], kind);
		kinds_count[nkinds++] = 1;
		fprintf(stderr, "--- seed %llu, %s: model %u, stack %u\n%s\n",
			(unsigned long long)p->seed, kind, model, stack, p->story);
	}
	p->open = false;
}

#define agree(p, what, model, stack)                                               \
	do {                                                                       \
		if ((uint32_t)(model) != (uint32_t)(stack)) {                      \
			differ((p), (what), (uint32_t)(model), (uint32_t)(stack)); \
			return;                                                    \
		}                                                                  \
	} while (0)

/* ---- the stack ---- */

static struct view look(struct pair *p)
{
	struct tapir *t = p->f.w.t;
	struct tcp_tuple tu = {.laddr = tapir_addr_v4(WORLD_US),
			       .raddr = tapir_addr_v4(WORLD_PEER),
			       .lport = p->f.lport,
			       .rport = p->f.rport};
	struct tcp_ep *ep = tcp_demux_find(t, &tu);
	struct view v = {.state = p->m.listener ? M_LISTEN : M_CLOSED};

	if (!ep)
		return v;
	v.state = of_tapir[ep->state];
	switch ((enum tcp_ep_kind)ep->kind) {
	case TCP_EP_CONN: {
		const struct tcp_conn *c = tcp_conn_of(ep);

		v.una = c->snd_una;
		v.nxt = c->snd_max;
		v.rcv_nxt = c->rcv_nxt;
		v.rcv_wnd = c->rcv_wnd;
		break;
	}
	case TCP_EP_SYN: {
		const struct tcp_syn_ent *e = container_of(ep, struct tcp_syn_ent, ep);

		v.una = e->p.iss;
		v.nxt = e->p.iss + 1;
		v.rcv_nxt = e->p.irs + 1;
		v.rcv_wnd = e->p.rcv_wnd;
		break;
	}
	case TCP_EP_TW: {
		const struct tcp_tw *tw = container_of(ep, struct tcp_tw, ep);

		v.una = v.nxt = tw->snd_nxt;
		v.rcv_nxt = tw->rcv_nxt;
		v.rcv_wnd = (uint32_t)tw->wnd_hi << 8 | 0xff;
		break;
	}
	case TCP_EP_LISTENER:
		break;
	}
	return v;
}

/* Takes what left. A retransmission (text or FIN below `nxt`) is neither here nor there. */
static struct seen collect(struct pair *p, uint32_t ack)
{
	struct tf *f = &p->f;
	struct seen s = {0};

	while (tf_pop(f)) {
		struct model_seg g = {.seq = f->p.seq,
				      .ack = f->p.ack,
				      .len = (uint32_t)f->p.len,
				      .flags = f->p.flags & FLAGS_TELLING};

		story_add(p, "    stack sends flags %02x seq %u ack %u len %u\n", g.flags, g.seq,
			  g.ack, g.len);
		if (g.flags & TF_RST) {
			s.rsts++;
			s.rst = g;
		} else if (g.flags & TF_SYN) {
			s.syns++;
			s.syn = g;
		} else if (g.flags & TF_ACK && g.ack == ack) {
			s.acks++;
			s.pure_acks += g.len == 0 && !(g.flags & TF_FIN);
		} else {
			s.acks += 1000; /* an ACK of something else: never right */
		}
	}
	return s;
}

static void compare(struct pair *p, const struct model_out *out, bool abort_call)
{
	struct model *m = &p->m;
	struct seen s = collect(p, m->rcv_nxt);
	struct view v;
	int err = 0;

	if (out->syn && s.syns == 1 && m->state == M_SYN_RECEIVED && m->passive && !m->iss)
		model_iss(m, s.syn.seq);
	v = look(p);
	story_add(p, "    model %s: ack %d syn %d rst %d fresh %d una %u nxt %u rcv %u\n",
		  model_state_name(m->state), out->ack, out->syn, out->rst, out->fresh, m->snd_una,
		  m->snd_nxt, m->rcv_nxt);
	story_add(p, "    stack %s: una %u nxt %u rcv %u wnd %u\n", model_state_name(v.state),
		  v.una, v.nxt, v.rcv_nxt, v.rcv_wnd);
	agree(p, "state", m->state, v.state);
	agree(p, "RSTs", out->rst, s.rsts);
	if (out->rst) {
		agree(p, "the RST's SEQ", out->rst_seq, s.rst.seq);
		if (!abort_call) {
			agree(p, "the RST's ACK bit", out->rst_ack, (s.rst.flags & TF_ACK) != 0);
			if (out->rst_ack)
				agree(p, "the RST's ACK", out->rst_ackno, s.rst.ack);
		}
	}
	agree(p, "SYNs", out->syn, s.syns);
	if (out->syn) {
		agree(p, "the SYN's SEQ", m->iss, s.syn.seq);
		agree(p, "the SYN's ACK bit", out->ack, (s.syn.flags & TF_ACK) != 0);
		if (out->ack)
			agree(p, "the SYN's ACK", m->rcv_nxt, s.syn.ack);
	}
	agree(p, "an acknowledgment", (out->ack && !out->syn) || out->fresh, s.acks > 0);
	if (s.pure_acks > 1 || s.acks >= 1000)
		agree(p, "one acknowledgment", 1, s.acks);
	if (!out->ack && !out->fresh)
		agree(p, "no acknowledgment", 0, s.pure_acks);
	if (m->state > M_LISTEN) {
		agree(p, "SND.UNA", m->snd_una, v.una);
		agree(p, "SND.NXT", m->snd_nxt, v.nxt);
		if (m->state > M_SYN_SENT)
			agree(p, "RCV.NXT", m->rcv_nxt, v.rcv_nxt);
	}
	if (m->error != M_OK && p->f.s && !p->reset) {
		p->reset = true;
		err = tf_error(&p->f);
		agree(p, "the user hears of the reset",
		      m->error == M_REFUSED ? ECONNREFUSED : ECONNRESET,
		      err == EPIPE && m->error == M_RESET ? ECONNRESET : err);
	}
}

/* ---- events, for both ---- */

/* Nothing waits for company, and no octet goes apart from the others. */
static void set_options(struct pair *p)
{
	int one = 1;

	tapir_setsockopt(p->f.w.t, p->f.s, TAPIR_SOL_TCP, TAPIR_TCP_NODELAY, &one, sizeof(one));
	tapir_setsockopt(p->f.w.t, p->f.s, TAPIR_SOL_SOCKET, TAPIR_SO_OOBINLINE, &one, sizeof(one));
}

/* Each octet's value is the low byte of its number. */
static void push(struct pair *p, const struct model_seg *g, uint8_t flags)
{
	static uint8_t text[8192], buf[WORLD_FRAME];
	uint32_t first = g->seq + (flags & TF_SYN ? 1 : 0);
	size_t n;

	for (uint32_t i = 0; i < g->len; i++)
		text[i] = (uint8_t)(first + i);
	n = world_tcp(buf, WORLD_PEER, WORLD_US, p->f.rport, p->f.lport, g->seq, g->ack, flags,
		      (uint16_t)g->wnd, NULL, 0, text, g->len);
	assert_int_equal(world_push(&p->f.w, buf, n), 0);
}

static void do_segment(struct pair *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len,
		       uint32_t wnd)
{
	struct model_seg g = {
		.seq = seq, .ack = ack, .wnd = wnd, .len = len, .flags = flags & 0x3f};
	struct view v = look(p);
	struct model_out out;

	p->cases++;
	p->was = p->m.state;
	story_add(p, "  segment flags %02x seq %u (RCV.NXT%+d) ack %u (SND.NXT%+d) len %u wnd %u\n",
		  flags, seq, (int)(seq - v.rcv_nxt), ack, (int)(ack - v.nxt), len, wnd);
	p->m.rcv_wnd = v.rcv_wnd;
	if (p->m.state == M_LISTEN)
		p->m.iss = 0;
	model_segment(&p->m, &g, &out);
	push(p, &g, flags);
	compare(p, &out, false);
	if (p->m.state > M_SYN_SENT)
		p->first = p->m.irs + 1;
	if (p->f.s && p->m.state == M_SYN_RECEIVED && p->m.passive)
		p->other = true;
	if (p->listening && !p->f.s && p->m.state >= M_ESTABLISHED) {
		tapir_sock_t s = tapir_accept(p->f.w.t, p->f.ls, NULL);

		if (s > 0) {
			p->f.s = s;
			set_options(p);
		}
	}
}

static void do_send(struct pair *p)
{
	struct model_out out;
	int64_t r = tf_write(&p->f, SEND_LEN);
	enum model_reply want;

	story_add(p, "  SEND: %d\n", (int)r);
	p->cases++;
	p->was = p->m.state;
	/* As Linux: who may not wait is asked to come again once it is open. */
	if (r == -EAGAIN && (p->m.state == M_SYN_SENT || p->m.state == M_SYN_RECEIVED))
		return;
	want = model_send(&p->m, SEND_LEN, &out);
	agree(p, "SEND is taken", want == M_DONE, r == SEND_LEN);
	compare(p, &out, false);
}

static void do_close(struct pair *p)
{
	struct model_out out;
	int r = tapir_shutdown(p->f.w.t, p->f.s, TAPIR_SHUT_WR);

	story_add(p, "  CLOSE: %d\n", r);
	p->cases++;
	p->was = p->m.state;
	model_close(&p->m, &out);
	compare(p, &out, false);
}

static void do_abort(struct pair *p)
{
	struct model_out out;
	int r = tapir_abort(p->f.w.t, p->f.s);

	story_add(p, "  ABORT: %d\n", r);
	p->cases++;
	p->was = p->m.state;
	p->f.s = 0;
	/* TIME-WAIT guards the tuple against old segments: no user ends it (RFC 1337). */
	if (p->m.state == M_TIME_WAIT)
		return;
	model_abort(&p->m, &out);
	compare(p, &out, true);
}

static void do_connect(struct pair *p)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, p->f.rport), us;
	int size = RCVBUF;
	struct model_out out;

	p->f.s = tapir_socket(p->f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_true(p->f.s > 0);
	tapir_setsockopt(p->f.w.t, p->f.s, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &size, sizeof(size));
	set_options(p);
	assert_int_equal(tapir_connect(p->f.w.t, p->f.s, &sa), -EINPROGRESS);
	assert_int_equal(tapir_getsockname(p->f.w.t, p->f.s, &us), 0);
	p->f.lport = us.port;
	story_add(p, "  OPEN\n");
	p->cases++;
	model_open_active(&p->m, 0, &out);
	model_iss(&p->m, look(p).una);
	compare(p, &out, false);
}

/* ---- what was delivered ---- */

/* The user reads all: every octet that the model has delivered, each with its value, and then the end. */
static void read_all(struct pair *p)
{
	static uint8_t buf[8192];
	uint64_t got = 0;
	int64_t n;

	while ((n = tf_read(&p->f, buf, sizeof(buf))) > 0) {
		for (int64_t i = 0; i < n; i++)
			agree(p, "an octet", (uint8_t)(p->first + got + (uint64_t)i), buf[i]);
		got += (uint64_t)n;
	}
	p->octets += got;
	agree(p, "octets delivered", p->m.delivered, got);
	if (p->m.state >= M_ESTABLISHED)
		agree(p, "the end of the stream", p->m.end_of_stream, n == 0);
}

/* ---- worlds and connections ---- */

static void world_begin(struct pair *p)
{
	int size = RCVBUF;

	tf_init(&p->f);
	/* Limits on answers are tested elsewhere; here each answer counts. */
	p->f.w.conf.tcp_invalid_ratelimit_ms = 0;
	p->f.w.conf.tcp_challenge_ack_limit = INT32_MAX;
	p->f.w.conf.tcp_rst_limit = INT32_MAX;
	p->f.w.conf.tcp_quickack_segs = 64;
	p->f.w.conf.tcp_delack_min_ms = 0;
	p->f.w.conf.tcp_reordering = 127;
	p->f.w.conf.tcp_syncookies = 0;
	p->f.w.conf.tcp_max_syn_backlog = 65536;
	p->f.w.conf.somaxconn = 65535;
	p->f.w.conf.tcp_rfc1337 = p->rules.rfc1337;
	p->f.w.no_check = true;
	p->f.backlog = 65535;
	tf_start(&p->f);
	tf_listen(&p->f);
	tapir_setsockopt(p->f.w.t, p->f.ls, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &size, sizeof(size));
	p->next_port = PORT_FIRST;
	p->f.s = 0;
	p->open = false;
}

static void world_finish(struct pair *p)
{
	tapir_check(p->f.w.t);
	tf_close(&p->f);
}

static void forget(struct pair *p)
{
	if (p->f.s && !p->other && !p->reset && p->m.error == M_OK && p->m.state != M_SYN_SENT)
		read_all(p);
	if (p->f.s)
		tapir_abort(p->f.w.t, p->f.s);
	p->other = false;
	p->f.s = 0;
	if (p->m.state == M_SYN_RECEIVED && p->m.passive)
		tf_seg(&p->f, TF_RST, p->m.rcv_nxt, 0, 0);
	tf_drain(&p->f);
}

/* A connection that does not exist yet, on ports of its own. */
static void fresh(struct pair *p, bool passive)
{
	forget(p);
	if (p->next_port == PORT_LAST) {
		world_finish(p);
		world_begin(p);
	}
	p->f.rport = p->next_port++;
	p->f.lport = passive ? TF_PORT : 9;
	p->listening = passive;
	p->conns++;
	p->nstory = 0;
	p->story[0] = 0;
	p->open = true;
	p->reset = false;
	model_init(&p->m, &p->rules);
	if (passive)
		model_open_passive(&p->m);
}

/* Where a table begins. */
struct start {
	enum model_state state;
	bool active;
	bool flight; /* text of ours is not acknowledged */
	bool closed; /* no room in the receive window */
	bool ahead;  /* text is held beyond a hole */
};

static void fill_window(struct pair *p)
{
	for (int i = 0; i < 64 && p->open && look(p).rcv_wnd > 0; i++) {
		uint32_t n = look(p).rcv_wnd;

		do_segment(p, M_ACK, p->m.rcv_nxt, p->m.snd_una, n > 1000 ? 1000 : n, 30000);
	}
}

static void establish(struct pair *p, const struct start *s)
{
	if (s->active) {
		do_connect(p);
		if (s->state == M_SYN_SENT)
			return;
		if (s->state == M_SYN_RECEIVED) {
			do_segment(p, M_SYN, p->irs, 0, 0, 30000);
			return;
		}
		do_segment(p, M_SYN | M_ACK, p->irs, p->m.snd_nxt, 0, 30000);
	} else {
		do_segment(p, M_SYN, p->irs, 0, 0, 30000);
		if (s->state == M_SYN_RECEIVED)
			return;
		do_segment(p, M_ACK, p->irs + 1, p->m.snd_nxt, 0, 30000);
	}
	if (s->flight) {
		do_send(p);
		do_send(p);
	}
	if (s->closed)
		fill_window(p);
}

static void reach(struct pair *p, const struct start *s)
{
	struct model *m = &p->m;

	fresh(p, !s->active && s->state != M_CLOSED);
	if (s->state == M_CLOSED || s->state == M_LISTEN)
		return;
	establish(p, s);
	if (s->state == M_CLOSE_WAIT || s->state == M_LAST_ACK)
		do_segment(p, M_FIN | M_ACK, m->rcv_nxt, m->snd_una, 0, 30000);
	if (s->state >= M_FIN_WAIT_1 && s->state != M_CLOSE_WAIT)
		do_close(p);
	if (s->state == M_FIN_WAIT_2 || s->state == M_TIME_WAIT)
		do_segment(p, M_ACK, m->rcv_nxt, m->snd_nxt, 0, 30000);
	if (s->state == M_CLOSING)
		do_segment(p, M_FIN | M_ACK, m->rcv_nxt, m->snd_una, 0, 30000);
	if (s->state == M_TIME_WAIT)
		do_segment(p, M_FIN | M_ACK, m->rcv_nxt, m->snd_nxt, 0, 30000);
	if (s->ahead)
		do_segment(p, M_ACK, m->rcv_nxt + 20, m->snd_una, 15, 30000);
	if (p->open && m->state != s->state)
		differ(p, "the way to the state", s->state, m->state);
}

/* ---- the table ---- */

enum { FAR = 0x40000000 };

static const struct start starts[] = {
	{.state = M_CLOSED},
	{.state = M_LISTEN},
	{.state = M_SYN_SENT, .active = true},
	{.state = M_SYN_RECEIVED},
	{.state = M_SYN_RECEIVED, .active = true},
	{.state = M_ESTABLISHED},
	{.state = M_ESTABLISHED, .active = true, .flight = true},
	{.state = M_ESTABLISHED, .flight = true, .closed = true},
	{.state = M_ESTABLISHED, .flight = true, .ahead = true},
	{.state = M_FIN_WAIT_1},
	{.state = M_FIN_WAIT_1, .flight = true, .ahead = true},
	{.state = M_FIN_WAIT_1, .flight = true, .closed = true},
	{.state = M_FIN_WAIT_2, .active = true},
	{.state = M_FIN_WAIT_2, .ahead = true},
	{.state = M_FIN_WAIT_2, .closed = true},
	{.state = M_CLOSE_WAIT},
	{.state = M_CLOSE_WAIT, .flight = true},
	{.state = M_CLOSE_WAIT, .flight = true, .closed = true},
	{.state = M_CLOSING},
	{.state = M_CLOSING, .flight = true},
	{.state = M_LAST_ACK},
	{.state = M_LAST_ACK, .active = true, .flight = true},
	{.state = M_TIME_WAIT},
	{.state = M_TIME_WAIT, .active = true},
};

/* Places, by the numbers of the moment. */
enum { SEQS = 15, ACKS = 12, LENS = 4 };

static uint32_t seq_at(const struct model *m, uint32_t wnd, unsigned i)
{
	const uint32_t off[SEQS] = {-FAR, -10000u, -11u,    -2u, -1u,	  0,	      1,  2,
				    20,	  wnd / 2, wnd - 1, wnd, wnd + 1, wnd + 1000, FAR};

	if (m->state == M_SYN_SENT)
		return 1000 + off[i];
	return m->rcv_nxt + off[i];
}

static uint32_t ack_at(const struct model *m, unsigned i)
{
	const uint32_t u = m->snd_una, n = m->snd_nxt;
	const uint32_t at[ACKS] = {u - FAR,
				   u - m->max_snd_wnd - 1,
				   u - m->max_snd_wnd,
				   u - 2,
				   u - 1,
				   u,
				   u + 1,
				   u + (n - u) / 2,
				   n - 1,
				   n,
				   n + 1,
				   n + FAR};

	return at[i];
}

/* Whether nothing has changed that a segment could change. */
static bool same(const struct model *a, const struct model *b)
{
	return a->state == b->state && a->error == b->error && a->passive == b->passive &&
	       a->iss == b->iss && a->irs == b->irs && a->snd_una == b->snd_una &&
	       a->snd_nxt == b->snd_nxt && a->snd_wnd == b->snd_wnd && a->snd_wl1 == b->snd_wl1 &&
	       a->snd_wl2 == b->snd_wl2 && a->max_snd_wnd == b->max_snd_wnd &&
	       a->rcv_nxt == b->rcv_nxt && a->queued == b->queued &&
	       a->close_asked == b->close_asked && a->fin_sent == b->fin_sent &&
	       a->delivered == b->delivered && a->end_of_stream == b->end_of_stream &&
	       a->nheld == b->nheld && a->fin_held == b->fin_held && a->fin_at == b->fin_at;
}

static uint64_t table(struct pair *p, const struct start *s, bool all)
{
	static const uint32_t wnds[] = {0, 30000};
	uint64_t before = p->cases;

	reach(p, s);
	for (unsigned w = 0; w < 2; w++) {
		for (unsigned flags = 0; flags < 256; flags++) {
			/* The ECN bits mean nothing without ECN: all their values, or one of them each time. */
			if (!all && flags >> 6 != (flags * 2654435761u >> 13 & 3))
				continue;
			for (unsigned i = 0; i < SEQS * LENS * ACKS; i++) {
				uint32_t wnd = look(p).rcv_wnd;
				unsigned a = i % ACKS, l = i / ACKS % LENS, q = i / ACKS / LENS;
				const uint32_t lens[LENS] = {0, 1, 10, wnd + 100};
				struct model was;

				if (!(flags & M_ACK) && a > 1)
					continue;
				if (l == LENS - 1 && (q % 3 || a % 4))
					continue;
				if (!p->open)
					reach(p, s);
				was = p->m;
				do_segment(p, (uint8_t)flags, seq_at(&was, wnd, q), ack_at(&was, a),
					   lens[l], wnds[w]);
				if (!same(&was, &p->m))
					p->open = false;
				else if (p->open) {
					p->nstory = 0;
				}
			}
		}
	}
	return p->cases - before;
}

/* ---- walks ---- */

static uint8_t walk_flags(struct rnd *r)
{
	static const uint8_t usual[] = {
		M_ACK,	       M_ACK, M_ACK,	     M_ACK, M_ACK | M_PSH, M_ACK | M_FIN,
		M_ACK | M_FIN, M_SYN, M_SYN | M_ACK, M_RST, M_RST | M_ACK, M_FIN,
		M_ACK | M_URG, 0,
	};

	if (rnd_below(r, 16) == 0)
		return (uint8_t)rnd_u32(r);
	return usual[rnd_below(r, sizeof(usual))];
}

static void walk_segment(struct pair *p, struct rnd *r)
{
	const struct model *m = &p->m;
	uint32_t wnd = look(p).rcv_wnd, seq, ack;

	if (m->state <= M_SYN_SENT)
		seq = p->irs; /* where the peer begins */
	else if (rnd_below(r, 2))
		seq = m->rcv_nxt;
	else if (rnd_below(r, 2))
		seq = m->rcv_nxt + rnd_below(r, 60) - 20;
	else
		seq = seq_at(m, wnd, rnd_below(r, SEQS));
	ack = rnd_below(r, 3) ? m->snd_nxt : ack_at(m, rnd_below(r, ACKS));
	do_segment(p, walk_flags(r), seq, ack, rnd_below(r, 2) ? 0 : rnd_below(r, 40),
		   rnd_below(r, 4) ? 30000 : 0);
}

/* One life, or a part of one: from anywhere, a few events. */
static void walk(struct pair *p, uint64_t seed)
{
	static const uint32_t irs[] = {5000, 0xfffffff0, 0x7ffffff0, 0xffffffff, 0xfffff000};
	struct rnd r = {.state = seed};
	unsigned steps = 4 + rnd_below(&r, 6);

	forget(p); /* by the numbers that it had */
	p->irs = rnd_below(&r, 2) ? irs[rnd_below(&r, 5)] : rnd_u32(&r);
	reach(p, &starts[rnd_below(&r, sizeof(starts) / sizeof(starts[0]))]);
	for (unsigned i = 0; i < steps && p->open && !p->other; i++) {
		unsigned what = rnd_below(&r, 100);

		if (what < 78 || !p->f.s)
			walk_segment(p, &r);
		else if (what < 90)
			do_send(p);
		else if (what < 97)
			do_close(p);
		else
			do_abort(p);
	}
}

static struct pair pair;

static void finish(void)
{
	forget(&pair);
	world_finish(&pair);
	printf("%llu cases, %llu connections, %llu octets delivered\n",
	       (unsigned long long)pair.cases, (unsigned long long)pair.conns,
	       (unsigned long long)pair.octets);
	for (unsigned i = 0; i < nkinds; i++)
		fprintf(stderr, "%8u times: %s\n", kinds_count[i], kinds[i]);
	assert_int_equal(nkinds, 0);
}

/* The table for every beginning, or for those in `only`. */
static void all_tables(const struct model_rules *rules, enum model_state only)
{
	bool all = getenv("TAPIR_SIM_LONG") != NULL;

	memset(&pair, 0, sizeof(pair));
	pair.rules = *rules;
	pair.irs = 5000;
	world_begin(&pair);
	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		const struct start *s = &starts[i];
		uint64_t n;

		if (only != M_STATES && s->state != only)
			continue;
		n = table(&pair, s, all);
		printf("%-12s %-7s%s%s%s: %llu cases\n", model_state_name(s->state),
		       s->active ? "active" : "passive", s->flight ? " flight" : "",
		       s->closed ? " closed" : "", s->ahead ? " hole" : "", (unsigned long long)n);
	}
	finish();
}

TEST(the_stack_and_a_model_agree_on_every_segment_in_every_state,
     "EVT-17 EVT-18 EVT-20 EVT-24 EVT-26")
{
	all_tables(&as_linux, M_STATES);
}

TEST(they_agree_also_where_a_reset_ends_time_wait, "EVT-23")
{
	struct model_rules rules = as_linux;

	rules.rfc1337 = false;
	all_tables(&rules, M_TIME_WAIT);
}

TEST(the_stack_and_the_model_agree_along_walks_of_segments_and_calls,
     "EVT-28 EVT-36 EVT-39 EVT-49 EVT-51")
{
	const char *seed = getenv("TAPIR_SEED");
	uint64_t n = getenv("TAPIR_SIM_LONG") ? 20000000 : 100000;

#ifdef TAPIR_DEBUG
	n /= 10;
#endif
	memset(&pair, 0, sizeof(pair));
	pair.rules = as_linux;
	world_begin(&pair);
	if (seed) {
		walk(&pair, strtoull(seed, NULL, 0));
		fprintf(stderr, "%s", pair.story);
	}
	for (uint64_t i = 1; !seed && i <= n; i++) {
		pair.seed = i;
		walk(&pair, i);
	}
	finish();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stack_and_a_model_agree_on_every_segment_in_every_state),
		cmocka_unit_test(they_agree_also_where_a_reset_ends_time_wait),
		cmocka_unit_test(the_stack_and_the_model_agree_along_walks_of_segments_and_calls),
	};

	return tapir_test_run("model/test_model", tests);
}
