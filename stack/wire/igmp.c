/*
 * IGMP: routers ask which groups have members (a query), hosts answer (a report). Versions 1 and 2
 * share an 8-byte message; a version 3 query is at least 12 bytes long and a version 3 report is a
 * list of records.
 *
 *	query                             report, version 3
 *	|0x11|code| csum  | group         |0x22| 0 | csum  | 0     | count |
 *	|S QRV|QQIC| nsrc | source ...    |type|0| nsrc  | group | source ... |  a record
 */
#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/cksum.h"
#include "stack/wire/igmp.h"

int igmp_hdr_decode(const uint8_t *p, size_t len, struct igmp_hdr *out)
{
	if (len < IGMP_LEN)
		return WIRE_ESHORT;
	out->type = p[0];
	out->code = p[1];
	out->csum = get_be16(p + 2);
	out->group = get_be32(p + 4);
	return IGMP_LEN;
}

bool igmp_csum_ok(const uint8_t *p, size_t len)
{
	return cksum_fold(cksum_partial(p, len, 0)) == 0;
}

uint32_t igmp_code_value(uint8_t code)
{
	if (code < 128)
		return code;
	return (uint32_t)((code & 15) | 16) << (((code >> 4) & 7) + 3);
}

int igmp_query_decode(const uint8_t *p, size_t len, struct igmp_query *out)
{
	if (len < IGMP_LEN)
		return WIRE_ESHORT;
	if (p[0] != IGMP_QUERY)
		return WIRE_ETYPE;
	*out = (struct igmp_query){.group = get_be32(p + 4)};

	/* RFC 3376 7.1: the version is told by length and code; 9 to 11 bytes are no version. */
	if (len == IGMP_LEN) {
		out->version = p[1] == 0 ? 1 : 2;
		out->max_resp_ms = p[1] == 0 ? 10000 : p[1] * 100u;
		return IGMP_LEN;
	}
	if (len < IGMP_V3_QUERY)
		return WIRE_ELEN;
	out->version = 3;
	out->max_resp_ms = igmp_code_value(p[1]) * 100;
	out->suppress = p[8] & 8;
	out->qrv = p[8] & 7;
	out->qqi_s = igmp_code_value(p[9]);
	out->nsrc = get_be16(p + 10);
	out->src = p + IGMP_V3_QUERY;
	if (out->nsrc > (len - IGMP_V3_QUERY) / 4)
		return WIRE_ELEN;
	return IGMP_V3_QUERY + 4 * out->nsrc;
}

uint32_t igmp_query_source(const struct igmp_query *q, unsigned i)
{
	TAPIR_ASSERT(i < q->nsrc);
	return get_be32(q->src + 4 * i);
}

int igmp_encode(uint8_t *p, uint8_t type, uint32_t group)
{
	p[0] = type;
	p[1] = 0;
	put_be16(p + 2, 0);
	put_be32(p + 4, group);
	put_be16(p + 2, cksum_fold(cksum_partial(p, IGMP_LEN, 0)));
	return IGMP_LEN;
}

bool igmp_report_begin(struct igmp_report *r, uint8_t *p, size_t cap)
{
	*r = (struct igmp_report){.p = p, .cap = cap};
	if (cap < IGMP_V3_REPORT)
		return false;
	p[0] = IGMP_REPORT_V3;
	p[1] = 0;
	put_be32(p + 4, 0);
	r->len = IGMP_V3_REPORT;
	return true;
}

bool igmp_report_add(struct igmp_report *r, enum igmp_record type, uint32_t group,
		     const uint32_t *src, uint16_t nsrc)
{
	uint8_t *p = r->p + r->len;
	size_t need = IGMP_V3_RECORD + 4u * nsrc;

	if (need > r->cap - r->len || r->records == UINT16_MAX)
		return false;
	p[0] = (uint8_t)type;
	p[1] = 0; /* no auxiliary data (RFC 3376 4.2.6) */
	put_be16(p + 2, nsrc);
	put_be32(p + 4, group);
	for (unsigned i = 0; i < nsrc; i++)
		put_be32(p + IGMP_V3_RECORD + 4 * i, src[i]);
	r->len += need;
	r->records++;
	return true;
}

size_t igmp_report_end(struct igmp_report *r)
{
	TAPIR_ASSERT(r->len >= IGMP_V3_REPORT);
	put_be16(r->p + 6, r->records);
	put_be16(r->p + 2, 0);
	put_be16(r->p + 2, cksum_fold(cksum_partial(r->p, r->len, 0)));
	return r->len;
}
