/*
 * A server's record.
 *
 * Latency is smoothed as TCP smooths its round trip (RFC 6298 2): srtt and rttvar, a question that was sent twice
 * tells nothing (3). From it come two waits. After the *hedge* another server is asked too, while this one may still
 * answer: srtt + 4 rttvar, within 50 and 300 ms, 250 ms where nothing is known. So one server that is dead costs
 * the first lookup 300 ms at most. After the *resend* the same question goes to the same server again; it doubles each time,
 * and has up to half of it on top by chance (udp.c).
 *
 * A server that is late is remembered as being at least that slow, so that the next question goes elsewhere first
 * before it is known whether it is dead. It fails when a question ends without any answer, and one answer of any
 * kind ends that. While it fails it is asked in earnest only after the others, but beside another server it gets a copy of a
 * real question after 1, 2, 4 ... 64 seconds: nobody waits for that answer. One that is well but passed over for a
 * faster one is measured in the same way once a minute, for what is known of it grows old.
 *
 * Latencies are compared by their power of two of milliseconds: of two servers in the same house the first in
 * the settings stays the first.
 *
 * What a server can't do is remembered for a while and tried again after it: EDNS ten minutes, keeping the case an hour,
 * cookies five minutes (RFC 9018 3).
 */
#include "dns/server.h"

void dns_server_init(struct dns_server *s, const struct tapir_sockaddr *addr)
{
	memset(s, 0, sizeof(*s));
	list_init(&s->node);
	s->addr = *addr;
	dns_pipe_init(&s->tcp, s, DNS_TCP);
	dns_pipe_init(&s->tls, s, DNS_TLS);
}

/* ---- latency and failures ---- */

static void rtt_begin(struct dns_server *s, uint32_t us)
{
	/* RFC 6298 2.2 */
	s->srtt_us = us;
	s->rttvar_us = us / 2;
}

static void rtt_sample(struct dns_server *s, uint32_t us)
{
	uint32_t off = us > s->srtt_us ? us - s->srtt_us : s->srtt_us - us;

	/* RFC 6298 2.3: rttvar first, alpha = 1/8, beta = 1/4. */
	s->rttvar_us = s->rttvar_us - s->rttvar_us / 4 + off / 4;
	s->srtt_us = s->srtt_us - s->srtt_us / 8 + us / 8;
	if (s->srtt_us == 0)
		s->srtt_us = 1;
}

static uint32_t to_us(uint64_t ns)
{
	/* Ten minutes is longer than any question lives. */
	return (uint32_t)clamp_u64(ns / 1000, 1, 600000000);
}

void dns_server_lives(struct dns_server *s, uint64_t rtt_ns, uint64_t now)
{
	bool old = s->failures > 0 || now - s->measured_ns > DNS_STALE_RTT_NS;

	s->failures = 0;
	if (rtt_ns == 0)
		return;
	if (s->srtt_us == 0 || old)
		rtt_begin(s, to_us(rtt_ns));
	else
		rtt_sample(s, to_us(rtt_ns));
	s->measured_ns = now;
	s->probe_ns = now + DNS_MEASURE_NS;
}

void dns_server_answered(struct dns_server *s, uint64_t rtt_ns, uint64_t now)
{
	s->answered++;
	dns_server_lives(s, rtt_ns, now);
}

void dns_server_late(struct dns_server *s, uint64_t waited_ns)
{
	uint32_t us = to_us(waited_ns);

	/* At least that long: a lower bound of a sample. */
	if (us > s->srtt_us)
		rtt_begin(s, us);
}

void dns_server_failed(struct dns_server *s, uint64_t now)
{
	unsigned doublings = min_u32(s->failures, 16);

	s->failures++;
	s->probe_ns = now + min_u64(DNS_PROBE_MIN_NS << doublings, DNS_PROBE_MAX_NS);
}

bool dns_server_dead(const struct dns_server *s)
{
	return s->failures >= DNS_DEAD_AFTER;
}

bool dns_server_probe(struct dns_server *s, uint64_t now)
{
	/* One that was never asked is not in need of anything, and one that a try waits for is being probed. */
	if ((s->failures == 0 && s->srtt_us == 0) || s->lingers || now < s->probe_ns)
		return false;
	/* D2308-6: dead for five minutes at most, then it is seen anew. Meanwhile no second probe while one is out. */
	s->probe_ns =
		now + (s->failures ? DNS_PROBE_MIN_NS << min_u32(s->failures, 6) : DNS_MEASURE_NS);
	return true;
}

uint64_t dns_server_hedge_ns(const struct dns_server *s)
{
	/* RFC 6298 2.3's RTO */
	uint64_t rto = (s->srtt_us + UINT64_C(4) * s->rttvar_us) * 1000;

	if (s->failures > 0)
		return DNS_HEDGE_MIN_NS;
	if (s->srtt_us == 0)
		return DNS_HEDGE_UNKNOWN_NS;
	return clamp_u64(rto, DNS_HEDGE_MIN_NS, DNS_HEDGE_MAX_NS);
}

