/*
 * The parts of tapir-packetdrill.so, private to it.
 *
 *	pd_init.c	the table, the flags, the instance, the namespace's settings
 *	pd_time.c	the virtual clock, packets in and out, and who sleeps until what
 *	pd_tso.c	segments that leave together become chunks, as of a device that cuts by itself
 *	pd_file.c	descriptors: sockets, epoll sets, pipes
 *	pd_call.c	socket calls that make and end things
 *	pd_data.c	... that move bytes
 *	pd_opt.c	... that set and ask
 *	pd_errq.c	the error queue: what became of a write
 *	pd_poll.c	poll and epoll
 *	pd_pipe.c	pipes and splice
 *	pd_user.c	the caller's pointers
 *
 * One lock is around everything. A call that must sleep does so in a condition variable of its own (pd_sleep),
 * with the lock let go; time, and nothing else, is what the rest is about: see pd_time.c.
 */
#ifndef TAPIR_PACKETDRILL_PD_H
#define TAPIR_PACKETDRILL_PD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "stack/conf.h"
#include "stack/netif.h"
#include "stack/socket.h"
#include "tools/packetdrill/packetdrill_interface.h"

enum {
	PD_GSO_MAX = 65536 - 321, /* bytes of a chunk, as Linux bounds them for such a device */
	PD_START_S = 1000,	  /* the clock when the instance is made */
	PD_OWING_MAX = 8,	  /* threads that were woken and have not read the clock yet */
	PD_PIPE_BYTES = 65536,	  /* as Linux's */
	PD_STORED = 64,		  /* options that are kept here, for all kinds of descriptors */
	PD_FLOWS = 32,
	PD_CHUNKS = 256,
	PD_ERRQ_MAX = 64, /* messages in a socket's error queue */
};

#define PD_US  UINT64_C(1000)
#define PD_MS  UINT64_C(1000000)
#define PD_SEC UINT64_C(1000000000)

enum pd_kind { PD_SOCKET, PD_EPOLL, PD_PIPE_READ, PD_PIPE_WRITE };

/* A pipe's bytes, from `at` on, round the end. */
struct pd_pipe {
	unsigned readers, writers;
	size_t at, n;
	uint8_t p[PD_PIPE_BYTES];
};

/* One descriptor in one epoll set. */
struct pd_item {
	struct pd_item *next;
	struct pd_file *file; /* what is watched */
	struct epoll_event want;
	bool edge;     /* something happened since it was reported last */
	bool disarmed; /* EPOLLONESHOT has fired */
};

/* A message of a socket's error queue (MSG_ERRQUEUE). */
struct pd_errmsg {
	uint32_t err, info, data;
	uint8_t origin, type, code;
	uint64_t stamp_ns; /* 0: none */
};

/* A write whose fate is asked for: MSG_ZEROCOPY's buffer, SO_TIMESTAMPING's last byte. */
struct pd_mark {
	uint64_t end; /* bytes of the stream up to its last */
	uint32_t id;  /* of a zero-copy write */
	uint32_t key; /* of a stamp */
	uint32_t tx;  /* SOF_TIMESTAMPING_TX_ bits that have not been told yet */
	bool zerocopy;
};

struct pd_file {
	int fd;
	enum pd_kind kind;
	bool nonblock;
	int fd_flags;	   /* FD_CLOEXEC */
	unsigned sleepers; /* calls that sleep on it */
	bool dead;	   /* closed under them: in pd.graves */
	struct pd_file *next_grave;
	/* PD_SOCKET */
	tapir_sock_t sock;
	int family, type, protocol;
	struct tapir_linger linger; /* of a datagram socket: only remembered */
	bool connecting;	    /* connect() began, and no call has told its end */
	bool ending;		    /* shut after an open that failed, and nobody was told */
	bool listening;
	uint64_t rcvtimeo_ns, sndtimeo_ns; /* 0: none */
	int rcvlowat;
	int stored[PD_STORED];
	uint64_t written; /* bytes of the stream taken */
	struct pd_errmsg errq[PD_ERRQ_MAX];
	unsigned nerrq;
	struct pd_mark mark[PD_ERRQ_MAX];
	unsigned nmark;
	uint32_t next_zc;    /* the next zero-copy write's number */
	uint64_t stamp_base; /* SOF_TIMESTAMPING_OPT_ID counts from here */
	/* PD_EPOLL */
	struct pd_item *items;
	/* pipes */
	struct pd_pipe *pipe;
};

