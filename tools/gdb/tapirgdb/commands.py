"""The commands. A docstring is the help; its first sentence is what `help tapir` lists."""

import re

import gdb

from tapirgdb import access as a
from tapirgdb import events, explain, printers, selftest, show

LISTED = 8  # names on a line of a list
UNTIL = 100000  # events at most that a state is waited for


class Command(gdb.Command):
    """Errors are one line, whatever happens."""

    def __init__(self, name, prefix=False):
        self.word = name
        super().__init__(name, gdb.COMMAND_RUNNING if prefix else gdb.COMMAND_DATA, gdb.COMPLETE_NONE, prefix)

    def invoke(self, text, from_tty):
        try:
            self.run(gdb.string_to_argv(text), from_tty)
        except gdb.GdbError:
            raise
        except gdb.MemoryError as e:
            a.fail("memory can't be read: %s" % e)
        except gdb.error as e:
            what = a.strip(str(e).strip().rstrip("."), "tapir: ")
            if "no member named" in what:
                what += ": these commands and the program are of different ages: see `tapir selftest`"
            elif "optimized out" in what:
                what += ": the build lost it: use plain `make`, or look one frame up"
            a.fail(what)
        except KeyboardInterrupt:
            print("interrupted")

    def need(self, argv, least, most):
        if not least <= len(argv) <= most:
            a.fail("usage: %s" % self.usage())

    def usage(self):
        return next(l.strip()[len("Usage: "):] for l in self.__doc__.splitlines() if l.strip().startswith("Usage: "))


def listed(names):
    names = list(names)
    lines = [" ".join(names[i:i + LISTED]) for i in range(0, len(names), LISTED)]
    return ("\n  " if len(lines) > 1 else " ") + "\n  ".join(lines)


def match(word, names, what, others=()):
    """The value of a name, in whatever case and with - or _; a part will do where only one has it. Others are said beside."""
    def plain(s):
        return s.upper().replace("-", "_")

    for v, name in names.items():
        if plain(name) == plain(word):
            return v
    near = [v for v, name in names.items() if plain(word) in plain(name)]
    if len(near) == 1:
        return near[0]
    a.fail("no such %s: %s: there are:%s" % (what, word, listed([names[v] for v in near or names] + list(others if not near else ()))))


class Tapir(Command):
    """Tapir's TCP/IP stack: its connections, its timers, and what happens next.
States, flags and numbers are those of RFC 9293; sequence numbers count from ISS and IRS. `print` and `info locals` show the
stack's types as people read them. All but break-state, break-drop, step-event and wire work on a core file too."""

    def run(self, argv, tty):
        if argv:
            a.fail("no such command: tapir %s: `help tapir` lists them" % argv[0])
        gdb.execute("help tapir")


class Conns(Command):
    """List listeners, connections and TIME-WAIT records of all stacks.
Usage: tapir conns
The number in front is what other commands take; a connection keeps it from its first SYN to the end of TIME-WAIT.
A listener's send-q is its backlog, its recv-q the connections that wait to be accepted."""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        show.conns()


class Conn(Command):
    """Show one connection: the whole TCB in RFC 9293's names, its rings and its scoreboard drawn.
Usage: tapir conn N|ADDR:PORT|:PORT|EXPRESSION
N is a number of `tapir conns`; ADDR:PORT or :PORT is either end; EXPRESSION is a struct tcp_conn or tcp_ep, or points to one.
Letters in the drawings: q queued, f in flight, r in flight again, s SACKed, L lost; # to be read, o out of order, - missing."""

    def run(self, argv, tty):
        if not argv:
            a.fail("usage: %s" % self.usage())
        show.conn(a.find(" ".join(argv)))


class Timers(Command):
    """List all timers of all stacks with the time to go, the next first.
Usage: tapir timers"""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        show.timers()


class Stats(Command):
    """Print the counters that are not zero, by Linux's names.
Usage: tapir stats"""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        show.stats()


class Drops(Command):
    """Print how many packets were dropped, by reason.
Usage: tapir drops"""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        show.drops()


