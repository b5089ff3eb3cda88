/* Reassembly: the right datagram or none, within bounds. */
#include "stack/ip/ip.h"
#include "tests/support/rnd.h"
#include "tests/unit/ip/ip_world.h"

static uint8_t whole[WORLD_FRAME]; /* a datagram to be cut */

struct cut {
	uint32_t src, dst;
	uint16_t id;
	uint8_t proto, tos;
};

static const struct cut echo_cut = {WORLD_PEER, WORLD_US, 0x4242, 1, 0};

/* Pushes bytes [off, off + len) of `l4` as one fragment. */
static void push_frag(struct world *w, const struct cut *c, const uint8_t *l4, uint32_t off,
		      uint32_t len, bool mf)
{
	static uint8_t f[WORLD_FRAME];
	size_t n = world_ip(f, c->src, c->dst, c->proto, l4 + off, len);

	f[1] = c->tos;
	be16(f + 4, c->id);
	be16(f + 6, (mf ? 0x2000u : 0) | off / 8);
	be16(f + 10, 0);
	be16(f + 10, world_cksum(f, 20, 0));
	world_push_ip(w, f, n);
}

/* An echo request with `n` bytes of data, as its ICMP message in `whole`; returns its length. */
static uint32_t echo_message(uint32_t n)
{
	static uint8_t ip[WORLD_FRAME], data[WORLD_FRAME];

	for (uint32_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	world_icmp(ip, WORLD_PEER, WORLD_US, 8, 0, 0x00070001, data, n);
	memcpy(whole, ip + 20, n + 8);
	return n + 8;
}

/* Cuts `whole` of `len` bytes into pieces of `piece` and pushes them in order. */
static void push_all(struct world *w, const struct cut *c, uint32_t len, uint32_t piece)
{
	for (uint32_t off = 0; off < len; off += piece)
		push_frag(w, c, whole, off, off + piece < len ? piece : len - off,
			  off + piece < len);
}

/* The echo reply to the message of `len` bytes in `whole`, put together from its fragments. */
static void expect_echo(struct world *w, uint32_t len)
{
	static uint8_t got[WORLD_FRAME];
	struct world_pkt p;
	uint32_t have = 0;

	while (have < len) {
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.proto, 1);
		assert_int_equal(p.src, WORLD_US);
		assert_int_equal(p.frag_off, have);
		memcpy(got + have, p.l4, p.l4_len);
		have += (uint32_t)p.l4_len;
		assert_true(p.mf == (have < len));
	}
	assert_int_equal(have, len);
	assert_int_equal(got[0], 0);
	assert_memory_equal(got + 4, whole + 4, len - 4);
	assert_int_equal(world_cksum(got, len, 0), 0);
}

TEST(fragments_in_any_order_become_the_datagram, "R1122-27 R815-1 R791-7 R1122-70 R6864-7")
{
	struct world *w = *state;
	static const uint8_t order[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
	uint32_t len = echo_message(1000);

	for (size_t i = 0; i < 4; i++) {
		struct cut c = echo_cut;

		c.id = (uint16_t)i;
		for (size_t k = 0; k < 4; k++) {
			uint32_t off = order[i][k] * 256u;

			expect_silence(w);
			push_frag(w, &c, whole, off, order[i][k] < 3 ? 256 : len - off,
				  order[i][k] < 3);
		}
		expect_echo(w, len);
		expect_silence(w);
	}
	assert_int_equal(world_stat(w, STAT_Ip_ReasmOKs), 4);
	assert_int_equal(world_stat(w, STAT_Ip_ReasmFails), 0);
	/* A byte that was damaged on its way: the checksum over the whole finds it. */
	whole[500] ^= 1;
	push_all(w, &echo_cut, len, 256);
	expect_silence(w);
	assert_int_equal(world_drops(w, DROP_ICMP_CSUM), 1);
}

TEST(sizes_from_576_to_the_greatest_are_reassembled, "R1122-86 R1122-70 IC-04")
{
	struct world *w = *state;
	static const uint32_t sizes[] = {576 - 28, 1473, 4000, 9000, 32768, 65507};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t len = echo_message(sizes[i]);
		struct cut c = echo_cut;

		c.id = (uint16_t)(100 + i);
		push_all(w, &c, len, i & 1 ? 1480 : 552);
		expect_echo(w, len);
	}
	expect_silence(w);
}

