# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Another program takes the place of the one that runs, or fails to, and no player notices."""
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from support import processes
from support.control import Control, run_stayctl
from support.daemon import BUILD, free_port
from support.game import Pair
from support.players import PlainPlayer, context_for, half_shaken, is_finished_in_time
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

    def __init__(self, make_stage, folder, **options):
        self.program = os.path.join(folder, "stayd")
        self.put("this")
        self.strangers = set(processes.descendants())  # earlier tests'
        self.stage = make_stage(program=self.program, **options)
        self.stayd = self.stage.stayd
        self.control = os.path.join(self.stayd.folder, "control.sock")

    def put(self, name):
        """As an installation does: another file at the same path."""
        shutil.copy(os.path.join(BUILD, f"stayd-{name}"), self.program + ".new")
        os.rename(self.program + ".new", self.program)

    def upgrade(self, *path):
        return run_stayctl(self.stayd, "upgrade", *path)

    def status(self):
        def look():
            try:
                return Control(self.control).ask("status").items[0]
            except (Ended, OSError):
                return None  # its worker has died
        return until(look, "an answer")

    def check_family(self):
        """One of each, and no other process has come."""
        def look():  # at all of them anew: a reload may replace some
            found = self.stayd.family.await_whole()
            return set(processes.descendants()) - self.strangers == set(found.values()) and found
        return until(look, "no process is left over")

    def count_fds(self):
        worker = self.stayd.family.await_whole()["worker"]
        return len(processes.look_into(os.listdir, worker, "fd"))


@pytest.fixture
def site(make_stage, folder):
    return Site(make_stage, folder)


def test_a_handshake_under_way_is_finished_first(site):
    def is_finished():
        player = half_shaken(site.stage.tls_port)
        n = len(site.stayd.log.find(" upgrade phase=probation"))
        start = time.monotonic()
        asker = threading.Thread(target=site.upgrade)
        asker.start()
        site.stayd.log.expect(" upgrade phase=probation", n + 1)
        try:
            return is_finished_in_time(player, start, lambda: site.stage.pair_of(player).check())
        finally:
            asker.join()
    until(is_finished, "it was gone on with in time")


@pytest.mark.short
def test_players_talk_on_over_twenty_upgrades_to_and_fro(site):
    crowd = Crowd(site.stage)
    guard = site.check_family()["guard"]
    counts = []
    pairs = []
    for n in range(20):
        before, after = (THIS, NEXT) if n % 2 == 0 else (NEXT, THIS)
        worker = site.check_family()["worker"]
        site.put("next" if n % 2 == 0 else "this")
        done = site.upgrade()
        assert done.stdout == f"upgraded from {before} to {after}\n", done
        assert site.check_family()["guard"] == guard, "the pid stays"
        until(lambda pid=worker: processes.stat_of(pid) is None, "the old worker is reaped")
        crowd.await_progress()
        assert site.status()["version"] == after
        pairs.append(site.stage.pair("1.3"))  # the door is open again
        pairs[-1].check()
        counts.append(site.count_fds() - 2 * len(pairs))
    crowd.finish()
    assert max(counts[2:]) <= max(counts[:2]), counts
    with open(os.path.join(site.stayd.folder, "control.sock.lock"), encoding="utf-8") as file:
        assert int(file.read()) == guard


@pytest.mark.parametrize("kind", ("1.3", "1.2"))
def test_tickets_are_good_after_an_upgrade_and_given_then(site, kind):
    context = context_for(kind)
    pair = site.stage.pair(kind, context=context)
    pair.check()
    for name in ("next", "this"):
        site.put(name)
        assert site.upgrade().returncode == 0
        session = pair.player.tls.session
        assert session.has_ticket
        pair = site.stage.pair(kind, context=context, session=session)
        pair.check()
        assert pair.player.tls.session_reused


