# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""libstayd-preload: a game that was never changed sees its players' addresses, and no forged ones."""
import ctypes
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import pytest

from support.game import SIGNATURE
from support.players import PlainPlayer
from support.stream import Ended
from support.tcp_game import TcpGame, __file__ as SCRIPT
from support.tinymux import PRELOAD, preload_environment
from support.waiting import PATIENCE, until

NOBODY = 65534
FORGED = "192.0.2.66"
FORGED_V1 = f"PROXY TCP4 {FORGED} 127.0.0.1 1234 4201\r\n".encode()
FORGED_V2 = SIGNATURE + b"\x21\x11" + struct.pack("!H", 12) + socket.inet_aton(FORGED) + \
    socket.inet_aton("127.0.0.1") + struct.pack("!HH", 1234, 4201)
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
FORGED_HEADERS = pytest.mark.parametrize("forged", (FORGED_V1, FORGED_V2), ids=("v1", "v2"))
# Connects, sends, waits for an answer if there is a third argument, and goes.
CALLER = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); " \
         "s.sendall(bytes.fromhex(sys.argv[2])); sys.argv[3:] and print(s.recv(99).decode())"


def call(game, words, *more, **options):
    """Somebody else's program calls the game; what it was answered, if it waited."""
    return subprocess.run([sys.executable, "-I", "-S", "-c", CALLER, str(game.port), words.hex(), *more],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                          **options).stdout


@pytest.fixture
def tcp_game():
    """tcp_game(address, *words of STAYD_PRELOAD)"""
    made = []

    def make(address="127.0.0.1", *words, environment=None, **more):
        made.append(TcpGame(address, environment or
                            (lambda port: preload_environment(port, *words)), **more))
        return made[-1]
    yield make
    for game in made:
        game.end()


def ask(player, line):
    player.send(line + b"\r\n")
    return player.read_line()


@pytest.mark.parametrize("header", ("proxy-v2", "proxy-v1"))
@pytest.mark.parametrize("address,mapped", (("127.0.0.1", ""), ("::1", "::ffff:")))
def test_accept_and_getpeername_say_the_players_address_over_exec_and_dup(
        make_stage, tcp_game, header, address, mapped):
    check_addresses(make_stage(its_game=tcp_game(address), game_options={"header": header}), mapped)


@pytest.fixture
def reachable():
    """reachable(path): a copy that every user can reach."""
    folder = tempfile.mkdtemp(prefix="stayd-reachable-")
    os.chmod(folder, 0o711)

    def make(path):
        copy = shutil.copy(path, folder)
        os.chmod(copy, 0o755)
        return copy
    yield make
    shutil.rmtree(folder)