TEST(the_largest_message_that_can_be_received_is_known, "R1122-87")
{
	struct world *w = *state;
	uint32_t len = echo_message(ip_mms_r() - 8);

	assert_int_equal(len, 65515);
	push_all(w, &echo_cut, len, 1480);
	assert_int_equal(world_stat(w, STAT_Icmp_InEchos), 1);
	expect_echo(w, len);
}

TEST(a_flood_of_greatest_echoes_is_answered_within_bounds, "IC-04")
{
	struct world *w = *state;
	uint32_t len = echo_message(65507);
	unsigned answers = 0;
	struct world_pkt p;

	w->no_check = true;
	for (unsigned i = 0; i < 100; i++) {
		struct cut c = echo_cut;

		c.id = (uint16_t)i;
		push_all(w, &c, len, 1480);
		world_step(w, 10 * WORLD_MS);
		while (world_expect(w, out, &p))
			answers += p.frag_off == 0;
	}
	assert_int_equal(answers, 100);
	tapir_check(w->t);
}

TEST(fragments_belong_together_by_four_fields, "R791-4 CL-10")
{
	struct world *w = *state;
	uint32_t len = echo_message(1000);
	struct cut other[4] = {echo_cut, echo_cut, echo_cut, echo_cut};

	other[0].src += 5;
	other[1].id++;
	other[2].proto = 17;
	other[3].dst = WORLD_BC;
	push_frag(w, &echo_cut, whole, 0, 512, true);
	for (size_t i = 0; i < 4; i++)
		push_frag(w, &other[i], whole, 512, len - 512, false);
	expect_silence(w);
	push_frag(w, &echo_cut, whole, 512, len - 512, false);
	expect_echo(w, len);
}

TEST(all_but_the_last_are_multiples_of_eight_long, "R791-5 AM33-17")
{
	struct world *w = *state;
	uint32_t len = echo_message(1000);

	for (uint32_t odd = 257; odd < 264; odd++) {
		struct cut c = echo_cut;

		c.id = (uint16_t)odd;
		push_frag(w, &c, whole, 0, odd, true);
	}
	assert_int_equal(world_drops(w, DROP_FRAG_BAD), 7);
	/* No bytes at all. */
	push_frag(w, &echo_cut, whole, 512, 0, true);
	push_frag(w, &echo_cut, whole, 512, 0, false);
	assert_int_equal(world_drops(w, DROP_FRAG_BAD), 9);
	push_all(w, &echo_cut, len, 512);
	expect_echo(w, len);
}

TEST(nothing_reassembles_past_65535, "R791-6 CL-01 CL-06 R6274-7 AM33-07")
{
	struct world *w = *state;

	memset(whole, 0, sizeof(whole));
	whole[0] = 8;
	/* The ping of death, in 1480s, and its end. */
	for (uint32_t off = 0; off + 1480 <= 64 * 1024 - 1480; off += 1480)
		push_frag(w, &echo_cut, whole, off, 1480, true);
	push_frag(w, &echo_cut, whole, 65528 & ~7u, 7, false);
	push_frag(w, &echo_cut, whole, 0, 1480, true);
	expect_silence(w);
	assert_true(world_drops(w, DROP_FRAG_TOO_BIG) > 1);
	/* Jolt2: the same impossible piece, over and over, holds nothing. */
	for (unsigned i = 0; i < 1000; i++) {
		struct cut c = echo_cut;

		c.id = (uint16_t)i;
		push_frag(w, &c, whole + 65520 - 65520, 0, 0, false);
		{
			uint8_t f[64];
			size_t n = world_ip(f, WORLD_PEER, WORLD_US, 1, "123456789", 9);

			be16(f + 6, 65520 / 8);
			world_fix(f, 20);
			world_push_ip(w, f, n);
		}
	}
	{
		uint8_t f[1500] = {0};
		size_t n = world_ip(f, WORLD_PEER, WORLD_US, 1, f + 20, 1400);

		be16(f + 6, 65528 / 8);
		be16(f + 10, 0);
		be16(f + 10, world_cksum(f, 20, 0));
		world_push_ip(w, f, n);
	}
	expect_silence(w);
	expect_alive(w);
}