class Routes(Command):
    """List interfaces with their addresses, and the routes.
Usage: tapir routes"""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        show.routes()


class Neighbours(Command):
    """List the neighbour cache: who has which MAC, and how sure that is.
Usage: tapir neigh"""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        show.neighbours()


class Conf(Command):
    """List the settings that differ from their defaults, or all with a word in their name.
Usage: tapir conf [WORD]"""

    def run(self, argv, tty):
        self.need(argv, 0, 1)
        show.conf(argv[0] if argv else "")


class BreakState(Command):
    """Stop when an endpoint enters a state.
Usage: tapir break-state STATE [N|ADDR:PORT|:PORT]
STATE is one of RFC 9293 3.3.2, as ESTABLISHED or fin-wait-1. With a connection, only for that one. It is a breakpoint like
others: `info breakpoints`, `delete`. The endpoint is in the state already when the program stops."""

    def run(self, argv, tty):
        self.need(argv, 1, 2)
        if len(argv) > 1 and not re.fullmatch(r"#?\d+|[0-9.*]*:\d+", argv[1]):
            a.fail("%s is no connection: %s" % (argv[1], self.usage()))
        names = {v: n for v, n in a.state_names().items() if v}
        value = match(argv[0], names, "state")
        need_symbol("tcp_state_entered")
        if len(argv) > 1 and re.fullmatch(r"#?\d+", argv[1]):
            a.find(argv[1])  # a number is a connection that there is; by address it may be one to come
        events.BreakState(value, argv[1] if len(argv) > 1 else "")

    def complete(self, text, word):
        return [n for n in sorted(a.state_names().values()) if n.startswith(word.upper())]


class BreakDrop(Command):
    """Stop when a packet is dropped, for one reason or any.
Usage: tapir break-drop REASON|any
REASON is a name of stack/drop.def, or a part that only one has, as TCP_WINDOW. It is a breakpoint like others. The program
stops with the packet still whole."""

    def run(self, argv, tty):
        self.need(argv, 1, 1)
        names = {v: a.strip(n, "DROP_") for v, n in a.enum("drop_reason").items()}
        names = {v: n for v, n in names.items() if n not in ("NONE", "COUNT")}
        value = None if argv[0] == "any" else match(argv[0], names, "reason")
        need_symbol("pkt_drop")
        events.BreakDrop(value)

    def complete(self, text, word):
        return [a.strip(n, "DROP_") for n in a.enum("drop_reason").values() if a.strip(n, "DROP_").startswith(word.upper())]


def need_symbol(name):
    if events.symbol(name) is None:
        a.type_of("struct tapir")
        a.fail("this program has no %s(): build it anew with `make`" % name)


class StepEvent(Command):
    """Run to the next event and print it in one line, with the RFC that it rests on.
Usage: tapir step-event [COUNT|STATE] [KIND]... [ADDR:PORT|:PORT|#N]
Events: state (changes), in, out and again (segments; again: a retransmission), timer, call (of the application), drop, note.
The line: seconds since the first event, the connection's number, its local end, what, RFC. Numbers count from ISS and IRS, the
SYNs being 0. With COUNT so many events, with STATE all until an endpoint enters it; with a KIND (state, in ...) only such; with
an end or #N of `tapir conns` only those of that connection. Starts the program when it does not run yet. Enter does it again.
The frame chosen is the one that decided; $conn points to the event's connection, or is void: `print *$conn`."""

    def run(self, argv, tty):
        self.need(argv, 0, 2 + len(events.KINDS))
        count, word, state, kinds = 1, "", None, []
        for arg in argv:
            if arg.isdigit():
                count = int(arg)
            elif ":" in arg or arg.startswith("#") and arg[1:].isdigit():
                word = arg
            elif arg in events.KINDS:
                kinds.append(arg)
            else:
                names = {v: n for v, n in a.state_names().items() if v}
                state, count = names[match(arg, names, "state", events.KINDS)], UNTIL
        if count < 1:
            a.fail("%d events are none: give a COUNT of 1 or more" % count)
        if state and kinds and "state" not in kinds:
            kinds.append("state")  # or the end would not be seen
        if not a.running():
            a.type_of("struct tapir")
            events.fresh()
        for _ in range(count):
            event = events.step(word, kinds)
            if event is None:
                return
            print(event.line())
            if state and event.kind == "state" and event.text.endswith("-> " + state):
                return


