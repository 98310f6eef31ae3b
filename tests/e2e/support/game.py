# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A game that does just what a test says, and the headers that stayd sends it."""
import os
import select
import socket
import struct
from dataclasses import dataclass, field

from .stream import SocketStream
from .waiting import WAIT_S, until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TLV_ALPN, TLV_AUTHORITY, TLV_UNIQUE_ID, TLV_SSL = 0x01, 0x02, 0x05, 0x20
TLV_SSL_VERSION, TLV_SSL_CN, TLV_SSL_CIPHER = 0x21, 0x22, 0x23
TLV_HOST, TLV_CERTIFICATE, TLV_RESUMED, TLV_PROXY_ID = 0xE0, 0xE1, 0xE2, 0xE3


@dataclass
class Header:
    """A PROXY v2 header: proxy-protocol.txt, section 2.2."""
    address: str
    port: int
    to_address: str
    to_port: int
    tlvs: dict = field(default_factory=dict)
    ssl_client: int = 0
    ssl_verify: int = 0
    ssl: dict = field(default_factory=dict)

    @property
    def place(self):
        """Tells players apart: two listeners may see one port."""
        return self.port, self.to_port

    @property
    def host(self):
        return self.tlvs.get(TLV_HOST, b"").decode()


def read_tlvs(data):
    tlvs = {}
    while data:
        kind, n = struct.unpack_from("!BH", data)
        assert 3 + n <= len(data) and kind not in tlvs
        tlvs[kind] = data[3:3 + n]
        data = data[3 + n:]
    return tlvs


def parse_v2(fixed, rest):
    assert fixed[:12] == SIGNATURE and fixed[12] == 0x21
    family, n = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}[fixed[13]]
    source = socket.inet_ntop(family, rest[:n])
    target = socket.inet_ntop(family, rest[n:2 * n])
    source_port, target_port = struct.unpack_from("!HH", rest, 2 * n)
    header = Header(source, source_port, target, target_port, read_tlvs(rest[2 * n + 4:]))
    if TLV_SSL in header.tlvs:
        value = header.tlvs[TLV_SSL]
        header.ssl_client, header.ssl_verify = struct.unpack_from("!BI", value)
        header.ssl = read_tlvs(value[5:])
    return header


class GameLink(SocketStream):
    """One player's connection, as the game has it."""

    header = None

    def read_header(self):
        fixed = self.read_exactly(16)
        self.header = parse_v2(fixed, self.read_exactly(struct.unpack_from("!H", fixed, 14)[0]))
        return self.header


class Game:
    """`place`: the path of a Unix socket, or a TCP port on 127.0.0.1."""

    def __init__(self, place, backlog=128):
        self.place = place
        is_tcp = isinstance(place, int)
        self.sock = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
        if is_tcp:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", place) if is_tcp else place)
        self.sock.listen(backlog)
        self.links = []
        self.connect = f"tcp:127.0.0.1:{place}" if is_tcp else f"unix:{place}"

    def accept_raw(self, seconds=WAIT_S):
        self.sock.settimeout(seconds)
        link = GameLink(self.sock.accept()[0])
        self.links.append(link)
        return link

    def accept(self, seconds=WAIT_S):
        link = self.accept_raw(seconds)
        link.read_header()
        return link

    def has_caller(self, seconds=0):
        return bool(select.select([self.sock], [], [], seconds)[0])

    def accept_of(self, player):
        """The link of this player; links of others that come first are kept for later."""
        def find():
            for link in self.links:
                if link.header and link.header.place == player.place:
                    return link
            self.accept()
            return None
        return until(find, "the player's link to the game")

    def close(self):
        for link in self.links:
            link.close()
        self.sock.close()
        if isinstance(self.place, str) and os.path.exists(self.place):
            os.unlink(self.place)


class Pair:
    """A player and its link, to see that bytes go both ways."""

    def __init__(self, player, link):
        self.player = player
        self.link = link
        self.n = 0

    def check(self):
        self.n += 1
        self.player.send(b"to the game %d\r\n" % self.n)
        assert self.link.read_line() == b"to the game %d" % self.n
        self.link.send(b"to the player %d\r\n" % self.n)
        assert self.player.read_line() == b"to the player %d" % self.n
