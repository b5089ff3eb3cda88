/*
 * One question to one of the servers (dns/net.h): what is sent, what is taken for an answer, what is passed over.
 */
#include "tests/unit/dns/netfix.h"

#define WWW  TAPIR_IP4(192, 0, 2, 80)
#define EVIL TAPIR_IP4(6, 6, 6, 6)

/* ---- the query ---- */

TEST(a_question_is_answered_over_udp, "D1123-7")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	uint64_t took = nf_lookup(f, &a, "www.example.", 0);

	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_in_range(took, 10 * NF_MS, 11 * NF_MS);
	assert_int_equal(f->w.nseen, 1);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_query_has_one_question_and_an_empty_header, "D1035-5 D1035-8 D1123-3 D6891-4 R8900-2")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	const struct dnsworld_query *q;

	nf_lookup(f, &a, "www.example.", 0);
	nf_free(f, &a);
	q = nf_seen(f, 0);
	assert_int_equal(q->flags, 0x0100);
	assert_int_equal(q->qdcount, 1);
	assert_int_equal(q->ancount + q->nscount, 0);
	assert_int_equal(q->arcount, 1);
	assert_true(q->edns && !q->do_);
	assert_int_equal(q->edns_version, 0);
	/* Neither the query nor, as asked for, its reply is larger than any path takes whole. */
	assert_int_equal(q->udp_size, 1232);
	assert_true(q->len <= 512);
	assert_false(q->keepalive);
	assert_int_equal(q->class, DNS_CLASS_IN);
	nf_end(f);
}

TEST(the_callers_flags_and_options_are_in_the_query, "")
{
	static const uint8_t nsid[4] = {0, 3, 0, 0};
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	const struct dnsworld_query *q;

	nf_form(f, &a, "www.example.",
		DNS_Q_RAW | DNS_Q_NO_RD | DNS_Q_DO | DNS_Q_CD | DNS_Q_AD | DNS_Q_NO_COOKIE);
	a.options = nsid;
	a.options_len = sizeof(nsid);
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, NF_S));
	q = nf_seen(f, 0);
	assert_int_equal(q->flags, 0x0030);
	assert_true(q->edns && q->do_);
	assert_int_equal(q->cookie_len, 0);
	/* header, www.example. in 13, type and class, OPT 11, the option */
	assert_int_equal(q->len, 12 + 13 + 4 + 11 + 4);
	assert_int_equal(a.story->query_len, q->len);
	nf_free(f, &a);
	nf_end(f);
}

TEST(options_without_room_end_the_question_before_it_is_sent, "")
{
	static const uint8_t big[600];
	struct netfix *f = nf_begin(2);
	struct dns_ask a;

	nf_form(f, &a, "www.example.", DNS_Q_RAW);
	a.options = big;
	a.options_len = sizeof(big);
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, NF_S));
	assert_int_equal(a.status, DNS_BADNAME);
	assert_int_equal(f->w.nseen, 0);
	nf_free(f, &a);
	nf_end(f);
}

TEST(no_udp_size_below_512_is_told, "D6891-4")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;

	f->conf.udp_size = 100;
	nf_start(f);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_seen(f, 0)->udp_size, 512);
	nf_free(f, &a);
	nf_end(f);
}

TEST(the_story_tells_each_detail_of_an_answered_try, "")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	const struct dnsworld_query *q;
	const struct dns_attempt *t;

	dnsworld_habit(&f->w, 0)->cookies = true;
	nf_lookup(f, &a, "www.example.", 0);
	q = nf_seen(f, 0);
	assert_int_equal(a.story->nattempts, 1);
	t = &a.story->attempt[0];
	assert_memory_equal(&t->server, &f->conf.server[0], sizeof(t->server));
	assert_int_equal(t->local_port, q->from.port);
	assert_int_equal(t->id, q->id);
	assert_int_equal(t->transport, DNS_UDP);
	assert_int_equal(t->outcome, DNS_TRIED_ANSWERED);
	assert_int_equal(t->cookie, DNS_COOKIE_ANSWERED);
	assert_true(t->edns && t->case_mixed && t->case_kept);
	assert_int_equal(t->rcode, 0);
	assert_int_equal(t->sent, 1);
	assert_int_equal(t->ignored, 0);
	assert_int_equal(t->query_len, q->len);
	assert_int_equal(t->reply_len, a.reply_len);
	assert_int_equal(t->sent_ns, f->w.now_ns - (t->ended_ns - t->sent_ns));
	assert_int_equal(t->ended_ns, f->w.now_ns);
	/* The question as sent: the server saw the same. */
	assert_int_equal(a.story->query_len, q->len);
	assert_memory_equal(a.story->query + 12, q->name, q->name_len);
	assert_int_equal(a.story->query[0] << 8 | a.story->query[1], q->id);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_question_without_servers_ends_at_once, "")
{
	struct netfix *f = nf_begin(0);
	struct dns_ask a;

	assert_int_equal(nf_lookup(f, &a, "www.example.", 0), 0);
	assert_int_equal(a.status, DNS_NOSERVER);
	assert_null(a.reply);
	nf_free(f, &a);
	nf_end(f);
}

