# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Configuration and certificates are reloaded, and no player notices."""
import os
import pwd
import random
import re
import resource
import shutil
import signal
import ssl
import stat
import subprocess
import threading
import time

import pytest

from support.control import Control, run_stayctl_by
from support.daemon import BUILD, ROOT, free_port
from support.game import Game, Pair
from support.players import PlainPlayer, TlsPlayer, context_for, half_shaken, is_finished_in_time
from support.stream import Ended
from support.waiting import until

NAMES = ("mush", "rsa", "other")


class Hall:
    """stayd whose files a test rewrites: a TLS listener with mine.chain and mine.key, a plain one."""

    def __init__(self, start_stayd, game, pki, folder, **options):
        self.pki, self.folder, self.game = pki, folder, game
        self.tls_port, self.plain_port = free_port(), free_port()
        self.install("mush")
        self.listeners = {
            "tls": {"address": f"127.0.0.1:{self.tls_port}", "certificate": f"{folder}/mine.chain",
                    "key": f"{folder}/mine.key"},
            "plain": {"address": f"127.0.0.1:{self.plain_port}", "tls": "no"}}
        self.games = {"mush": {"connect": game.connect}}
        self.options = {"host-names": "off", "watch-certificates": "no", **options}
        self.stayd = start_stayd(self.listeners, self.games, self.options)
        self.conf = self.stayd.conf

    def install(self, certificate, key=None):
        """Put them where the listener expects them, each at once, as certbot does."""
        for end, name in (("chain", certificate), ("key", key or certificate)):
            fresh = os.path.join(self.folder, f"fresh.{end}")
            shutil.copy(self.pki.path(f"{name}.{end}"), fresh)
            os.rename(fresh, os.path.join(self.folder, f"mine.{end}"))

    def write(self):
        self.stayd.write_conf(self.listeners, self.games, self.options)

    def stayctl(self, *arguments):
        return run_stayctl_by("--control", f"{self.folder}/control.sock", *arguments)

    def reload(self):
        """Must go well; returns what it says."""
        done = self.stayctl("reload")
        assert done.returncode == 0 and done.stdout.endswith("reloaded\n"), done
        return done.stdout

    def refuse(self, *words):
        """A reload that is refused for these reasons."""
        done = self.stayctl("reload")
        assert done.returncode == 1 and not done.stdout, done
        for word in words:
            assert word in done.stderr, (word, done.stderr)
        self.stayd.log.expect("reload-refused what=")

    def shows(self, name):
        """The certificate that a new player sees is this one."""
        player = TlsPlayer(self.tls_port)
        seen = player.tls.getpeercert(binary_form=True)
        player.close()
        with open(self.pki.path(f"{name}.pem"), encoding="ascii") as file:
            return seen == ssl.PEM_cert_to_DER_cert(file.read())

    def pair(self, kind="1.3"):
        player = PlainPlayer(self.plain_port) if kind == "plain" else TlsPlayer(self.tls_port,
                                                                                version=kind)
        return Pair(player, self.game.accept_of(player))


@pytest.fixture
def make_hall(start_stayd, game, pki, folder):
    return lambda **options: Hall(start_stayd, game, pki, folder, **options)


@pytest.fixture
def hall(make_hall):
    return make_hall()


class Talk:
    """Pairs that exchange lines, which are verified, all the time in the background."""

    def __init__(self, pairs, n_threads=2):
        self.is_over = False
        self.error = None
        self.n = 0
        self.threads = [threading.Thread(target=self.run, args=(pairs[i::n_threads],))
                        for i in range(n_threads)]

    def run(self, pairs):
        try:
            while not self.is_over:
                for pair in pairs:
                    pair.check()
                    self.n += 1
                    time.sleep(0.002)  # this is one interpreter
        except (AssertionError, Ended, OSError) as error:
            self.error = error
            self.is_over = True

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        if self.error:
            raise self.error

    def go_on(self):
        """Another round of everybody's."""
        n = self.n
        until(lambda: self.error or self.n > n + 20, "everybody goes on talking")
        assert not self.error, self.error


