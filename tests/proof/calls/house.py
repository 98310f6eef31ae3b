# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A running stayd under a tracer, its game, three players who stay, and those who come and go."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from support import processes
from support.away import AWAY, BACK, read_here
from support.control import run_stayctl
from support.daemon import BUILD, ROLES, ROOT, Stayd, free_port
from support.lone_game import LoneGame
from support.players import PlainPlayer, TlsPlayer
from support.stream import Ended
from support.systemd import Systemd, Unit
from support.waiting import until

from tracer import Tracer

KINDS = ("1.2", "1.3", "plain")
COUNTING = os.path.join(ROOT, "doc", "examples", "control.py")
N_LINES = 3
GONE = (Ended, OSError)  # how a player sees that it is lost


class House:
    """strike: the tracer's program. processor: of all its processes. pki: a support.pki.Pki. folder: its own is
    made in it. variant: of stayd, stayd-VARIANT in the build."""

    def __init__(self, strike, processor, pki, folder, variant="this"):
        self.folder = tempfile.mkdtemp(dir=folder)
        self.pki = pki
        self.build = BUILD
        self.n_may_fail = 0  # newcomers whose handshake may be lost
        self.must_start = True  # a start that systemd waits for may not fail
        self.n_read = 0  # of the log
        self.n_deaths = 0  # of workers and entries that it told when it was read last
        self.lost = []  # players of whom nothing is expected any more
        self.n_lines = 0
        self.variant = variant
        self.tls_port, self.plain_port, self.more_port = free_port(), free_port(), free_port()
        self.install()
        self.listeners = {
            "tls": {"address": f"127.0.0.1:{self.tls_port}", "certificate": f"{self.folder}/mine.chain",
                    "key": f"{self.folder}/mine.key"},
            "plain": {"address": f"127.0.0.1:{self.plain_port}", "tls": "no"}}
        self.options = {"host-names": "off", "connections-per-second": "1000", "watch-certificates": "no"}
        self.game = self.make_game().start()
        self.games = {"mush": {"connect": self.game.connect}}
        self.stayd = self.begin()
        self.tracer = Tracer(strike, processor, [*self.stayd.family.await_whole().values(), *self.others()])
        self.players = [self.enter(kind) for kind in KINDS]

    def make_game(self):
        return LoneGame(os.path.join(self.folder, "game.sock"))

    def begin(self):
        self.program = os.path.join(self.folder, "stayd")
        self.put()
        return Stayd(self.folder, self.listeners, self.games, self.options, program=self.program).await_ready()

    def others(self):
        """Processes that are traced and never struck."""
        return []

    def put(self):
        """As an installation does: a file at the program's path, the same program."""
        shutil.copy(os.path.join(BUILD, f"stayd-{self.variant}"), self.program + ".new")
        os.rename(self.program + ".new", self.program)

    def install(self):
        """A certificate, as certbot does."""
        for end in ("chain", "key"):
            fresh = os.path.join(self.folder, f"fresh.{end}")
            shutil.copy(self.pki.path(f"mush.{end}"), fresh)
            os.rename(fresh, os.path.join(self.folder, f"mine.{end}"))

    def write_conf(self, **options):
        self.stayd.write_conf(self.listeners, self.games, {**self.options, **options})

    def stayctl(self, *arguments):
        return run_stayctl(self.stayd, *arguments)

    # Who is there

    def connect(self, kind):
        if kind == "plain":
            return PlainPlayer(self.plain_port)
        return TlsPlayer(self.tls_port, version=kind)

    def enter(self, kind):
        player = self.connect(kind)
        player.kind = kind
        player.here = read_here(player)
        return player

    def talk(self, *players):
        """Lines and their echoes, in order; notes who is lost."""
        for player in players or self.players:
            try:
                if player not in self.lost:
                    self.check(player)
            except GONE as error:
                player.error = error
                self.lost.append(player)

    @staticmethod
    def leave(player, n):
        if n % 3 == 0:
            player.send(b"quit\r\n")
            player.read_until(b"bye\r\n")
        elif n % 3 == 1:
            player.end_sending()
        player.close()

    def check(self, player):
        words = []
        for _ in range(N_LINES):
            self.n_lines += 1
            words.append(b"line %d" % self.n_lines + b"." * (self.n_lines * 37 % 200))
        player.send(b"".join(word + b"\r\n" for word in words))
        for word in words:
            heard = player.read_line()
            assert heard == b"echo " + word, f"{player.kind}: {heard!r} instead of {b'echo ' + word!r}"

    def pid(self, role):
        return until(lambda: self.tracer.who().get(role), f"there is a {role}")[0]

    def kill(self, role):
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not processes.is_alive(pid), f"the {role} is dead")

    def await_whole(self):
        def look():
            found = {role: pids for role, pids in self.tracer.who().items() if role != "systemd"}
            return sorted(found) == sorted(ROLES) and all(len(pids) == 1 for pids in found.values())
        try:
            until(look, "guard, spare, worker and entry are there, and nobody else", 40)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.tracer.who()}") from None

    def succeed(self):
        """The first guard and worker are followed by others, whose stacks are as those of all who come later."""
        for role in ("guard", "worker"):
            self.kill(role)
            self.await_whole()

    def news(self):
        """What the log has said since this was asked last."""
        text = self.stayd.log.text()
        self.n_read, before = len(text), self.n_read
        self.n_deaths = len(re.findall(r" (?:worker|entry)-died ", text[before:]))
        return text[before:]

    def await_news(self, pattern):
        until(lambda: re.search(pattern, self.stayd.log.text()[self.n_read:]), f"{pattern} in the log")

    def orphans(self):
        """Children of this process by the death of their parents."""
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            pids = [int(pid) for pid in file.read().split()]
        return set(pids) - {process.process.pid for process in (self.stayd, self.tracer, self.game)}

    def end(self):
        """Nobody is left."""
        self.end_stayd()
        self.tracer.end()
        for player in self.players:
            player.close()
        self.game.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def end_stayd(self):
        found = [pid for pids in self.tracer.who().values() for pid in pids]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.tracer.end()
        processes.end_all([self.stayd.process.pid, *found])
        self.stayd.process.wait()


