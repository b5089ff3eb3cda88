/* ARP: questions and answers, and who has our address. */
#include <errno.h>

#include "tests/unit/link/link_world.h"

#define HOST TAPIR_IP4(192, 0, 2, 9)

static struct world sw;

/* A world whose settings a test changes before the interface comes. */
static struct world *fresh(void)
{
	world_init(&sw, TEST_ALLOC_PLAIN);
	return &sw;
}

static void start(struct world *w)
{
	assert_int_equal(world_start(w), 0);
	assert_int_equal(world_netif(w, TAPIR_NETIF_ETHER, WORLD_US, 24, 1500, 0), 2);
}

static uint8_t addr_state(struct world *w)
{
	struct tapir_ifaddr a;

	assert_int_equal(tapir_addr_get(w->t, w->ifi, 0, &a), 0);
	return a.state;
}

TEST(a_request_for_our_address_is_answered_to_the_asker_alone, "R826-4 R5227-10 R5227-9")
{
	struct world *w = *state;
	struct arp a;

	push_request(w, 9, HOST, WORLD_US);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.op, 2);
	assert_int_equal(mac_cmp(&a.dst, &MAC(9)), 0);
	assert_int_equal(mac_cmp(&a.src, &world_mac), 0);
	assert_int_equal(mac_cmp(&a.sha, &world_mac), 0);
	assert_int_equal(a.spa, WORLD_US);
	assert_int_equal(mac_cmp(&a.tha, &MAC(9)), 0);
	assert_int_equal(a.tpa, HOST);
	assert_false(pop_arp(w, &a));
	/* A probe (RFC 5227) has no sender address; it is answered all the same. */
	push_request(w, 8, 0, WORLD_US);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.op, 2);
	assert_int_equal(mac_cmp(&a.dst, &MAC(8)), 0);
	assert_int_equal(a.tpa, 0);
}

TEST(a_ping_to_a_cold_stack_is_answered_at_once, "R826-3")
{
	struct world *w = *state;
	struct tapir_neigh n;

	push_request(w, 9, HOST, WORLD_US);
	assert_true(neighbour(w, HOST, &n));
	assert_int_equal(mac_cmp(&n.mac, &MAC(9)), 0);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	push_echo(w, 9, HOST);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_int_equal(rd16(out + 12), 0x0800);
	assert_memory_equal(out, MAC(9).b, 6);
	expect_silence(w);
}

TEST(only_what_is_aimed_at_us_makes_an_entry, "R826-3")
{
	struct world *w = *state;
	unsigned before = neighbours(w);

	push_request(w, 9, HOST, TAPIR_IP4(192, 0, 2, 77));
	push_gratuitous(w, 9, HOST);
	push_reply(w, 9, HOST);
	assert_int_equal(neighbours(w), before);
	assert_int_equal(world_drops(w, DROP_ARP_NOT_OURS), 2);
	assert_int_equal(world_drops(w, DROP_ARP_UNSOLICITED), 1);
	/* From another subnet: it could not be reached over this link anyway. */
	push_request(w, 9, TAPIR_IP4(10, 1, 1, 1), WORLD_US);
	assert_int_equal(neighbours(w), before);
}

TEST(our_request_is_a_broadcast_with_our_pair_and_the_wanted_address, "R826-5 R1122-11")
{
	struct world *w = *state;
	struct arp a;

	push_echo(w, 9, HOST);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.op, 1);
	assert_int_equal(mac_cmp(&a.dst, &mac_all), 0);
	assert_int_equal(mac_cmp(&a.sha, &world_mac), 0);
	assert_int_equal(a.spa, WORLD_US);
	assert_int_equal(mac_cmp(&a.tha, &mac_none), 0);
	assert_int_equal(a.tpa, HOST);
	/* The reply to the ping waits; nothing of it left. */
	expect_silence(w);
	push_reply(w, 9, HOST);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_int_equal(rd16(out + 12), 0x0800);
}

TEST(types_and_lengths_are_checked_before_any_field, "R826-1 R20-19")
{
	struct world *w = *state;
	static const struct {
		uint8_t at, value;
	} lies[] = {{14, 1},  {15, 6}, {16, 0x86}, {17, 0xdd}, {18, 0}, {18, 255},
		    {18, 16}, {19, 0}, {19, 255},  {19, 16},   {18, 4}};
	unsigned before = neighbours(w);

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct arp a = {.op = 1,
				.sha = MAC(9),
				.spa = HOST,
				.tpa = WORLD_US,
				.dst = mac_all,
				.src = MAC(9)};
		size_t n = arp_frame(&a);

		frame[lies[i].at] = lies[i].value;
		world_push(w, frame, n);
		expect_silence(w);
		assert_int_equal(world_drops(w, DROP_ARP_FORMAT), i + 1);
	}
	assert_int_equal(neighbours(w), before);
}

