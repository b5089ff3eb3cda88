/*
 * For the tests of RFC 9293 3.10.7 state by state: each synchronized state, reached both ways, and a look at all
 * of a connection that a segment could change.
 */
#ifndef TAPIR_TESTS_UNIT_TCP_STATES_H
#define TAPIR_TESTS_UNIT_TCP_STATES_H

#include "tests/support/tcpfix.h"

static const enum tapir_tcp_state synced[] = {
	TAPIR_TCP_ESTABLISHED, TAPIR_TCP_FIN_WAIT_1, TAPIR_TCP_FIN_WAIT_2,
	TAPIR_TCP_CLOSE_WAIT,  TAPIR_TCP_CLOSING,    TAPIR_TCP_LAST_ACK,
};

enum { N_SYNCED = sizeof(synced) / sizeof(synced[0]) };

/* for each synchronized state, reached both ways: f is open and in it */
#define EACH_SYNCED(f, i, how)                                                       \
	for (unsigned i = 0; i < N_SYNCED; i++)                                      \
		for (int how = 0; how < 2 && begin(f, synced[i], (enum tf_open)how); \
		     tf_close(f), how++)

static inline bool begin(struct tf *f, enum tapir_tcp_state s, enum tf_open how)
{
	tf_open(f);
	tf_to(f, s, how);
	return true;
}

/* The window that we have advertised. */
static inline uint32_t window(struct tf *f)
{
	return tf_info(f).rcv_wnd;
}

/* Everything about a connection that a segment could change. */
struct whole {
	struct tapir_tcp_info info;
	int poll;
};

static inline struct whole look(struct tf *f)
{
	struct whole w;

	memset(&w, 0, sizeof(w));
	w.info = tf_info(f);
	w.poll = tapir_poll(f->w.t, f->s);

	/* Counters of segments change with every one. */
	w.info.segs_in = w.info.segs_out = w.info.data_segs_in = 0;
	w.info.ato = 0;
	return w;
}

static inline void assert_untouched(struct tf *f, const struct whole *before)
{
	struct whole now = look(f);

	assert_memory_equal(&now, before, sizeof(now));
}

#endif
