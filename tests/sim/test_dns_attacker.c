/*
 * The attacker off the path (Kaminsky's, RFC 5452): he makes the resolver ask, sees nothing of it, and answers first, as often
 * as he can, under the name server's address. What he must hit is the port, the ID and the case of each letter.
 *
 * Here he is given more than he could have: the time to send a thousand forgeries for each question, and in some tests the
 * port as well (as a side channel would give it to him). He must lose; and with a resolver that is left with few random bits
 * he must win as often as arithmetic says, or else this test would show nothing.
 *
 * His packets go straight into the stack as IP packets without a UDP checksum (RFC 768 allows that), a few hundred
 * nanoseconds each: `make sim-long` sends a billion.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/dnslook.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

enum { EVIL = TAPIR_IP4(6, 6, 6, 6), LAGS = 16 };

static struct dnslook l;
static struct look look;

static unsigned long_runs(unsigned usual, unsigned many)
{
	return getenv("TAPIR_SIM_LONG") ? many : usual;
}

static void open_world(uint64_t seed)
{
	struct dnsworld_conf wc;

	dnsworld_conf_default(&wc, seed);
	wc.nservers = 1;
	dnsworld_open(&l.w, &wc);
	l.conf.server[0] = dnsworld_addr(&l.w, 0);
	l.conf.nservers = 1;
	l.conf.cache_bytes = 0;
	assert_int_equal(dns_create(&l.d, l.w.t, &l.w.env, &l.conf, l.w.seed), 0);
	dnsworld_bind_dns(&l.w, l.d);
	dnsworld_zone(&l.w, "example.", 300);
	dnsworld_any(&l.w, "example.", 300, false);
}

/* The query that the server saw last: what the attacker must guess. */
static const struct dnsworld_query *asked(void)
{
	assert_true(l.w.nseen > 0);
	return &l.w.seen[l.w.nseen - 1];
}

/* ---- forgeries ---- */

enum { IP_HEAD = 28, PORT_AT = 22, ID_AT = 28, NAME_AT = 40, FORGED_MAX = 400 };

struct forgery {
	uint8_t ip[FORGED_MAX];
	size_t len, whole;
	unsigned letters;
	uint16_t letter[255]; /* where they stand */
};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The IP header's checksum. */
static void sum_head(uint8_t *ip)
{
	uint32_t sum = 0;

	put16(ip + 10, 0);
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~sum & 0xffff);
}

/* A reply to q as the server would send it, with the attacker's address in it; port, ID and case as q's. */
static void forge(struct forgery *f, const struct dnsworld_query *q, uint32_t from)
{
	uint8_t msg[FORGED_MAX];
	size_t n = 12 + q->name_len + 4;
	static const uint8_t rr[] = {0xc0, 12, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 6, 6, 6, 6};
	uint8_t head[IP_HEAD] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17};
	uint32_t us = DNSWORLD_US;

	memset(msg, 0, 12);
	msg[0] = (uint8_t)(q->id >> 8);
	msg[1] = (uint8_t)q->id;
	msg[2] = 0x81;
	msg[3] = 0x80;
	msg[5] = msg[7] = 1;
	memcpy(msg + 12, q->name, q->name_len);
	memcpy(msg + n - 4, (uint8_t[]){(uint8_t)(q->type >> 8), (uint8_t)q->type, 0, 1}, 4);
	memcpy(msg + n, rr, sizeof(rr));
	n += sizeof(rr);
	head[2] = (uint8_t)((n + IP_HEAD) >> 8);
	head[3] = (uint8_t)(n + IP_HEAD);
	for (unsigned i = 0; i < 4; i++) {
		head[12 + i] = (uint8_t)(from >> (24 - 8 * i));
		head[16 + i] = (uint8_t)(us >> (24 - 8 * i));
	}
	sum_head(head);
	head[21] = DNS_PORT;
	head[22] = (uint8_t)(q->from.port >> 8);
	head[23] = (uint8_t)q->from.port;
	head[24] = (uint8_t)((n + 8) >> 8);
	head[25] = (uint8_t)(n + 8);
	memcpy(f->ip, head, IP_HEAD);
	memcpy(f->ip + IP_HEAD, msg, n);
	f->len = f->whole = IP_HEAD + n;
	f->letters = 0;
	for (unsigned at = 0; q->name[at]; at += q->name[at] + 1u) {
		for (unsigned i = 1; i <= q->name[at]; i++) {
			uint8_t c = q->name[at + i] | 0x20;

			if (c >= 'a' && c <= 'z')
				f->letter[f->letters++] = (uint16_t)(NAME_AT + at + i);
		}
	}
}

