/* TCP_INFO and its relatives: the struct is Linux's, and what stands in it is true. */
#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stddef.h>

#include "stack/socket.h"
#include "tests/support/tcpfix.h"

/* Where this machine's header has the field it stands at the same place in ours. */
#define SAME(field)                                                                 \
	static_assert(offsetof(struct tapir_tcp_info, field) ==                     \
				      offsetof(struct tcp_info, tcpi_##field) &&    \
			      sizeof(((struct tapir_tcp_info *)0)->field) ==        \
				      sizeof(((struct tcp_info *)0)->tcpi_##field), \
		      #field)
SAME(state);
SAME(ca_state);
SAME(retransmits);
SAME(probes);
SAME(backoff);
SAME(options);
SAME(rto);
SAME(ato);
SAME(snd_mss);
SAME(rcv_mss);
SAME(unacked);
SAME(sacked);
SAME(lost);
SAME(retrans);
SAME(fackets);
SAME(last_data_sent);
SAME(last_ack_sent);
SAME(last_data_recv);
SAME(last_ack_recv);
SAME(pmtu);
SAME(rcv_ssthresh);
SAME(rtt);
SAME(rttvar);
SAME(snd_ssthresh);
SAME(snd_cwnd);
SAME(advmss);
SAME(reordering);
SAME(rcv_rtt);
SAME(rcv_space);
SAME(total_retrans);
SAME(pacing_rate);
SAME(max_pacing_rate);
SAME(bytes_acked);
SAME(bytes_received);
SAME(segs_out);
SAME(segs_in);
SAME(notsent_bytes);
SAME(min_rtt);
SAME(data_segs_in);
SAME(data_segs_out);
SAME(delivery_rate);
SAME(busy_time);
SAME(rwnd_limited);
SAME(sndbuf_limited);
SAME(delivered);
SAME(delivered_ce);
SAME(bytes_sent);
SAME(bytes_retrans);
SAME(dsack_dups);
SAME(reord_seen);
SAME(rcv_ooopack);
SAME(snd_wnd);
/* Newer than some headers: counted on from there. */
static_assert(offsetof(struct tapir_tcp_info, rcv_wnd) == 232 &&
		      offsetof(struct tapir_tcp_info, rehash) == 236 &&
		      offsetof(struct tapir_tcp_info, total_rto) == 240 &&
		      offsetof(struct tapir_tcp_info, total_rto_recoveries) == 242 &&
		      offsetof(struct tapir_tcp_info, total_rto_time) == 244 &&
		      offsetof(struct tapir_tcp_info, iss) == 280,
	      "as in Linux 6.7, and 32 bytes for what came later");

enum { SEG = 1000 };

static void established(struct tf *f)
{
	static const uint8_t mss[4] = {2, 4, SEG >> 8, SEG & 255};

	tf_init(f);
	memcpy(f->opts, mss, sizeof(mss));
	f->nopts = sizeof(mss);
	f->wnd = 60000;
	tf_start(f);
	tf_to(f, TAPIR_TCP_ESTABLISHED, TF_PASSIVE);
}

static void ack_to(struct tf *f, uint32_t ack)
{
	tf_seg(f, TF_ACK, f->rcv, ack, 0);
	tf_drain(f);
}

TEST(bit_fields_are_where_linux_has_them, "")
{
	struct tapir_tcp_info ours = {0};
	struct tcp_info theirs;

	ours.snd_wscale = 3;
	ours.rcv_wscale = 10;
	ours.delivery_rate_app_limited = 1;
	ours.fastopen_client_fail = 2;
	memcpy(&theirs, &ours, sizeof(theirs) < sizeof(ours) ? sizeof(theirs) : sizeof(ours));
	assert_int_equal(theirs.tcpi_snd_wscale, 3);
	assert_int_equal(theirs.tcpi_rcv_wscale, 10);
	assert_int_equal(theirs.tcpi_delivery_rate_app_limited, 1);
	assert_int_equal(theirs.tcpi_fastopen_client_fail, 2);
}

TEST(a_fresh_socket_shows_what_it_would_begin_with, "")
{
	struct tapir_tcp_info i;
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_CLOSED, TF_ACTIVE);
	i = tf_info(&f);
	assert_int_equal(i.state, TAPIR_TCP_CLOSED);
	assert_int_equal(i.snd_cwnd, 10);
	assert_int_equal(i.snd_ssthresh, 0x7fffffff);
	assert_int_equal(i.rto, 1000000);
	assert_int_equal(i.rtt, 0);
	assert_int_equal(i.reordering, 3);
	assert_true(i.min_rtt == UINT32_MAX);
	assert_true(i.pacing_rate == UINT64_MAX && i.max_pacing_rate == UINT64_MAX);
	tf_close(&f);
}

TEST(a_listener_shows_its_queue_and_its_backlog, "")
{
	struct tapir_tcp_info i;
	size_t n = sizeof(i);
	struct tf f;

	tf_open(&f);
	f.backlog = 5;
	tf_listen(&f);
	tf_shake(&f, 1000);
	tf_shake(&f, 1001);
	assert_int_equal(tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &i, &n), 0);
	assert_int_equal(i.state, TAPIR_TCP_LISTEN);
	assert_int_equal(i.unacked, 2);
	assert_int_equal(i.sacked, 5);
	assert_int_equal(i.snd_cwnd, 10);
	tf_close(&f);
}

TEST(segments_on_their_way_are_counted_as_segments, "")
{
	struct tapir_tcp_info i;
	struct tf f;

	established(&f);
	tf_write(&f, 4 * SEG + 1);
	tf_drain(&f);
	i = tf_info(&f);
	assert_int_equal(i.snd_mss, SEG);
	assert_int_equal(i.unacked, 5);
	assert_int_equal(i.notsent_bytes, 0);
	assert_int_equal(i.bytes_sent, 4 * SEG + 1);
	assert_int_equal(i.data_segs_out, 5);
	tf_write(&f, 3);
	assert_int_equal(tf_info(&f).notsent_bytes, 3); /* Nagle: one odd one is out */
	world_step(&f.w, 20 * WORLD_MS);
	ack_to(&f, f.snd + 4 * SEG);
	i = tf_info(&f);
	assert_int_equal(i.unacked, 1);
	assert_int_equal(i.bytes_acked, 4 * SEG);
	assert_int_equal(i.last_ack_recv, 0);
	assert_int_equal(i.last_data_sent, 20);
	world_step(&f.w, 7 * WORLD_MS);
	i = tf_info(&f);
	assert_int_equal(i.last_ack_recv, 7);
	assert_int_equal(i.last_data_sent, 27);
	assert_int_equal(i.last_data_recv, 27);
	tf_close(&f);
}

TEST(bytes_acked_counts_syn_and_fin_of_an_active_open, "")
{
	struct tf f;

	tf_open(&f);
	tf_to(&f, TAPIR_TCP_ESTABLISHED, TF_ACTIVE);
	assert_int_equal(tf_info(&f).bytes_acked, 1);
	tapir_shutdown(f.w.t, f.s, TAPIR_SHUT_WR);
	tf_drain(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd + 1, 0);
	assert_int_equal(tf_info(&f).bytes_acked, 2);
	tf_close(&f);
}

TEST(time_with_data_queued_is_busy, "")
{
	struct tf f;

	established(&f);
	world_step(&f.w, 50 * WORLD_MS);
	assert_int_equal(tf_info(&f).busy_time, 0);
	tf_write(&f, SEG);
	tf_drain(&f);
	world_step(&f.w, 30 * WORLD_MS);
	assert_int_equal(tf_info(&f).busy_time, 30000);
	ack_to(&f, f.snd + SEG);
	world_step(&f.w, 30 * WORLD_MS);
	assert_int_equal(tf_info(&f).busy_time, 30000);
	assert_int_equal(tf_info(&f).rwnd_limited, 0);
	tf_close(&f);
}

TEST(time_before_a_closed_window_is_told_apart, "")
{
	struct tapir_tcp_info i;
	struct tf f;

	established(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 1);
	f.rcv++;
	f.wnd = 2 * SEG; /* of a later segment: the same numbers would not shrink it */
	ack_to(&f, f.snd);
	tf_write(&f, 4 * SEG);
	tf_drain(&f);
	world_step(&f.w, 10 * WORLD_MS);
	f.wnd = 60000;
	ack_to(&f, f.snd + 2 * SEG);
	world_step(&f.w, 5 * WORLD_MS);
	ack_to(&f, f.snd + 4 * SEG);
	i = tf_info(&f);
	assert_int_equal(i.busy_time, 15000);
	assert_int_equal(i.rwnd_limited, 10000);
	assert_int_equal(i.sndbuf_limited, 0);
	tf_close(&f);
}

TEST(time_before_a_full_buffer_is_told_apart, "")
{
	struct tapir_tcp_info i;
	int small = 2 * SEG;
	struct tf f;

	established(&f);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_SNDBUF, &small,
					  sizeof(small)),
			 0);
	assert_true(tf_write(&f, 8 * SEG) < 8 * SEG);
	tf_drain(&f);
	world_step(&f.w, 12 * WORLD_MS);
	i = tf_info(&f);
	assert_int_equal(i.notsent_bytes, 0);
	assert_int_equal(i.sndbuf_limited, 12000);
	assert_int_equal(i.busy_time, 12000);
	tf_close(&f);
}

