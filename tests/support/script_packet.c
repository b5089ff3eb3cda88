/*
 * Packet scripts: from words to packets.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/script_parse.h"
#include "tests/support/wireview.h"

static const struct {
	const char *name;
	int tos, mask;
} ecn_names[] = {
	{"noecn", 0, 3}, {"nonect", 0, 3}, {"ect1", 1, 3},   {"ect0", 2, 3},
	{"ce", 3, 3},	 {"ect01", -2, 3}, {"tos", -1, 255},
};

/* Bytes as pairs of digits. Returns how many. */
static unsigned hex_bytes(struct cursor *c, uint8_t *out, unsigned max)
{
	unsigned n = 0;

	cur_blanks(c);
	while (isxdigit((unsigned char)c->at[0]) && isxdigit((unsigned char)c->at[1])) {
		char two[3] = {c->at[0], c->at[1], 0};

		if (n == max) {
			cur_fail(c, "more bytes than there is room for");
			break;
		}
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
		c->at += 2;
	}
	return n;
}

uint32_t cur_ip4(struct cursor *c)
{
	uint32_t a = 0;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			cur_expect(c, ".");
		a = a << 8 | cur_number_up_to(c, 255);
	}
	return a;
}

static void ip_info_word(struct cursor *c, struct script_packet *p)
{
	for (size_t i = 0; i < sizeof(ecn_names) / sizeof(ecn_names[0]); i++) {
		if (!cur_take(c, ecn_names[i].name))
			continue;
		p->tos_mask = ecn_names[i].mask;
		p->tos = ecn_names[i].tos;
		if (p->tos == -1)
			p->tos = (int)cur_number_up_to(c, 255);
		return;
	}
	if (cur_take(c, "ttl"))
		p->ttl = (int)cur_number_up_to(c, 255);
	else if (cur_take(c, "df"))
		p->df = 1;
	else if (cur_take(c, "nodf"))
		p->df = 0;
	else if (cur_take(c, "badcsum"))
		p->bad_csum = true;
	else if (cur_take(c, "badipcsum"))
		p->bad_ip_csum = true;
	else if (cur_take(c, "doff"))
		p->doff = (int)cur_number_up_to(c, 15);
	else if (cur_take(c, "rsv"))
		p->rsv = (int)cur_number_up_to(c, 7);
	else if (cur_take(c, "batch"))
		p->batch = true;
	else if (cur_take(c, "src"))
		p->has_src = true, p->src = cur_ip4(c);
	else if (cur_take(c, "dst"))
		p->has_dst = true, p->dst = cur_ip4(c);
	else if (cur_take(c, "flowlabel"))
		cur_fail(c, "flowlabel: IPv6 only");
	else if (cur_take(c, "ipopt"))
		p->nip_opt = hex_bytes(c, p->ip_opt, sizeof(p->ip_opt));
	else
		cur_fail(c, "what is '%.20s' of an IP header", c->at);
}

static void ip_info(struct cursor *c, struct script_packet *p)
{
	const char *close = cur_take(c, "[") ? "]" : cur_take(c, "(") ? ")" : NULL;

	if (!close)
		return;
	do
		ip_info_word(c, p);
	while (!c->failed && cur_take(c, ","));
	cur_expect(c, close);
}

/* SPORT > DPORT, if it comes next. */
static void ports(struct cursor *c, struct script_packet *p)
{
	cur_blanks(c);
	if (!isdigit((unsigned char)*c->at))
		return;
	p->sport = (uint16_t)cur_number_up_to(c, 65535);
	cur_expect(c, ">");
	p->dport = (uint16_t)cur_number_up_to(c, 65535);
}

static void flags(struct cursor *c, struct script_packet *p)
{
	static const char letters[] = "FSRP.UEWA";
	const char *from, *at;

	cur_blanks(c);
	from = c->at;
	for (; *c->at && !isspace((unsigned char)*c->at); c->at++) {
		if (*c->at == '-')
			continue;
		/* The three bits of AccECN as a number: A, W, E. */
		if (*c->at >= '0' && *c->at <= '7') {
			p->flags |= (uint16_t)((unsigned)(*c->at - '0') << 6);
			continue;
		}
		at = strchr(letters, *c->at);
		if (!at) {
			cur_fail(c, "'%c' is no flag of TCP", *c->at);
			return;
		}
		p->flags |= (uint16_t)(1u << (at - letters));
	}
	if (c->at == from)
		cur_fail(c, "flags are missing");
}

