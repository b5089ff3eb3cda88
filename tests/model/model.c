/*
 * RFC 9293 3.10, sentence by sentence: see model.h. Read it beside the RFC: the order of checks is the
 * RFC's, the words in the comments are its words, and nothing is clever.
 */
#include <string.h>

#include "tests/model/model.h"

/* ---- sequence numbers: 3.4 ---- */

static bool lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static bool le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* RCV.NXT =< x < RCV.NXT+RCV.WND */
static bool in_window(const struct model *m, uint32_t x)
{
	return x - m->rcv_nxt < m->rcv_wnd;
}

static uint32_t seg_len(const struct model_seg *s)
{
	return s->len + (s->flags & M_SYN ? 1 : 0) + (s->flags & M_FIN ? 1 : 0);
}

/* ---- what leaves ---- */

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
static void send_ack(struct model_out *out)
{
	out->ack = true;
}

/* <SEQ=SEG.ACK><CTL=RST>, or, where there is no ACK, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
static void send_reset(const struct model_seg *s, struct model_out *out)
{
	out->rst = true;
	out->rst_ack = !(s->flags & M_ACK);
	out->rst_seq = s->flags & M_ACK ? s->ack : 0;
	out->rst_ackno = s->flags & M_ACK ? 0 : s->seq + seg_len(s);
}

/* "enter the CLOSED state, delete the TCB" */
static void delete_tcb(struct model *m, enum model_error error)
{
	struct model_rules rules = m->rules;
	bool listener = m->listener;
	uint32_t delivered = m->delivered;

	memset(m, 0, sizeof(*m));
	m->rules = rules;
	m->listener = listener;
	m->error = error;
	m->delivered = delivered;
	m->state = listener ? M_LISTEN : M_CLOSED;
}

/* What SND.WND has room for. */
static uint32_t room(const struct model *m)
{
	uint32_t used = m->snd_nxt - m->snd_una;

	return m->snd_wnd > used ? m->snd_wnd - used : 0;
}

/* Text and FIN that wait and may go. */
static void send_waiting(struct model *m, struct model_out *out)
{
	uint32_t n;

	if (m->state < M_ESTABLISHED || m->state == M_TIME_WAIT)
		return;
	n = m->queued < room(m) ? m->queued : room(m);
	m->queued -= n;
	m->snd_nxt += n;
	out->fresh |= n > 0;
	if (m->close_asked && !m->fin_sent && m->queued == 0 &&
	    (room(m) > 0 || !m->rules.fin_in_window)) {
		m->snd_nxt++;
		m->fin_sent = true;
		out->fresh = true;
	}
}

static bool fin_acknowledged(const struct model *m)
{
	return m->fin_sent && m->snd_una == m->snd_nxt;
}

/* ---- 3.10.7.4, seventh and eighth, over the segment's new part ---- */

/* Text [seq, end) that begins at or behind RCV.NXT: "SHOULD be held for later processing". */
static void hold(struct model *m, uint32_t seq, uint32_t end)
{
	if (m->nheld < MODEL_HELD_MAX) {
		m->held[m->nheld].seq = seq;
		m->held[m->nheld].end = end;
		m->nheld++;
	}
}

/* Everything that has been held is looked at again until RCV.NXT stands still. */
static void deliver_held(struct model *m)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (unsigned i = 0; i < m->nheld; i++) {
			uint32_t end = m->held[i].end;

			if (lt(m->rcv_nxt, m->held[i].seq))
				continue;
			if (lt(m->rcv_nxt, end)) {
				m->delivered += end - m->rcv_nxt;
				m->rcv_nxt = end;
			}
			m->held[i] = m->held[--m->nheld];
			moved = true;
			break;
		}
	}
}

/* The end of the latest octet that is held. */
static uint32_t held_end(const struct model *m)
{
	uint32_t end = m->rcv_nxt;

	for (unsigned i = 0; i < m->nheld; i++)
		end = lt(end, m->held[i].end) ? m->held[i].end : end;
	return end;
}

static bool takes_text(const struct model *m)
{
	return m->state == M_ESTABLISHED || m->state == M_FIN_WAIT_1 || m->state == M_FIN_WAIT_2;
}

