/*
 * The capture file: whole records at every moment, nanoseconds, both directions; a disk that fails
 * costs the capture and nothing else.
 */
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/host.h"
#include "tests/support/test.h"

/* A driver whose wire gives `left` frames of `len` bytes, and takes every frame. */
struct fake {
	struct driver d;
	int left;
	uint32_t len;
	int written;
};

static int fake_read(struct driver *d, struct tapir *t, struct pkt **pkts, int max,
		     struct drv_error *err)
{
	struct fake *f = (struct fake *)d;
	int n = 0;

	(void)err;
	for (; n < max && f->left > 0; f->left--, n++) {
		pkts[n] = tapir_pkt_alloc(t, f->len);
		assert_non_null(pkts[n]);
		memset(pkts[n]->data, f->left, f->len);
		pkts[n]->len = f->len;
	}
	return n;
}

static int fake_write(struct driver *d, const struct pkt *const *pkts, int n, struct drv_error *err)
{
	(void)pkts;
	(void)err;
	((struct fake *)d)->written += n;
	return n;
}

static void fake_close(struct driver *d)
{
	free(d);
}

static const struct driver_ops fake_ops = {fake_read, fake_write, NULL, fake_close};

struct fixture {
	struct tapir *t;
	struct fake *fake;
	struct driver *d;
	char path[64];
};

static void begin(struct fixture *f, const char *path)
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {1};
	struct tapir_env env = host_env();
	struct drv_error err = {""};

	memset(f, 0, sizeof(*f));
	assert_int_equal(tapir_create(&f->t, &env, NULL, seed, 1), 0);
	if (path) {
		snprintf(f->path, sizeof(f->path), "%s", path);
	} else {
		snprintf(f->path, sizeof(f->path), "/tmp/tapir-test-pcap-XXXXXX");
		close(mkstemp(f->path));
	}
	f->fake = (struct fake *)driver_new(sizeof(*f->fake), &fake_ops, &err);
	assert_non_null(f->fake);
	f->d = pcapfile_wrap(&f->fake->d, f->path, &err);
	if (!f->d)
		fail_msg("%s", err.text);
}

static void end(struct fixture *f)
{
	driver_close(f->d);
	tapir_destroy(f->t);
	if (strncmp(f->path, "/tmp/", 5) == 0)
		unlink(f->path);
}

/* Reads `n` frames of `len` bytes through the wrapper. */
static void pass(struct fixture *f, int n, uint32_t len)
{
	struct pkt *p[DRIVER_BATCH];
	int got;

	f->fake->left = n;
	f->fake->len = len;
	while ((got = driver_read(f->d, f->t, p, DRIVER_BATCH, NULL)) > 0) {
		for (int i = 0; i < got; i++)
			tapir_pkt_free(p[i]);
	}
	assert_int_equal(got, 0);
}

static int count_records(const char *path, uint32_t *lens, int max)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int n = 0, v;

	if (!p)
		fail_msg("%s", why);
	while ((v = pcap_next_ex(p, &h, &bytes)) == 1) {
		if (n < max)
			lens[n] = h->caplen;
		n++;
	}
	if (v != PCAP_ERROR_BREAK)
		fail_msg("not whole: %s", pcap_geterr(p));
	pcap_close(p);
	return n;
}

TEST(both_directions_are_recorded_in_order_and_at_once, "")
{
	struct fixture f;
	uint32_t lens[4] = {0};

	begin(&f, NULL);
	pass(&f, 2, 60);
	struct pkt *p = tapir_pkt_alloc(f.t, 100);
	assert_non_null(p);
	memset(p->data, 0, 100);
	p->len = 100;
	p->nspan = 1;
	p->span[0] = (struct pkt_span){(const uint8_t *)"span", 4};
	const struct pkt *one[1] = {p};
	assert_int_equal(driver_write(f.d, one, 1, NULL), 1);
	p->nspan = 0;
	tapir_pkt_free(p);
	/* not closed yet: it is there for whoever looks now */
	assert_int_equal(count_records(f.path, lens, 4), 3);
	assert_int_equal(lens[0], 60);
	assert_int_equal(lens[1], 60);
	assert_int_equal(lens[2], 104);
	end(&f);
}

