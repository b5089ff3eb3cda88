/* ICMP: echo, errors that arrive, errors that leave, and their limits. */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/ip/icmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/pmtu.h"
#include "tests/unit/ip/ip_world.h"

TEST(an_echo_comes_back_whole_from_the_address_asked, "R1122-66 R1122-69 R1122-70 R792-2 R1122-15")
{
	struct world *w = *state;
	struct world_pkt p;
	uint8_t data[1000];
	size_t n;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3);
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 8, 0, 0x12345678, data, sizeof(data));
	world_push_ip(w, buf, n);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.src, WORLD_US);
	assert_int_equal(p.dst, WORLD_PEER);
	assert_int_equal(p.type, 0);
	assert_int_equal(p.code, 0);
	assert_int_equal(p.rest, 0x12345678);
	assert_int_equal(p.len, sizeof(data));
	assert_memory_equal(p.data, data, sizeof(data));
	assert_false(world_expect(w, out, &p));
}

TEST(a_request_of_nothing_but_zeros_gets_a_right_checksum, "R792-2 R792-1")
{
	struct world *w = *state;
	static const uint8_t zeros[64];
	struct world_pkt p;

	/* The reply's words are all 0: its checksum can only be 0xffff. */
	for (size_t n = 0; n <= sizeof(zeros); n++) {
		world_push_ip(w, buf, world_icmp(buf, WORLD_PEER, WORLD_US, 8, 0, 0, zeros, n));
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.len, n);
	}
}

TEST(the_reply_leaves_from_the_address_that_was_asked_not_from_the_first, "R1122-69 R1122-93")
{
	struct world *w = *state;
	struct tapir_addr second = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 50));
	struct world_pkt p;

	assert_int_equal(tapir_addr_add(w->t, w->ifi, &second, 24), 0);
	world_push_ip(w, buf, ping(WORLD_FAR, TAPIR_IP4(192, 0, 2, 50)));
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.src, TAPIR_IP4(192, 0, 2, 50));
	assert_int_equal(p.dst, WORLD_FAR);
}

