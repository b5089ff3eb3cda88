/*
 * Questions over TCP (dns/pipe.h): one connection a server, pipelined, in any order, ended, broken, slow.
 */
#include "tests/unit/dns/netfix.h"

#define WWW TAPIR_IP4(192, 0, 2, 80)
enum { MANY = 100 };

static void ask_many(struct netfix *f, struct dns_ask *a, unsigned n, unsigned flags)
{
	for (unsigned i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%u.any.example.", i);
		nf_ask(f, &a[i], name, flags | DNS_Q_TCP);
	}
}

static void expect_right(struct netfix *f, struct dns_ask *a, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(a[i].status, DNS_OK);
		assert_int_equal(nf_ip4(&a[i]), dnsworld_any_ip4(a[i].q.name.b, a[i].q.name.len));
		nf_free(f, &a[i]);
	}
}

TEST(questions_share_one_connection_and_ids_are_unique, "D7766-2 D7766-3 D7766-4 D5966-1 D9210-3")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[MANY];
	bool *seen = calloc(65536, sizeof(*seen));

	ask_many(f, a, MANY, 0);
	assert_true(dnsworld_run(&f->w, NF_S));
	expect_right(f, a, MANY);
	assert_int_equal(f->w.server[0].conns, 1);
	assert_int_equal(f->w.nseen, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(nf_seen(f, i)->tcp);
		assert_false(seen[nf_seen(f, i)->id]);
		seen[nf_seen(f, i)->id] = true;
		/* All were on the wire before the first answer: handshake, then one way. */
		assert_int_equal(nf_seen(f, i)->at_ns / NF_MS, nf_seen(f, 0)->at_ns / NF_MS);
	}
	/* No UDP at all: TCP came first. */
	assert_int_equal(nf_stats(f).udp_sent, 0);
	assert_int_equal(nf_stats(f).tcp_connections, 1);
	free(seen);
	nf_end(f);
}

TEST(an_id_is_unique_even_where_hardly_any_is_random, "D7766-2")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a[20];

	f->conf.entropy_bits = 2;
	nf_start(f);
	ask_many(f, a, 20, 0);
	assert_true(dnsworld_run(&f->w, NF_S));
	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(nf_seen(f, i)->id, nf_seen(f, k)->id);
	}
	expect_right(f, a, 20);
	nf_end(f);
}

TEST(a_connection_waits_for_a_free_socket, "")
{
	struct netfix *f = nf_new(1);
	tapir_sock_t hog[16];
	struct dns_ask a;

	f->wc.stack.max_sockets = 16;
	nf_start(f);
	for (unsigned i = 0; i < 16; i++)
		hog[i] = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	nf_ask(f, &a, "www.example.", DNS_Q_TCP);
	dnsworld_pass(&f->w, NF_S);
	assert_int_equal(f->nover, 0);
	tapir_close(f->w.t, hog[3]);
	assert_true(dnsworld_run(&f->w, 100 * NF_MS));
	assert_int_equal(nf_ip4(&a), WWW);
	nf_free(f, &a);
	nf_end(f);
}

TEST(answers_come_in_any_order, "D7766-7")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[MANY];

	dnsworld_habit(&f->w, 0)->tcp_reverse = true;
	ask_many(f, a, MANY, 0);
	assert_true(dnsworld_run(&f->w, NF_S));
	expect_right(f, a, MANY);
	nf_end(f);
}

TEST(a_query_is_one_segment_with_its_length, "D7766-8")
{
	struct netfix *f = nf_begin(1);
	uint64_t before;
	struct dns_ask a;

	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	nf_free(f, &a);
	dnsworld_pass(&f->w, 300 * NF_MS);
	before = f->w.frames;
	nf_ask(f, &a, "www.example.", DNS_Q_TCP);
	dnsworld_settle(&f->w);
	/* The connection stands: nothing but the query leaves. */
	assert_int_equal(f->w.frames - before, 1);
	assert_true(dnsworld_run(&f->w, NF_S));
	nf_free(f, &a);
	nf_end(f);
}

TEST(an_idle_connection_is_closed_after_its_time, "D7766-5 D9210-3")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	nf_free(f, &a);
	assert_true(nf_server(f, 0).tcp_open);
	dnsworld_pass(&f->w, 9900 * NF_MS);
	assert_true(nf_server(f, 0).tcp_open);
	dnsworld_pass(&f->w, 200 * NF_MS);
	assert_false(nf_server(f, 0).tcp_open);
	assert_int_equal(f->w.server[0].conns_open, 0);
	/* The next question opens another. */
	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_free(f, &a);
	assert_int_equal(f->w.server[0].conns, 2);
	nf_end(f);
}

