/* IPv4 arrives: what is taken, and why the rest is not. */
#include "tests/unit/ip/ip_world.h"
#include "tests/support/rnd.h"

TEST(a_version_other_than_4_vanishes, "R1122-19 R6274-2")
{
	struct world *w = *state;

	for (unsigned v = 0; v < 16; v++) {
		size_t n = ping(WORLD_PEER, WORLD_US);

		if (v == 4)
			continue;
		buf[0] = (uint8_t)(v << 4 | 5);
		world_fix(buf, n);
		refused(w, n, DROP_IP_VERSION);
	}
}

TEST(a_wrong_header_checksum_vanishes, "R1122-20")
{
	struct world *w = *state;

	for (unsigned bit = 0; bit < 160; bit++) {
		size_t n = ping(WORLD_PEER, WORLD_US);
		uint64_t drops = 0;

		buf[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		world_push_ip(w, buf, n);
		expect_silence(w);
		for (enum drop_reason r = DROP_IP_SHORT; r <= DROP_IP_CSUM; r++)
			drops += world_drops(w, r);
		assert_int_equal(drops, bit + 1);
	}
	assert_true(world_stat(w, STAT_IpExt_InCsumErrors) > 100);
	expect_alive(w);
}

TEST(both_forms_of_a_checksum_of_zero_verify_and_no_other, "IP-04")
{
	struct world *w = *state;
	size_t n = ping(WORLD_PEER, WORLD_US);
	uint32_t sum = 0;

	/* Choose the identification so that all other words add up to 0xffff: the field may be 0. */
	be16(buf + 4, 0);
	be16(buf + 10, 0);
	sum = (uint16_t)~world_cksum(buf, 20, 0);
	be16(buf + 4, 0xffff - sum);
	assert_int_equal(world_cksum(buf, 20, 0), 0);
	be16(buf + 10, 0x0000);
	accepted(w, n);
	be16(buf + 10, 0xffff);
	accepted(w, n);
	be16(buf + 10, 0x0001);
	refused(w, n, DROP_IP_CSUM);
	n = ping(WORLD_PEER, WORLD_US);
	be16(buf + 10, 0);
	refused(w, n, DROP_IP_CSUM);
}

TEST(every_length_must_agree_with_what_arrived, "R791-1 R6274-1 R6274-3 R6274-4")
{
	struct world *w = *state;
	size_t whole = ping(WORLD_PEER, WORLD_US);

	for (size_t n = 0; n < 20; n++) {
		ping(WORLD_PEER, WORLD_US);
		refused(w, n, DROP_IP_SHORT);
	}
	for (size_t n = 20; n < whole; n++) {
		ping(WORLD_PEER, WORLD_US);
		refused(w, n, DROP_IP_LENGTH);
	}
	for (unsigned ihl = 0; ihl < 5; ihl++) {
		ping(WORLD_PEER, WORLD_US);
		buf[0] = (uint8_t)(0x40 | ihl);
		world_fix(buf, whole);
		refused(w, whole, DROP_IP_IHL);
	}
	/* Padding behind the packet is cut off and does not come back. */
	ping(WORLD_PEER, WORLD_US);
	memset(buf + whole, 0xee, 100);
	accepted(w, whole + 100);
}

TEST(header_lengths_beyond_the_frame_are_dropped, "AM33-02 AM33-33 FR-05 FR-11 R20-14")
{
	struct world *w = *state;

	/* IHL 15 in 34 bytes: the header ends beyond what came. */
	size_t n = ping(WORLD_PEER, WORLD_US);

	buf[0] = 0x4f;
	be16(buf + 2, 34);
	be16(buf + 10, 0);
	refused(w, 34, DROP_IP_IHL);
	/* IHL 6..15 with a total length of 20, in a long enough frame. */
	for (unsigned ihl = 6; ihl <= 15; ihl++) {
		n = ping(WORLD_PEER, WORLD_US);
		memset(buf + n, 0x44, 60);
		buf[0] = (uint8_t)(0x40 | ihl);
		for (uint32_t total = 20; total < ihl * 4; total++) {
			be16(buf + 2, total);
			be16(buf + 10, 0);
			be16(buf + 10, world_cksum(buf, ihl * 4, 0));
			refused(w, 80, DROP_IP_LENGTH);
			memset(buf + 36, 0x44, 60);
			buf[0] = (uint8_t)(0x40 | ihl);
		}
	}
	/* IHL 5, total length 0..19. */
	for (uint32_t total = 0; total < 20; total++) {
		n = ping(WORLD_PEER, WORLD_US);
		be16(buf + 2, total);
		world_fix(buf, n);
		refused(w, n, DROP_IP_LENGTH);
	}
}

TEST(a_total_length_beyond_the_frame_is_dropped, "AM33-10 IH-11 NUC-03")
{
	struct world *w = *state;
	static const uint8_t types[] = {0, 3, 8, 11};

	for (size_t i = 0; i < sizeof(types); i++) {
		size_t n = world_icmp(buf, WORLD_PEER, WORLD_US, types[i], 0, 1,
				      "0123456789abcdef0123456789abcdef", 32);

		be16(buf + 2, (uint32_t)n + 20);
		be16(buf + 10, 0);
		be16(buf + 10, world_cksum(buf, 20, 0));
		refused(w, n, DROP_IP_LENGTH);
		be16(buf + 2, 1500);
		be16(buf + 10, 0);
		be16(buf + 10, world_cksum(buf, 20, 0));
		world_push_ip(w, buf, 60);
		expect_silence(w);
		be16(buf + 2, 65535);
		be16(buf + 10, 0);
		be16(buf + 10, world_cksum(buf, 20, 0));
		world_push_ip(w, buf, 60);
		expect_silence(w);
	}
	expect_alive(w);
}

TEST(options_that_we_do_not_know_are_stepped_over, "R1122-36 R1122-37 R1122-39 R791-3")
{
	struct world *w = *state;
	static const uint8_t stream[] = {136, 4, 0, 1}, unknown[] = {0x9e, 6, 1, 2, 3, 4, 1, 1},
			     security[] = {130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			     /* After the end nothing is read, not even nonsense. */
		end[] = {0, 131, 255, 1}, alert[] = {148, 4, 0, 0}, rr[] = {7, 7, 4, 0, 0, 0, 0, 1};
	struct world_pkt p;

	accepted(w, with_options(ping(WORLD_PEER, WORLD_US), stream, 4));
	accepted(w, with_options(ping(WORLD_PEER, WORLD_US), unknown, 8));
	accepted(w, with_options(ping(WORLD_PEER, WORLD_US), security, 12));
	accepted(w, with_options(ping(WORLD_PEER, WORLD_US), end, 4));
	accepted(w, with_options(ping(WORLD_PEER, WORLD_US), alert, 4));
	/* The payload begins behind them, and none of them comes back. */
	world_push_ip(w, buf, with_options(ping(WORLD_PEER, WORLD_US), rr, 8));
	assert_true(world_expect(w, out, &p));
	assert_int_equal(out[0], 0x45);
	assert_int_equal(p.len, 16);
	assert_memory_equal(p.data, "0123456789abcdef", 16);
}

TEST(malformed_options_are_dropped_without_an_answer, "R791-2 R6274-9 AM33-01 AM33-11 AM33-13")
{
	struct world *w = *state;
	static const uint8_t zero[] = {0x44, 0, 0, 0}, one[] = {0x44, 1, 0, 0},
			     far[] = {131, 255, 0, 0}, past[] = {0x9e, 5, 0, 0};
	uint8_t nops[40];

	refused(w, with_options(ping(WORLD_PEER, WORLD_US), zero, 4), DROP_IP_OPTION);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), one, 4), DROP_IP_OPTION);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), far, 4), DROP_IP_OPTION);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), past, 4), DROP_IP_OPTION);
	memset(nops, 1, 40);
	nops[38] = 0x94;
	nops[39] = 1;
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), nops, 40), DROP_IP_OPTION);
	/* Cut off by the header's end: a type without a length. */
	nops[38] = 1;
	nops[39] = 0x94;
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), nops, 40), DROP_IP_OPTION);
}

