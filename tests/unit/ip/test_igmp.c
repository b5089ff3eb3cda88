/* Multicast membership: reports, queries of three versions, and whose queries count. */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/ip/igmp.h"
#include "tests/support/rnd.h"
#include "tests/unit/ip/ip_world.h"

#define GROUP	TAPIR_IP4(239, 1, 2, 3)
#define GROUP2	TAPIR_IP4(239, 4, 5, 6)
#define ALL	TAPIR_IP4(224, 0, 0, 1)
#define ROUTERS TAPIR_IP4(224, 0, 0, 2)
#define V3	TAPIR_IP4(224, 0, 0, 22)

static struct netif *ifp(struct world *w)
{
	return w->t->netif[w->ifi];
}

/* Calls into the core as an entry would: what it sends to ourselves is taken in as well. */
static int join(struct world *w, uint32_t group)
{
	int err = igmp_join(w->t, ifp(w), group);

	tapir_flush(w->t);
	return err;
}

static int leave(struct world *w, uint32_t group)
{
	int err = igmp_leave(w->t, ifp(w), group);

	tapir_flush(w->t);
	return err;
}

struct report {
	struct world_pkt ip;
	uint8_t type;
	uint32_t group; /* versions 1 and 2; of version 3 the first record's */
	unsigned records;
	uint8_t record_type;
};

static uint32_t rd32(const uint8_t *p)
{
	return rd16(p) << 16 | rd16(p + 2);
}

/* The next IGMP message of ours, with everything about it checked that is always so. */
static bool pop_igmp(struct world *w, struct report *r)
{
	while (world_expect(w, out, &r->ip)) {
		if (r->ip.proto != 2)
			continue;
		assert_int_equal(r->ip.ttl, 1);
		assert_int_equal(r->ip.src, WORLD_US);
		/* The router alert. */
		assert_int_equal(out[0], 0x46);
		assert_int_equal(rd32(out + 20), 0x94040000);
		r->type = r->ip.type;
		r->records = 0;
		if (r->type == 0x22) {
			assert_int_equal(r->ip.dst, V3);
			r->records = rd16(r->ip.l4 + 6);
			assert_int_equal(r->ip.l4_len, 8 + 8 * r->records);
			r->record_type = r->ip.l4[8];
			r->group = rd32(r->ip.l4 + 12);
		} else {
			assert_int_equal(r->ip.l4_len, 8);
			r->group = r->ip.rest;
			assert_int_equal(r->ip.dst, r->type == 0x17 ? ROUTERS : r->group);
		}
		return true;
	}
	return false;
}

static void no_igmp(struct world *w)
{
	struct report r;

	assert_false(pop_igmp(w, &r));
}

/* A query in `buf`: `v` 1, 2 or 3, a response time in tenths of a second. */
static size_t query(uint32_t src, uint32_t dst, unsigned v, uint32_t group, uint8_t tenths)
{
	uint8_t q[12] = {0x11, v == 1 ? 0 : tenths};
	size_t n;

	be32(q + 4, group);
	q[8] = 2;
	q[9] = 125;
	n = world_ip(buf, src, dst, 2, q, v == 3 ? 12 : 8);
	buf[8] = 1;
	world_fix(buf, n);
	return n;
}

static void push_query(struct world *w, unsigned v, uint32_t group, uint8_t tenths)
{
	world_push_ip(w, buf, query(WORLD_PEER, group ? group : ALL, v, group, tenths));
}

/* Joins, and lets the reports of it pass. */
static void joined(struct world *w, uint32_t group)
{
	struct report r;

	assert_int_equal(join(w, group), 0);
	world_step(w, 11 * WORLD_S);
	while (pop_igmp(w, &r))
		;
}

