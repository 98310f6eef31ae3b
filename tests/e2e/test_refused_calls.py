# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""In a container calls of the system may be refused, and /proc may be missing. Then stayd says so
before anything starts, or does as well without; it never starts and hangs later."""
import os
import re
import shutil
import subprocess

import pytest

from support import refuse
from support.away import AWAY, check_echo, enter
from support.control import run_stayctl
from support.daemon import BUILD, MINIMUSH, STAYD, conf_text, free_port
from support.game import Pair
from support.players import PlainPlayer, program
from support.waiting import WAIT_S

needs_filter = pytest.mark.skipif(not refuse.is_possible(),
                                  reason="the numbers of this machine's system calls are unknown")
NEEDED = {
    "pidfd_open": r"pidfd_open\(2\)", "pidfd_send_signal": r"pidfd_send_signal\(2\)",
    "clone&0x1000": r"clone\(2\)", "close_range": r"close_range\(2\)",
    "memfd_create": r"memfd_create\(2\)", "fallocate": r"fallocate\(2\)",
    "signalfd4": r"signalfd\(2\)", "getrandom": r"getrandom\(2\)", "prctl": r"prctl\(2\)",
    "prctl=1": r"PR_SET_PDEATHSIG", "sendmmsg": r"sendmmsg\(2\)", "recvmmsg": r"recvmmsg\(2\)",
    "epoll_wait,epoll_pwait": r"epoll_wait\(2\)"}
NOT_NEEDED = ("mlock2", "epoll_pwait2", "clone3", "statx", "openat2", "faccessat2", "rseq",
              "unshare", "pidfd_getfd", "io_uring_setup", "landlock_create_ruleset")
ERRORS = {"EPERM": "Operation not permitted", "ENOSYS": "Function not implemented"}


@pytest.fixture
def conf(folder):
    path = os.path.join(folder, "stayd.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(conf_text({"control": f"{folder}/control.sock", "log": f"{folder}/stayd.log"},
                             {"plain": {"address": f"127.0.0.1:{free_port()}", "tls": "no"}},
                             {"mush": {"connect": f"unix:{folder}/game.sock"}}))
    return path


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=2 * WAIT_S, check=False)


@needs_filter
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", NEEDED)
def test_a_needed_call_that_is_refused_is_named_before_anything_starts(call, error, conf, folder):
    done = run(*refuse.wrapper(error, call), STAYD, "-c", conf)
    assert done.returncode == 1, done
    assert re.search(rf"stayd: cannot use [^:]*{NEEDED[call]}.*: {ERRORS[error]}", done.stderr)
    assert len(re.findall("cannot use", done.stderr)) == 1 or call == "pidfd_open"
    assert "seccomp" in done.stderr
    assert os.listdir(folder) == ["stayd.conf"]


@needs_filter
def test_check_refuses_what_the_start_would(conf):
    done = run(*refuse.wrapper("EPERM", "pidfd_open"), STAYD, "--check", "-c", conf)
    assert done.returncode == 1 and "pidfd_open" in done.stderr and "good" not in done.stdout


@needs_filter
@pytest.mark.parametrize("error", ERRORS)
def test_without_all_calls_that_are_not_needed_everything_works(error, make_stage):
    stage = make_stage(wrapper=refuse.wrapper(error, *NOT_NEEDED))
    stays, quits = stage.pair(), stage.pair("plain")
    for role in ("worker", "guard", "spare"):
        stage.stayd.family.kill(role)
        stage.stayd.family.await_whole()
        stays.check()
    assert run_stayctl(stage.stayd, "reload").returncode == 0
    quits.link.close()
    assert quits.player.read_to_end() == (b"", "eof")
    stays.check()


# A mount of its own in the place of /proc, for one program.
def with_proc(*mount):
    return [program("unshare"), "--mount", "--propagation", "private", "/bin/sh", "-c",
            f"{program('mount')} {' '.join(mount)} /proc && exec \"$@\"", "sh"]


def needs_mount(*mount):
    done = run(*with_proc(*mount), "/bin/true")
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.mark.parametrize("check", ([], ["--check"]), ids=("start", "check"))
def test_without_proc_nothing_starts_and_it_is_said(check, conf, folder):
    needs_mount("-t", "tmpfs", "none")
    done = run(*with_proc("-t", "tmpfs", "none"), STAYD, *check, "-c", conf)
    assert done.returncode == 1
    assert re.search(r"cannot use /proc, .*quits.*: No such file.*\n.*with /proc mounted",
                     done.stderr), done.stderr
    assert os.listdir(folder) == ["stayd.conf"]


def test_where_proc_shows_processes_only_a_quit_and_a_death_are_told_apart(make_stage, lone):
    mount = ("-t", "proc", "-o", "subset=pid", "proc")
    needs_mount(*mount)
    game = lone(free_port())  # its process is known by nothing but its listening socket
    stage = make_stage(its_game=game, wrapper=with_proc(*mount))
    stays, quits = enter(stage), enter(stage, "plain")
    quits.send(b"quit\r\n")
    assert quits.read_to_end() == (b"bye\r\n", "eof")
    check_echo(stays)
    assert not stage.stayd.log.find("game-away")
    game.kill()
    stays.read_until(AWAY)


# socket(2) of IPv6, as where the kernel has none, or a unit's RestrictAddressFamilies= names none.
NO_IPV6 = ("EAFNOSUPPORT", "socket=10")


@needs_filter
def test_without_ipv6_the_other_addresses_serve_and_it_is_said(folder, start_stayd, game):
    shutil.copy(os.path.join(BUILD, "stayd-this"), os.path.join(folder, "stayd"))
    port = free_port()
    stayd = start_stayd({"plain": {"address": f"[::]:{port}, 0.0.0.0:{port}", "tls": "no"}},
                        {"mush": {"connect": game.connect}}, {"host-names": "off"},
                        wrapper=refuse.wrapper(*NO_IPV6), program=os.path.join(folder, "stayd"))
    stayd.log.expect(rf"reload-remark what=.*:\d+: \[listen plain\] does not listen on "
                     rf"\[::\]:{port}: this kernel has no IPv6, .*the other addresses serve")
    pair = Pair(PlainPlayer(port), game.accept())
    done = run_stayctl(stayd, "reload")
    assert done.returncode == 0 and "this kernel has no IPv6" in done.stdout + done.stderr, done
    assert run_stayctl(stayd, "upgrade").returncode == 0
    stayd.family.await_whole()
    pair.check()
    Pair(PlainPlayer(port), game.accept()).check()


@needs_filter
@pytest.mark.parametrize("check", ([], ["--check"]), ids=("start", "check"))
def test_without_ipv6_a_listener_that_has_nothing_else_is_refused_with_what_to_write(
        check, conf, folder):
    with open(conf, "a", encoding="utf-8") as file:
        file.write(f"[listen more]\ntls = no\naddress = [::]:{free_port()}\n")
    done = run(*refuse.wrapper(*NO_IPV6), STAYD, *check, "-c", conf)
    assert done.returncode == 1
    assert re.search(r"stayd\.conf:\d+: \[listen more\] cannot listen on \[::\]:\d+: this kernel "
                     r"has no IPv6, .*; write 0\.0\.0\.0:PORT\n", done.stderr), done.stderr
    assert not os.path.exists(f"{folder}/control.sock")


@needs_filter
@pytest.mark.parametrize("call", ("pidfd_open", "close_range"))
def test_a_game_that_starts_stayd_passes_on_what_is_refused(call, folder):
    conf = os.path.join(folder, "minimush.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(f"directory = {folder}/data\nstayd = {STAYD}\n"
                   f"plain-address = 127.0.0.1:{free_port()}\n")
    done = run(*refuse.wrapper("EPERM", call), MINIMUSH, "-c", conf)
    assert done.returncode != 0
    assert re.search(rf"stayd: cannot use {call}\(2\), .*: Operation not permitted", done.stderr)