TEST(the_servers_keepalive_is_obeyed, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->keepalive_100ms = 300;
	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	nf_free(f, &a);
	/* RFC 7828 3.1: asked for over TCP. */
	assert_true(nf_seen(f, 0)->keepalive);
	dnsworld_pass(&f->w, 29 * NF_S);
	assert_true(nf_server(f, 0).tcp_open);
	dnsworld_pass(&f->w, 2 * NF_S);
	assert_false(nf_server(f, 0).tcp_open);
	dnsworld_habit(&f->w, 0)->keepalive_100ms = 5;
	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	nf_free(f, &a);
	dnsworld_pass(&f->w, 600 * NF_MS);
	assert_false(nf_server(f, 0).tcp_open);
	/* And nothing of it over UDP. */
	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	assert_false(nf_seen(f, 2)->keepalive);
	nf_end(f);
}

TEST(what_a_closed_connection_left_unanswered_is_asked_again, "D7766-6")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[3];

	dnsworld_habit(&f->w, 0)->tcp_close_after_one = true;
	ask_many(f, a, 3, 0);
	assert_true(dnsworld_run(&f->w, NF_S));
	expect_right(f, a, 3);
	assert_true(f->w.server[0].conns <= 3);
	nf_end(f);
}

TEST(a_server_that_takes_one_question_a_connection_gets_them_one_by_one, "D9520-1 D9210-3")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[MANY];

	dnsworld_habit(&f->w, 0)->tcp_close_after_one = true;
	ask_many(f, a, MANY, 0);
	assert_true(dnsworld_run(&f->w, 9 * NF_S));
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(a[i].story->nattempts, 1);
		assert_in_range(a[i].story->attempt[0].sent, 1, 3);
	}
	expect_right(f, a, MANY);
	assert_in_range(f->w.server[0].conns, MANY, MANY + 2);
	nf_end(f);
}

TEST(a_server_that_only_once_closed_early_gets_many_at_a_time_again, "D7766-3")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[MANY];

	dnsworld_habit(&f->w, 0)->tcp_close_after_one = true;
	ask_many(f, a, 10, 0);
	assert_true(dnsworld_run(&f->w, 9 * NF_S));
	expect_right(f, a, 10);
	assert_int_equal(f->n->configured[0]->tcp.window, 1);
	dnsworld_habit(&f->w, 0)->tcp_close_after_one = false;
	ask_many(f, a, MANY, 0);
	assert_true(dnsworld_run(&f->w, 9 * NF_S));
	expect_right(f, a, MANY);
	assert_in_range(f->n->configured[0]->tcp.window, 32, 64);
	nf_end(f);
}

static unsigned not_www(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
			size_t *len)
{
	(void)s;
	(void)reply;
	(void)len;
	return (q->name[1] | 0x20) != 'w';
}

TEST(no_question_is_sent_more_than_three_times_over_connections_that_end, "D9520-1 D7766-6")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask bad, good;

	/* Never answers the one, and ends the connection after each answer to another. */
	dnsworld_habit(&f->w, 0)->hook = not_www;
	dnsworld_habit(&f->w, 0)->tcp_close_after_one = true;
	nf_ask(f, &bad, "www.example.", DNS_Q_TCP);
	for (unsigned i = 1; i <= 5; i++) {
		nf_ask(f, &good, "any.example.", DNS_Q_TCP);
		dnsworld_pass(&f->w, 200 * NF_MS);
		assert_int_equal(good.status, DNS_OK);
		nf_free(f, &good);
		assert_int_equal(dnsworld_count_name(&f->w, "www.example.", 0), i < 3 ? i + 1 : 3);
	}
	assert_int_equal(f->w.busy, 0);
	assert_int_equal(bad.status, DNS_UNREACHABLE);
	nf_attempt(&bad, 0, DNS_TRIED_CLOSED, 3);
	nf_free(f, &bad);
	nf_end(f);
}

TEST(a_connection_that_is_closed_idle_costs_one_resend, "D7766-6")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->tcp_idle_ns = 500 * NF_MS;
	for (unsigned i = 0; i < 5; i++) {
		nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
		assert_int_equal(nf_ip4(&a), WWW);
		nf_free(f, &a);
		/* Once it has closed already, once it closes just when we send. */
		dnsworld_pass(&f->w, i % 2 ? 600 * NF_MS : 493 * NF_MS);
		/* That says nothing of how many it takes at a time. */
		assert_int_equal(f->n->configured[0]->tcp.window, 0);
	}
	nf_end(f);
}

