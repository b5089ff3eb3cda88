/* Packet memory: pools, the limit, the reserve, borrowed bytes, accounts. */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/core/pktq.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

static struct world w;

static int setup(void **state)
{
	(void)state;
	world_init(&w, TEST_ALLOC_PLAIN);
	return world_start(&w);
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

TEST(a_packet_has_the_room_that_was_asked_for, "")
{
	static const size_t rooms[] = {0, 1, 128, 129, 1500, 1664, 1665, 9000, PKT_MAX_LEN};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct pkt *p = tapir_pkt_alloc(w.t, rooms[i]);

		assert_non_null(p);
		assert_int_equal(p->len, 0);
		assert_int_equal(pkt_headroom(p), PKT_HEADROOM);
		assert_true(pkt_tailroom(p) >= rooms[i]);
		memset(p->buf, 0xee, p->cap);
		tapir_pkt_free(p);
	}
	assert_null(tapir_pkt_alloc(w.t, PKT_MAX_LEN + 1));
	assert_null(tapir_pkt_alloc(w.t, SIZE_MAX));
	tapir_pkt_free(NULL);
}

TEST(headers_are_pushed_and_pulled_within_bounds, "")
{
	struct pkt *p = pkt_alloc(w.t, 20, 10);

	memcpy(pkt_put(p, 10), "0123456789", 10);
	pkt_pull(p, 4);
	assert_memory_equal(p->data, "456789", p->len);
	memcpy(pkt_push(p, 2), "ab", 2);
	pkt_trim(p, 5);
	assert_int_equal(p->len, 5);
	assert_memory_equal(p->data, "ab456", 5);
	assert_panics(pkt_pull(p, 6));
	assert_panics(pkt_push(p, 23));
	assert_panics(pkt_trim(p, 6));
	pkt_free(p);
}

TEST(freed_packets_are_used_again_and_forget_what_they_were, "")
{
	struct pkt *p = tapir_pkt_alloc(w.t, 100), *q;
	uint64_t calls;

	p->flags = 0xffff & ~PKT_RESERVE;
	p->gso_type = PKT_GSO_TCPV4;
	p->ifindex = 9;
	p->len = 50;
	tapir_pkt_free(p);
	calls = w.alloc.calls;
	q = tapir_pkt_alloc(w.t, 50);
	assert_int_equal(w.alloc.calls, calls);
	assert_ptr_equal(p, q);
	assert_int_equal(q->flags, 0);
	assert_int_equal(q->gso_type, PKT_GSO_NONE);
	assert_int_equal(q->ifindex, 0);
	assert_int_equal(q->len, 0);
	tapir_pkt_free(q);
}

TEST(packet_memory_has_a_limit_and_kept_ones_go_first, "")
{
	struct pkt *list = NULL, *p;
	size_t n = 0;

	w.t->conf.pkt_max_bytes = 1 << 20;
	while ((p = tapir_pkt_alloc(w.t, 1500))) {
		p->next = list;
		list = p;
		n++;
	}
	assert_true(n > 500 && w.t->pool.bytes <= 1 << 20);
	assert_int_equal(world_stat(&w, STAT_Tapir_PktMemFull), 1);
	while ((p = list)) {
		list = p->next;
		tapir_pkt_free(p);
	}
	/* What is kept for reuse makes way for another size. */
	for (n = 0; n < 15; n++) {
		p = tapir_pkt_alloc(w.t, 60000);
		assert_non_null(p);
		p->next = list;
		list = p;
	}
	while ((p = list)) {
		list = p->next;
		tapir_pkt_free(p);
	}
}

TEST(the_reserve_serves_when_memory_is_out_and_fills_up_again, "")
{
	struct pkt *got[40];
	unsigned n;

	for (int round = 0; round < 3; round++) {
		w.alloc.fail_all = 1;
		assert_null(tapir_pkt_alloc(w.t, 100));
		for (n = 0; n < 40 && (got[n] = pkt_alloc_reserve(w.t)); n++) {
			assert_true(got[n]->flags & PKT_RESERVE);
			assert_true(pkt_tailroom(got[n]) >= 128);
		}
		assert_int_equal(n, 32);
		w.alloc.fail_all = 0;
		while (n > 0)
			pkt_free(got[--n]);
	}
	got[0] = pkt_alloc_reserve(w.t);
	assert_int_equal(got[0]->flags, 0);
	pkt_free(got[0]);
}

TEST(a_queue_is_first_in_first_out_and_counts_bytes, "")
{
	struct pktq q;
	struct pkt *p[3];

	pktq_init(&q);
	assert_null(pktq_pop(&q));
	for (uint32_t i = 0; i < 3; i++) {
		p[i] = tapir_pkt_alloc(w.t, 100);
		pkt_put(p[i], 10 * (i + 1));
		pktq_push(&q, p[i]);
	}
	assert_int_equal(q.n, 3);
	assert_int_equal(q.bytes, 60);
	assert_ptr_equal(pktq_pop(&q), p[0]);
	pkt_free(p[0]);
	pktq_flush(&q, DROP_TXQ_FLUSH);
	assert_int_equal(q.n, 0);
	assert_int_equal(q.bytes, 0);
	assert_int_equal(world_drops(&w, DROP_TXQ_FLUSH), 2);
	assert_int_equal(world_events(&w, TAPIR_EV_PKT_DROP), 2);
	assert_int_equal(world_last(&w, TAPIR_EV_PKT_DROP)->u.drop.len, 30);
}

