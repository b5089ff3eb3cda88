/*
 * Sockets.
 *
 * POSIX's calls and meanings without its blocking: a call returns >= 0, or a negative errno (-EAGAIN
 * where a blocking socket would sleep, -EINPROGRESS from connect). Constants have Linux's numbers.
 * A handle is never reused for another socket: every call gives -EBADF for one that is not, or no longer, open.
 * Pointers are read or written during the call only; nothing of the caller's is kept.
 *
 * Readiness is told in two ways. tapir_poll() gives the level: what is true now. tapir_ready_pop()
 * gives edges: a socket appears once when something it is interested in happened since it was
 * popped last (new data, room after -EAGAIN, an error), whatever its level was before.
 */
#ifndef TAPIR_SOCKET_H
#define TAPIR_SOCKET_H

#include <sys/uio.h>

#include "stack/tapir.h"

/* A socket's name: > 0. Low bits index a table, high bits count its reuses. */
typedef int64_t tapir_sock_t;

enum tapir_sock_type {
	TAPIR_STREAM = 1, /* TCP */
	TAPIR_DGRAM =
		2, /* UDP; with protocol TAPIR_IPPROTO_ICMP an echo client, as Linux's ping sockets */
};

/*
 * An echo client sends and receives ICMP messages from their header on, as Linux's ping sockets do: type 8,
 * code 0, and a sequence number in bytes 6 and 7 are the caller's; the checksum and the identifier (its local
 * port) are filled in. What it receives are echo replies, in tapir_msg.icmp_type 0. With
 * TAPIR_IP_RECVERR an error about one of its requests is received among them, in order, as a datagram of
 * its own: icmp_type and icmp_code are the error's, peer is who sent it (our own address where a
 * neighbour did not answer: type 3, code 1), and the bytes are the 8 of the request's ICMP header.
 */
enum { TAPIR_AF_INET = 2 };
enum { TAPIR_IPPROTO_ICMP = 1, TAPIR_IPPROTO_TCP = 6, TAPIR_IPPROTO_UDP = 17 };

/* Flags of send and receive calls. */
enum tapir_msg_flag {
	TAPIR_MSG_OOB =
		0x1, /* send: the last byte is urgent (RFC 6093); recv: -EINVAL unless it waits */
	TAPIR_MSG_PEEK = 0x2,	   /* leave the data where it is */
	TAPIR_MSG_DONTROUTE = 0x4, /* only to a host on link */
	TAPIR_MSG_TRUNC = 0x20,	   /* recv on a datagram: return its real length */
	TAPIR_MSG_EOR = 0x80, /* send on a stream: what is written later joins no segment of this */
	TAPIR_MSG_MORE = 0x8000,	 /* more follows: do not send a short segment yet */
	TAPIR_MSG_FASTOPEN = 0x20000000, /* connect, with data in the SYN if it may be (RFC 7413) */
};

enum tapir_sockopt_level {
	TAPIR_SOL_IP = 0,
	TAPIR_SOL_SOCKET = 1,
	TAPIR_SOL_TCP = 6,
	TAPIR_SOL_UDP = 17,
};

/*
 * Options: int unless said otherwise, 0 or 1 where no unit is named. A wrong size or value is -EINVAL; one that is
 * unknown, or of no use to this kind of socket, -ENOPROTOOPT. Values are Linux's, and so is what is read back. What a
 * listener has is what its connections begin with.
 */
