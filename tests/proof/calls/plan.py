# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Which strikes there are, of the calls that were made in the deeds."""
import re

from support.daemon import ROLES

from errors import ERRORS, HINDRANCE, WITHOUT, class_of, errors_of
from trial import Strike

# They change nothing but what dies with their process: to be killed after one is to be killed before it.
PRIVATE = {"access", "arch_prctl", "brk", "fstatfs", "futex", "getdents64", "getegid", "geteuid", "getgid",
           "getpeername", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom",
           "getsockname", "getsockopt", "gettid", "getuid", "ioctl", "lseek", "madvise", "mlock", "mlock2",
           "mmap", "mprotect", "mremap", "munmap", "newfstatat", "openat", "pread64", "prlimit64",
           "readlink", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getscheduler",
           "set_robust_list", "set_tid_address", "sigaltstack", "sysinfo", "epoll_wait", "poll", "ppoll",
           "prctl", "restart_syscall"}
ENDS = {"exit_group"}
PECULIAR = {"EAGAIN", "EINTR"}
OWN_TABLE = ("entry", "rehearse")  # whose descriptors are not the others'


def is_program(call):
    """Made by the program, and not by the loader before it."""
    return any(call.place)


def kills(deed, call, is_after_change, is_first):
    """A kill after a call leaves what a kill before the next one does, unless the vault has changed meanwhile."""
    is_private = call.name in PRIVATE or (call.name == "close" and call.role in OWN_TABLE)
    if is_after_change or call.name in ENDS or (is_first and call.role in OWN_TABLE):
        yield Strike(deed, call, "before")
    if call.name not in ENDS and (is_first or not is_private):
        yield Strike(deed, call, "after")


def choose(call, errors, known):
    """Of errors of one class: those that the program treats in ways of their own, those that no call of this name and
    process has had yet, and at least one, not the same everywhere."""
    new = {error for error in errors if (role_of(call), call.name, error) not in known}
    known.update((role_of(call), call.name, error) for error in new)
    chosen = new | {error for error in errors if error in PECULIAR} if is_program(call) else new
    return chosen or {errors[sum(call.place) % len(errors)]}


def failures(deed, call, known):
    if call.name in WITHOUT:
        return
    assert call.name in ERRORS, f"{call.name}: its errors are to be said in errors.py"
    classes = {}
    for error in errors_of(call):
        classes.setdefault(class_of(call, error), []).append(error)
    for errors in classes.values():
        for error in sorted(choose(call, errors, known)):
            yield Strike(deed, call, "fail", error)


def role_of(call):
    """Of what has not named itself yet, its maker's."""
    return re.match(r"\w*", call.role).group()


def is_ours(call):
    """Not one of systemd's, or of what it executes beside stayd."""
    return role_of(call) in (*ROLES, "rehearse", "stayd")


def make(deed, recorded, known):
    """All strikes for what was recorded in a deed; known: calls of earlier deeds, which grows."""
    for call, (_, _, is_after_change) in sorted(recorded.items()):
        is_first = call not in known
        yield from kills(deed, call, is_after_change, is_first)
        if is_first:
            known.add(call)
            yield from failures(deed, call, known)


def make_short(deed, recorded, known):
    """Each call of each process, and of what it makes, once, where it is made most often: killed after it; each error
    that is a hindrance once."""
    for call in sorted(recorded, key=lambda call: (-recorded[call][0], call)):
        key = role_of(call), call.name
        if key in known:
            continue
        known.add(key)
        yield Strike(deed, call, "before" if call.name in ENDS else "after")
        for error in errors_of(call):
            if class_of(call, error) == HINDRANCE and (call.name, error) not in known:
                known.add((call.name, error))
                yield Strike(deed, call, "fail", error)


def make_for_unit(deed, recorded, known):
    """As a unit, what is of the store: the guard's calls, and those of the start that finds it. Killed before and after
    them; those of a start fail once."""
    for call, (_, _, is_after_change) in sorted(recorded.items()):
        is_others = call.role in ("worker", *OWN_TABLE) or call.role.endswith("+!")
        if is_others or not is_program(call) or call in known:
            continue
        known.add(call)
        if call.name not in PRIVATE:
            yield from kills(deed, call, is_after_change, False)
            if call.role.startswith("stayd") or (call.role, call.name) not in known:
                known.add((call.role, call.name))
                yield from list(failures(deed, call, set()))[:1]


def steps(recorded):
    """Calls after which the vault changes, of those who change it. (Not of the worker, whose steps tests/crash knows;
    an entry has no vault, and the changes that it sees are others'.)"""
    def is_stepped(call):
        return call.role not in ("worker", *OWN_TABLE) and not call.role.endswith("+!")
    return sorted(call for call, (_, is_before_change, _) in recorded.items() if is_before_change and is_stepped(call))
