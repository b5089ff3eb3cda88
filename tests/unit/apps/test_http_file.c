/*
 * From a path to a file, over a real directory that holds what an attacker would like to find. Everything is
 * tried both ways: by openat2() and by the walk that stands in for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "apps/http_file.h"
#include "tests/support/test.h"

/*
 * base/secret.txt            outside
 * base/root/index.html       inside, and all that follows
 * base/root/sub/page.html    base/root/sub/index.html
 * base/root/empty/           a directory without index
 * base/root/fifo, sock, null special files
 * base/root/.hidden, base/root/.git/config
 * base/root/out -> ../secret.txt, up -> .., abs -> /etc/passwd, in -> sub/page.html, loop -> loop
 */
static char base[64];
static struct http_root root;

static void make_file(const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", base, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void make_link(const char *target, const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s/root/%s", base, name);
	assert_int_equal(symlink(target, path), 0);
}

static void make_folder(const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", base, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int setup(void **state)
{
	(void)state;
	char path[200];
	snprintf(base, sizeof base, "/tmp/tapir-http-file-XXXXXX");
	assert_non_null(mkdtemp(base));
	make_file("secret.txt", "secret");
	make_folder("root");
	make_file("root/index.html", "root index");
	make_folder("root/sub");
	make_file("root/sub/index.html", "sub index");
	make_file("root/sub/page.html", "page");
	make_file("root/a b%c.txt", "odd");
	make_folder("root/empty");
	make_folder("root/dirindex");
	make_folder("root/dirindex/index.html");
	make_file("root/.hidden", "hidden");
	make_folder("root/.git");
	make_file("root/.git/config", "hidden");
	make_link("../secret.txt", "out");
	make_link("..", "up");
	make_link("/etc/passwd", "abs");
	make_link("sub/page.html", "in");
	make_link("sub", "subl");
	make_link("loop", "loop");
	make_link("/proc/self/cwd", "magic");
	snprintf(path, sizeof path, "%s/root/fifo", base);
	assert_int_equal(mkfifo(path, 0644), 0);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s/root/sock", base);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof sun), 0);
	close(s);
	snprintf(path, sizeof path, "%s/root", base);
	assert_int_equal(http_root_open(&root, path), 0);
	return 0;
}

static int setup_walk(void **state)
{
	setup(state);
	root.walk = true;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	http_root_close(&root);
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The status of a GET, and the file's text when it is 200. */
static int get(const char *raw, char *text, size_t cap)
{
	struct http_path path;
	struct http_file f;
	int status = http_path_decode(raw, &path);
	text[0] = 0;
	if (status != 200)
		return status;
	status = http_file_open(&root, &path, &f);
	if (status == 200) {
		ssize_t n = read(f.fd, text, cap - 1);
		assert_true(n >= 0);
		assert_int_equal((uint64_t)n, f.size);
		text[n] = 0;
		close(f.fd);
	}
	return status;
}

static void expect(const char *raw, int status, const char *text)
{
	char got[100];
	int st = get(raw, got, sizeof got);
	if (st != status || strcmp(got, text) != 0)
		fail_msg("%s: want %d '%s', got %d '%s'", raw, status, text, st, got);
}

static void files_and_indexes_are_found(void)
{
	expect("/", 200, "root index");
	expect("/index.html", 200, "root index");
	expect("/sub/", 200, "sub index");
	expect("/sub/page.html", 200, "page");
	expect("//sub///page.html", 200, "page");
	expect("/%73ub/%70age.html", 200, "page");
	expect("/a%20b%25c.txt", 200, "odd");
	expect("/none", 404, "");
	expect("/sub/page.html/", 404, "");
	expect("/sub/page.html/x", 404, "");
	expect("/INDEX.html", 404, "");
}

TEST(files_and_indexes_are_found_by_openat2, "")
{
	files_and_indexes_are_found();
}

TEST(files_and_indexes_are_found_by_walking, "")
{
	files_and_indexes_are_found();
}

static void paths_never_leave_the_root(void)
{
	static const char *const raw[] = {
		"/../secret.txt",
		"/../../etc/passwd",
		"/%2e%2e/secret.txt",
		"/.%2E/secret.txt",
		"/%252e%252e/secret.txt",
		"/..%2fsecret.txt",
		"/..%2Fsecret.txt",
		"/..%5csecret.txt",
		"/%c0%ae%c0%ae/secret.txt",
		"/sub/../../secret.txt",
		"/sub/..;/../secret.txt",
		"/..;/secret.txt",
		"/..../secret.txt",
		"//../secret.txt",
		"/./../secret.txt",
		"/sub%2f..%2f..%2fsecret.txt",
		"/%2fetc/passwd",
		"/%2fetc%2fpasswd",
		"/..",
		"/sub/../..",
		"/.../secret.txt",
		"/..%00/secret.txt",
		"/out",
		"/up/secret.txt",
		"/up/",
		"/up",
		"/abs",
		"/magic",
		"/magic/",
		"/loop",
		"/loop/",
		"/sub/%2e%2e/%2e%2e/secret.txt",
		"/proc/self/cwd",
		"/dev/null",
	};
	for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
		char text[100];
		int st = get(raw[i], text, sizeof text);
		if (st != 400 && st != 403 && st != 404)
			fail_msg("%s gives %d %s", raw[i], st, text);
		assert_string_equal(text, "");
	}
	expect("/sub/../index.html", 200, "root index");
	expect("/sub/./page.html", 200, "page");
	expect("/sub/.", 200, "sub index");
	expect("/sub/empty/..", 200, "sub index");
}

TEST(paths_never_leave_the_root_by_openat2, "HT-19")
{
	paths_never_leave_the_root();
}

TEST(paths_never_leave_the_root_by_walking, "HT-19")
{
	paths_never_leave_the_root();
}

TEST(links_within_the_root_are_followed_by_openat2, "")
{
	if (root.walk)
		tapir_test_skip("openat2 is refused on this system");
	expect("/in", 200, "page");
	expect("/subl/page.html", 200, "page");
	expect("/subl/", 200, "sub index");
}

TEST(walking_follows_no_link, "")
{
	expect("/in", 403, "");
	expect("/subl/page.html", 403, "");
}

static void only_regular_files_are_served(void)
{
	expect("/fifo", 403, "");
	expect("/sock", 403, "");
	expect("/fifo/", 403, "");
	expect("/empty/", 403, "");
	expect("/dirindex/", 403, "");
	expect("/.hidden", 404, "");
	expect("/.git/config", 404, "");
	expect("/.git/", 404, "");
	expect("/%2egit/config", 404, "");
	expect("/sub/.none", 404, "");
}

TEST(only_regular_files_are_served_by_openat2, "")
{
	only_regular_files_are_served();
}

TEST(only_regular_files_are_served_by_walking, "")
{
	only_regular_files_are_served();
}

/* A name swapped after it was looked at: what is opened then is judged anew. */
static void swapped_component_gains_nothing(void)
{
	char at[200], away[200], target[200];
	snprintf(at, sizeof at, "%s/root/sub", base);
	snprintf(away, sizeof away, "%s/root/away", base);
	snprintf(target, sizeof target, "%s", base);
	make_file("page.html", "secret");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rename(at, away), 0);
		assert_int_equal(symlink(i ? ".." : target, at), 0);
		expect("/sub/page.html", 403, "");
		assert_int_equal(unlink(at), 0);
		assert_int_equal(rename(away, at), 0);
	}
	expect("/sub/page.html", 200, "page");
}