TEST(record_route_and_timestamp_are_never_written_or_answered, "IP-01 AM33-14 NUC-01")
{
	struct world *w = *state;
	uint8_t opts[40];
	struct world_pkt p;

	/* Pointers anywhere, in and out of the option, and an overflow counter that is full. */
	for (unsigned ptr = 0; ptr < 256; ptr++) {
		memset(opts, 0, sizeof(opts));
		opts[0] = 7;
		opts[1] = 39;
		opts[2] = (uint8_t)ptr;
		world_push_ip(w, buf, with_options(ping(WORLD_PEER, WORLD_US), opts, 40));
		assert_true(world_expect(w, out, &p));
		assert_int_equal(out[0], 0x45);
		opts[0] = 68;
		opts[1] = 40;
		opts[3] = 0xf1;
		world_push_ip(w, buf, with_options(ping(WORLD_PEER, WORLD_US), opts, 40));
		assert_true(world_expect(w, out, &p));
		assert_int_equal(out[0], 0x45);
	}
	/* Longer than the header has room: IHL 6, record route of 40. */
	opts[0] = 7;
	opts[1] = 40;
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), opts, 4), DROP_IP_OPTION);
}

TEST(source_routes_are_refused_however_many_and_however_far, "R6274-10 R1122-42 U11-01 CL-23")
{
	struct world *w = *state;
	static const uint8_t loose[] = {131, 7, 4, 192, 0, 2, 9, 0},
			     strict[] = {137, 7, 4, 192, 0, 2, 9, 0},
			     done[] = {131, 7, 8, 192, 0, 2, 9, 0}, mini[] = {131, 3, 4, 1},
			     two[] = {131, 3, 39, 131, 3, 39, 0, 0},
			     two_s[] = {137, 3, 39, 137, 3, 39, 0, 0},
			     unlike[] = {131, 3, 4, 137, 3, 4, 0, 0};

	refused(w, with_options(ping(WORLD_PEER, WORLD_US), loose, 8), DROP_IP_SOURCE_ROUTE);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), strict, 8), DROP_IP_SOURCE_ROUTE);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), done, 8), DROP_IP_SOURCE_ROUTE);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), mini, 4), DROP_IP_SOURCE_ROUTE);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), two, 8), DROP_IP_SOURCE_ROUTE);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), two_s, 8), DROP_IP_SOURCE_ROUTE);
	refused(w, with_options(ping(WORLD_PEER, WORLD_US), unlike, 8), DROP_IP_SOURCE_ROUTE);
	/* In fragments, with another route in each. */
	for (unsigned i = 0; i < 2; i++) {
		size_t n = with_options(ping(WORLD_PEER, WORLD_US), i ? strict : loose, 8);

		be16(buf + 6, i ? 2 : 0x2000);
		be16(buf + 10, 0);
		be16(buf + 10, world_cksum(buf, 28, 0));
		refused(w, n, DROP_IP_SOURCE_ROUTE);
	}
	/* In a packet that would have earned an error. */
	{
		size_t n = world_ip(buf, WORLD_PEER, WORLD_US, 99, "0123456789abcdef", 16);

		refused(w, with_options(n, two, 8), DROP_IP_SOURCE_ROUTE);
	}
}

