/*
 * The receiver: how the buffer follows what the program reads in a round trip, and what bounds the window.
 */
#include "stack/tcp/tcp_conn.h"
#include "tests/support/tcpopt.h"

/* So many round trips of 100 ms, in each of which the peer fills the window and the program reads all. */
static void rounds(struct tf *f, unsigned n)
{
	static uint8_t buf[1 << 16];
	uint32_t edge = f->rcv + tf_info(f).rcv_wnd;

	for (unsigned i = 0; i < n; i++) {
		uint32_t left = edge - f->rcv;

		while (left >= 1000) {
			tf_seg(f, TF_ACK, f->rcv, f->snd, 1000);
			f->rcv += 1000;
			left -= 1000;
			while (tf_read(f, buf, sizeof(buf)) > 0)
				;
		}
		(void)tf_drain(f);
		edge = f->rcv + tf_info(f).rcv_wnd;
		world_step(&f->w, 100 * WORLD_MS);
		(void)tf_drain(f);
	}
}

static void open_scaled(struct tf *f)
{
	tf_syn_opts(f, 1);
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
	f->nopts = 0;
	tf_conn(f)->flags &= ~TCP_F_TS;
}

TEST(the_buffer_grows_with_what_is_read_in_a_round_trip, "")
{
	struct tf f;
	uint32_t before;

	tf_open(&f);
	open_scaled(&f);
	before = tcp_rcv_full(tf_conn(&f));
	assert_int_equal(before, 65536);
	rounds(&f, 12);
	assert_true(tcp_rcv_full(tf_conn(&f)) > 8 * before);
	assert_true(tf_conn(&f)->rcv_buf <= (uint32_t)f.w.conf.tcp_rmem_max);
	assert_true(tf_info(&f).rcv_wnd > 8 * before / 2);
	tf_close(&f);
}

TEST(it_does_not_when_it_was_set_or_must_not, "")
{
	for (int set = 0; set < 2; set++) {
		struct tf f;
		int size = 32768;

		tf_init(&f);
		f.w.conf.tcp_moderate_rcvbuf = set;
		tf_start(&f);
		open_scaled(&f);
		if (set)
			assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET,
							  TAPIR_SO_RCVBUF, &size, sizeof(size)),
					 0);
		rounds(&f, 12);
		assert_int_equal(tf_conn(&f)->rcv_buf, set ? 65536 : 131072);
		tf_close(&f);
	}
}

TEST(small_segments_earn_no_window, "")
{
	struct tf f;
	uint32_t before;
	uint8_t buf[100];

	tf_init(&f);
	f.w.conf.tcp_rmem_default = 1048576;
	tf_start(&f);
	open_scaled(&f);
	before = tf_conn(&f)->rcv_ssthresh = 65535; /* it begins with the whole buffer */
	for (int i = 0; i < 100; i++) {
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 100);
		f.rcv += 100;
		assert_int_equal(tf_read(&f, buf, 100), 100);
	}
	assert_int_equal(tf_conn(&f)->rcv_ssthresh, before);
	for (int i = 0; i < 10; i++) {
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 1000);
		f.rcv += 1000;
	}
	/* Two full ones for each. */
	assert_int_equal(tf_conn(&f)->rcv_ssthresh, before + 20 * tf_conn(&f)->rcv_advmss);
	tf_close(&f);
}

TEST(a_smaller_buffer_takes_back_no_promise, "SHLD-14")
{
	struct tf f;
	int size = 3000;
	uint32_t edge;

	tf_open(&f);
	open_scaled(&f);
	edge = f.rcv + tf_info(&f).rcv_wnd;
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &size,
					  sizeof(size)),
			 0);
	/* What fits into it is taken, counted with what it costs; the rest is not, as in Linux, but the edge stays. */
	for (int i = 0; i < 3; i++) {
		tf_seg(&f, TF_ACK, f.rcv, f.snd, 1000);
		f.rcv += 1000;
		(void)tf_drain(&f);
	}
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 1000);
	assert_int_equal(tf_conn(&f)->rcv_nxt, f.rcv);
	assert_int_equal(world_drops(&f.w, DROP_TCP_RCVBUF), 1);
	assert_true(tf_pop(&f));
	assert_true((int32_t)(f.p.ack + ((uint32_t)f.p.wnd << tf_info(&f).rcv_wscale) - edge) >= 0);
	tf_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_buffer_grows_with_what_is_read_in_a_round_trip),
		cmocka_unit_test(it_does_not_when_it_was_set_or_must_not),
		cmocka_unit_test(small_segments_earn_no_window),
		cmocka_unit_test(a_smaller_buffer_takes_back_no_promise),
	};

	return tapir_test_run("unit/tcp/test_receive", tests);
}
