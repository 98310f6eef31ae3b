# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Real programs stay connected while minimush reboots, and no byte of theirs is touched."""
import contextlib
import os

import pytest

from support.daemon import free_port
from support.mush import PASSWORD, Chorus, ask, create, reboot
from support.players import (PlainPlayer, TerminalPlayer, TlsPlayer, gnutls_cli, program, s_client)
from support.waiting import until

N_REBOOTS = 20
SUITES_12 = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
SUITES_13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


@pytest.fixture
def mush_ports():
    return {name: free_port() for name in ("tls", "rsa", "plain")}


@pytest.fixture
def mush(start_mush, mush_ports, pki):
    ports = {name: f"127.0.0.1:{port}" for name, port in mush_ports.items()}
    return start_mush({"tls-address": ports["tls"], "plain-address": ports["plain"],
                       "telnet-first": "yes",
                       "certificate": pki.path("mush.chain"), "key": pki.path("mush.key"),
                       "stayd.listen rsa.address": ports["rsa"],
                       "stayd.listen rsa.certificate": pki.path("rsa.chain"),
                       "stayd.listen rsa.key": pki.path("rsa.key")})


def every_player(ports):
    """{character: player}: each program, version and suite."""
    players = {}
    for listener, kind in (("tls", "ECDSA"), ("rsa", "RSA")):
        port = ports[listener]
        for n, suite in enumerate(SUITES_12):
            players[f"Openssl12-{kind}-{n}"] = s_client(port, "-tls1_2", "-cipher",
                                                        f"ECDHE-{kind}-{suite}")
        for n, suite in enumerate(SUITES_13):
            players[f"Openssl13-{kind}-{n}"] = s_client(port, "-tls1_3", "-ciphersuites", suite)
        for version in ("1.2", "1.3"):
            players[f"Gnutls{version[2]}-{kind}"] = gnutls_cli(port, version)
            players[f"Python{version[2]}-{kind}"] = TlsPlayer(port, version=version)
    players["Plain"] = PlainPlayer(ports["plain"])
    return players


def test_every_tls_program_keeps_its_place_and_every_byte_over_twenty_reboots(mush, mush_ports):
    with contextlib.ExitStack() as stack:
        wizard = create(TlsPlayer(mush_ports["tls"]), "Wizard")
        stack.callback(wizard.close)
        players = every_player(mush_ports)
        for name, player in players.items():
            stack.callback(player.close)
            create(player, name)
        chorus = Chorus(players)
        for _ in range(N_REBOOTS):
            chorus.await_progress(10)
            reboot(wizard)
        chorus.await_progress(10)
        chorus.finish()
        assert not mush.log.find("player-close")
        who = ask(wizard, b"WHO", b"players are connected.")
        assert all(name.encode() in who for name in players)
    used = mush.log.find(r"player-open .* cipher=(\S+)")
    assert len(used) == len(players) + 1 and {*SUITES_13} < {*used}
    assert {f"ECDHE-{kind}-{suite}" for kind in ("ECDSA", "RSA") for suite in SUITES_12} < {*used}
    assert len(mush.words.find("minimush: rebooted")) == N_REBOOTS


def test_a_game_that_was_killed_and_is_started_again_finds_its_stayd(mush, mush_ports, start_mush):
    before = mush.family.await_whole()
    player = create(TlsPlayer(mush_ports["tls"]), "Wizard")
    mush.kill()
    player.read_until(b"GAME: The game has stopped. You stay connected until it is back.\r\n")
    again = start_mush(None)
    assert again.words.find("stayd is running already and is used again")
    assert again.family.await_whole() == before
    assert player.read_line() == b"GAME: The game is back."
    other = TlsPlayer(mush_ports["tls"])
    ask(other, f"connect Wizard {PASSWORD}".encode(), b"You are Wizard")
    reboot(player)


@pytest.mark.short
def test_half_a_line_and_a_screenful_of_output_pass_through_a_reboot(mush, mush_ports):
    wizard = create(TlsPlayer(mush_ports["tls"]), "Wizard")
    player = create(TlsPlayer(mush_ports["rsa"], version="1.2"), "Halfway")
    player.send(b"think one half")
    reboot(wizard)
    player.send(b" and the other\r\n")
    player.read_until(b"\none half and the other\r\n")
    # Asked for and not read: what is on its way at the reboot is kept.
    player.send(b"help think\r\n" * 200)
    reboot(wizard)
    text = ask(player, b"think the end", b"\nthe end\r\n")
    assert text.count(b"see TEXT yourself") == 200


def check_logged_in(player, name, word):
    """The character answers; the terminal's echo of what is typed does not look like that."""
    player.send(f":has seen {word}.\n".encode())
    player.read_until(f"{name} has seen {word}.".encode())


def tinyfugue(folder, command, port):
    return TerminalPlayer(program("tf5"), "-v", "-n", "-f/dev/null",
                          f"-c{command} 127.0.0.1 {port}", env={"HOME": folder})


def tintin(folder, command, port):
    script = os.path.join(folder, "tintin.tin")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"{command} {{mush}} {{127.0.0.1}} {{{port}}}\n")
    return TerminalPlayer(program("tt++"), "-G", script, env={"HOME": folder})


@pytest.mark.parametrize("start,command,listener", (
    (tinyfugue, "/connect", "plain"), (tinyfugue, "/connect -x", "rsa"),
    (tintin, "#session", "plain"), (tintin, "#ssl", "tls")))
def test_a_mud_client_is_still_logged_in_after_reboots_and_kills(mush, mush_ports, folder, start,
                                                                command, listener):
    wizard = create(TlsPlayer(mush_ports["tls"]), "Wizard")
    player = start(folder, command, mush_ports[listener])
    try:
        player.read_until(b"create NAME PASSWORD")
        player.send(f"create Mudder {PASSWORD}\n".encode())
        player.read_until(b"You are Mudder")
        check_logged_in(player, "Mudder", "nothing yet")
        for n in range(3):
            reboot(wizard)
            player.read_until(b"GAME: The reboot is over.")
            check_logged_in(player, "Mudder", f"reboot {n}")
            mush.family.kill("worker")
            check_logged_in(player, "Mudder", f"kill {n}")
    finally:
        player.close()
        wizard.close()
    until(lambda: len(mush.log.find("player-open")) == 2, "each has connected just once")
