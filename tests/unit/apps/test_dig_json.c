/*
 * +json: RFC 8427's members with their values, for replies of all sorts, and always one line of JSON.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/apps/digfix.h"

static json_t *o;

static int setup(void **state)
{
	(void)state;
	begin_result("ns.example");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(o);
	o = NULL;
	return 0;
}

/* What is printed, read back. */
static void print(void)
{
	char *text = NULL;
	size_t len;
	json_error_t err;
	FILE *f = open_memstream(&text, &len);
	assert_int_equal(dig_print_json(f, &r), 0);
	fclose(f);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	json_decref(o);
	o = json_loads(text, JSON_REJECT_DUPLICATES, &err);
	if (!o)
		fail_msg("%s: %s", err.text, text);
	free(text);
}

/* A member by a path like "responseMessage/answerRRs/0/TTL". */
static json_t *at(const char *path)
{
	char copy[200], *save = NULL;
	json_t *v = o;
	snprintf(copy, sizeof copy, "%s", path);
	for (char *p = strtok_r(copy, "/", &save); p && v; p = strtok_r(NULL, "/", &save))
		v = json_is_array(v) ? json_array_get(v, (size_t)atoi(p)) : json_object_get(v, p);
	if (!v)
		fail_msg("no %s", path);
	return v;
}

#define is_number(path, n) assert_int_equal(json_integer_value(at(path)), n)
#define is_text(path, s)   assert_string_equal(json_string_value(at(path)), s)

static void begin(uint8_t rcode)
{
	struct dns_name n = name("www.example.com");
	dns_enc_begin(&enc, reply, sizeof reply, 0x1234, DNS_QR | DNS_RD | DNS_RA | DNS_AD, 0,
		      rcode);
	assert_int_equal(dns_enc_question(&enc, &n, DNS_TYPE_A, DNS_CLASS_IN), 0);
}

static void decode(void)
{
	r.msg = reply;
	r.len = enc.len;
	assert_int_equal(dns_msg_decode(&r.m, reply, enc.len, NULL), 0);
	print();
}

TEST(reply_has_the_members_of_rfc_8427, "")
{
	struct dns_name n = name("www.example.com"), web = name("web.example.com");
	static const uint8_t a[] = {192, 0, 2, 80};
	begin(0);
	dns_enc_rr(&enc, DNS_ANSWER, &n, DNS_TYPE_CNAME, DNS_CLASS_IN, 300, web.b, web.len);
	dns_enc_rr(&enc, DNS_ANSWER, &web, DNS_TYPE_A, DNS_CLASS_IN, 60, a, 4);
	decode();
	is_text("status", "ok");
	is_text("source", "server");
	is_text("server", "192.0.2.53#53");
	is_text("serverName", "ns.example");
	is_number("queryTimeUs", 1234);
	is_text("dateString", "2026-11-20T22:18:37Z");
	is_number("dateSeconds", 1795213117);
	is_number("responseMessage/ID", 0x1234);
	is_number("responseMessage/QR", 1);
	is_number("responseMessage/AA", 0);
	is_number("responseMessage/RA", 1);
	is_number("responseMessage/AD", 1);
	is_number("responseMessage/RCODE", 0);
	is_text("responseMessage/RCODEname", "NOERROR");
	is_number("responseMessage/QDCOUNT", 1);
	is_number("responseMessage/ANCOUNT", 2);
	is_text("responseMessage/QNAME", "www.example.com.");
	is_number("responseMessage/QTYPE", 1);
	is_text("responseMessage/QCLASSname", "IN");
	is_text("responseMessage/answerRRs/0/NAME", "www.example.com.");
	is_text("responseMessage/answerRRs/0/TYPEname", "CNAME");
	is_text("responseMessage/answerRRs/0/rdataCNAME", "web.example.com.");
	is_text("responseMessage/answerRRs/0/RDATAHEX", "03776562076578616D706C6503636F6D00");
	is_number("responseMessage/answerRRs/1/TTL", 60);
	is_number("responseMessage/answerRRs/1/RDLENGTH", 4);
	is_text("responseMessage/answerRRs/1/rdataA", "192.0.2.80");
	is_text("responseMessage/answerRRs/1/text", "192.0.2.80");
	assert_int_equal(json_array_size(at("responseMessage/authorityRRs")), 0);
	is_number("responseMessage/msgLength", (int)enc.len);
	assert_int_equal(json_string_length(at("responseMessage/messageOctetsHEX")), 2 * enc.len);
}

