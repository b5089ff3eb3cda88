/* IPv4 leaves: headers, fragments, identifications, loopback, offload. */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/core/pktq.h"
#include "stack/ip/igmp.h"
#include "stack/ip/ip.h"
#include "stack/ip/ip_state.h"
#include "stack/ip/pmtu.h"
#include "tests/support/rnd.h"
#include "tests/unit/ip/ip_world.h"

static uint8_t data[WORLD_FRAME];

/* A transport's packet: `n` bytes, of protocol 253 when tx does not say otherwise. */
static struct pkt *payload(struct world *w, size_t n)
{
	struct pkt *p = tapir_pkt_alloc(w->t, n);

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 13 + i / 256);
	memcpy(pkt_put(p, (uint32_t)n), data, n);
	return p;
}

static int send_tx(struct world *w, size_t n, struct ip_tx tx)
{
	int err;

	if (tx.proto == 0)
		tx.proto = 253;
	err = ip_output(w->t, payload(w, n), &tx);
	tapir_flush(w->t);
	tapir_check(w->t);
	return err;
}

static int send_to(struct world *w, uint32_t dst, size_t n, uint8_t flags)
{
	return send_tx(w, n, (struct ip_tx){.dst = dst, .flags = flags});
}

TEST(what_leaves_has_our_source_and_a_sane_ttl, "R1122-22 R1122-32 R6274-8 R791-10 R1122-102")
{
	struct world *w = *state;
	struct world_pkt p;

	assert_int_equal(send_to(w, WORLD_FAR, 100, IP_TX_DF), 0);
	assert_true(world_expect(w, out, &p)); /* with all lengths, checksums, the reserved bit */
	assert_int_equal(p.src, WORLD_US);
	assert_int_equal(p.dst, WORLD_FAR);
	assert_int_equal(p.ttl, 64);
	assert_int_equal(p.tos, 0);
	assert_true(p.df);
	assert_int_equal(
		send_tx(w, 100,
			(struct ip_tx){.dst = WORLD_FAR, .ttl = 3, .tos = 0xb8, .proto = 99}),
		0);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.ttl, 3);
	assert_int_equal(p.tos, 0xb8);
	assert_int_equal(p.proto, 99);
	assert_false(p.df);
	/* The default is a setting, up to 255, never 0. */
	assert_int_equal(tapir_sysctl(w->t, "net.ipv4.ip_default_ttl", 0, 0), -ERANGE);
	assert_int_equal(tapir_sysctl(w->t, "net.ipv4.ip_default_ttl", 0, 255), 0);
	send_to(w, WORLD_FAR, 100, IP_TX_DF);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.ttl, 255);
}

TEST(the_largest_message_that_can_be_sent_is_known, "R1122-90")
{
	struct world *w = *state;
	struct route rt;

	pmtu_update(w->t, WORLD_FAR, 1300, 1500);
	assert_int_equal(route_lookup(w->t, WORLD_FAR, 0, 0, &rt), 0);
	assert_int_equal(ip_mms_s(&rt), 1280);
	assert_int_equal(send_to(w, WORLD_FAR, ip_mms_s(&rt), IP_TX_DF), 0);
	assert_int_equal(send_to(w, WORLD_FAR, ip_mms_s(&rt) + 1, IP_TX_DF), -EMSGSIZE);
}

TEST(every_tos_leaves_as_it_was_asked_for_and_changes_nothing_else, "R1122-31 R1122-102")
{
	struct world *w = *state;
	struct world_pkt p;

	for (unsigned tos = 0; tos < 256; tos++) {
		struct ip_tx tx = {.dst = WORLD_FAR, .tos = (uint8_t)tos, .flags = IP_TX_DF};

		assert_int_equal(send_tx(w, 100, tx), 0);
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.tos, tos);
		assert_int_equal(p.ttl, 64);
		assert_int_equal(p.l4_len, 100);
	}
}