static void set_case(struct forgery *f, uint64_t bits)
{
	for (unsigned i = 0; i < f->letters; i++) {
		uint8_t *p = f->ip + f->letter[i];

		*p = (uint8_t)((*p & ~0x20) | (bits >> (i & 63) & 1) << 5);
	}
}

/* It arrives; the resolver looks at it. */
static void arrive(const struct forgery *f)
{
	struct pkt *p = tapir_pkt_alloc(l.w.t, f->len);

	memcpy(p->data, f->ip, f->len);
	p->len = (uint32_t)f->len;
	tapir_input(l.w.t, l.w.ifi, p);
}

static void tell(void)
{
	struct tapir_ready ev[8];
	size_t n;

	while ((n = tapir_ready_pop(l.w.t, ev, 8)) > 0) {
		for (size_t i = 0; i < n; i++)
			dns_ready(l.d, ev[i].sock, ev[i].bits);
	}
}

/* ---- he must lose ---- */

enum how { BLIND, KNOWS_PORT, KNOWS_PORT_COUNTS_IDS, KNOWS_PORT_SAYS_NO, HOWS };

struct tally {
	uint64_t forged, questions, poisoned, wrong, to_tcp, ignored;
};

/* An error, a truncated reply, or one without a question, instead of an address. */
static void say_no(struct forgery *f, unsigned k)
{
	static const struct {
		uint8_t flags, rcode, questions;
	} no[] = {{0x81, 1, 1}, {0x81, 2, 1}, {0x81, 5, 1}, {0x83, 0, 1},
		  {0x81, 3, 1}, {0x81, 1, 0}, {0x81, 2, 0}, {0x85, 4, 1}};
	uint8_t *msg = f->ip + IP_HEAD;

	k %= sizeof(no) / sizeof(no[0]);
	msg[2] = no[k].flags;
	msg[3] = (uint8_t)(0x80 | no[k].rcode);
	msg[5] = no[k].questions;
	msg[7] = 0;
	/* All but the address is cut off; without a question, that too. */
	f->len = no[k].questions ? f->whole - 16 : IP_HEAD + 12;
	put16(f->ip + 24, (unsigned)f->len - 20);
	put16(f->ip + 2, (unsigned)f->len);
	sum_head(f->ip);
}

static void attack(enum how how, unsigned questions, unsigned each, unsigned spoof_limit,
		   uint64_t seed, struct tally *all)
{
	struct rnd r = {seed};
	struct dns_stats st;
	char name[64];

	all->forged += (uint64_t)questions * each;
	all->questions += questions;
	memset(&l, 0, sizeof(l));
	dns_conf_default(&l.conf);
	l.conf.spoof_limit = spoof_limit;
	open_world(seed);
	dnsworld_habit(&l.w, 0)->delay_ns = 100 * DNSWORLD_MS;
	for (unsigned i = 0; i < questions; i++) {
		static struct forgery f;
		uint8_t wire[255];
		unsigned len;

		/* A name that isn't in any cache, as Kaminsky's. */
		snprintf(name, sizeof(name), "r%08x.target-of-the-attack.example", rnd_u32(&r));
		assert_true(dnslook_ask(&l, &look, name, DNS_TYPE_A, 0) > 0);
		l.w.nseen = 0;
		dnsworld_pass(&l.w, 6 * DNSWORLD_MS); /* it is at the server */
		forge(&f, asked(), DNSWORLD_NS0);
		for (unsigned k = 0; k < each; k++) {
			if (how == BLIND)
				put16(f.ip + PORT_AT, 1024 + rnd_below(&r, 65536 - 1024));
			put16(f.ip + ID_AT,
			      how == KNOWS_PORT_COUNTS_IDS ? k : rnd_u32(&r) & 0xffff);
			set_case(&f, rnd_u64(&r));
			if (how == KNOWS_PORT_SAYS_NO)
				say_no(&f, k);
			arrive(&f);
			if (k % 16 == 15)
				tell();
		}
		tell();
		assert_true(dnsworld_run(&l.w, 30 * DNSWORLD_S));
		len = dnsworld_name(name, wire);
		all->poisoned += look.ip4 == (uint32_t)EVIL;
		all->wrong += look.status != DNS_OK || look.nrecords != 1 ||
			      look.ip4 != dnsworld_any_ip4(wire, len);
		all->to_tcp += look.last.transport == DNS_TCP;
		all->ignored += look.ignored;
	}
	dns_stats_get(l.d, &st);
	assert_true(how == BLIND || st.forged > 0);
	/* Whose port is known hears of every one, until the question has gone to TCP. */
	if (how != BLIND && spoof_limit == 0)
		assert_true(all->ignored >= all->forged - all->forged / 50);
	/* A right ID among the first ten drives it there too. */
	if (how != BLIND && spoof_limit != 0)
		assert_true(all->to_tcp == all->questions && st.spoof_to_tcp + 8 >= questions);
	/* One in 65536 has the right ID, and fails at the case: that is asked again over TCP. */
	if (spoof_limit == 0)
		assert_true(all->to_tcp <= 8 + 2 * all->forged / 65536);
	dnslook_close(&l);
}

