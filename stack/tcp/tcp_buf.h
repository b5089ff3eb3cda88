/*
 * Send ring, receive pages, records: the memory of an active connection. Private to stack/tcp/.
 */
#ifndef TAPIR_TCP_TCP_BUF_H
#define TAPIR_TCP_TCP_BUF_H

#include "stack/base/seq.h"
#include "stack/tcp/tcp_passive.h"

/* ---- the account of all: tcp_mem.c ---- */
enum {
	TCP_MEM_SHARE = 16384
}; /* bytes of either direction that a connection may hold under pressure */

/* Memory charged to net.ipv4.tcp_mem; NULL at the limit (Tapir TcpMemFull) or without any. */
void *tcp_mem_alloc(struct tapir *t, size_t n);
void tcp_mem_free(struct tapir *t, void *p, size_t n);
/* Whether the account is so full that nobody's share should grow. */
bool tcp_mem_pressed(const struct tapir *t);
/* Whether c, that nobody holds any more, costs more than can be spared under pressure (TC-24). */
bool tcp_mem_costs(const struct tapir *t, const struct tcp_conn *c);
/* Whether `n` bytes beyond a connection's share are refused now; counted (Tapir TcpMemFull). */
bool tcp_mem_refuses(struct tapir *t, uint64_t n);
/* c holds text out of order: when memory is short, that goes first. */
void tcp_mem_hoards(struct tapir *t, struct tcp_conn *c);
/*
 * Stores text at RCV.NXT; where there is no room, what is out of order makes way for it, its own first.
 * False: it is lost.
 */
bool tcp_mem_take(struct tapir *t, struct tcp_conn *c, uint32_t seq, const uint8_t *p,
		  uint32_t len);
/* Free lists of pages, records and active parts go back: at the limit, and at the instance's end. */
void tcp_pools_fini(struct tapir *t);

/* ---- sending: act->snd holds the bytes from tcp_snd_base() on ---- */
/* The sequence number of the ring's first byte: SND.UNA, the SYN not counted. */
static inline uint32_t tcp_snd_base(const struct tcp_conn *c)
{
	return c->flags & TCP_F_SYN_ACKED ? c->snd_una : c->iss + 1;
}

/* One past the last byte queued. */
static inline uint32_t tcp_snd_end(const struct tcp_conn *c)
{
	return tcp_snd_base(c) + (c->act ? c->act->snd.len : 0);
}