TEST(swapped_component_gains_nothing_by_openat2, "HT-19")
{
	swapped_component_gains_nothing();
}

TEST(swapped_component_gains_nothing_by_walking, "HT-19")
{
	swapped_component_gains_nothing();
}

static void directory_without_slash_is_redirected(void)
{
	expect("/sub", 301, "");
	expect("/empty", 301, "");
}

TEST(directory_without_slash_is_redirected_by_openat2, "")
{
	directory_without_slash_is_redirected();
}

TEST(directory_without_slash_is_redirected_by_walking, "")
{
	directory_without_slash_is_redirected();
}

TEST(malformed_escapes_are_refused, "HT-20 HT-21")
{
	static const char *const raw[] = {
		"/%",	"/%1",	 "/%g1", "/%1g", "/a%", "/%%20", "/secret.txt%00.html",
		"/%00", "/a/%0", "/%-1", "/% 1", "/%0x"};
	struct http_path p;
	for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
		/* On the heap and of exact size, so that reading past the end shows. */
		char *copy = strdup(raw[i]);
		assert_int_equal(http_path_decode(copy, &p), 400);
		free(copy);
	}
	assert_int_equal(http_path_decode("*", &p), 400);
	assert_int_equal(http_path_decode("", &p), 200);
	assert_int_equal(http_path_decode("x", &p), 400);
}

TEST(path_that_would_split_a_header_is_refused, "HT-26")
{
	struct http_path p;
	char out[100];
	assert_int_equal(http_path_decode("/a%0d%0aSet-Cookie:x", &p), 400);
	assert_int_equal(http_path_decode("/a%7f", &p), 400);
	/* What is decoded and may pass is encoded again for Location. */
	assert_int_equal(http_path_decode("//evil.example/%22%3c\\%c3%a9%20%3f%23", &p), 200);
	assert_true(http_path_encode(&p, true, "q=1", out, sizeof out) > 0);
	assert_string_equal(out, "/evil.example/%22%3C%5C%C3%A9%20%3F%23/?q=1");
	assert_int_equal(http_path_encode(&p, true, "q=1", out, 20), 0);
	assert_int_equal(http_path_decode("/", &p), 200);
	assert_int_equal(http_path_encode(&p, true, NULL, out, sizeof out), 1);
	assert_string_equal(out, "/");
}

