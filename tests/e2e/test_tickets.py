# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A ticket gets in only where a full handshake would lead to the same place with the same checks;
otherwise there is a full handshake. (That tickets outlive kills, restarts, reloads and upgrades is
in test_kills, test_systemd, test_reload and test_upgrade, their age in tests/unit/sessions_test.)"""
import datetime
import os
import re
import shutil
import ssl
import subprocess
import time

import pytest

from support.control import run_stayctl
from support.daemon import free_port
from support.game import Game, Pair
from support.players import TlsPlayer, context_for, program
from support.stream import Ended
from support.waiting import WAIT_S

VERSIONS = pytest.mark.parametrize("version", ("1.2", "1.3"))


class Gate:
    """stayd with one TLS listener that a test changes, and players who have tickets."""

    def __init__(self, start_stayd, game, pki, folder):
        self.game, self.pki, self.folder, self.port = game, pki, folder, free_port()
        self.games = {"mush": {"connect": game.connect}}
        self.authorities = os.path.join(folder, "authorities.pem")
        self.trust("between")
        self.listeners = {"tls": pki.listener(self.port)}
        self.start_stayd, self.stayd = start_stayd, None

    def trust(self, *names):
        """Authorities, in a file whose name stays."""
        with open(self.authorities, "w", encoding="ascii") as file:
            for name in names:
                with open(self.pki.path(f"{name}.pem"), encoding="ascii") as one:
                    file.write(one.read())

    def set(self, mode="no"):
        """Start, or reload, with this mode of client-certificates."""
        options = {"host-names": "off", "watch-certificates": "no"}
        self.listeners["tls"]["client-certificates"] = mode
        self.listeners["tls"].pop("client-ca", None)
        if mode != "no":
            self.listeners["tls"]["client-ca"] = self.authorities
        if not self.stayd:
            self.stayd = self.start_stayd(self.listeners, self.games, options)
            return
        self.stayd.write_conf(self.listeners, self.games, options)
        done = run_stayctl(self.stayd, "reload")
        assert done.returncode == 0 and done.stdout.endswith("reloaded\n"), done

    def context(self, version, name="player"):
        pair = (self.pki.path(f"{name}.chain"), self.pki.path(f"{name}.key"))
        return context_for(version, client_certificate=pair if name else None)

    def come(self, context, former=None, game=None, port=None, name=None):
        """A player in the game, with the ticket of a former one."""
        session = former.player.tls.session if former else None
        assert not session or session.has_ticket
        player = TlsPlayer(port or self.port, context=context, session=session, name=name)
        pair = Pair(player, (game or self.game).accept_of(player))
        pair.check()  # takes the tickets of TLS 1.3
        return pair

    def refuses(self, context, former, why, port=None):
        """The ticket's owner, for this reason; the program hears an alert."""
        n_open = len(self.stayd.log.find(" player-open "))
        player = None
        try:
            player = TlsPlayer(port or self.port, context=context,
                               session=former.player.tls.session)
            player.read_until(b"never")  # in TLS 1.3 the client is ready first
        except Ended:
            assert player.ended.startswith("alert"), player.ended
        except ssl.SSLError as error:
            assert "ALERT" in error.reason, error
        else:
            raise AssertionError("it is let in")
        self.stayd.log.expect(f" handshake-failed .*{why}")
        assert len(self.stayd.log.find(" player-open ")) == n_open


@pytest.fixture
def gate(start_stayd, game, pki, folder):
    return Gate(start_stayd, game, pki, folder)


def is_resumed(pair):
    return pair.player.tls.session_reused


@VERSIONS
def test_another_mode_of_client_certificates_wants_a_full_handshake(gate, version):
    context = gate.context(version)
    former = None
    for mode in ("no", "ask", "require", "no", "require", "ask", "no"):
        gate.set(mode)
        pair = gate.come(context, former)
        assert not is_resumed(pair)
        assert pair.link.header.ssl_client == (1 if mode == "no" else 7)
        former = gate.come(context, pair)
        assert is_resumed(former)


@VERSIONS
@pytest.mark.parametrize("mode", ("no", "ask"))
def test_who_has_no_certificate_gets_in_by_no_ticket_where_one_is_required(gate, version, mode):
    gate.set(mode)
    context = gate.context(version, None)
    former = gate.come(context)
    assert is_resumed(gate.come(context, former))
    gate.set("require")
    gate.refuses(context, former, "did not return a certificate")


