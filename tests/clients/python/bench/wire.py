"""Just enough of the MQTT wire format to watch a connection and to read from one by hand.

Absent on purpose: validation and most properties. The tests of the codec live with the codec.
"""

import dataclasses
import struct

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)
NAMES = (
    "- CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK "
    "PINGREQ PINGRESP DISCONNECT AUTH"
).split()


@dataclasses.dataclass(frozen=True)
class Packet:
    raw: bytes
    body_at: int

    @property
    def kind(self):
        return self.raw[0] >> 4

    @property
    def body(self):
        return self.raw[self.body_at :]

    @property
    def qos(self):
        return self.raw[0] >> 1 & 3 if self.kind == PUBLISH else None

    @property
    def dup(self):
        return bool(self.raw[0] & 8) if self.kind == PUBLISH else None

    @property
    def retain(self):
        return bool(self.raw[0] & 1) if self.kind == PUBLISH else None

    @property
    def packet_id(self):
        """The Packet Identifier, of the kinds that have one in every version."""
        if self.kind == PUBLISH:
            return _u16(self.body, 2 + _u16(self.body, 0)) if self.qos else None
        if PUBACK <= self.kind <= UNSUBACK:
            return _u16(self.body, 0)
        return None

    @property
    def topic(self):
        return self.body[2 : 2 + _u16(self.body, 0)].decode()

    def payload(self, version):
        at = 2 + _u16(self.body, 0) + (2 if self.qos else 0)
        if version == 5:
            length, at = _variable_integer(self.body, at)
            at += length
        return self.body[at:]

    def __repr__(self):
        words = [NAMES[self.kind]]
        if self.packet_id:
            words.append(f"#{self.packet_id}")
        if self.kind == PUBLISH:
            words += [f"qos {self.qos}"] + ["dup"] * self.dup + ["retain"] * self.retain
        return f"<{' '.join(words)}>"


class Framer:
    """Cuts a stream of bytes into whole packets."""

    def __init__(self):
        self._held = bytearray()

    def feed(self, data):
        self._held += data
        at, packets = 0, []
        while (frame := self._frame(at)) is not None:
            body_at, end = frame
            packets.append(Packet(bytes(self._held[at:end]), body_at - at))
            at = end
        del self._held[:at]
        return packets

    def _frame(self, at):
        try:
            length, body_at = _variable_integer(self._held, at + 1)
        except IndexError:
            return None
        end = body_at + length
        return (body_at, end) if end <= len(self._held) else None


def connect(client_id, version, clean=True, keep_alive_secs=60):
    """The bytes of a CONNECT for protocol level 4 or 5."""
    properties = b"\0" if version == 5 else b""
    body = string("MQTT") + bytes([version, 2 if clean else 0]) + struct.pack(">H", keep_alive_secs)
    return packet(CONNECT, 0, body + properties + string(client_id))


def subscribe(packet_id, filters, version, qos=0):
    properties = b"\0" if version == 5 else b""
    body = struct.pack(">H", packet_id) + properties
    return packet(SUBSCRIBE, 2, body + b"".join(string(f) + bytes([qos]) for f in filters))


def string(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, flags, body):
    length, digits = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind << 4 | flags]) + bytes(digits) + body


def _u16(data, at):
    return data[at] << 8 | data[at + 1]


def _variable_integer(data, at):
    value = shift = 0
    while True:
        digit = data[at]
        at += 1
        value |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return value, at
