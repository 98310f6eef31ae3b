# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A network of two namespaces (`house` for the game, `road` for players) and a name server."""
import ctypes
import functools
import os
import secrets
import socket
import struct
import subprocess
import threading

from .players import program
from .waiting import WAIT_S

CLONE_NEWNET = 0x40000000
IP_FREEBIND = 15  # linux/in.h
PTR, A, AAAA, CNAME = 12, 1, 28, 5


@functools.cache
def why_not():
    """Why there can be no network here; None: there can. Makes one: a container or a chroot may
    refuse any step."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        Network().end()
    except AssertionError as error:
        return f"cannot make a network here: {error}"
    return None


class Network:
    """house has 10.77.0.1 and fd77::1, road 10.77.0.2 to .9 and fd77::2 to ::9; and, of the same site (/48),
    fd77:0:0:1::1 and ::2. Every address of fd77:0:0:2::/64 is road's."""

    HOUSE4, HOUSE6 = "10.77.0.1", "fd77::1"
    NEIGHBOUR, CROWD = "fd77:0:0:1::2", "fd77:0:0:2::"

    def __init__(self):
        name = secrets.token_hex(4)
        self.house = f"stayd-house-{name}"
        self.road = f"stayd-road-{name}"
        try:
            self._make()
        except AssertionError:
            self.end()
            raise

    def _make(self):
        for name in (self.house, self.road):
            self._ip("netns", "add", name)
            self._ip("-n", name, "link", "set", "lo", "up")
        self._ip("-n", self.house, "link", "add", "door", "type", "veth", "peer", "name", "door",
                 "netns", self.road)
        for name, numbers in ((self.house, (1,)), (self.road, range(2, 10))):
            self._ip("-n", name, "link", "set", "door", "up")
            for n in numbers:
                self._ip("-n", name, "address", "add", f"10.77.0.{n}/24", "dev", "door")
                self._ip("-n", name, "address", "add", f"fd77::{n}/64", "dev", "door", "nodad")
            self._ip("-n", name, "address", "add", f"fd77:0:0:1::{numbers[0]}/64", "dev", "door", "nodad")
        self._ip("-n", self.road, "route", "add", "local", f"{self.CROWD}/64", "dev", "lo")
        self._ip("-n", self.house, "route", "add", f"{self.CROWD}/64", "via", "fd77::2")

    @staticmethod
    def _ip(*arguments, must=True):
        done = subprocess.run([program("ip"), *arguments], capture_output=True, text=True,
                              check=False)
        assert not must or done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"

    def wrapper(self, name=None):
        """To run a program in house, or road."""
        return [program("ip"), "netns", "exec", name or self.house]

    @staticmethod
    def _inside(name, make):
        """Call make() in a thread that is in this namespace; a socket stays in it for good."""
        result = []

        def run():
            with open(f"/var/run/netns/{name}", "rb") as netns:
                assert ctypes.CDLL(None, use_errno=True).setns(netns.fileno(), CLONE_NEWNET) == 0
            result.append(make())
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return result[0]

    def _bound(self, source):
        """A socket of road, and where it finds house."""
        family, target = (socket.AF_INET6, self.HOUSE6) if ":" in source else \
            (socket.AF_INET, self.HOUSE4)
        sock = self._inside(self.road, lambda: socket.socket(family))
        sock.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        sock.bind((source, 0))
        return sock, target

    def connect(self, source, port):
        """A socket from an address of road to house."""
        sock, target = self._bound(source)
        sock.settimeout(WAIT_S)
        sock.connect((target, port))
        return sock

    def call(self, source, port):
        """The same, and not to wait until it is connected."""
        sock, target = self._bound(source)
        sock.setblocking(False)
        sock.connect_ex((target, port))
        return sock

    def udp_in_house(self):
        return self._inside(self.house, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def end(self):
        for name in (self.house, self.road):
            self._ip("netns", "delete", name, must=os.path.exists(f"/var/run/netns/{name}"))


def reverse_name(address):
    if ":" in address:
        digits = socket.inet_pton(socket.AF_INET6, address).hex()
        return ".".join(reversed(digits)) + ".ip6.arpa"
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


class NameServer:
    """Answers PTR, A and AAAA questions (RFC 1035, section 4) from tables."""

    def __init__(self, sock, place=("127.0.0.1", 0)):
        self.sock = sock
        self.sock.bind(place)
        self.port = self.sock.getsockname()[1]
        self.reverse = {}  # address: name, or several
        self.forward = {}  # name: addresses
        self.alias = {}  # name: the one that it stands for
        self.shouts = False  # repeats questions in upper case
        self.is_silent = False
        self.asked = []
        self.is_over = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def add(self, address, name, forward=None):
        self.reverse[reverse_name(address)] = name
        self.forward.setdefault(name, []).append(forward or address)

    @staticmethod
    def _wire(name):
        return b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"

    def _answers(self, name, kind):
        if kind == PTR and name in self.reverse:
            names = self.reverse[name]
            return [self._wire(one) for one in ([names] if isinstance(names, str) else names)]
        family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
        found = [a for a in self.forward.get(name, []) if (":" in a) == (family == socket.AF_INET6)]
        return [socket.inet_pton(family, address) for address in found]

    def _serve(self):
        while True:
            question, peer = self.sock.recvfrom(512)
            if self.is_over:
                return
            at, labels = 12, []
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
                at += 1 + question[at]
            name, kind = ".".join(labels), struct.unpack_from("!H", question, at + 1)[0]
            self.asked.append((name, kind))
            if self.is_silent:
                continue
            owner = b"\xc0\x0c"
            records = []
            if name in self.alias:
                name = self.alias[name]
                owner, data = self._wire(name), self._wire(name)
                records = [b"\xc0\x0c" + struct.pack("!HHIH", CNAME, 1, 60, len(data)) + data]
            answers = self._answers(name, kind)
            head = question[:2] + struct.pack("!HHHHH", 0x8580 | (0 if answers else 3), 1,
                                              len(records) + len(answers), 0, 0)
            records += [owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
                        for data in answers]
            asked = question[12:at + 1]
            asked = asked.upper() if self.shouts else asked
            self.sock.sendto(head + asked + question[at + 1:at + 5] + b"".join(records), peer)

    def end(self):
        # Closed under the thread's hands, the number could be the next socket's, and be read by it.
        self.is_over = True
        self.sock.sendto(b"", self.sock.getsockname())
        self.thread.join()
        self.sock.close()
