# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""System calls that fail: strace(1) stands between a running stayd and the kernel, and answers calls with errors instead of
making them. Each process counts for itself; those that are made meanwhile begin anew."""
import os
import shutil
import signal
import subprocess
import tempfile

from .waiting import WAIT_S, until

# What may happen to anybody at any time: a signal comes; memory, descriptors or room run short; somebody forbids
# what one can do without. Not what says that a peer is gone, and not what only a mistake of one's own brings.
# (brk(2) says by its value that it has failed, and malloc then asks mmap(2).)
DESCRIPTORS = ("accept4", "epoll_create1", "eventfd2", "openat", "pidfd_open", "signalfd4", "socket",
               "socketpair")
RECEIVES = ("recvfrom", "recvmmsg", "recvmsg")
SENDS = ("sendmmsg", "sendmsg", "sendto")
ERRORS = {
    "ENOMEM": (*DESCRIPTORS, *RECEIVES, *SENDS, "clone", "connect", "epoll_ctl", "fallocate", "mlock",
               "mlock2", "mmap", "mprotect", "poll", "ppoll", "setsockopt"),
    "EMFILE": (*DESCRIPTORS, "fcntl"),
    "ENFILE": DESCRIPTORS,
    "ENOBUFS": (*RECEIVES, *SENDS, "accept4", "connect", "getsockopt", "setsockopt", "socket"),
    "ENOSPC": ("epoll_ctl", "fallocate", "pwrite64"),
    "EINTR": (*RECEIVES, *SENDS, "accept4", "close", "connect", "epoll_wait", "fallocate", "getrandom",
              "openat", "poll", "ppoll", "pread64", "read", "wait4", "waitid", "write", "writev"),
    "EAGAIN": (*RECEIVES, *SENDS, "accept4", "clone", "connect", "madvise", "mlock", "mlock2", "read"),
    "EIO": ("close", "pwrite64"),
    "EPERM": ("accept4", "getpgid", "mlock", "mlock2", "setsockopt"),
    "ECONNABORTED": ("accept4",),
}


def find_hindrance():
    """Why this cannot be done here; None: it can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    if os.geteuid() != 0:
        return "only root may trace stayd, which keeps its memory to itself"
    done = subprocess.run(["strace", "-o", "/dev/null", "-e", "inject=write:error=EIO:when=1000", "true"],
                          check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else f"strace cannot trace here: {done.stderr.strip()}"


def is_traced_by(pid, tracer):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return f"\nTracerPid:\t{tracer}\n" in file.read()


class Faults:
    """As long as the block lasts, `calls` of all of stayd's processes fail with this error, at the times that
    `when` says (strace(1), inject)."""

    def __init__(self, family, error, calls, when):
        self.family = family
        self.options = ["-e", "trace=" + ",".join(calls)]
        for call in calls:
            self.options += ["-e", f"inject={call}:error={error}:when={when}"]
        self.calls = tempfile.TemporaryFile("w+")
        self.process = None

    def __enter__(self):
        pids = self.family.await_whole().values()
        self.process = subprocess.Popen(
            ["strace", "-f", *self.options, *(f"--attach={pid}" for pid in pids)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.calls)
        until(lambda: all(is_traced_by(pid, self.process.pid) for pid in pids), "strace traces all")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(WAIT_S)

    def n_failed(self):
        """How many calls have failed so."""
        self.calls.seek(0)
        return self.calls.read().count("(INJECTED)")
