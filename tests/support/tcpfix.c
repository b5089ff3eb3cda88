#include <errno.h>
#include <sys/uio.h>

#include "tests/support/tcpfix.h"

void tf_init(struct tf *f)
{
	memset(f, 0, sizeof(*f));
	f->lport = TF_PORT;
	f->rport = TF_PEER_PORT;
	f->irs = 1000000;
	f->wnd = 65535;
	f->backlog = 8;
	world_init(&f->w, TEST_ALLOC_PLAIN);
	f->w.conf.tcp_delack_min_ms = 0;
	/* A test writes as much as it likes. */
	f->w.conf.tcp_wmem_default = 262144;
}

void tf_start(struct tf *f)
{
	const struct tapir_route r = {.gw = tapir_addr_v4(WORLD_PEER)};

	assert_int_equal(world_start(&f->w), 0);
	f->w.ifi = world_netif(&f->w, TAPIR_NETIF_RAW_IP, WORLD_US, 24, 1500, 0);
	assert_int_equal(tapir_route_add(f->w.t, &r), 0);
	world_settle(&f->w);
}

void tf_open(struct tf *f)
{
	tf_init(f);
	tf_start(f);
}

void tf_close(struct tf *f)
{
	world_close(&f->w);
}

void tf_seg_opts(struct tf *f, uint16_t rport, uint8_t flags, uint32_t seq, uint32_t ack,
		 const void *opts, size_t nopts, uint32_t len)
{
	static uint8_t text[65536], buf[WORLD_FRAME];
	size_t n;

	for (uint32_t i = 0; i < len; i++)
		text[i] = (uint8_t)(seq + i);
	n = world_tcp(buf, WORLD_PEER, WORLD_US, rport, f->lport, seq, ack, flags, f->wnd, opts,
		      nopts, text, len);
	assert_int_equal(world_push(&f->w, buf, n), 0);
}

void tf_seg(struct tf *f, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	tf_seg_opts(f, f->rport, flags, seq, ack, NULL, 0, len);
}

bool tf_pop(struct tf *f)
{
	if (!world_expect(&f->w, f->frame, &f->p))
		return false;
	assert_int_equal(f->p.proto, 6);
	return true;
}

void tf_expect(struct tf *f, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	if (!tf_pop(f))
		fail_msg("nothing left, flags %02x were expected", flags);
	assert_int_equal(f->p.flags & ~(unsigned)TF_PSH, flags & ~(unsigned)TF_PSH);
	assert_int_equal(f->p.seq, seq);
	if (flags & TF_ACK)
		assert_int_equal(f->p.ack, ack);
	assert_int_equal(f->p.len, len);
}

void tf_expect_ack(struct tf *f)
{
	tf_expect(f, TF_ACK, f->snd, f->rcv, 0);
}

void tf_quiet(struct tf *f)
{
	if (tf_pop(f))
		fail_msg("a segment left: flags %02x seq %u ack %u len %zu", f->p.flags, f->p.seq,
			 f->p.ack, f->p.len);
}

unsigned tf_drain(struct tf *f)
{
	unsigned n = 0;

	while (tf_pop(f))
		n++;
	return n;
}

void tf_answer_all(struct tf *f)
{
	assert_int_equal(tapir_sysctl(f->w.t, "net.ipv4.tcp_invalid_ratelimit", 0, 0), 0);
}

void tf_listen(struct tf *f)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, TF_PORT);
	int one = 1;

	f->ls = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_true(f->ls > 0);
	assert_int_equal(tapir_setsockopt(f->w.t, f->ls, TAPIR_SOL_SOCKET, TAPIR_SO_REUSEADDR, &one,
					  sizeof(one)),
			 0);
	assert_int_equal(tapir_bind(f->w.t, f->ls, &sa), 0);
	assert_int_equal(tapir_listen(f->w.t, f->ls, f->backlog), 0);
	f->lport = TF_PORT;
}

static void connect_out(struct tf *f)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, f->rport), us;

	f->s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_connect(f->w.t, f->s, &sa), -EINPROGRESS);
	assert_int_equal(tapir_getsockname(f->w.t, f->s, &us), 0);
	f->lport = us.port;
	assert_true(tf_pop(f));
	assert_int_equal(f->p.flags, TF_SYN);
	f->iss = f->p.seq;
	f->snd = f->iss + 1;
	f->rcv = 0;
}

/* The SYN of the peer and our answer to it. */
static void syn_in(struct tf *f, uint16_t rport)
{
	f->rport = rport;
	tf_seg_opts(f, rport, TF_SYN, f->irs, 0, f->opts, f->nopts, 0);
	f->rcv = f->irs + 1;
	assert_true(tf_pop(f));
	assert_int_equal(f->p.flags, TF_SYN | TF_ACK);
	assert_int_equal(f->p.ack, f->rcv);
	f->iss = f->p.seq;
	f->snd = f->iss + 1;
}

void tf_shake(struct tf *f, uint16_t rport)
{
	syn_in(f, rport);
	tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
}