/* The FIN stands at RCV.NXT: "advance RCV.NXT over the FIN, and send an acknowledgment for the FIN". */
static void take_fin(struct model *m, struct model_out *out)
{
	m->rcv_nxt++;
	m->end_of_stream = true;
	m->nheld = 0;
	m->fin_held = false;
	send_ack(out);
	switch (m->state) {
	case M_SYN_RECEIVED:
	case M_ESTABLISHED:
		m->state = M_CLOSE_WAIT;
		break;
	case M_FIN_WAIT_1:
		/* Had our FIN been acknowledged by this segment, the fifth check had moved us on. */
		m->state = M_CLOSING;
		break;
	case M_FIN_WAIT_2:
		m->state = M_TIME_WAIT;
		m->wait_restarted = true;
		break;
	case M_CLOSED:
	case M_LISTEN:
	case M_SYN_SENT:
	case M_CLOSE_WAIT:
	case M_CLOSING:
	case M_LAST_ACK:
	case M_TIME_WAIT:
	case M_STATES:
		break;
	}
}

/*
 * Seventh, the text, and eighth, the FIN. The segment is [seq, end) of text, trimmed to the window, and `fin`
 * with it. `cut`: something of it was old, or did not fit.
 */
static void text_and_fin(struct model *m, uint32_t seq, uint32_t end, bool fin, bool cut,
			 struct model_out *out)
{
	/* What was dropped of it must be told to the sender. */
	if (cut)
		send_ack(out);
	/* "This should not occur since a FIN has been received": so is whatever follows a FIN. */
	if (!takes_text(m))
		return;
	/* The first FIN that is heard of ends the stream: what lies behind it is none of it. */
	if (m->fin_held && seq != end && lt(m->fin_at, end)) {
		end = lt(m->fin_at, seq) ? seq : m->fin_at;
		fin = false;
		send_ack(out);
	}
	if (seq != end) {
		hold(m, seq, end);
		deliver_held(m);
		/* In order: 3.10.7.4, "send an acknowledgment"; else MAY-13. */
		send_ack(out);
	}
	if (fin && end != m->rcv_nxt) {
		send_ack(out);
		if (!m->fin_held && le(held_end(m), end)) {
			m->fin_held = true;
			m->fin_at = end;
		}
	} else if (fin) {
		m->fin_held = true;
		m->fin_at = end;
	}
	if (m->fin_held && m->fin_at == m->rcv_nxt)
		take_fin(m, out);
}

static bool peer_has_closed(const struct model *m)
{
	return m->state == M_CLOSE_WAIT || m->state == M_CLOSING || m->state == M_LAST_ACK;
}

/*
 * The same where a segment is taken whole or not at all: s, of whose text nothing was cut off yet.
 */
static void whole_text_and_fin(struct model *m, const struct model_seg *s, struct model_out *out)
{
	uint32_t seq = s->seq, end = seq + s->len, behind = end + (s->flags & M_FIN ? 1 : 0);

	if (seq == behind || (!takes_text(m) && !peer_has_closed(m)))
		return;
	if (peer_has_closed(m)) {
		/* "This should not occur": what lies behind the FIN is not heard, what lies over it is the end. */
		if (!lt(seq, m->rcv_nxt))
			return;
		if (lt(m->rcv_nxt, end)) {
			send_reset(s, out);
			delete_tcb(m, M_RESET);
			return;
		}
	}
	/* Old all of it, or there is no room for the first octet of it: told. */
	if (le(behind, m->rcv_nxt) || (m->rcv_wnd == 0 && s->len > 0) ||
	    (seq != m->rcv_nxt && le(m->rcv_nxt + m->rcv_wnd, seq))) {
		send_ack(out);
		return;
	}
	if (lt(seq, m->rcv_nxt))
		seq = m->rcv_nxt;
	text_and_fin(m, seq, lt(end, seq) ? seq : end, s->flags & M_FIN, false, out);
}

/* ---- 3.10.7.1 to 3.10.7.3 ---- */

static void in_closed(const struct model_seg *s, struct model_out *out)
{
	if (!(s->flags & M_RST))
		send_reset(s, out);
}