TEST(impossible_sources_vanish_on_every_protocol, "R1122-24 R6274-13 IP-02")
{
	struct world *w = *state;
	static const struct {
		uint32_t src;
		enum drop_reason why;
	} martian[] = {
		{TAPIR_IP4(0, 0, 0, 0), DROP_IP_SRC},
		{TAPIR_IP4(0, 1, 2, 3), DROP_IP_SRC},
		{TAPIR_IP4(127, 0, 0, 1), DROP_IP_LOOPBACK_ADDR},
		{TAPIR_IP4(127, 255, 255, 254), DROP_IP_LOOPBACK_ADDR},
		{TAPIR_IP4(224, 0, 0, 1), DROP_IP_SRC},
		{TAPIR_IP4(239, 255, 255, 255), DROP_IP_SRC},
		{TAPIR_IP4(240, 0, 0, 1), DROP_IP_SRC},
		{TAPIR_IP4(255, 255, 255, 255), DROP_IP_SRC},
		{WORLD_BC, DROP_IP_SRC},
		{TAPIR_IP4(192, 0, 2, 0), DROP_IP_SRC},
	};
	static const uint8_t protos[] = {1, 2, 6, 17, 99};

	for (size_t i = 0; i < sizeof(martian) / sizeof(martian[0]); i++) {
		for (size_t k = 0; k < sizeof(protos); k++) {
			size_t n = world_ip(buf, martian[i].src, WORLD_US, protos[k],
					    "0123456789abcdef0123456789abcdef", 32);

			world_fix(buf, n);
			refused(w, n, martian[i].why);
		}
	}
}

