# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The connector, by itself (doc/PROTOCOL.control): a program of the game's side that makes stayd's links."""
import array
import socket

import pytest

from support.control import Control


class Connector(Control):
    def __init__(self, stayd, path, game="mush"):
        super().__init__(f"{stayd.folder}/control.sock")
        self.path = path
        self.answer = self.ask(f"connector {game}")

    def read_ask(self):
        word, number, header = self.read_line().decode().split(" ")
        assert word == "connect"
        return number, bytes.fromhex(header)

    def pass_on(self, line, *socks):
        fds = array.array("i", [sock.fileno() for sock in socks])
        self.sock.sendmsg([line.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        for sock in socks:
            sock.close()

    def serve(self):
        number, header = self.read_ask()
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        sock.sendall(header)
        self.pass_on(f"{number} ok\n", sock)


@pytest.fixture
def connected(make_stage, game):
    """A stage whose game has links = connector."""
    return make_stage(game_options={"header": "pennmush", "links": "connector"})


def check_joined(stage, player):
    link = stage.game.accept_raw()
    assert link.read_until(b"\r\n") == b"127.0.0.1^127.0.0.1\r\n"
    player.send(b"hello\r\n")
    assert link.read_line() == b"hello"
    link.send(b"hello yourself\r\n")
    assert player.read_line() == b"hello yourself"


@pytest.mark.short
def test_links_are_made_by_the_newest_connector_one_at_a_time(connected):
    path = connected.game.connect.removeprefix("unix:")
    old = Connector(connected.stayd, path)
    assert old.answer.word == "ok"
    new = Connector(connected.stayd, path)
    assert old.read_to_end()[1] == "eof"
    first = connected.player()
    number, _ = new.read_ask()
    second = connected.player("plain")
    assert not new.receive(0.2)
    new.send(f"{number} error ECONNREFUSED\n".encode())
    for player in (first, second):
        new.serve()
        check_joined(connected, player)


@pytest.mark.short
def test_what_a_connector_passes_must_be_a_connection_to_the_game(connected):
    path = connected.game.connect.removeprefix("unix:")
    player = connected.player()

    def a_file(_number):
        return open(__file__, "rb"),

    def another_socket(_number):
        pair = socket.socketpair()
        return pair[0],

    def two(_number):
        return socket.socketpair()

    def nothing(_number):
        return ()
    for make in (a_file, another_socket, two, nothing):
        connector = Connector(connected.stayd, path)
        number, _ = connector.read_ask()
        connector.pass_on(f"{number} ok\n", *make(number))
        assert connector.read_to_end()[1] in ("eof", "reset"), make
    for line in ("0 ok\n", "9999 error EAGAIN\n", "what\n", "x" * 100):
        connector = Connector(connected.stayd, path)
        connector.read_ask()
        connector.send(line.encode())
        assert connector.read_to_end()[1] in ("eof", "reset"), line
    connector = Connector(connected.stayd, path)
    connector.serve()
    check_joined(connected, player)


def test_who_leaves_before_the_answer_comes_leaves_the_game_too(connected):
    connector = Connector(connected.stayd, connected.game.connect.removeprefix("unix:"))
    player = connected.player("plain")
    number, header = connector.read_ask()
    player.close()
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(connector.path)
    sock.sendall(header)
    connector.pass_on(f"{number} ok\n", sock)
    assert connected.game.accept_raw().read_to_end()[0] == header
    other = connected.player()
    connector.serve()
    check_joined(connected, other)


def test_a_game_without_links_by_connector_takes_none(stage):
    connector = Connector(stage.stayd, "")
    assert connector.answer.word == "bad-request"
    assert "links = connector" in connector.answer.why