TEST(unknown_types_have_their_number_for_a_name, "")
{
	struct dns_name n = name("www.example.com");
	static const uint8_t p[] = {1, 2, 255};
	begin(0);
	dns_enc_rr(&enc, DNS_ANSWER, &n, 65280, DNS_CLASS_IN, 300, p, 3);
	decode();
	is_text("responseMessage/answerRRs/0/TYPEname", "TYPE65280");
	is_text("responseMessage/answerRRs/0/rdataTYPE65280", "\\# 3 0102FF");
}

TEST(edns_and_extended_errors, "D8914-1")
{
	static const uint8_t options[] = {0, 15, 0,  5, 0, 18,	 'n', 0xff,
					  7, 0,	 10, 0, 2, 0xab, 0xcd};
	begin(DNS_RCODE_SERVFAIL);
	dns_enc_opt(&enc, 1232, 0x8000, 0, options, sizeof options);
	decode();
	is_text("responseMessage/RCODEname", "SERVFAIL");
	is_number("responseMessage/EDNS/udpPayloadSize", 1232);
	is_number("responseMessage/EDNS/DO", 1);
	is_number("responseMessage/EDNS/options/0/infoCode", 18);
	is_text("responseMessage/EDNS/options/0/infoCodeName", "Prohibited");
	is_text("responseMessage/EDNS/options/0/extraText", "n..");
	is_text("responseMessage/EDNS/options/1/HEX", "ABCD");
	is_text("responseMessage/additionalRRs/0/TYPEname", "OPT");
}

TEST(labels_of_any_octets_are_text, "")
{
	static const uint8_t raw[] = {4, 'a', '.', 0xff, 0, 2, '"', '\\', 0};
	struct dns_name n = {.len = sizeof raw};
	memcpy(n.b, raw, sizeof raw);
	dns_enc_begin(&enc, reply, sizeof reply, 1, DNS_QR, 0, 0);
	dns_enc_question(&enc, &n, DNS_TYPE_A, DNS_CLASS_IN);
	decode();
	is_text("responseMessage/QNAME", "a\\.\\255\\000.\\\"\\\\.");
}

TEST(failure_has_no_reply_and_tells_its_attempts, "")
{
	r.status = DNS_TIMEOUT;
	r.nattempts = 2;
	for (unsigned i = 0; i < 2; i++)
		r.attempt[i] =
			(struct dns_attempt){.server = r.server,
					     .local_port = 50000,
					     .id = 7,
					     .transport = i ? DNS_TCP : DNS_UDP,
					     .outcome = i ? DNS_TRIED_CONNECT : DNS_TRIED_TIMEOUT,
					     .error = i ? ECONNREFUSED : 0,
					     .sent = 1,
					     .sent_ns = 1000000 + i * 500000,
					     .ended_ns = 9000000};
	print();
	is_text("status", "timeout");
	assert_null(json_object_get(o, "responseMessage"));
	assert_null(json_object_get(o, "server"));
	is_text("attempts/0/outcome", "timeout");
	is_number("attempts/0/localPort", 50000);
	is_number("attempts/0/tookUs", 8000);
	is_text("attempts/1/transport", "TCP");
	is_text("attempts/1/outcome", "connect");
	is_number("attempts/1/errno", ECONNREFUSED);
	is_number("attempts/1/beginUs", 500);
}

TEST(cached_answers_tell_their_age, "")
{
	r.source = DNS_FROM_CACHE;
	r.cache_age_s = 17;
	begin(0);
	decode();
	is_text("source", "cache");
	is_number("cacheAge", 17);
	assert_null(json_object_get(o, "server"));
	assert_int_equal(json_array_size(at("attempts")), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(reply_has_the_members_of_rfc_8427),
		T(unknown_types_have_their_number_for_a_name),
		T(edns_and_extended_errors),
		T(labels_of_any_octets_are_text),
		T(failure_has_no_reply_and_tells_its_attempts),
		T(cached_answers_tell_their_age),
	};
	return tapir_test_run("unit/apps/test_dig_json", tests);
}
