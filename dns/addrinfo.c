/*
 * From a name to addresses, as POSIX wants them (D1034-6).
 *
 * One query with two legs, A and AAAA, walks the search list once (lookup.c); here its end becomes dns_addrs: the records of
 * both at the end of their chains, at most DNS_ADDRS_MAX, sorted by RFC 6724. Which source address the stack would use
 * for each destination is asked of the stack itself, by connecting a datagram socket, which sends nothing. The stack is IPv4's alone, so an
 * IPv6 address has no source and goes behind; AI_ADDRCONFIG leaves them out, and the question with them.
 *
 * A name that is given to programs is a host's (DN-13): letters, digits, hyphens, underscores. Another is refused before it is asked
 * for (DNS_EAI_NONAME), and an answer whose chain ends in another is refused too (DNS_EAI_FAIL), as glibc does.
 */
#include <errno.h>

#include "dns/resolver.h"
#include "stack/netif.h"

enum { INTERFACES = 32 };

static int eai_of(enum dns_status s)
{
	switch (s) {
	case DNS_OK:
		return DNS_EAI_OK;
	case DNS_NODATA:
		return DNS_EAI_NODATA;
	case DNS_NXDOMAIN:
	case DNS_BADNAME:
		return DNS_EAI_NONAME;
	case DNS_SERVFAIL:
	case DNS_REFUSED:
	case DNS_TIMEOUT:
	case DNS_UNREACHABLE:
	case DNS_BADREPLY:
	case DNS_NOSERVER:
		return DNS_EAI_AGAIN;
	case DNS_FORMERR:
	case DNS_NOTIMP:
	case DNS_RCODE:
	case DNS_LOOP:
	case DNS_CANCELLED:
		return DNS_EAI_FAIL;
	case DNS_NOMEM:
		return DNS_EAI_MEMORY;
	}
	return DNS_EAI_FAIL;
}

/* --- sources --- */

/* The source address that the stack would use for each; any: it can't be reached. */
static void sources(struct dns *d, const struct tapir_addr *dst, struct tapir_addr *src, unsigned n)
{
	tapir_sock_t s = tapir_socket(d->t, TAPIR_AF_INET, TAPIR_DGRAM, 0);

	memset(src, 0, n * sizeof(*src));
	if (s < 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		struct tapir_sockaddr to = {.addr = dst[i], .port = 9}, own;

		if (!tapir_addr_is_v4(&dst[i]) || tapir_addr_is_any(&dst[i]))
			continue;
		if (tapir_connect(d->t, s, &to) == 0 && tapir_getsockname(d->t, s, &own) == 0)
			src[i] = own.addr;
	}
	tapir_close(d->t, s);
}

/* AI_ADDRCONFIG: an address besides the loopback's is configured. */
static bool has_ip4(const struct dns *d)
{
	struct tapir_ifaddr a;

	for (int i = TAPIR_LOOPBACK + 1; i < INTERFACES; i++) {
		for (unsigned k = 0; tapir_addr_get(d->t, i, k, &a) == 0; k++) {
			if (a.state == TAPIR_ADDR_VALID)
				return true;
		}
	}
	return false;
}

/* --- the result --- */

static void add_leg(struct dns *d, struct dns_addrs *a, const struct leg *l)
{
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;

	if (l->found.status != DNS_OK || dns_msg_decode(&m, l->found.msg, l->found.len, NULL) < 0)
		return;
	for (dns_rr_begin(&m, &it); dns_rr_next(&m, &it, &rr) && a->n < DNS_ADDRS_MAX;) {
		struct dns_addr *to = &a->addr[a->n];

		if (rr.section != DNS_ANSWER || rr.type != l->q.type ||
		    !dns_name_eq(&rr.name, &l->found.target))
			continue;
		int n = dns_rdata_expand(&m, &rr, d->rdata, DNS_MSG_MAX);
		if (n < 0 || dns_rdata_addr(rr.type, d->rdata, (size_t)n, &to->addr) < 0)
			continue;
		to->family = rr.type == DNS_TYPE_A ? DNS_AF_INET : DNS_AF_INET6;
		a->n++;
	}
}

/* D1123-15: the lengths of the sources' prefixes, by which an address on a connected network goes before others. */
static void prefixes(const struct dns *d, const struct tapir_addr *src, uint8_t *len, unsigned n)
{
	struct tapir_ifaddr a;

	memset(len, 0, n);
	for (int i = TAPIR_LOOPBACK; i < INTERFACES; i++)
		for (unsigned k = 0; tapir_addr_get(d->t, i, k, &a) == 0; k++)
			for (unsigned s = 0; s < n; s++)
				if (tapir_addr_eq(&src[s], &a.addr))
					len[s] = a.prefix_len;
}

