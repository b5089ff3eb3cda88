#ifndef TAPIR_TESTS_SUPPORT_PDPLAY_RUN_H
#define TAPIR_TESTS_SUPPORT_PDPLAY_RUN_H

/*
 * The parts of the player, private to it: pdplay.c is the two threads, time, packets and settings, pdplay_call.c and
 * pdplay_io.c the calls, pdplay_skip.c what cannot be played.
 */
#include <netinet/in.h>
#include <pthread.h>

#include "tests/support/pdlib.h"
#include "tests/support/pdplay.h"
#include "tests/support/script_run.h"

struct play {
	struct run r; /* what the wire's functions want */
	struct pdlib lib;
	pthread_mutex_t lock;
	pthread_cond_t idle, enqueued, dequeued;
	pthread_t thread;
	pid_t tid;
	enum { IDLE, ENQUEUED, RUNNING, DONE, EXITING } state;
	const struct script_event *event; /* of the second thread */
	long long event_us, end_us; /* its time, and the end that the script says; script time */
	long long live_end_us;
	/* main's */
	long long start_us;
	long long time_us, until_us; /* of the event at hand, script time, us */
	long long last_us;
	const struct script_event *last;
	bool learn_port;
	const struct play_target *on; /* NULL: tapir-packetdrill.so, in virtual time */
	struct play_record *rec;      /* not NULL: what happens is only noted */
	size_t nrec;
	struct run_sent *seen; /* taken too early: it is the next that receive() gives */
	long long seen_us;
};

#define IFC (p->lib.ifc)
#define U   (p->lib.ifc.userdata)

struct pcall {
	struct call c;
	struct play *p;
	const struct script_event *e;
	struct run_fd *f; /* argument 0 */
	int fd;		  /* live */
};

/* ---- pdplay.c ---- */
long long play_now_us(struct play *p);
void play_note_now(struct play *p);
/* Until `at`, of the script's time; the lock is let go meanwhile. */
void play_wait_for(struct play *p, long long at);
/* Whether something happened when the script says; `at` and the rest in script time. */
bool play_check_time(struct play *p, const struct script_event *e, long long at, long long from,
		     long long to, const char *what);

/* ---- pdplay_record.c: all but the first only where p->rec is not NULL ---- */
void play_record_begin(struct play *p);
/* A line, at a time of the script. */
__attribute__((format(printf, 3, 4))) void play_note(struct play *p, long long at, const char *fmt,
						     ...);
void play_note_call(struct pcall *k, long got, int err, bool descriptor);
/* What a call gave beside its result. */
void play_note_value(struct pcall *k, const char *what, int64_t value);
/* One of the peer's segments, and one that left. */
void play_note_packet(struct play *p, const struct script_event *e);
void play_note_sent(struct play *p, const struct run_sent *s, long long at);
void play_note_assertion(struct play *p, const char *code,
			 bool (*lookup)(void *ctx, const char *name, int64_t *value));
/* Writes it all, by time. */
void play_record_end(struct play *p);

/* ---- pdplay_skip.c ---- */
/* Whether an assertion names what the hook does not show. */
bool play_names_unseen(const char *code);
/* ... or what is ours alone, and times: nothing that another stack in real time could be asked. */
bool play_names_time(const char *code);

/* ---- pdplay_call.c ---- */
/* Makes the call of an event at its time; on main, or on the second thread: with the lock. */
void play_call(struct play *p, const struct script_event *e, long long at);
/* Just before the call itself: lets the lock go, if the script says that it blocks. */
void play_begin(struct pcall *k);
/* Takes the lock again and judges. `descriptor`: any number that is not negative is one. */
long play_end(struct pcall *k, long got, bool descriptor);
/* The live descriptor, -1: none. */
int play_live(struct run_fd *f);
/* A descriptor under the number that the script gives it. */
struct run_fd *play_put_fd(struct pcall *k, int64_t number, enum run_fd_kind kind, int fd,
			   bool stream);
struct sockaddr_in play_sin_of(const struct tapir_sockaddr *a);
struct tapir_sockaddr play_of_sin(const struct sockaddr_in *a);
int64_t play_result_number(const struct pcall *k);
/* The connection that assertions and packets mean from now on is the one that argument 0 opens. */
void play_opened(struct pcall *k, uint16_t rport);

/* ---- pdplay_io.c ---- */
void play_read(struct pcall *k);
void play_write(struct pcall *k);
void play_recv(struct pcall *k);
void play_recvmsg(struct pcall *k);
void play_send(struct pcall *k);
void play_sendmsg(struct pcall *k);
void play_poll(struct pcall *k);
void play_epoll_create(struct pcall *k);
void play_epoll_ctl(struct pcall *k);
void play_epoll_wait(struct pcall *k);
void play_pipe(struct pcall *k);
void play_splice(struct pcall *k);

#endif
