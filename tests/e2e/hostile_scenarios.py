"""What hostile_dns.py does, by name: a table of scenarios, in which every line says what a resolver is to make of it.

The status is the word for how a resolver's lookup ends when this is the only server: answer, nodata, nxdomain, servfail,
refused, formerr, notimp, rcode (another one), timeout, unreachable, loop, badreply (nothing that is DNS came); alternatives stand with | between.
Where the status is `answer` it is the good one: the forged address must never be seen. Most scenarios send their
rubbish and then, behind it, the good answer: rubbish has to be passed over, and who waits on is served.
"""
import random
import struct

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

GOOD = "192.0.2.80"
GOOD6 = "2001:db8::80"
FORGED = "203.0.113.66"
ZONE = "hostile.test."

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME, OPT = 1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41
DS, RRSIG, NSEC, DNSKEY, SVCB, HTTPS, ANY, CAA = 43, 46, 47, 48, 64, 65, 255, 257
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
COOKIE, KEEPALIVE, PADDING, EDE, NSID = 10, 11, 12, 15, 3
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS, BADCOOKIE = 1, 2, 3, 4, 5, 16, 23
AT_QUESTION = b"\xc0\x0c"  # the name of the question, pointed to


# Nobody forges within a connection: what answers the question there and is malformed came from the server, which is given up for
# it. What answers no question of ours is passed over there too.
BROKEN = "badreply"

# Bytes


def name(text):
    """A name as text, in wire form without compression."""
    return dns.name.from_text(text).to_wire()


def labels(*parts):
    """A name from labels of any bytes."""
    return b"".join(bytes([len(p)]) + p for p in parts) + b"\0"


def rdata(kind, text):
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.RdataType.make(kind), text).to_wire()


def addr(text):
    return bytes(int(x) for x in text.split("."))


def rr(kind, data, owner=AT_QUESTION, ttl=300, cls=1, rdlen=None):
    return owner + struct.pack("!HHIH", kind, cls, ttl, len(data) if rdlen is None else rdlen) + data


def a(text=GOOD, **more):
    return rr(A, addr(text), **more)


def forged(q=None, **more):
    if q is None or q.qtype == A:
        return a(FORGED, **more)
    if q.qtype == AAAA:
        return rr(AAAA, b"\x20\x01\x0d\xb8" + b"\x66" * 12, **more)
    return rr(q.qtype, FORGED_RDATA.get(q.qtype, b"\0" * 8), **more)


FORGED_RDATA = {
    TXT: b"\x06forged",
    MX: b"\0\0" + name("forged.test"),
    PTR: name("forged.test"),
    CNAME: name("forged.test"),
    NS: name("forged.test"),
    SRV: b"\0" * 6 + name("forged.test"),
}


def soa(owner=None, ttl=300, minimum=60, mname="ns." + ZONE):
    owner = name(ZONE) if owner is None else owner
    return rr(SOA, name(mname) + name("hostmaster." + ZONE) + struct.pack("!5I", 1, 7200, 3600, 86400, minimum), owner=owner, ttl=ttl)


def option(code, data, length=None):
    return struct.pack("!HH", code, len(data) if length is None else length) + data


def opt(options=b"", size=1232, rcode=0, version=0, flags=0, owner=b"\0", rdlen=None):
    ttl = (rcode >> 4) << 24 | version << 16 | flags
    return owner + struct.pack("!HHIH", OPT, size, ttl, len(options) if rdlen is None else rdlen) + options


def ede(code, text=b""):
    return option(EDE, struct.pack("!H", code) + text)


class Query:
    """What was asked. ValueError if it can't be read."""

    def __init__(self, data, transport):
        self.data = data
        self.tcp = transport == "tcp"
        self.id, self.flags, qd, _, _, ar = struct.unpack_from("!6H", data)
        if self.flags & QR or qd != 1:
            raise ValueError("no query")
        at, parts = 12, []
        while data[at]:
            if data[at] > 63:
                raise ValueError("compressed")
            parts.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        self.labels = parts
        self.qname = data[12 : at + 1]
        self.qtype, self.qclass = struct.unpack_from("!HH", data, at + 1)
        self.question = data[12 : at + 5]
        self.key = (self.qname.lower(), self.qtype)
        self.scenario = parts[0].decode("latin-1").lower() if parts else ""
        self.opt, self.options, self.dnssec = False, {}, False
        at += 5
        for _ in range(ar):
            if data[at] == 0 and struct.unpack_from("!H", data, at + 1)[0] == OPT:
                self.opt = True
                self.dnssec = bool(struct.unpack_from("!I", data, at + 5)[0] & 0x8000)
                end = at + 11 + struct.unpack_from("!H", data, at + 9)[0]
                at += 11
                while at < end:
                    code, n = struct.unpack_from("!HH", data, at)
                    self.options[code] = data[at + 4 : at + 4 + n]
                    at += 4 + n
            else:
                break
        self.cookie = self.options.get(COOKIE, b"")[:8]
        self.server_cookie = self.options.get(COOKIE, b"")[8:]
        self.nth = self.total = 1
        self.side_by_side = self.scenario == "out-of-order"

    def our_cookie(self):
        return b"hostile!"


AUTO = object()


def reply(q, an=(), ns=(), ar=(), rcode=0, flags=QR | RA, id=None, question=None, counts=None, edns=AUTO, cookie=AUTO, tail=b"", opcode=0):
    """A reply to q, right in every way that the arguments don't say. `counts` are the four to lie with, None for a true one."""
    an, ns, ar = list(an), list(ns), list(ar)
    if edns is AUTO:
        edns = q.opt
    if edns is True:
        options = b""
        if q.cookie and cookie is not None:
            options = option(COOKIE, q.cookie + q.our_cookie() if cookie is AUTO else cookie)
        ar.append(opt(options, rcode=rcode))
    elif edns:
        ar.append(edns)
    true = [1, len(an), len(ns), len(ar)]
    if question is not None and question == b"":
        true[0] = 0
    said = [t if s is None else s for t, s in zip(true, counts or [None] * 4)]
    head = struct.pack("!6H", q.id if id is None else id & 0xFFFF, flags | (q.flags & RD) | opcode << 11 | rcode & 15, *said)
    return head + (q.question if question is None else question) + b"".join(an + ns + ar) + tail


GOOD_RDATA = {
    A: [GOOD],
    AAAA: [GOOD6],
    TXT: ['"good"'],
    MX: ["10 mail." + ZONE],
    NS: ["ns." + ZONE],
    PTR: ["good." + ZONE],
    SRV: ["1 2 3 srv." + ZONE],
    CAA: ['0 issue "good.test"'],
}


def good_rrs(q, **more):
    if q.qtype == SOA:
        return [soa(owner=AT_QUESTION)]
    return [rr(q.qtype, rdata(q.qtype, text), **more) for text in GOOD_RDATA.get(q.qtype, [])]


def good(q, **more):
    rrs = good_rrs(q)
    return reply(q, an=rrs, ns=[] if rrs else [soa()], **more)


# The table


class Scenario:
    def __init__(self, name, status, sentence, steps, options="", seconds=1, dig=None, ids="", listed=True):
        self.name, self.status, self.sentence, self.steps = name, status, sentence, steps
        self.options, self.seconds, self.ids, self.listed, self.group = options, seconds, ids, listed, GROUP[0]
        words = {"answer": "NOERROR", "nodata": "NOERROR", "loop": "NOERROR", "timeout": "none", "unreachable": "none", "badreply": "none"}
        self.dig = dig or "|".join(sorted({words.get(w, w.upper()) for w in status.split("|")}))


ALL = {}
GROUP = ["works"]


def group(name):
    """The scenarios from here on are of that group."""
    GROUP[0] = name



def scenario(name, status, sentence, **more):
    def register(f):
        assert name not in ALL and "\t" not in sentence and len(name) < 64, name
        ALL[name] = Scenario(name, status, sentence, f, **more)
        return f

    return register


def sends(steps):
    """Bytes among steps are there to be sent."""
    for step in steps:
        yield ("send", step) if isinstance(step, bytes) else step


def run(q):
    s = ALL.get(q.scenario)
    return sends(s.steps(q)) if s else iter([("send", good(q))])


def junk(name, sentence, tcp="answer", **more):
    """Rubbish, then what is good. Over TCP too, the first time that it is asked; how it ends then is `tcp`, "" if there is no such scenario."""

    def register(f):
        def over_udp(q):
            if not q.tcp:
                yield from f(q)
                yield ("wait", 0.003)
            yield good(q)

        def over_tcp(q):
            if q.tcp and q.nth == 1:
                yield from f(q)
                yield ("wait", 0.003)
            yield good(q)

        scenario(name, "answer", sentence, **more)(over_udp)
        if tcp:
            options = (more.pop("options", "") + " +tcp").strip()
            scenario("tcp-" + name, tcp, sentence[:-1] + ", over TCP.", options=options, **more)(over_tcp)
        return f

    return register


def only(name, status, sentence, **more):
    """The same to every query, over each transport."""
    return scenario(name, status, sentence, **more)


@scenario("ready", "answer", "The good answer, for who waits for the server.", listed=False)
def _(q):
    yield good(q)


@scenario("good", "answer", "The good answer: the server can be believed to work.")
def _(q):
    yield good(q)


# 1. Replies that are not to this query (RFC 5452 9.1)
group("forged")


@junk("wrong-id", "The reply has another ID.", ids="D5452-3")
def _(q):
    yield reply(q, [forged(q)], id=q.id ^ 0x5555)


@junk("wrong-id-by-one", "The replies have the IDs before and after.", ids="D5452-3")
def _(q):
    yield reply(q, [forged(q)], id=q.id + 1)
    yield reply(q, [forged(q)], id=q.id - 1)


