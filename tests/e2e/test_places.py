# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A folder that is missing or closed, a file of another user: said with whose it is, and what the
user as which stayd runs would need."""
import fcntl
import os
import re
import shutil
import stat
import subprocess

import pytest

from support.daemon import STAYD, Log, conf_text, free_port, run_stayd
from support.players import PlainPlayer, program
from support.waiting import WAIT_S

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
as_nobody = [program("setpriv"), "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


@pytest.fixture
def write_conf(folder):
    def write(options=None, listener=None):
        path = os.path.join(folder, "stayd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(conf_text(
                {"control": f"{folder}/control.sock", **(options or {})},
                {"it": listener or {"address": f"127.0.0.1:{free_port()}", "tls": "no"}},
                {"mush": {"connect": f"unix:{folder}/game.sock"}}))
        return path
    return write


def run_as_nobody(folder, *arguments):
    """The program is copied to where that user can read it."""
    os.chmod(folder, 0o755)
    shutil.copy(STAYD, folder)
    return subprocess.run([*as_nobody, f"{folder}/stayd", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=WAIT_S, check=False)


@pytest.mark.parametrize("option,value,what", (
    ("control", "{}/run/deep/control.sock", "lock file"), ("log", "{}/run/deep/stayd.log", "log")))
def test_a_folder_that_is_missing_is_to_be_made(write_conf, folder, option, value, what):
    done = run_stayd("-c", write_conf({option: value.format(folder)}))
    assert done.returncode == 1
    assert re.search(rf"cannot open the {what}.*No such file or directory; the folder {folder}/run "
                     r"does not exist: make it \(mkdir -p\)\n", done.stderr), done.stderr


@as_root
@pytest.mark.parametrize("option,name,what", (
    ("control", "control.sock", "lock file"), ("log", "stayd.log", "log")))
def test_a_folder_that_is_another_users_is_named_with_what_would_be_needed(
        write_conf, folder, option, name, what):
    closed = os.path.join(folder, "closed")
    os.mkdir(closed, 0o755)
    os.chmod(folder, 0o777)
    conf = write_conf({option: f"{closed}/{name}"})
    os.chmod(conf, 0o644)
    done = run_as_nobody(folder, "-c", conf)
    if option == "log":  # the lock comes first, and is in the folder itself
        os.chmod(folder, 0o777)
        done = subprocess.run([*as_nobody, f"{folder}/stayd", "-c", conf], capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1
    assert re.search(rf"cannot open the {what}.*Permission denied; user nobody, as which stayd "
                     rf"runs, needs w on {closed} \(of user root, mode 0755\)", done.stderr)


@as_root
def test_user_without_root_is_said_as_what_it_is(write_conf, folder):
    conf = write_conf({"user": "daemon"})
    os.chmod(conf, 0o644)
    done = run_as_nobody(folder, "-c", conf)
    assert done.returncode == 1
    assert done.stderr == ("stayd: user = daemon: only root can become another user; start stayd "
                           "as root, or leave `user` out\n")


@as_root
@pytest.mark.parametrize("is_named", (True, False))
def test_check_as_root_says_what_the_user_to_come_cannot_read(
        write_conf, folder, pki, port, is_named):
    for name in ("mush.chain", "mush.key"):
        shutil.copy(pki.path(name), folder)
    os.chmod(folder, 0o755)
    os.chmod(f"{folder}/mush.key", 0o600)
    conf = write_conf({"user": "nobody"} if is_named else {},
                      {"address": f"127.0.0.1:{port}", "certificate": f"{folder}/mush.chain",
                       "key": f"{folder}/mush.key"})
    os.chmod(conf, 0o644)
    done = run_stayd("--check", "-c", conf)
    assert done.returncode == 0 and done.stdout == f"{conf}: good\n"
    said = re.search(r"mush\.key: stayd's user cannot read certificate or key \(Permission "
                     r"denied\)", done.stderr)
    assert bool(said) == is_named, done.stderr
    os.chmod(f"{folder}/mush.key", 0o644)
    assert "cannot read" not in run_stayd("--check", "-c", conf).stderr


@as_root
@pytest.mark.parametrize("path,mode,needs", (("games", 0o700, "x"),
                                             ("games/game.sock", 0o600, "w")))
def test_a_games_socket_that_is_closed_to_stayd_is_said_with_whose_it_is(
        start_stayd, folder, lone, path, mode, needs):
    os.chmod(folder, 0o755)
    os.mkdir(f"{folder}/games")
    game = lone(f"{folder}/games/game.sock")
    os.chmod(f"{folder}/{path}", mode)
    log = Log(f"{folder}/its.log")
    port = free_port()
    start_stayd({"plain": {"address": f"127.0.0.1:{port}", "tls": "no"}},
                {"mush": {"connect": game.connect}},
                {"host-names": "off", "user": "nobody", "log": log.path}, is_awaited=False)
    log.expect(" ready players=")
    player = PlainPlayer(port)
    log.expect(rf" game-wait game=mush .* error=\"Permission denied\" fix=\"user nobody, as which "
               rf"stayd runs, needs {needs} on {folder}/{path} \(of user root, mode {mode:04o}\): ")
    for opened in ("games", "games/game.sock"):
        os.chmod(f"{folder}/{opened}", 0o777)
    player.read_until(b"here")


def test_the_lock_is_its_owners_alone_also_one_of_an_earlier_version(start_stayd, folder, game):
    lock = f"{folder}/control.sock.lock"
    with open(lock, "w", encoding="utf-8"):
        os.chmod(lock, 0o644)
    start_stayd({"plain": {"address": f"127.0.0.1:{free_port()}", "tls": "no"}},
                {"mush": {"connect": game.connect}})
    assert stat.S_IMODE(os.stat(lock).st_mode) == 0o600


@pytest.mark.parametrize("pid", (os.getpid(), 1, "", 2 ** 22 + 1))
def test_a_number_in_the_lock_that_is_no_guards_here_is_not_shown_as_one(write_conf, folder, pid):
    conf = write_conf()
    with open(f"{folder}/control.sock.lock", "w", encoding="utf-8") as lock:
        lock.write(f"{pid}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run_stayd("-c", conf)
    assert done.returncode == 1 and "already running with this `control`" in done.stderr
    assert "another container" in done.stderr and "pid" not in done.stderr