TEST(a_short_packet_is_ignored_at_every_length_and_padding_does_not_matter, "R826-7 FR-10")
{
	struct world *w = *state;
	struct arp a = {.op = 1,
			.sha = MAC(9),
			.spa = HOST,
			.tpa = WORLD_US,
			.dst = mac_all,
			.src = MAC(9)};

	for (size_t n = 14; n < 42; n++) {
		arp_frame(&a);
		world_push(w, frame, n);
		expect_silence(w);
	}
	assert_int_equal(world_drops(w, DROP_ARP_SHORT), 28);
	memset(frame + 42, 0x5a, 200);
	arp_frame(&a);
	world_push(w, frame, 242);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.op, 2);
}

TEST(opcodes_other_than_request_and_reply_are_ignored, "R826-6 AR-08")
{
	struct world *w = *state;
	static const uint16_t ops[] = {0, 3, 4, 8, 9, 10, 25, 256, 512, 65535};
	unsigned before = neighbours(w);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct arp a = {.op = ops[i],
				.sha = MAC(9),
				.spa = HOST,
				.tha = world_mac,
				.tpa = WORLD_US,
				.dst = mac_all,
				.src = MAC(9)};

		push_arp(w, &a);
		expect_silence(w);
	}
	assert_int_equal(neighbours(w), before);
	assert_int_equal(world_drops(w, DROP_ARP_OP), 10);
}

TEST(group_addresses_as_sender_are_ignored, "AR-04")
{
	struct world *w = *state;
	struct tapir_mac bad[] = {mac_all, {{0x01, 0, 0x5e, 1, 2, 3}}, mac_none};
	unsigned before = neighbours(w);

	for (size_t i = 0; i < 3; i++) {
		struct arp a = {.op = 1,
				.sha = bad[i],
				.spa = HOST,
				.tpa = WORLD_US,
				.dst = mac_all,
				.src = MAC(9)};

		push_arp(w, &a);
		a.op = 2;
		push_arp(w, &a);
		expect_silence(w);
	}
	assert_int_equal(world_drops(w, DROP_ARP_SENDER), 6);
	assert_int_equal(neighbours(w), before);
}

TEST(impossible_sender_addresses_are_not_cached, "AR-05")
{
	struct world *w = *state;
	uint32_t bad[] = {TAPIR_IP4(255, 255, 255, 255), WORLD_BC,
			  TAPIR_IP4(192, 0, 2, 0),	 TAPIR_IP4(224, 0, 0, 1),
			  TAPIR_IP4(127, 0, 0, 1),	 TAPIR_IP4(240, 0, 0, 1)};
	unsigned before = neighbours(w);
	struct arp a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		push_request(w, 9, bad[i], WORLD_US);
		push_reply(w, 9, bad[i]);
		expect_silence(w);
	}
	assert_int_equal(world_drops(w, DROP_ARP_SENDER), 12);
	/* 0 is a probe, answered but not learnt; as a reply it is nothing. */
	push_request(w, 9, 0, WORLD_US);
	assert_true(pop_arp(w, &a));
	push_reply(w, 9, 0);
	assert_int_equal(world_drops(w, DROP_ARP_SENDER), 13);
	/* Ours is a conflict. */
	push_request(w, 9, WORLD_US, WORLD_US);
	assert_int_equal(world_stat(w, STAT_Tapir_ArpConflicts), 1);
	assert_int_equal(neighbours(w), before);
}

TEST(a_sender_that_differs_from_the_frame_is_dropped, "AR-07")
{
	struct world *w = *state;
	struct arp a = {.op = 2,
			.sha = MAC(8),
			.spa = HOST,
			.tha = world_mac,
			.tpa = WORLD_US,
			.dst = world_mac,
			.src = MAC(9)};
	struct tapir_neigh n;

	push_arp(w, &a); /* unsolicited */
	push_echo(w, 9, HOST);
	drain(w);
	push_arp(w, &a); /* solicited */
	assert_int_equal(world_drops(w, DROP_ARP_MAC_MISMATCH), 2);
	assert_true(neighbour(w, HOST, &n));
	assert_int_equal(n.state, TAPIR_NEIGH_INCOMPLETE);
	expect_silence(w);
}