TEST(an_overlap_loses_the_datagram_and_all_that_follows_of_it, "CL-02 R3128-1 R1858-2")
{
	struct world *w = *state;
	uint32_t len = echo_message(1000);

	for (unsigned kind = 0; kind < 4; kind++) {
		struct cut c = echo_cut;

		c.id = (uint16_t)(kind + 1);
		push_frag(w, &c, whole, 256, 256, true);
		if (kind == 0)
			push_frag(w, &c, whole, 128, 256, true); /* into its beginning */
		else if (kind == 1)
			push_frag(w, &c, whole, 384, 256, true); /* into its end */
		else if (kind == 2)
			push_frag(w, &c, whole, 320, 64, true); /* inside */
		else
			push_frag(w, &c, whole, 0, 1000, true); /* over all of it */
		assert_int_equal(world_stat(w, STAT_IpExt_ReasmOverlaps), kind + 1);
		/* The whole once more: refused until the time is over. */
		push_all(w, &c, len, 256);
		expect_silence(w);
	}
	world_step(w, 31 * WORLD_S);
	drain(w);
	{
		struct cut c = echo_cut;

		c.id = 1;
		push_all(w, &c, len, 256);
		expect_echo(w, len);
	}
}

TEST(teardrop_and_its_kin_are_discarded, "CL-02 CL-03 CL-04 CL-05")
{
	struct world *w = *state;
	struct cut u = {WORLD_PEER, WORLD_US, 242, 17, 0};
	struct cut t = {WORLD_PEER, WORLD_US, 243, 6, 0};
	uint8_t syn[100];

	memset(whole, 0, 200);
	/* Teardrop: 0..36, then 24..28. */
	push_frag(w, &u, whole, 0, 40, true);
	push_frag(w, &u, whole, 24, 4, false);
	/* Newtear: 0..48 of a length that lies, then 24..28; bonk: the second beyond the first; boink. */
	u.id++;
	push_frag(w, &u, whole, 0, 48, true);
	push_frag(w, &u, whole, 24, 28, false);
	u.id++;
	push_frag(w, &u, whole, 32, 36, false);
	push_frag(w, &u, whole, 8, 64, true);
	/* Nestea: by one unit into the first. */
	u.id++;
	push_frag(w, &u, whole, 0, 56, true);
	push_frag(w, &u, whole, 48, 116, false);
	/* Syndrop: the pieces of a SYN that overlap. */
	world_tcp(syn, WORLD_PEER, WORLD_US, 1000, 80, 1, 0, 2, 512, NULL, 0, "12345678", 8);
	push_frag(w, &t, syn + 20, 0, 24, true);
	push_frag(w, &t, syn + 20 - 16 + 16, 16, 12, false);
	expect_silence(w);
	assert_true(world_stat(w, STAT_IpExt_ReasmOverlaps) >= 4);
	assert_int_equal(world_stat(w, STAT_Ip_ReasmOKs), 0);
	expect_alive(w);
}

TEST(exact_duplicates_are_harmless_and_others_are_not, "CL-31")
{
	struct world *w = *state;
	uint32_t len = echo_message(1000);

	push_frag(w, &echo_cut, whole, 0, 512, true);
	push_frag(w, &echo_cut, whole, 0, 512, true);
	push_frag(w, &echo_cut, whole, 0, 512, true);
	assert_int_equal(world_drops(w, DROP_FRAG_DUP), 2);
	push_frag(w, &echo_cut, whole, 512, len - 512, false);
	expect_echo(w, len);
	/* The last one twice: the second begins a datagram of its own, which ends by time. */
	push_frag(w, &echo_cut, whole, 512, len - 512, false);
	world_step(w, 31 * WORLD_S);
	expect_silence(w);
	/* Of equal place and other bytes: an overlap. */
	push_frag(w, &echo_cut, whole, 0, 512, true);
	whole[100] ^= 0xff;
	push_frag(w, &echo_cut, whole, 0, 512, true);
	whole[100] ^= 0xff;
	push_frag(w, &echo_cut, whole, 512, len - 512, false);
	expect_silence(w);
	assert_int_equal(world_stat(w, STAT_IpExt_ReasmOverlaps), 1);
	/* Completed at the very moment of its end. */
	struct cut c = echo_cut;

	c.id = 9;
	push_frag(w, &c, whole, 0, 512, true);
	world_step(w, 30 * WORLD_S - 1);
	push_frag(w, &c, whole, 512, len - 512, false);
	expect_echo(w, len);
	world_step(w, 2);
	expect_silence(w);
}

