# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Games that serve WebSocket and HTTP at the players' port: such connections are left alone, and end with the game."""
import os
import signal

import pytest

from support.away import AWAY, BACK, HERE, KINDS, check_echo
from support.control import run_stayctl
from support.lone_game import UPGRADED
from support.waiting import until

REQUEST = b"GET /wsclient HTTP/1.1\r\nHost: mush.example\r\nUpgrade: websocket\r\n\r\n"
# What would be changed or held back in telnet: IAC, MCCP, half a command, half a sequence.
FRAME = b"\x82\x7e\xff\xfb\x56\xff\xff\xff\xfa\x58\x1b[?25l\xff"
ENDED = ("close_notify", "eof")


def upgrade(stage, kind):
    player = stage.player(kind)
    player.send(REQUEST[:9])
    player.send(REQUEST[9:])
    assert player.read_exactly(len(UPGRADED)) == UPGRADED
    check_frame(player)
    return player


def check_frame(player):
    player.send(FRAME)
    assert player.read_exactly(len(FRAME)) == FRAME


@pytest.mark.short
@pytest.mark.parametrize("telnet", ["yes", "no"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_websocket_is_left_alone_and_ends_with_the_game(make_stage, lone, kind, telnet):
    game = lone(is_web=True)
    stage = make_stage(its_game=game, game_options={"telnet": telnet})
    player = upgrade(stage, kind)
    other = stage.player(kind)  # at the same port, by telnet
    other.send(b"hello\r\n")
    other.read_until(HERE)
    assert other.read_line() == b"echo hello"
    old = stage.stayd.family.pid("worker")
    os.kill(old, signal.SIGKILL)
    until(lambda: stage.stayd.family.pid("worker") not in (old, None), "another worker")
    check_frame(player)
    game.kill()
    assert player.read_to_end() == (b"", "eof" if kind == "plain" else "close_notify")
    other.read_until(AWAY)
    game.start()
    other.read_until(BACK)
    other.send(b"again\r\n")
    other.read_until(HERE)
    assert other.read_line() == b"echo again"


def test_a_websocket_ends_when_the_game_dies_while_no_worker_lives(make_stage, lone):
    game = lone(is_web=True)
    stage = make_stage(its_game=game)
    players = [upgrade(stage, kind) for kind in KINDS]
    os.kill(stage.stayd.family.pid("worker"), signal.SIGKILL)
    game.kill()
    for player in players:
        text, how = player.read_to_end()
        assert text == b"" and how in ENDED


def test_a_websocket_ends_with_an_orderly_shutdown_and_at_once_when_the_game_closes_it(
        make_stage, lone):
    game = lone(is_web=True)
    stage = make_stage(its_game=game, game_options={"shutdown-wait": "20s"})
    player, other = upgrade(stage, "1.3"), upgrade(stage, "1.2")
    player.send(b"bye")
    assert player.read_to_end(seconds=10) == (b"bye", "close_notify")
    other.send(b"shutdown 300")
    assert other.read_to_end(seconds=10) == (b"shutdown 300going down\r\n", "close_notify")


def test_a_request_while_the_game_is_away_gets_no_words_and_is_answered_by_the_game(
        make_stage, lone):
    game = lone(is_web=True)
    stage = make_stage(its_game=game)
    game.kill()
    player = stage.player("1.3")
    player.send(REQUEST)
    stage.stayd.log.expect("player-open")
    game.start()
    assert player.read_exactly(len(UPGRADED)) == UPGRADED
    check_frame(player)


def test_a_request_of_somebody_who_waits_and_was_told_nothing_is_answered(make_stage, lone):
    game = lone(is_web=True)
    stage = make_stage(its_game=game, game_options={"away-text": "off", "back-text": "off"})
    player = stage.player("1.3")
    stage.stayd.log.expect("game-link")
    game.kill()
    stage.stayd.log.expect("player-held")
    player.send(REQUEST)
    game.start()
    stage.stayd.log.expect("game-link", n=2)
    player.send(REQUEST)  # what came before there was a link was for nobody
    assert player.read_exactly(len(UPGRADED)) == UPGRADED
    check_frame(player)


def test_a_notice_is_not_said_to_a_websocket_and_said_to_others(make_stage, lone):
    stage = make_stage(its_game=lone(is_web=True))
    player = upgrade(stage, "1.3")
    other = stage.player("1.3")
    other.send(b"hello\r\n")
    other.read_until(b"echo hello\r\n")
    assert "said to 1 player" in run_stayctl(stage.stayd, "notice", "*", "soon").stdout
    assert other.read_line() == b"soon"
    check_frame(player)


def test_who_types_a_request_to_a_game_that_has_greeted_is_a_player(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    player = stage.player("1.3")
    player.read_until(HERE)
    check_echo(player, b"GET / HTTP/1.1")
    game.kill()
    player.read_until(AWAY)
