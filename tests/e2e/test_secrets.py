# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Where a connection's secrets are: in the vault while it lasts, and then nowhere; never in a log or
a core file. What they are is the player's to say (SSLKEYLOGFILE)."""
import os
import resource
import signal

import pytest

from support import processes
from support.players import TlsPlayer, context_for

# What each player's program notes. Of TLS 1.2 it is the master secret, which keys are made of once.
NOTED = {"1.3": ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"), "1.2": ("CLIENT_RANDOM",)}


def read_secrets(path, version):
    with open(path, encoding="ascii") as file:
        words = [line.split() for line in file]
    return {line[0]: bytes.fromhex(line[2]) for line in words if line[0] in NOTED[version]}


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
