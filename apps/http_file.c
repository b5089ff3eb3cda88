/*
 * Two things keep a request inside the root. First the text: the path is decoded once, segment by segment,
 * and "." and ".." are resolved on the text as RFC 3986 has it, so that nothing that could climb is left;
 * a segment that decodes to something with a slash is no name at all. Second the kernel: openat2() with
 * RESOLVE_BENEATH refuses every way out of the root at the moment of opening, links and races included.
 * Where openat2() is refused (before Linux 5.6, or by a container's filter) each component is opened by
 * itself below the one before, O_NOFOLLOW: the directories on the way are pinned by descriptors, so
 * swapping one for a link between two steps gains nothing; the price is that no link is followed.
 *
 * What is to be served is opened O_PATH first, which has no effect on what it names, and looked at: only
 * a regular file is then opened for reading, and looked at again through that descriptor, since the name
 * may mean something else by then. O_NONBLOCK keeps even a FIFO swapped in between from blocking us.
 */
#include "apps/http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	OPEN_TRIES = 8, /* openat2 gives EAGAIN when a rename races with it */
	MIME_ENDING_MAX = 16,
};

/* HT-19: the kernel refuses every way out of the root. */
static int openat2_beneath(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	for (int i = 0; i < OPEN_TRIES; i++) {
		long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

/* HT-19: one component of a walk. A link in it is -ELOOP whatever the flags would make of it. */
static int open_component(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
	int err = fd < 0 ? errno : 0;
	struct stat st;
	if (err == ENOTDIR && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		err = ELOOP;
	return err ? -err : fd;
}

static int open_walking(int root, const char *path, int flags)
{
	char name[NAME_MAX + 1];
	int dir = root;
	for (;;) {
		size_t n = strcspn(path, "/");
		bool last = path[n] == 0;
		if (n > NAME_MAX)
			n = NAME_MAX + 1;
		int fd = -ENAMETOOLONG;
		if (n <= NAME_MAX) {
			memcpy(name, path, n);
			name[n] = 0;
			fd = open_component(dir, name, last ? flags : O_PATH | O_DIRECTORY);
		}
		if (dir != root)
			close(dir);
		if (fd < 0 || last)
			return fd;
		dir = fd;
		path += n + 1;
	}
}

/* Opens a cleaned path ("" is the root itself) below the root: a descriptor or a negative errno. */
static int open_beneath(const struct http_root *r, const char *path, int flags)
{
	if (!*path)
		path = ".";
	return r->walk ? open_walking(r->fd, path, flags) : openat2_beneath(r->fd, path, flags);
}

int http_root_open(struct http_root *r, const char *dir)
{
	r->fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return -errno;
	/* O_PATH wants no right at all; to serve from it we must be able to search it. */
	int fd = open_walking(r->fd, ".", O_PATH | O_DIRECTORY);
	if (fd < 0) {
		close(r->fd);
		return fd;
	}
	close(fd);
	fd = openat2_beneath(r->fd, ".", O_PATH | O_DIRECTORY);
	r->walk = fd < 0;
	if (fd >= 0)
		close(fd);
	return 0;
}

void http_root_close(struct http_root *r)
{
	close(r->fd);
	r->fd = -1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * One segment of a raw path, up to its slash or end, decoded to out + len. Returns 200, 400, 404 or 414; *n is
 * its decoded length.
 */
static int decode_segment(const char **raw, struct http_path *out, size_t *n)
{
	size_t len = 0;
	int status = 200;
	for (; **raw && **raw != '/'; ++*raw) {
		unsigned char c = (unsigned char)**raw;
		if (c == '%') {
			int hi = hex_digit((*raw)[1]);
			int lo = hi < 0 ? -1 : hex_digit((*raw)[2]);
			if (lo < 0)
				return 400; /* HT-21 */
			c = (unsigned char)(hi << 4 | lo);
			*raw += 2;
		}
		if (c < ' ' || c == 0x7f)
			return 400; /* HT-20 */
		if (c == '/')
			status = 404; /* no file's name has one; but go on, the rest may be worse */
		if (out->len + len + 2 > sizeof out->text)
			return 414;
		out->text[out->len + len++] = (char)c;
	}
	*n = len;
	return status;
}

int http_path_decode(const char *raw, struct http_path *out)
{
	int status = 200;
	out->len = 0;
	out->slash = true;
	while (*raw == '/') {
		raw++;
		size_t start = out->len, n;
		if (start)
			out->text[out->len++] = '/';
		int st = decode_segment(&raw, out, &n);
		if (st == 400 || st == 414)
			return st;
		const char *seg = out->text + out->len;
		out->slash = n == 0;
		if (st == 200 && (n == 0 || (n == 1 && seg[0] == '.'))) {
			out->slash = true;
			out->len = start;
		} else if (st == 200 && n == 2 && seg[0] == '.' && seg[1] == '.') {
			if (start == 0)
				return 400; /* it wants to leave the root */
			out->slash = true;
			out->len = start;
			while (out->len && out->text[out->len - 1] != '/')
				out->len--;
			if (out->len)
				out->len--;
		} else {
			/* Names that begin with a dot are hidden: configuration, version control, keys. */
			if (st != 200 || seg[0] == '.')
				status = 404;
			out->len += n;
		}
	}
	out->text[out->len] = 0;
	return *raw ? 400 : status;
}

/* RFC 3986 3.3: what may stand in a segment as it is; HT-26: all else is escaped. */
static bool plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("-._~!$&'()*+,;=:@/", c));
}

size_t http_path_encode(const struct http_path *p, bool slash, const char *query, char *out,
			size_t cap)
{
	size_t n = 0, qlen = query ? strlen(query) + 1 : 0;
	if (p->len * 3 + 2 + qlen + 1 > cap)
		return 0;
	out[n++] = '/';
	for (size_t i = 0; i < p->len; i++) {
		unsigned char c = (unsigned char)p->text[i];
		if (plain(c)) {
			out[n++] = (char)c;
		} else {
			out[n++] = '%';
			out[n++] = "0123456789ABCDEF"[c >> 4];
			out[n++] = "0123456789ABCDEF"[c & 15];
		}
	}
	if (slash && p->len)
		out[n++] = '/';
	if (query) {
		out[n++] = '?';
		memcpy(out + n, query, qlen - 1);
		n += qlen - 1;
	}
	out[n] = 0;
	return n;
}

static int status_of(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	case EACCES:
	case EPERM:
	case ELOOP: /* a link that is not followed */
	case EXDEV: /* a link that leaves the root */
	case ENXIO: /* a socket, or a device without a driver */
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
		return 503;
	default:
		return 500;
	}
}

/* Looks at what a path names without touching it: 200 and its mode, or a status. */
static int look(const struct http_root *r, const char *path, mode_t *mode)
{
	struct stat st;
	int fd = open_beneath(r, path, O_PATH);
	*mode = 0;
	if (fd < 0)
		return status_of(-fd);
	int status = fstat(fd, &st) == 0 ? 200 : status_of(errno);
	close(fd);
	if (status == 200)
		*mode = st.st_mode;
	return status;
}

static int open_regular(const struct http_root *r, const char *path, struct http_file *out)
{
	struct stat st;
	int fd = open_beneath(r, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return status_of(-fd);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return 403;
	}
	out->fd = fd;
	out->size = (uint64_t)st.st_size;
	out->mtime = st.st_mtime;
	out->type = http_mime_type(path);
	return 200;
}

static int open_looked_at(const struct http_root *r, const char *path, struct http_file *out)
{
	mode_t mode;
	int status = look(r, path, &mode);
	if (status != 200)
		return status;
	if (S_ISREG(mode))
		return open_regular(r, path, out);
	return S_ISDIR(mode) ? 301 : 403;
}

int http_file_open(const struct http_root *r, const struct http_path *path, struct http_file *out)
{
	static const char index[] = "/index.html";
	char name[HTTP_MAX_PATH + sizeof index];
	mode_t mode;
	if (!path->slash)
		return open_looked_at(r, path->text, out);
	/* The index first: it is what a directory's name nearly always means. */
	memcpy(name, path->text, path->len);
	memcpy(name + path->len, index, sizeof index);
	int status = open_looked_at(r, path->len ? name : name + 1, out);
	if (status != 404 && status != 301)
		return status;
	status = look(r, path->text, &mode);
	if (status != 200)
		return status;
	/* The directory is there, but its contents are not listed; nor has a file a slash behind it. */
	return S_ISREG(mode) ? 404 : 403;
}

struct mime {
	const char *ending, *type;
};

static int mime_compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct mime *)entry)->ending);
}

const char *http_mime_type(const char *name)
{
	static const struct mime table[] = {
#define HTTP_MIME(ending, type) {ending, type},
#include "apps/http_mime.def"
#undef HTTP_MIME
	};
	char ending[MIME_ENDING_MAX];
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash ? slash : name, '.');
	size_t n = dot ? strlen(dot + 1) : 0;
	if (n == 0 || n >= sizeof ending)
		return "application/octet-stream";
	for (size_t i = 0; i <= n; i++) {
		char c = dot[1 + i];
		ending[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
	}
	const struct mime *m =
		bsearch(ending, table, sizeof table / sizeof *table, sizeof *table, mime_compare);
	return m ? m->type : "application/octet-stream";
}
