# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Another program takes the place of the one that runs, or fails to, and no player notices."""
import os
import random
import re
import shutil
import signal
import stat
import threading
import time

import pytest

from support import processes
from support.control import Control, run_stayctl
from support.daemon import BUILD
from support.players import PlainPlayer, TlsPlayer
from support.stream import Ended
from support.waiting import WAIT_S, until

THIS, NEXT = "0.1.0", "0.1.1"
N_PLAYERS = 20


class Talk(threading.Thread):
    """A player and its game's side, who say numbered lines to each other and check each one."""

    def __init__(self, pair, number):
        super().__init__(daemon=True)
        self.pair = pair
        self.number = number
        self.n = 0
        self.must_stop = threading.Event()
        self.error = None

    def _say(self, speaker, listener):
        line = b"%d %d " % (self.number, self.n) + b"x" * (self.n * 37 % 900)
        speaker.send(line + b"\r\n")
        heard = listener.read_line()
        assert heard == line, f"{heard!r} instead of {line!r}"

    def run(self):
        try:
            while not self.must_stop.is_set():
                self._say(self.pair.player, self.pair.link)
                self._say(self.pair.link, self.pair.player)
                self.n += 1
                time.sleep(0.01)
        except (AssertionError, Ended, OSError) as error:
            self.error = f"player {self.number} after {self.n} lines: {error!r}"


class Crowd:
    def __init__(self, stage, n=N_PLAYERS):
        kinds = ("1.3", "1.2", "plain")
        self.talks = [Talk(stage.pair(kinds[i % 3]), i) for i in range(n)]
        for talk in self.talks:
            talk.start()

    def await_progress(self, n=2):
        wanted = [talk.n + n for talk in self.talks]

        def have_progressed():
            errors = [talk.error for talk in self.talks if talk.error]
            assert not errors, errors
            return all(talk.n >= least for talk, least in zip(self.talks, wanted))
        until(have_progressed, "all go on talking")

    def finish(self):
        self.await_progress()
        for talk in self.talks:
            talk.must_stop.set()
        for talk in self.talks:
            talk.join(WAIT_S)
            assert not talk.is_alive() and not talk.error, talk.error


class Site:
    """stayd, run by a path at which other programs are put."""

    def __init__(self, make_stage, folder):
        self.program = os.path.join(folder, "stayd")
        self.put("this")
        self.stage = make_stage(program=self.program)
        self.stayd = self.stage.stayd

    def put(self, name):
        """As an installation does: another file at the same path."""
        shutil.copy(os.path.join(BUILD, f"stayd-{name}"), self.program + ".new")
        os.rename(self.program + ".new", self.program)

    def upgrade(self, *path):
        return run_stayctl(self.stayd, "upgrade", *path)

    def status(self):
        return Control(os.path.join(self.stayd.folder, "control.sock")).ask("status").items[0]

    def check_family(self):
        """One of each, and no other process below this one."""
        found = self.stayd.family.await_whole()
        until(lambda: set(processes.descendants()) == set(found.values()), "no process is left over")
        return found

    def count_fds(self):
        worker = self.stayd.family.await_whole()["worker"]
        return len(os.listdir(f"/proc/{worker}/fd"))


@pytest.fixture
def site(make_stage, folder):
    return Site(make_stage, folder)


@pytest.mark.short
def test_players_talk_on_over_twenty_upgrades_to_and_fro(site):
    crowd = Crowd(site.stage)
    guard = site.check_family()["guard"]
    counts = []
    for n in range(20):
        before, after = (THIS, NEXT) if n % 2 == 0 else (NEXT, THIS)
        site.put("next" if n % 2 == 0 else "this")
        done = site.upgrade()
        assert done.stdout == f"upgraded from {before} to {after}\n", done
        assert site.check_family()["guard"] == guard, "the pid stays"
        crowd.await_progress()
        assert site.status()["version"] == after
        site.stage.pair("1.3").check()  # the door is open again
        counts.append(site.count_fds() - 2 * n)
    crowd.finish()
    assert max(counts[2:]) <= max(counts[:2]), counts
    with open(os.path.join(site.stayd.folder, "control.sock.lock"), encoding="utf-8") as file:
        assert int(file.read()) == guard