/* A script whose every answer is taken down, after traffic that left `junk` in memory. */
static size_t leak_script(enum test_alloc_mode mode, uint8_t junk, uint8_t *all, size_t cap)
{
	static struct world w;
	static uint8_t f[2000];
	struct tapir_route gw = {.gw = tapir_addr_v4(WORLD_PEER)};
	size_t n, used = 0;

	world_init(&w, mode);
	assert_int_equal(world_start(&w), 0);
	world_netif(&w, TAPIR_NETIF_ETHER, WORLD_US, 24, 1500, 0);
	tapir_route_add(w.t, &gw);
	tapir_neigh_set(w.t, w.ifi, &gw.gw, &world_peer_mac);
	for (unsigned i = 0; i < 600; i++) {
		memset(f, junk, sizeof(f));
		world_push(&w, f, i % 1600);
	}
	for (unsigned i = 0; i < 60; i++) {
		uint32_t from = TAPIR_IP4(198, 51, 100, i);

		switch (i % 5) {
		case 0:
			n = world_icmp(buf, from, WORLD_US, 8, 0, i, "abc", i % 4);
			break;
		case 1:
			n = world_ip(buf, from, WORLD_US, 253, "0123456789", 10);
			break;
		case 2:
			n = world_udp(buf, from, WORLD_US, 9, 9, "hello", 5);
			break;
		case 3:
			n = world_tcp(buf, from, WORLD_US, 9, 9, 1, 0, 2, 9, NULL, 0, NULL, 0);
			break;
		default:
			n = world_icmp(buf, from, WORLD_US, 8, 0, i, "0123456789abcdef", 16);
			be16(buf + 6, 0x2000);
			be16(buf + 10, 0);
			be16(buf + 10, world_cksum(buf, 20, 0));
		}
		world_push_ip(&w, buf, n);
	}
	igmp_join(w.t, w.t->netif[w.ifi], TAPIR_IP4(239, 1, 1, 1));
	memset(data, 0x77, sizeof(data));
	for (size_t len = 1; len < 9000; len += 1111) {
		struct pkt *p = tapir_pkt_alloc(w.t, len);
		struct ip_tx tx = {.dst = WORLD_FAR, .proto = 253};

		memcpy(pkt_put(p, (uint32_t)len), data, len);
		ip_output(w.t, p, &tx);
	}
	world_step(&w, 40 * WORLD_S);
	while ((n = world_pop(&w, f, sizeof(f))) > 0) {
		assert_true(used + n <= cap);
		memcpy(all + used, f, n);
		used += n;
	}
	world_close(&w);
	return used;
}

TEST(no_byte_of_old_memory_leaves, "IP-06 IP-05")
{
	static uint8_t a[200000], b[200000];
	size_t n = leak_script(TEST_ALLOC_PLAIN, 0x11, a, sizeof(a));

	assert_true(n > 15000);
	assert_int_equal(leak_script(TEST_ALLOC_REVERSE, 0xee, b, sizeof(b)), n);
	assert_memory_equal(a, b, n);
	assert_int_equal(leak_script(TEST_ALLOC_GAPS, 0x42, b, sizeof(b)), n);
	assert_memory_equal(a, b, n);
}

TEST(no_source_but_ours_is_ever_put_in, "R1122-22 R1122-26 R1122-97")
{
	struct world *w = *state;
	static const uint32_t bad[] = {
		TAPIR_IP4(1, 2, 3, 4),	 WORLD_BC,  UINT32_MAX, TAPIR_IP4(224, 0, 0, 1),
		TAPIR_IP4(127, 0, 0, 1), WORLD_PEER};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(send_tx(w, 50, (struct ip_tx){.dst = WORLD_FAR, .src = bad[i]}) < 0);
	expect_silence(w);
	assert_int_equal(world_drops(w, DROP_IP_NO_ROUTE), 6);
}

