/*
 * A connection.
 *
 * An idle connection is one struct tcp_conn and nothing else. What moves data lives in a struct
 * tcp_act, taken from a pool when the first byte is queued or arrives, and given back when nothing is
 * outstanding, unread or out of order.
 */
#ifndef TAPIR_TCP_TCP_CONN_H
#define TAPIR_TCP_TCP_CONN_H

#include <assert.h>

#include "stack/base/ranges.h"
#include "stack/base/ring.h"
#include "stack/base/seq.h"
#include "stack/core/ready.h"
#include "stack/ip/route.h"
#include "stack/tcp/tcp.h"
#include "stack/tcp/tcp_cc.h"
#include "stack/tcp/tcp_rto.h"

enum {
	TCP_OOO_FIRST = 64, /* islands that need no memory of their own */
	TCP_PAGE = 4096,
	TCP_MSS_DEFAULT = 536,
	TCP_MSS_MAX = 65495,
	TCP_MSS_FLOOR = 28, /* what the smallest MTU, 68, leaves; see tcp_sack_blocks() */
	IP_TCP_HLEN = 40,
	TCP_TS_LEN = 12,
	TCP_RTO_FALLBACK_US = 3000000,
	TCP_DELACK_MAX_US = 200000
};

/* Options that an application sets; a listener's are inherited by its connections. */
struct tcp_opt {
	uint16_t flags;			  /* enum tcp_optflag */
	uint16_t maxseg;		  /* TCP_MAXSEG, 0: none */
	int32_t linger_s;		  /* SO_LINGER, -1: off */
	int16_t linger2_s;		  /* TCP_LINGER2: -1 none, 0: tcp_fin_timeout */
	uint8_t rto_min_ms;		  /* TCP_RTO_MIN_US, 0: the setting's */
	uint8_t delack_max_ms;		  /* TCP_DELACK_MAX_US, 0: 200 ms */
	uint16_t keepidle_s, keepintvl_s; /* 0: the setting's */
	uint8_t keepcnt, syncnt;	  /* 0: the setting's */
	uint8_t ttl, tos;		  /* ttl 0: the setting's */
	uint16_t ifindex;		  /* SO_BINDTODEVICE */
	uint8_t pmtudisc;		  /* IP_MTU_DISCOVER + 1; 0: the setting's */
	uint8_t min_ttl;		  /* IP_MINTTL, 0: any */
	uint32_t user_timeout_ms;
	int32_t uto_s; /* TCP_UTO: told to the peer (RFC 5482 ADV_UTO), 0: option off, -1: the setting's */
	uint32_t rcvbuf, sndbuf; /* bytes of data; 0: the setting's, auto-tuned later */
	uint32_t notsent_lowat;
	uint32_t window_clamp; /* TCP_WINDOW_CLAMP, 0: none */
	uint8_t defer_accept;  /* TCP_DEFER_ACCEPT, in SYN-ACKs sent again; 0: off */
	uint16_t
		fastopen_qlen; /* TCP_FASTOPEN: data-carrying SYNs that may await their ACK; 0: none */
	uint32_t rto_max_ms;	  /* TCP_RTO_MAX_MS, 0: the setting's */
	uint64_t max_pacing_rate; /* SO_MAX_PACING_RATE, bytes a second; 0: none */
};

enum tcp_optflag {
	TCP_O_NODELAY = 1 << 0,
	TCP_O_CORK = 1 << 1,
	TCP_O_KEEPALIVE = 1 << 2,
	TCP_O_OOBINLINE = 1 << 3,
	TCP_O_REUSEADDR = 1 << 4,
	TCP_O_REUSEPORT = 1 << 5,
	TCP_O_QUICKACK_OFF = 1 << 6,
	TCP_O_DONTROUTE = 1 << 7,
	TCP_O_FASTOPEN_CONNECT = 1 << 8,
	TCP_O_FASTOPEN_NO_COOKIE = 1 << 9,
	TCP_O_RECVERR = 1 << 10, /* IP_RECVERR */
};

