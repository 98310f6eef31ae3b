# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Which process is the game? Its death is told from that of a child, of an earlier one, and of one
that nobody knows."""
import os
import signal
import time

import pytest

from support import processes
from support.away import AWAY, BACK, KINDS, attach, await_back, check_echo, enter, read_here
from support.daemon import free_port
from support.waiting import until

LEFTOVER_S = 60  # so long a dead game's socket, which a child has, is nobody's


def test_a_dump_child_that_keeps_the_sockets_does_not_hide_the_games_death(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    player, other = enter(stage), enter(stage, "plain")
    player.send(b"dump 100\r\n")
    player.read_until(b"dumping\r\n")
    other.send(b"quit\r\n")
    assert other.read_to_end()[0] == b"bye\r\n"
    os.kill(game.pid, signal.SIGKILL)
    assert player.read_until(AWAY) == AWAY
    game.process.wait()
    game.start()
    await_back(player, is_told=True)
    check_echo(player)


def test_the_end_of_a_dump_child_is_nobodys_death(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    player = enter(stage)
    player.send(b"dump 0\r\n")
    player.read_until(b"dumping\r\n")
    check_echo(player)
    assert not stage.stayd.log.find("game-away")


@pytest.mark.parametrize("has_pid_file", [True, False])
def test_a_game_on_tcp_is_held_too(make_stage, lone, folder, has_pid_file):
    pid_file = os.path.join(folder, "game.pid") if has_pid_file else None
    game = lone(free_port(), pid_file=pid_file)
    stage = make_stage(its_game=game, game_options={"pid-file": pid_file} if pid_file else {})
    player, other = enter(stage), enter(stage, "plain")
    other.send(b"quit\r\n")
    assert other.read_to_end()[0] == b"bye\r\n"
    game.kill()
    player.read_until(AWAY)
    game.start()
    await_back(player, is_told=True)
    check_echo(player)


def test_a_game_that_has_gone_on_in_a_child_after_listening_is_held_too(make_stage, lone):
    game = lone(is_daemon=True)
    stage = make_stage(its_game=game)
    player, other = enter(stage), enter(stage, "plain")
    other.send(b"quit\r\n")
    assert other.read_to_end()[0] == b"bye\r\n"
    game.kill()
    until(lambda: not processes.is_alive(game.pid), "the daemon is gone")
    player.read_until(AWAY)
    game.start()
    await_back(player, is_told=True)
    check_echo(player)


def test_players_who_are_linked_before_the_game_goes_on_in_a_child_stay_linked(make_stage, lone):
    game = lone(is_daemon=True, forks_after_s=0.5)
    stage = make_stage(its_game=game)
    players = [enter(stage, kind) for kind in KINDS]
    os.kill(game.pid, signal.SIGKILL)
    stage.stayd.log.expect("game-away")
    for player in players:
        player.read_until(AWAY)
    begun = time.monotonic()
    game.start()
    for player in players:
        text = await_back(player, is_told=True)
        assert text.count(BACK) == 1 and AWAY not in text
        check_echo(player)
    assert time.monotonic() - begun < LEFTOVER_S
    game.kill()  # the child's death is seen as any other
    for player in players:
        player.read_until(AWAY)


@pytest.mark.parametrize("is_daemon", [False, True])
def test_a_game_of_an_unknown_process_that_is_back_at_once_has_died(make_stage, lone, is_daemon):
    game = lone(is_daemon=True) if is_daemon else lone(free_port())
    stage = make_stage(its_game=game)
    players = [enter(stage, kind) for kind in KINDS * 3]
    for _ in range(3):
        os.kill(game.pid, signal.SIGKILL)
        until(lambda: not processes.is_alive(game.pid), "the game is gone")
        game.start()
        for player in players:
            await_back(player)
            check_echo(player)
        leaving = enter(stage, "plain")
        leaving.send(b"quit\r\n")
        assert leaving.read_to_end()[0] == b"bye\r\n"


@pytest.mark.parametrize("is_worker_killed", [False, True])
@pytest.mark.parametrize("kind", ["1.3", "plain"])
def test_a_dump_child_does_not_hide_the_death_from_one_who_has_not_read_the_last_words_yet(
        make_stage, lone, kind, is_worker_killed):
    game = lone()
    stage = make_stage(its_game=game)
    player = stage.player(kind, receive_bytes=4096)
    read_here(player)
    player.send(b"dump 100\r\n")
    player.read_until(b"dumping\r\n")
    player.send(b"flood 1000000\r\n")
    player.read_until(b"flood 0\r\n")
    processes.await_rest()  # nobody has room for more
    game.kill()
    stage.stayd.log.expect("game-away")
    if is_worker_killed:
        stage.stayd.family.kill("worker")
    player.read_until(AWAY)


def test_the_death_of_a_game_of_an_unknown_process_is_found_out_once_for_all_players(
        make_stage, lone):
    game = lone(free_port(), backlog=1024)
    stage = make_stage(its_game=game, game_options={"reconnect-rate": 10000})
    players = [enter(stage, "plain") for _ in range(900)]
    worker = stage.stayd.family.pid("worker")
    before = processes.cpu_seconds(worker)
    game.kill()
    for player in players:
        assert player.read_until(AWAY) == AWAY
    assert processes.cpu_seconds(worker) - before < 4  # looking for each of them takes twice that


def attached(stage, game, words="resume"):
    """That game, started again, attaches."""
    game.arguments[-2:] = [os.path.join(stage.stayd.folder, "control.sock"), words]
    os.kill(game.pid, signal.SIGKILL)
    until(lambda: not processes.is_alive(game.pid), "the game is gone")
    return game.start()


def test_a_death_is_seen_although_another_process_has_attached_and_a_child_has_the_sockets(
        make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    player, other = enter(stage), enter(stage, "plain")
    player.send(b"dump 100\r\n")
    player.read_until(b"dumping\r\n")
    control = attach(stage)
    check_echo(other)
    stage.stayd.family.kill("worker")
    check_echo(other)
    os.kill(game.pid, signal.SIGKILL)
    for one in (player, other):
        assert one.read_until(AWAY) == AWAY
    control.close()


def test_a_process_keeps_its_plan_when_another_one_has_attached(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    attached(stage, game)
    player, other = enter(stage), enter(stage, "plain")
    player.send(b"plan shutdown end\r\n")
    player.read_until(b"done\r\n")
    control = attach(stage)
    game.kill()
    for one in (player, other):
        assert one.read_to_end()[0] == b""
    control.close()


def test_the_listening_socket_of_a_dead_game_that_attached_from_a_child_leads_to_nobody(
        make_stage, lone):
    game = lone(is_daemon=True)
    stage = make_stage(its_game=game)
    attached(stage, game, words="ack")
    player = enter(stage)
    player.send(b"dump 100\r\n")
    player.read_until(b"dumping\r\n")
    os.kill(game.pid, signal.SIGKILL)
    assert player.read_until(AWAY) == AWAY
    time.sleep(1)
    assert len(stage.stayd.log.find(" game-link ")) == 1
    game.start()
    await_back(player, is_told=True)
    check_echo(player)
