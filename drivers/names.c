/*
 * The resolver on an event loop, its settings from the machine.
 *
 * The loop gives the resolver's sockets' readiness and one timer, set to the resolver's next deadline after everything that may
 * have moved it. So a query costs the loop nothing while it waits.
 *
 * The machine's files are looked at when someone asks something, at most once a second, and read again when they have another
 * time, size or inode than before: a laptop that changes its network, or an administrator who edits, needs to tell nobody. A
 * resolv.conf that can't be read counts as empty; a hosts file too. Only where no descriptor or memory is left to read it with does what
 * it said before stay, and it is looked at again a second later. What resolv.conf says and we can't follow is told once for
 * each content that it has.
 *
 * The calls that wait are queries whose callback fills a struct on the caller's frame, and turns of the loop until it has. They
 * copy what they are given: the resolver's own bytes live no longer than the callback.
 */
#include "drivers/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/local.h"
#include "drivers/host.h"

enum {
	NOTES_MAX = 16,
	RESOLV_CONF_MAX = 64 << 10,
	HOSTS_MAX = 16 << 20,
	SERVENT_ROOM = 4096,
};

/* A file of the machine's, and what it was when read. */
struct machine_file {
	const char *path;
	bool known; /* looked at before */
	bool there;
	struct stat st;
};

struct names {
	struct loop *l;
	struct dns *d;
	struct loop_handler handler;
	struct loop_timer timer;
	struct names_conf conf;
	struct tapir_sockaddr given[DNS_SERVERS_MAX];
	struct machine_file resolv, hosts;
	uint64_t checked_ns; /* host_clock_ns() of the last look */
	/* names_query()'s last reply */
	struct dns_story story;
	uint8_t *msg;
};

/* --- the machine's files --- */

/* Whether it is another than when it was read last. */
static bool file_changed(struct machine_file *f)
{
	struct stat st;
	bool there = stat(f->path, &st) == 0;

	if (f->known && there == f->there &&
	    (!there || (st.st_ino == f->st.st_ino && st.st_dev == f->st.st_dev &&
			st.st_size == f->st.st_size && st.st_mtim.tv_sec == f->st.st_mtim.tv_sec &&
			st.st_mtim.tv_nsec == f->st.st_mtim.tv_nsec)))
		return false;
	f->known = true;
	f->there = there;
	if (there)
		f->st = st;
	return true;
}

/* Its text, allocated, at most `max` bytes. NULL with errno: it can't be read. */
static char *file_read(const char *path, size_t max, size_t *len)
{
	size_t cap = 8192, n = 0;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return NULL;
	for (;;) {
		char *more = realloc(text, cap);

		if (!more)
			goto fail;
		text = more;
		ssize_t got = read(fd, text + n, cap - n);
		if (got < 0)
			goto fail;
		n += (size_t)got;
		if (got == 0 || n >= max)
			break;
		if (n == cap)
			cap *= 2;
	}
	close(fd);
	*len = n < max ? n : max;
	return text;
fail:
	free(text);
	int e = errno;
	close(fd);
	errno = e;
	return NULL;
}

/* Nothing is wrong with the file: it is we who can't read it now. */
static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static void tell(struct names *n, const char *line)
{
	if (n->conf.note)
		n->conf.note(n->conf.ctx, line);
}

/*
 * Settings from resolv.conf's text; the servers that were given go before its own. Whoever is left without one has been told why. False: it
 * can't be read for now, and there are settings to go on with.
 */
static bool read_resolv_conf(struct names *n, struct dns_conf *c)
{
	struct dns_resolvconf_note notes[NOTES_MAX];
	const char *why = "it names no server";
	char line[512];
	size_t len = 0;
	unsigned k = 0;
	char *text = file_read(n->resolv.path, RESOLV_CONF_MAX, &len);

	if (!text && is_shortage(errno)) {
		n->resolv.known = false;
		if (n->d)
			return false;
	}
	if (text)
		k = dns_resolvconf(c, text, len, notes, NOTES_MAX);
	else
		why = strerror(errno);
	free(text);
	if (n->conf.nservers) {
		memcpy(c->server, n->given, n->conf.nservers * sizeof(c->server[0]));
		c->nservers = n->conf.nservers;
		return true;
	}
	for (unsigned i = 0; i < k && i < NOTES_MAX; i++) {
		snprintf(line, sizeof(line), "%s line %u: %s", n->resolv.path, notes[i].line,
			 notes[i].text);
		tell(n, line);
	}
	if (!c->nservers && !k) {
		snprintf(line, sizeof(line), "%s: %s: name a server with --dns", n->resolv.path,
			 why);
		tell(n, line);
	}
	return true;
}