static void in_listen(struct model *m, const struct model_seg *s, struct model_out *out)
{
	/* First: "An incoming RST should be ignored." */
	if (s->flags & M_RST)
		return;
	/* Second: "Any acknowledgment is bad". */
	if (s->flags & M_ACK) {
		send_reset(s, out);
		return;
	}
	/* Third. "Fourth, other data or control: drop the segment". */
	if (!(s->flags & M_SYN) || (m->rules.syn_fin_drops && s->flags & M_FIN))
		return;
	delete_tcb(m, M_OK);
	m->delivered = 0;
	m->passive = true;
	m->state = M_SYN_RECEIVED;
	m->irs = s->seq;
	m->rcv_nxt = s->seq + 1;
	m->max_snd_wnd = s->wnd;
	m->snd_wnd = s->wnd;
	if (!m->rules.syn_alone && s->len)
		hold(m, s->seq + 1, s->seq + 1 + s->len);
	out->syn = out->ack = true;
	/* SND.NXT and SND.UNA are set when the ISS is told. */
}

static void in_syn_sent(struct model *m, const struct model_seg *s, struct model_out *out)
{
	/* First, the ACK bit. */
	if (s->flags & M_ACK && (le(s->ack, m->iss) || lt(m->snd_nxt, s->ack))) {
		if (!(s->flags & M_RST))
			send_reset(s, out);
		return;
	}
	/* Second, the RST bit. (RCV.NXT does not exist yet: RFC 5961's exact match is not to be had.) */
	if (s->flags & M_RST) {
		if (s->flags & M_ACK)
			delete_tcb(m, M_REFUSED);
		return;
	}
	/* Fourth, the SYN bit. "Fifth, if neither of the SYN or RST bits is set, then drop" */
	if (!(s->flags & M_SYN))
		return;
	m->irs = s->seq;
	m->rcv_nxt = s->seq + 1;
	m->snd_wnd = m->max_snd_wnd = s->wnd;
	m->snd_wl1 = s->seq;
	m->snd_wl2 = s->flags & M_ACK ? s->ack : m->iss;
	if (!(s->flags & M_ACK)) {
		m->state = M_SYN_RECEIVED;
		out->syn = out->ack = true;
		return;
	}
	m->snd_una = s->ack;
	m->state = M_ESTABLISHED;
	send_ack(out);
	if (!m->rules.synack_alone && (s->len || s->flags & M_FIN)) {
		uint32_t end = s->seq + 1 + s->len, edge = m->rcv_nxt + m->rcv_wnd;
		bool cut = lt(edge, end);

		text_and_fin(m, s->seq + 1, cut ? edge : end, s->flags & M_FIN && !cut, cut, out);
	}
}

/* ---- 3.10.7.4 ---- */

/* First: table 6. */
static bool acceptable(const struct model *m, const struct model_seg *s)
{
	uint32_t len = seg_len(s), last = s->seq + len - 1, edge = m->rcv_nxt + m->rcv_wnd;

	if (m->rules.at_edge && s->seq == edge && len == 0)
		return true;
	if (len == 0)
		return m->rcv_wnd == 0 ? s->seq == m->rcv_nxt : in_window(m, s->seq);
	/* "special allowance should be made to accept valid ACKs, URGs, and RSTs" */
	if (m->rcv_wnd == 0)
		return s->seq == m->rcv_nxt;
	if (in_window(m, s->seq) || in_window(m, last))
		return true;
	return m->rules.spanning && lt(s->seq, m->rcv_nxt) && lt(edge, s->seq + len);
}

/* The same where all of a segment is taken or none. */
static bool acceptable_whole(const struct model *m, const struct model_seg *s)
{
	uint32_t edge = m->rcv_nxt + m->rcv_wnd, end = s->seq + seg_len(s);

	if (lt(end, m->rcv_nxt) || lt(edge, s->seq))
		return false;
	/* The user of this model reads at the end alone: what was delivered waits to be read. */
	return m->delivered == 0 || le(end - (s->flags & M_FIN ? 1 : 0), edge);
}

/* Second: "then TCP endpoints MUST reset the connection in the manner prescribed below". */
static void reset_arrived(struct model *m)
{
	switch (m->state) {
	case M_SYN_RECEIVED:
		/* "connection refused": Linux says so of SYN-SENT alone. */
		delete_tcb(m, m->passive ? M_OK : m->rules.crossed_syn ? M_RESET : M_REFUSED);
		break;
	case M_ESTABLISHED:
	case M_FIN_WAIT_1:
	case M_FIN_WAIT_2:
	case M_CLOSE_WAIT:
		delete_tcb(m, M_RESET);
		break;
	case M_CLOSING:
	case M_LAST_ACK:
		/* "enter the CLOSED state, delete the TCB"; the user is told as well: nothing says that not. */
		delete_tcb(m, M_RESET);
		break;
	case M_TIME_WAIT:
		if (!m->rules.rfc1337)
			delete_tcb(m, M_OK);
		break;
	case M_CLOSED:
	case M_LISTEN:
	case M_SYN_SENT:
	case M_STATES:
		break;
	}
}