@pytest.mark.short
def test_sighup_takes_a_new_certificate_and_players_stay(hall):
    pairs = [hall.pair(kind) for kind in ("1.2", "1.3", "plain")]
    hall.install("other")
    n = len(hall.stayd.log.find(" entry-open "))
    os.kill(hall.stayd.guard_pid(), signal.SIGHUP)
    hall.stayd.log.expect(" entry-open ", n + 1)
    for pair in pairs:
        pair.check()
    assert hall.shows("other")
    assert any("name=other.example" in line or "other.example" in line
               for line in hall.stayctl("status").stdout.splitlines())


def test_twenty_renewals_and_twenty_configurations_under_talking_players(hall):
    pairs = [hall.pair(("1.2", "1.3", "plain")[i % 3]) for i in range(20)]
    with Talk(pairs) as talk:
        for i in range(20):
            name = NAMES[(i + 1) % 3]
            hall.install(name)
            hall.reload()
            assert hall.shows(name)
            talk.go_on()
        for i in range(20):
            hall.options["handshake-timeout"] = f"{20 + i}s"
            hall.options["log-level"] = ("debug", "info")[i % 2]
            hall.listeners.pop("more", None)
            if i % 2:
                hall.listeners["more"] = {"address": f"127.0.0.1:{free_port()}", "tls": "no"}
            hall.games["mush"]["back-text"] = f"Back, {i}."
            hall.write()
            hall.reload()
            talk.go_on()
    hall.stayd.family.await_whole()


def strike(family, role):
    try:
        family.kill(role)
    except ProcessLookupError:
        pass  # the reload has just replaced it


def test_a_kill_in_the_middle_of_a_reload_costs_nobody_anything(hall):
    pairs = [hall.pair(("1.2", "1.3", "plain")[i % 3]) for i in range(20)]
    dice = random.Random(20)
    with Talk(pairs) as talk:
        for i in range(24):
            role = ("worker", "guard", "spare")[i % 3]
            hall.listeners["more"] = {"address": f"127.0.0.1:{free_port()}", "tls": "no"}
            hall.install(NAMES[i % 3])
            hall.write()
            answer = []
            asker = threading.Thread(target=lambda: answer.append(hall.stayctl("reload")))
            killer = threading.Timer(0.01 + dice.random() * 0.1, strike, (hall.stayd.family, role))
            asker.start()
            killer.start()
            killer.join()
            asker.join()
            assert answer[0].returncode == 0, answer[0]
            talk.go_on()
            hall.stayd.family.await_whole()
            assert hall.shows(NAMES[i % 3])
    port = int(hall.listeners["more"]["address"].split(":")[1])
    player = PlainPlayer(port)
    Pair(player, hall.game.accept_of(player)).check()


def is_open(port):
    try:
        PlainPlayer(port).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_removed_listener_is_closed_and_its_players_live_on(hall):
    pairs = [hall.pair(kind) for kind in ("1.2", "1.3", "plain")]
    tls = hall.listeners.pop("tls")
    hall.write()
    hall.reload()
    assert not is_open(hall.tls_port) and is_open(hall.plain_port)
    hall.stayd.log.expect("listen-gone listener=tls")
    for pair in pairs:
        pair.check()
    control = Control(f"{hall.folder}/control.sock")
    assert {item["listener"] for item in control.ask("list").items} >= {"tls", "plain"}
    # A new one before the old one in the file, then the old one again at another address.
    fresh = free_port()
    hall.listeners = {"first": {"address": f"127.0.0.1:{fresh}", "tls": "no"}, **hall.listeners}
    hall.write()
    hall.reload()
    hall.tls_port = free_port()
    hall.listeners["tls"] = {**tls, "address": f"127.0.0.1:{hall.tls_port}"}
    hall.write()
    hall.reload()
    pairs.append(hall.pair("1.3"))
    player = PlainPlayer(fresh)
    pairs.append(Pair(player, hall.game.accept_of(player)))
    control = Control(f"{hall.folder}/control.sock")

    def listed():
        return {int(item["port"]): item["listener"] for item in control.ask("list").items}
    until(lambda: listed().keys() >= {pair.player.port for pair in pairs}, "all are listed")
    listeners = listed()
    assert [listeners[pair.player.port] for pair in pairs] == ["tls", "tls", "plain", "tls", "first"]
    for pair in pairs:
        pair.check()