TEST(a_storm_of_requests_gets_a_bounded_number_of_answers, "AR-03")
{
	struct world *w = *state;
	struct arp a;
	unsigned answers = 0;

	w->no_check = true;
	/* One station, 100,000 a second for a second: 20 at once, 20 in the second. */
	for (unsigned i = 0; i < 100000; i++) {
		push_request(w, 9, HOST, WORLD_US);
		if (i % 100 == 0) {
			world_step(w, WORLD_MS);
			while (pop_arp(w, &a))
				answers++;
		}
	}
	assert_in_range(answers, 20, 41);
	/* From as many stations as there are frames. */
	answers = 0;
	world_step(w, 10 * WORLD_S);
	for (unsigned i = 0; i < 100000; i++) {
		struct tapir_mac m = {
			{0x06, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
		struct arp q = {
			.op = 1, .sha = m, .spa = HOST, .tpa = WORLD_US, .dst = mac_all, .src = m};

		push_arp(w, &q);
		if (i % 100 == 0) {
			world_step(w, WORLD_MS);
			while (pop_arp(w, &a))
				answers += a.op == 2;
		}
	}
	assert_in_range(answers, 20000, 40001);
	/* And it is over with the storm. */
	world_step(w, 2 * WORLD_S);
	drain(w);
	push_request(w, 7, TAPIR_IP4(192, 0, 2, 7), WORLD_US);
	assert_true(pop_arp(w, &a));
}

/* A storm of 30,000 questions a second from as many stations, for `ms`; whether `mac` was answered meanwhile. */
static bool storm(struct world *w, unsigned ms, const struct tapir_mac *mac)
{
	static uint32_t station;
	struct arp a;
	bool answered = false;

	for (unsigned i = 0; i < ms * 30; i++) {
		uint32_t k = station++;
		struct tapir_mac m = {
			{0x06, 0, 1, (uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)k}};
		struct arp q = {
			.op = 1, .sha = m, .spa = HOST, .tpa = WORLD_US, .dst = mac_all, .src = m};

		push_arp(w, &q);
		if (i % 30 != 29)
			continue;
		while (pop_arp(w, &a))
			answered |= a.op == 2 && mac_cmp(&a.tha, mac) == 0;
		world_step(w, WORLD_MS);
	}
	return answered;
}

TEST(a_storm_of_requests_from_many_stations_does_not_keep_others_out, "AR-03")
{
	static const struct tapir_mac used = MAC(9);
	struct world *w = *state;
	struct tapir_neigh n;
	unsigned cold = 0;

	w->no_check = true;
	push_request(w, 9, HOST, WORLD_US);
	push_echo(w, 9, HOST);
	drain(w);
	(void)storm(w, 2000, &used);
	/* Who talks with us is answered each time. */
	for (unsigned i = 0; i < 5; i++) {
		push_request(w, 9, HOST, WORLD_US);
		assert_true(storm(w, 1000, &used));
	}
	assert_true(neighbour(w, HOST, &n));
	/* One who comes now asks three times at most. */
	for (uint8_t i = 0; i < 10; i++) {
		const struct tapir_mac m = MAC((uint8_t)(20 + i));
		bool ok = false;

		for (unsigned k = 0; k < 3 && !ok; k++) {
			push_request(w, (uint8_t)(20 + i), TAPIR_IP4(192, 0, 2, 20 + i), WORLD_US);
			ok = storm(w, 1000, &m);
		}
		cold += ok;
	}
	assert_true(cold >= 8);
}

TEST(an_address_is_announced_twice_two_seconds_apart_the_first_at_once, "R5227-6")
{
	struct world *w = fresh();
	struct arp a;

	start(w);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.op, 1);
	assert_int_equal(a.spa, WORLD_US);
	assert_int_equal(a.tpa, WORLD_US);
	assert_int_equal(mac_cmp(&a.tha, &mac_none), 0);
	assert_int_equal(mac_cmp(&a.dst, &mac_all), 0);
	assert_false(pop_arp(w, &a));
	world_step(w, 2 * WORLD_S - 1);
	assert_false(pop_arp(w, &a));
	world_step(w, 1);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.spa, WORLD_US);
	world_step(w, 3600 * WORLD_S);
	assert_false(pop_arp(w, &a));
	world_close(w);
}