enum {
	/* level TAPIR_SOL_SOCKET */
	TAPIR_SO_REUSEADDR = 2,
	TAPIR_SO_TYPE = 3,  /* get */
	TAPIR_SO_ERROR = 4, /* get: the pending error, positive, and clears it */
	TAPIR_SO_DONTROUTE = 5,
	TAPIR_SO_BROADCAST = 6,
	TAPIR_SO_SNDBUF = 7, /* bytes: set n, read back 2n as Linux does; ends auto-tuning */
	TAPIR_SO_RCVBUF = 8, /* the same */
	TAPIR_SO_KEEPALIVE = 9,
	TAPIR_SO_OOBINLINE = 10,
	TAPIR_SO_LINGER = 13, /* struct tapir_linger */
	TAPIR_SO_REUSEPORT = 15,
	TAPIR_SO_BINDTODEVICE = 25,    /* an ifindex; 0: any */
	TAPIR_SO_ACCEPTCONN = 30,      /* get */
	TAPIR_SO_PROTOCOL = 38,	       /* get */
	TAPIR_SO_DOMAIN = 39,	       /* get */
	TAPIR_SO_MAX_PACING_RATE = 47, /* bytes a second, uint32_t or uint64_t; all ones: none */
	TAPIR_SO_MEMINFO = 55,	       /* get: uint32_t[TAPIR_MEMINFO_VARS] */
	/* Linux has these as ioctl()s, SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, with the same numbers. */
	TAPIR_SO_INQ = 0x541b,	   /* get, streams: bytes unread */
	TAPIR_SO_OUTQ = 0x5411,	   /* get: bytes not acknowledged, sent or not */
	TAPIR_SO_OUTQNSD = 0x894b, /* get, streams: bytes not sent yet */
	/* level TAPIR_SOL_IP */
	TAPIR_IP_TOS = 1,
	TAPIR_IP_TTL = 2,
	/* datagrams: errors of unconnected sockets too; streams: ICMP's errors are told at once, as SO_ERROR */
	TAPIR_IP_RECVERR = 11,
	TAPIR_IP_MTU_DISCOVER = 10, /* TAPIR_PMTUDISC_...; a stream sets DF with WANT and DO */
	TAPIR_IP_MINTTL =
		21,	   /* streams: what comes with less is dropped (RFC 5082); 0: nothing is */
	TAPIR_IP_MTU = 14, /* get, connected: the path's MTU */
	TAPIR_IP_MULTICAST_IF = 32,  /* an ifindex */
	TAPIR_IP_MULTICAST_TTL = 33, /* 1 to 255; -1: 1 */
	TAPIR_IP_MULTICAST_LOOP = 34,
	TAPIR_IP_ADD_MEMBERSHIP = 35, /* struct tapir_mreq; a group is heard by its members only */
	TAPIR_IP_DROP_MEMBERSHIP = 36,
	/*
	 * ours, datagrams: what came in fragments is dropped (UDP_FRAG) and not received. A forged second fragment joins
	 * the first without knowing its ports or what stands in it; who asks for short answers only refuses the rest.
	 */
	TAPIR_IP_NOFRAG = 128,
	/* level TAPIR_SOL_TCP */
	TAPIR_TCP_NODELAY = 1, /* 1: short segments do not wait for ACKs (RFC 9293 3.7.4) */
	TAPIR_TCP_MAXSEG =
		2, /* bytes, the most that either side puts into a segment; 0: the path's */
	TAPIR_TCP_CORK =
		3, /* 1: no short segment leaves before this is 0 again, or an RTO is over */
	TAPIR_TCP_KEEPIDLE = 4, /* s of silence before the first keepalive probe (RFC 9293 3.8.4) */
	TAPIR_TCP_KEEPINTVL = 5, /* s between probes */
	TAPIR_TCP_KEEPCNT = 6,	 /* probes without an answer before it is given up */
	TAPIR_TCP_SYNCNT = 7,	 /* SYN retransmissions */
	TAPIR_TCP_LINGER2 = 8,	 /* s in FIN-WAIT-2; -1: none */
	TAPIR_TCP_DEFER_ACCEPT =
		9, /* s that accept() waits for the first data; read back as the sum of time-outs */
	TAPIR_TCP_WINDOW_CLAMP = 10, /* bytes that the receive window is held to */
	TAPIR_TCP_INFO = 11,	     /* get: struct tapir_tcp_info */
	TAPIR_TCP_QUICKACK = 12,     /* 1: ACKs leave at once for now, 0: they are delayed again */
	TAPIR_TCP_CONGESTION =
		13, /* a name in char[16], "cubic" or "reno"; -ENOENT: no such algorithm */
	TAPIR_TCP_USER_TIMEOUT =
		18, /* ms that data may stay unacknowledged (RFC 5482); 0: R2 decides */
	TAPIR_TCP_FASTOPEN =
		23, /* a listener: data-carrying SYNs that may await their ACK; 0: none */
	TAPIR_TCP_TIMESTAMP = 24, /* get: what TSval is now, in ms (RFC 7323 3) */
	TAPIR_TCP_NOTSENT_LOWAT =
		25, /* bytes not sent yet above which nothing more is taken; 0: the setting's */
	TAPIR_TCP_FASTOPEN_CONNECT =
		30, /* connect() returns 0 and the SYN goes with the first write, if it may */
	TAPIR_TCP_FASTOPEN_KEY = 33, /* a listener: 16 bytes, or 32 for a second one to believe */
	TAPIR_TCP_UTO =
		128, /* ours: s of user timeout to tell the peer (RFC 5482); 0: off, -1: the setting's */
	TAPIR_TCP_FASTOPEN_NO_COOKIE =
		34, /* 1: cookies are neither asked for nor shown: for closed networks */
	TAPIR_TCP_RTO_MAX_MS = 44, /* ms, bound of the RTO (RFC 6298 2.5), 1000 to 120000 */
	TAPIR_TCP_RTO_MIN_US = 45, /* us, its least (2.4), to 200000, in whole ms */
	TAPIR_TCP_DELACK_MAX_US =
		46, /* us that an ACK is delayed at most, to 200000, in whole ms */
	TAPIR_TCP_CC_INFO =
		26, /* get: the algorithm's own; none has any yet, so no bytes, as Linux's reno and cubic */
};

