# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The small chats of doc/examples: people talk, and stay when the chat reboots or dies."""
import os
import signal
import subprocess

import pytest

from support import processes
from support.daemon import BUILD, Family, free_port
from support.players import PlainPlayer
from support.waiting import WAIT_S, until


class Chat:
    """One of the examples, with its run directory; it can be started again."""

    def __init__(self, folder, name, *arguments):
        self.words = os.path.join(folder, "chat.log")
        self.command = [os.path.join(BUILD, "doc", "examples", name), *arguments]
        self.process = None

    def start(self):
        with open(self.words, "ab") as words:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=words, stderr=words,
                env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


@pytest.fixture
def make_chat(folder):
    made = []

    def make(name, *arguments):
        made.append(Chat(folder, name, *arguments))
        made[-1].start()
        return made[-1]
    yield make
    for chat in made:
        chat.kill()
    processes.end_all([pid for found in Family().members().values() for pid in found])


def connect(port):
    def look():
        try:
            return PlainPlayer(port)
        except ConnectionRefusedError:
            return None
    return until(look, "somebody listens")


def join(port, name):
    player = connect(port)
    player.read_until(b"What is your name?\r\n")
    player.send(name.encode() + b"\r\n")
    player.read_until(name.encode() + b": (is here)\r\n")
    return player


def hear(players, line):
    for player in players:
        assert player.read_line() == line


def talk(ann, bob):
    hear([ann], b"Bob: (is here)")
    ann.send(b"hello\r\n")
    hear([ann, bob], b"Ann: hello")


def test_the_bare_chat_is_a_chat(make_chat):
    port = free_port()
    make_chat("chat_bare", str(port))
    talk(join(port, "Ann"), join(port, "Bob"))


@pytest.fixture(params=("chat_stay", "chat_libevent"))
def chat(request, make_chat, folder, port):
    return make_chat(request.param, os.path.join(folder, "run"), f"127.0.0.1:{port}")


@pytest.mark.short
def test_people_stay_while_the_chat_reboots(chat, port):
    ann, bob = join(port, "Ann"), join(port, "Bob")
    talk(ann, bob)
    for n in range(3):
        ann.send(b"half a ")
        bob.send(b"/reboot\r\n")
        hear([ann, bob], b"Bob: /reboot")
        ann.send(b"line %d\r\n" % n)
        hear([ann, bob], b"Ann: half a line %d" % n)
    assert chat.process.poll() is None


@pytest.mark.short
def test_people_stay_when_the_chat_dies(chat, port):
    ann, bob = join(port, "Ann"), join(port, "Bob")
    talk(ann, bob)
    for n in range(3):
        ann.send(b"half a ")
        chat.kill()
        bob.send(b"anybody? %d\r\n" % n)  # while nobody is there to hear it
        chat.start()
        await_return([ann, bob])
        bob.read_until(b"Bob: anybody? %d\r\n" % n)
        ann.send(b"line %d\r\n" % n)
        bob.read_until(b"Ann: half a line %d\r\n" % n)
    ann.read_until(b"Ann: half a line 2\r\n")


def await_return(players):
    for player in players:
        player.read_until(b"The game is back.\r\n")


def speak_again(ann, bob, line):
    """Both are in the chat again, each by a line of its own, and hear this one. What Ann has heard."""
    await_return([ann, bob])
    bob.send(b"I am back\r\n")
    bob.read_until(b"Bob: I am back\r\n")
    ann.send(line + b"\r\n")
    bob.read_until(b"Ann: " + line + b"\r\n")
    return ann.read_until(b"Ann: " + line + b"\r\n")


def test_a_chat_that_somebody_elses_stayd_serves(start_stayd, make_chat, folder, port):
    run = os.path.join(folder, "run")
    start_stayd({"plain": {"address": f"127.0.0.1:{port}", "tls": "no"}},
                {"chat": {"connect": f"unix:{run}/game.sock"}})
    chat = make_chat("chat_poll", run, os.path.join(folder, "control.sock"))
    until(lambda: os.path.exists(f"{run}/game.sock"), "the chat listens")
    ann, bob = join(port, "Ann"), join(port, "Bob")
    talk(ann, bob)
    processes.await_rest()  # what was said is acknowledged
    chat.kill()
    chat.start()
    assert b"hello" not in speak_again(ann, bob, b"still there")
    assert chat.kill(signal.SIGTERM) == 0  # an orderly end: they wait for the next start
    chat.start()
    assert b"there" not in speak_again(ann, bob, b"and again")
    bob.send(b"/quit\r\n")
    hear([ann], b"Bob: /quit")
    rest, _ = bob.read_to_end()
    assert rest.endswith(b"Bob: /quit\r\nGood-bye.\r\n")
    hear([ann], b"Bob: (leaves)")
