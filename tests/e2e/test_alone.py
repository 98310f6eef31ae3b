# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""One process without a guard, so that valgrind can look at it."""
import os
import shutil
import signal

import pytest

from support.players import context_for
from support.waiting import WAIT_S

ENDS = {"1.2": "close_notify", "1.3": "close_notify", "plain": "eof"}
VALGRIND = ("valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--num-callers=20")


def transcript(stage):
    """A bit of everything."""
    context = context_for("1.3")
    pairs = {kind: stage.pair(kind) for kind in ENDS}
    resumed = stage.pair(context=context)
    resumed.check()
    stage.pair(context=context, session=resumed.player.tls.session).check()
    for _ in range(3):
        for pair in pairs.values():
            pair.check()
    for pair in pairs.values():
        pair.player.send(b"x" * 100_000)
        pair.link.read_exactly(100_000)
        pair.link.send(b"y" * 100_000)
        pair.player.read_exactly(100_000)
    broken = stage.pair()
    broken.player.sock.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert broken.player.read_to_end()[1].startswith("alert")
    pairs["plain"].player.end_sending()
    assert pairs["plain"].link.read_to_end() == (b"", "eof")
    return pairs


def test_stayd_alone_serves_players_and_ends_in_order(make_stage):
    stage = make_stage(arguments=["--alone"])
    pairs = transcript(stage)
    assert list(stage.stayd.family.members()) == ["worker"]
    stage.stayd.process.send_signal(signal.SIGTERM)
    for kind, pair in pairs.items():
        assert pair.player.read_to_end() == (b"", ENDS[kind])
        pair.player.close()
    assert stage.stayd.process.wait(WAIT_S) == 0


@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
def test_valgrind_finds_nothing_to_say(make_stage, folder):
    words = os.path.join(folder, "valgrind.log")
    stage = make_stage({"handshake-timeout": "30s"}, arguments=["--alone"], is_awaited=False,
                       wrapper=(*VALGRIND, f"--log-file={words}"))
    stage.stayd.await_ready()
    transcript(stage)
    stage.stayd.process.send_signal(signal.SIGTERM)
    assert stage.stayd.process.wait(WAIT_S) == 0
    with open(words, encoding="utf-8") as file:
        # A line of its own report begins with "=="; it also warns of system calls it does not know.
        assert not [line for line in file if line.startswith("==")]