/* ---- who may answer ---- */

enum { PORTS = 65536 };

TEST(ports_and_ids_are_uniform_and_differ_at_any_moment, "D5452-5 D5452-6 D5452-7 D1123-4 NW-08")
{
	enum { N = 64, ROUNDS = 160 };
	struct netfix *f = nf_begin(1);
	static struct dns_ask a[N];
	double chi_port = 0, chi_id = 0, expect = (double)N * ROUNDS / 64;
	unsigned port_bin[64] = {0}, id_bin[64] = {0}, ones[16] = {0}, lowest = PORTS, highest = 0;
	bool *open = calloc(PORTS, sizeof(*open));

	for (unsigned r = 0; r < ROUNDS; r++) {
		for (unsigned i = 0; i < N; i++)
			nf_ask(f, &a[i], "www.example.", 0);
		memset(open, 0, PORTS * sizeof(*open));
		assert_true(dnsworld_run(&f->w, NF_S));
		for (unsigned i = 0; i < N; i++) {
			const struct dns_attempt *t = &a[i].story->attempt[0];

			assert_int_equal(a[i].status, DNS_OK);
			assert_false(open[t->local_port]);
			open[t->local_port] = true;
			port_bin[(t->local_port - 1024) * 64 / 64512]++;
			id_bin[t->id / 1024]++;
			for (unsigned b = 0; b < 16; b++)
				ones[b] += t->id >> b & 1;
			lowest = min_u32(lowest, t->local_port);
			highest = max_u32(highest, t->local_port);
			nf_free(f, &a[i]);
		}
	}
	for (unsigned i = 0; i < 64; i++) {
		chi_port += (port_bin[i] - expect) * (port_bin[i] - expect) / expect;
		chi_id += (id_bin[i] - expect) * (id_bin[i] - expect) / expect;
	}
	/* 63 degrees of freedom: above 113 one time in ten thousand. */
	assert_true(chi_port < 113 && chi_id < 113);
	assert_in_range(lowest, 1024, 1024 + 200);
	assert_in_range(highest, PORTS - 200, PORTS - 1);
	for (unsigned b = 0; b < 16; b++)
		assert_in_range(ones[b], N * ROUNDS * 47 / 100, N * ROUNDS * 53 / 100);
	free(open);
	nf_end(f);
}

TEST(no_denied_port_is_used, "D5452-8")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a;

	/* With the ID alone random the port is always the same: unless it is denied. */
	f->conf.entropy_bits = 16;
	f->conf.denied_port[0] = 32768;
	f->conf.denied_port[1] = 32769;
	f->conf.ndenied = 2;
	nf_start(f);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.story->attempt[0].local_port, 32770);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_port_that_is_taken_is_not_waited_for, "")
{
	struct netfix *f = nf_new(1);
	struct tapir_sockaddr sa = {.port = 32768};
	struct dns_ask a;
	tapir_sock_t s;

	f->conf.entropy_bits = 16;
	nf_start(f);
	s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_bind(f->w.t, s, &sa), 0);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.story->attempt[0].local_port, 32769);
	nf_free(f, &a);
	nf_end(f);
}

TEST(the_hook_leaves_only_so_many_bits_random, "")
{
	struct netfix *f = nf_new(1);
	unsigned ids = 0;
	bool seen[16] = {false};

	f->conf.entropy_bits = 4;
	nf_start(f);
	for (unsigned i = 0; i < 200; i++) {
		struct dns_ask a;

		nf_lookup(f, &a, "wWw.example.", 0);
		assert_in_range(a.story->attempt[0].id, 0, 15);
		assert_int_equal(a.story->attempt[0].local_port, 32768);
		assert_memory_equal(a.story->query + 13, "wWw", 3);
		ids += !seen[a.story->attempt[0].id];
		seen[a.story->attempt[0].id] = true;
		nf_free(f, &a);
	}
	assert_int_equal(ids, 16);
	nf_end(f);
}