@junk("wrong-id-swapped", "The reply's ID has its octets swapped.", ids="D5452-3")
def _(q):
    swapped = (q.id >> 8 | q.id << 8) & 0xFFFF
    yield reply(q, [forged(q)], id=swapped if swapped != q.id else q.id ^ 1)


@junk("wrong-id-zero", "The reply's ID is 0.", ids="D5452-3")
def _(q):
    if q.id:
        yield reply(q, [forged(q)], id=0)


@junk("wrong-id-flood", "A thousand forged replies with other IDs come first.", tcp="", ids="D5452-10 DN-01")
def _(q):
    for i in range(1, 1001):
        yield reply(q, [forged(q)], id=q.id + i)


@junk("wrong-id-few", "Nine forged replies with other IDs come first.", ids="D5452-3")
def _(q):
    for i in range(1, 10):
        yield reply(q, [forged(q)], id=q.id + i * 7)


@only("wrong-id-only", "timeout", "Nothing but replies with another ID, over UDP and TCP.", seconds=3, ids="D1035-16")
def _(q):
    yield reply(q, [forged(q)], id=q.id ^ 1)


@junk("wrong-port", "The reply comes from port 54.", tcp="", ids="D5452-1")
def _(q):
    yield ("send", reply(q, [forged(q)]), {"sport": 54})


@junk("wrong-port-mdns", "The reply comes from port 5353.", tcp="", ids="D5452-1")
def _(q):
    yield ("send", reply(q, [forged(q)]), {"sport": 5353})


@junk("wrong-source", "The reply comes from another address.", tcp="", ids="D5452-1 D2181-1")
def _(q):
    yield ("send", reply(q, [forged(q)]), {"source": "other"})


@junk("wrong-source-and-port", "The reply comes from another address and port.", tcp="", ids="D5452-1")
def _(q):
    yield ("send", reply(q, [forged(q)]), {"source": "other", "sport": 54})


@only("wrong-source-only", "timeout", "Nothing over UDP but replies from another address; TCP is good.", seconds=3, dig="none", ids="D2181-1")
def _(q):
    yield good(q) if q.tcp else ("send", reply(q, [forged(q)]), {"source": "other"})


@junk("wrong-destination-port", "Replies go to the ports beside the query's.", tcp="", ids="D5452-2")
def _(q):
    for d in (-2, -1, 1, 2):
        yield ("send", reply(q, [forged(q)]), {"dport": lambda p, d=d: max(1, min(65535, p + d))})


def question_of(q, qname=None, qtype=None, qclass=None):
    return (q.qname if qname is None else qname) + struct.pack("!HH", qtype or q.qtype, qclass or q.qclass)


WRONG_QUESTIONS = [
    ("name", "is of another name", lambda q: question_of(q, name("other." + ZONE))),
    ("parent", "is of the name without its first label", lambda q: question_of(q, q.qname[1 + q.qname[0] :])),
    ("child", "is of a name below", lambda q: question_of(q, b"\x03sub" + q.qname)),
    ("root", "is of the root", lambda q: question_of(q, b"\0")),
    ("last-letter", "differs in the last letter", lambda q: question_of(q, q.qname[:-2] + b"s\0")),
    ("first-letter", "differs in the first letter", lambda q: question_of(q, q.qname[:1] + b"x" + q.qname[2:])),
    ("dot", "has a dot within a label where a label ended", lambda q: question_of(q, dotted(q))),
    ("type", "is of another type", lambda q: question_of(q, qtype=TXT if q.qtype != TXT else A)),
    ("type-any", "is of type ANY", lambda q: question_of(q, qtype=ANY)),
    ("class-ch", "is of class CH", lambda q: question_of(q, qclass=3)),
    ("class-any", "is of class ANY", lambda q: question_of(q, qclass=255)),
    ("class-mdns", "has the top bit of the class set, as mDNS", lambda q: question_of(q, qclass=0x8001)),
]


def dotted(q):
    first, second = q.labels[0], q.labels[1]
    joined = (first + b"." + second)[:63]
    return bytes([len(joined)]) + joined + labels(*q.labels[2:])


def wrong_question(which, words, make):
    @junk("wrong-question-" + which, "The reply's question %s." % words, ids="D5452-4 DN-18" if which == "name" else "D5452-4")
    def _(q):
        # The owner is written out, so that it is right.
        yield reply(q, [forged(q, owner=q.qname)], question=make(q))


for _which, _words, _make in WRONG_QUESTIONS:
    wrong_question(_which, _words, _make)


@junk("question-none", "The reply has no question but an answer.", ids="D1035-8")
def _(q):
    yield reply(q, [forged(q, owner=q.qname)], question=b"")


@junk("question-twice", "The reply has the question twice.", ids="D1035-8")
def _(q):
    yield reply(q, [forged(q)], question=q.question * 2, counts=[2, None, None, None])


@junk("question-two", "The reply has the question and another one.", ids="D1035-8")
def _(q):
    yield reply(q, [forged(q)], question=q.question + question_of(q, name("other.test")), counts=[2, None, None, None])


@junk("question-two-other-first", "The reply has another question before ours.", ids="D1035-8")
def _(q):
    yield reply(q, [forged(q)], question=question_of(q, name("other.test")) + q.question, counts=[2, None, None, None])


@junk("question-pointer", "The question's name is a pointer to itself.", ids="D9267-1 AM33-23")
def _(q):
    yield reply(q, [forged(q, owner=q.qname)], question=question_of(q, b"\xc0\x0c"))


@junk("question-pointer-forward", "The question's name is a pointer to the answer's owner.", ids="D1035-9")
def _(q):
    yield reply(q, [forged(q, owner=q.qname)], question=question_of(q, b"\xc0\x12"))


@junk("case-lower", "The question comes back in small letters.", tcp="", ids="D0x20-1")
def _(q):
    if q.question != question_of(q, q.qname.lower()):
        yield reply(q, [forged(q)], question=question_of(q, q.qname.lower()))


@junk("case-upper", "The question comes back in capitals.", tcp="", ids="D0x20-1")
def _(q):
    yield reply(q, [forged(q)], question=question_of(q, labels(*[p.upper() for p in q.labels])))


@junk("case-one", "One letter of the question comes back in the other case.", tcp="", ids="D0x20-1")
def _(q):
    yield reply(q, [forged(q)], question=question_of(q, q.qname[:1] + q.qname[1:2].swapcase() + q.qname[2:]))


@only("case-lost", "answer", "The server always writes the question in small letters: it is learnt, or TCP is used.", seconds=3, ids="D0x20-1")
def _(q):
    yield reply(q, good_rrs(q), question=question_of(q, q.qname.lower()))


@only("case-of-owner", "answer", "The answer's owner is in another case than the question.", ids="D0x20-2 D4343-1")
def _(q):
    yield reply(q, good_rrs(q, owner=q.qname.swapcase() if q.qname.swapcase()[:1] == q.qname[:1] else q.qname))


@junk("qr-zero", "The reply says that it is a query.", ids="DN-22")
def _(q):
    yield reply(q, [forged(q)], flags=RA)


@junk("echo", "The query itself comes back.", ids="DN-22")
def _(q):
    yield q.data


for _op, _word in ((1, "IQUERY"), (2, "STATUS"), (4, "NOTIFY"), (5, "UPDATE"), (15, "15")):

    @junk("opcode-%d" % _op, "The reply's operation is %s." % _word, ids="D5452-4")
    def _(q, op=_op):
        yield reply(q, [forged(q)], opcode=op)


@only("flags-all", "answer", "AA, AD, CD and the reserved bit are all set.", ids="D1123-3")
def _(q):
    yield reply(q, good_rrs(q), flags=QR | AA | RA | Z | AD | CD)


@only("duplicate", "answer", "The good answer comes five times.", ids="D1035-16")
def _(q):
    for _ in range(1 if q.tcp else 5):
        yield good(q)


@only("late", "answer", "The answer comes after 0.6 s.", ids="D1035-16")
def _(q):
    yield ("wait", 0.6)
    yield good(q)


@only("late-first", "answer", "The answer to the first query comes when the second has been asked, before its own.", options="+tries=3", seconds=4, ids="D1035-16")
def _(q):
    if q.nth == 1:
        yield ("wait", 1.2)
    yield good(q)


@only("too-late", "timeout", "Answers come 1.5 s late: each to a query that is over.", seconds=3, dig="none", ids="D1035-16")
def _(q):
    yield ("wait", 1.5)
    yield good(q)


@only("second-try", "answer", "The first query is lost.", options="+tries=3", seconds=4, ids="D1035-15")
def _(q):
    if q.total > 1:
        yield good(q)


# 2. Octets that are no message
group("junk")


def raw_junk(which, words, make, **more):
    @junk("junk-" + which, "First comes %s." % words, tcp=BROKEN if which.startswith(("prefixes", "trailing")) else "answer", **more)
    def _(q):
        for b in make(q):
            yield b


