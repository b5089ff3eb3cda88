"""Events of a running program: stopping at them, and what was seen of them.

The stack tells its decisions to emit(), but only where somebody listens: an instance without a listener gets emit_nobody()
as one, so that emit() is reached. Timers and calls are seen by breakpoints on their functions. All of these breakpoints are
internal: `info breakpoints` shows the user's own only.
"""

import collections

import gdb

from tapirgdb import access as a
from tapirgdb import decode, printers

KEPT = 500  # segments of one conversation
TALKS = 200  # conversations
KINDS = ("state", "in", "out", "again", "timer", "call", "drop", "note")

TELLERS = ("emit", "tell", "tcp_tell", "emit_in", "xmit_emit", "tcp_xmit", "send_segment", "tcp_state_entered",
           "tcp_set_state")  # they only pass it on

TIMER_SOURCE = {
    "REXMT": "RFC 6298 5.4", "PERSIST": "RFC 9293 3.8.6.1", "DELACK": "RFC 9293 3.8.6.3",
    "SWS": "RFC 9293 3.8.6.2.1", "KEEPALIVE": "RFC 9293 3.8.4", "SYN-ACK": "RFC 9293 3.8.1",
    "TIME-WAIT": "RFC 9293 3.10.8", "FIN-WAIT-2": "RFC 9293 3.10.4", "RTO": "RFC 6298 5.4", "RACK": "RFC 8985 6.3",
    "REO": "RFC 8985 6.3", "TLP": "RFC 8985 7.3", "PROBE": "RFC 8985 7.3",
}
CALLS = {  # function: (what RFC 9293 calls it, where)
    "tapir_socket": ("", "RFC 9293 3.3.2"),
    "tapir_listen": ("passive OPEN", "RFC 9293 3.10.1"),
    "tapir_connect": ("active OPEN", "RFC 9293 3.10.1"),
    "tapir_accept": ("", "RFC 9293 3.9.1.1"),
    "tapir_send": ("SEND", "RFC 9293 3.10.2"),
    "tapir_sendmsg": ("SEND", "RFC 9293 3.10.2"),
    "tapir_send_commit": ("SEND", "RFC 9293 3.10.2"),
    "tapir_recv": ("RECEIVE", "RFC 9293 3.10.3"),
    "tapir_recvmsg": ("RECEIVE", "RFC 9293 3.10.3"),
    "tapir_recv_consume": ("RECEIVE", "RFC 9293 3.10.3"),
    "tapir_shutdown": ("CLOSE", "RFC 9293 3.10.4"),
    "tapir_close": ("CLOSE", "RFC 9293 3.10.4"),
    "tapir_abort": ("ABORT", "RFC 9293 3.10.5"),
}


class Event:
    """One line of step-event."""

    def __init__(self, stack, kind, text, source, key=None, number=None):
        self.stack = stack
        self.time = stack.now
        self.kind = kind
        self.text = text
        self.source = source
        self.key = key
        self.number = number
        self.place = None  # the function that decided

    def who(self):
        return self.key[1] if self.key else self.stack.short()

    def line(self):
        S.width = max(S.width, len(self.who()))
        return "%9.6f %2s %-*s  %s%s" % (
            (self.time - S.base) / 1e9, self.number or "", S.width, self.who(),
            a.paint("%-5s %s" % (self.kind, self.text if not self.source else "%-48s" % self.text), self.kind),
            "  " + a.paint(self.source, "source") if self.source else "")


