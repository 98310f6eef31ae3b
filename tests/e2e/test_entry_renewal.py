# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What is served becomes another by another entry: nobody else makes room for it, who is shaking hands goes on
with what he has begun with, and no newcomer is turned away. And an entry that dies leaves what it has served."""
import os
import shutil
import signal
import ssl
import threading
import time

import pytest

from support.control import run_stayctl_by
from support.daemon import free_port
from support.game import Pair
from support.players import PlainPlayer, TlsPlayer, context_for, half_shaken
from support.stream import Ended
from support.waiting import PATIENCE, until
from test_reload import NAMES, Hall

AT_ONCE_S = 1 * PATIENCE
OTHERS = ("guard", "spare", "worker")


@pytest.fixture
def make_hall(start_stayd, game, pki, folder):
    return lambda **options: Hall(start_stayd, game, pki, folder, **options)


def others_of(hall):
    found = hall.stayd.family.await_whole()
    return {role: found[role] for role in OTHERS}


def kill_entry(hall):
    """... and wait for the next one."""
    n = len(hall.stayd.log.find(" entry-open "))
    hall.stayd.family.kill("entry")
    hall.stayd.log.expect(" entry-open ", n + 1)


def shown_to(player, pki):
    seen = player.tls.getpeercert(binary_form=True)
    for name in NAMES:
        with open(pki.path(f"{name}.pem"), encoding="ascii") as file:
            if ssl.PEM_cert_to_DER_cert(file.read()) == seen:
                return name
    return None


@pytest.mark.short
@pytest.mark.parametrize("is_watched", (False, True), ids=("by order", "by itself"))
def test_a_renewed_certificate_needs_no_other_worker_guard_or_spare(make_hall, is_watched):
    hall = make_hall(**{"watch-certificates": "yes" if is_watched else "no"})
    pairs = [hall.pair(kind) for kind in ("1.2", "1.3", "plain")]
    before = others_of(hall)
    entry = hall.stayd.family.pid("entry")
    for name in ("other", "rsa"):
        hall.install(name)
        if is_watched:
            until(lambda name=name: hall.shows(name), "it is shown")
        else:
            hall.reload()
            assert hall.shows(name)
        for pair in pairs:
            pair.check()
    assert others_of(hall) == before
    assert hall.stayd.family.pid("entry") != entry
    hall.stayd.log.expect(f" entry-retired pid={entry}")
    assert not hall.stayd.log.find(" (?:entry|worker)-died ")


@pytest.mark.short
def test_a_reload_is_done_when_nobody_meets_what_was_served_before(make_hall):
    hall = make_hall()
    hall.stayd.log.expect(" entry-open ")
    entry = hall.stayd.family.pid("entry")
    answers = []
    hall.install("other")
    os.kill(entry, signal.SIGSTOP)
    asker = threading.Thread(target=lambda: answers.append(hall.stayctl("reload")))
    asker.start()
    hall.stayd.log.expect(" entry-open ", 2)
    asker.join(0.5)
    assert not answers
    os.kill(entry, signal.SIGCONT)
    asker.join()
    assert answers[0].returncode == 0
    assert all(hall.shows("other") for _ in range(10))


def half_said(port):
    """A player whose hello has not come whole."""
    player = TlsPlayer(port, is_shaken=False)
    with pytest.raises(ssl.SSLWantReadError):
        player.tls.do_handshake()
    hello = player.outgoing.read()
    player.sock.sendall(hello[:100])
    return player, hello[100:]


def test_who_is_shaking_hands_finishes_with_the_certificate_of_before(make_hall, pki):
    """There is room for some entries that retire."""
    hall = make_hall()
    before = {"answered": half_shaken(hall.tls_port)}
    saying, rest = half_said(hall.tls_port)
    # The kernel keeps who says nothing to itself for 3 s, so this one is the next entry's.
    silent = TlsPlayer(hall.tls_port, is_shaken=False)
    for name in ("other", "rsa"):
        hall.install(name)
        hall.reload()
        assert hall.shows(name)
    saying.sock.sendall(rest)
    before["saying"] = saying
    for what, player in before.items():
        player.shake()
        Pair(player, hall.game.accept_of(player)).check()
        assert shown_to(player, pki) == "mush", what
    silent.shake()
    Pair(silent, hall.game.accept_of(silent)).check()


class Porter(threading.Thread):
    """The game's side: a word for each who comes, and good-bye."""

    def __init__(self, game):
        super().__init__(daemon=True)
        self.game, self.is_over = game, False

    def run(self):
        while not self.is_over:
            if self.game.has_caller(0.1):
                link = self.game.accept()
                link.send(b"Welcome.\r\n")
                link.close()
                self.game.links.remove(link)