enum tcp_flag {
	TCP_F_TS = 1 << 0,	   /* timestamps negotiated (RFC 7323 3.2) */
	TCP_F_SACK = 1 << 1,	   /* SACK permitted by the peer */
	TCP_F_WS = 1 << 2,	   /* window scaling in force */
	TCP_F_ACTIVE = 1 << 3,	   /* opened actively: a RST in SYN-RECEIVED says ECONNREFUSED */
	TCP_F_PASSIVE = 1 << 4,	   /* came from a listener, not accepted yet */
	TCP_F_FIN_QUEUED = 1 << 5, /* the application closed: FIN follows the last byte */
	TCP_F_FIN_SENT = 1 << 6,   /* FIN has taken its sequence number, snd_max - 1 */
	TCP_F_FIN_RCVD = 1 << 7,   /* the peer's FIN was reached in order */
	TCP_F_ACK_NOW = 1 << 8,
	TCP_F_DELACK = 1 << 9, /* an ACK is owed within the delayed-ACK time */
	TCP_F_SHUT_RD = 1 << 10,
	TCP_F_URG_RCVD = 1 << 11, /* rcv_up means something */
	TCP_F_URG_SENT = 1 << 12, /* snd_up means something */
	TCP_F_URG_HERE = 1 << 13, /* urg_octet means something */
	TCP_F_WANT_OUT = 1 << 15, /* a send met -EAGAIN */
	TCP_F_ORPHAN = 1 << 16,	  /* no handle any more */
	TCP_F_DETACHED =
		1 << 17, /* closed for the network; a handle still holds what was received */
	TCP_F_CONNECTED = 1 << 19, /* was ESTABLISHED once */
	TCP_F_PERSIST =
		1
		<< 20, /* TCP_D_PERSIST is at work: the peer's window is closed (RFC 9293 3.8.6.1) */
	TCP_F_MORE = 1 << 22, /* the last send said MSG_MORE, and nothing came since */
	TCP_F_SYN_ACKED = 1 << 23,
	TCP_F_WND_UPDATE = 1 << 24, /* the application read: a window update may be owed */
	TCP_F_TX_WAIT = 1 << 25,    /* on its interface's txwait, not on t->dirty */
	TCP_F_OOB_READ = 1 << 29,   /* the urgent byte was read by MSG_OOB */
	TCP_F_ACK_SCHED = 1 << 28,  /* this very segment earns an ACK: tcp_rcv_ack() says when */
	TCP_F_PUSH = 1 << 26,	    /* urgent or pushed: ignore Nagle for what is queued now */
};

/* tcp_conn.ecn: RFC 3168 */
enum tcp_ecn_flag {
	TCP_ECN_OK = 1 << 0,   /* both ends agreed */
	TCP_ECN_ECHO = 1 << 1, /* CE came: ECE on every ACK until CWR */
	TCP_ECN_OWED = 1 << 2, /* CE came of which no ACK has told yet */
	TCP_ECN_CWR = 1 << 3,  /* the window was cut: CWR on the next new data */
	TCP_ECN_SEEN = 1 << 4, /* data came with ECT */
};

/* tcp_conn.fo: Fast Open, RFC 7413 */
enum tcp_fo_flag {
	TCP_FO_CHILD = 1 << 0,	/* opened by data on a SYN, our SYN not acknowledged yet */
	TCP_FO_DEFER = 1 << 1,	/* connect() was called, the SYN waits for data */
	TCP_FO_OPTION = 1 << 2, /* our SYN has the option */
	TCP_FO_EXP = 1 << 3,	/* in its experimental form */
	TCP_FO_DATA = 1 << 4,	/* our SYN carries data */
	TCP_FO_ACKED = 1 << 5,	/* data in a SYN was taken */
	TCP_FO_CHECK = 1 << 6,	/* the first try after a pause */
	TCP_FO_OPENED = 1 << 7, /* opened by Fast Open: was TCP_FO_CHILD once */
};

/* Why Fast Open saved no time: TCP_INFO's tcpi_fastopen_client_fail, Linux's numbers. */
enum tcp_fo_fail {
	TCP_FO_FAIL_NONE,
	TCP_FO_FAIL_NO_COOKIE,
	TCP_FO_FAIL_NOT_ACKED,
	TCP_FO_FAIL_SYN_AGAIN,
};

/* Congestion state, with Linux's names and numbers: tcp_recovery.c. */
enum tcp_ca_state {
	TCP_CA_OPEN,
	TCP_CA_DISORDER, /* SACKs or duplicate ACKs came: reordering, or a loss yet to be seen */
	TCP_CA_CWR,	 /* the window is being reduced without a loss (ECN) */
	TCP_CA_RECOVERY, /* a loss was found: until `recover` is acknowledged */
	TCP_CA_LOSS,	 /* a retransmission timed out: until `recover` is acknowledged */
};

/*
 * One piece of [SND.UNA, SND.MAX): the pieces partition it, in order of sequence. SYN and FIN count as a byte.
 */
