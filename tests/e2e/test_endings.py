# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The log says truly who has ended a connection."""
import os
import socket

import pytest

from support.away import enter
from support.control import Control, run_stayctl

KINDS = ("1.3", "1.2", "plain")


def expect_close(stage, by, why):
    """Of this connection alone, from its address."""
    line = stage.stayd.log.expect(r" player-close (.*)")[-1]
    assert f'by={by} why="{why}"' in line and "address=127.0.0.1 " in line, line


def conn_of(pair):
    return pair.link.header.tlvs[5].hex()


@pytest.mark.short
@pytest.mark.parametrize("kind", KINDS)
def test_a_player_who_leaves(stage, kind):
    pair = stage.pair(kind)
    pair.check()
    pair.player.close()
    pair.link.read_to_end()
    pair.link.close()
    expect_close(stage, "player", "the player left")


@pytest.mark.short
@pytest.mark.parametrize("kind", KINDS)
def test_a_game_that_closes_a_player(stage, kind):
    pair = stage.pair(kind)
    pair.link.close()
    pair.player.read_to_end()
    pair.player.close()
    expect_close(stage, "game", "the game closed it")


@pytest.mark.short
def test_an_admin_and_a_game_that_asks(stage):
    pair = stage.pair()
    run_stayctl(stage.stayd, "kick", conn_of(pair))
    pair.player.read_to_end()
    pair.player.close()
    pair.link.close()
    expect_close(stage, "admin", "kicked")
    pair = stage.pair()
    Control(os.path.join(stage.stayd.folder, "control.sock")).ask(f"close {conn_of(pair)}")
    pair.player.read_to_end()
    pair.player.close()
    pair.link.close()
    stage.stayd.log.expect(" player-close ", 2)
    expect_close(stage, "game", "the game had it closed")


@pytest.mark.short
def test_stayd_that_ends(stage):
    pair = stage.pair()
    stage.stayd.order_end()
    pair.player.read_to_end()
    pair.player.close()
    expect_close(stage, "stayd", "stayd ends")


@pytest.mark.short
@pytest.mark.parametrize("kind", ("1.3", "1.2"))
def test_alerts_have_names(stage, kind):
    """Stayd's own, for a damaged record; and the player's program's, which cannot read one."""
    pair = stage.pair(kind)
    record = bytearray(pair.player.seal(b"x" * 100))
    record[-1] ^= 1
    pair.player.sock.sendall(bytes(record))
    assert pair.player.read_to_end()[1].startswith("alert")
    pair.player.close()
    pair.link.read_to_end()
    expect_close(stage, "stayd", "the player was sent the alert bad_record_mac")
    stage.stayd.log.expect(r" record address=127.0.0.1 id=\w+ alert=bad_record_mac from=stayd$")
    pair = stage.pair(kind)
    pair.player.incoming.write(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert pair.player.read_to_end()[1].startswith("alert")
    pair.player.flush()
    pair.link.read_to_end()
    pair.player.close()
    stage.stayd.log.expect(" player-close ", 2)
    expect_close(stage, "player", "the player's program has sent the alert bad_record_mac")
    stage.stayd.log.expect(r" record address=127.0.0.1 id=\w+ alert=bad_record_mac from=player$")


@pytest.mark.short
def test_a_game_that_was_away_for_too_long(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"hold": "1s"})
    player = enter(stage)
    game.kill()
    player.read_to_end()
    player.close()
    expect_close(stage, "stayd", "the game was away for too long")


@pytest.mark.short
def test_a_worker_that_dies_in_between_does_not_forget_who(stage):
    """A player that does not close: another worker ends what one has begun."""
    pair = stage.pair()
    run_stayctl(stage.stayd, "kick", conn_of(pair))
    pair.player.read_to_end()
    stage.stayd.family.kill("worker")
    stage.stayd.family.await_whole()
    pair.player.sock.shutdown(socket.SHUT_RDWR)
    expect_close(stage, "admin", "kicked")