TEST(a_server_that_closes_without_an_answer_is_not_stormed, "D9210-3 D9520-1 D1035-13")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[10];
	uint64_t began;

	dnsworld_habit(&f->w, 0)->tcp_close = true;
	began = f->w.now_ns;
	ask_many(f, a, 10, 0);
	assert_true(dnsworld_run(&f->w, 20 * NF_S));
	/* 100 ms, then 200 ms in between. */
	assert_in_range(f->w.now_ns - began, 300 * NF_MS, 2 * NF_S);
	assert_in_range(f->w.server[0].conns, 1, 3);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(a[i].status, DNS_UNREACHABLE);
		assert_int_equal(a[i].story->attempt[0].outcome, DNS_TRIED_CLOSED);
		nf_free(f, &a[i]);
	}
	nf_end(f);
}

TEST(no_listener_sends_us_to_the_next_server_at_once, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;
	uint64_t took;

	dnsworld_habit(&f->w, 0)->refuse_tcp = true;
	dnsworld_serve(&f->w, 0);
	took = nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_in_range(took, 30 * NF_MS, 32 * NF_MS);
	nf_attempt(&a, 0, DNS_TRIED_CONNECT, 0);
	assert_int_equal(a.story->attempt[0].error, ECONNREFUSED);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_syn_black_hole_is_given_up_within_seconds, "D9210-2")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	uint64_t took;

	/* Nobody has this address. */
	f->conf.server[0] = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 200), 53);
	f->conf.server[1] = dnsworld_addr(&f->w, 0);
	f->conf.nservers = 1;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	took = nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	assert_int_equal(a.status, DNS_UNREACHABLE);
	assert_in_range(took, NF_S, 3 * NF_S);
	nf_free(f, &a);
	f->conf.nservers = 2;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	took = nf_lookup(f, &a, "www.example.", DNS_Q_TCP | DNS_Q_ONE_SERVER_FIRST);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_true(took < 400 * NF_MS);
	nf_free(f, &a);
	nf_end(f);
}

TEST(over_tcp_alone_a_dead_server_costs_the_first_question_only, "D1123-17")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;
	uint64_t took;

	f->conf.use_tcp = true;
	nf_start(f);
	/* Nobody has this address. */
	f->conf.server[1] = f->conf.server[0];
	f->conf.server[0] = tapir_sockaddr_v4(TAPIR_IP4(10, 0, 0, 200), 53);
	f->conf.nservers = 2;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	took = nf_lookup(f, &a, "www.example.", 0);
	assert_in_range(took, 260 * NF_MS, 310 * NF_MS);
	nf_free(f, &a);
	for (unsigned i = 0; i < 100; i++) {
		took = nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(nf_ip4(&a), WWW);
		assert_true(took < 21 * NF_MS);
		nf_free(f, &a);
		dnsworld_pass(&f->w, NF_S);
	}
	assert_true(nf_server(f, 0).dead);
	nf_end(f);
}

TEST(a_drip_of_bytes_is_put_together, "D1035-13 DN-20")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[3];

	dnsworld_habit(&f->w, 0)->tcp_drip = true;
	ask_many(f, a, 3, 0);
	assert_true(dnsworld_run(&f->w, 9 * NF_S));
	expect_right(f, a, 3);
	nf_end(f);
}

/* ---- what hostile servers write: a listener of our own on the far stack ---- */

struct raw {
	struct netfix *f;
	tapir_sock_t listener, conn;
	const uint8_t *say; /* what it says on each connection */
	size_t len, at;
	uint64_t every_ns, next_ns; /* a byte each; 0: all at once */
	unsigned conns;
	bool echo_good; /* then the right answer to the first query */
	bool twist;	/* before that, one to another name with the same ID */
};