static void establish(struct tf *f, enum tf_open how)
{
	if (how == TF_PASSIVE) {
		tf_listen(f);
		tf_shake(f, f->rport);
		f->s = tapir_accept(f->w.t, f->ls, NULL);
		if (f->s <= 0)
			fail_msg("accept: %d", (int)f->s);
	} else {
		connect_out(f);
		tf_seg_opts(f, f->rport, TF_SYN | TF_ACK, f->irs, f->snd, f->opts, f->nopts, 0);
		f->rcv = f->irs + 1;
		tf_expect_ack(f);
	}
	tf_quiet(f);
	assert_int_equal(tf_state(f), TAPIR_TCP_ESTABLISHED);
}

/* We close our direction; the handle stays. */
static void fin_out(struct tf *f)
{
	assert_int_equal(tapir_shutdown(f->w.t, f->s, TAPIR_SHUT_WR), 0);
	tf_expect(f, TF_FIN | TF_ACK, f->snd, f->rcv, 0);
	f->snd++;
}

static void fin_in(struct tf *f, uint32_t ack)
{
	tf_seg(f, TF_FIN | TF_ACK, f->rcv, ack, 0);
	f->rcv++;
	tf_expect_ack(f);
}

static void syn_received(struct tf *f, enum tf_open how)
{
	if (how == TF_PASSIVE) {
		tf_listen(f);
		syn_in(f, f->rport);
		return;
	}
	connect_out(f);
	tf_seg_opts(f, f->rport, TF_SYN, f->irs, 0, f->opts, f->nopts, 0);
	f->rcv = f->irs + 1;
	tf_expect(f, TF_SYN | TF_ACK, f->iss, f->rcv, 0);
}

void tf_to(struct tf *f, enum tapir_tcp_state state, enum tf_open how)
{
	switch (state) {
	case TAPIR_TCP_CLOSED:
		f->s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		break;
	case TAPIR_TCP_LISTEN:
		tf_listen(f);
		break;
	case TAPIR_TCP_SYN_SENT:
		connect_out(f);
		break;
	case TAPIR_TCP_SYN_RECEIVED:
		syn_received(f, how);
		break;
	case TAPIR_TCP_ESTABLISHED:
		establish(f, how);
		break;
	case TAPIR_TCP_FIN_WAIT_1:
		establish(f, how);
		fin_out(f);
		break;
	case TAPIR_TCP_FIN_WAIT_2:
		establish(f, how);
		fin_out(f);
		tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
		break;
	case TAPIR_TCP_CLOSING:
		establish(f, how);
		fin_out(f);
		fin_in(f, f->snd - 1);
		break;
	case TAPIR_TCP_TIME_WAIT:
		establish(f, how);
		fin_out(f);
		tf_seg(f, TF_ACK, f->rcv, f->snd, 0);
		fin_in(f, f->snd);
		break;
	case TAPIR_TCP_CLOSE_WAIT:
		establish(f, how);
		fin_in(f, f->snd);
		break;
	case TAPIR_TCP_LAST_ACK:
		establish(f, how);
		fin_in(f, f->snd);
		fin_out(f);
		break;
	}
	tf_quiet(f);
	assert_int_equal(tf_state(f), state);
}

static bool is_ours(const struct tf *f, const struct tapir_sock_info *i)
{
	if (i->type != TAPIR_STREAM)
		return false;
	if (i->peer.port)
		return i->local.port == f->lport && i->peer.port == f->rport;
	return false;
}

unsigned tf_count(struct tf *f, enum tapir_tcp_state state)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info i;
	unsigned n = 0;

	while (tapir_sock_next(f->w.t, &it, &i)) {
		if (is_ours(f, &i) && i.state != TAPIR_TCP_CLOSED && (!state || i.state == state))
			n++;
	}
	return n;
}

enum tapir_tcp_state tf_state(struct tf *f)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info i;
	enum tapir_tcp_state found = TAPIR_TCP_CLOSED;

	while (tapir_sock_next(f->w.t, &it, &i)) {
		if (is_ours(f, &i) && i.state != TAPIR_TCP_CLOSED)
			found = (enum tapir_tcp_state)i.state;
		else if (i.sock && i.sock == f->ls && !f->s && found == TAPIR_TCP_CLOSED)
			found = (enum tapir_tcp_state)i.state;
	}
	return found;
}

struct tapir_tcp_info tf_info(struct tf *f)
{
	struct tapir_tcp_info info;
	size_t len = sizeof(info);

	assert_int_equal(tapir_getsockopt(f->w.t, f->s, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &len),
			 0);
	return info;
}

int tf_error(struct tf *f)
{
	int err = 0;
	size_t len = sizeof(err);

	assert_int_equal(tapir_getsockopt(f->w.t, f->s, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err,
					  &len),
			 0);
	return err;
}

int64_t tf_write(struct tf *f, size_t len)
{
	static uint8_t text[1 << 20];
	struct iovec iov = {text, len};

	assert_true(len <= sizeof(text));
	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)(i * 7);
	return tapir_send(f->w.t, f->s, &iov, 1, 0);
}

int64_t tf_read(struct tf *f, void *buf, size_t len)
{
	struct iovec iov = {buf, len};

	return tapir_recv(f->w.t, f->s, &iov, 1, 0);
}

const uint8_t *tf_opt(const struct tf *f, uint8_t kind)
{
	const uint8_t *o = f->p.opts;

	for (size_t i = 0; i < f->p.nopts && o[i] != 0;) {
		if (o[i] == 1) {
			i++;
			continue;
		}
		if (o[i] == kind)
			return o + i + 2;
		i += o[i + 1];
	}
	return NULL;
}
