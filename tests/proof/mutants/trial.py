# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Run tests as mutants, in processes of which nothing stays behind."""
import ctypes
import os
import resource
import signal
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x20000
MS_REC_PRIVATE = 0x4000 | 0x40000
LEAST_SECONDS = 5.0  # that a test may take, however quick it is otherwise
TIMES = 8            # ... or so many times what it takes


def settle_in(build):
    """For a process that runs tests: it inherits what they leave, and has a /tmp of its own, if it may."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not os.path.realpath(build).startswith("/tmp/") and LIBC.unshare(CLONE_NEWNS) == 0:
        LIBC.mount(b"none", b"/", None, MS_REC_PRIVATE, None)
        LIBC.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b"mode=1777,size=50%")


def children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def end_all_children():
    while True:
        left = children()
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass


def run_test(build, test, mutant, seconds, reached=None):
    """"passed", "failed" or "late"."""
    environment = {**os.environ, **test.environment, "STAYD_MUTANT": str(mutant)}
    if reached:
        environment["STAYD_REACHED"] = reached
    process = subprocess.Popen(test.command, cwd=build, env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        status = None
    if status is None:
        process.kill()
        process.wait()
    end_all_children()
    return "late" if status is None else "passed" if status in (0, 77) else "failed"


def measure(build, tests, index, folder, n_bytes):
    """One test, as it is: (how it ended, seconds, a byte for each mutant)."""
    path = os.path.join(folder, f"reached.{index}")
    with open(path, "wb") as file:
        file.truncate(n_bytes)
    start = time.monotonic()
    result = run_test(build, tests[index], 0, 600, path)
    seconds = time.monotonic() - start
    with open(path, "rb") as file:
        reached = file.read()
    os.unlink(path)
    return result, seconds, reached


def limit(test):
    return max(LEAST_SECONDS, TIMES * test.seconds)


def run_patiently(build, test, number):
    """As run_test; a test is late by the mutant only if it is quick enough, now, without it."""
    seconds = limit(test)
    while True:
        result = run_test(build, test, number, seconds)
        if result != "late":
            return result
        start = time.monotonic()
        run_test(build, test, 0, seconds)
        if time.monotonic() - start < seconds / 4:
            return result
        seconds *= 2


def try_mutant(build, tests, number, order):
    """The index of the test that kills it, or None; and how."""
    for index in order:
        result = run_patiently(build, tests[index], number)
        if result != "passed":
            return index, result
    return None, "passed"
