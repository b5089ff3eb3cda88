/*
 * TCP Fast Open (RFC 7413): data in the SYN, one round trip saved.
 *
 *	first time                                later
 *	  SYN, option empty  ------------->         SYN, cookie, data --------->
 *	  <------------ SYN-ACK, cookie             <------- SYN-ACK for SYN and data
 *	  the cookie is kept by destination         data of the answer may follow at once
 *
 * The cookie is what the server says to an address, so whoever shows it has received at that address: it takes
 * the place of the handshake as a proof that the source is not forged. It is SipHash-2-4 of both addresses
 * under a key, as Linux makes it, so that servers that share a key share cookies; nothing is kept for it.
 *
 * What is given up: a SYN that the network repeats is data delivered twice. So nothing is ever sent or taken this
 * way that a program did not ask for (R7413-1): MSG_FASTOPEN or TCP_FASTOPEN_CONNECT on one side, TCP_FASTOPEN on
 * the other.
 *
 * A cookie can be stolen, or be learnt behind a shared address. So the connections that exist before their handshake
 * are bounded for each listener, and one that ends in RST, as those of a forged source do, keeps its place
 * for a minute more (RFC 7413 5.1).
 *
 * Some middleboxes drop such SYNs or what follows them. The first repetition of a SYN is a plain one. With
 * net.ipv4.tcp_fastopen_blackhole_timeout_sec, three time-outs in a row pause all of it for that long, longer each time.
 */
#include <errno.h>

#include "stack/base/seq.h"
#include "stack/core/random.h"
#include "stack/tcp/tcp_buf.h"
#include "stack/tcp/tcp_fastopen.h"
#include "stack/tcp/tcp_fn.h"
#include "stack/wire/bytes.h"

#define SEC UINT64_C(1000000000)

enum {
	PAUSE_SHIFT_MAX = 6, /* pauses double six times */
	CACHE_BUCKETS = 256, /* a power of two */
};

/* What is known of a destination. */
struct tcp_fo_dest {
	struct hnode node;
	struct list lru; /* tcp_fo_cache.lru, the longest unused first */
	struct tapir_addr laddr, raddr;
	uint16_t mss;	 /* as its last SYN-ACK said */
	bool exp;	 /* the cookie came in the experimental form */
	uint8_t try_exp; /* 1: ask in the experimental form next; 2: that was in vain too */
	uint8_t len;	 /* 0: no cookie */
	uint8_t cookie[TCP_TFO_MAX];
};

/* ---- keys and cookies ---- */

void tcp_fastopen_init(struct tapir *t)
{
	struct tcp_fo_cache *k = &t->tcp->fo_cache;

	t->tcp->fo_key = (struct siphash_key){random_u64(t), random_u64(t)};
	list_init(&k->lru);
}

/* The instance's keys: drawn at its start, or as the setting says, each of four numbers little endian, as Linux. */
static struct tcp_fo_keys instance_keys(const struct tapir *t)
{
	const int64_t set[TCP_FASTOPEN_KEYS][4] = {
		{t->conf.tcp_fastopen_key0, t->conf.tcp_fastopen_key1, t->conf.tcp_fastopen_key2,
		 t->conf.tcp_fastopen_key3},
		{t->conf.tcp_fastopen_key4, t->conf.tcp_fastopen_key5, t->conf.tcp_fastopen_key6,
		 t->conf.tcp_fastopen_key7},
	};
	struct tcp_fo_keys k = {.key = {t->tcp->fo_key}, .n = 1};

	for (unsigned i = 0; i < TCP_FASTOPEN_KEYS; i++) {
		uint64_t w[4];
		bool any = false;

		for (unsigned n = 0; n < ARRAY_SIZE(w); n++) {
			any |= set[i][n] >= 0;
			w[n] = set[i][n] >= 0 ? (uint64_t)set[i][n] : 0;
		}
		if (!any)
			break;
		k.key[i] = (struct siphash_key){w[0] | w[1] << 32, w[2] | w[3] << 32};
		k.n = i + 1;
	}
	return k;
}

