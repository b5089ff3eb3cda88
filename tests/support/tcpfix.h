#ifndef TAPIR_TESTS_SUPPORT_TCPFIX_H
#define TAPIR_TESTS_SUPPORT_TCPFIX_H

/*
 * One connection of a stack whose peer is the test, in any of the eleven states.
 *
 *	struct tf f;
 *
 *	tf_open(&f);
 *	tf_to(&f, TAPIR_TCP_CLOSE_WAIT, TF_ACTIVE);
 *	tf_seg(&f, TF_RST, f.rcv, 0, 0);
 *	tf_quiet(&f);
 *	assert_int_equal(tf_state(&f), TAPIR_TCP_CLOSED);
 *	tf_close(&f);
 *
 * f.snd is the stack's SND.NXT and f.rcv its RCV.NXT, as the peer knows them. Assertions are cmocka's.
 */
#include "stack/socket.h"
#include "tests/support/test.h"
#include "tests/support/world.h"

enum {
	TF_FIN = 0x01,
	TF_SYN = 0x02,
	TF_RST = 0x04,
	TF_PSH = 0x08,
	TF_ACK = 0x10,
	TF_URG = 0x20,
};

enum tf_open { TF_PASSIVE, TF_ACTIVE };

enum { TF_PORT = 80, TF_PEER_PORT = 40000, TF_OPTS_MAX = 40 };

struct tf {
	struct world w;
	tapir_sock_t ls, s;    /* listener and connection; 0: none */
	uint16_t lport, rport; /* ours, the peer's */
	uint32_t irs, iss;     /* set irs before tf_to(), iss is seen */
	uint32_t snd, rcv;     /* our SND.NXT, RCV.NXT */
	uint16_t wnd;	       /* of the peer's segments */
	int backlog;
	uint8_t opts[TF_OPTS_MAX]; /* of the peer's SYN */
	size_t nopts;
	uint8_t frame[WORLD_FRAME];
	struct world_pkt p; /* the last segment that tf_pop() took */
};

/* A world with RAW_IP at default settings, but no TCP delays: all ACKs are immediate in what tests do. */
void tf_open(struct tf *f);
/* The same in two steps, for other settings in f->w.conf. */
void tf_init(struct tf *f);
void tf_start(struct tf *f);
/* Ends the world; fails on a leak. */
void tf_close(struct tf *f);

/* A segment from the peer with `len` bytes of text (the low byte of each's sequence number). */
void tf_seg(struct tf *f, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/* The same with options, from any port. */
void tf_seg_opts(struct tf *f, uint16_t rport, uint8_t flags, uint32_t seq, uint32_t ack,
		 const void *opts, size_t nopts, uint32_t len);

/* The next segment that leaves, into f->p; false: none. */
bool tf_pop(struct tf *f);
/* The next one has exactly these flags (PSH apart) and numbers; ack counts with TF_ACK only. */
void tf_expect(struct tf *f, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/* A bare ACK of our numbers. */
void tf_expect_ack(struct tf *f);
/* Nothing leaves. */
void tf_quiet(struct tf *f);
/* Throws away what leaves; returns how many. */
unsigned tf_drain(struct tf *f);

/* Answers to invalid segments come as often as there is cause, not once in 500 ms. */
void tf_answer_all(struct tf *f);
/* A listener on TF_PORT. */
void tf_listen(struct tf *f);
/* Brings a connection to `state`. LISTEN: only a listener; CLOSED: a socket. */
void tf_to(struct tf *f, enum tapir_tcp_state state, enum tf_open how);
/* The peer's handshake with a listener from rport; leaves the connection to accept(). */
void tf_shake(struct tf *f, uint16_t rport);
/* The state of our connection, record or socket, whoever holds it now; CLOSED: nobody. */
enum tapir_tcp_state tf_state(struct tf *f);
/* All with the tuple of f->lport, rport; how many of them are in `state`; 0: any. */
unsigned tf_count(struct tf *f, enum tapir_tcp_state state);
struct tapir_tcp_info tf_info(struct tf *f);
/* The pending SO_ERROR of f->s. */
int tf_error(struct tf *f);
/* tapir_send and tapir_recv of `len` bytes. */
int64_t tf_write(struct tf *f, size_t len);
int64_t tf_read(struct tf *f, void *buf, size_t len);

/* An option of what left: its bytes behind kind and length, or NULL. */
const uint8_t *tf_opt(const struct tf *f, uint8_t kind);

#endif
