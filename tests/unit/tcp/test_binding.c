/*
 * Who may share a port with whom, and whom a SYN reaches: two interfaces, SO_BINDTODEVICE, SO_REUSEADDR and SO_REUSEPORT,
 * connections and TIME-WAIT records in the way.
 */
#include <errno.h>

#include "tests/support/tcpopt.h"

#define SECOND TAPIR_IP4(203, 0, 113, 2)

/* A world with a second interface; its number. */
static int two_interfaces(struct tf *f)
{
	int ifi;

	tf_open(f);
	ifi = world_netif(&f->w, TAPIR_NETIF_RAW_IP, SECOND, 24, 1500, 0);
	assert_true(ifi > f->w.ifi);
	world_settle(&f->w);
	return ifi;
}

static void set(struct tf *f, tapir_sock_t s, int name, int v)
{
	assert_int_equal(tapir_setsockopt(f->w.t, s, TAPIR_SOL_SOCKET, name, &v, sizeof(v)), 0);
}

/* A socket with one option of SOL_SOCKET set; 0: none. */
static tapir_sock_t stream(struct tf *f, int name, int v)
{
	tapir_sock_t s = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);

	assert_true(s > 0);
	if (name)
		set(f, s, name, v);
	return s;
}

static int bind_to(struct tf *f, tapir_sock_t s, uint32_t ip4, uint16_t port)
{
	struct tapir_sockaddr sa = tapir_sockaddr_v4(ip4, port);

	return tapir_bind(f->w.t, s, &sa);
}

static tapir_sock_t listener(struct tf *f, int ifindex)
{
	tapir_sock_t s = stream(f, TAPIR_SO_BINDTODEVICE, ifindex);

	assert_int_equal(bind_to(f, s, 0, TF_PORT), 0);
	assert_int_equal(tapir_listen(f->w.t, s, 4), 0);
	return s;
}

/* A SYN to TF_PORT of our first address comes in by an interface; the flags of the answer, 0: none. */
static uint8_t syn_by(struct tf *f, int ifindex, uint32_t src, uint16_t rport)
{
	uint8_t ip[200];
	size_t n = world_tcp(ip, src, WORLD_US, rport, TF_PORT, 1000, 0, TF_SYN, 65535, NULL, 0,
			     NULL, 0);
	uint8_t flags = 0;

	assert_int_equal(world_push_if(&f->w, ifindex, ip, n), 0);
	for (int ifi = f->w.ifi; ifi <= f->w.ifi + 1; ifi++) {
		n = world_pop_if(&f->w, ifi, f->frame, sizeof(f->frame));
		if (n && world_read(f->frame, n, &f->p))
			flags = f->p.flags;
	}
	return flags;
}

TEST(a_listener_of_an_interface_hears_that_one_alone, "MUST-43")
{
	struct tf f;
	int second = two_interfaces(&f);
	tapir_sock_t s = listener(&f, second);

	assert_int_equal(syn_by(&f, f.w.ifi, WORLD_PEER, 5001), TF_RST | TF_ACK);
	tapir_close(f.w.t, s);
	(void)listener(&f, f.w.ifi);
	assert_int_equal(syn_by(&f, f.w.ifi, WORLD_PEER, 5002), TF_SYN | TF_ACK);
	tf_close(&f);
}

TEST(the_listener_that_fits_best_is_taken, "")
{
	struct tf f;
	int second = two_interfaces(&f);
	tapir_sock_t any = stream(&f, TAPIR_SO_REUSEPORT, 1),
		     of = stream(&f, TAPIR_SO_REUSEPORT, 1);

	set(&f, of, TAPIR_SO_BINDTODEVICE, f.w.ifi);
	assert_int_equal(bind_to(&f, any, 0, TF_PORT), 0);
	assert_int_equal(bind_to(&f, of, 0, TF_PORT), 0);
	assert_int_equal(tapir_listen(f.w.t, of, 4), 0);
	assert_int_equal(tapir_listen(f.w.t, any, 4), 0);
	for (uint16_t port = 5000; port < 5004; port++) {
		uint8_t ip[200];
		size_t n;

		assert_int_equal(syn_by(&f, f.w.ifi, WORLD_PEER, port), TF_SYN | TF_ACK);
		n = world_tcp(ip, WORLD_PEER, WORLD_US, port, TF_PORT, 1001, f.p.seq + 1, TF_ACK,
			      65535, NULL, 0, NULL, 0);
		assert_int_equal(world_push(&f.w, ip, n), 0);
		assert_int_equal(tapir_accept(f.w.t, any, NULL), -EAGAIN);
		assert_true(tapir_accept(f.w.t, of, NULL) > 0);
	}
	(void)second;
	tf_close(&f);
}

