/*
 * What is not a connection yet, or no more: listeners, SYN records, cookies, TIME-WAIT; and what names
 * and finds endpoints. Private to stack/tcp/.
 */
#ifndef TAPIR_TCP_TCP_PASSIVE_H
#define TAPIR_TCP_TCP_PASSIVE_H

#include "stack/base/siphash.h"
#include "stack/tcp/tcp_conn.h"

enum { TCP_FO_RST_S = 61 }; /* a minute, and the second under way */

struct tcp_listener {
	struct tcp_ep ep; /* tuple.raddr, rport unused */
	struct tapir *t;
	struct ready rdy;
	struct tcp_opt opt;
	const struct tcp_cc_ops *cc;
	uint32_t backlog;
	struct list acceptq; /* struct tcp_conn by accept_link, oldest first */
	uint32_t naccept;
	struct list syns; /* struct tcp_syn_ent, oldest first */
	uint32_t nsyn;
	uint32_t nyoung;    /* of these, whose SYN-ACK was sent once */
	struct list all;    /* tcp_state.listeners */
	uint32_t id;	    /* unique: SO_REUSEPORT's choice hangs on it, never on an address */
	uint64_t cookie_ns; /* when a cookie was sent last; 0: never */
	/* Fast Open, tcp_fastopen.c */
	struct tcp_fo_keys *fo_keys;   /* NULL: the instance's */
	struct list fo_children;       /* struct tcp_act: connections whose handshake is not over */
	uint32_t fo_pending;	       /* how many */
	uint64_t fo_rst_s;	       /* the second of the newest of the counts below */
	uint16_t fo_rst[TCP_FO_RST_S]; /* of those that ended in RST, by the second */
};

struct tcp_syn_ent {
	struct tcp_ep ep;
	struct tcp_listener *l;
	struct list link;   /* l->syns */
	struct timer timer; /* TIMER_TCP_SYN */
	struct tcp_passive p;
	uint64_t first_ns; /* when its first SYN-ACK left */
	uint8_t again;	   /* SYN-ACKs since, saturating */
	uint8_t retries;   /* time-outs, with a SYN-ACK or, deferred, without */
	bool acked; /* the ACK came already, but nothing else: TCP_DEFER_ACCEPT, or no room */
	uint32_t ts_first, ts_last; /* TSval of the first SYN-ACK and of the last */
	uint64_t last_answer_ns;    /* rate of answers to what is not the ACK; 0: none yet */
};

/*
 * TIME-WAIT, and FIN-WAIT-2 without a handle. In a pool; in FIFO order of expiry, doubly linked by pool
 * index + 1 (0: none). ep.node.aux holds the link back, 24 bits, and our window scale. The offset of the timestamps is not kept: it is
 * a function of the tuple.
 */
struct tcp_tw {
	struct tcp_ep ep;
	uint32_t snd_nxt, rcv_nxt;
	uint32_t ts_recent;
	uint32_t expire_ms;	 /* of the instance's clock modulo 2^32 */
	uint32_t answer_ms : 24; /* of the last answer, modulo 2^24: RFC 5961's throttling */
	uint32_t wnd_lo : 8;
	uint32_t fifo_next : 24;
	uint32_t wnd_hi : 8; /* with wnd_lo: the window field last advertised */
};

static_assert(sizeof(struct tcp_tw) <= 80, "a TIME-WAIT record is at most 80 bytes");

/* Who uses a local port. */
struct tcp_port {
	uint32_t refs;	   /* endpoints with TCP_EP_BOUND */
	uint32_t noreuse;  /* of these without SO_REUSEADDR */
	uint32_t explicit; /* of these by bind() or listen() */
};

enum { TCP_PORT_TABLE = 256 }; /* counters of RFC 6056 3.3.4 */

/* A free piece of memory in a list, in its own first bytes. */
struct tcp_free {
	struct tcp_free *next;
};

