"""QoS 2 is exactly once, wherever in its handshake the connection breaks.

Each test breaks one connection at one packet of the handshake of the message `once`: either the
packet is lost with the connection (`lost`), or it is the last that gets through (`after`).
"""

import pytest

from bench import wire
from bench.peer import V5, V311
from bench.proxy import BROKER, CLIENT

HANDSHAKE_IN = [
    (CLIENT, wire.PUBLISH),
    (BROKER, wire.PUBREC),
    (CLIENT, wire.PUBREL),
    (BROKER, wire.PUBCOMP),
]
HANDSHAKE_OUT = [
    (BROKER, wire.PUBLISH),
    (CLIENT, wire.PUBREC),
    (BROKER, wire.PUBREL),
    (CLIENT, wire.PUBCOMP),
]

fates = pytest.mark.parametrize("lost", [True, False], ids=["lost", "after"])
versions = pytest.mark.parametrize("version", (V311, V5))


def steps(handshake):
    names = [wire.NAMES[kind] for _, kind in handshake]
    return pytest.mark.parametrize("sender, kind", handshake, ids=names)


@fates
@versions
@steps(HANDSHAKE_IN)
def test_publisher_is_cut(peers, proxies, version, sender, kind, lost):
    subscriber = peers("reader", version=version, lasting=True)
    subscriber.connect()
    subscriber.subscribe("t", qos=2)
    proxy = proxies()
    publisher = peers("writer", port=proxy.port, version=version, lasting=True)
    publisher.connect()
    proxy.cut_at(sender, kind, lost)
    publisher.publish("t", "once", qos=2)
    publisher.wait_connected(2)
    publisher.publish("t", "end", qos=2)
    assert subscriber.wait_payload("end") == ["once", "end"], proxy.trace
    assert_same_identifier(proxy)


@fates
@versions
@steps(HANDSHAKE_OUT)
def test_subscriber_is_cut(peers, proxies, version, sender, kind, lost):
    proxy = proxies()
    subscriber = peers("reader", port=proxy.port, version=version, lasting=True)
    subscriber.connect()
    subscriber.subscribe("t", qos=2)
    publisher = peers(version=version)
    publisher.connect()
    proxy.cut_at(sender, kind, lost)
    publisher.publish("t", "once", qos=2, wait=False)
    subscriber.wait_connected(2)
    publisher.publish("t", "end", qos=2)
    assert subscriber.wait_payload("end") == ["once", "end"], proxy.trace
    assert_same_identifier(proxy)
    again = [s.packet.dup for s in proxy.seen(BROKER, wire.PUBLISH, connection=2)]
    if (kind, lost) in [(wire.PUBLISH, True), (wire.PUBLISH, False), (wire.PUBREC, True)]:
        assert again == [True, False], "`once` again with DUP, `end` without"
    else:
        assert again == [False], "after PUBREC the message itself is not sent again"


@versions
def test_many_across_many_cuts(peers, proxies, version):
    """Twenty messages and a cut at each step of either side: each arrives once, in order."""
    to_reader, to_writer = proxies(), proxies()
    subscriber = peers("reader", port=to_reader.port, version=version, lasting=True)
    subscriber.connect()
    subscriber.subscribe("t", qos=2)
    publisher = peers("writer", port=to_writer.port, version=version, lasting=True)
    publisher.connect()
    for proxy, handshake in ((to_writer, HANDSHAKE_IN), (to_reader, HANDSHAKE_OUT)):
        for sender, kind in handshake:
            proxy.cut_at(sender, kind)
    numbers = [f"{number}" for number in range(20)]
    sent = [publisher.publish("t", number, qos=2, wait=False) for number in numbers]
    for mid in sent:
        publisher.wait_acknowledged(mid)
    subscriber.wait_connected(2)
    # One more that meets no cut, when all cuts have been used up on both sides.
    publisher.publish("t", "end", qos=2)
    subscriber.wait_payload("end")
    assert sorted(subscriber.payloads()) == sorted(numbers + ["end"]), "each exactly once"


def assert_same_identifier(proxy):
    """All packets of the first handshake carry one identifier, before and after the cut."""
    ids = [
        s.packet.packet_id
        for s in proxy.trace
        if wire.PUBLISH <= s.packet.kind <= wire.PUBCOMP and s.packet.packet_id
    ]
    assert len(set(ids)) == 2, f"one identifier for `once`, one for `end`: {proxy.trace}"