static void raw_turn(void *ctx)
{
	struct raw *r = ctx;
	struct netfix *f = r->f;
	tapir_sock_t c = tapir_accept(f->w.far, r->listener, NULL);
	static uint8_t in[2000], out[2000];

	if (c > 0) {
		if (r->conn > 0)
			tapir_close(f->w.far, r->conn);
		r->conn = c;
		r->at = 0;
		r->conns++;
	}
	if (r->conn <= 0)
		return;
	if (r->every_ns == 0 && r->at < r->len) {
		int64_t n =
			tapir_sendto(f->w.far, r->conn, r->say + r->at, r->len - r->at, 0, NULL);

		r->at += n > 0 ? (size_t)n : 0;
	}
	while (r->every_ns && r->at < r->len && f->w.now_ns >= r->next_ns) {
		r->next_ns = f->w.now_ns + r->every_ns;
		tapir_sendto(f->w.far, r->conn, r->say + r->at++, 1, 0, NULL);
	}
	if (r->echo_good && r->at == r->len) {
		int64_t n = tapir_recvfrom(f->w.far, r->conn, in, sizeof(in), 0, NULL);
		struct dnsworld_habit h = {0};
		struct dnsworld_query q;

		if (n > 2 && dnsworld_read(in + 2, (size_t)n - 2, &q)) {
			size_t len;

			q.tcp = true;
			len = dnsworld_answer(&f->w, &h, &q, out + 2);
			out[0] = (uint8_t)(len >> 8);
			out[1] = (uint8_t)len;
			out[2 + 13] ^= r->twist;
			tapir_sendto(f->w.far, r->conn, out, len + 2, 0, NULL);
			out[2 + 13] ^= 1;
			if (r->twist)
				tapir_sendto(f->w.far, r->conn, out, len + 2, 0, NULL);
		}
	}
}

static struct raw *the_raw;

static void raw_advance(void *ctx)
{
	nf_advance(ctx);
	raw_turn(the_raw);
}

/* The far side is looked at every 5 ms. */
static uint64_t raw_next(void *ctx)
{
	uint64_t at = nf_next(ctx);

	if (the_raw->every_ns && the_raw->at < the_raw->len && the_raw->conn > 0)
		at = min_u64(at, max_u64(the_raw->next_ns, the_raw->f->w.now_ns));
	return min_u64(at, the_raw->f->w.now_ns + 5 * NF_MS);
}

static struct netfix *raw_begin_at(struct raw *r, const void *say, size_t len, uint16_t port)
{
	struct netfix *f = nf_begin(1);
	struct tapir_sockaddr sa = tapir_sockaddr_v4(DNSWORLD_NS0, port);

	the_raw = r;
	r->f = f;
	r->say = say;
	r->len = len;
	r->listener = tapir_socket(f->w.far, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_bind(f->w.far, r->listener, &sa), 0);
	assert_int_equal(tapir_listen(f->w.far, r->listener, 8), 0);
	f->w.user.advance = raw_advance;
	f->w.user.next = raw_next;
	return f;
}

static struct netfix *raw_begin(struct raw *r, const void *say, size_t len)
{
	return raw_begin_at(r, say, len, 5353);
}

static void raw_ask(struct netfix *f, struct dns_ask *a)
{
	nf_form(f, a, "www.example.", DNS_Q_TCP);
	a->server = tapir_sockaddr_v4(DNSWORLD_NS0, 5353);
	nf_send(f, a);
	assert_true(dnsworld_run(&f->w, 30 * NF_S));
}

TEST(messages_shorter_than_a_header_are_passed_over, "D1035-13 DN-20")
{
	uint8_t say[200];
	size_t n = 0;
	struct raw r = {.echo_good = true};
	struct netfix *f;
	struct dns_ask a;

	/* Lengths 0 to 11, then a header alone of an unknown ID. */
	memset(say, 0, sizeof(say));
	for (unsigned len = 0; len < 12; len++) {
		say[n + 1] = (uint8_t)len;
		n += 2 + len;
	}
	say[n + 1] = 12;
	say[n + 4] = 0x80;
	n += 14;
	f = raw_begin(&r, say, n);
	raw_ask(f, &a);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(nf_stats(f).malformed, 12);
	nf_free(f, &a);
	nf_end(f);
}

