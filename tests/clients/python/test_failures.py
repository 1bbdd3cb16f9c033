"""The failure cases of QoS 1 that the promise is about, each as paho-mqtt meets it.

The packets that get lost are lost by a proxy between the client and the broker; its trace shows
what went over the wire. That something does *not* come is shown by something later that does.
"""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from bench import wire
from bench.peer import ALL_VERSIONS, V5, V31, V311
from bench.proxy import BROKER, CLIENT
from bench.waiting import poll

HERE = pathlib.Path(__file__).parent
versions = pytest.mark.parametrize("version", ALL_VERSIONS)


def subscriber_in_between(peers, version, **options):
    """A lasting subscriber to `t` at QoS 1."""
    subscriber = peers("reader", version=version, lasting=True, **options)
    subscriber.connect()
    subscriber.subscribe("t", qos=1)
    return subscriber


@versions
def test_puback_lost(peers, proxies, version):
    """The publisher sends again with the same identifier and DUP; the message arrives."""
    subscriber = subscriber_in_between(peers, version)
    proxy = proxies()
    publisher = peers("writer", port=proxy.port, version=version, lasting=True)
    publisher.connect()
    proxy.cut_at(BROKER, wire.PUBACK)
    publisher.publish("t", "temp:20", qos=1)
    first, again = [s.packet for s in proxy.wait_seen(CLIENT, wire.PUBLISH, 2)]
    assert first.packet_id == again.packet_id
    assert (first.dup, again.dup) == (False, True)
    publisher.publish("t", "temp:21", qos=1)
    payloads = subscriber.wait_payload("temp:21")
    assert set(payloads) == {"temp:20", "temp:21"}, "at least once, and nothing else"
    assert payloads[0] == "temp:20"


@versions
def test_publish_lost(peers, proxies, version):
    """A PUBLISH that never reached the broker comes again and is delivered once."""
    subscriber = subscriber_in_between(peers, version)
    proxy = proxies()
    publisher = peers("writer", port=proxy.port, version=version, lasting=True)
    publisher.connect()
    proxy.cut_at(CLIENT, wire.PUBLISH)
    publisher.publish("t", "temp:20", qos=1)
    publisher.publish("t", "temp:21", qos=1)
    assert subscriber.wait_payload("temp:21") == ["temp:20", "temp:21"]


@versions
def test_many_in_flight_when_the_connection_breaks(peers, proxies, version):
    """A window full of unacknowledged messages survives two cuts, in order, with nothing lost."""
    subscriber = subscriber_in_between(peers, version)
    proxy = proxies()
    publisher = peers("writer", port=proxy.port, version=version, lasting=True)
    publisher.connect()
    proxy.cut_at(BROKER, wire.PUBACK)
    proxy.cut_at(BROKER, wire.PUBACK)
    numbers = [f"{number}" for number in range(100)]
    sent = [publisher.publish("t", number, qos=1, wait=False) for number in numbers]
    for mid in sent:
        publisher.wait_acknowledged(mid)
    subscriber.wait_payload("99")
    first_seen = list(dict.fromkeys(subscriber.payloads()))
    assert first_seen == numbers, "none missing, and none for the first time after a later one"


@versions
@pytest.mark.parametrize("qos", (1, 2))
def test_subscriber_offline(peers, version, qos):
    """What is published while a lasting session is away waits for it."""
    subscriber = peers("reader", version=version, lasting=True)
    subscriber.connect()
    subscriber.subscribe("t", qos=qos)
    subscriber.cut()
    publisher = peers(version=version)
    publisher.connect()
    sent = [f"temp:{degrees}" for degrees in range(20, 25)]
    for payload in sent:
        publisher.publish("t", payload, qos=qos)
    publisher.disconnect()

    again = peers("reader", version=version, lasting=True)
    present = again.connect().session_present
    assert present or version == V31
    messages = again.wait_messages(5)
    assert again.payloads() == sent
    assert [m.qos for m in messages] == [qos] * 5
    assert not any(m.dup for m in messages), "sent for the first time, so without DUP"


@versions
def test_subscriber_killed_before_puback(broker, peers, tmp_path, version):
    """A subscriber that dies while it works on a message gets it again, with DUP."""
    received = tmp_path / "received"
    words = [sys.executable, HERE / "subscriber_to_kill.py", broker.port, version, received]
    victim = subprocess.Popen([str(w) for w in words], env={**os.environ, "PYTHONPATH": str(HERE)})
    try:
        poll(lambda: received.exists() and "subscribed" in received.read_text(), "the subscriber")
        publisher = peers(version=version)
        publisher.connect()
        publisher.publish("t", "temp:20", qos=1, wait=False)
        poll(lambda: "temp:20" in received.read_text(), "the message", seen=received.read_text)
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    identifier = int(received.read_text().split("temp:20 ")[1].split()[0])

    again = peers("reader", version=version, lasting=True)
    present = again.connect().session_present
    assert present or version == V31
    (message,) = again.wait_messages(1)
    assert message.payload == b"temp:20"
    assert message.dup, "a second delivery says that it is one"
    assert message.mid == identifier, "under the same packet identifier"