/* A packet that left, and that netdev_receive has not given out yet. */
struct pd_sent {
	struct pd_sent *next;
	uint64_t time_ns;
	uint32_t len;
	uint32_t segs, most, mss; /* pd_tso.c: segments in it, and how many there may be */
	bool more;		  /* the next packet is of the same chunk: PKT_GSO_MORE */
	uint8_t p[];
};

/* A connection, as its packets tell. */
struct pd_flow {
	uint32_t peer;
	uint16_t lport, rport;
	uint32_t high;		   /* behind the highest byte that was sent */
	uint32_t chunk[PD_CHUNKS]; /* where the last ones began */
	unsigned nchunk;
	struct tapir_tcp_info info;
};

struct pd;

/* Who sleeps. Lives on the sleeper's stack. */
struct pd_wait {
	bool (*ready)(struct pd *pd, const struct pd_wait *w);
	struct pd_file *file; /* for `ready` */
	uint32_t bits;	      /* for `ready` */
	const void *arg;      /* for `ready` */
	uint64_t deadline_ns; /* UINT64_MAX: none */
	/* pd_time.c's */
	struct pd_wait *next;
	pthread_cond_t cond;
	bool woken;
};

struct pd_flags {
	bool freebsd, fixed_ip, has_seed, no_tso;
	uint32_t mtu, ip4;
	uint8_t prefix;
	uint64_t seed;
	char pcap[256];
};

struct pd {
	pthread_mutex_t lock;
	pthread_cond_t quiet; /* nobody owes a look at the clock */
	struct tapir *t;      /* NULL: it did not start; every call fails */
	int ifi;
	struct tapir_conf conf;
	struct pd_flags flags;
	bool sysctls_read;
	char **sysctl_seen; /* a setting's text as it was read last, by tapir_conf_item's number */
	/* descriptors */
	struct pd_file **file; /* by number */
	int nfile;
	struct pd_file *graves; /* closed while somebody slept on them */
	uint64_t no_clock_us;	/* what the clock says where there is no instance */
	/* packets */
	struct pd_sent *head, **tail;
	struct pd_sent *fresh, *unseen; /* of this moment: the last, the first */
	FILE *pcap;
	struct pd_flow flow[PD_FLOWS];
	unsigned next_flow;
	/* time and sleepers */
	struct pd_wait *waits;
	pid_t owing[PD_OWING_MAX]; /* 0: free */
	unsigned waking;	   /* sleepers woken that do not run yet */
	uint64_t entries;	   /* calls so far */
	pid_t main_thread;
	bool ending;
};

/* ---- pd_init.c ---- */
/* Reads the namespace's settings and applies what changed since they were read last. */
void pd_read_sysctls(struct pd *pd);
/* Makes `ip4` an address of ours, unless it cannot be one or the flags fixed the address. */
void pd_learn_address(struct pd *pd, uint32_t ip4);

/* ---- pd_time.c ---- */
/* Around every call: takes the lock once nobody owes a look at the clock; lets it go when all that follows is done. */
void pd_enter(struct pd *pd);
void pd_leave(struct pd *pd);
/* What may follow at this moment has followed: packets are queued, sleepers woken. */
void pd_settle(struct pd *pd);
/*
 * Sleeps, with the lock held on entry and return. 0: try again; ETIMEDOUT: the deadline; EDEADLK: this thread alone
 * could make time run, and nothing will ever happen; EINTR: the end.
 */
