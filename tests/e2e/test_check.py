# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What a start refuses, --check refuses, in the same words; and what it calls good starts."""
import os
import re
import resource
import shutil
import socket
import subprocess

import pytest

from support.daemon import STAYD, conf_text, free_port, run_stayd
from support.players import program
from support.waiting import WAIT_S

AS_NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"]


class Setup:
    """A good set-up that a case spoils."""

    def __init__(self, folder, pki):
        self.folder, self.pki = folder, pki
        self.port = free_port()
        self.options = {"control": f"{folder}/control.sock", "log": f"{folder}/stayd.log"}
        self.listener = pki.listener(self.port)
        self.games = {"mush": {"connect": f"unix:{folder}/game.sock"}}
        self.environment = {}
        self.limit = None
        self.wrapper = []
        self.program = STAYD
        self.kept = []

    def run(self, *arguments):
        conf = os.path.join(self.folder, "stayd.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(conf_text(self.options, {"tls": self.listener}, self.games))

        def lower():
            if self.limit:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.limit, self.limit))
        return subprocess.run([*self.wrapper, self.program, *arguments, "-c", conf],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=2 * WAIT_S, check=False, preexec_fn=lower,
                              env={**os.environ, **self.environment})

    def write(self, name, text=""):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def use_own(self):
        for key in ("certificate", "key"):
            del self.listener[key]

    def become_nobody(self):
        """Run as somebody else, in a folder that is root's."""
        shutil.copy(STAYD, self.folder)
        self.program = os.path.join(self.folder, "stayd")
        os.chmod(self.folder, 0o755)
        self.wrapper = [program("setpriv"), *AS_NOBODY]
        os.mkdir(os.path.join(self.folder, "his"), 0o777)
        os.chmod(os.path.join(self.folder, "his"), 0o777)
        self.options.update({"control": f"{self.folder}/his/c.sock", "log": "stderr"})


def own_empty(setup):
    setup.use_own()
    setup.write("stayd-selfsigned.pem")
    return "stayd-selfsigned.pem: .*empty(.|\n)*delete it, and a new one is made"


def own_cut(setup):
    setup.use_own()
    setup.write("stayd-selfsigned.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n")
    return "stayd-selfsigned.pem: .*damaged(.|\n)*delete it, and a new one is made"


def own_keyless(setup):
    setup.use_own()
    shutil.copy(setup.pki.path("mush.chain"), f"{setup.folder}/stayd-selfsigned.pem")
    return "stayd-selfsigned.pem: .*no private key"


def own_unwritable(setup):
    setup.use_own()
    setup.become_nobody()
    return "could not be written: Permission denied"


def key_of_another(setup):
    setup.listener["key"] = setup.pki.path("other.key")
    return "does not match"


def chain_incomplete(setup):
    setup.listener["certificate"] = setup.pki.path("mush.pem")
    return "the chain is incomplete"


def log_folder(setup):
    setup.options["log"] = f"{setup.folder}/none/stayd.log"
    return "/none/stayd.log: .*No such file"


def log_is_folder(setup):
    setup.options["log"] = setup.folder
    return "Is a directory"


def control_folder(setup):
    setup.options["control"] = f"{setup.folder}/none/control.sock"
    return "/none/control.sock.*No such file"


def control_file(setup):
    setup.write("control.sock", "a letter")
    return "this is not a socket; move it away"


def control_lock(setup):
    os.mkdir(f"{setup.folder}/control.sock.lock")
    return "control.sock.lock.*Is a directory"


def control_lock_link(setup):
    os.symlink("elsewhere", f"{setup.folder}/control.sock.lock")
    return "control.sock.lock.*Too many levels of symbolic links"


def control_lock_of_two_names(setup):
    setup.write("letter")
    os.link(f"{setup.folder}/letter", f"{setup.folder}/control.sock.lock")
    return "control.sock.lock is not a file of its own; remove it"