struct tcp_rec {
	struct list seq_link;  /* tcp_act.recs, by sequence */
	struct list time_link; /* tcp_act.recs_time, by sent_ns, while in flight: RACK (RFC 8985) */
	uint32_t seq, len;
	uint64_t sent_ns; /* last transmission */
	/* As it was when this was sent last, for rate samples: tcp_rate.c. */
	uint64_t first_tx_ns, delivered_ns;
	uint32_t delivered;
	bool app_limited;
	uint16_t mss;  /* of its segments all but the last carried that much */
	uint8_t times; /* transmissions, saturating */
	uint8_t flags; /* enum tcp_rec_flag */
	uint32_t tx;   /* the transmission's number: in order among those of one moment */
};

enum tcp_rec_flag {
	TCP_REC_SACKED = 1 << 0,
	TCP_REC_LOST = 1 << 1, /* found lost; never SACKED as well */
	TCP_REC_SYN = 1 << 2,
	TCP_REC_FIN = 1 << 3,
	TCP_REC_PROBE = 1 << 4,	  /* one segment larger than usual: see tcp_mtup.c */
	TCP_REC_RETRANS = 1 << 5, /* sent again since it was found lost, and in flight so */
	TCP_REC_PSH = 1 << 6,	  /* its last segment left with PSH, and does so again */
	TCP_REC_EOR = 1 << 7,	  /* what follows joins it in no segment (MSG_EOR) */
};

/* Deadlines while active; TAPIR_NEVER: not running. */
enum tcp_deadline {
	TCP_D_REXMT, /* retransmission (RFC 6298), SYN and FIN too */
	TCP_D_PERSIST, /* zero-window probe, silly-window override (RFC 9293 3.8.6.2.1), CORK's and MSG_MORE's wait */
	TCP_D_DELACK,
	TCP_D_COMPACK, /* compressed duplicate ACKs: tcp_rcv.c */
	TCP_D_RETRY,   /* memory, or a share of the transmit queue, was not to be had */
	TCP_D_PACE,    /* the next segment's turn: tcp_pacing.c */
	TCP_D_COUNT
};

/* The receive buffer: pages at final offsets; page of sequence number s is page[(s / TCP_PAGE) % npages]. */
struct tcp_rcvbuf {
	uint8_t **page; /* npages entries, a power of two; NULL where nothing was written */
	uint32_t npages, npages_used;
};

/* What of the data not sent yet gets PSH: tcp_push.c. */
enum { TCP_PUSHES = 48, TCP_EORS = 16 };
struct tcp_push {
	uint32_t tail; /* where the packet begins that the next write adds to */
	uint32_t goal; /* what those before it hold */
	uint8_t head, n;
	uint32_t at[TCP_PUSHES]; /* one past the last byte */
	uint32_t eor[TCP_EORS];	 /* MSG_EOR: packets end here */
	uint8_t neor;
};

/* What the segments that wait would take of Linux's memory: tcp_rcv.c. */
enum { TCP_CHARGES = 24 };
struct tcp_charges {
	uint32_t sum;
	uint16_t n, room; /* room: bytes that still fit into the last one */
	struct tcp_charge {
		uint32_t end, cost;
	} c[TCP_CHARGES];
};

