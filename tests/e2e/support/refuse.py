# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Runs a program whose system calls a filter refuses, as a container's may (seccomp(2)):

    refuse.py ERROR CALL[,CALL...] PROGRAM [ARGUMENT...]

CALL is a name of NUMBERS, perhaps with a condition on its first argument: "socket=10", "prctl=1",
"clone&0x1000" (any of these bits).
"""
import ctypes
import errno
import os
import platform
import re
import struct
import sys

# On x86-64 and on ARM64.
NUMBERS = {
    "clone": (56, 220), "clone3": (435, 435), "close_range": (436, 436), "epoll_pwait2": (441, 441),
    "epoll_pwait": (281, 22), "epoll_wait": (232, None), "eventfd2": (290, 19),
    "faccessat2": (439, 439), "fallocate": (285, 47), "getrandom": (318, 278),
    "io_uring_setup": (425, 425), "landlock_create_ruleset": (444, 444), "memfd_create": (319, 279),
    "mlock2": (325, 284), "openat2": (437, 437), "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "prctl": (157, 167),
    "recvmmsg": (299, 243), "rseq": (334, 293), "sendmmsg": (307, 269), "signalfd4": (289, 74),
    "socket": (41, 198), "statx": (332, 291), "unshare": (272, 97),
}
MACHINES = {"x86_64": (0, 0xc000003e), "aarch64": (1, 0xc00000b7)}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000
CALL, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # struct seccomp_data


def is_possible():
    return platform.machine() in MACHINES


def line(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def program(calls, error):
    """The filter, for a kernel that runs it at each call."""
    column, architecture = MACHINES[platform.machine()]
    lines = [line(LOAD, ARCHITECTURE), line(JUMP_EQUAL, architecture, 1, 0), line(RETURN, ALLOW)]
    for call in calls:
        name, condition, value = re.fullmatch(r"(\w+?)(?:([=&])(\w+))?", call).groups()
        number = NUMBERS[name][column]
        if number is None:
            continue
        test = [line(LOAD, FIRST_ARGUMENT),
                line(JUMP_EQUAL if condition == "=" else JUMP_SET, int(value, 0), 0, 1)
                ] if condition else []
        lines += [line(LOAD, CALL), line(JUMP_EQUAL, number, 0, len(test) + 1), *test,
                  line(RETURN, ERRNO | error)]
    return lines + [line(RETURN, ALLOW)]


def refuse(calls, error):
    """From here on, for this process and all that come of it."""
    lines = program(calls, error)
    code = ctypes.create_string_buffer(b"".join(lines))
    whole = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, whole, 0, 0)):
        raise OSError(ctypes.get_errno(), "no filter can be set")


def wrapper(error, *calls):
    """What to write before a command."""
    return [sys.executable, os.path.abspath(__file__), error, ",".join(calls)]


if __name__ == "__main__":
    refuse(sys.argv[2].split(","), getattr(errno, sys.argv[1]))
    os.execv(sys.argv[3], sys.argv[3:])
