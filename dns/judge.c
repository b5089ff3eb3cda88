/*
 * What comes back, judged: whether it is the reply, and what follows from it for the question and for what is known of the server.
 *
 * A datagram that does not fit is counted and nothing else: the wait goes on, and the right one still wins (RFC 1035 7.3, and what TuDoor
 * does to resolvers that stop at the first odd reply). After spoof_limit of them on one try somebody is guessing, and the question goes to
 * the same server over TCP, where guessing is of no use (RFC 5452 9.3, DN-01).
 *
 * One that fits in all but one thing is not accepted either, but tells something:
 *
 *	the case differs	the same question over TCP at once; remembered when TCP confirms it
 *	the cookie is missing	the same; over TCP it may be missing
 *	TC, and cut within a record	the same
 *	the rest is garbage	after the usual wait over TCP, unless the right one came
 *	an error, no question	after the usual wait without EDNS, unless the right one came
 *
 * One that fits is obeyed: TC leads to TCP, an error with EDNS that lacks an OPT record to the same question without (what an attacker
 * can't bring about without having guessed all of it), other errors to the next server.
 */
#include <errno.h>

#include "dns/exchange.h"

/*
 * D4343-2: the question's case was ours to choose, and names that the server compressed against it have taken it over: "www.eXaMPle. CNAME
 * web.eXaMPle." With the question as it was asked they are what they would have been without 0x20. RAW is what came.
 */
static void unmix(const struct dns_ask *a, uint8_t *b, size_t len)
{
	const struct dns_name *name = &a->q.name;

	if (!(a->flags & DNS_Q_RAW) && len >= (size_t)DNS_HEADER_LEN + name->len && b[4] == 0 &&
	    b[5] == 1)
		memcpy(b + DNS_HEADER_LEN, name->b, name->len);
}

static bool keep(struct dns_net *n, struct exchange *x, const uint8_t *b, size_t len)
{
	struct dns_ask *a = x->ask;
	/* DN-06, DN-20: the length of what came, whatever it says of itself. */
	uint8_t *copy = net_alloc(n, len);

	if (!copy) {
		x->nomem = true;
		return false;
	}
	memcpy(copy, b, len);
	unmix(a, copy, len);
	net_free(n, a->reply, a->reply_len);
	a->reply = copy;
	a->reply_len = len;
	return true;
}

/* ---- what was learned ---- */

static void learn_cookie(struct dns_net *n, struct dns_try *y, const struct dns_msg *m)
{
	const uint8_t *c;
	size_t len;

	if (y->packet.cookie_len == 0)
		return;
	if (!m->edns.present || !dns_option_find(m, DNS_OPTION_COOKIE, &c, &len)) {
		dns_server_cookie_none(y->server, net_now(n));
		if (y->told)
			y->told->cookie = DNS_COOKIE_ABSENT;
		return;
	}
	/* That of a reply without a question was not checked. */
	if (len < 8 || len > DNS_COOKIE_MAX || (len > 8 && len < 16) ||
	    memcmp(c, y->packet.cookie, DNS_COOKIE_CLIENT_LEN) != 0)
		return;
	/* D7873-4, RFC 7873 5.3: kept whatever the rcode is. */
	dns_server_cookie_got(y->server, &y->own, c + 8, len - 8);
	if (y->told)
		y->told->cookie = DNS_COOKIE_ANSWERED;
}

static void learn(struct dns_net *n, struct dns_try *y, const struct dns_msg *m, bool kept)
{
	uint64_t now = net_now(n);
	const uint8_t *o;
	size_t len;

	dns_server_answered(y->server, y->sent == 1 ? max_u64(now - y->last_ns, 1) : 0, now);
	/* DN-32: a stream that keeps it shows that what came over UDP was not the server's. */
	if (y->packet.mixed && (kept || y->transport == DNS_UDP))
		dns_server_case(y->server, kept, now);
	else if (y->packet.mixed)
		dns_server_case_unkept(y->server, now);
	/* D6891-7: one that was not asked for says nothing. D6891-5: the size in it is not kept. */
	if (m->edns.present && y->packet.edns)
		y->server->edns_seen = true;
	learn_cookie(n, y, m);
	/* RFC 7828 3.2.2, in units of 100 ms; over UDP it says nothing. */
	if (y->pipe && m->edns.present && dns_option_find(m, DNS_OPTION_KEEPALIVE, &o, &len) &&
	    len == 2)
		dns_pipe_keepalive(y->pipe, (unsigned)(o[0] << 8 | o[1]));
	if (y->told) {
		y->told->rcode = m->rcode;
		y->told->reply_len = (uint32_t)m->len;
		y->told->case_kept = kept;
	}
}