static void read_hosts(struct names *n)
{
	size_t len = 0;
	char *text = file_read(n->hosts.path, HOSTS_MAX, &len);

	if (!text && is_shortage(errno)) {
		n->hosts.known = false;
		return;
	}
	dns_set_hosts(n->d, text ? text : "", len); /* without memory the old ones stay */
	free(text);
}

/* Looks at the files if that was not done within a second. */
static void refresh(struct names *n)
{
	uint64_t now = host_clock_ns();
	struct dns_conf c;

	if (n->checked_ns && now - n->checked_ns < NS_PER_S)
		return;
	n->checked_ns = now;
	if (file_changed(&n->resolv)) {
		dns_conf_default(&c);
		if (read_resolv_conf(n, &c))
			dns_configure(n->d, &c); /* refused or without memory: the old ones stay */
	}
	if (file_changed(&n->hosts))
		read_hosts(n);
}

/* --- life --- */

void names_changed(struct names *n)
{
	uint64_t at = dns_next_deadline(n->d);

	if (at == TAPIR_NEVER)
		loop_timer_cancel(n->l, &n->timer);
	else if (n->timer.pos == 0 || n->timer.at_ns != at)
		loop_timer_set(n->l, &n->timer, at);
}

static void on_ready(struct loop *l, struct loop_handler *h, tapir_sock_t s, uint32_t bits)
{
	struct names *n = (struct names *)(void *)((char *)h - offsetof(struct names, handler));

	(void)l;
	dns_ready(n->d, s, bits);
	names_changed(n);
}

static void on_timer(struct loop *l, struct loop_timer *tm)
{
	struct names *n = (struct names *)(void *)((char *)tm - offsetof(struct names, timer));

	(void)l;
	dns_advance(n->d);
	names_changed(n);
}

static int watch(void *ctx, tapir_sock_t s, uint32_t bits)
{
	struct names *n = ctx;

	return loop_watch(n->l, s, bits, &n->handler);
}

struct names *names_open(struct loop *l, const struct names_conf *conf, struct drv_error *err)
{
	struct names *n = calloc(1, sizeof(*n));
	uint8_t seed[TAPIR_SEED_LEN];
	struct dns_conf c;

	if (!n) {
		drv_fail(err, "no memory for a resolver: free some and try again");
		return NULL;
	}
	n->l = l;
	n->conf = *conf;
	if (n->conf.nservers > DNS_SERVERS_MAX)
		n->conf.nservers = DNS_SERVERS_MAX;
	if (n->conf.nservers)
		memcpy(n->given, conf->server, n->conf.nservers * sizeof(n->given[0]));
	n->conf.server = n->given;
	n->handler.fn = on_ready;
	n->timer.fn = on_timer;
	n->resolv.path = conf->resolv_conf ? conf->resolv_conf : "/etc/resolv.conf";
	n->hosts.path = conf->hosts ? conf->hosts : "/etc/hosts";
	int v = host_entropy(seed, sizeof(seed));
	if (v < 0) {
		drv_fail(err, "no entropy for a resolver: %s", strerror(-v));
		goto fail;
	}
	dns_conf_default(&c);
	file_changed(&n->resolv);
	read_resolv_conf(n, &c);
	const struct dns_env env = {.ctx = n, .watch = watch, .mem = host_env()};
	v = dns_create(&n->d, loop_tapir(l), &env, &c, seed);
	explicit_bzero(seed, sizeof(seed));
	if (v < 0) {
		drv_fail(err, "no resolver: %s", strerror(-v));
		goto fail;
	}
	n->checked_ns = host_clock_ns();
	file_changed(&n->hosts);
	read_hosts(n);
	return n;
fail:
	free(n);
	return NULL;
}

