/*
 * The same lookups by c-ares, in one thread, as its users do it: dnsload_ares SERVER[,SERVER] TOTAL OUTSTANDING [GAP_MS]. Its
 * settings are its defaults but for the servers. Built against Debian's libc-ares-dev below build/peers, which nothing else needs.
 */
#include <arpa/nameser.h>
#include <ares.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/bench/dnsload.h"

struct client {
	struct load load;
	ares_channel ch;
	int ep;
	unsigned underway;
};

struct one {
	struct client *c;
	unsigned i;
};

static void done(void *arg, int status, int timeouts, unsigned char *buf, int len)
{
	struct one *o = arg;
	struct load *l = &o->c->load;

	(void)timeouts;
	(void)buf;
	l->took_ns[o->i] = load_clock() - l->began_ns[o->i];
	l->ended++;
	/* An answer section there is. */
	l->lost += status != ARES_SUCCESS || len < 12 || buf[7] == 0;
	o->c->underway--;
	free(o);
}

static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct client *c = arg;
	struct epoll_event ev = {.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
				 .data.fd = fd};

	if (!ev.events)
		epoll_ctl(c->ep, EPOLL_CTL_DEL, fd, &ev);
	else if (epoll_ctl(c->ep, EPOLL_CTL_MOD, fd, &ev))
		epoll_ctl(c->ep, EPOLL_CTL_ADD, fd, &ev);
}

static void turn(struct client *c, int most_ms)
{
	struct epoll_event ev[64];
	struct timeval most = {most_ms / 1000, most_ms % 1000 * 1000}, tv;
	const struct timeval *t = ares_timeout(c->ch, &most, &tv);
	int n = epoll_wait(c->ep, ev, 64, (int)(t->tv_sec * 1000 + (t->tv_usec + 999) / 1000));

	for (int i = 0; i < n; i++)
		ares_process_fd(c->ch,
				ev[i].events & ~(unsigned)EPOLLOUT ? ev[i].data.fd
								   : ARES_SOCKET_BAD,
				ev[i].events & EPOLLOUT ? ev[i].data.fd : ARES_SOCKET_BAD);
	if (n <= 0)
		ares_process_fd(c->ch, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int main(int argc, char **argv)
{
	static struct client c;
	struct ares_options o = {.sock_state_cb = socket_state, .sock_state_cb_data = &c};
	struct load *l = &c.load;

	if (argc < 4) {
		fprintf(stderr, "dnsload_ares SERVER[,SERVER] TOTAL OUTSTANDING [GAP_MS]\n");
		return 2;
	}
	load_init(l, argv + 2);
	c.ep = epoll_create1(0);
	if (ares_library_init(ARES_LIB_INIT_ALL) ||
	    ares_init_options(&c.ch, &o, ARES_OPT_SOCK_STATE_CB) ||
	    ares_set_servers_csv(c.ch, argv[1])) {
		fprintf(stderr, "dnsload_ares: c-ares can't begin\n");
		return 1;
	}
	l->start_ns = load_clock();
	while (l->ended < l->total) {
		while (c.underway < l->outstanding && l->begun < l->total) {
			struct one *one = malloc(sizeof(*one));
			char name[64];

			if (!one)
				return 1;
			*one = (struct one){&c, l->begun++};
			load_name(l, one->i, name);
			l->began_ns[one->i] = load_clock();
			c.underway++;
			ares_query(c.ch, name, ns_c_in, ns_t_a, done, one);
		}
		unsigned before = l->ended;
		turn(&c, 1000);
		if (l->gap_ms && l->ended > before)
			usleep(l->gap_ms * 1000);
	}
	load_tell(l);
	ares_destroy(c.ch);
	return 0;
}
