# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""stayd beside an unchanged PennMUSH (support/penn.py stands in for it)."""
import os

import pytest

from support.penn import Penn
from support.penn_crowd import Player, empty_backlog, fill_backlog, make_crowd, reboot, shut_down
from support.waiting import until


@pytest.fixture
def beside(make_stage, folder):
    """(game, stage)"""
    games = []

    def make(**options):
        games.append(Penn(os.path.join(folder, "game")).start())
        until(lambda: os.path.exists(games[-1].connect.removeprefix("unix:")), "the game listens")
        return games[-1], make_stage(
            {"host-names": "on"}, its_game=games[-1],
            game_options={"header": "pennmush", "shutdown-wait": "20s", **options})
    yield make
    for game in games:
        game.close()


def test_beside_pennmush_a_crowd_gets_in_at_once_and_stays_over_all_that_happens(beside):
    game, stage = beside()
    crowd = make_crowd(game, [(stage.tls_port, "1.3"), (stage.plain_port, "plain"),
                              (stage.tls_port, "1.2")], "L")
    stage.stayd.family.kill("worker")
    reboot(crowd)
    game.kill()
    for player in crowd:
        player.await_away()
    game.start()
    for player in crowd:
        assert player.await_here() == game.process.pid
    shut_down(game, crowd)
    game.start()
    for player in crowd:
        player.await_here()
        player.look(b"?")


def test_beside_pennmush_a_player_who_quits_is_gone_and_nobody_else(beside):
    game, stage = beside(**{"shutdown-wait": "200ms"})
    crowd = make_crowd(game, [(stage.tls_port, "1.3"), (stage.plain_port, "plain")], "L", 4)
    crowd[1].stream.send(b"quit\r\n")
    assert crowd[1].stream.read_to_end()[0] == b"bye\r\n"
    for player in (crowd[0], crowd[2], crowd[3]):
        player.look()


def test_beside_pennmush_a_full_backlog_only_delays(beside):
    game, stage = beside()
    filling = fill_backlog(game)
    players = [Player(n, stage.plain_port, "plain", "L") for n in range(3)]
    stage.stayd.log.expect("game-wait .*does not take connections")
    empty_backlog(game, filling)
    for player in players:
        player.await_here()
        player.look()
