/*
 * Instances in several threads, and signals at any moment: nothing is shared, so every run is what it is alone. Each
 * thread owns a world of two stacks (RS-06: the core has no state but the instance's, which belongs to one thread; a
 * handler that does not call in changes nothing). Under -fsanitize=thread the same program shows that nothing races.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "tests/support/sim.h"
#include "tests/support/test.h"

enum { THREADS = 4, SEEDS = 6 };

static atomic_ulong signals;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&signals, 1);
}

/* A word over all that two hosts said to each other. */
static uint64_t whole_run(uint64_t seed)
{
	struct sim_conf conf;
	struct sim *s;
	uint64_t hash;

	sim_conf_default(&conf, seed);
	conf.replay = "test_threads";
	conf.hash = true;
	conf.link.loss_ppm = 20000;
	conf.link.reorder_ppm = 20000;
	conf.link.reorder_ns = 3 * SIM_MS;
	s = sim_new(&conf);
	sim_bulk_pair(s, 1 << 20, 1 << 20, NULL);
	sim_assert(s, sim_run(s, 600 * SIM_S));
	hash = sim_hash(s);
	sim_free(s);
	return hash;
}

struct job {
	pthread_t thread;
	uint64_t hash[SEEDS];
};

static void *work(void *arg)
{
	struct job *j = arg;

	for (unsigned i = 0; i < SEEDS; i++)
		j->hash[i] = whole_run(1 + i);
	return NULL;
}

TEST(threads_and_signals_do_not_touch_an_instance, "RS-06")
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
	struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct job job[THREADS];
	uint64_t alone[SEEDS];

	for (unsigned i = 0; i < SEEDS; i++)
		alone[i] = whole_run(1 + i);
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned k = 0; k < THREADS; k++)
		assert_int_equal(pthread_create(&job[k].thread, NULL, work, &job[k]), 0);
	for (unsigned k = 0; k < THREADS; k++)
		assert_int_equal(pthread_join(job[k].thread, NULL), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_true(atomic_load(&signals) > 10);
	for (unsigned k = 0; k < THREADS; k++)
		for (unsigned i = 0; i < SEEDS; i++)
			assert_int_equal(job[k].hash[i], alone[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_and_signals_do_not_touch_an_instance),
	};

	return tapir_test_run("sim/test_threads", tests);
}