TEST(the_first_join_is_told_twice_and_the_last_leave_too, "R1122-101")
{
	struct world *w = *state;
	struct report r;

	assert_false(igmp_is_member(ifp(w), GROUP));
	assert_int_equal(join(w, GROUP), 0);
	assert_true(igmp_is_member(ifp(w), GROUP));
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x22);
	assert_int_equal(r.records, 1);
	assert_int_equal(r.record_type, 4); /* to EXCLUDE {} */
	assert_int_equal(r.group, GROUP);
	no_igmp(w);
	world_step(w, WORLD_S);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.record_type, 4);
	world_step(w, 60 * WORLD_S);
	no_igmp(w);
	/* More sockets: nothing to tell. */
	assert_int_equal(join(w, GROUP), 0);
	assert_int_equal(leave(w, GROUP), 0);
	world_step(w, 60 * WORLD_S);
	no_igmp(w);
	assert_int_equal(leave(w, GROUP), 0);
	assert_false(igmp_is_member(ifp(w), GROUP));
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.record_type, 3); /* to INCLUDE {} */
	world_step(w, WORLD_S);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.record_type, 3);
	world_step(w, 60 * WORLD_S);
	no_igmp(w);
	assert_int_equal(leave(w, GROUP), -EADDRNOTAVAIL);
	assert_int_equal(join(w, WORLD_US), -EINVAL);
}

TEST(a_group_joined_again_while_its_leave_is_told_stays, "")
{
	struct world *w = *state;
	struct report r;

	joined(w, GROUP);
	assert_int_equal(leave(w, GROUP), 0);
	assert_int_equal(join(w, GROUP), 0);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.record_type, 3);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.record_type, 4);
	world_step(w, 5 * WORLD_S);
	while (pop_igmp(w, &r))
		assert_int_equal(r.record_type, 4);
	assert_true(igmp_is_member(ifp(w), GROUP));
}

TEST(frames_to_a_group_are_taken_while_it_is_joined, "R1122-101 R1122-23")
{
	struct world *w = *state;

	refused(w, ping(WORLD_PEER, GROUP), DROP_IP_GROUP);
	joined(w, GROUP);
	refused(w, ping(WORLD_PEER, GROUP), DROP_ICMP_BCAST);
	leave(w, GROUP);
	drain(w);
	refused(w, ping(WORLD_PEER, GROUP), DROP_IP_GROUP);
}

TEST(a_general_query_is_answered_once_for_all_groups_at_a_random_time, "")
{
	struct world *w = *state;
	struct report r;
	uint64_t least = UINT64_MAX, most = 0;

	joined(w, GROUP);
	joined(w, GROUP2);
	for (unsigned i = 0; i < 50; i++) {
		uint64_t at;

		push_query(w, 3, 0, 100);
		no_igmp(w);
		at = tapir_now(w->t);
		assert_true(world_next(w, 10 * WORLD_S));
		assert_true(pop_igmp(w, &r));
		assert_int_equal(r.records, 2);
		assert_int_equal(r.record_type, 2); /* is EXCLUDE {} */
		at = tapir_now(w->t) - at;
		least = at < least ? at : least;
		most = at > most ? at : most;
		world_step(w, 11 * WORLD_S);
		no_igmp(w);
	}
	assert_true(least < 2 * WORLD_S && most > 8 * WORLD_S && most <= 10 * WORLD_S);
}

TEST(a_query_about_a_group_is_answered_for_that_group, "")
{
	struct world *w = *state;
	struct report r;

	joined(w, GROUP);
	joined(w, GROUP2);
	push_query(w, 3, GROUP2, 10);
	world_step(w, WORLD_S);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.records, 1);
	assert_int_equal(r.group, GROUP2);
	no_igmp(w);
	push_query(w, 3, TAPIR_IP4(239, 9, 9, 9), 10);
	world_step(w, 10 * WORLD_S);
	no_igmp(w);
}

