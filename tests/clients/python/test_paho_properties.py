"""paho-mqtt in 5.0: properties, reason codes and subscription options."""

import socket
import threading

import pytest
from paho.mqtt.packettypes import PacketTypes

try:
    from paho.mqtt.reasoncodes import ReasonCode
except ImportError:  # its name in 1.6
    from paho.mqtt.reasoncodes import ReasonCodes as ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bench import wire
from bench.peer import V5, V311, properties
from bench.proxy import BROKER
from bench.waiting import poll

NO_MATCHING_SUBSCRIBERS = 0x10
NO_SUBSCRIPTION_EXISTED = 0x11
SESSION_TAKEN_OVER = 0x8E
DISCONNECT_WITH_WILL = 0x04


@pytest.fixture
def peer5(peers):
    def make(client_id=None, connect=True, **options):
        peer = peers(client_id, version=V5, **options)
        if connect:
            peer.connect()
        return peer

    return make


def test_publish_properties_travel(peer5):
    """All properties of a PUBLISH that belong to the message arrive as they were sent."""
    sent = dict(
        PayloadFormatIndicator=1,
        ContentType="text/plain",
        ResponseTopic="answers/here",
        CorrelationData=b"\x00\x01\xff",
        UserProperty=[("a", "1"), ("b", "2"), ("a", "3")],
    )
    subscriber, publisher = peer5(), peer5()
    subscriber.subscribe("t", qos=1)
    publisher.publish("t", "live", retain=True, **sent)
    late = peer5()
    late.subscribe("t", qos=1)
    for peer in (subscriber, late):
        (message,) = peer.wait_messages(1)
        for name, value in sent.items():
            assert getattr(message.properties, name) == value, f"{name} of {peer.client_id}"


def test_request_and_response(peer5):
    def answer(peer, message):
        peer.publish(
            message.properties.ResponseTopic,
            message.payload.upper(),
            wait=False,
            CorrelationData=message.properties.CorrelationData,
        )

    server, client = peer5(on_message=answer), peer5()
    server.subscribe("requests", qos=1)
    client.subscribe("answers/1", qos=1)
    client.publish("requests", "ping", ResponseTopic="answers/1", CorrelationData=b"7")
    (message,) = client.wait_messages(1)
    assert (message.payload, message.properties.CorrelationData) == (b"PING", b"7")


def test_message_expiry(peer5):
    """What expired while the subscriber was away is not delivered; what did not counts down."""
    subscriber = peer5("away", lasting=True)
    subscriber.subscribe("t", qos=1)
    subscriber.disconnect()
    publisher = peer5()
    publisher.publish("t", "short", MessageExpiryInterval=1)
    publisher.publish("t", "long", MessageExpiryInterval=1000)
    # A retained message with a longer life tells when the short one is surely over.
    publisher.publish("clock", "ticks", retain=True, MessageExpiryInterval=2)

    def clock_stopped():
        reader = peer5()
        reader.subscribe("clock", qos=1)
        reader.publish("clock", "end")
        reader.wait_payload("end")
        reader.disconnect()
        return reader.payloads() == ["end"]

    poll(clock_stopped, "the retained message to expire")
    again = peer5("away", lasting=True)
    publisher.publish("t", "end")
    again.wait_payload("end")
    assert again.payloads() == ["long", "end"]
    assert 1 <= again.messages[0].properties.MessageExpiryInterval <= 1000


def test_session_expiry(peer5):
    """Expiry 0 ends the session with its connection; DISCONNECT may change it."""
    assert not peer5("x", lasting=True).connects[0].session_present
    zero = dict(SessionExpiryInterval=0)
    ended = peer5("x", lasting=True, connect_properties=zero)
    assert ended.connects[0].session_present
    ended.disconnect()
    assert not peer5("x", lasting=True).connects[0].session_present

    leaving = peer5("x", lasting=True)
    assert leaving.connects[0].session_present
    leaving.disconnect(None, properties("DISCONNECT", **zero))
    assert not peer5("x", lasting=True).connects[0].session_present