/* ---- what it means ---- */

enum verdict {
	ANSWER,
	TRUNCATED, /* on to TCP */
	NO_EDNS,   /* again without */
	BADVERS,
	BADCOOKIE, /* again with the new one */
	LAME,
	FAILURE, /* the next server */
	BROKEN,	 /* no sense in it: the next server */
};

static bool has_type(const struct dns_msg *m, enum dns_section s, uint16_t type)
{
	struct dns_rr_iter it;
	struct dns_rr rr;

	dns_rr_begin(m, &it);
	while (dns_rr_next(m, &it, &rr)) {
		if (rr.section == s && rr.type == type)
			return true;
	}
	return false;
}

/* D1034-5, D2308-2: it does not recurse for us: it says so and has no answer, or it names others that may know. */
static bool is_lame(const struct dns_msg *m, unsigned flags)
{
	if ((flags & DNS_Q_NO_RD) || m->rcode != DNS_RCODE_NOERROR || m->count[DNS_ANSWER] > 0 ||
	    (m->flags & DNS_AA))
		return false;
	if (!(m->flags & DNS_RA))
		return true;
	return has_type(m, DNS_AUTHORITY, 2) && !has_type(m, DNS_AUTHORITY, 6);
}

static enum verdict judge(const struct dns_try *y, const struct dns_msg *m)
{
	const struct dns_cand *c = y->cand;
	unsigned flags = y->x->ask->flags;
	bool raw = flags & DNS_Q_RAW;

	/* D1035-7, D2181-5, D9210-1, D1123-7: what a truncated reply holds is not used: TCP. */
	if (m->flags & DNS_TC) {
		if (y->transport == DNS_UDP && !(raw && (flags & DNS_Q_IGNORE_TC)))
			return TRUNCATED;
		if (!raw)
			return BROKEN;
	}
	/* D6891-3: there is no lower version than ours. */
	if (m->rcode == DNS_RCODE_BADVERS && y->packet.edns && !c->no_edns)
		return BADVERS;
	/* D7873-3: once more with the server's new cookie, then over TCP. */
	if (m->rcode == DNS_RCODE_BADCOOKIE && y->packet.cookie_len &&
	    (!c->badcookie || y->transport == DNS_UDP))
		return BADCOOKIE;
	/* D6891-6, DN-32: only a reply that fits and has no OPT says that there is no EDNS. */
	if (y->packet.edns && !c->no_edns && !m->edns.present &&
	    (m->rcode == DNS_RCODE_FORMERR || m->rcode == DNS_RCODE_NOTIMP ||
	     (m->rcode == DNS_RCODE_SERVFAIL && !y->server->edns_seen)))
		return NO_EDNS;
	if (raw)
		return ANSWER;
	if (m->rcode != DNS_RCODE_NOERROR && m->rcode != DNS_RCODE_NXDOMAIN)
		return FAILURE;
	return is_lame(m, flags) ? LAME : ANSWER;
}

static void answer(struct dns_net *n, struct dns_try *y, const struct dns_msg *m)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;
	struct dns_story *s = &x->story;

	/* It failed with EDNS and answers without: that is what is remembered. */
	if (c->edns_doubt && (m->rcode == DNS_RCODE_NOERROR || m->rcode == DNS_RCODE_NXDOMAIN))
		dns_server_no_edns(y->server, net_now(n));
	if (!keep(n, x, m->b, m->len)) {
		dns_try_end(n, y, DNS_TRIED_ANSWERED, ENOMEM);
		dns_net_give_up(n, x, c);
		return;
	}
	s->query_len = y->packet.len;
	memcpy(s->query, y->packet.b, y->packet.len);
	dns_try_end(n, y, DNS_TRIED_ANSWERED, 0);
	dns_net_finish(n, x, DNS_OK);
}

/* The next server's turn; what this one said is kept for the report. */
static void failure(struct dns_net *n, struct dns_try *y, const struct dns_msg *m,
		    enum dns_outcome outcome, enum dns_status as)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;

	/* A truncated reply's content is of no use even here. */
	if (!(m->flags & DNS_TC) && keep(n, x, m->b, m->len))
		x->failed_as = as;
	dns_try_end(n, y, outcome, 0);
	dns_net_give_up(n, x, c);
}