void names_close(struct names *n)
{
	if (!n)
		return;
	loop_timer_cancel(n->l, &n->timer);
	dns_destroy(n->d);
	free(n->msg);
	free(n);
}

unsigned names_servers(const struct names *n)
{
	return dns_settings(n->d)->nservers;
}

struct dns *names_dns(struct names *n)
{
	refresh(n);
	return n->d;
}

/* --- waiting --- */

/* Turns of the loop until *over. 0, -EINTR, -ETIMEDOUT, -ENODEV. */
static int wait_for(struct names *n, const bool *over, uint64_t deadline_ns)
{
	dns_advance(n->d); /* what is known already needs no turn */
	names_changed(n);
	while (!*over) {
		if (loop_stopping(n->l) >= 0)
			return -EINTR;
		if (loop_now(n->l) >= deadline_ns)
			return -ETIMEDOUT;
		if (loop_turn(n->l, deadline_ns) < 0)
			return -ENODEV;
	}
	return 0;
}

struct waiter {
	struct names *n;
	bool over;
	int error; /* of taking the result */
	struct dns_reply *reply;
	struct dns_addrs *addrs;
};

static void on_reply(void *ctx, uint64_t id, const struct dns_reply *r)
{
	struct waiter *w = ctx;
	struct names *n = w->n;

	(void)id;
	w->over = true;
	*w->reply = *r;
	if (r->story) {
		n->story = *r->story;
		w->reply->story = &n->story;
	}
	if (!r->msg)
		return;
	n->msg = malloc(r->len);
	if (n->msg)
		memcpy(n->msg, r->msg, r->len);
	else
		w->error = -ENOMEM;
	w->reply->msg = n->msg;
}

int names_query(struct names *n, const struct dns_query *q, struct dns_reply *r,
		uint64_t deadline_ns)
{
	struct waiter w = {.n = n, .reply = r};
	struct dns_query mine = *q;

	free(n->msg);
	n->msg = NULL;
	mine.done = on_reply;
	mine.ctx = &w;
	int64_t id = dns_query(names_dns(n), &mine);
	if (id < 0)
		return (int)id;
	int v = wait_for(n, &w.over, deadline_ns);
	if (v < 0) {
		dns_cancel(n->d, id);
		names_changed(n);
	}
	return v < 0 ? v : w.error;
}

static void on_addrs(void *ctx, int64_t id, const struct dns_addrs *a)
{
	struct waiter *w = ctx;

	(void)id;
	w->over = true;
	*w->addrs = *a;
	w->addrs->story[0] = w->addrs->story[1] = NULL;
}

/* --- getaddrinfo --- */

enum { KINDS_MAX = 3 };

/* What a result is of: a type of socket with its protocol, and the service's port with it. */
struct kind {
	int socktype, protocol;
	uint16_t port;
};

static const struct kind all_kinds[KINDS_MAX] = {
	{SOCK_STREAM, IPPROTO_TCP, 0},
	{SOCK_DGRAM, IPPROTO_UDP, 0},
	{SOCK_RAW, 0, 0},
};

/* The kinds that hints ask for. Returns how many, 0: no such. */
static unsigned kinds_of(const struct addrinfo *h, struct kind out[KINDS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < KINDS_MAX; i++) {
		const struct kind *k = &all_kinds[i];

		if (h->ai_socktype && h->ai_socktype != k->socktype)
			continue;
		if (h->ai_protocol && k->protocol && h->ai_protocol != k->protocol)
			continue;
		/* a raw socket takes any protocol, but is meant only where it is asked for or nothing is */
		if (h->ai_protocol && !k->protocol && h->ai_socktype != SOCK_RAW)
			continue;
		out[n] = *k;
		if (h->ai_protocol)
			out[n].protocol = h->ai_protocol;
		n++;
	}
	return n;
}

static bool number(const char *text, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned long)(*text - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return true;
}

