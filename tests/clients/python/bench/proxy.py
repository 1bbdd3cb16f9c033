"""A TCP proxy between one client and the broker that loses a chosen packet and cuts the connection.

A cut is what a lost network looks like to both sides: neither gets a DISCONNECT, and what was on
the way is gone. The client is expected to come back through the same proxy. Every packet that
reached the proxy is in `trace`, also the lost one.
"""

import dataclasses
import socket
import threading

from . import wire
from .waiting import Changes

CLIENT, BROKER = "client", "broker"


@dataclasses.dataclass(frozen=True)
class Seen:
    """A packet on the wire: on which connection (counted from 1), from whom, and its fate."""

    connection: int
    sender: str
    packet: wire.Packet
    lost: bool

    def __repr__(self):
        return f"{self.connection}:{self.sender}{self.packet}{' LOST' if self.lost else ''}"


@dataclasses.dataclass
class Cut:
    """Cut at the next packet of `kind` from `sender`; `lost` says whether it still gets through."""

    sender: str
    kind: int
    lost: bool


class Proxy:
    def __init__(self, broker_port):
        self._broker_port = broker_port
        self._changes = Changes()
        self._cuts = []
        self._sockets = []
        self._connections = 0
        self.trace = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, sender, kind, lost=True):
        """Plans one cut. Plans are used up in the order in which they match."""
        self._changes.change(lambda: self._cuts.append(Cut(sender, kind, lost)))

    def seen(self, sender, kind, connection=None):
        return [
            s
            for s in list(self.trace)
            if s.sender == sender
            and s.packet.kind == kind
            and (connection is None or s.connection == connection)
        ]

    def wait_seen(self, sender, kind, count=1, connection=None):
        """Waits until `count` such packets went by and returns them."""
        return self._changes.wait_for(
            lambda: len(found := self.seen(sender, kind, connection)) >= count and found,
            f"{count} {wire.NAMES[kind]} from the {sender}",
            seen=lambda: self.trace,
        )

    def close(self):
        # Closing alone would not wake a thread that waits in the call.
        for sock in [self._listener, *self._sockets]:
            shut_down(sock, socket.SHUT_RDWR)
            sock.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                client.close()  # the broker is down: the client shall notice and come back
                continue
            for sock in (client, broker):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, broker]
            self._connections += 1
            link = Link(self._connections, client, broker)
            for sender in (CLIENT, BROKER):
                threading.Thread(target=self._pump, args=(link, sender), daemon=True).start()

    def _pump(self, link, sender):
        source, target = link.ends(sender)
        framer = wire.Framer()
        try:
            while data := source.recv(65536):
                for packet in framer.feed(data):
                    self._pass_on(link, sender, packet, target)
        except OSError:
            pass
        shut_down(target)

    def _pass_on(self, link, sender, packet, target):
        def decide():
            # Nothing passes after a cut, however much of it is already here.
            cut = None if link.is_cut else self._due(sender, packet.kind)
            lost = link.is_cut or (cut is not None and cut.lost)
            link.is_cut = link.is_cut or cut is not None
            self.trace.append(Seen(link.number, sender, packet, lost))
            return lost, cut is not None

        lost, cut_now = self._changes.change(decide)
        if not lost:
            target.sendall(packet.raw)
        if cut_now:
            link.end()

    def _due(self, sender, kind):
        for cut in self._cuts:
            if (cut.sender, cut.kind) == (sender, kind):
                self._cuts.remove(cut)
                return cut
        return None


class Link:
    """The two sockets of one connection through the proxy."""

    def __init__(self, number, client, broker):
        self.number = number
        self.is_cut = False
        self._client, self._broker = client, broker

    def ends(self, sender):
        pair = (self._client, self._broker)
        return pair if sender == CLIENT else pair[::-1]

    def end(self):
        # Only the sending halves: a closed socket would answer with a reset, which may overtake
        # the last bytes. The pumps go on reading, and losing, until both sides are gone.
        for sock in (self._client, self._broker):
            shut_down(sock)


def shut_down(sock, half=socket.SHUT_WR):
    try:
        sock.shutdown(half)
    except OSError:
        pass  # it has gone already