TEST(loopback_addresses_stay_inside, "R1122-25")
{
	struct world *w = *state;
	uint64_t in = world_stat(w, STAT_Ip_InReceives);

	assert_int_equal(send_to(w, TAPIR_IP4(127, 0, 0, 1), 10, 0), 0);
	assert_int_equal(send_to(w, TAPIR_IP4(127, 200, 1, 9), 10, 0), 0);
	assert_int_equal(send_to(w, WORLD_US, 10, 0), 0);
	assert_true(send_tx(w, 10,
			    (struct ip_tx){.dst = WORLD_FAR, .src = TAPIR_IP4(127, 0, 0, 1)}) < 0);
	expect_silence(w);
	/* Each arrived, and earned a protocol unreachable that arrived too. */
	assert_int_equal(world_stat(w, STAT_Ip_InReceives) - in, 6);
	assert_int_equal(world_drops(w, DROP_IP_PROTO), 3);
}

TEST(a_ping_of_ourselves_is_answered_inside, "")
{
	struct world *w = *state;
	struct pkt *p;
	struct ip_tx tx = {.dst = TAPIR_IP4(127, 0, 0, 1), .proto = 1};
	size_t n = ping(WORLD_PEER, WORLD_US) - 20;

	for (unsigned i = 0; i < 3; i++) {
		p = tapir_pkt_alloc(w->t, n);
		memcpy(pkt_put(p, (uint32_t)n), buf + 20, n);
		assert_int_equal(ip_output(w->t, p, &tx), 0);
		tapir_flush(w->t);
		assert_int_equal(world_stat(w, STAT_Icmp_InEchos), i + 1);
		assert_int_equal(world_stat(w, STAT_Icmp_InEchoReps), i + 1);
		tx.dst = i ? TAPIR_IP4(127, 1, 2, 3) : WORLD_US;
	}
	expect_silence(w);
}

/* Reads the fragments of one datagram of `n` bytes from the queue and checks them. */
static unsigned expect_fragments(struct world *w, size_t n, uint32_t mtu)
{
	static uint8_t got[WORLD_FRAME];
	struct world_pkt p;
	size_t have = 0;
	unsigned pieces = 0;
	uint16_t id = 0;

	while (have < n) {
		assert_true(world_expect(w, out, &p));
		assert_true(p.l4_len + 20 <= mtu);
		assert_int_equal(p.frag_off, have);
		assert_false(p.df);
		if (pieces++ == 0)
			id = p.id;
		assert_int_equal(p.id, id);
		memcpy(got + have, p.l4, p.l4_len);
		have += p.l4_len;
		assert_int_equal(p.mf, have < n);
		if (p.mf)
			assert_int_equal(p.l4_len % 8, 0);
	}
	assert_int_equal(have, n);
	assert_memory_equal(got, data, n);
	return pieces;
}

TEST(what_is_too_large_and_may_be_cut_is_cut, "R1122-91 R791-5")
{
	struct world *w = *state;
	static const size_t sizes[] = {1480, 1481, 1488, 2960, 2961, 10000, 65515};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(send_to(w, WORLD_FAR, sizes[i], 0), 0);
		assert_int_equal(expect_fragments(w, sizes[i], 1500), (sizes[i] + 1479) / 1480);
		expect_silence(w);
	}
	assert_int_equal(send_to(w, WORLD_FAR, 65516, 0), -EMSGSIZE);
	assert_int_equal(world_stat(w, STAT_Ip_FragOKs), 6);
	/* An MTU that leaves no multiple of eight. */
	tapir_netif_set_mtu(w->t, w->ifi, 1499);
	assert_int_equal(send_to(w, WORLD_FAR, 3000, 0), 0);
	assert_int_equal(expect_fragments(w, 3000, 1499), 3);
	/* Down to the least MTU. */
	tapir_netif_set_mtu(w->t, w->ifi, 68);
	assert_int_equal(send_to(w, WORLD_FAR, 1000, 0), 0);
	assert_int_equal(expect_fragments(w, 1000, 68), 21);
}

