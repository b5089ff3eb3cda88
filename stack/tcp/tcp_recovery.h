/*
 * Loss recovery: what its files share. Private to stack/tcp/.
 *
 *	tcp_ack.c          takes an ACK apart, in one struct tcp_ack_pass, and asks the others in order
 *	tcp_scoreboard.c   what the peer's SACK blocks say (RFC 2018, RFC 2883)
 *	tcp_rack.c         who is lost, by time (RFC 8985), or by number (RFC 6675, RFC 5681); the tail probe
 *	tcp_recovery.c     the congestion state, and what follows from it
 *	tcp_prr.c          how much may be sent while the window is reduced (RFC 9937)
 *	tcp_undo.c         when it was a mistake (RFC 4015, RFC 3522, RFC 3708)
 *	tcp_rec.c          the records that all of them mark
 *
 * Segments are counted beside bytes, since the rules of loss detection speak of segments.
 */
#ifndef TAPIR_TCP_TCP_RECOVERY_H
#define TAPIR_TCP_TCP_RECOVERY_H

#include "stack/base/bits.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_rate.h"

/* What TCP_D_REXMT will do. */
enum tcp_timer_kind {
	TCP_TIMER_RTO,
	TCP_TIMER_TLP, /* tail loss probe (RFC 8985 7.2) */
	TCP_TIMER_REO, /* the rest of RACK's reordering window (RFC 8985 6.2) */
	TCP_TIMER_SYN, /* the SYN again behind a RST that ended an old connection: no time-out */
};

/* What tcp_output() may do about records that wait to be sent again. */
enum tcp_rexmit {
	TCP_REXMIT_NONE, /* leave them: reordering is likelier */
	TCP_REXMIT_LOST, /* send them, within the window */
	TCP_REXMIT_NEW, /* send new data first, and them only if there is none (RFC 5682 2.1, step 2b) */
};

enum tcp_ack_flag {
	TCP_ACK_DATA = 1 << 0,	     /* the segment carries something itself */
	TCP_ACK_WND_UPDATE = 1 << 1, /* it says something new about the window */
	TCP_ACK_DATA_ACKED = 1 << 2, /* a segment of ours, or more, is acknowledged */
	TCP_ACK_SYN_ACKED = 1 << 3,
	TCP_ACK_RETRANS_ACKED = 1 << 4, /* some of it had been sent again */
	TCP_ACK_DATA_SACKED = 1 << 5,	/* something was newly SACKed */
	TCP_ACK_ECE = 1 << 6,
	TCP_ACK_LOST_RETRANS = 1 << 7, /* a retransmission was found lost */
	TCP_ACK_UNA_ADVANCED = 1 << 8,
	TCP_ACK_DSACK = 1 << 9,	     /* a D-SACK that we believe */
	TCP_ACK_DSACK_TLP = 1 << 10, /* of the tail probe */
	TCP_ACK_RENEGING = 1 << 11,  /* the new head is SACKed: the peer forgot it */
	TCP_ACK_ORIG = 1 << 12,	     /* something below `recover`, sent once, was delivered */
	TCP_ACK_SET_TIMER = 1 << 13, /* the timer is to be set anew */

	TCP_ACK_ACKED = TCP_ACK_DATA_ACKED | TCP_ACK_SYN_ACKED,
	TCP_ACK_NOT_DUP = TCP_ACK_DATA | TCP_ACK_WND_UPDATE | TCP_ACK_ACKED,
	TCP_ACK_ALERT = TCP_ACK_DATA_SACKED | TCP_ACK_ECE | TCP_ACK_DSACK,
};

/* One ACK on its way through the files above. */
struct tcp_ack_pass {
	const struct tcp_seg *seg;
	uint32_t flags; /* enum tcp_ack_flag */
	uint32_t prior_una;
	uint32_t prior_high; /* tcp_high_sacked() before it */
	uint32_t bytes;	     /* sequence space cumulatively acknowledged */
	uint32_t segs_acked; /* segments cumulatively acknowledged */
	uint32_t delivered;  /* segments newly known to have arrived, by ACK, SACK or D-SACK */
	bool syn;	     /* our SYN is acknowledged */
	uint64_t first_ack_ns,
		last_ack_ns; /* sent times of what was acked and sent once; 0: none */
	uint64_t first_sack_ns, last_sack_ns;
	uint32_t rtt_us; /* the latest round trip that it tells of; 0: none */
	uint32_t lost_before;
	uint32_t num_dupack;
	struct tcp_rate_sample rs;
};

