# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""While a game is down somebody else may listen where it did. No player is given to another user's process."""
import os
import signal
import subprocess
import sys

import pytest

from support import processes
from support.away import AWAY, attach, await_back, check_echo, enter
from support.daemon import free_port
from support.waiting import until

STRANGER, OWNER = 65534, 12345
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has processes of other users")

# It says what it is sent.
LISTEN = """
import os, socket, sys
place, uid = sys.argv[1], int(sys.argv[2])
os.setgid(uid); os.setuid(uid)
sock = socket.socket(socket.AF_INET if place.isdigit() else socket.AF_UNIX)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if not place.isdigit() and os.path.exists(place):
    os.unlink(place)
sock.bind(("127.0.0.1", int(place)) if place.isdigit() else place)
sock.listen(50)
print("ready", flush=True)
while True:
    link = sock.accept()[0]
    data = link.recv(100)
    if data:
        print(data, flush=True)
    keep = link
"""


class Listener:
    """Another program at the game's place, of this user."""

    def __init__(self, place, uid):
        self.process = subprocess.Popen([sys.executable, "-I", "-S", "-c", LISTEN, str(place), str(uid)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"

    def end(self):
        """What it was sent."""
        if not self.process.stdout.closed:
            self.process.kill()
            return self.process.communicate()[0]
        return b""


@pytest.fixture
def listen(folder):
    made = []
    os.chmod(folder, 0o777)

    def start(place, uid):
        made.append(Listener(place, uid))
        return made[-1]
    yield start
    for one in made:
        one.end()


def gone(game):
    os.kill(game.pid, signal.SIGKILL)
    until(lambda: not processes.is_alive(game.pid), "the game is gone")


@NEEDS_ROOT
@pytest.mark.parametrize("is_tcp", [False, True])
@pytest.mark.parametrize("user", [None, "games"])
def test_a_held_player_is_not_given_to_another_users_process(make_stage, lone, listen, is_tcp, user):
    game = lone(free_port()) if is_tcp else lone()
    stage = make_stage(its_game=game, game_options={"user": user} if user else {})
    player = enter(stage)
    gone(game)
    player.read_until(AWAY)
    stranger = listen(game.place, STRANGER)
    player.send(b"connect Wizard secret\r\n")
    line = stage.stayd.log.expect(r"error game-stranger .*")[0]
    assert f"uid={STRANGER}" in line and "user = NAME" in line
    assert stranger.end() == b""
    game.start()
    await_back(player, is_told=True)
    check_echo(player)
    assert len(stage.stayd.log.find(" game-stranger ")) == 1


@NEEDS_ROOT
@pytest.mark.parametrize("is_tcp", [False, True])
def test_the_first_process_user_is_remembered_over_a_workers_death(make_stage, listen, folder, game,
                                                                   is_tcp):
    place = free_port() if is_tcp else os.path.join(folder, "other.sock")
    first = listen(place, OWNER)
    game.connect = f"tcp:127.0.0.1:{place}" if is_tcp else f"unix:{place}"
    stage = make_stage(its_game=game)
    players = []
    players.append(stage.player("plain"))
    stage.stayd.log.expect(" game-here ")
    stage.stayd.family.kill("worker")
    stage.stayd.family.await_whole()
    first.end()
    stranger = listen(place, STRANGER)
    players.append(stage.player("plain"))
    stage.stayd.log.expect(rf" game-stranger .*uid={STRANGER} game_uid={OWNER} ")
    assert stranger.end() == b""
    again = listen(place, OWNER)
    stage.stayd.log.expect(" game-here ", 2)
    assert b"QUIT" in again.process.stdout.readline()


@NEEDS_ROOT
def test_an_attached_game_that_does_not_listen_leaves_its_place_to_no_stranger(make_stage, listen, folder, game):
    place = os.path.join(folder, "attached.sock")
    game.connect = f"unix:{place}"
    stage = make_stage(its_game=game)
    players = []
    control = attach(stage)
    stranger = listen(place, STRANGER)
    players.append(stage.player("plain"))
    stage.stayd.log.expect(" game-stranger ")
    assert stranger.end() == b""
    again = listen(place, os.geteuid())
    assert b"QUIT" in again.process.stdout.readline()
    control.close()


@NEEDS_ROOT
def test_a_reload_that_names_the_user_lets_its_process_be_the_game(make_stage, listen, folder, game):
    place = free_port()
    first = listen(place, OWNER)
    game.connect = f"tcp:127.0.0.1:{place}"
    stage = make_stage(its_game=game)
    players = []
    players.append(stage.player("plain"))
    stage.stayd.log.expect(" game-here ")
    first.end()
    other = listen(place, STRANGER)
    players.append(stage.player("plain"))
    stage.stayd.log.expect(" game-stranger ")
    with open(stage.stayd.conf, encoding="ascii") as file:
        text = file.read()
    with open(stage.stayd.conf, "w", encoding="ascii") as file:
        file.write(text + "user = nobody\n")
    os.kill(stage.stayd.process.pid, signal.SIGHUP)
    assert b"QUIT" in other.process.stdout.readline()


def test_a_socket_that_another_process_of_the_games_user_has_is_the_games(make_stage, lone):
    """As before: who the user is counts, not which process."""
    game = lone()
    stage = make_stage(its_game=game)
    player = enter(stage, "plain")
    game.restart()
    await_back(player)
    assert not stage.stayd.log.find(" game-stranger ")
