# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Processes below this one, by /proc. This one is made a subreaper, so that nobody is lost; the
orphans that die stay zombies, which count as dead."""
import ctypes
import os
import signal

from .waiting import WAIT_S, until, until_lasting

PR_SET_CHILD_SUBREAPER = 36
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def become_subreaper():
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def stat_of(pid):
    """(name, state, parent, all fields behind the state) or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    fields = text[text.rindex(")") + 2:].split()
    return name, fields[0], int(fields[1]), fields


def is_alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat[1] not in "ZX"


def are_asleep(pids):
    """None of them runs, or would if it had a processor."""
    stats = [stat_of(pid) for pid in pids]
    return all(stat is None or stat[1] not in "RD" for stat in stats)


def await_rest():
    """Until nobody below this process has anything to do: all has come as far as it can."""
    until_lasting(lambda: are_asleep(descendants()), "all processes have come to rest")


def descendants():
    """{pid: name} of every living process below this one."""
    stats = {int(pid): stat_of(pid) for pid in os.listdir("/proc") if pid.isdigit()}
    found = {}
    wave = {os.getpid()}
    while wave:
        wave = {pid for pid, stat in stats.items() if stat and stat[2] in wave and pid not in found}
        found.update({pid: stats[pid][0] for pid in wave})
    return {pid: name for pid, name in found.items() if stats[pid][1] not in "ZX"}


def look_into(look, pid, name):
    """look(), say os.listdir, at /proc/PID/NAME. stayd's processes show that to nobody but a root
    who has CAP_SYS_PTRACE: else the test is skipped."""
    try:
        return look(f"/proc/{pid}/{name}")
    except PermissionError as error:
        import pytest  # the benches do without
        pytest.skip(f"only root may look into another process: {error}")


def cpu_seconds(pid):
    fields = stat_of(pid)[3]
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def memory_bytes(pid):
    """Anonymous and shared memory; files mapped (libraries) are not counted."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        lines = dict(line.split(":", 1) for line in file)
    return sum(int(lines[key].split()[0]) * 1024 for key in ("RssAnon", "RssShmem"))


def end_all(pids, seconds=WAIT_S):
    """SIGTERM, then SIGKILL, to these processes and no others."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        living = [pid for pid in pids if is_alive(pid)]
        for pid in living:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        try:
            until(lambda: not any(is_alive(pid) for pid in pids), "processes ended", seconds)
            return
        except AssertionError:
            if number == signal.SIGKILL:
                raise
