/*
 * The life of the IPv4 layer's state: each part is made and ended by its own file, in the order of
 * their needs. Whatever was made in part is ended as well. There is no stack without ICMP (R1122-15):
 * tapir_create() makes it right after this.
 */
#include <errno.h>

#include "stack/ip/ip.h"
#include "stack/ip/ip_state.h"
#include "stack/ip/pmtu.h"
#include "stack/ip/reass.h"

int ip_init(struct tapir *t)
{
	int err;

	t->ip = mem_zalloc(t, sizeof(*t->ip));
	if (!t->ip)
		return -ENOMEM;
	if ((err = route_init(t)) || (err = pmtu_init(t)) || (err = ipid_init(t)) ||
	    (err = reass_init(t)))
		return err;
	return 0;
}

void ip_fini(struct tapir *t)
{
	if (!t->ip)
		return;
	reass_fini(t);
	ipid_fini(t);
	pmtu_fini(t);
	route_fini(t);
	mem_free(t, t->ip, sizeof(*t->ip));
	t->ip = NULL;
}

void ip_check(struct tapir *t)
{
	route_check(t);
	pmtu_check(t);
	reass_check(t);
}
