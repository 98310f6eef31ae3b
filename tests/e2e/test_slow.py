# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Sides that do not read, games that are not there: stayd waits, in bounded memory, and loses
nothing."""
import random
import time

import pytest

from support.daemon import Family
from support.game import Game, Pair
from support.waiting import WAIT_S, until, until_lasting

N_SLOW = 10
GROWTH_BYTES = 120_000  # a player: four chunks of 20 kB, and what the processes themselves take
BLOCK = random.Random(4202).randbytes(65521)
WAIT_TEXT = b"The game is not answering yet. You are connected and will be let in when it does.\r\n"


class Flood:
    """Sends a known endless text, as much as the other side takes."""

    def __init__(self, end, seal=None):
        self.end = end
        self.seal = seal or (lambda data: data)
        self.n_given = 0  # of the text
        self.left = b""   # sealed, not sent

    def push(self):
        """Send until there is no room; how many bytes went."""
        n_all = 0
        while True:
            if not self.left:
                at = self.n_given % len(BLOCK)
                self.left = self.seal(BLOCK[at:at + 16000])
                self.n_given += len(BLOCK[at:at + 16000])
            n = self.end.send_some(self.left)
            self.left = self.left[n:]
            n_all += n
            if n == 0:
                return n_all

    def text(self):
        return (BLOCK * (self.n_given // len(BLOCK) + 1))[:self.n_given]


def push_until_stuck(floods):
    """Until nobody takes a byte any more, and that not for want of a processor."""
    family = Family()
    until_lasting(lambda: not sum(flood.push() for flood in floods) and family.is_at_rest(),
                  "nobody takes a byte any more")


def finish(flood, reader):
    """Send the rest while the other side reads; it must have it all."""
    got = bytearray()
    deadline = time.monotonic() + WAIT_S
    while len(got) < flood.n_given:
        assert time.monotonic() < deadline, f"{len(got)} of {flood.n_given} bytes"
        flood.left = flood.left[flood.end.send_some(flood.left):] if flood.left else b""
        if not reader.buffer:
            reader.receive(0.2)
        got += reader.read_exactly(len(reader.buffer))
    assert got == flood.text()


@pytest.mark.parametrize("kind", ("1.2", "1.3", "plain"))
def test_players_that_stop_reading_cost_bounded_memory_and_lose_nothing(stage, kind):
    bystander = stage.pair()
    pairs = [stage.pair(kind, receive_bytes=16384) for _ in range(N_SLOW)]
    for pair in pairs:
        pair.check()
    before = stage.stayd.family.memory_bytes()
    floods = [Flood(pair.link) for pair in pairs]
    push_until_stuck(floods)
    growth = stage.stayd.family.memory_bytes() - before
    print(f"{growth / N_SLOW:.0f} bytes a player")
    assert growth <= N_SLOW * GROWTH_BYTES, f"{growth / N_SLOW:.0f} bytes a player"
    assert all(flood.n_given > 200_000 for flood in floods)
    bystander.check()
    for flood, pair in zip(floods, pairs):
        finish(flood, pair.player)
        pair.check()


@pytest.mark.parametrize("kind", ("1.2", "1.3", "plain"))
def test_a_game_that_stops_reading_costs_bounded_memory_and_loses_nothing(stage, kind):
    bystander = stage.pair()
    pairs = [stage.pair(kind) for _ in range(N_SLOW)]
    for pair in pairs:
        pair.check()
    before = stage.stayd.family.memory_bytes()
    floods = [Flood(pair.player, getattr(pair.player, "seal", None)) for pair in pairs]
    push_until_stuck(floods)
    growth = stage.stayd.family.memory_bytes() - before
    print(f"{growth / N_SLOW:.0f} bytes a player")
    assert growth <= N_SLOW * GROWTH_BYTES, f"{growth / N_SLOW:.0f} bytes a player"
    assert all(flood.n_given > 200_000 for flood in floods)
    bystander.check()
    for flood, pair in zip(floods, pairs):
        finish(flood, pair.link)
        pair.check()


@pytest.mark.short
@pytest.mark.parametrize("kind", ("1.3", "plain"))
def test_what_slow_sides_have_not_read_survives_a_kill_of_every_process_in_turn(stage, kind):
    pair = stage.pair(kind, receive_bytes=16384)
    floods = Flood(pair.link), Flood(pair.player, getattr(pair.player, "seal", None))
    for roles in (("worker",), ("guard", "spare"), ("worker", "guard")):
        push_until_stuck(floods)
        stage.stayd.family.await_whole()
        stage.stayd.family.kill(*roles)
    finish(floods[0], pair.player)
    finish(floods[1], pair.link)
    pair.check()


def test_the_memory_of_a_flood_is_given_back(stage):
    """Buffers are for those who need them now."""
    pairs = [stage.pair("plain", receive_bytes=16384) for _ in range(3)]
    grown = []
    for _ in range(2):
        for pair in pairs:
            flood = Flood(pair.link)
            push_until_stuck([flood])
            finish(flood, pair.player)
        grown.append(stage.stayd.family.memory_bytes())
    until(lambda: stage.stayd.family.memory_bytes() - grown[0] <= 20480, f"less than {grown}")


def test_players_of_a_game_that_is_not_there_yet_wait_are_told_once_and_get_in(make_stage, folder):
    place = f"{folder}/later.sock"
    later = Game(place)
    later.close()
    stage = make_stage(its_game=later)
    players = [stage.player(kind) for kind in ("1.2", "1.3", "plain")]
    for n, player in enumerate(players):
        player.send(b"typed while waiting %d\r\n" % n)
    for player in players:
        player.read_until(WAIT_TEXT)
    # A new worker does not say it again.
    stage.stayd.family.kill("worker")
    stage.stayd.log.expect(r" ready players=3")
    time.sleep(0.6)  # two of its attempts to reach the game
    stage.game = Game(place)
    for n, player in enumerate(players):
        link = stage.game.accept_of(player)
        assert link.read_line() == b"typed while waiting %d" % n
        assert player.read_line() == b"The game is back."
        Pair(player, link).check()  # the next line it reads is the game's
    stage.game.close()


def test_a_game_that_does_not_come_within_the_hold_ends_the_wait_in_words(make_stage, folder):
    never = Game(f"{folder}/never.sock")
    never.close()
    stage = make_stage(its_game=never, game_options={"hold": "500ms"})
    for kind, end in (("1.3", "close_notify"), ("plain", "eof")):
        text, ended = stage.player(kind).read_to_end()
        assert text == b"The game cannot be reached. Please try again later.\r\n" and ended == end
    stage.stayd.log.expect("game-failed", 2)


def test_a_player_that_leaves_while_waiting_is_gone(make_stage, folder):
    never = Game(f"{folder}/never.sock")
    never.close()
    stage = make_stage(its_game=never)
    for kind in ("1.2", "1.3", "plain"):
        stage.player(kind).close()
    stage.stayd.log.expect("player-close", 3)


def test_five_hundred_logins_at_once_all_get_in_past_a_backlog_of_five(make_stage, folder):
    narrow = Game(f"{folder}/narrow.sock", backlog=5)
    stage = make_stage(its_game=narrow)
    players = [stage.player("plain") for _ in range(350)]
    shaking = [stage.player(kind, is_shaken=False) for kind in ("1.2", "1.3", "1.3") * 50]
    for player in shaking:
        player.shake()
    players += shaking
    for player in players:
        player.send(b"I am %d at %d\r\n" % player.place)
    for link in [narrow.accept() for _ in players]:
        assert link.read_line() == b"I am %d at %d" % link.header.place
    assert len({link.header.place for link in narrow.links}) == 500
    for player, link in zip(players, narrow.links):
        player.close()
        link.close()
    narrow.close()