TEST(times_are_the_wall_clock_in_nanoseconds, "")
{
	struct fixture f;
	uint8_t head[40];

	begin(&f, NULL);
	int64_t before = (int64_t)host_wall().tv_sec;
	pass(&f, 1, 60);
	int fd = open(f.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
	close(fd);
	uint32_t magic, sec, nsec;
	memcpy(&magic, head, 4);
	memcpy(&sec, head + 24, 4);
	memcpy(&nsec, head + 28, 4);
	assert_int_equal(magic, 0xa1b23c4d);
	assert_true(sec >= before && sec <= before + 60);
	assert_true(nsec < 1000000000);
	end(&f);
}

TEST(more_than_the_buffer_holds_in_one_batch_is_recorded_whole, "")
{
	struct fixture f;

	begin(&f, NULL);
	pass(&f, 100, 65549);
	assert_int_equal(count_records(f.path, NULL, 0), 100);
	end(&f);
}

/* Reads frames while the disk takes `bytes` and no more: a write is cut short there, then refused. */
static void pass_limited(struct fixture *f, int n, uint32_t len, rlim_t bytes)
{
	struct rlimit old, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){bytes, old.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	fflush(NULL);
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDERR_FILENO);
	close(null);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	pass(f, n, len);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	signal(SIGXFSZ, SIG_DFL);
}

TEST(a_full_disk_ends_the_capture_with_whole_records_and_frames_go_on, "")
{
	struct fixture f;

	begin(&f, NULL);
	/* the first batch of 64 * 1530 fits, the second does not */
	pass_limited(&f, 200, 1514, 100000);
	assert_int_equal(count_records(f.path, NULL, 0), 64);
	pass(&f, 10, 60);
	assert_int_equal(count_records(f.path, NULL, 0), 64);
	end(&f);
}

TEST(a_full_buffer_is_written_out_at_a_records_border, "")
{
	struct fixture f;

	begin(&f, NULL);
	/* 15 records fit into the buffer of 1 MiB, and were written before the 16th */
	pass_limited(&f, 64, 65549, 1500000);
	assert_int_equal(count_records(f.path, NULL, 0), 15);
	end(&f);
}

TEST(a_file_that_cannot_be_made_is_refused_with_the_reason, "")
{
	static const uint8_t seed[TAPIR_SEED_LEN] = {1};
	struct tapir_env env = host_env();
	struct drv_error err = {""};
	struct tapir *t;
	static const char *const paths[] = {"/nonexistent/x.pcap", "/dev/full", "/"};

	assert_int_equal(tapir_create(&t, &env, NULL, seed, 1), 0);
	struct driver *d = driver_new(sizeof(struct fake), &fake_ops, &err);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_null(pcapfile_wrap(d, paths[i], &err));
		assert_memory_equal(err.text, paths[i], strlen(paths[i]));
		assert_non_null(strstr(err.text, "--pcap"));
	}
	driver_close(d);
	tapir_destroy(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_recorded_in_order_and_at_once),
		cmocka_unit_test(times_are_the_wall_clock_in_nanoseconds),
		cmocka_unit_test(more_than_the_buffer_holds_in_one_batch_is_recorded_whole),
		cmocka_unit_test(a_full_disk_ends_the_capture_with_whole_records_and_frames_go_on),
		cmocka_unit_test(a_full_buffer_is_written_out_at_a_records_border),
		cmocka_unit_test(a_file_that_cannot_be_made_is_refused_with_the_reason),
	};
	return tapir_test_run("unit/drivers/test_pcapfile", tests);
}
