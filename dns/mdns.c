/*
 * Names of the link: one-shot multicast DNS (RFC 6762 5.1).
 *
 * The question goes to 224.0.0.251, port 5353, from a port of its own that is not 5353; so whoever has the name answers that port
 * directly, as to an old-fashioned resolver (6.7): with our ID and our question, and TTLs of at most 10 s. Longer ones are taken as 10 s: we
 * hear no goodbye, and whoever was on the link for a moment is not to keep a name in the cache for a day. It is asked at 0, 1 and
 * 3 s, and given up at 4 s: nobody says no for a name that nobody has. The first answer opens a short window for more of them, as
 * several hosts may have records of one name (a service), and one host an address on each of its interfaces.
 *
 * Only who is on the link may answer (11): the source must lie in a network of the interface that the question left by, and its
 * port must be 5353. Everything else is passed over and counted in the story. That an address has no records of a type a host
 * says with an NSEC record (6.1), which ends the wait at once.
 */
#include <errno.h>

#include "dns/resolver.h"
#include "stack/netif.h"

enum {
	MDNS_PORT = 5353,
	MDNS_QUERIES = 3,
	MDNS_MSG = 9000, /* RFC 6762 17 */
	MDNS_RECORDS = 64,
	MDNS_TTL_MAX = 10, /* RFC 6762 6.7 */
	MDNS_READS = 256,  /* datagrams of one turn */
	MDNS_INTERFACES = 32,
	CLASS_MASK = 0x7fff, /* without the cache-flush bit (RFC 6762 10.2) */
};

static const uint64_t MS = 1000000;

struct mdns {
	struct list node; /* in dns.mdns */
	struct fetch *f;
	tapir_sock_t s; /* 0: none */
	int ifindex;
	unsigned sent;
	uint64_t next_ns, end_ns;
	uint16_t id;
	size_t query_len;
	uint8_t query[DNS_HEADER_LEN + DNS_NAME_MAX + 4];
	bool none; /* somebody says that there is no such record */
	unsigned nrecords;
	struct dns_enc e; /* the answer so far */
	uint8_t msg[MDNS_MSG];
};

/* The interface to ask on: the first that is up and has an address, but for the loopback. 0: none. */
static int link_of(const struct dns *d)
{
	struct tapir_netif_info info;
	struct tapir_ifaddr a;

	for (int i = TAPIR_LOOPBACK + 1; i < MDNS_INTERFACES; i++) {
		if (tapir_netif_info(d->t, i, &info) == 0 && info.up &&
		    tapir_addr_get(d->t, i, 0, &a) == 0)
			return i;
	}
	return 0;
}

