# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Waiting for something to become true, never for time alone."""
import time

WAIT_S = 10


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