TEST(probing_comes_before_first_use_and_is_not_repeated, "R5227-1 R5227-2 R5227-6")
{
	struct world *w = fresh();
	struct arp a;
	uint64_t begin;
	unsigned probes = 0, announced = 0;

	w->conf.arp_probe = 1;
	start(w);
	begin = tapir_now(w->t);
	assert_int_equal(addr_state(w), TAPIR_ADDR_TENTATIVE);
	/* Not used yet: neither asked for nor pinged. */
	push_request(w, 9, HOST, WORLD_US);
	push_echo(w, 9, HOST);
	while (addr_state(w) == TAPIR_ADDR_TENTATIVE) {
		assert_true(tapir_now(w->t) - begin < 8 * WORLD_S);
		world_step(w, 10 * WORLD_MS);
		while (addr_state(w) == TAPIR_ADDR_TENTATIVE && pop_arp(w, &a)) {
			assert_int_equal(a.op, 1);
			assert_int_equal(a.spa, 0);
			assert_int_equal(a.tpa, WORLD_US);
			assert_int_equal(mac_cmp(&a.sha, &world_mac), 0);
			assert_int_equal(mac_cmp(&a.tha, &mac_none), 0);
			assert_int_equal(mac_cmp(&a.dst, &mac_all), 0);
			probes++;
		}
	}
	assert_int_equal(probes, 3);
	assert_true(tapir_now(w->t) - begin >= 4 * WORLD_S);
	assert_int_equal(addr_state(w), TAPIR_ADDR_VALID);
	for (int i = 0; i < 360; i++) {
		world_step(w, 10 * WORLD_S);
		while (pop_arp(w, &a)) {
			assert_int_equal(a.spa, WORLD_US);
			announced++;
		}
	}
	assert_int_equal(announced, 2);
	world_close(w);
}

TEST(a_claim_or_another_probe_while_probing_is_a_conflict, "R5227-3 R5227-4")
{
	for (int kind = 0; kind < 3; kind++) {
		struct world *w = fresh();

		w->conf.arp_probe = 1;
		start(w);
		world_step(w, 1500 * WORLD_MS);
		if (kind == 0)
			push_gratuitous(w, 9, WORLD_US);
		else if (kind == 1)
			push_request(w, 9, 0, WORLD_US);
		else
			push_request(w, 9, WORLD_US, HOST);
		assert_int_equal(addr_state(w), TAPIR_ADDR_CONFLICT);
		assert_int_equal(world_events(w, TAPIR_EV_ADDR_CONFLICT), 1);
		drain(w);
		push_request(w, 8, HOST, WORLD_US);
		expect_silence(w);
		world_close(w);
	}
}

TEST(after_ten_conflicts_attempts_slow_down_to_one_a_minute, "R5227-5")
{
	struct world *w = fresh();
	uint64_t at = 0, gap = 0;
	struct arp a;

	w->conf.arp_probe = 1;
	start(w);
	for (unsigned i = 0; i < 13; i++) {
		/* Wait for the first probe of the attempt, then object. */
		do {
			assert_true(world_next(w, 120 * WORLD_S));
		} while (!pop_arp(w, &a));
		gap = tapir_now(w->t) - at;
		at = tapir_now(w->t);
		if (i > 0 && i < 10)
			assert_true(gap < 15 * WORLD_S);
		if (i >= 10)
			assert_true(gap >= 60 * WORLD_S);
		push_gratuitous(w, 9, WORLD_US);
		assert_int_equal(addr_state(w), TAPIR_ADDR_CONFLICT);
		drain(w);
	}
	world_close(w);
}

TEST(a_conflict_is_met_by_one_defence_in_ten_seconds, "R5227-7")
{
	struct world *w = *state;
	struct arp a;
	unsigned defences = 0;

	for (unsigned i = 0; i < 300; i++) {
		push_gratuitous(w, 9, WORLD_US);
		world_step(w, 100 * WORLD_MS);
		while (pop_arp(w, &a)) {
			assert_int_equal(a.spa, WORLD_US);
			assert_int_equal(a.tpa, WORLD_US);
			assert_int_equal(mac_cmp(&a.dst, &mac_all), 0);
			defences++;
		}
	}
	assert_int_equal(defences, 3);
	assert_int_equal(addr_state(w), TAPIR_ADDR_VALID);
	assert_int_equal(world_stat(w, STAT_Tapir_ArpDefences), 3);
}

