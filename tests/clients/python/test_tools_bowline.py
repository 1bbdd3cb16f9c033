"""What `bowline pub` and `bowline sub` promise beyond mosquitto's: status 0 of `pub` means
acknowledged, `sub` acknowledges after the work is done, and neither gives up at a lost connection.
"""

import signal

import pytest

from bench import wire
from bench.peer import V5, V311
from bench.proxy import BROKER, CLIENT
from bench.waiting import poll
from test_tools import succeeds

NOT_AUTHORISED = 135
GRANTED_QOS_1 = bytes([0, 1, 1])

CONNACK_V5 = wire.packet(wire.CONNACK, 0, bytes([0, 0, 0]))
versions = pytest.mark.parametrize("version", ("31", "311", "5"), ids=lambda v: f"V{v}")


@pytest.mark.parametrize("option", ("--help", "--version"))
def test_help_is_no_failure(tools_alone, option):
    assert "bowline" in succeeds(tools_alone.pub(option))
    assert "bowline" in succeeds(tools_alone.sub(option))


def test_unknown_option_names_the_nearest(tools_alone):
    result = tools_alone.pub("-t", "t", "-m", "x", "--retian")
    assert result.returncode == 1
    assert b"--retain" in result.stderr


# --- status 0 means acknowledged ---


def test_refused_publish(tools_alone, scripted):
    """5.0 can say why a PUBLISH was refused; that is the status."""

    def refuse(publish):
        identifier = publish.packet_id.to_bytes(2, "big")
        return wire.packet(wire.PUBACK, 0, identifier + bytes([NOT_AUTHORISED, 0]))

    port = scripted({wire.CONNECT: CONNACK_V5, wire.PUBLISH: refuse}).port
    result = tools_alone.pub("-V", 5, "-t", "t", "-q", 1, "-m", "x", port=port)
    assert result.returncode == NOT_AUTHORISED, result.stderr
    assert result.stderr


def test_refused_subscription(tools_alone, scripted):
    def refuse(subscribe):
        codes = bytes([0, NOT_AUTHORISED])
        return wire.packet(wire.SUBACK, 0, subscribe.packet_id.to_bytes(2, "big") + codes)

    port = scripted({wire.CONNECT: CONNACK_V5, wire.SUBSCRIBE: refuse}).port
    result = tools_alone.sub("-V", 5, "-t", "t", "-q", 1, "-W", 10, port=port)
    assert result.returncode == NOT_AUTHORISED, result.stderr
    assert result.stderr


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT), ids=lambda s: s.name)
def test_stopped_before_the_acknowledgement(tools_alone, scripted, number):
    server = scripted({wire.CONNECT: wire.packet(wire.CONNACK, 0, bytes(2))})
    proxy = tools_alone.proxy(server.port)
    pub = tools_alone.start_pub("-V", 311, "-t", "t", "-q", 1, "-m", "x", proxy=proxy)
    server.wait_packet(wire.PUBLISH)
    pub.process.send_signal(number)
    assert pub.wait() != 0, "nobody has acknowledged it"


@versions
def test_pub_sends_again_what_was_not_acknowledged(tools, peers, version):
    """With a session that lasts, the same packet again; without one, the message again."""
    reader = peers()
    reader.connect()
    reader.subscribe("t", qos=1)
    for session in (["-c", "-i", "writer"], []):
        proxy = tools.proxy()
        proxy.cut_at(BROKER, wire.PUBACK)
        words = ["-V", version, *session, "-t", "t", "-q", 1, "-m", "x"]
        pub = tools.start_pub(*words, proxy=proxy)
        assert pub.wait() == 0, pub.errors()
        first, again = [s.packet for s in proxy.seen(CLIENT, wire.PUBLISH)]
        if session:
            assert (first.packet_id, first.dup) == (again.packet_id, False)
            assert again.dup
    assert set(reader.payloads()) == {"x"}


@versions
@pytest.mark.parametrize(
    "sender, kind",
    [(CLIENT, wire.PUBLISH), (BROKER, wire.PUBREC), (CLIENT, wire.PUBREL), (BROKER, wire.PUBCOMP)],
    ids=("PUBLISH", "PUBREC", "PUBREL", "PUBCOMP"),
)
def test_pub_of_qos_2_is_exactly_once(tools, peers, version, sender, kind):
    reader = peers()
    reader.connect()
    reader.subscribe("t", qos=2)
    proxy = tools.proxy()
    proxy.cut_at(sender, kind)
    words = ["-V", version, "-c", "-i", "writer", "-t", "t", "-q", 2, "-m", "once"]
    pub = tools.start_pub(*words, proxy=proxy)
    assert pub.wait() == 0, pub.errors()
    succeeds(tools.pub("-t", "t", "-q", 2, "-m", "end"))
    assert reader.wait_payload("end") == ["once", "end"], proxy.trace


