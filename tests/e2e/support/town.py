# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A running minimush with its players; and players whom the test hands out in the place of stayd."""
import os
import socket
import struct

from .daemon import free_port
from .mush import PASSWORD, ask, create
from .players import PlainPlayer, TlsPlayer, context_for
from .stream import SocketStream

BACK = b"GAME: The game is back.\r\n"


class Town:
    """A running minimush, and players for it, who are closed before it ends."""

    def __init__(self, begin, pki, settings):
        self.ports = {"tls": free_port(), "plain": free_port()}
        self.pki = pki
        self.begin = begin
        self.players = []
        self.mush = begin({"tls-address": f"127.0.0.1:{self.ports['tls']}",
                           "plain-address": f"127.0.0.1:{self.ports['plain']}",
                           "certificate": pki.path("mush.chain"), "key": pki.path("mush.key"),
                           **settings})

    def player(self, name=None, kind="1.3", certificate=None):
        if kind == "plain":
            player = PlainPlayer(self.ports["plain"])
        else:
            pair = certificate and (self.pki.path(f"{certificate}.chain"),
                                    self.pki.path(f"{certificate}.key"))
            player = TlsPlayer(self.ports["tls"],
                               context=context_for(kind, client_certificate=pair))
        self.players.append(player)
        return create(player, name) if name else player

    def crash(self):
        self.mush.kill()
        self.mush = self.begin(None)

    def close(self):
        for player in self.players:
            player.close()


def answer(player, line):
    """All that the player sees until what it thinks next."""
    text = ask(player, line + b"\r\nthink ~", b"~\r\n")
    return text[:-3].decode(errors="replace")


def knock(folder, tlvs):
    """A connection to the game as stayd makes them, with these parts in its header."""
    body = bytes(12) + b"".join(struct.pack(">BH", kind, len(value)) + value
                                for kind, value in tlvs.items())
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(os.path.join(folder, "data", "run", "game.sock"))
    sock.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", len(body)) + body)
    return SocketStream(sock)


class Held:
    """A character in the game, whom the test holds after a crash for as long as it likes. What was
    not read from it then has not been taken."""

    def __init__(self, folder, name):
        self.folder = folder
        self.number = os.urandom(16)
        self.n_input = self.n_output = 0
        self.stream = knock(folder, {0x05: self.number})
        self.read_until(b"WHO, QUIT\r\n")
        self.send(f"create {name} {PASSWORD}\r\n".encode())
        self.read_until(b"Exits: north, up, pier\r\n")

    def send(self, lines):
        self.stream.send(lines)
        self.n_input += len(lines)

    def read_until(self, text):
        read = self.stream.read_until(text)
        self.n_output += len(read)
        return read

    def answer(self, line):
        """All that it sees until what it thinks next."""
        self.send(line + b"\r\nthink ~\r\n")
        return self.read_until(b"~\r\n")[:-3].decode()

    def come_back(self):
        self.stream.close()
        self.stream = knock(self.folder, {
            0x05: self.number, 0xE2: struct.pack(">QQ", self.n_input, self.n_output)})

    def close(self):
        self.stream.close()