TEST(a_packet_in_our_own_name_from_outside_is_dropped, "R6274-14 CL-13 CL-14 CL-30")
{
	struct world *w = *state;

	for (uint16_t port = 1; port < 2000; port++) {
		size_t n = world_tcp(buf, WORLD_US, WORLD_US, port, port, 1, 0, 2, 1000, NULL, 0,
				     NULL, 0);

		world_push_ip(w, buf, n);
		n = world_udp(buf, WORLD_US, WORLD_US, port, port, "x", 1);
		world_push_ip(w, buf, n);
		n = world_icmp(buf, WORLD_US, WORLD_US, 8, 0, port, "x", 1);
		world_push_ip(w, buf, n);
	}
	expect_silence(w);
	assert_int_equal(world_drops(w, DROP_IP_OWN_SRC), 3 * 1999);
	/* An ICMP error about such a packet. */
	{
		uint8_t q[64];
		size_t qn = world_tcp(q, WORLD_US, WORLD_US, 80, 80, 1, 0, 2, 1, NULL, 0, NULL, 0);

		refused(w, world_icmp(buf, WORLD_US, WORLD_US, 3, 1, 0, q, qn), DROP_IP_OWN_SRC);
	}
}

TEST(only_our_own_addresses_are_taken_and_nothing_is_forwarded, "R1122-17 R1122-23")
{
	struct world *w = *state;

	refused(w, ping(WORLD_PEER, TAPIR_IP4(192, 0, 2, 3)), DROP_IP_DST);
	refused(w, ping(WORLD_PEER, WORLD_FAR), DROP_IP_DST);
	refused(w, ping(WORLD_PEER, TAPIR_IP4(8, 8, 8, 8)), DROP_IP_DST);
	refused(w, ping(WORLD_PEER, TAPIR_IP4(224, 1, 2, 3)), DROP_IP_GROUP);
	refused(w, ping(WORLD_PEER, TAPIR_IP4(240, 0, 0, 1)), DROP_IP_DST);
	refused(w, ping(WORLD_PEER, TAPIR_IP4(127, 0, 0, 1)), DROP_IP_LOOPBACK_ADDR);
	assert_int_equal(world_stat(w, STAT_Ip_InAddrErrors), 6);
}

TEST(every_discard_is_counted_under_its_reason, "R1122-18")
{
	struct world *w = *state;
	const struct tapir_event *ev;

	refused(w, ping(WORLD_PEER, WORLD_FAR), DROP_IP_DST);
	ev = world_last(w, TAPIR_EV_PKT_DROP);
	assert_non_null(ev);
	assert_int_equal(ev->u.drop.reason, DROP_IP_DST);
	assert_int_equal(ev->u.drop.len, 44);
	assert_string_equal(ev->source, "RFC 1122 3.2.1.3");
}

TEST(loopback_addresses_are_never_on_the_wire, "R1122-25")
{
	struct world *w = *state;

	refused(w, ping(WORLD_PEER, TAPIR_IP4(127, 0, 0, 1)), DROP_IP_LOOPBACK_ADDR);
	refused(w, ping(TAPIR_IP4(127, 0, 0, 1), WORLD_US), DROP_IP_LOOPBACK_ADDR);
	refused(w, ping(TAPIR_IP4(127, 9, 9, 9), TAPIR_IP4(127, 0, 0, 1)), DROP_IP_LOOPBACK_ADDR);
}

TEST(a_packet_for_us_is_taken_at_any_ttl, "R1122-33 IP-03")
{
	struct world *w = *state;

	for (unsigned ttl = 0; ttl < 256; ttl++) {
		size_t n = ping(WORLD_PEER, WORLD_US);

		buf[8] = (uint8_t)ttl;
		world_fix(buf, n);
		accepted(w, n);
	}
}

TEST(the_identification_of_a_whole_datagram_is_not_looked_at, "R6864-1 R6864-3")
{
	struct world *w = *state;

	/* The same one again and again, other payloads, other senders: each is its own datagram. */
	for (unsigned i = 0; i < 20; i++) {
		size_t n = ping(WORLD_PEER + (i & 1) * 100, WORLD_US);

		be16(buf + 4, i < 10 ? 0 : 0x7777);
		world_fix(buf, n);
		accepted(w, n);
	}
}

