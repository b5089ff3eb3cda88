/*
 * The caller's memory.
 *
 * A kernel says EFAULT where a pointer leads nowhere. Here the caller's memory is ours as well, and looking at it would end
 * both; so the kernel is asked: a byte of each page is copied by process_vm_readv() from this process to itself, and
 * written back where it must be writable. What lies beyond the user's addresses is refused as the kernel refuses it,
 * before anything else. Where the system call is not to be had, all but the first page is believed.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tools/packetdrill/pd.h"

enum { PAGE = 4096, AT_ONCE = 256, IOV_MOST = 1024 };

#if defined(__x86_64__)
#define USER_END ((UINTPTR_MAX >> 17) - PAGE + 1)
#else
#define USER_END (UINTPTR_MAX >> 8)
#endif

bool pd_user_range(const void *p, size_t n)
{
	uintptr_t at = (uintptr_t)p;

	return at <= USER_END && n <= USER_END - at;
}

/* One byte of each of up to AT_ONCE pages: whether they can be read, and written. */
static bool pages_ok(uint8_t *const *at, unsigned n, bool write)
{
	uint8_t byte[AT_ONCE];
	struct iovec there[AT_ONCE], here = {byte, n};

	if (n == 0)
		return true;
	for (unsigned i = 0; i < n; i++)
		there[i] = (struct iovec){at[i], 1};
	errno = 0;
	if (process_vm_readv(getpid(), &here, 1, there, n, 0) != (ssize_t)n)
		return errno == ENOSYS || errno == EPERM ? (uintptr_t)at[0] >= PAGE : false;
	return !write || process_vm_writev(getpid(), &here, 1, there, n, 0) == (ssize_t)n;
}

static bool range_ok(const void *p, size_t n, bool write)
{
	uint8_t *page[AT_ONCE], *at = (uint8_t *)(uintptr_t)p, *end;
	unsigned k = 0;

	if (n == 0)
		return true;
	if (!pd_user_range(p, n))
		return false;
	end = at + n;
	while (at < end) {
		page[k++] = at;
		at += PAGE - (uintptr_t)at % PAGE;
		if (k == AT_ONCE || at >= end) {
			if (!pages_ok(page, k, write))
				return false;
			k = 0;
		}
	}
	return true;
}

bool pd_user_readable(const void *p, size_t n)
{
	return range_ok(p, n, false);
}

bool pd_user_writable(void *p, size_t n)
{
	return range_ok(p, n, true);
}

/* At most n bytes of the vector, and whether each may be had. */
static bool vector_ok(const struct iovec *iov, int n, size_t most, bool write)
{
	for (int i = 0; i < n && most > 0; i++) {
		size_t len = iov[i].iov_len < most ? iov[i].iov_len : most;

		if (!range_ok(iov[i].iov_base, len, write))
			return false;
		most -= len;
	}
	return true;
}

bool pd_iov_readable(const struct iovec *iov, int n)
{
	return vector_ok(iov, n, SIZE_MAX, false);
}

bool pd_iov_writable(const struct iovec *iov, int n, size_t most)
{
	return vector_ok(iov, n, most, true);
}

ssize_t pd_iov_check(const struct iovec *iov, int n)
{
	size_t sum = 0;

	if (n < 0 || n > IOV_MOST)
		return -EINVAL;
	if (!pd_user_readable(iov, (size_t)n * sizeof(*iov)))
		return -EFAULT;
	for (int i = 0; i < n; i++) {
		if ((ssize_t)iov[i].iov_len < 0)
			return -EINVAL;
		if (!pd_user_range(iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		/* As Linux: what is more than a call can move is cut, not refused. */
		sum += iov[i].iov_len < PD_RW_MAX - sum ? iov[i].iov_len : PD_RW_MAX - sum;
	}
	return (ssize_t)sum;
}
