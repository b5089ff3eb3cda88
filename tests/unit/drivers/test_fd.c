/*
 * The driver over an inherited descriptor: frames pass whole in both directions, what does not keep
 * frames apart is refused, and an end that goes away is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/host.h"
#include "tests/support/test.h"

struct fixture {
	struct tapir *t;
	struct driver *d;
	int peer;
};

static int open_pair(struct fixture *f, int type)
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {1};
	struct tapir_env env = host_env();
	struct drv_error err;
	int fd[2];

	memset(f, 0, sizeof(*f));
	if (tapir_create(&f->t, &env, NULL, seed, 1) != 0)
		return -1;
	if (socketpair(AF_UNIX, type, 0, fd) != 0)
		return -1;
	f->peer = fd[1];
	f->d = fd_open(fd[0], 0, &err);
	return f->d ? 0 : -1;
}

static void close_pair(struct fixture *f)
{
	driver_close(f->d);
	if (f->peer >= 0)
		close(f->peer);
	tapir_destroy(f->t);
}

TEST(frames_arrive_whole_and_in_order, "")
{
	struct fixture f;
	struct pkt *p[8];
	uint8_t frame[1514];

	assert_int_equal(open_pair(&f, SOCK_SEQPACKET), 0);
	for (int i = 0; i < 3; i++) {
		memset(frame, 'a' + i, sizeof(frame));
		assert_int_equal(write(f.peer, frame, sizeof(frame) - (size_t)i),
				 (ssize_t)sizeof(frame) - i);
	}
	assert_int_equal(driver_read(f.d, f.t, p, 8, NULL), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(p[i]->len, sizeof(frame) - (size_t)i);
		assert_int_equal(p[i]->data[0], 'a' + i);
		tapir_pkt_free(p[i]);
	}
	assert_int_equal(driver_read(f.d, f.t, p, 8, NULL), 0);
	close_pair(&f);
}

TEST(a_packet_leaves_with_its_spans_in_a_row, "")
{
	struct fixture f;
	char got[32];

	assert_int_equal(open_pair(&f, SOCK_DGRAM), 0);
	struct pkt *p = tapir_pkt_alloc(f.t, 16);
	assert_non_null(p);
	memcpy(p->data, "head", 4);
	p->len = 4;
	p->nspan = 2;
	p->span[0] = (struct pkt_span){(const uint8_t *)"-one", 4};
	p->span[1] = (struct pkt_span){(const uint8_t *)"-two", 4};
	const struct pkt *one[1] = {p};
	assert_int_equal(driver_write(f.d, one, 1, NULL), 1);
	assert_int_equal(read(f.peer, got, sizeof(got)), 12);
	assert_memory_equal(got, "head-one-two", 12);
	p->nspan = 0;
	tapir_pkt_free(p);
	close_pair(&f);
}

TEST(a_full_socket_takes_what_it_can_and_says_so, "")
{
	struct fixture f;
	const struct pkt *many[DRIVER_BATCH];
	int done = 0, total = 0;

	assert_int_equal(open_pair(&f, SOCK_DGRAM), 0);
	struct pkt *p = tapir_pkt_alloc(f.t, 1500);
	assert_non_null(p);
	p->len = 1500;
	memset(p->data, 0, p->len);
	for (int i = 0; i < DRIVER_BATCH; i++)
		many[i] = p;
	for (int i = 0; i < 100 && done == (total ? DRIVER_BATCH : 0); i++) {
		done = driver_write(f.d, many, DRIVER_BATCH, NULL);
		assert_true(done >= 0);
		total += done;
	}
	assert_true(done < DRIVER_BATCH);
	tapir_pkt_free(p);
	close_pair(&f);
}

TEST(an_end_that_goes_away_is_told_in_a_sentence, "")
{
	struct fixture f;
	struct drv_error err = {""};
	struct pkt *p[4];

	assert_int_equal(open_pair(&f, SOCK_SEQPACKET), 0);
	close(f.peer);
	f.peer = -1;
	assert_int_equal(driver_read(f.d, f.t, p, 4, &err), -1);
	assert_non_null(strstr(err.text, "the other end is gone"));
	close_pair(&f);
}

TEST(a_stream_socket_is_refused, "")
{
	struct drv_error err = {""};
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_null(fd_open(fd[0], 0, &err));
	assert_non_null(strstr(err.text, "does not keep frames apart"));
	close(fd[0]);
	close(fd[1]);
}

TEST(a_closed_descriptor_and_a_file_are_refused, "")
{
	struct drv_error err = {""};
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_null(fd_open(fd, 0, &err));
	assert_non_null(strstr(err.text, "neither a TAP nor a socket"));
	close(fd);
	assert_null(fd_open(fd, 0, &err));
	assert_non_null(strstr(err.text, "no such descriptor"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_whole_and_in_order),
		cmocka_unit_test(a_packet_leaves_with_its_spans_in_a_row),
		cmocka_unit_test(a_full_socket_takes_what_it_can_and_says_so),
		cmocka_unit_test(an_end_that_goes_away_is_told_in_a_sentence),
		cmocka_unit_test(a_stream_socket_is_refused),
		cmocka_unit_test(a_closed_descriptor_and_a_file_are_refused),
	};
	return tapir_test_run("unit/drivers/test_fd", tests);
}