/* What Fast Open knows of destinations, and of paths that swallow it. */
struct tcp_fo_cache {
	struct htab tab;
	void *mem;	 /* its buckets; NULL: none yet */
	struct list lru; /* struct tcp_fo_dest */
	uint32_t n;
	uint64_t paused_ns; /* when the last pause began */
	uint8_t pauses;	    /* in a row */
};

/* The transport's own state: tcp_demux.c and others know its parts. */
struct tcp_state {
	struct siphash_key hash_key, isn_key, ts_key, port_key, cookie_key[2];
	struct htab eps;       /* conn, syn and tw by 4-tuple */
	struct htab listening; /* listeners by local port */
	struct list listeners; /* in order of listen() */
	uint32_t listener_id;
	struct list conns;    /* all connections, by tcp_conn.all, oldest first */
	uint32_t conns_gen;   /* raised by tcp_conn_free(): iter_at is void then */
	struct list *iter_at; /* tcp_sock_next(): where to go on at iter_pos */
	uint32_t iter_pos, iter_gen;
	struct tcp_port *port[256]; /* port p: port[p >> 8] + (p & 255), chunks made when needed */
	uint32_t port_count[TCP_PORT_TABLE]; /* RFC 6056 algorithm 4's counters */
	/* The TIME-WAIT record given up last for a new incarnation, whose ISN begins above (RFC 9293 3.6.1, MAY-2). */
	struct tcp_tuple recycled;
	uint32_t recycled_seq;
	bool recycled_set;
	uint32_t nconn, norphan, nsyn, ntw;
	uint64_t mem_bytes; /* rings, pages, records: bounded by tcp_mem_max */
	uint64_t
		mem_limit; /* tcp_mem_max when it grew last: a setting may fall below what is in use */
	bool pressure;	   /* beyond tcp_mem[1], and not below tcp_mem[0] since */
	struct list hoarders; /* struct tcp_act by hoard: who may hold text out of order */
	struct tcp_free *act_free, *page_free;
	uint32_t npage_free, nact_free;
	struct tcp_rec *rec_free;
	uint32_t nrec_free;
	struct siphash_key fo_key;
	struct tcp_fo_cache fo_cache;
	/* TIME-WAIT pool, tcp_timewait.c */
	struct tcp_tw **tw_chunk;
	uint32_t tw_chunks, tw_chunk_room, tw_free_idx, tw_head, tw_tail, fw2_head, fw2_tail;
	struct timer tw_timer;
	/* challenge ACKs (RFC 5961 7), tcp_respond.c */
	uint64_t challenge_second;
	uint32_t challenge_left;
	/* RSTs without a connection, tcp_respond.c */
	uint64_t rst_second;
	uint32_t rst_left;
};

/* ---- tcp_state.c: the one door for a state ---- */
/* Moves ep to `to`, checked against the edges of RFC 9293 3.3.2; counts, emits TAPIR_EV_TCP_STATE. */
void tcp_set_state(struct tapir *t, struct tcp_ep *ep, enum tapir_tcp_state to);
/*
 * The rest of it, when ep is in its new state (from 0: an endpoint begins, silently). A debugger stops here
 * (tools/gdb), so it is a call in every build. Only tcp_set_state() calls it.
 */
__attribute__((noinline)) void tcp_state_entered(struct tapir *t, const struct tcp_ep *ep,
						 enum tapir_tcp_state from,
						 enum tapir_tcp_state to);

/* ---- tcp_demux.c ---- */
int tcp_demux_init(struct tapir *t);
void tcp_demux_fini(struct tapir *t);
/* Exact 4-tuple among connections, SYN records and TIME-WAIT; NULL: none. */
struct tcp_ep *tcp_demux_find(struct tapir *t, const struct tcp_tuple *tu);
/* The best listener for a local address, port and interface: bound address beats any. */
struct tcp_listener *tcp_demux_listener(struct tapir *t, const struct tcp_tuple *tu, int ifindex);
void tcp_demux_insert(struct tapir *t, struct tcp_ep *ep); /* never fails: growing is best effort */
void tcp_demux_remove(struct tapir *t, struct tcp_ep *ep);
/*
 * Takes local (laddr, lport) for c, port 0: an ephemeral one. -EADDRINUSE by Linux's REUSEADDR rules,
 * -EADDRNOTAVAIL: no port left, -ENOMEM.
 */
