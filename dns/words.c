/* What went wrong, in words: one table an enum, so that the program, the control socket and the tests say the same. */
#include "dns/addrinfo.h"
#include "dns/net.h"

const char *dns_status_text(enum dns_status s)
{
	static const char *const text[] = {
		[DNS_OK] = "answered",
		[DNS_NODATA] = "no record of that type",
		[DNS_NXDOMAIN] = "no such name",
		[DNS_SERVFAIL] = "the server failed",
		[DNS_REFUSED] = "the server refused",
		[DNS_FORMERR] = "the server did not understand the query",
		[DNS_NOTIMP] = "the server does not do such queries",
		[DNS_RCODE] = "the server answered with another error",
		[DNS_TIMEOUT] = "no server answered in time",
		[DNS_UNREACHABLE] = "no server could be reached",
		[DNS_LOOP] = "the name's aliases go in a circle, or are too many",
		[DNS_BADREPLY] = "the servers' replies made no sense",
		[DNS_NOSERVER] = "no server is configured",
		[DNS_BADNAME] = "not a name that can be asked for",
		[DNS_NOMEM] = "out of memory",
		[DNS_CANCELLED] = "cancelled",
	};

	if ((unsigned)s >= sizeof(text) / sizeof(text[0]) || !text[s])
		return "unknown status";
	return text[s];
}

/* The sentences of glibc's gai_strerror(3), which people search for. */
const char *dns_eai_text(int eai)
{
	static const char *const text[] = {
		[-DNS_EAI_OK] = "Success",
		[-DNS_EAI_BADFLAGS] = "Bad value for ai_flags",
		[-DNS_EAI_NONAME] = "Name or service not known",
		[-DNS_EAI_AGAIN] = "Temporary failure in name resolution",
		[-DNS_EAI_FAIL] = "Non-recoverable failure in name resolution",
		[-DNS_EAI_NODATA] = "No address associated with hostname",
		[-DNS_EAI_FAMILY] = "ai_family not supported",
		[-DNS_EAI_SOCKTYPE] = "ai_socktype not supported",
		[-DNS_EAI_SERVICE] = "Servname not supported for ai_socktype",
		[-DNS_EAI_ADDRFAMILY] = "Address family for hostname not supported",
		[-DNS_EAI_MEMORY] = "Memory allocation failure",
		[-DNS_EAI_SYSTEM] = "System error",
		[-DNS_EAI_OVERFLOW] = "Result too large for supplied buffer",
	};

	if (eai > 0 || eai < DNS_EAI_OVERFLOW || !text[-eai])
		return "Unknown error";
	return text[-eai];
}

/* D1035-6 */
enum dns_status dns_rcode_status(uint16_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR:
		return DNS_OK;
	case DNS_RCODE_NXDOMAIN:
		return DNS_NXDOMAIN;
	case DNS_RCODE_FORMERR:
		return DNS_FORMERR;
	case DNS_RCODE_SERVFAIL:
		return DNS_SERVFAIL;
	case DNS_RCODE_NOTIMP:
		return DNS_NOTIMP;
	case DNS_RCODE_REFUSED:
		return DNS_REFUSED;
	default:
		return DNS_RCODE;
	}
}

const char *dns_source_text(enum dns_source source)
{
	static const char *const words[] = {
		[DNS_FROM_SERVER] = "server",	[DNS_FROM_CACHE] = "cache",
		[DNS_FROM_STALE] = "stale",	[DNS_FROM_HOSTS] = "hosts",
		[DNS_FROM_SPECIAL] = "special", [DNS_FROM_MDNS] = "mdns",
		[DNS_FROM_ADDRESS] = "address",
	};

	return (size_t)source < sizeof words / sizeof words[0] ? words[source] : "unknown";
}
