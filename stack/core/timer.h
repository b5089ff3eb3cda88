/*
 * Timers. The queue yields (kind, object): tapir_advance() switches on the kind, so that a timer of a
 * lower layer never calls up. Ties fire in the order in which they were set.
 */
#ifndef TAPIR_CORE_TIMER_H
#define TAPIR_CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/base/heap.h"
#include "stack/base/list.h"

struct tapir;

enum timer_kind {
	TIMER_NEIGH, /* struct neigh: link/neigh.c */
	TIMER_ARP,   /* struct ifaddr: probes and announcements, link/arp.c */
	TIMER_REASS, /* struct reass: ip/reass.c */
	TIMER_PMTU,  /* the table: ip/pmtu.c */
	TIMER_IGMP,  /* struct igmp_group, or an interface's general query: ip/igmp.c */
	TIMER_IGMP_IF,
	TIMER_TCP_CONN, /* struct tcp_conn: tcp/tcp_timer.c */
	TIMER_TCP_SYN,	/* struct tcp_syn_ent: tcp/tcp_syncache.c */
	TIMER_TCP_TW,	/* the TIME-WAIT FIFO: tcp/tcp_timewait.c */
	TIMER_KINDS
};

struct timer {
	struct heap_node node; /* in the queue; or, once collected as due, on the list below */
	struct list due;
	uint8_t kind; /* enum timer_kind */
};

struct timers {
	struct heap heap;
	struct list due; /* collected by timers_collect(), not fired yet */
};

void timers_init(struct timers *ts);
void timer_init(struct timer *tm, enum timer_kind kind);
/* (Re)arms for `deadline_ns`; a deadline in the past fires at the next advance. Never fails. */
void timer_set(struct tapir *t, struct timer *tm, uint64_t deadline_ns);
/* Disarms, collected or not. Must be done before its object is freed. */
void timer_stop(struct tapir *t, struct timer *tm);
bool timer_armed(const struct timer *tm);
uint64_t timer_deadline(const struct timer *tm); /* of an armed one */

/* Collects everything due by t->now_ns; then timers_pop() yields them one by one, disarmed. */
void timers_collect(struct tapir *t);
struct timer *timers_pop(struct tapir *t); /* NULL: none left */
/* The earliest deadline, or TAPIR_NEVER. */
uint64_t timers_next(const struct tapir *t);

#endif
