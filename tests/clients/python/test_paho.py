"""paho-mqtt in 3.1, 3.1.1 and 5.0: what every version of the protocol has."""

import itertools

import pytest

from bench import wire
from bench.peer import ALL_VERSIONS, SUCCESS, V5, V31, V311
from bench.proxy import BROKER

versions = pytest.mark.parametrize("version", ALL_VERSIONS)
QOS = (0, 1, 2)

IDENTIFIER_REJECTED = 2


@versions
def test_each_qos_meets_each_qos(peers, version):
    """A delivery has the lower of the two QoS."""
    publisher = peers(version=version).start()
    publisher.wait_connected()
    subscribers = {qos: peers(version=version) for qos in QOS}
    for qos, subscriber in subscribers.items():
        assert not subscriber.connect().session_present
        subscriber.subscribe("bench/+/level", qos=qos)
    for qos in QOS:
        publisher.publish("bench/tank/level", f"at {qos}", qos=qos)
    for granted, subscriber in subscribers.items():
        got = {(m.payload.decode(), m.qos) for m in subscriber.wait_messages(len(QOS))}
        assert got == {(f"at {qos}", min(qos, granted)) for qos in QOS}
        assert not any(m.retain or m.dup for m in subscriber.messages)


@pytest.mark.parametrize(
    "from_version, to_version", list(itertools.permutations(ALL_VERSIONS, 2))
)
def test_versions_understand_each_other(peers, from_version, to_version):
    publisher, subscriber = peers(version=from_version), peers(version=to_version)
    publisher.connect()
    subscriber.connect()
    subscriber.subscribe("a/b", qos=2)
    publisher.publish("a/b", "hello", qos=2, retain=True)
    late = peers(version=to_version)
    late.connect()
    late.subscribe("a/b", qos=2)
    assert [m.retain for m in subscriber.wait_messages(1)] == [False]
    assert [m.retain for m in late.wait_messages(1)] == [True]
    assert subscriber.payloads() == late.payloads() == ["hello"]


@versions
def test_persistent_session(peers, version):
    """Subscriptions and what was missed survive the connection; a clean start forgets both."""
    subscriber = peers("fridge", version=version, lasting=True)
    assert not subscriber.connect().session_present
    subscriber.subscribe("kitchen/#", qos=2)
    subscriber.disconnect()

    publisher = peers(version=version)
    publisher.connect()
    for number in range(30):
        publisher.publish("kitchen/door", f"{number}", qos=1 + number % 2)

    again = peers("fridge", version=version, lasting=True)
    present = again.connect().session_present
    # 3.1 has no such flag in CONNACK; whether it is set anyhow is the broker's choice.
    assert present or version == V31
    messages = again.wait_messages(30)
    for qos in (1, 2):
        of_qos = [m.payload.decode() for m in messages if m.qos == qos]
        assert of_qos == [f"{n}" for n in range(30) if 1 + n % 2 == qos], "order within a QoS"
    again.disconnect()

    fresh = peers("fridge", version=version)
    assert not fresh.connect().session_present
    publisher.publish("kitchen/door", "to nobody")
    fresh.subscribe("kitchen/#")
    publisher.publish("kitchen/door", "to the new session")
    assert fresh.wait_payload("to the new session") == ["to the new session"]


@versions
@pytest.mark.parametrize("qos", QOS)
def test_will(peers, version, qos):
    """A will is published when the connection just ends, as retained if so asked."""
    watcher = peers(version=version)
    watcher.connect()
    watcher.subscribe("status/#", qos=2)
    will = dict(topic="status/pump", payload="offline", qos=qos, retain=True)
    pump = peers(version=version, will=will)
    pump.connect()
    pump.cut()
    (message,) = watcher.wait_messages(1)
    assert (message.topic, message.payload, message.qos) == ("status/pump", b"offline", qos)
    assert not message.retain, "a live delivery is not marked retained"

    late = peers(version=version)
    late.connect()
    late.subscribe("status/#", qos=2)
    assert [m.retain for m in late.wait_messages(1)] == [True]


@versions
def test_no_will_after_disconnect(peers, version):
    watcher = peers(version=version)
    watcher.connect()
    watcher.subscribe("status/#")
    pump = peers(version=version, will=dict(topic="status/pump", payload="offline", qos=1))
    pump.connect()
    pump.disconnect()
    # Another will that does fire stands behind the one that must not.
    other = peers(version=version, will=dict(topic="status/other", payload="fired", qos=1))
    other.connect()
    other.cut()
    assert watcher.wait_payload("fired") == ["fired"]


@versions
def test_retained(peers, version):
    publisher = peers(version=version)
    publisher.connect()
    for qos in QOS:
        publisher.publish(f"shelf/{qos}", "old", qos=qos, retain=True)
        publisher.publish(f"shelf/{qos}", f"new {qos}", qos=qos, retain=True)
    publisher.publish("shelf/gone", "soon gone", retain=True)
    publisher.publish("shelf/gone", "", retain=True)
    publisher.publish("shelf/live", "not retained")

    reader = peers(version=version)
    reader.connect()
    reader.subscribe("shelf/#", qos=2)
    got = {(m.topic, m.payload.decode(), m.qos, m.retain) for m in reader.wait_messages(3)}
    assert got == {(f"shelf/{qos}", f"new {qos}", qos, True) for qos in QOS}

    # The same SUBSCRIBE again brings them again: Home Assistant lives on this.
    reader.subscribe("shelf/#", qos=2)
    reader.wait_messages(6)
    publisher.publish("shelf/0", "live", retain=True)
    reader.wait_payload("live")
    assert len(reader.messages) == 7, f"nothing but the replay and the live one: {reader.payloads()}"
    assert not reader.messages[-1].retain


