/*
 * Functions between the files of a connection's data path. Private to stack/tcp/.
 */
#ifndef TAPIR_TCP_TCP_FN_H
#define TAPIR_TCP_TCP_FN_H

#include "stack/event.h"
#include "stack/tcp/tcp_conn.h"

enum { TCP_SHARE_NS = 50000000 }; /* the longest wait for a share of the transmit queue */
enum { TCP_PROBE_US = 200000 }; /* the least time to a probe, and that CORK holds a short segment */

/* ---- tcp_conn.c ---- */
/* Emits a decision about a connection or record, with two numbers that say how much. */
void tcp_tell(struct tapir *t, const struct tcp_tuple *tu, enum tapir_event_type type,
	      const char *source, uint64_t a, uint64_t b);

/* ---- tcp_output.c ---- */
void tcp_send_ack(struct tapir *t,
		  struct tcp_conn *c); /* at once: duplicate ACKs, challenge ACKs */
/* What recovery lets go again, before the text of the segment that told of the loss is looked at. */
void tcp_output_recovery(struct tapir *t, struct tcp_conn *c);
void tcp_send_probe(struct tapir *t, struct tcp_conn *c); /* zero window, keepalive */
/* New data within the window whatever Nagle, SWS and cwnd say; false: nothing to send or no window. */
bool tcp_send_forced(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_push.c: where PSH goes ---- */
struct netif;
/*
 * The last n bytes of the ring were written: into packets of up to `goal` bytes, while `leaves` of what is queued
 * may be sent; `flags`: the send's.
 */
void tcp_push_written(struct tcp_conn *c, uint32_t n, uint32_t goal, uint32_t leaves, int flags);
/* Of `avail` bytes those up to an end of MSG_EOR's; whether one is at `len`. Both from SND.NXT on. */
uint32_t tcp_push_until_eor(struct tcp_conn *c, uint32_t avail);
bool tcp_push_eor_at(const struct tcp_conn *c, uint32_t len);
/* The first packet was filled up to `len` bytes from SND.NXT on: a PSH within is of all of it. */
void tcp_push_moves(struct tcp_conn *c, uint32_t len);
/* Of the `avail` bytes from SND.NXT on those of the first packet. */
uint32_t tcp_push_piece(const struct tcp_conn *c, uint32_t avail);
/* Whether `len` bytes from SND.NXT on leave with PSH. */
bool tcp_push_within(struct tcp_conn *c, uint32_t len);
/* The goal of a packet: segments of `mss` bytes, one or as many as the interface takes at a time. */
uint32_t tcp_push_goal(const struct tcp_conn *c, const struct netif *ifp, uint32_t mss);
/* ---- tcp_tso.c ---- */
/*
 * The bytes of the next chunk, of at most `most`, in segments of `mss`, where the window takes `wnd`; 0: it waits for an
 * ACK. `nagle`: not with a short segment at its end.
 */
uint32_t tcp_tso_chunk(const struct tapir *t, struct tcp_conn *c, uint32_t most, uint32_t mss,
		       uint32_t wnd, bool nagle);

/* n, or half of the largest window that the peer ever offered, if that is less (Linux: tcp_bound_to_half_wnd()). */
uint32_t tcp_half_window(const struct tcp_conn *c, uint32_t n);
/* Data bytes that fit into one segment with the options it would carry now. */
uint32_t tcp_segment_room(struct tapir *t, struct tcp_conn *c);
/* Bytes of text that a packet of new data is filled with: see tcp_push.c. */
uint32_t tcp_goal(struct tapir *t, struct tcp_conn *c);
/* The program wrote the last n bytes of the ring, with these flags of a send. */
void tcp_written(struct tapir *t, struct tcp_conn *c, uint32_t n, int flags);
/* Whether there is something new to send that the window takes whole. */
bool tcp_next_fits(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_cwnd.c: is the congestion window what holds us back? ---- */
/* tcp_output() has done what it could; `sent`: new data or FIN left. */
void tcp_cwnd_validate(struct tapir *t, struct tcp_conn *c, bool sent);
/* Whether the window may grow: it was used up (R9438-7; Linux's rule for RFC 7661's aim). */
bool tcp_cwnd_is_limited(const struct tcp_conn *c);
/* An ACK that the congestion window may grow by: tells the algorithm. */
void tcp_cwnd_acked(struct tapir *t, struct tcp_conn *c, const struct tcp_cc_ack *ack);
/* Data is to leave and nothing is in flight: decays a window that nothing has confirmed for long. */
void tcp_cwnd_after_idle(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_pacing.c ---- */
/* Whether a segment with text may leave now, as far as the pace goes; false: TCP_D_PACE says when. */
bool tcp_pace_allows(struct tapir *t, struct tcp_conn *c);
/* `len` bytes of text left. */
void tcp_pace_sent(struct tapir *t, struct tcp_conn *c, uint32_t len);

/* ---- tcp_timer.c ---- */
void tcp_rexmt_arm(struct tapir *t, struct tcp_conn *c); /* from now (RFC 6298 5.1, 5.3) */
void tcp_rexmt_arm_if_off(struct tapir *t, struct tcp_conn *c);
void tcp_rexmt_stop(struct tcp_conn *c);
/* Nothing could be sent for lack of memory: look again soon. */
void tcp_retry_soon(struct tapir *t, struct tcp_conn *c);
uint64_t tcp_persist_ns(struct tapir *t, const struct tcp_conn *c);
void tcp_keepalive_start(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_sack.c: what we report ---- */
/* Adds a D-SACK and the newest out-of-order ranges to o, as many as fit (RFC 2018 4, RFC 2883 4). */
void tcp_sack_blocks(const struct tcp_conn *c, struct tcp_opts *o);
/* Only their number, for the length of the options: nothing is searched for. */
void tcp_sack_number(const struct tcp_conn *c, struct tcp_opts *o);
/* [start, end) arrived again. */
void tcp_sack_duplicate(struct tapir *t, struct tcp_conn *c, uint32_t start, uint32_t end,
			bool old);

/* ---- tcp_recovery.c ---- */
void tcp_recovery_rto(struct tapir *t, struct tcp_conn *c);
/* What is marked lost was lost by its size, or was not taken: it goes again, and the window stays. */
void tcp_loss_no_congestion(struct tapir *t, struct tcp_conn *c);
/* The segments in flight were too large: they go again, cut anew, and the window stays (R1191-7). */
void tcp_recovery_recut(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_ecn.c: RFC 3168 ---- */
enum {
	TCP_INFO_ECN = 8,
	TCP_INFO_ECN_SEEN = 16,
	TCP_INFO_SYN_DATA = 32,
	TCP_INFO_TFO_CHILD = 128
}; /* Linux's TCPI_OPT_ */
/* The window was cut, for whatever reason: the next new data says CWR. */
void tcp_ecn_cut(struct tcp_conn *c);
/* The cut was a mistake and is undone before CWR left: it need not be told. */
void tcp_ecn_uncut(struct tcp_conn *c);
/* Flags to add to our SYN, the first or `again`, or to our SYN-ACK of a simultaneous open. */
uint16_t tcp_ecn_syn(struct tapir *t, struct tcp_conn *c, bool synack, bool again);
/* The peer's SYN-ACK, or SYN, came to our SYN: whether ECN stays agreed on. */
void tcp_ecn_syn_answer(struct tcp_conn *c, const struct tcp_seg *seg);
/* Whether a SYN for a listener asks for ECN, and we agree. */
bool tcp_ecn_asked(const struct tapir *t, const struct tcp_seg *seg);
/* Text that is being taken: looks at its mark. */
void tcp_ecn_data(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg);
/* An acceptable segment: CWR ends the echo. */
void tcp_ecn_cwr(struct tcp_conn *c, const struct tcp_seg *seg);
/* Whether an acceptable ACK echoes a mark. */
bool tcp_ecn_echoed(const struct tcp_conn *c, const struct tcp_seg *seg);
/* An ACK with ECE says that so many bytes arrived, by cumulative ACK or SACK: counts segments. */
void tcp_ecn_delivered(struct tapir *t, struct tcp_conn *c, uint32_t bytes);
/* Adds ECE and CWR to a segment that is no SYN; returns IP's two bits for it. */
uint8_t tcp_ecn_mark(const struct tcp_conn *c, bool new_data, uint16_t *flags);
/* A segment that is no SYN left with these flags. */
void tcp_ecn_sent(struct tcp_conn *c, uint16_t flags);
/* Its bits of tcpi_options. */
uint8_t tcp_ecn_info(const struct tcp_conn *c);

/* ---- tcp_uto.c: RFC 5482 ---- */
/* The option's field for what o announces; 0: the option is off. */
uint16_t tcp_uto_field(const struct tapir *t, const struct tcp_opt *o);
/* The option's field came in an acceptable segment, or in the SYN. */
void tcp_uto_heard(const struct tapir *t, struct tcp_conn *c, uint16_t field);
/* c is established, or TCP_UTO was set: adopts its timeout, and tells the peer with the next segment. */
void tcp_uto_changed(const struct tapir *t, struct tcp_conn *c);
/* Adds the option where it is due and fits. */
void tcp_uto_opts(const struct tapir *t, const struct tcp_conn *c, bool syn, struct tcp_opts *o);
/* How long data of c may go unacknowledged, by the program's or both ends' wish; 0: R2 decides. */
uint64_t tcp_user_timeout_ns(const struct tcp_conn *c);

/* ---- tcp_mtup.c: probing for the path's MTU (RFC 4821, RFC 8899) ---- */
/* r, marked TCP_REC_PROBE, was acknowledged: the path carries its size. */
void tcp_mtup_acked(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r);
/* It was found lost alone: no congestion, but a path that does not carry it (R4821-2). */
void tcp_mtup_lost(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r);
/* What was just found lost is a probe and nothing else before it: the search is told; true: no congestion. */
bool tcp_mtup_only_lost(struct tapir *t, struct tcp_conn *c);
/* The handshake is done: where the search begins. */
void tcp_mtup_start(struct tapir *t, struct tcp_conn *c);
/* What of a path's MTU ordinary segments may use. */
uint32_t tcp_mtup_bound(struct tcp_conn *c, uint32_t mtu);
/*
 * Whether the next `avail` bytes, of which `wnd` may be sent, should begin with a probe while `pipe` are in flight:
 * its length; 0: it waits for what is in flight; -1: none.
 */
int32_t tcp_mtup_due(struct tapir *t, struct tcp_conn *c, uint32_t avail, uint32_t wnd,
		     uint32_t pipe);
void tcp_mtup_sent(struct tcp_conn *c, uint32_t seq, uint32_t len);
/* A retransmission timed out; `r1`: R1 of them in a row. */
void tcp_mtup_timeout(struct tapir *t, struct tcp_conn *c, bool r1);

/* ---- tcp_input.c ---- */
/* A challenge ACK (RFC 5961), as often as c may send one. */
void tcp_challenge(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_ack.c ---- */
enum tcp_step { TCP_STEP_NEXT, TCP_STEP_DROP, TCP_STEP_GONE };
/*
 * ACK processing common to all synchronized states: SND.UNA, window, congestion control. DROP: the
 * segment is unacceptable and *reason says why; the ACK that is owed is already marked or sent.
 */
enum tcp_step tcp_ack_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			    enum drop_reason *reason);

/* ---- tcp_text.c ---- */
/* The seventh step: text. Takes what is new and fits; marks ACKs owed. */
enum tcp_step tcp_text_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg,
			     enum drop_reason *reason);
/* The eighth: FIN in order, or remembered for later. Returns true when it was reached now. */
bool tcp_fin_input(struct tapir *t, struct tcp_conn *c, struct tcp_seg *seg);

/* ---- tcp_urg.c ---- */
/* The sixth step: the urgent pointer. */
void tcp_urg_input(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg);
/* The seventh, before its text is judged: the octet that the pointer named may be in it. */
void tcp_urg_text(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg);
/* Whether the urgent octet has come and was not read apart. */
bool tcp_urg_here(const struct tcp_conn *c);
/* Where a read begins, past an urgent byte that is not of the stream, and how much it gets, up to the mark. */
uint32_t tcp_urg_head(const struct tcp_conn *c, uint32_t *avail);
/* MSG_OOB: the urgent byte by itself. */
int64_t tcp_urg_recv(struct tcp_conn *c, const struct iovec *iov, int n, int flags);
/* The pointer of a segment that leaves from `seq`; 0: none, URG is not set. */
uint16_t tcp_urg_pointer(const struct tcp_conn *c, uint32_t seq);

/* ---- tcp_user.c ---- */
/* Who wanted to write is told, if there is room by now. */
void tcp_user_wake(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_pmtu.c ---- */
void tcp_pmtu_told(struct tapir *t, struct tcp_conn *c, const struct icmp_err *e);
/* A retransmission timed out: a message held back may be true after all (RFC 5927 7.2). */
void tcp_pmtu_timeout(struct tapir *t, struct tcp_conn *c);

/* RFC 6298 2.4 and 2.5: the connection's own bounds of the RTO, or the setting's; and the most that an ACK is delayed. */
static inline uint32_t tcp_rto_min_us(const struct tapir *t, const struct tcp_opt *opt)
{
	return opt->rto_min_ms ? opt->rto_min_ms * 1000u : (uint32_t)t->conf.tcp_rto_min_us;
}

static inline uint32_t tcp_rto_max_us(const struct tapir *t, const struct tcp_opt *opt)
{
	return (opt->rto_max_ms ? opt->rto_max_ms : (uint32_t)t->conf.tcp_rto_max_ms) * 1000;
}

static inline uint32_t tcp_delack_max_us(const struct tapir *t, const struct tcp_opt *opt)
{
	uint32_t most = opt->delack_max_ms ? opt->delack_max_ms * 1000u : TCP_DELACK_MAX_US;

	/* SHLD-18, MUST-40: less than 0.5 s; and less than the peer's RTO, which is like ours. */
	return min_u32(most, max_u32(tcp_rto_min_us(t, opt), 2000) - 1000);
}

#endif
