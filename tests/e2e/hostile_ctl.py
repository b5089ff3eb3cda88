"""A client of the control socket that does not keep to the rules: one scenario a run.

usage: hostile_ctl.py SOCKET SCENARIO [ARGUMENT]      exit status 0: the stack did what it must
"""

import json
import os
import socket
import struct
import sys
import time

path, scenario, args = sys.argv[1], sys.argv[2], sys.argv[3:]


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(20)
    s.connect(path)
    return s


def frame(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">I", len(data)) + data


def read(s):
    """The next frame, or None where the stack has hung up."""

    def exactly(n):
        got = b""
        while len(got) < n:
            try:
                more = s.recv(n - len(got))
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            got += more
        return got

    head = exactly(4)
    body = head and exactly(struct.unpack(">I", head)[0])
    return json.loads(body) if body else None


def ask(s, text):
    s.sendall(frame(text))
    return read(s)


def must(condition, what):
    if not condition:
        sys.exit("FAILED: %s: %s" % (scenario, what))


def works(s=None):
    """A decent question gets its answer."""
    a = ask(s or connect(), '{"verb":"sysctl.get","name":"net.ipv4.ip_default_ttl"}')
    must(a and a["ok"]["name"] == "net.ipv4.ip_default_ttl", "no answer to a decent question: %r" % a)


def refused(text, why):
    """An error, after which the conversation goes on."""
    s = connect()
    a = ask(s, text)
    must(a and why in a.get("error", ""), "%.60r gives %r" % (text, a))
    works(s)


def bad_json():
    for text in "{", "[]", "1", '"x"', "{}x", '{"a":1,"a":2}', "\x01", "{\"verb\":", "'x'", "nul":
        refused(text, "no JSON")
    refused(b'{"verb":"\xff\xfe"}', "no JSON")
    refused('{"verb":"a\\u0000b"}', "no JSON")
    refused(b'{"verb":"a\0b"}', "no JSON")
    refused(b"\0" * 100, "no JSON")
    refused("{}", 'no "verb"')
    refused('{"verb":7}', 'no "verb"')
    refused('{"verb":"nonsense"}', "nonsense: no such verb")
    refused('{"verb":"%s"}' % ("\u00e9" * 5000), "no such verb")


def bad_arguments():
    for text, why in (
        ('{"verb":"sysctl.get"}', "name"),
        ('{"verb":"sysctl.get","name":7}', "string"),
        ('{"verb":"sysctl.get","name":"net.ipv4.tcp_sack","more":1}', "left unpacked"),
        ('{"verb":"sysctl.get","name":"net.ipv4.tcp_sak"}', "nearest is net.ipv4.tcp_sack"),
        ('{"verb":"sysctl.get","name":"%s"}' % ("x" * 60000), "no such setting"),
        ('{"verb":"sysctl.list","below":"nonsense"}', "no such setting"),
        ('{"verb":"sysctl.set","name":"net.ipv4.tcp_sack","value":"2"}', "within its limits"),
        ('{"verb":"sysctl.set","name":"net.ipv4.tcp_sack","value":1}', "string"),
        ('{"verb":"sysctl.set","name":"net.ipv4.tcp_sack","value":"%s"}' % ("1" * 60000), "net.ipv4.tcp_sack"),
        ('{"verb":"sysctl.set","name":"net.ipv4.tcp_sack=0 ","value":"1"}', "no such setting"),
        ('{"verb":"sysctl.set","name":"net.ipv4.tcp_rmem","value":"9000 8000 7000"}', "out of order"),
        ('{"verb":"sysctl.set","name":"net.tapir.txq_bytes","value":"65536"}', "can't change while"),
        ('{"verb":"stack.info","x":null}', "left unpacked"),
    ):
        refused(text, why)


def deep_json():
    refused('{"verb":' + "[" * 17 + "]" * 17 + "}", "deeper than 16")
    refused("[" * 65536, "deeper than 16")
    refused('{"a":' * 13000, "deeper than 16")


def lengths():
    for n in 0, 65537, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1:
        s = connect()
        s.sendall(struct.pack(">I", n) + b"x" * 100)
        a = read(s)
        must(a and "send 1 to 65536" in a["error"], "%d gives %r" % (n, a))
        must(read(s) is None, "it goes on after a length of %d" % n)
    refused('{"verb":"x"}' + " " * (65536 - 12), "x: no such verb")


def byte_by_byte():
    s = connect()
    for b in frame('{"verb":"sysctl.get","name":"net.ipv4.ip_default_ttl"}'):
        s.send(bytes([b]))
        time.sleep(0.005)
    must("ok" in read(s), "no answer")
    works(s)