static void update_window(struct model *m, const struct model_seg *s)
{
	bool newer = lt(m->snd_wl1, s->seq) || (m->snd_wl1 == s->seq && le(m->snd_wl2, s->ack));

	if (m->rules.window_as_linux)
		newer = lt(m->snd_wl1, s->seq) || lt(m->snd_wl2, s->ack) ||
			(m->snd_wl1 == s->seq && (m->snd_wnd < s->wnd || s->wnd == 0));
	if (!newer)
		return;
	m->snd_wnd = s->wnd;
	m->snd_wl1 = s->seq;
	m->snd_wl2 = s->ack;
	if (m->max_snd_wnd < s->wnd)
		m->max_snd_wnd = s->wnd;
}

/* Fifth, for ESTABLISHED and all that do "the same processing". False: "drop the segment, and return". */
static bool ack_established(struct model *m, const struct model_seg *s, struct model_out *out)
{
	if (lt(m->snd_nxt, s->ack)) {
		send_ack(out);
		return false;
	}
	if (m->rules.rfc5961 && lt(s->ack, m->snd_una - m->max_snd_wnd)) {
		send_ack(out);
		return false;
	}
	/* Less than a window was acknowledged so far, and this is from before all of it. */
	if (m->rules.not_sent && m->snd_una - m->iss <= m->max_snd_wnd && le(s->ack, m->iss) &&
	    s->ack != m->snd_una) {
		send_ack(out);
		return false;
	}
	if (le(m->snd_una, s->ack)) {
		m->snd_una = s->ack;
		update_window(m, s);
	}
	return true;
}

/* Fifth, the ACK field. False: the segment ends here. */
static bool ack_field(struct model *m, const struct model_seg *s, struct model_out *out)
{
	if (!(s->flags & M_ACK))
		return false;
	if (m->state == M_SYN_RECEIVED) {
		if (!lt(m->snd_una, s->ack) || lt(m->snd_nxt, s->ack)) {
			send_reset(s, out);
			return false;
		}
		m->state = M_ESTABLISHED;
		m->snd_una = s->ack;
		m->snd_wnd = s->wnd;
		m->snd_wl1 = s->seq;
		m->snd_wl2 = s->ack;
		if (m->max_snd_wnd < s->wnd)
			m->max_snd_wnd = s->wnd;
		/* A CLOSE that was queued "for processing after entering ESTABLISHED state" */
		if (m->close_asked)
			m->state = M_FIN_WAIT_1;
		return true;
	}
	if (m->state == M_TIME_WAIT) {
		/*
		 * "The only thing that can arrive in this state is a retransmission of the remote FIN. Acknowledge
		 * it": that FIN is old, and its ACK is the first check's. What else is acceptable: an empty
		 * segment where one is expected is as silent as elsewhere, more earns our numbers.
		 */
		if (s->seq != m->rcv_nxt || seg_len(s) > 0 || lt(m->snd_nxt, s->ack))
			send_ack(out);
		return false;
	}
	if (!ack_established(m, s, out))
		return false;
	if (!fin_acknowledged(m))
		return true;
	if (m->state == M_FIN_WAIT_1)
		m->state = M_FIN_WAIT_2;
	else if (m->state == M_CLOSING) {
		m->state = M_TIME_WAIT;
		m->wait_restarted = true;
		return false;
	} else if (m->state == M_LAST_ACK) {
		delete_tcb(m, M_OK);
		return false;
	}
	return true;
}

/*
 * 3.5, figure 7: the SYN,ACK that crosses ours in a simultaneous opening begins with the SYN that is here
 * already; what is left is the ACK that SYN-RECEIVED waits for.
 */
static bool repeats_syn(const struct model *m, const struct model_seg *s)
{
	return m->snd_una == m->iss && !m->passive && s->seq == m->irs &&
	       (!m->rules.crossed_syn || s->ack == m->snd_nxt) &&
	       (s->flags & (M_SYN | M_ACK | M_RST)) == (M_SYN | M_ACK);
}

/*
 * TIME-WAIT as Linux: RFC 6191 2, where the old connection had no timestamps; an empty segment where one is expected is
 * silent; a RST is none elsewhere; all else earns our numbers. What has an ACK lets the wait begin anew.
 */
