"""The two programs of the article, run as they stand, as a reader of it would.

Once against the broker as every test starts it, and once with everything left at its default:
`cargo run --release` in one terminal, the programs without arguments in the others.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from bench import broker as bench_broker
from bench.waiting import poll

ARTICLE = pathlib.Path(__file__).resolve().parent.parent / "article"
TEMPERATURES = [f"temp:{degrees}" for degrees in range(20, 25)]
CARGO_RUN = "cargo run --quiet --release --manifest-path " + str(bench_broker.ROOT / "Cargo.toml")
DEFAULT_PORT = 1883


@pytest.fixture
def default_broker(tmp_path):
    """`cargo run --release`, with a data directory that is not the user's."""
    if bench_broker.IS_MOSQUITTO:
        command = bench_broker.COMMAND
    else:
        command = CARGO_RUN
    if bench_broker.accepts(DEFAULT_PORT):
        pytest.skip(f"port {DEFAULT_PORT} is in use by another program")
    environment = {"XDG_DATA_HOME": str(tmp_path / "data")}
    broker = bench_broker.Broker(tmp_path, command, environment, fixed_port=DEFAULT_PORT)
    yield broker
    broker.close()


@pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")
def test_with_everything_at_its_default(default_broker, tmp_path):
    check_article(tmp_path)


def test_on_a_port_of_its_own(broker, tmp_path):
    check_article(tmp_path, "127.0.0.1", str(broker.port))


def check_article(tmp_path, *address):
    told = tmp_path / "subscriber"
    with open(told, "w") as out:
        subscriber = start("subscriber.py", *address, stdout=out)
    try:
        poll(lambda: "subscribed" in told.read_text(), "the subscriber", seen=told.read_text)
        publisher = start("publisher.py", *address, stdout=subprocess.PIPE)
        published, _ = publisher.communicate(timeout=60)
        poll(lambda: "done with temp:24" in told.read_text(), "the last", seen=told.read_text)
    finally:
        subscriber.kill()
        subscriber.wait()

    assert publisher.returncode == 0
    # Two threads print, so only what is within one `print` is sure to stay together.
    assert published.count("connected, rc 0") == 1, published
    sent = re.findall(r"sent (temp:\d+) as packet (\d+)", published)
    assert sent == [(t, str(n)) for n, t in enumerate(TEMPERATURES, start=1)]
    assert re.findall(r"acknowledged: packet (\d+)", published) == ["1", "2", "3", "4", "5"]

    lines = told.read_text().splitlines()
    assert lines[:2] == ["connected, rc 0", "subscribed, granted QoS 1"]
    worked = [(f"received {t} at QoS 1", f"done with {t}") for t in TEMPERATURES]
    assert lines[2:] == [line for pair in worked for line in pair]


def start(program, *arguments, stdout):
    words = [sys.executable, "-W", "ignore::DeprecationWarning", ARTICLE / program, *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen([str(w) for w in words], stdout=stdout, text=True, env=environment)