/* Fills in the ports; kinds that don't have the service go. 0 or an EAI_ code. */
static int services(const char *service, int flags, struct kind *k, unsigned *n)
{
	char room[SERVENT_ROOM];
	unsigned long port = 0;
	unsigned left = 0;

	if (!service)
		return 0;
	if (number(service, 65535, &port)) {
		for (unsigned i = 0; i < *n; i++)
			k[i].port = (uint16_t)port;
		return 0;
	}
	if (flags & AI_NUMERICSERV)
		return EAI_NONAME;
	for (unsigned i = 0; i < *n; i++) {
		struct servent se, *found = NULL;

		if (k[i].socktype == SOCK_RAW)
			continue;
		if (getservbyname_r(service, k[i].socktype == SOCK_STREAM ? "tcp" : "udp", &se,
				    room, sizeof(room), &found) != 0 ||
		    !found)
			continue;
		k[left] = k[i];
		k[left++].port = ntohs((uint16_t)se.s_port);
	}
	*n = left;
	return left ? 0 : EAI_SERVICE;
}

/* One result with its address behind it, in one piece of memory. */
struct result {
	struct addrinfo ai;
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa;
};

static struct addrinfo *result_new(const struct dns_addr *a, const struct kind *k)
{
	struct result *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ai.ai_family = a->family;
	r->ai.ai_socktype = k->socktype;
	r->ai.ai_protocol = k->protocol;
	r->ai.ai_addr = (struct sockaddr *)&r->sa;
	if (a->family == AF_INET) {
		r->ai.ai_addrlen = sizeof(r->sa.v4);
		r->sa.v4.sin_family = AF_INET;
		r->sa.v4.sin_port = htons(k->port);
		memcpy(&r->sa.v4.sin_addr, a->addr.b + 12, 4);
	} else {
		r->ai.ai_addrlen = sizeof(r->sa.v6);
		r->sa.v6.sin6_family = AF_INET6;
		r->sa.v6.sin6_port = htons(k->port);
		memcpy(&r->sa.v6.sin6_addr, a->addr.b, 16);
	}
	return &r->ai;
}

void tapir_freeaddrinfo(struct addrinfo *ai)
{
	while (ai) {
		struct addrinfo *next = ai->ai_next;

		free(ai->ai_canonname);
		free(ai);
		ai = next;
	}
}

/* A name without its final dot, as programs have it. */
static char *plain_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX];
	size_t len = dns_name_text(name, text);

	if (len > 1 && text[len - 1] == '.')
		text[len - 1] = '\0';
	return strdup(text);
}

static int results(const struct dns_addrs *a, const struct kind *k, unsigned nkinds, int flags,
		   const char *node, struct addrinfo **res)
{
	struct addrinfo *first = NULL, **at = &first;

	for (unsigned i = 0; i < a->n; i++) {
		for (unsigned j = 0; j < nkinds; j++) {
			*at = result_new(&a->addr[i], &k[j]);
			if (!*at)
				goto fail;
			at = &(*at)->ai_next;
		}
	}
	if (first && (flags & AI_CANONNAME) && node) {
		first->ai_canonname = a->has_canonical && a->source != DNS_FROM_ADDRESS
					      ? plain_name(&a->canonical)
					      : strdup(node);
		if (!first->ai_canonname)
			goto fail;
	}
	*res = first;
	return 0;
fail:
	tapir_freeaddrinfo(first);
	return EAI_MEMORY;
}

/* Without a node: this host, for who listens (PASSIVE) or who calls. */
static void own_addrs(int family, int flags, struct dns_addrs *a)
{
	if (family != AF_INET6)
		a->addr[a->n++] = (struct dns_addr){
			tapir_addr_v4(flags & AI_PASSIVE ? 0 : TAPIR_IP4(127, 0, 0, 1)), AF_INET};
	if (family != AF_INET && !(flags & AI_ADDRCONFIG)) {
		struct dns_addr *v6 = &a->addr[a->n++];

		memset(v6, 0, sizeof(*v6));
		v6->family = AF_INET6;
		v6->addr.b[15] = flags & AI_PASSIVE ? 0 : 1;
	}
}

