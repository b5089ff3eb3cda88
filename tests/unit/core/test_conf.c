/* Settings, counters, events: names and limits. */
#include <errno.h>

#include "tests/support/test.h"
#include "tests/support/world.h"

TEST(every_setting_has_its_default_within_its_limits, "")
{
	struct tapir_conf conf;
	unsigned n = 0;

	tapir_conf_default(&conf);
	assert_int_equal(tapir_conf_check(&conf), 0);
	for (const struct tapir_conf_item *i; (i = tapir_conf_item(n)); n++) {
		int64_t v = -1;

		assert_true(i->min <= i->def && i->def <= i->max);
		assert_int_equal(tapir_conf_value(&conf, n), i->def);
		assert_int_equal(tapir_conf_get(&conf, i->name, i->index, &v), 0);
		assert_int_equal(v, i->def);
		assert_true(strlen(i->doc) > 3);
		assert_int_equal(tapir_conf_set(&conf, i->name, i->index, i->min - 1), -ERANGE);
		assert_int_equal(tapir_conf_set(&conf, i->name, i->index, i->max + 1), -ERANGE);
		assert_int_equal(tapir_conf_set(&conf, i->name, i->index, i->max), 0);
		assert_int_equal(tapir_conf_value(&conf, n), i->max);
		/* No two settings share a name and a place. */
		for (unsigned k = 0; k < n; k++)
			assert_false(tapir_conf_item(k)->index == i->index &&
				     strcmp(tapir_conf_item(k)->name, i->name) == 0);
	}
	assert_true(n > 50);
	assert_int_equal(tapir_conf_set(&conf, "net.ipv4.no_such", 0, 1), -ENOENT);
	assert_int_equal(tapir_conf_set(&conf, "net.ipv4.tcp_rmem", 3, 1), -ENOENT);
	assert_int_equal(tapir_conf_set(&conf, NULL, 0, 1), -ENOENT);
	assert_int_equal(tapir_conf_get(&conf, "", 0, NULL), -ENOENT);
	assert_int_equal(tapir_conf_value(&conf, n), 0);
}

TEST(words_stand_for_numbers_in_their_order, "")
{
	const char *cc = "net.ipv4.tcp_congestion_control";

	assert_string_equal(tapir_conf_words(cc), "cubic reno");
	assert_int_equal(tapir_conf_word(cc, "cubic"), 0);
	assert_int_equal(tapir_conf_word(cc, "reno"), 1);
	assert_int_equal(tapir_conf_word(cc, "ren"), -ENOENT);
	assert_int_equal(tapir_conf_word(cc, "cubic reno"), -ENOENT);
	assert_int_equal(tapir_conf_word(cc, "renovate"), -ENOENT);
	assert_int_equal(tapir_conf_word(cc, ""), -ENOENT);
	assert_int_equal(tapir_conf_word(cc, NULL), -ENOENT);
	assert_int_equal(tapir_conf_word("net.ipv4.tcp_sack", "on"), -ENOENT);
	assert_null(tapir_conf_words("net.ipv4.tcp_sack"));
	assert_null(tapir_conf_words(NULL));
}