int tcp_port_bind(struct tapir *t, struct tcp_conn *c, const struct tapir_addr *laddr,
		  uint16_t lport);
/* Whether c, bound, may listen: -EADDRINUSE when another listener is in the way. */
int tcp_port_listen(struct tapir *t, const struct tcp_conn *c);
/*
 * An ephemeral port such that (laddr, port, raddr, rport) is free (RFC 6056); fills tuple.lport. Or, bound
 * already, whether the tuple is free. -EADDRNOTAVAIL: not; -ENOMEM. A TIME-WAIT record may have given way.
 */
int tcp_port_connect(struct tapir *t, struct tcp_conn *c);
/*
 * One more endpoint uses ep's local port, or one less. Fails (-ENOMEM) only when no endpoint near this
 * port was ever bound: never for one that takes another's place.
 */
int tcp_port_ref(struct tapir *t, struct tcp_ep *ep);
void tcp_port_unref(struct tapir *t, struct tcp_ep *ep);
/* SO_REUSEADDR changed: it counts from now on, also where the port is bound already. */
void tcp_port_reuse_changed(struct tapir *t, struct tcp_ep *ep);

/* ---- tcp_isn.c ---- */
uint32_t tcp_isn(struct tapir *t, const struct tcp_tuple *tu); /* RFC 6528 3 */
/* Whether a TIME-WAIT record was given up for tu just now: the next tcp_isn() begins above it. */
bool tcp_isn_recycled(const struct tapir *t, const struct tcp_tuple *tu);
uint32_t tcp_ts_offset(struct tapir *t, const struct tcp_tuple *tu);

/* ---- tcp_xmit.c: every segment leaves here ---- */
struct tcp_xmit {
	const struct tcp_tuple *tuple;
	uint32_t seq, ack;
	uint16_t flags; /* TCP_SYN ... */
	uint32_t wnd;	/* already shifted: 0 to 65535 */
	uint16_t urg;
	const struct tcp_opts *opt; /* NULL: none */
	const struct ring *data;    /* with len > 0: bytes [off, off + len) of this ring */
	uint32_t off, len;
	struct pkt_charge *charge; /* what it counts against until it has left; NULL: nothing */
	uint16_t gso_size;
	uint8_t ttl, tos;
	uint8_t pmtudisc;	/* as struct tcp_opt's */
	const struct route *rt; /* fresh, or NULL: look up */
	int ifindex;		/* with rt NULL */
	bool reserve;		/* may use the reserve: ACK, RST */
	bool more;		/* the next segment is of the same chunk: PKT_GSO_MORE */
	bool rexmit;
	const char *source; /* with rexmit: the section that sends it again; NULL: the timer's */
};
/* 0, or as ip_output(); -ENOMEM: nothing was sent. Counts OutSegs and so on, emits TCP_SEG_OUT. */
int tcp_xmit(struct tapir *t, const struct tcp_xmit *x);
/* tcp_pmtu.c: whether segments go with DF. */
bool tcp_pmtu_df(const struct tapir *t, uint8_t pmtudisc);

/* ---- tcp_respond.c: for those without a connection, and challenge ACKs ---- */
/* RFC 9293 3.10.7.1: RST in answer to seg, unless it is one. Bounded in rate as ICMP errors are. */
void tcp_respond_rst(struct tapir *t, const struct tcp_seg *seg);
/* A RST with our own numbers: abort of a connection or record. */
void tcp_respond_rst_conn(struct tapir *t, struct tcp_conn *c);
/* <SEQ=snd_nxt><ACK=rcv_nxt><CTL=ACK> from a record. */
void tcp_respond_ack_tw(struct tapir *t, struct tcp_tw *tw);
void tcp_respond_ack_syn(struct tapir *t, struct tcp_syn_ent *e);
/* RST,ACK that ends a half-open connection. */
void tcp_respond_rst_syn(struct tapir *t, struct tcp_syn_ent *e);
struct tcp_fo_cookie;
/* foc: a Fast Open cookie to go with it, NULL: none. */
void tcp_respond_synack(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
			const struct tcp_fo_cookie *foc, bool rexmit);
