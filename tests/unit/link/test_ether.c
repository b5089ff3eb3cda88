/* Ethernet: which frames are ours, and what ours look like. */
#include "tests/unit/link/link_world.h"

/* An echo request in a frame from `src` to `dst`. */
static size_t echo_frame(const struct tapir_mac *dst, const struct tapir_mac *src, uint16_t type)
{
	uint8_t ip[64];
	size_t n = world_icmp(ip, WORLD_PEER, WORLD_US, 8, 0, 1, "ping", 4);

	return world_eth(frame, dst, src, type, ip, n);
}

/* Pushes it, expects no answer and the drop, then that an honest frame is served. */
static void refused(struct world *w, size_t n, enum drop_reason why)
{
	uint64_t before = world_drops(w, why);

	world_push(w, frame, n);
	expect_silence(w);
	assert_int_equal(world_drops(w, why), before + 1);
	world_push(w, frame, echo_frame(&world_mac, &world_peer_mac, 0x0800));
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	expect_silence(w);
}

TEST(ipv4_travels_under_its_ethertype_both_ways, "R1122-7 R1122-2 R1122-10")
{
	struct world *w = *state;

	world_push(w, frame, echo_frame(&world_mac, &world_peer_mac, 0x0800));
	assert_true(world_pop(w, out, sizeof(out)) > 0);
	assert_int_equal(rd16(out + 12), 0x0800);
	assert_memory_equal(out, world_peer_mac.b, 6);
	assert_memory_equal(out + 6, world_mac.b, 6);
	assert_int_equal(out[14], 0x45);
	/* The same bytes under a trailer's type (RFC 893) are nothing. */
	refused(*state, echo_frame(&world_mac, &world_peer_mac, 0x1001), DROP_ETH_TYPE);
}

TEST(short_frames_are_dropped_at_every_length, "R20-11")
{
	struct world *w = *state;

	for (size_t n = 0; n < 14; n++)
		refused(w, echo_frame(&world_mac, &world_peer_mac, 0x0800) ? n : 0, DROP_ETH_SHORT);
	echo_frame(&world_mac, &world_peer_mac, 0x0800);
	world_push(w, frame, 14);
	expect_silence(w);
	assert_int_equal(world_drops(w, DROP_IP_SHORT), 1);
}

TEST(frames_for_other_stations_are_not_ours, "IP-08")
{
	struct tapir_mac other = MAC(0x77);

	refused(*state, echo_frame(&other, &world_peer_mac, 0x0800), DROP_ETH_NOT_OURS);
}

TEST(tags_lengths_and_unknown_types_have_their_own_reasons, "IP-07 U11-08")
{
	struct world *w = *state;

	refused(w, echo_frame(&world_mac, &world_peer_mac, 0x8100), DROP_ETH_VLAN);
	refused(w, echo_frame(&world_mac, &world_peer_mac, 0x88a8), DROP_ETH_VLAN);
	refused(w, echo_frame(&world_mac, &world_peer_mac, 46), DROP_ETH_8023);
	refused(w, echo_frame(&world_mac, &world_peer_mac, 1535), DROP_ETH_8023);
	refused(w, echo_frame(&world_mac, &world_peer_mac, 0xdead), DROP_ETH_TYPE);
	refused(w, echo_frame(&world_mac, &world_peer_mac, 0x8035), DROP_ETH_TYPE); /* RARP */
	/* Far more than the MTU: what lies behind the packet is padding. */
	memset(frame, 0, sizeof(frame));
	echo_frame(&world_mac, &world_peer_mac, 0x0800);
	world_push(w, frame, 9018);
	assert_true(world_pop(w, out, sizeof(out)) > 0);
}

TEST(ipv6_of_any_form_is_an_unknown_type, "AM33-16 R20-02 R20-04 R20-18")
{
	struct world *w = *state;
	uint8_t v6[64] = {0x60, 0, 0, 0, 0xff, 0xff, 43, 64};

	v6[40] = 6;
	v6[41] = 255;
	for (size_t n = 0; n <= sizeof(v6); n++)
		refused(w, world_eth(frame, &world_mac, &world_peer_mac, 0x86dd, v6, n),
			DROP_ETH_TYPE);
	v6[6] = 0;
	v6[40] = 0xc2;
	refused(w, world_eth(frame, &world_mac, &world_peer_mac, 0x86dd, v6, 42), DROP_ETH_TYPE);
}

TEST(impossible_and_own_sources_are_dropped, "")
{
	struct world *w = *state;
	struct tapir_mac group = {{0x01, 0, 0x5e, 0, 0, 1}};

	refused(w, echo_frame(&world_mac, &mac_all, 0x0800), DROP_ETH_SRC_BAD);
	refused(w, echo_frame(&world_mac, &group, 0x0800), DROP_ETH_SRC_BAD);
	refused(w, echo_frame(&world_mac, &mac_none, 0x0800), DROP_ETH_SRC_BAD);
	refused(w, echo_frame(&world_mac, &world_mac, 0x0800), DROP_ETH_OWN_SRC);
}

TEST(short_packets_are_padded_with_zeros_and_nothing_else, "IP-05")
{
	struct world *w = *state;
	struct arp a = {0};
	size_t n;

	/* Fill the kept packets with something to leak. */
	for (int i = 0; i < 20; i++) {
		memset(frame, 0xaa, 600);
		world_push(w, frame, 600);
	}
	world_push(w, frame, echo_frame(&world_mac, &world_peer_mac, 0x0800));
	n = world_pop(w, out, sizeof(out));
	assert_int_equal(n, 60);
	for (size_t i = 14 + 32; i < n; i++)
		assert_int_equal(out[i], 0);
	push_request(w, 1, WORLD_PEER, WORLD_US);
	assert_true(pop_arp(w, &a));
	assert_int_equal(a.len, 60);
	for (size_t i = 42; i < a.len; i++)
		assert_int_equal(out[i], 0);
}

TEST(what_came_in_a_link_broadcast_is_known_for_that, "R1122-12 R1122-100")
{
	struct world *w = *state;
	struct tapir_mac group = {{0x01, 0, 0x5e, 0, 0, 1}};

	refused(w, echo_frame(&mac_all, &world_peer_mac, 0x0800), DROP_IP_L2_MISMATCH);
	refused(w, echo_frame(&group, &world_peer_mac, 0x0800), DROP_IP_L2_MISMATCH);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(ipv4_travels_under_its_ethertype_both_ways),
		T(short_frames_are_dropped_at_every_length),
		T(frames_for_other_stations_are_not_ours),
		T(tags_lengths_and_unknown_types_have_their_own_reasons),
		T(ipv6_of_any_form_is_an_unknown_type),
		T(impossible_and_own_sources_are_dropped),
		T(short_packets_are_padded_with_zeros_and_nothing_else),
		T(what_came_in_a_link_broadcast_is_known_for_that),
	};

	return tapir_test_run("unit/link/test_ether", tests);
}