/* What a hook forges before the right answer goes out. */
struct forger {
	struct netfix *f;
	unsigned times;
	bool right; /* and then the right one */
	/* Changes a good reply with the evil address in it; returns its length. */
	size_t (*spoil)(struct forger *g, uint8_t *b, size_t len, struct tapir_sockaddr *from,
			struct tapir_sockaddr *to);
	unsigned at;
};

static void put_evil(uint8_t *b, size_t len)
{
	uint8_t evil[4] = {6, 6, 6, 6};

	for (size_t i = 12; i + 4 <= len; i++) {
		if (b[i] == 192 && b[i + 1] == 0 && b[i + 2] == 2)
			memcpy(b + i, evil, 4);
	}
}

static unsigned forge_hook(struct dnsworld_server *s, const struct dnsworld_query *q,
			   uint8_t *reply, size_t *len)
{
	struct forger *g = s->h.ctx;
	static uint8_t b[70000];

	if (q->tcp)
		return 1;
	for (g->at = 0; g->at < g->times; g->at++) {
		struct tapir_sockaddr from = q->to, to = q->from;
		size_t n = *len;

		memcpy(b, reply, n);
		put_evil(b, n);
		n = g->spoil(g, b, n, &from, &to);
		dnsworld_forge(s->w, from, to, b, n);
	}
	return g->right;
}

static struct netfix *forged(struct forger *g, unsigned spoof_limit)
{
	struct netfix *f = nf_new(1);

	f->conf.spoof_limit = spoof_limit;
	nf_start(f);
	g->f = f;
	dnsworld_habit(&f->w, 0)->hook = forge_hook;
	dnsworld_habit(&f->w, 0)->ctx = g;
	return f;
}

/* All of them pass by, and the right one wins over UDP. */
static void expect_ignored(struct forger *g, unsigned counted)
{
	struct netfix *f = forged(g, 0);
	struct dns_ask a;

	g->right = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_int_equal(a.story->nattempts, 1);
	assert_int_equal(a.story->attempt[0].ignored, counted);
	assert_int_equal(nf_stats(f).forged + nf_stats(f).malformed, counted);
	nf_free(f, &a);
	nf_end(f);
}

static size_t wrong_id(struct forger *g, uint8_t *b, size_t len, struct tapir_sockaddr *from,
		       struct tapir_sockaddr *to)
{
	unsigned id = (unsigned)(b[0] << 8 | b[1]) + g->at + 1;

	(void)from;
	(void)to;
	b[0] = (uint8_t)(id >> 8);
	b[1] = (uint8_t)id;
	return len;
}

TEST(all_wrong_ids_are_ignored_and_the_right_one_still_wins, "D1035-16 D5452-3 AM33-08 FR-08")
{
	struct forger g = {.times = 65535, .spoil = wrong_id};

	/* More than the socket's buffer holds: those that are seen are counted. */
	struct netfix *f = forged(&g, 0);
	struct dns_ask a;

	g.right = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	assert_true(nf_stats(f).forged > 100);
	nf_free(f, &a);
	nf_end(f);
	g.times = 10;
	expect_ignored(&g, 10);
}

static size_t wrong_source(struct forger *g, uint8_t *b, size_t len, struct tapir_sockaddr *from,
			   struct tapir_sockaddr *to)
{
	(void)b;
	(void)to;
	if (g->at % 2)
		from->port = 5353;
	else
		from->addr = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 99));
	return len;
}

TEST(a_reply_from_another_address_or_port_never_arrives, "D5452-1 D2181-1")
{
	struct forger g = {.times = 10, .spoil = wrong_source};

	expect_ignored(&g, 0);
}

static size_t wrong_port(struct forger *g, uint8_t *b, size_t len, struct tapir_sockaddr *from,
			 struct tapir_sockaddr *to)
{
	(void)b;
	(void)from;
	to->port = (uint16_t)(to->port + 1 + g->at);
	return len;
}

TEST(a_reply_to_another_port_never_arrives, "D5452-2")
{
	struct forger g = {.times = 100, .spoil = wrong_port};

	expect_ignored(&g, 0);
}

static size_t wrong_question(struct forger *g, uint8_t *b, size_t len, struct tapir_sockaddr *from,
			     struct tapir_sockaddr *to)
{
	size_t end = 12 + 13;

