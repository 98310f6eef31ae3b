# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The control channel (doc/PROTOCOL.control), and stayctl."""
import itertools
import os
import re
import socket
import subprocess
from dataclasses import dataclass, field

from .daemon import BUILD
from .stream import SocketStream
from .waiting import WAIT_S

STAYCTL = os.path.join(BUILD, "stayctl")
PAIR = re.compile(r' ([^ =]+)=("(?:[^"\\]|\\["\\]|\\x[0-9a-f]{2})*"|[^ "\\]+)')


def read_pairs(text):
    """{key: value} of ' key=value key="quoted"', which must be all there is."""
    assert PAIR.sub("", text) == "", text

    def unquote(value):
        if not value.startswith('"'):
            return value
        return re.sub(r'\\(x([0-9a-f]{2})|.)',
                      lambda m: chr(int(m[2], 16)) if m[2] else m[1], value[1:-1])
    return {key: unquote(value) for key, value in PAIR.findall(text)}


@dataclass
class Answer:
    id: str
    word: str  # ok, or the error's
    pairs: dict = field(default_factory=dict)
    why: str = ""
    items: list = field(default_factory=list)


class Control(SocketStream):
    """One connection. `uid`: as which user it is made (SO_PEERCRED has the effective one)."""

    def __init__(self, path, uid=None):
        sock = socket.socket(socket.AF_UNIX)
        own = os.geteuid()
        if uid is not None:
            os.seteuid(uid)
        try:
            sock.settimeout(WAIT_S)
            sock.connect(path)
        finally:
            os.seteuid(own)
        super().__init__(sock)
        self.ids = itertools.count(1)
        self.greeting = self.read_line().decode()

    def ask(self, request, its_id=None):
        its_id = its_id or f"t{next(self.ids)}"
        self.send(f"{its_id} {request}\n".encode())
        answer = self.read_answer()
        assert answer.id == its_id
        return answer

    def read_answer(self):
        items = []
        while True:
            its_id, word, *rest = self.read_line().decode().split(" ", 2)
            text = "".join(f" {more}" for more in rest)
            if word == "-":
                items.append(read_pairs(text))
            elif word == "ok":
                return Answer(its_id, word, read_pairs(text), items=items)
            else:
                assert word == "error", word
                error, why = rest[0].split(" ", 1)
                assert "; " in why  # what to do
                return Answer(its_id, error, why=why, items=items)


def run_stayctl(stayd, *arguments, **options):
    return run_stayctl_by("-c", stayd.conf, *arguments, **options)


def run_stayctl_by(*arguments, **options):
    """Say by what stayd is found: -c CONF, or --control PATH."""
    return subprocess.run([STAYCTL, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=2 * WAIT_S, check=False, **options)
