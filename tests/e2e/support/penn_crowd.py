# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Players of a PennMUSH (penn.py), many at once, and what becomes of them."""
import os
import re
import signal
import socket
import threading

from support.players import PlainPlayer, TlsPlayer
from support.waiting import WAIT_S

AWAY = b"The game has stopped. You stay connected until it is back.\r\n"
HERE = re.compile(rb"here (\S) (\S+) (.+) (\d+)\r\n")
NAWS = b"\xff\xfb\x1f\xff\xfa\x1f\x00\x78\x00\x32\xff\xf0"
CROWD = 200


def address_of(n):
    return f"127.7.{n // 200}.{1 + n % 200}"


class Player:
    """Who sends the size of the window right away, and knows what the game must say of it.
    flag: None takes the first it hears."""

    def __init__(self, number, port, kind, flag):
        self.where = (address_of(number), "localhost")
        self.flag = flag
        self.stream = PlainPlayer(port, source=address_of(number)) if kind == "plain" else \
            TlsPlayer(port, version=kind, source=address_of(number))
        self.stream.send(NAWS)

    def _check(self, flag, address, host, pid):
        self.flag = self.flag or flag.decode()
        assert (flag.decode(), address.decode(), host.decode()) == (self.flag, *self.where)
        return int(pid)

    def await_here(self):
        """Let in; the process that did."""
        return self._check(*HERE.search(self.stream.read_until(HERE)).groups())

    def look(self, size=b"120x50"):
        self.stream.send(b"look\r\n")
        text = self.stream.read_until(re.compile(rb"look (\S+) (\S) (\S+) (.+) (\d+)\r\n"))
        found = re.search(rb"look (\S+) (\S) (\S+) (.+) (\d+)\r\n", text).groups()
        assert found[0] == size
        return self._check(*found[1:])

    def await_away(self):
        self.stream.read_until(AWAY)


def make_crowd(game, ports, flag, n=CROWD, is_looking=True):
    """All at once: the game is stopped until each has done its handshake."""
    os.kill(game.process.pid, signal.SIGSTOP)
    crowd = [None] * n

    def come(first):
        for i in range(first, n, 8):
            port, kind = ports[i % len(ports)]
            crowd[i] = Player(i, port, kind, flag)
    threads = [threading.Thread(target=come, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.kill(game.process.pid, signal.SIGCONT)
    if is_looking:
        look_at(crowd, game)
    return crowd


def look_at(crowd, game):
    for player in crowd:
        assert player.await_here() == game.process.pid
        assert player.look() == game.process.pid


def reboot(crowd):
    crowd[0].stream.send(b"@shutdown/reboot\r\n")
    for player in crowd:
        player.stream.read_until(b"Reboot, please wait.\r\nReboot finished.\r\n")
        player.look()


def shut_down(game, crowd):
    """The game ends at once, and its players are held."""
    crowd[0].stream.send(b"@shutdown\r\n")
    assert game.process.wait(WAIT_S) == 0
    for player in crowd:
        player.stream.read_until(b"Going down - Bye\r\n")
        player.await_away()


def fill_backlog(game):
    """Whoever connects now is turned away with EAGAIN. Returns the sockets that do it."""
    os.kill(game.process.pid, signal.SIGSTOP)
    filling = []
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            sock.connect(game.connect.removeprefix("unix:"))
            filling.append(sock)
        except BlockingIOError:
            sock.close()
            return filling


def empty_backlog(game, filling):
    for sock in filling:
        sock.close()
    os.kill(game.process.pid, signal.SIGCONT)
