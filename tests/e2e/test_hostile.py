# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What comes in from people and machines that mean no good, or do not know what they do."""
import os
import random
import resource
import ssl
import subprocess
import time

import pytest

from support.processes import cpu_seconds
from support.players import PlainPlayer, ProgramPlayer, program
from support.waiting import until

SEED = random.SystemRandom().randrange(1 << 32)


def drip(player, bytes_a_second):
    """Send the ClientHello slowly until the other side has had enough; after how many seconds?"""
    with pytest.raises(ssl.SSLWantReadError):
        player.tls.do_handshake()
    hello = player.outgoing.read()
    start = time.monotonic()
    player.sock.settimeout(1 / bytes_a_second)
    for n in range(len(hello)):
        try:
            player.sock.send(hello[n:n + 1])
            if not player.sock.recv(1):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - start


def test_a_handshake_that_drips_is_cut_at_the_timeout_as_a_whole(make_stage):
    stage = make_stage({"handshake-timeout": "2s"})
    bystander = stage.pair()
    seconds = drip(stage.player(is_shaken=False), 10)
    assert 1.8 <= seconds <= 10  # the whole of it would take longer
    stage.stayd.log.expect('handshake-failed address=127.0.0.1 reason="not complete')
    bystander.check()


@pytest.mark.short
@pytest.mark.parametrize("text", (
    b"GET / HTTP/1.1\r\nHost: mush.example\r\n\r\n", b"connect Wizard secret-word\r\n",
    b"\xff\xfd\x18\xff\xfd\x1f\r\n"), ids=("http", "login", "telnet"))
def test_plain_text_to_the_tls_port_is_named_in_the_log_and_harms_nobody(stage, text):
    bystander = stage.pair()
    player = PlainPlayer(stage.tls_port)
    player.send(text)
    player.read_to_end()
    stage.stayd.log.expect("handshake-failed address=127.0.0.1 .*TLS")
    assert "secret-word" not in stage.stayd.log.text()
    bystander.check()


def test_old_tls_versions_and_connections_closed_at_once_are_logged_and_harm_nobody(stage):
    bystander = stage.pair()
    for _ in range(20):
        PlainPlayer(stage.tls_port).close()
    stage.stayd.log.expect("handshake-failed", 20)
    bystander.check()


@pytest.mark.short
@pytest.mark.parametrize("kind", ("1.2", "1.3"))
def test_a_damaged_record_gets_an_alert_and_harms_nobody(stage, kind):
    print("seed", SEED)
    dice = random.Random(SEED)
    bystander = stage.pair()
    for _ in range(25):
        pair = stage.pair(kind)
        pair.check()
        record = bytearray(pair.player.seal(b"x" * dice.randrange(1, 2000)))
        record[dice.randrange(len(record))] ^= 1 << dice.randrange(8)
        # If the damage makes it longer, there is enough to fill it.
        pair.player.sock.sendall(bytes(record) + bytes(1 << 16))
        text, ended = pair.player.read_to_end()
        assert text == b"" and ended.startswith("alert"), ended
        assert pair.link.read_to_end() == (b"", "eof")
        pair.player.close()
        bystander.check()
    stage.stayd.log.expect(r" record .*from=stayd", 20)


@pytest.mark.parametrize("kind", ("1.2", "1.3"))
def test_a_fatal_alert_of_the_players_ends_its_connection_at_once(stage, kind):
    bystander = stage.pair()
    pair = stage.pair(kind)
    pair.check()
    # To the player stayd seems to have sent a damaged record.
    pair.player.incoming.write(b"\x17\x03\x03\x00\x40" + bytes(64))
    with pytest.raises(ssl.SSLError):
        pair.player.tls.read(1)
    begun = time.monotonic()
    pair.player.flush()
    assert pair.player.sock.recv(1) == b""
    assert time.monotonic() - begun < 3  # who is not heard lingers for 5 s
    assert pair.link.read_to_end() == (b"", "eof")
    stage.stayd.log.expect(r" record .*from=player")
    stage.stayd.log.expect(" player-close ")
    bystander.check()


KEY_UPDATES = 300


