# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""stayd's own processes die, and no player notices. (The long form is tests/storm.)"""
import os
import signal
import subprocess

import pytest

from support import processes
from support.daemon import free_port
from support.mush import Chorus, create, reboot
from support.players import PlainPlayer, TlsPlayer, context_for, program
from support.waiting import WAIT_S, until

VICTIMS = (("worker",), ("guard",), ("spare",), ("worker", "guard"), ("worker", "spare"),
           ("guard", "spare"))


@pytest.mark.short
def test_each_process_and_each_two_can_die_while_lines_are_exchanged(start_mush, pki):
    tls, plain = free_port(), free_port()
    mush = start_mush({"tls-address": f"127.0.0.1:{tls}", "plain-address": f"127.0.0.1:{plain}",
                       "certificate": pki.path("mush.chain"), "key": pki.path("mush.key")})
    wizard = create(TlsPlayer(tls), "Wizard")
    players = {"Older": TlsPlayer(tls, version="1.2"), "Newer": TlsPlayer(tls, version="1.3"),
               "Plain": PlainPlayer(plain)}
    for name, player in players.items():
        create(player, name)
    chorus = Chorus(players)
    for victims in VICTIMS * 2:
        before = mush.family.await_whole()
        mush.family.kill(*victims)
        chorus.await_progress(5)
        after = mush.family.await_whole()
        assert all(after[role] != before[role] for role in victims)
        if len(victims) == 2:
            reboot(wizard)
    chorus.finish()


@pytest.mark.parametrize("victims", VICTIMS, ids="+".join)
def test_after_a_kill_new_players_get_in_and_the_old_ones_are_served(stage, victims):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    stage.stayd.family.await_whole()
    stage.stayd.family.kill(*victims)
    pairs += [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    for pair in pairs:
        pair.check()
    stage.stayd.family.await_whole()


def test_what_comes_while_there_is_no_worker_is_neither_lost_nor_doubled(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    for n in range(5):
        os.kill(stage.stayd.family.pid("worker"), signal.SIGKILL)
        for pair in pairs:
            pair.player.send(b"from player %d\r\n" % n)
            pair.link.send(b"from game %d\r\n" % n)
        for pair in pairs:
            assert pair.link.read_line() == b"from player %d" % n
            assert pair.player.read_line() == b"from game %d" % n


@pytest.mark.short
@pytest.mark.parametrize("kind", ("1.2", "1.3"))
@pytest.mark.parametrize("victims", (("worker",), ("worker", "guard")), ids="+".join)
def test_a_ticket_given_before_a_kill_is_taken_after_it(stage, kind, victims):
    context = context_for(kind)
    pair = stage.pair(kind, context=context)
    pair.check()
    session = pair.player.tls.session
    assert session.has_ticket
    stage.stayd.family.kill(*victims)
    again = stage.pair(kind, context=context, session=session)
    assert again.player.tls.session_reused
    again.check()
    pair.check()


@pytest.mark.parametrize("kind", ("-tls1_2", "-tls1_3"))
def test_openssls_own_client_resumes_after_a_kill(stage, folder, kind):
    session = os.path.join(folder, "session")

    def visit(*options):
        """One visit of s_client, which shows its session when it ends."""
        client = subprocess.Popen(
            [program("openssl"), "s_client", "-connect", f"127.0.0.1:{stage.tls_port}", kind,
             "-ign_eof", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        link = stage.game.accept()
        link.send(b"Good-bye.\r\n")
        link.close()
        return client.communicate(timeout=WAIT_S)[0]
    assert b"New, TLSv1" in visit("-sess_out", session)
    stage.stayd.family.kill("worker")
    assert b"Reused, TLSv1" in visit("-sess_in", session)


def test_a_kill_is_told_in_the_log_and_by_whom_the_work_is_done_now(stage):
    pair = stage.pair()
    worker = stage.stayd.family.pid("worker")
    stage.stayd.family.kill("worker")
    pair.check()
    stage.stayd.log.expect(rf'worker-died .*pid={worker} how="signal 9 \(Killed\)"')
    guard = stage.stayd.family.pid("guard")
    stage.stayd.family.kill("guard")
    stage.stayd.log.expect(rf"guard-taken .*dead={guard}")
    new_guard = stage.stayd.family.await_whole()["guard"]
    lock = os.path.join(stage.stayd.folder, "control.sock.lock")
    until(lambda: int(open(lock, encoding="utf-8").read() or 0) == new_guard, "the lock names it")


def list_fds(stage):
    """What the descriptors of the table are."""
    worker = stage.stayd.family.await_whole()["worker"]
    try:
        return [processes.look_into(os.readlink, worker, f"fd/{fd}")
                for fd in processes.look_into(os.listdir, worker, "fd")]
    except FileNotFoundError:  # one was closed meanwhile
        return list_fds(stage)


@pytest.mark.parametrize("victims", (("worker",), ("worker", "guard")), ids="+".join)
def test_what_a_dead_worker_leaves_is_cleared_away_when_the_next_one_serves(stage, victims):
    pair = stage.pair()
    epolls = list_fds(stage).count("anon_inode:[eventpoll]")
    for _ in range(3):
        before = stage.stayd.family.await_whole()
        stage.stayd.family.kill(*victims)
        pair.check()
        if "guard" not in victims:  # whose child it was
            until(lambda pid=before["worker"]: processes.stat_of(pid) is None, "it is reaped")
        until(lambda: list_fds(stage).count("anon_inode:[eventpoll]") == epolls, "its epoll is closed")


def test_nothing_piles_up_over_many_kills(stage):
    """Descriptors and memory are those of the players that are there."""
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]

    def count():
        return len(list_fds(stage))

    def kill_some(n):
        for _ in range(n):
            stage.stayd.family.kill("worker")
            for pair in pairs:
                pair.check()
            stage.stayd.family.kill("guard")
            stage.stayd.family.await_whole()
    kill_some(2)
    for pair in pairs:
        pair.check()
    before = count()
    kill_some(8)
    for pair in pairs:
        pair.check()
    until(lambda: count() <= before, f"no more than {before} descriptors")
    assert processes.is_alive(stage.stayd.family.pid("guard"))