TEST(what_has_df_set_stays_whole, "R791-8 R6864-5 R1122-91")
{
	struct world *w = *state;
	struct world_pkt p;

	assert_int_equal(send_to(w, WORLD_FAR, 1480, IP_TX_DF), 0);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(send_to(w, WORLD_FAR, 1481, IP_TX_DF), -EMSGSIZE);
	expect_silence(w);
	assert_int_equal(world_drops(w, DROP_PKT_TOO_BIG), 1);
	assert_int_equal(world_stat(w, STAT_Ip_FragFails), 1);
	/* The path's MTU counts as the link's does, unless it is being probed. */
	pmtu_update(w->t, WORLD_FAR, 1000, 1500);
	assert_int_equal(send_to(w, WORLD_FAR, 981, IP_TX_DF), -EMSGSIZE);
	assert_int_equal(send_to(w, WORLD_FAR, 1480, IP_TX_DF | IP_TX_IGNORE_PMTU), 0);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(send_to(w, WORLD_FAR, 1480, 0), 0);
	assert_int_equal(expect_fragments(w, 1480, 1000), 2);
}

TEST(half_a_datagram_is_never_sent, "")
{
	struct world *w = *state;
	uint64_t before;

	/* Room in the queue for a part only. */
	w->t->netif[w->ifi]->txq_limit = 40000;
	assert_int_equal(send_to(w, WORLD_FAR, 60000, 0), -ENOBUFS);
	expect_silence(w);
	w->t->netif[w->ifi]->txq_limit = 4000000;
	/* Memory for a part only. */
	for (unsigned k = 0; k < 41; k++) {
		struct pkt *p = payload(w, 60000);
		struct ip_tx tx = {.dst = WORLD_FAR, .proto = 253};
		int err;

		before = w->alloc.live_bytes;
		w->alloc.fail_at = w->alloc.calls + 1 + k;
		err = ip_output(w->t, p, &tx);
		w->alloc.fail_at = 0;
		if (err == 0) {
			assert_int_equal(expect_fragments(w, 60000, 1500), 41);
		} else {
			assert_int_equal(err, -ENOMEM);
			expect_silence(w);
		}
		tapir_check(w->t);
	}
	(void)before;
}

TEST(whole_datagrams_bear_no_identification, "R6864-2 CL-37 R6274-5")
{
	struct world *w = *state;
	struct world_pkt p;

	for (unsigned i = 0; i < 100; i++) {
		send_to(w, WORLD_FAR + i % 3, 100, IP_TX_DF);
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.id, 0);
	}
}

TEST(identifications_do_not_repeat_within_two_minutes, "R6864-4 R6864-6")
{
	struct world *w = *state;
	static uint64_t last[65536];
	uint64_t begin = tapir_now(w->t);
	unsigned given = 0, refusals = 0;
	uint16_t id;

	memset(last, 0, sizeof(last));
	/* As fast as can be, for ten minutes. */
	for (unsigned s = 0; s < 6000; s++) {
		for (unsigned i = 0; i < 40; i++) {
			if (ipid_next(w->t, WORLD_US, WORLD_FAR, 17, &id) < 0) {
				refusals++;
				continue;
			}
			given++;
			if (last[id] != 0)
				assert_true(tapir_now(w->t) - last[id] >= 120 * WORLD_S);
			last[id] = tapir_now(w->t);
		}
		world_step(w, 100 * WORLD_MS);
	}
	assert_true(refusals > 0);
	assert_in_range(given, 32768 + 270 * 600, 32768 + 274 * 600);
	assert_true(tapir_now(w->t) - begin == 600 * WORLD_S);
	/* And ip_output() says so to its caller. */
	while (ipid_next(w->t, WORLD_US, WORLD_FAR, 253, &id) == 0)
		;
	assert_int_equal(send_to(w, WORLD_FAR, 100, 0), -EAGAIN);
	assert_int_equal(world_drops(w, DROP_IP_ID), 1);
	assert_int_equal(send_to(w, WORLD_FAR, 100, IP_TX_DF), 0);
	assert_int_equal(send_to(w, WORLD_FAR, 100, IP_TX_MAY_DF), 0);
	assert_int_equal(send_to(w, WORLD_FAR, 4000, IP_TX_MAY_DF), -EAGAIN);
}

