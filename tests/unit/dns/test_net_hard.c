/*
 * The hard half of dns/net.h: no memory, no sockets, thousands at once, cancelled and destroyed at any moment, everything at random.
 */
#include "tests/support/rnd.h"
#include "tests/unit/dns/netfix.h"

#define WWW TAPIR_IP4(192, 0, 2, 80)

/* ---- many ---- */

enum { MANY = 4000 };

TEST(thousands_of_questions_at_once_are_all_answered, "D1123-4")
{
	struct netfix *f = nf_new(2);
	struct dns_ask *a = calloc(MANY, sizeof(*a));

	f->wc.stack.max_sockets = 8192;
	nf_start(f);
	for (unsigned i = 0; i < MANY; i++) {
		char name[64];

		snprintf(name, sizeof(name), "n%u.any.example.", i);
		nf_ask(f, &a[i], name, i % 4 == 0 ? DNS_Q_TCP : 0);
	}
	assert_true(dnsworld_run(&f->w, 20 * NF_S));
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(a[i].status, DNS_OK);
		assert_int_equal(nf_ip4(&a[i]), dnsworld_any_ip4(a[i].q.name.b, a[i].q.name.len));
		nf_free(f, &a[i]);
	}
	free(a);
	nf_end(f);
}

TEST(without_a_free_socket_questions_wait_their_turn, "")
{
	struct netfix *f = nf_new(1);
	struct dns_ask a[300];
	uint64_t last = 0;

	f->wc.stack.max_sockets = 16;
	nf_start(f);
	for (unsigned i = 0; i < ARRAY_SIZE(a); i++)
		nf_ask(f, &a[i], "www.example.", i % 10 == 9 ? DNS_Q_TCP : 0);
	assert_true(dnsworld_run(&f->w, 9 * NF_S));
	for (unsigned i = 0; i < ARRAY_SIZE(a); i++) {
		assert_int_equal(a[i].status, DNS_OK);
		assert_int_equal(a[i].story->nattempts, 1);
		/* First come, first served. */
		if (i % 10 != 9) {
			assert_true(a[i].story->attempt[0].sent_ns >= last);
			last = a[i].story->attempt[0].sent_ns;
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(a); i++)
		nf_free(f, &a[i]);
	nf_end(f);
}

TEST(without_any_socket_questions_end_at_their_deadline, "")
{
	struct netfix *f = nf_new(1);
	tapir_sock_t hog[16];
	struct dns_ask a[3];

	f->wc.stack.max_sockets = 16;
	nf_start(f);
	for (unsigned i = 0; i < 16; i++)
		hog[i] = tapir_socket(f->w.t, TAPIR_AF_INET, TAPIR_DGRAM, 0);
	for (unsigned i = 0; i < 3; i++)
		nf_ask(f, &a[i], "www.example.", i == 2 ? DNS_Q_TCP : 0);
	dnsworld_pass(&f->w, NF_S);
	dns_net_cancel(f->n, &a[1]);
	f->w.busy--;
	assert_true(dnsworld_run(&f->w, 20 * NF_S));
	for (unsigned i = 0; i < 3; i += 2) {
		assert_int_equal(a[i].status, DNS_TIMEOUT);
		nf_free(f, &a[i]);
	}
	/* One is given up by others: no word of that comes, and it is found all the same. */
	nf_ask(f, &a[0], "www.example.", 0);
	dnsworld_pass(&f->w, NF_S);
	for (unsigned i = 0; i < 16; i++) {
		if (hog[i] > 0)
			tapir_close(f->w.t, hog[i]);
	}
	assert_true(dnsworld_run(&f->w, 100 * NF_MS));
	assert_int_equal(nf_ip4(&a[0]), WWW);
	nf_free(f, &a[0]);
	nf_end(f);
}

/* ---- any moment ---- */

/* Questions of all kinds: by UDP, by TC to TCP, with a dead server, with cookies. */
static struct netfix *variety(struct dns_ask *a, unsigned n)
{
	struct netfix *f = nf_begin(3);

	dnsworld_habit(&f->w, 0)->tc = true;
	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 1)->silent_udp = true;
	dnsworld_habit(&f->w, 2)->formerr_edns = true;
	for (unsigned i = 0; i < n; i++) {
		nf_form(f, &a[i], "www.example.", i % 5 == 4 ? DNS_Q_TCP : 0);
		if (i % 3)
			a[i].server = dnsworld_addr(&f->w, i % 3);
		a[i].attempts = 3;
		a[i].deadline_ns = f->w.now_ns + 4 * NF_S;
		nf_send(f, &a[i]);
	}
	return f;
}

