/*
 * dig's command line: what words mean by where they stand, which abbreviations are taken, and in which words and with which exit status
 * others are refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "apps/dig.h"
#include "dns/rr.h"
#include "tests/support/test.h"

static struct dig_args args;
static char *said;
static size_t said_len;
static bool help;

/* Parses words divided by single blanks. */
static int words(enum dig_words from, const char *text)
{
	/* What stays of words points to them. */
	static char copies[8][1500];
	static unsigned turn;
	char *copy = copies[turn++ % 8];
	char *argv[DIG_WORDS_MAX + 1];
	snprintf(copy, sizeof copies[0], "%s", text);
	int n = dig_split(copy, argv, DIG_WORDS_MAX);
	int status = dig_parse(&args, from, n, argv, &help);
	fflush(args.err);
	return status;
}

static int parse(const char *text)
{
	return words(DIG_COMMAND_LINE, text);
}

static int setup(void **state)
{
	(void)state;
	help = false;
	dig_args_init(&args, open_memstream(&said, &said_len));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dig_args_free(&args);
	fclose(args.err);
	free(said);
	return 0;
}

static const struct dig_query *query(size_t i)
{
	assert_in_range(i, 0, args.nqueries - 1);
	return args.query[i];
}

TEST(name_alone_asks_for_its_address, "")
{
	assert_int_equal(parse("www.example.com"), DIG_GO);
	assert_int_equal(args.nqueries, 1);
	assert_string_equal(query(0)->name, "www.example.com");
	assert_int_equal(query(0)->type, DNS_TYPE_A);
	assert_int_equal(query(0)->class, DNS_CLASS_IN);
	assert_true(query(0)->recurse && query(0)->ad && query(0)->edns && query(0)->cookie);
	assert_false(query(0)->tcp || query(0)->dnssec || query(0)->cd || query(0)->search);
	assert_int_equal(query(0)->tries, 3);
	assert_int_equal(args.timeout_s, 5);
	assert_string_equal(said, "");
}

TEST(nothing_asks_for_the_roots_servers, "")
{
	assert_int_equal(parse(""), DIG_GO);
	assert_int_equal(args.nqueries, 0);
	assert_int_equal(dig_parse_default(&args, 0, NULL), DIG_GO);
	assert_string_equal(query(0)->name, ".");
	assert_int_equal(query(0)->type, DNS_TYPE_NS);
}

TEST(type_and_class_stand_before_or_behind_the_name, "")
{
	assert_int_equal(parse("mx example.com"), DIG_GO);
	assert_int_equal(query(0)->type, DNS_TYPE_MX);
	assert_int_equal(parse("version.bind chaos txt"), DIG_GO);
	assert_int_equal(query(1)->type, DNS_TYPE_TXT);
	assert_int_equal(query(1)->class, DNS_CLASS_CH);
	assert_int_equal(parse("TYPE65280 a.example CLASS7"), DIG_GO);
	assert_int_equal(query(2)->type, 65280);
	assert_int_equal(query(2)->class, 7);
}

TEST(options_before_the_first_name_are_every_querys, "")
{
	assert_int_equal(
		parse("+tcp @192.0.2.53 a.example mx +notcp b.example @192.0.2.54 -x 192.0.2.7"),
		DIG_GO);
	assert_int_equal(args.nqueries, 3);
	assert_false(query(0)->tcp);
	assert_int_equal(query(0)->type, DNS_TYPE_MX);
	assert_string_equal(query(0)->server, "192.0.2.53");
	assert_true(query(1)->tcp);
	assert_int_equal(query(1)->type, DNS_TYPE_A);
	assert_string_equal(query(1)->server, "192.0.2.54");
	assert_true(query(2)->tcp);
	assert_string_equal(query(2)->server, "192.0.2.53");
	assert_int_equal(query(2)->type, DNS_TYPE_PTR);
}

TEST(greeting_stands_with_the_first_query_of_a_line, "")
{
	assert_int_equal(parse("@192.0.2.53 a.example b.example"), DIG_GO);
	assert_non_null(strstr(query(0)->greeting, "<<>> @192.0.2.53 a.example b.example\n"));
	assert_memory_equal(query(0)->greeting, "\n; <<>> DiG tapir-", 18);
	assert_true(query(0)->greet_servers);
	assert_null(query(1)->greeting);
}

TEST(servers_behind_the_first_name_are_not_counted, "")
{
	assert_int_equal(parse("a.example @192.0.2.53"), DIG_GO);
	assert_non_null(query(0)->greeting);
	assert_false(query(0)->greet_servers);
}

TEST(no_greeting_is_kept_where_nocmd_or_short_stood_before, "")
{
	assert_int_equal(parse("+noall a.example"), DIG_GO);
	assert_null(query(0)->greeting);
	assert_false(args.cmd);
}