def test_pub_of_qos_2_without_a_session_says_that_it_does_not_know(tools, peers):
    """Nobody can make it exactly once after the session is gone; then 0 would be a lie."""
    reader = peers()
    reader.connect()
    reader.subscribe("t", qos=2)
    proxy = tools.proxy()
    proxy.cut_at(BROKER, wire.PUBREC)
    pub = tools.start_pub("-t", "t", "-q", 2, "-m", "perhaps", proxy=proxy)
    status = pub.wait()
    succeeds(tools.pub("-t", "t", "-q", 2, "-m", "end"))
    got = reader.wait_payload("end")
    assert got.count("perhaps") <= 1
    assert status != 0 or got == ["perhaps", "end"]
    assert status == 0 or "not acknowledged" in pub.errors()


def test_lines_survive_cuts(tools, peers):
    """`-l` over a connection that breaks twice: each line arrives, and the status says so."""
    reader = peers()
    reader.connect()
    reader.subscribe("t", qos=1)
    lines = [f"{number}" for number in range(500)]
    proxy = tools.proxy()
    proxy.cut_at(BROKER, wire.PUBACK)
    proxy.cut_at(BROKER, wire.PUBACK)
    pub = tools.start_pub("-t", "t", "-q", 1, "-l", proxy=proxy, stdin="\n".join(lines).encode())
    assert pub.wait() == 0, pub.errors()
    reader.wait_payload("499")
    assert list(dict.fromkeys(reader.payloads())) == lines


# --- sub acknowledges what was handled ---


def test_one_message_per_call(tools):
    """With `-C 1` exactly one message is taken; the next one waits for the next call."""
    session = ["-c", "-i", "kitchen", "-t", "t", "-q", 1]
    succeeds(tools.sub(*session, "-E"))
    succeeds(tools.pub("-t", "t", "-q", 1, "-l", stdin=b"1\n2\n3"))
    taken = [succeeds(tools.sub(*session, "-C", 1)) for _ in range(3)]
    assert taken == ["1\n", "2\n", "3\n"]


def test_exec_gets_the_message(tools, tmp_path):
    """The payload on stdin, byte for byte, and the topic in the environment."""
    payload, environment = tmp_path / "payload", tmp_path / "environment"
    command = f"cat > {payload}; env > {environment}"
    sub = tools.start_sub("-t", "a/+", "-q", 1, "-C", 1, "--exec", command)
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)))
    succeeds(tools.pub("-t", "a/b", "-q", 1, "-f", source))
    assert sub.wait() == 0, sub.errors()
    assert payload.read_bytes() == bytes(range(256))
    values = [line.split("=", 1)[1] for line in environment.read_text().splitlines() if "=" in line]
    assert "a/b" in values, "the topic is in the environment"


def test_exec_is_acknowledged_when_it_ends_well(tools, tmp_path):
    go, started = tmp_path / "go", tmp_path / "started"
    command = f"echo x >> {started}; while [ ! -e {go} ]; do sleep 0.05; done"
    sub = tools.start_sub("-t", "t", "-q", 1, "-C", 1, "--exec", command)
    succeeds(tools.pub("-V", 5, "-t", "t", "-q", 0, "-m", "qos 0 is not acknowledged"))
    go.touch()
    assert sub.wait() == 0, sub.errors()
    go.unlink()
    started.unlink()

    sub = tools.start_sub("-t", "t", "-q", 1, "-C", 1, "--exec", command)
    pub = tools.start_pub("-t", "t", "-q", 1, "-m", "x")
    poll(started.exists, "the command to start")
    assert sub.proxy.seen(CLIENT, wire.PUBACK) == [], "the work has not ended"
    go.touch()
    sub.proxy.wait_seen(CLIENT, wire.PUBACK)
    assert sub.wait() == 0 and pub.wait() == 0
    assert started.read_text() == "x\n"


def test_exec_that_fails_gets_the_message_again(tools, tmp_path):
    """Twice the command fails; the third time it succeeds, and only that is acknowledged."""
    tries = tmp_path / "tries"
    command = f'cat >> {tries}; echo >> {tries}; [ "$(wc -l < {tries})" -ge 3 ]'
    session = ["-c", "-i", "worker", "-t", "jobs", "-q", 1]
    sub = tools.start_sub(*session, "-C", 1, "--exec", command)
    succeeds(tools.pub("-t", "jobs", "-q", 1, "-m", "job"))
    assert sub.wait() == 0, sub.errors()
    assert tries.read_text() == "job\n" * 3
    assert len(sub.proxy.seen(CLIENT, wire.PUBACK)) == 1
    succeeds(tools.pub("-t", "jobs", "-q", 1, "-m", "next"))
    assert succeeds(tools.sub(*session, "-C", 1)) == "next\n", "the job is done for good"


@pytest.mark.parametrize("version", (V311, V5))
def test_killed_during_exec(tools, peers, tmp_path, version):
    """What was being worked on when `sub` died comes again, with DUP."""
    started = tmp_path / "started"
    command = f"echo x > {started}; sleep 60"
    session = ["-V", {V311: 311, V5: 5}[version], "-c", "-i", "worker", "-t", "jobs", "-q", 1]
    sub = tools.start_sub(*session, "--exec", command)
    tools.start_pub("-t", "jobs", "-q", 1, "-m", "job")
    poll(started.exists, "the command to start")
    sub.kill()
    again = peers("worker", version=version, lasting=True)
    again.connect()
    (message,) = again.wait_messages(1)
    assert (message.payload, message.dup) == (b"job", True)
