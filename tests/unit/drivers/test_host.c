/*
 * What the host gives: that the default MAC is a lawful and a stable one, that entropy is entropy.
 */
#include <stdio.h>
#include <string.h>
#include <malloc.h>
#include <unistd.h>

#include "drivers/host.h"
#include "tests/support/test.h"

TEST(default_mac_is_unicast_and_locally_administered, "")
{
	for (uint32_t ip = 1; ip < 2000; ip++) {
		struct tapir_mac m = host_default_mac("tap0", ip);

		assert_int_equal(m.b[0] & 3, 2);
	}
}

TEST(default_mac_is_the_same_each_time, "")
{
	struct tapir_mac a = host_default_mac("tap0", 0xc0000202);
	struct tapir_mac b = host_default_mac("tap0", 0xc0000202);

	assert_memory_equal(a.b, b.b, sizeof(a.b));
}

TEST(default_mac_differs_by_interface_and_address, "")
{
	struct tapir_mac a = host_default_mac("tap0", 0xc0000202);
	struct tapir_mac b = host_default_mac("tap1", 0xc0000202);
	struct tapir_mac c = host_default_mac("tap0", 0xc0000203);

	assert_memory_not_equal(a.b, b.b, sizeof(a.b));
	assert_memory_not_equal(a.b, c.b, sizeof(a.b));
}

TEST(entropy_differs_from_call_to_call, "")
{
	uint8_t a[32] = {0}, b[32] = {0};

	assert_int_equal(host_entropy(a, sizeof(a)), 0);
	assert_int_equal(host_entropy(b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
}

TEST(clock_never_goes_back, "")
{
	uint64_t last = host_clock_ns();

	for (int i = 0; i < 10000; i++) {
		uint64_t now = host_clock_ns();

		assert_true(now >= last);
		last = now;
	}
}

/* Bytes of memory that the process has. */
static long resident(void)
{
	long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &size, &pages), 2);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

TEST(what_an_attack_took_goes_back_to_the_system, "")
{
	enum { N = 50000, PAGE = 4096 };
	struct tapir_env env = host_env();
	static void *page[N], *keep[N / 100];
	long before = resident(), most;
	bool judged;

	for (int i = 0; i < N; i++) {
		page[i] = env.alloc(env.ctx, PAGE);
		assert_non_null(page[i]);
		memset(page[i], 1, PAGE);
		/* Something that lives on, in between. */
		if (i % 100 == 99)
			keep[i / 100] = env.alloc(env.ctx, 200);
	}
	most = resident();
	/* A sanitizer's malloc or valgrind's keeps what was freed, on purpose: only glibc's is judged. */
	judged = mallinfo2().uordblks > (size_t)N * PAGE;
	if (judged)
		assert_true(most - before > 190L << 20);
	else
		puts("# the memory is not glibc's: nothing is said of what goes back");
	for (int i = 0; i < N; i++)
		env.free(env.ctx, page[i], PAGE);
	if (judged)
		assert_true(resident() - before < 100L << 20);
	for (int i = 0; i < N / 100; i++)
		env.free(env.ctx, keep[i], 200);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_mac_is_unicast_and_locally_administered),
		cmocka_unit_test(default_mac_is_the_same_each_time),
		cmocka_unit_test(default_mac_differs_by_interface_and_address),
		cmocka_unit_test(entropy_differs_from_call_to_call),
		cmocka_unit_test(clock_never_goes_back),
		cmocka_unit_test(what_an_attack_took_goes_back_to_the_system),
	};
	return tapir_test_run("unit/drivers/test_host", tests);
}