TEST(a_wrong_checksum_is_dropped, "R792-1")
{
	struct world *w = *state;

	for (unsigned bit = 0; bit < 24 * 8; bit++) {
		size_t n = ping(WORLD_PEER, WORLD_US);

		buf[20 + bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		refused(w, n, DROP_ICMP_CSUM);
	}
	assert_int_equal(world_stat(w, STAT_Icmp_InCsumErrors), 24 * 8);
}

TEST(short_messages_of_every_type_are_dropped, "R792-3 AM33-12 FR-06 R20-15")
{
	struct world *w = *state;
	uint64_t shorts = 0;

	for (unsigned type = 0; type < 256; type++) {
		for (unsigned len = 0; len < 8; len++) {
			uint8_t m[8] = {0};
			size_t n;

			m[0] = (uint8_t)type;
			n = world_ip(buf, WORLD_PEER, WORLD_US, 1, m, len);
			if (len >= 4)
				world_fix(buf, n);
			world_push_ip(w, buf, n);
			assert_int_equal(world_drops(w, DROP_ICMP_SHORT), ++shorts);
		}
	}
	expect_silence(w);
	/* Errors that quote 0 to 27 bytes. */
	for (unsigned len = 0; len < 28; len++) {
		uint8_t q[64];

		world_udp(q, WORLD_US, WORLD_PEER, 1, 2, "x", 1);
		refused(w, world_icmp(buf, WORLD_PEER, WORLD_US, 3, 3, 0, q, len), DROP_ICMP_QUOTE);
	}
	expect_alive(w);
}

TEST(a_message_of_unknown_type_gets_no_answer, "R1122-45")
{
	struct world *w = *state;
	unsigned n = 0;

	for (unsigned type = 19; type < 256; type++) {
		refused(w,
			world_icmp(buf, WORLD_PEER, WORLD_US, (uint8_t)type, 0, 1,
				   "01234567890123456789", 20),
			DROP_ICMP_TYPE);
		n++;
	}
	for (unsigned code = 1; code < 256; code++)
		refused(w, world_icmp(buf, WORLD_PEER, WORLD_US, 8, (uint8_t)code, 1, "x", 1),
			DROP_ICMP_CODE);
}

TEST(requests_that_would_tell_about_us_meet_silence, "IC-06 R1122-73 R1122-75")
{
	struct world *w = *state;
	static const uint8_t types[] = {9, 10, 13, 14, 15, 16, 17, 18};
	static const uint32_t to[] = {WORLD_US, WORLD_BC, TAPIR_IP4(255, 255, 255, 255),
				      TAPIR_IP4(224, 0, 0, 1)};

	for (size_t i = 0; i < sizeof(types); i++) {
		for (size_t k = 0; k < 4; k++)
			refused(w,
				world_icmp(buf, WORLD_PEER, to[k], types[i], 0, 1,
					   "0123456789abcdef", 16),
				DROP_ICMP_IGNORED);
	}
}

TEST(mask_replies_change_nothing, "R20-16 R1122-75")
{
	struct world *w = *state;
	struct tapir_ifaddr a;

	for (unsigned i = 0; i < 100; i++) {
		refused(w,
			world_icmp(buf, WORLD_PEER, i & 1 ? WORLD_US : WORLD_BC, 18, 0, 1,
				   "\0\0\0\0", 4),
			DROP_ICMP_IGNORED);
	}
	assert_int_equal(tapir_addr_get(w->t, w->ifi, 0, &a), 0);
	assert_int_equal(a.prefix_len, 24);
}

TEST(an_echo_to_many_meets_silence, "R1122-68 CL-15")
{
	struct world *w = *state;

	refused(w, ping(WORLD_PEER, WORLD_BC), DROP_ICMP_BCAST);
	refused(w, ping(WORLD_FAR, TAPIR_IP4(255, 255, 255, 255)), DROP_ICMP_BCAST);
	refused(w, ping(WORLD_FAR, TAPIR_IP4(224, 0, 0, 1)), DROP_ICMP_BCAST);
}

TEST(echoes_can_be_turned_off_or_limited, "IC-05")
{
	struct world *w = *state;
	struct world_pkt p;
	unsigned answers = 0;

	tapir_sysctl(w->t, "net.tapir.icmp_echo_rate", 0, 100);
	for (unsigned i = 0; i < 20000; i++) {
		world_push_ip(w, buf, ping(WORLD_PEER, WORLD_US));
		if (i % 100 == 0)
			world_step(w, 5 * WORLD_MS);
		while (world_expect(w, out, &p))
			answers++;
	}
	assert_in_range(answers, 150, 205);
	assert_true(world_drops(w, DROP_ICMP_RATE) > 19000);
	tapir_sysctl(w->t, "net.tapir.icmp_echo_rate", 0, 0);
	tapir_sysctl(w->t, "net.ipv4.icmp_echo_ignore_all", 0, 1);
	world_push_ip(w, buf, ping(WORLD_PEER, WORLD_US));
	expect_silence(w);
	tapir_sysctl(w->t, "net.ipv4.icmp_echo_ignore_all", 0, 0);
	/* By default ten thousand in a row lose none. */
	answers = 0;
	for (unsigned i = 0; i < 10000; i++) {
		world_push_ip(w, buf, ping(WORLD_PEER, WORLD_US));
		answers += world_expect(w, out, &p);
	}
	assert_int_equal(answers, 10000);
}

TEST(large_echoes_are_answered_also_when_identifications_run_out, "R6864-6")
{
	struct world *w = *state;
	static uint8_t data[1400];
	unsigned df = 0, cut = 0;
	struct world_pkt p;

	w->no_check = true;
	for (unsigned i = 0; i < 40000; i++) {
		size_t n = world_icmp(buf, WORLD_PEER, WORLD_US, 8, 0, i, data, sizeof(data));

		world_push_ip(w, buf, n);
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.rest, i);
		df += p.df;
		cut += !p.df;
	}
	assert_int_equal(cut, 32768);
	assert_int_equal(df, 40000 - 32768);
}

/* A packet of an unknown protocol, which earns an error when nothing forbids it. */
static size_t stray(uint32_t src, uint32_t dst, size_t n)
{
	static uint8_t data[WORLD_FRAME];

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i + 1);
	return world_ip(buf, src, dst, 253, data, n);
}

