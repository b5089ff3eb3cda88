#include "stack/core/instance.h"
#include "stack/event.h"
#include "stack/stats.h"
#include "stack/tcp/tcp_passive.h"
#include "tests/support/test.h"

enum { NSTATES = TAPIR_TCP_CLOSING + 1 };

struct seen {
	unsigned n;
	struct tapir_event last;
};

static void on_event(void *ctx, const struct tapir_event *ev)
{
	struct seen *s = ctx;

	s->n++;
	s->last = *ev;
}

/* An instance with nothing but what a change of state looks at. */
static void bare(struct tapir *t, struct seen *s)
{
	*t = (struct tapir){.now_ns = 1000};
	*s = (struct seen){0};
	t->env.event = on_event;
	t->env.ctx = s;
}

/* RFC 9293 3.3.2, figure 5, and the falls to CLOSED: from, to. */
static const uint8_t drawn[][2] = {
	{TAPIR_TCP_CLOSED, TAPIR_TCP_LISTEN},
	{TAPIR_TCP_CLOSED, TAPIR_TCP_SYN_SENT},
	{TAPIR_TCP_CLOSED, TAPIR_TCP_SYN_RECEIVED}, /* a record becomes a connection */
	{TAPIR_TCP_LISTEN, TAPIR_TCP_SYN_RECEIVED},
	{TAPIR_TCP_LISTEN, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_SYN_SENT, TAPIR_TCP_SYN_RECEIVED},
	{TAPIR_TCP_SYN_SENT, TAPIR_TCP_ESTABLISHED},
	{TAPIR_TCP_SYN_SENT, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_ESTABLISHED},
	{TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_FIN_WAIT_1},
	{TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_LISTEN},
	{TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_ESTABLISHED, TAPIR_TCP_FIN_WAIT_1},
	{TAPIR_TCP_ESTABLISHED, TAPIR_TCP_CLOSE_WAIT},
	{TAPIR_TCP_ESTABLISHED, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_FIN_WAIT_2},
	{TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_CLOSING},
	{TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_TIME_WAIT},
	{TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_FIN_WAIT_2, TAPIR_TCP_TIME_WAIT},
	{TAPIR_TCP_FIN_WAIT_2, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_CLOSE_WAIT, TAPIR_TCP_LAST_ACK},
	{TAPIR_TCP_CLOSE_WAIT, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_CLOSING, TAPIR_TCP_TIME_WAIT},
	{TAPIR_TCP_CLOSING, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_LAST_ACK, TAPIR_TCP_CLOSED},
	{TAPIR_TCP_TIME_WAIT, TAPIR_TCP_CLOSED},
};

static bool is_drawn(unsigned from, unsigned to)
{
	for (size_t i = 0; i < sizeof(drawn) / sizeof(drawn[0]); i++) {
		if (drawn[i][0] == from && drawn[i][1] == to)
			return true;
	}
	return false;
}

static void must_panic(unsigned from, unsigned to)
{
	struct tapir t;
	struct seen s;
	struct tcp_ep ep = {.kind = TCP_EP_CONN, .state = (uint8_t)from};

	bare(&t, &s);
	assert_panics(tcp_set_state(&t, &ep, (enum tapir_tcp_state)to));
}

TEST(every_edge_of_the_drawing_is_open_and_every_other_panics, "")
{
	struct tapir t;
	struct seen s;

	for (unsigned from = 1; from < NSTATES; from++) {
		for (unsigned to = 1; to < NSTATES; to++) {
			struct tcp_ep ep = {.kind = TCP_EP_CONN, .state = (uint8_t)from};

			bare(&t, &s);
			t.stats.n[STAT_Tcp_CurrEstab] = 10;
			if (from == to || is_drawn(from, to)) {
				tcp_set_state(&t, &ep, (enum tapir_tcp_state)to);
				assert_int_equal(ep.state, to);
				assert_int_equal(s.n, from != to);
			} else {
				must_panic(from, to);
			}
		}
	}
}

TEST(a_change_is_told_with_both_states_and_both_ends, "")
{
	struct tapir t;
	struct seen s;
	struct tcp_ep ep = {.kind = TCP_EP_CONN, .state = TAPIR_TCP_CLOSED};

	bare(&t, &s);
	ep.tuple.laddr = tapir_addr_v4(0x0a000001);
	ep.tuple.lport = 1024;
	ep.tuple.raddr = tapir_addr_v4(0x0a000002);
	ep.tuple.rport = 80;
	tcp_set_state(&t, &ep, TAPIR_TCP_SYN_SENT);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.last.type, TAPIR_EV_TCP_STATE);
	assert_int_equal(s.last.u.state.from, TAPIR_TCP_CLOSED);
	assert_int_equal(s.last.u.state.to, TAPIR_TCP_SYN_SENT);
	assert_int_equal(s.last.local.port, 1024);
	assert_int_equal(s.last.peer.port, 80);
	assert_int_equal(s.last.time_ns, 1000);
}

