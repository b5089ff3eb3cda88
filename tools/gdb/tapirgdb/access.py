"""How to find things in the program's memory: types, lists, stacks, endpoints.

Everything is read from debug information: no number of ours is written down here but those of the RFCs. Nothing calls a
function of the program, so all of it works on a core file too.
"""

import re
import sys

import gdb

NEVER = (1 << 64) - 1
BOUND = 100000  # nodes of one list, so that a broken one ends
SHOWN = 10000  # endpoints looked through at most


def fail(text):
    raise gdb.GdbError("tapir: " + text)


# --- colours, where people look ---

COLOURS = {"head": "2", "state": "1", "source": "2", "again": "33", "drop": "31", "timer": "36", "call": "35"}


def paint(text, what):
    """Text in its colour, on a terminal and unless `set style enabled off`."""
    code = COLOURS.get(what)
    try:
        if not code or not sys.__stdout__.isatty() or not gdb.parameter("style enabled"):
            return text
    except RuntimeError:
        return text
    return "\033[%sm%s\033[m" % (code, text)


# --- types ---


def has_type(name):
    try:
        gdb.lookup_type(name)
        return True
    except gdb.error:
        return False


def type_of(name):
    try:
        return gdb.lookup_type(name)
    except gdb.error:
        fail("no debug information about %s: load the program by `file build/tapir` (built with -g)" % name)


def pointer(addr, name):
    return gdb.Value(int(addr)).cast(type_of(name).pointer())


def at(addr, name):
    return pointer(addr, name).dereference()


def fields(value_or_type):
    t = value_or_type.type if isinstance(value_or_type, gdb.Value) else value_or_type
    return [f.name for f in t.strip_typedefs().fields() if f.name]


def has(value, name):
    return name in fields(value)


def enum(name):
    """{value: name} of an enum, in the order of its values."""
    return {f.enumval: f.name for f in type_of("enum " + name).strip_typedefs().fields()}


def optional_enum(name):
    """The same, empty where the program has no such."""
    return enum(name) if has_type("enum " + name) else {}


def name_in(value, name, *prefixes):
    """The name of a number that is of an enum by its comment only."""
    return strip(optional_enum(name).get(int(value), str(int(value))), *prefixes)


def count(n, thing):
    return "%d %s%s" % (n, thing, "" if n == 1 else "s")


def strip(name, *prefixes):
    for p in prefixes:
        if name.startswith(p):
            return name[len(p):]
    return name


def constant(name):
    """An enumerator by its name, of an enum without one."""
    try:
        return int(gdb.parse_and_eval(name))
    except gdb.error:
        return None


def state_names():
    """{value: RFC 9293's name}"""
    names = {v: strip(n, "TAPIR_TCP_").replace("_", "-") for v, n in enum("tapir_tcp_state").items()}
    names[0] = "NEW"
    return names


def state_name(v):
    return state_names().get(int(v), "state %d" % int(v))


def flag_words(value, name, *prefixes):
    """The set bits of an enum of bits, by name."""
    out = []
    v = int(value)
    for bit, word in sorted(enum(name).items()):
        if v & bit:
            out.append(strip(word, *prefixes))
            v &= ~bit
    if v:
        out.append("0x%x" % v)
    return out


