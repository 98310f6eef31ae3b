# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Who comes when there is no seat for it hears why, over TLS if it speaks that, and then a clean end; whatever is
killed meanwhile, and however many they are.

There are 64 slots for that. Who has heard it and does not go is closed after 5 seconds.
"""
import os
import threading
import time

import pytest

from support.control import Control, run_stayctl
from support.players import connect
from support.waiting import until

FULL = b"As many players are connected as can be. Please try again later.\r\n"
ENDINGS = {"1.2": "close_notify", "1.3": "close_notify", "plain": "eof"}
MANY = 50
FAREWELLS = 64
FAREWELL_S = 5
BUSY_S = 20  # a machine with much else to do


@pytest.fixture
def make_full(make_stage):
    """A stage all of whose seats are taken; its players are `seated`."""
    def make(n_seats=1, **options):
        stage = make_stage({"max-players": n_seats, **options})
        stage.seated = [stage.pair(list(ENDINGS)[i % 3]) for i in range(n_seats)]
        return stage
    return make


def n_of_limit(stage):
    """How often status says that max-players has kept somebody out."""
    items = Control(f"{stage.stayd.folder}/control.sock").ask("status").items
    return sum(int(item["refused"]) for item in items if item.get("limit") == "max-players")


def leave(pair):
    pair.player.close()
    pair.link.close()


@pytest.mark.parametrize("kind", ENDINGS)
@pytest.mark.parametrize("is_talking", (False, True), ids=("silent", "talking"))
def test_each_of_fifty_hears_why_and_then_a_clean_end(make_full, kind, is_talking):
    """Also if it has said much that nobody reads."""
    stage = make_full()
    for _ in range(MANY):
        player = stage.player(kind)
        if is_talking:
            player.send(b"connect guest guest\r\n" * 500)
        assert player.read_to_end() == (FULL, ENDINGS[kind])
        player.close()
    stage.seated[0].check()
    assert n_of_limit(stage) == MANY


@pytest.mark.short
def test_who_has_no_seat_is_no_player(make_full):
    """Nobody sees it but the log and the status, once for all of them; the game does not hear of it."""
    stage = make_full(2)
    hanging = [stage.player(kind) for kind in ENDINGS]
    for player in hanging:
        assert player.read_to_end()[0] == FULL
    status = Control(f"{stage.stayd.folder}/control.sock").ask("status").items
    assert status[0]["players"] == "2" and status[0]["max-players"] == "2"
    game = next(item for item in status if item["what"] == "game")
    assert game["players"] == "2" and game["held"] == "0"
    assert len(Control(f"{stage.stayd.folder}/control.sock").ask("list").items) == 2
    assert run_stayctl(stage.stayd, "notice", "mush", "Hear!").returncode == 0
    for pair in stage.seated:
        pair.player.find(b"Hear!\r\n")
    assert not stage.game.has_caller()
    assert len(stage.stayd.log.find(" player-open ")) == 2
    assert len(stage.stayd.log.find(" limited ")) == 1
    stage.stayd.family.kill("worker")
    stage.stayd.log.expect(" ready players=2", 1)
    for player in hanging:
        player.close()
    leave(stage.seated[0])
    stage.stayd.log.expect(" player-close ")
    stage.pair().check()
    assert len(stage.stayd.log.find(" player-close ")) == 1


def is_told(stage, kind):
    """Does a newcomer hear why? False: it is closed without words."""
    try:
        player = stage.player(kind)
    except OSError:
        return False
    words = player.read_to_end()[0]
    player.close()
    assert words in (b"", FULL)
    return words == FULL


def fill_farewells(stage):
    """Newcomers who hear why they have no seat, and stay; as many as there can be. None: on this machine that takes so
    long that the first ones' time was over before."""
    hanging = []
    while len(hanging) <= 2 * FAREWELLS:
        try:
            player = stage.player(("1.2", "1.3")[len(hanging) % 2])
        except OSError:
            return hanging
        if player.read_to_end()[0] != FULL:
            return hanging
        hanging.append(player)
    return None


@pytest.mark.parametrize("is_killed", (False, True), ids=("", "worker killed"))
def test_when_all_farewells_are_taken_the_next_are_closed_at_once(make_full, is_killed):
    """They keep no seat from who comes when one is free; and they go, also those of a dead worker."""
    stage = make_full(3, **{"connections-per-second": "no"})
    hanging = until(lambda: fill_farewells(stage), "all farewells are taken at once")
    assert is_told(stage, "plain")
    begun = time.monotonic()
    leave(stage.seated.pop())
    stage.stayd.log.expect(" player-close ")
    stage.seated.append(stage.pair("1.3"))
    if is_killed:
        stage.stayd.family.kill("worker")
        stage.stayd.log.expect(" ready players=3")
    until(lambda: is_told(stage, "1.3"), "there is room for a farewell again")
    assert time.monotonic() - begun < FAREWELL_S + BUSY_S
    assert len(hanging) >= FAREWELLS
    for pair in stage.seated:
        pair.check()


class Newcomers:
    """One after the other comes, and hears to the end; `heard` says what."""

    def __init__(self, stage, kind):
        self.stage, self.kind = stage, kind
        self.heard = []
        self.is_over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_over:
            try:
                player = self.stage.player(self.kind)
            except OSError:  # the worker has died in its handshake
                continue
            self.heard.append(player.read_to_end())
            player.close()

    def end(self):
        self.is_over = True
        self.thread.join()


def test_workers_killed_among_farewells_leave_none_over_and_say_nothing_twice(make_full):
    stage = make_full(**{"connections-per-second": "no"})
    crowd = [Newcomers(stage, kind) for kind in ENDINGS]
    for n in range(1, 6):
        for newcomers in crowd:
            until(lambda newcomers=newcomers, n=n: len(newcomers.heard) >= 10 * n, "some have come")
        stage.stayd.family.kill("worker")
        stage.stayd.log.expect(" ready players=1", n)
    for newcomers in crowd:
        newcomers.end()
        told = (FULL, ENDINGS[newcomers.kind])
        others = [heard for heard in newcomers.heard if heard != told]
        # Accepted, and not claimed, when its worker died.
        assert all(words == b"" for words, _ in others) and len(others) <= 5
    stage.seated[0].check()
    leave(stage.seated[0])
    stage.stayd.log.expect(" player-close ")
    stage.pair().check()
    assert not stage.stayd.log.find("quarantine|panic")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into another process")
def test_who_hangs_after_its_farewell_costs_nothing_after_a_while(make_full):
    stage = make_full(**{"connections-per-second": "no"})
    worker = stage.stayd.family.pid("worker")
    before = len(os.listdir(f"/proc/{worker}/fd"))
    hanging = [stage.player(kind) for kind in ENDINGS for _ in range(5)]
    small = connect(stage.plain_port, receive_bytes=1)  # and never reads
    assert len(os.listdir(f"/proc/{worker}/fd")) > before
    until(lambda: len(os.listdir(f"/proc/{worker}/fd")) <= before, "all are closed")
    for player in hanging:
        player.close()
    small.close()
