/*
 * The error queue: what became of a write.
 *
 * SO_TIMESTAMPING asks when the last byte of a write left and when it was acknowledged; MSG_ZEROCOPY when the buffer may be
 * used again. The stack copies, and keeps no record of writes. But where a write ends in the stream is known, and how
 * far the stream was sent and acknowledged, at any moment (TCP_INFO): so a write is a mark, and its messages come when
 * the connection has passed it. A copied buffer is told as Linux tells it of a device that could not do without
 * copying: when all is acknowledged, with SO_EE_CODE_ZEROCOPY_COPIED.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#include "tools/packetdrill/pd.h"

static const uint32_t TX_BITS =
	SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK;

/* How far the stream has been sent, and acknowledged, in bytes. False: it is no more. */
static bool progress(struct pd *pd, const struct pd_file *f, uint64_t *sent, uint64_t *acked)
{
	struct tapir_tcp_info info;
	size_t len = sizeof(info);
	int32_t una, nxt;

	if (tapir_getsockopt(pd->t, f->sock, TAPIR_SOL_TCP, TAPIR_TCP_INFO, &info, &len) < 0)
		return false;
	if (info.state == TAPIR_TCP_CLOSED || info.state == TAPIR_TCP_LISTEN)
		return false;
	/* Between them and what was written there are never 2 GB. */
	una = (int32_t)(info.snd_una - info.iss - 1 - (uint32_t)f->written);
	nxt = (int32_t)(info.snd_nxt - info.iss - 1 - (uint32_t)f->written);
	*acked = (uint64_t)((int64_t)f->written + una);
	*sent = (uint64_t)((int64_t)f->written + nxt);
	/* In SYN-SENT they are one short of the first byte. */
	if ((int64_t)*acked < 0)
		*acked = 0;
	if ((int64_t)*sent < 0)
		*sent = 0;
	return true;
}

static void push(struct pd *pd, struct pd_file *f, const struct pd_errmsg *m)
{
	if (f->nerrq == PD_ERRQ_MAX)
		return;
	f->errq[f->nerrq++] = *m;
	pd_edge(pd, f, EPOLLERR);
}

/* Zero-copy messages that follow each other become one, of a range of numbers. */
static void push_zerocopy(struct pd *pd, struct pd_file *f, uint32_t id)
{
	struct pd_errmsg m = {.info = id,
			      .data = id,
			      .origin = SO_EE_ORIGIN_ZEROCOPY,
			      .code = SO_EE_CODE_ZEROCOPY_COPIED};
	struct pd_errmsg *last = f->nerrq ? &f->errq[f->nerrq - 1] : NULL;

	if (last && last->origin == SO_EE_ORIGIN_ZEROCOPY && last->data + 1 == id) {
		last->data = id;
		return;
	}
	push(pd, f, &m);
}

static void push_stamp(struct pd *pd, struct pd_file *f, const struct pd_mark *k, uint32_t what)
{
	uint32_t flags = (uint32_t)pd_stored(f, SOL_SOCKET, SO_TIMESTAMPING);
	struct pd_errmsg m = {.err = ENOMSG,
			      .origin = SO_EE_ORIGIN_TIMESTAMPING,
			      .info = what,
			      .data = flags & SOF_TIMESTAMPING_OPT_ID ? k->key : 0};

	if (flags & SOF_TIMESTAMPING_SOFTWARE)
		m.stamp_ns = tapir_now(pd->t);
	push(pd, f, &m);
}

void pd_mark_write(struct pd *pd, struct pd_file *f, int flags, size_t n, uint32_t tx)
{
	struct pd_mark k = {.end = f->written, .tx = tx & TX_BITS};

	(void)pd;
	if (n == 0 || f->type != SOCK_STREAM || f->nmark == PD_ERRQ_MAX)
		return;
	if (flags & MSG_ZEROCOPY && pd_stored(f, SOL_SOCKET, SO_ZEROCOPY)) {
		k.zerocopy = true;
		k.id = f->next_zc++;
	}
	k.key = (uint32_t)(f->written - 1 - f->stamp_base);
	if (k.tx || k.zerocopy)
		f->mark[f->nmark++] = k;
}