static struct tcp_fo_keys keys_of(const struct tapir *t, const struct tcp_listener *l)
{
	return l->fo_keys ? *l->fo_keys : instance_keys(t);
}

static void make_cookie(const struct siphash_key *key, const struct tcp_tuple *tu,
			uint8_t out[TCP_FASTOPEN_COOKIE])
{
	uint8_t b[8];
	uint64_t h;

	put_be32(b, tapir_addr_to_v4(&tu->raddr));
	put_be32(b + 4, tapir_addr_to_v4(&tu->laddr));
	h = siphash24(b, sizeof(b), key);
	for (unsigned i = 0; i < TCP_FASTOPEN_COOKIE; i++)
		out[i] = (uint8_t)(h >> 8 * i);
}

void tcp_fastopen_cookie(struct tapir *t, const struct tcp_listener *l, const struct tcp_tuple *tu,
			 uint8_t out[TCP_FASTOPEN_COOKIE])
{
	struct tcp_fo_keys k = keys_of(t, l);

	make_cookie(&k.key[0], tu, out);
}

/* Which of the keys made the cookie in a SYN, 1 the first; 0: none. */
static unsigned cookie_key(struct tapir *t, const struct tcp_listener *l, const struct tcp_seg *seg)
{
	struct tcp_fo_keys k = keys_of(t, l);
	uint8_t want[TCP_FASTOPEN_COOKIE];

	if (seg->opt.tfo_len != TCP_FASTOPEN_COOKIE)
		return 0;
	for (unsigned i = 0; i < k.n; i++) {
		make_cookie(&k.key[i], &seg->tuple, want);
		if (memcmp(want, seg->opt.tfo, sizeof(want)) == 0)
			return i + 1;
	}
	return 0;
}

int tcp_fastopen_set_key(struct tapir *t, struct tcp_fo_keys **keys, const void *val, size_t len)
{
	const uint8_t *p = val;

	if (len != TCP_FASTOPEN_KEY_LEN && len != TCP_FASTOPEN_KEYS * TCP_FASTOPEN_KEY_LEN)
		return -EINVAL;
	if (!*keys)
		*keys = mem_zalloc(t, sizeof(**keys));
	if (!*keys)
		return -ENOMEM;
	(*keys)->n = (unsigned)(len / TCP_FASTOPEN_KEY_LEN);
	for (unsigned i = 0; i < (*keys)->n; i++)
		(*keys)->key[i] = siphash_key_from_bytes(p + (size_t)i * TCP_FASTOPEN_KEY_LEN);
	return 0;
}

size_t tcp_fastopen_get_key(struct tapir *t, const struct tcp_fo_keys *keys, uint8_t out[32])
{
	struct tcp_fo_keys own = instance_keys(t);

	if (!keys)
		keys = &own;
	for (unsigned i = 0; i < keys->n; i++) {
		for (unsigned b = 0; b < 8; b++) {
			out[16 * i + b] = (uint8_t)(keys->key[i].k0 >> 8 * b);
			out[16 * i + 8 + b] = (uint8_t)(keys->key[i].k1 >> 8 * b);
		}
	}
	return (size_t)keys->n * TCP_FASTOPEN_KEY_LEN;
}

/* ---- the side that listens ---- */

/* Those that ended in RST within the last minute, by the second: forgets older ones. */
static uint32_t recent_rsts(const struct tapir *t, struct tcp_listener *l)
{
	uint64_t now_s = t->now_ns / SEC;
	uint64_t gone = now_s - l->fo_rst_s;
	uint32_t sum = 0;

	for (uint64_t i = 0; i < min_u64(gone, TCP_FO_RST_S); i++)
		l->fo_rst[(l->fo_rst_s + 1 + i) % TCP_FO_RST_S] = 0;
	l->fo_rst_s = now_s;
	for (unsigned i = 0; i < TCP_FO_RST_S; i++)
		sum += l->fo_rst[i];
	return sum;
}

