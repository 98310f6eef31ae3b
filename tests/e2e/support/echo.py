# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""How long a player waits for an echo, while others do their worst."""
import os
import select
import subprocess
import time

LINE = b"say " + b"x" * 55 + b"\n"


def last(process):
    """Others' programs get what time is left over: stayd's time is what is measured, not theirs."""
    os.setpriority(os.PRIO_PROCESS, process.pid, 19)
    return process


class Flood:
    """tests/e2e/flood.c"""

    def __init__(self, port, path, n, kind, records):
        from .daemon import BUILD
        self.process = last(subprocess.Popen(
            [os.environ.get("FLOOD", os.path.join(BUILD, "tests", "e2e", "flood")), str(port), path, str(n), kind, str(records)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert self.process.stdout.readline() == "ready\n"

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def is_over(self):
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def end(self):
        """(players still connected, bytes that their game has heard)"""
        word, players, heard = self.process.stdout.readline().split()
        assert word == "over" and self.process.wait() == 0
        return int(players), int(heard)


def echo_ms(pair):
    begun = time.monotonic()
    pair.player.send(LINE)
    assert pair.link.read_exactly(len(LINE)) == LINE
    pair.link.send(LINE)
    assert pair.player.read_exactly(len(LINE)) == LINE
    return (time.monotonic() - begun) * 1000


def measure(pair, is_over, gap=0.001):
    """An echo each millisecond; the waits, sorted."""
    waits = []
    while not is_over():
        waits.append(echo_ms(pair))
        time.sleep(gap)
    return sorted(waits)


def p99(waits):
    return waits[len(waits) * 99 // 100]
