# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Waiting for something to become true, never for time alone."""
import time

WAIT_S = 60  # on a machine that is busy with other things; a wait only costs when it fails
REST_S = 0.3


def until(condition, what, seconds=WAIT_S):
    """Wait until condition() is true; return what it returned. `what`: what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def until_lasting(condition, what, seconds=WAIT_S):
    """Wait until condition() has been true whenever looked at for a third of a second."""
    end = time.monotonic() + seconds
    since = time.monotonic()
    while time.monotonic() - since < REST_S:
        if not condition():
            since = time.monotonic()
        if since > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