class Session:
    """What is remembered from one command to the next."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.base = None  # time of the first event: the lines count from it
        self.stepping = False
        self.filter = ""
        self.kinds = ()  # of the events that are stopped at; none: all
        self.hit = None  # the event that step-event stopped at
        self.last = None
        self.exited = None
        self.talks = collections.OrderedDict()  # frozenset of both ends: Talk
        self.states = {}  # key: state as it was told last
        self.collecting = False
        self.width = 15  # of the column of local ends
        self.trouble = None  # what a hook stumbled over


S = Session()


# --- what is said on the wire ---


class Segment:
    def __init__(self, src, dst, seq, ack, flags, n, wnd, opts):
        self.src, self.dst = src, dst
        self.seq, self.ack, self.flags, self.len, self.wnd, self.opts = seq, ack, flags, n, wnd, opts
        self.left = self.came = None  # times
        self.state_src = self.state_dst = None
        self.again = False
        self.rel_seq = self.rel_ack = None

    def same(self, o):
        return (self.src, self.dst, self.seq, self.ack, self.flags, self.len) == (o.src, o.dst, o.seq, o.ack, o.flags, o.len)

    def alone(self):
        """Nothing but an acknowledgment: no sequence number is taken."""
        return self.len == 0 and not self.flags & 3

    def text(self):
        """As step-event says it."""
        s = "%s seq %s" % (decode.flag_names(self.flags), self.rel_seq)
        if self.len:
            s += ":%d" % (self.rel_seq + self.len)
        if self.flags & 0x10:
            s += " ack %s" % self.rel_ack
        s += " win %d" % self.wnd
        if self.len:
            s += ", %d bytes" % self.len
        opts = [o.split(" val")[0] if isinstance(o, str) else o for o in self.opts]
        opts = [o for o in opts if o not in ("nop", "eol") and (self.flags & 2 or o != "TS")]  # TS: on every segment then
        if opts:
            s += " <%s>" % decode.option_text(opts, (self.ack - self.rel_ack) & 0xffffffff if self.rel_ack is not None else 0)
        return s

    def rfc(self):
        """As the figures of RFC 9293 write it."""
        s = "<SEQ=%s>" % self.rel_seq
        if self.flags & 0x10:
            s += "<ACK=%s>" % self.rel_ack
        s += "<CTL=%s>" % decode.flag_names(self.flags)
        if self.len:
            s += "<DATA=%d>" % self.len
        for o in self.opts:
            if isinstance(o, tuple) and o[1]:
                base = (self.ack - self.rel_ack) & 0xffffffff
                s += "<SACK=%d:%d%s>" % ((o[1][0][0] - base) & 0xffffffff, (o[1][0][1] - base) & 0xffffffff,
                                         " and %d" % (len(o[1]) - 1) if len(o[1]) > 1 else "")
        return s + (" again" if self.again else "")


class Talk:
    """A conversation: both ends, as far as they are in this process."""

    def __init__(self, a_end, b_end):
        self.ends = (a_end, b_end)
        self.first = {}  # end: its state before the first segment
        self.segments = collections.deque(maxlen=KEPT)


def talk_of(src, dst):
    pair = frozenset((src, dst))
    if pair not in S.talks:
        S.talks[pair] = Talk(src, dst)
        if len(S.talks) > TALKS:
            S.talks.popitem(last=False)
    S.talks.move_to_end(pair)
    return S.talks[pair]


def state_of(stack, key):
    """The state of an endpoint as it was told last, or as it is in memory."""
    if key not in S.states:
        e = a.of_tuple(stack, key)
        if e is not None:
            S.states[key] = e.state
            e.isns()
        else:
            port = ":" + key[1].rpartition(":")[2]
            listens = any(e.kind == "TCP_EP_LISTENER" and e.local.endswith(port) for e in a.endpoints(stack))
            return "LISTEN" if listens else "CLOSED"
    return S.states[key]


def relative(seg, key, outgoing):
    """Numbers from ISS and IRS, which SYNs tell, or memory."""
    iss, irs = a.isns_of(key)
    if seg.flags & 2:
        if outgoing:
            iss = seg.seq
        else:
            irs = seg.seq
            iss = iss if seg.flags & 0x10 else None
        a.remember_isns(key, iss, irs)
    mine, theirs = (iss, irs) if outgoing else (irs, iss)
    seg.rel_seq = (seg.seq - mine) & 0xffffffff if mine is not None else seg.seq
    seg.rel_ack = (seg.ack - theirs) & 0xffffffff if theirs is not None else seg.ack


def saw_segment(stack, key, seg, outgoing):
    state = state_of(stack, key)  # first: it may know the ISNs
    relative(seg, key, outgoing)
    talk = talk_of(seg.src, seg.dst)
    if outgoing:
        seg.left, seg.state_src = stack.now, state
        talk.first.setdefault(seg.src, state)
        talk.segments.append(seg)
        return seg
    talk.first.setdefault(seg.dst, state)
    # Of equal ACKs the first has come; of equal data the one that was sent last, for the other is lost.
    for old in talk.segments if seg.alone() else reversed(talk.segments):
        if old.came is None and old.same(seg):
            old.opts = old.opts or seg.opts  # an optimised build may not have shown those that left
            seg = old
            break
    else:
        talk.segments.append(seg)
    seg.came, seg.state_dst = stack.now, state
    return seg


# --- frames ---


def up_to(names, depth=8):
    """The nearest frame of one of these functions."""
    frame = gdb.newest_frame()
    for _ in range(depth):
        if frame is None:
            return None
        if frame.name() in names:
            return frame
        frame = frame.older()
    return None


def variable(frame, name):
    try:
        v = frame.read_var(name)
        return None if v.is_optimized_out else v
    except (ValueError, gdb.error, AttributeError):
        return None


def options_in():
    """The option bytes of the segment that tcp_input() works on."""
    for name in ("emit_in", "tcp_input"):
        frame = up_to((name,))
        seg = variable(frame, "seg") if frame else None
        if seg is not None:
            break
    else:
        return []
    size = int(seg["hdr"]["hdr_len"])
    return decode.options(a.read(int(seg["text"]) - size + 20, size - 20))


def options_out():
    frame = up_to(("tcp_xmit",))
    p = variable(frame, "p") if frame else None
    if p is None or int(p) == 0:
        return []
    head = a.read(p["data"], 20)
    return decode.options(a.read(int(p["data"]) + 20, (head[12] >> 4) * 4 - 20))


def rexmit():
    """Whether tcp_xmit() sends again; None: can't be seen."""
    frame = up_to(("tcp_xmit",))
    x = variable(frame, "x") if frame else None
    return None if x is None else bool(int(x["rexmit"]))