	(void)from;
	(void)to;
	switch (g->at) {
	case 0:
		b[13] ^= 1; /* another letter */
		break;
	case 1:
		b[end + 1] = 28; /* AAAA */
		break;
	case 2:
		b[end + 3] = 3; /* CHAOS */
		break;
	case 3:
		b[5] = 0; /* no question, but an answer */
		break;
	case 4:
		b[5] = 2;
		break;
	case 5:
		b[2] &= 0x7f; /* a query */
		break;
	case 6:
		b[2] |= 0x10; /* opcode 2 */
		break;
	case 7:
		b[12] = 4; /* another cut of the labels */
		break;
	}
	return len;
}

TEST(only_the_same_question_is_a_reply_to_it, "D5452-4 DN-18 D1035-8 CL-17 DN-22")
{
	struct forger g = {.times = 8, .spoil = wrong_question};

	expect_ignored(&g, 8);
}

static size_t garbage(struct forger *g, uint8_t *b, size_t len, struct tapir_sockaddr *from,
		      struct tapir_sockaddr *to)
{
	(void)from;
	(void)to;
	switch (g->at) {
	case 0:
		return 0;
	case 1:
		return 11;
	case 2:
		return len - 1;
	case 3:
		b[7] = 200; /* ANCOUNT */
		return len;
	case 4: /* FORMERR, header alone */
		b[3] = (uint8_t)((b[3] & 0xf0) | 1);
		memset(b + 4, 0, 8);
		return 12;
	case 5: /* REFUSED with the wrong ID */
		b[0] ^= 1;
		b[3] = (uint8_t)((b[3] & 0xf0) | 5);
		return len;
	case 6: /* TC of another question */
		b[2] |= 2;
		b[14] ^= 1;
		return len;
	default:
		return len - 4;
	}
}

TEST(what_is_malformed_does_not_end_the_wait, "DN-14 DN-26 D1035-16")
{
	struct forger g = {.times = 8, .spoil = garbage};

	expect_ignored(&g, 8);
}

TEST(after_so_many_forged_replies_the_question_goes_to_tcp, "D5452-10 DN-01")
{
	struct forger g = {.times = 10, .spoil = wrong_id};
	struct netfix *f = forged(&g, 10);
	struct dns_ask a;

	g.right = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_FORGED, 1);
	assert_int_equal(a.story->attempt[0].ignored, 10);
	nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
	assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
	assert_int_equal(nf_stats(f).spoof_to_tcp, 1);
	nf_free(f, &a);
	/* One fewer, and it stays. */
	g.times = 9;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.story->nattempts, 1);
	nf_free(f, &a);
	nf_end(f);
}

static unsigned twice_apart(struct dnsworld_server *s, const struct dnsworld_query *q,
			    uint8_t *reply, size_t *len)
{
	(void)s;
	(void)q;
	(void)reply;
	(void)len;
	return 5;
}

TEST(forgeries_without_tcp_lead_back_to_udp_with_another_port, "D5452-10")
{
	struct forger g = {.times = 10, .spoil = wrong_id};
	struct netfix *f = forged(&g, 10);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->refuse_tcp = true;
	dnsworld_serve(&f->w, 0);
	nf_form(f, &a, "www.example.", 0);
	nf_send(f, &a);
	dnsworld_pass(&f->w, 12 * NF_MS);
	g.times = 0;
	g.right = true;
	assert_true(dnsworld_run(&f->w, NF_S));
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_FORGED, 1);
	nf_attempt(&a, 1, DNS_TRIED_CONNECT, 0);
	nf_attempt(&a, 2, DNS_TRIED_ANSWERED, 1);
	assert_int_not_equal(a.story->attempt[2].local_port, a.story->attempt[0].local_port);
	nf_free(f, &a);
	nf_end(f);
}

TEST(an_answer_that_comes_five_times_counts_once, "D1035-19")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->hook = twice_apart;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_free(f, &a);
	dnsworld_pass(&f->w, NF_S);
	assert_int_equal(f->nover, 1);
	nf_end(f);
}

TEST(only_malformed_replies_lead_to_tcp_and_then_to_a_bad_reply, "DN-26")
{
	struct forger g = {.times = 3, .spoil = garbage};
	struct netfix *f = forged(&g, 0);
	struct dns_ask a;

	/* Truncated in the middle of a record, alone. */
	g.times = 3;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_OK);
	nf_attempt(&a, 0, DNS_TRIED_MALFORMED, 1);
	nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
	assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
	nf_free(f, &a);
	dnsworld_habit(&f->w, 0)->refuse_tcp = true;
	dnsworld_serve(&f->w, 0);
	dnsworld_pass(&f->w, 60 * NF_S);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_BADREPLY);
	nf_free(f, &a);
	nf_end(f);
}

