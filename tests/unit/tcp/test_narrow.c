/* The narrowest path that IPv4 allows: segments are small enough for it, and leave no CPU busy without end. */
#include "tests/support/tcpfix.h"

TEST(the_narrowest_path_is_crossed_whole, "")
{
	struct tf f;
	struct iovec iov = {
		"0123456789012345678901234567890123456789012345678901234567890123456789", 70};
	size_t got = 0, n;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	assert_int_equal(tapir_netif_set_mtu(f.w.t, f.w.ifi, 68), 0);
	assert_int_equal(tapir_send(f.w.t, f.s, &iov, 1, 0), 70);
	tapir_flush(f.w.t);
	while ((n = world_pop(&f.w, f.frame, sizeof(f.frame))) > 0) {
		assert_true(n <= 68);
		assert_true(world_read(f.frame, n, &f.p));
		assert_true(f.p.df);
		got += f.p.len;
	}
	assert_int_equal(got, 70);
	/* And what can't be sent now is tried again later, not without end. */
	assert_true(tapir_next_deadline(f.w.t) > tapir_now(f.w.t));
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_narrowest_path_is_crossed_whole),
	};

	return tapir_test_run("unit/tcp/test_narrow", tests);
}
