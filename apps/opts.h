/*
 * Command lines. A command gives a table of its options; parsing, errors and help all come from it. The
 * options that every command running a stack shares are parsed here into a struct stack_opts.
 */
#ifndef TAPIR_APPS_OPTS_H
#define TAPIR_APPS_OPTS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "stack/addr.h"
#include "stack/conf.h"

/* Why a value is refused and what to give instead: "not a port: give 1 to 65535". */
struct opt_why {
	char text[240];
};

/* One option. `set` gets the command's `to` and the value (NULL for a flag): 0, or -1 with *why filled. */
struct opt {
	const char *name; /* without its dashes */
	char letter;	  /* its short form, or 0 */
	const char *arg;  /* the value's name in the help, or NULL for a flag */
	const char *help; /* a line, or lines divided by '\n' */
	int (*set)(void *to, const char *value, struct opt_why *why);
};

enum dev_kind {
	DEV_TAP,    /* tap:NAME */
	DEV_PCAP,   /* pcap:IFACE */
	DEV_PACKET, /* packet:IFACE */
	DEV_FD,	    /* fd:N */
};

enum {
	STACK_DNS_MAX = 8,
	STACK_CTL_MAX = 107, /* bytes of --ctl's path: what a Unix socket's address has */
};

/* What the shared options say, defaults filled in and held against each other. */
struct stack_opts {
	enum dev_kind dev;
	char dev_name[IFNAMSIZ]; /* the TAP's or interface's name; "" for DEV_FD */
	int dev_fd;
	uint32_t ip; /* host order, as all here */
	uint8_t ip_len;
	uint32_t gw;	  /* 0: no gateway */
	uint32_t host_ip; /* 0: leave the kernel's side alone */
	uint8_t host_len;
	bool has_mac;
	struct tapir_mac mac;
	uint32_t mtu;	  /* 0: the device's own */
	const char *pcap; /* capture file, or NULL */
	/* --dns: name servers in the order given, port 53 where none is; ndns 0: those of resolv.conf */
	struct tapir_sockaddr dns[STACK_DNS_MAX];
	unsigned ndns;
	struct tapir_conf conf;
	const char *ctl; /* --ctl: the control socket's path; NULL: the default one */
	bool ctl_off;	 /* --ctl none */
	bool ctl_told;	 /* by the command: say so when there can't be the default one */
	/* given on the command line (their text, for errors), or NULL */
	const char *ip_text, *gw_text, *host_text;
};

struct opt_command {
	const char *name;     /* "httpd" */
	const char *operands; /* as the usage line shows them: "HOST", or "" */
	const char *about;    /* a sentence or some, for the help */
	const struct opt *opts;
	size_t nopts;
	void *to;		  /* what opts' set() gets */
	struct stack_opts *stack; /* NULL: the command runs no stack */
	int min_operands, max_operands;
};

enum { OPTS_GO = -1 };

/*
 * Parses a command's arguments. OPTS_GO: go on, *first is the index of the first operand in argv (which is
 * reordered). Otherwise the exit status: 0 when help was shown, 2 after one line of error on stderr.
 */
int opts_parse(const struct opt_command *cmd, int argc, char **argv, int *first);

/* Writes a command's help. */
void opts_help(const struct opt_command *cmd, FILE *f);

/* Writes "tapir NAME: thing: text" and a newline to stderr, control characters escaped. Returns 2. */
int opts_error(const char *name, const char *thing, const char *text);

/* Fills *why; returns -1, so that a setter can end in it. */
__attribute__((format(printf, 2, 3))) int opt_refuse(struct opt_why *why, const char *fmt, ...);

/* A decimal number within [min, max]; refused as "not WHAT: give MIN to MAX". */
int opt_number(const char *value, const char *what, long min, long max, long *out,
	       struct opt_why *why);

/* A dotted IPv4 address of four decimal numbers, nothing else. False if it is not one. */
bool opt_ip4(const char *text, uint32_t *out);

/*
 * A name server, "ADDR" or "ADDR#PORT" or "ADDR:PORT", as a socket address; the port is 53 where none is given. False if it is
 * none: an address that no host can have, a port of 0, or anything behind it.
 */
bool opt_dns_server(const char *text, struct tapir_sockaddr *out);

/*
 * "NAME=VALUE[ VALUE...]", as --sysctl takes it, into *conf: 0, or -1 with *why; values before a bad one are set then.
 * tapir_conf_conflict() is the caller's to ask.
 */
int opt_setting(struct tapir_conf *conf, const char *text, struct opt_why *why);

/* A setting whose values are out of order: "NAME = VALUES" in *thing; returns why, or NULL where all is well. */
const char *opt_conflict(const struct tapir_conf *conf, struct opt_why *thing);

/* Refuses a name that is no setting's, with the name that is most like it. Returns -1. */
int opt_no_setting(const char *name, struct opt_why *why);

/*
 * A setting as the kernel writes it: its values with tabs between them, a word where it has words, a key in its own form
 * ("" where none is set). False: no such setting. 128 bytes are enough for any.
 */
bool opt_setting_text(const struct tapir_conf *conf, const char *name, char *out, size_t size);

/* Sets every shared option to its default; opts_parse does it by itself. */
void stack_opts_default(struct stack_opts *o);

#endif