void pd_stamps_set(struct pd *pd, struct pd_file *f, uint32_t was, uint32_t now)
{
	uint64_t sent, acked;

	if (!(now & SOF_TIMESTAMPING_OPT_ID) || was & SOF_TIMESTAMPING_OPT_ID)
		return;
	/* Linux's number of old counts from what is acknowledged, the other one from what is written. */
	f->stamp_base = f->written;
	if (!(now & (1u << 16) /* SOF_TIMESTAMPING_OPT_ID_TCP */) && progress(pd, f, &sent, &acked))
		f->stamp_base = acked;
}

static void tell(struct pd *pd, struct pd_file *f)
{
	uint64_t sent = f->written, acked = sent;
	bool lives = progress(pd, f, &sent, &acked);
	unsigned left = 0;

	for (unsigned i = 0; i < f->nmark; i++) {
		struct pd_mark *k = &f->mark[i];
		static const struct {
			uint32_t bit, what;
		} stamps[] = {{SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED},
			      {SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND},
			      {SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK}};

		for (unsigned j = 0; j < 3 && lives; j++) {
			if (!(k->tx & stamps[j].bit) || (j < 2 ? sent : acked) < k->end)
				continue;
			k->tx &= ~stamps[j].bit;
			push_stamp(pd, f, k, stamps[j].what);
		}
		/* A connection that ends gives its buffers back. */
		if (k->zerocopy && acked >= k->end) {
			k->zerocopy = false;
			push_zerocopy(pd, f, k->id);
		}
		if (k->zerocopy || (k->tx && lives))
			f->mark[left++] = *k;
	}
	f->nmark = left;
}

void pd_marks(struct pd *pd)
{
	for (int i = 0; i < pd->nfile; i++) {
		if (pd->file[i] && pd->file[i]->nmark > 0)
			tell(pd, pd->file[i]);
	}
}

void pd_put_cmsg(struct msghdr *msg, size_t *used, int level, int type, const void *p, size_t n)
{
	struct cmsghdr *c;
	size_t room = msg->msg_controllen - *used, len = CMSG_LEN(n);

	if (!msg->msg_control || room < sizeof(*c)) {
		msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	/* As Linux: cut, and said so. */
	if (room < len) {
		msg->msg_flags |= MSG_CTRUNC;
		len = room;
	}
	if (!pd_user_writable((char *)msg->msg_control + *used, len))
		return;
	c = (struct cmsghdr *)(void *)((char *)msg->msg_control + *used);
	memset(c, 0, len);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = len;
	memcpy(CMSG_DATA(c), p, len - sizeof(*c));
	*used += CMSG_SPACE(n) < room ? CMSG_SPACE(n) : room;
}

/* IP_RECVERR, or its like of the other family: the error, and whom it came from, who is nobody here. */
static void put_error(const struct pd_file *f, const struct pd_errmsg *m, struct msghdr *msg,
		      size_t *used)
{
	struct {
		struct sock_extended_err ee;
		struct sockaddr_in6 offender;
	} e = {.ee = {.ee_errno = m->err,
		      .ee_origin = m->origin,
		      .ee_type = m->type,
		      .ee_code = m->code,
		      .ee_info = m->info,
		      .ee_data = m->data}};

	if (f->family == AF_INET6)
		pd_put_cmsg(msg, used, SOL_IPV6, IPV6_RECVERR, &e, sizeof(e));
	else
		pd_put_cmsg(msg, used, SOL_IP, IP_RECVERR, &e,
			    sizeof(e.ee) + sizeof(struct sockaddr_in));
}

ssize_t pd_errq_take(struct pd_file *f, struct msghdr *msg)
{
	struct scm_timestamping ts = {0};
	const struct pd_errmsg *m = &f->errq[0];
	size_t used = 0;

	if (f->nerrq == 0)
		return -EAGAIN;
	if (!pd_user_writable(msg, sizeof(*msg)))
		return -EFAULT;
	msg->msg_flags = MSG_ERRQUEUE;
	if (m->stamp_ns) {
		ts.ts[0].tv_sec = (time_t)(m->stamp_ns / PD_SEC);
		ts.ts[0].tv_nsec = (long)(m->stamp_ns % PD_SEC);
		pd_put_cmsg(msg, &used, SOL_SOCKET, SCM_TIMESTAMPING, &ts, sizeof(ts));
	}
	put_error(f, m, msg, &used);
	msg->msg_controllen = used;
	f->nerrq--;
	memmove(f->errq, f->errq + 1, f->nerrq * sizeof(f->errq[0]));
	return 0;
}
