# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What players of a support.lone_game see when it dies and comes back."""
import os
import re

from .control import Control

AWAY = b"The game has stopped. You stay connected until it is back.\r\n"
BACK = b"The game is back.\r\n"
HERE = re.compile(rb"here (\d+) ([0-9a-f]{32}) (\d+)\r\n")
KINDS = ("1.2", "1.3", "plain")


def enter(stage, kind="1.3"):
    """A player whom the game has greeted, with what it was greeted by."""
    player = stage.player(kind)
    player.here = read_here(player)
    return player


def read_here(player):
    return HERE.search(player.read_until(HERE)).groups()


def check_echo(player, word=b"hello"):
    player.send(word + b"\r\n")
    assert player.read_line() == b"echo " + word


def await_back(player, is_told=False):
    """Held, told, and in the game again with the same id. is_told: that it is away has been read."""
    text = player.read_until(HERE)
    assert (is_told or AWAY in text) and BACK in text, text
    here = HERE.search(text).groups()
    assert here[1] == player.here[1] and here[0] != player.here[0]
    player.here = here
    return text


def attach(stage, *how):
    """This process is the game from now on."""
    control = Control(os.path.join(stage.stayd.folder, "control.sock"))
    assert control.ask(" ".join(("attach mush", *how))).word == "ok"
    return control
