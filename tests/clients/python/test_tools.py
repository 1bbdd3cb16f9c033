"""`mosquitto_pub` and `mosquitto_sub`, and `bowline pub` and `bowline sub` where they are alike:
what scripts lean on. `BOWLINE_TEST_TOOLS` chooses whose commands run.
"""

import json
import signal

import pytest

from bench import wire
from bench.proxy import BROKER, CLIENT
from bench.tools import BY_URL

VERSION_OPTIONS = ("31", "311", "5")
QOS = (0, 1, 2)
TIMED_OUT = 27
NOT_AUTHORISED_V3, NOT_AUTHORISED_V5 = 5, 135

versions = pytest.mark.parametrize("version", VERSION_OPTIONS, ids=lambda v: f"V{v}")
qos_levels = pytest.mark.parametrize("qos", QOS, ids=lambda q: f"qos{q}")


def succeeds(result):
    """A finished `pub` or `sub` that went well; returns its stdout."""
    told = f"{result.args} ended with {result.returncode}: {result.stderr.decode()}"
    assert result.returncode == 0, told
    return result.stdout.decode()


@versions
@qos_levels
def test_message_arrives(tools, version, qos):
    sub = tools.start_sub("-V", version, "-t", "a/+", "-q", qos, "-v", "-C", 2)
    succeeds(tools.pub("-V", version, "-t", "a/b", "-q", qos, "-m", "one"))
    succeeds(tools.pub("-V", version, "-t", "a/c", "-q", qos, "-m", "two words"))
    assert sub.wait() == 0, sub.errors()
    assert sub.output() == "a/b one\na/c two words\n"


@versions
def test_persistent_session(tools, version):
    """`-c -i` with `-E` makes the session, messages wait for it, and `-C` takes them."""
    session = ["-V", version, "-c", "-i", "kitchen", "-t", "sensor/#", "-q", 2]
    succeeds(tools.sub(*session, "-E"))
    for qos in (1, 2):
        succeeds(tools.pub("-V", version, "-t", "sensor/x", "-q", qos, "-m", f"at {qos}"))
    result = tools.sub(*session, "-C", 2)
    assert sorted(succeeds(result).splitlines()) == ["at 1", "at 2"]


@versions
def test_will(tools, version):
    sub = tools.start_sub("-V", version, "-t", "status", "-q", 1, "-v", "-C", 1)
    will = ["--will-topic", "status", "--will-payload", "gone", "--will-qos", 1, "--will-retain"]
    doomed = tools.start_sub("-V", version, "-t", "anything", *will)
    doomed.kill()
    doomed.proxy.close()
    assert sub.wait() == 0, sub.errors()
    assert sub.output() == "status gone\n"
    assert succeeds(tools.sub("-V", version, "-t", "status", "-C", 1)) == "gone\n"


@versions
def test_retained(tools, version):
    for topic, payload in (("a", "kept a"), ("b", "kept b")):
        succeeds(tools.pub("-V", version, "-t", topic, "-q", 1, "-r", "-m", payload))
    got = succeeds(tools.sub("-V", version, "-t", "a", "-t", "b", "-C", 2)).splitlines()
    assert sorted(got) == ["kept a", "kept b"]
    succeeds(tools.pub("-V", version, "-t", "a", "-q", 1, "-r", "-n"))  # no payload: cleared

    fresh_only = tools.start_sub("-V", version, "-t", "+", "-R", "-F", "%t %p %r", "-C", 1)
    retained_only = tools.start_sub("-V", version, "-t", "+", "--retained-only", "-v")
    retained_only.wait_output("b kept b\n")
    succeeds(tools.pub("-V", version, "-t", "b", "-q", 1, "-m", "live"))
    assert fresh_only.wait() == 0
    assert fresh_only.output() == "b live 0\n"
    assert retained_only.wait() == 0, "it ends at the first live message"
    assert retained_only.output() == "b kept b\n"


def test_remove_retained(tools):
    for topic in ("a/1", "a/2", "a/keep"):
        succeeds(tools.pub("-t", topic, "-q", 1, "-r", "-m", topic))
    # `--retained-only` ends it at the first message that is live.
    cleaner = ["-t", "a/#", "-T", "a/keep", "-q", 1, "--remove-retained", "-W", 1]
    assert tools.sub(*cleaner).returncode == TIMED_OUT
    assert succeeds(tools.sub("-t", "a/#", "-C", 1)) == "a/keep\n"
    assert tools.sub("-t", "a/1", "-t", "a/2", "-W", 1).stdout == b""


