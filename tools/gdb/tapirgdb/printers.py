"""Pretty-printers: what `print` and `info locals` show of our types."""

import gdb

from tapirgdb import access as a
from tapirgdb import decode

SEQUENCE = {  # fields that count from ISS or from IRS
    "snd_una": "ISS", "snd_nxt": "ISS", "snd_max": "ISS", "snd_wl2": "ISS", "snd_up": "ISS", "recover": "ISS",
    "snd_sml": "ISS", "big_end": "ISS", "mtu_seq": "ISS", "undo_marker": "ISS", "tlp_high_seq": "ISS", "rack_round": "ISS",
    "cwnd_usage_seq": "ISS",
    "rcv_nxt": "IRS", "snd_wl1": "IRS", "rcv_up": "IRS", "rcv_user": "IRS", "last_ack_sent": "IRS",
    "drs_seq": "IRS", "drs_wnd_seq": "IRS", "fin_seq": "IRS", "dsack_start": "IRS", "dsack_end": "IRS",
}


class Line:
    """A struct that is one line."""

    def __init__(self, text):
        self.text = text

    def to_string(self):
        return self.text


class Struct:
    """A struct with a line in front and its fields behind, some of them as people read them."""

    def __init__(self, value, text, shown):
        self.value = value
        self.text = text
        self.shown = shown

    def to_string(self):
        return self.text

    def children(self):
        for name in a.fields(self.value):
            v = self.shown(name, self.value[name])
            yield name, self.value[name] if v is None else v


def _now(value):
    """The clock of the stack that a connection belongs to: None when that is not known."""
    known = a.stacks(need=False)
    if len(known) == 1:
        return known[0].now
    for stack in known:
        if any(int(c.address) == int(value.address) for c in a.each(stack.tcp["conns"], "struct tcp_conn", "all")):
            return stack.now
    return None


def conn(value):
    e = a.Endpoint(None, value["ep"])
    iss, irs = a.u32(value["iss"]), a.u32(value["irs"])
    now = _now(value)

    def shown(name, v):
        base = SEQUENCE.get(name)
        if base:
            return a.rel(v, iss if base == "ISS" else irs, base)
        if name in ("keep_ns", "fw2_ns"):
            return "off" if int(v) == a.NEVER else a.to_go(v, now) if now is not None else a.seconds(v)
        if name == "flags":
            return "|".join(a.flag_words(v, "tcp_flag", "TCP_F_")) or "0"
        if name == "ca_state":
            return a.name_in(v, "tcp_ca_state", "TCP_CA_")
        if name in ("ecn", "fo") and a.has_type("enum tcp_%s_flag" % name):
            return "|".join(a.flag_words(v, "tcp_%s_flag" % name, "TCP_%s_" % name.upper())) or "0"
        if name == "rcv_wnd":
            return "%d (to %s)" % (int(v), a.rel(a.u32(value["rcv_nxt"]) + int(v), irs, "IRS"))
        if name == "ep":
            return "%s > %s, %s" % (e.local, e.remote, e.state)
        return None

    return Struct(value, "%s > %s, %s" % (e.local, e.remote, e.state), shown)


def listener(value):
    e = a.Endpoint(None, value["ep"])
    return Struct(value, "%s, LISTEN, %d of %d to accept, %d half-open" % (
        e.local, int(value["naccept"]), int(value["backlog"]) + 1, int(value["nsyn"])), lambda name, v: None)


def passive(value):
    return Struct(value, "%s, ISS %d, IRS %d" % (tuple_text(value["tuple"]), a.u32(value["iss"]), a.u32(value["irs"])),
                  lambda name, v: None)


def syn(value):
    e = a.Endpoint(None, value["ep"])
    return Struct(value, "%s > %s, %s, half-open, SYN-ACK sent again %d times" % (
        e.local, e.remote, e.state, int(value["retries"])), lambda name, v: None)


def tw(value):
    e = a.Endpoint(None, value["ep"])
    return Struct(value, "%s > %s, %s, a record" % (e.local, e.remote, e.state), lambda name, v: None)


def ep(value):
    e = a.Endpoint(None, value)
    return Line("%s > %s, %s" % (e.local, e.remote, e.state))


def tuple_text(value):
    return "%s > %s" % (a.endpoint_text(value["laddr"], value["lport"]), a.endpoint_text(value["raddr"], value["rport"]))


def segment(value):
    """struct tcp_seg: as it arrived."""
    h = value["hdr"]
    tu = value["tuple"]
    n = int(value["text_len"])
    s = "%s > %s: %s seq %d" % (a.endpoint_text(tu["raddr"], tu["rport"]), a.endpoint_text(tu["laddr"], tu["lport"]),
                                decode.flag_names(int(value["flags"])), a.u32(value["seq"]))
    if int(value["flags"]) & 0x10:
        s += " ack %d" % a.u32(value["ack"])
    return Struct(value, "%s win %d len %d" % (s, int(h["wnd"]), n), lambda name, v: None)


def record(value):
    seq, n = a.u32(value["seq"]), int(value["len"])
    words = a.flag_words(value["flags"], "tcp_rec_flag", "TCP_REC_")
    return Struct(value, "%d bytes at %d%s, sent %d times" % (
        n, seq, " " + "|".join(words) if words else "", int(value["times"])), lambda name, v: None)


def packet_bytes(value):
    """What is on the wire from data on, borrowed spans included."""
    b = a.read(value["data"], value["len"])
    for i in range(int(value["nspan"])):
        b += a.read(value["span"][i]["p"], value["span"][i]["len"])
    return b


