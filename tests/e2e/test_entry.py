# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The entry is a process of its own, which has the private keys and nobody who is in; it ends with
the others, and what it has had is free again."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from support import processes
from support.players import program
from support.waiting import PATIENCE, until, until_lasting

TABLE = ("guard", "spare", "worker")  # who has the descriptor table
ITS_MEMORY = {"stayd-entry", "stayd-view"}  # files in memory: its page, and what it is shown
PROMPTLY_S = 1 * PATIENCE  # it takes some milliseconds; a busy machine may not come to it at once

needs_root = pytest.mark.skipif(os.geteuid() != 0,
                                reason="only root may look into the processes")


def entry_of(stage):
    """Its pid, when there is just one."""
    return until(lambda: len(found := stage.stayd.family.members().get("entry", [])) == 1 and found,
                 "one entry")[0]


def links_of(pid):
    """What its descriptors are."""
    links = []
    for fd in processes.look_into(os.listdir, pid, "fd"):
        try:
            links.append(processes.look_into(os.readlink, pid, f"fd/{fd}"))
        except FileNotFoundError:  # closed meanwhile
            pass
    return links


def inodes_of(pid):
    return {int(link[8:-1]) for link in links_of(pid) if link.startswith("socket:[")}


def listening_inodes():
    """Of this machine's TCP sockets (proc(5): state 0A)."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return {int(row[9]) for row in rows if row[3] == "0A"}


def bound_unix_inodes():
    with open("/proc/net/unix", encoding="utf-8") as file:
        rows = [line.split() for line in file][1:]
    return {int(row[6]) for row in rows if len(row) > 7}


def mappings_of(pid):
    """(first address, last, rights, name) of each."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            place, rights, _, _, _, *name = line.split(maxsplit=5)
            yield (*(int(number, 16) for number in place.split("-")), rights, "".join(name).strip())


def files_in_memory(pid):
    """{name: rights} of those that it has mapped."""
    found = {}
    for _, _, rights, name in mappings_of(pid):
        if name.startswith("/memfd:"):
            found[name.removeprefix("/memfd:").removesuffix(" (deleted)")] = rights
    return found


def has_in_memory(pid, needles):
    with open(f"/proc/{pid}/mem", "rb") as mem:
        for start, end, rights, _ in mappings_of(pid):
            if "r" not in rights or end >= 2**63:
                continue
            try:
                mem.seek(start)
                # Beyond this the vault is only holes, which reading would fill.
                piece = mem.read(min(end - start, 64 << 20))
            except OSError:
                continue
            if any(needle in piece for needle in needles):
                return True
    return False


def needles_of(path):
    """What a process that has read this private key has in memory: lines of the file, and the secret
    numbers, as the file has them and as OpenSSL does (the lowest byte first)."""
    with open(path, "rb") as file:
        lines = [line for line in file.read().split(b"\n") if len(line) == 64]
    der = subprocess.run([program("openssl"), "pkey", "-in", path, "-outform", "DER"],
                         capture_output=True, check=True).stdout
    numbers = re.findall(rb"\x02\x01\x01\x04\x20(.{32})", der, re.DOTALL)  # EC (RFC 5915)
    numbers += re.findall(rb"\x02\x81\x81\x00(.{128})", der, re.DOTALL)  # RSA: its primes
    assert lines and numbers
    return [*lines, *numbers, *(number[::-1] for number in numbers)]