@versions
def test_what_is_published_after_suback_is_live(peers, version):
    """A retained message that is set right after SUBACK comes once, and as a live one: the replay
    of what was there before must not pick it up as well."""
    subscriber, publisher = peers(version=version), peers(version=version)
    subscriber.connect()
    publisher.connect()
    topics = [f"fresh/{number}" for number in range(100)]
    for topic in topics:
        subscriber.subscribe(topic, qos=2)
        publisher.publish(topic, topic, qos=2, retain=True)
    subscriber.subscribe("end", qos=2)
    publisher.publish("end", "end", qos=2)
    subscriber.wait_payload("end")
    got = [(m.topic, m.retain) for m in subscriber.messages[:-1]]
    assert sorted(got) == sorted((topic, False) for topic in topics)


@versions
def test_unsubscribe(peers, version):
    subscriber, publisher = peers(version=version), peers(version=version)
    subscriber.connect()
    publisher.connect()
    subscriber.subscribe("a", "b", qos=1)
    assert subscriber.unsubscribe("a") == [SUCCESS]
    publisher.publish("a", "not wanted")
    publisher.publish("b", "wanted")
    assert subscriber.wait_payload("wanted") == ["wanted"]


@versions
def test_take_over(peers, version):
    """A second connection with the same client id takes the session, and the first one ends."""
    first = peers("twin", version=version, lasting=True)
    first.connect()
    first.subscribe("t", qos=1)
    first.paho.reconnect_delay_set(60, 60)  # it shall not come back and take over in turn
    second = peers("twin", version=version, lasting=True)
    present = second.connect().session_present
    assert present or version == V31
    first.wait_disconnected()
    publisher = peers(version=version)
    publisher.connect()
    publisher.publish("t", "for the second")
    assert second.wait_payload("for the second") == ["for the second"]
    assert first.payloads() == []


@versions
def test_large_message(peers, version):
    payload = bytes(range(256)) * 8192  # 2 MiB
    subscriber, publisher = peers(version=version), peers(version=version)
    subscriber.connect()
    publisher.connect()
    subscriber.subscribe("picture", qos=1)
    publisher.publish("picture", payload, qos=1)
    (message,) = subscriber.wait_messages(1)
    assert message.payload == payload


@versions
@pytest.mark.parametrize("qos", QOS)
def test_a_thousand_in_order(peers, version, qos):
    subscriber, publisher = peers(version=version), peers(version=version)
    subscriber.connect()
    publisher.connect()
    subscriber.subscribe("count", qos=qos)
    for number in range(1000):
        publisher.publish("count", f"{number}", qos=qos, wait=False)
    subscriber.wait_messages(1000)
    assert subscriber.payloads() == [f"{number}" for number in range(1000)]


@versions
def test_client_that_publishes_to_itself(peers, version):
    both = peers(version=version)
    both.connect()
    both.subscribe("echo/#", qos=2)
    for qos in QOS:
        both.publish("echo/me", f"{qos}", qos=qos)
    both.wait_messages(3)
    assert sorted(both.payloads()) == ["0", "1", "2"]


@versions
def test_dollar_topics_are_not_for_wildcards(peers, version):
    both = peers(version=version)
    both.connect()
    both.subscribe("#", "+/hidden", qos=1)
    both.publish("$hidden/hidden", "not for #")
    both.subscribe("$hidden/#", qos=1)
    both.publish("$hidden/hidden", "for $hidden/#")
    both.publish("end", "end")
    assert "not for #" not in both.wait_payload("end")
    assert both.payloads().count("for $hidden/#") == 1


@pytest.mark.parametrize("version", [V311, V5])
def test_client_without_id(peers, version):
    """An empty client id is one that the broker chooses, for sessions that do not last."""
    nameless, other = peers("", version=version), peers("", version=version)
    connected = nameless.connect()
    if version == V5:
        assert connected.properties.AssignedClientIdentifier
    other.connect()
    nameless.subscribe("a", qos=1)
    other.publish("a", "both are here")
    assert nameless.wait_payload("both are here")


def test_3_1_1_lasting_session_needs_an_id(peers, proxies):
    # [MQTT3-3.1.3-8]: paho refuses locally to ask for it, so its check is passed by. It comes back
    # with an id of its own making once it was told.
    proxy = proxies()
    nameless = peers("x", port=proxy.port, version=V311, lasting=True)
    nameless.paho._client_id = b""
    nameless.start().wait_connected()
    refusal, acceptance = proxy.wait_seen(BROKER, wire.CONNACK, 2)
    assert refusal.packet.body == bytes([0, IDENTIFIER_REJECTED])
    assert acceptance.packet.body == bytes([0, SUCCESS])


@versions
def test_shared_subscription(peers, version):
    """Each message of a `$share` group goes to one of its members."""
    members = [peers(version=version) for _ in range(3)]
    for member in members:
        member.connect()
        member.subscribe("$share/workers/jobs/+", qos=1)
    publisher = peers(version=version)
    publisher.connect()
    jobs = [f"{number}" for number in range(60)]
    for job in jobs:
        publisher.publish("jobs/new", job, qos=1)
    for member in members:
        member.subscribe("end", qos=1)
    publisher.publish("end", "end")
    done = [p for member in members for p in member.wait_payload("end") if p != "end"]
    assert sorted(done, key=int) == jobs, "each job once"
    assert all(len(member.messages) > 1 for member in members), "everybody got some"
