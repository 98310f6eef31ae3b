# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A pid-file that names another process than the game's; a listener that outlives the game."""
import contextlib
import os
import subprocess
import time

import pytest

from support.away import AWAY, KINDS, await_back, check_echo, enter
from support.daemon import free_port
from support.proxy import proxy


def write(path, pid):
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{pid}\n")


@pytest.fixture
def sleeper():
    """The wrapper that starts a game anew, as stayd sees it: it lives, and does not listen."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


@pytest.fixture
def dead_pid():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("whose", ["dead", "wrapper", "none"])
def test_what_stands_in_a_wrong_pid_file_is_said_and_not_believed(make_stage, lone, folder, sleeper,
                                                                 dead_pid, whose):
    pid_file = os.path.join(folder, "game.pid")
    if whose != "none":
        write(pid_file, {"dead": dead_pid, "wrapper": sleeper.pid}[whose])
    game = lone(free_port())
    stage = make_stage(its_game=game, game_options={"pid-file": pid_file})
    players = [enter(stage, kind) for kind in KINDS]
    for _ in range(2):
        game.restart()
        for player in players:
            await_back(player)
            check_echo(player)
    leaving = enter(stage, "plain")
    leaving.send(b"quit\r\n")
    assert leaving.read_to_end()[0] == b"bye\r\n"
    words = {"dead": "no such process", "wrapper": "does not listen there", "none": "cannot be read"}
    line = stage.stayd.log.expect(r"warning game-pid-file .*")
    assert len(line) == 1 and words[whose] in line[0]


def test_one_players_game_is_held_too_whose_pid_file_is_a_wrappers(make_stage, lone, folder, sleeper):
    pid_file = os.path.join(folder, "game.pid")
    write(pid_file, sleeper.pid)
    game = lone(free_port())
    stage = make_stage(its_game=game, game_options={"pid-file": pid_file})
    player = enter(stage)
    for _ in range(2):
        game.restart()
        await_back(player)
    check_echo(player)


def test_a_pid_file_that_is_written_late_is_believed_without_a_word(make_stage, lone, folder):
    pid_file = os.path.join(folder, "game.pid")
    game = lone(free_port())
    stage = make_stage(its_game=game, game_options={"pid-file": pid_file})
    first = enter(stage)
    write(pid_file, game.pid)
    second = enter(stage)
    stage.stayd.log.expect(f" game-here game=mush pid={game.pid}$")
    game.kill()
    for player in first, second:
        player.read_until(AWAY)
    assert not stage.stayd.log.find(" game-pid-file ")


@contextlib.contextmanager
def put_behind_proxy(lone, folder, delay=0):
    game = lone(free_port(), pid_file=os.path.join(folder, "game.pid"))
    port = free_port()
    game.connect = f"tcp:127.0.0.1:{port}"
    with proxy(port, game.place, delay):
        yield game


@pytest.fixture
def proxied(lone, folder):
    with put_behind_proxy(lone, folder) as game:
        yield game


@pytest.fixture(params=[0, 0.1], ids=["at once", "late"])
def its_end_is_passed_on(request, lone, folder):
    with put_behind_proxy(lone, folder, request.param) as game:
        yield game


def test_players_of_a_game_behind_a_proxy_are_held_when_all_links_end_together(make_stage, proxied):
    stage = make_stage(its_game=proxied)
    players = [enter(stage, kind) for kind in KINDS]
    leaving = enter(stage, "plain")
    leaving.send(b"quit\r\n")
    assert leaving.read_to_end()[0] == b"bye\r\n"
    for _ in range(2):
        proxied.kill()
        for player in players:
            player.read_until(AWAY)
            player.read_until(AWAY)  # the proxy has taken the next link, and closed it
        proxied.start()
        for player in players:
            await_back(player, is_told=True)
            check_echo(player)


def test_the_pid_of_a_game_behind_a_proxy_is_believed(make_stage, its_end_is_passed_on, folder):
    proxied = its_end_is_passed_on
    stage = make_stage(its_game=proxied, game_options={"pid-file": os.path.join(folder, "game.pid")})
    player = enter(stage)
    for _ in range(2):
        proxied.kill()
        player.read_until(AWAY)
        proxied.start()
        await_back(player, is_told=True)
    leaving = enter(stage, "plain")
    leaving.send(b"quit\r\n")
    assert leaving.read_to_end()[0] == b"bye\r\n"
    check_echo(player)


@pytest.mark.parametrize("kind", KINDS)
def test_a_game_without_pid_file_may_die_a_second_time(make_stage, lone, kind):
    """First so that it is seen to be away, then back at once: the one look must not stand for the other."""
    game = lone(free_port())
    stage = make_stage(its_game=game)
    player = enter(stage, kind)
    for is_slow in (True, False, True, False, False):
        game.kill()
        if is_slow:
            player.read_until(AWAY)
            stage.stayd.log.expect(" game-away ")
            time.sleep(0.4)
        game.start()
        await_back(player, is_told=is_slow)
        check_echo(player)
