/*
 * What of a packet script is neither a packet nor a call: settings, and assertions over what the connection, the counters
 * and the drops say.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_run.h"

/* ---- `sysctl -w NAME=VALUE` ---- */

/* A number, or one of the setting's words ("cubic"); *end == at: neither. */
static int64_t value_of(const char *name, char *at, char **end)
{
	size_t n = strcspn(at, " \t\",'");
	char word[32];
	int64_t v;

	if (n < sizeof(word)) {
		memcpy(word, at, n);
		word[n] = '\0';
		v = tapir_conf_word(name, word);
		if (v >= 0) {
			*end = at + n;
			return v;
		}
	}
	return strtoll(at, end, 0);
}

/* A key as Linux writes it. */
static void set_key(struct run *r, const struct script_event *e, const char *name, char *text)
{
	struct tapir_conf conf = r->t ? *tapir_conf_of(r->t) : r->conf;
	int64_t v;
	int err;

	text += strspn(text, " \t\"");
	text[strcspn(text, " \t\"")] = '\0';
	err = tapir_conf_set_key(&conf, name, text);
	if (err == -EINVAL)
		run_fail(r, e, "sysctl: '%s' is no key: give one like 1-2-3-4", text);
	if (err == 0 && !r->t)
		r->conf = conf;
	for (unsigned i = 0; err == 0 && r->t && tapir_conf_get(&conf, name, i, &v) == 0; i++)
		tapir_sysctl(r->t, name, i, v);
}

/* Why the settings do not agree: which, as they are, and what would do. */
void run_conflict(struct run *r, const struct script_event *e, const struct tapir_conf *conf,
		  const char *name)
{
	char values[128] = "";
	int64_t v;

	for (unsigned i = 0; tapir_conf_get(conf, name, i, &v) == 0; i++) {
		size_t n = strlen(values);

		snprintf(values + n, sizeof(values) - n, " %" PRId64, v);
	}
	run_fail(r, e, "sysctl: %s =%s: out of order: give none that is below the one before", name,
		 values);
}

/* Why a value is not taken: with the limits, or what it contradicts. */
static void refused(struct run *r, const struct script_event *e, const char *name, unsigned index,
		    int64_t v, int err)
{
	for (unsigned i = 0; tapir_conf_item(i); i++) {
		const struct tapir_conf_item *it = tapir_conf_item(i);

		if (it->index != index || strcmp(it->name, name) != 0)
			continue;
		if (err == -ERANGE)
			run_fail(r, e,
				 "sysctl: %s[%u] = %" PRId64
				 ": not within its limits: give %" PRId64 " to %" PRId64,
				 name, index, v, it->min, it->max);
		else
			run_fail(r, e,
				 "sysctl: %s[%u] = %" PRId64 ": out of order with its others: give "
				 "none that is below the one before",
				 name, index, v);
		return;
	}
	if (index > 0)
		run_fail(r, e, "sysctl: %s: too many values: give at most %u", name, index);
	else
		run_fail(r, e, "sysctl: %s: no such setting: docs/limits.md lists them", name);
}

static void set_one(struct run *r, const struct script_event *e, const char *name, char *values)
{
	char *at = values, *end;
	char none[TAPIR_CONF_KEY_TEXT];
	unsigned index = 0;

	if (!r->t)
		r->conf_event = e;
	if (tapir_conf_get_key(&r->conf, name, none) == 0) {
		set_key(r, e, name, values);
		return;
	}
	for (;; at = end) {
		int64_t v;
		int err;

		at += strspn(at, " \t\",");
		if (!*at)
			break;
		v = value_of(name, at, &end);
		if (end == at) {
			run_fail(r, e, "sysctl: '%s' is no value of %s: give a number", at, name);
			return;
		}
		err = r->t ? tapir_sysctl(r->t, name, index, v)
			   : tapir_conf_set(&r->conf, name, index, v);
		if (err) {
			refused(r, e, name, index, v, err);
			return;
		}
		index++;
	}
	if (index == 0)
		run_fail(r, e, "sysctl: %s wants a value", name);
}