static void seq_range(struct cursor *c, uint32_t *seq, uint32_t *len)
{
	uint32_t end;

	*seq = cur_number_up_to(c, UINT32_MAX);
	cur_expect(c, ":");
	end = cur_number_up_to(c, UINT32_MAX);
	cur_expect(c, "(");
	*len = cur_number_up_to(c, 65535);
	cur_expect(c, ")");
	if (!c->failed && *seq + *len != end)
		cur_fail(c, "%u to %u are not %u bytes", *seq, end, *len);
}

static void tcp_option(struct cursor *c, struct script_opt *o)
{
	if (cur_take(c, "mss")) {
		o->kind = OPT_MSS;
		o->a = cur_number_up_to(c, 65535);
	} else if (cur_take(c, "wscale")) {
		o->kind = OPT_WSCALE;
		o->a = cur_number_up_to(c, 255);
	} else if (cur_take(c, "sackOK")) {
		o->kind = OPT_SACK_OK;
	} else if (cur_take(c, "nop")) {
		o->kind = OPT_NOP;
	} else if (cur_take(c, "eol")) {
		o->kind = OPT_EOL;
	} else if (cur_take(c, "TS")) {
		o->kind = OPT_TS;
		cur_expect(c, "val");
		o->a = cur_number_up_to(c, UINT32_MAX);
		cur_expect(c, "ecr");
		o->b = cur_number_up_to(c, UINT32_MAX);
	} else if (cur_take(c, "sack")) {
		o->kind = OPT_SACK;
		do {
			if (o->n == 4) {
				cur_fail(c, "more than four SACK blocks");
				return;
			}
			o->block[o->n][0] = cur_number_up_to(c, UINT32_MAX);
			cur_expect(c, ":");
			o->block[o->n++][1] = cur_number_up_to(c, UINT32_MAX);
			cur_blanks(c);
		} while (!c->failed && isdigit((unsigned char)*c->at));
	} else if (cur_take(c, "FOEXP") || cur_take(c, "FO")) {
		o->kind = c->at[-1] == 'P' ? OPT_FOEXP : OPT_FO;
		o->learnt_cookie = cur_take(c, "cookie");
		if (!o->learnt_cookie)
			o->n = hex_bytes(c, o->raw, 16);
	} else if (cur_take(c, "uto")) {
		o->kind = OPT_UTO;
		cur_blanks(c);
		o->a = (uint32_t)strtoul(c->at, NULL, 10);
		c->at += strspn(c->at, "0123456789");
		if (o->a > 0x7fff || (*c->at != 's' && *c->at != 'm'))
			cur_fail(c, "uto wants up to 32767s or 32767m");
		else
			o->a |= *c->at++ == 'm' ? 0x8000 : 0;
	} else if (cur_take(c, "md5") || cur_take(c, "mptcp") || cur_take(c, "exp")) {
		cur_fail(c, "no such option here: give it as raw bytes");
	} else if (cur_take(c, "raw")) {
		o->kind = OPT_RAW;
		o->n = hex_bytes(c, o->raw, sizeof(o->raw));
	} else {
		cur_fail(c, "'%.*s' is no option of TCP", (int)strcspn(c->at, ",>"), c->at);
	}
}

static void tcp_options(struct cursor *c, struct script_packet *p)
{
	if (cur_take(c, "...")) {
		p->any_options = true;
		cur_expect(c, ">");
		return;
	}
	do {
		if (p->nopt == sizeof(p->opt) / sizeof(p->opt[0])) {
			cur_fail(c, "too many options");
			return;
		}
		tcp_option(c, &p->opt[p->nopt++]);
	} while (!c->failed && cur_take(c, ","));
	cur_expect(c, ">");
}