TEST(reverse_names_of_both_families, "")
{
	assert_int_equal(parse("-x 192.0.2.53 -x 2001:db8::1 -x 10.1 -x foo"), DIG_GO);
	assert_string_equal(query(0)->name, "53.2.0.192.in-addr.arpa.");
	assert_string_equal(query(1)->name,
			    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
			    "ip6.arpa.");
	assert_string_equal(query(2)->name, "1.10.in-addr.arpa.");
	assert_string_equal(query(3)->name, "foo.in-addr.arpa.");
	assert_int_equal(query(3)->type, DNS_TYPE_PTR);
	assert_int_equal(parse("-t txt -x 192.0.2.53"), DIG_GO);
	assert_int_equal(query(4)->type, DNS_TYPE_TXT);
}

TEST(letters_take_their_value_with_or_without_a_blank, "")
{
	assert_int_equal(parse("-p5353 -tMX -c ch -q a.example"), DIG_GO);
	assert_int_equal(args.port, 5353);
	assert_string_equal(query(0)->name, "a.example");
	assert_int_equal(query(0)->type, DNS_TYPE_MX);
	assert_int_equal(query(0)->class, DNS_CLASS_CH);
	assert_int_equal(parse("-4ru -p 54 b.example"), DIG_GO);
	assert_true(args.usec && args.no_rc);
	assert_int_equal(args.port, 54);
}

TEST(after_t_or_q_bare_words_are_names, "")
{
	assert_int_equal(parse("-t mx a"), DIG_GO);
	assert_string_equal(query(0)->name, "a");
	assert_int_equal(query(0)->type, DNS_TYPE_MX);
	assert_int_equal(parse("-q mx"), DIG_GO);
	assert_string_equal(query(1)->name, "mx");
}

TEST(abbreviations_that_begin_one_name, "")
{
	static const char *const good[] = {
		"+ad",	 "+add",  "+ans",   "+auth", "+buf=512", "+cd",	  "+cl",    "+cm",
		"+com",	 "+coo",  "+cr",    "+dnss", "+do",	 "+edns", "+ide",   "+ig",
		"+js",	 "+mult", "+ndo=2", "+nsi",  "+qr",	 "+qu",	  "+rec",   "+ret=1",
		"+rr",	 "+sea",  "+shor",  "+sp=8", "+st",	 "+tc=",  "+ti=1",  "+tra",
		"+tr=1", "+ttl",  "+ttlu",  "+unk",  "+vc",	 "+al",	  "+expla", "+ca",
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		/* "+tr" begins trace and tries, "+tc" tcp and tcflag: those two are refused, as dig does. */
		bool refused = strcmp(good[i], "+tr=1") == 0 || strcmp(good[i], "+tc=") == 0;
		int status = parse(good[i]);
		if (status != (refused ? DIG_USAGE : DIG_GO))
			fail_msg("%s: %d", good[i], status);
	}
	assert_int_equal(parse("+NoRecurse a.example"), DIG_GO);
	assert_false(query(0)->recurse);
}

TEST(no_forms_of_display_options, "")
{
	assert_int_equal(parse("+noall +answer a.example"), DIG_GO);
	assert_true(query(0)->answer);
	assert_false(query(0)->question || query(0)->comments || query(0)->authority ||
		     query(0)->additional || query(0)->stats);
	assert_int_equal(parse("+nottlid +nocl +nocrypto +nosplit b.example"), DIG_GO);
	assert_false(query(1)->ttl || query(1)->class_shown || query(1)->crypto);
	assert_int_equal(query(1)->split, 0);
}

TEST(short_is_every_querys_wherever_it_stands, "")
{
	assert_int_equal(parse("a.example +short"), DIG_GO);
	assert_true(args.brief);
	assert_false(args.cmd);
}

TEST(trace_sets_what_a_name_server_would_ask_with, "")
{
	assert_int_equal(parse("+trace a.example"), DIG_GO);
	assert_true(query(0)->trace && query(0)->dnssec && query(0)->identify);
	assert_false(query(0)->recurse || query(0)->comments || query(0)->stats);
	assert_int_equal(parse("+hints=/etc/hints b.example"), DIG_GO);
	assert_string_equal(args.hints, "/etc/hints");
}

TEST(search_list_is_asked_for_by_several_names, "")
{
	assert_int_equal(
		parse("w +search x +showsearch y +domain=example.com z +defname +nosearch"),
		DIG_GO);
	assert_true(query(0)->search && !query(0)->show_search);
	assert_true(query(1)->search && query(1)->show_search);
	assert_true(query(2)->search);
	assert_string_equal(query(2)->domain, "example.com");
	assert_false(query(3)->search);
}