TEST(timeouts_are_counted_by_episode_and_time, "")
{
	struct tapir_tcp_info i;
	struct tf f;

	established(&f);
	tf_write(&f, SEG);
	tf_drain(&f);
	world_step(&f.w, 700 * WORLD_MS); /* the first RTO and its double */
	tf_drain(&f);
	world_step(&f.w, 1000 * WORLD_MS);
	tf_drain(&f);
	i = tf_info(&f);
	assert_true(i.retransmits >= 2 && i.retransmits == i.total_rto);
	assert_int_equal(i.total_rto_recoveries, 1);
	assert_true(i.total_rto_time > 0 && i.backoff > 0);
	assert_int_equal(i.ca_state, 4);
	ack_to(&f, f.snd + SEG);
	i = tf_info(&f);
	assert_int_equal(i.retransmits, 0);
	assert_true(i.total_rto >= 2);
	assert_true(i.total_retrans >= 2);
	tf_close(&f);
}

TEST(queues_can_be_asked_as_by_ioctl, "")
{
	uint32_t mem[TAPIR_MEMINFO_VARS];
	size_t n = sizeof(int);
	struct tf f;
	int v;

	established(&f);
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 300);
	f.rcv += 300;
	f.wnd = 2 * SEG; /* of a later segment: the same numbers would not shrink it */
	tf_seg(&f, TF_ACK, f.rcv, f.snd, 0);
	tf_write(&f, 2 * SEG + 7);
	tf_drain(&f);
	assert_int_equal(tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_INQ, &v, &n), 0);
	assert_int_equal(v, 300);
	tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_OUTQ, &v, &n);
	assert_int_equal(v, 2 * SEG + 7);
	tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_OUTQNSD, &v, &n);
	assert_int_equal(v, 7);
	assert_int_equal(tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_SOCKET, TAPIR_SO_INQ, &v, &n),
			 -EINVAL);
	n = sizeof(mem);
	assert_int_equal(tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MEMINFO, mem, &n),
			 0);
	assert_int_equal(n, 36);
	/* As Linux charges it: a small packet's buffer and its struct; 832 bytes beside each packet's text. */
	assert_int_equal(mem[TAPIR_MEMINFO_RMEM_ALLOC], 1280);
	assert_int_equal(mem[TAPIR_MEMINFO_WMEM_QUEUED], 2 * SEG + 7 + 3 * 832);
	assert_int_equal(mem[TAPIR_MEMINFO_WMEM_ALLOC], 2 * SEG);
	n = 8;
	tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MEMINFO, mem, &n);
	assert_int_equal(n, 8);
	/* Neither algorithm tells anything: no bytes, and no error. */
	n = 32;
	assert_int_equal(tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_TCP, TAPIR_TCP_CC_INFO, mem, &n),
			 0);
	assert_int_equal(n, 0);
	tf_close(&f);
}