def test_where_the_payload_comes_from(tools, tmp_path):
    sub = tools.start_sub("-t", "t", "-q", 1, "-v", "-C", 7)
    file = tmp_path / "payload"
    file.write_text("from a file")
    succeeds(tools.pub("-t", "t", "-q", 1, "-m", "from the line"))
    succeeds(tools.pub("-t", "t", "-q", 1, "-f", file))
    succeeds(tools.pub("-t", "t", "-q", 1, "-s", stdin=b"all of stdin"))
    succeeds(tools.pub("-t", "t", "-q", 1, "-l", stdin=b"line 1\nline 2\nno newline"))
    succeeds(tools.pub("-t", "t", "-q", 1, "-n"))
    assert sub.wait() == 0
    lines = ["from the line", "from a file", "all of stdin", "line 1", "line 2", "no newline"]
    assert sub.output().splitlines() == [f"t {line}" for line in lines] + ["t (null)"]


def test_many_lines_on_one_connection(tools):
    """`-l`: all lines arrive in order, over one connection, and each is acknowledged."""
    lines = [f"line {number}" for number in range(2000)]
    sub = tools.start_sub("-t", "t", "-q", 1, "-C", len(lines))
    pub = tools.start_pub("-t", "t", "-q", 1, "-l", stdin="\n".join(lines).encode())
    assert pub.wait() == 0, pub.errors()
    assert sub.wait() == 0
    assert sub.output().splitlines() == lines
    assert len(pub.proxy.seen(CLIENT, wire.CONNECT)) == 1
    assert len(pub.proxy.seen(CLIENT, wire.PUBLISH)) == len(lines)
    assert pub.proxy.trace[-1].packet.kind == wire.DISCONNECT


def test_repeat(tools):
    sub = tools.start_sub("-t", "t", "-C", 3)
    succeeds(tools.pub("-t", "t", "-m", "x", "--repeat", 3, "--repeat-delay", 0.05))
    assert sub.wait() == 0
    assert sub.output() == "x\nx\nx\n"


def test_url(tools, broker):
    sub = tools.start_sub("-t", "a/b", "-v", "-C", 1)
    url = f"mqtt://127.0.0.1:{broker.port}/a/b"
    succeeds(tools.pub("-L", url, "-m", "by URL", port=BY_URL))
    assert sub.wait() == 0
    assert sub.output() == "a/b by URL\n"


def test_several_topics_and_a_filter_out(tools):
    sub = tools.start_sub("-t", "a/#", "-t", "b", "-T", "a/secret", "-v", "-C", 2)
    for topic in ("a/secret", "c", "a/1", "b"):
        succeeds(tools.pub("-t", topic, "-q", 1, "-m", "x"))
    assert sub.wait() == 0
    assert sub.output() == "a/1 x\nb x\n"


def test_output_forms(tools):
    """`-v`, `-N`, an empty payload, and the format language of `-F`."""
    forms = {
        "plain": ([], "hi\n"),
        "no newline": (["-N"], "hi"),
        "verbose": (["-v"], "t (null)\nt hi\n"),
        "format": (
            ["-F", "%t|%p|%q|%r|%l|%x|%X|%%|\\t|"],
            "t||1|0|0|||%|\t|\nt|hi|1|0|2|6869|6869|%|\t|\n",
        ),
    }
    running = {
        name: tools.start_sub("-t", "t", "-q", 1, *options, "-C", 2)
        for name, (options, _) in forms.items()
    }
    succeeds(tools.pub("-t", "t", "-q", 1, "-n"))
    succeeds(tools.pub("-t", "t", "-q", 1, "-m", "hi"))
    for name, (_, expected) in forms.items():
        assert running[name].wait() == 0
        assert running[name].output() == expected, name


def test_json_output(tools):
    text = tools.start_sub("-t", "#", "-q", 1, "-F", "%j", "-C", 1)
    parsed = tools.start_sub("-t", "#", "-q", 1, "-F", "%J", "-C", 1)
    succeeds(tools.pub("-t", "a b", "-q", 1, "-m", '{"celsius": 20.5}'))
    assert text.wait() == parsed.wait() == 0
    as_text, as_json = json.loads(text.output()), json.loads(parsed.output())
    for got in (as_text, as_json):
        assert (got["topic"], got["qos"], bool(got["retain"])) == ("a b", 1, False)
        assert got["payloadlen"] == len('{"celsius": 20.5}')
    assert as_text["payload"] == '{"celsius": 20.5}'
    assert as_json["payload"] == {"celsius": 20.5}


def test_properties_of_5_0(tools):
    form = "%p|%C|%R|%D|%P|%F"
    sub = tools.start_sub("-V", 5, "-t", "t", "-q", 1, "-F", form, "-C", 1)
    properties = [
        ("content-type", "text/plain"),
        ("response-topic", "answers"),
        ("correlation-data", "seven"),
        ("payload-format-indicator", "1"),
        ("user-property", "a", "1"),
        ("user-property", "b", "2"),
    ]
    words = [word for p in properties for word in ("-D", "publish", *p)]
    succeeds(tools.pub("-V", 5, "-t", "t", "-q", 1, "-m", "x", *words))
    assert sub.wait() == 0
    assert sub.output() == "x|text/plain|answers|seven|a:1 b:2|1\n"