/* A big reply in one datagram, which IP cuts. */
static unsigned huge(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
		     size_t *len)
{
	struct dns_enc e;
	uint8_t txt[256];
	struct dns_name n;

	(void)s;
	if (q->tcp)
		return 1;
	memset(txt, 'x', sizeof(txt));
	txt[0] = 255;
	n.len = (uint8_t)q->name_len;
	memcpy(n.b, q->name, q->name_len);
	dns_enc_begin(&e, reply, DNSWORLD_MSG, q->id, DNS_QR | DNS_RD | DNS_RA, 0, 0);
	dns_enc_question(&e, &n, q->type, q->class);
	for (unsigned i = 0; i < 15; i++)
		dns_enc_rr(&e, DNS_ANSWER, &n, 16, 1, 60, txt, sizeof(txt));
	*len = e.len;
	return 1;
}

TEST(a_reply_in_fragments_is_not_received, "DN-05")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->hook = huge;
	nf_form(f, &a, "www.example.", 0);
	a.deadline_ns = f->w.now_ns + 3 * NF_S;
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, 10 * NF_S));
	assert_int_equal(a.status, DNS_TIMEOUT);
	assert_int_equal(nf_stats(f).udp_received, 0);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_truncated_reply_leads_to_tcp, "D1035-7 D2181-5 D7766-1 D5966-1 D9210-1")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	for (unsigned some = 0; some < 2; some++) {
		dnsworld_habit(&f->w, 0)->tc = !some;
		dnsworld_habit(&f->w, 0)->tc_some = some;
		nf_lookup(f, &a, "www.example.", 0);
		assert_int_equal(a.status, DNS_OK);
		assert_int_equal(nf_ip4(&a), WWW);
		assert_int_equal(a.story->nattempts, 2);
		nf_attempt(&a, 0, DNS_TRIED_TRUNCATED, 1);
		nf_attempt(&a, 1, DNS_TRIED_ANSWERED, 1);
		assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
		nf_free(f, &a);
	}
	assert_int_equal(nf_stats(f).truncated, 2);
	nf_end(f);
}

static unsigned cut_anywhere(struct dnsworld_server *s, const struct dnsworld_query *q,
			     uint8_t *reply, size_t *len)
{
	(void)s;
	if (!q->tcp) {
		reply[2] |= 2;
		*len -= 3;
	}
	return 1;
}

TEST(a_reply_that_was_cut_within_a_record_leads_to_tcp_at_once, "D1035-7 D2181-5")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->hook = cut_anywhere;
	assert_true(nf_lookup(f, &a, "www.example.", 0) < 50 * NF_MS);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_attempt(&a, 0, DNS_TRIED_TRUNCATED, 1);
	assert_int_equal(a.story->attempt[0].ignored, 0);
	assert_int_equal(a.story->attempt[1].transport, DNS_TCP);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_truncated_replys_content_is_not_used_when_tcp_fails, "D2181-5 D1035-7")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->tc_some = true;
	dnsworld_habit(&f->w, 0)->refuse_tcp = true;
	dnsworld_serve(&f->w, 0);
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_UNREACHABLE);
	assert_null(a.reply);
	nf_attempt(&a, 1, DNS_TRIED_CONNECT, 0);
	/* No answer: the last query that was sent. */
	assert_int_equal(a.story->query_len, nf_seen(f, 0)->len);
	assert_int_equal(a.story->query[1], nf_seen(f, 0)->id & 255);
	assert_int_equal(a.story->attempt[1].error, ECONNREFUSED);
	nf_free(f, &a);
	/* dig +ignore: as it came. */
	nf_lookup(f, &a, "www.example.", DNS_Q_RAW | DNS_Q_IGNORE_TC);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(nf_ip4(&a), WWW);
	nf_free(f, &a);
	nf_end(f);
}

TEST(truncation_over_tcp_too_is_no_loop, "D1035-14 D2181-5")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->tc = true;
	dnsworld_habit(&f->w, 0)->tc_tcp = true;
	nf_lookup(f, &a, "www.example.", 0);
	assert_int_equal(a.status, DNS_BADREPLY);
	assert_null(a.reply);
	assert_int_equal(f->w.nseen, 2);
	nf_free(f, &a);
	nf_end(f);
}

