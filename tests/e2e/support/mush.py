# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""minimush, which starts stayd itself; characters; and talkers, who check every line they get."""
import os
import re
import subprocess
import threading

from . import processes
from .daemon import MINIMUSH, Family, Log
from .stream import Ended
from .waiting import WAIT_S, until

READY = "players can connect"
PASSWORD = "correct-horse"
# What the game says of itself and of others, besides the answers to one's own lines.
NOISE = re.compile(rb"GAME: |[\w-]+ has (dis)?connected\.$")


class Mush:
    """`settings`: minimush.conf; None: the one that is there."""

    def __init__(self, folder, settings, wrapper=()):
        self.conf = os.path.join(folder, "minimush.conf")
        self.family = Family()
        self.log = Log(os.path.join(folder, "data", "run", "stayd.log"))
        self.words = Log(os.path.join(folder, "minimush.log"))
        self.n_ready = len(self.words.find(READY))
        if settings is not None:
            settings = {"directory": "data", "password-cost": 1, "host-names": "off",
                        # Talkers are quick, and do not know telnet.
                        "lines-at-once": 1000, "lines-a-second": 100000, "telnet-first": "no",
                        "stayd.stayd.log-level": "debug", **settings}
            with open(self.conf, "w", encoding="utf-8") as file:
                file.writelines(f"{key} = {value}\n" for key, value in settings.items())
        with open(self.words.path, "ab") as words:
            self.process = subprocess.Popen([*wrapper, MINIMUSH, "-c", self.conf],
                                            stdin=subprocess.DEVNULL, stdout=words, stderr=words)

    def await_ready(self):
        def look():
            assert self.process.poll() is None, "minimush has ended:\n" + self.words.text()
            return len(self.words.find(READY)) > self.n_ready
        until(look, "minimush is ready")
        return self

    def kill(self):
        """The game alone: stayd keeps the players."""
        self.process.kill()
        self.process.wait(WAIT_S)

    def end(self):
        pids = [pid for found in self.family.members().values() for pid in found]
        processes.end_all([self.process.pid])
        processes.end_all(pids)
        self.process.wait(WAIT_S)
        self.log.check()
        self.words.check()
        # stayd forgets by itself what is too long for it, and an acknowledgement may come later.
        refused = [line for line in self.words.find("refuses .*") if "bad-offset" not in line]
        assert not refused, refused


def create(player, name):
    """The first character is the wizard."""
    player.read_until(b"create NAME PASSWORD")
    player.send(f"create {name} {PASSWORD}\r\n".encode())
    player.read_until(re.compile(rb"You are %s.*\n(.*\n)*?Exits: .*\n" % name.encode()))
    return player


def ask(player, line, answer):
    """Send a command and wait for the answer."""
    player.send(line + b"\r\n")
    return player.read_until(answer)


def reboot(wizard):
    ask(wizard, b"@shutdown/reboot", b"GAME: The reboot is over.\r\n")


class Talker(threading.Thread):
    """Sends numbered lines of many lengths, some ahead, and takes nothing but the right answers."""

    AHEAD = 4

    def __init__(self, player, name):
        super().__init__(daemon=True)
        self.player = player
        self.label = name
        self.n_sent = 0
        self.n_answered = 0
        self.must_stop = threading.Event()
        self.error = None

    def _line(self, n):
        return f"{self.label} {n} ".encode() + b"%d" % (n % 10) * (n * 37 % 700)

    def _await_answer(self):
        line = self.player.read_line()
        while NOISE.match(line):
            line = self.player.read_line()
        assert line == self._line(self.n_answered), \
            f"{self.label}: {line!r} instead of line {self.n_answered}"
        self.n_answered += 1

    def run(self):
        try:
            while not self.must_stop.is_set():
                while self.n_sent - self.n_answered < self.AHEAD:
                    self.player.send(b"think " + self._line(self.n_sent) + b"\r\n")
                    self.n_sent += 1
                self._await_answer()
            while self.n_answered < self.n_sent:
                self._await_answer()
        except (AssertionError, Ended, OSError) as error:
            self.error = f"{self.label}: after {self.n_answered} answers: {error!r}"


class Chorus:
    """Several talkers at once."""

    def __init__(self, players):
        self.talkers = [Talker(player, name) for name, player in players.items()]
        for talker in self.talkers:
            talker.start()

    def check(self):
        errors = [talker.error for talker in self.talkers if talker.error]
        assert not errors, errors

    def await_progress(self, n=1):
        """Until each talker has had n more answers."""
        wanted = {talker: talker.n_answered + n for talker in self.talkers}

        def have_progressed():
            self.check()
            return all(talker.n_answered >= wanted[talker] for talker in self.talkers)
        until(have_progressed, "every talker gets answers")

    def finish(self):
        """Every line is answered, and nobody was dropped."""
        for talker in self.talkers:
            talker.must_stop.set()
        for talker in self.talkers:
            talker.join(2 * WAIT_S)
        self.check()
        for talker in self.talkers:
            assert not talker.is_alive() and talker.n_answered == talker.n_sent