/* How much the buffer may cost now, memory as Linux counts it: SO_SNDBUF, or tuned to the congestion window. */
uint32_t tcp_snd_limit(const struct tapir *t, const struct tcp_conn *c);
/* The latter alone, as SO_SNDBUF shows it of an open connection. */
uint32_t tcp_snd_shown(const struct tapir *t, const struct tcp_conn *c);
/* What is queued would cost so. */
uint32_t tcp_snd_charged(struct tapir *t, struct tcp_conn *c);
/* How many of `want` bytes a send may add. */
uint32_t tcp_snd_room(struct tapir *t, struct tcp_conn *c, uint64_t want);
/* What the peer's window leaves for new data. R5681-1; TC-46: its edge may lie behind what was sent. */
static inline uint32_t tcp_wnd_left(const struct tcp_conn *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	return seq_gt(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
}
/* What the peer's window and the congestion window leave. */
uint32_t tcp_windows_left(const struct tcp_conn *c);
/* Of what is written now, bytes that may leave while it is written. */
uint32_t tcp_snd_leaves(const struct tcp_conn *c);
/* Whether a third of all that it may ever take is free: writers come in worthwhile steps. */
bool tcp_snd_writable(struct tapir *t, struct tcp_conn *c);
/* Makes the ring able to take `want` <= room bytes more. Returns what it can take (less without memory). */
uint32_t tcp_snd_grow(struct tapir *t, struct tcp_conn *c, uint32_t want);
void tcp_snd_free(struct tapir *t, struct tcp_conn *c);

/* ---- receiving: bytes go straight to their final place ---- */
/* Whether memory is so short that this text, inside the window, is better lost and sent again. */
bool tcp_rcv_refuses(struct tapir *t, struct tcp_conn *c, uint32_t seq, uint32_t len);
/* Stores text at its sequence number, inside the window. False: no memory; nothing may be assumed stored. */
bool tcp_rcv_write(struct tapir *t, struct tcp_conn *c, uint32_t seq, const uint8_t *p,
		   uint32_t len);
/*
 * The same, but leaves bytes that the out-of-order set already holds as they are: of two copies that
 * differ the first one stands.
 */
bool tcp_rcv_store(struct tapir *t, struct tcp_conn *c, uint32_t seq, const uint8_t *p,
		   uint32_t len);
/* Reads [seq, seq + len), all of it received, into dst. */
void tcp_rcv_read(const struct tcp_conn *c, uint32_t seq, uint8_t *dst, uint32_t len);
/* The contiguous piece at seq, at most len bytes. */
const uint8_t *tcp_rcv_at(const struct tcp_conn *c, uint32_t seq, uint32_t len, uint32_t *n);
/* Everything before seq was read: pages wholly below go back. */
void tcp_rcv_release(struct tapir *t, struct tcp_conn *c, uint32_t from, uint32_t seq);
/* What is out of order is forgotten, as RFC 2018 8 lets a receiver do. */
void tcp_rcv_drop_ooo(struct tapir *t, struct tcp_conn *c);
/*
 * Room for more islands of it than before, up to net.tapir.tcp_max_ooo_ranges: a slow start that overshoots leaves
 * hundreds of holes. False: at the limit, or no memory. Shrinking forgets those that are there.
 */
bool tcp_ooo_grow(struct tapir *t, struct tcp_conn *c);
void tcp_ooo_shrink(struct tapir *t, struct tcp_conn *c);
void tcp_rcv_free(struct tapir *t, struct tcp_conn *c);

/* One past the last byte that the application can read: RCV.NXT less the FIN. */
static inline uint32_t tcp_rcv_end(const struct tcp_conn *c)
{
	return c->rcv_nxt - (c->flags & TCP_F_FIN_RCVD ? 1 : 0);
}

/* ---- records: tcp_rec.c ---- */
/* [seq, seq + len) was sent for the first time, now. Needs no memory to succeed. Returns the record that has it. */
struct tcp_rec *tcp_rec_sent(struct tapir *t, struct tcp_conn *c, uint32_t seq, uint32_t len,
			     uint8_t flags);
/* How many segments r stands for. */
uint32_t tcp_rec_segs(const struct tcp_rec *r);
/* How many of them end within its first n bytes. */
uint32_t tcp_rec_segs_within(const struct tcp_rec *r, uint32_t n);
struct tcp_rec *tcp_rec_next(const struct tcp_act *a, const struct tcp_rec *r); /* NULL: the last */
/* The first n bytes of r, the first record, are acknowledged; r is gone when that is all of it. */
void tcp_rec_ack(struct tapir *t, struct tcp_act *a, struct tcp_rec *r, uint32_t n);
/* Cuts r after its first `len` bytes. False: no memory, or at the bound. */
bool tcp_rec_split(struct tapir *t, struct tcp_act *a, struct tcp_rec *r, uint32_t len);
/* The first record that waits to be sent again, NULL: none. */
struct tcp_rec *tcp_rec_first_lost(struct tcp_conn *c);
/* r was not delivered, its retransmission neither; a SACKed one stays as it is. */
void tcp_rec_mark_lost(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r);
/* The first record, or all, and they are to be sent again now. */
void tcp_rec_mark_head_lost(struct tapir *t, struct tcp_conn *c);
void tcp_rec_mark_all_lost(struct tapir *t, struct tcp_conn *c);
/* IsLost() begins at SND.UNA again. */
void tcp_rec_judge_anew(struct tcp_conn *c);
/* r, in flight again already, was found lost only now. */
void tcp_rec_mark_original_lost(struct tcp_act *a, struct tcp_rec *r);
/* No record is lost after all. */
void tcp_rec_unmark_lost(struct tcp_conn *c);
/* The peer holds r. Returns the record that it is part of now, with equal neighbours. */
struct tcp_rec *tcp_rec_mark_sacked(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r);
/* The peer reneged (RFC 2018 8): nothing counts as SACKed. */
void tcp_rec_forget_sacks(struct tcp_conn *c);
/* r's retransmission is accounted for. */
void tcp_rec_clear_retrans(struct tcp_act *a, struct tcp_rec *r);
/*
 * Makes one segment of r's and the short ones behind it, and of FIN, for sending it again: of up to `room` bytes of text,
 * of what was not SACKed, and up to `edge` (Linux: tcp_retrans_try_collapse()).
 */
void tcp_rec_join(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t room,
		  uint32_t edge);
/*
 * The first `len` bytes of r were sent again, now; as a `probe` the original counts as in flight still. Returns their
 * record; NULL when a split failed: r stays as it was.
 */
struct tcp_rec *tcp_rec_resent(struct tapir *t, struct tcp_conn *c, struct tcp_rec *r, uint32_t len,
			       bool probe);
/* The last segment sent, in a record of its own; NULL: a split failed. */
struct tcp_rec *tcp_rec_last_segment(struct tapir *t, struct tcp_conn *c);
void tcp_rec_free_all(struct tapir *t, struct tcp_conn *c);

#endif
