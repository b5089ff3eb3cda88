/*
 * The HTTP server over the stack's sockets: a listener and its connections, without a loop of its own.
 *
 * Whoever runs the stack gives the server its surroundings (struct http_ops), tells edges to the handlers
 * that it asked to have watched, and calls http_server_tick() now and then while it wants to be ticked.
 * Time is the instance's.
 */
#ifndef TAPIR_APPS_HTTP_CONN_H
#define TAPIR_APPS_HTTP_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "apps/http_handler.h"
#include "apps/http_log.h"
#include "drivers/loop.h"
#include "stack/socket.h"

struct http_server;

struct http_ops {
	void *ctx;
	/* Asks for edges of a socket, as loop_watch(). */
	int (*watch)(void *ctx, tapir_sock_t s, uint32_t bits, struct loop_handler *h);
	/* There is something to tick for. */
	void (*wake)(void *ctx);
	/* The time of day. */
	time_t (*wall)(void *ctx);
};

/* What a connection waits for, and so which of its timeouts runs. */
enum http_class {
	HTTP_CLASS_IDLE,   /* the next request of a kept connection */
	HTTP_CLASS_HEAD,   /* the rest of a request's head, from its first byte or the accept */
	HTTP_CLASS_BODY,   /* a body: min_bytes in each period */
	HTTP_CLASS_SEND,   /* the client to take our bytes: min_bytes in each period */
	HTTP_CLASS_LINGER, /* the client's end of the connection after ours */
	HTTP_CLASSES
};

struct http_server_conf {
	uint64_t timeout_ns[HTTP_CLASSES];
	uint64_t min_bytes;   /* that must flow in a period of BODY or SEND */
	uint64_t max_discard; /* bytes read and let go after our end of the connection */
	unsigned max_conns;   /* at a time; more wait in the accept queue */
	int backlog;
};

struct http_link {
	struct http_link *prev, *next;
};

struct http_server {
	struct tapir *t;
	struct http_ops ops;
	struct http_server_conf conf;
	const struct http_site *site;
	struct http_log *log; /* NULL: none */
	struct loop_handler handler;
	tapir_sock_t listener;		      /* 0: none */
	struct http_link class[HTTP_CLASSES]; /* connections by their wait, longest waiting first */
	struct http_link
		dead; /* ended connections, kept to the next tick: an edge of theirs may be under way */
	unsigned nconns;
	bool full;     /* connections may wait in the accept queue */
	bool draining; /* each connection ends with its response */
	time_t date_of;
	char date[HTTP_DATE_LEN];
	uint64_t accepted, requests, refused, timeouts, evicted; /* counters since the start */
};

/* The settings of a server that nobody tuned. */
struct http_server_conf http_server_conf_default(void);

/* Listens at `sa`. Returns 0 or a negative errno; the server is empty then. `site` and `log` stay the caller's. */
int http_server_start(struct http_server *srv, struct tapir *t, const struct http_ops *ops,
		      const struct http_server_conf *conf, const struct http_site *site,
		      struct http_log *log, const struct tapir_sockaddr *sa);

/* Ends what has waited too long, and writes the log. True while there is more to tick for. */
bool http_server_tick(struct http_server *srv);

/* Takes no more connections, ends idle ones, and lets the others finish their response. */
void http_server_drain(struct http_server *srv);

/* Frees all connections; their sockets are left as they are for the loop to finish, or closed. */
void http_server_stop(struct http_server *srv, bool close_sockets);

#endif