struct tcp_act {
	/* sending */
	uint32_t reserved; /* bytes that tapir_send_reserve() gave and may be committed */
	struct ring snd;   /* data from SND.UNA, the SYN not counted */
	struct tcp_push push;
	bool chunk_more; /* the segment that leaves now is followed by one of its chunk: tcp_tso.c */
	bool deferred;	 /* the congestion window, not the program, made a chunk wait */
	struct tcp_ring_pin *pin;    /* with the ring's memory */
	struct list recs, recs_time; /* struct tcp_rec */
	struct tcp_rec rec0;	     /* for when there is no memory: progress never needs any */
	bool rec0_used;
	uint32_t nrecs;
	struct tcp_rec *lost_hint; /* no record before it waits to be sent again; NULL: the first */
	struct tcp_rec *sack_hint; /* where the last SACK block was found; NULL: the first */
	/* RFC 6675 4, IsLost(): what lies below is SACKed or lost; the record there; SACKed segments below it. */
	uint32_t judged, judged_sacked;
	struct tcp_rec *judged_hint;
	/* Sums over the records; segments are counted as they were sent. */
	uint32_t
		in_flight; /* bytes neither SACKED nor LOST, and those in RETRANS; to be looked at, as is */
	uint32_t lost_bytes;
	uint32_t segs_out, segs_sacked, segs_lost, segs_retrans;
	uint32_t reno_sacked; /* without SACK: segments that duplicate ACKs say have arrived */
	uint32_t reno_flight; /* segments out when the first of them came */
	uint32_t
		high_sacked; /* one past the highest SACKed byte; means something with segs_sacked */
	uint32_t lost_total; /* segments ever marked lost: what one ACK adds is the difference */
	/* A lost record could not be cut for want of memory: until then it is not sent again at this SND.UNA. */
	uint64_t uncut_ns;
	uint32_t uncut_una;
	uint64_t retrans_start_ns; /* first unanswered retransmission: R2, user timeout */
	uint64_t pace_ns;	   /* what was sent until now is worth the pace until then */
	/* delivery rate: tcp_rate.c */
	uint64_t
		first_tx_ns; /* when the latest delivered piece was sent: an interval of sending begins */
	uint64_t delivered_ns; /* when `delivered` grew last */
	uint32_t delivered;    /* segments, modulo 2^32 */
	uint32_t
		app_limited; /* until so many are delivered the program, not the path, sets the rate */
	bool app_limited_set;
	uint64_t persist_ns; /* the first probe of a closed window, answered or not: user timeout */
	/* recovery: tcp_recovery.h */
	uint8_t timer_kind; /* enum tcp_timer_kind: what TCP_D_REXMT is */
	uint8_t rexmit;	    /* enum tcp_rexmit: what tcp_output() may do about LOST records */
	bool frto;	    /* LOSS may turn out spurious (RFC 5682) */
	bool rescued;	    /* RFC 6675 4: one rescue retransmission a recovery */
	bool rack_advanced; /* something later was delivered since RACK last looked */
	bool reneged;
	uint64_t rack_ns;		 /* RACK.xmit_ts (RFC 8985 5.2) */
	uint64_t rack_rtt_ns;		 /* RACK.rtt */
	uint32_t rack_end;		 /* RACK.end_seq */
	uint32_t rack_tx, tx_count;	 /* its tcp_rec.tx; the last one given */
	uint32_t prr_delivered, prr_out; /* segments (RFC 9937 6) */
	uint64_t retrans_stamp_ns;	 /* first retransmission of this episode; 0: none */
	uint32_t retrans_stamp;		 /* the same as a timestamp value (RFC 3522 3.2) */
	/* receiving */
	struct tcp_rcvbuf rcv;
	struct tcp_charges charges;
	struct list hoard; /* tcp_state.hoarders, with conn set */
	struct tcp_conn *conn;
	struct ranges ooo; /* received beyond RCV.NXT */
	struct seq_range ooo_mem[TCP_OOO_FIRST];
	uint32_t fin_seq; /* the peer's FIN seen ahead of RCV.NXT */
	bool fin_seen;
	bool dsack; /* next ACK begins with this D-SACK (RFC 2883) */
	uint32_t dsack_start, dsack_end;
	/* Duplicate ACKs at comp_nxt: sent one by one so far, and held back since the last one left. */
	uint32_t comp_nxt;
	uint8_t comp_dups;
	uint8_t comp_held;
	uint8_t pushed; /* TCP_PUSHED: a write of the peer's ended in what is not acknowledged */
	/* a Fast Open child whose handshake is not over */
	struct list fo_link;
	struct tcp_listener *fo_l;
	const struct tcp_fo_cookie
		*fo_cookie; /* while its first SYN-ACK is made: what goes with it */
	/* time */
	uint64_t deadline_ns[TCP_D_COUNT];
	struct route rt;
};

enum { TCP_PUSHED = 1, TCP_PUSHED2 = 2 };
enum { TCP_QUICKACKS_MAX = 16 }; /* after a duplicate, as Linux */

struct tcp_listener;

/* What a connection with something to send is waiting for: see tcp_info.h. */
enum tcp_chrono { TCP_CHRONO_NONE, TCP_CHRONO_BUSY, TCP_CHRONO_RWND, TCP_CHRONO_SNDBUF };
enum { TCP_CHRONO_COUNT = TCP_CHRONO_SNDBUF };

/*
 * Counted for TCP_INFO: see tcp_info.c. Used for more are dsack_dups (no more duplicates than we made) and reord_seen
 * (RACK's window). Times are ms of the instance's clock.
 */
struct tcp_meter {
	uint32_t delivered,
		delivered_ce; /* segments acknowledged, by SACK or cumulatively; by ACKs with ECE */
	uint32_t dsack_dups, reord_seen, rcv_ooopack;
	uint32_t chrono_ms[TCP_CHRONO_COUNT], chrono_start_ms;
	uint32_t start_ms, last_ack_ms, last_data_ms; /* established; the last ACK, the last text */
	uint32_t rto_ms, rto_start_ms;		      /* in recovery from RTOs */
	uint32_t rate_segs, rate_us;		      /* the delivery rate: so many in so long */
	uint16_t rtos, rto_episodes;
	uint8_t chrono; /* enum tcp_chrono */
	bool in_rto, rate_app_limited;
};