int pd_sleep(struct pd *pd, struct pd_wait *w);
int pd_netdev_send(void *u, const void *buf, size_t n);
int pd_netdev_receive(void *u, void *buf, size_t *n, long long *time_us);
int pd_usleep(void *u, useconds_t us);
int pd_gettimeofday(void *u, struct timeval *tv, struct timezone *tz);
bool pd_pcap_open(struct pd *pd, const char *path);

/* ---- pd_tso.c ---- */
/* Appends a packet to the one that left before, if both are of one chunk. */
bool pd_tso_append(struct pd *pd, struct pd_sent *tail, const uint8_t *p, uint32_t n, bool more);
/* Notes what chunk a packet begins; returns the bytes that may be appended. */
size_t pd_tso_room(struct pd *pd, struct pd_sent *s, const uint8_t *p, uint32_t n, bool more);

/* ---- pd_file.c ---- */
/* A new descriptor, real. NULL with errno. */
struct pd_file *pd_file_new(struct pd *pd, enum pd_kind kind);
/* The descriptor's file, NULL with EBADF. */
struct pd_file *pd_file_get(struct pd *pd, int fd);
/* The same, and a socket: NULL with ENOTSOCK. */
struct pd_file *pd_sock_get(struct pd *pd, int fd);
/* Forgets it and closes the descriptor; its socket is the caller's to close. */
void pd_file_del(struct pd *pd, struct pd_file *f);
/* Everything. */
void pd_files_free(struct pd *pd);
/* Turns a negative errno into -1 and errno. */
long pd_ret(long r);
/* The socket's row of the stack's list: queues, state. False: gone. */
bool pd_sock_info(struct pd *pd, const struct pd_file *f, struct tapir_sock_info *out);
/* Whether an address can be read, of a length that one can have: 0 or a negative errno. */
int pd_addr_there(const struct sockaddr *sa, socklen_t len);
/* An address that is there: 0 or a negative errno. A family of AF_INET6 takes mapped ones. */
int pd_addr_in(const struct pd_file *f, const struct sockaddr *sa, socklen_t len,
	       struct tapir_sockaddr *out);
/* Hands an address out, if sa is not NULL; `in` NULL: one of no length. 0, -EFAULT, -EINVAL. */
int pd_addr_out(const struct pd_file *f, const struct tapir_sockaddr *in, struct sockaddr *sa,
		socklen_t *len);
/* The length of the datagram that recv() would give, 0: none. */
size_t pd_first_datagram(struct pd *pd, const struct pd_file *f);

/* ---- pd_user.c ---- */
#define PD_RW_MAX ((size_t)0x7ffff000) /* what one call moves at most, as Linux */
/* Whether the addresses may be a user's at all, mapped or not. */
bool pd_user_range(const void *p, size_t n);
/* Whether n bytes at p can be read, and written. Of none they can. */
bool pd_user_readable(const void *p, size_t n);
bool pd_user_writable(void *p, size_t n);
/* The same of a vector's bytes, of the first `most`. */
bool pd_iov_readable(const struct iovec *iov, int n);
bool pd_iov_writable(const struct iovec *iov, int n, size_t most);
/* The sum of a vector's lengths, PD_RW_MAX at most, or a negative errno as the kernel's on reading the vector. */
ssize_t pd_iov_check(const struct iovec *iov, int n);

/* ---- pd_call.c ---- */
int pd_socket(void *u, int domain, int type, int protocol);
int pd_bind(void *u, int fd, const struct sockaddr *sa, socklen_t len);
int pd_listen(void *u, int fd, int backlog);
int pd_accept(void *u, int fd, struct sockaddr *sa, socklen_t *len);
int pd_connect(void *u, int fd, const struct sockaddr *sa, socklen_t len);
/*
 * MSG_FASTOPEN is connect() too, and as that the first to tell of an open that did not block: 1: it came to be, and is sent
 * on; a negative errno: it failed; 0: nothing is to be told.
 */
