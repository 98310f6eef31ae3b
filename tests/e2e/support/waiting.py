# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Waiting for something to become true, never for time alone."""
import os
import time

# Limits are so many times as long where a machine is busy with other things.
PATIENCE = int(os.environ.get("STAYD_PATIENCE", "1"))
WAIT_S = 60 * PATIENCE  # a wait only costs when it fails
REST_LOOKS = 30


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
    """Wait until condition() has been true at each of many looks, over a third of a second."""
    end = time.monotonic() + seconds
    n_true = 0
    while n_true < REST_LOOKS:
        n_true = n_true + 1 if condition() else 0
        if time.monotonic() > end and n_true == 0:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