/* It fits: y is gone afterwards. */
static void accept(struct dns_net *n, struct dns_try *y, const struct dns_msg *m, bool kept)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;
	enum dns_transport transport = y->transport;

	learn(n, y, m, kept);
	if (!x) {
		dns_try_drop(n, y);
		return;
	}
	switch (judge(y, m)) {
	case ANSWER:
		answer(n, y, m);
		return;
	case TRUNCATED:
		n->stats.truncated++;
		dns_try_end(n, y, DNS_TRIED_TRUNCATED, 0);
		dns_net_follow(n, x, c, DNS_TCP);
		return;
	case NO_EDNS:
	case BADVERS:
		n->stats.formerr_fallbacks++;
		c->no_edns = true;
		c->edns_doubt = true;
		dns_try_end(n, y,
			    m->rcode == DNS_RCODE_BADVERS ? DNS_TRIED_BADVERS : DNS_TRIED_NO_EDNS,
			    0);
		dns_net_follow(n, x, c, transport);
		return;
	case BADCOOKIE:
		n->stats.badcookie++;
		dns_try_end(n, y, DNS_TRIED_BADCOOKIE, 0);
		dns_net_follow(n, x, c, c->badcookie ? DNS_TCP : transport);
		c->badcookie = true;
		return;
	case LAME:
		failure(n, y, m, DNS_TRIED_LAME, DNS_BADREPLY);
		return;
	case FAILURE:
		failure(n, y, m, DNS_TRIED_RCODE, dns_rcode_status(m->rcode));
		return;
	case BROKEN:
		x->malformed = true;
		failure(n, y, m, DNS_TRIED_MALFORMED, DNS_BADREPLY);
		return;
	}
}

/* ---- over UDP ---- */

/* Does not fit: counted. True: too many, and y is gone. */
static bool ignore(struct dns_net *n, struct dns_try *y, bool malformed)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;

	y->ignored++;
	if (y->told)
		y->told->ignored = y->ignored;
	if (malformed)
		n->stats.malformed++;
	else
		n->stats.forged++;
	/* D5452-10 */
	if (!x || n->conf.spoof_limit == 0 || y->ignored < n->conf.spoof_limit || c->no_tcp)
		return false;
	n->stats.spoof_to_tcp++;
	c->detour = DETOUR_FORGED;
	dns_try_end(n, y, DNS_TRIED_FORGED, 0);
	dns_net_follow(n, x, c, DNS_TCP);
	return true;
}

/* All but one thing fits: over TCP, at once. */
static void to_tcp(struct dns_net *n, struct dns_try *y, enum dns_outcome outcome,
		   enum cand_detour why)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;

	y->ignored += why != DETOUR_NONE;
	c->detour = why;
	dns_try_end(n, y, outcome, 0);
	dns_net_follow(n, x, c, DNS_TCP);
}

bool dns_judge_datagram(struct dns_net *n, struct dns_try *y, const uint8_t *b, size_t len)
{
	struct dns_msg m;
	bool kept;

	switch (dns_packet_fit(&y->packet, false, b, len, &m, &kept)) {
	case DNS_FIT_YES:
		accept(n, y, &m, kept);
		return true;
	case DNS_FIT_OTHER:
	case DNS_FIT_COOKIE:
		return ignore(n, y, false);
	case DNS_FIT_SHORT:
		/* DN-14: an empty one too. */
		return ignore(n, y, true);
	case DNS_FIT_MALFORMED:
	case DNS_FIT_BARE:
		/* Cut anywhere, as some servers cut what is too long: TCP has the rest, whoever sent this. */
		if (y->x && len > DNS_HEADER_LEN && (b[2] & (DNS_TC >> 8)) &&
		    !(y->x->ask->flags & DNS_Q_IGNORE_TC)) {
			n->stats.truncated++;
			to_tcp(n, y, DNS_TRIED_TRUNCATED, DETOUR_NONE);
			return true;
		}
		/* DN-26: what is wrong with it does not end the wait for the right one. */
		if (y->x) {
			if (len > DNS_HEADER_LEN)
				y->cand->soft = true;
			else
				y->cand->soft_edns = true;
		}
		return ignore(n, y, true);
	case DNS_FIT_CASE:
		dns_server_case(y->server, false, net_now(n));
		if (!y->x)
			return ignore(n, y, false);
		n->stats.forged++;
		to_tcp(n, y, DNS_TRIED_CASE, DETOUR_CASE);
		return true;
	case DNS_FIT_NO_COOKIE:
		/* D7873-2: discarded. Whether it has none any more is seen where nobody forges. */
		if (!y->x)
			return ignore(n, y, false);
		n->stats.forged++;
		if (y->told)
			y->told->cookie = DNS_COOKIE_ABSENT;
		to_tcp(n, y, DNS_TRIED_BADCOOKIE, DETOUR_COOKIE);
		return true;
	}
	TAPIR_UNREACHABLE();
}