def packet_text(value):
    """As tcpdump would say it, from the outermost header that is still there."""
    b = packet_bytes(value)
    s = decode.packet(b)
    if s:
        return s
    # Headers were read and pulled off: they are still below data.
    room = int(value["data"]) - int(value["buf"])
    for back in (14, 20, 34, 40, 54) + tuple(range(24, 100, 4)):
        if back <= room:
            s = decode.packet(a.read(int(value["data"]) - back, back) + b)
            if s:
                return s + " (data is %d bytes in)" % back
    return "%d bytes: %s%s" % (len(b), b[:16].hex(" "), " ..." if len(b) > 16 else "")


def pkt(value):
    try:
        s = packet_text(value)
    except gdb.MemoryError:
        s = "its bytes can't be read"
    return Struct(value, s, lambda name, v: None)


def tapir(value):
    s = a.Stack(int(value.address), None) if value.address is not None else None
    tcp = value["tcp"]
    line = "a stack, %s, at %s" % (s.name() if s else "?", a.seconds(value["now_ns"]))
    if int(tcp):
        line += ", %d connections" % int(tcp["nconn"])

    def shown(name, v):
        if name == "stats":
            return "{%d counters: tapir stats}" % int(v["n"].type.sizeof // 8)
        if name == "netif":
            return "{%s}" % ", ".join("[%d] = %s" % (i, v[i]["conf"]["name"].string())
                                      for i in range(1, int(value["netif_top"]) + 1) if int(v[i]))
        if name == "conf":
            return "{%d settings: print t->conf}" % len(a.fields(v))
        if name == "rng":
            return "{...}"
        return None

    return Struct(value, line, shown)


def route(value):
    way = "by %s" % a.ip4_text(value["nexthop"]) if int(value["gateway"]) else "on link"
    return Line("%s from %s, %s, interface %d, MTU %d%s" % (
        a.ip4_text(value["dst"]), a.ip4_text(value["src"]), way, int(value["ifindex"]), int(value["mtu"]),
        ", to ourselves" if int(value["local"]) else ""))


def static_route(value):
    """struct tapir_route: a row of the table."""
    gw = a.addr_text(value["gw"])
    return Line("%s/%d %s, interface %d, metric %d" % (
        a.addr_text(value["dst"]), int(value["prefix_len"]), "on link" if gw == "*" else "by " + gw, int(value["ifindex"]),
        int(value["metric"])))


def route_row(value):
    """struct rt_entry: as the table has it."""
    return Line("%s/%d %s, interface %d, metric %d" % (
        a.ip4_text(value["dst"]), int(value["len"]), "by " + a.ip4_text(value["gw"]) if int(value["gw"]) else "on link",
        int(value["ifindex"]), int(value["metric"])))


def neighbour(value):
    """struct neigh"""
    return Struct(value, "%s is at %s, %s" % (
        a.ip4_text(value["ip4"]), decode.mac(bytes(int(value["mac"]["b"][i]) for i in range(6))),
        a.strip(a.enum("tapir_neigh_state").get(int(value["state"]), "?"), "TAPIR_NEIGH_")), lambda name, v: None)


def timer(value):
    kind = a.strip(a.enum("timer_kind").get(int(value["kind"]), "?"), "TIMER_")
    if int(value["node"]["prev"]) == 0:
        return Line("%s, off" % kind)
    known = a.stacks(need=False)
    key = int(value["node"]["key"])
    return Line("%s, %s" % (kind, a.to_go(key, known[0].now) if len(known) == 1 else "at " + a.seconds(key)))


def act(value):
    """struct tcp_act, without the long arrays."""
    names = {v: k for v, k in a.enum("tcp_deadline").items()}
    known = a.stacks(need=False)

    def shown(name, v):
        if name == "deadline_ns":
            now = known[0].now if len(known) == 1 else None
            return "{%s}" % ", ".join(
                "%s = %s" % (a.strip(n, "TCP_D_"), "off" if int(v[i]) == a.NEVER else a.seconds(v[i]) if now is None
                             else a.to_go(v[i], now))
                for i, n in sorted(names.items()) if i < v.type.sizeof // 8)
        if name == "ooo_mem":
            return "{...}"
        return None

    return Struct(value, "%d records, %d bytes in flight" % (int(value["nrecs"]), int(value["in_flight"])), shown)


PRINTERS = {
    "tapir": tapir, "tcp_conn": conn, "tcp_listener": listener, "tcp_syn_ent": syn, "tcp_tw": tw, "tcp_ep": ep,
    "tcp_act": act, "tcp_rec": record, "tcp_seg": segment, "tcp_passive": passive, "pkt": pkt,
    "tcp_tuple": lambda v: Line(tuple_text(v)),
    "tapir_addr": lambda v: Line(a.addr_text(v)),
    "tapir_sockaddr": lambda v: Line(a.endpoint_text(v["addr"], v["port"])),
    "tapir_mac": lambda v: Line(decode.mac(bytes(int(v["b"][i]) for i in range(6)))),
    "route": route, "tapir_route": static_route, "rt_entry": route_row, "neigh": neighbour, "timer": timer,
    "seq_range": lambda v: Line("[%d, %d)" % (a.u32(v["start"]), a.u32(v["end"]))),
}


def lookup(value):
    t = value.type.strip_typedefs()
    if t.code != gdb.TYPE_CODE_STRUCT or t.tag not in PRINTERS:
        return None
    if value.is_optimized_out:
        return None
    try:
        return PRINTERS[t.tag](value)
    except (gdb.error, gdb.MemoryError, gdb.GdbError):
        return None  # gdb's own way then


lookup.name = "tapir"


def load():
    gdb.pretty_printers[:] = [p for p in gdb.pretty_printers if getattr(p, "name", None) != "tapir"]
    gdb.pretty_printers.insert(0, lookup)
