/*
 * The kernel's calls in the shape of packetdrill's table. As system calls: between them and libc's functions a sanitizer's
 * wrappers look at what the arguments point to, which is the kernel's to judge.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/libc_table.h"

static void k_free(void *u)
{
	(void)u;
}

static int k_socket(void *u, int domain, int type, int protocol)
{
	(void)u;
	return socket(domain, type, protocol);
}

static int k_bind(void *u, int fd, const struct sockaddr *sa, socklen_t len)
{
	(void)u;
	return (int)syscall(SYS_bind, fd, sa, len);
}

static int k_listen(void *u, int fd, int backlog)
{
	(void)u;
	return listen(fd, backlog);
}

static int k_accept(void *u, int fd, struct sockaddr *sa, socklen_t *len)
{
	(void)u;
	return (int)syscall(SYS_accept4, fd, sa, len, 0);
}

static int k_connect(void *u, int fd, const struct sockaddr *sa, socklen_t len)
{
	(void)u;
	return (int)syscall(SYS_connect, fd, sa, len);
}

static ssize_t k_read(void *u, int fd, void *buf, size_t n)
{
	(void)u;
	return syscall(SYS_read, fd, buf, n);
}

static ssize_t k_readv(void *u, int fd, const struct iovec *iov, int n)
{
	(void)u;
	return syscall(SYS_readv, fd, iov, (long)n);
}

static ssize_t k_recv(void *u, int fd, void *buf, size_t n, int flags)
{
	(void)u;
	return syscall(SYS_recvfrom, fd, buf, n, flags, NULL, NULL);
}

static ssize_t k_recvfrom(void *u, int fd, void *buf, size_t n, int flags, struct sockaddr *sa,
			  socklen_t *len)
{
	(void)u;
	return syscall(SYS_recvfrom, fd, buf, n, flags, sa, len);
}

static ssize_t k_recvmsg(void *u, int fd, struct msghdr *msg, int flags)
{
	(void)u;
	return syscall(SYS_recvmsg, fd, msg, flags);
}

static ssize_t k_write(void *u, int fd, const void *buf, size_t n)
{
	(void)u;
	return syscall(SYS_write, fd, buf, n);
}

static ssize_t k_writev(void *u, int fd, const struct iovec *iov, int n)
{
	(void)u;
	return syscall(SYS_writev, fd, iov, (long)n);
}

static ssize_t k_send(void *u, int fd, const void *buf, size_t n, int flags)
{
	(void)u;
	return syscall(SYS_sendto, fd, buf, n, flags, NULL, 0);
}

static ssize_t k_sendto(void *u, int fd, const void *buf, size_t n, int flags,
			const struct sockaddr *sa, socklen_t len)
{
	(void)u;
	return syscall(SYS_sendto, fd, buf, n, flags, sa, len);
}

static ssize_t k_sendmsg(void *u, int fd, const struct msghdr *msg, int flags)
{
	(void)u;
	return syscall(SYS_sendmsg, fd, msg, flags);
}

static int k_fcntl(void *u, int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	(void)u;
	va_start(ap, cmd);
	arg = va_arg(ap, int);
	va_end(ap);
	return fcntl(fd, cmd, arg);
}

static int k_ioctl(void *u, int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)u;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

static int k_close(void *u, int fd)
{
	(void)u;
	return close(fd);
}

static int k_shutdown(void *u, int fd, int how)
{
	(void)u;
	return shutdown(fd, how);
}

static int k_getsockopt(void *u, int fd, int level, int name, void *val, socklen_t *len)
{
	(void)u;
	return (int)syscall(SYS_getsockopt, fd, level, name, val, len);
}

static int k_setsockopt(void *u, int fd, int level, int name, const void *val, socklen_t len)
{
	(void)u;
	return (int)syscall(SYS_setsockopt, fd, level, name, val, len);
}

static int k_poll(void *u, struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec ts = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};

	(void)u;
	return (int)syscall(SYS_ppoll, fds, n, timeout_ms < 0 ? NULL : &ts, NULL, 0);
}

static int k_epoll_create(void *u, int size)
{
	(void)u;
	return epoll_create(size);
}

static int k_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *event)
{
	(void)u;
	return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

static int k_epoll_wait(void *u, int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	(void)u;
	return (int)syscall(SYS_epoll_pwait, epfd, events, max, timeout_ms, NULL, 0);
}

static int k_pipe(void *u, int fds[2])
{
	(void)u;
	return (int)syscall(SYS_pipe2, fds, 0);
}

static int k_splice(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t n,
		    unsigned flags)
{
	(void)u;
	(void)off_in;
	(void)off_out;
	return (int)splice(in, NULL, out, NULL, n, flags);
}

static int k_usleep(void *u, useconds_t us)
{
	(void)u;
	return usleep(us);
}

const struct packetdrill_interface libc_table = {
	.free = k_free,
	.socket = k_socket,
	.bind = k_bind,
	.listen = k_listen,
	.accept = k_accept,
	.connect = k_connect,
	.read = k_read,
	.readv = k_readv,
	.recv = k_recv,
	.recvfrom = k_recvfrom,
	.recvmsg = k_recvmsg,
	.write = k_write,
	.writev = k_writev,
	.send = k_send,
	.sendto = k_sendto,
	.sendmsg = k_sendmsg,
	.fcntl = k_fcntl,
	.ioctl = k_ioctl,
	.close = k_close,
	.shutdown = k_shutdown,
	.getsockopt = k_getsockopt,
	.setsockopt = k_setsockopt,
	.poll = k_poll,
	.usleep = k_usleep,
	.epoll_create = k_epoll_create,
	.epoll_ctl = k_epoll_ctl,
	.epoll_wait = k_epoll_wait,
	.pipe = k_pipe,
	.splice = k_splice,
};
