# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""After a rotation all processes write into the new file, or it is said why they do not."""
import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess

import pytest

from support.control import run_stayctl, run_stayctl_by
from support.daemon import BUILD, STAYD, Log, conf_text, free_port
from support.players import PlainPlayer, program
from support.waiting import WAIT_S, until

GOES_ON = r" log-file file=\"\S+/stayd\.log\"$"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def rotated(make_stage, folder):
    """A stage whose log is a file; move() moves it away, old and log are before and after."""
    def make(**options):
        path = os.path.join(folder, "stayd.log")
        stage = make_stage({"log": path}, **options)
        stage.old = Log(path + ".1")
        stage.log = stage.stayd.log
        stage.move = lambda: os.rename(path, stage.old.path)
        return stage
    return make


def by_signal(stage):
    os.kill(stage.stayd.guard_pid(), signal.SIGHUP)


def by_stayctl(stage):
    assert run_stayctl(stage.stayd, "reload").returncode == 0


def by_a_reload_that_is_refused(stage):
    with open(stage.stayd.conf, "a", encoding="utf-8") as file:
        file.write("kee = x\n")
    control = f"{stage.stayd.folder}/control.sock"
    assert run_stayctl_by("--control", control, "reload").returncode == 1


@pytest.mark.parametrize("rotate", (by_signal, by_stayctl, by_a_reload_that_is_refused))
def test_all_processes_go_on_in_the_new_file(rotated, rotate):
    stage = rotated()
    pair = stage.pair()
    spare = stage.stayd.family.await_whole()["spare"]
    stage.move()
    rotate(stage)
    stage.log.expect(GOES_ON)
    is_refused = rotate is by_a_reload_that_is_refused
    stage.log.expect("reload-refused" if is_refused else " entry-open ")
    written = stage.old.text()
    spare = stage.stayd.family.await_whole()["spare"]
    stage.pair().check()
    stage.log.expect(" player-open ")  # by the worker
    with contextlib.closing(PlainPlayer(stage.tls_port)) as player:
        player.send(b"no hello\r\n")
        stage.log.expect(" handshake-failed ")  # by the entry
    stage.stayd.family.kill("guard")
    stage.log.expect(rf" guard-taken pid={spare} ")  # by what was the spare
    stage.stayd.family.kill("worker")
    stage.log.expect(" worker-died ")
    pair.check()
    assert stage.old.text() == written
    assert re.search(GOES_ON, stage.log.text().splitlines()[0])


def test_without_a_rotation_nothing_is_said_and_the_file_goes_on(rotated):
    stage = rotated()
    by_stayctl(stage)
    stage.log.expect(" reload what=configuration")
    assert not stage.log.find("log-file|log-kept")


def test_a_file_that_cannot_be_opened_leaves_the_former_one_and_is_said(rotated):
    stage = rotated()
    stage.move()
    os.mkdir(stage.log.path)
    done = run_stayctl(stage.stayd, "reload")
    os.rmdir(stage.log.path)
    assert done.returncode == 0 and re.search(
        r"stayd\.log: the log cannot be opened anew \(Is a directory\), so the former file goes on",
        done.stdout + done.stderr), done
    stage.old.expect(r" log-kept file=\S+ error=\"Is a directory\"")
    stage.old.expect(r" entry-open ", 2)
    by_stayctl(stage)
    stage.log.expect(GOES_ON)


@pytest.mark.parametrize("name,what", (("next", "phase=good"), ("ends", "phase=back")))
def test_an_upgrade_goes_on_in_the_new_file_also_when_it_is_taken_back(rotated, folder, name, what):
    its_program = os.path.join(folder, "stayd")
    shutil.copy(os.path.join(BUILD, "stayd-this"), its_program)
    stage = rotated(program=its_program)
    pair = stage.pair()
    stage.move()
    shutil.copy(os.path.join(BUILD, f"stayd-{name}"), its_program + ".new")
    os.rename(its_program + ".new", its_program)
    run_stayctl(stage.stayd, "upgrade")
    stage.log.expect(rf" {what} ")
    stage.stayd.family.await_whole()
    stage.stayd.family.kill("worker")
    stage.log.expect(" worker-died ")
    pair.check()
    assert stage.log.find(GOES_ON)


def write_conf(folder, log):
    conf = os.path.join(folder, "stayd.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(conf_text(
            {"control": f"{folder}/control.sock", "user": "nobody", "log": log},
            {"plain": {"address": f"127.0.0.1:{free_port()}", "tls": "no"}},
            {"mush": {"connect": f"unix:{folder}/game.sock"}}))
    return conf


@as_root
@pytest.mark.parametrize("link", (os.symlink, os.link))
def test_root_follows_no_link_to_a_log_for_another_user(folder, link):
    secret = os.path.join(folder, "roots.own")
    with open(secret, "w", encoding="utf-8") as file:
        file.write("as it was\n")
    link(secret, os.path.join(folder, "stayd.log"))
    done = subprocess.run([STAYD, "-c", write_conf(folder, f"{folder}/stayd.log")],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S,
                          check=False)
    assert done.returncode == 1
    assert re.search(r"stayd\.log: this is a link, which root does not follow for user nobody",
                     done.stderr), done.stderr
    with open(secret, encoding="utf-8") as file:
        assert file.read() == "as it was\n"


@as_root
def test_a_log_that_root_makes_for_a_user_is_that_users_who_can_open_it_anew(
        make_stage, folder, game):
    logs = os.path.join(folder, "logs")
    os.mkdir(logs)
    shutil.chown(logs, "nobody")
    os.chmod(folder, 0o755)
    os.chmod(game.place, 0o666)
    log = Log(os.path.join(logs, "its.log"))
    stage = make_stage({"log": log.path, "user": "nobody"}, is_awaited=False)
    log.expect(" ready players=")
    uid = int(subprocess.check_output([program("id"), "-u", "nobody"]))
    assert os.stat(log.path).st_uid == uid
    assert stat.S_IMODE(os.stat(f"{folder}/control.sock.lock").st_mode) == 0o600
    os.rename(log.path, log.path + ".1")
    by_signal(stage)
    log.expect(r" log-file file=")
    assert os.stat(log.path).st_uid == uid
    stage.pair().check()
    until(lambda: log.find(" player-open "), "the worker writes there")


@as_root
@pytest.mark.parametrize("name", ("stdout", "stderr"))
def test_what_the_starter_has_given_serves_another_user_and_no_reload_opens_it_anew(folder, name):
    os.chmod(folder, 0o777)
    path = os.path.join(folder, "given")
    conf = write_conf(folder, f"/dev/{name}")
    done = subprocess.run([STAYD, "--check", "-c", conf], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done
    with open(path, "wb") as given, subprocess.Popen(
            [STAYD, "-c", conf], stdin=subprocess.DEVNULL, **{name: given}) as stayd:
        log = Log(path)
        try:
            log.expect(" ready players=")
            os.rename(path, path + ".1")
            log.path = path + ".1"
            stayd.send_signal(signal.SIGHUP)
            log.expect(" entry-open ", 2)
            assert not log.find("log-kept|log-file")
        finally:
            stayd.terminate()
    log.expect(" stop status=0")
    assert not os.path.exists(path)
