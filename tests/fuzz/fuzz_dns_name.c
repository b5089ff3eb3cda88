/*
 * Domain names: text that is one goes to the wire form and back; octets of a message that are one obey the bounds, go to
 * text and back, and compare as they should with themselves, their parents and their own lower case.
 */
#include <string.h>

#include "dns/codec.h"
#include "stack/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct dns_name *n)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name back, up = *n, low;
	bool absolute;
	unsigned at = 0, labels = 0;

	for (; n->b[at]; at += n->b[at] + 1u) {
		TAPIR_ASSERT(n->b[at] <= DNS_LABEL_MAX);
		labels++;
	}
	TAPIR_ASSERT(at + 1 == n->len && labels == dns_name_labels(n) && labels <= DNS_LABELS_MAX);
	size_t len = dns_name_text(n, text);

	TAPIR_ASSERT(len < sizeof(text) && strlen(text) == len);
	TAPIR_ASSERT(dns_name_parse(&back, text, len, &absolute) == 0 && absolute);
	TAPIR_ASSERT(dns_name_eq_case(n, &back) && dns_name_eq(n, &back) &&
		     dns_name_cmp(n, &back) == 0);
	/* as a message of its own, behind a header */
	uint8_t msg[DNS_HEADER_LEN + DNS_NAME_MAX] = {0};

	memcpy(msg + DNS_HEADER_LEN, n->b, n->len);
	TAPIR_ASSERT(dns_name_decode(msg, DNS_HEADER_LEN + n->len, DNS_HEADER_LEN, &back) ==
		     DNS_HEADER_LEN + n->len);
	TAPIR_ASSERT(dns_name_eq_case(n, &back) && dns_name_eq_at(msg, DNS_HEADER_LEN, n));
	dns_name_lower(n, &low);
	TAPIR_ASSERT(dns_name_eq(n, &low) && dns_name_cmp(n, &low) == 0);
	while (dns_name_parent(&up, &up)) {
		TAPIR_ASSERT(dns_name_under(n, &up) && !dns_name_under(&up, n));
		TAPIR_ASSERT(dns_name_cmp(&up, n) < 0 && dns_name_cmp(n, &up) > 0);
	}
	dns_name_is_host(n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_name n, flat;
	struct dns_flaw flaw = {0, NULL};

	if (size == 0)
		return 0;
	/* the first octet: text, or where in a message */
	if (data[0] < 0x80) {
		if (dns_name_parse(&n, (const char *)data + 1, size - 1, NULL) == 0)
			check(&n);
		return 0;
	}
	size_t at = data[0] & 0x7f;
	int end = dns_name_decode(data + 1, size - 1, at, &n);
	int scan = dns_name_scan(data + 1, size - 1, at, 0, NULL, NULL, &flaw);

	TAPIR_ASSERT(end == scan && (end < 0) == (flaw.why != NULL));
	if (end < 0)
		return 0;
	TAPIR_ASSERT((size_t)end > at && (size_t)end <= size - 1);
	TAPIR_ASSERT(dns_name_skip(data + 1, at) == (size_t)end);
	TAPIR_ASSERT(dns_name_eq_at(data + 1, at, &n));
	scan = dns_name_scan(data + 1, size - 1, at, DNS_SCAN_FLAT, flat.b, &flat.len, NULL);
	TAPIR_ASSERT(scan < 0 || dns_name_eq_case(&n, &flat));
	check(&n);
	return 0;
}