struct tcp_conn {
	struct tcp_ep ep;
	/* sequence space, RFC 9293 3.3.1 */
	uint32_t snd_una, snd_nxt, snd_wnd, snd_wl1;
	uint32_t snd_wl2, snd_max, rcv_nxt,
		rcv_wnd; /* rcv_nxt + rcv_wnd: the highest edge advertised */
	enum tcp_flag flags;
	uint32_t ts_recent;
	struct tcp_act *act; /* NULL: idle */
	struct tcp_cc cc;
	struct tcp_rtt rtt;
	uint32_t iss, irs;
	uint32_t max_snd_wnd;
	uint32_t recover; /* RFC 6582 3.2: SND.NXT when the congestion state last changed */
	uint32_t
		undo_marker; /* SND.UNA when the window was cut; undo_open says whether it counts */
	int32_t undo_retrans; /* retransmissions since that no D-SACK accounts for; -1: none was sent */
	uint32_t tlp_high_seq;	 /* RFC 8985 7: SND.NXT when the tail probe left; tlp_out */
	uint32_t rack_round;	 /* SND.NXT when the reordering window last grew */
	uint32_t last_ack_sent;	 /* RFC 7323 4.3 */
	uint32_t ts_off;	 /* added to the clock for TSval */
	uint32_t ts_recent_s;	 /* when ts_recent was set, s of the instance's clock */
	uint32_t snd_up, rcv_up; /* urgent pointers, one past the last urgent byte */
	uint32_t rcv_user;	 /* next byte that the application will read */
	uint32_t held;		 /* bytes held above the core: tapir_recv_held() */
	uint32_t min_rtt_us;	 /* of the last tcp_min_rtt_wlen seconds, by min_rtt; 0: unknown */
	struct tcp_min_rtt min_rtt;
	uint32_t snd_sml; /* end of the last short segment sent: Minshall's Nagle */
	uint32_t rcv_buf; /* bytes of receive buffer, auto-tuned unless SO_RCVBUF was set */
	/* tcp_rcv.c's: bounds of the window, right-sizing, when to acknowledge */
	uint32_t rcv_clamp, rcv_ssthresh;
	uint32_t drs_space, drs_seq; /* bytes read in a round trip so far; RCV.USER at drs_ns */
	uint32_t drs_rtt8_us;	     /* eight times the receiver's round trip */
	uint32_t ato_us;	     /* current delayed-ACK time; 0: no data came yet */
	uint64_t drs_ns;
	uint64_t data_rcv_ns; /* data was last received */
	uint32_t drs_tsecr;   /* the echo that was measured last, */
	uint32_t drs_wnd_seq; /* or when this edge, seen at drs_wnd_ns, is reached */
	uint64_t drs_wnd_ns;
	uint16_t last_seg_size; /* a segment smaller than rcv_mss, until the next */
	uint16_t rcv_advmss;	/* the largest that the peer should send, options counted off */
	uint16_t max_sent, max_acked; /* sizes of IP packets, RFC 5927 7.2 */
	uint32_t big_end;	      /* end of the first segment as large as max_sent */
	uint32_t mtu_seq;	      /* the segment that mtu_pending is about */
	uint16_t mtu_pending;	      /* next-hop MTU told but not believed yet (RFC 5927 7.2) */
	/* tcp_mtup.c: sizes of IP packets: known to pass, not to be passed, of the probe under way (0: none) */
	uint16_t mtu_low, mtu_high, mtu_probe;
	uint16_t reordering; /* segments: DupThresh, raised by reordering that was seen */
	uint16_t mtu_now;    /* bounds ordinary segments: mtu_low when that was learnt last */
	uint32_t mtu_probe_seq;
	uint64_t mtup_ns;  /* when the search began */
	uint16_t mss;	   /* what a segment of ours may carry, options not counted off yet */
	uint16_t peer_mss; /* as the peer's option said */
	uint16_t offered;  /* options of our SYN: TCP_HAS_TS, _SACK_OK, _WSCALE */
	uint16_t rcv_mss;  /* estimate of the peer's segments, for delayed ACKs */
	uint8_t snd_wscale, rcv_wscale;
	uint8_t ca_state;	   /* enum tcp_ca_state */
	uint8_t backoff;	   /* doublings of the RTO */
	uint8_t retransmits;	   /* timeouts since SND.UNA moved */
	uint8_t rack_steps;	   /* RACK.reo_wnd_mult; 0 stands for 1 */
	uint8_t rack_persist;	   /* recoveries that rack_steps lasts still */
	bool rack_dsack;	   /* a D-SACK since the window last grew */
	bool undo_open;		   /* the last cut may still be undone */
	bool tlp_out, tlp_retrans; /* a tail probe is out; it carried old data */
	bool tlp_stale;		   /* no round trip was measured since */
	uint8_t persist_shift;	   /* doublings of the zero-window probe interval */
	uint8_t probes_out;	   /* zero-window or keepalive probes unanswered */
	uint8_t quickacks;	   /* ACKs to send at once still */
	uint8_t retry_shift;	   /* doublings of the wait for memory to send: tcp_retry_soon() */
	uint8_t pingpong;	   /* answers that followed soon after something came */
	uint8_t rcv_ratio;	   /* 256ths of the buffer that are window, overhead counted off */
	uint8_t rcv_tos;
	uint8_t ecn;	     /* enum tcp_ecn_flag */
	uint8_t fo;	     /* enum tcp_fo_flag */
	bool uto_due;	     /* the next segment tells our user timeout */
	uint8_t fo_fail : 2; /* enum tcp_fo_fail */
	bool mtup_on : 1, mtup_lost : 1;
	int32_t err;	  /* pending SO_ERROR, positive */
	int32_t soft_err; /* from ICMP: reported when we give up (RFC 1122 4.2.3.9) */
	struct tcp_opt opt;
	uint32_t oow_ack_ms; /* last answer to a segment out of the window, ms of the clock */
	uint32_t pushed_seq; /* up to where what was written has PSH at its end: tcp_push.c */
#ifdef TAPIR_DEBUG
	uint32_t check_edge; /* tcp_check.c: the right edge of the window that it saw last */
#endif
	uint64_t last_rcv_ns;  /* any acceptable segment: keepalive */
	uint64_t last_data_ns; /* data was last sent: idleness (RFC 5681 4.1) */
	uint64_t keep_ns;      /* next keepalive action, TAPIR_NEVER: none */
	uint64_t
		fw2_ns; /* when FIN-WAIT-2 of an orphan ends, for its record; TAPIR_NEVER: the setting's time */
	struct list out;	/* t->dirty or netif.txwait */
	struct pkt_charge *txc; /* its packets that have not left yet; NULL: none was sent */
	struct ready rdy;
	struct timer timer;	       /* TIMER_TCP_CONN, at the minimum of all deadlines */
	struct tcp_listener *listener; /* not accepted yet: whose accept queue it is in */
	struct list accept_link;
	struct tcp_fo_keys *fo_keys; /* TCP_FASTOPEN_KEY of one that is to listen */
	struct list all;	     /* tcp_state.conns, from tcp_conn_new() to tcp_conn_free() */
	/* Whether the congestion window was used up: tcp_cwnd.c. */
	uint32_t max_out;	 /* bytes, the most that were out in this window */
	uint32_t cwnd_usage_seq; /* where this window ends */
	uint32_t cwnd_used;	 /* bytes, the most that were out since cwnd_full_ms */
	uint32_t cwnd_full_ms;	 /* when the window was full, or heard of, last */
	uint32_t cwnd_idle_ms;	 /* when it decayed for idleness last */
	bool cwnd_limited;	 /* the window, and nothing else, held us back in this one */
	uint8_t urg_octet;	 /* for MSG_OOB */
#ifdef TAPIR_DEBUG
	bool check_edge_set;
#endif
	/* counters for STATUS */
	struct tcp_meter m;
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint32_t uto_s;	       /* adopted by RFC 5482, 0: none */
	uint32_t uto_remote_s; /* REMOTE_UTO */
	uint32_t segs_in, segs_out, data_segs_in, data_segs_out, total_retrans;
};

