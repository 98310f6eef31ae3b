# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Which errors a system call has, by its manual page (section 2; for sockets also tcp(7), unix(7)),
and what each may cost.

A hindrance may befall anybody at any time: nothing is lost by it. An error that says that the peer is gone may cost the
one player of whom the call is. All others come only of a mistake of one's own: the process may end itself, and the
one player may be lost whom it was serving.
"""
SHORTAGE = ("ENOMEM", "EMFILE", "ENFILE", "ENOBUFS", "ENOSPC", "EDQUOT", "EINTR", "EAGAIN", "ECONNABORTED")
# What hinders only some calls, and is a mistake of others.
HINDERS = {"EIO": ("close", "pwrite64", "pread64", "read", "write", "writev", "readv", "readlink", "ftruncate",
           "fallocate",
                   "access", "chmod", "fsync"),
           "EPERM": ("accept4", "mlock", "mlock2", "setsockopt", "kill", "pidfd_send_signal", "sched_setattr", "chmod",
                     "getpgid", "prctl", "clone", "prlimit64", "fallocate"),
           "EACCES": ("openat", "readlink", "newfstatat", "access", "connect", "chmod", "execveat"),
           "ENOENT": ("openat", "readlink", "newfstatat", "access", "chmod", "execveat")}
GONE = ("ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTCONN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "ECONNREFUSED",
        "EHOSTDOWN", "ENONET", "ESRCH")

OPEN = ("ENOMEM", "EMFILE", "ENFILE", "EINTR", "EACCES", "ENOENT", "ELOOP", "ENAMETOOLONG", "ENOTDIR", "EINVAL",
        "ENXIO",
        "EOVERFLOW", "EPERM", "EROFS", "ETXTBSY", "EBUSY", "EFAULT", "EBADF", "ENODEV", "EISDIR", "EDQUOT", "ENOSPC")
PATH = ("EACCES", "ENOENT", "ELOOP", "ENAMETOOLONG", "ENOMEM", "ENOTDIR", "EFAULT", "EIO", "EINVAL", "EBADF")
RECEIVE = ("EAGAIN", "EINTR", "ENOMEM", "ENOBUFS", "ECONNRESET", "ECONNREFUSED", "ETIMEDOUT", "ENOTCONN",
           "EHOSTUNREACH",
           "EBADF", "EFAULT", "EINVAL", "ENOTSOCK")
SEND = ("EAGAIN", "EINTR", "ENOMEM", "ENOBUFS", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTCONN", "EHOSTUNREACH",
        "ENETDOWN",
        "EACCES", "EALREADY", "EBADF", "EDESTADDRREQ", "EFAULT", "EINVAL", "EISCONN", "EMSGSIZE", "ENOTSOCK",
        "EOPNOTSUPP")
READ = ("EAGAIN", "EINTR", "EIO", "EBADF", "EFAULT", "EINVAL", "EISDIR")  # of what is no socket
WRITE = ("EAGAIN", "EINTR", "EIO", "ENOSPC", "EDQUOT", "EPIPE", "EPERM", "EFBIG", "EBADF", "EFAULT", "EINVAL")

ERRORS = {
    "accept4": ("EAGAIN", "EINTR", "ENOMEM", "ENOBUFS", "EMFILE", "ENFILE", "ECONNABORTED", "EPERM", "ENETDOWN",
                "EPROTO",
                "ENOPROTOOPT", "EHOSTDOWN", "ENONET", "EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH", "ETIMEDOUT",
                "EBADF", "EFAULT", "EINVAL", "ENOTSOCK"),
    "access": PATH, "bind": ("EACCES", "EADDRINUSE", "EBADF", "EINVAL", "ENOTSOCK", "EADDRNOTAVAIL", "ENOMEM"),
    "brk": ("ENOMEM",),
    "chmod": (*PATH, "EPERM", "EROFS"),
    "clone": ("ENOMEM", "EAGAIN", "ENOSPC", "EPERM", "EINVAL", "EMFILE"),
    "close": ("EINTR", "EIO", "ENOSPC", "EDQUOT", "EBADF"),
    "close_range": ("EMFILE", "ENOMEM", "EINVAL"),
    "connect": ("EAGAIN", "EINTR", "ENOMEM", "ENOBUFS", "EACCES", "EPERM", "ECONNREFUSED", "ENETUNREACH",
                "ETIMEDOUT", "ENOENT",
                "EADDRINUSE", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EALREADY", "EBADF", "EFAULT", "EINPROGRESS", "EISCONN",
                "ENOTSOCK", "EPROTOTYPE"),
    "dup": ("EMFILE", "EBADF", "ENOMEM"), "dup2": ("EINTR", "EBUSY", "EBADF", "EMFILE"),
    "dup3": ("EINTR", "EBUSY", "EBADF", "EMFILE", "EINVAL"),
    "epoll_create1": ("ENOMEM", "EMFILE", "ENFILE", "EINVAL"),
    "epoll_ctl": ("ENOMEM", "ENOSPC", "EBADF", "EEXIST", "EINVAL", "ENOENT", "EPERM", "ELOOP"),
    "epoll_wait": ("EINTR", "EBADF", "EFAULT", "EINVAL"),
    "eventfd2": ("ENOMEM", "EMFILE", "ENFILE", "ENODEV", "EINVAL"),
    "execveat": ("ENOMEM", "EAGAIN", "EMFILE", "ENFILE", "EACCES", "EIO", "ENOENT", "ETXTBSY", "EPERM", "E2BIG",
                 "EFAULT",
                 "EINVAL", "ELIBBAD", "ENOEXEC", "EBADF", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENOTDIR"),
    "fallocate": ("ENOMEM", "ENOSPC", "EINTR", "EIO", "EPERM", "EBADF", "EFBIG", "EINVAL", "ENODEV", "ENOSYS",
                  "EOPNOTSUPP", "ESPIPE", "ETXTBSY"),
    "fcntl": ("EMFILE", "EAGAIN", "EACCES", "EINTR", "EBADF", "EINVAL", "EPERM", "EBUSY"),
    "fstatfs": ("ENOMEM", "EINTR", "EIO", "EBADF", "EFAULT", "ENOSYS"),
    "ftruncate": ("EINTR", "EIO", "EPERM", "EFBIG", "EINVAL", "EBADF"),
    "futex": ("EAGAIN", "EINTR", "ENOSYS", "EINVAL", "EFAULT"),
    "getdents64": ("EBADF", "EFAULT", "EINVAL", "ENOENT", "ENOTDIR"),
    "getpeername": ("ENOBUFS", "ENOTCONN", "EBADF", "EFAULT", "EINVAL", "ENOTSOCK"),
    "getpgid": ("ESRCH", "EPERM"), "getpriority": ("ESRCH", "EINVAL"),
    "getrandom": ("EINTR", "EAGAIN", "EFAULT", "EINVAL", "ENOSYS"),
    "getsockname": ("ENOBUFS", "EBADF", "EFAULT", "EINVAL", "ENOTSOCK"),
    "getsockopt": ("ENOMEM", "ENOBUFS", "EBADF", "EFAULT", "EINVAL", "ENOPROTOOPT", "ENOTSOCK"),
    "ioctl": ("EBADF", "EFAULT", "EINVAL", "ENOTTY"),
    "kill": ("EPERM", "ESRCH", "EINVAL"),
    "listen": ("EADDRINUSE", "EBADF", "ENOTSOCK", "EOPNOTSUPP"), "lseek": ("EBADF", "EINVAL", "EOVERFLOW", "ESPIPE"),
    "madvise": ("ENOMEM", "EAGAIN", "EACCES", "EBADF", "EINVAL", "EIO", "EPERM"),
    "memfd_create": ("ENOMEM", "EMFILE", "ENFILE", "EFAULT", "EINVAL", "EPERM"),
    "mlock": ("ENOMEM", "EAGAIN", "EPERM", "EINVAL"), "mlock2": ("ENOMEM", "EAGAIN", "EPERM", "EINVAL"),
    "mmap": ("ENOMEM", "EAGAIN", "ENFILE", "EACCES", "EPERM", "EBADF", "EINVAL", "ENODEV", "EOVERFLOW", "ETXTBSY"),
    "mprotect": ("ENOMEM", "EACCES", "EINVAL"), "mremap": ("ENOMEM", "EAGAIN", "EFAULT", "EINVAL"),
    "munmap": ("ENOMEM", "EINVAL"), "newfstatat": (*PATH, "EOVERFLOW"), "openat": OPEN,
    "pidfd_open": ("ENOMEM", "EMFILE", "ENFILE", "ENODEV", "ESRCH", "EINVAL"),
    "pidfd_send_signal": ("EPERM", "ESRCH", "EBADF", "EINVAL"),
    "pipe2": ("EMFILE", "ENFILE", "EFAULT", "EINVAL"),
    "poll": ("ENOMEM", "EINTR", "EFAULT", "EINVAL"), "ppoll": ("ENOMEM", "EINTR", "EFAULT", "EINVAL"),
    "prctl": ("EPERM", "EINVAL", "EFAULT", "EACCES"), "pread64": (*READ, "EOVERFLOW", "ESPIPE", "ENXIO"),
    "prlimit64": ("EPERM", "ESRCH", "EFAULT", "EINVAL"), "pwrite64": (*WRITE, "EOVERFLOW", "ESPIPE", "ENXIO"),
    "read": READ, "readlink": PATH, "readv": READ,
    "recvfrom": RECEIVE, "recvmmsg": RECEIVE, "recvmsg": (*RECEIVE, "EMFILE"),
    "rt_sigaction": ("EFAULT", "EINVAL"), "rt_sigprocmask": ("EFAULT", "EINVAL"),
    "sched_getscheduler": ("ESRCH", "EINVAL"), "sched_setattr": ("EPERM", "ESRCH", "EBUSY", "EINVAL", "E2BIG"),
    "sendmmsg": SEND, "sendmsg": (*SEND, "ETOOMANYREFS"), "sendto": SEND,
    "setsockopt": ("ENOMEM", "ENOBUFS", "EPERM", "EBADF", "EFAULT", "EINVAL", "ENOPROTOOPT", "ENOTSOCK", "EDOM",
                   "EISCONN"),
    "shutdown": ("ENOTCONN", "EBADF", "EINVAL", "ENOTSOCK"), "sigaltstack": ("ENOMEM", "EFAULT", "EINVAL", "EPERM"),
    "signalfd4": ("ENOMEM", "EMFILE", "ENFILE", "ENODEV", "EBADF", "EINVAL"),
    "socket": ("ENOMEM", "ENOBUFS", "EMFILE", "ENFILE", "EACCES", "EAFNOSUPPORT", "EINVAL", "EPROTONOSUPPORT"),
    "socketpair": ("ENOMEM", "EMFILE", "ENFILE", "EAFNOSUPPORT", "EFAULT", "EOPNOTSUPP", "EPROTONOSUPPORT"),
    "sysinfo": ("EFAULT",),
    "wait4": ("EINTR", "ECHILD", "EINVAL"), "waitid": ("EINTR", "ECHILD", "EINVAL"),
    "write": WRITE, "writev": WRITE,
}
# They have none, or do not come back.
WITHOUT = ("alarm", "arch_prctl", "exit_group", "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid",
           "gettid",
           "getuid", "restart_syscall", "rseq", "rt_sigreturn", "set_robust_list", "set_tid_address", "tgkill",
           "umask", "uname")
# They have done their work when they fail: what is closed is closed.
LIARS = ("close",)
# Of a connection. When one of them fails for good, the connection is over, and so are the events that it brings.
PROCESS_CALLS = ("getpgid", "kill", "pidfd_open")  # the same of a process: ESRCH says that it is dead
STREAM_CALLS = ("read", "readv", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "write", "writev")

HINDRANCE, PEER_GONE, MISTAKE = "hindrance", "the peer is gone", "mistake"


def errors_of(call):
    if call.is_on_socket:
        return RECEIVE if call.name in ("read", "readv") else SEND
    return ERRORS.get(call.name, ())


def class_of(call, error):
    name = call.name
    if error in SHORTAGE or (name in HINDERS.get(error, ()) and not call.is_on_socket):
        return HINDRANCE
    return PEER_GONE if error in GONE else MISTAKE


def find_doubts():
    """Names that no system call or error has."""
    import errno
    return sorted({error for errors in ERRORS.values() for error in errors if not hasattr(errno, error)})


assert not find_doubts(), find_doubts()
