# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A connection in whose service the worker crashes twice is given up; nobody else is."""
import os
import signal
import threading

import pytest

from support.stream import Ended
from support.waiting import until


class Flooder(threading.Thread):
    """Keeps the worker busy with one player, in both roles, until told to stop or cut off."""

    def __init__(self, pair):
        super().__init__(daemon=True)
        self.pair = pair
        self.must_stop = threading.Event()
        self.was_cut = threading.Event()

    def run(self):
        block = b"x" * (1 << 18)
        try:
            while not self.must_stop.is_set():
                self.pair.player.send(block)
        except OSError:
            self.was_cut.set()


class Sink(threading.Thread):
    """The game's side of the flood."""

    def __init__(self, pair):
        super().__init__(daemon=True)
        self.link = pair.link

    def run(self):
        while not self.link.ended:
            try:
                self.link.buffer.clear()
                if not self.link._receive(1):
                    return
            except (Ended, OSError):
                return


def crash(stayd, number):
    """One crash, looked up in the log: the slot that was being served, or None."""
    before = len(stayd.log.find("worker-died"))
    stayd.family.kill("worker", number=number)
    line = stayd.log.expect(r"worker-died .*serving=(\S+)", before + 1)[before]
    return line if line.startswith("slot:") else None


@pytest.mark.parametrize("kind", ("1.3", "plain"))
def test_a_player_who_is_served_in_two_crashes_is_closed_and_all_others_stay(stage, kind):
    others = [stage.pair(other) for other in ("1.2", "1.3", "plain")]
    bad = stage.pair(kind)
    for thread in (flood := Flooder(bad), Sink(bad)):
        thread.start()
    blamed = []
    while len(blamed) < 2:
        slot = crash(stage.stayd, signal.SIGSEGV)
        blamed += [slot] if slot else []
    assert len(set(blamed)) == 1
    stage.stayd.log.expect(r" poison address=127\.0\.0\.1 id=\w+ crashes=2")
    until(flood.was_cut.is_set, "the player is cut off")
    unique = bad.link.header.tlvs[5].hex()
    assert stage.stayd.log.find(f" poison .*id={unique}")
    for pair in others:
        pair.check()
    assert len(stage.stayd.log.find(" poison ")) == 1
    stage.pair("1.3").check()


def test_kills_never_make_poison(stage):
    pair = stage.pair()
    for thread in (flood := Flooder(pair), Sink(pair)):
        thread.start()
    served = [crash(stage.stayd, signal.SIGKILL) for _ in range(20)]
    assert sum(slot is not None for slot in served) >= 2, "some hit the player's service"
    flood.must_stop.set()
    flood.join(10)
    assert not flood.was_cut.is_set() and not stage.stayd.log.find(" poison ")
    stage.stayd.family.await_whole()


def test_crashes_that_nobody_is_to_blame_for_harm_nobody_and_are_braked(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    while not stage.stayd.log.find(" brake "):
        assert crash(stage.stayd, signal.SIGABRT) is None
    for pair in pairs:
        pair.check()
    worker = stage.stayd.family.await_whole()["worker"]
    os.kill(worker, signal.SIGKILL)  # which is no crash: no pause
    for pair in pairs:
        pair.check()
    assert not stage.stayd.log.find(" poison ")