# --- from an event to a line ---


def key_of(stack, ev):
    if int(ev["local"]["port"]) == 0:
        return None
    return (stack.addr, a.endpoint_text(ev["local"]["addr"], ev["local"]["port"]),
            a.endpoint_text(ev["peer"]["addr"], ev["peer"]["port"]))


def segment_of(ev, key, outgoing, opts):
    s = ev["u"]["seg"]
    src, dst = (key[1], key[2]) if outgoing else (key[2], key[1])
    return Segment(src, dst, a.u32(s["seq"]), a.u32(s["ack"]), int(s["flags"]), int(s["len"]), int(s["wnd"]), opts)


def on_state(stack, ev, key, source):
    was, now = (a.state_name(ev["u"]["state"][w]) for w in ("from", "to"))
    frame = up_to(("tcp_state_entered",), 4)
    ep = variable(frame, "ep") if frame else None
    e = a.Endpoint(stack, ep.dereference()) if ep is not None else None
    if now == "LISTEN" and e:
        frame = up_to(("tcp_user_listen",))
        c = variable(frame, "c") if frame else None
        if c is not None:
            a.takes_over(e.addr, int(c))  # a socket became a listener
    number = e.number if e else a.number_of_key(key)
    if e:
        e.isns()
    # What is no change of the connection, only of what stands for it in memory.
    if up_to(("tcp_conn_to_timewait", "tcp_conn_to_finwait2_record"), 5) and now == "CLOSED":
        return Event(stack, "note", "%s goes on in a small record" % S.states.get(key, was), "", key, number)
    if up_to(("tcp_conn_passive",), 5):
        return Event(stack, "note", "the half-open record becomes a connection", "", key, number)
    S.states[key] = now
    if not key[2].endswith(":*"):
        note_state(stack, key, was, now)
    return Event(stack, "state", "%s -> %s" % (was, now), source, key, number)


def note_state(stack, key, was, now):
    """The ladder's: a change of state belongs to the segment that made it."""
    talk = talk_of(key[1], key[2])
    talk.first.setdefault(key[1], was)
    if up_to(("tcp_input",), 16):
        for seg in reversed(talk.segments):  # the one that did it, and the answers to it that left before
            if seg.src == key[1] and seg.left == stack.now:
                seg.state_src = now
            elif seg.dst == key[1] and seg.came is not None:
                seg.state_dst = now
                break


