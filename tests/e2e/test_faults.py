# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A system call of stayd's fails, any of them, with an error that is nobody's fault: no player is lost, and those who come
meanwhile get in.

All calls of an error at once, and often. Each call alone, with each of its errors: tests/proof/calls.
"""
import os
import signal

import pytest

from support import faults
from support.away import KINDS, await_back, check_echo, enter

HINDRANCE = faults.find_hindrance()
pytestmark = pytest.mark.skipif(HINDRANCE is not None, reason=str(HINDRANCE))


def live(stage, game, players):
    """What befalls players: words, others who come, the worker's death, the game's, a reload, the guard's
    death."""
    family, log = stage.stayd.family, stage.stayd.log

    def check():
        for player in players:
            check_echo(player)
    check()
    players += [enter(stage, kind) for kind in KINDS]
    family.kill("worker")
    check()
    game.restart()
    for player in players:
        await_back(player)
    check()
    os.kill(family.pid("guard"), signal.SIGHUP)
    log.expect(" reload(-refused)? ")
    check()
    family.kill("guard")
    check()
    family.await_whole()


@pytest.mark.parametrize("error", faults.ERRORS)
def test_players_live_through_calls_that_fail(make_stage, lone, error):
    game = lone()
    stage = make_stage(its_game=game)
    stage.stayd.log.is_hurt = True
    players = [enter(stage, kind) for kind in KINDS]
    with faults.Faults(stage.stayd.family, error, faults.ERRORS[error], "2+3") as made:
        live(stage, game, players)
    assert made.n_failed()
    players += [enter(stage, kind) for kind in KINDS]
    for player in players:
        check_echo(player)