TEST(edns_options_are_collected, "")
{
	static const uint8_t want[] = {0, 3,   0, 0,	0,    8,    0, 7, 0,	1,   20,
				       0, 192, 0, 0x20, 0xff, 0xfe, 0, 2, 0xab, 0xcd};
	assert_int_equal(parse("+nsid +subnet=192.0.47.255/20 +ednsopt=65534:abcd a.example"),
			 DIG_GO);
	assert_int_equal(query(0)->options_len, sizeof want);
	assert_memory_equal(query(0)->options, want, sizeof want);
	assert_int_equal(parse("b.example +nonsid +noednsopt +subnet=2001:db8::/32"), DIG_GO);
	assert_int_equal(query(1)->options_len, 4 + 4 + 4);
	assert_int_equal(query(1)->options[5], 2);
	assert_int_equal(parse("c.example +cookie=0123456789abcdef +noednsopt +subnet=0"), DIG_GO);
	assert_int_equal(query(2)->options_len, 8);
}

TEST(cookie_of_ones_own, "")
{
	assert_int_equal(parse("a.example +cookie=0123456789abcdef"), DIG_GO);
	assert_false(query(0)->cookie);
	assert_int_equal(parse("+cookie=012 b.example"), DIG_USAGE);
	assert_int_equal(parse("c.example +nocookie"), DIG_GO);
	assert_false(query(1)->cookie);
}

TEST(numbers_out_of_range_are_refused_in_digs_words, "")
{
	assert_int_equal(parse("+time=abc a.example"), DIG_INTERNAL);
	assert_non_null(strstr(said, "invalid timeout 'abc': not a valid number\n"
				     "dig: Couldn't parse timeout\n"));
	assert_int_equal(parse("+bufsize=99999 a.example"), DIG_INTERNAL);
	assert_non_null(strstr(said, "invalid buffer size '99999': out of range\n"));
	assert_int_equal(parse("-p 99999 a.example"), DIG_USAGE);
	assert_int_equal(parse("+tries=99999999999999999999 a.example"), DIG_INTERNAL);
	assert_int_equal(parse("+tries=-1 a.example"), DIG_INTERNAL);
	assert_int_equal(args.nqueries, 0);
}

TEST(times_and_tries_below_one_are_one, "")
{
	assert_int_equal(parse("+time=0 +tries=0 a.example b.example +retry=4"), DIG_GO);
	assert_int_equal(args.timeout_s, 1);
	assert_int_equal(query(0)->tries, 1);
	assert_int_equal(query(1)->tries, 5);
}

TEST(unknown_options_are_refused_with_the_usage, "")
{
	static const char *const bad[] = {"+foo", "+",	   "-z",   "-",	 "-p",	"+tries",
					  "+no",  "+time", "+exp", "+e", "--x", "+notime=1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (parse(bad[i]) != DIG_USAGE)
			fail_msg("%s is taken", bad[i]);
	}
	assert_non_null(strstr(said, "Invalid option: +foo\nUsage:"));
	assert_non_null(strstr(said, "Invalid option: -z\nUsage:"));
}

TEST(what_dig_has_and_we_do_not_is_said_so, "")
{
	static const char *const bad[] = {"+tls",   "+https",	  "+yaml", "+nssearch",
					  "+zflag", "+padding=8", "-6",	   "-b 1",
					  "-y k:s", "-k f",	  "axfr",  "-t ixfr=7"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (parse(bad[i]) != DIG_USAGE)
			fail_msg("%s is taken", bad[i]);
	}
	assert_null(strstr(said, "Usage:"));
	/* Not to have it is what we do. */
	assert_int_equal(parse("+notls +noyaml +nozflag a.example"), DIG_GO);
}

TEST(unknown_types_are_warned_of_and_passed_over, "")
{
	assert_int_equal(parse("-t FOO -c BAR a.example"), DIG_GO);
	assert_string_equal(said, ";; Warning, ignoring invalid type FOO\n"
				  ";; Warning, ignoring invalid class BAR\n");
	assert_int_equal(query(0)->type, DNS_TYPE_A);
	assert_int_equal(parse("a mx b.example"), DIG_GO);
	assert_non_null(strstr(said, ";; Warning, extra type option\n"));
	assert_int_equal(query(1)->type, DNS_TYPE_MX);
}

