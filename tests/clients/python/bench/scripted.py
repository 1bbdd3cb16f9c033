"""A server that answers each kind of packet with given bytes, for what a good broker never does.

    ScriptedServer({wire.CONNECT: wire.packet(wire.CONNACK, 0, b"\\0\\5")})

What is not in the script is not answered.
"""

import socket
import threading

from . import wire
from .waiting import Changes


class ScriptedServer:
    def __init__(self, answers):
        """`answers`: kind of packet → bytes, or a function from the packet to bytes."""
        self._answers = answers
        self._changes = Changes()
        self.packets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def wait_packet(self, kind):
        """Waits until a packet of this kind came from any client."""
        self._changes.wait_for(
            lambda: any(p.kind == kind for p in self.packets),
            wire.NAMES[kind],
            seen=lambda: self.packets,
        )

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        framer = wire.Framer()
        try:
            while data := client.recv(65536):
                for packet in framer.feed(data):
                    self._changes.change(lambda: self.packets.append(packet))
                    answer = self._answers.get(packet.kind, b"")
                    client.sendall(answer(packet) if callable(answer) else answer)
        except OSError:
            pass
        client.close()