static int open_socket(struct dns *d, struct mdns *m)
{
	const struct tapir_sockaddr any = {.port = 0};
	int ttl = 255, loop = 0;

	m->s = tapir_socket(d->t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	if (m->s < 0)
		return (int)m->s;
	/* RFC 6762 11: 255, so that who looks at it knows that we are on the link */
	tapir_setsockopt(d->t, m->s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_TTL, &ttl, sizeof(ttl));
	tapir_setsockopt(d->t, m->s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_LOOP, &loop, sizeof(loop));
	tapir_setsockopt(d->t, m->s, TAPIR_SOL_IP, TAPIR_IP_MULTICAST_IF, &m->ifindex,
			 sizeof(m->ifindex));
	int v = tapir_bind(d->t, m->s, &any);
	if (v == 0)
		v = d->env.watch ? d->env.watch(d->env.ctx, m->s, TAPIR_IN)
				 : tapir_interest(d->t, m->s, TAPIR_IN, 0);
	return v;
}

static void write_query(struct dns *d, struct mdns *m, const struct dns_question *q)
{
	struct dns_enc e;

	m->id = (uint16_t)chacha_rng_u32(&d->rng);
	/* D1123-9: RD is for servers, and none is asked here */
	dns_enc_begin(&e, m->query, sizeof(m->query), m->id, 0, 0, 0);
	dns_enc_question(&e, &q->name, q->type, q->class);
	m->query_len = e.len;
	dns_enc_begin(&m->e, m->msg, sizeof(m->msg), 0, DNS_QR | DNS_AA, 0, 0);
	dns_enc_question(&m->e, &q->name, q->type, q->class);
}

static void write_story(struct dns *d, struct fetch *f)
{
	struct dns_story *s = dns_get(d, sizeof(*s));
	struct mdns *m = f->mdns;
	struct tapir_sockaddr local;

	f->ask.story = s;
	if (!s)
		return; /* it goes without one */
	memset(s, 0, sizeof(*s));
	s->source = DNS_FROM_MDNS;
	s->query_len = (uint16_t)m->query_len;
	memcpy(s->query, m->query, m->query_len);
	s->nattempts = 1;
	s->attempt[0].server = tapir_sockaddr_v4(TAPIR_IP4(224, 0, 0, 251), MDNS_PORT);
	s->attempt[0].transport = DNS_MDNS;
	s->attempt[0].id = m->id;
	s->attempt[0].sent_ns = tapir_now(d->t);
	s->attempt[0].query_len = (uint32_t)m->query_len;
	if (m->s > 0 && tapir_getsockname(d->t, m->s, &local) == 0)
		s->attempt[0].local_port = local.port;
}

static void send_query(struct dns *d, struct fetch *f)
{
	const struct tapir_sockaddr to = tapir_sockaddr_v4(TAPIR_IP4(224, 0, 0, 251), MDNS_PORT);
	struct mdns *m = f->mdns;
	uint64_t now = tapir_now(d->t);

	tapir_sendto(d->t, m->s, m->query, m->query_len, 0, &to);
	if (f->ask.story)
		f->ask.story->attempt[0].sent++;
	/* RFC 6762 5.2: a second, and twice as long each time */
	m->next_ns = now + (UINT64_C(1000) << m->sent) * MS;
	if (++m->sent == MDNS_QUERIES) {
		m->next_ns = TAPIR_NEVER;
		m->end_ns = min_u64(m->end_ns, now + 1000 * MS);
	}
}

static void arm(struct dns *d, struct fetch *f)
{
	uint64_t at = min_u64(f->mdns->next_ns, f->mdns->end_ns);

	if (heap_queued(&f->timer))
		heap_rekey(&d->mdns_timers, &f->timer, at);
	else
		heap_insert(&d->mdns_timers, &f->timer, at);
}

int mdns_begin(struct dns *d, struct fetch *f)
{
	struct mdns *m = dns_get(d, sizeof(*m));

	if (!m)
		return -ENOMEM;
	memset(m, 0, sizeof(*m));
	list_init(&m->node);
	m->f = f;
	f->mdns = m;
	m->next_ns = m->end_ns = TAPIR_NEVER;
	m->ifindex = link_of(d);
	write_query(d, m, &f->ask.q);
	if (!m->ifindex || open_socket(d, m) < 0) {
		m->end_ns = tapir_now(d->t);
		m->ifindex = 0;
	}
	write_story(d, f);
	if (m->ifindex)
		send_query(d, f);
	list_add_tail(&d->mdns, &m->node);
	arm(d, f);
	return 0;
}

void mdns_end(struct dns *d, struct fetch *f)
{
	struct mdns *m = f->mdns;

	if (!m)
		return;
	if (m->s > 0)
		tapir_close(d->t, m->s);
	if (heap_queued(&f->timer))
		heap_remove(&d->mdns_timers, &f->timer);
	list_del(&m->node);
	f->mdns = NULL;
	dns_put(d, m, sizeof(*m));
}

/* --- answers --- */

/* RFC 6762 11: in one of the networks that our interface is in. */
static bool on_link(const struct dns *d, int ifindex, const struct tapir_addr *from)
{
	uint32_t ip4 = tapir_addr_to_v4(from);
	struct tapir_ifaddr a;

	if (!tapir_addr_is_v4(from))
		return false;
	for (unsigned i = 0; tapir_addr_get(d->t, ifindex, i, &a) == 0; i++) {
		unsigned shift = 32 - a.prefix_len;

		if (shift == 32 || (tapir_addr_to_v4(&a.addr) ^ ip4) >> shift == 0)
			return true;
	}
	return false;
}

/* An NSEC record (RFC 4034 4.1.2, as RFC 6762 6.1 uses it) that leaves `type` out. */
static bool nsec_denies(const uint8_t *rdata, size_t len, uint16_t type)
{
	size_t at = 0;

	while (at < len && rdata[at])
		at += 1 + rdata[at];
	at++;
	while (at + 2 <= len) {
		uint8_t window = rdata[at], n = rdata[at + 1];

		if (at + 2 + n > len)
			return false;
		if (window == type >> 8) {
			unsigned byte = (type & 0xff) / 8;

			return byte >= n || !(rdata[at + 2 + byte] & 0x80 >> (type & 7));
		}
		at += 2 + n;
	}
	return true;
}

static bool have_already(const struct mdns *m, const struct dns_rr *rr, const uint8_t *rdata,
			 size_t len, uint8_t *room)
{
	struct dns_rr_iter it;
	struct dns_msg had;
	struct dns_rr one;

	if (dns_msg_decode(&had, m->msg, m->e.len, NULL) < 0)
		return true;
	for (dns_rr_begin(&had, &it); dns_rr_next(&had, &it, &one);) {
		int n = dns_rdata_expand(&had, &one, room, DNS_MSG_MAX);

		if (one.type == rr->type && n == (int)len && memcmp(room, rdata, len) == 0)
			return true;
	}
	return false;
}

/* A record of the reply: taken when it answers. */
static void take_record(struct dns *d, struct mdns *m, const struct dns_msg *reply,
			const struct dns_rr *rr)
{
	const struct dns_question *q = &m->f->ask.q;

	if ((rr->class & CLASS_MASK) != DNS_CLASS_IN || !dns_name_eq(&rr->name, &q->name))
		return;
	int n = dns_rdata_expand(reply, rr, d->rdata, DNS_MSG_MAX);
	if (n < 0)
		return;
	if (rr->type == DNS_TYPE_NSEC && q->type != DNS_TYPE_ANY)
		m->none |= nsec_denies(d->rdata, (size_t)n, q->type);
	if (rr->section != DNS_ANSWER || (rr->type != q->type && q->type != DNS_TYPE_ANY) ||
	    m->nrecords >= MDNS_RECORDS || have_already(m, rr, d->rdata, (size_t)n, d->work[1]))
		return;
	if (dns_enc_rr(&m->e, DNS_ANSWER, &q->name, rr->type, DNS_CLASS_IN,
		       min_u32(dns_ttl(rr->ttl), MDNS_TTL_MAX), d->rdata, (size_t)n) == 0)
		m->nrecords++;
}

/* RFC 6762 6.7, 18: a reply with our ID and question, whose rcode is 0. */
static bool is_reply(const struct mdns *m, const struct dns_msg *r)
{
	const struct dns_question *q = &m->f->ask.q;

	return r->id == m->id && (r->flags & DNS_QR) && r->opcode == 0 && r->rcode == 0 &&
	       r->count[DNS_QUESTION] == 1 && r->q.type == q->type &&
	       (r->q.class & CLASS_MASK) == q->class && dns_name_eq(&r->q.name, &q->name);
}

/* How long others may still answer. */
static uint64_t window_ns(uint16_t type)
{
	/* an address belongs to one host, who has told all; of services there are many, and each waits 20 to 120 ms (6) */
	return (type == DNS_TYPE_A || type == DNS_TYPE_AAAA ? 20 : 150) * MS;
}

static void take_datagram(struct dns *d, struct fetch *f, const uint8_t *b, size_t len,
			  const struct tapir_sockaddr *from)
{
	struct mdns *m = f->mdns;
	struct dns_story *s = f->ask.story;
	struct dns_rr_iter it;
	struct dns_msg r;
	struct dns_rr rr;
	uint64_t now = tapir_now(d->t);

	if (from->port != MDNS_PORT || !on_link(d, m->ifindex, &from->addr) ||
	    dns_msg_decode(&r, b, len, NULL) < 0 || !is_reply(m, &r)) {
		if (s)
			s->attempt[0].ignored++;
		return;
	}
	for (dns_rr_begin(&r, &it); dns_rr_next(&r, &it, &rr);)
		take_record(d, m, &r, &rr);
	if (!m->nrecords && !m->none)
		return;
	if (s && s->attempt[0].outcome == DNS_TRIED_PENDING) {
		s->attempt[0].outcome = DNS_TRIED_ANSWERED;
		s->attempt[0].ended_ns = now;
		s->attempt[0].reply_len = (uint32_t)len;
	}
	m->next_ns = TAPIR_NEVER;
	m->end_ns = min_u64(m->end_ns, now + window_ns(f->ask.q.type));
	arm(d, f);
}

bool mdns_ready(struct dns *d, tapir_sock_t s)
{
	struct mdns *m = NULL, *one;
	struct tapir_sockaddr from;

	LIST_FOREACH (one, &d->mdns, struct mdns, node) {
		if (one->s == s)
			m = one;
	}
	if (!m)
		return false;
	for (unsigned i = 0; i < MDNS_READS; i++) {
		int64_t n = tapir_recvfrom(d->t, s, d->work[0], MDNS_MSG, 0, &from);

		if (n < 0)
			return true;
		take_datagram(d, m->f, d->work[0], (size_t)n, &from);
	}
	return true; /* a flood: what is left is read when more comes, or never */
}

void mdns_timer(struct dns *d, struct fetch *f)
{
	struct mdns *m = f->mdns;
	uint64_t now = tapir_now(d->t);

	if (now < m->end_ns) {
		send_query(d, f);
		arm(d, f);
		return;
	}
	f->found.target = f->ask.q.name;
	f->found.source = DNS_FROM_MDNS;
	if (!m->ifindex) {
		f->found.status = DNS_UNREACHABLE;
	} else if (m->nrecords || m->none) {
		fetch_read(d, f, m->msg, m->e.len);
	} else {
		if (f->ask.story) {
			f->ask.story->attempt[0].outcome = DNS_TRIED_TIMEOUT;
			f->ask.story->attempt[0].ended_ns = now;
		}
		m->msg[3] |= DNS_RCODE_NXDOMAIN;
		fetch_read(d, f, m->msg, m->e.len);
	}
	f->found.source = DNS_FROM_MDNS;
	mdns_end(d, f);
	fetch_over(d, f);
}
