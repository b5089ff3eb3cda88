/*
 * What is answered here, without a packet: addresses written as names, the hosts file, the special-use names.
 *
 * The order is that of the local sources of other systems: localhost is always this machine (RFC 6761 6.3), then comes the
 * hosts file, then the names that no server knows. Each answer is a message as a server would have sent it, made
 * with the encoder, so that whoever asked reads one form. TTLs are 0: asking again costs nothing and a changed file shows at once.
 *
 * A CNAME from the network may lead to such a name: then nothing of this machine is told (a stranger must not be able to
 * point at our loopback, our hosts file or our link), and nothing is sent either: there is no such name.
 */
#include <errno.h>

#include "dns/resolver.h"

enum { HOSTS_MAX = 64 /* addresses or names of one entry */ };

void own_empty(const struct dns_question *q, uint8_t rcode, uint8_t *out, struct found *f)
{
	struct dns_enc e;

	memset(f, 0, sizeof(*f));
	f->ede = -1;
	f->source = DNS_FROM_SPECIAL;
	f->status = rcode == DNS_RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
	f->target = q->name;
	if (dns_enc_begin(&e, out, DNS_MSG_MAX, 0, DNS_QR | DNS_RD | DNS_RA, 0, rcode) < 0 ||
	    dns_enc_question(&e, &q->name, q->type, q->class) < 0)
		return;
	f->msg = out;
	f->len = e.len;
}

/* --- messages with records --- */

struct own {
	struct dns_enc e;
	struct dns_name owner; /* of the records: the question's, or what its CNAME says */
	unsigned n;
};

static void own_begin(struct own *o, const struct dns_question *q, uint8_t *out)
{
	o->n = 0;
	o->owner = q->name;
	dns_enc_begin(&o->e, out, DNS_MSG_MAX, 0, DNS_QR | DNS_RD | DNS_RA, 0, DNS_RCODE_NOERROR);
	dns_enc_question(&o->e, &q->name, q->type, q->class);
}

static void own_record(struct own *o, uint16_t type, const uint8_t *rdata, size_t len)
{
	if (dns_enc_rr(&o->e, DNS_ANSWER, &o->owner, type, DNS_CLASS_IN, 0, rdata, len) == 0)
		o->n++;
}

static void own_cname(struct own *o, const struct dns_name *canonical)
{
	if (dns_name_eq(&o->owner, canonical))
		return;
	dns_enc_rr(&o->e, DNS_ANSWER, &o->owner, DNS_TYPE_CNAME, DNS_CLASS_IN, 0, canonical->b,
		   canonical->len);
	o->owner = *canonical;
}

static void own_addr(struct own *o, uint16_t type, const struct tapir_addr *a)
{
	if (type == DNS_TYPE_A)
		own_record(o, type, a->b + 12, 4);
	else
		own_record(o, type, a->b, 16);
}

/* The end: with no record it is NODATA. */
static bool own_end(struct own *o, enum dns_source source, struct found *f)
{
	memset(f, 0, sizeof(*f));
	f->ede = -1;
	f->source = (uint8_t)source;
	f->status = o->n ? DNS_OK : DNS_NODATA;
	f->target = o->owner;
	f->msg = o->e.b;
	f->len = o->e.len;
	return true;
}

/* --- addresses as names --- */

/* D1123-18: what reads as an address is one, and no name to be asked for. */
static bool literal(const struct dns_name *n, struct dns_addr *a)
{
	char text[DNS_NAME_TEXT_MAX];

	/* the shortest has 7 characters, 192.0.2.1's last label begins with a digit; an IPv6 address is one label */
	if (n->len > 48 || n->len < 4)
		return false;
	size_t len = dns_name_text(n, text);
	if (len < 2)
		return false;
	text[len - 1] = '\0';
	bool v6 = memchr(text, ':', len - 1) != NULL;
	if (!v6 && (text[len - 2] < '0' || text[len - 2] > '9'))
		return false;
	return dns_addr_parse(text, false, a) == 0;
}

