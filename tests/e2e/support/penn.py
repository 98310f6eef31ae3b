# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A stand-in for PennMUSH 1.8.8: its local socket and its ssl_slave, as bsd.c and ssl_master.c do it.
Run as a program it is that game:

    penn.py OPTIONS    (JSON; the working directory is the game's)

It says "here FLAG IP HOST PID" to each player (FLAG: S for TLS, L for local) and echoes lines as "echo LINE". It
knows: look (says the first again, and the window size that telnet told), quit, @shutdown, @shutdown/reboot.
"""
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time

SETTINGS = "<256s64siii256s256s256s256sii"
SOCKET = "data/netmush.sock"
BACKLOG = 5
PATIENCE_MS = 10000  # PennMUSH waits for 100 ms; a busy machine may take longer
ONE_READ = 8191
NAME_BYTES = 99
MAX_ATTEMPTS = 5
NAWS = re.compile(rb"\xff\xfa\x1f(....)\xff\xf0", re.DOTALL)
TELNET = re.compile(rb"\xff\xfa.*?\xff\xf0|\xff[\xfb-\xfe].", re.DOTALL)


def log(text):
    os.write(2, f"{text}\n".encode())


class Player:
    def __init__(self, sock, flag, address, host, size="?"):
        sock.setblocking(True)
        self.sock = sock
        self.flag = flag
        self.address = address
        self.host = host
        self.size = size
        self.buffer = b""

    def say(self, text):
        try:
            self.sock.sendall(text.encode("latin-1") + b"\r\n")
        except OSError:
            pass

    def greet(self, word="here"):
        self.say(f"{word} {self.flag} {self.address} {self.host} {os.getpid()}")


class Slave:
    """The ssl_slave that the game has forked."""

    def __init__(self, options, pid=-1, pipe=-1):
        self.options = options
        self.pid = pid
        self.pipe = pipe
        self.is_halted = False
        self.attempts = 0
        self.window = 0

    def settings(self):
        option = self.options.get
        texts = [option(key, "").encode() for key in (
            "ssl_private_key_file", "ssl_certificate_file", "ssl_ca_file", "ssl_ca_dir")]
        packed = struct.pack(SETTINGS, SOCKET.encode(), option("ssl_ip_addr", "").encode(), 4201,
                             option("ssl_port"), 0, *texts, option("ssl_require_client_cert", 0),
                             option("keepalive_timeout", 300))
        return packed[:option("settings_bytes", len(packed))]

    def make(self):
        if self.is_halted or not self.options.get("ssl_port"):
            return
        self.window = self.window or time.time()
        self.attempts += 1
        if self.attempts > MAX_ATTEMPTS:
            if time.time() - self.window <= 60:
                log("Disabling ssl_slave due to too many errors.")
                self.is_halted = True
                return
            self.window, self.attempts = time.time(), 0
        ours, self.pipe = os.pipe()
        os.set_inheritable(self.pipe, True)
        self.pid = os.fork()
        if self.pid == 0:
            self._become(ours)
        os.close(ours)
        os.write(self.pipe, self.settings())
        log(f"Spawning ssl_slave, communicating over {SOCKET}, pid {self.pid}.")

    @staticmethod
    def _become(ours):
        os.dup2(ours, 0)
        os.dup2(os.open("log/connect.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), 1)
        os.closerange(3, 64)
        try:
            os.execv("./ssl_slave", ["ssl_slave", "for", "Stand-in"])
        finally:
            os._exit(1)

    def reap(self):
        """A slave that is dead is made anew at once."""
        try:
            while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
                if pid == self.pid:
                    self.pid = -1
                    log(f"ssl_slave {pid} has ended")
                    os.close(self.pipe)
                    self.make()
        except ChildProcessError:
            pass

    def kill(self):
        if self.pid > 0:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)  # without limit


class Town:
    def __init__(self, options, listener, players, slave):
        self.options = options
        self.listener = listener
        self.players = {player.sock.fileno(): player for player in players}
        self.slave = slave

    def accept(self):
        """Exactly one read, after PATIENCE_MS at most."""
        sock = self.listener.accept()[0]
        os.set_inheritable(sock.fileno(), True)
        pid = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        flag, extra = "S" if pid == self.slave.pid else "L", b""
        ready = select.poll()
        ready.register(sock, select.POLLIN)
        if ready.poll(PATIENCE_MS):
            data = sock.recv(ONE_READ)
            if len(data) < 5:
                sock.close()
                return
            address, is_split, rest = data.split(b"\0")[0].partition(b"^")
            host, is_ended, extra = rest.partition(b"\r")
            extra = extra.removeprefix(b"\n") if is_ended else b""
            if not is_split:
                address = host = b"(Unknown)"
        else:
            flag, address, host = "S", b"(Unknown)", b"(Unknown)"
        player = Player(sock, flag, address[:NAME_BYTES].decode("latin-1"),
                        host[:NAME_BYTES].decode("latin-1"))
        self.players[sock.fileno()] = player
        player.greet()
        self.take(player, extra)

    def hear(self, player):
        try:
            data = player.sock.recv(ONE_READ)
        except OSError:
            data = b""
        if data:
            self.take(player, data)
        else:
            self.drop(player)

    def take(self, player, data):
        player.buffer += data
        for size in NAWS.findall(player.buffer):
            player.size = "{}x{}".format(*struct.unpack("!HH", size))
        player.buffer = TELNET.sub(b"", player.buffer)
        while b"\n" in player.buffer and player.sock.fileno() in self.players:
            line, player.buffer = player.buffer.split(b"\n", 1)
            self.obey(player, line.rstrip(b"\r").decode("latin-1"))

    def drop(self, player):
        del self.players[player.sock.fileno()]
        player.sock.close()

    def obey(self, player, line):
        if line == "look":
            player.greet(f"look {player.size}")
        elif line == "quit":
            player.say("bye")
            self.drop(player)
        elif line == "@shutdown":
            self.shut_down()
        elif line == "@shutdown/reboot":
            self.reboot()
        else:
            player.say(f"echo {line}")

    def shut_down(self):
        for player in list(self.players.values()):
            player.say("Going down - Bye")
            self.drop(player)
        self.slave.kill()
        self.listener.close()
        os.unlink(SOCKET)
        time.sleep(self.options.get("save_s", 0))  # the database
        log("the shutdown is complete")
        os._exit(0)

    def reboot(self):
        """What was read and not run is lost, and so is what a player has half typed."""
        kept = [[fd, one.flag, one.address, one.host, one.size]
                for fd, one in self.players.items()]
        for one in self.players.values():
            one.say("Reboot, please wait.")
        state = [self.listener.fileno(), kept, self.slave.pid, self.slave.pipe]
        os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, json.dumps(self.options),
                                  json.dumps(state)])

    def run(self):
        wake, waker = os.pipe()
        for fd in (wake, waker):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker)
        self.slave.reap()
        while True:
            poll = select.poll()
            for fd in (wake, self.listener.fileno(), *self.players):
                poll.register(fd, select.POLLIN)
            for fd, _ in poll.poll():
                if fd == wake:
                    os.read(wake, 64)
                    self.slave.reap()
                elif fd == self.listener.fileno():
                    self.accept()
                elif fd in self.players:
                    self.hear(self.players[fd])


def start(options):
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(SOCKET)
    listener.listen(BACKLOG)
    os.set_inheritable(listener.fileno(), True)
    slave = Slave(options)
    slave.make()
    return Town(options, listener, [], slave)


def resume(options, listener, players, pid, pipe):
    made = [Player(socket.socket(fileno=fd), *facts) for fd, *facts in players]
    slave = Slave(options, pid, pipe)
    town = Town(options, socket.socket(fileno=listener), made, slave)
    try:
        if pid <= 0:
            raise ProcessLookupError
        os.kill(pid, 0)
    except ProcessLookupError:
        slave.make()
    for player in made:
        player.say("Reboot finished.")
    return town


class Penn:
    """Start it, kill it, start it again. `slave`: the file that is copied to ssl_slave."""

    def __init__(self, folder, slave=None, stayd=None, **options):
        self.folder = folder
        self.options = options
        self.process = None
        for name in ("data", "log"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        for name, file in (("ssl_slave", slave), ("stayd", stayd)):
            if file:
                os.symlink(file, os.path.join(folder, name))
        self.connect = f"unix:{folder}/{SOCKET}"
        self.log_path = os.path.join(folder, "log", "netmush.log")

    def start(self):
        with open(self.log_path, "ab") as its_log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, json.dumps(self.options)], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=its_log, stderr=its_log)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.kill()
        return self.start()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()


def main():
    options = json.loads(sys.argv[1])
    town = resume(options, *json.loads(sys.argv[2])) if len(sys.argv) > 2 else start(options)
    town.run()


if __name__ == "__main__":
    main()
