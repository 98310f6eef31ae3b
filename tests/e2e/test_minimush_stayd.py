# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What a game on libstay does about its stayd: starts it again when all of it is gone, and gives it changed settings."""
import os
import shutil
import signal
import socket

import pytest

from support import processes
from support.daemon import free_port
from support.mush import PASSWORD, ask, create, reboot
from support.players import PlainPlayer
from support.stream import Ended
from support.waiting import WAIT_S, until


@pytest.fixture
def start(start_mush):
    def begin(port, **settings):
        return start_mush({"plain-address": f"127.0.0.1:{port}", **settings})
    return begin


def connect(port):
    def look():
        try:
            player = PlainPlayer(port)
            player.read_until(b"create NAME PASSWORD")
            return player
        except (ConnectionRefusedError, Ended):
            return None
    return until(look, "somebody listens, and the game is behind")


def come(port, name):
    player = connect(port)
    player.send(f"connect {name} {PASSWORD}\r\n".encode())
    player.read_until(b"Exits: ")
    return player


def rewrite(mush, former, present):
    with open(mush.conf, encoding="utf-8") as file:
        text = file.read()
    assert former in text
    with open(mush.conf, "w", encoding="utf-8") as file:
        file.write(text.replace(former, present))


@pytest.mark.short
def test_when_all_of_stayd_is_gone_the_game_starts_it_again(start, port):
    mush = start(port)
    player = create(PlainPlayer(port), "One")
    for n in (1, 2):
        mush.family.kill_all()
        assert player.read_to_end()[1] in ("eof", "reset")
        player = come(port, "One")
        ask(player, b"think here", b"here\r\n")
        mush.words.expect("all of stayd was gone; it is started again", n)
    reboot(player)
    mush.kill()
    mush.family.kill_all()
    assert player.read_to_end()[1] in ("eof", "reset")


def test_a_stayd_that_somebody_ends_in_order_is_started_again_too(start, port):
    mush = start(port)
    os.kill(mush.family.pid("guard"), signal.SIGTERM)
    mush.words.expect("all of stayd was gone; it is started again")
    connect(port)


def test_why_stayd_cannot_be_started_again_is_said_and_it_is_tried_until_it_can(start, port, folder):
    mush = start(port)
    conf = os.path.join(folder, "data", "run", "stayd.conf")
    os.rename(conf, conf + ".away")
    mush.family.kill_all()
    log = mush.words
    until(lambda: mush.family.members() == {}, "it is gone")
    os.kill(mush.process.pid, 0)
    with open(conf, "w", encoding="utf-8") as file:
        file.write("[stayd]\nnonsense = 1\n")
    log.expect("nonsense")
    os.rename(conf + ".away", conf)
    log.expect("all of stayd was gone; it is started again")
    connect(port)


def test_a_game_that_ends_does_not_start_it_again(start, port):
    mush = start(port)
    mush.process.send_signal(signal.SIGTERM)
    mush.process.wait(WAIT_S)
    until(lambda: mush.family.members() == {}, "stayd has ended with its game")
    assert not mush.words.find("started again")


@pytest.mark.parametrize("by", ("reboot", "crash"))
def test_changed_settings_come_into_force_with_the_games_next_start(start, start_mush, port, by):
    mush = start(port)
    player = create(PlainPlayer(port), "One")
    other = free_port()
    rewrite(mush, f"127.0.0.1:{port}", f"127.0.0.1:{other}")
    guard = mush.family.pid("guard")
    if by == "reboot":
        reboot(player)
    else:
        mush.kill()
        start_mush(None)
        player.read_until(b"GAME: The game is back.\r\n")
    ask(player, b"think here", b"here\r\n")
    come(other, "One")
    with pytest.raises(ConnectionRefusedError):
        PlainPlayer(port)
    assert processes.is_alive(guard)


def test_settings_that_stayd_refuses_are_said_and_the_former_ones_stay(start, port):
    mush = start(port)
    player = create(PlainPlayer(port), "One")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        rewrite(mush, f"127.0.0.1:{port}", f"127.0.0.1:{taken.getsockname()[1]}")
        reboot(player)
        mush.words.expect("stayd goes on with the settings it had, because: ")
        ask(player, b"think here", b"here\r\n")
        connect(port)
        mush.family.kill_all()
        connect(port)


def test_a_change_of_settings_that_a_crash_has_interrupted_is_done_by_the_next_start(start, port):
    mush = start(port)
    player = create(PlainPlayer(port), "One")
    conf = os.path.join(os.path.dirname(mush.log.path), "stayd.conf")
    shutil.copy(conf, conf + ".former")
    other = free_port()
    rewrite(mush, f"127.0.0.1:{port}", f"127.0.0.1:{other}")
    with open(conf, encoding="utf-8") as file:  # what is written is not yet what stayd has
        text = file.read()
    with open(conf, "w", encoding="utf-8") as file:
        file.write(text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}"))
    reboot(player)
    come(other, "One")
    assert not os.path.exists(conf + ".former")
