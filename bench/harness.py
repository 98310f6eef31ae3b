# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What the benchmarks have in common: the programs that play and are played with, pinned to a CPU.

Errors: whatever fails ends the run with a message.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RELAY_CPU, LOAD_CPU = "0", "1"
PROGRAMS = {"load": (["load.c", "watch.c", "players.c"], ["-lssl", "-lcrypto"]),
            "echo_game": (["echo_game.c"], [])}

started = []


def pinned(cpu, command):
    return ["taskset", "-c", cpu] + command if os.cpu_count() > 1 else command


def start(command, **options):
    """A process that is ended with the benchmark, however that ends."""
    process = subprocess.Popen(command, **options)
    started.append(process)
    return process


def end_all():
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait()


def make_certificate(folder, name):
    """Certificate and key in one file, NAME.pem."""
    chain, key = f"{folder}/{name}.chain", f"{folder}/{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "400", "-subj", "/CN=bench",
                    "-keyout", key, "-out", chain], check=True, stderr=subprocess.DEVNULL)
    with open(f"{folder}/{name}.pem", "w", encoding="ascii") as file:
        os.chmod(file.name, 0o600)
        for part in (chain, key):
            with open(part, encoding="ascii") as text:
                file.write(text.read())


def prepare(folder):
    """Compile the programs, make cert.pem, start the game; returns its process."""
    for name, (sources, libraries) in PROGRAMS.items():
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-o", f"{folder}/{name}",
                        *(f"{HERE}/{source}" for source in sources), *libraries], check=True)
    make_certificate(folder, "cert")
    return start(pinned(LOAD_CPU, [f"{folder}/echo_game", f"{folder}/game.sock"]),
                 stdout=subprocess.PIPE, text=True)


class Load:
    """Players of bench/load.c."""

    def __init__(self, folder, port, n):
        self.process = start(pinned(LOAD_CPU, [f"{folder}/load", str(port), str(n)]),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.expect("connected")

    def expect(self, word):
        answer = self.process.stdout.readline().split()
        if not answer or answer[0] != word:
            sys.exit(f"bench: the players have failed, status {self.process.wait()}")
        return [int(number) for number in answer[1:]]

    def ask(self, command, word):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # expect says more
        return self.expect(word)

    def end(self):
        self.process.stdin.close()
        self.process.wait()