@VERSIONS
def test_an_authority_that_is_replaced_takes_its_tickets_with_it(gate, version):
    context = gate.context(version)
    gate.set("require")
    former = gate.come(context)
    assert is_resumed(gate.come(context, former))
    # The same certificates in another file are the same authorities.
    other = os.path.join(gate.folder, "other.pem")
    gate.authorities = shutil.copy(gate.authorities, other)
    gate.set("require")
    former = gate.come(context, former)
    assert is_resumed(former) and former.link.header.ssl_verify == 0
    # Others in the same file are not.
    gate.trust("rsa")
    gate.set("ask")
    pair = gate.come(context, former)
    assert not is_resumed(pair) and pair.link.header.ssl_verify != 0
    gate.set("require")
    gate.refuses(context, former, "untrusted")


def test_a_players_certificate_that_has_ended_is_looked_at_again(gate):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
    gate.pki.make_dated("brief", "20200101000000Z", ends.strftime("%Y%m%d%H%M%SZ"))
    strict_port = free_port()
    gate.listeners["strict"] = gate.pki.listener(
        strict_port, client_certificates="require", client_ca=gate.authorities)
    gate.set("ask")
    visits = [(gate.context(version, "brief"), port)
              for version in ("1.2", "1.3") for port in (gate.port, strict_port)]
    formers = []
    for context, port in visits:
        formers.append(gate.come(context, gate.come(context, port=port), port=port))
        assert is_resumed(formers[-1]) and formers[-1].link.header.ssl_verify == 0
    time.sleep(max(0, ends.timestamp() - time.time()) + 1)
    for (context, port), former in zip(visits, formers):
        if port == strict_port:
            gate.refuses(context, former, "expired", port=port)
            continue
        pair = gate.come(context, former)
        assert not is_resumed(pair) and pair.link.header.ssl_verify != 0
        # What was found then is what the next ticket brings back.
        again = gate.come(context, pair)
        assert is_resumed(again)
        assert again.link.header.ssl_verify == pair.link.header.ssl_verify


@VERSIONS
def test_another_name_leads_to_its_own_game_by_a_full_handshake(gate, version):
    """Names that stand in no certificate, and one that chooses another of them."""
    red, blue = (Game(os.path.join(gate.folder, f"{name}.sock")) for name in ("red", "blue"))
    gate.listeners["tls"] = gate.pki.listener(gate.port, "mush", "other", game="mush")
    gate.games.update({"red": {"connect": red.connect, "sni": "red.example"},
                       "blue": {"connect": blue.connect, "sni": "blue.example, other.example"}})
    gate.set()
    context = gate.context(version, None)
    ways = (("red.example", red), ("blue.example", blue), (None, gate.game), ("other.example", blue))
    for name, game in ways:
        former = gate.come(context, game=game, name=name)
        for other, its_game in ways:
            pair = gate.come(context, former, game=its_game, name=other)
            assert is_resumed(pair) == (name == other)
            assert pair.link.header.tlvs.get(2) == (other.encode() if other else None)
    red.close()
    blue.close()


@VERSIONS
def test_another_listener_wants_a_full_handshake(gate, version):
    other_port = free_port()
    gate.listeners["other"] = gate.pki.listener(other_port)
    gate.set()
    context = gate.context(version, None)
    former = gate.come(context)
    assert not is_resumed(gate.come(context, former, port=other_port))
    assert is_resumed(gate.come(context, former))


@VERSIONS
def test_a_ticket_is_good_over_a_renewal_and_a_kill(gate, version):
    gate.listeners["tls"] = gate.pki.listener(gate.port)
    gate.set()
    context = gate.context(version, None)
    former = gate.come(context)
    gate.listeners["tls"] = gate.pki.listener(gate.port, "rsa")
    gate.set()
    former = gate.come(context, former)
    assert is_resumed(former)
    gate.stayd.family.kill("worker")
    former = gate.come(context, former)
    assert is_resumed(former)
    gate.stayd.family.await_whole()
    gate.stayd.family.kill("guard")
    assert is_resumed(gate.come(context, former))


@pytest.mark.parametrize("version", ("-tls1_2", "-tls1_3"))
def test_openssls_own_client_makes_a_full_handshake_without_an_error(gate, version):
    session = os.path.join(gate.folder, "session")

    def visit(*options):
        client = subprocess.Popen(
            [program("openssl"), "s_client", "-connect", f"127.0.0.1:{gate.port}", version,
             "-cert", gate.pki.path("player.pem"), "-key", gate.pki.path("player.key"),
             "-ign_eof", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        link = gate.game.accept()
        link.send(b"Good-bye.\r\n")
        link.close()
        return re.search(rb"(New|Reused), TLSv1", client.communicate(timeout=WAIT_S)[0])[1]
    gate.set("no")
    assert visit("-sess_out", session) == b"New"
    assert visit("-sess_in", session) == b"Reused"
    gate.set("require")
    assert visit("-sess_in", session, "-sess_out", session) == b"New"
    assert visit("-sess_in", session) == b"Reused"