def test_topic_alias_of_the_client(peer5):
    """The client may replace a topic by its alias up to the maximum that CONNACK gave."""
    subscriber, publisher = peer5(), peer5()
    maximum = getattr(publisher.connects[0].properties, "TopicAliasMaximum", 0)
    assert maximum >= 1, "the broker offers topic aliases"
    subscriber.subscribe("a/long/topic", qos=1)
    publisher.publish("a/long/topic", "1", TopicAlias=1)
    publisher.publish("", "2", TopicAlias=1)
    got = subscriber.wait_messages(2)
    assert [(m.topic, m.payload) for m in got] == [("a/long/topic", b"1"), ("a/long/topic", b"2")]
    assert not any(hasattr(m.properties, "TopicAlias") for m in got)


def test_receive_maximum_of_the_client(peer5, proxies):
    """No more than Receive Maximum messages are on the way to a client that does not acknowledge.

    paho acknowledges after its callback returns, so the callback of the first message is what
    counts: at that time the proxy has seen at most as many PUBLISH packets."""
    proxy = proxies()
    seen_at_first = []

    def count(_peer, message):
        if message.payload == b"0":
            proxy.wait_seen(BROKER, wire.PUBLISH, 3, connection=2)
            publisher.publish("pace", "not for it", qos=1)  # a round trip past the broker
            seen_at_first.append(len(proxy.seen(BROKER, wire.PUBLISH, connection=2)))

    publisher = peer5()
    limited = peer5(
        "limited",
        port=proxy.port,
        lasting=True,
        on_message=count,
        connect_properties=dict(ReceiveMaximum=3),
    )
    limited.subscribe("t", qos=1)
    limited.disconnect()
    for number in range(20):
        publisher.publish("t", f"{number}")
    limited.connect()
    limited.wait_messages(20)
    assert limited.payloads() == [f"{number}" for number in range(20)]
    assert seen_at_first == [3], "as many as allowed, and no more"


def test_maximum_packet_size_of_the_client(peer5):
    """A message that is too large for a client is left out, and the next one comes."""
    small = peer5(connect_properties=dict(MaximumPacketSize=200))
    large = peer5()
    for peer in (small, large):
        peer.subscribe("t", qos=1)
    publisher = peer5()
    publisher.publish("t", "x" * 500)
    publisher.publish("t", "fits")
    assert small.wait_payload("fits") == ["fits"]
    assert large.wait_payload("fits") == ["x" * 500, "fits"]


def test_no_local(peer5):
    both, other = peer5(), peer5()
    both.subscribe("t", qos=1, noLocal=True)
    both.publish("t", "mine")
    other.publish("t", "of another")
    assert both.wait_payload("of another") == ["of another"]


def test_retain_as_published(peer5):
    keeping, plain, publisher = peer5(), peer5(), peer5()
    keeping.subscribe("t", qos=1, retainAsPublished=True)
    plain.subscribe("t", qos=1)
    publisher.publish("t", "1", retain=True)
    publisher.publish("t", "2", retain=False)
    assert [m.retain for m in keeping.wait_messages(2)] == [True, False]
    assert [m.retain for m in plain.wait_messages(2)] == [False, False]


@pytest.mark.parametrize(
    "handling, first, again",
    [
        (SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE, ["kept"], ["kept"]),
        (SubscribeOptions.RETAIN_SEND_IF_NEW_SUB, ["kept"], []),
        (SubscribeOptions.RETAIN_DO_NOT_SEND, [], []),
    ],
)
def test_retain_handling(peer5, handling, first, again):
    publisher, reader = peer5(), peer5()
    publisher.publish("t", "kept", retain=True)
    reader.subscribe("t", qos=1, retainHandling=handling)
    publisher.publish("t", "1")
    assert reader.wait_payload("1") == first + ["1"]
    reader.subscribe("t", qos=1, retainHandling=handling)
    publisher.publish("t", "2")
    assert reader.wait_payload("2") == first + ["1"] + again + ["2"]