static void tcp_packet(struct cursor *c, struct script_packet *p)
{
	flags(c, p);
	seq_range(c, &p->seq, &p->len);
	while (!c->failed) {
		if (cur_take(c, "ack")) {
			p->has_ack = true;
			p->ack = cur_number_up_to(c, UINT32_MAX);
		} else if (cur_take(c, "win")) {
			p->has_win = true;
			p->win = (uint16_t)cur_number_up_to(c, 65535);
		} else if (cur_take(c, "urg")) {
			p->has_urg = true;
			p->urg = (uint16_t)cur_number_up_to(c, 65535);
		} else {
			break;
		}
	}
	/* A '<' here opens options, not the next event: events begin with a time. */
	if (cur_take(c, "<"))
		tcp_options(c, p);
	if (p->has_ack != ((p->flags & WV_ACK) != 0))
		cur_fail(c, "`ack` and the flag '.' go together");
	if (!p->out && !p->has_win && !(p->flags & WV_RST))
		cur_fail(c, "an inbound segment wants a window: `win N`");
}

static const struct {
	const char *name;
	int type, code;
} icmp_names[] = {
	{"net_unreachable", 3, 0},
	{"host_unreachable", 3, 1},
	{"protocol_unreachable", 3, 2},
	{"port_unreachable", 3, 3},
	{"frag_needed", 3, 4},
	{"source_route_failed", 3, 5},
	{"net_unknown", 3, 6},
	{"host_unknown", 3, 7},
	{"source_host_isolated", 3, 8},
	{"net_prohibited", 3, 9},
	{"host_prohibited", 3, 10},
	{"net_unreachable_for_tos", 3, 11},
	{"host_unreachable_for_tos", 3, 12},
	{"packet_filtered", 3, 13},
	{"precedence_violation", 3, 14},
	{"precedence_cutoff", 3, 15},
	{"exceed_ttl", 11, 0},
	{"exceed_fragtime", 11, 1},
};

static void icmp_packet(struct cursor *c, struct script_packet *p)
{
	p->proto = PROTO_ICMP;
	if (cur_take(c, "unreachable"))
		p->type = 3;
	else if (cur_take(c, "source_quench"))
		p->type = 4;
	else if (cur_take(c, "redirect"))
		p->type = 5;
	else if (cur_take(c, "echo_request"))
		p->type = 8;
	else if (cur_take(c, "echo_reply"))
		p->type = 0;
	else if (cur_take(c, "time_exceeded"))
		p->type = 11;
	else if (cur_take(c, "parameter_problem"))
		p->type = 12;
	else
		cur_fail(c, "what ICMP type is '%.20s'", c->at);
	for (size_t i = 0; i < sizeof(icmp_names) / sizeof(icmp_names[0]); i++) {
		if (icmp_names[i].type == p->type && cur_take(c, icmp_names[i].name))
			p->code = icmp_names[i].code;
	}
	if (cur_take(c, "code"))
		p->code = (int)cur_number_up_to(c, 255);
	if (cur_take(c, "mtu"))
		p->mtu = cur_number_up_to(c, 65535);
	if (cur_take(c, "[")) {
		if (cur_take(c, "udp")) {
			p->quoted = PROTO_UDP;
			cur_expect(c, "(");
			p->quoted_len = cur_number_up_to(c, 65507);
			cur_expect(c, ")");
		} else {
			cur_take(c, "tcp");
			seq_range(c, &p->quoted_seq, &p->quoted_len);
		}
		cur_expect(c, "]");
	}
}

void cur_packet(struct cursor *c, struct script_event *e, bool out)
{
	struct script_packet *p = &e->packet;

	e->kind = EVENT_PACKET;
	p->out = out;
	p->tos = p->ttl = p->df = p->doff = p->rsv = -1;
	ip_info(c, p);
	ports(c, p);
	if (cur_take(c, "icmpv6") || cur_take(c, "ipv6") || cur_take(c, "ipv4") ||
	    cur_take(c, "gre") || cur_take(c, "mpls")) {
		cur_fail(c, "plain IPv4 only, no IPv6 and no tunnels");
	} else if (cur_take(c, "icmp")) {
		icmp_packet(c, p);
	} else if (cur_take(c, "udp")) {
		p->proto = PROTO_UDP;
		cur_expect(c, "(");
		p->len = cur_number_up_to(c, 65507);
		cur_expect(c, ")");
	} else {
		tcp_packet(c, p);
	}
}
