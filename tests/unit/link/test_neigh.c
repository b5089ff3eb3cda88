/* The neighbour cache: states, ageing, what waits, and what a hostile station can't do. */
#include <errno.h>

#include "tests/unit/link/link_world.h"

#define HOST TAPIR_IP4(192, 0, 2, 9)

static enum tapir_neigh_state state_of(struct world *w, uint32_t ip4)
{
	struct tapir_neigh n;

	assert_true(neighbour(w, ip4, &n));
	return n.state;
}

/* HOST becomes known by our own asking: REACHABLE with MAC(9). */
static void make_reachable(struct world *w)
{
	push_echo(w, 9, HOST);
	push_reply(w, 9, HOST);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_REACHABLE);
	drain(w);
}

/* The MAC address that our answer to a ping of HOST is sent to; its last byte, 0: it waits. */
static uint8_t where_to(struct world *w)
{
	drain(w);
	push_echo(w, 9, HOST);
	while (world_pop(w, out, sizeof(out)) > 0) {
		if (rd16(out + 12) == 0x0800)
			return out[5];
	}
	return 0;
}

static unsigned requests(struct world *w)
{
	struct arp a;
	unsigned n = 0;

	while (pop_arp(w, &a))
		n += a.op == 1;
	return n;
}

TEST(packets_wait_for_the_answer_and_leave_in_order, "R1122-6 R1122-14")
{
	struct world *w = *state;
	struct tapir_neigh n;

	for (uint32_t i = 0; i < 10; i++) {
		uint8_t ip[64];
		size_t len = world_icmp(ip, HOST, WORLD_US, 8, 0, i, "x", 1);

		world_push(w, frame, world_eth(frame, &world_mac, &MAC(9), 0x0800, ip, len));
	}
	assert_true(neighbour(w, HOST, &n));
	assert_int_equal(n.held, 10);
	assert_int_equal(requests(w), 1);
	push_reply(w, 9, HOST);
	for (uint32_t i = 0; i < 10; i++) {
		assert_true(world_pop(w, out, sizeof(out)) > 0);
		assert_memory_equal(out, MAC(9).b, 6);
		assert_int_equal(rd32(out + 38), i);
	}
	expect_silence(w);
}

TEST(what_waits_is_bounded_and_the_newest_stay, "R1122-6 AR-06")
{
	struct world *w = *state;
	unsigned max = (unsigned)w->conf.neigh_hold_pkts;
	struct tapir_neigh n;

	for (uint32_t i = 0; i < max + 50; i++) {
		uint8_t ip[64];
		size_t len = world_icmp(ip, HOST, WORLD_US, 8, 0, i, "x", 1);

		world_push(w, frame, world_eth(frame, &world_mac, &MAC(9), 0x0800, ip, len));
	}
	assert_true(neighbour(w, HOST, &n));
	assert_int_equal(n.held, max);
	assert_int_equal(world_drops(w, DROP_NEIGH_HOLD_FULL), 50);
	drain(w);
	push_reply(w, 9, HOST);
	for (uint32_t i = 50; i < max + 50; i++) {
		assert_true(world_pop(w, out, sizeof(out)) > 0);
		assert_int_equal(rd32(out + 38), i);
	}
}

TEST(bytes_that_wait_are_bounded_for_one_and_for_all, "AR-06")
{
	struct world *w = *state;
	static uint8_t ip[1500], data[1400];
	struct tapir_neigh n;
	uint64_t all = 0;

	w->no_check = true;
	assert_int_equal(tapir_sysctl(w->t, "net.ipv4.neigh.default.unres_qlen", 0, 1024), 0);
	assert_int_equal(tapir_sysctl(w->t, "net.tapir.neigh_hold_total_bytes", 0, 500000), 0);
	for (unsigned h = 10; h < 20; h++) {
		for (unsigned i = 0; i < 200; i++) {
			size_t len = world_icmp(ip, TAPIR_IP4(192, 0, 2, h), WORLD_US, 8, 0, i,
						data, sizeof(data));

			world_push(w, frame,
				   world_eth(frame, &world_mac, &MAC(9), 0x0800, ip, len));
		}
		assert_true(neighbour(w, TAPIR_IP4(192, 0, 2, h), &n));
		assert_true(n.held * 1428 <= 212992);
	}
	for (unsigned i = 0; tapir_neigh_get(w->t, i, &n) == 0; i++)
		all += n.held * UINT64_C(1428);
	assert_in_range(all, 400000, 500000);
	tapir_check(w->t);
}

