#ifndef TAPIR_TESTS_SUPPORT_TEST_NOTE_H
#define TAPIR_TESTS_SUPPORT_TEST_NOTE_H

/* What to print should the process die now (a panic, a sanitizer's report, the runner's time-out), such as the
 * seed of a simulation; NULL: nothing. */
extern _Thread_local const char *tapir_test_note;

#endif