/* A million: a thousand questions, a thousand forgeries for each. */
static void million(unsigned spoof_limit)
{
	static const char *const text[] = {"blind", "knows the port", "knows the port, counts IDs",
					   "knows the port, says no"};
	unsigned times = long_runs(1, 280);

	for (unsigned how = 0; how < HOWS; how++) {
		struct tally all = {0};
		unsigned questions = how == BLIND ? 1000 : 300;

		for (unsigned i = 0; i < times; i++)
			attack((enum how)how, questions, 1000, spoof_limit,
			       20 + how + 10 * spoof_limit + 1000 * i, &all);
		tapir_test_say(
			"%s, TCP after %u: %llu questions, %llu forgeries, %llu accepted, %llu by "
			"TCP",
			text[how], spoof_limit, (unsigned long long)all.questions,
			(unsigned long long)all.forged, (unsigned long long)all.poisoned,
			(unsigned long long)all.to_tcp);
		assert_int_equal(all.poisoned, 0);
		assert_int_equal(all.wrong, 0);
	}
}

TEST(a_million_forgeries_are_refused_without_a_word_of_tcp, "DN-01 D5452-3 D1035-16 DN-26")
{
	million(0);
}

TEST(a_million_forgeries_are_refused_and_drive_questions_to_tcp, "DN-01 D5452-10")
{
	million(10);
}

/* The switch to TCP leads nowhere, and each query over UDP that follows is flooded at its port as well. */
TEST(a_server_without_tcp_gives_the_attacker_no_more_chances, "DN-32")
{
	unsigned answered = 0, queries = 0, most = 0;
	struct rnd r = {31};
	char name[64];

	memset(&l, 0, sizeof(l));
	dns_conf_default(&l.conf);
	open_world(31);
	dnsworld_habit(&l.w, 0)->delay_ns = 100 * DNSWORLD_MS;
	dnsworld_habit(&l.w, 0)->refuse_tcp = true;
	dnsworld_serve(&l.w, 0);
	for (unsigned i = 0; i < 300; i++) {
		static struct forgery f;
		uint8_t wire[255];
		unsigned len, seen = 0;

		snprintf(name, sizeof(name), "r%08x.target-of-the-attack.example", rnd_u32(&r));
		assert_true(dnslook_ask(&l, &look, name, DNS_TYPE_A, 0) > 0);
		l.w.nseen = 0;
		for (unsigned turn = 0; turn < 4000 && !look.over; turn++) {
			dnsworld_pass(&l.w, 6 * DNSWORLD_MS);
			if (l.w.nseen == seen)
				continue;
			seen = (unsigned)l.w.nseen;
			forge(&f, asked(), DNSWORLD_NS0);
			for (unsigned k = 0; k < 300 && !look.over; k++) {
				put16(f.ip + ID_AT, rnd_u32(&r) & 0xffff);
				set_case(&f, rnd_u64(&r));
				arrive(&f);
				tell();
			}
		}
		assert_true(look.over);
		len = dnsworld_name(name, wire);
		if (look.status == DNS_OK) {
			assert_int_equal(look.ip4, dnsworld_any_ip4(wire, len));
			answered++;
		}
		queries += seen;
		most = seen > most ? seen : most;
	}
	tapir_test_say(
		"no TCP: %u of 300 questions answered, %u queries over UDP, at most %u for one",
		answered, queries, most);
	/* It fled once, and then sat it out. */
	assert_int_equal(answered, 300);
	assert_true(most <= 3);
	dnslook_close(&l);
}