TEST(a_silent_address_is_asked_once_a_second_at_most_and_then_fails, "R1122-4")
{
	struct world *w = *state;
	uint64_t begin = tapir_now(w->t), last = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++) {
		push_echo(w, 9, HOST);
		while (requests(w) > 0) {
			uint64_t now = tapir_now(w->t);

			assert_true(n == 0 || now - last >= WORLD_S);
			last = now;
			n++;
		}
		world_step(w, 10 * WORLD_MS);
		if (tapir_now(w->t) - begin < 4 * WORLD_S)
			assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_INCOMPLETE);
	}
	/* 0, 1, 3 s; failed at 4 s; again from 5 s: 5, 6, 8, failed at 9. */
	assert_in_range(n, 5, 7);
}

TEST(whatever_leads_to_a_question_it_waits_for_its_second, "R1122-4")
{
	struct world *w = *state;
	uint64_t begin = tapir_now(w->t);

	make_reachable(w); /* asked just now */
	push_gratuitous(w, 66, HOST);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_PROBE);
	while (requests(w) == 0)
		assert_true(world_next(w, 10 * WORLD_S));
	assert_true(tapir_now(w->t) - begin >= WORLD_S);
}

TEST(pauses_between_rounds_grow, "")
{
	struct world *w = *state;
	unsigned n = 0;

	for (unsigned i = 0; i < 6000; i++) {
		push_echo(w, 9, HOST);
		n += requests(w);
		world_step(w, 100 * WORLD_MS);
	}
	/* Without back-off 600 s would hold about 360. */
	assert_in_range(n, 30, 70);
}

TEST(what_waited_for_a_neighbour_that_fails_is_told_to_its_transport, "R1122-83")
{
	struct world *w = *state;

	push_echo(w, 9, HOST);
	world_step(w, 4500 * WORLD_MS);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_FAILED);
	assert_int_equal(world_drops(w, DROP_NEIGH_FAILED), 1);
	assert_int_equal(world_stat(w, STAT_Tapir_NeighFailed), 1);
	/* In the pause after it packets are refused at once. */
	drain(w);
	world_step(w, 0);
	push_echo(w, 9, HOST);
	assert_int_equal(requests(w), 0);
}

TEST(an_entry_that_nobody_uses_is_thrown_away, "R1122-3 R1122-81")
{
	struct world *w = *state;
	struct tapir_neigh n;

	make_reachable(w);
	world_step(w, 46 * WORLD_S);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_STALE);
	/* Idle: nobody is asked. */
	assert_int_equal(requests(w), 0);
	world_step(w, 60 * WORLD_S);
	assert_false(neighbour(w, HOST, &n));
	push_echo(w, 9, HOST);
	assert_int_equal(requests(w), 1);
}

TEST(how_long_a_confirmation_counts_is_a_setting, "R1122-5")
{
	struct world *w = *state;

	tapir_sysctl(w->t, "net.ipv4.neigh.default.base_reachable_time_ms", 0, 300000);
	make_reachable(w);
	world_step(w, 149 * WORLD_S);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_REACHABLE);
	world_step(w, 302 * WORLD_S);
	make_reachable(w);
	tapir_sysctl(w->t, "net.ipv4.neigh.default.base_reachable_time_ms", 0, 1000);
	world_step(w, 500 * WORLD_S);
	make_reachable(w);
	world_step(w, 1501 * WORLD_MS);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_STALE);
}