def test_games_come_and_go_and_their_players_stay(hall):
    other = Game(os.path.join(hall.folder, "other.sock"))
    pairs = [hall.pair("1.3"), hall.pair("plain")]
    hall.games = {"chess": {"connect": other.connect}}
    hall.write()
    assert "[game mush] is gone; the players who are in it stay" in hall.reload()
    for pair in pairs:
        pair.check()
    player = TlsPlayer(hall.tls_port)
    chess = Pair(player, other.accept_of(player))
    chess.check()
    control = Control(f"{hall.folder}/control.sock")
    games = {item["name"]: item for item in control.ask("status").items if item["what"] == "game"}
    assert games["mush"]["players"] == "2" and games["mush"]["removed"] == "yes"
    assert games["chess"]["players"] == "1" and "removed" not in games["chess"]
    # Once its players have left it goes altogether, and its place is another's.
    for pair in pairs:
        pair.player.close()
        pair.link.close()
    until(lambda: len(control.ask("list").items) == 1, "they have left")
    hall.games["go"] = {"connect": hall.game.connect}
    hall.listeners["tls"]["game"] = "chess"
    hall.listeners["plain"]["game"] = "go"
    hall.write()
    hall.reload()
    chess.check()
    hall.pair("plain").check()
    control = Control(f"{hall.folder}/control.sock")
    assert [item["name"] for item in control.ask("status").items if item["what"] == "game"] \
        == ["go", "chess"]
    other.close()


def test_what_is_wrong_is_said_and_changes_nothing(hall):
    pair = hall.pair()

    def write(text):
        with open(hall.conf, "w", encoding="utf-8") as file:
            file.write(text)
    with open(hall.conf, encoding="utf-8") as file:
        good = file.read()
    write(good + "[listen tls\n")
    hall.refuse("stayd.conf:", "a section has no ]")
    write(good + "hold-time = 3\nhold = never\n")
    hall.refuse("unknown option hold-time", "hold = never: not a time")
    write(good.replace("mine.key", "none.key"))
    hall.refuse("none.key: the key cannot be read: No such file")
    write(good.replace("mine.chain", ""))
    hall.refuse("the certificate is not a regular file")
    write(good)
    taken = PlainPlayer(hall.plain_port)  # its own port is nobody's to listen on
    hall.listeners["more"] = {"address": f"127.0.0.1:{free_port()}", "tls": "no"}
    hall.listeners["taken"] = {"address": f"127.0.0.1:{taken.port}", "tls": "no"}
    hall.write()
    hall.refuse("[listen taken] cannot listen on", "Address already in use")
    assert not is_open(int(hall.listeners["more"]["address"].split(":")[1]))
    taken.close()
    write(good)
    pair.check()
    assert hall.shows("mush")
    assert len(hall.stayd.log.find(" worker-made ")) == 1  # all that was the first one's
    hall.reload()
    pair.check()


def test_what_only_a_restart_changes_stays_and_is_named(hall):
    pair = hall.pair()
    hall.options.update({"max-players": "7", "log": f"{hall.folder}/other.log"})
    hall.write()
    said = hall.reload()
    assert "max-players has changed, which a reload cannot do; restart stayd for it" in said
    assert ": log has changed" in said
    hall.stayd.log.expect("reload-remark what=.*max-players has changed")
    pair.check()
    control = Control(f"{hall.folder}/control.sock")
    assert control.ask("status").items[0]["max-players"] == "2000"


@pytest.mark.short
def test_a_repeated_request_has_the_answer_of_the_one_reload(hall):
    def ask(its_id):
        control = Control(f"{hall.folder}/control.sock")
        try:
            return control.ask("reload", its_id)
        except Ended:
            return ask(its_id)
    before = len(hall.stayd.log.find(" reload what="))
    assert ask("r1").word == "ok"
    assert ask("r1").word == "ok"
    assert len(hall.stayd.log.find(" reload what=")) == before + 1
    with open(hall.conf, encoding="utf-8") as file:
        good = file.read()
    with open(hall.conf, "a", encoding="utf-8") as file:
        file.write("holdd = 1\n")
    bad = ask("r2")
    assert bad.word == "refused" and "holdd" in bad.items[0]["text"]
    with open(hall.conf, "w", encoding="utf-8") as file:
        file.write(good)
    assert ask("r2").items == bad.items
    assert ask("r1").word == "ok"
    assert ask("r3").word == "ok"


