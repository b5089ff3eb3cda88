/*
 * tapir-packetdrill.so, driven by hand (pdhand.h).
 */
#include <arpa/inet.h>

#include "tests/support/pdhand.h"

struct pdlib pdhand;
const uint8_t pdhand_mss_opt[4] = {2, 4, 5, 0xb4};

int pdhand_setup(void **state)
{
	const char *why = "";

	(void)state;
	if (pdlib_open(&pdhand, NULL, &why))
		return 0;
	print_error("%s\n", why);
	return -1;
}

int pdhand_teardown(void **state)
{
	(void)state;
	pdlib_close(&pdhand);
	return 0;
}

struct sockaddr_in pdhand_addr(uint32_t ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(ip)};
}

int pdhand_listener(uint16_t port)
{
	struct sockaddr_in a = pdhand_addr(PDLIB_LOCAL, port);
	int fd = pdhand.ifc.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP);

	assert_true(fd >= 3);
	assert_int_equal(pdhand.ifc.bind(U, fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(pdhand.ifc.listen(U, fd, 5), 0);
	return fd;
}

uint32_t pdhand_peer_opens(uint16_t sport, uint16_t port)
{
	struct wireview v;
	long long at;

	assert_int_equal(pdlib_send_tcp(&pdhand, sport, port, 1000, 0, WV_SYN, 65535,
					pdhand_mss_opt, 4, 0),
			 0);
	assert_true(pdlib_receive(&pdhand, &v, &at));
	assert_int_equal(v.flags, WV_SYN | WV_ACK);
	assert_int_equal(v.ack, 1001);
	assert_int_equal(pdlib_send_tcp(&pdhand, sport, port, 1001, v.seq + 1, WV_ACK, 65535, NULL,
					0, 0),
			 0);
	return v.seq;
}