/* ---- over a stream ---- */

bool dns_judge_message(struct dns_net *n, struct dns_try *y, const uint8_t *b, size_t len)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;
	struct dns_msg m;
	bool kept;

	switch (dns_packet_fit(&y->packet, true, b, len, &m, &kept)) {
	case DNS_FIT_YES:
	case DNS_FIT_NO_COOKIE:
	case DNS_FIT_BARE:
		accept(n, y, &m, kept);
		return true;
	case DNS_FIT_MALFORMED:
		n->stats.malformed++;
		x->malformed = true;
		dns_try_end(n, y, DNS_TRIED_MALFORMED, 0);
		dns_net_give_up(n, x, c);
		return true;
	case DNS_FIT_COOKIE: /* D7873-2: over a stream too, RFC 7873 5.3 knows no difference */
	case DNS_FIT_OTHER:
	case DNS_FIT_CASE:
	case DNS_FIT_SHORT:
		return false;
	}
	TAPIR_UNREACHABLE();
}

/* ---- the transport ---- */

/*
 * An ICMP error about our datagram. Whoever knows the port can forge one, and needs no ID for it (RFC 5927 says the same of TCP): so the
 * next server's turn is now, but this one may still answer until it would be late anyway.
 */
bool dns_judge_icmp(struct dns_net *n, struct dns_try *y, int error)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;
	uint64_t wait = dns_server_hedge_ns(y->server);

	if (!x) {
		dns_judge_failure(n, y, DNS_TRIED_ICMP, error);
		return false;
	}
	if (c->soft || c->soft_edns || c->soft_error)
		return true;
	c->soft_error = error;
	if (y->told) {
		y->told->outcome = DNS_TRIED_ICMP;
		y->told->error = error;
	}
	c->again_ns = net_now(n) + wait;
	/* The next question goes elsewhere first. */
	dns_server_late(y->server, wait);
	x->step_ns = net_now(n);
	dns_net_todo(n, x);
	return true;
}

void dns_judge_failure(struct dns_net *n, struct dns_try *y, enum dns_outcome outcome, int error)
{
	struct exchange *x = y->x;
	struct dns_cand *c = y->cand;
	bool udp = y->transport == DNS_UDP;

	if (!x) {
		dns_server_failed(y->server, net_now(n));
		dns_try_drop(n, y);
		return;
	}
	if (error == ENOMEM)
		x->nomem = true;
	else if (error == EMSGSIZE)
		x->unsendable = true;
	else
		x->unreachable = true;
	/* What fails is TCP, where the server may be well over UDP. */
	if (error != ENOMEM && (udp || c->sent[DNS_UDP] == 0))
		dns_server_failed(y->server, net_now(n));
	dns_try_end(n, y, outcome, error);
	if (udp || c->detour == DETOUR_NONE) {
		dns_net_give_up(n, x, c);
		return;
	}
	/*
	 * It has no TCP. Back to UDP, with a new port and ID, and without what it does not do. Who wants to bring that about by forging must
	 * have guessed all but that.
	 */
	if (c->detour == DETOUR_CASE) {
		/* DN-32: once is what one right guess of the ID brings about; the server's way it is the second time too. */
		c->no_x20 = c->case_odd;
		c->case_odd = true;
	} else if (c->detour == DETOUR_COOKIE) {
		dns_server_cookie_none(c->server, net_now(n));
	} else if (c->detour == DETOUR_FORGED) {
		c->no_tcp = true; /* no second flight: whoever keeps us running needs no guess */
	}
	c->detour = DETOUR_NONE;
	dns_net_follow(n, x, c, DNS_UDP);
}
