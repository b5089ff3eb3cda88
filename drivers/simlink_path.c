/*
 * The path of a simulated link: see simlink_path.h.
 *
 * The rate is a clock: `free_ns` is when the transmitter has sent all that it was given. What waits in its queue is
 * the time from now until then, in bytes. A bottleneck that marks (RFC 3168) does so by the length of its queue as
 * the frame comes, at a threshold: no averages, so that a test can tell when.
 */
#include "drivers/simlink_path.h"

enum { IPV4_HEADER = 20, ECN_MASK = 3, ECN_CE = 3 };

uint64_t simpath_draw(uint64_t *rng)
{
	uint64_t z = *rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t simpath_below(uint64_t *rng, uint32_t n)
{
	return (uint32_t)(((simpath_draw(rng) >> 32) * n) >> 32);
}

bool simpath_chance(uint64_t *rng, uint32_t ppm)
{
	return ppm > 0 && simpath_below(rng, SIMLINK_ALWAYS) < ppm;
}

static uint64_t draw_up_to(uint64_t *rng, uint64_t max)
{
	return max > 0 ? simpath_draw(rng) % (max + 1) : 0;
}

static bool burst_loses(struct simpath *p, uint64_t *rng)
{
	const struct simlink_conf *conf = &p->conf;

	if (conf->burst_enter_ppm == 0)
		return false;
	if (!p->bad)
		p->bad = simpath_chance(rng, conf->burst_enter_ppm);
	else
		p->bad = !simpath_chance(rng, conf->burst_leave_ppm);
	return p->bad && simpath_chance(rng, conf->burst_loss_ppm);
}

/* Bytes that wait for the transmitter. */
static uint64_t queued_bytes(const struct simpath *p, uint64_t now_ns)
{
	uint64_t ns = p->free_ns > now_ns ? p->free_ns - now_ns : 0;

	return ns / 1000 * p->conf.rate_bps / 8000000;
}

bool simpath_full(const struct simpath *p, uint64_t now_ns, uint32_t len)
{
	return p->conf.rate_bps > 0 && p->conf.queue_bytes > 0 && p->free_ns > now_ns &&
	       queued_bytes(p, now_ns) + len > p->conf.queue_bytes;
}

bool simpath_marks(const struct simpath *p, uint64_t now_ns)
{
	return p->conf.rate_bps > 0 && p->conf.mark_bytes > 0 &&
	       queued_bytes(p, now_ns) >= p->conf.mark_bytes;
}

bool simpath_mark_ip4(uint8_t *ip, uint32_t len)
{
	uint32_t sum = 0;

	if (len < IPV4_HEADER || ip[0] >> 4 != 4 || (ip[0] & 15) < 5 || (ip[0] & 15) * 4u > len ||
	    (ip[1] & ECN_MASK) == 0)
		return false;
	ip[1] |= ECN_CE;
	ip[10] = ip[11] = 0;
	for (uint32_t i = 0; i < (ip[0] & 15) * 4u; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	return true;
}

bool simpath_enter(struct simpath *p, uint64_t *rng, uint64_t now_ns, uint32_t len, uint32_t ip_len,
		   uint64_t *leaves_ns)
{
	const struct simlink_conf *conf = &p->conf;

	*leaves_ns = now_ns;
	p->stats.frames++;
	p->stats.bytes += len;
	if (conf->mtu > 0 && ip_len > conf->mtu) {
		p->stats.lost_mtu++;
		return false;
	}
	if (burst_loses(p, rng)) {
		p->stats.lost_burst++;
		return false;
	}
	if (simpath_chance(rng, conf->loss_ppm)) {
		p->stats.lost++;
		return false;
	}
	if (simpath_full(p, now_ns, len)) {
		p->stats.lost_queue++;
		return false;
	}
	if (conf->rate_bps > 0) {
		uint64_t start = p->free_ns > now_ns ? p->free_ns : now_ns;

		p->free_ns = start + (uint64_t)len * 8 * 1000000000 / conf->rate_bps;
		*leaves_ns = p->free_ns;
	}
	return true;
}

uint64_t simpath_arrival(struct simpath *p, uint64_t *rng, uint64_t leaves_ns)
{
	const struct simlink_conf *conf = &p->conf;
	uint64_t at = leaves_ns + conf->delay_ns + draw_up_to(rng, conf->jitter_ns);

	if (simpath_chance(rng, conf->reorder_ppm)) {
		at += draw_up_to(rng, conf->reorder_ns);
		p->stats.reordered++;
	} else {
		if (at < p->last_ns)
			at = p->last_ns;
		p->last_ns = at;
	}
	if (conf->coalesce_ns > 0)
		at += (conf->coalesce_ns - at % conf->coalesce_ns) % conf->coalesce_ns;
	return at;
}

bool simpath_doubles(struct simpath *p, uint64_t *rng)
{
	if (!simpath_chance(rng, p->conf.dup_ppm))
		return false;
	p->stats.duplicated++;
	return true;
}