TEST(path_lengths_are_bounded, "")
{
	static char raw[9000];
	static struct http_path p;
	raw[0] = '/';
	for (size_t n = HTTP_MAX_PATH - 4; n < HTTP_MAX_PATH + 4; n++) {
		memset(raw + 1, 'a', n);
		raw[n + 1] = 0;
		assert_int_equal(http_path_decode(raw, &p), n < HTTP_MAX_PATH ? 200 : 414);
		raw[n + 1] = '/';
		raw[n + 2] = 0;
		assert_int_equal(http_path_decode(raw, &p), n < HTTP_MAX_PATH ? 200 : 414);
		if (n < HTTP_MAX_PATH)
			assert_int_equal(p.len, n);
		memcpy(raw + n + 1, "/a", 3);
		assert_int_equal(http_path_decode(raw, &p), n + 2 < HTTP_MAX_PATH ? 200 : 414);
	}
}

TEST(name_longer_than_any_file_is_not_found, "")
{
	char raw[400];
	memset(raw, 'a', sizeof raw);
	raw[0] = '/';
	raw[300] = 0;
	expect(raw, 404, "");
	memcpy(raw + 290, "/x", 3);
	expect(raw, 404, "");
}

TEST(no_descriptor_is_left_open, "")
{
	static const char *const raw[] = {"/",
					  "/sub",
					  "/sub/page.html",
					  "/none",
					  "/none/x",
					  "/fifo",
					  "/out",
					  "/empty/",
					  "/in",
					  "/subl/page.html",
					  "/sub/page.html/x",
					  "/a/b/c"};
	int before = dup(0);
	close(before);
	for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
		char text[100];
		root.walk = false;
		get(raw[i], text, sizeof text);
		root.walk = true;
		get(raw[i], text, sizeof text);
	}
	int after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

TEST(running_out_of_descriptors_is_503, "")
{
	struct rlimit old, none;
	struct http_path p;
	struct http_file f;
	assert_int_equal(http_path_decode("/sub/page.html", &p), 200);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int status = http_file_open(&root, &p, &f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(status, 503);
}

TEST(media_types_go_by_the_ending, "")
{
	static const char *const ending[] = {
#define HTTP_MIME(e, t) e,
#include "apps/http_mime.def"
#undef HTTP_MIME
	};
	static const char *const type[] = {
#define HTTP_MIME(e, t) t,
#include "apps/http_mime.def"
#undef HTTP_MIME
	};
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
		char name[40];
		snprintf(name, sizeof name, "dir.d/x.%s", ending[i]);
		assert_string_equal(http_mime_type(name), type[i]);
		assert_true(i == 0 || strcmp(ending[i - 1], ending[i]) < 0);
	}
	assert_string_equal(http_mime_type("A.HTML"), "text/html; charset=utf-8");
	assert_string_equal(http_mime_type("a.tar.gz"), "application/gzip");
	assert_string_equal(http_mime_type("none"), "application/octet-stream");
	assert_string_equal(http_mime_type("x.html/none"), "application/octet-stream");
	assert_string_equal(http_mime_type("dot."), "application/octet-stream");
	assert_string_equal(http_mime_type("x.averyveryverylongending"),
			    "application/octet-stream");
}

TEST(root_must_be_a_directory, "")
{
	char path[200];
	struct http_root r;
	snprintf(path, sizeof path, "%s/secret.txt", base);
	assert_int_equal(http_root_open(&r, path), -ENOTDIR);
	snprintf(path, sizeof path, "%s/none", base);
	assert_int_equal(http_root_open(&r, path), -ENOENT);
}

#define BOTH(name)                                                           \
	cmocka_unit_test_setup_teardown(name##_by_openat2, setup, teardown), \
		cmocka_unit_test_setup_teardown(name##_by_walking, setup_walk, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(files_and_indexes_are_found),
		BOTH(paths_never_leave_the_root),
		cmocka_unit_test_setup_teardown(links_within_the_root_are_followed_by_openat2,
						setup, teardown),
		cmocka_unit_test_setup_teardown(walking_follows_no_link, setup_walk, teardown),
		BOTH(only_regular_files_are_served),
		BOTH(swapped_component_gains_nothing),
		BOTH(directory_without_slash_is_redirected),
		cmocka_unit_test(malformed_escapes_are_refused),
		cmocka_unit_test(path_that_would_split_a_header_is_refused),
		cmocka_unit_test(path_lengths_are_bounded),
		cmocka_unit_test_setup_teardown(name_longer_than_any_file_is_not_found, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_descriptor_is_left_open, setup, teardown),
		cmocka_unit_test_setup_teardown(running_out_of_descriptors_is_503, setup, teardown),
		cmocka_unit_test(media_types_go_by_the_ending),
		cmocka_unit_test_setup_teardown(root_must_be_a_directory, setup, teardown),
	};
	return tapir_test_run("unit/apps/test_http_file", tests);
}
