#!/usr/bin/env python3
"""A name server that does what no name server should: hostile_scenarios.py has the list.

The first label of the name asked for chooses what is done; the labels between it and hostile.test. are free, so
that a test can ask again without meeting what it has been told before. It answers on every address of the machine, from
the address that it was asked at: a test gives each scenario a server of its own by asking at another
one (10.66.0.0/16, say, made local by `ip route add local 10.66.0.0/16 dev lo`), and then nothing that a resolver
remembers of a server goes from one scenario to the next.

    hostile_dns.py --list                       name, status, options, seconds, sentence, dig's status, ids, group: separated by tabs
    hostile_dns.py [--other ADDRESS] [--times N]    serves port 53 until it is killed; ADDRESS is another of ours, to send
                                from; N times as slow as the scenarios say

Port 5301 is served over UDP alone, and nothing listens at port 5399.

A scenario is a generator: it gets the query and yields steps, each a tuple whose first word says what is to be done.
    ('send', bytes, {options})  over UDP: source=ADDRESS, sport=PORT, dport=PORT; over TCP with the two octets of length
    ('raw', bytes)              over TCP, as it is
    ('wait', seconds)
    ('close',) ('reset',) ('shut',)     the connection
    ('icmp', type, code, {sport=, rest=})       an ICMP error that quotes the query
    ('fragments', bytes, size)  the datagram cut into IP fragments
"""
import argparse
import asyncio
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hostile_scenarios as scenarios  # noqa: E402

IP_PKTINFO = 8
PORT, UDP_ONLY = 53, 5301


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_header(src, dst, proto, length, ident=0x1234, frag=0):
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, ident, frag, 64, proto, 0, src, dst)
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:]


class Server:
    def __init__(self, other, times):
        self.other, self.times = other, times
        self.seen = {}  # (transport, name, type): how often it was asked
        self.loop = asyncio.get_running_loop()
        self.udp = {port: self.udp_socket(port) for port in (PORT, UDP_ONLY)}
        self.raw_ip = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for port, sock in self.udp.items():
            self.loop.add_reader(sock.fileno(), self.udp_readable, port, sock)
        self.tasks = set()

    @staticmethod
    def udp_socket(port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.setblocking(False)
        s.bind(("0.0.0.0", port))
        return s

    def keep(self, coroutine):
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.ended)

    def ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            print("hostile: %r" % task.exception(), file=sys.stderr, flush=True)

    def query(self, data, transport):
        """The query and its scenario, or None for what can't be read."""
        try:
            q = scenarios.Query(data, transport)
        except (ValueError, IndexError, struct.error):
            return None
        key = (transport, q.key)
        self.seen[key] = self.seen.get(key, 0) + 1
        q.nth = self.seen[key]
        q.total = sum(self.seen.get((t, q.key), 0) for t in ("udp", "tcp"))
        return q

    # UDP

    def udp_readable(self, port, sock):
        for _ in range(64):
            try:
                data, ancillary, _, client = sock.recvmsg(65536, 256)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error about what was sent
            here = next(struct.unpack("=i4s4s", c)[1] for level, kind, c in ancillary if kind == IP_PKTINFO)
            q = self.query(data, "udp")
            if q:
                self.keep(self.udp_steps(q, (here, port), client))

    def udp_send(self, data, here, client, source=None, sport=None, dport=None):
        address = socket.inet_aton(self.other if source == "other" else source) if source else here[0]
        sport = sport or here[1]
        if sport not in self.udp:
            self.udp[sport] = self.udp_socket(sport)
        info = [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4s", 0, address, address))]
        to = (client[0], dport(client[1]) if dport else client[1])
        try:
            self.udp[sport].sendmsg([data], info, 0, to)
        except OSError:
            pass  # an ICMP error about what was sent before

    async def udp_steps(self, q, here, client):
        for step in scenarios.run(q):
            what, args = step[0], step[1:]
            if what == "send":
                self.udp_send(args[0], here, client, **(args[1] if len(args) > 1 else {}))
            elif what == "wait":
                await asyncio.sleep(args[0] * self.times)
            elif what == "icmp":
                self.icmp(q, here, client, *args)
            elif what == "fragments":
                self.fragments(here, client, *args)

    def icmp(self, q, here, client, kind, code, how=None):
        how = how or {}
        there = socket.inet_aton(client[0])
        udp = struct.pack("!HHHH", how.get("sport", client[1]), here[1], 8 + len(q.data), 0)
        quote = ip_header(there, how.get("dst", here[0]), 17, len(udp) + len(q.data)) + udp + q.data[: how.get("quoted", 64)]
        body = struct.pack("!BBHI", kind, code, 0, how.get("rest", 0)) + quote
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        packet = ip_header(here[0], there, 1, len(body)) + body
        self.raw_ip.sendto(packet, (client[0], 0))

    def fragments(self, here, client, data, size, order=None):
        there = socket.inet_aton(client[0])
        udp = struct.pack("!HHHH", here[1], client[1], 8 + len(data), 0) + data
        pseudo = here[0] + there + struct.pack("!BBH", 0, 17, len(udp))
        udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
        size &= ~7
        at = list(range(0, len(udp), size))
        for offset in reversed(at) if order == "reverse" else at:
            part = udp[offset : offset + size]
            more = 0x2000 if offset + size < len(udp) else 0
            self.raw_ip.sendto(ip_header(here[0], there, 17, len(part), 0x4242, offset // 8 | more) + part, (client[0], 0))

    # TCP

    async def tcp_client(self, reader, writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                length = struct.unpack("!H", await reader.readexactly(2))[0]
                q = self.query(await reader.readexactly(length), "tcp")
                if not q:
                    continue
                steps = self.tcp_steps(q, writer)
                if q.side_by_side:
                    self.keep(steps)
                elif not await steps:
                    return
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()

    async def tcp_steps(self, q, writer):
        """False: the connection is over."""
        for step in scenarios.run(q):
            what, args = step[0], step[1:]
            if what == "send":
                writer.write(struct.pack("!H", len(args[0])) + args[0])
                await writer.drain()
            elif what == "raw":
                writer.write(args[0])
                await writer.drain()
            elif what == "wait":
                await asyncio.sleep(args[0] * self.times)
            elif what == "shut":
                writer.write_eof()
            elif what == "reset":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            elif what == "close":
                return False
        return True


async def serve(options):
    server = Server(options.other, options.times)
    await asyncio.start_server(server.tcp_client, "0.0.0.0", PORT, backlog=512)
    await asyncio.Event().wait()


def main():
    p = argparse.ArgumentParser(description="a hostile name server, for tests")
    p.add_argument("--list", action="store_true")
    p.add_argument("--other", default="127.0.0.2", help="an address of ours to send from")
    p.add_argument("--times", type=float, default=1, help="so much slower, where all is slow")
    options = p.parse_args()
    if options.list:
        for s in scenarios.ALL.values():
            if s.listed:
                print("\t".join(x or "-" for x in (s.name, s.status, s.options, "%g" % s.seconds, s.sentence, s.dig, s.ids, s.group)))
        return
    try:
        asyncio.run(serve(options))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