TEST(identifications_can_t_be_predicted_or_compared, "R6274-5 CL-37 CL-38 CL-39")
{
	struct world *w = *state;
	unsigned step[65536] = {0}, most = 0, low = 0, same = 0;
	uint16_t prev = 0, id, other;

	/* No step between neighbours is frequent, as a counter's would be. */
	for (unsigned i = 0; i < 20000; i++) {
		assert_int_equal(ipid_next(w->t, WORLD_US, WORLD_FAR, 17, &id), 0);
		if (i > 0)
			most = ++step[(uint16_t)(id - prev)] > most ? step[(uint16_t)(id - prev)]
								    : most;
		low += id < 32768;
		prev = id;
	}
	assert_true(most < 12);
	assert_in_range(low, 9700, 10300);
	/* The first values of 100,000 destinations: no more equal neighbours than chance has. */
	prev = 0;
	for (uint32_t i = 0; i < 100000; i++) {
		assert_int_equal(ipid_next(w->t, WORLD_US, TAPIR_IP4(10, 0, 0, 0) + i, 17, &other),
				 0);
		same += (uint16_t)(other - prev) <= 1;
		prev = other;
	}
	assert_true(same < 20);
}

TEST(what_one_destination_gets_tells_nothing_of_another_s_traffic, "R6274-5 CL-37")
{
	/* The idle scan: with and without traffic to a third host a watcher sees steps of equal kind. */
	for (unsigned traffic = 0; traffic < 2; traffic++) {
		static struct world w;
		unsigned small = 0;
		uint16_t prev = 0, id;

		world_open(&w, TAPIR_NETIF_RAW_IP);
		for (unsigned i = 0; i < 2000; i++) {
			uint16_t ignored;

			assert_int_equal(ipid_next(w.t, WORLD_US, WORLD_FAR, 17, &id), 0);
			for (unsigned k = 0; traffic && k < 3; k++)
				ipid_next(w.t, WORLD_US, TAPIR_IP4(10, 1, 1, 1), 17, &ignored);
			small += (uint16_t)(id - prev) < 16;
			prev = id;
		}
		assert_true(small < 10);
		world_close(&w);
	}
}

TEST(broadcasts_and_multicasts_leave_in_link_broadcasts_and_multicasts, "R1122-99 R1122-98")
{
	struct world *w = *state;
	static const uint8_t all[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t group[] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};

	assert_int_equal(send_to(w, UINT32_MAX, 100, IP_TX_DF), 0);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_memory_equal(out, all, 6);
	assert_int_equal(send_to(w, WORLD_BC, 100, IP_TX_DF), 0);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_memory_equal(out, all, 6);
	/* 224.129.2.3: the highest bit of its low three bytes is not in the MAC address. */
	assert_int_equal(send_to(w, TAPIR_IP4(224, 129, 2, 3), 100, IP_TX_DF), 0);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_memory_equal(out, group, 6);
	expect_silence(w);
}