def event_text(kind):
    try:
        return gdb.parse_and_eval("event_texts")[kind].string()
    except gdb.error:
        return a.enum("tapir_event_type").get(kind, "?")


def on_event(stack, ev):
    """What an event means, as an Event; None: said by another one."""
    kind = a.strip(a.enum("tapir_event_type").get(int(ev["type"]), "?"), "TAPIR_EV_")
    source = ev["source"].string()
    key = key_of(stack, ev)
    if kind == "TCP_STATE":
        return on_state(stack, ev, key, source)
    if kind == "TCP_SEG_IN":
        seg = saw_segment(stack, key, segment_of(ev, key, False, options_in()), False)
        return Event(stack, "in", seg.text(), source, key, a.number_of_key(key))
    if kind == "TCP_SEG_OUT":
        seg = saw_segment(stack, key, segment_of(ev, key, True, options_out()), True)
        if rexmit():
            seg.again = True
            return None  # TCP_RETRANSMIT follows
        return Event(stack, "out", seg.text(), source, key, a.number_of_key(key))
    if kind == "TCP_RETRANSMIT":
        seg = segment_of(ev, key, True, options_out())
        relative(seg, key, True)
        return Event(stack, "again", seg.text(), source, key, a.number_of_key(key))
    if kind == "PKT_DROP":
        reason = a.strip(a.enum("drop_reason").get(int(ev["u"]["drop"]["reason"]), "?"), "DROP_")
        frame = up_to(("pkt_drop",), 4)
        p = variable(frame, "p") if frame else None
        text = "%s: %s" % (reason, printers.packet_text(p.dereference()) if p is not None and int(p) else
                           "%d bytes" % int(ev["u"]["drop"]["len"]))
        return Event(stack, "drop", text, source)
    text = event_text(int(ev["type"]))
    num = ev["u"]["num"]
    if kind == "TCP_RTO":
        text += " after %s, backed off %d times" % (a.micros(int(num["a"]) << int(num["b"])), int(num["b"]))
    elif kind == "NEIGH_STATE":
        names = a.enum("tapir_neigh_state")
        text = "neighbour %s: %s -> %s" % (
            a.addr_text(ev["peer"]["addr"]), *(a.strip(names.get(int(ev["u"]["state"][w]), "?"), "TAPIR_NEIGH_")
                                               for w in ("from", "to")))
    return Event(stack, "note", text, source, key, a.number_of_key(key) if key else None)


# --- breakpoints of ours ---


def wanted(event):
    if event is None or not S.stepping:
        return False
    if S.kinds and event.kind not in S.kinds:
        return False
    if not S.filter:
        return True
    if event.key is None:
        return False
    if event.number is not None and S.filter.lstrip("#") == str(event.number):
        return True
    return a.matches_ends(event.key[1:], S.filter)


def happened(event):
    """Whether to stop for it."""
    if event is None:
        return False
    if S.base is None:
        S.base = event.time
    S.last = event
    if wanted(event):
        S.hit = event
        return True
    return False


class Hook(gdb.Breakpoint):
    def __init__(self, function):
        super().__init__(function, internal=True)
        self.silent = True

    def stop(self):
        a.moves_on()
        try:
            return self.reached(gdb.newest_frame())
        except (gdb.error, gdb.MemoryError, gdb.GdbError, RuntimeError) as e:
            S.trouble = str(e)
            return False


class EmitHook(Hook):
    def reached(self, frame):
        stack = a.stack_at(frame.read_var("t"))
        return happened(on_event(stack, frame.read_var("ev").dereference()))


class InitHook(Hook):
    """An instance is being made: it gets a listener at once."""

    def reached(self, frame):
        addr = int(frame.read_var("t"))
        a.learn(addr)
        if S.base is None:
            S.base = int(a.at(addr, "struct tapir")["now_ns"])
        listen(addr)
        return False


class FiniHook(Hook):
    def reached(self, frame):
        a.forget(int(frame.read_var("t")))
        return False


def on_timer(stack, e, due):
    text = ", ".join(name for _, name in due)
    source = "; ".join(dict.fromkeys(TIMER_SOURCE.get(name, "") for _, name in due))
    return Event(stack, "timer", text + " is due", source, e.key(), e.number)