/* ---- counts ---- */
static inline bool tcp_has_sack(const struct tcp_conn *c)
{
	return c->flags & TCP_F_SACK;
}

/* Segments that the peer holds beyond SND.UNA, told by SACK or guessed from duplicate ACKs. */
static inline uint32_t tcp_sacked_segs(const struct tcp_act *a)
{
	return a->segs_sacked + a->reno_sacked;
}

/* R9937-2: segments in flight. */
static inline uint32_t tcp_pipe_segs(const struct tcp_act *a)
{
	uint32_t left = tcp_sacked_segs(a) + a->segs_lost;

	return a->segs_out + a->segs_retrans - min_u32(left, a->segs_out + a->segs_retrans);
}

/*
 * What counts against the congestion window, in its bytes (RFC 6675's pipe, R6675-1): each segment as a full one, as
 * Linux, which counts windows in segments. A path drops packets, not bytes, and is not flooded with small ones.
 */
static inline uint32_t tcp_pipe(const struct tcp_conn *c)
{
	uint64_t pipe = (uint64_t)tcp_pipe_segs(c->act) * tcp_conn_smss(c);

	return (uint32_t)min_u64(pipe, UINT32_MAX);
}

/* What is outstanding, counted so. */
static inline uint32_t tcp_outstanding(const struct tcp_conn *c)
{
	return (uint32_t)min_u64((uint64_t)c->act->segs_out * tcp_conn_smss(c), UINT32_MAX);
}

/* One past the highest SACKed byte; SND.UNA when there is none. */
static inline uint32_t tcp_high_sacked(const struct tcp_conn *c)
{
	return c->act->segs_sacked ? c->act->high_sacked : c->snd_una;
}

static inline bool tcp_in_reduction(const struct tcp_conn *c)
{
	return c->ca_state == TCP_CA_CWR || c->ca_state == TCP_CA_RECOVERY;
}

static inline bool tcp_use_rack(const struct tapir *t)
{
	return t->conf.tcp_recovery & 1;
}

static inline uint32_t tcp_reordering(const struct tapir *t, const struct tcp_conn *c)
{
	return c->reordering ? c->reordering : (uint32_t)t->conf.tcp_reordering;
}

/* Whether the ACK's timestamp echo is of before `when`; false without one. */
static inline bool tcp_echo_before(const struct tcp_conn *c, const struct tcp_ack_pass *p,
				   uint32_t when)
{
	return c->flags & TCP_F_TS && p->seg->opt.has & TCP_HAS_TS && p->seg->opt.tsecr &&
	       seq_lt(p->seg->opt.tsecr, when);
}

/* ---- tcp_scoreboard.c ---- */
/* Takes the ACK's SACK blocks. Before the records of what it acknowledges are gone. */
void tcp_scoreboard(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p);
/* Something below the highest SACK, sent once, was delivered only now: raises DupThresh (`ts`: shown by timestamps). */
void tcp_reordering_seen(struct tapir *t, struct tcp_conn *c, uint32_t low, bool ts);

/* ---- tcp_rack.c ---- */
/* A record was delivered: RACK.xmit_ts and RACK.end_seq (RFC 8985 6.2, steps 1 and 2). */
void tcp_rack_advance(struct tapir *t, struct tcp_conn *c, const struct tcp_rec *r, uint32_t end);
/* After the blocks and the ACK: the reordering window (step 4). */
void tcp_rack_adapt(struct tapir *t, struct tcp_conn *c);
/* Ns until r counts as lost; 0: it does. */
uint64_t tcp_rack_wait_ns(const struct tapir *t, const struct tcp_conn *c, const struct tcp_rec *r,
			  uint64_t reo_wnd_ns);