TEST(the_same_question_is_in_flight_once, "DN-02 D5452-9")
{
	static struct look many[100];

	memset(&l, 0, sizeof(l));
	dns_conf_default(&l.conf);
	open_world(12);
	for (unsigned i = 0; i < 100; i++)
		assert_true(dnslook_ask(&l, &many[i], "www.example", DNS_TYPE_A, 0) > 0);
	assert_true(dnsworld_run(&l.w, 10 * DNSWORLD_S));
	assert_int_equal(l.w.nseen, 1);
	for (unsigned i = 0; i < 100; i++)
		assert_true(many[i].status == DNS_OK && many[i].nrecords == 1);
	dnslook_close(&l);
}

/* Herzberg and Shulman: the server's own first fragment has port, ID and case; the second is the attacker's. */
TEST(a_forged_second_fragment_joins_nothing, "DN-05")
{
	static uint8_t msg[DNSWORLD_MSG], ip[1600], piece[1600];
	struct dnsworld_habit good = {0};
	size_t n;

	memset(&l, 0, sizeof(l));
	dns_conf_default(&l.conf);
	open_world(13);
	for (unsigned i = 0; i < 60; i++)
		dnsworld_a(&l.w, "many.example", 300, TAPIR_IP4(192, 0, 2, 1) + i);
	dnsworld_habit(&l.w, 0)->delay_ns = 100 * DNSWORLD_MS;
	assert_true(dnslook_ask(&l, &look, "many.example", DNS_TYPE_A, 0) > 0);
	dnsworld_pass(&l.w, 6 * DNSWORLD_MS);
	n = dnsworld_answer(&l.w, &good, asked(), msg);
	assert_in_range(n, 900, 1232);
	n = world_udp(ip, DNSWORLD_NS0, DNSWORLD_US, DNS_PORT, asked()->from.port, msg, n);
	/* The same length and, to be kind, a sum that fits: none. */
	put16(ip + 26, 0);
	for (size_t off = 20; off < n; off += 552) {
		size_t len = n - off < 552 ? n - off : 552;

		memcpy(piece, ip, 20);
		memcpy(piece + 20, ip + off, len);
		/* In the last records an address of his own. */
		for (size_t i = 20; off > 20 && i + 4 <= len; i++) {
			if (memcmp(piece + i, "\xc0\x00\x02", 3) == 0)
				memcpy(piece + i, "\6\6\6\6", 4);
		}
		put16(piece + 2, (unsigned)len + 20);
		put16(piece + 4, 77);
		put16(piece + 6, (unsigned)((off + len < n ? 0x2000 : 0) | (off - 20) >> 3));
		sum_head(piece);
		dnsworld_inject(&l.w, piece, len + 20);
	}
	tell();
	assert_false(look.over);
	assert_int_equal(tapir_stats_of(l.w.t)->drop[DROP_UDP_FRAG], 1);
	assert_true(dnsworld_run(&l.w, 10 * DNSWORLD_S));
	assert_int_equal(look.status, DNS_OK);
	assert_int_equal(look.nrecords, 60);
	assert_int_equal(look.ip4, TAPIR_IP4(192, 0, 2, 1));
	dnslook_close(&l);
}