TEST(an_error_quotes_what_came_within_576_bytes, "R1122-46 R1122-47 R4884-3 R1122-49 CL-24")
{
	struct world *w = *state;
	static const size_t sizes[] = {0, 1, 8, 100, 500, 528, 529, 1000, 1480};
	struct world_pkt p;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = stray(WORLD_PEER, WORLD_US, sizes[i]), total;
		static uint8_t copy[2000];

		buf[1] = 0xfc; /* its TOS is not ours */
		world_fix(buf, n);
		memcpy(copy, buf, n);
		world_step(w, 10 * WORLD_S);
		total = world_push_ip(w, buf, n) == 0 ? world_pop(w, out, sizeof(out)) : 0;
		assert_true(world_read(out, total, &p));
		assert_int_equal(p.type, 3);
		assert_int_equal(p.code, 2);
		assert_int_equal(p.tos, 0);
		assert_int_equal(p.src, WORLD_US);
		assert_int_equal(p.dst, WORLD_PEER);
		assert_true(total <= 576 && total <= n + 28);
		assert_int_equal(p.len, n < 548 ? n : 548);
		assert_memory_equal(p.data, copy, p.len);
	}
	/* Forty bytes of options are quoted within the same bound. */
	{
		uint8_t nops[40];
		size_t n;

		memset(nops, 1, 40);
		world_step(w, 10 * WORLD_S);
		n = with_options(stray(WORLD_PEER, WORLD_US, 1400), nops, 40);
		world_push_ip(w, buf, n);
		assert_int_equal(world_pop(w, out, sizeof(out)), 576);
		assert_memory_equal(out + 28, buf, 548);
	}
}

/* No answer to the n bytes in buf. */
static void no_error(struct world *w, size_t n)
{
	world_push_ip(w, buf, n);
	expect_silence(w);
}

TEST(no_error_is_answered_by_an_error, "R1122-50")
{
	struct world *w = *state;
	static const uint8_t errors[] = {3, 4, 5, 11, 12};

	for (size_t i = 0; i < sizeof(errors); i++) {
		/* As it is, and in a datagram that never becomes whole. */
		size_t n;
		uint8_t q[100];
		size_t qn = world_ip(q, WORLD_US, WORLD_PEER, 253, "0123456789abcdef", 16);

		no_error(w, world_icmp(buf, WORLD_PEER, WORLD_US, errors[i], 0, 0, q, qn));
		n = world_icmp(buf, WORLD_PEER, WORLD_US, errors[i], 0, 0, q, 32);
		be16(buf + 4, (uint32_t)i);
		be16(buf + 6, 0x2000);
		be16(buf + 10, 0);
		be16(buf + 10, world_cksum(buf, 20, 0));
		no_error(w, n);
	}
	world_step(w, 40 * WORLD_S);
	assert_int_equal(world_stat(w, STAT_Ip_ReasmTimeout), 5);
	expect_silence(w);
}

TEST(nothing_sent_to_many_earns_an_error, "R1122-51")
{
	struct world *w = *state;

	no_error(w, stray(WORLD_PEER, WORLD_BC, 10));
	no_error(w, stray(WORLD_PEER, TAPIR_IP4(255, 255, 255, 255), 10));
	no_error(w, stray(WORLD_PEER, TAPIR_IP4(224, 0, 0, 1), 10));
	no_error(w, stray(WORLD_PEER, TAPIR_IP4(192, 0, 2, 0), 10));
	assert_int_equal(world_drops(w, DROP_IP_PROTO), 4);
	assert_int_equal(world_stat(w, STAT_Icmp_OutMsgs), 0);
}

TEST(what_came_in_a_link_broadcast_earns_no_error, "R1122-52")
{
	struct world *w = *state;
	static uint8_t f[2000];
	struct tapir_mac all = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	size_t n = stray(WORLD_PEER, WORLD_US, 100);

	world_push(w, f, world_eth(f, &all, &world_peer_mac, 0x0800, buf, n));
	expect_silence(w);
	world_push(w, f, world_eth(f, &world_mac, &world_peer_mac, 0x0800, buf, n));
	assert_true(world_pop(w, out, sizeof(out)) > 0);
}

TEST(a_later_fragment_earns_no_error, "R1122-53")
{
	struct world *w = *state;
	size_t n = stray(WORLD_PEER, WORLD_US, 64);

	be16(buf + 6, 8);
	world_fix(buf, n);
	no_error(w, n);
	world_step(w, 60 * WORLD_S);
	expect_silence(w);
}