TEST(many_groups_are_reported_in_as_many_packets_as_needed, "R8900-1")
{
	struct world *w = *state;
	struct report r;
	unsigned records = 0;

	tapir_netif_set_mtu(w->t, w->ifi, 576);
	for (uint32_t i = 0; i < 256; i++)
		assert_int_equal(join(w, GROUP + i), 0);
	assert_int_equal(join(w, GROUP + 256), -ENOBUFS);
	world_step(w, 11 * WORLD_S);
	while (pop_igmp(w, &r))
		;
	push_query(w, 3, 0, 10);
	world_step(w, WORLD_S);
	/* Each whole, and never to be cut. */
	while (pop_igmp(w, &r)) {
		records += r.records;
		assert_true(r.ip.df && !r.ip.mf && r.ip.l4_len + 24 <= 576);
	}
	assert_int_equal(records, 256);
	assert_int_equal(world_stat(w, STAT_Ip_FragCreates), 0);
}

TEST(old_queriers_are_answered_in_their_version_for_a_time, "")
{
	struct world *w = *state;
	struct report r;

	joined(w, GROUP);
	push_query(w, 2, 0, 10);
	world_step(w, WORLD_S);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x16);
	assert_int_equal(r.group, GROUP);
	/* A leave is one message, to the routers. */
	assert_int_equal(leave(w, GROUP), 0);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x17);
	assert_int_equal(r.group, GROUP);
	assert_int_equal(join(w, GROUP), 0);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x16);
	world_step(w, 11 * WORLD_S);
	assert_true(pop_igmp(w, &r));
	/* Version 1 knows no leave. */
	push_query(w, 1, 0, 0);
	world_step(w, 10 * WORLD_S);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x12);
	assert_int_equal(leave(w, GROUP), 0);
	no_igmp(w);
	assert_int_equal(join(w, GROUP), 0);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x12);
	/* Their time passes. */
	world_step(w, 401 * WORLD_S);
	while (pop_igmp(w, &r))
		;
	push_query(w, 3, 0, 10);
	world_step(w, WORLD_S);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x22);
}

TEST(another_host_s_report_takes_ours_away_in_version_2, "")
{
	struct world *w = *state;
	struct report r;
	uint8_t m[8] = {0x16};
	size_t n;

	joined(w, GROUP);
	be32(m + 4, GROUP);
	push_query(w, 2, 0, 100);
	n = world_ip(buf, TAPIR_IP4(192, 0, 2, 77), GROUP, 2, m, 8);
	world_fix(buf, n);
	world_push_ip(w, buf, n);
	world_step(w, 20 * WORLD_S);
	no_igmp(w);
	/* And we need not say that we leave: we were not the last to report. */
	assert_int_equal(leave(w, GROUP), 0);
	no_igmp(w);
	/* From beyond the link it counts for nothing. */
	joined(w, GROUP);
	push_query(w, 2, 0, 100);
	n = world_ip(buf, WORLD_FAR, GROUP, 2, m, 8);
	world_fix(buf, n);
	world_push_ip(w, buf, n);
	assert_int_equal(world_drops(w, DROP_IGMP_SOURCE), 1);
	world_step(w, 20 * WORLD_S);
	assert_true(pop_igmp(w, &r));
}

TEST(queries_from_elsewhere_or_of_wrong_form_are_ignored, "")
{
	struct world *w = *state;
	size_t n;

	joined(w, GROUP);
	/* A TTL above 1, a source off the link, not sent to a group. */
	n = query(WORLD_PEER, ALL, 3, 0, 10);
	buf[8] = 2;
	world_fix(buf, n);
	refused(w, n, DROP_IGMP_SOURCE);
	refused(w, query(WORLD_FAR, ALL, 3, 0, 10), DROP_IGMP_SOURCE);
	refused(w, query(WORLD_PEER, WORLD_US, 3, 0, 10), DROP_IGMP_SOURCE);
	/* A wrong checksum, lengths of 0 to 7 and 9 to 11, sources beyond the end. */
	n = query(WORLD_PEER, ALL, 3, 0, 10);
	buf[21] ^= 1;
	refused(w, n, DROP_IGMP_CSUM);
	for (size_t len = 0; len < 12; len++) {
		if (len == 8)
			continue;
		query(WORLD_PEER, ALL, 3, 0, 10);
		be16(buf + 2, (uint32_t)(20 + len));
		world_fix(buf, 20 + len);
		refused(w, 20 + len, DROP_IGMP_SHORT);
	}
	n = query(WORLD_PEER, ALL, 3, 0, 10);
	be16(buf + 30, 1);
	world_fix(buf, n);
	refused(w, n, DROP_IGMP_SHORT);
	/* A group that is none. */
	refused(w, query(WORLD_PEER, ALL, 3, WORLD_FAR, 10), DROP_IGMP_TYPE);
	/* Types that do not exist, or are for routers. */
	for (unsigned type = 0; type < 256; type++) {
		if (type == 0x11 || type == 0x12 || type == 0x16)
			continue;
		n = query(WORLD_PEER, ALL, 2, 0, 10);
		buf[20] = (uint8_t)type;
		world_fix(buf, n);
		refused(w, n, DROP_IGMP_TYPE);
	}
	world_step(w, 60 * WORLD_S);
	no_igmp(w);
}

