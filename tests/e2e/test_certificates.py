# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""One certificate that is no good is in nobody's way: the others are served, renewed and reloaded,
and what was served goes on. The words, and the log's."""
import os
import shutil
import ssl

import pytest

from support.control import run_stayctl
from support.daemon import BUILD, free_port, run_stayd
from support.game import Pair
from support.players import PlainPlayer, TlsPlayer, context_for
from support.stream import Ended
from support.waiting import until


class House:
    """A TLS listener with two certificates, one with a third, and a plain one; their files are the
    test's: one.chain, one.key and so on."""

    def __init__(self, start_stayd, game, pki, folder):
        self.start_stayd, self.game, self.pki, self.folder = start_stayd, game, pki, folder
        self.both, self.third, self.plain = free_port(), free_port(), free_port()
        self.options = {"host-names": "off"}
        for name, of in (("one", "mush"), ("two", "other"), ("three", "rsa")):
            self.install(name, of)
        path = f"{folder}/{{}}".format
        self.listeners = {
            "both": {"address": f"127.0.0.1:{self.both}",
                     "certificate": f"{path('one.chain')}, {path('two.chain')}",
                     "key": f"{path('one.key')}, {path('two.key')}"},
            "third": {"address": f"127.0.0.1:{self.third}", "certificate": path("three.chain"),
                      "key": path("three.key")},
            "plain": {"address": f"127.0.0.1:{self.plain}", "tls": "no"}}
        self.stayd = None

    def install(self, name, of, key=None):
        for end, source in (("chain", of), ("key", key or of)):
            fresh = os.path.join(self.folder, f"fresh.{end}")
            shutil.copy(self.pki.path(f"{source}.{end}"), fresh)
            os.rename(fresh, os.path.join(self.folder, f"{name}.{end}"))

    def remove(self, name):
        os.unlink(os.path.join(self.folder, f"{name}.chain"))

    def damage(self, name):
        with open(os.path.join(self.folder, f"{name}.chain"), "w", encoding="ascii") as file:
            file.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    def start(self, **more):
        self.stayd = self.start_stayd(self.listeners, {"mush": {"connect": self.game.connect}},
                                      self.options, **more)
        return self.stayd

    def write(self):
        self.stayd.write_conf(self.listeners, {"mush": {"connect": self.game.connect}},
                              self.options)

    def check(self):
        return run_stayd("--check", "-c", self.stayd.conf)

    def shows(self, port, name):
        """Which of the tests' certificates a player sees who asks for this name."""
        player = TlsPlayer(port, name=f"{name}.example")
        seen = player.tls.getpeercert(binary_form=True)
        player.close()
        for of in ("mush", "other", "rsa", "old", "late", "player"):
            if os.path.exists(self.pki.path(f"{of}.pem")):
                with open(self.pki.path(f"{of}.pem"), encoding="ascii") as file:
                    if ssl.PEM_cert_to_DER_cert(file.read()) == seen:
                        return of
        return None

    def serves(self, port):
        try:
            self.shows(port, "any")
        except (Ended, OSError, ssl.SSLError):
            return False
        return True

    def reload(self):
        done = run_stayctl(self.stayd, "reload")
        assert done.returncode == 0 and done.stdout.endswith("reloaded\n"), done
        return done.stdout

    def plays(self):
        for player in (PlainPlayer(self.plain), TlsPlayer(self.both)):
            Pair(player, self.game.accept_of(player)).check()
            player.close()


@pytest.fixture
def house(start_stayd, game, pki, folder):
    return House(start_stayd, game, pki, folder)


SPOILS = {
    "gone": (lambda house, name: house.remove(name), "No such file"),
    "damaged": (lambda house, name: house.damage(name), "is damaged"),
    "strange key": (lambda house, name: house.install(name, "mush", "player"), "does not match"),
    "expired": (lambda house, name: house.install(name, "old"), r"old\.example\) expired on"),
}


@pytest.mark.parametrize("spoil,words", SPOILS.values(), ids=SPOILS.keys())
def test_a_start_takes_what_is_good_and_says_what_is_not(house, spoil, words):
    spoil(house, "two")
    stayd = house.start()
    house.plays()
    assert house.shows(house.both, "mush") == "mush"
    assert house.shows(house.both, "old") == ("old" if "expired" in words else "mush")
    assert stayd.log.find(words) and stayd.log.find("(?m)^/.*" + words)  # on stderr
    done = house.check()
    assert done.returncode == 1 and "good" not in done.stdout


def test_a_listener_without_a_certificate_takes_nobody_and_is_in_no_others_way(house):
    house.damage("three")
    stayd = house.start()
    house.plays()
    with pytest.raises((Ended, OSError, ssl.SSLError)):
        TlsPlayer(house.third)
    stayd.log.expect("refused .*no certificate that can be used")
    house.remove("two")
    assert "[listen third] goes without it" in house.reload()
    house.plays()
    # When it is right, it is taken by itself.
    house.install("three", "rsa")
    stayd.log.expect(" reload what=certificates")
    stayd.log.expect(" entry-retired ", 2)  # until then a newcomer may meet the one of before
    until(lambda: house.serves(house.third), "it is served")
    assert house.shows(house.third, "rsa") == "rsa"