enum { KINDS = 15 };

TEST(questions_are_cancelled_at_any_moment, "DN-15")
{
	for (uint64_t ms = 0; ms < 4200; ms += ms < 80 ? 1 : 97) {
		struct dns_ask a[KINDS];
		struct netfix *f = variety(a, KINDS);

		dnsworld_pass(&f->w, ms * NF_MS);
		for (unsigned i = 0; i < KINDS; i++) {
			dns_net_cancel(f->n, &a[i]);
			dns_net_check(f->n);
			/* Again, and released: nothing. */
			dns_net_cancel(f->n, &a[i]);
			dns_ask_release(f->n, &a[i]);
		}
		f->w.busy = 0;
		dnsworld_pass(&f->w, NF_S);
		assert_int_equal(f->n->nasks, 0);
		nf_end(f);
	}
}

TEST(it_is_destroyed_with_everything_under_way, "")
{
	for (uint64_t ms = 0; ms < 4200; ms += ms < 80 ? 1 : 97) {
		struct dns_ask a[KINDS];
		struct netfix *f = variety(a, KINDS);

		dnsworld_pass(&f->w, ms * NF_MS);
		nf_end(f); /* finds what is left of memory and sockets */
	}
}

TEST(a_reply_to_a_cancelled_question_meets_nobody, "D1035-19 FR-08 AM33-08")
{
	struct netfix *f = nf_begin(1);
	struct dns_ask a;

	nf_ask(f, &a, "www.example.", 0);
	dns_net_cancel(f->n, &a);
	f->w.busy = 0;
	dnsworld_pass(&f->w, NF_S);
	assert_int_equal(nf_stats(f).udp_received, 0);
	assert_int_equal(f->nover, 0);
	nf_end(f);
}

/* ---- no memory ---- */

TEST(each_allocation_may_fail_when_it_is_made, "")
{
	for (uint64_t nth = 1;; nth++) {
		struct netfix *f = nf_new(1);
		struct dns_net *n;

		f->conf.nservers = 0;
		nf_start(f);
		f->w.alloc.fail_at = f->w.alloc.calls + nth;
		f->conf.nservers = 1;
		if (dns_net_create(&n, f->w.t, &f->w.env, &f->conf, &f->rng) == 0) {
			dns_net_destroy(n);
			nf_end(f);
			assert_true(nth > 4);
			return;
		}
		nf_end(f);
	}
}