/* An ICMP error needs no ID and no case: who knows the port, or tries all of them, can forge "port unreachable". */
TEST(forged_icmp_errors_cost_no_answer, "DN-26")
{
	struct rnd r = {4};
	unsigned hit = 0;

	for (unsigned known = 0; known < 2; known++) {
		memset(&l, 0, sizeof(l));
		dns_conf_default(&l.conf);
		open_world(14 + known);
		dnsworld_habit(&l.w, 0)->delay_ns = 20 * DNSWORLD_MS;
		for (unsigned i = 0; i < (known ? 100 : 1000); i++) {
			uint8_t quote[28], ip[100];
			char name[64];

			snprintf(name, sizeof(name), "i%u.example", i);
			assert_true(dnslook_ask(&l, &look, name, DNS_TYPE_A, 0) > 0);
			l.w.nseen = 0;
			dnsworld_pass(&l.w, 6 * DNSWORLD_MS);
			for (unsigned k = 0; k < (known ? 3 : 200); k++) {
				uint16_t port = known ? asked()->from.port
						      : (uint16_t)(1024 + rnd_below(&r, 64512));

				hit += port == asked()->from.port;
				world_udp(quote, DNSWORLD_US, DNSWORLD_NS0, port, DNS_PORT, "", 0);
				dnsworld_inject(&l.w, ip,
						world_icmp(ip, DNSWORLD_NS0, DNSWORLD_US, 3,
							   k % 2 ? 3 : 1, 0, quote, sizeof(quote)));
				tell();
			}
			assert_true(dnsworld_run(&l.w, 10 * DNSWORLD_S));
			assert_int_equal(look.status, DNS_OK);
			assert_int_equal(look.first.transport, DNS_UDP);
			assert_int_equal(look.nattempts, 1);
		}
		assert_true(!known || tapir_stats_of(l.w.t)->n[STAT_Icmp_InDestUnreachs] == 300);
		dnslook_close(&l);
	}
	assert_true(hit >= 300);
}

/* ---- he must be able to win ---- */

struct guess {
	uint16_t port, id;
	uint64_t bits; /* of case */
};

static uint64_t case_of(const struct dnsworld_query *q)
{
	uint64_t bits = 0;
	unsigned n = 0;

	for (unsigned at = 0; q->name[at]; at += q->name[at] + 1u) {
		for (unsigned i = 1; i <= q->name[at]; i++) {
			uint8_t c = q->name[at + i];

			if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
				bits |= (uint64_t)(c >> 5 & 1) << (n++ & 63);
		}
	}
	return bits;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct guess));
}

static struct guess guess_of(const struct dnsworld_query *q)
{
	struct guess g;

	memset(&g, 0, sizeof(g));
	g.port = q->from.port;
	g.id = q->id;
	g.bits = case_of(q);
	return g;
}

/* Asks the same name n times; what a spy beside the server sees, sorted, each once. Returns how many different ones. */
static size_t spy(struct guess *g, size_t n)
{
	size_t different = 0;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(dnslook_now(&l, &look, "abc.example"), DNS_OK);
		g[i] = guess_of(asked());
		l.w.nseen = 0;
	}
	qsort(g, n, sizeof(*g), compare);
	for (size_t i = 0; i < n; i++) {
		if (different == 0 || compare(&g[i], &g[different - 1]) != 0)
			g[different++] = g[i];
	}
	return different;
}

TEST(with_twelve_random_bits_left_forgeries_win_as_often_as_computed, "")
{
	enum { BITS = 12, SPIED = 60000, EACH = 256 };
	unsigned questions = long_runs(16000, 100000), won = 0;
	struct guess *g = calloc(SPIED, sizeof(*g));
	struct rnd r = {99};
	double p, expected, rate;
	size_t n;

	memset(&l, 0, sizeof(l));
	dns_conf_default(&l.conf);
	l.conf.spoof_limit = 0;
	l.conf.entropy_bits = BITS;
	open_world(77);
	n = spy(g, SPIED);
	tapir_test_say("%zu different combinations of port, ID and case seen in %u questions", n,
		       (unsigned)SPIED);
	assert_in_range(n, (1 << BITS) - 3, 1 << BITS);
	dnsworld_habit(&l.w, 0)->delay_ns = 50 * DNSWORLD_MS;
	for (unsigned i = 0; i < questions; i++) {
		static struct forgery f;
		size_t first = rnd_below(&r, (uint32_t)n);

		assert_true(dnslook_ask(&l, &look, "abc.example", DNS_TYPE_A, 0) > 0);
		dnsworld_pass(&l.w, 6 * DNSWORLD_MS);
		forge(&f, asked(), DNSWORLD_NS0);
		l.w.nseen = 0;
		/* So many of the 4096 that it can be, none twice. */
		for (unsigned k = 0; k < EACH && !look.over; k++) {
			const struct guess *at = &g[(first + k) % n];

			put16(f.ip + PORT_AT, at->port);
			put16(f.ip + ID_AT, at->id);
			set_case(&f, at->bits);
			arrive(&f);
			if (k % 16 == 15)
				tell();
		}
		tell();
		assert_true(dnsworld_run(&l.w, 30 * DNSWORLD_S));
		won += look.ip4 == (uint32_t)EVIL;
	}
	p = (double)EACH / (double)(1 << BITS);
	expected = p * questions;
	rate = won / expected;
	tapir_test_say("%u questions of %u forged, %.0f computed: %.3f of it", won, questions,
		       expected, rate);
	assert_true(rate > 0.9 && rate < 1.1);
	dnslook_close(&l);
	free(g);
}