class Counting:
    """doc/examples/control.py: a game that counts each player's lines, leaves the number with stayd, acknowledges what
    it has read, and goes on there after its death."""

    def __init__(self, place, control):
        self.place, self.control = place, control
        self.connect = f"unix:{place}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-I", "-S", COUNTING, self.control, "mush", self.place],
                                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def restart(self):
        self.close()
        return self.start()

    def close(self):
        self.process.kill()
        self.process.wait()


class ResumingHouse(House):
    """Its game counts lines. Each line has to count once; its answer may be seen twice, with the same number."""

    def make_game(self):
        return Counting(os.path.join(self.folder, "game.sock"), os.path.join(self.folder, "control.sock"))

    def enter(self, kind):
        player = self.connect(kind)
        player.kind = kind
        player.counted = []
        player.read_until(b"Welcome, 0 lines so far.\r\n")
        return player

    def check(self, player):
        for _ in range(N_LINES):
            self.n_lines += 1
            player.counted.append(b"%d: line %d" % (len(player.counted) + 1, self.n_lines))
            player.send(b"line %d\r\n" % self.n_lines)
        while (heard := player.read_line()) != player.counted[-1]:
            is_told = heard + b"\r\n" in (AWAY, BACK) or heard.startswith(b"Welcome back, ")
            assert not heard or is_told or heard in player.counted, f"{player.kind}: {heard!r}"

    @staticmethod
    def leave(player, n):
        if n % 2:
            player.end_sending()
        player.close()


class UnitHouse(House):
    """stayd as a unit of a systemd, which keeps its descriptors. (The game has no control channel here, which is within
    systemd's own /run.)"""

    # An order to leave dies with the guard that has it: systemd waits for so long, and kills all.
    MORE = "TimeoutStopSec=5s\n"

    def begin(self):
        os.chmod(os.path.dirname(self.folder), 0o755)
        os.chmod(self.folder, 0o755)
        os.chmod(self.game.place, 0o777)
        self.systemd = Systemd(self.folder)
        unit = Unit(self.systemd, self.listeners, self.games, self.options, more=self.MORE).start()
        unit.process = self.systemd.process
        return unit

    def others(self):
        return [self.systemd.pid]

    def end_stayd(self):
        # A systemctl that was not waited for is in systemd's namespace, which does not end before it is reaped.
        for pid in self.orphans():
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self.systemd.end()