TEST(two_ends_or_bytes_beyond_the_end_are_an_overlap, "")
{
	struct world *w = *state;
	uint32_t len = echo_message(1000);
	struct cut c = echo_cut;

	push_frag(w, &c, whole, 512, len - 512, false);
	push_frag(w, &c, whole, 256, 200, false);
	c.id++;
	push_frag(w, &c, whole, 256, 256, false);
	push_frag(w, &c, whole, 512, 256, true);
	c.id++;
	push_frag(w, &c, whole, 512, 256, true);
	push_frag(w, &c, whole, 256, 256, false);
	assert_int_equal(world_stat(w, STAT_IpExt_ReasmOverlaps), 3);
	expect_silence(w);
}

TEST(a_first_fragment_holds_the_transport_header, "R1858-1 R3128-1 R6274-7 CL-11")
{
	struct world *w = *state;
	uint8_t syn[100];
	size_t n = world_tcp(syn, WORLD_PEER, WORLD_US, 1000, 80, 1, 0, 2, 512,
			     "\2\4\5\xb4\1\1\1\1", 8, "data", 4);
	struct cut t = {WORLD_PEER, WORLD_US, 1, 6, 0};
	uint64_t tiny;

	for (uint32_t len = 8; len <= 24; len += 8) {
		t.id = (uint16_t)len;
		push_frag(w, &t, syn + 20, 0, len, true);
		/* Also as a second fragment at offset 0. */
		push_frag(w, &t, syn + 20, 0, len, true);
		push_frag(w, &t, syn + 20, len, (uint32_t)n - 20 - len, false);
	}
	/* 8 and 16 hold no fixed header, 24 not the options. */
	assert_true(world_drops(w, DROP_FRAG_TINY) >= 6);
	assert_int_equal(world_stat(w, STAT_Ip_ReasmOKs), 0);
	expect_silence(w);
	/* One that claims a header of 16 bytes, all there. */
	syn[32] = 0x40;
	t.id = 99;
	tiny = world_drops(w, DROP_FRAG_TINY);
	push_frag(w, &t, syn + 20, 0, 16, true);
	assert_int_equal(world_drops(w, DROP_FRAG_TINY), tiny + 1);
}

TEST(nobody_writes_into_the_transport_header_later, "R1858-2 CL-12")
{
	struct world *w = *state;
	uint8_t syn[100];
	size_t n = world_tcp(syn, WORLD_PEER, WORLD_US, 1000, 80, 1, 0, 2, 512, NULL, 0, "12345678",
			     8);
	struct cut t = {WORLD_PEER, WORLD_US, 1, 6, 0};

	/* An innocent first, then flags rewritten at offset 8, or ports at offset 0. */
	push_frag(w, &t, syn + 20, 0, 24, true);
	push_frag(w, &t, syn + 20, 8, (uint32_t)n - 28, false);
	assert_int_equal(world_drops(w, DROP_FRAG_TINY), 1);
	push_frag(w, &t, syn + 20, 0, 8, true);
	assert_int_equal(world_drops(w, DROP_FRAG_TINY), 2);
	expect_silence(w);
	assert_int_equal(world_stat(w, STAT_Ip_ReasmOKs), 0);
}

TEST(an_unfinished_datagram_ends_by_time_with_one_error, "R1122-88 R1122-89")
{
	struct world *w = *state;
	struct world_pkt p;
	uint32_t len = echo_message(1000);
	struct cut c = echo_cut;

	push_frag(w, &c, whole, 0, 512, true);
	world_step(w, 29 * WORLD_S);
	/* A later fragment does not lengthen the time, nor does a TTL shorten it. */
	push_frag(w, &c, whole, 768, len - 768, false);
	expect_silence(w);
	world_step(w, WORLD_S);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.type, 11);
	assert_int_equal(p.code, 1);
	assert_int_equal(p.dst, WORLD_PEER);
	assert_memory_equal(p.data + 20, whole, 512);
	assert_int_equal(rd16(p.data + 4), c.id);
	assert_false(world_expect(w, out, &p));
	assert_int_equal(world_stat(w, STAT_Ip_ReasmTimeout), 1);
	assert_int_equal(world_drops(w, DROP_FRAG_TIMEOUT), 2);
	/* Without the first fragment there is nobody to tell. */
	c.id++;
	push_frag(w, &c, whole, 512, 256, true);
	world_step(w, 60 * WORLD_S);
	expect_silence(w);
	assert_int_equal(world_stat(w, STAT_Ip_ReasmTimeout), 2);
}