/* ---- what he would have to guess ---- */

static double *sample_id, *sample_port, *sample_time;
static size_t nsample;

/* n questions' IDs and ports, and when they were sent. */
static void collect(size_t n, uint64_t seed)
{
	char name[64];

	free(sample_id);
	sample_id = malloc(n * sizeof(double));
	free(sample_port);
	sample_port = malloc(n * sizeof(double));
	free(sample_time);
	sample_time = malloc(n * sizeof(double));
	nsample = n;
	memset(&l, 0, sizeof(l));
	dns_conf_default(&l.conf);
	open_world(seed);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n%zu.example", i);
		assert_int_equal(dnslook_now(&l, &look, name), DNS_OK);
		sample_id[i] = asked()->id;
		sample_port[i] = asked()->from.port;
		sample_time[i] = (double)(asked()->at_ns - l.w.start_ns);
		l.w.nseen = 0;
	}
	dnslook_close(&l);
}

/* Chi-square over `bins` equal parts of [lo, hi), as a distance from its mean in standard deviations. */
static double uniform(const double *v, size_t n, double lo, double hi, size_t bins)
{
	size_t *count = calloc(bins, sizeof(*count));
	double expected = (double)n / (double)bins, chi = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)((v[i] - lo + 0.5) / (hi - lo) * (double)bins);

		assert_true(v[i] >= lo && v[i] < hi && at < bins);
		count[at]++;
	}
	for (size_t i = 0; i < bins; i++) {
		double d = (double)count[i] - expected;

		chi += d * d / expected;
	}
	free(count);
	return (chi - (double)(bins - 1)) / sqrt(2.0 * (double)(bins - 1));
}

static double correlation(const double *a, const double *b, size_t n)
{
	double ma = 0, mb = 0, sab = 0, sa = 0, sb = 0;

	for (size_t i = 0; i < n; i++) {
		ma += a[i];
		mb += b[i];
	}
	ma /= (double)n;
	mb /= (double)n;
	for (size_t i = 0; i < n; i++) {
		sab += (a[i] - ma) * (b[i] - mb);
		sa += (a[i] - ma) * (a[i] - ma);
		sb += (b[i] - mb) * (b[i] - mb);
	}
	return sab / sqrt(sa * sb);
}

/* Solves the system of n equations in place, by elimination. */
static void solve(double a[12][13], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned best = i;

		for (unsigned k = i + 1; k < n; k++)
			best = fabs(a[k][i]) > fabs(a[best][i]) ? k : best;
		for (unsigned c = 0; c <= n; c++) {
			double x = a[i][c];

			a[i][c] = a[best][c];
			a[best][c] = x;
		}
		for (unsigned k = 0; k < n; k++) {
			double f = k == i || a[i][i] == 0 ? 0 : a[k][i] / a[i][i];

			for (unsigned c = i; c <= n; c++)
				a[k][c] -= f * a[i][c];
		}
	}
	for (unsigned i = 0; i < n; i++)
		a[i][n] = a[i][i] == 0 ? 0 : a[i][n] / a[i][i];
}

/*
 * How much of y the eight values before it, its number and `more` tell by linear regression: n R^2, which for noise is
 * distributed as chi-square with ten degrees of freedom.
 */