uint64_t dns_server_resend_ns(const struct dns_server *s, unsigned sent)
{
	/* Twice the RTO: a server that must ask others first is slower than its round trip. */
	uint64_t wait = (s->srtt_us + UINT64_C(4) * s->rttvar_us) * 2000;

	wait = s->srtt_us == 0 ? DNS_RESEND_MAX_NS
			       : clamp_u64(wait, DNS_RESEND_MIN_NS, DNS_RESEND_MAX_NS);
	/* D1123-14, RFC 1123 6.1.3.3(5): exponential, bounded below by 300 ms and above by the few times that it is done. */
	return wait << min_u32(sent - 1, 4);
}

/* Smaller is asked earlier. */
static uint32_t rank(const struct dns_server *s, bool rotate)
{
	uint64_t us = s->srtt_us ? s->srtt_us : DNS_HEDGE_UNKNOWN_NS / 1000;
	uint32_t r = 0;

	for (uint64_t ms = rotate ? 0 : us / 1000 + 1; ms > 1; ms >>= 1)
		r++;
	return r + 100 * min_u32(s->failures, 1000);
}

void dns_server_sort(struct dns_server **s, unsigned n, bool rotate)
{
	for (unsigned i = 1; i < n; i++) {
		struct dns_server *x = s[i];
		unsigned j = i;

		for (; j > 0 && rank(s[j - 1], rotate) > rank(x, rotate); j--)
			s[j] = s[j - 1];
		s[j] = x;
	}
}

/* ---- abilities ---- */

bool dns_server_edns(const struct dns_server *s, uint64_t now)
{
	return now >= s->no_edns_ns;
}

bool dns_server_x20(const struct dns_server *s, uint64_t now)
{
	return now >= s->no_x20_ns;
}

bool dns_server_cookies(const struct dns_server *s, uint64_t now)
{
	return now >= s->no_cookie_ns;
}

void dns_server_no_edns(struct dns_server *s, uint64_t now)
{
	/* D6891-6, RFC 6891 6.2.2: remembered for a while, then EDNS is tried again. */
	s->no_edns_ns = now + DNS_NO_EDNS_NS;
	s->edns_seen = false;
}

void dns_server_case(struct dns_server *s, bool kept, uint64_t now)
{
	if (kept) {
		s->x20_odd = 0;
		s->case_unkept = false;
		return;
	}
	/* Something on the way to it changes the case over UDP alone. */
	if (++s->x20_odd >= DNS_X20_ODD_MAX || s->case_unkept) {
		s->no_x20_ns = now + DNS_NO_X20_NS;
		s->x20_odd = 0;
	}
}

void dns_server_case_unkept(struct dns_server *s, uint64_t now)
{
	s->case_unkept = true;
	if (s->x20_odd > 0)
		s->no_x20_ns = now + DNS_NO_X20_NS;
}

size_t dns_server_cookie(struct dns_server *s, const struct tapir_addr *own,
			 const struct siphash_key *secret, uint8_t out[DNS_COOKIE_MAX])
{
	uint8_t in[2 * sizeof(own->b) + 2];
	uint64_t h;

	/*
	 * D7873-1, D9018-1, D9018-3: a pseudo-random function of both addresses under a secret (RFC 9018 3, 8.1). Another address
	 * of ours is another cookie, and the server's part, which was made for the old one, is forgotten.
	 */
	memcpy(in, s->addr.addr.b, 16);
	memcpy(in + 16, own->b, 16);
	in[32] = (uint8_t)(s->addr.port >> 8);
	in[33] = (uint8_t)s->addr.port;
	h = siphash24(in, sizeof(in), secret);
	for (unsigned i = 0; i < DNS_COOKIE_CLIENT_LEN; i++)
		out[i] = (uint8_t)(h >> (8 * i));
	if (s->cookie_len > 0 && !tapir_addr_eq(&s->cookie_own, own))
		s->cookie_len = 0;
	memcpy(out + DNS_COOKIE_CLIENT_LEN, s->cookie, s->cookie_len);
	return DNS_COOKIE_CLIENT_LEN + (size_t)s->cookie_len;
}

void dns_server_cookie_got(struct dns_server *s, const struct tapir_addr *own, const uint8_t *p,
			   size_t len)
{
	TAPIR_ASSERT(len <= DNS_COOKIE_SERVER_MAX);
	s->no_cookie_ns = 0;
	if (len == 0)
		return;
	s->cookie_own = *own;
	s->cookie_len = (uint8_t)len;
	memcpy(s->cookie, p, len);
}

void dns_server_cookie_none(struct dns_server *s, uint64_t now)
{
	/* D9018-2, RFC 9018 3: the same cookie is not shown again to a server that has none, for five minutes. */
	s->cookie_len = 0;
	s->no_cookie_ns = now + DNS_NO_COOKIE_NS;
}

void dns_server_check(const struct dns_server *s)
{
	TAPIR_ASSERT(s->cookie_len == 0 || s->cookie_len >= 8);
	TAPIR_ASSERT(s->cookie_len <= DNS_COOKIE_SERVER_MAX);
	TAPIR_ASSERT(s->x20_odd < DNS_X20_ODD_MAX);
	dns_pipe_check(&s->tcp);
	dns_pipe_check(&s->tls);
}