/* The node's addresses. 0 or an EAI_ code. */
static int look_up(struct names *n, const char *node, int family, int flags, struct dns_addrs *a,
		   uint64_t deadline_ns)
{
	struct waiter w = {.n = n, .addrs = a};
	const struct dns_addrs_query q = {
		.node = node,
		.family = family,
		.flags = flags &
			 (AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG),
		.done = on_addrs,
		.ctx = &w,
	};
	int64_t id = dns_addrs_query(names_dns(n), &q);

	if (id == -ENOMEM)
		return EAI_MEMORY;
	if (id < 0)
		return id == -EAGAIN ? EAI_AGAIN : EAI_BADFLAGS;
	int v = wait_for(n, &w.over, deadline_ns);
	if (v < 0) {
		dns_cancel(n->d, id);
		names_changed(n);
		errno = -v;
		return v == -ETIMEDOUT ? EAI_AGAIN : EAI_SYSTEM;
	}
	return a->eai;
}

int tapir_getaddrinfo(struct names *n, const char *node, const char *service,
		      const struct addrinfo *hints, struct addrinfo **res, uint64_t deadline_ns)
{
	static const struct addrinfo none = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG};
	const int known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL |
			  AI_ADDRCONFIG | AI_NUMERICSERV;
	const struct addrinfo *h = hints ? hints : &none;
	struct kind kinds[KINDS_MAX];
	struct dns_addrs a = {.n = 0};

	*res = NULL;
	if (!node && !service)
		return EAI_NONAME;
	if ((h->ai_flags & ~known) || ((h->ai_flags & AI_CANONNAME) && !node))
		return EAI_BADFLAGS;
	if (h->ai_family != AF_UNSPEC && h->ai_family != AF_INET && h->ai_family != AF_INET6)
		return EAI_FAMILY;
	unsigned nkinds = kinds_of(h, kinds);
	if (!nkinds)
		return EAI_SOCKTYPE;
	int v = services(service, h->ai_flags, kinds, &nkinds);
	if (v)
		return v;
	if (node)
		v = look_up(n, node, h->ai_family, h->ai_flags, &a, deadline_ns);
	else
		own_addrs(h->ai_family, h->ai_flags, &a);
	if (v)
		return v;
	return a.n ? results(&a, kinds, nkinds, h->ai_flags, node, res) : EAI_NONAME;
}

const char *tapir_gai_strerror(int code)
{
	return dns_eai_text(code);
}

/* --- getnameinfo --- */

/* DN-13: the first name of a PTR answer that is a host's. */
static bool ptr_name(const struct dns_reply *r, struct dns_name *out)
{
	uint8_t rdata[DNS_NAME_MAX];
	struct dns_rr_iter it;
	struct dns_msg m;
	struct dns_rr rr;

	if (r->status != DNS_OK || dns_msg_decode(&m, r->msg, r->len, NULL) < 0)
		return false;
	for (dns_rr_begin(&m, &it); dns_rr_next(&m, &it, &rr);) {
		if (rr.section != DNS_ANSWER || rr.type != DNS_TYPE_PTR)
			continue;
		int len = dns_rdata_expand(&m, &rr, rdata, sizeof(rdata));
		if (len > 0 && dns_rdata_name(rr.type, rdata, (size_t)len, out) == 0 &&
		    dns_name_is_host(out))
			return true;
	}
	return false;
}

