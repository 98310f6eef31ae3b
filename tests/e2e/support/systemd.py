# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A real systemd, process 1 of namespaces of its own (boot_systemd), with stayd.service as it is
installed and a drop-in that changes paths only."""
import json
import os
import pwd
import re
import shutil
import signal
import subprocess

from . import processes
from .control import STAYCTL
from .daemon import BUILD, ROOT, STAYD, Family, Log, conf_text
from .waiting import WAIT_S, until

SYSTEMD = "/usr/lib/systemd/systemd"
UNIT = "stayd.service"
USER = "nobody"
TARGETS = ("test", "sysinit", "basic", "shutdown", "network", "multi-user")
CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")


def find_cgroups():
    """Where control groups of version 2 are, or None."""
    return next((path for path in CGROUPS if os.path.exists(f"{path}/cgroup.procs")), None)


def why_not():
    """Why systemd cannot be booted here; None: it can. Tries the namespaces and mounts, without systemd."""
    if os.geteuid() != 0 or not os.path.exists(SYSTEMD) or not find_cgroups():
        return "needs root, systemd, and control groups of version 2"
    done = subprocess.run(
        ["unshare", "--pid", "--mount", "--cgroup", "--fork", "sh", "-ec",
         "mount --make-rprivate /; mount -t proc proc /proc; mount -t tmpfs tmpfs /run;"
         '[ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || umount -l /sys/fs/cgroup;'
         "mount -t cgroup2 cgroup2 /sys/fs/cgroup; mkdir /sys/fs/cgroup/stayd-test-$$;"
         "rmdir /sys/fs/cgroup/stayd-test-$$"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return f"cannot boot systemd here: {done.stderr}" if done.returncode else None


class Systemd:
    """`folder`: of the test; what the unit's user has to write there is its own."""

    def __init__(self, folder):
        self.folder = folder
        self.log = Log(os.path.join(folder, "systemd.log"))
        self.units = os.path.join(folder, "units")
        self.cgroup = os.path.join(find_cgroups(), f"stayd-test-{os.getpid()}")
        os.makedirs(self.units)
        os.makedirs(self.cgroup)
        for target in TARGETS:
            self.write(f"{target}.target", "[Unit]\nDescription=test\nDefaultDependencies=no\n")
        with open(self.log.path, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(ROOT, "tests", "e2e", "boot_systemd"), self.cgroup, self.units],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = until(self._find, "systemd is there")
        until(lambda: self.ctl("is-active", "test.target", check=False).returncode == 0,
              "systemd is up")

    def _find(self):
        return next((pid for pid, name in processes.descendants().items()
                     if name == "systemd" and processes.stat_of(pid)[2] == self.process.pid), None)

    def write(self, name, text):
        path = os.path.join(self.units, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *command, check=True):
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-p", "-m", "-C", *command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=3 * WAIT_S, check=False)
        assert not check or done.returncode == 0, (command, done)
        return done

    def ctl(self, *arguments, **options):
        return self.run("systemctl", *arguments, **options)

    def show(self, name, unit=UNIT):
        return self.ctl("show", "--value", "-p", name, unit).stdout.strip()

    def end(self):
        """It does not heed SIGTERM. Its processes die with it."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)
        until(lambda: not processes.is_alive(self.pid), "systemd is gone")
        for place, _, _ in os.walk(self.cgroup, topdown=False):
            until(lambda path=place: self._remove(path), f"{place} is empty")

    @staticmethod
    def _remove(path):
        try:
            os.rmdir(path)
        except OSError:
            return False
        return True


class Unit:
    """stayd as the installed unit: what a test needs of a support.daemon.Stayd."""

    def __init__(self, systemd, listeners, games, options=None, program=None, more=""):
        self.systemd = systemd
        self.folder = os.path.join(systemd.folder, "unit")
        self.program = program or os.path.join(self.folder, "stayd")
        self.listeners, self.games, self.options = listeners, games, options or {}
        self.conf = os.path.join(self.folder, "stayd.conf")
        self.log = Log(os.path.join(self.folder, "stayd.log"))
        self.family = Family()
        os.makedirs(self.folder)
        self.user = pwd.getpwnam(USER)
        os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        for path in (systemd.folder, self.folder):
            os.chmod(path, 0o755)
        for listener in listeners.values():
            for key in {"certificate", "key"} & set(listener):
                listener[key] = self.take(listener[key])
        self.write_conf()
        # Copies: the build's folder may be root's alone.
        self.stayctl_copy = self.take(STAYCTL)
        if program:
            self.put("this")
        else:
            self.take(STAYD)
        with open(os.path.join(BUILD, UNIT), encoding="utf-8") as file:
            text = file.read()
        systemd.write(UNIT, text)
        systemd.write(f"{UNIT}.d/paths.conf", self._paths(text) + more)

    def take(self, path):
        """A copy of this file for the unit's user; its path."""
        copy = os.path.join(self.folder, os.path.basename(path))
        shutil.copy(path, copy)
        os.chown(copy, self.user.pw_uid, self.user.pw_gid)
        return copy

    def _paths(self, text):
        reload = re.search(r"^ExecReload=.*$", text, re.MULTILINE)[0]
        reload = reload.replace("/etc/stayd/stayd.conf", self.conf)
        reload = re.sub(r"/\S*/stayctl", self.stayctl_copy, reload)
        hook = os.path.join(ROOT, "tools", "systemd", "end-unless-restarted")
        return ("[Service]\n"
                f"ExecStart=\nExecStart={self.program} -c {self.conf}\n"
                f"ExecReload=\n{reload}\n"
                f"ExecStop=\nExecStop=+{hook} %n $MAINPID\n"
                f"User={USER}\n"
                # What it writes, and /etc and /var/log are not ours.
                f"ReadWritePaths={self.systemd.folder}\nConfigurationDirectory=\nLogsDirectory=\n"
                f"StandardError=append:{self.log.path}\n")

    def write_conf(self):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(conf_text({"control": "/run/stayd/control.sock", "log-level": "debug",
                                  **self.options}, self.listeners, self.games))

    def put(self, name):
        """As an installation does: another file at the program's path."""
        shutil.copy(os.path.join(BUILD, f"stayd-{name}"), self.program + ".new")
        os.rename(self.program + ".new", self.program)

    def start(self):
        self.systemd.ctl("daemon-reload")
        done = self.systemd.ctl("start", UNIT, check=False)
        assert done.returncode == 0, done.stderr + self.log.text() + self.systemd.log.text()
        return self

    def stayctl(self, *arguments):
        return self.systemd.run(STAYCTL, "-c", self.conf, *arguments, check=False)

    def status(self):
        return json.loads(self.stayctl("--json", "status").stdout)["items"][0]

    def version(self):
        return self.status()["version"]

    def main_pid(self):
        """As it is here; the unit's is that of another namespace."""
        inner = self.systemd.show("MainPID")
        for pid in sum(self.family.members().values(), []):
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                if re.search(rf"^NSpid:.*\t{inner}$", file.read(), re.MULTILINE):
                    return pid
        return None

    def await_stored(self, most=None):
        """Until all players, or as many as are to be, are in the store as they are now."""
        def look():
            status = self.status()
            wanted = status["players"] if most is None else min(status["players"], most)
            return status["stored"] == wanted and "store" not in status
        until(look, "the players are in the store")

    def restart(self):
        self.systemd.ctl("restart", UNIT)

    def kill_all(self):
        """All three processes at once, and wait until there are three others."""
        before = set(self.family.await_whole().values())
        self.family.kill_all()
        until(lambda: not before & set(self.family.await_whole(3 * WAIT_S).values()),
              "all processes are others")
