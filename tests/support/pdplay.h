#ifndef TAPIR_TESTS_SUPPORT_PDPLAY_H
#define TAPIR_TESTS_SUPPORT_PDPLAY_H

/*
 * Plays a packet script through tapir-packetdrill.so, in packetdrill's own way: two threads, its order of waiting,
 * locking and reading the clock.
 */
#include "tests/support/script.h"

enum play_result { PLAY_OK, PLAY_FAILED, PLAY_SKIPPED };

/*
 * What of a script the hook, or packetdrill's language, does not have; NULL: it can be played. Assertions on counters
 * and states that only our own runner can see are left out of the play and counted in *left_out.
 */
const char *play_cannot(const struct script *s, unsigned *left_out);

/* Plays it. The process should have a network namespace of its own (`own_netns`), for the settings. */
enum play_result play_script(struct script *s, bool own_netns);

#endif