TEST(congestion_marks_survive_and_contradictions_do_not, "R3168-7")
{
	struct world *w = *state;
	/* tos of three fragments -> dropped? The reply is what we see. */
	static const struct {
		uint8_t tos[3];
		bool whole;
	} cases[] = {
		{{0, 0, 0}, true},  {{2, 2, 2}, true},	{{1, 1, 1}, true}, {{3, 3, 3}, true},
		{{2, 3, 2}, true},  {{3, 1, 1}, true},	{{1, 2, 3}, true}, {{0, 3, 0}, false},
		{{3, 0, 3}, false}, {{0, 2, 3}, false}, {{0, 2, 0}, true},
	};
	uint32_t len = echo_message(700);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cut c = echo_cut;
		uint64_t ok = world_stat(w, STAT_Ip_ReasmOKs);

		c.id = (uint16_t)i;
		for (uint32_t k = 0; k < 3; k++) {
			c.tos = cases[i].tos[k];
			push_frag(w, &c, whole, k * 256, k < 2 ? 256 : len - 512, k < 2);
		}
		drain(w);
		assert_int_equal(world_stat(w, STAT_Ip_ReasmOKs) - ok, cases[i].whole);
	}
	assert_int_equal(world_drops(w, DROP_FRAG_ECN), 9);
}

TEST(fragments_live_in_bounded_memory, "R6274-11 CL-07 CL-09")
{
	struct world *w = *state;
	size_t before;

	w->no_check = true;
	tapir_sysctl(w->t, "net.ipv4.ipfrag_high_thresh", 0, 262144);
	before = w->alloc.live_bytes;
	memset(whole, 0, 65536);
	whole[0] = 8;
	/* First and last of 64 KiB each, from everywhere; then the last ones again. */
	for (unsigned i = 0; i < 20000; i++) {
		struct cut c = {TAPIR_IP4(10, 0, 0, 1) + i, WORLD_US, (uint16_t)(i * 7), 1, 0};

		push_frag(w, &c, whole, 0, 1480, true);
		push_frag(w, &c, whole, 64800, 700, false);
		if (i % 3 == 0)
			push_frag(w, &c, whole, 64800, 700, false);
	}
	tapir_check(w->t);
	/* The limit, and kept packets and hash buckets beside it. */
	assert_true(w->alloc.live_bytes - before < 262144 + 256 * 2048 + 256 * 512 + 65536);
	assert_true(world_stat(w, STAT_Tapir_FragMemFull) > 0);
	expect_silence(w);
	expect_alive(w);
}

TEST(one_noisy_source_drives_out_nobody_else, "R6274-12 CL-07")
{
	struct world *w = *state;
	uint32_t len = echo_message(3000);
	struct cut legit = echo_cut, noise = {TAPIR_IP4(10, 6, 6, 6), WORLD_US, 0, 1, 0};
	static uint8_t junk[1480];
	unsigned served = 0;

	w->no_check = true;
	tapir_sysctl(w->t, "net.tapir.ipfrag_max_per_src", 0, 65536);
	tapir_sysctl(w->t, "net.ipv4.ipfrag_high_thresh", 0, 262144);
	for (unsigned i = 0; i < 200; i++) {
		uint64_t ok = world_stat(w, STAT_Ip_ReasmOKs);

		legit.id = (uint16_t)i;
		for (uint32_t off = 0; off < len; off += 1480) {
			bool more = off + 1480 < len;

			push_frag(w, &legit, whole, off, more ? 1480 : len - off, more);
			/* Between any two of its fragments the noise fills the memory twice. */
			for (unsigned k = 0; k < 400; k++) {
				noise.id = (uint16_t)(i * 1200 + off + k);
				push_frag(w, &noise, junk, 0, 1480, true);
			}
		}
		served += world_stat(w, STAT_Ip_ReasmOKs) > ok;
		drain(w);
	}
	assert_true(served >= 190);
	tapir_check(w->t);
}