TEST(a_silent_server_is_given_up_at_the_deadline, "D9520-1 D1035-14 D1123-10 D1123-11")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;
	uint64_t took;

	dnsworld_habit(&f->w, 0)->silent = true;
	for (unsigned attempts = 0; attempts < 9; attempts++) {
		unsigned sends = attempts == 0 ? 1 : attempts > 3 ? 3 : attempts;
		size_t before = f->w.nseen;

		nf_form(f, &a, "www.example.", 0);
		a.attempts = attempts;
		nf_send(f, &a);
		took = f->w.now_ns;
		assert_true(dnsworld_run(&f->w, 30 * NF_S));
		took = f->w.now_ns - took;
		assert_int_equal(a.status, DNS_TIMEOUT);
		assert_int_equal(took, 10 * NF_S);
		assert_int_equal(f->w.nseen - before, sends);
		nf_attempt(&a, 0, DNS_TRIED_TIMEOUT, sends);
		nf_free(f, &a);
	}
	nf_end(f);
}

TEST(what_is_sent_again_is_the_same_packet, "D5452-9 DN-02")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	dnsworld_habit(&f->w, 0)->silent = true;
	nf_form(f, &a, "www.example.", 0);
	a.attempts = 3;
	nf_send(f, &a);
	assert_true(dnsworld_run(&f->w, 30 * NF_S));
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(nf_seen(f, i)->id, nf_seen(f, 0)->id);
		assert_int_equal(nf_seen(f, i)->from.port, nf_seen(f, 0)->from.port);
		assert_memory_equal(nf_seen(f, i)->name, nf_seen(f, 0)->name, 13);
	}
	/* 1 s, then 2 s, and up to half as long again by chance. */
	assert_in_range(nf_seen(f, 1)->at_ns - nf_seen(f, 0)->at_ns, 1000 * NF_MS, 1501 * NF_MS);
	assert_in_range(nf_seen(f, 2)->at_ns - nf_seen(f, 1)->at_ns, 2000 * NF_MS, 3001 * NF_MS);
	nf_free(f, &a);
	nf_end(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_answered_over_udp),
		cmocka_unit_test(a_query_has_one_question_and_an_empty_header),
		cmocka_unit_test(the_callers_flags_and_options_are_in_the_query),
		cmocka_unit_test(options_without_room_end_the_question_before_it_is_sent),
		cmocka_unit_test(no_udp_size_below_512_is_told),
		cmocka_unit_test(the_story_tells_each_detail_of_an_answered_try),
		cmocka_unit_test(a_question_without_servers_ends_at_once),
		cmocka_unit_test(ports_and_ids_are_uniform_and_differ_at_any_moment),
		cmocka_unit_test(no_denied_port_is_used),
		cmocka_unit_test(a_port_that_is_taken_is_not_waited_for),
		cmocka_unit_test(the_hook_leaves_only_so_many_bits_random),
		cmocka_unit_test(all_wrong_ids_are_ignored_and_the_right_one_still_wins),
		cmocka_unit_test(a_reply_from_another_address_or_port_never_arrives),
		cmocka_unit_test(a_reply_to_another_port_never_arrives),
		cmocka_unit_test(only_the_same_question_is_a_reply_to_it),
		cmocka_unit_test(what_is_malformed_does_not_end_the_wait),
		cmocka_unit_test(after_so_many_forged_replies_the_question_goes_to_tcp),
		cmocka_unit_test(forgeries_without_tcp_lead_back_to_udp_with_another_port),
		cmocka_unit_test(an_answer_that_comes_five_times_counts_once),
		cmocka_unit_test(only_malformed_replies_lead_to_tcp_and_then_to_a_bad_reply),
		cmocka_unit_test(a_reply_in_fragments_is_not_received),
		cmocka_unit_test(a_truncated_reply_leads_to_tcp),
		cmocka_unit_test(a_reply_that_was_cut_within_a_record_leads_to_tcp_at_once),
		cmocka_unit_test(a_truncated_replys_content_is_not_used_when_tcp_fails),
		cmocka_unit_test(truncation_over_tcp_too_is_no_loop),
		cmocka_unit_test(a_silent_server_is_given_up_at_the_deadline),
		cmocka_unit_test(what_is_sent_again_is_the_same_packet),
	};

	return tapir_test_run("unit/dns/test_net", tests);
}