/* RFC 7413 5.1: so many may exist before their handshake, and not one more. */
static bool queue_has_room(struct tapir *t, struct tcp_listener *l)
{
	uint32_t max = l->opt.fastopen_qlen;

	if (t->conf.tcp_fastopen & TCP_FASTOPEN_SERVER_ALL && !max)
		max = l->backlog;
	max = min_u32(max, (uint32_t)t->conf.somaxconn);
	if (max == 0)
		return false;
	if (l->fo_pending + recent_rsts(t, l) < max)
		return true;
	STAT_INC(t, TcpExt, TCPFastOpenListenOverflow);
	return false;
}

static void new_cookie(struct tapir *t, const struct tcp_listener *l, const struct tcp_seg *seg,
		       struct tcp_fo_cookie *out)
{
	out->set = true;
	out->exp = seg->opt.tfo_exp;
	out->len = TCP_FASTOPEN_COOKIE;
	tcp_fastopen_cookie(t, l, &seg->tuple, out->v);
}

/* The connection that a SYN opens at once, its SYN-ACK on its way. NULL: no memory. */
static struct tcp_conn *make_child(struct tapir *t, struct tcp_listener *l,
				   const struct tcp_passive *p, const struct tcp_seg *seg,
				   const struct tcp_fo_cookie *foc)
{
	struct tcp_conn *c = tcp_conn_passive(t, l, p);
	enum drop_reason why = DROP_NONE;
	struct tcp_seg text = *seg;

	if (!c)
		return NULL;
	if (!tcp_act_get(t, c) || !tcp_listener_established(t, c)) {
		tcp_conn_drop(t, c, ECONNABORTED);
		return NULL;
	}
	c->fo |= TCP_FO_CHILD | TCP_FO_OPENED;
	c->act->fo_l = l;
	list_add_tail(&l->fo_children, &c->act->fo_link);
	l->fo_pending++;
	tcp_rcv_start(t, c);
	text.seq++;
	text.flags &= (uint16_t)~TCP_SYN;
	text.text_len = min_u32(text.text_len, c->rcv_wnd);
	text.len = text.text_len;
	if (text.text_len && tcp_text_input(t, c, &text, &why) == TCP_STEP_NEXT)
		c->fo |= TCP_FO_ACKED;
	c->flags &= ~(uint32_t)TCP_F_ACK_SCHED; /* by the SYN-ACK */
	/* As Linux: the window of the SYN-ACK begins behind the data, as far as the buffer bears it. */
	if (tcp_rcv_full(c) > c->rcv_nxt - c->rcv_user)
		c->rcv_wnd =
			max_u32(c->rcv_wnd,
				min_u32(p->rcv_wnd, tcp_rcv_full(c) - (c->rcv_nxt - c->rcv_user)));
	c->act->fo_cookie = foc;
	tcp_output(t, c);
	c->act->fo_cookie = NULL;
	return c;
}

