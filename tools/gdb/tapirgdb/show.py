"""What `tapir conns`, `conn`, `timers`, `stats` and `drops` print."""

import gdb

from tapirgdb import access as a
from tapirgdb import decode

DRAWN = 64  # columns of a drawing
DEADLINE_TEXT = {  # enum tcp_deadline
    "REXMT": "retransmission", "PERSIST": "zero-window probe", "DELACK": "delayed ACK", "SWS": "small segment held back",
    "RTO": "retransmission", "RACK": "reordering is over", "REO": "reordering is over", "TLP": "tail loss probe",
    "PROBE": "tail loss probe", "PACE": "the next segment's turn", "SYN-ACK": "the SYN-ACK again", "KEEPALIVE": "keepalive",
}
TIMER_TEXT = {  # enum timer_kind
    "NEIGH": "neighbour", "ARP": "address announced", "REASS": "fragments", "PMTU": "path MTU", "IGMP": "group",
    "IGMP_IF": "general query",
}


# --- tables ---


def table(rows, right=()):
    """Rows of strings in columns; the first is the head."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    for r in rows:
        line = "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip()
        print(a.paint(line, "head") if r is rows[0] else line)


def who(stack):
    print(a.paint("%s, at %s" % (stack.name(), a.seconds(stack.now)), "state"))


def rexmt_name(act):
    """What the retransmission timer is for now: RTO, RACK's reordering, a tail probe."""
    if not a.has(act.dereference(), "timer_kind"):
        return "REXMT"
    return a.strip(a.optional_enum("tcp_timer_kind").get(int(act["timer_kind"]), "REXMT"), "TCP_TIMER_", "TCP_T_", "TCP_")


