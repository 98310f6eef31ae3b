# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A connection in whose service the worker crashes twice is given up; nobody else is."""
import os
import re
import signal
import subprocess
import threading

import pytest

from support.control import Control, run_stayctl
from support.daemon import READY
from support.players import TlsPlayer, context_for, program
from support.waiting import WAIT_S, until

SLOT = r"slot:\S+"


class Flood:
    """A player who keeps the worker busy, by programs that do nothing else. `link`: the game's
    side, which takes everything."""

    def __init__(self, stage, kind):
        with open("/dev/zero", "rb") as zero:
            if kind == "plain":
                player = stage.player("plain")
                player.sock.setblocking(True)  # cat shall wait
                self.source = subprocess.Popen(["cat"], stdin=zero, stdout=player.sock,
                                               stderr=subprocess.DEVNULL)
            else:
                self.source = subprocess.Popen(
                    [program("openssl"), "s_client", "-quiet", "-connect",
                     f"127.0.0.1:{stage.tls_port}"], stdin=zero, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
        self.link = stage.game.accept()
        self.link.sock.setblocking(True)
        self.sink = subprocess.Popen(["cat"], stdin=self.link.sock, stdout=subprocess.DEVNULL)

    def is_cut(self):
        return self.source.poll() is not None

    def end(self):
        for process in (self.source, self.sink):
            process.kill()
            process.wait()


@pytest.fixture
def start_flood(stage):
    started = []

    def start(kind="1.3"):
        started.append(Flood(stage, kind))
        return started[-1]
    yield start
    for flood in started:
        flood.end()


def crash(stayd, number):
    """One crash of a worker that is at work, looked up in the log: who was being served."""
    before = len(stayd.log.find("worker-died"))
    stayd.log.expect(READY, before + 1)
    stayd.family.kill("worker", number=number)
    return stayd.log.expect(r"worker-died .*serving=(\S+)", before + 1)[before]


def crash_until(stayd, number, whom, n):
    """Crash it until n crashes have come in the service of `whom`, a pattern; who that was."""
    found = []

    def have_come():
        served = crash(stayd, number)
        if re.fullmatch(whom, served):
            found.append(served)
        return len(found) == n
    until(have_come, f"{n} crashes in the service of {whom}")
    return found


@pytest.mark.parametrize("kind", ("1.3", "plain"))
def test_a_player_who_is_served_in_two_crashes_is_closed_and_all_others_stay(
        stage, start_flood, kind):
    others = [stage.pair(other) for other in ("1.2", "1.3", "plain")]
    flood = start_flood(kind)
    blamed = crash_until(stage.stayd, signal.SIGSEGV, SLOT, 2)
    assert len(set(blamed)) == 1
    stage.stayd.log.expect(r" poison address=127\.0\.0\.1 id=\w+ crashes=2")
    until(flood.is_cut, "the player is cut off")
    unique = flood.link.header.tlvs[5].hex()
    assert stage.stayd.log.find(f" poison .*id={unique}")
    for pair in others:
        pair.check()
    assert len(stage.stayd.log.find(" poison ")) == 1
    stage.pair("1.3").check()


def test_kills_never_make_poison(stage, start_flood):
    flood = start_flood()
    crash_until(stage.stayd, signal.SIGKILL, SLOT, 3)
    assert not flood.is_cut() and not stage.stayd.log.find(" poison ")
    stage.stayd.family.await_whole()


def test_crashes_that_nobody_is_to_blame_for_harm_nobody_and_are_braked(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]

    def is_braked():
        assert not re.fullmatch(SLOT, crash(stage.stayd, signal.SIGABRT))
        return stage.stayd.log.find(" brake ")
    until(is_braked, "workers are made slowly")
    for pair in pairs:
        pair.check()
    worker = stage.stayd.family.await_whole()["worker"]
    os.kill(worker, signal.SIGKILL)  # which is no crash: no pause
    for pair in pairs:
        pair.check()
    assert not stage.stayd.log.find(" poison ")


def test_how_workers_have_died_is_told_and_survives_them(stage):
    pair = stage.pair()
    for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGSEGV):
        crash(stage.stayd, number)
        pair.check()
    status = Control(os.path.join(stage.stayd.folder, "control.sock")).ask("status").items[0]
    assert (status["crashes"], status["workers-made"]) == ("SEGV:2 ABRT:1", "4")
    assert re.fullmatch(r"signal 11 \(Segmentation fault\), serving \S+, last call \S+, "
                        r"trace [0-9a-f,]+", status["last-death"])
    shown = run_stayctl(stage.stayd, "status").stdout
    assert f"worker {status['worker']} (ready), entry {status['entry']} (open); workers made: 4; " \
        "crashes: SEGV:2 ABRT:1\n" in shown
    assert "\nlast death of a worker, " in shown
    assert re.search(r"worker, \ds ago: signal", shown)


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


def crash_entry(stayd):
    """One crash of an entry that is at work: whose handshake it was, "-" if nobody's."""
    before = len(stayd.log.find(" entry-died "))
    stayd.log.expect(" entry-open ", before + 1)
    stayd.family.kill("entry", number=signal.SIGSEGV)
    return stayd.log.expect(r" entry-died .*serving=(\S+)", before + 1)[before]


def test_an_address_in_whose_handshakes_entries_crash_twice_is_refused_and_no_other(stage):
    pair = stage.pair()
    knockers = [Knocker(stage.tls_port) for _ in range(3)]
    for knocker in knockers:
        knocker.start()
    blamed = []
    until(lambda: blamed.append(crash_entry(stage.stayd)) or blamed.count(Knocker.ADDRESS) == 2,
          "two crashes in its handshakes")
    stage.stayd.log.expect(f'refused address={Knocker.ADDRESS} why="stayd crashed twice')
    for knocker in knockers:
        knocker.must_stop.set()
        knocker.join(WAIT_S)
    with pytest.raises(OSError):
        TlsPlayer(stage.tls_port, source=Knocker.ADDRESS)
    pair.check()
    stage.pair("1.3").check()
    status = Control(os.path.join(stage.stayd.folder, "control.sock")).ask("status").items[0]
    assert int(status["entry-crashes"]) == len(blamed)
    assert "crashes" not in status and int(status["workers-made"]) == 1