bool tcp_fastopen_syn(struct tapir *t, struct tcp_listener *l, const struct tcp_passive *p,
		      const struct tcp_seg *seg, struct tcp_fo_cookie *out)
{
	bool has = seg->opt.has & TCP_HAS_TFO,
	     bare = t->conf.tcp_fastopen & TCP_FASTOPEN_SERVER_BARE;
	bool asks = has && seg->opt.tfo_len == 0;
	unsigned key;

	*out = (struct tcp_fo_cookie){0};
	if (asks)
		STAT_INC(t, TcpExt, TCPFastOpenCookieReqd);
	/* R7413-1, R7413-3: off unless both the setting and the program say so; then a cookie is not even looked at. */
	if (!(t->conf.tcp_fastopen & TCP_FASTOPEN_SERVER) || (!has && !seg->text_len) ||
	    !queue_has_room(t, l))
		return false;
	bare |= l->opt.flags & TCP_O_FASTOPEN_NO_COOKIE;
	key = bare ? 1 : has ? cookie_key(t, l, seg) : 0;
	if (key != 0) {
		/* By the second key: a fresh cookie goes with the SYN-ACK (RFC 7413 4.1.2). */
		if (key > 1)
			new_cookie(t, l, seg, out);
		if (make_child(t, l, p, seg, out)) {
			STAT_INC(t, TcpExt, TCPFastOpenPassive);
			if (key > 1)
				STAT_INC(t, TcpExt, TCPFastOpenPassiveAltKey);
			return true;
		}
	}
	if (key != 0 || (has && !asks))
		STAT_INC(t, TcpExt, TCPFastOpenPassiveFail);
	/* RFC 7413 4.2.2: a cookie for next time, and the data is not acknowledged. */
	if (has)
		new_cookie(t, l, seg, out);
	return false;
}

