# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""How long a player waits for an echo while others do their worst."""
import os
import select
import subprocess
import time

from .daemon import BUILD

FLOOD = os.path.join(BUILD, "tests", "e2e", "flood")
HELLOS = os.path.join(BUILD, "tests", "e2e", "hellos")
KNOCK = os.path.join(BUILD, "tests", "e2e", "knock")
LINE = b"say " + b"x" * 55 + b"\n"
GAP_S = 0.001


def start_last(*command, **options):
    """A program that gets what time others leave: how soon stayd is done is what is measured, not
    how the kernel deals out the processors."""
    process = subprocess.Popen(command, text=True, **options)
    os.setpriority(os.PRIO_PROCESS, process.pid, 19)
    return process


class Flood:
    """tests/e2e/flood.c: players of the game at `path`, who say so many records each."""

    def __init__(self, port, path, n_players, kind, n_records):
        self.process = start_last(FLOOD, str(port), path, str(n_players), kind, str(n_records),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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

    def kill(self):
        self.process.kill()
        self.process.wait()


class Hellos:
    """tests/e2e/hellos.c: handshakes that are begun from `source`, and not gone on with."""

    def __init__(self, address, port, source, bytes_a_second, stay=64, wrapper=()):
        self.process = start_last(*wrapper, HELLOS, address, str(port), source, str(bytes_a_second), str(stay),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        word, n = self.process.stdout.readline().split()
        assert word == "ready"
        self.n_bytes = int(n)

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        """How many went out."""
        self.begin()
        word, n = self.process.stdout.readline().split()
        assert word == "sent" and self.process.wait() == 0
        return int(n)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def wait_for_echo(pair):
    begun = time.monotonic()
    pair.player.send(LINE)
    assert pair.link.read_exactly(len(LINE)) == LINE
    pair.link.send(LINE)
    assert pair.player.read_exactly(len(LINE)) == LINE
    return time.monotonic() - begun


def measure(pair, is_over):
    """An echo each millisecond, until it is over; the wait that one in a hundred exceeds."""
    waits = [wait_for_echo(pair)]
    while not is_over():
        time.sleep(GAP_S)
        waits.append(wait_for_echo(pair))
    return sorted(waits)[len(waits) * 99 // 100]


def measure_for(pair, seconds):
    end = time.monotonic() + seconds
    return measure(pair, lambda: time.monotonic() > end)
