# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What TLS offers and what it does not, seen by programs; and where a name may lead."""
import os
import re
import ssl
import subprocess

import pytest

from support.control import run_stayctl
from support.daemon import free_port, run_stayd
from support.game import Game, Pair
from support.pki import RSA
from support.players import TlsPlayer, context_for, program
from support.stream import Ended

FAILED = (Ended, OSError, ssl.SSLError, AssertionError)


def shake(port, *options):
    """What openssl's client says of a handshake."""
    done = subprocess.run([program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def subject(port, *options):
    """The common name's first word in the certificate that comes, and how many are in its chain."""
    said = shake(port, "-showcerts", *options)
    found = re.search(r"subject=CN ?= ?([\w-]+)", said)
    return (found and found.group(1)), said.count("BEGIN CERTIFICATE")


@pytest.fixture
def both(start_stayd, game, pki, port):
    """A stayd with an ECDSA and an RSA certificate for one name."""
    pki.make("second", RSA, host="mush.example")
    stayd = start_stayd({"tls": pki.listener(port, "mush", "second")},
                        {"mush": {"connect": game.connect}}, {"host-names": "off"})
    return stayd


@pytest.mark.short
def test_a_program_gets_a_certificate_with_a_key_that_it_takes(both, port):
    ecdsa = (("-tls1_2",), ("-tls1_3",), ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
             ("-tls1_3", "-sigalgs", "ECDSA+SHA256"))
    rsa = (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
           ("-tls1_3", "-sigalgs", "RSA-PSS+SHA256"), ("-tls1_2", "-sigalgs", "RSA-PSS+SHA256"))
    for name in ("mush.example", "mush.example.", "other.example"):
        for expected, ways in (("mush", ecdsa), ("second", rsa)):
            for options in ways:
                assert subject(port, "-servername", name, *options) == (expected, 2), options
    assert both.log.find("handshake-failed") == []


def test_both_kinds_outlive_what_may_come_and_are_named(both, game, pki, port):
    rsa_only = "-tls1_3", "-sigalgs", "RSA-PSS+SHA256"
    player = TlsPlayer(port)
    pair = Pair(player, game.accept_of(player))
    done = run_stayctl(both, "status")
    assert re.search(r"mush\.example +ECDSA +tls", done.stdout), done.stdout
    assert re.search(r"mush\.example +RSA +tls", done.stdout), done.stdout
    both.family.kill("worker", "entry")
    assert subject(port, *rsa_only) == ("second", 2)
    # Its file goes: what was served is kept.
    os.rename(pki.path("second.chain"), pki.path("gone"))
    assert "is kept" in run_stayctl(both, "reload").stdout
    assert subject(port, *rsa_only) == ("second", 2)
    assert subject(port) == ("mush", 2)
    os.rename(pki.path("gone"), pki.path("second.chain"))
    said = run_stayd("--check", "-c", both.conf).stderr
    assert "for mush.example there are this ECDSA certificate and the RSA one in" in said
    pair.check()


def test_the_hybrid_group_is_taken_where_both_sides_have_it(both, port):
    groups = subprocess.run([program("openssl"), "list", "-kem-algorithms"], capture_output=True,
                            text=True, check=False).stdout
    if "X25519MLKEM768" not in groups:
        assert "X25519" in shake(port, "-tls1_3")
        return
    assert "group: X25519MLKEM768" in shake(port, "-tls1_3")
    assert "group: X25519MLKEM768" in shake(port, "-groups", "X25519:X25519MLKEM768")
    assert "X25519, 253 bits" in shake(port, "-groups", "X25519")
    assert "Cipher is ECDHE" in shake(port, "-tls1_2")


def test_what_is_not_offered_is_not_there(both, port):
    assert "OCSP response: no response sent" in shake(port, "-status")
    for cipher in ("DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256"):
        assert "handshake failure" in shake(port, "-tls1_2", "-cipher", cipher)
    assert "Compression: NONE" in shake(port, "-tls1_2")
    assert "Secure Renegotiation IS supported" in shake(port, "-tls1_2")
    said = shake(port, "-tls1_3", "-msg")
    assert ", Certificate\n" in said and "CompressedCertificate" not in said


class Street:
    """An open listener, one that requires certificates, and a game behind each."""

    def __init__(self, start_stayd, game, pki, folder):
        self.open, self.strict = free_port(), free_port()
        self.game, self.vip = game, Game(os.path.join(folder, "vip.sock"))
        self.listeners = {
            "open": pki.listener(self.open, "mush", game="mush"),
            "strict": pki.listener(self.strict, "other", game="vip",
                                   client_certificates="require", client_ca=pki.path("between.pem"))}
        self.games = {"mush": {"connect": game.connect},
                      "vip": {"connect": self.vip.connect, "sni": "vip.example."}}
        self.stayd = start_stayd(self.listeners, self.games, {"host-names": "off"})
        self.pki = pki

    def set(self):
        self.stayd.write_conf(self.listeners, self.games, {"host-names": "off"})
        done = run_stayctl(self.stayd, "reload")
        assert done.returncode == 0, done
        return done.stdout

    def come(self, port, game, name, context=None, **more):
        player = TlsPlayer(port, context=context, name=name, **more)
        pair = Pair(player, game.accept_of(player))
        pair.check()
        return pair

    def is_refused(self, name, **more):
        n = len(self.stayd.log.find("handshake-failed .*has stricter listeners"))
        with pytest.raises(FAILED):
            TlsPlayer(self.open, name=name, **more).read_until(b"never")
        self.stayd.log.expect("handshake-failed .*has stricter listeners", n + 1)


@pytest.fixture
def street(start_stayd, game, pki, folder):
    street = Street(start_stayd, game, pki, folder)
    yield street
    street.vip.close()


@pytest.mark.short
def test_a_name_leads_nobody_past_the_rules_of_its_games_listener(street):
    own = context_for(client_certificate=street.pki.player_certificate())
    street.come(street.open, street.game, "mush.example")
    street.come(street.open, street.game, None)
    street.come(street.strict, street.vip, "vip.example", own)
    for version in ("1.2", "1.3"):
        for name in ("vip.example", "VIP.example.", "vip.example."):
            street.is_refused(name, version=version)
    street.is_refused("vip.example", context=own)
    said = run_stayd("--check", "-c", street.stayd.conf)
    assert said.returncode == 0
    assert "[game vip] who asks for it by its sni on [listen open] is refused" in said.stderr
    street.stayd.log.expect("reload-remark .*who asks for it by its sni on .listen open. is refused")


@pytest.mark.parametrize("version", ("1.2", "1.3"))
def test_no_ticket_from_before_leads_there_either(street, version):
    street.listeners["strict"]["client-certificates"] = "ask"
    street.set()
    context = context_for(version)
    former = street.come(street.open, street.vip, "vip.example", context)
    assert former.link.header.tlvs.get(2) == b"vip.example"
    resumed = street.come(street.open, street.vip, "vip.example", context,
                          session=former.player.tls.session)
    assert resumed.player.tls.session_reused
    street.listeners["strict"]["client-certificates"] = "require"
    assert "is refused" in street.set()
    street.stayd.log.expect(" entry-retired ", 2)
    street.is_refused("vip.example", context=context, session=resumed.player.tls.session)
    # Who is in stays.
    former.check()
    resumed.check()


def test_the_game_is_told_the_name_without_its_dot(start_stayd, game, pki, port):
    start_stayd({"tls": pki.listener(port)}, {"mush": {"connect": game.connect}},
                {"host-names": "off"})
    player = TlsPlayer(port, name="mush.example.")
    pair = Pair(player, game.accept_of(player))
    assert pair.link.header.tlvs[2] == b"mush.example"
    pair.check()