static double regression(const double *y, const double *more, size_t n)
{
	enum { PAST = 8, X = PAST + 3 };
	double a[12][13] = {{0}}, mean = 0, total = 0, left = 0;

	for (size_t i = PAST; i < n; i++)
		mean += y[i] / (double)(n - PAST);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = PAST; i < n; i++) {
			double x[X] = {1, (double)i / (double)n, more[i] / (more[n - 1] + 65536)};
			double predicted = 0, v = (y[i] - mean) / 65536;

			for (unsigned k = 0; k < PAST; k++)
				x[3 + k] = y[i - 1 - k] / 65536;
			for (unsigned k = 0; pass == 0 && k < X; k++) {
				for (unsigned c = 0; c < X; c++)
					a[k][c] += x[k] * x[c];
				a[k][X] += x[k] * v;
			}
			for (unsigned k = 0; pass == 1 && k < X; k++)
				predicted += a[k][X] * x[k];
			total += pass ? v * v : 0;
			left += pass ? (v - predicted) * (v - predicted) : 0;
		}
		if (pass == 0)
			solve(a, X);
	}
	return (double)(n - PAST) * (1 - left / total);
}

/* Bits that a guess is worth: from how often two of the sample are equal (Renyi's entropy of order 2). */
static double entropy(const double *v, size_t n)
{
	unsigned *count = calloc(65536, sizeof(*count));
	double pairs = 0;

	for (size_t i = 0; i < n; i++)
		pairs += count[(unsigned)v[i]]++;
	free(count);
	return -log2(pairs / ((double)n * (double)(n - 1) / 2));
}

static void assert_unpredictable(const char *what, const double *v, const double *more, double lo)
{
	size_t n = nsample;
	double bits = entropy(v, n), chi = uniform(v, n, lo, 65536, 256), worst = 0, r;
	double fine = uniform(v, n, lo, 65536, (size_t)(65536 - lo));
	double told = regression(v, more, n);

	for (size_t lag = 1; lag <= LAGS; lag++) {
		r = correlation(v, v + lag, n - lag) * sqrt((double)n);
		worst = fabs(r) > fabs(worst) ? r : worst;
	}
	tapir_test_say(
		"%s, %zu of them: %.2f bits measured of %.2f; uniform to %+.1f (256 parts), %+.1f "
		"(each) sigma; "
		"lag 1 to 16 at most %+.1f sigma; regression %.1f (10 +- 4.5)",
		what, n, bits, log2(65536 - lo), chi, fine, worst, told);
	assert_true(fabs(bits - log2(65536 - lo)) < 0.15);
	assert_true(fabs(chi) < 5 && fabs(fine) < 5);
	assert_true(fabs(worst) < 5);
	assert_true(told < 45);
}

TEST(ids_and_ports_of_queries_are_uniform_and_unrelated, "NW-08 IH-04 IH-05 DN-16 AM33-18")
{
	size_t n = long_runs(100000, 1000000), small = 0;
	double cross;

	collect(n, 4242);
	assert_unpredictable("IDs", sample_id, sample_time, 0);
	assert_unpredictable("ports", sample_port, sample_id, 1024);
	cross = correlation(sample_id, sample_port, n) * sqrt((double)n);
	tapir_test_say("ID and port together: %+.1f sigma", cross);
	assert_true(fabs(cross) < 5);
	/* Differences are neither constant nor small. */
	for (size_t i = 1; i < n; i++)
		small += fabs(sample_id[i] - sample_id[i - 1]) < 256;
	assert_in_range(small, n / 256, n / 64);
}

TEST(queries_have_all_ports_and_all_ids, "D5452-5 D5452-7")
{
	/* 100000 throws into 64512: all but 21 % are met. */
	static uint8_t port[65536], id[65536];
	unsigned ports = 0, ids = 0, low = 65536;

	memset(port, 0, sizeof(port));
	memset(id, 0, sizeof(id));
	if (nsample == 0)
		collect(100000, 4242);
	for (size_t i = 0; i < nsample; i++) {
		unsigned p = (unsigned)sample_port[i];

		ports += !port[p];
		port[p] = 1;
		low = p < low ? p : low;
		ids += !id[(unsigned)sample_id[i]];
		id[(unsigned)sample_id[i]] = 1;
	}
	tapir_test_say("%u ports from %u on, %u IDs in %zu queries", ports, low, ids, nsample);
	assert_true(low >= 1024 && low < 1040);
	assert_true(ports > 50000 && ids > 50000);
}