TEST(a_key_is_written_as_linux_does, "")
{
	static const char *const bad[] = {
		"",	     "1-2-3",	"1-2-3-",  "1-2-3-4,",	      "1-2-3-4,5-6-7",
		"1-2-3-4-5", "1-2-3-g", "1 2 3 4", "123456789-2-3-4", "1-2-3-4,5-6-7-8,",
		"-1-2-3-4",  "1--2-3-4"};
	const char *name = "net.ipv4.tcp_fastopen_key";
	struct tapir_conf conf;
	char text[TAPIR_CONF_KEY_TEXT];

	tapir_conf_default(&conf);
	assert_int_equal(tapir_conf_get_key(&conf, name, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(tapir_conf_set_key(&conf, name, "1-2-3-4,5-6-7-abcdEFab"), 0);
	assert_int_equal(conf.tcp_fastopen_key7, 0xabcdefab);
	assert_int_equal(tapir_conf_get_key(&conf, name, text), 0);
	assert_string_equal(
		text, "00000001-00000002-00000003-00000004,00000005-00000006-00000007-abcdefab");
	assert_int_equal(tapir_conf_set_key(&conf, name, "0-0-0-ffffffff"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tapir_conf_set_key(&conf, name, bad[i]), -EINVAL);
	assert_int_equal(tapir_conf_get_key(&conf, name, text), 0);
	assert_string_equal(text, "00000000-00000000-00000000-ffffffff");
	assert_int_equal(conf.tcp_fastopen_key4, -1);
	assert_int_equal(tapir_conf_set_key(&conf, "net.ipv4.tcp_sack", "1-2-3-4"), -ENOENT);
	assert_int_equal(tapir_conf_get_key(&conf, "net.ipv4.tcp_sack", text), -ENOENT);
	assert_int_equal(tapir_conf_set_key(&conf, NULL, "1"), -ENOENT);
}

/* The setting's numbers are the algorithms that sockets then have. */
TEST(a_new_socket_has_the_algorithm_of_the_setting, "MAY-18")
{
	const char *cc = "net.ipv4.tcp_congestion_control";
	struct world w;

	world_open(&w, TAPIR_NETIF_RAW_IP);
	for (int64_t i = 0; i < 2; i++) {
		tapir_sock_t s;
		char name[16];
		size_t n = sizeof(name);

		assert_int_equal(tapir_sysctl(w.t, cc, 0, i), 0);
		s = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_STREAM, 0);
		assert_int_equal(tapir_getsockopt(w.t, s, TAPIR_SOL_TCP, TAPIR_TCP_CONGESTION, name,
						  &n),
				 0);
		assert_int_equal(tapir_conf_word(cc, name), i);
	}
	world_close(&w);
}

TEST(settings_that_contradict_each_other_are_refused, "")
{
	struct world w;

	world_open(&w, TAPIR_NETIF_RAW_IP);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.tcp_rmem", 0, 1 << 20), -EINVAL);
	assert_int_equal(tapir_conf_of(w.t)->tcp_rmem_min, 4096);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.tcp_wmem", 2, 8192), -EINVAL);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.ip_local_port_range", 1, 1023), -EINVAL);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.ip_default_ttl", 0, 0), -ERANGE);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.ip_default_ttl", 0, 99), 0);
	assert_int_equal(tapir_conf_of(w.t)->ip_default_ttl, 99);
	assert_null(tapir_conf_conflict(&w.conf));
	w.conf.tcp_wmem_max = 8192;
	assert_string_equal(tapir_conf_conflict(&w.conf), "net.ipv4.tcp_wmem");
	w.conf.tcp_rto_min_us = 0;
	assert_string_equal(tapir_conf_conflict(&w.conf), "net.ipv4.tcp_rto_min_us");
	world_close(&w);
}

TEST(every_counter_and_event_has_a_name, "")
{
	for (int i = 0; i < STAT_COUNT; i++) {
		const char *g = tapir_stat_group((enum tapir_stat)i);

		assert_true(strlen(g) >= 2 && strlen(tapir_stat_name((enum tapir_stat)i)) >= 2);
		for (int k = 0; k < i; k++)
			assert_false(strcmp(tapir_stat_name((enum tapir_stat)k),
					    tapir_stat_name((enum tapir_stat)i)) == 0 &&
				     strcmp(tapir_stat_group((enum tapir_stat)k), g) == 0);
	}
	for (int i = 0; i < TAPIR_EV_COUNT; i++) {
		assert_true(strlen(tapir_event_name((enum tapir_event_type)i)) > 2);
		assert_true(strlen(tapir_event_text((enum tapir_event_type)i)) > 2);
	}
	assert_string_equal(tapir_stat_name(STAT_TcpExt_ListenOverflows), "ListenOverflows");
	assert_string_equal(tapir_stat_group(STAT_TcpExt_ListenOverflows), "TcpExt");
	assert_non_null(tapir_stat_name(STAT_COUNT));
	assert_non_null(tapir_event_name(TAPIR_EV_COUNT));
	assert_non_null(tapir_drop_name(DROP_COUNT));
}

