"""A home: Home Assistant, which asks for everything at once and then stalls while it starts, and
the small devices beside it, which must not feel that.

Home Assistant sends up to 500 filters in one SUBSCRIBE, thousands in all, in a session that does
not last, at QoS 0. It finds its devices by retained discovery messages. ESPHome devices speak
3.1.1 with a lasting session, keep alive 15 s, and publish each state retained at QoS 0.
"""

import json
import random
import socket
import threading
import time

import pytest

from bench import wire
from bench.peer import V5, V311, Peer

FILTERS = 5_000
FILTERS_PER_SUBSCRIBE = 500
DISCOVERIES = 2_000
STALL_SECS = 3
SMALL_RECEIVE_BUFFER_BYTES = 4096
DEVICE_PERIOD_SECS = 0.05
# How late a state of the device may reach its watcher. Generous for a busy machine; what it has
# to catch is a broker that waits for the stalled reader.
DELAY_SECS_MAX = STALL_SECS / 2

both_versions = pytest.mark.parametrize("version", (V311, V5))


def discovery():
    """Topic → payload of 2,000 devices: most around 1 kB, some of 10 kB, one of 500 kB."""
    chance = random.Random(2000)
    found = {}
    for number in range(DISCOVERIES):
        size = 500_000 if number == 1234 else 10_000 if number % 4 == 0 else 1_000
        config = {"unique_id": f"device_{number}", "state_topic": f"devices/{number}/state"}
        config["padding"] = chance.randbytes((size - 100) // 2).hex()
        found[f"homeassistant/sensor/device_{number}/config"] = json.dumps(config).encode()
    return found


@pytest.fixture(scope="module")
def discoveries():
    return discovery()


@pytest.fixture
def announced(broker, discoveries):
    """The broker of this test holds all discovery messages."""
    bridge = Peer(broker.port, "zigbee2mqtt", version=V311)
    bridge.connect()
    # What zigbee2mqtt does: retained, QoS 1 here so that we know when all are there.
    sent = [
        bridge.publish(topic, payload, qos=1, retain=True, wait=False)
        for topic, payload in discoveries.items()
    ]
    for mid in sent:
        bridge.wait_acknowledged(mid)
    bridge.disconnect()
    return discoveries


class Device:
    """An ESPHome-like device with somebody who watches it, both while something else happens."""

    def __init__(self, peers):
        self.delays_secs = []
        self.watcher = peers("watcher", on_message=self._watch)
        self.watcher.connect()
        self.watcher.subscribe("kitchen/sensor/temperature/state", qos=0)
        self.peer = peers(
            "kitchen-a1b2c3",
            version=V311,
            lasting=True,
            keep_alive_secs=15,
            will=dict(topic="kitchen/status", payload="offline", qos=0, retain=True),
        )
        self.peer.connect()
        self.peer.subscribe("kitchen/+/+/command", qos=0)
        self.peer.publish("kitchen/status", "online", qos=0, retain=True)
        self._stop = threading.Event()
        self._states = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(DEVICE_PERIOD_SECS):
            state = f"{self._states} {time.monotonic()}"
            self._states += 1
            self.peer.publish("kitchen/sensor/temperature/state", state, qos=0, retain=True)

    def _watch(self, _peer, message):
        sent_at = float(message.payload.split()[1])
        self.delays_secs.append(time.monotonic() - sent_at)

    def check_undisturbed(self):
        """Every state came, in order and in time, and no connection was lost."""
        self._stop.set()
        self._thread.join()
        self.watcher.wait_messages(self._states)
        numbers = [int(payload.split()[0]) for payload in self.watcher.payloads()]
        assert numbers == list(range(self._states))
        assert max(self.delays_secs) < DELAY_SECS_MAX, "nobody waits for the stalled reader"
        for peer in (self.peer, self.watcher):
            assert (len(peer.connects), peer.disconnects) == (1, [])


@both_versions
def test_home_assistant_starts(broker, peers, announced, version):
    """Will, 5,000 filters in ten SUBSCRIBE packets, discovery, birth, commands, and its end."""
    device = Device(peers)
    panel = peers("panel")
    panel.connect()
    panel.subscribe("homeassistant/status", qos=0)

    will = dict(topic="homeassistant/status", payload="offline", qos=0)
    home = peers("6QbX1vVYzkTwA9mK3hJfRs", version=version, will=will)
    home.connect()
    # The wildcards come one per call, as it does it, and bring all discovery messages …
    home.subscribe("homeassistant/+/+/config", qos=0)
    home.subscribe("homeassistant/+/+/+/config", qos=0)
    # … and then the topics of all entities.
    topics = [f"devices/{number}/state" for number in range(FILTERS - 2)]
    for start in range(0, len(topics), FILTERS_PER_SUBSCRIBE):
        home.subscribe(*topics[start : start + FILTERS_PER_SUBSCRIBE], qos=0)
    home.wait_messages(DISCOVERIES)
    check_discovery({m.topic: m.payload for m in home.messages}, announced)
    assert all(m.retain for m in home.messages)

    home.publish("homeassistant/status", "online", qos=0)
    panel.wait_payload("online")
    # Every single filter works, the last as well as the first.
    panel.publish(topics[0], "first", qos=0)
    panel.publish(topics[-1], "last", qos=0)
    home.publish("kitchen/switch/relay/command", "ON", qos=0)
    home.wait_payload("first")
    home.wait_payload("last")
    device.peer.wait_payload("ON")
    # Asking again for the same filter brings the retained messages again.
    home.subscribe("homeassistant/+/+/config", qos=0)
    home.wait_messages(2 * DISCOVERIES + 2)

    home.cut()  # it ends without DISCONNECT so that its will fires
    panel.wait_payload("offline")
    device.check_undisturbed()


@both_versions
def test_stalled_reader_gets_everything(broker, peers, announced, version):
    """A reader that does not touch its socket for seconds gets all retained messages afterwards,
    in one piece each, and nobody else notices."""
    device = Device(peers)
    with socket.socket() as sock:
        # A small window, so that the messages wait in the broker and not in the kernel.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_RECEIVE_BUFFER_BYTES)
        sock.settimeout(30)
        sock.connect(("127.0.0.1", broker.port))
        sock.sendall(wire.connect("stalled", version))
        sock.sendall(wire.subscribe(1, ["homeassistant/#"], version))
        time.sleep(STALL_SECS)  # the stall is what is tested, so it is real time
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        got = read_publishes(sock, DISCOVERIES)
    assert all(p.retain and p.qos == 0 for p in got)
    check_discovery({p.topic: p.payload(version) for p in got}, announced)
    device.check_undisturbed()


@both_versions
def test_stalled_program_gets_everything(peers, announced, version):
    """The same with paho, whose program is busy in its first callback."""
    device = Device(peers)
    busy = [True]

    def on_message(_peer, _message):
        if busy:
            busy.clear()
            time.sleep(STALL_SECS)

    home = peers(version=version, on_message=on_message)
    home.connect()
    home.subscribe("homeassistant/#", qos=0)
    messages = home.wait_messages(DISCOVERIES)
    check_discovery({m.topic: m.payload for m in messages}, announced)
    assert (len(home.connects), home.disconnects) == (1, [])
    device.check_undisturbed()


def test_device_comes_back_to_its_session(peers):
    """ESPHome's way: the same lasting session, the same SUBSCRIBE again at each connect."""
    options = dict(version=V311, lasting=True, keep_alive_secs=15)
    app = peers("app")
    app.connect()
    for boot in range(3):
        device = peers("kitchen-a1b2c3", **options)
        assert device.connect().session_present == (boot > 0)
        device.subscribe("kitchen/switch/relay/command", qos=0)
        device.publish("kitchen/switch/relay/state", f"boot {boot}", qos=0, retain=True)
        app.publish("kitchen/switch/relay/command", f"toggle {boot}", qos=0)
        assert device.wait_payload(f"toggle {boot}") == [f"toggle {boot}"]
        device.cut()
    app.subscribe("kitchen/#", qos=0)
    (state,) = app.wait_messages(1)
    assert (state.payload, state.retain) == (b"boot 2", True)


def read_publishes(sock, count):
    framer, publishes = wire.Framer(), []
    while len(publishes) < count:
        data = sock.recv(1 << 16)
        assert data, f"the broker closed after {len(publishes)} of {count} messages"
        publishes += [p for p in framer.feed(data) if p.kind == wire.PUBLISH]
    return publishes


def check_discovery(got, expected):
    missing = [topic for topic in expected if topic not in got]
    assert not missing, f"{len(missing)} messages are missing, such as {missing[:3]}"
    damaged = [topic for topic in expected if got[topic] != expected[topic]]
    assert not damaged, f"{len(damaged)} messages came with another payload: {damaged[:3]}"