/* RFC 6724: the order, with each address's family going along. */
static void sort(struct dns *d, struct dns_addrs *a)
{
	struct tapir_addr dst[DNS_ADDRS_MAX], src[DNS_ADDRS_MAX];
	uint8_t len[DNS_ADDRS_MAX];
	int family[DNS_ADDRS_MAX];

	if (a->n < 2)
		return;
	for (unsigned i = 0; i < a->n; i++)
		dst[i] = a->addr[i].addr;
	sources(d, dst, src, a->n);
	prefixes(d, src, len, a->n);
	/* the families are told again by the addresses: an AAAA record may hold a mapped address, so equal ones are looked for */
	for (unsigned i = 0; i < a->n; i++)
		family[i] = a->addr[i].family;
	dns_sort_prefixes(dst, src, len, a->n);
	for (unsigned i = 0; i < a->n; i++) {
		unsigned k = i;

		while (k < a->n && !tapir_addr_eq(&a->addr[k].addr, &dst[i]))
			k++;
		if (k == a->n)
			break;
		struct dns_addr one = {a->addr[k].addr, family[k]};
		memmove(&a->addr[i + 1], &a->addr[i], (k - i) * sizeof(a->addr[0]));
		memmove(&family[i + 1], &family[i], (k - i) * sizeof(family[0]));
		a->addr[i] = one;
		family[i] = one.family;
	}
}

/* Leaves out what family and flags do not want. */
static void want(const struct query *q, struct dns_addrs *a)
{
	bool v6 = false;
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++)
		v6 |= a->addr[i].family == DNS_AF_INET6;
	for (unsigned i = 0; i < a->n; i++) {
		struct dns_addr *one = &a->addr[i];

		if (q->ai_family == DNS_AF_INET6 && one->family == DNS_AF_INET) {
			/* V4MAPPED: where there is no IPv6 address, or ALL of both are wanted */
			if (!(q->ai_flags & DNS_AI_V4MAPPED) || (v6 && !(q->ai_flags & DNS_AI_ALL)))
				continue;
			one->family = DNS_AF_INET6;
		}
		a->addr[n++] = *one;
	}
	a->n = n;
}

static void fill(struct dns *d, struct query *q, struct dns_addrs *a)
{
	const struct leg *best = &q->leg[0];

	a->status = query_status(q);
	for (unsigned i = 0; i < q->nlegs; i++) {
		add_leg(d, a, &q->leg[i]);
		a->story[i] = leg_story(d, &q->leg[i], i);
		if (q->leg[i].found.status == a->status && best->found.status != a->status)
			best = &q->leg[i];
	}
	a->eai = eai_of(a->status);
	a->source = best->found.source;
	a->ede = best->found.ede;
	if (best->fetch && a->ede >= 0 && a->ede == best->fetch->found.ede)
		memcpy(a->ede_text, best->fetch->ede_text, sizeof(a->ede_text));
	if (a->eai)
		return;
	a->canonical = best->found.target;
	a->has_canonical = true;
	/* DN-13: what is no host's name is nothing for programs, which would put it into a log, a page or a command */
	if (!dns_name_is_host(&a->canonical)) {
		a->eai = DNS_EAI_FAIL;
		a->has_canonical = false;
		a->n = 0;
		return;
	}
	want(q, a);
	sort(d, a);
	if (a->n == 0) {
		a->eai = DNS_EAI_NODATA;
		a->status = DNS_NODATA;
	}
}

void addrs_deliver(struct dns *d, struct query *q)
{
	struct dns_addrs *a = &d->addrs;

	memset(a, 0, sizeof(*a));
	a->ede = -1;
	a->took_ns = q->over_ns - q->began_ns;
	if (q->nlegs) {
		fill(d, q, a);
	} else {
		a->eai = q->ai_eai;
		a->status = q->ai_literal ? DNS_OK : DNS_NXDOMAIN;
		a->source = DNS_FROM_ADDRESS;
		if (q->ai_literal) {
			a->addr[a->n++] = q->literal;
			a->canonical = q->name;
			a->has_canonical = q->name.len > 0;
		}
	}
	q->addrs_done(q->ctx, q->id, a);
}

/* --- asking --- */