TEST(queries_of_every_version_without_a_membership_get_no_answer, "U11-10")
{
	struct world *w = *state;

	for (unsigned v = 1; v <= 3; v++) {
		for (unsigned i = 0; i < 100; i++)
			push_query(w, v, i & 1 ? GROUP : 0, (uint8_t)i);
	}
	world_step(w, 60 * WORLD_S);
	no_igmp(w);
	expect_alive(w);
}

TEST(a_query_in_fragments_is_dropped, "U11-11")
{
	struct world *w = *state;
	static uint8_t q[2000];
	size_t n = 0;

	joined(w, GROUP);
	for (unsigned tail = 0; tail < 2; tail++) {
		for (uint32_t off = 0; off < 72; off += 24) {
			q[0] = 0x11;
			q[1] = 10;
			be32(q + 4, tail ? GROUP : 0);
			be16(q + 10, 15); /* sources that fill all of it */
			be16(q + 2, 0);
			be16(q + 2, world_cksum(q, 72, 0));
			n = world_ip(buf, WORLD_PEER, ALL, 2, q + off, 24);
			buf[8] = 1;
			be16(buf + 4, 100 + tail);
			be16(buf + 6, off / 8 | (off < 48 ? 0x2000 : 0));
			be16(buf + 10, 0);
			be16(buf + 10, world_cksum(buf, 20, 0));
			world_push_ip(w, buf, n);
		}
	}
	assert_int_equal(world_stat(w, STAT_Ip_ReasmOKs), 2);
	assert_int_equal(world_drops(w, DROP_IGMP_FRAG), 2);
	world_step(w, 60 * WORLD_S);
	no_igmp(w);
}

TEST(a_flood_of_queries_makes_few_answers, "")
{
	struct world *w = *state;
	struct report r;
	unsigned n = 0;

	w->no_check = true;
	joined(w, GROUP);
	/* Ten thousand that ask for an answer at once, in one second. */
	for (unsigned i = 0; i < 10000; i++) {
		push_query(w, 3, i & 1 ? GROUP : 0, 0);
		world_step(w, WORLD_S / 10000);
		while (pop_igmp(w, &r))
			n++;
	}
	/* One in 100 ms for all groups, one for this group. */
	assert_in_range(n, 5, 21);
	tapir_check(w->t);
}

TEST(an_interface_that_comes_up_tells_its_groups_again, "")
{
	struct world *w = *state;
	struct report r;

	joined(w, GROUP);
	tapir_netif_down(w->t, w->ifi);
	tapir_check(w->t);
	assert_int_equal(join(w, GROUP2), 0);
	tapir_netif_up(w->t, w->ifi);
	assert_true(pop_igmp(w, &r));
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.record_type, 4);
	world_step(w, 5 * WORLD_S);
	assert_true(igmp_is_member(ifp(w), GROUP) && igmp_is_member(ifp(w), GROUP2));
}