# Program, what the admin is told, whether it was noticed before anything was given up.
BROKEN = {
    "layout": (r"knows vault layout 99, and the players are in one of layout \d+", "refused"),
    "exits": ("on trial it ended with status 0 and said nothing", "refused"),
    "meddles": ("^(?!.*it could|.*it has another).*it has tried everything", "refused"),
    "script": ("it cannot be run: it is a script", "refused"),
    "hangs": ("on trial it gave no answer within 8000 ms", "refused"),
    "late": ("it was not ready in time", "back"),
    "ends": ("its guard died before it was good", "back"),
    "entryless": ("its worker or entry died 3 times, at last: exit 1", "back"),
    "crashes": (r"its worker or entry died 3 times, at last: signal 6 \(Aborted\)", "back"),
    "text": ("it cannot be run: Exec format error", "refused"),
    "missing": ("it cannot be run: No such file or directory", "refused"),
    "forbidden": ("it cannot be run: Permission denied", "refused"),
    "library": ("error while loading shared libraries", "refused"),
    "another": ("(unrecognized|unknown|invalid) option|said nothing", "refused"),
}


def put_broken(site, name):
    if name == "missing":
        os.unlink(site.program)
    elif name in ("text", "script"):
        with open(site.program + ".new", "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" if name == "script" else "This is no program.\n")
        os.chmod(site.program + ".new", 0o755)
        os.rename(site.program + ".new", site.program)
    elif name == "forbidden":
        site.put("next")
        os.chmod(site.program, 0o644)
    elif name == "library":
        site.put("next")
        with open(site.program, "r+b") as file:
            data = file.read().replace(b"libcrypto.so.3\0", b"libcrypto.so.?\0")
            file.seek(0)
            file.write(data)
    elif name == "another":
        shutil.copy("/bin/ls", site.program + ".new")
        os.rename(site.program + ".new", site.program)
    else:
        site.put(name)


@pytest.mark.parametrize("name", BROKEN)
def test_a_program_that_fails_is_given_up_and_the_admin_told_why(site, name):
    why, phase = BROKEN[name]
    crowd = Crowd(site.stage, 6)
    before = site.check_family()
    put_broken(site, name)
    done = site.upgrade()
    assert done.returncode == 1 and re.search(why, done.stderr), done
    assert f"{THIS} goes on" in done.stderr
    after = site.check_family()
    assert all((before[role] == after[role]) == (phase == "refused") for role in ("guard", "spare", "worker"))
    assert before["entry"] == after["entry"], "newcomers have not noticed"
    crowd.await_progress()
    status = site.status()
    assert (status["version"], status["upgrade"], status["upgrade-from"]) == (THIS, phase, THIS)
    assert re.search(why, status["upgrade-why"])
    site.stayd.log.expect(f"upgrade-failed .*why=\".*({why.removeprefix('^')})")
    site.stage.pair("1.3").check()
    # What is right goes on from there.
    site.put("next")
    assert site.upgrade().stdout == f"upgraded from {THIS} to {NEXT}\n"
    site.stage.pair("1.2").check()
    crowd.finish()
    site.check_family()


def order_upgrade(site):
    os.kill(site.stayd.family.pid("guard"), signal.SIGUSR2)


def await_phase(site, *phases):
    return until(lambda: (phase := site.status().get("upgrade")) in phases and phase, phases)


def await_result(site):
    return await_phase(site, None, "good", "refused", "back")


def test_who_leaves_on_probation_is_gone_and_who_comes_waits(site):
    """With a program that takes its time. Two tables hold each descriptor then."""
    stage = site.stage
    crowd = Crowd(stage, 3)
    leaving = [stage.pair(kind) for kind in ("1.3", "1.2", "plain")]
    dropped = [stage.pair(kind) for kind in ("1.3", "1.2", "plain")]
    site.put("slow")
    order_upgrade(site)
    await_phase(site, "probation")
    for pair in leaving:
        pair.player.sock.shutdown(socket.SHUT_RDWR)
        assert pair.link.read_to_end()[0] == b""
    for pair in dropped:
        pair.link.send(b"Good-bye.\r\n")
        pair.link.close()
    for pair in dropped:
        assert pair.player.read_to_end()[0] == b"Good-bye.\r\n"
    assert site.status()["upgrade"] == "probation"
    crowd.await_progress()
    newcomer = stage.player("plain")
    assert await_result(site) == "good"
    newcomer.send(b"I waited.\r\n")
    assert stage.game.accept_of(newcomer).read_line() == b"I waited."
    crowd.finish()
    site.check_family()