def test_new_files_are_taken_when_they_are_whole(make_hall):
    hall = make_hall(**{"watch-certificates": "yes"})
    pair = hall.pair()
    hall.install("mush", key="other")
    hall.stayd.log.expect("reload-refused what=.*does not match")
    pair.check()
    assert hall.shows("mush")
    hall.install("other")
    hall.stayd.log.expect(" reload what=certificates")
    until(lambda: hall.shows("other"), "it is shown")
    pair.check()


def test_a_handshake_under_way_is_finished_first(hall):
    pair = hall.pair()

    def is_finished():
        player = half_shaken(hall.tls_port)
        answer, n = [], len(hall.stayd.log.find(" reload what=configuration"))
        asker = threading.Thread(target=lambda: answer.append(hall.stayctl("reload")))
        start = time.monotonic()
        asker.start()
        hall.stayd.log.expect(" reload what=configuration", n + 1)
        try:
            return is_finished_in_time(
                player, start, lambda: Pair(player, hall.game.accept_of(player)).check())
        finally:
            asker.join()
            assert answer[0].returncode == 0
    until(is_finished, "it was gone on with in time")
    # One that hangs is not waited for.
    hanging = PlainPlayer(hall.tls_port)
    hall.reload()
    assert hanging.read_to_end()[1] in ("eof", "reset")
    pair.check()


def test_more_handshakes_never_take_players_descriptors(make_hall):
    """Who may raise the limit does; who may not says so, and lets in as many as it leaves room for."""
    hall = make_hall(**{"max-players": 10, "max-handshakes": 20})
    n_needed = 5000 + 100
    for pid in hall.stayd.family.await_whole().values():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (500, 500))
    hall.options["max-handshakes"] = 5000
    hall.write()
    said = hall.reload()
    limit = resource.prlimit(hall.stayd.family.await_whole()["entry"], resource.RLIMIT_NOFILE)[0]
    words = re.search(r"max-handshakes is 5000, but RLIMIT_NOFILE \(500\) leaves room for (\d+)", said)
    if words:
        assert limit == 500 and 1 < int(words[1]) < 500
    else:
        assert limit >= n_needed


def test_a_worker_that_makes_room_has_not_died(hall):
    """Nor after a guard's death, when it is no child of the next one."""
    for is_orphan in (False, True):
        if is_orphan:
            hall.stayd.family.kill("guard")
            hall.stayd.family.await_whole()
        worker = hall.stayd.family.pid("worker")
        hall.options["handshake-timeout"] = f"{20 + is_orphan}s"
        hall.write()
        hall.reload()
        hall.stayd.log.expect(f" worker-retired pid={worker}$")
    assert not hall.stayd.log.find(" worker-died ")
    status = Control(f"{hall.folder}/control.sock").ask("status").items[0]
    assert "last-death" not in status and "crashes" not in status
    # One that does die is still told from it.
    hall.stayd.family.kill("worker")
    hall.stayd.log.expect(" worker-died ")


def test_a_session_can_be_resumed_after_a_renewal(hall):
    player = TlsPlayer(hall.tls_port, version="1.2", context=context_for("1.2"))
    pair = Pair(player, hall.game.accept_of(player))
    pair.check()
    hall.install("other")
    hall.reload()
    again = TlsPlayer(hall.tls_port, context=player.context, session=player.tls.session)
    Pair(again, hall.game.accept_of(again)).check()
    assert again.tls.session_reused
    pair.check()


class Lineage:
    """Certificates as certbot keeps them: links in live/NAME, readable by root alone."""

    def __init__(self, folder, pki):
        self.folder, self.pki, self.n = folder, pki, 0
        self.live = f"{folder}/letsencrypt/live/mush.example"
        self.archive = f"{folder}/letsencrypt/archive/mush.example"
        os.makedirs(self.live)
        os.makedirs(self.archive)
        for part in ("live", "archive"):
            os.chmod(f"{folder}/letsencrypt/{part}", 0o700)

    def renew(self, name):
        self.n += 1
        for end, file in (("chain", "fullchain"), ("key", "privkey")):
            target = f"{self.archive}/{file}{self.n}.pem"
            shutil.copy(self.pki.path(f"{name}.{end}"), target)
            link = f"{self.live}/{file}.pem"
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(target, link)

    def deploy(self, conf, *more):
        return subprocess.run(
            [f"{ROOT}/tools/certbot-deploy-hook", "-t", f"{self.folder}/stayd", "-u", "nobody",
             "-c", conf, *more],
            env={"PATH": f"{BUILD}:{os.environ['PATH']}", "RENEWED_LINEAGE": self.live},
            capture_output=True, text=True, check=False)


