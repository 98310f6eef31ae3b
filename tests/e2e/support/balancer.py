# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""haproxy, and headers of the PROXY protocol as a balancer may send them."""
import contextlib
import os
import socket
import struct
import subprocess

from .game import SIGNATURE
from .players import program
from .waiting import WAIT_S, until

GLOBAL = """global
    log stdout format raw daemon
    stats socket {folder}/haproxy.sock
defaults
    mode tcp
    timeout connect 10s
    timeout client 300s
    timeout server 300s
"""

WAY = """frontend f{port}
    bind 127.0.0.1:{port} {bind}
    unique-id-format {unique_id}
    default_backend b{port}
backend b{port}
    server stayd 127.0.0.1:{to} {server}
"""


class Way:
    """From a port to one of stayd's. bind, server: haproxy's words about each."""

    def __init__(self, port, to, server, bind="", unique_id="%[uuid]"):
        self.port = port
        self.text = WAY.format(port=port, to=to, server=server, bind=bind, unique_id=unique_id)


@contextlib.contextmanager
def balancer(folder, *ways):
    """haproxy, which listens."""
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w", encoding="ascii") as file:
        file.write(GLOBAL.format(folder=folder) + "".join(way.text for way in ways))
    with open(os.path.join(folder, "haproxy.log"), "ab") as log, \
            subprocess.Popen([program("haproxy"), "-db", "-f", path], stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log) as process:
        try:
            # It binds its sockets before it makes the one of its statistics.
            until(lambda: os.path.exists(os.path.join(folder, "haproxy.sock")), "haproxy listens",
                  WAIT_S)
            yield process
        finally:
            process.terminate()


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def header_v2(*tlvs, source=("192.0.2.7", 1234), to=("198.51.100.1", 4201), command=1, family=0x11):
    """Version 2, for a player with IPv4."""
    addresses = b""
    if family == 0x11:
        addresses = (socket.inet_aton(source[0]) + socket.inet_aton(to[0]) +
                     struct.pack("!HH", source[1], to[1]))
    rest = addresses + b"".join(tlvs)
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(rest)) + rest


def header_v1(source=("192.0.2.7", 1234), to=("198.51.100.1", 4201)):
    return f"PROXY TCP4 {source[0]} {to[0]} {source[1]} {to[1]}\r\n".encode()
