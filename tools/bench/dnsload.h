/*
 * What the three clients of `make bench-dns` have in common: so many lookups of names that nobody has cached, so many under way
 * at a time, timed from the first to the last; and the line that tells of it.
 */
#ifndef TAPIR_TOOLS_BENCH_DNSLOAD_H
#define TAPIR_TOOLS_BENCH_DNSLOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct load {
	unsigned total, outstanding; /* wanted */
	unsigned begun, ended, lost; /* lost: ended without the address */
	unsigned base;		     /* of the names, so that no two runs share one */
	unsigned gap_ms;	     /* between lookups, one after the other */
	uint64_t *began_ns, *took_ns;
	uint64_t start_ns, end_ns;
};

static inline uint64_t load_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* TOTAL OUTSTANDING [GAP_MS] */
static inline void load_init(struct load *l, char **argv)
{
	memset(l, 0, sizeof(*l));
	l->total = (unsigned)atoi(argv[0]);
	l->outstanding = (unsigned)atoi(argv[1]);
	l->gap_ms = argv[2] ? (unsigned)atoi(argv[2]) : 0;
	l->base = (unsigned)(load_clock() >> 10);
	l->began_ns = calloc(l->total + 1u, sizeof(*l->began_ns));
	l->took_ns = calloc(l->total + 1u, sizeof(*l->took_ns));
	if (!l->total || !l->outstanding || !l->began_ns || !l->took_ns) {
		fprintf(stderr, "TOTAL OUTSTANDING [GAP_MS]\n");
		exit(2);
	}
	l->start_ns = load_clock();
}

static inline void load_name(const struct load *l, unsigned i, char out[64])
{
	snprintf(out, 64, "n%u-%u.bench.test", l->base, i);
}

static inline int load_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* lookups a second, lost, and in microseconds: the first, median, 99th of 100, worst, the process's CPU time of each. */
static inline void load_tell(struct load *l)
{
	uint64_t first = l->took_ns[0];
	struct rusage used;
	double cpu;

	l->end_ns = load_clock();
	getrusage(RUSAGE_SELF, &used);
	cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
	      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	qsort(l->took_ns, l->total, sizeof(*l->took_ns), load_order);
	printf("%.0f\t%u\t%.0f\t%.0f\t%.0f\t%.0f\t%.2f\n",
	       l->total / ((double)(l->end_ns - l->start_ns) / 1e9), l->lost, (double)first / 1e3,
	       (double)l->took_ns[l->total / 2] / 1e3,
	       (double)l->took_ns[l->total / 100 * 99] / 1e3,
	       (double)l->took_ns[l->total - 1] / 1e3, cpu / l->total);
}

#endif