TEST(a_record_that_takes_over_begins_silently, "")
{
	struct tapir t;
	struct seen s;
	struct tcp_ep ep = {.kind = TCP_EP_TW};

	bare(&t, &s);
	tcp_set_state(&t, &ep, TAPIR_TCP_TIME_WAIT);
	assert_int_equal(s.n, 0);
	assert_int_equal(ep.state, TAPIR_TCP_TIME_WAIT);
	ep.state = 0;
	assert_panics(tcp_set_state(&t, &ep, TAPIR_TCP_ESTABLISHED));
}

/* Walks ep through states; what the counters say is in t->stats. */
static void walk(struct tapir *t, enum tcp_ep_kind kind, const uint8_t *states, size_t n)
{
	struct tcp_ep ep = {.kind = (uint8_t)kind, .state = states[0]};

	for (size_t i = 1; i < n; i++)
		tcp_set_state(t, &ep, (enum tapir_tcp_state)states[i]);
}

#define WALK(t, kind, ...) \
	walk(t, kind, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

TEST(currestab_counts_established_and_close_wait, "")
{
	struct tapir t;
	struct seen s;

	bare(&t, &s);
	WALK(&t, TCP_EP_CONN, TAPIR_TCP_CLOSED, TAPIR_TCP_SYN_SENT, TAPIR_TCP_ESTABLISHED);
	assert_int_equal(t.stats.n[STAT_Tcp_CurrEstab], 1);
	WALK(&t, TCP_EP_CONN, TAPIR_TCP_ESTABLISHED, TAPIR_TCP_CLOSE_WAIT);
	assert_int_equal(t.stats.n[STAT_Tcp_CurrEstab], 1);
	WALK(&t, TCP_EP_CONN, TAPIR_TCP_CLOSE_WAIT, TAPIR_TCP_LAST_ACK, TAPIR_TCP_CLOSED);
	assert_int_equal(t.stats.n[STAT_Tcp_CurrEstab], 0);
	assert_int_equal(t.stats.n[STAT_Tcp_EstabResets], 0);
	assert_int_equal(t.stats.n[STAT_Tcp_ActiveOpens], 1);
}

TEST(a_fall_from_established_counts_as_reset, "")
{
	struct tapir t;
	struct seen s;

	bare(&t, &s);
	WALK(&t, TCP_EP_CONN, TAPIR_TCP_CLOSED, TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_ESTABLISHED,
	     TAPIR_TCP_CLOSED);
	assert_int_equal(t.stats.n[STAT_Tcp_EstabResets], 1);
	assert_int_equal(t.stats.n[STAT_Tcp_CurrEstab], 0);
	assert_int_equal(t.stats.n[STAT_Tcp_PassiveOpens], 1);
	assert_int_equal(t.stats.n[STAT_Tcp_AttemptFails], 0);
	/* A close that took its course does not. */
	WALK(&t, TCP_EP_CONN, TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_FIN_WAIT_2, TAPIR_TCP_TIME_WAIT,
	     TAPIR_TCP_CLOSED);
	assert_int_equal(t.stats.n[STAT_Tcp_EstabResets], 1);
}

TEST(an_opening_that_fails_counts_as_attempt, "")
{
	struct tapir t;
	struct seen s;

	bare(&t, &s);
	WALK(&t, TCP_EP_CONN, TAPIR_TCP_CLOSED, TAPIR_TCP_SYN_SENT, TAPIR_TCP_CLOSED);
	assert_int_equal(t.stats.n[STAT_Tcp_AttemptFails], 1);
	WALK(&t, TCP_EP_SYN, TAPIR_TCP_LISTEN, TAPIR_TCP_SYN_RECEIVED, TAPIR_TCP_LISTEN);
	assert_int_equal(t.stats.n[STAT_Tcp_AttemptFails], 2);
	/* The SYN alone is no passive open yet. */
	assert_int_equal(t.stats.n[STAT_Tcp_PassiveOpens], 0);
}

TEST(every_state_has_its_name_of_the_rfc, "")
{
	assert_string_equal(tapir_tcp_state_name(TAPIR_TCP_SYN_RECEIVED), "SYN-RECEIVED");
	assert_string_equal(tapir_tcp_state_name(TAPIR_TCP_FIN_WAIT_1), "FIN-WAIT-1");
	assert_string_equal(tapir_tcp_state_name(TAPIR_TCP_TIME_WAIT), "TIME-WAIT");
	assert_string_equal(tapir_tcp_state_name((enum tapir_tcp_state)99), "?");
	for (unsigned i = 1; i < NSTATES; i++) {
		for (unsigned k = 1; k < i; k++)
			assert_string_not_equal(tapir_tcp_state_name((enum tapir_tcp_state)i),
						tapir_tcp_state_name((enum tapir_tcp_state)k));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_edge_of_the_drawing_is_open_and_every_other_panics),
		cmocka_unit_test(a_change_is_told_with_both_states_and_both_ends),
		cmocka_unit_test(a_record_that_takes_over_begins_silently),
		cmocka_unit_test(currestab_counts_established_and_close_wait),
		cmocka_unit_test(a_fall_from_established_counts_as_reset),
		cmocka_unit_test(an_opening_that_fails_counts_as_attempt),
		cmocka_unit_test(every_state_has_its_name_of_the_rfc),
	};

	return tapir_test_run("unit/tcp/test_state", tests);
}