@pytest.mark.short
def test_what_has_ended_on_probation_stays_ended_on_the_way_back(site):
    stage = site.stage
    crowd = Crowd(stage, 3)
    leaving = [stage.pair(kind) for kind in ("1.3", "1.2", "plain")]
    before = site.count_fds()
    site.put("slow")
    order_upgrade(site)
    await_phase(site, "probation")
    for pair in leaving:
        pair.player.close()
        assert pair.link.read_to_end()[0] == b""
        pair.link.close()
    newcomer = stage.player("plain")
    site.stayd.family.kill("guard")
    assert await_result(site) == "back"
    site.check_family()
    newcomer.send(b"I waited.\r\n")
    link = stage.game.accept_of(newcomer)
    assert link.read_line() == b"I waited."
    crowd.finish()
    until(lambda: site.count_fds() <= before - 2 * len(leaving) + 2, "descriptors are closed")


def kill(site, victim):
    """Whoever it is at this moment; the upgrade may end it first."""
    def try_to():
        try:
            os.kill(site.stayd.family.pid(victim), signal.SIGKILL)
            return True
        except ProcessLookupError:
            return False
    until(try_to, f"a {victim} is killed")


@pytest.mark.parametrize("victim", ("guard", "spare", "worker"))
def test_any_process_can_die_at_any_moment_of_an_upgrade(site, victim):
    crowd = Crowd(site.stage, 9)
    site.check_family()
    results = set()
    for n in range(10):
        site.put("next" if n % 2 == 0 else "this")
        order_upgrade(site)
        time.sleep(random.uniform(0, 0.3))
        kill(site, victim)
        if victim != "guard":  # who may have been killed before it began
            site.stayd.log.expect("upgrade phase=trial", n + 1)
        results.add(await_result(site))
        site.check_family()
        crowd.await_progress()
    site.stage.pair("1.3").check()
    crowd.finish()
    assert victim == "guard" or results == {"good"}


def test_one_order_is_one_upgrade_however_often_it_is_repeated(site):
    site.put("next")
    control, other = Control(site.control), Control(site.control)
    worker = site.stayd.family.pid("worker")
    os.kill(worker, signal.SIGSTOP)  # so that it sees both at once
    control.send(b"one upgrade\n")
    other.send(b"other upgrade\n")
    os.kill(worker, signal.SIGCONT)
    another = other.read_answer()
    assert (another.word, another.why) == ("not-upgraded",
                                           "another upgrade is under way; ask again")
    with pytest.raises((Ended, OSError)):
        control.read_answer()  # its worker is gone
    for _ in range(3):
        answer = Control(site.control).ask("upgrade", "one")
        assert (answer.word, answer.pairs) == ("ok", {"from": THIS, "to": NEXT})
    assert len(site.stayd.log.find("upgrade phase=adopted")) == 1
    assert Control(site.control).ask("upgrade here").word == "bad-request"


def put_elsewhere(folder, name):
    other = os.path.join(folder, "a path", "stayd")
    os.makedirs(os.path.dirname(other), exist_ok=True)
    shutil.copy(os.path.join(BUILD, f"stayd-{name}"), other + ".new")
    os.rename(other + ".new", other)
    return other


def test_another_path_can_be_given_and_is_the_programs_from_then_on(make_stage, folder):
    site = Site(make_stage, folder,
                options={"upgrade-programs": f"/nowhere/stayd, {folder}/a path/stayd"})
    other = put_elsewhere(folder, "next")
    assert site.upgrade(other).stdout == f"upgraded from {THIS} to {NEXT}\n"
    guard = site.stayd.family.pid("guard")
    assert processes.look_into(os.readlink, guard, "exe") == other
    put_elsewhere(folder, "this")
    assert site.upgrade().stdout == f"upgraded from {NEXT} to {THIS}\n"


