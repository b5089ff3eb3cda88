/* IGMP: a query's sources lie within the message; a report of them can be built into any room and
 * is well formed. */
#include <stdlib.h>
#include <string.h>

#include "stack/base/assert.h"
#include "stack/wire/bytes.h"
#include "stack/wire/igmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Answer with as many records as fit: each source alone, then the group. */
static void report(const struct igmp_query *q, size_t room)
{
	uint8_t *p = malloc(room ? room : 1);
	struct igmp_report r;
	unsigned records = 0;

	TAPIR_ASSERT(p != NULL);
	if (igmp_report_begin(&r, p, room)) {
		for (unsigned i = 0; i < q->nsrc; i++) {
			uint32_t src = igmp_query_source(q, i);

			records += igmp_report_add(&r, IGMP_IS_INCLUDE, q->group, &src, 1);
		}
		records += igmp_report_add(&r, IGMP_IS_EXCLUDE, q->group, NULL, 0);

		size_t len = igmp_report_end(&r);

		TAPIR_ASSERT(len <= room && igmp_csum_ok(p, len));
		TAPIR_ASSERT(get_be16(p + 6) == records);
	} else {
		TAPIR_ASSERT(room < IGMP_V3_REPORT);
	}
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct igmp_hdr h;
	struct igmp_query q;
	int n = igmp_query_decode(data, size, &q);
	uint8_t back[IGMP_LEN];

	if (igmp_hdr_decode(data, size, &h) < 0) {
		TAPIR_ASSERT(size < IGMP_LEN && n == WIRE_ESHORT);
		return 0;
	}
	TAPIR_ASSERT((n == WIRE_ETYPE) == (h.type != IGMP_QUERY));
	TAPIR_ASSERT(igmp_encode(back, h.type, h.group) == IGMP_LEN &&
		     igmp_csum_ok(back, IGMP_LEN));
	TAPIR_ASSERT(memcmp(back + 4, data + 4, 4) == 0);
	if (n < 0)
		return 0;
	TAPIR_ASSERT((size_t)n <= size && q.group == h.group);
	TAPIR_ASSERT(q.version >= 1 && q.version <= 3 && q.qrv <= 7);
	TAPIR_ASSERT(q.version == 3 ? n == IGMP_V3_QUERY + 4 * q.nsrc
				    : n == IGMP_LEN && q.nsrc == 0);
	TAPIR_ASSERT(q.nsrc == 0 || q.src + (size_t)4 * q.nsrc <= data + size);
	report(&q, size);
	report(&q, h.code);
	return 0;
}