TEST(the_all_hosts_group_is_never_reported, "R1122-101")
{
	struct world *w = *state;

	assert_true(igmp_is_member(ifp(w), ALL));
	assert_int_equal(join(w, ALL), 0);
	push_query(w, 3, 0, 10);
	push_query(w, 3, ALL, 10);
	world_step(w, 20 * WORLD_S);
	push_query(w, 2, 0, 10);
	world_step(w, 20 * WORLD_S);
	assert_int_equal(leave(w, ALL), 0);
	world_step(w, 20 * WORLD_S);
	no_igmp(w);
	assert_true(igmp_is_member(ifp(w), ALL));
}

TEST(the_version_can_be_forced, "")
{
	struct world *w = *state;
	struct report r;

	tapir_sysctl(w->t, "net.ipv4.conf.all.force_igmp_version", 0, 2);
	assert_int_equal(join(w, GROUP), 0);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.type, 0x16);
	push_query(w, 3, 0, 10);
	world_step(w, 20 * WORLD_S);
	while (pop_igmp(w, &r))
		assert_int_equal(r.type, 0x16);
}

TEST(a_leave_is_not_repeated_as_a_report_when_the_version_falls, "")
{
	struct world *w = *state;
	struct report r;

	joined(w, GROUP);
	assert_int_equal(leave(w, GROUP), 0);
	assert_true(pop_igmp(w, &r));
	assert_int_equal(r.record_type, 3); /* to INCLUDE {} */
	tapir_sysctl(w->t, "net.ipv4.conf.all.force_igmp_version", 0, 2);
	world_step(w, 60 * WORLD_S);
	no_igmp(w);
	assert_true(list_empty(&ifp(w)->groups));
}

TEST(random_messages_and_calls_keep_the_state_sound, "")
{
	struct world *w = *state;
	struct rnd rnd = {77};

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t g = GROUP + rnd_below(&rnd, 5);

		switch (rnd_below(&rnd, 6)) {
		case 0:
			join(w, g);
			break;
		case 1:
			leave(w, g);
			break;
		case 2:
			push_query(w, 1 + rnd_below(&rnd, 3), rnd_below(&rnd, 2) ? g : 0,
				   (uint8_t)rnd_u32(&rnd));
			break;
		case 3:
			world_step(w, rnd_below(&rnd, 2000) * WORLD_MS);
			break;
		case 4:
			if (rnd_below(&rnd, 50) == 0) {
				tapir_netif_down(w->t, w->ifi);
				tapir_netif_up(w->t, w->ifi);
			}
			break;
		default: {
			size_t n = query(WORLD_PEER, rnd_below(&rnd, 2) ? ALL : g, 3, g, 5);

			buf[20 + rnd_below(&rnd, 12)] = (uint8_t)rnd_u32(&rnd);
			world_fix(buf, n);
			world_push_ip(w, buf, n);
		}
		}
		if (i % 16 == 0)
			drain(w);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(the_first_join_is_told_twice_and_the_last_leave_too),
		T(a_group_joined_again_while_its_leave_is_told_stays),
		T(frames_to_a_group_are_taken_while_it_is_joined),
		T(a_general_query_is_answered_once_for_all_groups_at_a_random_time),
		T(a_query_about_a_group_is_answered_for_that_group),
		T(many_groups_are_reported_in_as_many_packets_as_needed),
		T(old_queriers_are_answered_in_their_version_for_a_time),
		T(another_host_s_report_takes_ours_away_in_version_2),
		T(queries_from_elsewhere_or_of_wrong_form_are_ignored),
		T(queries_of_every_version_without_a_membership_get_no_answer),
		T(a_query_in_fragments_is_dropped),
		T(a_flood_of_queries_makes_few_answers),
		T(an_interface_that_comes_up_tells_its_groups_again),
		T(the_all_hosts_group_is_never_reported),
		T(the_version_can_be_forced),
		T(a_leave_is_not_repeated_as_a_report_when_the_version_falls),
		T(random_messages_and_calls_keep_the_state_sound),
	};

	return tapir_test_run("unit/ip/test_igmp", tests);
}
