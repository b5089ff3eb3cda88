#ifndef TAPIR_TESTS_UNIT_DNS_NAMES_H
#define TAPIR_TESTS_UNIT_DNS_NAMES_H

/* Names for the tests of dns/, from plain text without escapes. */
#include <string.h>

#include "dns/name.h"
#include "tests/support/test.h"

static inline struct dns_name name_of(const char *text)
{
	struct dns_name n = {.len = 0};

	while (*text && strcmp(text, ".") != 0) {
		size_t len = strcspn(text, ".");

		assert_true(len > 0 && len <= DNS_LABEL_MAX && n.len + len + 2 <= DNS_NAME_MAX);
		n.b[n.len] = (uint8_t)len;
		memcpy(n.b + n.len + 1, text, len);
		n.len = (uint8_t)(n.len + len + 1);
		text += len + (text[len] == '.');
	}
	n.b[n.len++] = 0;
	return n;
}

#endif
