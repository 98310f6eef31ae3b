# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Where a connection's secrets are: in the vault while it lasts, and then nowhere; never in a log or
a core file. What they are is the player's to say (SSLKEYLOGFILE)."""
import hashlib
import hmac
import os
import re
import resource
import signal
import socket
import ssl
import struct

import pytest

from support import processes
from support.away import attach, enter
from support.game import TLV_UNIQUE_ID
from support.lone_game import LoneGame
from support.players import ProgramPlayer, TlsPlayer, context_for, half_shaken, program
from support.waiting import until

# What each player's program notes. Of TLS 1.2 it is the master secret, which keys are made of once.
NOTED = {"1.3": ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"), "1.2": ("CLIENT_RANDOM",)}


def read_secrets(path, version):
    with open(path, encoding="ascii") as file:
        words = [line.split() for line in file]
    return {line[0]: bytes.fromhex(line[2]) for line in words if line[0] in NOTED[version]}


def traffic_key(secret):
    """TLS 1.3, AES-256-GCM (RFC 8446, section 7.3)."""
    label = struct.pack("!HB", 32, 9) + b"tls13 key" + b"\0"
    return hmac.new(secret, label + b"\1", hashlib.sha384).digest()[:32]


def key_block(master, client_random, server_random):
    """TLS 1.2, AES-256-GCM: the two keys (RFC 5246, section 6.3)."""
    def p_hash(data):
        return hmac.new(master, data, hashlib.sha384).digest()
    seed = b"key expansion" + server_random + client_random
    first = p_hash(seed)
    block = p_hash(first + seed) + p_hash(p_hash(first) + seed)
    return block[:32], block[32:64]


def read_memory(pid):
    """All that this process has in memory: (is it the vault?, bytes), piece by piece."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            place, rights, *_ = line.split()
            start, end = (int(number, 16) for number in place.split("-"))
            if "r" not in rights or end >= 2**63:
                continue
            try:
                mem.seek(start)
                # Beyond this the vault is only holes, which reading would fill.
                yield "memfd:" in line, mem.read(min(end - start, 64 << 20))
            except OSError:
                continue


def places_of(stayd, secret):
    """Where it is: "vault", and the roles of processes that have it elsewhere."""
    return {"vault" if is_vault else role
            for role, pid in stayd.family.await_whole().items()
            for is_vault, piece in read_memory(pid) if secret in piece}


@pytest.fixture
def known(make_stage, folder):
    """known(version): a pair, and its secrets by name."""
    stage = make_stage(options={"max-players": 50})

    def make(version):
        context = context_for(version)
        context.keylog_filename = os.path.join(folder, f"keys-{version}")
        player = TlsPlayer(stage.tls_port, context=context)
        pair = stage.pair_of(player)
        pair.check()
        return pair, read_secrets(context.keylog_filename, version)
    make.stage = stage
    return make


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
def test_a_traffic_secret_is_in_the_vault_and_gone_with_its_connection(known):
    pair, secrets = known("1.3")
    stayd = known.stage.stayd
    assert set(secrets) == set(NOTED["1.3"])
    for secret in secrets.values():
        assert places_of(stayd, secret) == {"vault"}
    pair.player.close()
    pair.link.close()
    stayd.log.expect(" player-close ")
    for name, secret in secrets.items():
        assert not places_of(stayd, secret), name


def overhear(port, context):
    """A player, and the random bytes that stayd has begun its handshake with."""
    player = TlsPlayer(port, context=context, is_shaken=False)
    with pytest.raises(ssl.SSLWantReadError):
        player.tls.do_handshake()
    player.flush()
    n = 5 + 4 + 2 + 32  # of the record, of the message, version, random
    hello = until(lambda: len(hello := player.sock.recv(n, socket.MSG_PEEK)) == n and hello, "ServerHello")
    player.shake()
    return player, hello[-32:]


def keys_of(stage, version, folder):
    """A pair in use, and the keys of its two directions."""
    context = context_for(version, ciphers="ECDHE-ECDSA-AES256-GCM-SHA384")
    path = context.keylog_filename = os.path.join(folder, f"keys-of-{version}-{os.urandom(4).hex()}")
    player, server_random = overhear(stage.tls_port, context)
    assert re.search("AES.?256.GCM", player.tls.cipher()[0])
    pair = stage.pair_of(player)
    pair.check()
    secrets = read_secrets(path, version)
    if version == "1.3":
        return pair, [traffic_key(secret) for secret in secrets.values()]
    with open(path, encoding="ascii") as file:
        client_random = bytes.fromhex(re.search(r"CLIENT_RANDOM (\w+)", file.read()).group(1))
    return pair, list(key_block(secrets["CLIENT_RANDOM"], client_random, server_random))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
@pytest.mark.parametrize("version", NOTED)
def test_a_key_is_where_it_is_used_and_gone_with_its_connection(stage, folder, version):
    pair, keys = keys_of(stage, version, folder)
    for key in keys:
        assert places_of(stage.stayd, key) == {"vault", "worker"}
    pair.player.close()
    pair.link.close()
    stage.stayd.log.expect(" player-close ")
    assert [places_of(stage.stayd, key) for key in keys] == [set(), set()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
def test_a_key_is_gone_when_another_has_taken_its_place(stage, folder):
    path = os.path.join(folder, "keys-of-s_client")
    player = ProgramPlayer(program("openssl"), "s_client", "-tls1_3", "-keylogfile", path,
                           "-ciphersuites", "TLS_AES_256_GCM_SHA384",
                           "-connect", f"127.0.0.1:{stage.tls_port}")
    link = stage.game.accept()
    player.send(b"hello\n")
    assert link.read_line() == b"hello"
    key = traffic_key(read_secrets(path, "1.3")["CLIENT_TRAFFIC_SECRET_0"])
    assert places_of(stage.stayd, key) == {"vault", "worker"}
    player.send(b"k\n")  # KeyUpdate, and nothing after it
    until(lambda: not places_of(stage.stayd, key), "nobody has the old key")
    player.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
def test_a_guard_that_a_worker_has_made_of_itself_has_no_keys(stage, folder):
    _, keys = keys_of(stage, "1.3", folder)
    half = half_shaken(stage.tls_port)
    stage.stayd.family.kill("guard", "spare")
    assert [places_of(stage.stayd, key) for key in keys] == [{"vault", "worker"}] * 2
    half.shake()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
@pytest.mark.parametrize("kind", ("1.2", "1.3", "plain"))
def test_what_a_player_has_typed_is_gone_soon_after_it_has(stage, kind):
    words = b"connect Wizard " + os.urandom(8).hex().encode()
    pair = stage.pair(kind)
    pair.player.send(words + b"\r\n")
    assert pair.link.read_line() == words
    pair.player.close()
    pair.link.close()
    stage.stayd.log.expect(" player-close ")
    until(lambda: not places_of(stage.stayd, words), "nobody has it")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
@pytest.mark.parametrize("n_bytes", (16, 4096))
def test_a_resume_state_is_in_the_vault_and_gone_with_its_connection(stage, n_bytes):
    control = attach(stage, "resume")
    pair = stage.pair()
    state = os.urandom(n_bytes)
    pieces = state[:16], state.hex().encode()[:32], state.hex().encode()[-32:]
    its_id = pair.link.header.tlvs[TLV_UNIQUE_ID].hex()
    assert control.ask(f"state {its_id} {state.hex()}").word == "ok"
    assert [places_of(stage.stayd, piece) for piece in pieces] == [{"vault"}, set(), set()]
    control.ask(f"close {its_id}")
    pair.player.read_to_end()
    pair.player.close()
    stage.stayd.log.expect(" player-close ")
    assert [places_of(stage.stayd, piece) for piece in pieces] == [set()] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
def test_a_resume_state_that_was_given_back_is_in_the_vault_only(make_stage, folder, request):
    game = LoneGame(os.path.join(folder, "game.sock"), control=os.path.join(folder, "control.sock"),
                    words="resume")
    request.addfinalizer(game.close)
    stage = make_stage(its_game=game)
    game.start()
    player = enter(stage)
    state = os.urandom(16).hex().encode()
    player.send(b"state " + state + b"\r\n")
    player.read_until(b"done\r\n")
    game.restart()
    player.read_until(re.compile(rb"resumed \d+ \d+ " + state))
    until(lambda: places_of(stage.stayd, state) == {"vault"}, "it is in the vault, and not elsewhere")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the processes' memory")
def test_a_master_secret_is_nowhere_once_the_keys_are_made(known):
    _, secrets = known("1.2")
    assert [places_of(known.stage.stayd, secret) for secret in secrets.values()] == [set()]


def test_a_crash_leaves_no_core_file_and_no_log_has_a_secret(known, folder):
    stayd = known.stage.stayd
    pairs = [known(version) for version in NOTED]
    found = stayd.family.await_whole()
    for pid in found.values():
        resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    stayd.family.kill("worker", number=signal.SIGSEGV)
    for pair, _ in pairs:
        pair.check()
    assert not stayd.log.find(r"worker-died .*core")
    places = (folder, processes.look_into(os.readlink, found["guard"], "cwd"))
    assert not [name for place in places for name in os.listdir(place) if name.startswith("core")]
    with open(stayd.log.path, "rb") as file:
        text = file.read()
    for _, secrets in pairs:
        for secret in secrets.values():
            assert secret not in text and secret.hex().encode() not in text.lower()