static bool digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* A label of in-addr.arpa.: 0 to 255 without leading zeroes. */
static int octet(const uint8_t *label)
{
	int v = 0;

	if (label[0] < 1 || label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return -1;
	for (unsigned i = 1; i <= label[0]; i++) {
		if (!digit(label[i]))
			return -1;
		v = v * 10 + (label[i] - '0');
	}
	return v <= 255 ? v : -1;
}

static int nibble(const uint8_t *label)
{
	uint8_t c = label[1];

	if (label[0] != 1)
		return -1;
	if (digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool own_reverse(const struct dns_name *n, struct tapir_addr *out)
{
	static const struct dns_name in_addr = {14, "\7in-addr\4arpa"};
	static const struct dns_name ip6 = {10, "\3ip6\4arpa"};
	unsigned labels = dns_name_labels(n);
	const uint8_t *p = n->b;

	if (labels == 6 && dns_name_under(n, &in_addr)) {
		uint32_t ip4 = 0;

		for (unsigned i = 0; i < 4; i++, p += 1 + p[0]) {
			int v = octet(p);

			if (v < 0)
				return false;
			ip4 |= (uint32_t)v << (8 * i);
		}
		*out = tapir_addr_v4(ip4);
		return true;
	}
	if (labels != 34 || !dns_name_under(n, &ip6))
		return false;
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < 32; i++, p += 1 + p[0]) {
		int v = nibble(p);

		if (v < 0)
			return false;
		out->b[15 - i / 2] |= (uint8_t)(v << (i % 2 ? 4 : 0));
	}
	return true;
}

/* --- the hosts file --- */

static bool from_hosts(struct dns *d, const struct dns_question *q, struct own *o)
{
	struct dns_name name;
	struct tapir_addr a;

	if (!d->hosts)
		return false;
	if (q->type == DNS_TYPE_PTR && own_reverse(&q->name, &a)) {
		unsigned i = 0;

		for (; i < HOSTS_MAX && dns_hosts_name(d->hosts, &a, i, &name); i++)
			own_record(o, DNS_TYPE_PTR, name.b, name.len);
		return i > 0;
	}
	if ((q->type != DNS_TYPE_A && q->type != DNS_TYPE_AAAA) ||
	    !dns_hosts_has(d->hosts, &q->name))
		return false;
	/* a name that the file has is not asked for, even when it has only addresses of the other family */
	for (unsigned i = 0;
	     i < HOSTS_MAX && dns_hosts_addr(d->hosts, &q->name, q->type, i, &a, &name); i++) {
		if (i == 0)
			own_cname(o, &name);
		own_addr(o, q->type, &a);
	}
	return true;
}

/* RFC 6761 6.3: all names of localhost are this machine, and have nothing but its loopback addresses. */
static void from_loopback(const struct dns_question *q, struct own *o)
{
	static const struct tapir_addr v4 = {{[10] = 0xff, 0xff, 127, 0, 0, 1}};
	static const struct tapir_addr v6 = {{[15] = 1}};

	if (q->type == DNS_TYPE_A)
		own_addr(o, q->type, &v4);
	if (q->type == DNS_TYPE_AAAA)
		own_addr(o, q->type, &v6);
}

bool own_answer(struct dns *d, const struct dns_question *q, bool target, uint8_t *out,
		struct found *f, bool *multicast)
{
	static const struct dns_name localhost = {11, "\11localhost"};
	struct dns_addr a;
	struct own o;

	*multicast = false;
	if (q->class != DNS_CLASS_IN)
		return false;
	enum dns_special special = dns_special(&q->name);
	if (target) {
		/* what only this machine knows is not for a stranger's CNAME to point at */
		if (special == DNS_SPECIAL_NONE)
			return false;
		own_empty(q, DNS_RCODE_NXDOMAIN, out, f);
		return true;
	}
	own_begin(&o, q, out);
	if ((q->type == DNS_TYPE_A || q->type == DNS_TYPE_AAAA) && literal(&q->name, &a)) {
		if ((a.family == DNS_AF_INET) == (q->type == DNS_TYPE_A))
			own_addr(&o, q->type, &a.addr);
		return own_end(&o, DNS_FROM_ADDRESS, f);
	}
	/* D6761-1: this machine, whatever the hosts file says of it, and no packet */
	if (special == DNS_SPECIAL_LOCALHOST) {
		from_loopback(q, &o);
		return own_end(&o, DNS_FROM_SPECIAL, f);
	}
	if (from_hosts(d, q, &o))
		return own_end(&o, DNS_FROM_HOSTS, f);
	switch (special) {
	case DNS_SPECIAL_NONE:
	case DNS_SPECIAL_LOCALHOST:
		break;
	case DNS_SPECIAL_LOOPBACK_PTR:
		if (q->type == DNS_TYPE_PTR)
			own_record(&o, DNS_TYPE_PTR, localhost.b, localhost.len);
		return own_end(&o, DNS_FROM_SPECIAL, f);
	case DNS_SPECIAL_NXDOMAIN:
		/* D6761-2, D7686-1: such names are in no server, and asking would tell of them */
		own_empty(q, DNS_RCODE_NXDOMAIN, out, f);
		return true;
	case DNS_SPECIAL_MDNS:
		/* RFC 6762 3: names of the link are never sent to servers */
		if (!d->conf.no_mdns) {
			*multicast = true;
			return false;
		}
		own_empty(q, DNS_RCODE_NXDOMAIN, out, f);
		return true;
	}
	/* the administrator wants no AAAA (resolv.conf's no-aaaa): as if there were none */
	if (d->conf.no_aaaa && q->type == DNS_TYPE_AAAA)
		return own_end(&o, DNS_FROM_SPECIAL, f);
	return false;
}
