# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""strike (strike.c), which traces a running stayd, and the calls that it tells of."""
import re
import subprocess
from dataclasses import dataclass

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"


def read_numbers():
    """{number: name} of this machine's system calls."""
    with open(HEADER, encoding="ascii") as file:
        return {int(number): name for name, number in re.findall(r"__NR_(\w+) (\d+)", file.read())}


NAMES = read_numbers()


@dataclass(frozen=True, order=True)
class Call:
    """Who makes it, which it is, from where in the program (offsets in its file), and whether it reads or writes on
    a socket."""
    role: str
    number: int
    place: tuple
    is_on_socket: int = 0

    @property
    def name(self):
        return NAMES.get(self.number, str(self.number))

    def words(self):
        return " ".join(map(str, (self.role, self.number, *self.place, self.is_on_socket)))

    def __str__(self):
        place = " ".join(f"{frame:x}" for frame in self.place)
        return f"{self.role} {self.name}{' (socket)' * self.is_on_socket} at {place}"


class Tracer:
    """Traces these processes and all that come of them, on this processor. They end with it."""

    def __init__(self, program, processor, pids):
        self.process = subprocess.Popen([program, str(processor), *map(str, pids)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self._expect_ok()

    def _expect_ok(self):
        answer = self.process.stdout.readline()
        assert answer == "ok\n", f"strike says {answer!r}"

    def _say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def record(self):
        self._say("record")
        self._expect_ok()

    def calls(self):
        """{call: (how often it was made, whether the vault changes between it and its process' next one, whether it
        does between the last one and it)}"""
        self._say("calls")
        found = {}
        while (line := self.process.stdout.readline()) != ".\n":
            role, number, *place, is_on_socket, times, before, after = line.split()
            call = Call(role, int(number), tuple(map(int, place)), int(is_on_socket))
            found[call] = int(times), before == "1", after == "1"
        return found

    def strike(self, call, *how):
        self._say(" ".join(map(str, ("strike", call.words(), *how))))
        self._expect_ok()

    def result(self):
        """What became of the strike: ("struck", pid), ("missed",), ("short", changes)."""
        self._say("result")
        word, *number = self.process.stdout.readline().split()
        return word, *map(int, number)

    def who(self):
        """{role: [pid]}"""
        self._say("who")
        words = self.process.stdout.readline().split()
        found = {}
        for role, pid in zip(words[:-1:2], words[1:-1:2]):
            found.setdefault(role, []).append(int(pid))
        return found

    def end(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