#ifdef TAPIR_DEBUG
enum { TCP_CONN_DEBUG = 8 }; /* what tcp_check.c remembers */
#else
enum { TCP_CONN_DEBUG = 0 };
#endif

static_assert(sizeof(struct tcp_conn) <= 888 + TCP_CONN_DEBUG,
	      "an idle connection stays small (aim: 288)");

static inline struct tcp_conn *tcp_conn_of(struct tcp_ep *ep)
{
	return (struct tcp_conn *)ep;
}

/* States in which both SYNs were acknowledged (RFC 9293 3.3.2). */
static inline bool tcp_state_synchronized(uint8_t s)
{
	return s != TAPIR_TCP_CLOSED && s != TAPIR_TCP_LISTEN && s != TAPIR_TCP_SYN_SENT &&
	       s != TAPIR_TCP_SYN_RECEIVED;
}

/* ---- life: tcp_conn.c ---- */
struct tcp_conn *tcp_conn_new(
	struct tapir *t); /* CLOSED, unbound, no handle; NULL: limit or memory */
/* Frees at once, without a word to the peer; unlinks everything. */
void tcp_conn_free(struct tapir *t, struct tcp_conn *c);
/*
 * The connection is over for the network: CLOSED, off the demux, timers off, readers and writers woken.
 * `err` 0 or the positive errno for SO_ERROR. Frees it when no handle holds it.
 */