int pd_connect_told(struct pd *pd, struct pd_file *f, const struct tapir_sockaddr *a);
int pd_close(void *u, int fd);
int pd_shutdown(void *u, int fd, int how);
int pd_fcntl(void *u, int fd, int cmd, ...);
int pd_ioctl(void *u, int fd, unsigned long request, ...);

/* ---- pd_data.c ---- */
ssize_t pd_read(void *u, int fd, void *buf, size_t n);
ssize_t pd_readv(void *u, int fd, const struct iovec *iov, int n);
ssize_t pd_recv(void *u, int fd, void *buf, size_t n, int flags);
ssize_t pd_recvfrom(void *u, int fd, void *buf, size_t n, int flags, struct sockaddr *sa,
		    socklen_t *len);
ssize_t pd_recvmsg(void *u, int fd, struct msghdr *msg, int flags);
ssize_t pd_write(void *u, int fd, const void *buf, size_t n);
ssize_t pd_writev(void *u, int fd, const struct iovec *iov, int n);
ssize_t pd_send(void *u, int fd, const void *buf, size_t n, int flags);
ssize_t pd_sendto(void *u, int fd, const void *buf, size_t n, int flags, const struct sockaddr *sa,
		  socklen_t len);
ssize_t pd_sendmsg(void *u, int fd, const struct msghdr *msg, int flags);

/* ---- pd_opt.c ---- */
int pd_getsockopt(void *u, int fd, int level, int name, void *val, socklen_t *len);
int pd_setsockopt(void *u, int fd, int level, int name, const void *val, socklen_t len);
/* The value of an option that is kept here, 0 if it never was set. */
int pd_stored(const struct pd_file *f, int level, int name);
void pd_stored_default(struct pd_file *f);

/* ---- pd_errq.c ---- */
/* `n` bytes were taken by one call with `flags`; `tx`: SOF_TIMESTAMPING_TX_ bits of this call. */
void pd_mark_write(struct pd *pd, struct pd_file *f, int flags, size_t n, uint32_t tx);
/* SO_TIMESTAMPING was set, to `now` from `was`. */
void pd_stamps_set(struct pd *pd, struct pd_file *f, uint32_t was, uint32_t now);
/* Tells what has become of marked writes. */
void pd_marks(struct pd *pd);
/* The first message of the error queue: 0, or -EAGAIN. */
ssize_t pd_errq_take(struct pd_file *f, struct msghdr *msg);
/* Appends a control message to those of `used` bytes; MSG_CTRUNC where there is no room. */
void pd_put_cmsg(struct msghdr *msg, size_t *used, int level, int type, const void *p, size_t n);

/* ---- pd_poll.c ---- */
int pd_poll(void *u, struct pollfd *fds, nfds_t n, int timeout_ms);
int pd_epoll_create(void *u, int size);
int pd_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *event);
int pd_epoll_wait(void *u, int epfd, struct epoll_event *events, int max, int timeout_ms);
/* What is ready of a descriptor now, in epoll's bits. */
uint32_t pd_level(struct pd *pd, const struct pd_file *f);
/* Takes what the stack says has happened to the epoll sets. */
void pd_edges(struct pd *pd);
/* The same for a pipe's end. */
void pd_edge(struct pd *pd, const struct pd_file *f, uint32_t bits);
/* A file goes: no set watches it any more. */
void pd_unwatch(struct pd *pd, const struct pd_file *f);

/* ---- pd_pipe.c ---- */
int pd_pipe(void *u, int fds[2]);
int pd_splice(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t n, unsigned flags);
ssize_t pd_pipe_read(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n);
ssize_t pd_pipe_write(struct pd *pd, struct pd_file *f, const struct iovec *iov, int n);
void pd_pipe_close(struct pd *pd, struct pd_file *f);

#endif