TEST(an_entry_in_use_is_asked_again_by_unicast_and_works_meanwhile, "R1122-81")
{
	struct world *w = *state;
	struct arp a;

	make_reachable(w);
	world_step(w, 46 * WORLD_S);
	/* Used: five seconds for the transports to confirm, then a question to it alone. */
	assert_int_equal(where_to(w), 9);
	world_step(w, 4999 * WORLD_MS);
	assert_int_equal(requests(w), 0);
	world_step(w, 2 * WORLD_MS);
	assert_true(pop_arp(w, &a));
	assert_int_equal(mac_cmp(&a.dst, &MAC(9)), 0);
	assert_int_equal(a.tpa, HOST);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_PROBE);
	assert_int_equal(where_to(w), 9);
	push_reply(w, 9, HOST);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_REACHABLE);
}

TEST(a_next_hop_that_dies_while_in_use_is_noticed, "R1122-80")
{
	struct world *w = *state;
	uint64_t begin;

	make_reachable(w);
	begin = tapir_now(w->t);
	for (unsigned i = 0; i < 70 && state_of(w, HOST) != TAPIR_NEIGH_FAILED; i++) {
		push_echo(w, 9, HOST);
		world_step(w, WORLD_S);
	}
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_FAILED);
	assert_true(tapir_now(w->t) - begin < 64 * WORLD_S);
}

TEST(a_claim_does_not_change_an_entry_whose_owner_still_answers, "AR-01 R826-2")
{
	struct world *w = *state;
	struct arp a;

	make_reachable(w);
	/* The thief claims HOST in every way. */
	push_gratuitous(w, 66, HOST);
	push_reply(w, 66, HOST);
	push_request(w, 66, HOST, WORLD_US);
	push_request(w, 66, HOST, TAPIR_IP4(192, 0, 2, 77));
	world_step(w, WORLD_S);
	/* The owner alone is asked, once. */
	while (pop_arp(w, &a) && a.op != 1)
		;
	assert_int_equal(a.op, 1);
	assert_int_equal(mac_cmp(&a.dst, &MAC(9)), 0);
	assert_int_equal(where_to(w), 9);
	push_reply(w, 66, HOST);
	assert_int_equal(where_to(w), 9);
	push_reply(w, 9, HOST);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_REACHABLE);
	assert_int_equal(where_to(w), 9);
	assert_true(world_drops(w, DROP_ARP_UNSOLICITED) >= 2);
}

TEST(a_station_that_changed_its_card_is_found_again, "AR-01 R826-2")
{
	struct world *w = *state;

	make_reachable(w);
	push_gratuitous(w, 10, HOST);
	for (unsigned i = 0; i < 20 && where_to(w) != 10; i++) {
		world_step(w, 500 * WORLD_MS);
		if (state_of(w, HOST) == TAPIR_NEIGH_INCOMPLETE)
			push_reply(w, 10, HOST);
	}
	assert_int_equal(where_to(w), 10);
}

TEST(a_known_neighbour_is_refreshed_whatever_the_opcode, "R826-2")
{
	struct world *w = *state;
	struct tapir_neigh n;

	/* Nothing good known of it: RFC 826's rule holds for a request to somebody else, too. */
	push_echo(w, 9, HOST);
	drain(w);
	push_request(w, 9, HOST, TAPIR_IP4(192, 0, 2, 77));
	assert_true(neighbour(w, HOST, &n));
	assert_int_equal(n.state, TAPIR_NEIGH_STALE);
	assert_int_equal(mac_cmp(&n.mac, &MAC(9)), 0);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_int_equal(rd16(out + 12), 0x0800);
}