/* Cuts the next piece of *at at one of `ends`, but not within quotes; NULL: nothing is left. */
static char *piece(char **at, const char *ends)
{
	char *p = *at + strspn(*at, ends), *from = p, quote = 0;

	if (!*p)
		return NULL;
	for (; *p && (quote || !strchr(ends, *p)); p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = quote ? 0 : *p;
	}
	*at = *p ? p + 1 : p;
	*p = '\0';
	return from;
}

/* NAME=VALUE, where slashes may stand for the name's dots, and quotes around the values. */
static void assign(struct run *r, const struct script_event *e, char *w)
{
	char *eq = strchr(w, '=');

	if (!eq) {
		run_fail(r, e, "sysctl: '%s' is not NAME=VALUE", w);
		return;
	}
	*eq = '\0';
	for (char *p = w; *p; p++) {
		if (*p == '/')
			*p = '.';
	}
	for (char *p = eq + 1; *p; p++) {
		if (*p == '\'')
			*p = ' ';
	}
	set_one(r, e, w + strspn(w, "\"' "), eq + 1);
}

static void command(struct run *r, const struct script_event *e, char *text)
{
	char *w = piece(&text, " \t\r");

	if (!w)
		return;
	if (strcmp(w, "sysctl") != 0) {
		run_fail(r, e, "the only command is `sysctl -w NAME=VALUE`, not '%s'", w);
		return;
	}
	while (!r->failed && (w = piece(&text, " \t\r"))) {
		if (w[0] != '-')
			assign(r, e, w);
		else if (w[strspn(w, "-wqe")])
			run_fail(r, e, "sysctl: '%s' is not taken: only -w and -q", w);
	}
}

void run_sysctl(struct run *r, const struct script_event *e)
{
	char *text = strdup(e->text), *at = text, *line;

	if (!text)
		abort();
	while (!r->failed && (line = piece(&at, ";\n")))
		command(r, e, line);
	free(text);
}

/* ---- %{ }% ---- */

static bool connection_state(struct run *r, int64_t *value)
{
	struct tapir_sock_iter it = {0};
	struct tapir_sock_info info;

	*value = TAPIR_TCP_CLOSED;
	while (tapir_sock_next(r->t, &it, &info)) {
		if (info.protocol == TAPIR_IPPROTO_TCP && info.state != TAPIR_TCP_LISTEN &&
		    info.peer.port != 0)
			*value = info.state;
	}
	return true;
}

static bool counter(struct run *r, const char *name, int64_t *value)
{
	const char *dot = strchr(name, '.');

	for (unsigned i = 0; dot && i < STAT_COUNT; i++) {
		if (strlen(tapir_stat_group(i)) == (size_t)(dot - name) &&
		    memcmp(tapir_stat_group(i), name, (size_t)(dot - name)) == 0 &&
		    strcmp(tapir_stat_name(i), dot + 1) == 0) {
			*value = (int64_t)tapir_stats_of(r->t)->n[i];
			return true;
		}
	}
	for (unsigned i = 0; dot && strncmp(name, "drop.", 5) == 0 && i < DROP_COUNT; i++) {
		if (strcmp(tapir_drop_name(i), dot + 1) == 0) {
			*value = (int64_t)tapir_stats_of(r->t)->drop[i];
			return true;
		}
	}
	return false;
}