def container(addr, name, member):
    """The struct of which `member` lies at addr."""
    for f in type_of(name).fields():
        if f.name == member:
            return at(int(addr) - f.bitpos // 8, name)
    fail("%s has no %s: run `tapir selftest`" % (name, member))


def nodes(head):
    """Addresses of the nodes of an intrusive list."""
    first = int(head.address)
    node = head["next"]
    for _ in range(BOUND):
        if int(node) == first or int(node) == 0:
            return
        yield int(node)
        node = node["next"]


def each(head, name, member):
    for node in nodes(head):
        yield container(node, name, member)


def read(addr, n):
    return bytes(gdb.selected_inferior().read_memory(int(addr), int(n))) if n > 0 else b""


# --- numbers and names as people write them ---


def u32(v):
    return int(v) & 0xffffffff


def rel(seq, base, name):
    """A sequence number as its distance from ISS or IRS."""
    if base is None:
        return "%d" % u32(seq)
    d = (int(seq) - int(base)) & 0xffffffff
    if d == 0:
        return name
    if d < 1 << 30:
        return "%s+%d" % (name, d)
    return "%s-%d" % (name, (1 << 32) - d) if d > 3 << 30 else "%d" % u32(seq)  # far off: never set


def distance(seq, base):
    """Signed."""
    d = (int(seq) - int(base)) & 0xffffffff
    return d if d < 1 << 31 else d - (1 << 32)


def ip4_text(v):
    v = int(v)
    return "%d.%d.%d.%d" % (v >> 24 & 255, v >> 16 & 255, v >> 8 & 255, v & 255)


def addr_text(a):
    b = bytes(int(a["b"][i]) for i in range(16))
    if b == bytes(16):
        return "*"
    if b[:12] == bytes(10) + b"\xff\xff":
        return "%d.%d.%d.%d" % tuple(b[12:])
    import ipaddress

    return str(ipaddress.IPv6Address(b))


def endpoint_text(addr, port):
    port = int(port)
    host = addr_text(addr)
    return "%s:%s" % ("[%s]" % host if ":" in host else host, port if port else "*")


def seconds(ns):
    return "%.3f s" % (int(ns) / 1e9)


def to_go(deadline, now):
    if int(deadline) == NEVER:
        return "off"
    d = int(deadline) - int(now)
    return "in " + seconds(d) if d > 0 else "due" if d == 0 else "due, %s late" % seconds(-d)


def micros(us):
    return "%.3f ms" % (int(us) / 1e3)


# --- stacks: instances, which no global variable names ---


class Stack:
    def __init__(self, addr, label):
        self.addr = addr
        self.label = label

    @property
    def t(self):
        return at(self.addr, "struct tapir")

    @property
    def now(self):
        return int(self.t["now_ns"])

    @property
    def tcp(self):
        return self.t["tcp"].dereference()

    def addresses(self):
        """[(interface name, "192.0.2.2/24")], the loopback left out."""
        out = []
        t = self.t
        for i in range(2, int(t["netif_top"]) + 1):
            ifp = t["netif"][i]
            if int(ifp):
                out += [(ifp["conf"]["name"].string(), "%s/%d" % (ip4_text(a["ip4"]), int(a["prefix_len"])))
                        for a in (ifp["addr"][k] for k in range(int(ifp["naddr"])))]
        return out

    def name(self):
        at_ = ", ".join(text for _, text in self.addresses())
        return " ".join(w for w in (self.label, at_) if w) or "stack at 0x%x" % self.addr

    def short(self):
        """One word for it."""
        at_ = self.addresses()
        return at_[0][1].partition("/")[0] if at_ else self.label or "0x%x" % self.addr


_known = {}  # address: label


def learn(addr, label=None):
    if addr and (label or addr not in _known):
        _known[addr] = label


def forget(addr):
    _known.pop(addr, None)


def forget_all():
    _known.clear()


def plausible(addr):
    """Whether an instance really is there: its loopback knows it."""
    try:
        lo = at(addr, "struct tapir")["netif"][1]
        return int(lo) != 0 and int(lo["t"]) == addr and int(lo["ifindex"]) == 1
    except (gdb.MemoryError, gdb.error):
        return False


def _harvest(value, label, depth):
    """Stacks in a variable: a struct tapir *, or a struct that has some."""
    t = value.type.strip_typedefs()
    if t.code == gdb.TYPE_CODE_PTR:
        target = t.target().strip_typedefs()
        if target.code != gdb.TYPE_CODE_STRUCT or int(value) == 0:
            return
        if target.tag == "tapir":
            if plausible(int(value)):
                learn(int(value), label if label in ("client", "server") else None)
            return
        if depth == 0:
            return
        value, t, depth = value.dereference(), target, depth - 1
    if t.code != gdb.TYPE_CODE_STRUCT:
        return
    for f in t.fields():
        ft = f.type.strip_typedefs()
        if f.name and (ft.code == gdb.TYPE_CODE_STRUCT or ft.code == gdb.TYPE_CODE_PTR):
            if ft.code == gdb.TYPE_CODE_PTR and ft.target().strip_typedefs().tag not in ("tapir", "loop"):
                continue
            _harvest(value[f.name], f.name, depth)


def _look_in_frames():
    """Wherever the program stopped, somebody up the stack holds an instance."""
    try:
        threads = gdb.selected_inferior().threads()
        chosen = gdb.selected_thread()
        frame_before = gdb.selected_frame() if chosen else None
    except gdb.error:
        return
    try:
        for thread in threads[:16]:
            thread.switch()
            frame = gdb.newest_frame()
            for _ in range(40):
                if frame is None:
                    break
                _look_in_frame(frame)
                frame = frame.older()
    except gdb.error:
        pass
    finally:
        if chosen:
            chosen.switch()
            if frame_before and frame_before.is_valid():
                frame_before.select()


def _look_in_frame(frame):
    try:
        block = frame.block()
    except RuntimeError:
        return
    while block is not None and not block.is_static and not block.is_global:
        for symbol in block:
            if symbol.is_variable or symbol.is_argument:
                try:
                    value = symbol.value(frame)
                    if not value.is_optimized_out:
                        _harvest(value, symbol.name, 1)
                except (gdb.MemoryError, gdb.error, RuntimeError):
                    pass
        block = block.superblock


def running():
    try:
        return len(gdb.selected_inferior().threads()) > 0
    except gdb.error:
        return False


def stacks(need=True):
    """All instances that are known, oldest first."""
    if running() and has_type("struct tapir"):
        _look_in_frames()
    for addr in [a for a in _known if not plausible(a)]:
        forget(addr)
    out = [Stack(a, label) for a, label in _known.items()]
    if not out and need:
        type_of("struct tapir")
        if not running():
            fail("the program does not run: `run`, `tapir step-event`, `attach PID` or `core-file FILE` first")
        fail("no stack in this process is known yet: stop in one of its functions (`break tapir_advance`, "
             "`continue`), or name one: `tapir stack EXPRESSION`")
    return out


def stack_at(addr):
    learn(int(addr))
    return Stack(int(addr), _known.get(int(addr)))


# --- endpoints ---

KINDS = {"TCP_EP_CONN": "tcp_conn", "TCP_EP_LISTENER": "tcp_listener", "TCP_EP_SYN": "tcp_syn_ent",
         "TCP_EP_TW": "tcp_tw"}


class Endpoint:
    """Something that can receive segments: a struct tcp_ep and what it is the beginning of."""

    def __init__(self, stack, ep):
        self.stack = stack
        self.addr = int(ep.address)
        self.ep = ep
        self.kind = enum("tcp_ep_kind").get(int(ep["kind"]), "?")
        self.v = at(self.addr, "struct " + KINDS.get(self.kind, "tcp_ep"))

    @property
    def state(self):
        return state_name(self.ep["state"])

    @property
    def local(self):
        tu = self.ep["tuple"]
        return endpoint_text(tu["laddr"], tu["lport"])

    @property
    def remote(self):
        tu = self.ep["tuple"]
        return endpoint_text(tu["raddr"], tu["rport"])

    def key(self):
        return (self.stack.addr, self.local, self.remote)

    def connected(self):
        return int(self.ep["tuple"]["rport"]) != 0

    def detached(self):
        return self.kind == "TCP_EP_CONN" and "DETACHED" in flag_words(self.v["flags"], "tcp_flag", "TCP_F_")

    def isns(self):
        """(ISS, IRS); None: not known."""
        if self.kind == "TCP_EP_CONN":
            iss, irs = u32(self.v["iss"]), u32(self.v["irs"])
            if self.state in ("CLOSED", "LISTEN") and iss == 0:
                return None, None
            if self.state == "SYN-SENT":
                irs = None
        elif self.kind == "TCP_EP_SYN":
            iss, irs = u32(self.v["p"]["iss"]), u32(self.v["p"]["irs"])
        else:
            return _isns.get(self.key(), (None, None))
        if self.connected():
            _isns[self.key()] = (iss, irs)
        return iss, irs

    @property
    def number(self):
        return number_of(self)

    def title(self):
        return "connection %d: %s > %s, %s" % (self.number, self.local, self.remote, self.state)


_isns = {}  # key: (iss, irs), also of what is a TIME-WAIT record by now
_numbers = {}  # key: the number that people know it by
_unbound = {}  # address of a socket without a peer: its number
_heirs = {}  # address of what goes at this very moment: that of what comes, which no table has yet
_count = 0


def number_of(e):
    """A connection keeps its number from its first SYN to its TIME-WAIT record's end."""
    global _count
    key = e.key()
    if e.connected():
        if key not in _numbers:
            _numbers[key] = _unbound.pop(e.addr, None) if e.kind == "TCP_EP_CONN" else None
        if _numbers[key] is None:
            _count += 1
            _numbers[key] = _count
        return _numbers[key]
    if e.addr not in _unbound:
        _count += 1
        _unbound[e.addr] = _count
    return _unbound[e.addr]


def number_of_key(key):
    """The same of a connection of which only the ends are known."""
    global _count
    if _numbers.get(key) is None:
        _count += 1
        _numbers[key] = _count
    return _numbers[key]


def keys_of(number):
    """The connections, gone or not, that had a number."""
    return [key for key, n in _numbers.items() if n == number]


def takes_over(addr, old):
    """What lies at addr stands for what lay at old: it keeps the number."""
    if old in _unbound:
        _unbound[addr] = _unbound.pop(old)
    _heirs[old] = addr


def moves_on():
    """The program runs again: what is taken over is in the tables by its next stop."""
    _heirs.clear()


def remember_isns(key, iss, irs):
    _isns[key] = (iss, irs)


def isns_of(key):
    return _isns.get(key, (None, None))


def forget_numbers():
    global _count
    _isns.clear()
    _numbers.clear()
    _unbound.clear()
    _count = 0


def endpoints(stack):
    """Listeners, connections, SYN records, TIME-WAIT and FIN-WAIT-2 records."""
    tcp = stack.tcp
    left = SHOWN
    for l in each(tcp["listeners"], "struct tcp_listener", "all"):
        yield Endpoint(stack, l["ep"])
        for e in each(l["syns"], "struct tcp_syn_ent", "link"):
            left -= 1
            if left < 0:
                return
            yield Endpoint(stack, e["ep"])
    for c in each(tcp["conns"], "struct tcp_conn", "all"):
        left -= 1
        if left < 0:
            return
        yield Endpoint(stack, c["ep"])
    chunk = constant("TW_CHUNK") or 256
    for head in ("tw_head", "fw2_head"):
        i = int(tcp[head])
        while i and left > 0:
            tw = (tcp["tw_chunk"][(i - 1) // chunk] + (i - 1) % chunk).dereference()
            yield Endpoint(stack, tw["ep"])
            i = int(tw["fifo_next"])
            left -= 1


def all_endpoints():
    out = []
    for stack in stacks():
        out += [Endpoint(stack, at(_heirs[e.addr], "struct tcp_ep")) if e.addr in _heirs else e for e in endpoints(stack)]
    # A handle may still hold what a TIME-WAIT record or nothing stands for on the network: last.
    alive = {e.key() for e in out if e.connected() and not e.detached()}
    # And a half-open record stays until its connection stands.
    whole = {e.key() for e in out if e.kind == "TCP_EP_CONN"}
    return [e for e in out if not (e.detached() and e.key() in alive or e.kind == "TCP_EP_SYN" and e.key() in whole)]


def find(word):
    """An endpoint by its number, or by `ADDR:PORT`, `:PORT`, or an expression for a struct of one."""
    if re.fullmatch(r"#?\d+", word):
        n = int(word.lstrip("#"))
        every = all_endpoints()
        for e in every:
            if e.number == n:
                return e
        fail("no connection %d: %s" % (n, "there is none" if not every else
                                       "`tapir conns` lists those that there are: " +
                                       ", ".join(str(x) for x in sorted(e.number for e in every)[:20])))
    if re.fullmatch(r"[0-9.*]*:\d+", word):
        found = [e for e in all_endpoints() if matches(e, word)]
        if not found:
            fail("no connection at %s: `tapir conns` lists those that there are" % word)
        if len(found) > 1:
            fail("%d connections at %s: say which by its number: %s" % (
                len(found), word, ", ".join(str(e.number) for e in found[:20])))
        return found[0]
    try:
        v = gdb.parse_and_eval(word)
    except gdb.error as e:
        fail("%s: neither a number of `tapir conns`, nor ADDR:PORT, nor an expression: %s" % (word, str(e).rstrip(".")))
    return endpoint_of(v)


def endpoint_of(v):
    if v.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        v = v.dereference()
    tag = v.type.strip_typedefs().tag
    if tag not in ("tcp_ep",) + tuple(KINDS.values()):
        fail("%s is no connection: give a number of `tapir conns`, or a pointer to a struct tcp_conn" % v.type)
    ep = v if tag == "tcp_ep" else v["ep"]
    for stack in stacks():
        for e in endpoints(stack):
            if e.addr == int(ep.address):
                return e
    return Endpoint(stacks()[0], ep)


def matches(e, word):
    """Whether either end of e is ADDR:PORT or :PORT."""
    if not word:
        return True
    if re.fullmatch(r"#?\d+", word):
        return e.number == int(word.lstrip("#"))
    return matches_ends((e.local, e.remote), word)


def matches_ends(ends, word):
    """Whether one of these is ADDR:PORT or :PORT."""
    return any(end == word or word.startswith(":") and end.endswith(word) for end in ends)


def of_tuple(stack, key):
    """The endpoint that now has this tuple."""
    best = None
    for e in endpoints(stack):
        if e.key() == key and (best is None or best.detached()):
            best = e
    return best