TEST(a_flood_of_requests_displaces_no_entry_in_use, "AR-02")
{
	struct world *w = *state;
	struct tapir_neigh n;
	unsigned total;

	w->no_check = true;
	make_reachable(w);
	for (uint32_t i = 0; i < 1000000; i++) {
		struct tapir_mac m = {{0x06, 0, (uint8_t)(i >> 24), (uint8_t)(i >> 16),
				       (uint8_t)(i >> 8), (uint8_t)i}};
		struct arp q = {.op = 1,
				.sha = m,
				.spa = TAPIR_IP4(192, 0, 2, 0) + 10 + i % 240,
				.tpa = WORLD_US,
				.dst = mac_all,
				.src = m};

		push_arp(w, &q);
		if (i % 1000 == 0) {
			world_step(w, WORLD_MS);
			drain(w);
		}
	}
	tapir_check(w->t);
	total = neighbours(w);
	assert_true(total <= (unsigned)w->conf.neigh_max);
	assert_true(neighbour(w, HOST, &n));
	assert_int_equal(where_to(w), 9);
}

TEST(guests_take_a_quarter_of_the_table_at_most, "AR-02")
{
	struct world *w = *state;
	struct tapir_addr wide = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 1));
	struct tapir_neigh n;
	struct arp q;

	w->no_check = true;
	assert_int_equal(tapir_addr_add(w->t, w->ifi, &wide, 8), 0);
	make_reachable(w);
	for (uint32_t i = 0; i < 20000; i++) {
		push_request(w, 66, TAPIR_IP4(10, 1, 0, 0) + i, WORLD_US);
		if (i % 10 == 0)
			world_step(w, WORLD_S / 2);
		/* HOST is alive and answers. */
		while (pop_arp(w, &q)) {
			if (q.op == 1 && q.tpa == HOST)
				push_reply(w, 9, HOST);
		}
		if (i % 50 == 0)
			assert_int_equal(where_to(w), 9);
	}
	tapir_check(w->t);
	assert_true(neighbours(w) <= 256 + 2);
	assert_true(neighbour(w, HOST, &n));
}

TEST(looking_for_hosts_that_do_not_exist_displaces_no_good_entry, "AR-06")
{
	struct world *w = *state;
	struct tapir_addr wide = tapir_addr_v4(TAPIR_IP4(10, 0, 0, 1));
	unsigned asked = 0;

	w->no_check = true;
	assert_int_equal(tapir_addr_add(w->t, w->ifi, &wide, 8), 0);
	make_reachable(w);
	drain(w);
	for (uint32_t i = 0; i < 100000; i++) {
		static uint8_t ip[64];
		size_t n = world_icmp(ip, TAPIR_IP4(10, 1, 0, 0) + i, TAPIR_IP4(10, 0, 0, 1), 8, 0,
				      1, "x", 1);

		world_push(w, frame, world_eth(frame, &world_mac, &MAC(66), 0x0800, ip, n));
		if (i % 100 == 0) {
			world_step(w, WORLD_MS);
			asked += requests(w);
		}
	}
	tapir_check(w->t);
	assert_true(neighbours(w) <= 1024 / 2 + 2);
	/* All requests together: 256 at once and 256 a second, for one second. */
	assert_in_range(asked, 256, 520);
	assert_int_equal(state_of(w, HOST), TAPIR_NEIGH_REACHABLE);
	assert_int_equal(where_to(w), 9);
}

TEST(a_permanent_entry_is_never_asked_about_or_changed, "")
{
	struct world *w = *state;
	struct tapir_neigh n;

	push_gratuitous(w, 66, WORLD_PEER);
	push_reply(w, 66, WORLD_PEER);
	world_step(w, 3600 * WORLD_S);
	expect_silence(w);
	assert_true(neighbour(w, WORLD_PEER, &n));
	assert_int_equal(n.state, TAPIR_NEIGH_PERMANENT);
	assert_int_equal(mac_cmp(&n.mac, &world_peer_mac), 0);
}