def pipelined():
    s = connect()
    one = frame('{"verb":"sysctl.get","name":"net.ipv4.ip_default_ttl"}')
    s.sendall(one * 200)
    for _ in range(200):
        must(read(s)["ok"]["name"] == "net.ipv4.ip_default_ttl", "an answer is missing")


def half_closed():
    s = connect()
    s.sendall(frame('{"verb":"sysctl.list"}'))
    s.shutdown(socket.SHUT_WR)
    n = 0
    while True:
        a = read(s)
        n += len(a["ok"])
        if not a.get("more"):
            break
    must(n > 100, "only %d settings" % n)
    must(read(s) is None, "it does not hang up")


def leaves():
    """Goes in the middle of everything, many times."""
    whole = frame('{"verb":"sysctl.list"}')
    for i in range(300):
        s = connect()
        n = i % (len(whole) + 1)
        s.sendall(whole[:n])
        if n == len(whole) or i % 10 == 0:
            s.sendall(whole[n:])
            s.recv(1)
        s.close()
    works()


def half_a_frame():
    """Is hung up on after ten seconds; other clients are served all the while."""
    slow = connect(), connect(), connect()
    slow[0].send(b"\0\0")
    slow[1].send(frame('{"verb":"sysctl.list"}')[:-1])
    start = time.time()
    drip = 0
    while time.time() < start + 8:
        works()
        slow[2].send(b"\0\0\xff\xff{{{{{{{{{{"[drip : drip + 1])
        drip += 1
        time.sleep(1)
    for s in slow:
        must(read(s) is None, "an answer to half a frame")
    must(9 < time.time() - start < 15, "hung up after %.1f s" % (time.time() - start))


def never_reads():
    """Asks and asks, and reads nothing: what is kept for it is bounded, and it is hung up on."""
    s = connect()
    s.settimeout(0.5)
    start = time.time()
    sent = 0
    one = frame('{"verb":"sysctl.list"}')
    hung_up = False
    while time.time() < start + 20 and not hung_up:
        try:
            sent += s.send(one * 100)
        except socket.timeout:
            works()
        except OSError:
            hung_up = True
    must(hung_up, "it still waits for us")
    must(sent < 4 << 20, "%d bytes of questions were taken" % sent)


def reads_slowly():
    """As slow as it may be: it gets all of it."""
    s = connect()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    s.sendall(frame('{"verb":"sysctl.list"}'))
    data = b""
    s.settimeout(1)
    try:
        while True:
            more = s.recv(64)
            if not more:
                break
            data += more
            time.sleep(0.01)
    except socket.timeout:
        pass
    parts = n = 0
    while data:
        (size,) = struct.unpack(">I", data[:4])
        n += len(json.loads(data[4 : 4 + size])["ok"])
        parts += 1
        data = data[4 + size :]
    must(n > 100 and parts > 1, "%d settings in %d parts" % (n, parts))


def crowd():
    """A hundred clients: eight are served, the others are told; idle ones make room."""
    first = [connect() for _ in range(8)]
    for s in first:
        works(s)
    busy = 0
    for _ in range(92):
        a = read(connect())
        busy += bool(a and "busy" in a["error"])
    must(busy == 92, "%d were told" % busy)
    for s in first:
        works(s)
    time.sleep(1.5)
    works()
    gone = sum(1 for s in first if hung_up(s))
    must(gone == 1, "%d idle clients made room" % gone)


def hung_up(s):
    s.setblocking(False)
    try:
        return s.recv(1) == b""
    except BlockingIOError:
        return False


def stranger():
    """Another user, to whom the file system would even allow it."""
    try:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    except OSError:
        sys.exit(77)
    a = read(connect())
    must(a and "only root" in a["error"], "%r" % a)


def stays():
    """Connects, says that it has, and stays until it is hung up on."""
    s = connect()
    works(s)
    print("here", flush=True)
    must(read(s) is None, "an answer to nothing")


def parts():
    """A long answer comes in so many frames at least, none beyond its bound."""
    s = connect()
    s.sendall(frame('{"verb":"%s"}' % args[0]))
    n, more = 0, True
    while more:
        a = read(s)
        must(len(json.dumps(a)) < 1 << 20, "a frame is too long")
        more = a.get("more", False)
        n += 1
    must(n >= int(args[1]), "%d frames" % n)
    works(s)


def leaves_query():
    """Asks for names that nobody answers for, and goes."""
    for i in range(50):
        s = connect()
        s.sendall(frame('{"verb":"dns.query","name":"n%d.silent.test"}' % i))
        time.sleep(0.01)
        s.close()
    works()


def raw():
    print(json.dumps(ask(connect(), args[0])))


globals()[scenario]()