enum {
	TAPIR_PMTUDISC_DONT = 0,
	TAPIR_PMTUDISC_WANT = 1,
	TAPIR_PMTUDISC_DO = 2,
	TAPIR_PMTUDISC_PROBE = 3,
	TAPIR_PMTUDISC_INTERFACE = 4, /* streams */
	TAPIR_PMTUDISC_OMIT = 5,      /* streams */
};

struct tapir_linger {
	int onoff;
	int linger; /* seconds; 0 with onoff: close() aborts (RFC 9293 3.9.1 ABORT) */
};

struct tapir_mreq {
	struct tapir_addr group;
	struct tapir_addr ifaddr; /* any: choose by route */
	int ifindex;		  /* 0: by ifaddr */
};

/* Readiness bits, with epoll's numbers. */
enum tapir_ready_bit {
	TAPIR_IN = 0x001,     /* data, a connection to accept, or end of stream */
	TAPIR_PRI = 0x002,    /* urgent data */
	TAPIR_OUT = 0x004,    /* room to send, or connect finished */
	TAPIR_ERR = 0x008,    /* an error waits in SO_ERROR; always reported */
	TAPIR_HUP = 0x010,    /* both directions are finished; always reported */
	TAPIR_RDHUP = 0x2000, /* the peer will send no more */
};

struct tapir_ready {
	tapir_sock_t sock;
	uint32_t bits; /* enum tapir_ready_bit */
	uint64_t cookie;
};

/* What a datagram carries besides its bytes. In sends, zero fields mean "the socket's own". */
struct tapir_msg {
	struct tapir_sockaddr peer; /* send: destination; recv: source */
	struct tapir_sockaddr
		local; /* send: source address; recv: the address it was sent to (RFC 1122 4.1.3.5) */
	int ttl;       /* send: 1 to 255; recv: as received */
	int tos;       /* send: -1 none given; recv: as received */
	int flags;     /* recv: TAPIR_MSG_TRUNC when bytes were cut */
	uint8_t icmp_type, icmp_code; /* echo sockets, recv */
};

/* Makes an unbound socket. -EAFNOSUPPORT, -EPROTONOSUPPORT, -ENFILE at net.tapir.max_sockets, -ENOMEM. */
TAPIR_API tapir_sock_t tapir_socket(struct tapir *t, int family, int type, int protocol);

/*
 * Names the local end. Port 0 takes a random free one (RFC 6056). -EADDRNOTAVAIL: the address is not
 * ours; -EADDRINUSE: another socket has it (and REUSEADDR does not help); -EINVAL: already bound.
 */
TAPIR_API int tapir_bind(struct tapir *t, tapir_sock_t s, const struct tapir_sockaddr *sa);

/*
 * Passive OPEN (RFC 9293 3.9.1). `backlog` bounds connections not accepted yet; at most net.core.somaxconn, which a
 * negative one stands for. Again on a listener it changes the bound. -EADDRINUSE: another listens there; -EINVAL: it is
 * connected or connecting; -EOPNOTSUPP: no stream; -ENOMEM.
 */
