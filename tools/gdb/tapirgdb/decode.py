"""Packets as tcpdump would say them, one line each. Bytes in, text out; nothing of gdb here."""

TCP_FLAGS = [(0x02, "SYN"), (0x01, "FIN"), (0x04, "RST"), (0x08, "PSH"), (0x10, "ACK"), (0x20, "URG"),
             (0x40, "ECE"), (0x80, "CWR"), (0x100, "AE")]
DUMP_FLAGS = [(0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."), (0x20, "U"), (0x40, "E"),
              (0x80, "W"), (0x100, "e")]
ICMP = {0: "echo reply", 3: "unreachable", 4: "source quench", 5: "redirect", 8: "echo request",
        11: "time exceeded", 12: "parameter problem"}
UNREACHABLE = {0: "net", 1: "host", 2: "protocol", 3: "port", 4: "need to frag", 13: "admin prohibited"}


def be(b, at, n):
    return int.from_bytes(b[at:at + n], "big")


def ip4(b):
    return ".".join(str(x) for x in b[:4])


def mac(b):
    return ":".join("%02x" % x for x in b[:6])


def flag_names(flags):
    """"SYN,ACK": the control bits in the order in which RFC 9293 writes them."""
    return ",".join(name for bit, name in TCP_FLAGS if flags & bit) or "none"


def dump_flags(flags):
    return "[" + ("".join(c for bit, c in DUMP_FLAGS if flags & bit) or "none") + "]"


def options(b):
    """The options of a TCP header as a list of words."""
    out = []
    at = 0
    while at < len(b):
        kind = b[at]
        if kind == 0:
            out.append("eol")
            break
        if kind == 1:
            out.append("nop")
            at += 1
            continue
        size = b[at + 1] if at + 1 < len(b) else 0
        if size < 2 or at + size > len(b):
            out.append("malformed")
            break
        v = b[at + 2:at + size]
        if kind == 2 and len(v) == 2:
            out.append("mss %d" % be(v, 0, 2))
        elif kind == 3 and len(v) == 1:
            out.append("wscale %d" % v[0])
        elif kind == 4:
            out.append("sackOK")
        elif kind == 5 and len(v) % 8 == 0:
            out.append(("sack", [(be(v, i, 4), be(v, i + 4, 4)) for i in range(0, len(v), 8)]))
        elif kind == 8 and len(v) == 8:
            out.append("TS val %d ecr %d" % (be(v, 0, 4), be(v, 4, 4)))
        elif kind == 28 and len(v) == 2:
            out.append("uto %d%s" % (be(v, 0, 2) & 0x7fff, "min" if v[0] & 0x80 else "s"))
        elif kind == 34:
            out.append("tfo " + (v.hex() or "asked for"))
        else:
            out.append("opt-%d" % kind)
        at += size
    return out


def option_text(opts, base=0):
    """Joined, SACK blocks relative to `base`."""
    words = []
    for o in opts:
        if isinstance(o, tuple):
            words.append("sack %d " % len(o[1]) + "".join(
                "{%d:%d}" % ((a - base) & 0xffffffff, (b - base) & 0xffffffff) for a, b in o[1]))
        else:
            words.append(o)
    return ",".join(words)


def tcp(b, total):
    if len(b) < 20:
        return "TCP, header cut short"
    size = (b[12] >> 4) * 4
    flags = be(b, 12, 2) & 0xfff
    n = total - size
    seq = be(b, 4, 4)
    s = "Flags %s" % dump_flags(flags)
    if n > 0 or flags & 7:
        s += ", seq %d" % seq
    if n > 0:
        s += ":%d" % ((seq + n) & 0xffffffff)
    if flags & 0x10:
        s += ", ack %d" % be(b, 8, 4)
    s += ", win %d" % be(b, 14, 2)
    if flags & 0x20:
        s += ", urg %d" % be(b, 18, 2)
    if size > 20:
        s += ", options [%s]" % option_text(options(b[20:size]))
    return s + ", length %d" % n


def transport(b, proto, src, dst, total):
    if proto == 6 and len(b) >= 4:
        return "IP %s.%d > %s.%d: %s" % (src, be(b, 0, 2), dst, be(b, 2, 2), tcp(b, total))
    if proto == 17 and len(b) >= 8:
        return "IP %s.%d > %s.%d: UDP, length %d" % (src, be(b, 0, 2), dst, be(b, 2, 2), be(b, 4, 2) - 8)
    head = "IP %s > %s: " % (src, dst)
    if proto == 1 and len(b) >= 8:
        kind, code = b[0], b[1]
        if kind in (0, 8):
            return head + "ICMP %s, id %d, seq %d, length %d" % (ICMP[kind], be(b, 4, 2), be(b, 6, 2), total)
        s = head + "ICMP " + ICMP.get(kind, "type %d code %d" % (kind, code))
        if kind == 3:
            s = head + "ICMP %s unreachable" % UNREACHABLE.get(code, "code %d" % code)
            if code == 4:
                s += ", mtu %d" % be(b, 6, 2)
        return s + ", length %d" % total
    if proto == 2:
        return head + "IGMP, length %d" % total
    return head + "protocol %d, length %d" % (proto, total)


def ipv4(b):
    if len(b) < 20:
        return "IP, header cut short"
    size = (b[0] & 15) * 4
    total = be(b, 2, 2) or len(b)
    frag = be(b, 6, 2)
    src, dst = ip4(b[12:]), ip4(b[16:])
    if frag & 0x1fff:
        return "IP %s > %s: fragment at %d, protocol %d, length %d" % (
            src, dst, (frag & 0x1fff) * 8, b[9], total - size)
    s = transport(b[size:], b[9], src, dst, total - size)
    return s + (" (first fragment)" if frag & 0x2000 else "")


def ipv6(b):
    import ipaddress

    src, dst = (ipaddress.IPv6Address(bytes(b[at:at + 16])) for at in (8, 24))
    return "IP6 %s > %s: next header %d, length %d" % (src, dst, b[6], be(b, 4, 2))


def looks_like_ip6(b):
    return len(b) >= 40 and b[0] >> 4 == 6 and be(b, 4, 2) + 40 <= len(b)


def arp(b):
    if len(b) < 28:
        return "ARP, cut short"
    op, sender, target = be(b, 6, 2), ip4(b[14:]), ip4(b[24:])
    if op == 1:
        return "ARP, Request who-has %s tell %s, length %d" % (target, sender, len(b))
    if op == 2:
        return "ARP, Reply %s is-at %s, length %d" % (sender, mac(b[8:]), len(b))
    return "ARP, operation %d, length %d" % (op, len(b))


def looks_like_ip(b):
    return len(b) >= 20 and b[0] >> 4 == 4 and (b[0] & 15) >= 5 and 20 <= be(b, 2, 2) <= len(b)


def ether(b):
    kind = be(b, 12, 2)
    if kind == 0x0806:
        return arp(b[14:])
    if kind == 0x0800:
        return ipv4(b[14:])
    if kind == 0x86dd and looks_like_ip6(b[14:]):
        return ipv6(b[14:])
    return "%s > %s, ethertype 0x%04x, length %d" % (mac(b[6:]), mac(b), kind, len(b))


def looks_like_ether(b):
    return len(b) >= 14 and (be(b, 12, 2) == 0x0806 or be(b, 12, 2) == 0x0800 and looks_like_ip(b[14:]))


def packet(b):
    """Whatever begins at b[0]: an Ethernet frame, an IP packet, or ARP; None: nothing that is known."""
    if looks_like_ether(b):
        return ether(b)
    if looks_like_ip(b):
        return ipv4(b)
    if looks_like_ip6(b):
        return ipv6(b)
    if len(b) >= 28 and b[:6] == b"\x00\x01\x08\x00\x06\x04":
        return arp(b)
    return None