/* Fails the nth allocation of `mem` during all questions of variety(); false: there were fewer. */
static bool starve(uint64_t nth, bool all, bool of_stack)
{
	struct dns_ask a[KINDS];
	struct netfix *f = nf_begin(3);
	struct test_alloc *mem = of_stack ? &f->w.stack_alloc : &f->w.alloc;
	bool asked[KINDS], hit;

	dnsworld_habit(&f->w, 0)->tc = true;
	dnsworld_habit(&f->w, 0)->cookies = true;
	dnsworld_habit(&f->w, 1)->silent_udp = true;
	dnsworld_habit(&f->w, 2)->formerr_edns = true;
	if (all)
		mem->fail_all = mem->calls + nth;
	else
		mem->fail_at = mem->calls + nth;
	for (unsigned i = 0; i < KINDS; i++) {
		int err;

		nf_form(f, &a[i], "www.example.", i % 5 == 4 ? DNS_Q_TCP : 0);
		if (i % 3)
			a[i].server = dnsworld_addr(&f->w, i % 3);
		a[i].deadline_ns = f->w.now_ns + 4 * NF_S;
		err = dns_net_ask(f->n, &a[i]);
		dns_net_check(f->n);
		assert_true(err == 0 || err == -ENOMEM);
		asked[i] = err == 0;
		f->w.busy += asked[i];
	}
	assert_true(dnsworld_run(&f->w, 10 * NF_S));
	hit = mem->failed > 0;
	mem->fail_all = mem->fail_at = 0;
	for (unsigned i = 0; i < KINDS; i++) {
		if (!asked[i])
			continue;
		/* One failure harms one question at most; else there is an answer, or why there is none. */
		assert_true(a[i].status == DNS_OK || a[i].status == DNS_NOMEM ||
			    a[i].status == DNS_TIMEOUT || a[i].status == DNS_UNREACHABLE);
		nf_free(f, &a[i]);
	}
	nf_lookup(f, &a[0], "www.example.", 0);
	assert_int_equal(nf_ip4(&a[0]), WWW);
	nf_free(f, &a[0]);
	nf_end(f);
	return hit;
}

TEST(each_allocation_of_the_resolver_may_fail, "")
{
	uint64_t nth = 1;

	while (starve(nth, false, false))
		nth++;
	assert_true(nth > 3 * KINDS);
	for (nth = 1; nth < 100; nth += 3)
		starve(nth, true, false);
}

TEST(each_allocation_of_its_stack_may_fail, "")
{
	for (uint64_t nth = 1; nth < 300; nth += 2)
		starve(nth, false, true);
}

TEST(what_could_not_be_sent_for_lack_of_memory_goes_a_moment_later, "")
{
	unsigned later = 0;

	for (uint64_t nth = 1; nth < 12; nth++) {
		struct netfix *f = nf_begin(1);
		struct dns_ask a;
		uint64_t took;

		f->w.stack_alloc.fail_at = f->w.stack_alloc.calls + nth;
		took = nf_lookup(f, &a, "www.example.", 0);
		if (a.status == DNS_OK && took > 15 * NF_MS && took < 1000 * NF_MS) {
			assert_in_range(took, 20 * NF_MS, 21 * NF_MS);
			assert_int_equal(a.story->attempt[0].sent, 1);
			assert_int_equal(f->w.nseen, 1);
			later++;
		}
		nf_free(f, &a);
		nf_end(f);
	}
	assert_true(later > 0);
}

/* ---- who watches the sockets ---- */

struct watcher {
	struct netfix *f;
	unsigned calls, fail_at;
};

static int watch(void *ctx, tapir_sock_t s, uint32_t bits)
{
	struct watcher *r = ctx;

	if (++r->calls == r->fail_at)
		return -ENOMEM;
	return tapir_interest(r->f->w.t, s, bits, 0);
}

TEST(a_socket_that_can_not_be_watched_fails_its_question_at_once, "")
{
	for (unsigned fail_at = 0; fail_at < 5; fail_at++) {
		for (unsigned flags = 0; flags <= DNS_Q_TCP; flags += DNS_Q_TCP) {
			struct netfix *f = nf_begin(1);
			struct watcher r = {f, 0, fail_at};
			uint64_t took;
			struct dns_ask a;

			f->n->env.watch = watch;
			f->n->env.ctx = &r;
			took = nf_lookup(f, &a, "www.example.", flags);
			assert_true(r.calls > 0);
			assert_true(took < 200 * NF_MS);
			assert_int_equal(a.status, fail_at == 1 ? DNS_NOMEM : DNS_OK);
			nf_free(f, &a);
			nf_end(f);
		}
	}
}