TAPIR_API int tapir_listen(struct tapir *t, tapir_sock_t s, int backlog);

/*
 * The next established connection, with its peer's address in *peer unless NULL; the caller closes it. -EAGAIN: none;
 * -EINVAL: not a listener; -EOPNOTSUPP: no stream; -ENFILE, -ENOMEM: it stays in the queue.
 */
TAPIR_API tapir_sock_t tapir_accept(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *peer);

/*
 * TCP: active OPEN; -EINPROGRESS, then TAPIR_OUT when established, TAPIR_ERR when not; -EALREADY
 * meanwhile, -EISCONN after. Of an open that failed it says why (-ECONNABORTED: SO_ERROR did), and the next begins anew. UDP:
 * sets the peer, at once. Any address with port 0, Linux's AF_UNSPEC: UDP has no peer any more; a stream's connection is given up
 * as by tapir_abort(), a listener as by tapir_close(), and the socket may connect or listen again, with its options and what
 * bind() named.
 * -ENETUNREACH: no route; -EADDRNOTAVAIL: no free port; -EACCES: broadcast without SO_BROADCAST.
 */
TAPIR_API int tapir_connect(struct tapir *t, tapir_sock_t s, const struct tapir_sockaddr *sa);

/*
 * Sends what fits of iov[0..n). Returns the bytes taken (a datagram: all or nothing). -EAGAIN: no
 * room (TAPIR_OUT will follow); -ENOMEM: no memory, and nothing will tell when there is; -EPIPE: sending
 * is shut down, or a stream is not connected; -EMSGSIZE; or SO_ERROR's.
 */
TAPIR_API int64_t tapir_send(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
			     int flags);
/* The same with an address and per-datagram settings; `m` may be NULL. */
TAPIR_API int64_t tapir_sendmsg(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
				int flags, const struct tapir_msg *m);
/* Receives into iov[0..n). 0: end of stream (or an empty datagram). -EAGAIN: nothing there. */
TAPIR_API int64_t tapir_recv(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
			     int flags);
TAPIR_API int64_t tapir_recvmsg(struct tapir *t, tapir_sock_t s, const struct iovec *iov, int n,
				int flags, struct tapir_msg *m);

/*
 * POSIX's sendto and recvfrom over the two above. `to` and `from` may be NULL.
 */
TAPIR_API int64_t tapir_sendto(struct tapir *t, tapir_sock_t s, const void *buf, size_t len,
			       int flags, const struct tapir_sockaddr *to);
TAPIR_API int64_t tapir_recvfrom(struct tapir *t, tapir_sock_t s, void *buf, size_t len, int flags,
				 struct tapir_sockaddr *from);

/*
 * Straight into a stream's send buffer: up to `max` writable slices (two are enough) for at least
 * one and at most `want` bytes, then commit the first `len` of them. They are valid until the next
 * call on the socket or step of the stack, like those of tapir_recv_peek(). Returns the bytes reserved,
 * or as tapir_send().
 */
TAPIR_API int64_t tapir_send_reserve(struct tapir *t, tapir_sock_t s, size_t want,
				     struct iovec *iov, int max, int *niov);
TAPIR_API int tapir_send_commit(struct tapir *t, tapir_sock_t s, size_t len, int flags);

/*
 * Straight from a stream's receive buffer: up to `max` readable slices, in order; valid until the
 * next call on the socket or step of the stack. Then consume `len` bytes of them. Returns the bytes
 * offered, 0 at the end of the stream, or as tapir_recv(). An urgent byte ends what one call offers; out of line
 * (the default) it is not offered at all: what comes behind it is, and consuming any of that discards it.
 * Until then TAPIR_MSG_OOB reads it.
 */
TAPIR_API int64_t tapir_recv_peek(struct tapir *t, tapir_sock_t s, struct iovec *iov, int max,
				  int *niov);
TAPIR_API int tapir_recv_consume(struct tapir *t, tapir_sock_t s, size_t len);

/*
 * How many bytes stand in front of the urgent byte (RFC 9293 3.8.5, SIOCATMARK): 0 when it is the next. It
 * may not have arrived yet. -EAGAIN: no urgent mark; -EOPNOTSUPP: not a connection.
 */