TEST(what_belongs_together_changes_in_one_step, "")
{
	struct tapir_conf next;
	struct world w;

	world_open(&w, TAPIR_NETIF_RAW_IP);
	next = *tapir_conf_of(w.t);
	next.tcp_rmem_min = 1 << 20;
	assert_int_equal(tapir_conf_change(w.t, &next), -EINVAL);
	assert_int_equal(tapir_conf_of(w.t)->tcp_rmem_min, 4096);
	next.tcp_rmem_default = 2 << 20;
	next.ip_default_ttl = 256;
	assert_int_equal(tapir_conf_change(w.t, &next), -EINVAL);
	assert_int_equal(tapir_conf_of(w.t)->tcp_rmem_default, 131072);
	next.ip_default_ttl = 255;
	next.cpu_features = ~tapir_conf_of(w.t)->cpu_features;
	assert_int_equal(tapir_conf_change(w.t, &next), 0);
	assert_int_equal(tapir_conf_of(w.t)->tcp_rmem_min, 1 << 20);
	assert_int_equal(tapir_conf_of(w.t)->tcp_rmem_default, 2 << 20);
	assert_int_equal(tapir_conf_of(w.t)->ip_default_ttl, 255);
	assert_int_not_equal(tapir_conf_of(w.t)->cpu_features, next.cpu_features);
	world_close(&w);
}

TEST(a_setting_tells_for_what_its_change_is_one, "")
{
	unsigned n[3] = {0};
	const struct tapir_conf_item *i;

	for (unsigned k = 0; (i = tapir_conf_item(k)); k++)
		n[tapir_conf_when(i->name, i->index)]++;
	assert_int_equal(n[TAPIR_CONF_INTERFACE], 1);
	/* Each name of the table is a setting's. */
	assert_int_equal(n[TAPIR_CONF_NEW], 22);
	assert_int_equal(tapir_conf_when("net.tapir.txq_bytes", 0), TAPIR_CONF_INTERFACE);
	assert_int_equal(tapir_conf_when("net.ipv4.tcp_rmem", 0), TAPIR_CONF_AT_ONCE);
	assert_int_equal(tapir_conf_when("net.ipv4.tcp_rmem", 1), TAPIR_CONF_NEW);
	assert_int_equal(tapir_conf_when("net.ipv4.ip_default_ttl", 0), TAPIR_CONF_AT_ONCE);
	assert_int_equal(tapir_conf_when("no.such", 0), TAPIR_CONF_AT_ONCE);
	assert_int_equal(tapir_conf_when(NULL, 0), TAPIR_CONF_AT_ONCE);
}

/* As the table says: one is for new sockets, one for all. */
TEST(a_socket_keeps_what_it_was_made_with, "")
{
	struct world w;
	tapir_sock_t old;
	int v = 0;
	size_t n = sizeof(v);

	world_open(&w, TAPIR_NETIF_RAW_IP);
	old = tapir_socket(w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	assert_int_equal(tapir_sysctl(w.t, "net.core.rmem_default", 0, 50000), 0);
	assert_int_equal(tapir_sysctl(w.t, "net.ipv4.ip_default_ttl", 0, 7), 0);
	tapir_getsockopt(w.t, old, TAPIR_SOL_SOCKET, TAPIR_SO_RCVBUF, &v, &n);
	assert_int_equal(v, 212992);
	tapir_getsockopt(w.t, old, TAPIR_SOL_IP, TAPIR_IP_TTL, &v, &n);
	assert_int_equal(v, 7);
	tapir_getsockopt(w.t, tapir_socket(w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0), TAPIR_SOL_SOCKET,
			 TAPIR_SO_RCVBUF, &v, &n);
	assert_int_equal(v, 50000);
	world_close(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_setting_has_its_default_within_its_limits),
		cmocka_unit_test(words_stand_for_numbers_in_their_order),
		cmocka_unit_test(a_key_is_written_as_linux_does),
		cmocka_unit_test(a_new_socket_has_the_algorithm_of_the_setting),
		cmocka_unit_test(settings_that_contradict_each_other_are_refused),
		cmocka_unit_test(what_belongs_together_changes_in_one_step),
		cmocka_unit_test(a_setting_tells_for_what_its_change_is_one),
		cmocka_unit_test(a_socket_keeps_what_it_was_made_with),
		cmocka_unit_test(every_counter_and_event_has_a_name),
	};

	return tapir_test_run("unit/core/test_conf", tests);
}
