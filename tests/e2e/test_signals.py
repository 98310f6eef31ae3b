# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""No signal that a terminal, a limit or a mistake sends to all of stayd's processes ends them at
once without a word; and one that ends a single process is survived."""
import os
import re
import signal
import subprocess

import pytest

from support.daemon import STAYD, conf_text, free_port
from support.waiting import WAIT_S

ENDS = {"1.3": "close_notify", "plain": "eof"}
STRAYS = (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR,
          signal.SIGSTKFLT, signal.SIGXFSZ, signal.SIGUSR1, signal.SIGPIPE, signal.SIGWINCH,
          signal.SIGURG, signal.SIGCHLD, signal.SIGCONT, signal.SIGRTMIN, signal.SIGRTMIN + 3)


def send_all(family, number):
    pids = family.await_whole()
    for pid in pids.values():
        os.kill(pid, number)
    return pids


@pytest.mark.parametrize("number", (signal.SIGQUIT, signal.SIGINT))
@pytest.mark.parametrize("arguments", ([], ["--alone"]), ids=("three", "alone"))
def test_a_key_that_a_terminal_sends_to_all_ends_in_order(make_stage, number, arguments):
    stage = make_stage(arguments=arguments)
    pairs = {kind: stage.pair(kind) for kind in ENDS}
    if arguments:
        stage.stayd.process.send_signal(number)
    else:
        send_all(stage.stayd.family, number)
    for kind, pair in pairs.items():
        assert pair.player.read_to_end() == (b"", ENDS[kind])
        pair.player.close()
    assert stage.stayd.process.wait(WAIT_S) == 0
    assert arguments or stage.stayd.log.find(r" stop within_ms=\d+$")


def test_signals_that_mean_nothing_end_nobody(make_stage):
    stage = make_stage()
    pair = stage.pair()
    before = stage.stayd.family.await_whole()
    for number in STRAYS:
        assert send_all(stage.stayd.family, number) == before
        pair.check()
    assert stage.stayd.family.await_whole() == before
    assert not stage.stayd.log.find("worker-died|guard-taken|spare-died")


@pytest.mark.parametrize("number", (signal.SIGSEGV, signal.SIGSYS, signal.SIGXCPU, signal.SIGBUS))
def test_a_signal_that_ends_one_process_is_survived(make_stage, number):
    stage = make_stage()
    pair = stage.pair()
    for role in ("guard", "worker"):  # the spare hears of none but its guard's death
        stage.stayd.family.await_whole()
        stage.stayd.family.kill(role, number=number)
        pair.check()
    stage.stayd.family.await_whole()


def test_a_limit_of_file_size_is_said(folder):
    conf = os.path.join(folder, "stayd.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(conf_text({"control": f"{folder}/control.sock"},
                             {"plain": {"address": f"127.0.0.1:{free_port()}", "tls": "no"}},
                             {"mush": {"connect": f"unix:{folder}/game.sock"}}))
    done = subprocess.run(["/bin/sh", "-c", "ulimit -f 16 && exec \"$@\"", "sh", STAYD, "-c", conf],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S,
                          check=False)
    assert done.returncode == 1
    assert re.search(r"cannot make the vault: .*ulimit -f.*File too large", done.stderr)