TEST(garbage_without_end_closes_the_connection, "D9210-3")
{
	static uint8_t say[4000];
	struct raw r = {0};
	struct netfix *f = raw_begin(&r, say, sizeof(say));
	struct dns_ask a;

	/* Two thousand messages of length 0. */
	raw_ask(f, &a);
	assert_int_equal(a.status, DNS_UNREACHABLE);
	assert_int_equal(a.story->attempt[0].error, EBADMSG);
	assert_in_range(r.conns, 1, 3);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_length_of_65535_with_little_behind_it_ends_at_the_deadline, "D1035-13 DN-20 DN-30")
{
	static const uint8_t say[] = {0xff, 0xff, 1, 2, 3};
	struct raw r = {0};
	struct netfix *f = raw_begin(&r, say, sizeof(say));
	struct dns_ask a;
	uint64_t began = f->w.now_ns;

	raw_ask(f, &a);
	assert_int_equal(a.status, DNS_TIMEOUT);
	assert_int_equal(f->w.now_ns - began, 10 * NF_S);
	nf_free(f, &a);
	/* Nothing came on it: the next question gets a new one. */
	r.echo_good = true;
	r.len = 0;
	raw_ask(f, &a);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(r.conns, 2);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_slow_drip_ends_at_the_deadline, "DN-30")
{
	static const uint8_t say[] = {0, 200, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct raw r = {.every_ns = 3 * NF_S};
	struct netfix *f = raw_begin(&r, say, sizeof(say));
	struct dns_ask a;
	uint64_t began = f->w.now_ns;

	raw_ask(f, &a);
	assert_int_equal(a.status, DNS_TIMEOUT);
	assert_int_equal(f->w.now_ns - began, 10 * NF_S);
	nf_free(f, &a);
	nf_end(f);
}

/* A reply of 65535 octets: one TXT of as many strings as fit. */
static unsigned longest(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
			size_t *len)
{
	static uint8_t txt[65535];
	struct dns_name n = {.len = (uint8_t)q->name_len};
	struct dns_enc e;
	size_t room;

	(void)s;
	if (!q->tcp) {
		reply[2] |= 2;
		return 1;
	}
	memcpy(n.b, q->name, q->name_len);
	dns_enc_begin(&e, reply, DNSWORLD_MSG, q->id, DNS_QR | DNS_RD | DNS_RA, 0, 0);
	dns_enc_question(&e, &n, q->type, q->class);
	room = 65535 - e.len - 12;
	for (size_t i = 0; i < room; i += 256)
		txt[i] = (uint8_t)min_size(255, room - i - 1);
	assert_int_equal(dns_enc_rr(&e, DNS_ANSWER, &n, 16, 1, 60, txt, room), 0);
	*len = e.len;
	assert_int_equal(*len, 65535);
	return 1;
}

TEST(the_longest_message_is_received_whole, "D1035-13 DN-06 DN-20")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a, b;

	dnsworld_habit(&f->w, 0)->hook = longest;
	nf_form(f, &a, "www.example.", 0);
	nf_form(f, &b, "www.example.", 0);
	a.q.type = b.q.type = 16;
	nf_send(f, &a);
	nf_send(f, &b);
	assert_true(dnsworld_run(&f->w, 5 * NF_S));
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.reply_len, 65535);
	assert_int_equal(b.reply_len, 65535);
	nf_free(f, &a);
	nf_free(f, &b);
	nf_end(f);
}

TEST(a_reply_with_the_id_but_not_the_question_is_passed_over, "D7766-7")
{
	struct raw r = {.echo_good = true, .twist = true};
	struct netfix *f = raw_begin(&r, "", 0);
	struct dns_ask a;

	raw_ask(f, &a);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(nf_stats(f).malformed, 1);
	assert_int_equal(nf_stats(f).tcp_received, 2);
	nf_free(f, &a);
	nf_end(f);
}

static unsigned cut_short(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
			  size_t *len)
{
	(void)s;
	(void)reply;
	*len -= q->tcp ? 4 : 0;
	return 1;
}

TEST(a_malformed_reply_over_tcp_sends_us_to_the_next_server, "")
{
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->hook = cut_short;
	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_MALFORMED, 1);
	nf_free(f, &a);
	dnsworld_habit(&f->w, 1)->hook = cut_short;
	nf_lookup(f, &a, "www.example.", DNS_Q_TCP);
	assert_int_equal(a.status, DNS_BADREPLY);
	assert_null(a.reply);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_cancelled_questions_answer_is_passed_over, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a[20];

	ask_many(f, a, 20, 0);
	dnsworld_pass(&f->w, 12 * NF_MS);
	for (unsigned i = 0; i < 20; i += 2) {
		dns_net_cancel(f->n, &a[i]);
		dns_net_check(f->n);
		f->w.busy--;
	}
	assert_true(dnsworld_run(&f->w, NF_S));
	for (unsigned i = 1; i < 20; i += 2)
		expect_right(f, &a[i], 1);
	assert_true(nf_server(f, 0).tcp_open);
	nf_end(f);
}

TEST(with_use_tcp_nothing_goes_over_udp, "D9210-1")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;

	f->conf.use_tcp = true;
	nf_start(f);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(nf_stats(f).udp_sent, 0);
	nf_free(f, &a);
	nf_end(f);
}

