"""One client of paho-mqtt, with the same face for its generations 1.6 and 2.x.

The two differ in what their callbacks are given; what goes over the wire is paho's own doing
and is left alone. A `Peer` records what it is told and lets a test wait for it.
"""

import dataclasses
import itertools
import os
import socket
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from .waiting import DEADLINE_SECS, Changes

V31, V311, V5 = mqtt.MQTTv31, mqtt.MQTTv311, mqtt.MQTTv5
ALL_VERSIONS = [V31, V311, V5]
VERSION_NAMES = {V31: "3.1", V311: "3.1.1", V5: "5.0"}

IS_PAHO_2 = hasattr(mqtt, "CallbackAPIVersion")

SUCCESS = 0
LASTING_SECS = 3600
CLOSE_SECS_MAX = 2

_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Connected:
    code: int
    session_present: bool
    properties: object


def properties(packet, **values):
    """Properties of a packet by name, such as `properties("PUBLISH", ContentType="text")`."""
    result = Properties(getattr(PacketTypes, packet))
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            setattr(result, name, each)
    return result


class Peer:
    """`connect` and `subscribe` return when the broker has answered."""

    def __init__(
        self,
        port,
        client_id=None,
        version=V311,
        lasting=False,
        keep_alive_secs=60,
        will=None,
        connect_properties=None,
        on_message=None,
        manual_ack=False,
    ):
        if client_id is None:
            client_id = f"peer-{os.getpid()}-{next(_numbers)}"
        self.port, self.client_id, self.version = port, client_id, version
        self.lasting, self.keep_alive_secs = lasting, keep_alive_secs
        self.connect_properties = dict(connect_properties or {})
        self.on_message = on_message
        self._changes = Changes()
        self.connects, self.disconnects = [], []
        self.messages, self.acknowledged = [], {}
        self._subacks, self._unsubacks = {}, {}
        self.paho = self._make_paho()
        if manual_ack:
            self.paho.manual_ack_set(True)
        if will:
            self.paho.will_set(**will)

    # --- doing ---

    def connect(self, expect=SUCCESS):
        """Connects, checks the code of the CONNACK and returns the `Connected`."""
        number = len(self.connects) + 1
        connected = self.start().wait_connected(number)
        assert connected.code == expect, f"CONNACK with code {connected.code}, not {expect}"
        return connected

    def start(self):
        extra = {}
        if self.version == V5:
            values = dict(self.connect_properties)
            if self.lasting:
                values.setdefault("SessionExpiryInterval", LASTING_SECS)
            extra = {
                "clean_start": not self.lasting,
                "properties": properties("CONNECT", **values) if values else None,
            }
        self.paho.connect("127.0.0.1", self.port, keepalive=self.keep_alive_secs, **extra)
        self.paho.loop_start()
        return self

    def subscribe(self, *filters, qos=1, expect=None, subscribe_properties=None, **options):
        """Subscribes to all filters in one SUBSCRIBE; returns the codes of the SUBACK."""
        if self.version == V5:
            wanted = [(f, SubscribeOptions(qos=qos, **options)) for f in filters]
            props = subscribe_properties and properties("SUBSCRIBE", **subscribe_properties)
            result, mid = self.paho.subscribe(wanted, properties=props)
        else:
            result, mid = self.paho.subscribe([(f, qos) for f in filters])
        assert result == mqtt.MQTT_ERR_SUCCESS, f"subscribe failed locally with {result}"
        codes = self._changes.wait_for(
            lambda: self._subacks.get(mid), f"SUBACK of {filters[:3]}", seen=lambda: self._subacks
        )
        expect = [qos] * len(filters) if expect is None else expect
        assert codes == expect, f"SUBACK of {filters[:3]} with {codes}, not {expect}"
        return codes

    def unsubscribe(self, *filters):
        result, mid = self.paho.unsubscribe(list(filters))
        assert result == mqtt.MQTT_ERR_SUCCESS, f"unsubscribe failed locally with {result}"
        return self._changes.wait_for(lambda: self._unsubacks.get(mid), f"UNSUBACK of {filters}")

    def publish(self, topic, payload, qos=1, retain=False, wait=True, **props):
        """Publishes; with `wait` returns when the handshake is complete (QoS 0: when sent)."""
        extra = {"properties": properties("PUBLISH", **props)} if props else {}
        sent = self.paho.publish(topic, payload, qos=qos, retain=retain, **extra)
        if wait:
            self.wait_acknowledged(sent.mid)
        return sent.mid

    def disconnect(self, *reason_and_properties):
        """DISCONNECT as it should be, and the end of the client's thread."""
        watched = _Watched(self.paho.socket())
        self.paho.disconnect(*reason_and_properties)
        self.paho.loop_stop()
        watched.wait_closed()

    def cut(self):
        """Ends the connection without a DISCONNECT and does not come back by itself.

        `loop_stop` alone waits for the next second, and for ever while something is not
        acknowledged; the end of the connection wakes the thread that it waits for."""
        watched = _Watched(self.paho.socket())
        stopping = threading.Thread(target=self.paho.loop_stop)
        stopping.start()
        watched.close_sending_half()
        watched.wait_closed()
        while stopping.is_alive():
            if sock := self.paho.socket():
                _shut_down(sock, socket.SHUT_RDWR)
            stopping.join(0.05)

    # --- waiting ---

    def wait_connected(self, count=1, deadline_secs=DEADLINE_SECS):
        self._changes.wait_for(
            lambda: len(self.connects) >= count,
            f"connection {count} of {self.client_id}",
            deadline_secs,
            lambda: (self.connects, self.disconnects),
        )
        return self.connects[count - 1]

    def wait_disconnected(self, count=1):
        self._changes.wait_for(
            lambda: len(self.disconnects) >= count, f"the end of connection {count}"
        )
        return self.disconnects[count - 1]

    def wait_acknowledged(self, mid):
        """Waits for the end of the QoS handshake of `mid`; returns its reason code if known."""
        self._changes.wait_for(
            lambda: mid in self.acknowledged,
            f"the acknowledgement of packet {mid} to {self.client_id}",
            seen=lambda: (self.acknowledged, self.connects, self.disconnects),
        )
        return self.acknowledged[mid]

    def wait_messages(self, count, deadline_secs=DEADLINE_SECS):
        """Waits until `count` messages came in all, and returns all that came."""
        self._changes.wait_for(
            lambda: len(self.messages) >= count,
            f"message {count} to {self.client_id}",
            deadline_secs,
            lambda: f"{len(self.messages)} messages, the last: {self.payloads()[-20:]}",
        )
        return list(self.messages)

    def wait_payload(self, payload):
        """Waits for a message with this payload, and returns all payloads that came until then."""
        self._changes.wait_for(
            lambda: payload in self.payloads(), f"{payload!r}", seen=self.payloads
        )
        return self.payloads()

    def payloads(self):
        return [_text(m.payload) for m in self.messages]

    # --- what paho calls ---

    def _make_paho(self):
        extra = {"client_id": self.client_id, "protocol": self.version}
        if self.version != V5:
            extra["clean_session"] = not self.lasting
        if IS_PAHO_2:
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, **extra)
        else:
            client = mqtt.Client(**extra)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = lambda _c, _u, mid, codes, *_: self._note(self._subacks, mid, codes)
        client.on_unsubscribe = self._on_unsubscribe
        # Fractions work, and cut tests would otherwise spend their time waiting for a second.
        client.reconnect_delay_set(0.05, 0.5)
        return client

    def _on_connect(self, _client, _userdata, flags, code, props=None):
        present = flags["session present"] if isinstance(flags, dict) else flags.session_present
        connected = Connected(_code(code), bool(present), props)
        self._changes.change(lambda: self.connects.append(connected))

    def _on_disconnect(self, _client, _userdata, *arguments):
        # 1.6 gives (code[, properties]), 2.x gives (flags, code, properties).
        code = arguments[1] if IS_PAHO_2 else arguments[0]
        self._changes.change(lambda: self.disconnects.append(_code(code)))

    def _on_publish(self, _client, _userdata, mid, code=None, _properties=None):
        known = None if code is None else _code(code)
        self._changes.change(lambda: self.acknowledged.update({mid: known}))

    def _on_message(self, _client, _userdata, message):
        self._changes.change(lambda: self.messages.append(message))
        if self.on_message:
            self.on_message(self, message)

    def _on_unsubscribe(self, _client, _userdata, mid, *arguments):
        # 1.6 gives (), or (properties, codes) in 5.0; 2.x gives (codes, properties).
        codes = next((a for a in arguments if not isinstance(a, Properties)), [])
        codes = codes if isinstance(codes, list) else [codes]
        self._note(self._unsubacks, mid, codes or [SUCCESS])

    def _note(self, table, mid, codes):
        self._changes.change(lambda: table.update({mid: [_code(c) for c in codes]}))


class _Watched:
    """A socket of paho's, kept open until the broker has closed its side.

    Only then does the broker surely know that the client is gone, and a test that goes on with
    "while it is away" means what it says."""

    def __init__(self, sock):
        try:
            self._sock = sock.dup() if sock else None
        except OSError:
            self._sock = None  # paho's thread has closed it meanwhile

    def close_sending_half(self):
        if self._sock:
            _shut_down(self._sock, socket.SHUT_WR)

    def wait_closed(self):
        if not self._sock:
            return
        with self._sock as sock:
            sock.settimeout(CLOSE_SECS_MAX)
            try:
                while sock.recv(65536):
                    pass
            except OSError:
                pass  # reset, or a broker that does not close: then nobody is waited for
            _shut_down(sock, socket.SHUT_RDWR)


def _shut_down(sock, half):
    try:
        sock.shutdown(half)
    except OSError:
        pass  # the other side was quicker


def _code(code):
    return int(getattr(code, "value", code))


def _text(payload):
    return payload.decode("utf-8", "replace")