TEST(with_the_first_policies_the_address_is_given_up, "")
{
	struct world *w = fresh();

	w->conf.arp_defend = 0;
	start(w);
	push_gratuitous(w, 9, WORLD_US);
	assert_int_equal(addr_state(w), TAPIR_ADDR_CONFLICT);
	world_close(w);

	w = fresh();
	w->conf.arp_defend = 1;
	start(w);
	push_gratuitous(w, 9, WORLD_US);
	assert_int_equal(addr_state(w), TAPIR_ADDR_VALID);
	world_step(w, 9 * WORLD_S);
	push_gratuitous(w, 9, WORLD_US);
	assert_int_equal(addr_state(w), TAPIR_ADDR_CONFLICT);
	world_step(w, WORLD_S);
	world_close(w);
}

TEST(an_address_given_up_takes_its_connections_with_it, "R5227-8")
{
	struct world *w = fresh();
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, 80);
	struct tapir_addr peer = tapir_addr_v4(WORLD_PEER);
	static uint8_t ip[200];
	struct world_pkt p;
	tapir_sock_t l, c;
	int err = 0;
	size_t len = sizeof(err), n;

	w->conf.arp_defend = 0;
	start(w);
	tapir_neigh_set(w->t, w->ifi, &peer, &world_peer_mac);
	world_settle(w);
	l = tapir_socket(w->t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_true(l > 0);
	assert_int_equal(tapir_bind(w->t, l, &sa), 0);
	assert_int_equal(tapir_listen(w->t, l, 5), 0);
	n = world_tcp(ip, WORLD_PEER, WORLD_US, 1000, 80, 100, 0, 2, 1000, NULL, 0, NULL, 0);
	world_push_ip(w, ip, n);
	assert_true(world_expect(w, out, &p));
	n = world_tcp(ip, WORLD_PEER, WORLD_US, 1000, 80, 101, p.seq + 1, 16, 1000, NULL, 0, NULL,
		      0);
	world_push_ip(w, ip, n);
	c = tapir_accept(w->t, l, NULL);
	assert_true(c > 0);

	push_gratuitous(w, 9, WORLD_US);
	assert_int_equal(addr_state(w), TAPIR_ADDR_CONFLICT);
	world_step(w, WORLD_MS);
	assert_int_equal(tapir_getsockopt(w->t, c, TAPIR_SOL_SOCKET, TAPIR_SO_ERROR, &err, &len),
			 0);
	assert_int_equal(err, ECONNABORTED);
	world_close(w);
}

TEST(an_interface_has_several_addresses_and_answers_for_each, "R1122-16")
{
	struct world *w = *state;
	uint32_t second = TAPIR_IP4(198, 51, 100, 20);
	struct tapir_addr addr = tapir_addr_v4(second);
	struct arp a;
	static uint8_t ip[64];
	size_t n;

	assert_int_equal(tapir_addr_add(w->t, w->ifi, &addr, 24), 0);
	drain(w);
	push_request(w, 9, TAPIR_IP4(198, 51, 100, 9), second);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.spa, second);
	n = world_icmp(ip, TAPIR_IP4(198, 51, 100, 9), second, 8, 0, 1, "x", 1);
	world_push(w, frame, world_eth(frame, &world_mac, &MAC(9), 0x0800, ip, n));
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_int_equal(rd32(out + 26), second);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_request_for_our_address_is_answered_to_the_asker_alone),
		T(a_ping_to_a_cold_stack_is_answered_at_once),
		T(only_what_is_aimed_at_us_makes_an_entry),
		T(our_request_is_a_broadcast_with_our_pair_and_the_wanted_address),
		T(types_and_lengths_are_checked_before_any_field),
		T(a_short_packet_is_ignored_at_every_length_and_padding_does_not_matter),
		T(opcodes_other_than_request_and_reply_are_ignored),
		T(group_addresses_as_sender_are_ignored),
		T(impossible_sender_addresses_are_not_cached),
		T(a_sender_that_differs_from_the_frame_is_dropped),
		T(a_storm_of_requests_gets_a_bounded_number_of_answers),
		T(a_storm_of_requests_from_many_stations_does_not_keep_others_out),
		cmocka_unit_test(an_address_is_announced_twice_two_seconds_apart_the_first_at_once),
		cmocka_unit_test(probing_comes_before_first_use_and_is_not_repeated),
		cmocka_unit_test(a_claim_or_another_probe_while_probing_is_a_conflict),
		cmocka_unit_test(after_ten_conflicts_attempts_slow_down_to_one_a_minute),
		T(a_conflict_is_met_by_one_defence_in_ten_seconds),
		cmocka_unit_test(with_the_first_policies_the_address_is_given_up),
		cmocka_unit_test(an_address_given_up_takes_its_connections_with_it),
		T(an_interface_has_several_addresses_and_answers_for_each),
	};

	return tapir_test_run("unit/link/test_arp", tests);
}