TEST(members_hear_their_own_group_on_the_interface_that_it_left_by, "R1122-101")
{
	struct world *w = *state;
	uint32_t group = TAPIR_IP4(239, 1, 2, 3);
	uint64_t in = world_stat(w, STAT_IpExt_InMcastPkts);

	assert_int_equal(send_to(w, group, 100, IP_TX_DF), 0);
	assert_int_equal(world_stat(w, STAT_IpExt_InMcastPkts), in);
	assert_int_equal(igmp_join(w->t, w->t->netif[w->ifi], group), 0);
	assert_int_equal(send_to(w, group, 100, IP_TX_DF), 0);
	assert_int_equal(world_stat(w, STAT_IpExt_InMcastPkts), in + 1);
	assert_int_equal(send_to(w, group, 100, IP_TX_DF | IP_TX_NO_LOOP), 0);
	assert_int_equal(world_stat(w, STAT_IpExt_InMcastPkts), in + 1);
	/* Cut or not. */
	assert_int_equal(send_to(w, group, 3000, 0), 0);
	assert_int_equal(world_stat(w, STAT_IpExt_InMcastPkts), in + 2);
	assert_int_equal(world_drops(w, DROP_IP_PROTO), 2);
	/* A broadcast is for us as well. */
	in = world_stat(w, STAT_IpExt_InBcastPkts);
	assert_int_equal(send_to(w, WORLD_BC, 100, IP_TX_DF), 0);
	assert_int_equal(world_stat(w, STAT_IpExt_InBcastPkts), in + 1);
}

TEST(an_interface_without_an_address_can_ask_for_one, "")
{
	static struct world w;
	struct ip_tx tx = {.dst = UINT32_MAX, .proto = 17, .flags = IP_TX_FORCE_IF | IP_TX_DF};
	struct world_pkt p;
	struct pkt *pk;
	size_t n = world_udp(buf, 0, UINT32_MAX, 68, 67, "discover", 8) - 20;

	world_init(&w, TEST_ALLOC_PLAIN);
	assert_int_equal(world_start(&w), 0);
	tx.ifindex = world_netif(&w, TAPIR_NETIF_ETHER, 0, 0, 1500, 0);
	pk = tapir_pkt_alloc(w.t, n);
	memcpy(pkt_put(pk, (uint32_t)n), buf + 20, n);
	assert_int_equal(ip_output(w.t, pk, &tx), 0);
	assert_true(world_expect(&w, out, &p));
	assert_int_equal(p.src, 0);
	assert_int_equal(p.dst, UINT32_MAX);
	/* Without asking for it: no. */
	tx.flags = IP_TX_DF;
	pk = tapir_pkt_alloc(w.t, n);
	assert_true(ip_output(w.t, pk, &tx) < 0);
	world_close(&w);
}

TEST(a_checksum_left_to_do_is_done_for_an_interface_that_can_t, "")
{
	struct world *w = *state;
	struct rnd r = {5};
	struct world_pkt p;

	for (unsigned i = 0; i < 200; i++) {
		/* Also of odd lengths, in spans, and cut to fragments. */
		size_t n = 8 + rnd_below(&r, i < 150 ? 1400 : 5000),
		       head = 8 + rnd_below(&r, (uint32_t)n - 7);
		struct pkt *pk = tapir_pkt_alloc(w->t, head);
		struct ip_tx tx = {.dst = WORLD_FAR, .proto = 17};
		uint16_t sum;

		world_udp(buf, WORLD_US, WORLD_FAR, 1000, 2000, data, n - 8);
		be16(buf + 26, 0);
		be32(data, WORLD_US);
		be32(data + 4, WORLD_FAR);
		sum = (uint16_t)~world_cksum(data, 8, (uint32_t)(17 + n));
		be16(buf + 26, sum);
		memcpy(pkt_put(pk, (uint32_t)head), buf + 20, head);
		if (head < n) {
			size_t mid = (n - head) / 3;

			pk->nspan = 2;
			pk->span[0] = (struct pkt_span){buf + 20 + head, (uint32_t)mid};
			pk->span[1] = (struct pkt_span){buf + 20 + head + mid,
							(uint32_t)(n - head - mid)};
		}
		pk->flags |= PKT_CSUM_PARTIAL;
		pk->csum_start = 0;
		pk->csum_offset = 6;
		assert_int_equal(ip_output(w->t, pk, &tx), 0);
		if (n <= 1480) {
			assert_true(world_expect(w, out, &p)); /* verifies UDP's checksum */
			assert_int_equal(p.len, n - 8);
		} else {
			static uint8_t all[8000];
			size_t have = 0;

			while (have < n) {
				assert_true(world_expect(w, out, &p));
				memcpy(all + have, p.l4, p.l4_len);
				have += p.l4_len;
			}
			be32(data, WORLD_US);
			be32(data + 4, WORLD_FAR);
			sum = (uint16_t)~world_cksum(data, 8, (uint32_t)(17 + n));
			assert_int_equal(world_cksum(all, n, sum), 0);
		}
	}
}