class Wire(Command):
    """Draw the last segments of a connection as a ladder, with the states on both sides.
Usage: tapir wire [on|off] | [N|ADDR:PORT|:PORT] [COUNT]
The drawing is that of RFC 9293's figures: a segment leaves on one side and arrives on the other, the states are those
after it, ... means in transit, or lost, or that the other side is not in this process. Segments are seen while step-event
runs, and from `tapir wire on` to `off` (which slows the program down)."""

    def run(self, argv, tty):
        self.need(argv, 0, 2)
        if argv == ["on"]:
            a.type_of("struct tapir")
            if not a.running():
                events.fresh()
            events.collect()
            return
        if argv == ["off"]:
            events.stop_collecting()
            return
        word = argv[0] if argv else ""
        if len(argv) > 1 and not (argv[1].isdigit() and int(argv[1]) > 0):
            a.fail("%s is no COUNT: %s" % (argv[1], self.usage()))
        events.wire(word, int(argv[1]) if len(argv) > 1 else 30)


class Explain(Command):
    """Say in a sentence what the RFC of the last event demands.
Usage: tapir explain"""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        if events.S.last is None:
            a.fail("no event was seen yet: `tapir step-event`")
        print(explain.text(events.S.last))


class NameStack(Command):
    """Name a stack that is not found by itself, or list those that are known.
Usage: tapir stack [EXPRESSION]
Stacks are found in the variables of the functions that the program is in. Where none is, EXPRESSION is a struct tapir *."""

    def run(self, argv, tty):
        if not argv:
            for stack in a.stacks():
                print("0x%x  %s, at %s" % (stack.addr, stack.name(), a.seconds(stack.now)))
            return
        v = gdb.parse_and_eval(" ".join(argv))
        if not a.plausible(int(v)):
            a.fail("%s is no stack: give a struct tapir *" % " ".join(argv))
        a.learn(int(v))


class Selftest(Command):
    """Check that these commands and the program fit together.
Usage: tapir selftest
Lists what they use and the program's debug information lacks."""

    def run(self, argv, tty):
        self.need(argv, 0, 0)
        a.type_of("struct tapir")
        missing = selftest.missing()
        if missing:
            a.fail("the program lacks %s%s" % (", ".join(missing[:10]), " and %d more" % (len(missing) - 10)
                                               if len(missing) > 10 else ""))
        print("all of %d types and functions are as these commands know them" % selftest.count())


class Welcome(Command):
    """Say what to do first.
Usage: tapir welcome"""

    def run(self, argv, tty):
        print("Two stacks on a simulated wire, in virtual time: no timer fires while you look.\n"
              "  tapir step-event    the next event; Enter does it again\n"
              "  tapir conns         tapir conn N        tapir wire        tapir timers\n"
              "  help tapir          the rest")


class Tour(Command):
    """Run through a connection from CLOSED to TIME-WAIT, and show on the way what the commands print.
Usage: tapir tour
What `tapir demo --gdb --batch` does."""

    def run(self, argv, tty):
        for command in ("tapir step-event established", "tapir conn 2", "tapir step-event time-wait", "tapir conns",
                        "tapir wire", "tapir timers"):
            print("(gdb) " + command)
            gdb.execute(command)
            print()


def load():
    printers.load()
    events.load()
    Tapir("tapir", prefix=True)
    for command, kind in (("conns", Conns), ("conn", Conn), ("timers", Timers), ("stats", Stats), ("drops", Drops),
                          ("routes", Routes), ("neigh", Neighbours), ("conf", Conf),
                          ("break-state", BreakState), ("break-drop", BreakDrop), ("step-event", StepEvent), ("wire", Wire),
                          ("explain", Explain), ("stack", NameStack), ("selftest", Selftest)):
        kind("tapir " + command)
    Welcome("tapir welcome")
    Tour("tapir tour")
