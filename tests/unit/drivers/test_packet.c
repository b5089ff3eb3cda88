/*
 * rtnetlink and the packet socket on a veth pair, in a network namespace of the test's own.
 *
 *	near0 (the kernel's, 192.0.2.1) === far0 (ours)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/host.h"
#include "drivers/netlink.h"
#include "tests/support/test.h"

static const uint32_t NEAR_IP = TAPIR_IP4(192, 0, 2, 1);

struct fixture {
	struct tapir *t;
	struct driver *d;
	struct nl_link near, far;
};

/* Until the kernel has noticed that the link has a carrier it sends nothing. */
static void wait_running(const char *name)
{
	struct nl_link link = {.flags = 0};

	for (int tries = 0; tries < 5000 && !(link.flags & IFF_RUNNING); tries++) {
		assert_int_equal(nl_link_get(name, &link), 0);
		poll(NULL, 0, 1);
	}
	assert_true(link.flags & IFF_RUNNING);
}

/* One namespace for the whole program; the pair is made anew for each test. */
static void begin(struct fixture *f)
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {1};
	static bool private;
	struct tapir_env env = host_env();
	struct drv_error err = {""};

	if (!private && unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		tapir_test_skip("no network namespaces here: run as root");
	private = true;
	memset(f, 0, sizeof(*f));
	assert_int_equal(nl_veth_add("near0", "far0"), 0);
	assert_int_equal(nl_link_get("near0", &f->near), 0);
	assert_int_equal(nl_link_get("far0", &f->far), 0);
	assert_int_equal(nl_addr_add(f->near.ifindex, NEAR_IP, 24), 0);
	assert_int_equal(nl_link_set(f->near.ifindex, true, 0, NULL), 0);
	assert_int_equal(nl_link_set(f->far.ifindex, true, 0, NULL), 0);
	wait_running("near0");
	wait_running("far0");
	assert_int_equal(tapir_create(&f->t, &env, NULL, seed, 1), 0);
	f->d = packet_open("far0", 0, &err);
	if (!f->d)
		fail_msg("%s", err.text);
}

static void end(struct fixture *f)
{
	driver_close(f->d);
	tapir_destroy(f->t);
	nl_link_del(f->near.ifindex);
}

/* The next frame whose Ethernet type, at `at`, is that; others are let go. NULL after 5 s. */
static struct pkt *next_frame(struct fixture *f, size_t at, uint16_t type)
{
	struct pollfd pfd = {.fd = f->d->fd, .events = POLLIN};
	struct pkt *p, *found = NULL;

	while (!found && poll(&pfd, 1, 5000) > 0) {
		if (driver_read(f->d, f->t, &p, 1, NULL) != 1)
			continue;
		if (p->len > at + 1 && (p->data[at] << 8 | p->data[at + 1]) == type)
			found = p;
		else
			tapir_pkt_free(p);
	}
	return found;
}

/* Lets the kernel send a frame by one of its interfaces. */
static void send_raw(const struct nl_link *link, const uint8_t *frame, size_t len)
{
	struct sockaddr_ll sa = {.sll_family = AF_PACKET, .sll_ifindex = link->ifindex};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, frame, len, 0, (struct sockaddr *)&sa, sizeof(sa)),
			 (ssize_t)len);
	close(fd);
}

TEST(links_addresses_and_mtu_are_what_was_set, "")
{
	static const struct tapir_mac mac = {{2, 0, 0, 0, 0, 9}};
	struct nl_addr addr[4];
	struct nl_link link;
	struct fixture f;

	begin(&f);
	assert_int_equal(nl_link_get("no-such-link", &link), -ENODEV);
	assert_int_equal(nl_link_get("a-name-of-more-than-15", &link), -ENODEV);
	assert_int_equal(nl_addr_list(f.near.ifindex, addr, 4), 1);
	assert_int_equal(addr[0].ip4, NEAR_IP);
	assert_int_equal(addr[0].prefix_len, 24);
	assert_int_equal(nl_addr_list(f.far.ifindex, addr, 4), 0);
	assert_int_equal(nl_addr_add(f.near.ifindex, NEAR_IP, 24), -EEXIST);
	assert_int_equal(nl_link_set(f.far.ifindex, true, 1400, &mac), 0);
	assert_int_equal(nl_link_get_by_index(f.far.ifindex, &link), 0);
	assert_string_equal(link.name, "far0");
	assert_int_equal(link.mtu, 1400);
	assert_memory_equal(link.mac.b, mac.b, 6);
	assert_true(link.ether && (link.flags & IFF_UP));
	assert_int_equal(nl_link_set(f.far.ifindex, true, 70000, NULL), -EINVAL);
	end(&f);
}

TEST(no_default_route_is_no_gateway, "")
{
	struct fixture f;
	uint32_t gw;

	begin(&f);
	assert_int_equal(nl_default_gw(f.near.ifindex, &gw), -ESRCH);
	end(&f);
}

TEST(the_monitor_tells_down_up_and_gone_of_that_link_alone, "")
{
	struct fixture f;

	begin(&f);
	int fd = nl_monitor_open();
	assert_true(fd >= 0);
	assert_int_equal(nl_monitor_read(fd, f.far.ifindex), NL_NOTHING);
	nl_link_set(f.far.ifindex, false, 0, NULL);
	assert_int_equal(nl_monitor_read(fd, f.far.ifindex), NL_DOWN);
	nl_link_set(f.far.ifindex, true, 0, NULL);
	assert_int_equal(nl_monitor_read(fd, f.far.ifindex), NL_UP);
	nl_link_del(f.near.ifindex);
	assert_int_equal(nl_monitor_read(fd, f.far.ifindex), NL_GONE);
	close(fd);
	end(&f);
}