def test_session_expiry_of_5_0(tools):
    """`-x` says how long the session lasts; without it `-c` means for ever."""
    session = ["-V", 5, "-c", "-i", "kitchen", "-x", 1000, "-t", "t", "-q", 1]
    succeeds(tools.sub(*session, "-E"))
    succeeds(tools.pub("-t", "t", "-q", 1, "-m", "waited"))
    assert succeeds(tools.sub(*session, "-C", 1)) == "waited\n"


@versions
def test_shared_subscription(tools, version):
    words = ["-V", version, "-t", "$share/g/jobs", "-q", 1, "-C", 5]
    members = [tools.start_sub(*words) for _ in range(2)]
    jobs = [f"{number}" for number in range(10)]
    succeeds(tools.pub("-V", version, "-t", "jobs", "-q", 1, "-l", stdin="\n".join(jobs).encode()))
    done = []
    for member in members:
        assert member.wait() == 0
        done += member.output().split()
    assert sorted(done, key=int) == jobs


def test_every_message_is_flushed(tools):
    sub = tools.start_sub("-t", "t", "-q", 1)
    for number in range(3):
        succeeds(tools.pub("-t", "t", "-q", 1, "-m", number))
        sub.wait_output(f"{number}\n")
    assert sub.process.poll() is None


# --- exit status ---


def test_timeout(tools):
    result = tools.sub("-t", "t", "-W", 1)
    assert (result.returncode, result.stdout) == (TIMED_OUT, b"")
    assert b"timed out" in result.stderr.lower()


def test_nobody_listens(tools_alone):
    for result in (tools_alone.pub("-t", "t", "-m", "x"), tools_alone.sub("-t", "t")):
        assert (result.returncode, result.stdout) == (1, b"")
        assert result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["-t", "t"],  # no payload
        ["-m", "x"],  # no topic
        ["-t", "a/+", "-m", "x"],  # a wildcard is not for publishing
        ["-t", "t", "-m", "x", "-q", "3"],
        ["-t", "t", "-m", "x", "-n"],
        ["-t", "t", "-m", "x", "--no-such-option"],
        ["-t", "t", "-f", "/no/such/file"],
        ["-t", "t", "-s"],  # stdin is empty
    ],
    ids=" ".join,
)
def test_bad_arguments_of_pub(tools_alone, arguments):
    result = tools_alone.pub(*arguments)
    assert result.returncode == 1, result.stderr
    assert result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-t", "a/#/b"],
        ["-t", "t", "-q", "3"],
        ["-t", "t", "-c"],  # a lasting session needs an id
        ["-t", "t", "-C", "0"],
        ["-t", "t", "--no-such-option"],
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_bad_arguments_of_sub(tools_alone, arguments):
    result = tools_alone.sub(*arguments)
    assert result.returncode == 1, result.stderr
    assert result.stderr


def test_no_lines_is_success(tools):
    succeeds(tools.pub("-t", "t", "-q", 1, "-l", stdin=b""))


@pytest.mark.parametrize(
    "version, connack, status",
    [
        ("311", bytes([0, NOT_AUTHORISED_V3]), NOT_AUTHORISED_V3),
        ("5", bytes([0, NOT_AUTHORISED_V5, 0]), NOT_AUTHORISED_V5),
    ],
)
def test_refused_connection(tools_alone, scripted, version, connack, status):
    port = scripted({wire.CONNECT: wire.packet(wire.CONNACK, 0, connack)}).port
    for result in (
        tools_alone.pub("-V", version, "-t", "t", "-m", "x", port=port),
        tools_alone.sub("-V", version, "-t", "t", port=port),
    ):
        assert result.returncode == status, result.stderr
        assert result.stderr and not result.stdout


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT), ids=lambda s: s.name)
def test_signal_ends_sub_in_order(tools, number):
    sub = tools.start_sub("-t", "t")
    sub.process.send_signal(number)
    assert sub.wait() == 0, sub.errors()
    assert sub.proxy.wait_seen(CLIENT, wire.DISCONNECT)


def test_signal_fires_the_will_in_5_0(tools):
    watcher = tools.start_sub("-t", "status", "-C", 1)
    will = ["--will-topic", "status", "--will-payload", "stopped"]
    sub = tools.start_sub("-V", 5, "-t", "t", *will)
    sub.process.send_signal(signal.SIGTERM)
    assert sub.wait() == 0
    assert watcher.wait() == 0
    assert watcher.output() == "stopped\n"


# --- when the connection breaks ---


def test_sub_comes_back_and_counts_on(tools, broker):
    """A lost connection is made again, with the subscription, and `-C` counts over both."""
    sub = tools.start_sub("-t", "t", "-q", 1, "-C", 2)
    succeeds(tools.pub("-t", "t", "-q", 1, "-m", "before"))
    sub.wait_output("before\n")
    broker.stop()
    broker.start()
    sub.proxy.wait_seen(BROKER, wire.SUBACK, 2)
    succeeds(tools.pub("-t", "t", "-q", 1, "-m", "after"))
    assert sub.wait() == 0
    assert sub.output() == "before\nafter\n"