TEST(no_error_goes_to_what_is_no_single_host, "R1122-54 IC-07")
{
	struct world *w = *state;
	static const uint32_t src[] = {0,
				       TAPIR_IP4(127, 0, 0, 1),
				       WORLD_BC,
				       TAPIR_IP4(224, 0, 0, 1),
				       TAPIR_IP4(240, 0, 0, 1),
				       TAPIR_IP4(255, 255, 255, 255),
				       TAPIR_IP4(192, 0, 2, 0),
				       TAPIR_IP4(0, 0, 0, 7)};

	for (size_t i = 0; i < sizeof(src) / sizeof(src[0]); i++) {
		no_error(w, stray(src[i], WORLD_US, 10));
		no_error(w, world_udp(buf, src[i], WORLD_US, 53, 53, "x", 1));
	}
}

TEST(where_nothing_forbids_it_the_error_is_sent, "R1122-55")
{
	struct world *w = *state;
	struct world_pkt p;

	for (unsigned i = 1; i < 100; i++) {
		world_push_ip(w, buf, stray(TAPIR_IP4(198, 51, 100, i), WORLD_US, i));
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.type, 3);
		assert_int_equal(p.dst, TAPIR_IP4(198, 51, 100, i));
		world_step(w, 100 * WORLD_MS);
	}
	assert_int_equal(world_stat(w, STAT_Icmp_OutDestUnreachs), 99);
	assert_int_equal(world_events(w, TAPIR_EV_ICMP_SENT), 99);
}

TEST(errors_to_one_host_are_limited, "")
{
	struct world *w = *state;
	struct world_pkt p;
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++) {
		world_push_ip(w, buf, stray(WORLD_PEER, WORLD_US, 10));
		while (world_expect(w, out, &p))
			n++;
		world_step(w, 10 * WORLD_MS);
	}
	/* Six at once, then one a second. */
	assert_in_range(n, 15, 16);
	assert_int_equal(world_stat(w, STAT_Icmp_OutRateLimitHost), 1000 - n);
	assert_true(world_events(w, TAPIR_EV_ICMP_LIMITED) > 0);
}

/* Errors that leave for `n` packets of as many forged sources, at one moment. */
static unsigned burst(struct world *w, unsigned n, uint32_t from)
{
	struct world_pkt p;
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++) {
		world_push_ip(w, buf, stray(from + i, WORLD_US, 10));
		while (world_expect(w, out, &p))
			got++;
	}
	return got;
}

TEST(the_common_limit_can_t_be_measured, "IC-01")
{
	struct world *w = *state;
	unsigned seen[200] = {0}, different = 0, min = 1000, max = 0, sum = 0;

	for (unsigned i = 0; i < 100; i++) {
		unsigned n = burst(w, 150, TAPIR_IP4(198, 51, 100, 0) + i * 150);

		seen[n]++;
		min = n < min ? n : min;
		max = n > max ? n : max;
		sum += n;
		world_step(w, 2 * WORLD_S);
	}
	for (unsigned i = 0; i < 200; i++)
		different += seen[i] > 0;
	/* Fifty on the mean, and never to be told. */
	assert_in_range(sum / 100, 45, 57);
	assert_true(different > 10);
	assert_true(max - min > 10);
	/* Over a long time: a thousand a second. */
	sum = 0;
	for (unsigned i = 0; i < 400; i++) {
		sum += burst(w, 50, TAPIR_IP4(198, 18, 0, 0) + i * 50);
		world_step(w, 5 * WORLD_MS);
	}
	assert_in_range(sum, 1850, 2250);
}

TEST(one_host_s_limit_leaves_the_common_one_alone, "IC-01")
{
	struct world *w = *state;
	struct world_pkt p;

	for (unsigned i = 0; i < 10000; i++) {
		world_push_ip(w, buf, stray(WORLD_PEER, WORLD_US, 10));
		while (world_expect(w, out, &p))
			;
	}
	/* Only the six that left have been paid for. */
	assert_in_range(burst(w, 150, TAPIR_IP4(198, 51, 100, 0)), 20, 80);
	assert_int_equal(world_stat(w, STAT_Icmp_OutRateLimitGlobal) > 0, 1);
}