TEST(batch_line_has_its_own_options, "")
{
	assert_int_equal(parse("-f names +tcp @192.0.2.53"), DIG_GO);
	assert_string_equal(args.batch, "names");
	assert_int_equal(words(DIG_BATCH_LINE, "@192.0.2.54 +notcp a.example mx"), DIG_GO);
	assert_int_equal(words(DIG_BATCH_LINE, "-f other b.example"), DIG_GO);
	assert_string_equal(query(0)->server, "192.0.2.54");
	assert_false(query(0)->tcp);
	assert_int_equal(query(0)->type, DNS_TYPE_MX);
	assert_string_equal(query(1)->server, "192.0.2.53");
	assert_true(query(1)->tcp);
	assert_string_equal(args.batch, "names");
	dig_args_forget(&args, 1);
	assert_int_equal(args.nqueries, 1);
	assert_int_equal(words(DIG_BATCH_LINE, "+short"), DIG_GO);
	assert_int_equal(args.nqueries, 1);
}

TEST(rc_line_holds_for_all_and_names_nothing, "")
{
	assert_int_equal(words(DIG_RC_LINE, "+noall +answer stray"), DIG_GO);
	assert_int_equal(args.nqueries, 0);
	assert_int_equal(parse("a.example"), DIG_GO);
	assert_false(query(0)->comments);
}

TEST(names_that_no_room_is_for_are_refused, "")
{
	char name[DIG_NAME_MAX + 10];
	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = 0;
	assert_int_equal(parse(name), DIG_INTERNAL);
	char server[2 + DIG_SERVER_MAX];
	memset(server, 'a', sizeof server);
	server[0] = '@';
	server[sizeof server - 1] = 0;
	assert_int_equal(parse(server), DIG_USAGE);
	assert_int_equal(parse("@ a.example"), DIG_USAGE);
	assert_non_null(strstr(said, "dig: couldn't get address for '': not found\n"));
}

TEST(help_and_version_end_at_once, "")
{
	assert_int_equal(parse("-v +foo"), 0);
	assert_non_null(strstr(said, "DiG tapir-"));
	assert_false(help);
	assert_int_equal(parse("-h +foo"), 0);
	assert_true(help);
}

TEST(many_names_on_one_line, "")
{
	char name[32];
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "n%u.example", i);
		assert_int_equal(parse(name), DIG_GO);
	}
	assert_int_equal(args.nqueries, 300);
	assert_string_equal(query(299)->name, "n299.example");
}

TEST(what_is_quoted_tells_a_terminal_nothing, "")
{
	static const char *const bad[] = {
		"+\033[2J",	      "-\033[2J",	 "+time=\033[2J",     "+subnet=\033[2J",
		"+ednsopt=1:\033[2J", "+cookie=\033[2J", "+ednsopt=\033[2J",  "ixfr=\033[2J",
		"-p \302\2332J",      "-t \2332J",	 "-c \177\001\2332J",
	};
	char shown[DIG_SHOWN_MAX], text[2 * DIG_SHOWN_MAX];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		parse(bad[i]);
		assert_non_null(strstr(said, "?"));
	}
	for (const char *c = said; *c; c++)
		assert_true((*c >= ' ' && *c < 0x7f) || *c == '\n');
	assert_string_equal(dig_shown("b\303\274cher.\342\202\254 \360\237\230\200", shown),
			    "b\303\274cher.\342\202\254 \360\237\230\200");
	assert_string_equal(dig_shown("\302\233\303 \342\202", shown), "??? ??");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_in_range(strlen(dig_shown(text, shown)), 1000, DIG_SHOWN_MAX - 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(name_alone_asks_for_its_address),
		T(nothing_asks_for_the_roots_servers),
		T(type_and_class_stand_before_or_behind_the_name),
		T(options_before_the_first_name_are_every_querys),
		T(greeting_stands_with_the_first_query_of_a_line),
		T(servers_behind_the_first_name_are_not_counted),
		T(no_greeting_is_kept_where_nocmd_or_short_stood_before),
		T(reverse_names_of_both_families),
		T(letters_take_their_value_with_or_without_a_blank),
		T(after_t_or_q_bare_words_are_names),
		T(abbreviations_that_begin_one_name),
		T(no_forms_of_display_options),
		T(short_is_every_querys_wherever_it_stands),
		T(trace_sets_what_a_name_server_would_ask_with),
		T(search_list_is_asked_for_by_several_names),
		T(edns_options_are_collected),
		T(cookie_of_ones_own),
		T(numbers_out_of_range_are_refused_in_digs_words),
		T(times_and_tries_below_one_are_one),
		T(unknown_options_are_refused_with_the_usage),
		T(what_dig_has_and_we_do_not_is_said_so),
		T(unknown_types_are_warned_of_and_passed_over),
		T(batch_line_has_its_own_options),
		T(rc_line_holds_for_all_and_names_nothing),
		T(names_that_no_room_is_for_are_refused),
		T(help_and_version_end_at_once),
		T(many_names_on_one_line),
		T(what_is_quoted_tells_a_terminal_nothing),
	};
	return tapir_test_run("unit/apps/test_dig_args", tests);
}
