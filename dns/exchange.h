/*
 * Inside dns_net (dns/net.h): questions, the servers that each may ask, and tries, which are a question at one server over one transport.
 *
 *	dns_ask --- exchange --- cand[0..n) --- dns_server --- dns_pipe (a connection)
 *	                           |                              |
 *	                          try  (UDP: a socket of its own) try try try
 *
 * What happens to a try changes its candidate and puts the question on dns_net.todo; net_work(), at the end of every entry, takes them off
 * and does the next step of each (net.c's step()). So nothing calls back into what is under way.
 */
#ifndef TAPIR_DNS_EXCHANGE_H
#define TAPIR_DNS_EXCHANGE_H

#include "dns/net.h"
#include "dns/packet.h"
#include "dns/server.h"

/* RFC 9520 3.1, DN-25: not more than this over one transport to one server for one question. */
enum { DNS_SENDS_MAX = 3 };
enum { DNS_SERVERS_KEPT = 16, DNS_RECV_MAX = 65536 };

enum cand_state {
	CAND_FRESH, /* not asked yet */
	CAND_DUE,   /* is to be asked (again) at once */
	CAND_WAITS, /* has a try under way */
	CAND_DONE,  /* nothing more will come of it */
};

/* Over TCP because of what came over UDP. Where there is no TCP it goes back, and a protection that the server can't give is left off. */
enum cand_detour {
	DETOUR_NONE,
	DETOUR_FORGED, /* too many replies did not fit */
	DETOUR_CASE,   /* the case was not kept: without mixing */
	DETOUR_COOKIE, /* no cookie came: it has none any more */
};

struct dns_cand {
	struct dns_server *server;
	struct dns_try *y;
	enum cand_state state;
	enum dns_transport transport; /* of the try, or of the next */
	uint8_t sent[4];	      /* by transport */
	bool no_edns, no_x20;	      /* for this question */
	bool case_odd;		      /* over UDP another case came, and TCP could not be asked */
	bool edns_doubt;	 /* ... because it failed with it: confirmed by an answer without */
	bool badcookie;		 /* happened already */
	enum cand_detour detour; /* why it is on TCP */
	bool soft;		 /* something fishy came: when its time is over go on by TCP */
	bool soft_edns;		 /* ... or without EDNS */
	bool no_tcp;		 /* it was fled to from forged replies, and is not there */
	int soft_error;		 /* ... or give it up: ICMP said so, which anybody may have sent */
	uint64_t again_ns;	 /* the same packet goes again then */
};

enum { DNS_SPREAD = 1024 };

struct exchange { /* dns_ask.priv */
	struct dns_ask *ask;
	struct list all;	   /* dns_net.all, until it is released */
	struct list todo, starved; /* dns_net's */
	uint64_t step_ns;	   /* when the next server is asked, or the first again */
	uint64_t began_ns;
	uint32_t spread; /* by chance, below DNS_SPREAD: how much later than due it is sent again */
	unsigned ncand;
	struct dns_cand cand[DNS_SERVERS_MAX];
	bool over;
	bool timeout, malformed, unreachable, nomem,
		unsendable;	   /* what went wrong with candidates */
	enum dns_status failed_as; /* what ask->reply means, when it is a failure */
	struct dns_story story;
};

struct dns_try {
	struct list node;	/* dns_ask.tries */
	struct list queue;	/* dns_pipe.waiting or .flying */
	struct hnode hnode;	/* dns_net.socks (UDP) or .ids (streams) */
	struct heap_node timer; /* lingering: when it ends */
	struct exchange *x;	/* NULL: it lingers for the server's sake */
	struct dns_cand *cand;
	struct dns_server *server;
	struct dns_attempt *told; /* its line of the story; NULL: none left */
	struct dns_pipe *pipe;
	enum dns_transport transport;
	bool flying;
	tapir_sock_t sock; /* UDP */
	struct tapir_addr own;
	unsigned sent;
	uint32_t ignored;
	uint64_t first_ns, last_ns;
	struct dns_packet packet;
};

