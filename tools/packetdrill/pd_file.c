/*
 * Descriptors.
 *
 * packetdrill closes what its script left open with libc's close(), and looks at numbers only. So each of ours is
 * a real descriptor, an eventfd that nobody reads, with what it stands for in a table beside it. A number that
 * libc closed behind our back shows when the system hands it out again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tools/packetdrill/pd.h"

enum { NFILE_MIN = 256 };

long pd_ret(long r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

/* What was at a number that libc closed: as if close() had come to us. */
static void forget(struct pd *pd, struct pd_file *f)
{
	pd_unwatch(pd, f);
	if (f->kind == PD_SOCKET && f->sock)
		tapir_close(pd->t, f->sock);
	if (f->pipe)
		pd_pipe_close(pd, f);
	while (f->items) {
		struct pd_item *it = f->items;

		f->items = it->next;
		free(it);
	}
	pd->file[f->fd] = NULL;
	if (f->sleepers == 0) {
		free(f);
		return;
	}
	/* Who sleeps in a call on it still looks at it. */
	f->dead = true;
	f->sock = 0;
	f->next_grave = pd->graves;
	pd->graves = f;
}

static bool room_for(struct pd *pd, int fd)
{
	struct pd_file **grown;
	int n = pd->nfile ? pd->nfile : NFILE_MIN;

	if (fd < pd->nfile)
		return true;
	while (n <= fd)
		n *= 2;
	grown = realloc(pd->file, (size_t)n * sizeof(struct pd_file *));
	if (!grown)
		return false;
	memset(grown + pd->nfile, 0, (size_t)(n - pd->nfile) * sizeof(struct pd_file *));
	pd->file = grown;
	pd->nfile = n;
	return true;
}

struct pd_file *pd_file_new(struct pd *pd, enum pd_kind kind)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pd_file *f;

	if (fd < 0)
		return NULL;
	f = room_for(pd, fd) ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	if (pd->file[fd])
		forget(pd, pd->file[fd]);
	f->fd = fd;
	f->kind = kind;
	pd->file[fd] = f;
	return f;
}

struct pd_file *pd_file_get(struct pd *pd, int fd)
{
	if (!pd->t) {
		errno = EINVAL;
		return NULL;
	}
	if (fd < 0 || fd >= pd->nfile || !pd->file[fd]) {
		errno = EBADF;
		return NULL;
	}
	return pd->file[fd];
}

struct pd_file *pd_sock_get(struct pd *pd, int fd)
{
	struct pd_file *f = pd_file_get(pd, fd);

	if (f && f->kind != PD_SOCKET) {
		errno = ENOTSOCK;
		return NULL;
	}
	return f;
}

void pd_file_del(struct pd *pd, struct pd_file *f)
{
	int fd = f->fd;

	/* Another thread was first. */
	if (f->dead)
		return;
	f->sock = 0;
	forget(pd, f);
	close(fd);
}

void pd_files_free(struct pd *pd)
{
	/* Their numbers may be libc's by now: only what we hold goes. */
	for (int i = 0; i < pd->nfile; i++) {
		if (pd->file[i]) {
			pd->file[i]->sock = 0;
			forget(pd, pd->file[i]);
		}
	}
	while (pd->graves) {
		struct pd_file *f = pd->graves;

		pd->graves = f->next_grave;
		free(f);
	}
	free(pd->file);
	pd->file = NULL;
	pd->nfile = 0;
}

bool pd_sock_info(struct pd *pd, const struct pd_file *f, struct tapir_sock_info *out)
{
	struct tapir_sock_iter it = {0};

	while (tapir_sock_next(pd->t, &it, out) > 0) {
		if (out->sock == f->sock)
			return true;
	}
	return false;
}

int pd_addr_there(const struct sockaddr *sa, socklen_t len)
{
	if (len > sizeof(struct sockaddr_storage))
		return -EINVAL;
	return pd_user_readable(sa, len) ? 0 : -EFAULT;
}

int pd_addr_in(const struct pd_file *f, const struct sockaddr *sa, socklen_t len,
	       struct tapir_sockaddr *out)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (f->family == AF_INET6 && len >= sizeof(in6) && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memset(out, 0, sizeof(*out));
		memcpy(out->addr.b, &in6.sin6_addr, sizeof(out->addr.b));
		out->port = ntohs(in6.sin6_port);
		return tapir_addr_is_v4(&out->addr) ? 0 : -ENETUNREACH;
	}
	if (len < sizeof(in))
		return -EINVAL;
	memcpy(&in, sa, sizeof(in));
	/* As of old: no family is this one, in sendto(), and in bind() to any address. */
	if (in.sin_family == AF_UNSPEC && (f->type == SOCK_DGRAM || in.sin_addr.s_addr == 0))
		in.sin_family = AF_INET;
	if (f->family == AF_INET6 || in.sin_family != AF_INET)
		return -EAFNOSUPPORT;
	*out = tapir_sockaddr_v4(ntohl(in.sin_addr.s_addr), ntohs(in.sin_port));
	return 0;
}

int pd_addr_out(const struct pd_file *f, const struct tapir_sockaddr *in, struct sockaddr *sa,
		socklen_t *len)
{
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = {0};
	socklen_t have = 0, room;

	if (!sa)
		return 0;
	if (!pd_user_readable(len, sizeof(*len)))
		return -EFAULT;
	if (in && f->family == AF_INET6) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(in->port);
		memcpy(&a.v6.sin6_addr, in->addr.b, sizeof(in->addr.b));
		have = sizeof(a.v6);
	} else if (in) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(in->port);
		a.v4.sin_addr.s_addr = htonl(tapir_addr_to_v4(&in->addr));
		have = sizeof(a.v4);
	}
	room = *len < have ? *len : have;
	if ((int)*len < 0)
		return -EINVAL;
	if (!pd_user_writable(sa, room) || !pd_user_writable(len, sizeof(*len)))
		return -EFAULT;
	memcpy(sa, &a, room);
	*len = have;
	return 0;
}

size_t pd_first_datagram(struct pd *pd, const struct pd_file *f)
{
	char byte;
	struct iovec iov = {&byte, 1};
	int64_t n = tapir_recv(pd->t, f->sock, &iov, 1, TAPIR_MSG_PEEK | TAPIR_MSG_TRUNC);

	return n > 0 ? (size_t)n : 0;
}