TEST(source_quench_is_discarded_in_silence_and_counted, "R6633-2 R6633-3 R6633-1")
{
	struct world *w = *state;
	uint8_t q[64];
	size_t n = world_tcp(q, WORLD_US, WORLD_PEER, 80, 1000, 1, 1, 16, 100, NULL, 0, NULL, 0);

	for (unsigned i = 1; i <= 100; i++) {
		size_t m = world_icmp(buf, WORLD_PEER, WORLD_US, 4, 0, 0, q, n);

		world_push_ip(w, buf, m);
		expect_silence(w);
		assert_int_equal(world_drops(w, DROP_ICMP_QUENCH), i);
		assert_int_equal(world_stat(w, STAT_Icmp_InSrcQuenchs), i);
	}
}

TEST(we_send_no_redirect_and_no_source_quench, "R1122-59 R6633-1")
{
	struct world *w = *state;
	struct world_pkt p;

	/* A flood beyond what we take, and packets for others that came to us. */
	for (unsigned i = 0; i < 5000; i++) {
		world_push_ip(w, buf, ping(WORLD_PEER, i & 1 ? WORLD_US : TAPIR_IP4(192, 0, 2, 3)));
		if (i % 100 == 0)
			while (world_expect(w, out, &p))
				assert_int_equal(p.type, 0);
	}
}

TEST(a_wrong_quote_is_not_believed, "R792-4 R5927-6 CL-25 AM33-33")
{
	struct world *w = *state;
	uint8_t q[100];
	size_t n;

	/* Not from us. */
	n = world_udp(q, WORLD_PEER, WORLD_FAR, 1, 2, "x", 1);
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	/* To many: nobody may answer such a thing. */
	n = world_udp(q, WORLD_US, TAPIR_IP4(224, 0, 0, 1), 1, 2, "x", 1);
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	n = world_udp(q, WORLD_US, WORLD_BC, 1, 2, "x", 1);
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	/* Version, IHL 4, IHL 15 of a short quote, a length below the header's. */
	n = world_udp(q, WORLD_US, WORLD_FAR, 1, 2, "x", 1);
	q[0] = 0x65;
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	q[0] = 0x44;
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	q[0] = 0x4f;
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	q[0] = 0x45;
	be16(q + 2, 19);
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	/* Not the first fragment: nobody can tell whose it was. */
	be16(q + 2, 29);
	be16(q + 6, 100);
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, n), DROP_ICMP_QUOTE);
	/* The first fragment of a datagram whose rest is missing is read within its bounds. */
	be16(q + 6, 0x2000);
	be16(q + 2, 1500);
	world_push_ip(w, buf, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, 28));
	expect_silence(w);
	/* A code that does not exist. */
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 3, 16, 0, q, n), DROP_ICMP_CODE);
	refused(w, world_icmp(buf, WORLD_FAR, WORLD_US, 11, 2, 0, q, n), DROP_ICMP_CODE);
	/* An error that came to many. */
	refused(w, world_icmp(buf, WORLD_PEER, WORLD_BC, 3, 3, 0, q, n), DROP_ICMP_BCAST);
}

/* Runs icmp_input() on the packet in buf, as tapir_input() would, and gives what it decoded. */
static enum verdict decode(struct world *w, size_t n, struct icmp_err *e)
{
	struct pkt *p = tapir_pkt_alloc(w->t, n);
	struct rx rx = {.pkt = p, .ifp = w->t->netif[w->ifi]};
	enum verdict v;

	memcpy(p->data, buf, n);
	p->len = (uint32_t)n;
	p->ifindex = (uint16_t)w->ifi;
	v = ip_input(w->t, &rx);
	if (v == V_NEXT_ICMP)
		v = icmp_input(w->t, &rx);
	if (v != V_DONE)
		pkt_free(rx.pkt);
	*e = rx.err;
	return v;
}