TAPIR_API int64_t tapir_urgent(struct tapir *t, tapir_sock_t s);

/*
 * The layer above holds `bytes` that it took from this stream but that its user has not read:
 * they count against the receive window until a later call says less. Set, not added.
 */
TAPIR_API int tapir_recv_held(struct tapir *t, tapir_sock_t s, size_t bytes);

enum { TAPIR_SHUT_RD = 0, TAPIR_SHUT_WR = 1, TAPIR_SHUT_RDWR = 2 };

/* Half-close (RFC 9293 3.6). SHUT_WR sends FIN after what is queued; SHUT_RD discards nothing. In SYN-SENT, and
 * SHUT_RD of a listener, it ends what is under way as connect() to no address does. -ENOTCONN, -EINVAL. */
TAPIR_API int tapir_shutdown(struct tapir *t, tapir_sock_t s, int how);
/*
 * Gives the handle up. TCP goes on in the background: unsent data and FIN are delivered; unread
 * data means RST (RFC 1122 4.2.2.13). No readiness is reported for it after this.
 */
TAPIR_API int tapir_close(struct tapir *t, tapir_sock_t s);
/* Gives it up and resets the connection (ABORT, RFC 9293 3.9.1). */
TAPIR_API int tapir_abort(struct tapir *t, tapir_sock_t s);

/* Options: see their list above. `len` bytes at `val`. */
TAPIR_API int tapir_setsockopt(struct tapir *t, tapir_sock_t s, int level, int name,
			       const void *val, size_t len);
/* *len is the room on entry, the bytes written on return. */
TAPIR_API int tapir_getsockopt(struct tapir *t, tapir_sock_t s, int level, int name, void *val,
			       size_t *len);
/* The local end, all zero before it has one; the peer's, -ENOTCONN before there is one. */
TAPIR_API int tapir_getsockname(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *sa);
TAPIR_API int tapir_getpeername(struct tapir *t, tapir_sock_t s, struct tapir_sockaddr *sa);

/* The level: what is ready now, of all bits. -EBADF. */
TAPIR_API int tapir_poll(struct tapir *t, tapir_sock_t s);
/*
 * Which edges the socket's owner wants (TAPIR_ERR and TAPIR_HUP come always) and a word to
 * recognise it by. A new socket wants none. What is ready at this moment is reported once.
 */
TAPIR_API int tapir_interest(struct tapir *t, tapir_sock_t s, uint32_t bits, uint64_t cookie);
/* Takes up to `max` ready sockets off the list, in the order in which they became ready; flushes first. */
TAPIR_API size_t tapir_ready_pop(struct tapir *t, struct tapir_ready *out, size_t max);

/* The states of RFC 9293 3.3.2, with Linux's numbers (TCP_ESTABLISHED = 1 ...). */
enum tapir_tcp_state {
	TAPIR_TCP_ESTABLISHED = 1,
	TAPIR_TCP_SYN_SENT,
	TAPIR_TCP_SYN_RECEIVED,
	TAPIR_TCP_FIN_WAIT_1,
	TAPIR_TCP_FIN_WAIT_2,
	TAPIR_TCP_TIME_WAIT,
	TAPIR_TCP_CLOSED,
	TAPIR_TCP_CLOSE_WAIT,
	TAPIR_TCP_LAST_ACK,
	TAPIR_TCP_LISTEN,
	TAPIR_TCP_CLOSING,
};

/* "ESTABLISHED" and so on, RFC 9293's names. Never NULL. */
TAPIR_API const char *tapir_tcp_state_name(enum tapir_tcp_state s);

/*
 * STATUS (RFC 9293 3.9.1) of one connection. To total_rto_time it is byte for byte Linux's struct tcp_info, its names
 * without their tcpi_; what is ours comes behind. A caller with less room gets the beginning. Times of the path are in
 * us, ages in ms; windows and counts of the network in segments, buffers in bytes.
 */