TEST(a_flood_of_tiny_random_fragments_leaves_service_to_others, "CL-08")
{
	struct world *w = *state;
	uint32_t len = echo_message(3000);
	struct cut legit = echo_cut;
	static uint8_t junk[65536];
	struct rnd r = {99};
	unsigned served = 0;

	w->no_check = true;
	/* 30,000 a second, 8 bytes each, from forged sources; one honest datagram every 10 ms. */
	for (unsigned i = 0; i < 100; i++) {
		uint64_t ok = world_stat(w, STAT_Ip_ReasmOKs);

		legit.id = (uint16_t)i;
		for (uint32_t off = 0; off < len; off += 1480) {
			bool more = off + 1480 < len;

			push_frag(w, &legit, whole, off, more ? 1480 : len - off, more);
			for (unsigned k = 0; k < 100; k++) {
				struct cut c = {TAPIR_IP4(10, 0, 0, 0) + rnd_below(&r, 1 << 20) + 1,
						WORLD_US, (uint16_t)rnd_u32(&r), 17, 0};

				push_frag(w, &c, junk, 8 + 8 * rnd_below(&r, 8000), 8, true);
			}
		}
		world_step(w, 10 * WORLD_MS);
		served += world_stat(w, STAT_Ip_ReasmOKs) > ok;
		drain(w);
	}
	assert_true(served >= 90);
	tapir_check(w->t);
}

TEST(one_source_has_so_many_datagrams_under_way, "R6274-12")
{
	struct world *w = *state;
	static uint8_t junk[64];

	for (unsigned i = 0; i < 200; i++) {
		struct cut c = {WORLD_PEER, WORLD_US, (uint16_t)i, 17, 0};

		push_frag(w, &c, junk, 0, 64, true);
	}
	assert_int_equal(world_stat(w, STAT_Tapir_FragSrcFull), 200 - 64);
	world_step(w, 31 * WORLD_S);
	assert_int_equal(world_stat(w, STAT_Ip_ReasmTimeout), 64);
}

TEST(one_datagram_has_so_many_pieces, "CL-07")
{
	struct world *w = *state;
	static uint8_t junk[65536];

	for (unsigned i = 0; i < 300; i++) {
		struct cut c = {WORLD_PEER, WORLD_US, 5, 17, 0};

		push_frag(w, &c, junk, 16 * (i + 1), 8, true);
	}
	/* Those that were there, the one too many, and what still came: all for the same reason. */
	assert_int_equal(world_drops(w, DROP_FRAG_LIMIT), 300);
	assert_int_equal(world_drops(w, DROP_FRAG_OVERLAP), 0);
	expect_alive(w);
}

TEST(an_error_about_a_reassembled_datagram_quotes_only_what_came, "R20-01 R20-03 R20-05")
{
	struct world *w = *state;
	uint8_t inner[400];
	struct cut c = {WORLD_PEER, WORLD_US, 77, 4, 0};
	struct world_pkt p;
	size_t n;

	/* IP in IP whose inner length lies, in two fragments. */
	memset(whole, 0x33, 400);
	n = world_udp(inner, WORLD_PEER, WORLD_US, 9, 7, whole, 300);
	be16(inner + 2, 1400);
	memcpy(whole, inner, n);
	push_frag(w, &c, whole, 0, 160, true);
	push_frag(w, &c, whole, 160, (uint32_t)n - 160, false);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.type, 3);
	assert_int_equal(p.code, 2);
	assert_int_equal(p.len, 20 + n);
	assert_memory_equal(p.data + 20, whole, n);
	expect_silence(w);
}

TEST(an_interface_that_goes_down_forgets_its_fragments, "")
{
	struct world *w = *state;
	uint32_t len = echo_message(1000);

	push_frag(w, &echo_cut, whole, 0, 512, true);
	tapir_netif_down(w->t, w->ifi);
	tapir_check(w->t);
	assert_int_equal(world_drops(w, DROP_IF_DOWN), 1);
	tapir_netif_up(w->t, w->ifi);
	push_frag(w, &echo_cut, whole, 512, len - 512, false);
	expect_silence(w);
}

TEST(without_memory_fragments_are_dropped_and_nothing_else_happens, "")
{
	for (unsigned k = 0; k < 40; k++) {
		static struct world w;
		uint32_t len = echo_message(3000);

		world_open(&w, TAPIR_NETIF_RAW_IP);
		w.alloc.fail_at = w.alloc.calls + 1 + k;
		push_all(&w, &echo_cut, len, 64);
		w.alloc.fail_at = 0;
		tapir_check(w.t);
		drain(&w);
		expect_alive(&w);
		world_close(&w);
	}
}