TEST(every_error_reaches_the_quoted_transport, "R1122-48 R1122-57 R1122-64 R1122-65 R1122-103")
{
	struct world *w = *state;
	static const struct {
		uint8_t type, codes;
	} kinds[] = {{3, 16}, {11, 2}, {12, 3}};
	struct icmp_err e;
	uint8_t q[100];
	size_t n;

	for (size_t i = 0; i < 3; i++) {
		for (uint8_t code = 0; code < kinds[i].codes; code++) {
			n = world_tcp(q, WORLD_US, WORLD_FAR, 80, 1234, 0xdeadbeef, 1, 16, 9, NULL,
				      0, "data", 4);
			n = world_icmp(buf, WORLD_PEER, WORLD_US, kinds[i].type, code, 0, q, n);
			assert_int_equal(decode(w, n, &e), V_ICMP_ERR);
			assert_int_equal(e.type, kinds[i].type);
			assert_int_equal(e.code, code);
			assert_int_equal(e.proto, 6);
			assert_int_equal(e.src, WORLD_US);
			assert_int_equal(e.dst, WORLD_FAR);
			assert_int_equal(e.sport, 80);
			assert_int_equal(e.dport, 1234);
			assert_int_equal(e.seq, 0xdeadbeef);
			assert_int_equal(e.quoted_len, 44);
			assert_int_equal(e.from, WORLD_PEER);
			assert_false(e.local);
		}
	}
	n = world_udp(q, WORLD_US, WORLD_FAR, 53, 99, "x", 1);
	n = world_icmp(buf, WORLD_FAR, WORLD_US, 3, 3, 0, q, 28);
	assert_int_equal(decode(w, n, &e), V_ICMP_ERR);
	assert_int_equal(e.proto, 17);
	assert_int_equal(e.sport, 53);
	assert_int_equal(e.dport, 99);
	/* Our own ping: known by its identifier; a reply of ours concerns nobody. */
	n = world_icmp(q, WORLD_US, WORLD_FAR, 8, 0, 0x00aa00bb, "x", 1);
	n = world_icmp(buf, WORLD_FAR, WORLD_US, 3, 1, 0, q, 28);
	assert_int_equal(decode(w, n, &e), V_ICMP_ERR);
	assert_int_equal(e.proto, 1);
	assert_int_equal(e.sport, 0xaa);
	assert_int_equal(e.seq, 0xbb);
	n = world_icmp(q, WORLD_US, WORLD_FAR, 0, 0, 0x00aa00bb, "x", 1);
	n = world_icmp(buf, WORLD_FAR, WORLD_US, 3, 1, 0, q, 28);
	assert_int_equal(decode(w, n, &e), V_DONE);
	n = world_ip(q, WORLD_US, WORLD_FAR, 253, "12345678", 8);
	n = world_icmp(buf, WORLD_FAR, WORLD_US, 3, 1, 0, q, 28);
	assert_int_equal(decode(w, n, &e), V_DONE);
	assert_int_equal(world_drops(w, DROP_ICMP_NO_SOCKET), 2);
}

TEST(the_quote_ends_where_the_length_attribute_says, "R4884-1")
{
	struct world *w = *state;
	struct icmp_err e;
	uint8_t q[400] = {0};
	size_t n;

	/* 128 bytes of quote, then an extension. */
	world_tcp(q, WORLD_US, WORLD_FAR, 80, 1234, 7, 1, 16, 9, NULL, 0, "data", 4);
	memset(q + 128, 0xff, 100);
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 11, 0, 32u << 16, q, 228);
	assert_int_equal(decode(w, n, &e), V_ICMP_ERR);
	assert_int_equal(e.seq, 7);
	/* A length that leaves no room for the transport's eight bytes. */
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 11, 0, 5u << 16, q, 228);
	assert_int_equal(decode(w, n, &e), V_DONE);
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 11, 0, 1u << 16, q, 228);
	assert_int_equal(decode(w, n, &e), V_DONE);
	assert_int_equal(world_drops(w, DROP_ICMP_QUOTE), 2);
	/* One that lies beyond the message is not believed. */
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 11, 0, 255u << 16, q, 228);
	assert_int_equal(decode(w, n, &e), V_ICMP_ERR);
}

TEST(fragmentation_needed_must_be_plausible, "R1191-4 R5927-5")
{
	struct world *w = *state;
	struct icmp_err e;
	static uint8_t q[1600], data[1400];
	size_t n;

	world_udp(q, WORLD_US, WORLD_FAR, 1, 2, data, sizeof(data)); /* 1428 bytes */
	for (uint32_t mtu = 1; mtu < 68; mtu++) {
		n = world_icmp(buf, WORLD_PEER, WORLD_US, 3, 4, mtu, q, 28);
		assert_int_equal(decode(w, n, &e), V_DONE);
	}
	/* No smaller than what was too large. */
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 3, 4, 1428, q, 28);
	assert_int_equal(decode(w, n, &e), V_DONE);
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 3, 4, 9000, q, 28);
	assert_int_equal(decode(w, n, &e), V_DONE);
	assert_int_equal(world_drops(w, DROP_ICMP_MTU), 69);
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 3, 4, 1427, q, 28);
	assert_int_equal(decode(w, n, &e), V_ICMP_ERR);
	assert_int_equal(e.mtu, 1427);
	/* From an old router, which tells none. */
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 3, 4, 0, q, 28);
	assert_int_equal(decode(w, n, &e), V_ICMP_ERR);
	assert_int_equal(e.mtu, 0);
	assert_int_equal(e.quoted_len, 1428);
}

