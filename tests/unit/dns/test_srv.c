/*
 * The order of a service's targets, and the way from an SRV answer to addresses.
 */
#include "dns/addrinfo.h"
#include "tests/unit/dns/fakenet.h"

static struct dns_srv srv(uint16_t priority, uint16_t weight, uint16_t port, const char *target)
{
	return (struct dns_srv){priority, weight, port, name_of(target)};
}

TEST(the_lowest_priority_goes_first, "D2782-1")
{
	struct world w;

	world_open(&w, NULL);
	for (unsigned i = 0; i < 200; i++) {
		struct dns_srv s[] = {srv(20, 100, 1, "c"), srv(10, 5, 2, "a"),
				      srv(65535, 1, 3, "d"), srv(10, 0, 4, "b"), srv(0, 0, 5, "z")};

		dns_srv_order(w.d, s, 5);
		assert_int_equal(s[0].port, 5);
		assert_true(s[1].priority == 10 && s[2].priority == 10);
		assert_int_equal(s[3].port, 1);
		assert_int_equal(s[4].port, 3);
	}
	dns_srv_order(w.d, NULL, 0);
	world_close(&w);
}

TEST(equals_are_drawn_by_weight, "D2782-1")
{
	enum { DRAWS = 100000 };
	static const uint16_t weights[] = {1, 3, 6, 10};
	unsigned first[4] = {0}, zero = 0;
	struct world w;

	world_open(&w, NULL);
	for (unsigned i = 0; i < DRAWS; i++) {
		struct dns_srv s[4];
		unsigned seen = 0;

		/* scaled, so that the one draw more that 0 to the sum has does not show */
		for (unsigned k = 0; k < 4; k++)
			s[k] = srv(1, (uint16_t)(weights[k] * 1000), (uint16_t)k, "a");
		dns_srv_order(w.d, s, 4);
		first[s[0].port]++;
		for (unsigned k = 0; k < 4; k++)
			seen |= 1u << s[k].port;
		assert_int_equal(seen, 15);
	}
	for (unsigned k = 0; k < 4; k++) {
		double want = DRAWS * weights[k] / 20.0;

		/* 2 % of what it should be, or three deviations where that is more */
		double most = want * 0.02 > 210 ? want * 0.02 : 210;
		assert_true(first[k] > want - most && first[k] < want + most);
	}
	/* RFC 2782: of weight 0 beside others, a very small chance; alone, it is taken */
	for (unsigned i = 0; i < DRAWS; i++) {
		struct dns_srv s[] = {srv(1, 99, 1, "a"), srv(1, 0, 2, "b")};

		dns_srv_order(w.d, s, 2);
		zero += s[0].port == 2;
	}
	assert_true(zero > DRAWS / 100 * 8 / 10 && zero < DRAWS / 100 * 12 / 10);
	world_close(&w);
}

static unsigned naddrs;

static void on_addrs(void *ctx, int64_t id, const struct dns_addrs *a)
{
	(void)ctx;
	(void)id;
	naddrs = a->n;
}

static struct dns_srv read_first;
static int nread;

static void on_srv(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct dns_srv s[8];
	struct world *w = ctx;
	char node[DNS_NAME_TEXT_MAX];

	(void)id;
	nread = dns_srv_read(r->msg, r->len, s, 8);
	if (nread <= 0)
		return;
	dns_srv_order(w->d, s, (unsigned)nread);
	read_first = s[0];
	dns_name_text(&s[0].target, node);
	const struct dns_addrs_query q = {.node = node,
					  .family = DNS_AF_INET,
					  .done = on_addrs,
					  .ctx = w};
	assert_true(dns_addrs_query(w->d, &q) > 0);
}

static void ask_srv(struct world *w, const char *name)
{
	const struct dns_query q = {.q = {name_of(name), DNS_TYPE_SRV, DNS_CLASS_IN},
				    .done = on_srv,
				    .ctx = w};

	assert_true(dns_query(w->d, &q) > 0);
}

static void put_srv(struct reply *r, const char *owner, uint8_t priority, const char *target)
{
	uint8_t b[6 + DNS_NAME_MAX] = {0, priority, 0, 1, 31, 144}; /* port 8080 */
	struct dns_name n = name_of(target);

	memcpy(b + 6, n.b, n.len);
	reply_rr(r, DNS_ANSWER, owner, DNS_TYPE_SRV, 60, b, 6u + n.len);
}

TEST(a_targets_addresses_are_looked_up_and_not_taken_from_beside_the_answer, "D2782-4 D2181-3")
{
	static const uint8_t evil[4] = {6, 6, 6, 6};
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask_srv(&w, "_http._tcp.example");
	reply_to(&r, fake_asked("_http._tcp.example", DNS_TYPE_SRV));
	put_srv(&r, "_http._tcp.example", 20, "far.example");
	put_srv(&r, "_http._tcp.example", 10, "near.example");
	reply_rr(&r, DNS_ADDITIONAL, "near.example", DNS_TYPE_A, 60, evil, 4);
	reply_send(&w, &r);
	assert_int_equal(nread, 2);
	assert_int_equal(read_first.port, 8080);
	assert_true(name_is(&read_first.target, "near.example"));
	answer_a(&w, "near.example", 60, TAPIR_IP4(10, 0, 0, 5));
	assert_int_equal(naddrs, 1);
	world_close(&w);
}

TEST(a_lone_root_says_that_there_is_no_such_service, "D2782-3")
{
	struct reply r;
	struct world w;

	world_open(&w, NULL);
	ask_srv(&w, "_http._tcp.example");
	reply_to(&r, fake_asked("_http._tcp.example", DNS_TYPE_SRV));
	put_srv(&r, "_http._tcp.example", 0, ".");
	reply_send(&w, &r);
	assert_int_equal(nread, -ENOENT);
	ask_srv(&w, "_no._tcp.example");
	answer_nxdomain(&w, "_no._tcp.example", DNS_TYPE_SRV, 60);
	assert_int_equal(nread, 0);
	struct dns_srv s[1];
	assert_int_equal(dns_srv_read(NULL, 0, s, 1), -EINVAL);
	assert_int_equal(dns_srv_read((const uint8_t *)"x", 1, s, 1), -EINVAL);
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_priority_goes_first),
		cmocka_unit_test(equals_are_drawn_by_weight),
		cmocka_unit_test(
			a_targets_addresses_are_looked_up_and_not_taken_from_beside_the_answer),
		cmocka_unit_test(a_lone_root_says_that_there_is_no_such_service),
	};

	return tapir_test_run("unit/dns/test_srv", tests);
}
