# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A game's address that leads back to stayd, at once or through another one."""
import os

import pytest

from support.daemon import READY, Stayd, conf_text, free_port, run_stayd
from support.players import PlainPlayer
from support.proxy import proxy
from support.waiting import until


def check(folder, listener, connect, options=None):
    path = os.path.join(folder, "loop.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(conf_text({"control": f"{folder}/control.sock", **(options or {})},
                             {"plain": {"address": listener, "tls": "no"}}, {"mush": {"connect": connect}}))
    return run_stayd("-c", path, "--check")


@pytest.mark.parametrize("listener, game", [
    ("0.0.0.0:{}", "127.0.0.1:{}"), ("127.0.0.1:{}", "127.0.0.1:{}"), ("0.0.0.0:{}", "127.0.0.9:{}"),
    ("[::]:{}", "[::1]:{}"), ("[::1]:{}", "[::1]:{}"), ("[::]:{}, 0.0.0.0:{}", "127.0.0.1:{}"),
    ("0.0.0.0:{}", "[::ffff:127.0.0.1]:{}"), ("[::ffff:127.0.0.1]:{}", "127.0.0.1:{}")])
def test_a_game_at_a_listeners_address_is_refused(folder, listener, game):
    port = free_port()
    done = check(folder, listener.format(port, port), "tcp:" + game.format(port))
    assert done.returncode == 1
    assert "would connect to itself" in done.stdout + done.stderr


@pytest.mark.parametrize("listener, game", [
    ("127.0.0.1:{}", "127.0.0.2:{}"), ("[::]:{}", "127.0.0.1:{}"), ("0.0.0.0:{}", "[::1]:{}")])
def test_a_game_at_the_same_port_of_another_address_is_not(folder, listener, game):
    port = free_port()
    done = check(folder, listener.format(port), "tcp:" + game.format(port))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", ["{}/control.sock", "{}//control.sock", "{}/./x/../control.sock"])
def test_a_game_at_the_control_socket_is_refused(folder, path):
    done = check(folder, f"127.0.0.1:{free_port()}", "unix:" + path.format(folder))
    assert done.returncode == 1 and "own control socket" in done.stdout + done.stderr


@pytest.fixture
def make_stayd(folder):
    """Two of them side by side, each in a folder of its own."""
    made = []

    def make(name, port, connect, header, **listener):
        place = os.path.join(folder, name)
        os.mkdir(place)
        made.append(Stayd(place, {"plain": {"address": f"127.0.0.1:{port}", "tls": "no", **listener}},
                          {"mush": {"connect": connect, "header": header}}, {"host-names": "off"}))
        return made[-1]
    yield make
    for stayd in made:
        stayd.end()


@pytest.mark.parametrize("header", ["proxy-v1", "proxy-v2"])
def test_a_loop_through_another_stayd_is_closed(make_stayd, header):
    ports = free_port(), free_port()
    one = make_stayd("one", ports[0], f"tcp:127.0.0.1:{ports[1]}", header)
    other = make_stayd("other", ports[1], f"tcp:127.0.0.1:{ports[0]}", header, proxy="127.0.0.1")
    for stayd in one, other:
        until(lambda stayd=stayd: stayd.log.find(READY), "both are ready")
    player = PlainPlayer(ports[0])
    until(lambda: one.log.find(" game-loop ") or other.log.find(" game-loop "), "it is noticed")
    player.close()
    until(lambda: all(len(stayd.log.find(" player-open ")) == len(stayd.log.find(" player-close "))
                      for stayd in (one, other)), "nobody goes round any more")
    assert len(one.log.find(" player-open ")) < 20


def test_another_stayd_that_takes_no_header_is_no_game(make_stayd):
    ports = free_port(), free_port()
    one = make_stayd("one", ports[0], f"tcp:127.0.0.1:{ports[1]}", "proxy-v2")
    other = make_stayd("other", ports[1], f"tcp:127.0.0.1:{ports[0]}", "proxy-v2")
    for stayd in one, other:
        until(lambda stayd=stayd: stayd.log.find(READY), "both are ready")
    player = PlainPlayer(ports[0])
    other.log.expect(r'limited network=127.0.0.1 why="sent a PROXY header')
    other.log.expect(r'player-close .*why="stayd ended it; it begins with a PROXY header"')
    player.close()
    assert len(one.log.find(" player-open ")) == 1


def test_a_loop_through_a_proxy_is_closed(make_stayd):
    ports = free_port(), free_port()
    with proxy(ports[1], ports[0]):
        stayd = make_stayd("one", ports[0], f"tcp:127.0.0.1:{ports[1]}", "proxy-v2")
        until(lambda: stayd.log.find(READY), "it is ready")
        player = PlainPlayer(ports[0])
        line = stayd.log.expect(r" error game-loop .*")[0]
        assert "through a proxy or another stayd" in line
        player.close()
        until(lambda: len(stayd.log.find(" player-open ")) == len(stayd.log.find(" player-close ")),
              "nobody goes round any more")
