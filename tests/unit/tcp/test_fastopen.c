/*
 * Fast Open's keys and cookies, and what no packet script can show of it.
 */
#include <errno.h>

#include "stack/core/instance.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/tcpfix.h"

static void cookie_under(struct tf *f, const uint8_t *key, size_t len, uint8_t out[8])
{
	struct tcp_listener l = {0};
	struct tcp_tuple tu = {.laddr = tapir_addr_v4(TAPIR_IP4(192, 168, 0, 1)),
			       .raddr = tapir_addr_v4(TAPIR_IP4(192, 0, 2, 1)),
			       .lport = 8080,
			       .rport = 40000};

	assert_int_equal(tcp_fastopen_set_key(f->w.t, &l.fo_keys, key, len), 0);
	tcp_fastopen_cookie(f->w.t, &l, &tu, out);
	mem_free(f->w.t, l.fo_keys, sizeof(*l.fo_keys));
}

TEST(cookies_are_those_that_a_linux_server_makes_under_the_key, "")
{
	/* As its kernel answers 192.0.2.1 at 192.168.0.1 under these keys. */
	static const uint8_t zero[16], key[16] = {0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2,
						  0xc3, 0xc3, 0xc3, 0xc3, 0xd4, 0xd4, 0xd4, 0xd4};
	static const uint8_t of_zero[8] = {0xb7, 0xc1, 0x23, 0x50, 0xa9, 0x0d, 0xc8, 0xf5},
			     of_key[8] = {0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb};
	uint8_t out[8];
	struct tf f;

	tf_open(&f);
	cookie_under(&f, zero, 16, out);
	assert_memory_equal(out, of_zero, 8);
	cookie_under(&f, key, 16, out);
	assert_memory_equal(out, of_key, 8);
	tf_close(&f);
}

TEST(keys_read_back_as_they_were_set_and_others_are_refused, "")
{
	uint8_t key[40], back[40];
	size_t len = sizeof(back);
	struct tf f;

	tf_open(&f);
	tf_listen(&f);
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 7 + 1);
	/* The instance's own to begin with. */
	assert_int_equal(tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, back,
					  &len),
			 0);
	assert_int_equal(len, 16);
	for (size_t n = 0; n <= sizeof(key); n++) {
		int want = n == 16 || n == 32 ? 0 : -EINVAL;

		assert_int_equal(tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_TCP,
						  TAPIR_TCP_FASTOPEN_KEY, key, n),
				 want);
	}
	len = sizeof(back);
	assert_int_equal(tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, back,
					  &len),
			 0);
	assert_int_equal(len, 32);
	assert_memory_equal(back, key, 32);
	len = 31;
	assert_int_equal(tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, back,
					  &len),
			 -EINVAL);
	tf_close(&f);
}

TEST(a_key_that_was_set_before_listen_is_the_listeners, "")
{
	static const uint8_t key[16] = {1};
	struct tapir_sockaddr sa = tapir_sockaddr_v4(0, 81);
	tapir_sock_t s;
	uint8_t back[32];
	size_t len = sizeof(back);
	struct tf f;

	tf_open(&f);
	s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_setsockopt(f.w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, key, 16),
			 0);
	assert_int_equal(tapir_bind(f.w.t, s, &sa), 0);
	assert_int_equal(tapir_listen(f.w.t, s, 1), 0);
	assert_int_equal(tapir_getsockopt(f.w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, back,
					  &len),
			 0);
	assert_memory_equal(back, key, 16);
	tapir_close(f.w.t, s);
	/* And one that never listens gives its memory back. */
	s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
	assert_int_equal(tapir_setsockopt(f.w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, key, 16),
			 0);
	tapir_close(f.w.t, s);
	tf_close(&f);
}

TEST(two_instances_have_different_keys, "")
{
	uint8_t a[16], b[16];
	size_t len = 16;
	struct tf f;

	tf_open(&f);
	tf_listen(&f);
	tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, a, &len);
	tf_close(&f);
	tf_init(&f);
	f.w.seed[0] ^= 1;
	tf_start(&f);
	tf_listen(&f);
	len = 16;
	tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, b, &len);
	assert_memory_not_equal(a, b, 16);
	tf_close(&f);
}