def control_default(setup):
    if os.path.exists("/run/stayd"):
        pytest.skip("there is a /run/stayd")
    setup.become_nobody()
    del setup.options["control"]
    del setup.listener["certificate"], setup.listener["key"]
    setup.listener["tls"] = "no"
    return "/run/stayd/control.sock.lock: .*the folder /run/stayd does not exist"


def log_link(setup):
    os.symlink("elsewhere", f"{setup.folder}/stayd.log")
    setup.options["user"] = "nobody"
    return "this is a link, which root does not follow for user nobody"


def log_of_two_names(setup):
    setup.write("letter")
    os.link(f"{setup.folder}/letter", f"{setup.folder}/stayd.log")
    setup.options["user"] = "nobody"
    return "this is a link, which root does not follow for user nobody"


def log_syslog(setup):
    if os.path.exists("/dev/log"):
        pytest.skip("there is a syslog")
    setup.options["log"] = "syslog"
    return "cannot open the log: syslog: No such file"


def address_taken(setup):
    taken = socket.create_server(("127.0.0.1", setup.port))
    setup.kept.append(taken)
    return "Address already in use; another program has it"


def address_of_another(setup):
    setup.listener["address"] = f"192.0.2.7:{setup.port}"
    return "this machine has no such address"


def limit_low(setup):
    setup.limit = 300
    setup.wrapper = [program("setpriv"), "--bounding-set=-sys_resource"]
    return "too low for a single player; raise it to"


def user_unknown(setup):
    setup.options["user"] = "nobody-of-that-name"
    return "nobody-of-that-name"


def user_of_another(setup):
    setup.become_nobody()
    for name in ("mush.chain", "mush.key"):
        shutil.copy(setup.pki.path(name), setup.folder)
        os.chmod(f"{setup.folder}/{name}", 0o644)
        setup.listener["certificate" if name.endswith("chain") else "key"] = name
    setup.options["user"] = "daemon"
    return "user = daemon: only root can become another user"


def option_unknown(setup):
    setup.options["holdd"] = "1"
    return "unknown option holdd"


def ciphers_none(setup):
    setup.write("none.cnf", "openssl_conf = top\n[top]\nproviders = p\n[p]\nnull = n\n[n]\n"
                "activate = 1\n")
    setup.environment["OPENSSL_CONF"] = f"{setup.folder}/none.cnf"
    return "none.cnf: .*OpenSSL cannot do TLS"


BAD = (own_empty, own_cut, own_keyless, own_unwritable, key_of_another, chain_incomplete, log_folder,
       log_is_folder, log_link, log_of_two_names, log_syslog, control_folder, control_file,
       control_lock, control_lock_link, control_lock_of_two_names, control_default, address_taken,
       address_of_another, limit_low, user_unknown, user_of_another, option_unknown, ciphers_none)
NEED_ROOT = (own_unwritable, user_of_another, limit_low, control_default, log_link,
             log_of_two_names)


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_what_a_start_refuses_a_check_refuses(folder, pki, spoil):
    if spoil in NEED_ROOT and os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    setup = Setup(folder, pki)
    words = spoil(setup)
    for arguments in ([], ["--check"]):
        done = setup.run(*arguments)
        assert done.returncode == 1 and re.search(words, done.stderr), (arguments, done)
        assert "good" not in done.stdout
    for made in setup.kept:
        made.close()


def test_a_good_set_up_is_good_before_the_start_and_while_it_runs(start_stayd, game, folder):
    listeners = {"tls": {"address": f"127.0.0.1:{free_port()}"}}
    stayd = start_stayd(listeners, {"mush": {"connect": game.connect}},
                        {"log": f"{folder}/other.log"}, is_awaited=False)
    stayd.log.path = f"{folder}/other.log"
    stayd.await_ready()
    for _ in range(2):
        assert run_stayd("--check", "-c", stayd.conf).returncode == 0
    assert stayd.family.await_whole()