/*
 * A model: a byte of the datagram has come or not. Random cuts of a random datagram, in random order, with
 * random duplicates, omissions and overlaps: the stack must deliver when, and only when, the model
 * says that all bytes and the end came without an overlap.
 */
TEST(random_fragment_sets_agree_with_a_bitmap, "R815-1 R791-7")
{
	struct world *w = *state;
	static bool there[70000];
	struct rnd r = {12345};

	w->no_check = true;
	for (unsigned round = 0; round < 3000; round++) {
		struct {
			uint32_t off, len;
		} cut[64], taken[64];
		uint32_t len = echo_message(1 + rnd_below(&r, 4000)), n = 0, at = 0, got = 0,
			 ntaken = 0;
		struct cut c = echo_cut;
		bool dead = false, done = false, spoil = rnd_below(&r, 4) == 0;
		uint64_t ok = world_stat(w, STAT_Ip_ReasmOKs);

		if (len < 17)
			continue;
		c.id = (uint16_t)round;
		memset(there, 0, sizeof(there));
		while (at < len && n < 40) {
			uint32_t piece = 8 * (1 + rnd_below(&r, 40));

			if (n == 39 || at + piece > len)
				piece = len - at;
			cut[n].off = at;
			cut[n++].len = piece;
			at += piece;
		}
		if (n < 2)
			continue;
		for (uint32_t i = n - 1; i > 0; i--) {
			uint32_t k = rnd_below(&r, i + 1), o = cut[i].off, l = cut[i].len;

			cut[i] = cut[k];
			cut[k].off = o;
			cut[k].len = l;
		}
		for (uint32_t i = 0; i < n && !done; i++) {
			uint32_t off = cut[i].off, l = cut[i].len;
			bool dup = false;

			if (spoil && rnd_below(&r, 10) == 0) {
				/* A piece of another cut. */
				off = 8 * rnd_below(&r, len / 8);
				l = off + 8 < len ? 8 : len - off;
			} else if (spoil && rnd_below(&r, 20) == 0) {
				continue; /* lost */
			}
			push_frag(w, &c, whole, off, l, off + l < len);
			for (uint32_t k = 0; k < ntaken && !dup; k++)
				dup = taken[k].off == off && taken[k].len == l;
			if (dead || dup)
				continue;
			for (uint32_t b = off; b < off + l; b++)
				dead |= there[b];
			if (dead)
				continue;
			memset(there + off, true, l);
			taken[ntaken].off = off;
			taken[ntaken++].len = l;
			got += l;
			done = got == len;
		}
		assert_int_equal(world_stat(w, STAT_Ip_ReasmOKs) - ok, done);
		if (done)
			expect_echo(w, len);
		expect_silence(w);
		if (round % 50 == 0) {
			world_step(w, 31 * WORLD_S);
			drain(w);
			tapir_check(w->t);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(fragments_in_any_order_become_the_datagram),
		T(sizes_from_576_to_the_greatest_are_reassembled),
		T(the_largest_message_that_can_be_received_is_known),
		T(a_flood_of_greatest_echoes_is_answered_within_bounds),
		T(fragments_belong_together_by_four_fields),
		T(all_but_the_last_are_multiples_of_eight_long),
		T(nothing_reassembles_past_65535),
		T(an_overlap_loses_the_datagram_and_all_that_follows_of_it),
		T(teardrop_and_its_kin_are_discarded),
		T(exact_duplicates_are_harmless_and_others_are_not),
		T(two_ends_or_bytes_beyond_the_end_are_an_overlap),
		T(a_first_fragment_holds_the_transport_header),
		T(nobody_writes_into_the_transport_header_later),
		T(an_unfinished_datagram_ends_by_time_with_one_error),
		T(congestion_marks_survive_and_contradictions_do_not),
		T(fragments_live_in_bounded_memory),
		T(one_noisy_source_drives_out_nobody_else),
		T(a_flood_of_tiny_random_fragments_leaves_service_to_others),
		T(one_source_has_so_many_datagrams_under_way),
		T(one_datagram_has_so_many_pieces),
		T(an_error_about_a_reassembled_datagram_quotes_only_what_came),
		T(an_interface_that_goes_down_forgets_its_fragments),
		cmocka_unit_test(without_memory_fragments_are_dropped_and_nothing_else_happens),
		T(random_fragment_sets_agree_with_a_bitmap),
	};

	return tapir_test_run("unit/ip/test_reass", tests);
}