TEST(the_case_of_letters_is_uniform_and_each_by_itself, "")
{
	enum { N = 20000, LETTERS = 33 };
	double ones[LETTERS] = {0}, worst = 0, same = 0;
	uint64_t last = 0;

	memset(&l, 0, sizeof(l));
	dns_conf_default(&l.conf);
	open_world(8);
	for (unsigned i = 0; i < N; i++) {
		uint64_t bits;

		assert_int_equal(dnslook_now(&l, &look, "abcdefghijklmnopqrstuvwxyz.example"),
				 DNS_OK);
		bits = case_of(asked());
		l.w.nseen = 0;
		for (unsigned k = 0; k < LETTERS; k++) {
			ones[k] += (double)(bits >> k & 1);
			same += (bits >> k & 1) == (last >> k & 1);
		}
		last = bits;
	}
	for (unsigned k = 0; k < LETTERS; k++) {
		double s = (ones[k] - N / 2.0) / sqrt(N / 4.0);

		worst = fabs(s) > fabs(worst) ? s : worst;
	}
	same = (same - N * LETTERS / 2.0) / sqrt(N * LETTERS / 4.0);
	tapir_test_say(
		"case: %u letters, %u bits; each within %+.1f sigma, from query to query %+.1f",
		(unsigned)LETTERS, (unsigned)LETTERS, worst, same);
	assert_true(fabs(worst) < 5 && fabs(same) < 5);
	dnslook_close(&l);
}

TEST(a_restart_begins_anywhere, "NW-08 DN-17 D5452-7")
{
	enum { STARTS = 400, EACH = 8 };
	double *id = calloc(STARTS, sizeof(double)), *port = calloc(STARTS, sizeof(double));
	double *number = calloc(STARTS, sizeof(double)), ri, rp;
	uint16_t first[STARTS][EACH];
	unsigned same = 0;

	for (unsigned i = 0; i < STARTS; i++) {
		memset(&l, 0, sizeof(l));
		dns_conf_default(&l.conf);
		open_world(i);
		for (unsigned k = 0; k < EACH; k++) {
			assert_int_equal(dnslook_now(&l, &look, "abc.example"), DNS_OK);
			first[i][k] = asked()->id;
			if (k == 0) {
				id[i] = asked()->id;
				port[i] = asked()->from.port;
				number[i] = i;
			}
		}
		dnslook_close(&l);
		for (unsigned k = 0; k < i; k++)
			same += memcmp(first[i], first[k], sizeof(first[i])) == 0;
	}
	assert_int_equal(same, 0);
	assert_true(fabs(uniform(id, STARTS, 0, 65536, 16)) < 5);
	assert_true(fabs(uniform(port, STARTS, 1024, 65536, 16)) < 5);
	ri = correlation(id, number, STARTS) * sqrt((double)STARTS);
	rp = correlation(port, number, STARTS) * sqrt((double)STARTS);
	tapir_test_say("%u starts: first ID and port against the start's number %+.1f, %+.1f sigma",
		       (unsigned)STARTS, ri, rp);
	assert_true(fabs(ri) < 5 && fabs(rp) < 5);
	free(id);
	free(port);
	free(number);
}

static int end(void **state)
{
	(void)state;
	free(sample_id);
	free(sample_port);
	free(sample_time);
	sample_id = sample_port = sample_time = NULL;
	nsample = 0;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_forgeries_are_refused_without_a_word_of_tcp),
		cmocka_unit_test(a_million_forgeries_are_refused_and_drive_questions_to_tcp),
		cmocka_unit_test(a_server_without_tcp_gives_the_attacker_no_more_chances),
		cmocka_unit_test(the_same_question_is_in_flight_once),
		cmocka_unit_test(a_forged_second_fragment_joins_nothing),
		cmocka_unit_test(forged_icmp_errors_cost_no_answer),
		cmocka_unit_test(with_twelve_random_bits_left_forgeries_win_as_often_as_computed),
		cmocka_unit_test(ids_and_ports_of_queries_are_uniform_and_unrelated),
		cmocka_unit_test_teardown(queries_have_all_ports_and_all_ids, end),
		cmocka_unit_test(the_case_of_letters_is_uniform_and_each_by_itself),
		cmocka_unit_test(a_restart_begins_anywhere),
	};

	return tapir_test_run("sim/test_dns_attacker", tests);
}