TEST(the_largest_pace_reads_back_in_either_width, "")
{
	uint64_t wide = 5000000000u;
	uint32_t narrow = 125000;
	size_t n = 8;
	struct tf f;

	established(&f);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE,
					  &wide, 8),
			 0);
	wide = 0;
	tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE, &wide, &n);
	assert_true(wide == 5000000000u && n == 8);
	n = 4;
	tapir_getsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE, &narrow, &n);
	assert_true(narrow == UINT32_MAX);
	narrow = 125000;
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE, &narrow, 4);
	assert_int_equal(tf_info(&f).max_pacing_rate, 125000);
	narrow = UINT32_MAX;
	tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE, &narrow, 4);
	assert_true(tf_info(&f).max_pacing_rate == UINT64_MAX);
	assert_int_equal(tapir_setsockopt(f.w.t, f.s, TAPIR_SOL_SOCKET, TAPIR_SO_MAX_PACING_RATE,
					  &narrow, 3),
			 -EINVAL);
	tf_close(&f);
}

TEST(the_pace_is_twice_the_window_a_round_trip_in_slow_start, "")
{
	struct tapir_tcp_info i;
	struct tf f;

	established(&f);
	tf_write(&f, 4 * SEG);
	tf_drain(&f);
	world_step(&f.w, 50 * WORLD_MS);
	ack_to(&f, f.snd + 4 * SEG);
	i = tf_info(&f);
	assert_true(i.rtt > 0);
	assert_int_equal(i.pacing_rate, (uint64_t)i.snd_cwnd * SEG * 2 * 1000000 / i.rtt);
	tf_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bit_fields_are_where_linux_has_them),
		cmocka_unit_test(a_fresh_socket_shows_what_it_would_begin_with),
		cmocka_unit_test(a_listener_shows_its_queue_and_its_backlog),
		cmocka_unit_test(segments_on_their_way_are_counted_as_segments),
		cmocka_unit_test(bytes_acked_counts_syn_and_fin_of_an_active_open),
		cmocka_unit_test(time_with_data_queued_is_busy),
		cmocka_unit_test(time_before_a_closed_window_is_told_apart),
		cmocka_unit_test(time_before_a_full_buffer_is_told_apart),
		cmocka_unit_test(timeouts_are_counted_by_episode_and_time),
		cmocka_unit_test(queues_can_be_asked_as_by_ioctl),
		cmocka_unit_test(the_largest_pace_reads_back_in_either_width),
		cmocka_unit_test(the_pace_is_twice_the_window_a_round_trip_in_slow_start),
	};

	return tapir_test_run("unit/tcp/test_info", tests);
}