def may_attach_a_filter(user):
    """Some kernels want CAP_NET_ADMIN for it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xffffffff))  # BPF_RET
            with socket.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, 26,  # SO_ATTACH_FILTER
                                struct.pack("HP", 1, ctypes.addressof(program)))
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


@ONLY_ROOT
@pytest.mark.parametrize("address,mapped", (("127.0.0.1", ""), ("::1", "::ffff:")))
def test_a_game_that_is_not_root_sees_the_players_address_over_exec_and_dup(
        make_stage, tcp_game, reachable, address, mapped):
    library = reachable(PRELOAD)
    game = tcp_game(address, "uid=0", script=reachable(SCRIPT), user=NOBODY, group=NOBODY,
                    extra_groups=(), environment=lambda port: {
                        **preload_environment(port, "uid=0"), "LD_PRELOAD": library})
    check_addresses(make_stage(its_game=game), mapped)
    game.process.kill()
    said = game.process.stderr.read().decode()
    n_refused = said.count("libstayd-preload: this kernel refuses SO_ATTACH_FILTER")
    assert n_refused == (0 if may_attach_a_filter(NOBODY) else 1), said


def check_addresses(stage, mapped):
    players = [stage.player(kind, source="127.0.0.7") for kind in ("1.2", "1.3", "plain")]

    def check(word, player):
        assert player.read_line() == f"{word} {mapped}127.0.0.7 {player.port}".encode()
    for player in players:
        check("here", player)
        for word in ("peer", "twice"):
            player.send(word.encode() + b"\r\n")
            check(word, player)
    players[0].send(b"exec\r\n")
    for player in players:
        player.send(b"peer\r\n")
        check("peer", player)
        assert ask(player, b"hello") == b"echo hello"


@pytest.mark.parametrize("address,shown", (("::1", r"::1"), ("127.0.0.1", r"2[45]\d\.\d+\.\d+\.\d+")))
def test_an_ipv6_player_of_a_game_without_ipv6_has_one_reserved_address(
        start_stayd, tcp_game, port, address, shown):
    game = tcp_game(address)
    start_stayd({"plain": {"address": f"[::1]:{port}", "tls": "no"}},
                {"mush": {"connect": game.connect}}, {"host-names": "off"})
    players = [PlainPlayer(port, host="::1") for _ in range(2)]
    seen = {player.read_line().decode().split()[1] for player in players}
    assert len(seen) == 1 and re.fullmatch(shown, seen.pop())
    assert ask(players[0], b"peer").split()[2] == str(players[0].port).encode()


def announce(game):
    """A player as stayd announces it: the tests are root."""
    player = PlainPlayer(game.port)
    player.send(b"PROXY TCP4 192.0.2.1 127.0.0.1 1234 4201\r\n")
    assert player.read_line() == b"here 192.0.2.1 1234"
    return player


@ONLY_ROOT
@FORGED_HEADERS
def test_another_user_is_nobody_but_itself(tcp_game, forged):
    game = tcp_game()
    assert "here 127.0.0.1 " in call(game, forged, "wait", user=NOBODY)
    assert ask(announce(game), b"seen") == b"seen 127.0.0.1 192.0.2.1"


@ONLY_ROOT
@FORGED_HEADERS
def test_a_caller_who_has_gone_is_nobody(tcp_game, forged):
    game = tcp_game()
    game.process.send_signal(signal.SIGSTOP)  # it is to look when the caller has gone
    for _ in range(3):
        call(game, forged, user=NOBODY)
    game.process.send_signal(signal.SIGCONT)
    assert ask(announce(game), b"seen") == b"seen 192.0.2.1"


@FORGED_HEADERS
def test_the_game_itself_cannot_be_sent_to_speak_as_stayd(tcp_game, forged):
    game = tcp_game()
    player = announce(game)
    player.send(b"call " + forged.hex().encode() + b"\r\n")
    until(lambda: ask(player, b"seen") == b"seen 192.0.2.1 127.0.0.1", "it has met itself")


def test_who_speaks_as_stayd_and_announces_nobody_is_closed_soon(tcp_game):
    game = tcp_game()
    start = time.monotonic()
    for words in (b"", b"connect wizard potrzebie\r\n", b"PROXY UNKNOWN\r\n", FORGED_V2[:20],
                  SIGNATURE + b"\x20\x00\0\0"):
        player = PlainPlayer(game.port)
        player.send(words)
        assert player.read_to_end()[1] in ("eof", "reset")
    assert time.monotonic() - start < 20 * PATIENCE
    assert ask(announce(game), b"seen") == b"seen 192.0.2.1"
    game.process.kill()
    said = game.process.stderr.read().decode()
    assert said.count("has brought no PROXY header and is closed") == 1, said


def test_a_header_in_parts_is_waited_for(tcp_game):
    game = tcp_game()

    def is_waited_for():
        player = PlainPlayer(game.port)
        start = time.monotonic()
        try:
            for byte in FORGED_V1:
                player.send(bytes([byte]))
                time.sleep(0.0005)
            return player.read_line() == f"here {FORGED} 1234".encode()
        except (Ended, OSError):
            assert time.monotonic() - start > 0.2, "a quarter of a second is what it has"
            return False
    until(is_waited_for, "it was sent in time")


def test_only_the_user_named_may_speak_as_stayd(tcp_game):
    player = PlainPlayer(tcp_game("127.0.0.1", f"uid={NOBODY}").port)
    player.send(FORGED_V1)
    assert player.read_line() == f"here 127.0.0.1 {player.port}".encode()
    assert player.read_line() == b"echo " + FORGED_V1.strip()
    announce(tcp_game("127.0.0.1", f"uid={os.geteuid()}"))


@pytest.mark.parametrize("value", (None, "1"))
def test_without_the_variable_or_on_other_ports_nothing_is_touched(tcp_game, value):
    def environment(_port):
        made = preload_environment(1)
        del made["STAYD_PRELOAD"]
        return made if value is None else {**made, "STAYD_PRELOAD": value}
    player = PlainPlayer(tcp_game(environment=environment).port)
    assert player.read_line() == f"here 127.0.0.1 {player.port}".encode()
    assert ask(player, FORGED_V1.strip()) == b"echo " + FORGED_V1.strip()
    assert ask(player, b"peer") == f"peer 127.0.0.1 {player.port}".encode()


@pytest.mark.parametrize("value", ("", "x", "0", "65536", "uid=5", "1 uid=", "1 uid=-1", "1 uid=root",
                                   "1 uid=1 uid=2", "1 2 3 4 5 6 7 8 9", "1 4294967296"))
def test_a_variable_that_cannot_be_understood_ends_the_program_at_its_start(value):
    done = subprocess.run(["/bin/true"], env={**preload_environment(1), "STAYD_PRELOAD": value},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "STAYD_PRELOAD cannot be understood" in done.stderr
