/*
 * Attacks on TCP that aim at memory and work: each of them costs a bounded amount of both, and others go on.
 */
#include <errno.h>

#include "tests/support/tcpopt.h"

/* Unread bytes of the connection. */
static uint32_t unread(struct tf *f)
{
	struct tcp_conn *c = tf_conn(f);

	return c->rcv_nxt - c->rcv_user;
}

/*
 * The window field is a multiple of the scale, and what is left of a promise is not. Rounded up each time, the
 * edge would move by as much as small segments bring, and the buffer would have no end.
 */
TEST(small_segments_do_not_stretch_the_receive_buffer, "R7323-7 R7323-8")
{
	struct tf f;
	uint32_t limit, edge = 0, len;

	tf_open(&f);
	tf_syn_opts(&f, 1);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	limit = tf_conn(&f)->rcv_limit;
	for (unsigned i = 0; i < 20000; i++) {
		len = i % 3 ? 7 : 100;
		tf_seg_ts(&f, TF_ACK, f.rcv, f.snd, 1, 0, len);
		world_step(&f.w, 50 * WORLD_MS);
		while (tf_pop(&f)) {
			uint32_t e = f.p.ack + ((uint32_t)f.p.wnd << tf_info(&f).rcv_wscale);

			f.rcv = f.p.ack;
			/* It may seem to go back by less than a unit (RFC 7323 2.4), no more. */
			if (edge)
				assert_true((int32_t)(e - edge) > -(1 << tf_info(&f).rcv_wscale));
			edge = (int32_t)(e - edge) > 0 || !edge ? e : edge;
		}
		assert_true(unread(&f) <= limit);
	}
	assert_true(unread(&f) > limit - limit / 8);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_segments_do_not_stretch_the_receive_buffer),
	};

	return tapir_test_run("unit/tcp/test_attacks_resources", tests);
}