TEST(without_a_table_for_tls_a_question_over_tls_fails_and_never_goes_in_clear, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	nf_lookup(f, &a, "www.example.", DNS_Q_TLS);
	assert_int_equal(a.status, DNS_UNREACHABLE);
	assert_int_equal(a.story->attempt[0].error, EPROTONOSUPPORT);
	assert_int_equal(f->w.nseen, 0);
	assert_int_equal(f->w.frames, 0);
	nf_free(f, &a);
	nf_end(f);
}

/* The seam for DNS over TLS: a table that only says that it is one. */
static int seam_open(void *ctx, struct tapir *t, const struct tapir_env *mem,
		     const struct tapir_sockaddr *to, void **out, tapir_sock_t *sock)
{
	unsigned *opened = ctx;

	(*opened)++;
	assert_int_equal(to->port, 853);
	return dns_stream_tcp.open(NULL, t, mem, to, out, sock);
}

TEST(a_table_for_tls_is_used_at_its_own_port_with_lengths_in_front, "")
{
	struct raw r = {.echo_good = true};
	struct netfix *f = raw_begin_at(&r, "", 0, 853);
	struct dns_stream_ops seam = dns_stream_tcp;
	unsigned opened = 0;
	struct dns_ask a;

	seam.open = seam_open;
	f->conf.tls = &seam;
	f->conf.tls_ctx = &opened;
	assert_int_equal(dns_net_configure(f->n, &f->conf), 0);
	for (unsigned i = 0; i < 3; i++) {
		nf_lookup(f, &a, "www.example.", DNS_Q_TLS);
		assert_int_equal(nf_ip4(&a), WWW);
		assert_int_equal(a.story->attempt[0].transport, DNS_TLS);
		assert_int_equal(a.story->attempt[0].server.port, 853);
		nf_free(f, &a);
	}
	/* One for all, and nothing in clear. */
	assert_int_equal(opened, 1);
	assert_int_equal(nf_stats(f).tls_connections, 1);
	assert_int_equal(f->w.nseen, 0);
	nf_end(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_share_one_connection_and_ids_are_unique),
		cmocka_unit_test(an_id_is_unique_even_where_hardly_any_is_random),
		cmocka_unit_test(a_connection_waits_for_a_free_socket),
		cmocka_unit_test(answers_come_in_any_order),
		cmocka_unit_test(a_query_is_one_segment_with_its_length),
		cmocka_unit_test(an_idle_connection_is_closed_after_its_time),
		cmocka_unit_test(the_servers_keepalive_is_obeyed),
		cmocka_unit_test(what_a_closed_connection_left_unanswered_is_asked_again),
		cmocka_unit_test(
			a_server_that_takes_one_question_a_connection_gets_them_one_by_one),
		cmocka_unit_test(a_server_that_only_once_closed_early_gets_many_at_a_time_again),
		cmocka_unit_test(
			no_question_is_sent_more_than_three_times_over_connections_that_end),
		cmocka_unit_test(a_connection_that_is_closed_idle_costs_one_resend),
		cmocka_unit_test(a_server_that_closes_without_an_answer_is_not_stormed),
		cmocka_unit_test(no_listener_sends_us_to_the_next_server_at_once),
		cmocka_unit_test(a_syn_black_hole_is_given_up_within_seconds),
		cmocka_unit_test(over_tcp_alone_a_dead_server_costs_the_first_question_only),
		cmocka_unit_test(a_drip_of_bytes_is_put_together),
		cmocka_unit_test(messages_shorter_than_a_header_are_passed_over),
		cmocka_unit_test(garbage_without_end_closes_the_connection),
		cmocka_unit_test(a_length_of_65535_with_little_behind_it_ends_at_the_deadline),
		cmocka_unit_test(a_slow_drip_ends_at_the_deadline),
		cmocka_unit_test(the_longest_message_is_received_whole),
		cmocka_unit_test(a_reply_with_the_id_but_not_the_question_is_passed_over),
		cmocka_unit_test(a_malformed_reply_over_tcp_sends_us_to_the_next_server),
		cmocka_unit_test(a_cancelled_questions_answer_is_passed_over),
		cmocka_unit_test(a_table_for_tls_is_used_at_its_own_port_with_lengths_in_front),
		cmocka_unit_test(with_use_tcp_nothing_goes_over_udp),
		cmocka_unit_test(
			without_a_table_for_tls_a_question_over_tls_fails_and_never_goes_in_clear),
	};

	return tapir_test_run("unit/dns/test_pipe", tests);
}