TEST(the_reserved_bit_is_ignored, "R6274-6 R791-10")
{
	struct world *w = *state;
	struct world_pkt p;
	size_t n = ping(WORLD_PEER, WORLD_US);

	be16(buf + 6, 0x8000);
	world_fix(buf, n);
	world_push_ip(w, buf, n);
	assert_true(world_expect(w, out, &p)); /* which refuses a reserved bit of ours */
	assert_int_equal(out[6] & 0x80, 0);
	be16(buf + 6, 0xc000);
	world_fix(buf, n);
	accepted(w, n);
}

TEST(the_strong_model_drops_what_comes_to_another_interface, "R1122-95")
{
	struct world *w = *state;
	int second = world_netif(w, TAPIR_NETIF_RAW_IP, TAPIR_IP4(10, 0, 0, 2), 24, 1500, 0);
	size_t n = ping(TAPIR_IP4(10, 0, 0, 1), TAPIR_IP4(10, 0, 0, 2));

	assert_true(second > 0);
	world_push_if(w, second, buf, n);
	assert_true(world_pop_if(w, second, out, sizeof(out)) > 0);
	world_push_if(w, w->ifi, buf, n);
	assert_int_equal(world_drops(w, DROP_IP_WRONG_IF), 1);
	n = ping(TAPIR_IP4(10, 0, 0, 1), WORLD_US);
	world_push_if(w, second, buf, n);
	assert_int_equal(world_drops(w, DROP_IP_WRONG_IF), 2);
	assert_int_equal(world_pop_if(w, second, out, sizeof(out)), 0);
	expect_silence(w);
}

TEST(both_forms_of_broadcast_are_recognised, "R1122-98")
{
	struct world *w = *state;
	static const uint32_t to[] = {TAPIR_IP4(255, 255, 255, 255), WORLD_BC,
				      TAPIR_IP4(192, 0, 2, 0), TAPIR_IP4(0, 0, 0, 0)};

	for (size_t i = 0; i < 4; i++) {
		refused(w, ping(WORLD_PEER, to[i]), DROP_ICMP_BCAST);
		assert_int_equal(world_stat(w, STAT_IpExt_InBcastPkts), i + 1);
	}
}

TEST(the_all_hosts_group_is_always_joined, "R1122-101")
{
	struct world *w = *state;

	refused(w, ping(WORLD_PEER, TAPIR_IP4(224, 0, 0, 1)), DROP_ICMP_BCAST);
	refused(w, ping(WORLD_PEER, TAPIR_IP4(224, 0, 0, 2)), DROP_IP_GROUP);
	assert_int_equal(world_stat(w, STAT_IpExt_InMcastPkts), 1);
}

TEST(an_unknown_protocol_earns_a_protocol_unreachable, "R1122-56 R20-01 R20-05")
{
	struct world *w = *state;
	struct world_pkt p;
	uint8_t inner[600];
	size_t n = 0;

	/* IP in IP, ten deep, the inner lengths lying. */
	n = world_udp(inner, WORLD_PEER, WORLD_US, 1, 7, "hello", 5);
	be16(inner + 2, 1500);
	for (unsigned i = 0; i < 10; i++) {
		uint8_t next[600];
		size_t m = world_ip(next, WORLD_PEER, WORLD_US, 4, inner, n);

		if (i < 9)
			be16(next + 2, 2000 + i);
		memcpy(inner, next, m);
		n = m;
	}
	memcpy(buf, inner, n);
	world_push_ip(w, buf, n);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.type, 3);
	assert_int_equal(p.code, 2);
	assert_int_equal(p.len, n);
	assert_memory_equal(p.data, buf, n);
	expect_silence(w);
	assert_int_equal(world_drops(w, DROP_IP_PROTO), 1);
	assert_int_equal(world_stat(w, STAT_Ip_InUnknownProtos), 1);
}

