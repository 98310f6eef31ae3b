# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""stayd as a process: its configuration, its log, its family of guard, spare and worker."""
import os
import random
import re
import signal
import socket
import subprocess

from . import processes
from .waiting import WAIT_S, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.abspath(os.environ.get("STAYD_BUILD", os.path.join(ROOT, "build")))
STAYD = os.path.join(BUILD, "stayd")
MINIMUSH = os.path.join(BUILD, "minimush", "minimush")
KEEPERS = ("guard", "spare", "worker")  # who have the descriptors
ROLES = (*KEEPERS, "entry")
READY = r" ready players="


N_SHARES = 16
holders = []  # of this process' share of the ports, while it lives


def take_share():
    """The ports of which this process, and no test beside it, may take: whose they are is known by
    a socket that is bound to an abstract name."""
    for n in range(N_SHARES):
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0stayd-tests-ports-{n}")
        except OSError:
            holder.close()
            continue
        holders.append(holder)
        return range(10000 + n, 32768, N_SHARES)
    return range(10000, 32768)


SHARE = take_share()
PORTS = iter(random.sample(SHARE, len(SHARE)))  # none twice


def take_ports_anew():
    """In a fork, which has another share than the process that it comes of."""
    global PORTS
    share = take_share()
    PORTS = iter(random.sample(share, len(share)))


def free_port():
    """A port that nobody has at the moment, and that no player's connect is given (ip(7),
    ip_local_port_range)."""
    while True:
        with socket.socket() as sock:
            try:
                sock.bind(("0.0.0.0", next(PORTS)))
                return sock.getsockname()[1]
            except OSError:
                pass


def run_stayd(*arguments, **options):
    """Run stayd to its end."""
    return subprocess.run([STAYD, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=2 * WAIT_S, check=False, **options)


def conf_text(stayd=None, listeners=None, games=None):
    """{option: value} for [stayd], {name: {...}} for the others."""
    sections = {"stayd": stayd or {}}
    sections.update({f"listen {name}": options for name, options in (listeners or {}).items()})
    sections.update({f"game {name}": options for name, options in (games or {}).items()})
    lines = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


class Log:
    """stayd's log, a file that grows."""

    def __init__(self, path):
        self.path = path
        self.is_hurt = False  # what the system refuses is the test's doing

    def text(self):
        if not os.path.exists(self.path):
            return ""
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def find(self, pattern):
        return re.findall(pattern, self.text(), re.MULTILINE)

    def check(self):
        """Nothing in it that must never be, whatever players, games and killers do."""
        words = "panic|quarantine" if self.is_hurt else "panic|quarantine|system"
        broken = self.find(rf"^\S+ \w+ (?:{words}) .*")
        assert not broken, broken
        report = re.search(r".*(?:Sanitizer|runtime error)(?:.*\n)*", self.text())
        assert not report, report.group()

    def expect(self, pattern, n=1, seconds=WAIT_S):
        """Wait until there are n such lines."""
        return until(lambda: len(found := self.find(pattern)) >= n and found,
                     f"{n} times {pattern!r} in the log", seconds)


class Family:
    """The processes that this stayd consists of, whoever their parents are by now."""

    def members(self):
        found = {}
        for pid, name in processes.descendants().items():
            if name.startswith("stayd: "):
                found.setdefault(name.removeprefix("stayd: "), []).append(pid)
        return found

    def pid(self, role):
        return until(lambda: self.members().get(role), f"there is a {role}")[0]

    def await_whole(self, seconds=WAIT_S):
        """Exactly one of each; returns {role: pid}."""
        def look():
            found = self.members()
            return all(len(found.get(role, [])) == 1 for role in ROLES) and found
        found = until(look, "guard, spare, worker, entry", seconds)
        return {role: pids[0] for role, pids in found.items()}

    def kill(self, *roles, number=signal.SIGKILL):
        """Kill them at once and wait until they are dead."""
        pids = [self.pid(role) for role in roles]
        for pid in pids:
            os.kill(pid, number)
        until(lambda: not any(processes.is_alive(pid) for pid in pids), "the killed are dead")

    def kill_all(self):
        """All who have the descriptors. Stopped first, else one of them makes the others anew in between."""
        pids = [self.pid(role) for role in KEEPERS]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                os.kill(pid, number)
        until(lambda: not any(processes.is_alive(pid) for pid in pids), "the killed are dead")

    def is_at_rest(self):
        return processes.are_asleep(pid for pids in self.members().values() for pid in pids)

    def memory_bytes(self):
        return sum(processes.memory_bytes(pid) for pids in self.members().values() for pid in pids)


class Stayd:
    """stayd in the foreground. `options`: [stayd]; listeners and games as in conf_text. `program`:
    another than this build's."""

    def __init__(self, folder, listeners, games, options=None, arguments=(), wrapper=(),
                 program=STAYD, **popen):
        self.folder = folder
        self.conf = os.path.join(folder, "stayd.conf")
        self.log = Log(os.path.join(folder, "stayd.log"))
        self.n_ready = len(self.log.find(READY))  # of an earlier one with this log
        self.family = Family()
        self.write_conf(listeners, games, options)
        with open(self.log.path, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, program, "-c", self.conf, *arguments], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, **popen)

    def write_conf(self, listeners, games, options=None):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(conf_text({"control": f"{self.folder}/control.sock", "log-level": "debug",
                                  **(options or {})}, listeners, games))

    def await_ready(self, seconds=WAIT_S):
        def look():
            assert self.process.poll() is None, "stayd has ended:\n" + self.log.text()
            return len(self.log.find(READY)) > self.n_ready
        until(look, "stayd is ready", seconds)
        return self

    def guard_pid(self):
        return self.family.pid("guard")

    def order_end(self):
        os.kill(self.guard_pid(), signal.SIGTERM)

    def await_end(self, seconds=WAIT_S):
        """The exit status of the process that was started, when all are gone."""
        status = self.process.wait(seconds)
        until(lambda: not self.family.members(), "all of stayd's processes are gone")
        return status

    def end(self):
        """An orderly end if it still lives; it must then say that all was well."""
        was_ended = self.process.poll() is not None
        pids = [pid for found in self.family.members().values() for pid in found]
        processes.end_all([self.process.pid, *pids])
        self.process.wait(WAIT_S)
        self.log.check()
        assert was_ended or self.process.returncode == 0, "an orderly end"
