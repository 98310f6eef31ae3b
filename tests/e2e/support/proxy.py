# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A proxy like docker's: proxy.py FROM_PORT TO_PORT DELAY. Its listener stays while what is behind it dies and comes
back. It passes the end of a connection on after DELAY seconds."""
import contextlib
import select
import socket
import subprocess
import sys
import time


def pipe(from_port, to_port, delay):
    door = socket.create_server(("127.0.0.1", from_port))
    print("ready", flush=True)
    others = {}
    while True:
        for sock in select.select([door, *others], [], [])[0]:
            if sock is door:
                one = door.accept()[0]
                try:
                    other = socket.create_connection(("127.0.0.1", to_port))
                except OSError:
                    one.close()
                    continue
                others[one], others[other] = other, one
            elif sock in others:
                try:
                    data = sock.recv(65536)
                except OSError:
                    data = b""
                if data:
                    others[sock].sendall(data)
                else:
                    other = others.pop(sock)
                    others.pop(other)
                    sock.close()
                    time.sleep(delay)
                    other.close()


@contextlib.contextmanager
def proxy(from_port, to_port, delay=0):
    """One that runs, and listens."""
    with subprocess.Popen([sys.executable, "-I", "-S", __file__, str(from_port), str(to_port),
                           str(delay)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    pipe(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
