# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""One end of a connection as the tests use it: send, read until, read to the end."""
import os
import re
import select
import socket
import time

from .waiting import WAIT_S

MORE = 1 << 18


class Ended(Exception):
    """The connection ended before what was waited for had come."""


class Stream:
    """Subclasses receive; `ended` says how the other side ended: close_notify, eof, reset, ..."""

    def __init__(self):
        self.buffer = bytearray()
        self.ended = None

    def receive(self, seconds):
        """Wait for bytes, put them into the buffer or set `ended`. False: nothing in time."""
        raise NotImplementedError

    def _fill(self, is_enough, seconds, what):
        end = time.monotonic() + seconds
        while not is_enough():
            if self.ended:
                raise Ended(f"{self.ended} instead of {what}; had {bytes(self.buffer[-300:])!r}")
            left = end - time.monotonic()
            if left <= 0 or not self.receive(left):
                raise AssertionError(
                    f"not within {seconds} s: {what}; had {bytes(self.buffer[-300:])!r}")

    def _take(self, n):
        taken = bytes(self.buffer[:n])
        del self.buffer[:n]
        return taken

    def read_until(self, text, seconds=WAIT_S):
        """Everything up to and with `text` (bytes, or a compiled pattern)."""
        pattern = text if isinstance(text, re.Pattern) else re.compile(re.escape(text))
        self._fill(lambda: pattern.search(self.buffer), seconds, f"{pattern.pattern!r}")
        return self._take(pattern.search(self.buffer).end())

    def find(self, text, seconds=WAIT_S):
        """Wait until it has been said; what comes before and after it is still to be read."""
        self._fill(lambda: text in self.buffer, seconds, f"{text!r}")

    def read_line(self, seconds=WAIT_S):
        return self.read_until(b"\n", seconds).rstrip(b"\r\n")

    def read_exactly(self, n, seconds=WAIT_S):
        self._fill(lambda: len(self.buffer) >= n, seconds, f"{n} bytes")
        return self._take(n)

    def read_to_end(self, seconds=WAIT_S):
        """(what was still to come, how it ended)"""
        try:
            self._fill(lambda: False, seconds, "the end")
        except Ended:
            pass
        return self._take(len(self.buffer)), self.ended


class SocketStream(Stream):
    def __init__(self, sock):
        super().__init__()
        self.sock = sock

    def receive(self, seconds):
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(MORE)
        except TimeoutError:
            return False
        except ConnectionResetError:
            self.ended = "reset"
            return True
        self.buffer += data
        if not data:
            self.ended = "eof"
        return True

    def send(self, data):
        self.sock.settimeout(WAIT_S)
        self.sock.sendall(data)

    def send_some(self, data):
        """As much as there is room for now; how many bytes went."""
        self.sock.setblocking(False)
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    def end_sending(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()


class PipeStream(Stream):
    """A program's standard input and output, or a terminal's one descriptor for both."""

    def __init__(self, to_fd, from_fd):
        super().__init__()
        self.to_fd = to_fd
        self.from_fd = from_fd

    def receive(self, seconds):
        if not select.select([self.from_fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.from_fd, MORE)
        except OSError:  # a terminal whose program has ended says EIO
            data = b""
        self.buffer += data
        if not data:
            self.ended = "eof"
        return True

    def send(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.to_fd, view):]