def is_free(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen()
        except OSError:
            return False
        return True


@pytest.mark.short
def test_an_entry_ends_when_all_others_are_dead_and_its_ports_are_free(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    entry = entry_of(stage)
    stage.stayd.family.kill_all()
    began = time.monotonic()
    until(lambda: not processes.is_alive(entry), "the entry has ended")
    assert time.monotonic() - began < PROMPTLY_S
    assert is_free(stage.tls_port) and is_free(stage.plain_port)
    assert not stage.stayd.family.members()
    for pair in pairs:
        pair.link.read_to_end()
    assert not stage.stayd.log.find(" entry-died ")


@pytest.mark.short
def test_an_entry_that_cannot_run_ends_with_the_others_when_it_can(stage):
    """It is not asked: its end of the queue tells it."""
    entry = entry_of(stage)
    os.kill(entry, signal.SIGSTOP)
    stage.stayd.family.kill_all()
    assert processes.is_alive(entry)
    os.kill(entry, signal.SIGCONT)
    until(lambda: not processes.is_alive(entry), "the entry has ended")
    assert is_free(stage.tls_port) and is_free(stage.plain_port)


@pytest.mark.short
def test_an_entry_that_is_killed_is_made_anew_and_nobody_who_is_in_notices(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    for _ in range(3):
        entry = entry_of(stage)
        os.kill(entry, signal.SIGKILL)
        pairs += [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
        assert entry_of(stage) != entry
        for pair in pairs:
            pair.check()
    stage.stayd.log.expect(r'entry-died .*how="signal 9 \(Killed\)"', 3)


def test_who_was_handed_on_is_in_although_the_entry_dies_before_it_has_heard_an_order(stage):
    entry = entry_of(stage)
    worker = stage.stayd.family.pid("worker")
    os.kill(worker, signal.SIGSTOP)
    players = [stage.player(kind) for kind in ("1.2", "1.3", "plain")]
    until_lasting(lambda: processes.are_asleep([entry]), "it has handed them on")
    os.kill(entry, signal.SIGSTOP)
    os.kill(stage.stayd.family.pid("guard"), signal.SIGHUP)
    stage.stayd.log.expect(" entry-open ", 2)  # so the first one was told to retire
    os.kill(entry, signal.SIGKILL)
    until(lambda: not processes.is_alive(entry), "it is dead")
    os.kill(worker, signal.SIGCONT)
    for player in players:
        stage.pair_of(player).check()


@needs_root
def test_an_entry_has_the_listening_sockets_and_nobody_who_is_in(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    for pair in pairs:
        pair.check()
    entry = entry_of(stage)
    worker = stage.stayd.family.pid("worker")
    queue = until(lambda: len(rest := inodes_of(entry) - listening_inodes()) == 1 and rest,
                  "of sockets it has those that listen, and its end of the queue")
    listening = inodes_of(entry) - queue
    assert len(listening) == 2 and listening < inodes_of(worker)
    assert not queue & inodes_of(worker) and not queue & bound_unix_inodes()


@needs_root
def test_an_entry_has_neither_the_vault_nor_the_lock(stage):
    stage.pair().check()
    entry = entry_of(stage)
    names = {match.group(1) for link in links_of(entry)
             if (match := re.fullmatch(r"/memfd:(\S+) \(deleted\)", link))}
    assert names == ITS_MEMORY
    files = {link for link in links_of(entry) if link.startswith("/") and "memfd:" not in link}
    assert files == {"/dev/null", stage.stayd.log.path}
    mapped = files_in_memory(entry)
    assert set(mapped) == ITS_MEMORY and "w" not in mapped["stayd-view"]


@needs_root
def test_the_others_have_mapped_nothing_of_an_entry(stage):
    stage.pair().check()
    family = stage.stayd.family.await_whole()
    for role in TABLE:
        assert "stayd-vault" in files_in_memory(family[role])
        assert not {"stayd-entry", "stayd-wallet", "stayd-orders"} & set(files_in_memory(family[role]))


def reload(stage):
    os.kill(stage.stayd.family.pid("guard"), signal.SIGHUP)
    stage.stayd.log.expect(" entry-retired ")


def kill_entry(stage):
    os.kill(entry_of(stage), signal.SIGKILL)
    stage.stayd.log.expect(" entry-open ", 2)


def kill_worker_and_guard(stage):
    stage.stayd.family.kill("worker", "guard")


def upgrade(stage):
    os.kill(stage.stayd.family.pid("guard"), signal.SIGUSR2)
    stage.stayd.log.expect(" upgrade .*phase=good ")
    stage.stayd.log.expect(" entry-retired ")


@needs_root
@pytest.mark.parametrize("name", ("mush", "rsa"))
@pytest.mark.parametrize("happens", (None, reload, kill_entry, kill_worker_and_guard, upgrade))
def test_a_private_key_is_in_the_memory_of_the_entry_alone(make_stage, pki, name, happens):
    stage = make_stage(tls={"certificate": pki.path(f"{name}.chain"), "key": pki.path(f"{name}.key")})
    stage.pair().check()
    if happens:
        happens(stage)
    stage.pair().check()
    needles = needles_of(pki.path(f"{name}.key"))
    entry_of(stage)
    family = stage.stayd.family.await_whole()
    assert [role for role, pid in family.items() if has_in_memory(pid, needles)] == ["entry"]


@pytest.mark.parametrize("happens", (reload, upgrade))
def test_entries_do_not_pile_up(stage, happens):
    for n in range(3):
        happens(stage)
        stage.stayd.log.expect(" entry-retired ", n + 1)
        assert entry_of(stage)
        stage.pair().check()
