/*
 * The hook by which packetdrill drives a stack that is no kernel: what it looks for in the shared object
 * that --so_filename names, and the table that it wants filled.
 *
 * Declared anew from the interface's description: the order of the members is the contract, 33 pointers in
 * all. Each call gets `userdata` first and is then the system call of its name: a result, or -1 with errno.
 */
#ifndef TAPIR_PACKETDRILL_INTERFACE_H
#define TAPIR_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

struct packetdrill_interface {
	void *userdata;
	void (*free)(void *u);
	int (*socket)(void *u, int domain, int type, int protocol);
	int (*bind)(void *u, int fd, const struct sockaddr *sa, socklen_t len);
	int (*listen)(void *u, int fd, int backlog);
	int (*accept)(void *u, int fd, struct sockaddr *sa, socklen_t *len);
	int (*connect)(void *u, int fd, const struct sockaddr *sa, socklen_t len);
	ssize_t (*read)(void *u, int fd, void *buf, size_t n);
	ssize_t (*readv)(void *u, int fd, const struct iovec *iov, int n);
	ssize_t (*recv)(void *u, int fd, void *buf, size_t n, int flags);
	ssize_t (*recvfrom)(void *u, int fd, void *buf, size_t n, int flags, struct sockaddr *sa,
			    socklen_t *len);
	ssize_t (*recvmsg)(void *u, int fd, struct msghdr *msg, int flags);
	ssize_t (*write)(void *u, int fd, const void *buf, size_t n);
	ssize_t (*writev)(void *u, int fd, const struct iovec *iov, int n);
	ssize_t (*send)(void *u, int fd, const void *buf, size_t n, int flags);
	ssize_t (*sendto)(void *u, int fd, const void *buf, size_t n, int flags,
			  const struct sockaddr *sa, socklen_t len);
	ssize_t (*sendmsg)(void *u, int fd, const struct msghdr *msg, int flags);
	int (*fcntl)(void *u, int fd, int cmd, ...);
	int (*ioctl)(void *u, int fd, unsigned long request, ...);
	int (*close)(void *u, int fd);
	int (*shutdown)(void *u, int fd, int how);
	int (*getsockopt)(void *u, int fd, int level, int name, void *val, socklen_t *len);
	int (*setsockopt)(void *u, int fd, int level, int name, const void *val, socklen_t len);
	int (*poll)(void *u, struct pollfd *fds, nfds_t n, int timeout_ms);
	/* An IP packet from the peer. Its consequences have happened when the call returns. */
	int (*netdev_send)(void *u, const void *buf, size_t n);
	/*
	 * The next IP packet that leaves, and when it did. *n is the room on entry and the packet's length on
	 * return: 0 when nothing will ever leave. Time runs until there is one.
	 */
	int (*netdev_receive)(void *u, void *buf, size_t *n, long long *time_us);
	int (*usleep)(void *u, useconds_t us);
	int (*gettimeofday)(void *u, struct timeval *tv, struct timezone *tz);
	int (*epoll_create)(void *u, int size);
	int (*epoll_ctl)(void *u, int epfd, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(void *u, int epfd, struct epoll_event *events, int max, int timeout_ms);
	int (*pipe)(void *u, int fds[2]);
	int (*splice)(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t n,
		      unsigned flags);
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct packetdrill_interface) == 264,
	       "33 pointers, in this order");

/* The one symbol of the shared object. `flags` is --so_flags, or NULL. */
void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc);

typedef void packetdrill_interface_init_fn(const char *flags, struct packetdrill_interface *ifc);

#endif
