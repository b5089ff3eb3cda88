/* ICMP: echo, errors that arrive, errors that leave, and their limits. */
#include <string.h>

#include "tests/support/test.h"
#include "tests/support/world.h"

static uint8_t buf[WORLD_FRAME], out[WORLD_FRAME];

static int open_raw(void **state)
{
	static struct world w;

	world_open(&w, TAPIR_NETIF_RAW_IP);
	*state = &w;
	return 0;
}

static int open_ether(void **state)
{
	static struct world w;

	world_open(&w, TAPIR_NETIF_ETHER);
	*state = &w;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	return 0;
}

TEST(an_echo_request_comes_back_whole_from_the_address_that_was_asked,
     "R1122-66 R1122-69 R1122-70 R792-2 R1122-15")
{
	struct world *w = *state;
	struct world_pkt p;
	uint8_t data[1000];
	size_t n;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3);
	n = world_icmp(buf, WORLD_PEER, WORLD_US, 8, 0, 0x12345678, data, sizeof(data));
	world_push_ip(w, buf, n);
	assert_true(world_expect(w, out, &p));
	assert_int_equal(p.src, WORLD_US);
	assert_int_equal(p.dst, WORLD_PEER);
	assert_int_equal(p.type, 0);
	assert_int_equal(p.code, 0);
	assert_int_equal(p.rest, 0x12345678);
	assert_int_equal(p.len, sizeof(data));
	assert_memory_equal(p.data, data, sizeof(data));
	assert_false(world_expect(w, out, &p));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_echo_request_comes_back_whole_from_the_address_that_was_asked, open_raw,
			close_world),
		cmocka_unit_test_setup_teardown(
			an_echo_request_comes_back_whole_from_the_address_that_was_asked,
			open_ether, close_world),
	};

	return tapir_test_run("unit/ip/test_icmp", tests);
}
