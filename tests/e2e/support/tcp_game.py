# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A game on TCP that was never changed: it knows addresses by accept and getpeername, and of stayd nothing.

    tcp_game.py LISTENER [PLAYER ...]      (descriptors)

It says "here ADDRESS PORT" to each player, and knows: peer (what getpeername says), twice (what it says of a copy of
the descriptor), exec (it executes itself and keeps its descriptors), call HEX (it connects to itself and sends that),
seen (the addresses of all that it has ever met). Other lines come back as "echo LINE".
"""
import os
import select
import socket
import subprocess
import sys


def place(address):
    return f"{address[0]} {address[1]}"


class House:
    def __init__(self, listener, players):
        self.listener = listener
        self.buffers = {player: b"" for player in players}
        self.callers = []
        self.seen = []

    def accept(self):
        try:
            player, address = self.listener.accept()
        except BlockingIOError:
            return
        self.buffers[player] = b""
        self.seen.append(address[0])
        try:
            player.sendall(f"here {place(address)}\r\n".encode())
        except OSError:  # it has gone
            pass

    def obey(self, player, line):
        word, _, rest = line.partition(b" ")
        if word == b"peer":
            player.sendall(f"peer {place(player.getpeername())}\r\n".encode())
        elif word == b"twice":
            with player.dup() as copy:
                player.sendall(f"twice {place(copy.getpeername())}\r\n".encode())
        elif word == b"exec":
            for sock in (self.listener, *self.buffers):
                sock.set_inheritable(True)
            numbers = [str(sock.fileno()) for sock in (self.listener, *self.buffers)]
            os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, *numbers])
        elif word == b"call":
            self.callers.append(socket.create_connection(self.listener.getsockname()[:2]))
            self.callers[-1].sendall(bytes.fromhex(rest.decode()))
        elif word == b"seen":
            player.sendall(f"seen {' '.join(self.seen)}\r\n".encode())
        else:
            player.sendall(b"echo " + line + b"\r\n")

    def hear(self, player):
        try:
            data = player.recv(65536)
            self.buffers[player] += data
            while b"\n" in self.buffers[player]:
                line, self.buffers[player] = self.buffers[player].split(b"\n", 1)
                self.obey(player, line.rstrip(b"\r"))
        except OSError:  # it has gone
            data = b""
        if not data:
            del self.buffers[player]
            player.close()

    def run(self):
        self.listener.setblocking(False)
        while True:
            for sock in select.select([self.listener, *self.buffers], [], [])[0]:
                if sock is self.listener:
                    self.accept()
                else:
                    self.hear(sock)


class TcpGame:
    """Listens on `address`; `environment`: what it is started with; more: of subprocess.Popen."""

    def __init__(self, address, environment, script=__file__, **more):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.create_server((address, 0), family=family)
        self.port = self.sock.getsockname()[1]
        self.connect = f"tcp:[{address}]:{self.port}" if ":" in address else \
            f"tcp:{address}:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", script, str(self.sock.fileno())],
            pass_fds=[self.sock.fileno()], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment(self.port), **more)
        self.sock.close()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


def main():
    listener, *players = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    House(listener, players).run()


if __name__ == "__main__":
    main()