TEST(no_message_changes_a_path_mtu_before_its_transport_has_agreed, "R8899-1 IC-02")
{
	struct world *w = *state;
	static uint8_t q[1600], data[1400];
	uint32_t gen = w->t->route_gen;

	/* For every port that there is, but no socket of ours. */
	for (unsigned port = 1; port < 65536; port += 7) {
		world_udp(q, WORLD_US, WORLD_FAR, (uint16_t)port, 53, data, sizeof(data));
		world_push_ip(w, buf, world_icmp(buf, WORLD_PEER, WORLD_US, 3, 4, 576, q, 28));
	}
	assert_int_equal(pmtu_get(w->t, WORLD_FAR, 1500), 1500);
	assert_int_equal(w->t->route_gen, gen);
	expect_silence(w);
}

TEST(errors_have_linux_s_numbers_and_three_unreachables_are_hints, "R1122-58")
{
	bool hard;

	assert_int_equal(icmp_err_errno(3, 0, &hard), ENETUNREACH);
	assert_false(hard);
	assert_int_equal(icmp_err_errno(3, 1, &hard), EHOSTUNREACH);
	assert_false(hard);
	assert_int_equal(icmp_err_errno(3, 5, &hard), EOPNOTSUPP);
	assert_false(hard);
	assert_int_equal(icmp_err_errno(3, 2, &hard), ENOPROTOOPT);
	assert_true(hard);
	assert_int_equal(icmp_err_errno(3, 3, &hard), ECONNREFUSED);
	assert_true(hard);
	assert_int_equal(icmp_err_errno(3, 4, &hard), EMSGSIZE);
	assert_int_equal(icmp_err_errno(3, 16, &hard), 0);
	assert_int_equal(icmp_err_errno(11, 0, &hard), EHOSTUNREACH);
	assert_false(hard);
	assert_int_equal(icmp_err_errno(12, 0, &hard), EPROTO);
	assert_int_equal(icmp_err_errno(4, 0, &hard), 0);
	assert_int_equal(icmp_err_errno(5, 0, &hard), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(an_echo_comes_back_whole_from_the_address_asked),
		TE(an_echo_comes_back_whole_from_the_address_asked),
		T(a_request_of_nothing_but_zeros_gets_a_right_checksum),
		T(the_reply_leaves_from_the_address_that_was_asked_not_from_the_first),
		T(a_wrong_checksum_is_dropped),
		T(short_messages_of_every_type_are_dropped),
		T(a_message_of_unknown_type_gets_no_answer),
		T(requests_that_would_tell_about_us_meet_silence),
		T(mask_replies_change_nothing),
		T(an_echo_to_many_meets_silence),
		T(echoes_can_be_turned_off_or_limited),
		T(large_echoes_are_answered_also_when_identifications_run_out),
		T(an_error_quotes_what_came_within_576_bytes),
		T(no_error_is_answered_by_an_error),
		T(nothing_sent_to_many_earns_an_error),
		TE(what_came_in_a_link_broadcast_earns_no_error),
		T(a_later_fragment_earns_no_error),
		T(no_error_goes_to_what_is_no_single_host),
		T(where_nothing_forbids_it_the_error_is_sent),
		T(errors_to_one_host_are_limited),
		T(the_common_limit_can_t_be_measured),
		T(one_host_s_limit_leaves_the_common_one_alone),
		T(source_quench_is_discarded_in_silence_and_counted),
		T(we_send_no_redirect_and_no_source_quench),
		T(a_wrong_quote_is_not_believed),
		T(every_error_reaches_the_quoted_transport),
		T(the_quote_ends_where_the_length_attribute_says),
		T(fragmentation_needed_must_be_plausible),
		T(no_message_changes_a_path_mtu_before_its_transport_has_agreed),
		T(errors_have_linux_s_numbers_and_three_unreachables_are_hints),
	};

	return tapir_test_run("unit/ip/test_icmp", tests);
}