TEST(borrowed_bytes_pin_their_ring_until_freed, "")
{
	struct tcp_ring_pin *pin = tapir_conf_of(w.t) ? mem_zalloc(w.t, sizeof(*pin)) : NULL;
	uint8_t *ring = mem_alloc(w.t, 1000);
	struct pkt *p = tapir_pkt_alloc(w.t, 10), *c;
	size_t live;

	pin->buf = ring;
	pin->size = 1000;
	memset(ring, 'r', 1000);
	memcpy(pkt_put(p, 4), "head", 4);
	p->nspan = 2;
	p->span[0] = (struct pkt_span){ring + 990, 10};
	p->span[1] = (struct pkt_span){ring, 5};
	p->pin = pin;
	pin->pins = 1;
	assert_int_equal(pkt_wire_len(p), 19);
	/* A copy stands on its own. */
	c = pkt_copy(p);
	assert_int_equal(c->len, 19);
	assert_memory_equal(c->data, "headrrrrrrrrrrrrrrr", 19);
	assert_null(c->pin);
	pkt_free(c);
	assert_int_equal(pin->pins, 1);
	/* Without memory it stays as it is. */
	w.alloc.fail_all = 1;
	w.t->pool.nsmall = 0;
	struct pkt *kept = w.t->pool.small;
	w.t->pool.small = NULL;
	assert_int_equal(pkt_own(&p), -ENOMEM);
	assert_int_equal(p->nspan, 2);
	w.alloc.fail_all = 0;
	for (w.t->pool.small = kept; kept; kept = kept->next)
		w.t->pool.nsmall++;
	assert_int_equal(pkt_own(&p), 0);
	assert_int_equal(p->nspan, 0);
	assert_int_equal(pin->pins, 0);
	assert_memory_equal(p->data, "headrrrrrrrrrrrrrrr", 19);
	/* The connection goes: the last pin frees the ring. */
	p->nspan = 1;
	p->span[0] = (struct pkt_span){ring, 5};
	p->pin = pin;
	pin->pins = 1;
	pin->orphaned = 1;
	live = w.alloc.live;
	pkt_free(p);
	assert_int_equal(w.alloc.live, live - 1);
	mem_free(w.t, pin, sizeof(*pin));
}

TEST(an_account_outlives_its_socket_until_the_last_packet, "")
{
	struct pkt_charge *c = pkt_charge_new(w.t);
	struct pkt *p = tapir_pkt_alloc(w.t, 10), *q = tapir_pkt_alloc(w.t, 1000);
	size_t live;

	pkt_charge_to(p, NULL);
	pkt_charge_to(p, c);
	pkt_charge_to(q, c);
	assert_int_equal(c->npkt, 2);
	assert_int_equal(c->bytes, pkt_truesize(p) + pkt_truesize(q));
	pkt_drop(p, DROP_TXQ_FLUSH);
	assert_int_equal(c->npkt, 1);
	assert_int_equal(c->bytes, pkt_truesize(q));
	pkt_charge_end(w.t, c);
	live = w.alloc.live;
	pkt_free(q);
	assert_int_equal(w.alloc.live, live - 1);
	pkt_charge_end(w.t, pkt_charge_new(w.t));
	pkt_charge_end(w.t, NULL);
}

TEST(a_drop_has_a_reason, "")
{
	struct pkt *p = tapir_pkt_alloc(w.t, 10);

	assert_panics(pkt_drop(p, DROP_NONE));
	assert_panics(pkt_drop(p, DROP_COUNT));
	for (int r = 0; r < DROP_COUNT; r++) {
		assert_true(strlen(tapir_drop_name((enum drop_reason)r)) > 1);
		assert_true(strlen(tapir_drop_text((enum drop_reason)r)) > 1);
		assert_non_null(tapir_drop_source((enum drop_reason)r));
	}
	pkt_drop(p, DROP_TXQ_FULL);
	assert_string_equal(world_last(&w, TAPIR_EV_PKT_DROP)->source, "RFC 1122 3.3");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_packet_has_the_room_that_was_asked_for),
		T(headers_are_pushed_and_pulled_within_bounds),
		T(freed_packets_are_used_again_and_forget_what_they_were),
		T(packet_memory_has_a_limit_and_kept_ones_go_first),
		T(the_reserve_serves_when_memory_is_out_and_fills_up_again),
		T(a_queue_is_first_in_first_out_and_counts_bytes),
		T(borrowed_bytes_pin_their_ring_until_freed),
		T(an_account_outlives_its_socket_until_the_last_packet),
		T(a_drop_has_a_reason),
	};

	return tapir_test_run("unit/core/test_pktq", tests);
}