TEST(tunnels_are_unknown_protocols_at_any_depth, "R20-07 CL-26 R20-05")
{
	struct world *w = *state;
	static uint8_t inner[3000];
	uint8_t v6[48] = {0x60, 0, 0, 0, 0, 8, 43, 64};
	struct world_pkt p;
	size_t n;

	/* 6in4, the inner header cut at every byte. */
	for (size_t len = 0; len <= sizeof(v6); len++) {
		world_push_ip(w, buf, world_ip(buf, WORLD_PEER, WORLD_US, 41, v6, len));
		if (world_expect(w, out, &p)) {
			assert_int_equal(p.type, 3);
			assert_int_equal(p.code, 2);
			assert_int_equal(p.len, 20 + len);
		}
		world_step(w, WORLD_S);
	}
	/* IP in IP, a hundred deep, in two fragments. */
	n = world_icmp(inner, WORLD_PEER, WORLD_US, 8, 0, 1, "x", 1);
	for (unsigned i = 0; i < 99; i++) {
		memmove(inner + 20, inner, n);
		n = world_ip(inner, WORLD_PEER, WORLD_US, 4, inner + 20, n);
	}
	assert_true(n > 2000);
	for (unsigned i = 0; i < 2; i++) {
		size_t len = i ? n - 1480 : 1480;

		world_ip(buf, WORLD_PEER, WORLD_US, 4, inner + i * 1480, len);
		be16(buf + 6, i ? 185 : 0x2000);
		be16(buf + 10, 0);
		be16(buf + 10, world_cksum(buf, 20, 0));
		world_push_ip(w, buf, len + 20);
	}
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.type, 3);
	assert_int_equal(p.code, 2);
	expect_silence(w);
	assert_int_equal(world_stat(w, STAT_Icmp_InEchos), 0);
}

TEST(a_length_of_zero_never_makes_a_loop, "CL-34 AM33-01")
{
	struct world *w = *state;
	uint8_t advert[64] = {0};
	uint8_t opts[40];

	/* A router advertisement whose entries are 0 long. */
	refused(w, world_icmp(buf, WORLD_PEER, WORLD_US, 9, 0, 255u << 24, advert, 64),
		DROP_ICMP_IGNORED);
	for (unsigned kind = 2; kind < 256; kind++) {
		for (unsigned at = 0; at < 39; at++) {
			memset(opts, 1, sizeof(opts));
			opts[at] = (uint8_t)kind;
			opts[at + 1] = 0;
			refused(w, with_options(ping(WORLD_PEER, WORLD_US), opts, 40),
				DROP_IP_OPTION);
		}
	}
}

/* A datagram of UDP to a port where nobody listens: refused by an error, or by silence to many. */
static void nobody_listens(struct world *w, uint16_t port, const void *body, size_t n)
{
	struct world_pkt p;
	static const uint32_t many[] = {WORLD_BC, UINT32_MAX, TAPIR_IP4(224, 0, 0, 1),
					TAPIR_IP4(224, 0, 0, 251), TAPIR_IP4(224, 0, 0, 252)};

	world_step(w, 10 * WORLD_S);
	world_push_ip(w, buf, world_udp(buf, WORLD_PEER, WORLD_US, port, port, body, n));
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.proto, 1);
	assert_int_equal(p.type, 3);
	assert_int_equal(p.code, 3);
	for (size_t i = 0; i < 5; i++) {
		world_push_ip(w, buf, world_udp(buf, WORLD_PEER, many[i], port, port, body, n));
		expect_silence(w);
	}
}

TEST(nobody_listens_for_dhcp_or_tftp, "R20-08 R20-10 R20-13 FR-12 IH-14")
{
	struct world *w = *state;
	static uint8_t dhcp[576] = {2, 1, 6};

	memcpy(dhcp + 236, "\x63\x82\x53\x63", 4);
	memset(dhcp + 44, 'A', 192); /* names without an end */
	dhcp[240] = 12;
	dhcp[241] = 255; /* an option past the end */
	nobody_listens(w, 68, dhcp, sizeof(dhcp));
	nobody_listens(w, 68, dhcp, 242);
	nobody_listens(w, 546, dhcp, 100);
	nobody_listens(w, 547, dhcp, 100);
	memset(dhcp, 'B', 512);
	dhcp[0] = 0;
	dhcp[1] = 1;
	nobody_listens(w, 69, dhcp, 512);
	expect_alive(w);
}