TEST(sockets_of_different_interfaces_share_a_port, "MUST-43")
{
	struct tf f;
	int second = two_interfaces(&f);
	tapir_sock_t a, b;

	(void)listener(&f, f.w.ifi);
	(void)listener(&f, second);
	assert_int_equal(bind_to(&f, stream(&f, 0, 0), 0, TF_PORT), -EADDRINUSE);
	a = stream(&f, TAPIR_SO_BINDTODEVICE, f.w.ifi);
	b = stream(&f, TAPIR_SO_BINDTODEVICE, second);
	assert_int_equal(bind_to(&f, a, 0, 81), 0);
	assert_int_equal(bind_to(&f, b, 0, 81), 0);
	assert_int_equal(bind_to(&f, stream(&f, TAPIR_SO_BINDTODEVICE, second), 0, 81),
			 -EADDRINUSE);
	tf_close(&f);
}

TEST(reuseport_is_shared_by_those_who_all_have_it, "")
{
	struct tf f;
	tapir_sock_t a, b, c;

	tf_open(&f);
	a = stream(&f, TAPIR_SO_REUSEPORT, 1);
	b = stream(&f, TAPIR_SO_REUSEPORT, 1);
	c = stream(&f, TAPIR_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(&f, a, 0, 80), 0);
	assert_int_equal(bind_to(&f, b, 0, 80), 0);
	assert_int_equal(bind_to(&f, c, 0, 80), -EADDRINUSE);
	assert_int_equal(bind_to(&f, stream(&f, 0, 0), 0, 80), -EADDRINUSE);
	tf_close(&f);
}

TEST(who_is_in_the_way_of_reuseaddr_is_looked_for_one_by_one, "")
{
	struct tf f;
	struct tapir_addr second = tapir_addr_v4(WORLD_US + 1);
	tapir_sock_t plain, reuse;

	tf_open(&f);
	assert_int_equal(tapir_addr_add(f.w.t, f.w.ifi, &second, 24), 0);
	/* One without the option, at another address, and one with it at ours: neither hinders. */
	plain = stream(&f, 0, 0);
	reuse = stream(&f, TAPIR_SO_REUSEADDR, 1);
	assert_int_equal(bind_to(&f, plain, WORLD_US + 1, 80), 0);
	assert_int_equal(bind_to(&f, reuse, WORLD_US, 80), 0);
	assert_int_equal(bind_to(&f, stream(&f, TAPIR_SO_REUSEADDR, 1), WORLD_US, 80), 0);
	assert_int_equal(bind_to(&f, stream(&f, TAPIR_SO_REUSEADDR, 1), 0, 80), -EADDRINUSE);
	tf_close(&f);
}

TEST(a_time_wait_record_with_reuseaddr_is_in_nobodys_way, "")
{
	struct tf f;
	struct tapir_addr second = tapir_addr_v4(WORLD_US + 1);

	tf_open(&f);
	assert_int_equal(tapir_addr_add(f.w.t, f.w.ifi, &second, 24), 0);
	tf_to(&f, TAPIR_TCP_TIME_WAIT, TF_PASSIVE); /* its listener has SO_REUSEADDR */
	tapir_close(f.w.t, f.ls);
	f.ls = 0;
	/* The port counts one without it, elsewhere. */
	assert_int_equal(bind_to(&f, stream(&f, 0, 0), WORLD_US + 1, TF_PORT), 0);
	assert_int_equal(bind_to(&f, stream(&f, TAPIR_SO_REUSEADDR, 1), WORLD_US, TF_PORT), 0);
	tf_close(&f);
}

TEST(a_syn_that_no_route_leads_back_from_opens_nothing, "")
{
	struct tf f;
	uint8_t ip[200];
	size_t n;
	int second = two_interfaces(&f);

	/* Bound to the second interface, which has no gateway, and the peer is from far away. */
	(void)listener(&f, second);
	n = world_tcp(ip, WORLD_FAR, SECOND, 5001, TF_PORT, 1000, 0, TF_SYN, 65535, NULL, 0, NULL,
		      0);
	assert_int_equal(world_push_if(&f.w, second, ip, n), 0);
	tf_quiet(&f);
	assert_int_equal(world_drops(&f.w, DROP_IP_NO_ROUTE), 1);
	assert_int_equal(world_stat(&f.w, STAT_TcpExt_ListenDrops), 1);
	tf_close(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_of_an_interface_hears_that_one_alone),
		cmocka_unit_test(the_listener_that_fits_best_is_taken),
		cmocka_unit_test(sockets_of_different_interfaces_share_a_port),
		cmocka_unit_test(reuseport_is_shared_by_those_who_all_have_it),
		cmocka_unit_test(who_is_in_the_way_of_reuseaddr_is_looked_for_one_by_one),
		cmocka_unit_test(a_time_wait_record_with_reuseaddr_is_in_nobodys_way),
		cmocka_unit_test(a_syn_that_no_route_leads_back_from_opens_nothing),
	};

	return tapir_test_run("unit/tcp/test_binding", tests);
}
