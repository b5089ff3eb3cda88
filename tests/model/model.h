#ifndef TAPIR_TESTS_MODEL_MODEL_H
#define TAPIR_TESTS_MODEL_MODEL_H

/*
 * A second opinion on RFC 9293: one connection as section 3.10 tells it, and nothing else. No clock, no
 * congestion control, no options, no memory to run out of. Written from the RFC's text, it shares nothing with
 * the stack, and a test drives both with the same segments and calls and compares.
 *
 *	struct model m;
 *	struct model_out out;
 *
 *	model_init(&m, &rules);
 *	model_open_active(&m, iss, &out);
 *	model_segment(&m, &seg, &out);
 *
 * What an implementation decides by itself is told to the model: ISS, and RCV.WND before each segment.
 */
#include <stdbool.h>
#include <stdint.h>

enum model_state {
	M_CLOSED,
	M_LISTEN,
	M_SYN_SENT,
	M_SYN_RECEIVED,
	M_ESTABLISHED,
	M_FIN_WAIT_1,
	M_FIN_WAIT_2,
	M_CLOSE_WAIT,
	M_CLOSING,
	M_LAST_ACK,
	M_TIME_WAIT,
	M_STATES,
};

enum { M_FIN = 1, M_SYN = 2, M_RST = 4, M_PSH = 8, M_ACK = 16, M_URG = 32 };

/* What a user is told: nothing, or that the opening was refused, or that the peer reset. */
enum model_error { M_OK, M_REFUSED, M_RESET };

/* What a call answers. */
enum model_reply { M_DONE, M_NO_CONNECTION, M_CLOSING_ERROR };

/*
 * Where the RFC leaves a choice, or a later RFC or Linux does otherwise. All false is RFC 9293 alone.
 * Each names its row of tests/requirements.
 */
struct model_rules {
	bool rfc5961;  /* R5961-1, R5961-3, R5961-4: exact RST, challenge ACKs, range of ACKs */
	bool not_sent; /* R5961-4: no ACK of what came before our first octet (Linux) */
	bool at_edge;  /* EVT-15: an empty segment at RCV.NXT+RCV.WND counts (Linux) */
	bool spanning; /* EVT-17: so does one that begins before the window and ends behind it */
	/*
	 * EVT-16 to EVT-19: a segment counts that ends at RCV.NXT, and what ends beyond the window counts whole, or not at
	 * all when something waits to be read (Linux)
	 */
	bool whole;
	bool rst_behind_fin; /* R5961-1: after a FIN an RST at RCV.NXT-1 counts too (Linux) */
	bool synack_alone;   /* EVT-11: text and FIN on a SYN-ACK are not kept (Linux) */
	bool syn_again; /* EVT-25: a SYN in SYN-RECEIVED does not return to LISTEN: it is answered */
	bool syn_alone;	    /* EVT-7: text and FIN on a SYN that does not establish are not kept */
	bool syn_fin_drops; /* CL-20: LISTEN does not hear a SYN with FIN */
	bool embryonic; /* a half-open passive one: the ACK is looked at first, another SYN is reset (Linux) */
	bool rfc1337; /* R1337-1: TIME-WAIT ignores RST */
	bool rfc6191; /* R6191-2: a SYN in TIME-WAIT may open anew (Linux: else it is answered) */
	bool crossed_syn; /* a SYN,ACK that crosses ours counts if it acknowledges all, and is acknowledged (Linux) */
	/* EVT-30: an ACK of more is newer, and of two with the same numbers the larger window, or none (Linux) */
	bool window_as_linux;
	bool fin_in_window; /* our FIN waits for room in the peer's window, as text does */
};

struct model_seg {
	uint32_t seq, ack, wnd;
	uint32_t len; /* of the text */
	uint8_t flags;
};

/* What must leave in answer to one event. */
struct model_out {
	bool ack;     /* an acknowledgment of RCV.NXT at SND.NXT */
	bool syn;     /* <SEQ=ISS><CTL=SYN>, or with ack <CTL=SYN,ACK> */
	bool rst;     /* the following RST */
	bool rst_ack; /* with <CTL=RST,ACK> */
	uint32_t rst_seq, rst_ackno;
	bool fresh; /* what was not sent before: SND.NXT has moved */
};

enum { MODEL_HELD_MAX = 64 };

struct model {
	struct model_rules rules;
	enum model_state state;
	enum model_error error;
	bool passive;  /* came from LISTEN */
	bool listener; /* a LISTEN stands behind it: CLOSED becomes LISTEN */
	uint32_t iss, irs;
	uint32_t snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2, max_snd_wnd;
	uint32_t rcv_nxt, rcv_wnd;
	uint32_t queued; /* octets of SENDs that were not sent yet */
	bool close_asked, fin_sent;
	uint32_t delivered;  /* octets in order, all told */
	bool end_of_stream;  /* the peer's FIN was reached */
	bool wait_restarted; /* the 2 MSL wait began (anew) in this event */
	/* Text beyond RCV.NXT, and a FIN. */
	struct {
		uint32_t seq, end;
	} held[MODEL_HELD_MAX];
	unsigned nheld;
	bool fin_held;
	uint32_t fin_at;
};

/* A connection that does not exist. */
void model_init(struct model *m, const struct model_rules *rules);

/* 3.10.1; 3.10.2: `n` octets; 3.10.4; 3.10.5. *out is what leaves. */
void model_open_passive(struct model *m);
void model_open_active(struct model *m, uint32_t iss, struct model_out *out);
enum model_reply model_send(struct model *m, uint32_t n, struct model_out *out);
enum model_reply model_close(struct model *m, struct model_out *out);
void model_abort(struct model *m, struct model_out *out);

/* 3.10.7 */
void model_segment(struct model *m, const struct model_seg *seg, struct model_out *out);

/* The ISS that was chosen for the SYN that *out told to send. */
void model_iss(struct model *m, uint32_t iss);

const char *model_state_name(enum model_state s);

#endif