def test_subscription_identifiers(peer5):
    subscriber, publisher = peer5(), peer5()
    subscriber.subscribe("a/#", qos=1, subscribe_properties=dict(SubscriptionIdentifier=7))
    subscriber.subscribe("b/#", qos=1, subscribe_properties=dict(SubscriptionIdentifier=300_000))
    publisher.publish("a/1", "a")
    publisher.publish("b/1", "b")
    found = {m.payload: m.properties.SubscriptionIdentifier for m in subscriber.wait_messages(2)}
    assert found == {b"a": [7], b"b": [300_000]}


def test_will_with_delay_and_properties(peer5):
    watcher = peer5()
    watcher.subscribe("status", qos=1)
    props = properties("WILLMESSAGE", WillDelayInterval=1, UserProperty=[("why", "lost")])
    will = dict(topic="status", payload="offline", qos=1, properties=props)
    pump = peer5("pump", lasting=True, will=will)
    pump.cut()
    back = peer5("pump", lasting=True, will=will)  # in time: nothing may be published
    watcher.publish("status", "back")
    assert watcher.wait_payload("back") == ["back"]
    back.cut()
    assert watcher.wait_payload("offline") == ["back", "offline"]
    assert watcher.messages[-1].properties.UserProperty == [("why", "lost")]


def test_every_delayed_will_fires(peer5):
    """Many delays that end at almost the same time: each will is published, and once."""
    watcher = peer5()
    watcher.subscribe("status/+", qos=1)
    names = [f"pump-{number}" for number in range(40)]
    delay = properties("WILLMESSAGE", WillDelayInterval=1)
    for name in names:
        will = dict(topic=f"status/{name}", payload=name, qos=1, properties=delay)
        peer5(name, lasting=True, will=will).cut()
    watcher.wait_messages(len(names))
    assert sorted(watcher.payloads()) == sorted(names)


def test_disconnect_with_will(peer5):
    watcher = peer5()
    watcher.subscribe("status", qos=1)
    pump = peer5(will=dict(topic="status", payload="asked for", qos=1))
    pump.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=DISCONNECT_WITH_WILL))
    assert watcher.wait_payload("asked for")


@pytest.mark.mosquitto_differs("2.0 closes without a DISCONNECT")
def test_take_over_says_so(peer5):
    first = peer5("twin")
    first.paho.reconnect_delay_set(60, 60)
    peer5("twin")
    assert first.wait_disconnected() == SESSION_TAKEN_OVER


def test_unsubscribe_says_what_was_not_there(peer5):
    peer = peer5()
    peer.subscribe("a", qos=1)
    assert peer.unsubscribe("a", "never") == [0, NO_SUBSCRIPTION_EXISTED]


@pytest.mark.needs_paho_2  # 1.6 does not hand out the reason code of a PUBACK
def test_acknowledgement_says_whether_anybody_wanted_it(peer5):
    peer = peer5()
    unwanted = peer.publish("t", "1", qos=1)
    assert peer.wait_acknowledged(unwanted) in (0, NO_MATCHING_SUBSCRIBERS)
    peer.subscribe("t", qos=1)
    wanted = peer.publish("t", "2", qos=1)
    assert peer.wait_acknowledged(wanted) == 0


def test_properties_stop_at_a_3_1_1_subscriber(peer5, peers):
    old = peers(version=V311)
    old.connect()
    old.subscribe("t", qos=1)
    peer5().publish("t", "plain", ContentType="text/plain", UserProperty=[("a", "b")])
    assert old.wait_payload("plain") == ["plain"]


@pytest.mark.mosquitto_differs("2.0 forgets what a lost member of a group had not acknowledged")
def test_shared_subscription_passes_a_job_on(peer5):
    """What a member did not acknowledge before its session ended goes to another member."""
    jobs = [f"{number}" for number in range(10)]
    gate = threading.Event()

    def hang(_peer, _message):
        gate.wait()

    lost = peer5(on_message=hang)  # it takes its first job and never finishes it
    lost.subscribe("$share/g/jobs", qos=1)
    publisher = peer5()
    for job in jobs:
        publisher.publish("jobs", job, qos=1, wait=False)
    lost.wait_messages(1)
    heir = peer5()
    heir.subscribe("$share/g/jobs", qos=1)
    lost.paho.socket().shutdown(socket.SHUT_RDWR)
    try:
        for job in jobs:
            heir.wait_payload(job)
    finally:
        gate.set()