@versions
def test_acknowledged_never_again(broker, peers, proxies, version):
    """After its PUBACK a message does not return: not on reconnect, not after a clean stop."""
    proxy = proxies()
    subscriber = subscriber_in_between(peers, version, port=proxy.port)
    publisher = peers("writer", version=version, lasting=True)
    publisher.connect()
    for degrees in range(20, 25):
        publisher.publish("t", f"temp:{degrees}", qos=1)
    subscriber.wait_messages(5)
    settle(subscriber, proxy, 5)
    subscriber.cut()

    for count, payload in enumerate(("after a cut", "after a second cut"), start=6):
        again = peers("reader", port=proxy.port, version=version, lasting=True)
        again.connect()
        publisher.publish("t", payload, qos=1)
        assert again.wait_payload(payload) == [payload]
        settle(again, proxy, count)
        again.cut()
    publisher.disconnect()

    broker.stop()
    broker.start()
    fresh = peers("reader", version=version, lasting=True)
    fresh.connect()
    fresh.subscribe("t", qos=1)  # with durability `memory` the session has to be made again
    publisher = peers("writer", version=version, lasting=True)
    publisher.connect()
    publisher.publish("t", "after the stop", qos=1)
    assert fresh.wait_payload("after the stop") == ["after the stop"]


def settle(subscriber, proxy, count):
    """Returns when the broker has seen PUBACK number `count` that went through the proxy."""
    proxy.wait_seen(CLIENT, wire.PUBACK, count)
    subscriber.subscribe("other", qos=1)  # a round trip behind it


@pytest.mark.needs_paho_2  # 1.6 acknowledges by itself when the callback returns
@pytest.mark.parametrize("version", (V311, V5))
def test_manual_acknowledgement(peers, proxies, version):
    """No PUBACK before the program says so; until then the message comes again."""
    proxy = proxies()
    subscriber = subscriber_in_between(peers, version, port=proxy.port, manual_ack=True)
    publisher = peers(version=version)
    publisher.connect()
    publisher.publish("t", "done", qos=1, wait=False)
    publisher.publish("t", "not done", qos=1, wait=False)
    done, not_done = subscriber.wait_messages(2)
    assert proxy.seen(CLIENT, wire.PUBACK) == [], "processing has not ended"
    subscriber.paho.ack(done.mid, done.qos)
    (puback,) = proxy.wait_seen(CLIENT, wire.PUBACK)
    assert puback.packet.packet_id == done.mid
    settle(subscriber, proxy, 1)
    subscriber.cut()

    again = peers("reader", version=version, lasting=True, port=proxy.port, manual_ack=True)
    again.connect()
    (message,) = again.wait_messages(1)
    assert (message.payload, message.dup, message.mid) == (b"not done", True, not_done.mid)
    again.paho.ack(message.mid, message.qos)
    settle(again, proxy, 2)
    again.cut()

    last = peers("reader", version=version, lasting=True)
    last.connect()
    publisher.publish("t", "end", qos=1)
    assert last.wait_payload("end") == ["end"], "both are acknowledged now"


@pytest.mark.needs_paho_2
@pytest.mark.parametrize("version", (V311, V5))
def test_manual_acknowledgement_of_every_other(peers, proxies, version):
    """Messages that wait for the program do not stop others; only they come again."""
    proxy = proxies()
    subscriber = subscriber_in_between(peers, version, port=proxy.port, manual_ack=True)
    publisher = peers(version=version)
    publisher.connect()
    sent = [f"{number}" for number in range(10)]
    for payload in sent:
        publisher.publish("t", payload, qos=1, wait=False)
    messages = subscriber.wait_messages(10)
    assert subscriber.payloads() == sent
    assert len({m.mid for m in messages}) == 10
    for message in messages[::2]:
        subscriber.paho.ack(message.mid, message.qos)
    settle(subscriber, proxy, 5)
    subscriber.cut()

    again = peers("reader", version=version, lasting=True)
    again.connect()
    publisher.publish("t", "end", qos=1)
    assert again.wait_payload("end") == sent[1::2] + ["end"], "in their order, and only they"