static void in_time_wait(struct model *m, const struct model_seg *s, struct model_out *out)
{
	if ((s->flags & (M_SYN | M_ACK | M_RST | M_FIN)) == M_SYN && lt(m->rcv_nxt, s->seq) &&
	    m->listener) {
		delete_tcb(m, M_OK);
		in_listen(m, s, out);
		return;
	}
	if (s->flags & M_RST) {
		if (s->seq == m->rcv_nxt && !m->rules.rfc1337)
			reset_arrived(m);
		return;
	}
	if (s->seq == m->rcv_nxt && seg_len(s) == 0) {
		m->wait_restarted = true;
		return;
	}
	m->wait_restarted = s->flags & M_ACK;
	send_ack(out);
}

static void in_other_states(struct model *m, const struct model_seg *seg, struct model_out *out)
{
	struct model_seg s = *seg;
	uint32_t end, edge;
	bool fin, cut = false, whole, known;

	if (repeats_syn(m, &s)) {
		s.seq++;
		s.flags &= (uint8_t)~M_SYN;
		if (m->rules.crossed_syn)
			send_ack(out);
	}
	if (m->state == M_TIME_WAIT && m->rules.rfc6191) {
		in_time_wait(m, &s, out);
		return;
	}
	if (m->state == M_SYN_RECEIVED && m->passive && m->rules.syn_again &&
	    (s.flags & (M_SYN | M_ACK | M_RST | M_FIN)) == M_SYN && s.seq == m->irs) {
		out->syn = out->ack = true;
		return;
	}
	if (m->state == M_SYN_RECEIVED && m->passive && m->rules.embryonic &&
	    (s.flags & (M_ACK | M_RST)) == M_ACK && s.ack != m->snd_nxt) {
		send_reset(&s, out);
		return;
	}
	/* First, the sequence number. */
	whole = m->rules.whole && m->state != M_TIME_WAIT;
	known = !whole || (m->state == M_SYN_RECEIVED && m->passive) ? acceptable(m, &s) : true;
	if (!known || (whole && !acceptable_whole(m, &s))) {
		if (!(s.flags & M_RST))
			send_ack(out);
		else if (m->rules.rst_behind_fin && peer_has_closed(m) && s.seq == m->rcv_nxt - 1)
			reset_arrived(m);
		return;
	}
	/* Second, the RST bit. */
	if (s.flags & M_RST) {
		if (m->state == M_TIME_WAIT && m->rules.rfc1337)
			return;
		if (m->rules.rst_behind_fin && peer_has_closed(m) && s.seq == m->rcv_nxt - 1)
			reset_arrived(m);
		else if (m->rules.rfc5961 && s.seq != m->rcv_nxt)
			send_ack(out);
		else
			reset_arrived(m);
		return;
	}
	/* Fourth, the SYN bit. */
	if (s.flags & M_SYN) {
		if (m->state == M_SYN_RECEIVED && m->passive && m->rules.embryonic &&
		    s.seq != m->irs) {
			send_reset(&s, out);
			delete_tcb(m, M_OK);
			m->state = M_LISTEN;
		} else if (m->state == M_SYN_RECEIVED && m->passive && !m->rules.syn_again) {
			delete_tcb(m, M_OK);
			m->state = M_LISTEN;
		} else if (m->rules.rfc5961) {
			send_ack(out);
		} else {
			send_reset(&s, out);
			delete_tcb(m, M_RESET);
		}
		return;
	}
	if (whole) {
		if (ack_field(m, &s, out))
			whole_text_and_fin(m, &s, out);
		return;
	}
	/* "trimming off any portions that lie outside the window" */
	end = s.seq + s.len;
	edge = m->rcv_nxt + m->rcv_wnd;
	fin = s.flags & M_FIN;
	if (lt(s.seq, m->rcv_nxt)) {
		cut = s.len > 0;
		s.seq = m->rcv_nxt;
	}
	if (lt(edge, end)) {
		end = lt(s.seq, edge) ? edge : s.seq;
		fin = false;
		cut = true;
	}
	if (lt(end, s.seq))
		end = s.seq;
	/* Fifth. */
	if (!ack_field(m, &s, out))
		return;
	text_and_fin(m, s.seq, end, fin, cut, out);
}