void tcp_conn_drop(struct tapir *t, struct tcp_conn *c, int err);
/* TIME-WAIT is reached: a record takes the tuple's place, the connection is dropped without error. */
void tcp_conn_to_timewait(struct tapir *t, struct tcp_conn *c);
/* FIN-WAIT-2 without a handle: a record takes over, bounded by tcp_fin_timeout. */
void tcp_conn_to_finwait2_record(struct tapir *t, struct tcp_conn *c);
struct tcp_act *tcp_act_get(struct tapir *t, struct tcp_conn *c); /* NULL: no memory */
void tcp_act_release_if_idle(struct tapir *t, struct tcp_conn *c);
void tcp_conn_dirty(struct tapir *t, struct tcp_conn *c);
/* The way to the peer, cached while active; an errno as route_lookup(). */
int tcp_conn_route(struct tapir *t, struct tcp_conn *c, struct route *out);
/* Derives c->mss anew from the peer's option, the path and TCP_MAXSEG. */
void tcp_conn_update_mss(struct tapir *t, struct tcp_conn *c);
/* SMSS of RFC 5681: data bytes of a full segment, timestamps counted off. */
uint32_t tcp_conn_smss(const struct tcp_conn *c);
/* The handshake is done: the initial window (RFC 6928), one segment after a lost SYN. */
void tcp_conn_start_cc(struct tapir *t, struct tcp_conn *c, bool syn_lost);
void tcp_conn_rtt_sample(struct tapir *t, struct tcp_conn *c, uint64_t rtt_ns);
/* A round trip that may be the least of late. */
void tcp_conn_min_rtt(struct tapir *t, struct tcp_conn *c, uint64_t rtt_ns);
/* What a passive open agreed on, by record or by cookie. */
struct tcp_passive {
	struct tcp_tuple tuple;
	uint32_t iss, irs;
	uint32_t rcv_wnd; /* advertised in the SYN-ACK */
	uint32_t snd_wnd; /* of the SYN */
	uint32_t ts_recent, ts_off;
	uint16_t peer_mss;
	uint8_t snd_wscale, rcv_wscale;
	bool ts, sack, ws, ecn;
	uint16_t uto;		 /* the SYN's user timeout, as it stood there; 0: none */
	uint64_t synack_sent_ns; /* 0: retransmitted, no RTT sample (Karn) */
	uint8_t synacks_again;	 /* SYN-ACKs after the first */
	bool syn_lost; /* twice, as Linux counts: initial window is one segment (RFC 5681 3.1) */
};
/*
 * A connection in SYN-RECEIVED, hashed, queued on nobody; the caller then runs the ACK through
 * tcp_conn_input() and puts it on the accept queue. NULL: limit or memory.
 */
struct tcp_conn *tcp_conn_passive(struct tapir *t, struct tcp_listener *l,
				  const struct tcp_passive *p);

/* ---- input: tcp_input.c, tcp_ack.c, tcp_text.c ---- */
/*
 * RFC 9293 3.10.7.3 and 3.10.7.4. Consumes seg->rx->pkt; may free c. After a passive open's first ACK
 * tcp_listen_complete() puts c on the accept queue.
 */
void tcp_conn_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg);

/* ---- output: tcp_output.c ---- */
/* Sends whatever may be sent now: retransmissions, new data, FIN, an owed ACK. May not free c. */
void tcp_output(struct tapir *t, struct tcp_conn *c);
void tcp_timer_update(struct tapir *t, struct tcp_conn *c); /* tcp_timer.c: arms at the minimum */