def test_a_program_that_others_than_root_can_change_is_not_run(site, folder):
    """The game may have stayd's own user, and would have the players' keys."""
    pair = site.stage.pair("1.3")
    other = put_elsewhere(folder, "next")
    os.chmod(os.path.dirname(other), 0o777)
    done = site.upgrade(other)
    assert done.returncode == 1 and "others than root can change" in done.stderr, done
    assert f"put the new program at {site.program[:64]}" in done.stderr
    link = os.path.join(os.path.dirname(other), "link")
    os.symlink(site.program, link)
    site.put("next")
    # A link to the present one's path is that one, and does not become the path.
    assert site.upgrade(link).stdout == f"upgraded from {THIS} to {NEXT}\n"
    os.unlink(link)
    site.put("this")
    assert site.upgrade().stdout == f"upgraded from {NEXT} to {THIS}\n"
    pair.check()
    assert site.stayd.log.find("upgrade-failed .*others than root can change")


def test_the_decision_which_programs_may_run_is_the_starts(site, folder):
    """Else who can write the configuration could have any program run."""
    other = put_elsewhere(folder, "next")
    os.chmod(os.path.dirname(other), 0o777)
    change(site, r"\[stayd\]\n", f"[stayd]\nupgrade-programs = {other}\n")
    done = run_stayctl(site.stayd, "reload")
    assert done.returncode == 0 and "upgrade-programs has changed" in done.stdout
    assert "others than root can change" in site.upgrade(other).stderr
    site.put("next")
    assert "`upgrade-programs`, listeners or games are not those that run" in site.upgrade().stderr


@pytest.mark.parametrize("is_in_path", (False, True), ids=("relative", "in PATH"))
def test_a_link_that_leads_to_the_next_program_is_followed(make_stage, folder, is_in_path):
    """However the first one was called: by a path, or by its name alone."""
    for name in ("this", "next"):
        os.makedirs(os.path.join(folder, name))
        shutil.copy(os.path.join(BUILD, f"stayd-{name}"), os.path.join(folder, name, "stayd"))
    link = os.path.join(folder, "stayd")
    os.symlink("this/stayd", link)
    os.makedirs(os.path.join(folder, "other"))
    with open(os.path.join(folder, "other", "stayd"), "wb"):
        pass  # no program, which comes first
    environment = {**os.environ, "PATH": f"/nowhere:{folder}/other:{folder}:{os.environ['PATH']}"}
    stage = make_stage(program="stayd" if is_in_path else "./stayd",
                       wrapper=("/usr/bin/env", "-C", folder), env=environment)
    pair = stage.pair("1.3")
    os.symlink("next/stayd", link + ".new")
    os.rename(link + ".new", link)
    assert run_stayctl(stage.stayd, "upgrade").stdout == f"upgraded from {THIS} to {NEXT}\n"
    os.symlink("this/stayd", link + ".new")
    os.rename(link + ".new", link)
    # stayctl, too, leaves the link as it is.
    assert run_stayctl(stage.stayd, "upgrade", "./stayd",
                       cwd=folder).stdout == f"upgraded from {NEXT} to {THIS}\n"
    os.symlink("next/stayd", link + ".new")
    os.rename(link + ".new", link)
    assert run_stayctl(stage.stayd, "upgrade").stdout == f"upgraded from {THIS} to {NEXT}\n"
    pair.check()


def test_other_listeners_are_not_taken_for_the_ones_that_are_open(site):
    with open(site.stayd.conf, "r+", encoding="utf-8") as file:
        text = file.read()
        file.seek(0)
        file.write(text.replace("[listen plain]", "[listen other]"))
    done = site.upgrade()
    assert done.returncode == 1 and "listeners or games are not those that run" in done.stderr


def change(site, pattern, replacement):
    with open(site.stayd.conf, encoding="utf-8") as file:
        text, n = re.subn(pattern, replacement, file.read(), flags=re.DOTALL)
    assert n == 1
    with open(site.stayd.conf, "w", encoding="utf-8") as file:
        file.write(text)


