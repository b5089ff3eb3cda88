"""What the RFC of an event demands, in a sentence."""

SENTENCES = [  # the longest prefix of the source that fits
    ("RFC 9293 3.3.2", "The eleven states of a connection, and which may follow which: figure 5 has the edges."),
    ("RFC 9293 3.10.1", "OPEN: an active one sends a SYN with a fresh ISS and enters SYN-SENT; a passive one enters LISTEN."),
    ("RFC 9293 3.10.2", "SEND: the bytes are queued, and cut into segments as the windows, Nagle and the MSS let them go."),
    ("RFC 9293 3.10.3", "RECEIVE: bytes leave the receive buffer in order; the window may open again."),
    ("RFC 9293 3.10.4", "CLOSE: FIN follows the last byte queued; we send no more, and still receive."),
    ("RFC 9293 3.10.5", "ABORT: a RST tells the peer, everything queued is dropped, the state is CLOSED."),
    ("RFC 9293 3.10.7.1", "A segment for a connection that does not exist is answered by a RST, unless it is one."),
    ("RFC 9293 3.10.7.2", "In LISTEN a RST is ignored, an ACK is answered by a RST, and a SYN begins a connection."),
    ("RFC 9293 3.10.7.3", "In SYN-SENT the ACK must be of our SYN; SYN and ACK make ESTABLISHED, a SYN alone SYN-RECEIVED."),
    ("RFC 9293 3.10.7.4", "In all other states: sequence number, RST, SYN, ACK, URG, text and FIN are checked, in this order."),
    ("RFC 9293 3.10.7", "SEGMENT ARRIVES: which steps follow depends on the state."),
    ("RFC 9293 3.10.8", "TIMEOUTS: the user's gives the connection up, the retransmission's sends the front again, TIME-WAIT's deletes it."),
    ("RFC 9293 3.10", "Event processing: what each state does on each call, segment and timeout."),
    ("RFC 9293 3.8.6.1", "A zero window is probed, at growing intervals, so that a lost window update does no harm."),
    ("RFC 9293 3.8.6.2.1", "Silly windows: the sender waits for a full segment, or half the window, or this override timeout."),
    ("RFC 9293 3.8.6.3", "An ACK may wait up to 0.5 s, and every second full segment must be acknowledged."),
    ("RFC 9293 3.8.4", "Keepalives only when the application asks for them, after a long silence, and one lost kills nothing."),
    ("RFC 9293 3.8.1", "What is not acknowledged within the RTO is sent again."),
    ("RFC 9293 3.9.1", "The calls of an application: OPEN, SEND, RECEIVE, CLOSE, STATUS, ABORT."),
    ("RFC 9293 3.6", "Closing: each side closes its own direction; who closed first waits 2 MSL in TIME-WAIT."),
    ("RFC 6298 5", "The retransmission timer: it runs while data is unacknowledged; when it fires the earliest segment goes again and the RTO doubles."),
    ("RFC 6582", "NewReno: a partial ACK in recovery means that the next segment was lost too."),
    ("RFC 8985", "RACK-TLP: a segment is lost when one sent sufficiently later has been delivered; a probe finds losses at the tail."),
    ("RFC 4987", "SYN floods: a cookie in the sequence number keeps the state that the queue has no room for."),
    ("RFC 5961", "Blind attacks: a RST or SYN that is not exactly right is answered by a challenge ACK, a limited number of them."),
    ("RFC 7323", "Timestamps tell old duplicates from new segments (PAWS), and every ACK measures the round trip."),
    ("RFC 1122 3", "Internet hosts: what the IP layer must accept, and what it must drop silently."),
    ("RFC 791", "The Internet Protocol: the header, fragments, and time to live."),
    ("RFC 826", "ARP: who has this address?"),
    ("RFC 4861 7.3.2", "Neighbours are INCOMPLETE, REACHABLE, STALE or being probed: reachability is confirmed, not assumed."),
    ("RFC 1191 3", "Path MTU discovery: a router says how large a datagram may be; DF is set until then."),
]


def text(event):
    source = event.source.split(";")[0].split(",")[0].strip()
    best = max((s for s in SENTENCES if source.startswith(s[0])), key=lambda s: len(s[0]), default=None)
    if not source:
        said = "%s: our own affair: no RFC says it" % event.text
    else:
        said = "%s. %s" % (source, best[1]) if best else "%s: see there" % source
    return said + ("\nDecided in %s." % event.place if event.place else "")