/* ---- everything at random ---- */

/* Replies with a bit of header or question wrong, or cut, before the right one or instead of it. */
static unsigned mangle(struct dnsworld_server *s, const struct dnsworld_query *q, uint8_t *reply,
		       size_t *len)
{
	struct rnd *r = s->h.ctx;
	uint8_t b[2000];

	if (*len > sizeof(b) || rnd_below(r, 3) == 0)
		return 1;
	memcpy(b, reply, *len);
	for (unsigned i = rnd_below(r, 12); i > 0 && !q->tcp; i--) {
		size_t at = rnd_below(r, (uint32_t)min_size(*len, 24));

		b[at] ^= (uint8_t)(1u << rnd_below(r, 8));
		dnsworld_send(s, q, b, *len - rnd_below(r, 2) * rnd_below(r, (uint32_t)*len));
		b[at] = reply[at];
	}
	if (rnd_below(r, 4) == 0)
		reply[rnd_below(r, 12)] ^= (uint8_t)(1u << rnd_below(r, 8));
	else if (rnd_below(r, 8) == 0)
		*len -= 1 + rnd_below(r, (uint32_t)*len - 1);
	return rnd_below(r, 8) > 0;
}

static void any_habit(struct rnd *r, struct dnsworld_habit *h)
{
	memset(h, 0, sizeof(*h));
	h->hook = rnd_below(r, 2) ? mangle : NULL;
	h->ctx = r;
	h->delay_ns = rnd_below(r, 3) == 0 ? rnd_below(r, 400) * NF_MS : 0;
	h->jitter_ns = rnd_below(r, 20) * NF_MS;
	h->drop_ppm = rnd_below(r, 4) == 0 ? 300000 : 0;
	h->dup_ppm = rnd_below(r, 4) == 0 ? 300000 : 0;
	h->keepalive_100ms = rnd_below(r, 10);
	h->cookies = rnd_below(r, 2);
	h->want_cookie = h->cookies && rnd_below(r, 4) == 0;
	h->secret = rnd_below(r, 3);
	switch (rnd_below(r, 24)) {
	case 0:
		h->silent = true;
		break;
	case 1:
		h->tc = true;
		break;
	case 2:
		h->lower_case = true;
		break;
	case 3:
		h->formerr_edns = true;
		break;
	case 4:
		h->formerr_edns = h->formerr_bare = true;
		break;
	case 5:
		h->badvers = true;
		break;
	case 6:
		h->fail = true;
		h->rcode = 1 + rnd_below(r, 15);
		break;
	case 7:
		h->tc = h->tcp_close_after_one = true;
		break;
	case 8:
		h->tc = h->tcp_drip = true;
		break;
	case 9:
		h->tc = h->tcp_close = true;
		break;
	case 10:
		h->no_ra = true;
		break;
	case 11:
		h->drop_edns = true;
		break;
	case 12:
		h->tc = h->tcp_reverse = true;
		h->tcp_idle_ns = 300 * NF_MS;
		break;
	case 13:
		h->silent_udp = true;
		break;
	case 14:
		h->referral = true;
		break;
	case 15:
		h->refuse_udp = true;
		break;
	case 16:
		h->tc = h->refuse_tcp = true;
		break;
	case 17:
		h->no_edns = true;
		break;
	default:
		break;
	}
}

