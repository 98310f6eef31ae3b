# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Players: plain, by Python's ssl (over memory, so that every record can be touched), and by
programs that people use."""
import fcntl
import os
import pty
import select
import shutil
import socket
import ssl
import struct
import subprocess
import termios
import time

from .stream import MORE, Ended, PipeStream, SocketStream
from .waiting import WAIT_S

GAMES_PATH = os.environ.get("PATH", "") + ":/usr/games"


def program(name):
    path = shutil.which(name, path=GAMES_PATH)
    assert path, f"{name} is not installed (tools/setup installs it)"
    return path


OWN_PORTS = set()  # that players of these tests have had


def bind_own_port(host, source):
    """By itself connect takes a port that has a connection to somewhere else, or had one a moment ago: tests tell
    players by theirs. (That few are left for long is no reason to fail.)"""
    for _ in range(100):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        sock.bind((source or ("::" if ":" in host else "0.0.0.0"), 0))
        port = sock.getsockname()[1]
        if port not in OWN_PORTS:
            OWN_PORTS.add(port)
            return sock
        sock.close()
    OWN_PORTS.clear()
    return bind_own_port(host, source)


def connect(port, host="127.0.0.1", source=None, receive_bytes=None):
    sock = bind_own_port(host, source)
    sock.settimeout(WAIT_S)
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.connect((host, port))
    return sock


class PlainPlayer(SocketStream):
    def __init__(self, port=None, sock=None, **where):
        super().__init__(sock or connect(port, **where))
        self.port = self.sock.getsockname()[1]
        self.place = self.port, self.sock.getpeername()[1]


def context_for(version=None, ciphers=None, trust=None, client_certificate=None, alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Python takes an end of file for a close_notify otherwise.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if trust:
        context.load_verify_locations(trust)
        context.verify_mode = ssl.CERT_REQUIRED
    if version:
        context.minimum_version = context.maximum_version = {
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    if ciphers:
        context.set_ciphers(ciphers)
    if client_certificate:
        context.load_cert_chain(*client_certificate)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsPlayer(SocketStream):
    """`name`: SNI. `session`: of another player with the same context, to be resumed."""

    def __init__(self, port=None, sock=None, context=None, name=None, session=None, version=None,
                 is_shaken=True, **where):
        super().__init__(sock or connect(port, **where))
        self.port = self.sock.getsockname()[1]
        self.place = self.port, self.sock.getpeername()[1]
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.context = context or context_for(version)
        self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_hostname=name,
                                         session=session)
        if is_shaken:
            self.shake()

    def shake(self):
        while True:
            try:
                self.tls.do_handshake()
                self.flush()
                return
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(MORE)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def flush(self):
        """Send the records that are ready."""
        records = self.outgoing.read()
        if records:  # sending nothing would still wait for room
            self.sock.settimeout(WAIT_S)
            self.sock.sendall(records)

    def receive(self, seconds):
        while True:
            try:
                data = self.tls.read(MORE)
                self.buffer += data
                if not data:
                    self.ended = "close_notify"
                return True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                self.ended = "close_notify"
                return True
            except ssl.SSLEOFError:
                self.ended = "eof"
                return True
            except ssl.SSLError as error:
                self.ended = f"alert {error.reason}"
                return True
            try:
                self.flush()
                self.sock.settimeout(seconds)
                data = self.sock.recv(MORE)
            except TimeoutError:
                return False
            except (ConnectionResetError, BrokenPipeError):
                self.ended = "reset"
                return True
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def seal(self, data):
        """The records that carry data, not sent."""
        self.tls.write(data)
        return self.outgoing.read()

    def send_raw(self, records):
        self.sock.settimeout(WAIT_S)
        self.sock.sendall(records)

    def send(self, data):
        self.send_raw(self.seal(data))

    def say_goodbye(self):
        """close_notify, not sent yet; reading goes on."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def end_sending(self):
        self.sock.sendall(self.say_goodbye())


def half_shaken(port):
    """A player in the middle of its handshake: stayd's answer is here, so somebody has taken it."""
    player = TlsPlayer(port, is_shaken=False)
    try:
        player.tls.do_handshake()
    except ssl.SSLWantReadError:
        player.flush()
    select.select([player.sock], [], [], WAIT_S)
    return player


def is_finished_in_time(player, begun, check):
    """Finish its handshake, and call check(). False: stayd, which was to make room `begun` (monotonic)
    or later, has not waited any longer; a second it must."""
    try:
        player.shake()
        check()
        return True
    except (Ended, OSError):
        assert time.monotonic() - begun > 0.9, "it is waited for, a second at most"
        return False


class ProgramPlayer(PipeStream):
    """A program that joins its standard input and output to the game."""

    def __init__(self, *command, stderr=subprocess.DEVNULL):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=stderr, bufsize=0)
        super().__init__(self.process.stdin.fileno(), self.process.stdout.fileno())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def s_client(port, *options):
    return ProgramPlayer(program("openssl"), "s_client", "-quiet", "-connect", f"127.0.0.1:{port}",
                         *options)


def gnutls_cli(port, version, *options):
    return ProgramPlayer(program("gnutls-cli"), "--insecure", *options, "--logfile=/dev/null",
                         "--port", str(port), "--priority",
                         f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "127.0.0.1")


class TerminalPlayer(PipeStream):
    """A program that wants a terminal."""

    def __init__(self, *command, env=None):
        self.pid, fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
            os.execvpe(command[0], command, {**os.environ, "TERM": "dumb", **(env or {})})
        super().__init__(fd, fd)

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.to_fd)