def test_a_player_who_only_reads_and_changes_its_keys_stays(stage):
    """As Java does with low jdk.tls.keyLimits: a KeyUpdate each so many bytes that it reads."""
    player = ProgramPlayer(program("openssl"), "s_client", "-tls1_3", "-connect",
                           f"127.0.0.1:{stage.tls_port}", stderr=subprocess.STDOUT)
    link = stage.game.accept()
    for n in range(KEY_UPDATES):
        link.send(b"x" * 16384 + b"block %d\n" % n)
        player.read_until(b"block %d\n" % n)
        player.send(b"K\n")  # to s_client: change your key, and ask for the same
        player.read_until(b"KEYUPDATE\n")
    player.send(b"still here\n")
    assert link.read_line() == b"still here"
    player.close()


def test_noise_after_the_handshake_harms_nobody(stage):
    print("seed", SEED)
    dice = random.Random(SEED)
    bystander = stage.pair()
    for kind in ("1.2", "1.3") * 10:
        pair = stage.pair(kind)
        pair.player.sock.sendall(dice.randbytes(dice.randrange(1, 40000)) + bytes(1 << 16))
        text, ended = pair.player.read_to_end()
        assert text == b"" and ended.startswith("alert"), ended
        bystander.check()


def test_half_a_record_and_an_abrupt_end_is_an_end(stage):
    for kind in ("1.2", "1.3"):
        pair = stage.pair(kind)
        record = pair.player.seal(b"never whole")
        pair.player.sock.sendall(record[:-1])
        pair.player.sock.shutdown(1)
        assert pair.link.read_to_end() == (b"", "eof")


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take descriptors from another process")


def limit_descriptors(pid, n_more):
    """Let this process open n more and no others."""
    used = sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    free = [fd for fd in range(used[-1] + n_more + 2) if fd not in used]
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[n_more], old[1]))
    return old


def check_for_a_second(members, pid):
    """They are served, and the process does not spin."""
    before = cpu_seconds(pid)
    for _ in range(20):
        for member in members:
            member.check()
        time.sleep(0.05)
    assert cpu_seconds(pid) - before < 0.25


@as_root
def test_when_the_worker_runs_out_of_descriptors_newcomers_wait_and_get_in(stage):
    pair = stage.pair()
    worker = stage.stayd.family.pid("worker")
    old = limit_descriptors(worker, 5)
    inside = [stage.pair("plain") for _ in range(2)]
    waiting = [stage.player("plain") for _ in range(4)]
    for player in waiting:
        player.send(b"let me in\r\n")
    stage.stayd.log.expect('shortage what="take in a player: descriptors" error="Too.*many')
    check_for_a_second([pair, *inside], worker)
    assert len(stage.stayd.log.find("shortage what=\"take in")) <= 3, "said once, not at every attempt"
    resource.prlimit(worker, resource.RLIMIT_NOFILE, old)
    for player in waiting:
        assert stage.game.accept_of(player).read_line() == b"let me in"
    assert stage.stayd.family.pid("worker") == worker


@as_root
def test_when_the_entry_runs_out_of_descriptors_accepting_pauses_does_not_spin_and_resumes(stage):
    pair = stage.pair()
    entry = stage.stayd.family.pid("entry")
    old = limit_descriptors(entry, 5)
    hanging = [stage.player("1.3", is_shaken=False) for _ in range(5)]
    for player in hanging:
        player.sock.send(b"\x16")
    stage.stayd.log.expect('accept-paused why="Too.*many')
    waiting = [stage.player("plain") for _ in range(4)]
    for player in waiting:
        player.send(b"let me in\r\n")
    check_for_a_second([pair], entry)
    assert len(stage.stayd.log.find("accept-paused")) <= 3, "said once, not at every attempt"
    resource.prlimit(entry, resource.RLIMIT_NOFILE, old)
    for player in waiting:
        assert stage.game.accept_of(player).read_line() == b"let me in"
    assert stage.stayd.family.pid("entry") == entry


def test_idle_players_cost_no_cpu(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain") * 5]
    pids = stage.stayd.family.await_whole()
    pairs[0].check()

    def used_in_a_second():
        before = sum(cpu_seconds(pid) for pid in pids.values())
        time.sleep(1)
        return sum(cpu_seconds(pid) for pid in pids.values()) - before
    until(lambda: used_in_a_second() <= 0.03, "it comes to rest")