def test_what_was_reloaded_is_handed_over_and_can_be_reloaded_again(site):
    stage = site.stage
    pairs = [stage.pair(kind) for kind in ("1.3", "1.2", "plain")]
    first, second = free_port(), free_port()
    tls = r"\[listen tls\].*?(?=\[listen plain\])"
    change(site, tls, f"[listen first]\naddress = 127.0.0.1:{first}\ntls = no\n")
    site.put("next")
    done = site.upgrade()
    assert done.returncode == 1 and "those that run; reload" in done.stderr
    assert run_stayctl(site.stayd, "reload").returncode == 0
    assert site.upgrade().stdout == f"upgraded from {THIS} to {NEXT}\n"
    newcomer = PlainPlayer(first)
    pairs.append(Pair(newcomer, stage.game.accept_of(newcomer)))
    assert {item["listener"] for item in Control(site.control).ask("list").items} == {
        "tls", "plain", "first"}
    # One after the other; and what the next program has read can be reloaded, too.
    change(site, f":{first}", f":{second}")
    assert run_stayctl(site.stayd, "reload").returncode == 0
    site.put("this")
    assert site.upgrade().stdout == f"upgraded from {NEXT} to {THIS}\n"
    newcomer = PlainPlayer(second)
    pairs.append(Pair(newcomer, stage.game.accept_of(newcomer)))
    for pair in pairs:
        pair.check()
    site.check_family()


def test_who_is_in_a_game_that_was_removed_keeps_the_program_that_knows_it(site):
    pair = site.stage.pair("plain")
    change(site, r"\[game mush\].*", "[game other]\nconnect = unix:/nowhere/game.sock\n")
    assert run_stayctl(site.stayd, "reload").returncode == 0
    done = site.upgrade()
    assert done.returncode == 1 and "players are still in a game that a reload has removed" in done.stderr
    pair.check()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_rights_that_were_given_up_are_not_needed(make_stage, folder, pki):
    for place in (folder, os.path.dirname(pki.path("mush.key"))):
        os.chmod(place, 0o755)
    os.chmod(pki.path("mush.key"), 0o600)
    site = Site(make_stage, folder, options={"user": "nobody"})
    os.chmod(os.path.join(folder, "game.sock"), 0o666)
    pair = site.stage.pair("1.3")
    site.put("next")
    done = site.upgrade()
    assert done.returncode == 1 and "mush.key" in done.stderr  # nobody cannot read it
    pair.check()
    os.chmod(pki.path("mush.key"), 0o644)
    site.put("crashes")
    assert "its worker or entry died 3 times" in site.upgrade().stderr
    pair.check()
    site.put("next")
    assert site.upgrade().returncode == 0
    pair.check()
    site.stage.pair("1.2").check()
    site.check_family()
    os.chmod(pki.path("mush.key"), 0o600)


@pytest.mark.short
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_game_that_has_stayds_own_user_cannot_put_a_program_in_its_place(make_stage, folder, pki):
    """As libstay and stayd-ssl-slave start stayd. It is an admin then, and owns the configuration."""
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    for place in (folder, os.path.dirname(pki.path("mush.key"))):
        os.chmod(place, 0o777)
    os.chmod(os.path.join(folder, "game.sock"), 0o666)
    key = os.stat(pki.path("mush.key")).st_mode
    os.chmod(pki.path("mush.key"), 0o644)
    own, stayctl = os.path.join(folder, "own"), os.path.join(folder, "stayctl")
    shutil.copy(os.path.join(BUILD, "stayctl"), stayctl)
    shutil.copy(os.path.join(BUILD, "stayd-next"), own)
    os.chown(own, 65534, 65534)
    site = Site(make_stage, folder, wrapper=nobody, start_new_session=True)
    os.chmod(site.stayd.conf, 0o666)
    pair = site.stage.pair("1.3")

    def ask(*words):
        return subprocess.run([*nobody, stayctl, "-c", site.stayd.conf, *words],
                              capture_output=True, text=True, timeout=WAIT_S, check=False)
    link = os.path.join(folder, "link")
    os.symlink(own, link)
    for path in (own, link, f"{folder}/../{folder}/own"):
        done = ask("upgrade", path)
        assert done.returncode == 1 and "others than root can change" in done.stderr, done
    change(site, r"\[stayd\]\n", f"[stayd]\nupgrade-programs = {own}\n")
    assert "upgrade-programs has changed" in ask("reload").stdout
    assert "others than root can change" in ask("upgrade", own).stderr
    pair.check()
    os.chmod(pki.path("mush.key"), key)
