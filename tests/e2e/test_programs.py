# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What programs do with TLS besides sending text: new keys, small records, renegotiation."""
import contextlib
import subprocess

import pytest

from support.game import Pair
from support.players import ProgramPlayer, gnutls_cli, program, s_client
from support.stream import Ended


def talkative(port, *options):
    """s_client that obeys its own commands, K, k and R, and says so."""
    return ProgramPlayer(program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", *options,
                         stderr=subprocess.STDOUT)


def exchange(player, link, n):
    player.send(b"line %d\n" % n)
    assert link.read_line() == b"line %d" % n
    link.send(b"answer %d\n" % n)
    player.read_until(b"answer %d\n" % n)


@pytest.mark.short
@pytest.mark.parametrize("suite", ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"))
def test_new_keys_are_made_as_often_as_a_player_asks_and_outlive_kills(stage, suite):
    player = talkative(stage.tls_port, "-tls1_3", "-ciphersuites", suite)
    link = stage.game.accept()
    for n in range(30):
        player.send(b"K\n" if n % 2 else b"k\n")  # with and without a request for ours
        player.read_until(b"KEYUPDATE\n")
        exchange(player, link, n)
        if n % 7 == 0:
            stage.stayd.family.kill("worker")
    exchange(player, link, 99)
    player.close()


def test_gnutls_makes_new_keys(stage):
    player = gnutls_cli(stage.tls_port, "1.3", "--inline-commands")
    link = stage.game.accept()
    for n in range(8):  # more in a second GnuTLS itself takes for an attack
        exchange(player, link, n)
        player.send(b"^rekey^\n")
    exchange(player, link, 99)
    player.close()


@pytest.mark.parametrize("start", (
    lambda port: talkative(port, "-tls1_2"),
    lambda port: gnutls_cli(port, "1.2", "--inline-commands")), ids=("openssl", "gnutls"))
def test_renegotiation_is_refused_and_harms_nobody_else(stage, start):
    bystander = stage.pair()
    player = start(stage.tls_port)
    link = stage.game.accept()
    exchange(player, link, 1)
    player.send(b"R\n" if player.process.args[0].endswith("openssl") else b"^renegotiate^\n")
    # Refused; whether the program then goes on or leaves is its own affair.
    with contextlib.suppress(BrokenPipeError):
        player.send(b"after it\n")
    try:
        assert link.read_line() == b"after it"
    except Ended:
        assert link.ended == "eof"
    bystander.check()
    player.close()


@pytest.mark.parametrize("version", ("-tls1_2", "-tls1_3"))
@pytest.mark.parametrize("size", (512, 4096))
def test_records_are_no_larger_than_a_player_wants_them(stage, version, size):
    player = s_client(stage.tls_port, version, "-maxfraglen", str(size))
    link = stage.game.accept()
    text = b"".join(b"%07d\n" % n for n in range(20000))
    link.send(text)
    assert player.read_exactly(len(text)) == text  # OpenSSL ends a connection with larger ones
    exchange(player, link, 1)
    player.close()


@pytest.mark.parametrize("version", ("1.2", "1.3"))
def test_a_text_of_any_length_goes_both_ways(stage, version):
    pair = stage.pair(version)
    for size in (1, 2, 16383, 16384, 16385, 32768, 65537, 300_000):
        text = bytes(n * 7 % 251 for n in range(size))
        pair.link.send(text)
        assert pair.player.read_exactly(size) == text
        pair.player.send(text)
        assert pair.link.read_exactly(size) == text


@pytest.mark.parametrize("version", ("1.2", "1.3"))
def test_records_may_come_byte_by_byte_or_many_at_once(stage, version):
    pair = stage.pair(version)
    for byte in pair.player.seal(b"one byte at a time"):
        pair.player.sock.send(bytes([byte]))
    assert pair.link.read_exactly(18) == b"one byte at a time"
    pair.player.sock.sendall(b"".join(pair.player.seal(b"%04d" % n) for n in range(5000)))
    assert pair.link.read_exactly(20000) == b"".join(b"%04d" % n for n in range(5000))
    Pair(pair.player, pair.link).check()