/* Whether one more challenge ACK may leave now (RFC 5961 7, randomised). Counts. */
bool tcp_challenge_allowed(struct tapir *t);

/* ---- tcp_listen.c, tcp_syncache.c, tcp_syncookie.c ---- */
/* Fills what a SYN-ACK needs from a SYN and the listener's options, but for iss. False: no way to the peer. */
bool tcp_listen_offer(struct tapir *t, struct tcp_listener *l, const struct tcp_seg *seg,
		      struct tcp_passive *p);
/*
 * The end of a passive open: makes the connection, runs seg through it and queues it. False: no room,
 * nothing was made and seg still belongs to the caller; true: seg->rx->pkt is consumed.
 */
bool tcp_listen_complete(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
			 struct tcp_seg *seg);
/* As Linux: a backlog of n holds n + 1. */
bool tcp_listener_full(const struct tcp_listener *l);
/* A segment for a listener (RFC 9293 3.10.7.2). Consumes seg->rx->pkt. */
void tcp_listen_input(struct tapir *t, struct tcp_listener *l, struct tcp_seg *seg);
/* A record for a SYN whose offer is *p; answers with SYN-ACK. False: no memory. */
bool tcp_syncache_add(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
		      const struct tcp_fo_cookie *foc);
void tcp_syncache_input(struct tapir *t, struct tcp_syn_ent *e, struct tcp_seg *seg);
/* Forgets all records of l, in silence. */
void tcp_syncache_purge(struct tapir *t, struct tcp_listener *l);
/* Ends those of an address that is given up, with a RST. */
void tcp_syncache_addr_gone(struct tapir *t, struct tcp_listener *l, const struct tapir_addr *a);
enum drop_reason tcp_syncache_icmp_err(struct tapir *t, struct tcp_syn_ent *e,
				       const struct icmp_err *err);
/* Answers a SYN with a cookie, keeping nothing. */
void tcp_syncookie_send(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *offer,
			const struct tcp_seg *seg);
/*
 * DROP_NONE when the ACK in seg returns a cookie of ours (RFC 4987 3.6): *p is then what had been agreed on.
 * Else why it is none.
 */
enum drop_reason tcp_syncookie_check(struct tapir *t, struct tcp_listener *l,
				     const struct tcp_seg *seg, struct tcp_passive *p);
/* c was reset or closed before accept(): leaves its listener's queue. */
void tcp_listener_forget(struct tapir *t, struct tcp_conn *c);
/* c is established: queue it, wake the listener. False: the accept queue is full. */
bool tcp_listener_established(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_timewait.c ---- */
int tcp_tw_init(struct tapir *t);
void tcp_tw_fini(struct tapir *t);
/* A record in c's place (c already off the demux), in `state` (TIME_WAIT or FIN_WAIT_2). NULL: limit or memory. */
struct tcp_tw *tcp_tw_new(struct tapir *t, struct tcp_conn *c, enum tapir_tcp_state state);
/*
 * Consumes seg->rx->pkt and returns false; or returns true: a new SYN may take the tuple over (RFC 6191), the
 * record is gone and the segment goes on to the listener.
 */
bool tcp_tw_input(struct tapir *t, struct tcp_tw *tw, struct tcp_seg *seg);
/* Whether connect() may take its tuple (tcp_tw_reuse); then it is freed. */
bool tcp_tw_reuse(struct tapir *t, struct tcp_tw *tw);
void tcp_tw_free(struct tapir *t, struct tcp_tw *tw);
/* The window field that a record answers with. */
uint32_t tcp_tw_window(const struct tcp_tw *tw);
/* The pool's record at index `at` from 0, in use if its state is not 0; NULL past the end. */
const struct tcp_tw *tcp_tw_at(struct tapir *t, uint32_t at);
void tcp_tw_check(struct tapir *t);

#endif