def deadlines(e):
    """[(ns, name)] of a connection, SYN or TIME-WAIT record, the next first."""
    out = []
    now = e.stack.now
    if e.kind == "TCP_EP_CONN":
        act = e.v["act"]
        if int(act):
            d = act["deadline_ns"]
            for i, name in sorted(a.enum("tcp_deadline").items()):
                if i < d.type.sizeof // 8 and int(d[i]) != a.NEVER:
                    out.append((int(d[i]), rexmt_name(act) if name == "TCP_D_REXMT" else a.strip(name, "TCP_D_")))
        if int(e.v["keep_ns"]) != a.NEVER:
            out.append((int(e.v["keep_ns"]), "KEEPALIVE"))
    elif e.kind == "TCP_EP_SYN":
        node = e.v["timer"]["node"]
        if int(node["prev"]):
            out.append((int(node["key"]), "SYN-ACK"))
    elif e.kind == "TCP_EP_TW":
        left = a.distance(e.v["expire_ms"], now // 1000000)
        out.append((now // 1000000 * 1000000 + left * 1000000, e.state))
    return sorted(out)


def queues(e):
    """Bytes to send or unacknowledged; bytes to be read."""
    if e.kind == "TCP_EP_LISTENER":
        return int(e.v["backlog"]), int(e.v["naccept"])
    if e.kind != "TCP_EP_CONN":
        return 0, 0
    act = e.v["act"]
    ready = a.distance(rcv_end(e), e.v["rcv_user"]) if int(act) else 0
    return int(act["snd"]["len"]) if int(act) else 0, max(0, ready)


def rcv_end(e):
    """One past the last byte that can be read: the FIN is none."""
    fin = "FIN_RCVD" in a.flag_words(e.v["flags"], "tcp_flag", "TCP_F_")
    return a.u32(e.v["rcv_nxt"]) - (1 if fin else 0)


def conns():
    shown = a.all_endpoints()
    for i, stack in enumerate(a.stacks()):
        if i:
            print()
        who(stack)
        mine = sorted((e for e in shown if e.stack.addr == stack.addr), key=lambda e: e.number)
        if not mine:
            print("no connection and no listener")
            continue
        rows = [["N", "state", "local", "remote", "send-q", "recv-q", "next timer"]]
        for e in mine:
            due = deadlines(e)
            send, recv = queues(e)
            rows.append([str(e.number), e.state + (" (half-open)" if e.kind == "TCP_EP_SYN" else ""), e.local, e.remote,
                         str(send), str(recv), "%s %s" % (due[0][1], a.to_go(due[0][0], stack.now)) if due else "-"])
        table(rows, right=(0, 4, 5))


# --- one connection ---


def scale(lo, hi):
    """A function from a sequence number to a column."""
    span = max(1, a.distance(hi, lo))
    return lambda seq: max(0, min(DRAWN, a.distance(seq, lo) * DRAWN // span))


def paint(line, col, start, end, letter):
    at, to = col(start), col(end)
    if a.distance(end, start) > 0:
        to = max(to, at + 1)
    for i in range(at, min(to, DRAWN)):
        line[i] = letter


def pairs(rows, indent="  "):
    """Two columns of (name, text), side by side."""
    left = max([len(l[1]) for l, _ in rows if l] + [0])
    for l, r in rows:
        s = "%s%-8s %-*s" % (indent, l[0] if l else "", max(left, 18), l[1] if l else "")
        if r:
            s += "    %-8s %s" % (r[0], r[1])
        print(s.rstrip())


def number(seq, base, name):
    """As rel(), or - where it was never set."""
    return a.rel(seq, base, name) if abs(a.distance(seq, base)) < 1 << 30 else "-"


def tcb(e, iss, irs):
    """The variables of RFC 9293 3.3.1, by its names."""
    v = e.v
    flags = a.flag_words(v["flags"], "tcp_flag", "TCP_F_")
    una, nxt = a.u32(v["snd_una"]), a.u32(v["snd_nxt"])
    edge = a.u32(v["rcv_nxt"]) + int(v["rcv_wnd"])
    unsent = max(0, a.distance(v["snd_max"], nxt))
    syn_only = irs is None
    pairs([
        (("SND.UNA", a.rel(una, iss, "ISS")), ("RCV.NXT", "-" if syn_only else a.rel(v["rcv_nxt"], irs, "IRS"))),
        (("SND.NXT", a.rel(nxt, iss, "ISS") + (" (SND.MAX %s)" % a.rel(v["snd_max"], iss, "ISS") if unsent else "")),
         ("RCV.WND", "%d%s" % (int(v["rcv_wnd"]), "" if syn_only else "  to %s" % a.rel(edge, irs, "IRS")))),
        (("SND.WND", "%d  to %s" % (int(v["snd_wnd"]), a.rel(una + int(v["snd_wnd"]), iss, "ISS"))),
         ("RCV.UP", a.rel(v["rcv_up"], irs, "IRS") if "URG_RCVD" in flags else "-")),
        (("SND.UP", a.rel(v["snd_up"], iss, "ISS") if "URG_SENT" in flags else "-"),
         ("IRS", "-" if syn_only else "%d" % irs)),
        (("SND.WL1", "-" if syn_only else number(v["snd_wl1"], irs, "IRS")), None),
        (("SND.WL2", number(v["snd_wl2"], iss, "ISS")), None),
        (("ISS", "%d" % iss), None),
    ])


def congestion(e):
    v = e.v
    cc, rtt, act = v["cc"], v["rtt"], v["act"]
    flags = a.flag_words(v["flags"], "tcp_flag", "TCP_F_")
    mss = max(1, int(v["mss"]) - (12 if "TS" in flags else 0))
    ss = int(cc["ssthresh"])
    ops = cc["ops"]
    words = ["cwnd %d (%s)" % (int(cc["cwnd"]), a.count(int(cc["cwnd"]) // mss, "segment")),
             "ssthresh %s" % ("infinite" if ss == 0xffffffff else ss)] if int(cc["cwnd"]) else ["none before the handshake is done"]
    if int(act):
        words.append("in flight %d" % int(act["in_flight"]))
        if int(act["lost_bytes"]):
            words.append("lost %d" % int(act["lost_bytes"]))
    if int(ops):
        words.append(ops["name"].string())
    for holder in (v, act.dereference() if int(act) else None):
        if holder is not None and a.has(holder, "ca_state"):
            words.append("ca_state " + a.name_in(holder["ca_state"], "tcp_ca_state", "TCP_CA_").capitalize())
    yield "window", ", ".join(words)
    yield from recovery(e, a.u32(v["iss"]))
    srtt = int(rtt["srtt_us"])
    words = ["SRTT %s, RTTVAR %s" % (a.micros(srtt), a.micros(int(rtt["var4_us"]) // 4)) if srtt else "no RTT sample yet",
             "RTO " + a.micros(int(rtt["rto_us"]) << int(v["backoff"]))]
    if srtt:
        words.append("least RTT " + a.micros(v["min_rtt_us"]))
    if int(v["backoff"]):
        words.append("backed off %d times" % int(v["backoff"]))
    yield "time", ", ".join(words)
    words = ["MSS %d (the peer's %d)" % (int(v["mss"]), int(v["peer_mss"]))]
    if "WS" in flags:
        words.append("window scale %d sent, %d heard" % (int(v["rcv_wscale"]), int(v["snd_wscale"])))
    words.append("%d in, %d out, %d again" % (int(v["segs_in"]), int(v["segs_out"]), int(v["total_retrans"])))
    yield "segments", ", ".join(words)
    yield "flags", " ".join(flags) or "none"
    due = deadlines(e)
    yield "timers", ", ".join("%s %s" % (n, a.to_go(at, e.stack.now)) for at, n in due) or "none"
    if int(v["err"]) or int(v["soft_err"]):
        yield "error", "SO_ERROR %d, from ICMP %d (errno)" % (int(v["err"]), int(v["soft_err"]))


def recovery(e, iss):
    """How a loss is being mended: only what there is to say."""
    v, act = e.v, e.v["act"]
    if not int(act):
        return []
    x = act.dereference()

    def n(holder, name):
        return int(holder[name]) if a.has(holder, name) else 0

    state = a.name_in(v["ca_state"], "tcp_ca_state", "TCP_CA_") if a.has(v, "ca_state") else "OPEN"
    words = []
    if state in ("RECOVERY", "LOSS", "CWR") and a.has(v, "recover"):
        words.append("until %s" % a.rel(v["recover"], iss, "ISS"))
    counts = [("SACKed", n(x, "segs_sacked")), ("lost", n(x, "segs_lost")), ("again", n(x, "segs_retrans"))]
    if any(k for _, k in counts):
        words.append("segments %d out, %s" % (n(x, "segs_out"), ", ".join("%d %s" % (k, w) for w, k in counts if k)))
    if state in ("RECOVERY", "CWR") and n(x, "prr_delivered"):
        words.append("PRR %d delivered, %d sent" % (n(x, "prr_delivered"), n(x, "prr_out")))
    if n(v, "reordering") > 3:
        words.append("reordering %d" % n(v, "reordering"))
    if n(v, "tlp_out"):
        words.append("a tail probe is out")
    if n(v, "undo_open"):
        words.append("may be undone")
    return [("recovery", ", ".join(words))] if words else []


def drawn(lo, hi, line, base, name, legend):
    left, right = a.rel(lo, base, name), a.rel(hi, base, name)
    print("    %s%s" % (left, right.rjust(DRAWN + 2 - len(left))))
    print("    |%s|" % "".join(line))
    used = [text for letter, text in legend if letter in line]
    if used:
        print("    " + ", ".join(used))


REC_LETTERS = [("L", "L lost"), ("s", "s SACKed"), ("r", "r in flight again"), ("f", "f in flight"), ("q", "q queued, not sent"),
               (".", ". window beyond")]


def rec_letter(r):
    flags = a.flag_words(r["flags"], "tcp_rec_flag", "TCP_REC_")
    if "SACKED" in flags:
        return "s"
    if "RETRANS" in flags:
        return "r"
    if "LOST" in flags:
        return "L"
    return "r" if int(r["times"]) > 1 else "f"


def send_side(e, iss):
    """The ring, and the records that partition [SND.UNA, SND.MAX)."""
    v, act = e.v, e.v["act"]
    if not int(act):
        return
    ring = act["snd"]
    recs = list(a.each(act["recs"], "struct tcp_rec", "seq_link"))
    una, top = a.u32(v["snd_una"]), a.u32(v["snd_max"])
    syn_acked = "SYN_ACKED" in a.flag_words(v["flags"], "tcp_flag", "TCP_F_")
    base = una if syn_acked else (iss + 1) & 0xffffffff
    end = (base + int(ring["len"])) & 0xffffffff
    edge = (una + int(v["snd_wnd"])) & 0xffffffff
    if not recs and not int(ring["len"]):
        return
    print()
    print("  to send: %d bytes in a ring of %d, %d of them sent" % (
        int(ring["len"]), int(ring["cap"]), max(0, min(int(ring["len"]), a.distance(top, base)))))
    hi = max((end, top), key=lambda s: a.distance(s, una))
    span = a.distance(hi, una)
    # The window beyond is drawn as far as it does not dwarf what there is.
    if 0 < a.distance(edge, hi) <= span:
        hi = edge
    col = scale(una, hi)
    line = [" "] * DRAWN
    paint(line, col, una, edge, ".")
    if a.distance(end, top) > 0:
        paint(line, col, top, end, "q")
    for r in recs:
        paint(line, col, a.u32(r["seq"]), a.u32(r["seq"]) + int(r["len"]), rec_letter(r))
    drawn(una, hi, line, iss, "ISS", REC_LETTERS)
    rows = [["record", "length", "what", "sent", "last"]]
    for r in recs[:20]:
        words = [w.lower() for w in a.flag_words(r["flags"], "tcp_rec_flag", "TCP_REC_")]
        words = [{"sacked": "SACKed", "syn": "SYN", "fin": "FIN"}.get(w, w) for w in words]
        if "retrans" in words:  # found lost, and sent again since
            words = ["in flight again"] + [w for w in words if w not in ("retrans", "lost")]
        elif "SACKed" not in words and "lost" not in words:
            words.insert(0, "in flight")
        rows.append([a.rel(r["seq"], iss, "ISS"), str(int(r["len"])), ", ".join(words), "%dx" % int(r["times"]),
                     a.seconds(e.stack.now - int(r["sent_ns"])) + " ago"])
    if recs:
        for r in rows:
            r[0] = "    " + r[0]
        table(rows, right=(1, 3))
    if len(recs) > 20:
        print("    ... and %d more" % (len(recs) - 20))


RCV_LETTERS = [("#", "# received, to be read"), ("o", "o out of order"), ("-", "- missing"), (".", ". window, empty")]


def receive_side(e, irs):
    """What the application has not read, what is out of order, and the window."""
    v, act = e.v, e.v["act"]
    if not int(act) or irs is None:
        return
    rcv, ooo = act["rcv"], act["ooo"]
    n = int(ooo["n"])
    user, nxt, end = a.u32(v["rcv_user"]), a.u32(v["rcv_nxt"]), rcv_end(e) & 0xffffffff
    if n == 0 and a.distance(end, user) <= 0:
        return
    ranges = [(a.u32(ooo["r"][i]["start"]), a.u32(ooo["r"][i]["end"])) for i in range(n)]
    page = a.constant("TCP_PAGE") or 4096
    print()
    print("  received: %d bytes to be read, %d out of order in %d range%s, %d pages of %d" % (
        max(0, a.distance(end, user)), sum((y - x) & 0xffffffff for x, y in ranges), n, "" if n == 1 else "s", int(rcv["npages_used"]), page))
    edge = (nxt + int(v["rcv_wnd"])) & 0xffffffff
    hi = ranges[-1][1] if ranges else nxt
    if 0 < a.distance(edge, hi) <= a.distance(hi, user):
        hi = edge
    col = scale(user, hi)
    line = [" "] * DRAWN
    paint(line, col, nxt, edge, ".")
    if ranges:
        paint(line, col, nxt, ranges[-1][1], "-")
    paint(line, col, user, end, "#")
    for x, y in ranges:
        paint(line, col, x, y, "o")
    drawn(user, hi, line, irs, "IRS", RCV_LETTERS)
    for i, (x, y) in enumerate(ranges[:16]):
        print("    %s to %s, %d bytes%s" % (a.rel(x, irs, "IRS"), a.rel(y, irs, "IRS"), (y - x) & 0xffffffff,
                                           ", the newest" if int(ooo["r"][i]["stamp"]) == int(ooo["clock"]) else ""))


def conn(e):
    e.number  # given before it is shown
    iss, irs = e.isns()
    place = e.stack.label or ""
    print(a.paint(e.title(), "state") + "   (%s(struct %s *) 0x%x)" % (place + ", " if place else "", a.KINDS.get(e.kind, "tcp_ep"), e.addr))
    print()
    if e.kind == "TCP_EP_LISTENER":
        print("  to accept  %d of at most %d" % (int(e.v["naccept"]), int(e.v["backlog"]) + 1))
        print("  half-open  %d" % int(e.v["nsyn"]))
        return
    if e.kind == "TCP_EP_SYN":
        p = e.v["p"]
        pairs([(("ISS", str(iss)), ("IRS", str(irs))),
               (("SND.WND", str(int(p["snd_wnd"]))), ("RCV.WND", str(int(p["rcv_wnd"]))))])
        print("  a half-open record: SYN-ACK sent again %d times, the peer's MSS %d" % (int(e.v["retries"]), int(p["peer_mss"])))
        print("  timers   " + (", ".join("%s %s" % (n, a.to_go(at, e.stack.now)) for at, n in deadlines(e)) or "none"))
        return
    if e.kind == "TCP_EP_TW":
        pairs([(("SND.NXT", a.rel(e.v["snd_nxt"], iss, "ISS")), ("RCV.NXT", a.rel(e.v["rcv_nxt"], irs, "IRS")))])
        print("  a record of %d bytes stands for the connection" % int(e.v.type.sizeof))
        print("  timers   ends " + a.to_go(deadlines(e)[0][0], e.stack.now))
        return
    if iss is None:
        print("  no sequence number yet: not opened")
        print("  flags    " + (" ".join(a.flag_words(e.v["flags"], "tcp_flag", "TCP_F_")) or "none"))
        return
    tcb(e, iss, irs)
    print()
    for name, text in congestion(e):
        print("  %-8s %s" % (name, text))
    send_side(e, iss)
    receive_side(e, irs)


# --- timers ---


def heap(root):
    """All nodes of a pairing heap."""
    todo = [root]
    seen = 0
    while todo and seen < a.SHOWN:
        node = todo.pop()
        while int(node):
            seen += 1
            yield node
            if int(node["child"]):
                todo.append(node["child"])
            node = node["next"]


def owner(stack, tm, kind):
    """Whose timer, and what for."""
    if kind == "TCP_CONN":
        e = a.Endpoint(stack, a.container(tm, "struct tcp_conn", "timer")["ep"])
    elif kind == "TCP_SYN":
        e = a.Endpoint(stack, a.container(tm, "struct tcp_syn_ent", "timer")["ep"])
    elif kind == "ARP":
        return a.ip4_text(a.container(tm, "struct ifaddr", "arp_timer")["ip4"]), TIMER_TEXT[kind]
    else:
        return "-", TIMER_TEXT.get(kind, kind.lower().replace("_", " "))
    return "%d  %s > %s" % (e.number, e.local, e.remote), e


def timers():
    for i, stack in enumerate(a.stacks()):
        if i:
            print()
        who(stack)
        rows = []
        kinds = a.enum("timer_kind")
        for node in heap(stack.t["timers"]["heap"]["root"]):
            tm = a.container(int(node), "struct timer", "node")
            kind = a.strip(kinds.get(int(tm["kind"]), "?"), "TIMER_")
            if kind == "TCP_TW":
                rows += [(when, 0, a.to_go(when, stack.now), n, "the record ends", "%d  %s > %s" % (e.number, e.local, e.remote))
                         for e in a.endpoints(stack) if e.kind == "TCP_EP_TW" for when, n in deadlines(e)]
                continue
            name, what = owner(stack, int(tm.address), kind)
            at, order = int(node["key"]), int(node["order"])
            if isinstance(what, a.Endpoint):
                due = deadlines(what)
                for when, n in due:
                    rows.append((max(when, 0), order, a.to_go(when, stack.now), n, DEADLINE_TEXT.get(n, n.lower()), name))
                if not any(when <= at for when, n in due):
                    rows.append((at, order, a.to_go(at, stack.now), "-", "its deadline has moved on: looks again", name))
            else:
                rows.append((at, order, a.to_go(at, stack.now), kind, what, name))
        if not rows:
            print("no timer runs")
            continue
        table([["to go", "timer", "what for", "whose"]] + [list(r[2:]) for r in sorted(rows)])


# --- counters ---


def named_counts(values, enum_name, prefix):
    for i, name in sorted(a.enum(enum_name).items()):
        if i < values.type.sizeof // 8 and int(values[i]):
            yield a.strip(name, prefix), int(values[i])


def stats():
    for i, stack in enumerate(a.stacks()):
        if i:
            print()
        who(stack)
        for name, n in named_counts(stack.t["stats"]["n"], "tapir_stat", "STAT_"):
            print("%12d  %s" % (n, name.replace("_", " ", 1)))


def drops():
    for i, stack in enumerate(a.stacks()):
        if i:
            print()
        who(stack)
        none = True
        for name, n in named_counts(stack.t["stats"]["drop"], "drop_reason", "DROP_"):
            print("%12d  %s" % (n, name))
            none = False
        if none:
            print("no packet was dropped")


# --- the network below ---


def routes():
    for i, stack in enumerate(a.stacks()):
        if i:
            print()
        who(stack)
        t = stack.t
        rows = [["interface", "state", "MTU", "addresses", "received", "sent", "to send"]]
        for k in range(1, int(t["netif_top"]) + 1):
            ifp = t["netif"][k]
            if int(ifp):
                rows.append(["%d %s" % (k, ifp["conf"]["name"].string()), "up" if int(ifp["up"]) else "down", str(int(ifp["conf"]["mtu"])),
                             " ".join("%s/%d" % (a.ip4_text(x["ip4"]), int(x["prefix_len"]))
                                      for x in (ifp["addr"][n] for n in range(int(ifp["naddr"])))) or "-",
                             str(int(ifp["rx_packets"])), str(int(ifp["tx_packets"])), str(int(ifp["txq"]["n"]))])
        table(rows, right=(2, 4, 5, 6))
        rt = t["ip"].dereference()["route"].dereference()
        kinds = a.optional_enum("rt_kind")
        rows = [["route", "by", "interface", "metric", "kind"]]
        for k in range(int(rt["n"])):
            e = rt["e"][k]
            rows.append(["%s/%d" % (a.ip4_text(e["dst"]), int(e["len"])), a.ip4_text(e["gw"]) if int(e["gw"]) else "on link",
                         str(int(e["ifindex"])), str(int(e["metric"])), a.strip(kinds.get(int(e["kind"]), "?"), "RT_").lower()])
        print()
        table(rows, right=(3,))


def neighbours():
    for i, stack in enumerate(a.stacks()):
        if i:
            print()
        who(stack)
        names = a.enum("tapir_neigh_state")
        rows = [["neighbour", "MAC", "interface", "state", "next", "held"]]
        classes = stack.t["neigh"].dereference()["class"]
        for k in range(classes.type.sizeof // classes[0].type.sizeof):
            for n in a.each(classes[k], "struct neigh", "link"):
                mac = bytes(int(n["mac"]["b"][x]) for x in range(6))
                tm = n["timer"]["node"]
                rows.append([a.ip4_text(n["ip4"]), decode.mac(mac) if any(mac) else "-", str(int(n["ifp"]["ifindex"])),
                             a.strip(names.get(int(n["state"]), "?"), "TAPIR_NEIGH_"),
                             a.to_go(tm["key"], stack.now) if int(tm["prev"]) else "-", str(int(n["held"]["n"]))])
        if len(rows) == 1:
            print("no neighbour is known")
        else:
            table(rows, right=(5,))


def conf(word):
    """Settings by their names: those that differ from their defaults, or those that have the word in their name."""
    items = gdb.parse_and_eval("'conf.c'::items")
    for i, stack in enumerate(a.stacks()):
        if i:
            print()
        who(stack)
        values = stack.t["conf"]
        names = a.fields(values)
        rows = [["setting", "value", "default", ""]]
        for k in range(items.type.sizeof // items[0].type.sizeof):
            item, v = items[k], int(values[names[k]])
            name = item["name"].string()
            if word and word not in name or not word and v == int(item["def"]):
                continue
            # The index of one that has several values, as sysctl writes them one after another.
            alone = sum(1 for j in (k - 1, k + 1) if 0 <= j < items.type.sizeof // items[0].type.sizeof and
                        items[j]["name"].string() == name) == 0
            rows.append([name if alone else "%s [%d]" % (name, int(item["index"])), str(v), str(int(item["def"])),
                         item["doc"].string().split(" (")[0][:60]])
        if len(rows) == 1:
            print("no setting has '%s' in its name" % word if word else "all settings are at their defaults")
        else:
            table(rows, right=(1, 2))
