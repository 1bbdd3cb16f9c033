"""A broker that belongs to one test: its own port, its own data directory, its own log.

`BOWLINE_TEST_BROKER` names the command that starts it, with placeholders:

* `{data}`: an empty directory that the broker may fill;
* `{any_port}`: 0 at the first start; the broker says on stderr what it was given, in a line
  that holds `listening on 127.0.0.1:PORT`. A later start gets that same port;
* `{port}`: a free port that the test picks, for brokers that cannot do the above.

Without the variable it is bowline as `cargo build --release` left it.
"""

import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess

from .waiting import poll

ROOT = pathlib.Path(__file__).resolve().parents[4]
BOWLINE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "bowline"
DEFAULT = f"{shlex.quote(str(BOWLINE))} serve --listen 127.0.0.1:{{any_port}} --data-dir {{data}} -v"
COMMAND = os.environ.get("BOWLINE_TEST_BROKER") or DEFAULT
IS_MOSQUITTO = "mosquitto" in shlex.split(COMMAND)[0]

START_DEADLINE_SECS = 20
STOP_DEADLINE_SECS = 20
LOG_LINES_SHOWN = 150


class Broker:
    """Starts on creation. `stop`, `kill` and `start` again keep port and data directory."""

    def __init__(self, directory, command=COMMAND, environment=None, fixed_port=None):
        self.directory = pathlib.Path(directory)
        self.data = self.directory / "data"
        self.data.mkdir()
        self.log_path = self.directory / "broker.log"
        self.command = command
        self.environment = {**os.environ, "NO_COLOR": "1", **(environment or {})}
        self.port = fixed_port
        self.process = None
        self.start()

    def start(self):
        picks = "{any_port}" not in self.command and self.port is None
        for attempt in range(3):
            if picks:
                self.port = _free_port()
            words = [
                word.format(data=self.data, port=self.port, any_port=self.port or 0)
                for word in shlex.split(self.command)
            ]
            log_from = self.log_path.stat().st_size if self.log_path.exists() else 0
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
                )
            try:
                self.port = self._await_port(log_from)
                return
            except AssertionError:
                self.kill()
                # Only a port that we picked ourselves may have been taken in between.
                if not picks or attempt == 2:
                    raise AssertionError(f"broker did not start: {words}\n{self.log()}") from None

    def _await_port(self, log_from):
        def ready():
            assert self.process.poll() is None, "the broker ended at once"
            if "{any_port}" in self.command:
                said = re.search(r"listening on .*?127\.0\.0\.1:(\d+)", self.log(log_from, None))
                return int(said.group(1)) if said else None
            return self.port if accepts(self.port) else None

        return poll(ready, "the broker to listen", START_DEADLINE_SECS, self.log)

    def stop(self):
        """A clean stop: SIGTERM, and the exit status says that it went well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_DEADLINE_SECS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"the broker did not stop within {STOP_DEADLINE_SECS} s of SIGTERM\n{self.log()}"
            ) from None
        assert status == 0, f"the broker stopped with status {status}\n{self.log()}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        """What a test does at its end: a broker that died on the way is a failure of its own."""
        status = self.process.poll()
        if status is None:
            self.stop()
        elif status not in (0, -signal.SIGKILL):
            raise AssertionError(f"the broker ended by itself with status {status}\n{self.log()}")

    def log(self, start=0, lines=LOG_LINES_SHOWN):
        with open(self.log_path, "rb") as log:
            log.seek(start)
            text = log.read().decode("utf-8", "replace")
        return text if lines is None else "\n".join(text.splitlines()[-lines:])


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
