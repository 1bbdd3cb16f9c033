"""Waiting for a condition with a deadline, and saying what was there when it passed.

No test sleeps to let something happen: it waits for the thing itself. The deadline is generous,
because it only matters when the test fails, and machines that run tests are slow.
"""

import threading
import time

DEADLINE_SECS = 20


class Changes:
    """A log of what happened, filled by one thread and awaited by another."""

    def __init__(self):
        self._changed = threading.Condition()

    def change(self, function):
        """Runs `function` under the lock and wakes whoever waits."""
        with self._changed:
            result = function()
            self._changed.notify_all()
            return result

    def wait_for(self, condition, what, deadline_secs=DEADLINE_SECS, seen=lambda: ""):
        """Waits until `condition()` is true and returns its value, or fails naming `what`."""
        with self._changed:
            value = self._changed.wait_for(condition, timeout=deadline_secs)
            if not value:
                raise AssertionError(
                    f"waited {deadline_secs} s in vain for {what}; seen so far: {seen()}"
                )
            return value


def poll(condition, what, deadline_secs=DEADLINE_SECS, seen=lambda: ""):
    """Like `wait_for`, for what cannot wake us: files and other processes."""
    end = time.monotonic() + deadline_secs
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_secs} s in vain for {what}; seen: {seen()}")
        time.sleep(0.01)
