/*
 * What of a script the player can't play (pdplay.h): each with a reason that is counted, so that what is left out shows.
 */
#include <string.h>

#include "tests/support/pdplay_run.h"

bool play_names_unseen(const char *code)
{
	static const char *const unseen[] = {"conn_state", "urgent", "drop.", "Tcp.", "TcpExt.",
					     "Ip.", "IpExt.", "Udp.", "UdpLite.", "Icmp.", "Tapir.",
					     "IcmpMsg.",
					     /* of a time that is some microseconds longer */
					     "tcpi_pacing_rate", "tcpi_delivery_rate"};

	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		if (strstr(code, unseen[i]))
			return true;
	}
	return false;
}

bool play_names_time(const char *code)
{
	static const char *const none[] = {"iss",
					   "irs",
					   "snd_una",
					   "snd_nxt",
					   "rcv_nxt",
					   "tcpi_last_",
					   "tcpi_busy",
					   "tcpi_rwnd_limited",
					   "tcpi_sndbuf_limited",
					   "tcpi_total_rto_time",
					   "tcpi_rtt",
					   "tcpi_rto",
					   "tcpi_min_rtt",
					   "tcpi_rcv_rtt",
					   "tcpi_ato"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (strstr(code, none[i]))
			return true;
	}
	return false;
}

static const char *cannot_call(const struct script_event *e)
{
	static const char *const none[] = {"abort", "getsockname", "getpeername", "open",
					   "sendfile"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (strcmp(e->call, none[i]) == 0)
			return "a call that the hook does not have (abort, getsockname, "
			       "getpeername, open, sendfile)";
	}
	return NULL;
}

/* Scripts that rest on two round-trip times being the same to the microsecond: RACK minds which one is shorter. */
static bool to_the_microsecond(const char *path)
{
	static const char *const exact[] = {"rack/tail_of_a_flight.pkt",
					    "recovery/timeout_in_slow_start_with_sack.pkt"};

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
		if (strstr(path, exact[i]))
			return true;
	}
	return false;
}

const char *play_cannot(const struct script *s, unsigned *left_out)
{
	bool open = false;

	*left_out = 0;
	if (s->start_ns != UINT64_C(1000000000000))
		return "--start_ms";
	if (to_the_microsecond(s->path))
		return "round-trip times that are equal to the microsecond: spinning on the clock "
		       "takes some";
	for (size_t i = 0; i < s->nevent; i++) {
		const struct script_event *e = &s->event[i];
		const char *why = NULL;

		switch (e->kind) {
		case EVENT_CALL:
			open = true;
			why = cannot_call(e);
			break;
		case EVENT_PACKET:
			open = true;
			if (e->packet.batch)
				why = "[batch]: packets that arrive at one moment";
			break;
		case EVENT_SYSCTL:
			if (open)
				why = "sysctl after the first socket()";
			break;
		case EVENT_CODE:
			*left_out += play_names_unseen(e->text);
			break;
		}
		if (why)
			return why;
	}
	return NULL;
}