struct tapir_tcp_info {
	uint8_t state;	     /* enum tapir_tcp_state */
	uint8_t ca_state;    /* 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss */
	uint8_t retransmits; /* RTOs since SND.UNA moved last */
	uint8_t probes;	     /* zero-window and keepalive probes unanswered */
	uint8_t backoff;     /* doublings of the RTO, or of the probes' interval */
	uint8_t options; /* 1 timestamps, 2 SACK, 4 window scale, 8 ECN, 16 ECN seen, 32 SYN data acknowledged */
	uint8_t snd_wscale : 4, rcv_wscale : 4;
	uint8_t delivery_rate_app_limited : 1, fastopen_client_fail : 2;
	uint32_t rto, ato;
	uint32_t snd_mss, rcv_mss; /* of a full segment of ours, of the peer's as estimated */
	uint32_t unacked;	   /* in the network or lost; a listener: connections to accept */
	uint32_t sacked;	   /* a listener: its backlog */
	uint32_t lost, retrans, fackets;
	uint32_t last_data_sent, last_ack_sent, last_data_recv,
		last_ack_recv; /* ago; last_ack_sent: 0 */
	uint32_t pmtu;
	uint32_t rcv_ssthresh; /* bytes, what the window may grow to now */
	uint32_t rtt, rttvar;  /* smoothed, and its mean deviation */
	uint32_t snd_ssthresh; /* 0x7fffffff: none yet */
	uint32_t snd_cwnd, advmss, reordering;
	uint32_t rcv_rtt, rcv_space; /* of the receive buffer's auto-tuning */
	uint32_t total_retrans;
	uint64_t pacing_rate, max_pacing_rate; /* bytes a second, UINT64_MAX: none */
	uint64_t bytes_acked;		       /* with our SYN and FIN */
	uint64_t bytes_received;
	uint32_t segs_out, segs_in;
	uint32_t notsent_bytes;
	uint32_t min_rtt; /* UINT32_MAX: none yet */
	uint32_t data_segs_in, data_segs_out;
	uint64_t delivery_rate; /* bytes a second */
	uint64_t busy_time, rwnd_limited,
		sndbuf_limited;		    /* us; the latter two are parts of the first */
	uint32_t delivered, delivered_ce;   /* segments */
	uint64_t bytes_sent, bytes_retrans; /* bytes_sent with what went again */
	uint32_t dsack_dups, reord_seen;
	uint32_t rcv_ooopack;
	uint32_t snd_wnd, rcv_wnd; /* bytes */
	uint32_t rehash;
	uint16_t total_rto, total_rto_recoveries;
	uint32_t total_rto_time; /* ms in recovery from RTOs */
	uint32_t later[8];	 /* 0: for what Linux adds */
	/* Ours: for people and tests. */
	uint32_t iss, irs, snd_una, snd_nxt, rcv_nxt;
};

/* SO_MEMINFO's nine uint32_t, in Linux's order. */
enum tapir_meminfo {
	TAPIR_MEMINFO_RMEM_ALLOC,
	TAPIR_MEMINFO_RCVBUF,
	TAPIR_MEMINFO_WMEM_ALLOC,
	TAPIR_MEMINFO_SNDBUF,
	TAPIR_MEMINFO_FWD_ALLOC,
	TAPIR_MEMINFO_WMEM_QUEUED,
	TAPIR_MEMINFO_OPTMEM,
	TAPIR_MEMINFO_BACKLOG,
	TAPIR_MEMINFO_DROPS,
	TAPIR_MEMINFO_VARS
};

/* One socket as the iterator shows it. */
struct tapir_sock_info {
	tapir_sock_t sock; /* 0: no handle (SYN-RECEIVED record, TIME-WAIT, orphan) */
	uint8_t type;	   /* enum tapir_sock_type */
	uint8_t protocol;
	uint8_t state; /* enum tapir_tcp_state; CLOSED for an unconnected datagram socket */
	struct tapir_sockaddr local, peer;
	uint32_t recv_q, send_q; /* bytes; a listener: waiting connections and its backlog */
};

/* An iterator over all sockets. Start with {0}; valid between calls as long as the instance is. */
struct tapir_sock_iter {
	uint32_t stage, pos;
};

/* The next socket in *out: 1, or 0 at the end. Sockets made or closed meanwhile may be missed. */
TAPIR_API int tapir_sock_next(struct tapir *t, struct tapir_sock_iter *it,
			      struct tapir_sock_info *out);

#endif