bool tcp_fastopen_syn_again(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	uint32_t limit = (uint32_t)t->conf.tcp_invalid_ratelimit_ms;
	uint32_t now =
		(uint32_t)(t->now_ns / 1000000) | 1; /* never 0, which stands for "not yet" */

	if (!tcp_fastopen_child(c) || seg->seq != c->irs ||
	    (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
		return false;
	/* As Linux: the first repetition is answered whenever it comes, the others at their rate. */
	if (limit && c->oow_ack_ms && now - c->oow_ack_ms < limit) {
		STAT_INC(t, TcpExt, TCPACKSkippedSynRecv);
		return true;
	}
	c->oow_ack_ms = now;
	tcp_rec_mark_head_lost(t, c);
	tcp_conn_dirty(t, c);
	return true;
}

void tcp_fastopen_done(struct tapir *t, struct tcp_conn *c, bool reset)
{
	struct tcp_listener *l;

	if (!tcp_fastopen_child(c))
		return;
	c->fo &= (uint8_t)~TCP_FO_CHILD;
	l = c->act->fo_l;
	list_del(&c->act->fo_link);
	c->act->fo_l = NULL;
	if (!l)
		return;
	l->fo_pending--;
	if (reset) {
		recent_rsts(t, l);
		if (l->fo_rst[l->fo_rst_s % TCP_FO_RST_S] < UINT16_MAX)
			l->fo_rst[l->fo_rst_s % TCP_FO_RST_S]++;
	}
}

void tcp_fastopen_listener_gone(struct tcp_listener *l)
{
	struct list *n;

	while ((n = list_pop(&l->fo_children)) != NULL)
		container_of(n, struct tcp_act, fo_link)->fo_l = NULL;
	l->fo_pending = 0;
}

/* ---- the side that connects: what is known of destinations ---- */

static uint32_t dest_hash(const struct tapir *t, const struct tapir_addr *laddr,
			  const struct tapir_addr *raddr)
{
	uint8_t b[32];

	memcpy(b, laddr->b, 16);
	memcpy(b + 16, raddr->b, 16);
	return (uint32_t)siphash13(b, sizeof(b), &t->tcp->hash_key);
}

static struct tcp_fo_dest *dest_find(struct tapir *t, const struct tcp_conn *c)
{
	struct tcp_fo_cache *k = &t->tcp->fo_cache;
	const struct tcp_tuple *tu = &c->ep.tuple;

	if (!k->n)
		return NULL;
	for (struct hnode *h = htab_first(&k->tab, dest_hash(t, &tu->laddr, &tu->raddr)); h;
	     h = htab_next(h)) {
		struct tcp_fo_dest *d = container_of(h, struct tcp_fo_dest, node);

		if (tapir_addr_eq(&d->laddr, &tu->laddr) && tapir_addr_eq(&d->raddr, &tu->raddr))
			return d;
	}
	return NULL;
}

static void dest_free(struct tapir *t, struct tcp_fo_dest *d)
{
	struct tcp_fo_cache *k = &t->tcp->fo_cache;

	htab_remove(&k->tab, &d->node);
	list_del(&d->lru);
	k->n--;
	mem_free(t, d, sizeof(*d));
}

/* The destination of c, made if need be; the longest unused gives way. NULL: no memory. */
static struct tcp_fo_dest *dest_get(struct tapir *t, const struct tcp_conn *c)
{
	struct tcp_fo_cache *k = &t->tcp->fo_cache;
	const struct tcp_tuple *tu = &c->ep.tuple;
	struct tcp_fo_dest *d = dest_find(t, c);

	if (d) {
		list_del(&d->lru);
		list_add_tail(&k->lru, &d->lru);
		return d;
	}
	if (!k->mem) {
		k->mem = mem_zalloc(t, htab_bytes(CACHE_BUCKETS));
		if (!k->mem)
			return NULL;
		htab_init(&k->tab, k->mem, CACHE_BUCKETS);
	}
	while (k->n && k->n >= (uint64_t)t->conf.tcp_fastopen_cache_max) {
		STAT_INC(t, Tapir, FastOpenCacheFull);
		dest_free(t, LIST_FIRST(&k->lru, struct tcp_fo_dest, lru));
	}
	d = mem_zalloc(t, sizeof(*d));
	if (!d)
		return NULL;
	d->laddr = tu->laddr;
	d->raddr = tu->raddr;
	list_init(&d->lru);
	list_add_tail(&k->lru, &d->lru);
	htab_insert(&k->tab, &d->node, dest_hash(t, &d->laddr, &d->raddr));
	k->n++;
	return d;
}

void tcp_fastopen_fini(struct tapir *t)
{
	struct tcp_fo_cache *k = &t->tcp->fo_cache;
	struct tcp_fo_dest *d;

	while ((d = LIST_FIRST(&k->lru, struct tcp_fo_dest, lru)) != NULL)
		dest_free(t, d);
	if (k->mem)
		mem_free(t, k->mem, htab_bytes(CACHE_BUCKETS));
	k->mem = NULL;
}

/* ---- the side that connects: pauses ---- */

static void pause(struct tapir *t)
{
	struct tcp_fo_cache *k = &t->tcp->fo_cache;

	STAT_INC(t, TcpExt, TCPFastOpenBlackhole);
	if (!t->conf.tcp_fastopen_blackhole_timeout_s)
		return;
	k->paused_ns = t->now_ns;
	if (k->pauses < UINT8_MAX)
		k->pauses++;
}

static bool paused(const struct tapir *t)
{
	const struct tcp_fo_cache *k = &t->tcp->fo_cache;
	uint64_t base = (uint64_t)t->conf.tcp_fastopen_blackhole_timeout_s * SEC;

	return k->pauses &&
	       t->now_ns - k->paused_ns < base << min_u32(k->pauses - 1u, PAUSE_SHIFT_MAX);
}

void tcp_fastopen_timeout(struct tapir *t, const struct tcp_conn *c, unsigned n, bool last)
{
	if (!(c->fo & (TCP_FO_OPTION | TCP_FO_DATA)) || tcp_fastopen_child(c))
		return;
	if (n == 3 || (n < 3 && last))
		pause(t);
}

/* ---- the side that connects ---- */

static bool no_cookie(const struct tapir *t, const struct tcp_conn *c)
{
	return t->conf.tcp_fastopen & TCP_FASTOPEN_CLIENT_BARE ||
	       c->opt.flags & TCP_O_FASTOPEN_NO_COOKIE;
}

bool tcp_fastopen_may_send(struct tapir *t, struct tcp_conn *c)
{
	const struct tcp_fo_dest *d = dest_find(t, c);

	c->fo &= (uint8_t) ~(TCP_FO_OPTION | TCP_FO_EXP);
	/* What fits is by what it said last; nobody knows yet what the path carries. */
	c->peer_mss = d && d->mss ? d->mss : TCP_MSS_MAX;
	tcp_conn_update_mss(t, c);
	if (paused(t))
		return false;
	if (t->tcp->fo_cache.pauses)
		c->fo |= TCP_FO_CHECK;
	if (no_cookie(t, c))
		return true;
	c->fo |= TCP_FO_OPTION;
	if (d ? (d->len ? d->exp : d->try_exp == 1) : false)
		c->fo |= TCP_FO_EXP;
	if (d && d->len)
		return true;
	c->fo_fail = TCP_FO_FAIL_NO_COOKIE;
	return false;
}

void tcp_fastopen_syn_opts(struct tapir *t, const struct tcp_conn *c, struct tcp_opts *o)
{
	const struct tcp_fo_cookie *k = c->act->fo_cookie;
	const struct tcp_fo_dest *d;

	if (k && k->set) {
		o->has |= TCP_HAS_TFO;
		o->tfo_exp = k->exp;
		o->tfo_len = k->len;
		memcpy(o->tfo, k->v, k->len);
	}
	if (!(c->fo & TCP_FO_OPTION))
		return;
	d = dest_find(t, c);
	o->has |= TCP_HAS_TFO;
	o->tfo_exp = c->fo & TCP_FO_EXP;
	if (!d)
		return;
	o->tfo_len = d->len;
	memcpy(o->tfo, d->cookie, d->len);
}

/* What the SYN-ACK of c says for the next time. */
static void remember(struct tapir *t, const struct tcp_conn *c, const struct tcp_seg *seg)
{
	bool cookie = seg->opt.has & TCP_HAS_TFO && seg->opt.tfo_len && c->fo & TCP_FO_OPTION;
	struct tcp_fo_dest *d = dest_get(t, c);

	if (!d)
		return;
	d->mss = seg->opt.has & TCP_HAS_MSS ? seg->opt.mss : 0; /* RFC 7413 4.1.3 */
	if (cookie) {
		d->exp = seg->opt.tfo_exp;
		d->len = seg->opt.tfo_len;
		memcpy(d->cookie, seg->opt.tfo, d->len);
		return;
	}
	/* Asked in vain, at once: perhaps it knows the other form; then this one again. As Linux. */
	if (c->fo & TCP_FO_OPTION && !(seg->opt.has & TCP_HAS_TFO) && !(c->fo & TCP_FO_DATA) &&
	    !c->total_retrans && !d->len)
		d->try_exp = (uint8_t)max_u32(d->try_exp, c->fo & TCP_FO_EXP ? 2 : 1);
}

bool tcp_fastopen_synack(struct tapir *t, struct tcp_conn *c, const struct tcp_seg *seg)
{
	if (!(c->fo & (TCP_FO_OPTION | TCP_FO_DATA)))
		return false;
	remember(t, c, seg);
	if (!(c->fo & TCP_FO_DATA))
		return false;
	if (c->act && !list_empty(&c->act->recs)) {
		/* RFC 7413 4.2.1: what it did not acknowledge goes again, as data; the path is not to blame. */
		tcp_rec_mark_all_lost(t, c);
		tcp_loss_no_congestion(t, c);
		c->fo_fail = c->total_retrans ? TCP_FO_FAIL_SYN_AGAIN : TCP_FO_FAIL_NOT_ACKED;
		STAT_INC(t, TcpExt, TCPFastOpenActiveFail);
		return true;
	}
	c->fo |= TCP_FO_ACKED;
	STAT_INC(t, TcpExt, TCPFastOpenActive);
	if (c->fo & TCP_FO_CHECK)
		t->tcp->fo_cache.pauses = 0;
	return false;
}