def test_with_nothing_to_serve_there_is_no_start(house, folder):
    for name in ("one", "two", "three"):
        house.damage(name)
    del house.listeners["plain"]
    with pytest.raises(AssertionError, match="stayd has ended"):
        house.start()


@pytest.mark.parametrize("spoil,words", SPOILS.values(), ids=SPOILS.keys())
def test_a_reload_keeps_what_was_served_and_takes_the_rest(house, spoil, words):
    house.options["watch-certificates"] = "no"
    stayd = house.start()
    player = TlsPlayer(house.both)
    pair = Pair(player, house.game.accept_of(player))
    spoil(house, "two")
    spoil(house, "three")
    house.install("one", "player")
    house.listeners["plain"]["keepalive"] = "1m"
    house.write()
    said = house.reload()
    assert "the certificate that was served until now is kept" in said
    assert stayd.log.find(f"reload-remark what=.*{words}")
    assert house.shows(house.both, "player") == "player"
    assert house.shows(house.both, "other") == "other"
    assert house.shows(house.third, "rsa") == "rsa"
    assert house.reload()  # and again
    assert house.shows(house.third, "rsa") == "rsa"
    pair.check()
    assert house.check().returncode == 1


def test_the_watcher_takes_what_is_renewed_whatever_has_become_of_others(house):
    stayd = house.start()
    house.remove("two")
    stayd.log.expect("reload-refused what=.*two.chain.*No such file")
    house.install("one", "player")
    until(lambda: house.shows(house.both, "player") == "player", "it is served")
    assert house.shows(house.both, "other") == "other"


def test_what_a_reload_newly_names_must_be_good(house):
    house.start()
    house.listeners["third"]["certificate"] = house.pki.path("nowhere.pem")
    house.write()
    done = run_stayctl(house.stayd, "reload")
    assert done.returncode == 1 and "nowhere.pem: the certificate cannot be read" in done.stderr
    assert house.shows(house.third, "rsa") == "rsa"


@pytest.mark.parametrize("spoil,words", (SPOILS["gone"], SPOILS["expired"]),
                         ids=("gone", "expired"))
def test_an_upgrade_goes_through_and_says_what_it_goes_without(house, spoil, words):
    stayd = house.start(program=os.path.join(BUILD, "stayd-this"))
    player = TlsPlayer(house.both)
    pair = Pair(player, house.game.accept_of(player))
    spoil(house, "two")
    done = run_stayctl(stayd, "upgrade")
    assert done.returncode == 0, done
    stayd.log.expect(f"certificate what=.*{words}")
    pair.check()
    assert house.shows(house.both, "mush") == "mush"


def test_an_upgrade_that_would_leave_a_listener_without_any_is_refused(house):
    stayd = house.start()
    house.remove("three")
    done = run_stayctl(stayd, "upgrade")
    assert done.returncode == 1 and "three.chain: the certificate cannot be read" in done.stderr
    assert house.shows(house.third, "rsa") == "rsa"


@pytest.mark.parametrize("start,end,words", (
    ("20200101000000Z", "20210101000000Z", "expired"),
    ("20900101000000Z", "20910101000000Z", "not yet valid"), (None, None, "untrusted")))
def test_why_a_players_certificate_is_refused_stands_in_the_log(start_stayd, game, pki, port, start,
                                                                end, words):
    authority = "between.pem" if start else "other.pem"
    stayd = start_stayd({"tls": pki.listener(port, client_certificates="require",
                                             client_ca=pki.path(authority))},
                        {"mush": {"connect": game.connect}}, {"host-names": "off"})
    name = "late" if start else "player"
    if start:
        pki.make_dated(name, start, end)
    context = context_for(client_certificate=(pki.path(f"{name}.chain"), pki.path(f"{name}.key")))
    with pytest.raises((Ended, OSError, ssl.SSLError, AssertionError)):
        TlsPlayer(port, context=context).read_until(b"never")
    stayd.log.expect(f'handshake-failed .*reason="certificate verify failed: {words}')


def test_a_certificate_that_is_not_valid_yet_is_served_with_a_warning(house):
    house.pki.make_dated("late", "20900101000000Z", "20910101000000Z")
    house.install("one", "late")
    stayd = house.start()
    house.plays()
    assert house.shows(house.both, "late") == "late"
    assert stayd.log.find("is not valid before 2090-01-01.*check this machine's clock")
    assert house.check().returncode == 1


def test_a_self_signed_certificate_is_remarked_once_for_all_listeners(start_stayd, game):
    stayd = start_stayd({name: {"address": f"127.0.0.1:{free_port()}"} for name in "abcd"},
                        {"mush": {"connect": game.connect}}, {"host-names": "off"})
    assert len(stayd.log.find("the certificate is self-signed")) == 1
    assert run_stayd("--check", "-c", stayd.conf).stderr.count("is self-signed") == 1