void model_segment(struct model *m, const struct model_seg *seg, struct model_out *out)
{
	memset(out, 0, sizeof(*out));
	m->wait_restarted = false;
	switch (m->state) {
	case M_CLOSED:
		in_closed(seg, out);
		break;
	case M_LISTEN:
		in_listen(m, seg, out);
		break;
	case M_SYN_SENT:
		in_syn_sent(m, seg, out);
		break;
	case M_SYN_RECEIVED:
	case M_ESTABLISHED:
	case M_FIN_WAIT_1:
	case M_FIN_WAIT_2:
	case M_CLOSE_WAIT:
	case M_CLOSING:
	case M_LAST_ACK:
	case M_TIME_WAIT:
		in_other_states(m, seg, out);
		break;
	case M_STATES:
		break;
	}
	send_waiting(m, out);
}

/* ---- the user's calls ---- */

void model_init(struct model *m, const struct model_rules *rules)
{
	memset(m, 0, sizeof(*m));
	m->rules = *rules;
}

void model_iss(struct model *m, uint32_t iss)
{
	m->iss = m->snd_una = iss;
	m->snd_nxt = iss + 1;
	m->snd_wl2 = iss;
}

void model_open_passive(struct model *m)
{
	m->state = M_LISTEN;
	m->listener = true;
}

void model_open_active(struct model *m, uint32_t iss, struct model_out *out)
{
	memset(out, 0, sizeof(*out));
	delete_tcb(m, M_OK);
	m->delivered = 0;
	m->state = M_SYN_SENT;
	model_iss(m, iss);
	out->syn = true;
}

/* "error: connection does not exist", "error: connection closing", or it is none. */
static enum model_reply call_reply(const struct model *m)
{
	switch (m->state) {
	case M_CLOSED:
	case M_LISTEN:
		return M_NO_CONNECTION;
	case M_SYN_SENT:
	case M_SYN_RECEIVED:
	case M_ESTABLISHED:
	case M_CLOSE_WAIT:
		return M_DONE;
	case M_FIN_WAIT_1:
	case M_FIN_WAIT_2:
	case M_CLOSING:
	case M_LAST_ACK:
	case M_TIME_WAIT:
	case M_STATES:
		break;
	}
	return M_CLOSING_ERROR;
}

enum model_reply model_send(struct model *m, uint32_t n, struct model_out *out)
{
	enum model_reply r = m->close_asked ? M_CLOSING_ERROR : call_reply(m);

	memset(out, 0, sizeof(*out));
	if (r != M_DONE)
		return r;
	m->queued += n;
	send_waiting(m, out);
	return M_DONE;
}

enum model_reply model_close(struct model *m, struct model_out *out)
{
	enum model_reply r = m->close_asked ? M_CLOSING_ERROR : call_reply(m);

	memset(out, 0, sizeof(*out));
	if (r != M_DONE)
		return r;
	if (m->state == M_SYN_SENT) {
		delete_tcb(m, M_OK);
		return M_DONE;
	}
	m->close_asked = true;
	if (m->state == M_ESTABLISHED)
		m->state = M_FIN_WAIT_1;
	else if (m->state == M_CLOSE_WAIT)
		m->state = M_LAST_ACK;
	else if (m->state == M_SYN_RECEIVED && m->queued == 0)
		m->state = M_FIN_WAIT_1;
	send_waiting(m, out);
	return M_DONE;
}

void model_abort(struct model *m, struct model_out *out)
{
	memset(out, 0, sizeof(*out));
	switch (m->state) {
	case M_SYN_RECEIVED:
	case M_ESTABLISHED:
	case M_FIN_WAIT_1:
	case M_FIN_WAIT_2:
	case M_CLOSE_WAIT:
		/* <SEQ=SND.NXT><CTL=RST> */
		out->rst = true;
		out->rst_seq = m->snd_nxt;
		break;
	case M_CLOSED:
	case M_LISTEN:
	case M_SYN_SENT:
	case M_CLOSING:
	case M_LAST_ACK:
	case M_TIME_WAIT:
	case M_STATES:
		break;
	}
	delete_tcb(m, M_OK);
}

const char *model_state_name(enum model_state s)
{
	static const char *const names[] = {"CLOSED",	    "LISTEN",	   "SYN-SENT",
					    "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
					    "FIN-WAIT-2",   "CLOSE-WAIT",  "CLOSING",
					    "LAST-ACK",	    "TIME-WAIT"};

	return s < M_STATES ? names[s] : "?";
}