RUBBISH = [
    ("empty", "an empty datagram", lambda q: [b""], "DN-14"),
    ("one-octet", "a datagram of one octet", lambda q: [b"\0"], "DN-14"),
    ("id-alone", "the right ID alone", lambda q: [struct.pack("!H", q.id)], "D9267-5"),
    ("eleven", "a header without its last octet", lambda q: [reply(q)[:11]], "D9267-5"),
    ("header", "a header of which all counts are 0", lambda q: [struct.pack("!6H", q.id, QR | RD | RA, 0, 0, 0, 0)], "D9267-5"),
    ("header-lies", "a bare header with greatest counts", lambda q: [struct.pack("!6H", q.id, QR | RD | RA, 65535, 65535, 65535, 65535)], "IH-03"),
    ("header-answers", "a bare header that promises an answer", lambda q: [struct.pack("!6H", q.id, QR | RD | RA, 0, 1, 0, 0)], "NW-06"),
    ("zeros", "512 zero octets behind the ID", lambda q: [struct.pack("!H", q.id) + b"\0" * 510], ""),
    ("ones", "512 octets of all ones behind the ID", lambda q: [struct.pack("!H", q.id) + b"\xff" * 510], "NW-03"),
    ("random", "eight datagrams of noise behind the ID", lambda q: noise(q, 8), ""),
    ("prefixes", "a forged answer cut at eight places", lambda q: prefixes(q, 8), "D9267-4"),
    ("framed", "a reply with TCP's length in front", lambda q: [struct.pack("!H", len(reply(q))) + reply(q, [forged(q)])], ""),
    ("http", "a response of HTTP", lambda q: [b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"], ""),
    ("trailing-octet", "a forged answer with an octet behind it", lambda q: [reply(q, [forged(q)], tail=b"\0")], "D9267-5"),
    ("trailing", "a forged answer with a hundred octets behind it", lambda q: [reply(q, [forged(q)], tail=b"x" * 100)], "D9267-5"),
]


def noise(q, n):
    r = random.Random(q.id)
    return [struct.pack("!HH", q.id, QR | RD | RA) + bytes(r.randrange(256) for _ in range(r.randrange(8, 200))) for _ in range(n)]


def prefixes(q, n):
    whole = reply(q, [forged(q)])
    return [whole[: 12 + (len(whole) - 13) * i // n] for i in range(n)]


for _which, _words, _make, _ids in RUBBISH:
    raw_junk(_which, _words, _make, ids=_ids)


@junk("junk-large", "First comes a forged answer in a datagram of 1472 octets, more than asked for.", tcp="", ids="D6891-4")
def _(q):
    yield reply(q, [forged(q)], edns=False, tail=b"\0" * 1300)


# 3. Malformed messages: every one of them carries a forged answer
group("names")


def malformed(which, words, make, ids="", **more):
    """make(q) gives the records of the answer section, the first of which is no good."""

    @junk("bad-" + which, words, tcp=BROKEN, ids=ids, **more)
    def _(q):
        yield reply(q, [forged(q)] + make(q))


def at_answer(q):
    """Where the second record of the answer begins when forged(q) is the first."""
    return 12 + len(q.question) + len(forged(q))


def pointer(to):
    return struct.pack("!H", 0xC000 | to & 0x3FFF)


def loop_of(q, n):
    """An owner that is one of n pointers, each to the next and the last to the first."""
    base = at_answer(q)
    return b"".join(pointer(base + 2 * ((i + 1) % n)) for i in range(n))


BAD_NAMES = [
    ("pointer-self", "An owner is a pointer to itself.", lambda q: pointer(at_answer(q)), "D9267-1 AM33-23 NW-09"),
    ("pointer-pair", "Two pointers point at one another.", lambda q: loop_of(q, 2), "D1035-11 AM33-23"),
    ("pointer-ring", "Ten pointers make a ring.", lambda q: loop_of(q, 10), "D1035-11 DN-23"),
    ("pointer-forward", "An owner points forward.", lambda q: pointer(at_answer(q) + 12), "D1035-9"),
    ("pointer-end", "An owner points just past the message.", lambda q: pointer(at_answer(q) + 16), "IH-02 NW-07"),
    ("pointer-past", "An owner points far past the message.", lambda q: pointer(0x3FFF), "NW-07 NW-04"),
    ("pointer-header", "An owner points into the header.", lambda q: pointer(0), "D1035-9"),
    ("pointer-counts", "An owner points at the header's counts.", lambda q: pointer(4), "D1035-9"),
    ("pointer-mid-label", "An owner points into the middle of a label, whose letter is then a length.", lambda q: pointer(14), "D9267-1"),
    ("label-then-loop", "A label is followed by a pointer to itself.", lambda q: b"\x03abc" + pointer(at_answer(q)), "D9267-1 NW-02"),
    ("label-type-01", "A label is of type 01.", lambda q: b"\x41abc\0", "D1035-10 AM33-31"),
    ("label-type-10", "A label is of type 10.", lambda q: b"\x81abc\0", "D1035-10 AM33-31"),
    ("label-extended", "A label is of the bit string kind.", lambda q: b"\x41\x08\xff\0", "D1035-10"),
    ("label-64", "A label says 64 octets.", lambda q: b"\x40" + b"a" * 64 + b"\0", "AM33-31"),
    ("label-past-end", "A label is longer than the message.", lambda q: b"\x3fabc", "FR-14 AM33-20"),
    ("name-256", "A name has 256 octets.", lambda q: labels(*[b"a" * 63] * 3, b"b" * 62), "D1034-1 AM33-32"),
    ("name-320", "A name has five labels of 63.", lambda q: labels(*[b"a" * 63] * 5), "NW-03 FR-04"),
    ("name-3000", "A name has 3000 octets.", lambda q: labels(*[b"a"] * 1500), "NW-03 FR-04"),
    ("name-expands", "A name is too long with what it points to.", lambda q: labels(*[b"a" * 63] * 3)[:-1] + b"\x3d" + b"c" * 61 + AT_QUESTION, "NW-02 AM33-32"),
]
for _which, _words, _make, _ids in BAD_NAMES:
    malformed("owner-" + _which, _words, lambda q, m=_make: [rr(A, addr(FORGED), owner=m(q))], _ids)
    # The same as a name within RDATA: its place is ten octets behind a pointer of an owner.
for _which, _make in (
    ("pointer-self", lambda q, at: pointer(at)),
    ("pointer-past", lambda q, at: pointer(0x3FF0)),
    ("pointer-forward", lambda q, at: pointer(at + 2)),
    ("pointer-header", lambda q, at: pointer(2)),
    ("label-past-rdata", lambda q, at: b"\x3f" + b"a" * 10),
    ("no-end", lambda q, at: b"\x03abc"),
    ("pointer-cut", lambda q, at: b"\x03abc\xc0"),
    ("name-256", lambda q, at: labels(*[b"a" * 63] * 3, b"b" * 62)),
    ("octets-behind", lambda q, at: name("x.test") + b"zz"),
    ("empty", lambda q, at: b""),
):
    malformed(
        "target-" + _which,
        "The target of a CNAME is bad: %s." % _which.replace("-", " "),
        lambda q, m=_make: [rr(CNAME, m(q, at_answer(q) + 12))],
        "R20-06 DN-11" if _which in ("octets-behind", "no-end") else "D9267-4",
    )


@junk("bad-name-unterminated", "The message ends within an owner's label.", tcp=BROKEN, ids="AM33-09 AM33-27 NW-05")
def _(q):
    yield reply(q, [forged(q)], edns=False, counts=[1, 2, 0, 0], tail=b"\x05abc")


@junk("bad-name-at-end", "The message ends behind a whole label, without the root.", tcp=BROKEN, ids="AM33-28 D1035-2")
def _(q):
    yield reply(q, [forged(q)], edns=False, counts=[1, 2, 0, 0], tail=b"\x03abc")


@junk("bad-pointer-half", "The message ends after half a pointer.", tcp=BROKEN, ids="D9267-1")
def _(q):
    yield reply(q, [forged(q)], edns=False, counts=[1, 2, 0, 0], tail=b"\xc0")


for _n in (2, 4, 8, 9):

    @junk("bad-header-cut-%d" % _n, "A record ends after %d octets of its header." % _n, tcp=BROKEN, ids="D1035-3")
    def _(q, n=_n):
        yield reply(q, [forged(q)], edns=False, counts=[1, 2, 0, 0], tail=a(FORGED)[: 2 + n])


group("rdata")
# RDATA that is not of its type's form
BAD_RDATA = [
    ("a", A, [b"", b"\1\2\3", b"\1\2\3\4\5", b"\0" * 16], "IH-01"),
    ("aaaa", AAAA, [b"", b"\0" * 4, b"\0" * 15, b"\0" * 17], "IH-01"),
    ("ns", NS, [b"", b"\x03ab"], "DN-11"),
    ("ptr", PTR, [b"", b"\x01a\0\0"], "DN-11"),
    ("mx", MX, [b"", b"\0", b"\0\1", b"\0\1\x04abc"], "DN-11"),
    ("soa", SOA, [b"", b"\0\0", b"\0\0" + b"\0" * 19, b"\0\0" + b"\0" * 21], "D1035-4"),
    ("srv", SRV, [b"", b"\0" * 6, b"\0" * 5], "D2782-5"),
    ("txt", TXT, [b"", b"\x05abc", b"\xff" + b"a" * 254, b"\x01a\x02"], "D1035-4"),
    ("caa", CAA, [b"", b"\0", b"\0\0", b"\0\x09abc"], "D1035-4"),
    ("ds", DS, [b"", b"\0\1\2"], "D1035-4"),
    ("dnskey", DNSKEY, [b"", b"\1\0\3"], "D1035-4"),
    ("rrsig", RRSIG, [b"", b"\0" * 17, b"\0" * 18 + b"\x09ab"], "D1035-4"),
    ("nsec", NSEC, [b"", b"\0\0", b"\0\0\0", b"\0\0\x21" + b"\1" * 33, b"\0\1\1\1\0\1\1", b"\0\0\2\1"], "D1035-4"),
    ("https", HTTPS, [b"", b"\0", b"\0\1", b"\0\1\0\0", b"\0\1\0\0\1\0", b"\0\1\0\0\1\0\5\2h2", b"\0\1\0\0\3\0\2\0\5\0\3\0\2\0\5"], "D1035-4"),
    ("hinfo", 13, [b"", b"\x01a", b"\x01a\x05b"], "D1035-4"),
    ("naptr", 35, [b"", b"\0\0\0\0\x01", b"\0\0\0\0\x01a\x01b\x01c"], "D1035-4"),
]
for _which, _kind, _forms, _ids in BAD_RDATA:

    @junk("rdata-" + _which, "RDATA of type %s is too short, too long or wrong within, in %d ways." % (_which.upper(), len(_forms)), tcp=BROKEN, ids=_ids)
    def _(q, kind=_kind, forms=_forms):
        for form in forms:
            yield reply(q, [forged(q), rr(kind, form)])


RDLENGTH_LIES = [
    ("too-long", "runs one octet past the message", lambda q: 5, "AM33-21"),
    ("longest", "is 65535", lambda q: 65535, "AM33-29 DN-21"),
    ("half", "is 32768", lambda q: 32768, "AM33-29"),
    ("short", "is 3 with four octets there", lambda q: 3, "D9267-4"),
    ("zero", "is 0 with four octets there", lambda q: 0, "D9267-4"),
]
for _which, _words, _make, _ids in RDLENGTH_LIES:

    @junk("rdlength-" + _which, "RDLENGTH %s." % _words, tcp=BROKEN, ids=_ids)
    def _(q, make=_make):
        yield reply(q, [forged(q), a(FORGED, rdlen=make(q))], edns=False)


group("counts")
COUNT_LIES = [
    ("questions-65535", [65535, None, None, None], "IH-03"),
    ("questions-0", [0, None, None, None], "D9267-5"),
    ("answers-one-more", [None, 2, None, None], "AM33-19 AM33-24"),
    ("answers-65535", [None, 65535, None, None], "AM33-19 IH-03"),
    ("answers-none", [None, 0, None, None], "D9267-5"),
    ("authority-one", [None, None, 1, None], "AM33-30"),
    ("authority-65535", [None, None, 65535, None], "AM33-30"),
    ("additional-one-more", [None, None, None, 2], "AM33-30"),
    ("additional-65535", [None, None, None, 65535], "AM33-30 NW-06"),
    ("all-65535", [65535, 65535, 65535, 65535], "NW-06"),
]
for _which, _counts, _ids in COUNT_LIES:

    @junk("count-" + _which, "The counts are not those of the records: %s." % _which.replace("-", " "), tcp="answer" if _counts[0] is not None else BROKEN, ids=_ids)
    def _(q, counts=_counts):
        yield reply(q, [forged(q)], counts=counts)


group("names")


@only("pointers-backward", "answer", "The answer's owner is reached over five pointers, each going back.", ids="D1035-9")
def _(q):
    at = 12 + len(q.question) + len(name("unasked.test")) + 10
    hops = b"".join([AT_QUESTION] + [pointer(at + 2 * i) for i in range(4)])
    yield reply(q, [rr(65280, hops, owner=name("unasked.test"))] + good_rrs(q, owner=pointer(at + 8)))


@only("pointers-120", "answer", "A name goes over 120 pointers in the first reply, which may be refused.", options="+tries=3", seconds=4, ids="D9267-1 DN-23")
def _(q):
    at = 12 + len(q.question) + len(good_rrs(q)[0]) + 12
    hops = b"\1a\0\0" + b"".join(pointer(at if i == 0 else at + 4 + 2 * (i - 1)) for i in range(120))
    more = [rr(65280, hops), a(FORGED, owner=pointer(at + 4 + 2 * 119))] if q.total == 1 else []
    yield reply(q, good_rrs(q), ar=more)


# 4. Truncation
group("truncated")


@only("tc", "answer", "The answer is truncated: TCP has it.", ids="D1035-7")
def _(q):
    yield good(q) if q.tcp else reply(q, flags=QR | RA | TC)


@only("tc-with-data", "answer", "The truncated reply has a forged record: what TCP says counts.", ids="D2181-5 D1123-8")
def _(q):
    yield good(q) if q.tcp else reply(q, [forged(q)], flags=QR | RA | TC)


@junk("tc-forged-id", "A truncated reply has another ID.", tcp="", ids="DN-26")
def _(q):
    yield reply(q, flags=QR | RA | TC, id=q.id ^ 2)


@only("tc-cut-record", "answer", "The truncated reply ends within a record: TCP has the answer.", options="+tries=2", seconds=4, ids="D1035-7")
def _(q):
    yield good(q) if q.tcp else reply(q, [forged(q)], flags=QR | RA | TC, edns=False)[:-2]


@only("tc-nxdomain", "answer", "A truncated NXDOMAIN: TCP says otherwise.", ids="D2181-5")
def _(q):
    yield good(q) if q.tcp else reply(q, rcode=NXDOMAIN, flags=QR | RA | TC)


@only("tc-loop", "badreply", "TC over TCP as well: it ends.", seconds=3, dig="NOERROR", ids="D1035-14")
def _(q):
    yield reply(q, good_rrs(q), flags=QR | RA | TC)


@only("tc-loop-empty", "badreply", "TC without a record over TCP as well: it ends.", seconds=3, dig="NOERROR", ids="D1035-14")
def _(q):
    yield reply(q, flags=QR | RA | TC)


def tc_then(which, status, sentence, steps, **more):
    @only("tc-" + which, status, sentence, **more)
    def _(q):
        if q.tcp:
            yield from steps(q)
        else:
            yield reply(q, flags=QR | RA | TC)


def drip(data, size, pause):
    for i in range(0, len(data), size):
        yield ("raw", data[i : i + size])
        yield ("wait", pause)


def framed(b, length=None):
    return struct.pack("!H", len(b) if length is None else length) + b


tc_then("tcp-silent", "timeout", "TCP is opened, and nothing is ever said there.", lambda q: iter([("wait", 5)]), seconds=5, dig="none", ids="DN-30 D9210-1")
tc_then("tcp-closes", "unreachable", "TCP is closed when it has the query.", lambda q: iter([("close",)]), seconds=4, dig="none", ids="D7766-6")
tc_then("tcp-resets", "unreachable", "TCP is reset when it has the query.", lambda q: iter([("reset",)]), seconds=4, dig="none", ids="D7766-6")
tc_then("tcp-half", "unreachable", "Half a message comes over TCP, then the end.", lambda q: iter([("raw", framed(good(q))[:20]), ("close",)]), seconds=4, dig="none", ids="D9267-4")
tc_then("tcp-drip", "timeout", "An octet each 0.2 s over TCP.", lambda q: drip(framed(good(q)), 1, 0.2), seconds=5, dig="none", ids="DN-30")
tc_then("tcp-drip-fast", "answer", "An octet each 2 ms over TCP.", lambda q: drip(framed(good(q)), 1, 0.002), ids="D1035-13")
tc_then("tcp-drip-junk", "timeout", "Empty messages over TCP, for ever.", lambda q: drip(b"\0\0" * 100, 2, 0.1), seconds=5, dig="none", ids="DN-30")
tc_then("tcp-servfail", "servfail", "TCP says SERVFAIL.", lambda q: iter([reply(q, rcode=SERVFAIL)]), seconds=3)
tc_then("tcp-nxdomain", "nxdomain", "TCP says NXDOMAIN.", lambda q: iter([reply(q, ns=[soa()], rcode=NXDOMAIN)]))


@only("tc-tcp-refused", "unreachable", "Truncated, and no port for TCP.", options="-p 5301", seconds=3, dig="none", ids="D9210-1")
def _(q):
    yield reply(q, flags=QR | RA | TC)


# 5. TCP
group("tcp")


def tcp_only(name, status, sentence, **more):
    """Over TCP the first time as given, later good."""

    def register(f):
        def steps(q):
            if q.tcp and (q.nth == 1 or more.get("always")):
                yield from f(q)
            else:
                yield good(q)

        rest = {k: v for k, v in more.items() if k != "always"}
        scenario(name, status, sentence, options=("+tcp " + rest.pop("options", "")).strip(), **rest)(steps)
        return f

    return register


def split(which, sentence, cuts, pause=0.01):
    @tcp_only("split-" + which, "answer", sentence, ids="D1035-13")
    def _(q):
        b = framed(good(q))
        at = 0
        for cut in cuts(len(b)) + [len(b)]:
            yield ("raw", b[at:cut])
            yield ("wait", pause)
            at = cut


split("length", "The two octets of length come apart.", lambda n: [1])
split("after-length", "The length comes alone.", lambda n: [2])
split("length-and-one", "The length comes with one octet.", lambda n: [3])
split("header", "The header comes alone.", lambda n: [14])
split("last", "The last octet comes alone.", lambda n: [n - 1])
split("every-octet", "Every octet comes alone.", lambda n: list(range(1, n, 1)), pause=0.002)
split("threes", "Three octets at a time.", lambda n: list(range(3, n, 3)), pause=0.002)

TCP_FRAMES = [
    ("length-0", "A message of length 0 comes first.", lambda q: b"\0\0"),
    ("length-0-many", "A thousand messages of length 0 come first.", lambda q: b"\0\0" * 1000),
    ("length-1", "A message of one octet comes first.", lambda q: b"\0\1x"),
    ("length-11", "A message of 11 octets comes first.", lambda q: framed(reply(q)[:11])),
    ("length-12", "A message that is a header comes first.", lambda q: framed(struct.pack("!6H", q.id, QR | RD | RA, 0, 0, 0, 0))),
    ("two-at-once", "A message with another ID and the right one come in one segment.", lambda q: framed(reply(q, [forged(q)], id=q.id ^ 1))),
    ("unasked-64k", "A message of 65535 octets with another ID comes first.", lambda q: framed(reply(q, [forged(q)], id=q.id ^ 1, edns=False).ljust(65535, b"\0"))),
]
for _which, _words, _make in TCP_FRAMES:

    @tcp_only("tcp-" + _which, "answer", _words, ids="D1035-13 DN-20")
    def _(q, make=_make):
        yield ("raw", make(q) + framed(good(q)))


TCP_ENDS = [
    ("close-at-once", "The connection is closed without a word.", lambda q: []),
    ("close-after-octet", "The connection is closed after half a length.", lambda q: [("raw", b"\0")]),
    ("close-after-length", "The connection is closed after a length.", lambda q: [("raw", framed(good(q))[:2])]),
    ("close-within", "The connection is closed within the message.", lambda q: [("raw", framed(good(q))[:-1])]),
    ("close-long-length", "A length of 65535 with a short message, then the end.", lambda q: [("raw", framed(reply(q, [forged(q)]), 65535))]),
    ("close-length-one-more", "The length is one more than the message, then the end.", lambda q: [("raw", framed(reply(q, [forged(q)]), len(reply(q, [forged(q)])) + 1))]),
    ("close-length-one-less", "The length is one less than the message, then the end.", lambda q: [("raw", framed(reply(q, [forged(q)]), len(reply(q, [forged(q)])) - 1))]),
    ("close-after-junk", "HTTP is spoken, then the end.", lambda q: [("raw", b"HTTP/1.1 400 Bad Request\r\n\r\n")]),
    ("close-after-alert", "A TLS alert, then the end.", lambda q: [("raw", b"\x15\x03\x01\x00\x02\x02\x46")]),
]
for _which, _words, _make in TCP_ENDS:

    @tcp_only("tcp-" + _which, BROKEN if _which == "close-length-one-less" else "answer", _words[:-1] + "; the next connection is good.", options="+tries=3", seconds=4, dig="NOERROR", ids="D7766-6 DN-15")
    def _(q, make=_make):
        yield from make(q)
        yield ("close",)


@tcp_only("tcp-reset", "answer", "The connection is reset; the next one is good.", options="+tries=3", seconds=4, ids="D7766-6")
def _(q):
    yield ("reset",)


@tcp_only("tcp-reset-within", "answer", "The connection is reset within the message; the next one is good.", options="+tries=3", seconds=4, ids="D7766-6")
def _(q):
    yield ("raw", framed(good(q))[:9])
    yield ("wait", 0.02)
    yield ("reset",)


@tcp_only("tcp-close-behind", "answer", "The connection is closed behind every answer.", always=True, ids="D7766-6")
def _(q):
    yield good(q)
    yield ("close",)


@tcp_only("tcp-reset-behind", "answer", "The connection is reset just behind the answer.", always=True, options="+tries=3", seconds=4, ids="D7766-6")
def _(q):
    yield good(q)
    yield ("wait", 0.02)
    yield ("reset",)


@tcp_only("tcp-shut-behind", "answer", "The server ends its side behind the answer and leaves it open.", always=True, ids="D7766-6")
def _(q):
    yield good(q)
    yield ("shut",)


@tcp_only("tcp-close-always", "unreachable", "Every connection is closed without a word.", always=True, options="+tries=3", seconds=5, dig="none", ids="D9520-1")
def _(q):
    yield ("close",)


@tcp_only("tcp-silent", "timeout", "Nothing is said over TCP.", always=True, seconds=4, dig="none", ids="DN-30")
def _(q):
    yield ("wait", 5)


@tcp_only("tcp-slow", "timeout", "An octet each 0.1 s.", always=True, seconds=5, dig="none", ids="DN-30")
def _(q):
    yield from drip(framed(good(q)), 1, 0.1)


@tcp_only("tcp-twice", "answer", "The answer comes twice.", always=True, ids="D7766-7")
def _(q):
    yield good(q)
    yield good(q)


@tcp_only("tcp-flood", "answer", "Two thousand messages with other IDs come first.", ids="D7766-7 DN-20", seconds=2)
def _(q):
    yield ("raw", b"".join(framed(reply(q, [forged(q)], id=q.id + i)) for i in range(1, 2001)))
    yield good(q)


for _n in (2048, 2049, 4096, 16384, 32768, 65535):

    @tcp_only("tcp-size-%d" % _n, "answer", "The answer over TCP has %d octets." % _n, always=True, ids="DN-06 DN-19", seconds=2)
    def _(q, n=_n):
        m = reply(q, good_rrs(q))
        left = n - len(m)
        pad = []
        while left > 0:
            part = left if left <= 4000 else 3900
            pad.append(rr(65280, b"x" * (part - 12)))
            left -= part
        yield reply(q, good_rrs(q), ar=pad)


for _which, _value in (("0", b"\0\0"), ("long", b"\xff\xff"), ("empty", b""), ("one-octet", b"\1"), ("three-octets", b"\0\1\2")):

    @tcp_only("tcp-keepalive-" + _which, "answer", "The keep-alive option is %s." % _which.replace("-", " "), always=True, options="+tries=3", ids="D6891-2")
    def _(q, value=_value):
        yield reply(q, good_rrs(q), edns=opt(option(KEEPALIVE, value)))
        if len(value) not in (0, 2):
            yield good(q)


@only("keepalive-udp", "answer", "The keep-alive option comes over UDP, where it has no place.", ids="D6891-2")
def _(q):
    yield reply(q, good_rrs(q), edns=opt((option(COOKIE, q.cookie + q.our_cookie()) if q.cookie else b"") + option(KEEPALIVE, b"\0\1")))


# 6. Response codes
group("rcodes")

RCODES = "noerror formerr servfail nxdomain notimp refused yxdomain yxrrset nxrrset notauth notzone dsotypeni".split()
STATUS_OF = {0: "nodata", 1: "formerr", 2: "servfail", 3: "nxdomain", 4: "notimp", 5: "refused", 9: "rcode"}
DIG_OF = {i: w.upper() for i, w in enumerate(RCODES[:11])}
for _i in range(11, 16):
    DIG_OF[_i] = "RESERVED%d" % _i
DIG_OF.update({16: "NOERROR", 23: "BADCOOKIE"})
for _i in range(24):
    if _i < 16:

        @only("rcode-%d-plain" % _i, STATUS_OF.get(_i, "rcode"), "Response code %d, without OPT." % _i, seconds=3, dig=DIG_OF[_i], ids="D1035-6")
        def _(q, i=_i):
            yield reply(q, rcode=i, edns=False, ns=[soa()] if i in (0, 3) else [])

    @only("rcode-%d" % _i, STATUS_OF.get(_i, "nodata" if _i == BADVERS else "rcode"), "Response code %d, with OPT." % _i, seconds=3, dig=DIG_OF.get(_i, "?%d" % _i), ids="D1035-6 D6891-3")
    def _(q, i=_i):
        yield reply(q, rcode=i, ns=[soa()] if i in (0, 3) else [])


@only("rcode-4095", "rcode", "Response code 4095.", seconds=3, dig="?4095", ids="D6891-3")
def _(q):
    yield reply(q, rcode=4095)


for _i in (1, 2, 4, 5):

    @junk("bare-%s" % RCODES[_i], "A bare header with %s comes first: it has no question." % RCODES[_i].upper(), tcp="", ids="DN-26")
    def _(q, i=_i):
        yield struct.pack("!6H", q.id, QR | RD | RA | i, 0, 0, 0, 0)

    @junk("forged-%s" % RCODES[_i], "%s with another ID comes first." % RCODES[_i].upper(), ids="DN-26")
    def _(q, i=_i):
        yield reply(q, rcode=i, id=q.id ^ 0x100)


@only("servfail-first", "servfail", "SERVFAIL at first, then good.", options="+tries=3", seconds=3, dig="SERVFAIL")
def _(q):
    yield reply(q, rcode=SERVFAIL) if q.total == 1 else good(q)


# 7. EDNS (RFC 6891)
group("edns")


def without_edns(which, status, sentence, refusal, **more):
    @only("edns-" + which, status, sentence, seconds=more.pop("seconds", 3), options="+tries=3", ids="D6891-6", **more)
    def _(q):
        if q.opt:
            yield from refusal(q)
        else:
            yield good(q)


without_edns("formerr", "answer", "FORMERR to a query with OPT, good without.", lambda q: [reply(q, rcode=FORMERR, edns=False)])
without_edns("notimp", "answer", "NOTIMP to a query with OPT, good without.", lambda q: [reply(q, rcode=NOTIMP, edns=False)], dig="NOERROR")
without_edns("servfail", "answer", "SERVFAIL to a query with OPT, good without.", lambda q: [reply(q, rcode=SERVFAIL, edns=False)], dig="NOERROR")
without_edns("drop", "timeout", "No word to a query with OPT, good without.", lambda q: [], seconds=4, dig="none")
without_edns("badvers", "answer", "BADVERS to version 0, good without OPT.", lambda q: [reply(q, rcode=BADVERS)], dig="NOERROR")
without_edns("formerr-with-opt", "formerr", "FORMERR that has an OPT itself, good without.", lambda q: [reply(q, rcode=FORMERR)], dig="FORMERR")


@only("edns-never", "answer", "The server has not heard of OPT: it answers without.", ids="D6891-6")
def _(q):
    yield reply(q, good_rrs(q), edns=False)


@only("edns-formerr-always", "formerr", "FORMERR to everything.", options="+tries=3", seconds=4, ids="D6891-6 D1035-6")
def _(q):
    yield reply(q, rcode=FORMERR, edns=False)


BAD_OPT = [
    ("two", "Two OPT records.", lambda q: dict(ar=[opt()], edns=opt()), "D6891-1"),
    ("owner", "The owner of OPT is not the root.", lambda q: dict(edns=opt(owner=name("x.test"))), "D6891-1"),
    ("option-past-end", "An option is longer than OPT.", lambda q: dict(edns=opt(option(NSID, b"abc", 40))), "D6891-2"),
    ("option-longest", "An option says 65535 octets.", lambda q: dict(edns=opt(option(NSID, b"", 65535))), "D6891-2"),
    ("option-cut", "OPT ends within an option's header.", lambda q: dict(edns=opt(b"\0\x03\0")), "D6891-2"),
    ("rdlength", "OPT's RDLENGTH runs past the message.", lambda q: dict(edns=opt(rdlen=100)), "D6891-2"),
    ("in-answer", "OPT stands in the answer section.", lambda q: dict(an=[forged(q), opt()], edns=False), "D6891-1"),
    ("in-authority", "OPT stands in the authority section.", lambda q: dict(ns=[opt()], edns=False), "D6891-1"),
]
for _which, _words, _make, _ids in BAD_OPT:

    @junk("opt-" + _which, _words, tcp=BROKEN, ids=_ids)
    def _(q, make=_make):
        more = make(q)
        more.setdefault("an", [forged(q)])
        yield reply(q, **more)


def cookie_option(q):
    return option(COOKIE, q.cookie + q.our_cookie()) if q.cookie else b""


GOOD_OPT = [
    ("version-1", "OPT says version 1.", lambda q: dict(version=1)),
    ("version-255", "OPT says version 255.", lambda q: dict(version=255)),
    ("size-0", "OPT says that 0 octets can be taken.", lambda q: dict(size=0)),
    ("size-65535", "OPT says that 65535 octets can be taken.", lambda q: dict(size=65535)),
    ("do", "DO is set, unasked.", lambda q: dict(flags=0x8000)),
    ("flags", "All flags of OPT are set.", lambda q: dict(flags=0x7FFF)),
    ("unknown-option", "OPT has options that nobody knows.", lambda q: dict(options=cookie_option(q) + option(65001, b"abc") + option(0, b"") + option(65535, b"x" * 100))),
    ("100-options", "OPT has a hundred options.", lambda q: dict(options=cookie_option(q) + option(4242, b"x") * 100)),
    ("padding", "OPT has 400 octets of padding.", lambda q: dict(options=cookie_option(q) + option(PADDING, b"\0" * 400))),
    ("padding-ones", "OPT has padding of all ones.", lambda q: dict(options=cookie_option(q) + option(PADDING, b"\xff" * 400))),
    ("nsid", "OPT has an NSID with control characters, unasked.", lambda q: dict(options=cookie_option(q) + option(NSID, b"\x1b[2J\0\n"))),
    ("subnet", "OPT has a client subnet that makes no sense, unasked.", lambda q: dict(options=cookie_option(q) + option(8, b"\0\x09\xff\xff"))),
]
for _which, _words, _make in GOOD_OPT:

    @only("opt-" + _which, "answer", _words, ids="D6891-2" if "option" in _which else "D6891-7")
    def _(q, make=_make):
        more = make(q)
        more.setdefault("options", cookie_option(q))
        yield reply(q, good_rrs(q), edns=opt(**more))


@only("opt-unasked", "answer", "OPT comes though none was sent.", options="+noedns", ids="D6891-7")
def _(q):
    yield reply(q, good_rrs(q), edns=opt())


@only("opt-first", "answer", "OPT stands before other records of the additional section.", ids="D6891-1")
def _(q):
    yield reply(q, good_rrs(q), ar=[opt(cookie_option(q)), a(FORGED, owner=name("other.test"))], edns=False)


@tcp_only("opt-16000-options", "answer", "OPT has 16000 empty options.", always=True, ids="DN-31")
def _(q):
    yield reply(q, good_rrs(q), edns=opt(cookie_option(q) + option(4242, b"") * 16000))


# 8. Extended errors (RFC 8914)
group("extended")

EDES = [
    ("plain", ede(22, b"no reachable authority"), "has a text"),
    ("empty", ede(23), "has no text"),
    ("unknown", ede(4711, b"whatever"), "has a code that nobody knows"),
    ("not-utf8", ede(6, b"\xff\xfe\x80abc"), "has a text that is not UTF-8"),
    ("control", ede(6, b"\x1b]0;title\x07\x1b[31mred\r\n\0end"), "has a text with escape sequences and a NUL"),
    ("long", ede(7, b"x" * 900), "has a text of 900 octets"),
    ("many", b"".join(ede(i, b"no. %d" % i) for i in range(30)), "comes thirty times"),
    ("quotes", ede(0, b'"quoted" \\ and <script>alert(1)</script>'), "has a text with quotes and markup"),
    ("bidi", ede(0, "\u202eabc\u2066".encode()), "has a text that turns the direction of writing"),
    ("utf8", ede(15, "gesperrt – für immer ☃".encode()), "has a text in UTF-8"),
]
for _which, _option, _words in EDES:

    @only("ede-" + _which, "servfail", "SERVFAIL whose extended error %s." % _words, seconds=3, ids="D8914-1")
    def _(q, extended=_option):
        yield reply(q, rcode=SERVFAIL, edns=opt(cookie_option(q) + extended))


@only("ede-cut", "servfail", "SERVFAIL whose extended error has one octet.", seconds=3, dig="SERVFAIL", ids="D8914-1")
def _(q):
    yield reply(q, rcode=SERVFAIL, edns=opt(cookie_option(q) + option(EDE, b"\0")))


@only("ede-on-answer", "answer", "A good answer with an extended error.", ids="D8914-1")
def _(q):
    yield reply(q, good_rrs(q), edns=opt(cookie_option(q) + ede(3, b"stale")))


@only("ede-on-nxdomain", "nxdomain", "NXDOMAIN with an extended error.", ids="D8914-1")
def _(q):
    yield reply(q, ns=[soa()], rcode=NXDOMAIN, edns=opt(cookie_option(q) + ede(17, b"filtered")))


# 9. Cookies (RFC 7873)
group("cookies")


@junk("cookie-wrong", "The client's cookie comes back changed.", tcp="", ids="D7873-2")
def _(q):
    if q.cookie:
        yield reply(q, [forged(q)], cookie=bytes([q.cookie[0] ^ 1]) + q.cookie[1:] + q.our_cookie())


@junk("cookie-other", "Another cookie comes back.", tcp="", ids="D7873-2 DN-32")
def _(q):
    if q.cookie:
        yield reply(q, [forged(q)], cookie=b"\0" * 16)


for _n in (0, 1, 7, 9, 10, 11, 12, 13, 14, 15, 41, 64):

    @junk("cookie-length-%d" % _n, "The cookie option has %d octets." % _n, tcp="", ids="D7873-2")
    def _(q, n=_n):
        if q.cookie:
            yield reply(q, [forged(q)], cookie=(q.cookie + b"\x42" * 64)[:n])


for _n in (8, 16, 24, 40):

    @only("cookie-length-%d" % _n, "answer", "The cookie option has %d octets, as it may." % _n, ids="D7873-1")
    def _(q, n=_n):
        yield reply(q, good_rrs(q), cookie=(q.cookie + b"\x42" * 64)[:n])


@only("cookie-none", "answer", "The server knows no cookies.", ids="D7873-2")
def _(q):
    yield reply(q, good_rrs(q), cookie=None)


@only("cookie-changes", "answer", "Every reply has another server cookie.", ids="D7873-4")
def _(q):
    yield reply(q, good_rrs(q), cookie=q.cookie + struct.pack("!Q", q.id * 0x10001) if q.cookie else None)


@only("badcookie-once", "answer", "BADCOOKIE to a query without the server's cookie, good with it.", options="+tries=3", seconds=2, ids="D7873-3 D7873-4 DN-15")
def _(q):
    if q.tcp or q.server_cookie == q.our_cookie() or not q.opt:
        yield good(q)
    else:
        yield reply(q, rcode=BADCOOKIE)


@only("badcookie-always", "answer", "BADCOOKIE to every query over UDP: TCP has the answer.", options="+tries=3", seconds=3, dig="NOERROR", ids="D7873-3")
def _(q):
    yield good(q) if q.tcp else reply(q, rcode=BADCOOKIE)


@only("badcookie-for-ever", "rcode", "BADCOOKIE to every query, over TCP too.", options="+tries=3", seconds=5, dig="BADCOOKIE", ids="D7873-3")
def _(q):
    yield reply(q, rcode=BADCOOKIE)


@junk("badcookie-forged", "BADCOOKIE with a wrong client cookie comes first.", tcp="", ids="D7873-2 DN-26")
def _(q):
    if q.cookie:
        yield reply(q, rcode=BADCOOKIE, cookie=b"\x11" * 16)


@only("badcookie-unasked", "rcode", "BADCOOKIE though no cookie was sent; good over TCP.", options="+nocookie +tries=3", seconds=3, dig="BADCOOKIE", ids="D7873-3")
def _(q):
    yield good(q) if q.tcp else reply(q, rcode=BADCOOKIE, edns=opt(rcode=BADCOOKIE))


# 10. CNAMEs
group("cnames")


def chain_of(n, end=True, prefix="c", ttl=300):
    """n CNAMEs from the question's name on, and the good address at the end."""
    out, owner = [], AT_QUESTION
    for i in range(n):
        target = name("%s%d.%s" % (prefix, i + 1, ZONE))
        out.append(rr(CNAME, target, owner=owner, ttl=ttl))
        owner = target
    if end:
        out.append(a(owner=owner))
    return out


def shuffled(records, seed=5):
    records = list(records)
    random.Random(seed).shuffle(records)
    return records


CHAINS = [
    ("1", "answer", "one CNAME", lambda q: chain_of(1)),
    ("8", "answer", "eight CNAMEs", lambda q: chain_of(8)),
    ("8-shuffled", "answer", "eight CNAMEs in any order", lambda q: shuffled(chain_of(8))),
    ("8-reversed", "answer", "eight CNAMEs from the end on", lambda q: chain_of(8)[::-1]),
    ("16", "answer", "sixteen CNAMEs", lambda q: chain_of(16)),
    ("16-shuffled", "answer", "sixteen CNAMEs in any order", lambda q: shuffled(chain_of(16))),
    ("17", "loop", "seventeen CNAMEs", lambda q: chain_of(17)),
    ("self", "loop", "a CNAME to itself", lambda q: [rr(CNAME, AT_QUESTION)]),
    ("self-beside-address", "answer", "a CNAME to itself beside an address", lambda q: [rr(CNAME, AT_QUESTION), a()]),
    ("circle-2", "loop", "two CNAMEs in a circle", lambda q: chain_of(1, end=False) + [rr(CNAME, AT_QUESTION, owner=name("c1." + ZONE))]),
    ("circle-3", "loop", "three CNAMEs in a circle, backwards", lambda q: (chain_of(2, end=False) + [rr(CNAME, AT_QUESTION, owner=name("c2." + ZONE))])[::-1]),
    ("circle-behind", "loop", "a CNAME that leads into a circle", lambda q: chain_of(2, end=False) + [rr(CNAME, name("c1." + ZONE), owner=name("c2." + ZONE))]),
    ("two-targets", "answer", "two CNAMEs at one name", lambda q: [rr(CNAME, name("c1." + ZONE)), rr(CNAME, name("c2." + ZONE)), a(owner=name("c1." + ZONE)), a(owner=name("c2." + ZONE))]),
    ("twice", "answer", "the same CNAME twice", lambda q: chain_of(1) + chain_of(1, end=False)),
    ("beside-address", "answer", "a CNAME beside an address of the same name", lambda q: chain_of(1) + [a()]),
    ("long-names", "answer", "CNAMEs to names of 255 octets", lambda q: long_chain(2)),
    ("case", "answer", "CNAMEs whose targets and owners differ in case", lambda q: [rr(CNAME, name("MiXeD." + ZONE)), a(owner=name("mIxEd." + ZONE))]),
    ("dname", "answer", "a DNAME and the CNAME made from it", lambda q: [rr(DNAME, name("other.test"), owner=name(ZONE)), rr(CNAME, labels(*q.labels[:-2]) [:-1] + name("other.test")), a(owner=labels(*q.labels[:-2])[:-1] + name("other.test"))]),
]
for _which, _status, _words, _make in CHAINS:

    @only("cname-" + _which, _status, "The answer is %s." % _words, ids="D1034-3" if "answer" in _status else "D1034-4 DN-24")
    def _(q, make=_make):
        yield reply(q, make(q))


def long_chain(n):
    out, owner = [], AT_QUESTION
    for i in range(n):
        target = labels(*[b"%d" % i + b"x" * 60] * 3, b"y" * (253 - 3 * 62 - 2 - 14), b"hostile", b"test")
        out.append(rr(CNAME, target, owner=owner))
        owner = target
    return out + [a(owner=owner)]


@tcp_only("cname-1000", "loop", "The answer is a thousand CNAMEs.", always=True, ids="DN-24 DN-12")
def _(q):
    yield reply(q, chain_of(1000))


@tcp_only("cname-1000-shuffled", "loop", "The answer is a thousand CNAMEs in any order.", always=True, ids="DN-24 DN-12")
def _(q):
    yield reply(q, shuffled(chain_of(1000)))


@only("cname-elsewhere", "answer", "The CNAME's target is not in the answer: it is asked for.", dig="NOERROR", ids="D1034-3")
def _(q):
    yield reply(q, [rr(CNAME, name("good." + q.labels[-3].decode("latin-1") + "." + ZONE))])


@only("cname-to-itself-later", "loop", "The CNAME's target answers with a CNAME back.", ids="D1034-4")
def _(q):
    yield reply(q, [rr(CNAME, name("cname-back." + ZONE))])


@scenario("cname-back", "loop", "A CNAME to the one above.", listed=False)
def _(q):
    yield reply(q, [rr(CNAME, name("cname-to-itself-later." + ZONE))])


@only("cname-for-ever", "loop", "Every name is a CNAME to a new one.", seconds=2, ids="D1034-4 DN-25")
def _(q):
    i = int(q.labels[1]) + 1 if q.labels[1].isdigit() else 0
    yield reply(q, [rr(CNAME, name("cname-for-ever.%d.%s" % (i, ZONE)))])


@only("cname-unrelated", "nodata", "CNAME and address of other names than the question's.", ids="D2181-3")
def _(q):
    yield reply(q, [rr(CNAME, name("c1." + ZONE), owner=name("x." + ZONE)), a(FORGED, owner=name("c1." + ZONE))], ns=[soa()])


@only("cname-nxdomain", "nxdomain", "A CNAME to a name that does not exist.", ids="D2308-1")
def _(q):
    yield reply(q, chain_of(2, end=False), ns=[soa()], rcode=NXDOMAIN)


@only("cname-nodata", "nodata", "A CNAME to a name without such a record.", ids="D2308-2")
def _(q):
    yield reply(q, chain_of(1, end=False), ns=[soa()])


@only("cname-root", "nodata", "A CNAME to the root.", ids="D1034-3")
def _(q):
    yield reply(q, [rr(CNAME, b"\0")], ns=[soa(owner=b"\0")])


@only("cname-forged-tail", "answer", "Behind the good answer stands an address of an unrelated name.", ids="D2181-3 D1035-19")
def _(q):
    yield reply(q, chain_of(1) + [a(FORGED, owner=name("www.victim.test"))])


# 11. Sections, classes, owners
group("sections")


@only("answer-in-additional", "nodata", "The address stands in the additional section only.", ids="D2181-3")
def _(q):
    yield reply(q, ar=[forged(q)])


@only("answer-in-authority", "nodata", "The address stands in the authority section only.", ids="D2181-3")
def _(q):
    yield reply(q, ns=[forged(q)])


@only("answer-of-other-owner", "nodata", "The answer section has an address of another name only.", ids="D2181-3 D1035-19")
def _(q):
    yield reply(q, [a(FORGED, owner=name("www.victim.test"))])


@only("out-of-bailiwick", "answer", "Other names' addresses and servers come in all sections.", ids="DN-01 D1035-19")
def _(q):
    victim = name("www.victim.test")
    yield reply(q, good_rrs(q) + [a(FORGED, owner=victim)], ns=[rr(NS, name("ns.evil.test"), owner=name("victim.test"))], ar=[a(FORGED, owner=victim), a(FORGED, owner=name("ns.evil.test"))])


@only("class-ch", "nodata", "The answer is of class CH.", ids="D1035-17")
def _(q):
    yield reply(q, [forged(q, cls=3)])


@only("class-mixed", "answer", "Answers of class IN, CH and ANY.", ids="D1035-17")
def _(q):
    yield reply(q, [a("10.0.0.1", cls=3)] + good_rrs(q) + [a("10.0.0.2", cls=255)])


@only("type-other", "nodata", "TXT in answer to another type.", ids="D2181-3")
def _(q):
    yield reply(q, [rr(TXT, b"\x04text")])


@only("type-mixed", "answer", "Records of other types beside the address.", ids="D2181-3")
def _(q):
    yield reply(q, [rr(TXT, b"\x04text")] + good_rrs(q) + [rr(65280, b"xyz")])


@only("any-minimal", "answer", "ANY is answered with HINFO (RFC 8482).", options="-t ANY", ids="D8482-1")
def _(q):
    yield reply(q, [rr(13, b"\x07RFC8482\0")])


@only("referral", "badreply", "A referral instead of an answer.", dig="NOERROR", ids="D2308-2 D1034-5")
def _(q):
    yield reply(q, ns=[rr(NS, name("ns.far.test"), owner=name("far.test"))], ar=[a(FORGED, owner=name("ns.far.test"))], flags=QR)


@only("referral-ra", "badreply", "A referral from a server that says that it recurses.", dig="NOERROR", ids="D2308-2 DN-25")
def _(q):
    yield reply(q, ns=[rr(NS, name("ns%d.far.test" % i), owner=name("test")) for i in range(13)])


@only("no-recursion", "answer", "An answer without recursion.", ids="D1034-5")
def _(q):
    yield reply(q, good_rrs(q), flags=QR)


@only("no-recursion-empty", "badreply", "Neither recursion nor an answer.", dig="NOERROR", ids="D1034-5")
def _(q):
    yield reply(q, flags=QR)


@only("nodata-soa", "nodata", "No record, with the SOA.", ids="D2308-2")
def _(q):
    yield reply(q, ns=[soa()])


@only("nodata-bare", "nodata", "No record, without the SOA.", ids="D2308-4")
def _(q):
    yield reply(q)


@only("nodata-soa-elsewhere", "nodata", "No record, with the SOA of another zone.", ids="D2308-2")
def _(q):
    yield reply(q, ns=[soa(owner=name("victim.test"))])


@only("nodata-soa-below", "nodata", "No record, with a SOA that is below the name.", ids="D2308-2")
def _(q):
    yield reply(q, ns=[soa(owner=b"\x03sub" + q.qname)])


@only("nodata-two-soa", "nodata", "No record, with two SOAs.", ids="D2308-2")
def _(q):
    yield reply(q, ns=[soa(minimum=0xFFFFFFFF), soa(minimum=0)])


@only("nxdomain-soa", "nxdomain", "No such name, with the SOA.", ids="D1035-6")
def _(q):
    yield reply(q, ns=[soa()], rcode=NXDOMAIN)


@only("nxdomain-bare", "nxdomain", "No such name, without the SOA.", ids="D2308-4")
def _(q):
    yield reply(q, rcode=NXDOMAIN)


@only("nxdomain-with-answer", "nxdomain", "No such name, and an address for it.", ids="DN-28")
def _(q):
    yield reply(q, good_rrs(q), ns=[soa()], rcode=NXDOMAIN)


for _n in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):

    @only("nxdomain-minimum-%x" % _n, "nxdomain", "NXDOMAIN whose SOA says a minimum of 0x%x." % _n, ids="DN-28 D2308-3")
    def _(q, n=_n):
        yield reply(q, ns=[soa(minimum=n, ttl=n)], rcode=NXDOMAIN)

    @only("ttl-%x" % _n, "answer", "The TTL is 0x%x." % _n, ids="DN-29")
    def _(q, n=_n):
        yield reply(q, good_rrs(q, ttl=n))


@only("ttl-mixed", "answer", "Records of one set have different TTLs.", ids="D2181-2")
def _(q):
    yield reply(q, [a(ttl=0xFFFFFFFF), a("192.0.2.81", ttl=1), a("192.0.2.82", ttl=86400 * 365)])


@only("address-300", "answer", "Three hundred addresses, over TCP.", ids="DN-08")
def _(q):
    many = [a("10.7.%d.%d" % divmod(i, 256)) for i in range(299)]
    yield reply(q, [a()] + many) if q.tcp else reply(q, flags=QR | RA | TC)


@tcp_only("address-4000", "answer", "Four thousand addresses.", always=True, ids="DN-08 D1035-20")
def _(q):
    yield reply(q, [a()] + [a("10.%d.%d.7" % divmod(i, 256)) for i in range(3999)])


@only("address-same", "answer", "Fifty times the same address.", ids="DN-08")
def _(q):
    yield reply(q, good_rrs(q) * 50)


@only("address-private", "answer", "Addresses of private networks, of this machine and of all.", ids="DN-27")
def _(q):
    yield reply(q, [a()] + [a(x) for x in ("127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.1.1", "255.255.255.255", "224.0.0.1")])


@only("owner-wildcard", "nodata", "The owner is *.hostile.test, as it stands in a zone.", ids="D4592-1")
def _(q):
    yield reply(q, [a(FORGED, owner=name("*." + ZONE))])


@tcp_only("bomb-names", "answer", "Four thousand records whose names expand to 255 octets each.", always=True, ids="DN-23", seconds=2)
def _(q):
    long = labels(*[b"x" * 63] * 3, b"y" * 61)
    first = rr(65280, long, owner=q.qname)
    at = 12 + len(q.question) + len(q.qname) + 10
    yield reply(q, good_rrs(q), ns=[first] + [rr(NS, pointer(at + 14 + 2 * 0 + 0), owner=pointer(at_bomb(q))) for _ in range(4000)])


def at_bomb(q):
    """Where the long name of bomb-names stands."""
    return 12 + len(q.question) + len(good_rrs(q)[0]) + len(q.qname) + 10


@tcp_only("bomb-labels", "answer", "Names of 127 labels, three thousand times.", always=True, ids="DN-23", seconds=2)
def _(q):
    long = labels(*[b"a"] * 127)
    first = rr(65280, long, owner=q.qname)
    yield reply(q, good_rrs(q), ns=[first] + [rr(CNAME, pointer(at_bomb(q)), owner=pointer(at_bomb(q) + 2)) for _ in range(3000)])


# 12. Names and texts that a terminal, a shell or a page would take for its own
group("texts")

NASTY = [
    ("nul", labels(b"a\0b", b"test")),
    ("space", labels(b"a b", b"test")),
    ("quote", labels(b"a\"'`b", b"test")),
    ("newline", labels(b"a\nb\r", b"test")),
    ("script", labels(b"<script>alert(1)</script>", b"test")),
    ("dot", labels(b"www.good.test", b"evil")),
    ("backslash", labels(b"a\\b\\", b"test")),
    ("escape", labels(b"\x1b[2J\x1b]0;owned\x07", b"test")),
    ("dollar", labels(b"$(reboot)", b";rm -rf /", b"test")),
    ("high", labels(bytes(range(128, 160)), b"\xff\xfe", b"test")),
    ("percent", labels(b"%s%n%x", b"test")),
    ("hyphen", labels(b"-rf", b"test")),
    ("empty-root", b"\0"),
]
for _which, _target in NASTY:

    @only("ptr-" + _which, "answer", "A PTR record's name is made to harm who prints it: %s." % _which, options="-t PTR", ids="DN-13 D2181-7")
    def _(q, target=_target):
        yield reply(q, [rr(PTR, target)])


@only("cname-nasty", "answer", "A CNAME to a name with a newline and an escape sequence.", ids="DN-13")
def _(q):
    target = labels(b"a\n\x1b[31m", b"hostile", b"test")
    yield reply(q, [rr(CNAME, target), a(owner=target)])


@only("txt-nasty", "answer", "TXT with every octet there is.", options="-t TXT", ids="DN-13")
def _(q):
    yield reply(q, [rr(TXT, b"\xff" + bytes(range(255)) + b"\x01\xff")])


@only("mx-nasty", "answer", "MX with a name that is a path.", options="-t MX", ids="DN-13")
def _(q):
    yield reply(q, [rr(MX, b"\0\x0a" + labels(b"../../etc/passwd", b"test"))])


@only("caa-nasty", "answer", "CAA with a tag and a value of control characters.", options="-t CAA", ids="DN-13")
def _(q):
    yield reply(q, [rr(CAA, b"\0\x05issue\x1b[2J\0\n\"")])


@only("name-255", "answer", "The answer is a name of 255 octets.", options="-t PTR", ids="D1034-1")
def _(q):
    yield reply(q, [rr(PTR, labels(*[b"x" * 63] * 3, b"y" * 61))])


@only("name-127-labels", "answer", "The answer is a name of 127 labels.", options="-t PTR", ids="D1034-1")
def _(q):
    yield reply(q, [rr(PTR, labels(*[b"a"] * 127))])


# 13. The network
group("network")


@only("silence", "timeout", "No word, over UDP and TCP.", seconds=3, ids="D1123-10")
def _(q):
    yield ("wait", 4)


@only("silence-udp", "timeout", "No word over UDP; TCP is good.", seconds=3, dig="none")
def _(q):
    yield good(q) if q.tcp else ("wait", 0)


@only("closed-port", "unreachable", "Nothing listens there.", options="-p 5399", seconds=3, ids="D1123-10")
def _(q):
    yield good(q)


@only("closed-port-tcp", "unreachable", "Nothing listens there for TCP.", options="-p 5399 +tcp", seconds=3)
def _(q):
    yield good(q)


@only("no-host", "timeout", "There is no such host: queries vanish.", options="@192.0.2.99", seconds=2)
def _(q):
    yield good(q)


for _code, _word in ((0, "network"), (1, "host"), (2, "protocol"), (3, "port"), (13, "administratively prohibited")):

    @only("icmp-%d" % _code, "unreachable", "ICMP says unreachable: %s." % _word, seconds=3, dig="none")
    def _(q, code=_code):
        if not q.tcp:
            yield ("icmp", 3, code)
        else:
            yield ("reset",)


ICMP_JUNK = [
    ("wrong-port", "an ICMP error about another port", 3, 3, lambda: {"sport": 9}, "DN-03"),
    ("wrong-server", "an ICMP error about another server", 3, 3, lambda: {"dst": b"\xc0\0\2\x63"}, "DN-03"),
    ("quench", "a source quench", 4, 0, lambda: {}, "DN-03"),
    ("mtu", "an ICMP error that asks for packets of 68 octets", 3, 4, lambda: {"rest": 68}, "DN-04"),
    ("mtu-0", "an ICMP error that asks for packets of 0 octets", 3, 4, lambda: {"rest": 0}, "DN-04"),
    ("redirect", "a redirect to another gateway", 5, 1, lambda: {"rest": 0xC0000263}, "DN-04"),
    ("parameter", "an ICMP parameter problem of another port", 12, 0, lambda: {"sport": 9}, "DN-03"),
    ("short", "an ICMP error with a short quote of another port", 3, 3, lambda: {"sport": 9, "quoted": 0}, "DN-03"),
    ("forged", "port unreachable about this very query", 3, 3, lambda: {}, "DN-26"),
    ("forged-host", "host unreachable about this very query", 3, 1, lambda: {}, "DN-26"),
]
for _which, _words, _type, _code, _how, _ids in ICMP_JUNK:

    @junk("icmp-" + _which, "First comes %s." % _words, tcp="", ids=_ids)
    def _(q, kind=_type, code=_code, how=_how):
        yield ("icmp", kind, code, how())


@junk("fragments", "A forged answer comes in fragments.", tcp="", ids="DN-05", seconds=2)
def _(q):
    yield ("fragments", reply(q, [forged(q)]), 32)


@junk("fragments-reversed", "A forged answer comes in fragments, the last first.", tcp="", ids="DN-05", seconds=2)
def _(q):
    yield ("fragments", reply(q, [forged(q)]), 24, "reverse")


@junk("fragments-large", "A forged answer of 4000 octets comes in fragments.", tcp="", ids="DN-05 DN-06", seconds=2)
def _(q):
    yield ("fragments", reply(q, [forged(q)], ar=[rr(65280, b"x" * 3900)]), 1480)


@only("fragments-only", "timeout", "Over UDP only fragments come; TCP is good.", seconds=4, dig="none", ids="DN-05")
def _(q):
    yield good(q) if q.tcp else ("fragments", reply(q, [forged(q)]), 32)


@only("large-udp", "answer", "An answer of 1400 octets over UDP, more than asked for; TCP is good.", seconds=3, ids="D6891-4")
def _(q):
    yield good(q) if q.tcp else reply(q, good_rrs(q), ar=[rr(65280, b"x" * 1300)])


@only("answer-1232", "answer", "An answer of 1232 octets, which is as much as was asked for.", ids="D6891-4")
def _(q):
    m = len(reply(q, good_rrs(q)))
    yield reply(q, good_rrs(q), ns=[rr(65280, b"x" * (1232 - m - 12))])


@junk("mdns", "An answer as of mDNS, with the class's top bit, from port 5353.", tcp="", ids="D5452-4")
def _(q):
    yield ("send", reply(q, [forged(q, cls=0x8001)], question=b"", flags=QR | AA), {"sport": 5353})


@junk("mdns-from-53", "An answer as of mDNS from port 53, with ID 0 and no question.", tcp="", ids="D5452-4")
def _(q):
    yield reply(q, [forged(q, cls=0x8001, owner=q.qname)], question=b"", flags=QR | AA, id=0)


@only("out-of-order", "answer", "Over TCP addresses of IPv4 come 0.4 s late, behind the answers to later queries.", options="+tcp", ids="D7766-7")
def _(q):
    if q.qtype == A:
        yield ("wait", 0.4)
    yield good(q)