/* The name of an address in `text`: 0, or an EAI_ code. */
static int reverse(struct names *n, const struct tapir_addr *a, int flags,
		   char text[DNS_NAME_TEXT_MAX], uint64_t deadline_ns)
{
	struct dns_query q = {.q = {.type = DNS_TYPE_PTR, .class = DNS_CLASS_IN}};
	const struct dns_conf *c = dns_settings(n->d);
	struct dns_reply r;
	struct dns_name name;

	dns_name_reverse(a, &q.q.name);
	int v = names_query(n, &q, &r, deadline_ns);
	if (v < 0) {
		errno = -v;
		return v == -ENOMEM		     ? EAI_MEMORY
		       : v == -EINTR || v == -ENODEV ? EAI_SYSTEM
						     : EAI_AGAIN;
	}
	if (!ptr_name(&r, &name))
		return r.status == DNS_OK || r.status == DNS_NODATA || r.status == DNS_NXDOMAIN
			       ? EAI_NONAME
			       : EAI_AGAIN;
	/* NOFQDN: of our own domain only the host's part */
	if ((flags & NI_NOFQDN) && c->nsearch && dns_name_under(&name, &c->search[0]) &&
	    dns_name_labels(&name) == dns_name_labels(&c->search[0]) + 1) {
		size_t len = name.b[0];

		memcpy(text, name.b + 1, len);
		text[len] = '\0';
		return 0;
	}
	size_t len = dns_name_text(&name, text);
	if (len > 1)
		text[len - 1] = '\0';
	return 0;
}

static int put(char *out, socklen_t room, const char *text)
{
	size_t len = strlen(text);

	if (len >= room)
		return EAI_OVERFLOW;
	memcpy(out, text, len + 1);
	return 0;
}

static int service_name(uint16_t port, int flags, char *serv, socklen_t servlen)
{
	struct servent se, *found = NULL;
	char room[SERVENT_ROOM], text[8];

	if (!(flags & NI_NUMERICSERV) &&
	    getservbyport_r(htons(port), flags & NI_DGRAM ? "udp" : "tcp", &se, room, sizeof(room),
			    &found) == 0 &&
	    found)
		return put(serv, servlen, se.s_name);
	snprintf(text, sizeof(text), "%u", port);
	return put(serv, servlen, text);
}

/* Reads a socket address of the C library: false when it is none of ours. */
static bool read_sockaddr(const struct sockaddr *sa, socklen_t len, struct dns_addr *a,
			  uint16_t *port, uint32_t *scope)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	*scope = 0;
	if (sa->sa_family == AF_INET && len >= sizeof(v4)) {
		memcpy(&v4, sa, sizeof(v4));
		memset(a, 0, sizeof(*a));
		a->addr.b[10] = a->addr.b[11] = 0xff;
		memcpy(a->addr.b + 12, &v4.sin_addr, 4);
		a->family = DNS_AF_INET;
		*port = ntohs(v4.sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6 && len >= sizeof(v6)) {
		memcpy(&v6, sa, sizeof(v6));
		memcpy(a->addr.b, &v6.sin6_addr, 16);
		a->family = DNS_AF_INET6;
		*port = ntohs(v6.sin6_port);
		*scope = v6.sin6_scope_id;
		return true;
	}
	return false;
}

int tapir_getnameinfo(struct names *n, const struct sockaddr *sa, socklen_t salen, char *host,
		      socklen_t hostlen, char *serv, socklen_t servlen, int flags,
		      uint64_t deadline_ns)
{
	const int known = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM;
	char text[DNS_NAME_TEXT_MAX];
	struct dns_addr a;
	uint16_t port = 0;
	uint32_t scope;
	int v = EAI_NONAME;

	if (flags & ~known)
		return EAI_BADFLAGS;
	if (salen < sizeof(sa->sa_family) || !read_sockaddr(sa, salen, &a, &port, &scope))
		return EAI_FAMILY;
	bool want_host = host && hostlen, want_serv = serv && servlen;
	if ((!want_host && !want_serv) || ((flags & NI_NAMEREQD) && (flags & NI_NUMERICHOST)))
		return EAI_NONAME;
	if (want_host) {
		if (!(flags & NI_NUMERICHOST))
			v = reverse(n, &a.addr, flags, text, deadline_ns);
		if (v && v != EAI_NONAME && (v != EAI_AGAIN || (flags & NI_NAMEREQD)))
			return v;
		if (v && (flags & NI_NAMEREQD))
			return EAI_NONAME;
		if (v) {
			size_t len = dns_addr_text(&a, text);

			if (scope)
				snprintf(text + len, sizeof(text) - len, "%%%u", scope);
		}
		v = put(host, hostlen, text);
		if (v)
			return v;
	}
	return want_serv ? service_name(port, flags, serv, servlen) : 0;
}
