# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What is said last arrives, and each direction ends on its own."""
import socket

import pytest

from support.waiting import WAIT_S

KINDS = ("1.2", "1.3", "plain")
NOTICE = {"1.2": "close_notify", "1.3": "close_notify", "plain": "eof"}
SPEECH = b"".join(b"%07d " % n for n in range(12500))


@pytest.mark.short
@pytest.mark.parametrize("kind", KINDS)
def test_a_game_that_closes_with_unread_input_is_heard_to_its_last_byte(stage, kind):
    pair = stage.pair(kind)
    pair.player.send(b"the game will never read this\r\n")
    pair.link.sock.settimeout(WAIT_S)
    pair.link.sock.recv(1, socket.MSG_PEEK)  # it is there, and stays there
    pair.link.send(SPEECH)
    pair.link.close()
    assert pair.player.read_to_end() == (SPEECH, NOTICE[kind])


@pytest.mark.short
@pytest.mark.parametrize("kind", KINDS)
def test_a_game_that_ends_its_sending_still_hears_the_player(stage, kind):
    pair = stage.pair(kind)
    pair.link.send(b"I say no more.\r\n")
    pair.link.end_sending()
    assert pair.player.read_to_end() == (b"I say no more.\r\n", NOTICE[kind])
    pair.player.send(b"But I do.\r\n")
    assert pair.link.read_line() == b"But I do."
    pair.player.end_sending()
    assert pair.link.read_to_end() == (b"", "eof")


@pytest.mark.short
@pytest.mark.parametrize("kind", KINDS)
def test_a_player_that_ends_its_sending_still_hears_the_game(stage, kind):
    pair = stage.pair(kind)
    pair.player.send(b"I say no more.\r\n")
    pair.player.end_sending()
    assert pair.link.read_to_end() == (b"I say no more.\r\n", "eof")
    pair.link.send(SPEECH)
    pair.link.close()
    assert pair.player.read_to_end() == (SPEECH, NOTICE[kind])


@pytest.mark.parametrize("kind", ("1.2", "1.3"))
def test_a_command_that_comes_together_with_close_notify_reaches_the_game(stage, kind):
    player = stage.player(kind)
    command = player.seal(b"@quit with these words\r\n")
    player.sock.sendall(command + player.say_goodbye())
    player.close()
    link = stage.game.accept()
    assert link.read_to_end() == (b"@quit with these words\r\n", "eof")


def test_a_plain_player_that_sends_and_closes_at_once_reaches_the_game(stage):
    player = stage.player("plain")
    player.send(SPEECH)
    player.close()
    assert stage.game.accept().read_to_end() == (SPEECH, "eof")


@pytest.mark.parametrize("kind", KINDS)
def test_a_player_that_vanishes_ends_its_link_to_the_game(stage, kind):
    pair = stage.pair(kind)
    other = stage.pair(kind)
    pair.player.close()
    assert pair.link.read_to_end() == (b"", "eof")
    pair.link.close()
    stage.stayd.log.expect("player-close")
    other.check()


@pytest.mark.parametrize("kind", KINDS)
def test_after_both_have_ended_nothing_of_the_player_is_left(stage, kind):
    pair = stage.pair(kind)
    pair.link.send(b"Good-bye.\r\n")
    pair.link.close()
    assert pair.player.read_to_end() == (b"Good-bye.\r\n", NOTICE[kind])
    pair.player.close()
    stage.stayd.log.expect(r"player-close .*to_player=\d+")