/* ---- the receiver: tcp_rcv.c ---- */
/* The window that a buffer of `space` bytes makes, overhead counted off. */
uint32_t tcp_win_from_space(uint64_t space);
/* What a new connection's receive buffer holds: SO_RCVBUF or the setting. */
uint32_t tcp_rcv_limit(const struct tapir *t, const struct tcp_opt *o);
/* The window to begin with, for segments of `mss` bytes; a SYN says at most 65535 of it (RFC 7323 2.2). */
uint32_t tcp_rcv_initial(const struct tapir *t, const struct tcp_opt *o, uint32_t mss);
/* The window that an empty receive buffer makes. */
uint32_t tcp_rcv_full(const struct tcp_conn *c);
/* The receive buffer of a new connection. */
void tcp_rcv_buffer(struct tapir *t, struct tcp_conn *c);
/* The handshake is done. */
void tcp_rcv_start(struct tapir *t, struct tcp_conn *c);
/* The window field of a segment that leaves now; what it promises is remembered. */
uint32_t tcp_rcv_window_field(struct tapir *t, struct tcp_conn *c);
/* Text of `seg` was taken in order: estimates. Then how it is acknowledged: now or later. */
void tcp_rcv_data(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg);
/* The same for text beyond a hole. */
void tcp_rcv_island(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg);
/* Whether what waits takes more memory than the buffer has, counted as Linux does: no more is taken. */
bool tcp_rcv_too_costly(struct tcp_conn *c);
/* What the bytes that wait would take of Linux's memory. */
uint32_t tcp_rcv_charged(const struct tcp_conn *c);
void tcp_rcv_ack(struct tapir *t, struct tcp_conn *c);
/* An island of what is out of order is about to change that no short ACK would tell of: what is held back goes first. */
void tcp_rcv_ack_held(struct tapir *t, struct tcp_conn *c, uint32_t start, uint32_t end);
/* The compressed ACK's time has come. */
void tcp_rcv_ack_compressed(struct tapir *t, struct tcp_conn *c);
/* The ACK of a SYN-ACK is to wait for data that is about to be written. */
void tcp_rcv_ack_synack_late(struct tapir *t, struct tcp_conn *c);
/* TCP_WINDOW_CLAMP was set. */
void tcp_rcv_set_clamp(struct tcp_conn *c);
/* The delayed ACK's time has come. */
void tcp_rcv_ack_late(struct tapir *t, struct tcp_conn *c);
/* The program read, or holds less: an ACK or a window update may be worth a segment. */
void tcp_rcv_read_ack(struct tapir *t, struct tcp_conn *c, bool read);
/* It read: the buffer may be made larger. */
void tcp_rcv_adjust(struct tapir *t, struct tcp_conn *c);
/* The next ACKs go at once, at most `max`: after duplicates, and marks of congestion. */
void tcp_rcv_quick(struct tapir *t, struct tcp_conn *c, unsigned max);
/* The next ACKs wait for an answer to ride on. */
void tcp_rcv_pingpong(struct tapir *t, struct tcp_conn *c);
/* A segment with text left; one with an ACK did. */
void tcp_rcv_sent_data(struct tapir *t, struct tcp_conn *c);
void tcp_rcv_ack_sent(struct tapir *t, struct tcp_conn *c);
/* TCP_QUICKACK, in Linux's meaning: a mode of now, not for ever. */
void tcp_rcv_set_quickack(struct tapir *t, struct tcp_conn *c, int on);
bool tcp_rcv_quickack_on(const struct tapir *t, const struct tcp_conn *c);
/* SO_RCVBUF was set. */
void tcp_rcv_resize(struct tcp_conn *c);
/* The largest that a receive buffer may become: SO_RCVBUF, or the larger of the two settings, as Linux. */
static inline uint64_t tcp_rcv_space_max(const struct tapir *t, const struct tcp_opt *o)
{
	uint64_t space =
		o->rcvbuf ? o->rcvbuf
			  : max_u64((uint64_t)t->conf.tcp_rmem_max, (uint64_t)t->conf.rmem_max);

	return o->window_clamp ? min_u64(space, o->window_clamp) : space;
}

/* The window scale that a receive buffer of `space` bytes needs (RFC 7323 2.2; Linux's rule). */
uint8_t tcp_wscale_for(uint64_t space);

/* ---- shared with the passive side ---- */
/* The MSS to announce for a route's MTU and TCP_MAXSEG (RFC 9293 3.7.1). */
uint16_t tcp_mss_announce(const struct tcp_opt *o, uint32_t mtu);
/*
 * Whether a TSval is from before the TS.Recent at hand (RFC 7323 5.2). As Linux, a TS.Recent of 0 says nothing: some
 * peers' SYNs have that.
 */
static inline bool tcp_ts_older(uint32_t tsval, uint32_t ts_recent)
{
	return ts_recent && seq_lt(tsval, ts_recent);
}

/* R7323-19: the timestamp clock: ms, plus the connection's offset. */
static inline uint32_t tcp_ts_at(uint32_t off, uint64_t ns)
{
	return (uint32_t)(ns / 1000000) + off;
}

static inline uint32_t tcp_ts_now(const struct tapir *t, uint32_t off)
{
	return tcp_ts_at(off, t->now_ns);
}

#endif
