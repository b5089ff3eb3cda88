/*
 * Packets read off a wire, and told in tcpdump's manner.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/wireview.h"

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* Sums whole words in the machine's order first: one's complement sums bear a byte swap (RFC 1071 2). */
uint16_t wireview_cksum(const void *data, size_t n, uint64_t sum)
{
	const uint8_t *p = data;
	uint64_t s = 0;
	uint32_t w;

	for (; n >= 4; n -= 4, p += 4) {
		memcpy(&w, p, 4);
		s += w;
	}
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	s = (s >> 8 | s << 8) & 0xffff;
#endif
	s += sum;
	for (size_t i = 0; i < n; i++)
		s += i & 1 ? p[i] : (uint64_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static const char *read_options(struct wireview *v)
{
	const uint8_t *p = v->opts, *end = p + v->nopts;

	while (p < end) {
		if (p[0] == 0) {
			/* RFC 9293 3.1: what follows the end of the list is zero. */
			for (; p < end; p++)
				if (*p)
					return "bytes after the end of the options";
			return NULL;
		}
		if (p[0] == 1) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return "an option's length";
		switch (p[0]) {
		case 2:
			if (p[1] != 4)
				return "the length of the MSS option";
			v->has_mss = true;
			v->mss = (uint16_t)get16(p + 2);
			break;
		case 3:
			if (p[1] != 3)
				return "the length of the window scale option";
			v->has_ws = true;
			v->ws = p[2];
			break;
		case 4:
			if (p[1] != 2)
				return "the length of the SACK-permitted option";
			v->has_sack_ok = true;
			break;
		case 5:
			if (p[1] < 10 || (p[1] - 2) % 8 || p[1] > 34)
				return "the length of the SACK option";
			for (unsigned at = 2; at < p[1]; at += 8) {
				v->sack[v->nsack][0] = get32(p + at);
				v->sack[v->nsack++][1] = get32(p + at + 4);
			}
			break;
		case 8:
			if (p[1] != 10)
				return "the length of the timestamp option";
			v->has_ts = true;
			v->tsval = get32(p + 2);
			v->tsecr = get32(p + 6);
			break;
		default:
			break;
		}
		p += p[1];
	}
	return NULL;
}

static uint64_t pseudo(const struct wireview *v)
{
	return (uint64_t)(v->src >> 16) + (v->src & 0xffff) + (v->dst >> 16) + (v->dst & 0xffff) +
	       v->proto + v->l4_len;
}

static const char *read_tcp(struct wireview *v, bool quoted)
{
	const uint8_t *p = v->l4;
	uint32_t hl;

	if (v->l4_len >= 8) {
		v->sport = (uint16_t)get16(p);
		v->dport = (uint16_t)get16(p + 2);
		v->seq = get32(p + 4);
	}
	if (quoted && v->l4_len < 20)
		return v->l4_len < 8 ? "TCP: short" : NULL;
	if (v->l4_len < 20)
		return "TCP: short";
	hl = (uint32_t)(p[12] >> 4) * 4;
	v->ack = get32(p + 8);
	v->flags = (uint16_t)(get16(p + 12) & 0xfff);
	v->wnd = (uint16_t)get16(p + 14);
	v->urg = (uint16_t)get16(p + 18);
	if (quoted)
		return NULL;
	if (hl < 20 || hl > v->l4_len)
		return "TCP: data offset";
	v->opts = p + 20;
	v->nopts = hl - 20;
	v->data = p + hl;
	v->len = v->l4_len - hl;
	if (wireview_cksum(p, v->l4_len, pseudo(v)) != 0)
		return "TCP: checksum";
	return read_options(v);
}

static const char *read_udp(struct wireview *v, bool quoted)
{
	const uint8_t *p = v->l4;

	if (v->l4_len < 8)
		return "UDP: short";
	v->sport = (uint16_t)get16(p);
	v->dport = (uint16_t)get16(p + 2);
	v->data = p + 8;
	v->len = v->l4_len - 8;
	if (quoted)
		return NULL;
	if (get16(p + 4) != v->l4_len)
		return "UDP: length";
	if (get16(p + 6) != 0 && wireview_cksum(p, v->l4_len, pseudo(v)) != 0)
		return "UDP: checksum";
	return NULL;
}

static const char *read_icmp(struct wireview *v, bool quoted)
{
	const uint8_t *p = v->l4;

	if (v->l4_len < 8)
		return "ICMP: short";
	v->type = p[0];
	v->code = p[1];
	v->rest = get32(p + 4);
	v->data = p + 8;
	v->len = v->l4_len - 8;
	return !quoted && wireview_cksum(p, v->l4_len, 0) != 0 ? "ICMP: checksum" : NULL;
}

static const char *read_ip(const uint8_t *ip, size_t n, struct wireview *v, bool quoted)
{
	memset(v, 0, sizeof(*v));
	if (n < 20)
		return "IP: short";
	if (ip[0] >> 4 != 4)
		return "IP: version";
	v->ip_hlen = (uint16_t)((ip[0] & 15) * 4);
	v->tos = ip[1];
	v->total_len = (uint16_t)get16(ip + 2);
	v->id = (uint16_t)get16(ip + 4);
	v->rf = ip[6] & 0x80;
	v->df = ip[6] & 0x40;
	v->mf = ip[6] & 0x20;
	v->frag_off = (uint16_t)((get16(ip + 6) & 0x1fff) * 8);
	v->ttl = ip[8];
	v->proto = ip[9];
	v->src = get32(ip + 12);
	v->dst = get32(ip + 16);
	if (v->ip_hlen < 20 || v->ip_hlen > n)
		return "IP: header length";
	if (v->total_len < v->ip_hlen || (!quoted && v->total_len != n))
		return "IP: total length";
	v->l4 = ip + v->ip_hlen;
	v->l4_len = (uint32_t)(n - v->ip_hlen);
	if (wireview_cksum(ip, v->ip_hlen, 0) != 0)
		return "IP: checksum";
	if (v->mf || v->frag_off)
		return NULL;
	switch (v->proto) {
	case WV_TCP:
		return read_tcp(v, quoted);
	case WV_UDP:
		return read_udp(v, quoted);
	case WV_ICMP:
		return read_icmp(v, quoted);
	default:
		return NULL;
	}
}

const char *wireview_read(const uint8_t *ip, size_t n, struct wireview *v)
{
	return read_ip(ip, n, v, false);
}

const char *wireview_read_quoted(const uint8_t *ip, size_t n, struct wireview *v)
{
	return read_ip(ip, n, v, true);
}

struct out {
	char *at, *end;
};

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->at, (size_t)(o->end - o->at), fmt, ap);
	va_end(ap);
	if (n > 0)
		o->at = o->at + n < o->end ? o->at + n : o->end - 1;
}

