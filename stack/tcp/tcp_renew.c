/*
 * Sockets that begin anew.
 *
 * connect() to no address gives a connection up and keeps the socket; so does a listener that is shut for reading, and
 * an open that failed, once it has been told. What stays is what the program has set: options, congestion control, Fast Open
 * keys, and the address and port that it named itself; of the old connection nothing does, and nothing of its state can be
 * left over by mistake, for the new one is another struct tcp_conn, made before the old one ends.
 *
 *	handle ---> tcp_conn   (options, name) --+
 *	      \                                  v
 *	       `--> tcp_conn, CLOSED, with the error that Linux leaves in SO_ERROR
 */
#include <errno.h>

#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/tcp/tcp_passive.h"
#include "stack/tcp/tcp_user.h"

/* What bind() named, of an endpoint whose socket begins anew. */
static struct tapir_sockaddr named(const struct tcp_ep *ep)
{
	struct tapir_sockaddr sa = {.port = 0};

	if (ep->epflags & TCP_EP_NAMED_ADDR)
		sa.addr = ep->tuple.laddr;
	if (ep->epflags & TCP_EP_NAMED_PORT)
		sa.port = ep->tuple.lport;
	return sa;
}

/* Takes the name again. Another socket may have it by now: then there is none, as before bind(). */
static void name_again(struct tapir *t, struct tcp_conn *c, const struct tapir_sockaddr *sa)
{
	if (sa->port)
		tcp_user_bind(t, c, sa);
}

static struct tcp_conn *made_from(struct tapir *t, const struct tcp_opt *opt,
				  const struct tcp_cc_ops *cc, struct tcp_fo_keys **keys)
{
	struct tcp_conn *c = tcp_conn_new(t);

	if (!c)
		return NULL;
	c->opt = *opt;
	if (cc)
		c->cc.ops = cc;
	c->fo_keys = *keys;
	*keys = NULL;
	tcp_rcv_buffer(t, c);
	return c;
}

/* What is left in SO_ERROR, as Linux's tcp_disconnect(): of what was under way a reset, else what was there. */
static int error_left(const struct tcp_conn *c)
{
	switch ((enum tapir_tcp_state)c->ep.state) {
	case TAPIR_TCP_SYN_SENT:
	case TAPIR_TCP_SYN_RECEIVED:
	case TAPIR_TCP_ESTABLISHED:
	case TAPIR_TCP_FIN_WAIT_1:
	case TAPIR_TCP_FIN_WAIT_2:
	case TAPIR_TCP_CLOSE_WAIT:
		return ECONNRESET;
	case TAPIR_TCP_CLOSED:
	case TAPIR_TCP_LISTEN:
	case TAPIR_TCP_CLOSING:
	case TAPIR_TCP_LAST_ACK:
	case TAPIR_TCP_TIME_WAIT:
		return c->err;
	}
	return c->err;
}

int tcp_user_renew(struct tapir *t, struct tcp_conn *c, struct tcp_conn **out)
{
	struct tapir_sockaddr name = named(&c->ep);
	struct tcp_conn *anew = made_from(t, &c->opt, c->cc.ops, &c->fo_keys);

	if (!anew)
		return -ENOMEM;
	anew->err = error_left(c);
	tcp_user_abort(t, c); /* RFC 9293 3.10.5 */
	name_again(t, anew, &name);
	*out = anew;
	return 0;
}

int tcp_listener_renew(struct tapir *t, struct tcp_listener *l, struct tcp_conn **out)
{
	struct tapir_sockaddr name = named(&l->ep);
	struct tcp_conn *c = made_from(t, &l->opt, l->cc, &l->fo_keys);

	if (!c)
		return -ENOMEM;
	tcp_listener_close(t, l);
	name_again(t, c, &name);
	*out = c;
	return 0;
}