class ConnTimerHook(Hook):
    def __init__(self, function, struct):
        super().__init__(function)
        self.struct = struct

    def reached(self, frame):
        from tapirgdb import show

        stack = a.stack_at(frame.read_var("t"))
        e = a.Endpoint(stack, a.container(frame.read_var("tm"), self.struct, "timer")["ep"])
        if e.kind == "TCP_EP_SYN":
            due = [(stack.now, "SYN-ACK")]
        else:
            due = [d for d in show.deadlines(e) if d[0] <= stack.now]
        return happened(on_timer(stack, e, due)) if due else False


class TwTimerHook(Hook):
    def reached(self, frame):
        from tapirgdb import show

        stack = a.stack_at(frame.read_var("t"))
        for e in a.endpoints(stack):
            if e.kind == "TCP_EP_TW":
                due = [d for d in show.deadlines(e) if d[0] <= stack.now]
                if due:
                    return happened(on_timer(stack, e, due))
        return False


def socket_of(stack, handle):
    """The endpoint of a handle, None: none, or of UDP."""
    table = stack.t["sock"].dereference()
    size = a.constant("SOCK_CHUNK") or 256
    bits = a.constant("INDEX_BITS") or 24
    index, gen = (int(handle) & ((1 << bits) - 1)) - 1, int(handle) >> bits
    if not 0 <= index < int(table["high"]):
        return None
    s = (table["chunk"][index // size] + index % size).dereference()
    kind = a.enum("sock_kind").get(int(s["kind"]))
    if int(s["gen"]) != gen or kind not in ("SOCK_TCP", "SOCK_LISTEN"):
        return None
    return a.Endpoint(stack, s["u"]["conn" if kind == "SOCK_TCP" else "listener"]["ep"])


class CallHook(Hook):
    def reached(self, frame):
        older = frame.older()
        if older is not None and (older.name() or "").startswith("tapir_"):
            return False  # one call of ours by way of another
        name = frame.name()
        stack = a.stack_at(frame.read_var("t"))
        e = None
        if name == "tapir_socket":
            if int(frame.read_var("type")) != a.constant("TAPIR_STREAM"):
                return False
            what = "a new socket, CLOSED"
        else:
            e = socket_of(stack, frame.read_var("s"))
            if e is None:
                return False
            what = self.words(name, frame)
        rfc, source = CALLS[name]
        text = "%s%s" % (what, " (%s)" % rfc if rfc.lower() not in what.replace("recv", "receive") else "")
        return happened(Event(stack, "call", text, source, e.key() if e else None, e.number if e else None))

    def words(self, name, frame):
        word = name[len("tapir_"):].replace("sendmsg", "send").replace("recvmsg", "recv")
        if name in ("tapir_send", "tapir_sendmsg"):
            return "send %d bytes" % self.sum(frame)
        if name in ("tapir_recv", "tapir_recvmsg"):
            return "recv into %d bytes" % self.sum(frame)
        if name in ("tapir_send_commit", "tapir_recv_consume"):
            return "%s %d bytes" % (word.replace("_", " "), int(frame.read_var("len")))
        if name == "tapir_connect":
            sa = frame.read_var("sa")
            return "connect to " + a.endpoint_text(sa["addr"], sa["port"])
        if name == "tapir_listen":
            return "listen, backlog %d" % int(frame.read_var("backlog"))
        if name == "tapir_shutdown":
            how = int(frame.read_var("how"))
            return "shutdown " + {0: "for reading", 1: "for writing"}.get(how, "both ways")
        return word

    def sum(self, frame):
        iov, n = frame.read_var("iov"), int(frame.read_var("n"))
        return sum(int(iov[i]["iov_len"]) for i in range(min(n, 64)))


_hooks = {}


def symbol(name):
    return gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)


def hook(name, make):
    if name not in _hooks or not _hooks[name].is_valid():
        if symbol(name) is None:
            a.type_of("struct tapir")
            a.fail("this program has no %s(): build it anew with `make`" % name)
        _hooks[name] = make(name)
    _hooks[name].enabled = True
    return _hooks[name]


def listen(addr):
    """Makes the instance tell its events, if it has nobody to tell them to."""
    env = a.at(addr, "struct tapir")["env"]
    if int(env["event"]):
        return
    nobody = symbol("emit_nobody")
    if nobody is None:
        a.fail("this program has no emit_nobody(): build it anew with `make`")
    word = int(nobody.value().address).to_bytes(env["event"].type.sizeof, "little")
    gdb.selected_inferior().write_memory(int(env["event"].address), word)


def deaf():
    """Takes emit_nobody() off again."""
    nobody = symbol("emit_nobody")
    for stack in a.stacks(need=False):
        event = stack.t["env"]["event"]
        if nobody is not None and int(event) == int(nobody.value().address):
            gdb.selected_inferior().write_memory(int(event.address), bytes(event.type.sizeof))


def collect():
    """From now on every segment and change of state is seen."""
    hook("emit", EmitHook)
    hook("tcp_init", InitHook)
    hook("tcp_fini", FiniHook)
    S.collecting = True
    if a.running():
        for stack in a.stacks(need=False):
            if S.base is None:
                S.base = stack.now
            listen(stack.addr)


def stop_collecting():
    for h in _hooks.values():
        if h.is_valid():
            h.enabled = False
    if a.running():
        deaf()
    S.collecting = False


def arm(on):
    """Timers and calls are only looked at while stepping."""
    if on:
        hook("tcp_conn_timer", lambda f: ConnTimerHook(f, "struct tcp_conn"))
        hook("tcp_syn_timer", lambda f: ConnTimerHook(f, "struct tcp_syn_ent"))
        hook("tcp_tw_timer", TwTimerHook)
        for name in CALLS:
            hook(name, CallHook)
        return
    for name, h in _hooks.items():
        if name not in ("emit", "tcp_init", "tcp_fini") and h.is_valid():
            h.enabled = False


def keep_conn(event):
    """`$conn` points to the event's connection: a compiler that optimizes may have no `c` left in the frame."""
    e = a.of_tuple(event.stack, event.key) if event.key else None
    value = None
    if e is not None:
        value = a.pointer(e.addr, "struct " + a.KINDS.get(e.kind, "tcp_ep"))
    gdb.set_convenience_variable("conn", value)


def step(word, kinds=()):
    """Runs to the next event (of a connection, of some kinds). Returns it, or None after saying why there is none."""
    collect()
    S.hit = None
    S.exited = None
    S.filter = word
    S.kinds = kinds
    S.stepping = True
    arm(True)
    try:
        out = gdb.execute("continue" if a.running() else "run", to_string=True)
    except gdb.error as e:
        text = str(e)
        if "not being run" in text:
            a.fail("this is no running program: `run` it or attach to one: a core file has no next event")
        raise
    finally:
        S.stepping = False
        if gdb.selected_inferior().pid:
            arm(False)
    if S.trouble:
        print("tapir: an event could not be read: %s" % S.trouble)
        S.trouble = None
    if S.hit is not None:
        frame = gdb.newest_frame()
        while frame.name() in TELLERS and frame.older() is not None:
            frame = frame.older()
        frame.select()  # who decided: `list`, `up`, `info locals` are about the protocol then
        keep_conn(S.hit)
        where = frame.find_sal()
        if where.symtab is not None:
            S.hit.place = "%s(), %s:%d" % (frame.name(), where.symtab.filename, where.line)
        return S.hit
    if S.exited is not None:
        gdb.set_convenience_variable("conn", None)
        print("the program has ended%s" % (", exit status %d" % S.exited if S.exited >= 0 else ""))
    else:
        print("\n".join(l for l in out.splitlines() if l and not l.startswith("Continuing.")))
    return None


# --- the user's breakpoints ---


class BreakState(gdb.Breakpoint):
    def __init__(self, value, word):
        super().__init__("tcp_state_entered")
        self.value = value
        self.word = word

    def stop(self):
        frame = gdb.newest_frame()
        if int(frame.read_var("to")) != self.value:
            return False
        e = a.Endpoint(a.stack_at(frame.read_var("t")), frame.read_var("ep").dereference())
        if self.word and not a.matches(e, self.word):
            return False
        e.isns()
        was = int(frame.read_var("from"))
        print("connection %d: %s > %s, %s%s" % (
            e.number, e.local, e.remote, "%s -> " % a.state_name(was) if was else "", a.state_name(self.value)))
        return True


class BreakDrop(gdb.Breakpoint):
    def __init__(self, value):
        super().__init__("pkt_drop")
        self.value = value

    def stop(self):
        frame = gdb.newest_frame()
        reason = int(frame.read_var("reason"))
        if self.value is not None and reason != self.value:
            return False
        p = frame.read_var("p").dereference()
        a.learn(int(p["t"]))
        print("dropped, %s: %s" % (a.strip(a.enum("drop_reason")[reason], "DROP_"), printers.packet_text(p)))
        return True


# --- the ladder ---


def wire(word, n=30):
    if not any(t.segments for t in S.talks.values()):
        a.fail("no segment was seen yet: `tapir wire on`, then `continue`, or `tapir step-event`")
    talk = [t for t in S.talks.values() if t.segments][-1]
    if word:
        if word.lstrip("#").isdigit():
            keys = a.keys_of(int(word.lstrip("#")))
            found = [t for t in S.talks.values() if any(set(t.ends) == {k[1], k[2]} for k in keys)]
        else:
            found = [t for t in S.talks.values() if a.matches_ends(t.ends, word)]
        if not found:
            a.fail("no segment of %s was seen: `tapir wire` draws the connection that was heard last" % word)
        talk = found[-1]
    return ladder(talk, n)


def ladder(talk, n):
    segs = [s for s in talk.segments]
    if not segs:
        a.fail("connection %s > %s has said nothing on the wire yet" % talk.ends)
    left = segs[0].src
    right = segs[0].dst
    rows = []
    for s in segs:
        away = s.src == left
        arrow = "-->" if away else "<--"
        there = arrow if s.came is not None else "..."
        here = arrow if s.left is not None else "..."
        l_state, l_time = (s.state_src, s.left) if away else (s.state_dst, s.came)
        r_state, r_time = (s.state_dst, s.came) if away else (s.state_src, s.left)
        rows.append((l_state, l_time, here if away else there, s.rfc(), there if away else here, r_state, r_time))
    # A side that is not in this process is not seen: its arrows are those of the other.
    seen = [any(r[i] is not None for r in rows) for i in (1, 6)]
    rows = [(r[0], r[1], r[2] if seen[0] else r[4], r[3], r[4] if seen[1] else r[2], r[5], r[6]) for r in rows]
    middle = max(28, max(len(r[3]) for r in rows[-n:]))

    def t(ns):
        return "%.3f" % ((ns - S.base) / 1e9) if ns is not None else ""

    print("     %-*s%s" % (12 + 2 + 8 + 2 + 4 + middle + 5, left, right))
    if len(rows) <= n:
        first = [talk.first.get(end) or "" if here else "(not in this process)" for end, here in zip((left, right), seen)]
        print("     %-*s%s" % (12 + 2 + 8 + 2 + 4 + middle + 5, first[0], first[1]))
    else:
        print("     ... %d earlier" % (len(rows) - n))
    for i, r in list(enumerate(rows, 1))[-n:]:
        print(("%3d. %s  %8s  %s %s %s %s  %8s" % (
            i, a.paint("%-12s" % (r[0] or ""), "state"), t(r[1]), r[2], a.paint("%-*s" % (middle, r[3]), "again" if "again" in r[3] else ""),
            r[4], a.paint("%-12s" % (r[5] or ""), "state"), t(r[6]))).rstrip())


# --- the life of the program under gdb ---


def on_exit(event):
    S.exited = event.exit_code if hasattr(event, "exit_code") else -1
    a.forget_all()


def on_objfile(event):
    """Another program, or the same one built anew: what was seen is of no use."""
    exe = gdb.current_progspace().filename
    if event.new_objfile.filename == exe and not a.running():
        a.forget_all()


def fresh():
    """Before a program starts: nothing is known of it."""
    a.forget_all()
    a.forget_numbers()
    collecting = S.collecting
    S.clear()
    S.collecting = collecting


def load():
    gdb.events.cont.connect(lambda event: a.moves_on())
    gdb.events.exited.connect(on_exit)
    gdb.events.new_objfile.connect(on_objfile)