bool run_info_field(const struct tapir_tcp_info *info, const char *name, int64_t *value)
{
#define F(text, field)                         \
	if (strcmp(name, text) == 0) {         \
		*value = (int64_t)info->field; \
		return true;                   \
	}
	F("tcpi_state", state)
	F("tcpi_ca_state", ca_state)
	F("tcpi_retransmits", retransmits)
	F("tcpi_probes", probes)
	F("tcpi_backoff", backoff)
	F("tcpi_options", options)
	F("tcpi_snd_wscale", snd_wscale)
	F("tcpi_rcv_wscale", rcv_wscale)
	F("tcpi_delivery_rate_app_limited", delivery_rate_app_limited)
	F("tcpi_fastopen_client_fail", fastopen_client_fail)
	F("tcpi_rto", rto)
	F("tcpi_ato", ato)
	F("tcpi_snd_mss", snd_mss)
	F("tcpi_rcv_mss", rcv_mss)
	F("tcpi_unacked", unacked)
	F("tcpi_sacked", sacked)
	F("tcpi_lost", lost)
	F("tcpi_retrans", retrans)
	F("tcpi_fackets", fackets)
	F("tcpi_last_data_sent", last_data_sent)
	F("tcpi_last_ack_sent", last_ack_sent)
	F("tcpi_last_data_recv", last_data_recv)
	F("tcpi_last_ack_recv", last_ack_recv)
	F("tcpi_pmtu", pmtu)
	F("tcpi_rcv_ssthresh", rcv_ssthresh)
	F("tcpi_rtt", rtt)
	F("tcpi_rttvar", rttvar)
	F("tcpi_snd_ssthresh", snd_ssthresh)
	F("tcpi_snd_cwnd", snd_cwnd)
	F("tcpi_advmss", advmss)
	F("tcpi_reordering", reordering)
	F("tcpi_rcv_rtt", rcv_rtt)
	F("tcpi_rcv_space", rcv_space)
	F("tcpi_total_retrans", total_retrans)
	F("tcpi_pacing_rate", pacing_rate)
	F("tcpi_max_pacing_rate", max_pacing_rate)
	F("tcpi_bytes_acked", bytes_acked)
	F("tcpi_bytes_received", bytes_received)
	F("tcpi_segs_out", segs_out)
	F("tcpi_segs_in", segs_in)
	F("tcpi_notsent_bytes", notsent_bytes)
	F("tcpi_min_rtt", min_rtt)
	F("tcpi_data_segs_in", data_segs_in)
	F("tcpi_data_segs_out", data_segs_out)
	F("tcpi_delivery_rate", delivery_rate)
	F("tcpi_busy_time", busy_time)
	F("tcpi_rwnd_limited", rwnd_limited)
	F("tcpi_sndbuf_limited", sndbuf_limited)
	F("tcpi_delivered", delivered)
	F("tcpi_delivered_ce", delivered_ce)
	F("tcpi_bytes_sent", bytes_sent)
	F("tcpi_bytes_retrans", bytes_retrans)
	F("tcpi_dsack_dups", dsack_dups)
	F("tcpi_reord_seen", reord_seen)
	F("tcpi_rcv_ooopack", rcv_ooopack)
	F("tcpi_snd_wnd", snd_wnd)
	F("tcpi_rcv_wnd", rcv_wnd)
	F("tcpi_rehash", rehash)
	F("tcpi_total_rto", total_rto)
	F("tcpi_total_rto_recoveries", total_rto_recoveries)
	F("tcpi_total_rto_time", total_rto_time)
	F("iss", iss)
	F("irs", irs)
	F("snd_una", snd_una)
	F("snd_nxt", snd_nxt)
	F("rcv_nxt", rcv_nxt)
#undef F
	return false;
}

static bool lookup(void *ctx, const char *name, int64_t *value)
{
	struct run *r = ctx;
	struct run_fd *f = run_fd_at(r, r->last_conn);
	struct tapir_tcp_info info;
	size_t len = sizeof(info);

	if (script_defined(r->s, name, strlen(name), value))
		return true;
	if (strcmp(name, "conn_state") == 0)
		return connection_state(r, value);
	if (strchr(name, '.'))
		return counter(r, name, value);
	if (f && strcmp(name, "urgent") == 0) { /* bytes before the mark, negative: none */
		*value = tapir_urgent(r->t, f->sock);
		return true;
	}
	if (!f || tapir_getsockopt(r->t, f->sock, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &len) < 0)
		return false;
	return run_info_field(&info, name, value);
}

void run_code(struct run *r, const struct script_event *e)
{
	char buf[400];
	const char *wrong = script_eval(e->text, lookup, r, buf, sizeof(buf));

	if (wrong)
		run_fail(r, e, "%s", wrong);
}