static void put_options(struct out *o, const struct wireview *v, uint32_t ack0)
{
	const uint8_t *p = v->opts, *end = p + v->nopts;
	const char *sep = " <";

	for (; p && p < end; sep = ",") {
		uint32_t len = p[0] < 2 || end - p < 2 ? 1 : p[1];

		if (len == 0 || len > end - p)
			len = 1;
		if (p[0] == 0)
			put(o, "%seol", sep);
		else if (p[0] == 1)
			put(o, "%snop", sep);
		else if (p[0] == 2 && len == 4)
			put(o, "%smss %u", sep, get16(p + 2));
		else if (p[0] == 3 && len == 3)
			put(o, "%swscale %u", sep, p[2]);
		else if (p[0] == 4 && len == 2)
			put(o, "%ssackOK", sep);
		else if (p[0] == 8 && len == 10)
			put(o, "%sTS val %u ecr %u", sep, get32(p + 2), get32(p + 6));
		else if (p[0] == 5 && len >= 10) {
			put(o, "%ssack", sep);
			for (uint32_t at = 2; at + 8 <= len; at += 8)
				put(o, " %u:%u", get32(p + at) - ack0, get32(p + at + 4) - ack0);
		} else if ((p[0] == 34 && len >= 2) ||
			   (p[0] == 254 && len >= 4 && get16(p + 2) == 0xf989)) {
			uint32_t at = p[0] == 34 ? 2 : 4;

			put(o, "%sFO%s%s", sep, at == 4 ? "EXP" : "", at < len ? " " : "");
			for (; at < len; at++)
				put(o, "%02x", p[at]);
		} else {
			put(o, "%soption %u", sep, p[0]);
		}
		p += len;
	}
	if (*sep == ',')
		put(o, ">");
}

static void put_flags(struct out *o, uint16_t flags)
{
	static const char letters[] = "FSRP.UEWA";

	/* tcpdump's order: the sort first, ACK as a dot last. */
	static const uint8_t order[] = {1, 0, 2, 3, 5, 6, 7, 8, 4};

	for (unsigned i = 0; i < sizeof(order); i++) {
		if (flags & 1u << order[i])
			put(o, "%c", letters[order[i]]);
	}
	if ((flags & 0x1ff) == 0)
		put(o, "-");
	if (flags & 0xe00)
		put(o, "(reserved %x)", flags >> 9);
}

const char *wireview_text(const struct wireview *v, uint32_t seq0, uint32_t ack0, char *buf,
			  size_t cap)
{
	struct out o = {buf, buf + cap};

	buf[0] = '\0';
	if (v->mf || v->frag_off) {
		put(&o, "fragment id %u off %u len %u%s proto %u", v->id, v->frag_off, v->l4_len,
		    v->mf ? "+" : "", v->proto);
	} else if (v->proto == WV_TCP) {
		put_flags(&o, v->flags);
		put(&o, " %u:%u(%u)", v->seq - seq0, v->seq - seq0 + v->len, v->len);
		if (v->flags & WV_ACK)
			put(&o, " ack %u", v->ack - ack0);
		put(&o, " win %u", v->wnd);
		if (v->flags & WV_URG)
			put(&o, " urg %u", v->urg);
		put_options(&o, v, ack0);
	} else if (v->proto == WV_UDP) {
		put(&o, "udp (%u)", v->len);
	} else if (v->proto == WV_ICMP) {
		struct wireview q;

		put(&o, "icmp type %u code %u", v->type, v->code);
		if (v->type == 3 && v->code == 4)
			put(&o, " mtu %u", v->rest & 0xffff);
		if (v->type != 0 && v->type != 8 && v->data &&
		    !wireview_read_quoted(v->data, v->len, &q))
			put(&o, " [proto %u %u>%u seq %u]", q.proto, q.sport, q.dport,
			    q.seq - ack0);
	} else {
		put(&o, "proto %u len %u", v->proto, v->l4_len);
	}
	return buf;
}