TEST(offload_travels_with_the_packet_to_an_interface_that_has_it, "")
{
	static struct world w;
	const struct pkt *q[4];
	struct pkt *pk;
	struct ip_tx tx = {.dst = WORLD_PEER, .proto = 6, .flags = IP_TX_DF};
	struct tapir_addr peer = tapir_addr_v4(WORLD_PEER);

	world_init(&w, TEST_ALLOC_PLAIN);
	assert_int_equal(world_start(&w), 0);
	assert_int_equal(world_netif(&w, TAPIR_NETIF_ETHER, WORLD_US, 24, 1500,
				     TAPIR_OFFLOAD_TX_CSUM | TAPIR_OFFLOAD_TSO4),
			 2);
	tapir_neigh_set(w.t, w.ifi, &peer, &world_peer_mac);
	drain(&w);
	pk = payload(&w, 20000);
	pk->flags |= PKT_CSUM_PARTIAL;
	pk->csum_offset = 16;
	pk->gso_type = PKT_GSO_TCPV4;
	pk->gso_size = 1460;
	assert_int_equal(ip_output(w.t, pk, &tx), 0);
	assert_int_equal(tapir_tx_peek(w.t, w.ifi, q, 4), 1);
	assert_true(q[0]->flags & PKT_CSUM_PARTIAL);
	assert_int_equal(q[0]->csum_start, 34);
	assert_int_equal(q[0]->csum_offset, 16);
	assert_int_equal(q[0]->len, 20034);
	tapir_tx_done(w.t, w.ifi, 1);
	/* Pieces that do not fit the path, a kind that it does not have, a path that is smaller. */
	pk = payload(&w, 20000);
	pk->gso_type = PKT_GSO_TCPV4;
	pk->gso_size = 1461;
	assert_int_equal(ip_output(w.t, pk, &tx), -EMSGSIZE);
	pk = payload(&w, 20000);
	pk->gso_type = PKT_GSO_UDPV4;
	pk->gso_size = 1000;
	assert_int_equal(ip_output(w.t, pk, &tx), -EMSGSIZE);
	tx.dst = TAPIR_IP4(127, 0, 0, 1);
	pk = payload(&w, 20000);
	pk->gso_type = PKT_GSO_TCPV4;
	pk->gso_size = 1460;
	assert_int_equal(ip_output(w.t, pk, &tx), -EMSGSIZE);
	world_close(&w);
}

TEST(a_packet_without_headroom_is_sent_all_the_same, "")
{
	struct world *w = *state;
	struct world_pkt p;

	for (size_t room = 0; room < 60; room++) {
		struct pkt *pk = pkt_alloc(w->t, room, 100);
		struct ip_tx tx = {.dst = WORLD_PEER, .proto = 253, .flags = IP_TX_DF};

		memcpy(pkt_put(pk, 100), data, 100);
		assert_int_equal(ip_output(w->t, pk, &tx), 0);
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.l4_len, 100);
		assert_memory_equal(p.l4, data, 100);
	}
	/* And one without tailroom is padded all the same. */
	for (size_t room = 0; room < 60; room++) {
		struct pkt *pk = pkt_alloc(w->t, PKT_HEADROOM + 128 - 5 - room / 4, 5 + room / 4);
		struct ip_tx tx = {.dst = WORLD_PEER, .proto = 253, .flags = IP_TX_DF};

		memcpy(pkt_put(pk, 5), data, 5);
		assert_int_equal(ip_output(w->t, pk, &tx), 0);
		assert_true(world_expect(w, out, &p));
		assert_int_equal(p.l4_len, 5);
		assert_memory_equal(p.l4, data, 5);
	}
}

