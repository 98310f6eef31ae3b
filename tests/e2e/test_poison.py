# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A connection in whose service the worker crashes twice is given up; nobody else is."""
import os
import signal
import threading

import pytest

from support.players import TlsPlayer, context_for
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
                if not self.link.receive(1):
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


class Knocker(threading.Thread):
    """Handshakes without end from an address of its own."""

    ADDRESS = "127.0.0.2"

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.must_stop = threading.Event()

    def run(self):
        context = context_for("1.2")
        while not self.must_stop.is_set():
            try:
                TlsPlayer(self.port, context=context, source=self.ADDRESS).close()
            except OSError:
                continue


def test_an_address_in_whose_handshakes_workers_crash_twice_is_refused_and_no_other(stage):
    pair = stage.pair()
    knockers = [Knocker(stage.tls_port) for _ in range(3)]
    for knocker in knockers:
        knocker.start()
    suspect = rf"worker-died .*serving=handshake:{Knocker.ADDRESS}\n"
    while len(stage.stayd.log.find(suspect)) < 2:
        crash(stage.stayd, signal.SIGSEGV)
    stage.stayd.log.expect(f'refused address={Knocker.ADDRESS} why="two workers crashed')
    for knocker in knockers:
        knocker.must_stop.set()
        knocker.join(10)
    with pytest.raises(OSError):
        TlsPlayer(stage.tls_port, source=Knocker.ADDRESS)
    pair.check()
    player = TlsPlayer(stage.tls_port)
    until(lambda: stage.game.accept().header.place == player.place, "others get in")