uint64_t tcp_rack_reo_wnd_ns(const struct tapir *t, const struct tcp_conn *c);
/* Step 5: marks who is lost; true: the reordering timer was set. */
bool tcp_rack_detect(struct tapir *t, struct tcp_conn *c);
void tcp_rack_timeout(struct tapir *t, struct tcp_conn *c); /* the reordering timer */
/* RACK, NewReno or nothing, by what is in force. */
void tcp_find_lost(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p);
/* RFC 6675 4, IsLost(): where RACK is off. `head`: at least the first one. */
void tcp_sack_mark_lost(struct tapir *t, struct tcp_conn *c, bool head);

/* ---- tcp_tlp.c ---- */
/* Sets the timer to the probe's time (RFC 8985 7.2); `advancing`: the RTO would begin anew now. False: no probe. */
bool tcp_tlp_schedule(struct tapir *t, struct tcp_conn *c, bool advancing);
void tcp_tlp_fire(struct tapir *t, struct tcp_conn *c);
/* RFC 8985 7.4. */
void tcp_tlp_ack(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p);

/* tcp_output.c: sends one segment as a probe: new data if the window allows it, else the last one again. */
enum tcp_tlp_sent { TCP_TLP_NOTHING, TCP_TLP_NEW, TCP_TLP_OLD };
enum tcp_tlp_sent tcp_send_tlp(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_timer.c ---- */
uint64_t tcp_rto_ns(const struct tapir *t, const struct tcp_conn *c); /* backed off */
/* What is left of the RTO since the first record was sent; 0: nothing. */
uint64_t tcp_rto_left_ns(const struct tapir *t, const struct tcp_conn *c);
void tcp_rexmt_set(struct tapir *t, struct tcp_conn *c, enum tcp_timer_kind kind,
		   uint64_t delay_ns);
/* Back to the RTO, or off when nothing is outstanding. */
void tcp_rexmt_rearm(struct tapir *t, struct tcp_conn *c);

/* ---- tcp_prr.c ---- */
struct tcp_prr {
	uint32_t delivered, out; /* since the reduction began, this ACK included */
	uint32_t ssthresh, recover_fs, pipe;
};

/* How much may be sent now: `now` newly delivered, `safe` when SND.UNA moved and no loss was found. One unit for all. */
uint32_t tcp_prr_quota(const struct tcp_prr *p, uint32_t now, bool safe);
void tcp_prr_start(struct tcp_conn *c, enum tcp_cc_why why);
void tcp_prr_ack(struct tcp_conn *c, uint32_t delivered, bool safe);
void tcp_prr_end(struct tcp_conn *c);

/* ---- tcp_undo.c ---- */
void tcp_undo_start(struct tcp_conn *c);
uint32_t tcp_current_ssthresh(const struct tcp_conn *c);
bool tcp_undo_recovery(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p);
bool tcp_undo_dsack(struct tapir *t, struct tcp_conn *c);
bool tcp_undo_loss(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p, bool frto);
/* A partial ACK in recovery. True: wait, the retransmissions in flight decide. */
bool tcp_undo_partial(struct tapir *t, struct tcp_conn *c, const struct tcp_ack_pass *p);

/* ---- tcp_recovery.c ---- */
void tcp_ca_set(struct tapir *t, struct tcp_conn *c, enum tcp_ca_state s);
void tcp_enter_recovery(struct tapir *t, struct tcp_conn *c, bool ece);
/* OPEN, or DISORDER while something is SACKed, lost or sent again. */
void tcp_try_keep_open(struct tapir *t, struct tcp_conn *c);
bool tcp_any_retrans(const struct tcp_conn *c);
/* The congestion state hears of an ACK that is not plain progress. */
void tcp_recovery_alert(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p);
/* A cumulative ACK came where there is no SACK: one segment filled the hole, duplicates accounted for the rest. */
void tcp_reno_acked(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p);
/* The window after an ACK: PRR, or the algorithm's growth. */
void tcp_cong_control(struct tapir *t, struct tcp_conn *c, struct tcp_ack_pass *p);

#endif
