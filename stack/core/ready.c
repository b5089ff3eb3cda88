/*
 * Readiness: edges, merged.
 *
 * A node is on the list when bits wait in it. Marking ors bits in and joins the end of the list if the
 * node is not on it, so that a pop takes sockets in the order in which they became ready and each one
 * once. What is marked after the pop makes a new edge. Bits that the owner does not want are never
 * stored; errors and hang-ups always are.
 */
#include "stack/core/ready.h"
#include "stack/core/instance.h"

#define READY_ALWAYS ((uint16_t)(TAPIR_ERR | TAPIR_HUP))
#define READY_ALL    (TAPIR_IN | TAPIR_PRI | TAPIR_OUT | TAPIR_ERR | TAPIR_HUP | (uint32_t)TAPIR_RDHUP)

void ready_list_init(struct ready_list *l)
{
	list_init(&l->head);
}

void ready_init(struct ready *r, tapir_sock_t sock)
{
	list_init(&r->link);
	r->cookie = 0;
	r->sock = sock;
	r->bits = 0;
	r->interest = READY_ALWAYS;
}

void ready_mark(struct tapir *t, struct ready *r, uint32_t bits)
{
	bits &= r->interest;
	if (bits == 0 || r->sock == 0)
		return;
	r->bits |= (uint16_t)bits;
	if (!list_linked(&r->link))
		list_add_tail(&t->ready.head, &r->link);
}

void ready_interest(struct ready *r, uint32_t bits, uint64_t cookie)
{
	r->interest = (uint16_t)((bits & READY_ALL) | READY_ALWAYS);
	r->cookie = cookie;
	r->bits &= r->interest;
	if (r->bits == 0)
		list_del(&r->link);
}

void ready_end(struct ready *r)
{
	list_del(&r->link);
	r->sock = 0;
	r->bits = 0;
	r->interest = READY_ALWAYS;
}

size_t ready_pop(struct tapir *t, struct tapir_ready *out, size_t max)
{
	size_t n = 0;

	while (n < max) {
		struct list *l = list_pop(&t->ready.head);
		struct ready *r;

		if (!l)
			break;
		r = container_of(l, struct ready, link);
		out[n].sock = r->sock;
		out[n].bits = r->bits;
		out[n].cookie = r->cookie;
		r->bits = 0;
		n++;
	}
	return n;
}