/* An address given as a text, in the family that is wanted: 0 or what is wrong with it. */
static int literal(const struct dns_addrs_query *in, struct dns_addr *a)
{
	if (in->family == DNS_AF_UNSPEC || in->family == a->family)
		return DNS_EAI_OK;
	if (in->family == DNS_AF_INET6 && (in->flags & DNS_AI_V4MAPPED)) {
		a->family = DNS_AF_INET6;
		return DNS_EAI_OK;
	}
	return DNS_EAI_ADDRFAMILY;
}

/* Which records are asked for: bit 0 A, bit 1 AAAA. */
static unsigned types(const struct dns *d, const struct dns_addrs_query *in)
{
	unsigned t = in->family == DNS_AF_INET ? 1 : in->family == DNS_AF_INET6 ? 2 : 3;

	if (in->family == DNS_AF_INET6 && (in->flags & DNS_AI_V4MAPPED))
		t = 3;
	if (in->flags & DNS_AI_ADDRCONFIG)
		t &= has_ip4(d) ? 1 : 0;
	return t;
}

static int64_t begin(struct dns *d, const struct dns_addrs_query *in, unsigned nlegs,
		     struct query **out)
{
	int err = 0;
	struct query *q = query_new(d, nlegs, in->timeout_ms, &err);

	*out = q;
	if (!q)
		return err;
	q->class = DNS_CLASS_IN;
	q->flags = in->query_flags & ~(unsigned)DNS_Q_RAW;
	q->addrs_done = in->done;
	q->ctx = in->ctx;
	q->ai_family = in->family;
	q->ai_flags = in->flags;
	return q->id;
}

/* One that needs no question: `a` or an error. */
static int64_t at_once(struct dns *d, const struct dns_addrs_query *in, const struct dns_addr *a,
		       int eai)
{
	struct query *q;
	int64_t id = begin(d, in, 0, &q);

	if (!q)
		return id;
	q->ai_eai = eai;
	q->ai_literal = !eai && a;
	if (q->ai_literal) {
		q->literal = *a;
		dns_name_parse(&q->name, in->node, strlen(in->node), NULL);
	}
	query_finish(d, q);
	return id;
}

int64_t dns_addrs_query(struct dns *d, const struct dns_addrs_query *in)
{
	const int known = DNS_AI_PASSIVE | DNS_AI_CANONNAME | DNS_AI_NUMERICHOST | DNS_AI_V4MAPPED |
			  DNS_AI_ALL | DNS_AI_ADDRCONFIG | DNS_AI_NUMERICSERV;
	struct dns_name name;
	struct dns_addr a;
	bool absolute = false;
	struct query *q;

	if (!in->node || !in->done || (in->flags & ~known) ||
	    (in->family != DNS_AF_UNSPEC && in->family != DNS_AF_INET &&
	     in->family != DNS_AF_INET6))
		return -EINVAL;
	/* D1123-18: an address is looked for before a name is */
	if (dns_addr_parse(in->node, true, &a) == 0) {
		int eai = literal(in, &a);

		return at_once(d, in, &a, eai);
	}
	/* DN-07: a text that is no name, however long, is no name */
	if ((in->flags & DNS_AI_NUMERICHOST) ||
	    dns_name_parse(&name, in->node, strlen(in->node), &absolute) < 0 ||
	    !dns_name_is_host(&name))
		return at_once(d, in, NULL, DNS_EAI_NONAME);
	unsigned t = types(d, in);
	/* D6761-1: RFC 6761 6.3: localhost is the loopback, which is always there and no matter of ADDRCONFIG. */
	if (!t && in->family != DNS_AF_INET6 && dns_special(&name) == DNS_SPECIAL_LOCALHOST)
		t = 1;
	if (!t)
		return at_once(d, in, NULL, DNS_EAI_NONAME);
	int64_t id = begin(d, in, t == 3 ? 2 : 1, &q);
	if (!q)
		return id;
	q->name = name;
	/* D1123-20: a dot at the end says that the name is whole */
	if (!absolute)
		q->flags |= DNS_Q_SEARCH;
	else
		q->flags &= ~(unsigned)DNS_Q_SEARCH;
	q->leg[0].q.type = t & 1 ? DNS_TYPE_A : DNS_TYPE_AAAA;
	q->leg[0].q.class = DNS_CLASS_IN;
	if (q->nlegs == 2) {
		q->leg[1].q.type = DNS_TYPE_AAAA;
		q->leg[1].q.class = DNS_CLASS_IN;
	}
	query_begin(d, q);
	return q->id;
}
