"""Command-line clients as a shell would use them: mosquitto's, or bowline's, which keep its habits.

`BOWLINE_TEST_TOOLS` chooses: `mosquitto` or `bowline` (the default).
"""

import os
import pathlib
import subprocess

from . import wire
from .broker import BOWLINE
from .proxy import BROKER, Proxy
from .waiting import poll

IS_BOWLINE = os.environ.get("BOWLINE_TEST_TOOLS", "bowline") == "bowline"
PUB = [str(BOWLINE), "pub"] if IS_BOWLINE else ["mosquitto_pub"]
SUB = [str(BOWLINE), "sub"] if IS_BOWLINE else ["mosquitto_sub"]

# In place of a port: the arguments hold host and port themselves.
BY_URL = object()

RUN_SECS_MAX = 40


class Tools:
    """`pub` and `sub` for one test. Each runs with an empty home, so no settings of the user."""

    def __init__(self, directory, port):
        self.directory = pathlib.Path(directory)
        self.home = self.directory / "home"
        self.home.mkdir()
        self.port = port
        self._running = []
        self._proxies = []

    def pub(self, *arguments, stdin=b"", port=None):
        """Runs `pub` to its end and returns the finished process."""
        return self._run(PUB, arguments, stdin, port)

    def sub(self, *arguments, port=None):
        """Runs `sub` to its end, for calls that end by themselves at once."""
        return self._run(SUB, arguments, b"", port)

    def start_sub(self, *arguments, proxy=None, stdin=b""):
        """Starts `sub` through a proxy; returns when the broker has answered its SUBSCRIBE."""
        running = self._start(SUB, arguments, proxy or self.proxy(), stdin)
        poll(
            lambda: running.proxy.seen(BROKER, wire.SUBACK) or running.process.poll() is not None,
            "SUBACK",
            seen=lambda: (running.proxy.trace, running.errors()),
        )
        assert running.proxy.seen(BROKER, wire.SUBACK), f"ended: {running.errors()}"
        return running

    def start_pub(self, *arguments, proxy=None, stdin=b""):
        """Starts `pub` through a proxy and returns at once."""
        return self._start(PUB, arguments, proxy or self.proxy(), stdin)

    def proxy(self, port=None):
        """A proxy for a command that is not started yet, so that cuts can be planned."""
        self._proxies.append(Proxy(port or self.port))
        return self._proxies[-1]

    def close(self):
        for running in self._running:
            running.kill()
        for proxy in self._proxies:
            proxy.close()

    def _start(self, program, arguments, proxy, stdin):
        words = self._words(program, arguments, proxy.port)
        files = self.directory / f"command-{len(self._running)}"
        self._running.append(Running(words, self._environment(), proxy, files, stdin))
        return self._running[-1]

    def _run(self, program, arguments, stdin, port):
        return subprocess.run(
            self._words(program, arguments, port or self.port),
            input=stdin,
            capture_output=True,
            env=self._environment(),
            timeout=RUN_SECS_MAX,
            check=False,
        )

    def _words(self, program, arguments, port):
        address = [] if port is BY_URL else ["-h", "127.0.0.1", "-p", str(port)]
        return [*program, *address, *(str(a) for a in arguments)]

    def _environment(self):
        home = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home), "NO_COLOR": "1"}
        return {**os.environ, **home}


class Running:
    """A command that runs through a proxy. Its output goes to files, as in a shell's `>`."""

    def __init__(self, words, environment, proxy, files, stdin):
        self.proxy = proxy
        self._out, self._err = files.with_suffix(".out"), files.with_suffix(".err")
        stdin_path = files.with_suffix(".in")
        stdin_path.write_bytes(stdin)
        with open(self._out, "wb") as out, open(self._err, "wb") as err:
            with open(stdin_path, "rb") as source:
                self.process = subprocess.Popen(
                    words, stdin=source, stdout=out, stderr=err, env=environment
                )

    def output(self):
        return self._out.read_text()

    def errors(self):
        return self._err.read_text()

    def wait(self):
        """Waits for the end and returns the exit status."""
        try:
            return self.process.wait(RUN_SECS_MAX)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.process.args} does not end; stdout: {self.output()!r}, "
                f"stderr: {self.errors()!r}, packets: {self.proxy.trace}"
            ) from None

    def wait_output(self, wanted):
        """Waits until stdout holds this, while the command goes on."""
        poll(lambda: wanted in self.output(), f"{wanted!r} on stdout", seen=self.output)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
