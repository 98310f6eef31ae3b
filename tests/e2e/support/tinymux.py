# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""TinyMUX as Debian has it (package tinymux), not changed in anything, with libstayd-preload."""
import contextlib
import os
import shutil
import signal
import subprocess

from . import processes
from .daemon import BUILD
from .waiting import WAIT_S, until

PRELOAD = os.path.join(BUILD, "lib", "preload", "libstayd-preload.so")
PROGRAMS = "/usr/lib/tinymux/game/bin"
FILES = "/usr/share/tinymux/game"
PASSWORD = b"potrzebie"  # of the database that comes with it; the wizard is #1


def preload_environment(port, *words):
    return {**os.environ, "LD_PRELOAD": PRELOAD, "STAYD_PRELOAD": " ".join((str(port), *words))}


NOBODY = 65534


class TinyMux:
    """`address`: where it listens. It runs as a user of its own, as it should, where the tests are root."""

    def __init__(self, folder, address, port, wrapper=()):
        assert os.path.exists(PROGRAMS), "tinymux is not installed (tools/setup installs it)"
        self.folder = os.path.join(folder, "tinymux")
        self.port = port
        self.wrapper = wrapper
        self.process = None
        self.pid_file = os.path.join(self.folder, "netmux.pid")
        self.connect = f"tcp:[{address}]:{port}" if ":" in address else f"tcp:{address}:{port}"
        shutil.copytree(FILES, self.folder)
        os.symlink(PROGRAMS, os.path.join(self.folder, "bin"))
        with open(os.path.join(self.folder, "netmux.conf"), "a", encoding="ascii") as file:
            file.write(f"port {port}\nip_address {address}\nmud_name Test\n")
        self.library = shutil.copy(PRELOAD, self.folder)
        if os.geteuid() == 0:
            self.wrapper = (*wrapper, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                            "--clear-groups")
            os.chmod(folder, 0o711)
            for place, folders, names in os.walk(self.folder):
                for name in (".", *folders, *names):
                    os.lchown(os.path.join(place, name), NOBODY, NOBODY)

    def start(self):
        self.process = subprocess.Popen(
            [*self.wrapper, "./bin/netmux", "-c", "netmux.conf", "-p", self.pid_file, "-e", "."],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**preload_environment(self.port), "LD_PRELOAD": self.library,
                 "LD_LIBRARY_PATH": "./bin"})
        until(lambda: "DNS lookup slave started" in self.log(), "TinyMUX is up")
        return self

    def log(self):
        text = ""
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with contextlib.suppress(FileNotFoundError):  # it was given another name meanwhile
                    with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                        text += file.read()
        return text

    def pid(self):
        with open(self.pid_file, encoding="ascii") as file:
            return int(file.read())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)
        # The next one's words are waited for.
        for name in os.listdir(self.folder):
            if name.endswith(".log"):
                os.rename(os.path.join(self.folder, name), os.path.join(self.folder, name + ".old"))

    def end(self):
        if self.process:
            processes.end_all([self.process.pid])
            self.process.wait(WAIT_S)
        # Its resolver outlives it when it is killed.
        processes.end_all([pid for pid, name in processes.descendants().items()
                           if name == "stubslave"])