TEST(entries_are_set_read_and_deleted_by_hand, "")
{
	struct world *w = *state;
	struct tapir_addr a = tapir_addr_v4(HOST);
	struct tapir_neigh n;

	assert_int_equal(tapir_neigh_set(w->t, w->ifi, &a, &MAC(5)), 0);
	assert_int_equal(where_to(w), 5);
	assert_int_equal(tapir_neigh_del(w->t, w->ifi, &a), 0);
	assert_int_equal(tapir_neigh_del(w->t, w->ifi, &a), -ESRCH);
	assert_false(neighbour(w, HOST, &n));
	/* Setting one lets go what waited for it. */
	push_echo(w, 9, HOST);
	drain(w);
	assert_int_equal(tapir_neigh_set(w->t, w->ifi, &a, &MAC(5)), 0);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_memory_equal(out, MAC(5).b, 6);
	tapir_check(w->t);
}

TEST(a_small_table_takes_only_so_many, "")
{
	static struct world w;
	struct tapir_addr a;
	unsigned i;
	int err = 0;

	world_init(&w, TEST_ALLOC_PLAIN);
	w.conf.neigh_max = 8;
	assert_int_equal(world_start(&w), 0);
	world_netif(&w, TAPIR_NETIF_ETHER, WORLD_US, 24, 1500, 0);
	for (i = 10; i < 30 && err == 0; i++) {
		a = tapir_addr_v4(TAPIR_IP4(192, 0, 2, i));
		err = tapir_neigh_set(w.t, w.ifi, &a, &MAC(5));
		tapir_check(w.t);
	}
	assert_int_equal(err, -ENOSPC);
	for (i = 0; i < 100; i++) {
		push_echo(&w, 9, TAPIR_IP4(192, 0, 2, 100 + i));
		push_request(&w, 9, TAPIR_IP4(192, 0, 2, 100 + i), WORLD_US);
	}
	assert_true(neighbours(&w) <= 8);
	assert_true(world_stat(&w, STAT_Tapir_NeighTableFull) > 0);
	world_close(&w);
}

TEST(an_interface_that_goes_down_forgets_its_neighbours, "")
{
	struct world *w = *state;

	make_reachable(w);
	push_echo(w, 10, TAPIR_IP4(192, 0, 2, 10));
	tapir_netif_down(w->t, w->ifi);
	tapir_check(w->t);
	assert_int_equal(neighbours(w), 0);
	assert_int_equal(world_drops(w, DROP_TXQ_FLUSH), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(packets_wait_for_the_answer_and_leave_in_order),
		T(what_waits_is_bounded_and_the_newest_stay),
		T(bytes_that_wait_are_bounded_for_one_and_for_all),
		T(a_silent_address_is_asked_once_a_second_at_most_and_then_fails),
		T(whatever_leads_to_a_question_it_waits_for_its_second),
		T(pauses_between_rounds_grow),
		T(what_waited_for_a_neighbour_that_fails_is_told_to_its_transport),
		T(an_entry_that_nobody_uses_is_thrown_away),
		T(how_long_a_confirmation_counts_is_a_setting),
		T(an_entry_in_use_is_asked_again_by_unicast_and_works_meanwhile),
		T(a_next_hop_that_dies_while_in_use_is_noticed),
		T(a_claim_does_not_change_an_entry_whose_owner_still_answers),
		T(a_station_that_changed_its_card_is_found_again),
		T(a_known_neighbour_is_refreshed_whatever_the_opcode),
		T(a_flood_of_requests_displaces_no_entry_in_use),
		T(guests_take_a_quarter_of_the_table_at_most),
		T(looking_for_hosts_that_do_not_exist_displaces_no_good_entry),
		T(a_permanent_entry_is_never_asked_about_or_changed),
		T(entries_are_set_read_and_deleted_by_hand),
		T(a_small_table_takes_only_so_many),
		T(an_interface_that_goes_down_forgets_its_neighbours),
	};

	return tapir_test_run("unit/link/test_neigh", tests);
}