struct dns_net {
	struct tapir *t;
	struct dns_env env;
	struct dns_conf conf;
	struct chacha_rng *rng;
	struct siphash_key hash_key, cookie_key;
	struct list servers;
	unsigned nservers;
	struct dns_server *configured[DNS_SERVERS_MAX];
	unsigned nconfigured, turn;
	struct htab socks; /* by socket: UDP tries (aux 0) and pipes (aux 1) */
	struct htab ids;   /* by pipe's socket and ID */
	struct heap asks, pipes, lingering;
	struct list all, todo, starved, done;
	uint64_t starved_ns; /* the first of them is tried again then */
	bool freed;	     /* a socket was closed since */
	unsigned nasks, ntries;
	uint8_t *buf; /* DNS_RECV_MAX: where datagrams are received */
	struct dns_stats stats;
};

static inline uint64_t net_now(const struct dns_net *n)
{
	return tapir_now(n->t);
}

static inline void *net_alloc(struct dns_net *n, size_t len)
{
	return n->env.mem.alloc(n->env.mem.ctx, len);
}

static inline void net_free(struct dns_net *n, void *p, size_t len)
{
	if (p)
		n->env.mem.free(n->env.mem.ctx, p, len);
}

/* ---- net.c ---- */
int dns_net_watch(struct dns_net *n, tapir_sock_t s, uint32_t bits);
void dns_net_todo(struct dns_net *n, struct exchange *x);
/* Nothing more will come of the candidate, which has no try: the next one's turn. */
void dns_net_give_up(struct dns_net *n, struct exchange *x, struct dns_cand *c);
/* The candidate, which has no try, is asked again at once, over `transport`; or not, if that was done often enough. */
void dns_net_follow(struct dns_net *n, struct exchange *x, struct dns_cand *c,
		    enum dns_transport transport);
/* The question is over. Tries end or linger. */
void dns_net_finish(struct dns_net *n, struct exchange *x, enum dns_status status);
/* In the tables of sockets and IDs: node in, found, out. */
void dns_net_hold(struct dns_net *n, struct htab *h, struct hnode *node, uint64_t a, uint64_t b);
void dns_net_unhold(struct dns_net *n, struct htab *h, struct hnode *node);
uint32_t dns_net_hash(const struct dns_net *n, uint64_t a, uint64_t b);

/* ---- try.c ---- */
/* Begins one for candidate c: 0; -ENFILE: wait for a socket; else why there is none. */
int dns_try_begin(struct dns_net *n, struct exchange *x, struct dns_cand *c);
/* The packet for it; `own` is set. */
int dns_try_packet(struct dns_net *n, struct dns_try *y, uint16_t id, struct dns_dice *dice);
/* It was sent, (again). */
void dns_try_sent(struct dns_net *n, struct dns_try *y);
/* Ends it with a line in the story. */
void dns_try_end(struct dns_net *n, struct dns_try *y, enum dns_outcome outcome, int error);
/* Its question is answered: it may linger, else it is ended. */
void dns_try_leave(struct dns_net *n, struct dns_try *y);
/* Ends a lingering one. */
void dns_try_drop(struct dns_net *n, struct dns_try *y);

/* ---- udp.c ---- */
int dns_udp_begin(struct dns_net *n, struct dns_try *y);
/* The same packet (again): 0 or what tapir_send() said. */
int dns_udp_transmit(struct dns_net *n, struct dns_try *y);
void dns_udp_ready(struct dns_net *n, struct dns_try *y);
void dns_udp_end(struct dns_net *n, struct dns_try *y);

/* ---- judge.c ---- */
/* A datagram came for y: true when y is gone afterwards. */
bool dns_judge_datagram(struct dns_net *n, struct dns_try *y, const uint8_t *b, size_t len);
/* A message of a connection came that has y's ID: false, it is none for y. Else y is gone. */
bool dns_judge_message(struct dns_net *n, struct dns_try *y, const uint8_t *b, size_t len);
/* An ICMP error, errno `error`, about what a UDP try sent. False: the try is gone. */
bool dns_judge_icmp(struct dns_net *n, struct dns_try *y, int error);
/* The transport failed it: outcome DNS_TRIED_... and a positive errno. y is gone. */
void dns_judge_failure(struct dns_net *n, struct dns_try *y, enum dns_outcome outcome, int error);

#endif