TEST(a_way_that_is_kept_is_used_until_anything_changes, "R1122-77 R1122-79")
{
	struct world *w = *state;
	struct route rt;
	struct ip_tx tx = {.dst = WORLD_FAR, .proto = 253, .flags = IP_TX_DF, .rt = &rt};
	struct world_pkt p;

	assert_int_equal(route_lookup(w->t, WORLD_FAR, 0, 0, &rt), 0);
	rt.mtu = 600; /* so that it can be told from a new one */
	assert_int_equal(ip_output(w->t, payload(w, 700), &tx), -EMSGSIZE);
	pmtu_update(w->t, TAPIR_IP4(9, 9, 9, 9), 1000, 1500);
	assert_int_equal(ip_output(w->t, payload(w, 700), &tx), 0);
	assert_true(world_expect(w, out, &p));
	/* Down, and there is no way. */
	assert_int_equal(route_lookup(w->t, WORLD_FAR, 0, 0, &rt), 0);
	tapir_netif_down(w->t, w->ifi);
	assert_int_equal(ip_output(w->t, payload(w, 700), &tx), -ENETUNREACH);
	assert_true(world_stat(w, STAT_Ip_OutNoRoutes) > 0);
}

TEST(sizes_beyond_any_packet_are_refused, "R20-09")
{
	struct world *w = *state;

	for (size_t n = 65516; n <= 65535; n++)
		assert_int_equal(send_to(w, WORLD_PEER, n, 0), -EMSGSIZE);
	assert_null(tapir_pkt_alloc(w->t, SIZE_MAX));
	assert_null(tapir_pkt_alloc(w->t, SIZE_MAX - 100));
	assert_null(tapir_pkt_alloc(w->t, UINT32_MAX));
	expect_silence(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(what_leaves_has_our_source_and_a_sane_ttl),
		T(the_largest_message_that_can_be_sent_is_known),
		T(every_tos_leaves_as_it_was_asked_for_and_changes_nothing_else),
		cmocka_unit_test(no_byte_of_old_memory_leaves),
		T(no_source_but_ours_is_ever_put_in),
		T(loopback_addresses_stay_inside),
		T(a_ping_of_ourselves_is_answered_inside),
		T(what_is_too_large_and_may_be_cut_is_cut),
		TE(what_is_too_large_and_may_be_cut_is_cut),
		T(what_has_df_set_stays_whole),
		T(half_a_datagram_is_never_sent),
		T(whole_datagrams_bear_no_identification),
		T(identifications_do_not_repeat_within_two_minutes),
		T(identifications_can_t_be_predicted_or_compared),
		cmocka_unit_test(what_one_destination_gets_tells_nothing_of_another_s_traffic),
		TE(broadcasts_and_multicasts_leave_in_link_broadcasts_and_multicasts),
		T(members_hear_their_own_group_on_the_interface_that_it_left_by),
		cmocka_unit_test(an_interface_without_an_address_can_ask_for_one),
		T(a_checksum_left_to_do_is_done_for_an_interface_that_can_t),
		cmocka_unit_test(offload_travels_with_the_packet_to_an_interface_that_has_it),
		TE(a_packet_without_headroom_is_sent_all_the_same),
		T(a_way_that_is_kept_is_used_until_anything_changes),
		T(sizes_beyond_any_packet_are_refused),
	};

	return tapir_test_run("unit/ip/test_ip_output", tests);
}