/* The peer's SYN-ACK to whatever SYN left, with a cookie; true: there was one. */
static bool answer_syn(struct tf *f)
{
	static const uint8_t opts[] = {2, 4, 5, 180, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
	uint8_t ip[200];
	size_t n;

	while (tf_pop(f)) {
		if (f->p.flags != TF_SYN)
			continue;
		n = world_tcp(ip, WORLD_PEER, WORLD_US, f->p.dport, f->p.sport, 7000,
			      f->p.seq + 1 + (uint32_t)f->p.len, TF_SYN | TF_ACK, 65535, opts,
			      sizeof(opts), NULL, 0);
		assert_int_equal(world_push(&f->w, ip, n), 0);
		return true;
	}
	return false;
}

TEST(whatever_allocation_fails_a_fast_opening_ends_clean, "RS-01 R7413-1")
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(WORLD_PEER, 80);
	static const uint8_t text[500] = {1};
	unsigned with_data = 0;

	for (uint64_t k = 1; k < 40; k++) {
		struct tf f;

		tf_open(&f);
		f.w.alloc.fail_at = f.w.alloc.calls + k;
		/* The first asks for a cookie and the second shows it, where there was memory for one. */
		for (int i = 0; i < 2; i++) {
			tapir_sock_t s = tapir_socket(f.w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);

			if (s <= 0)
				continue;
			if (tapir_sendto(f.w.t, s, text, sizeof(text), TAPIR_MSG_FASTOPEN, &sa) ==
			    sizeof(text))
				with_data++;
			world_step(&f.w, 2 * WORLD_S);
			(void)answer_syn(&f);
			world_step(&f.w, 10 * WORLD_MS);
			tapir_abort(f.w.t, s);
			(void)tf_drain(&f);
		}
		f.w.alloc.fail_at = 0;
		tf_close(&f);
	}
	assert_in_range(with_data, 20, 39);
}

TEST(whatever_allocation_fails_a_child_is_made_whole_or_not_at_all, "RS-01 R7413-1")
{
	static const uint8_t opts[] = {2, 4, 5, 180}, text[500] = {1};
	unsigned children = 0;
	int qlen = 5;

	for (uint64_t k = 1; k < 40; k++) {
		struct tf f;
		tapir_sock_t s;
		uint8_t ip[700];
		size_t n;

		tf_init(&f);
		f.w.conf.tcp_fastopen = 515; /* without cookies */
		tf_start(&f);
		f.backlog = 5;
		tf_listen(&f);
		assert_int_equal(tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN,
						  &qlen, sizeof(qlen)),
				 0);
		n = world_tcp(ip, WORLD_PEER, WORLD_US, 5000, TF_PORT, 1000, 0, TF_SYN, 65535, opts,
			      sizeof(opts), text, sizeof(text));
		f.w.alloc.fail_at = f.w.alloc.calls + k;
		(void)world_push(&f.w, ip, n);
		s = tapir_accept(f.w.t, f.ls, NULL);
		if (s > 0) {
			int64_t got = tapir_recvfrom(f.w.t, s, ip, sizeof(ip), 0, NULL);

			children++;
			assert_true(got == 500 || got == -EAGAIN);
		}
		/* Once more, as the peer would: now there is memory. */
		f.w.alloc.fail_at = 0;
		(void)tf_drain(&f);
		n = world_tcp(ip, WORLD_PEER, WORLD_US, 5001, TF_PORT, 1000, 0, TF_SYN, 65535, opts,
			      sizeof(opts), text, sizeof(text));
		assert_int_equal(world_push(&f.w, ip, n), 0);
		assert_true(tapir_accept(f.w.t, f.ls, NULL) > 0);
		tf_close(&f);
	}
	assert_in_range(children, 20, 38);
}

TEST(a_key_without_memory_is_refused_and_changes_nothing, "RS-01")
{
	static const uint8_t key[16] = {1};
	uint8_t before[16], after[16];
	size_t len = 16;
	struct tf f;

	tf_open(&f);
	tf_listen(&f);
	tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, before, &len);
	f.w.alloc.fail_all = f.w.alloc.calls + 1;
	assert_int_equal(tapir_setsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, key,
					  sizeof(key)),
			 -ENOMEM);
	f.w.alloc.fail_all = 0;
	tapir_getsockopt(f.w.t, f.ls, TAPIR_SOL_TCP, TAPIR_TCP_FASTOPEN_KEY, after, &len);
	assert_memory_equal(before, after, 16);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_those_that_a_linux_server_makes_under_the_key),
		cmocka_unit_test(keys_read_back_as_they_were_set_and_others_are_refused),
		cmocka_unit_test(a_key_that_was_set_before_listen_is_the_listeners),
		cmocka_unit_test(two_instances_have_different_keys),
		cmocka_unit_test(whatever_allocation_fails_a_fast_opening_ends_clean),
		cmocka_unit_test(whatever_allocation_fails_a_child_is_made_whole_or_not_at_all),
		cmocka_unit_test(a_key_without_memory_is_refused_and_changes_nothing),
	};

	return tapir_test_run("unit/tcp/test_fastopen", tests);
}