static void monkey(uint64_t seed)
{
	enum { SLOTS = 24 };
	static struct dns_ask a[SLOTS];
	bool used[SLOTS] = {false};
	struct netfix *f = nf_new(3);
	struct rnd r;

	r.state = seed;
	f->wc.seed = seed;
	f->wc.stack.max_sockets = 16 + rnd_below(&r, 40);
	f->conf.rotate = rnd_below(&r, 4) == 0;
	f->conf.spoof_limit = rnd_below(&r, 12);
	f->conf.entropy_bits = rnd_below(&r, 4) == 0 ? 20 : 0;
	nf_start(f);
	for (unsigned turn = 0; turn < 400; turn++) {
		unsigned i = rnd_below(&r, SLOTS);

		switch (rnd_below(&r, 12)) {
		case 0:
			i = rnd_below(&r, 3);
			any_habit(&r, dnsworld_habit(&f->w, i));
			dnsworld_serve(&f->w, i);
			break;
		case 1:
			f->w.alloc.fail_at = f->w.alloc.calls + 1 + rnd_below(&r, 6);
			break;
		case 2:
			f->w.stack_alloc.fail_at = f->w.stack_alloc.calls + 1 + rnd_below(&r, 20);
			break;
		case 3:
			f->conf.nservers = 1 + rnd_below(&r, 3);
			(void)dns_net_configure(f->n, &f->conf);
			break;
		case 4:
			dnsworld_pass(&f->w, rnd_below(&r, 3000) * NF_MS);
			break;
		case 5:
		case 6:
			dnsworld_pass(&f->w, rnd_below(&r, 50) * NF_MS);
			break;
		default:
			if (used[i]) {
				dns_net_cancel(f->n, &a[i]);
				used[i] = false;
				break;
			}
			nf_form(f, &a[i], "some.any.example.", 0);
			a[i].flags = rnd_below(&r, 5) == 0 ? DNS_Q_TCP : 0;
			a[i].flags |= rnd_below(&r, 5) == 0 ? DNS_Q_RAW : 0;
			a[i].attempts = rnd_below(&r, 5);
			a[i].deadline_ns = f->w.now_ns + rnd_below(&r, 6000) * NF_MS;
			if (rnd_below(&r, 4) == 0)
				a[i].server = dnsworld_addr(&f->w, rnd_below(&r, 3));
			used[i] = dns_net_ask(f->n, &a[i]) == 0;
		}
		dns_net_check(f->n);
	}
	f->w.busy = 0;
	dnsworld_pass(&f->w, 7 * NF_S);
	assert_int_equal(f->n->nasks, 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		if (!used[i])
			continue;
		for (unsigned k = 0; k < a[i].story->nattempts && k < DNS_ATTEMPTS_MAX; k++)
			assert_true(a[i].story->attempt[k].sent <= 3);
		/* An error whose rcode lost its only bit has no record. */
		if (a[i].status == DNS_OK && !(a[i].flags & DNS_Q_RAW) && nf_ip4(&a[i]) != 0)
			assert_int_equal(nf_ip4(&a[i]),
					 dnsworld_any_ip4(a[i].q.name.b, a[i].q.name.len));
		dns_net_cancel(f->n, &a[i]);
	}
	f->w.busy = 0;
	nf_end(f);
}

TEST(whatever_comes_together_nothing_is_lost_or_left, "DN-15")
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		monkey(seed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands_of_questions_at_once_are_all_answered),
		cmocka_unit_test(without_a_free_socket_questions_wait_their_turn),
		cmocka_unit_test(without_any_socket_questions_end_at_their_deadline),
		cmocka_unit_test(questions_are_cancelled_at_any_moment),
		cmocka_unit_test(it_is_destroyed_with_everything_under_way),
		cmocka_unit_test(a_reply_to_a_cancelled_question_meets_nobody),
		cmocka_unit_test(each_allocation_may_fail_when_it_is_made),
		cmocka_unit_test(each_allocation_of_the_resolver_may_fail),
		cmocka_unit_test(each_allocation_of_its_stack_may_fail),
		cmocka_unit_test(what_could_not_be_sent_for_lack_of_memory_goes_a_moment_later),
		cmocka_unit_test(a_socket_that_can_not_be_watched_fails_its_question_at_once),
		cmocka_unit_test(whatever_comes_together_nothing_is_lost_or_left),
	};

	return tapir_test_run("unit/dns/test_net_hard", tests);
}