TEST(a_frame_arrives_as_it_was_sent, "")
{
	uint8_t frame[1514] = {2, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x88, 0xb5};
	struct fixture f;

	begin(&f);
	for (size_t i = 14; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	send_raw(&f.near, frame, sizeof(frame));
	struct pkt *p = next_frame(&f, 12, 0x88b5);
	assert_non_null(p);
	assert_int_equal(p->len, sizeof(frame));
	assert_memory_equal(p->data, frame, sizeof(frame));
	tapir_pkt_free(p);
	end(&f);
}

TEST(a_vlan_tag_that_the_kernel_takes_off_is_put_back, "")
{
	static const uint8_t frame[64] = {2, 1, 1,    1,    1, 1,  2,	 2,    2,  2,
					  2, 2, 0x81, 0x00, 0, 10, 0x88, 0xb5, 'x'};
	struct fixture f;

	begin(&f);
	send_raw(&f.near, frame, sizeof(frame));
	struct pkt *p = next_frame(&f, 16, 0x88b5);
	assert_non_null(p);
	assert_int_equal(p->len, sizeof(frame));
	assert_memory_equal(p->data, frame, sizeof(frame));
	tapir_pkt_free(p);
	end(&f);
}

TEST(what_leaves_by_our_end_is_not_read, "")
{
	static const uint8_t ours[64] = {2, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x88, 0xb6};
	static const uint8_t theirs[64] = {2, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 0x88, 0xb5};
	struct fixture f;

	begin(&f);
	struct pkt *p = driver_pkt(f.t, ours, sizeof(ours));
	const struct pkt *one[1] = {p};
	assert_int_equal(driver_write(f.d, one, 1, NULL), 1);
	assert_int_equal(f.d->tx_errors, 0);
	tapir_pkt_free(p);
	send_raw(&f.far, ours, sizeof(ours));
	send_raw(&f.near, theirs, sizeof(theirs));
	struct pollfd pfd = {.fd = f.d->fd, .events = POLLIN};
	bool end_seen = false;
	while (!end_seen && poll(&pfd, 1, 5000) > 0) {
		if (driver_read(f.d, f.t, &p, 1, NULL) != 1)
			continue;
		assert_false(p->data[12] == 0x88 && p->data[13] == 0xb6);
		end_seen = p->data[12] == 0x88 && p->data[13] == 0xb5;
		tapir_pkt_free(p);
	}
	assert_true(end_seen);
	end(&f);
}

/* The one's complement sum over the pseudo-header and the datagram; 0xffff when its checksum holds. */
static uint32_t udp_sum(const uint8_t *ip)
{
	size_t ihl = (size_t)(ip[0] & 15) * 4, len = (size_t)(ip[ihl + 4] << 8 | ip[ihl + 5]);
	uint32_t sum = 17 + (uint32_t)len;

	for (size_t i = 12; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(ip[ihl + i] << 8 | ip[ihl + i + 1]);
	if (len & 1)
		sum += (uint32_t)ip[ihl + len - 1] << 8;
	sum = (sum >> 16) + (sum & 0xffff);
	return (sum >> 16) + (sum & 0xffff);
}

TEST(a_checksum_that_the_kernel_left_to_hardware_is_finished, "")
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct fixture f;
	char text[1200];

	begin(&f);
	/* a broadcast needs no neighbour */
	to.sin_addr.s_addr = htonl(NEAR_IP | 0xff);
	memset(text, 'x', sizeof(text));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	for (size_t len = 1; len <= sizeof(text); len = len * 3 + 1) {
		assert_int_equal(sendto(fd, text, len, 0, (struct sockaddr *)&to, sizeof(to)),
				 (ssize_t)len);
		struct pkt *p;
		do {
			p = next_frame(&f, 12, 0x0800);
			assert_non_null(p);
			if (p->data[23] == 17)
				break;
			tapir_pkt_free(p);
		} while (true);
		assert_int_equal(udp_sum(p->data + 14), 0xffff);
		assert_true(p->flags & PKT_CSUM_VALID);
		tapir_pkt_free(p);
	}
	close(fd);
	end(&f);
}

TEST(an_interface_that_goes_away_is_told_in_a_sentence, "")
{
	struct drv_error err = {""};
	struct fixture f;

	begin(&f);
	nl_link_del(f.near.ifindex);
	assert_int_equal(f.d->ops->event(f.d, &err), -1);
	assert_non_null(strstr(err.text, "far0: the interface was removed"));
	end(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_addresses_and_mtu_are_what_was_set),
		cmocka_unit_test(no_default_route_is_no_gateway),
		cmocka_unit_test(the_monitor_tells_down_up_and_gone_of_that_link_alone),
		cmocka_unit_test(a_frame_arrives_as_it_was_sent),
		cmocka_unit_test(a_vlan_tag_that_the_kernel_takes_off_is_put_back),
		cmocka_unit_test(what_leaves_by_our_end_is_not_read),
		cmocka_unit_test(a_checksum_that_the_kernel_left_to_hardware_is_finished),
		cmocka_unit_test(an_interface_that_goes_away_is_told_in_a_sentence),
	};
	return tapir_test_run("unit/drivers/test_packet", tests);
}