def shown(port):
    player = TlsPlayer(port)
    seen = player.tls.getpeercert(binary_form=True)
    player.close()
    return seen


def pem_of(pki, name):
    with open(pki.path(f"{name}.pem"), encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whom certbot runs as")
def test_certbot_hands_over_to_a_stayd_that_is_not_root(start_stayd, game, pki, folder):
    os.chmod(folder, 0o711)
    os.chmod(game.place, 0o777)
    os.mkdir(f"{folder}/stayd")
    lineage = Lineage(folder, pki)
    lineage.renew("mush")
    roots = f"{folder}/of-root"
    with open(roots, "w", encoding="ascii") as file:
        file.write("secret")
    os.chmod(roots, 0o600)
    os.symlink(roots, f"{folder}/stayd/.key.pem.new")  # stayd's user may have put it there
    assert lineage.deploy("/none").returncode != 0  # no stayd yet, but the files are there
    with open(roots, encoding="ascii") as file:
        assert file.read() == "secret"
    status, key = os.stat(roots), os.lstat(f"{folder}/stayd/key.pem")
    assert (status.st_mode & 0o777, status.st_gid) == (0o600, 0)
    assert stat.S_ISREG(key.st_mode) and key.st_gid == pwd.getpwnam("nobody").pw_gid
    port, hidden = free_port(), free_port()
    stayd = start_stayd(
        {"tls": {"address": f"127.0.0.1:{port}", "certificate": f"{folder}/stayd/fullchain.pem",
                 "key": f"{folder}/stayd/key.pem"},
         "hidden": {"address": f"127.0.0.1:{hidden}", "certificate": f"{lineage.live}/fullchain.pem",
                    "key": f"{lineage.live}/privkey.pem"}},
        {"mush": {"connect": game.connect}}, {"host-names": "off", "user": "nobody"})
    assert stayd.log.find("reload-remark what=.*/live/.* stayd's user cannot read")
    assert not stayd.log.find("reload-remark what=.*/stayd/key.pem")
    player = TlsPlayer(port)
    pair = Pair(player, game.accept_of(player))
    lineage.renew("other")
    # What cannot be read any more is in nobody's way.
    deployed = lineage.deploy(stayd.conf)
    assert deployed.returncode == 0 and "give stayd's user the right to read it" in deployed.stdout
    assert "the certificate that was served until now is kept" in deployed.stdout
    assert shown(hidden) == pem_of(pki, "mush") and shown(port) == pem_of(pki, "other")
    assert not stayd.log.find("reload-refused")  # nor just after the start, as another user
    stayd.write_conf(
        {"tls": {"address": f"127.0.0.1:{port}", "certificate": f"{folder}/stayd/fullchain.pem",
                 "key": f"{folder}/stayd/key.pem"}},
        {"mush": {"connect": game.connect}}, {"host-names": "off", "user": "nobody"})
    deployed = lineage.deploy(stayd.conf)
    assert (deployed.returncode, deployed.stdout.splitlines()[-1]) == (0, "reloaded"), deployed
    assert os.stat(f"{folder}/stayd/key.pem").st_mode & 0o777 == 0o640
    assert shown(port) == pem_of(pki, "other")
    assert lineage.deploy(stayd.conf, "-n", "another.example").stdout == ""
    pair.check()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_the_self_signed_certificate_is_the_users_that_stayd_becomes(start_stayd, game, folder):
    os.chmod(folder, 0o711)
    os.chmod(game.place, 0o777)
    port = free_port()
    stayd = start_stayd({"tls": {"address": f"127.0.0.1:{port}"}}, {"mush": {"connect": game.connect}},
                        {"host-names": "off", "user": "nobody"})
    made = os.stat(f"{folder}/stayd-selfsigned.pem")
    assert (made.st_uid, made.st_mode & 0o777) == (pwd.getpwnam("nobody").pw_uid, 0o600)
    assert not stayd.log.find("reload-remark what=.*selfsigned")
    pair = Pair(player := TlsPlayer(port), game.accept_of(player))
    os.chmod(stayd.conf, 0o644)
    told = run_stayctl_by("--control", f"{folder}/control.sock", "reload")
    assert "cannot be read" not in told.stdout + told.stderr and "reloaded" in told.stdout, told
    pair.check()
