#ifndef TAPIR_TESTS_SUPPORT_PDPLAY_H
#define TAPIR_TESTS_SUPPORT_PDPLAY_H

/*
 * Plays a packet script through tapir-packetdrill.so, in packetdrill's own way: two threads, its order of waiting,
 * locking and reading the clock.
 */
#include <stdio.h>

#include "tests/support/script.h"
#include "tools/packetdrill/packetdrill_interface.h"

enum play_result { PLAY_OK, PLAY_FAILED, PLAY_SKIPPED };

/*
 * What of a script the hook, or packetdrill's language, does not have; NULL: it can be played. Assertions on counters
 * and states that only our own runner can see are left out of the play and counted in *left_out.
 */
const char *play_cannot(const struct script *s, unsigned *left_out);

/*
 * Another stack behind the same table, in real time (tools/kernel-diff): what fills the table, and up to when
 * netdev_receive waits, in us of its gettimeofday.
 */
struct play_target {
	packetdrill_interface_init_fn *init;
	long long *receive_until_us;
	long long tolerance_us;
	/*
	 * Where not NULL: nothing is expected; the script's calls and its peer's segments happen at their times, as if
	 * nothing else did, and here goes the script with what the stack did.
	 */
	FILE *record;
	long long record_us; /* how long, after the last event */
};

/* As play_script(), on another stack; its network namespace is the process's own and has its addresses. */
enum play_result play_script_on(struct script *s, const struct play_target *on);

/* Plays it. The process should have a network namespace of its own (`own_netns`), for the settings. */
enum play_result play_script(struct script *s, bool own_netns);

#endif