class Newcomers(threading.Thread):
    """They come one after the other, and each leaves when it has been in; `error` is what was wrong."""

    def __init__(self, hall, kind):
        super().__init__(daemon=True)
        self.hall, self.kind = hall, kind
        self.context = None if kind == "plain" else context_for(kind)
        self.n, self.error, self.is_over = 0, None, False

    def run(self):
        try:
            while not self.is_over and not self.error:
                player = PlainPlayer(self.hall.plain_port) if self.kind == "plain" else \
                    TlsPlayer(self.hall.tls_port, context=self.context)
                assert player.read_line() == b"Welcome."
                player.close()
                self.n += 1
        except (AssertionError, Ended, OSError) as error:
            self.error = f"{self.kind}, after {self.n}: {error!r}"


@pytest.mark.parametrize("is_held_up", (False, True), ids=("", "handshakes hang"))
def test_no_newcomer_is_turned_away_in_twenty_renewals(make_hall, is_held_up):
    hall = make_hall()
    porter = Porter(hall.game)
    crowds = [Newcomers(hall, kind) for kind in ("1.2", "1.3", "plain")]
    hanging = []
    for thread in (porter, *crowds):
        thread.start()

    def have_come(least):
        errors = [crowd.error for crowd in crowds if crowd.error]
        assert not errors, errors
        return all(crowd.n >= n for crowd, n in zip(crowds, least))
    try:
        for i in range(20):
            if is_held_up:
                hanging.append(half_shaken(hall.tls_port))
            hall.install(NAMES[(i + 1) % 3])
            hall.reload()
            assert hall.shows(NAMES[(i + 1) % 3])
            least = [crowd.n + 3 for crowd in crowds]
            until(lambda least=least: have_come(least), "they go on coming")
    finally:
        for thread in (*crowds, porter):  # the porter sees them all off
            thread.is_over = True
            thread.join()
    have_come([])
    for player in hanging:
        player.close()
    hall.stayd.family.await_whole()
    assert len(hall.stayd.log.find(" worker-made ")) == 1


@pytest.mark.short
def test_a_removed_listener_refuses_at_once_although_an_entry_goes_on_with_its_handshakes(make_hall):
    hall = make_hall()
    player = half_shaken(hall.tls_port)
    hall.listeners.pop("tls")
    hall.write()
    hall.reload()
    assert len(hall.stayd.family.members()["entry"]) == 2
    begun = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        PlainPlayer(hall.tls_port)
    assert time.monotonic() - begun < AT_ONCE_S
    player.shake()
    Pair(player, hall.game.accept_of(player)).check()
    hall.stayd.family.await_whole()


def test_what_was_served_goes_on_over_an_entrys_death_whatever_has_become_of_the_file(make_hall):
    hall = make_hall(**{"watch-certificates": "yes"})
    pair = hall.pair()
    hall.install("other")
    until(lambda: hall.shows("other"), "it is served")
    with open(f"{hall.folder}/mine.chain", "w", encoding="ascii") as file:
        file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    hall.stayd.log.expect(" reload-refused what=.*damaged")
    before = others_of(hall)
    for _ in range(2):
        kill_entry(hall)
        assert hall.shows("other")
    assert others_of(hall) == before
    hall.stayd.family.kill("guard", "entry")  # the spare has not read it either
    hall.stayd.family.await_whole()
    until(lambda: hall.shows("other"), "it is served")
    hall.install("rsa")
    until(lambda: hall.shows("rsa"), "it is served")
    pair.check()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_key_that_only_root_can_read_is_served_by_the_next_entry_too(start_stayd, game, pki, folder):
    os.chmod(folder, 0o711)
    os.chmod(game.place, 0o777)
    port = free_port()
    for end in ("chain", "key"):
        shutil.copy(pki.path(f"mush.{end}"), f"{folder}/mine.{end}")
        os.chmod(f"{folder}/mine.{end}", 0o600)
    stayd = start_stayd({"tls": {"address": f"127.0.0.1:{port}", "certificate": f"{folder}/mine.chain",
                                 "key": f"{folder}/mine.key"}},
                        {"mush": {"connect": game.connect}}, {"host-names": "off", "user": "nobody"})

    def check():
        player = TlsPlayer(port)
        Pair(player, game.accept_of(player)).check()
        assert shown_to(player, pki) == "mush"
        player.close()
    check()
    for roles in (("entry",), ("entry",), ("worker", "guard", "entry")):
        n = len(stayd.log.find(" entry-open "))
        stayd.family.kill(*roles)
        stayd.log.expect(" entry-open ", n + 1)
        check()
    # A reload keeps it, too, and says so.
    told = run_stayctl_by("--control", f"{folder}/control.sock", "reload")
    assert "cannot be read" in told.stdout + told.stderr, told
    check()
    stayd.family.kill("entry", number=signal.SIGSEGV)
    check()
