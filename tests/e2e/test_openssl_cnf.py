# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The system's openssl.cnf: what takeover stands on is stayd's own, whatever the file says; and
where the file is why something does not work, it is named."""
import os
import re

import pytest

from support.daemon import conf_text, run_stayd
from support.game import Pair
from support.players import TlsPlayer, context_for

CNF = """config_diagnostics = 1
openssl_conf = top
[top]
{top}
[ssl]
system_default = defaults
[defaults]
{defaults}
[providers]
{providers}
[given]
activate = {activate}
[algorithms]
default_properties = {properties}
"""


def write_cnf(folder, *defaults, top="ssl_conf = ssl", providers="default = given", activate=1,
              properties="?provider=default"):
    path = os.path.join(folder, "strange.cnf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CNF.format(top=top, defaults="\n".join(defaults), providers=providers,
                              activate=activate, properties=properties))
    return {**os.environ, "OPENSSL_CONF": path}


@pytest.fixture
def write_conf(folder, port, pki):
    def write(*certificates):
        path = os.path.join(folder, "stayd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(conf_text({"control": f"{folder}/control.sock",
                                  "log": f"{folder}/stayd.log"},
                                 {"tls": pki.listener(port, *certificates)},
                                 {"mush": {"connect": f"unix:{folder}/game.sock"}}))
        return path
    return write


HARMLESS = (
    ("Options = KTLS",), ("VerifyMode = Require",), ("VerifyMode = Request,Once",),
    ("VerifyMode = Peer",), ("NumTickets = 0",), ("NumTickets = 7",), ("Groups = P-521",),
    ("Curves = P-384",), ("CipherString = AES256-SHA",),
    ("Ciphersuites = TLS_AES_128_CCM_SHA256",), ("Options = -SessionTicket",),
    ("Options = -MiddleboxCompat,AllowNoDHEKEX,UnsafeLegacyRenegotiation",),
    ("Options = ServerPreference,-ExtendedMasterSecret,-EncryptThenMac",),
    ("MaxProtocol = TLSv1.2",), ("MinProtocol = TLSv1.3",), ("MinProtocol = TLSv1",),
    ("RecordPadding = 512",),
    ("Options = KTLS", "VerifyMode = Require", "NumTickets = 0", "Groups = P-521",
     "CipherString = AES256-SHA", "Ciphersuites = TLS_AES_128_CCM_SHA256"))


@pytest.mark.parametrize("lines", HARMLESS, ids=", ".join)
def test_what_the_file_sets_is_not_in_the_way(write_conf, folder, lines):
    done = run_stayd("--check", "-c", write_conf(), env=write_cnf(folder, *lines))
    assert done.returncode == 0, done.stderr


def resume(game, port, version):
    context = context_for(version)
    player = TlsPlayer(port, context=context)
    pair = Pair(player, game.accept_of(player))
    pair.check()  # takes the tickets of TLS 1.3
    session = player.tls.session
    player.close()
    player = TlsPlayer(port, context=context, session=session)
    Pair(player, game.accept_of(player)).check()
    return player.tls.session_reused


@pytest.mark.short
def test_with_all_of_it_players_play_resume_and_survive_a_crash(make_stage, folder):
    stage = make_stage(env=write_cnf(folder, *HARMLESS[-1], "Options = -SessionTicket",
                                     "MaxProtocol = TLSv1.2"))
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    for version in ("1.2", "1.3"):
        assert resume(stage.game, stage.tls_port, version)
    stage.stayd.family.kill("worker")
    for pair in pairs:
        pair.check()


NO_DEFAULT = {"top": "providers = providers\nssl_conf = ssl", "providers": "base = given"}


@pytest.mark.parametrize("lines,more,certificate,words", (
    (("Protocol = -TLSv1.3",), {}, "mush", "Protocol = -TLSv1.3"),
    (("Protocol = -TLSv1.2",), {}, "mush", "Protocol = -TLSv1.2"),
    (("SignatureAlgorithms = RSA-PSS+SHA256",), {}, "mush", "SignatureAlgorithms = RSA-PSS"),
    (("CipherString = DEFAULT@SECLEVEL=3",), {}, "rsa",
     "RSA 3072 one; .*CipherString = DEFAULT@SECLEVEL=3"),
    (("CipherString = DEFAULT@SECLEVEL=4",), {}, "mush", "ECDSA P-384 one; .*SECLEVEL=4"),
    ((), NO_DEFAULT, "mush", "cannot do TLS .*default provider"),
    ((), {**NO_DEFAULT, "providers": "null = given"}, "mush", "cannot do TLS .*default provider"),
    ((), {"top": "alg_section = algorithms\nssl_conf = ssl", "properties": "fips=yes"}, "mush",
     "cannot do TLS .*default provider")))
def test_where_the_file_is_the_reason_it_is_named(write_conf, folder, lines, more, certificate,
                                                  words):
    conf = write_conf(certificate)
    for check in (["--check"], []):
        done = run_stayd(*check, "-c", conf, env=write_cnf(folder, *lines, **more))
        assert done.returncode == 1
        assert re.search(rf"strange\.cnf.*{words}|{words}", done.stderr), done.stderr
        assert "strange.cnf" in done.stderr


def test_the_kernel_is_not_given_the_records(make_stage, folder):
    """Where the kernel's TLS is loaded, it would take keys and records for itself. Where it is not,
    this shows little; that the option is off is shown by tests/unit/certs_serve_test.c."""
    stage = make_stage(env=write_cnf(folder, "Options = KTLS"))
    for version in ("1.2", "1.3"):
        stage.pair(version).check()