TEST(an_offer_of_an_address_is_nothing_to_us, "U11-06")
{
	struct world *w = *state;
	/* A DHCP offer of 192.0.2.2 itself, with a client identifier and names that lie about their length. */
	static uint8_t offer[300] = {2, 1, 6};
	static const uint8_t opts[] = {0x63, 0x82, 0x53, 0x63, 53, 1, 2, 61, 255, 12, 0, 1, 3, 255};

	memcpy(offer + 16, "\300\0\2\2", 4);
	memcpy(offer + 236, opts, sizeof(opts));
	nobody_listens(w, 68, offer, sizeof(offer));
	nobody_listens(w, 67, offer, sizeof(offer));
	for (size_t n = 0; n < 260; n += 13)
		world_push_ip(w, buf, world_udp(buf, WORLD_PEER, WORLD_BC, 67, 68, offer, n));
	expect_silence(w);
	expect_alive(w);
}

TEST(nobody_listens_for_names, "AM33-15 AM33-25 FR-09 FR-15")
{
	struct world *w = *state;
	uint8_t q[300] = {0, 1, 0, 0, 0, 1, 0, 5};

	memset(q + 12, 0xff, sizeof(q) - 12);
	nobody_listens(w, 137, q, 40);
	q[12] = 0x3f;
	nobody_listens(w, 5355, q, 17);
	nobody_listens(w, 5353, q, 24);
	nobody_listens(w, 5353, q, sizeof(q));
	nobody_listens(w, 5355, q, sizeof(q));
	expect_alive(w);
}

TEST(random_packets_do_no_harm, "RS-09")
{
	struct world *w = *state;
	struct rnd r = {7};

	w->no_check = true;
	for (unsigned i = 0; i < 200000; i++) {
		size_t n = rnd_below(&r, 120);

		for (size_t k = 0; k < n; k++)
			buf[k] = (uint8_t)rnd_u32(&r);
		/* Most get a header that passes, so that the rest is reached. */
		if (n >= 20 && i % 8 != 0) {
			buf[0] = (uint8_t)(0x45 + (i % 5 == 0 ? rnd_below(&r, 11) : 0));
			be16(buf + 2, (uint32_t)n);
			be32(buf + 12, WORLD_PEER);
			be32(buf + 16, WORLD_US);
			if (i % 3)
				be16(buf + 6, 0);
			buf[9] = (uint8_t[]){1, 2, 6, 17, 1, 4}[rnd_below(&r, 6)];
			if ((buf[0] & 15u) * 4 <= n)
				world_fix(buf, n);
		}
		world_push_ip(w, buf, n);
		if (i % 64 == 0) {
			drain(w);
			world_step(w, 10 * WORLD_MS);
		}
	}
	tapir_check(w->t);
	drain(w);
	expect_alive(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_version_other_than_4_vanishes),
		T(a_wrong_header_checksum_vanishes),
		T(both_forms_of_a_checksum_of_zero_verify_and_no_other),
		T(every_length_must_agree_with_what_arrived),
		T(header_lengths_beyond_the_frame_are_dropped),
		T(a_total_length_beyond_the_frame_is_dropped),
		T(options_that_we_do_not_know_are_stepped_over),
		T(malformed_options_are_dropped_without_an_answer),
		T(record_route_and_timestamp_are_never_written_or_answered),
		T(source_routes_are_refused_however_many_and_however_far),
		T(impossible_sources_vanish_on_every_protocol),
		T(a_packet_in_our_own_name_from_outside_is_dropped),
		T(only_our_own_addresses_are_taken_and_nothing_is_forwarded),
		T(every_discard_is_counted_under_its_reason),
		T(loopback_addresses_are_never_on_the_wire),
		T(a_packet_for_us_is_taken_at_any_ttl),
		T(the_identification_of_a_whole_datagram_is_not_looked_at),
		T(the_reserved_bit_is_ignored),
		T(the_strong_model_drops_what_comes_to_another_interface),
		T(both_forms_of_broadcast_are_recognised),
		T(the_all_hosts_group_is_always_joined),
		T(an_unknown_protocol_earns_a_protocol_unreachable),
		T(tunnels_are_unknown_protocols_at_any_depth),
		T(a_length_of_zero_never_makes_a_loop),
		T(nobody_listens_for_dhcp_or_tftp),
		T(an_offer_of_an_address_is_nothing_to_us),
		T(nobody_listens_for_names),
		T(random_packets_do_no_harm),
	};

	return tapir_test_run("unit/ip/test_ip_input", tests);
}
