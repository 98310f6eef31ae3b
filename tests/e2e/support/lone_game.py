# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A game that is a process of its own, so that it can die. Run as a program it is that game:

    lone_game.py PLACE BACKLOG SLOWNESS PIDFILE|- daemon:SECONDS|web|- CONTROL|- WORDS

With CONTROL it attaches there first, with WORDS (resume, ack). Then "here" is followed by "resumed INPUT OUTPUT STATE",
if the header says so, and it knows: state TEXT (leaves it), ack (all that was read), plan WORDS (reboot, shutdown
hold|end), end TEXT (has stayd close this player); with WORDS "later" it attaches when it is told: attach WORDS;
ack-lines (from now on, each line before it is obeyed; also by a state of that name).

PLACE is the path of a Unix socket or a TCP port. It says "here PID ID N" to each player: the connection's id, and how many came before.
It echoes lines as "echo LINE", and knows: quit (closes this player), shutdown MS (closes everybody, and exits MS
milliseconds later), exit (only exits), raw HEX (sends bytes), flood N (sends N numbered lines), dump S (forks a
child that keeps all sockets open for S seconds), daemon (goes on in a child).
With daemon:SECONDS it goes on in a child so long after it has begun to listen.
It takes a player every SLOWNESS seconds at most. With web it speaks HTTP as well: it says nothing before the player
does, and who sends a request gets UPGRADED and then all that it sends; "bye" ends it, "shutdown MS" is obeyed.
"""
import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
COMMANDS = re.compile(rb"\xff[\xfb-\xfe].", re.DOTALL)


class Player:
    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.is_known = False
        self.id = None
        self.n_read = 0  # bytes of the lines taken
        self.is_acking = False
        self.is_web = False

    def say(self, data):
        self.sock.setblocking(True)
        self.sock.sendall(data)

    def take_header(self, n):
        if len(self.buffer) < 16 or len(self.buffer) < 16 + int.from_bytes(self.buffer[14:16], "big"):
            return
        end = 16 + int.from_bytes(self.buffer[14:16], "big")
        tlvs = self.buffer[16 + (12 if self.buffer[13] == 0x11 else 36):end]
        self.buffer = self.buffer[end:]
        self.is_known = True
        facts = {}
        while tlvs:
            end = 3 + int.from_bytes(tlvs[1:3], "big")
            facts[tlvs[0]], tlvs = tlvs[3:end], tlvs[end:]
        self.id = facts[5].hex()
        resumed = facts.get(0xE2, b"")
        self.n_read = int.from_bytes(resumed[:8], "big")
        if n is not None:
            self.greet(n)
        self.is_acking = resumed[16:] == b"ack-lines"
        if resumed:
            n_taken = int.from_bytes(resumed[8:16], "big")
            self.say(b"resumed %d %d %s\r\n" % (self.n_read, n_taken, resumed[16:]))


    def greet(self, n):
        self.say(f"here {os.getpid()} {self.id} {n}\r\n".encode())


class Town:
    def __init__(self, place, backlog, slowness, control, words, is_web=False):
        self.is_web = is_web
        self.control = None
        self.control_place = control
        if control != "-" and words != "later":
            self.attach(control, words)
        self.listener = listen_at(place, backlog)
        self.players = {}
        self.n_ever = 0
        self.slowness = slowness

    def attach(self, control, words):
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(control)
        self.answers = self.control.makefile("rb")
        self.answers.readline()
        self.ask(f"attach mush {words}")

    def ask(self, request):
        self.control.sendall(f"id {request}\n".encode())
        answer = self.answers.readline()
        assert answer.startswith(b"id ok"), answer

    def obey_attached(self, player, word, rest):
        verb, _, how = rest.partition(" ")
        self.ask({"state": f"state {player.id} {rest.encode().hex()}",
                  "ack": f"ack {player.id} {player.n_read}",
                  "plan": f"{verb} mush {how}".rstrip(),
                  "end": f"close {player.id} {rest}"}[word])
        if word != "end":
            player.say(b"done\r\n")

    def obey(self, player, line):
        word, _, rest = line.decode("latin-1").partition(" ")
        if player.is_acking:
            self.ask(f"ack {player.id} {player.n_read}")
        if self.control and word in ("state", "ack", "plan", "end"):
            self.obey_attached(player, word, rest)
        elif word == "ack-lines":
            player.is_acking = True
        elif word == "attach":
            self.attach(self.control_place, rest)
            player.say(b"done\r\n")
        elif word == "quit":
            player.say(b"bye\r\n")
            self.drop(player)
        elif word == "shutdown":
            self.listener.close()
            for one in list(self.players.values()):
                one.say(b"going down\r\n")
                self.drop(one)
            time.sleep(int(rest) / 1000)
            os._exit(0)
        elif word == "exit":
            os._exit(0)
        elif word == "raw":
            player.say(bytes.fromhex(rest))
        elif word == "flood":
            player.sock.setblocking(True)
            player.say(b"".join(b"flood %d\r\n" % n for n in range(int(rest))))
        elif word == "dump":
            if os.fork() == 0:
                time.sleep(int(rest))
                os._exit(0)
            player.say(b"dumping\r\n")
        else:
            player.say(b"echo " + line + b"\r\n")

    def drop(self, player):
        del self.players[player.sock.fileno()]
        with contextlib.suppress(OSError):  # it has gone
            player.sock.shutdown(socket.SHUT_RDWR)  # a child may have a copy
        player.sock.close()

    def hear(self, player):
        data = player.sock.recv(65536)
        if not data:
            self.drop(player)
            return
        player.buffer += data
        if not player.is_known:
            player.take_header(None if self.is_web else self.n_ever)
            self.n_ever += player.is_known
        if self.is_web and player.is_known and player.buffer:
            self.hear_first(player)
        while player.is_known and b"\n" in player.buffer and player.sock.fileno() in self.players:
            line, player.buffer = player.buffer.split(b"\n", 1)
            player.n_read += len(line) + 1
            self.obey(player, COMMANDS.sub(b"", line.rstrip(b"\r")))

    def hear_or_drop(self, player):
        try:
            self.hear(player)
        except (BrokenPipeError, ConnectionResetError):  # stayd has given its link up
            self.drop(player)

    def hear_first(self, player):
        if not player.is_web and not player.buffer.startswith(b"GET "):
            player.greet(self.n_ever)
            player.is_web = None
        if player.is_web is None:
            return
        if not player.is_web and b"\r\n\r\n" not in player.buffer:
            return
        player.say(player.buffer if player.is_web else UPGRADED)
        words, player.buffer = player.buffer, b""
        player.is_web = True
        if words.startswith(b"shutdown "):
            self.obey(player, words)
        elif words == b"bye":
            self.drop(player)

    def run(self):
        while True:
            ready = select.select([self.listener, *self.players], [], [])[0]
            for fd in ready:
                if fd is self.listener:
                    sock = self.listener.accept()[0]
                    self.players[sock.fileno()] = Player(sock)
                    time.sleep(self.slowness)
                elif fd in self.players:
                    self.hear_or_drop(self.players[fd])


def listen_at(place, backlog):
    is_tcp = place.isdigit()
    sock = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
    if is_tcp:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    elif os.path.exists(place):
        os.unlink(place)
    sock.bind(("127.0.0.1", int(place)) if is_tcp else place)
    sock.listen(backlog)
    return sock


class LoneGame:
    """Start, kill, and start again. `place`: path or port."""

    def __init__(self, place, backlog=128, slowness=0, pid_file=None, is_daemon=False,
                 control=None, words="", is_web=False, forks_after_s=0):
        self.place = place
        self.arguments = [str(place), str(backlog), str(slowness), pid_file or "-",
                          f"daemon:{forks_after_s}" if is_daemon else "web" if is_web else "-", control or "-", words]
        self.is_daemon = is_daemon
        self.connect = f"tcp:127.0.0.1:{place}" if isinstance(place, int) else f"unix:{place}"
        self.process = None
        self.pid = None

    def start(self):
        # Not this process' python: no packages of its own are needed, and it starts faster (-I -S).
        self.process = subprocess.Popen([sys.executable, "-I", "-S", __file__, *self.arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.pid = int(self.process.stdout.readline())
        if self.is_daemon:
            self.process.wait()  # the parent, which stayd might still take for the game
        return self

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self):
        self.kill()
        return self.start()

    def signal(self, number):
        os.kill(self.pid, number)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process:
            self.process.stdout.close()
        try:
            os.kill(self.pid, signal.SIGKILL)
        except (ProcessLookupError, TypeError):
            pass


def main():
    place, backlog, slowness, pid_file, kind, control, words = sys.argv[1:]
    is_daemon = kind.startswith("daemon:")
    town = Town(place, int(backlog), float(slowness), "-" if is_daemon else control, words,
                kind == "web")
    if is_daemon:
        time.sleep(float(kind.removeprefix("daemon:")))
        if os.fork() > 0:
            os._exit(0)
    if is_daemon and control != "-":
        town.attach(control, words)
    if pid_file != "-":
        with open(pid_file, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
    print(os.getpid(), flush=True)
    town.run()


if __name__ == "__main__":
    main()
