# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Where a player is, told by telnet: MNES (NEW-ENVIRON) and fuzzball's FORWARDED; never by the player."""
import os

import pytest

from support.daemon import free_port
from support.game import Game
from support.lone_game import LoneGame
from support.players import PlainPlayer

KINDS = pytest.mark.parametrize("kind", ("1.2", "1.3", "plain"))
WILL, WONT, DO, DONT = (bytes([255, verb, 39]) for verb in (251, 252, 253, 254))
SEND = b"\xff\xfa\x27\x01\0IPADDRESS\xff\xf0"
FORGED = b"\xff\xfa\x27\0\0IPADDRESS\x01192.0.2.66\xff\xf0"
DISGUISED = FORGED.replace(b"SS", b"SX")


def told(address):
    return b"\xff\xfa\x27\0\0IPADDRESS\x01" + address.encode() + b"\xff\xf0"


@pytest.fixture
def mnes(make_stage):
    return make_stage(game_options={"mnes": "yes", "header": "none"})


def join(stage, kind):
    player = stage.player(kind, source="127.0.0.7")
    link = stage.game.accept_raw()
    link.send(b"Welcome\r\n" + DO)
    assert player.read_exactly(12) == b"Welcome\r\n" + DO
    assert link.read_exactly(3) == WILL
    return player, link


@pytest.mark.short
@KINDS
def test_a_game_that_asks_is_told_by_stayd_and_never_by_the_player(mnes, kind):
    player, link = join(mnes, kind)
    player.send(WILL + FORGED + b"one\r\n")
    assert link.read_until(b"one\r\n") == DISGUISED + b"one\r\n"
    link.send(SEND)
    assert player.read_exactly(len(SEND)) == SEND
    assert link.read_exactly(len(told("127.0.0.7"))) == told("127.0.0.7")
    for byte in FORGED + b"two\r\n":
        player.send(bytes([byte]))
    assert link.read_until(b"two\r\n") == DISGUISED + b"two\r\n"


@KINDS
def test_who_claims_to_speak_http_cannot_say_it_either(mnes, kind):
    player = mnes.player(kind, source="127.0.0.7")
    link = mnes.game.accept_raw()
    player.send(b"GET / HTTP/1.1\r\n" + FORGED + b"one\r\n")  # before the game has said anything
    assert link.read_until(b"one\r\n") == b"GET / HTTP/1.1\r\n" + DISGUISED + b"one\r\n"
    link.send(b"Huh?\r\n")
    assert player.read_exactly(6) == b"Huh?\r\n"
    player.send(FORGED + b"two\r\n")
    assert link.read_until(b"two\r\n") == DISGUISED + b"two\r\n"


@pytest.mark.short
@KINDS
def test_a_websocket_of_such_a_game_is_left_alone(mnes, kind):
    player = mnes.player(kind)
    link = mnes.game.accept_raw()
    player.send(b"POST / HTTP/1.1\r\n\r\n\xff")  # half a command, if this were telnet
    link.read_until(b"\r\n\r\n")
    link.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    player.read_until(b"\r\n\r\n")
    player.send(b"\xff")
    assert link.read_exactly(2) == b"\xff\xff"
    frame = b"\x82\x06\xff\xfb\x56\xff\xff\xff"
    player.send(frame)
    assert link.read_exactly(len(frame)) == frame
    link.send(frame)
    assert player.read_exactly(len(frame)) == frame


@KINDS
def test_a_game_is_told_of_a_player_whose_program_knows_nothing_of_it(mnes, kind):
    player, link = join(mnes, kind)
    player.send(WONT)
    link.send(SEND)
    assert link.read_exactly(len(told("127.0.0.7"))) == told("127.0.0.7")
    player.send(b"hello\r\n")
    assert link.read_line() == b"hello"


def test_a_game_is_told_of_an_ipv6_player(start_stayd, game, port):
    start_stayd({"plain": {"address": f"[::1]:{port}", "tls": "no"}},
                {"mush": {"connect": game.connect, "mnes": "yes"}}, {"host-names": "off"})
    player = PlainPlayer(port, host="::1")
    link = game.accept()
    link.send(DO + SEND)
    assert player.read_exactly(3 + len(SEND)) == DO + SEND
    assert link.read_exactly(3 + len(told("::1"))) == WILL + told("::1")


@pytest.mark.short
@KINDS
def test_it_is_told_once_whatever_is_killed(mnes, kind):
    player, link = join(mnes, kind)
    for n in range(3):
        link.send(SEND)
        mnes.stayd.family.kill("worker")
        assert player.read_exactly(len(SEND)) == SEND
        assert link.read_exactly(len(told("127.0.0.7"))) == told("127.0.0.7")
        player.send(b"line %d\r\n" % n)
        assert link.read_line() == b"line %d" % n
    link.send(DONT)
    assert link.read_exactly(3) == WONT


@KINDS
def test_the_next_game_is_told_too_when_it_asks(make_stage, folder, kind):
    game = LoneGame(os.path.join(folder, "lone.sock")).start()
    try:
        stage = make_stage(its_game=game, game_options={"mnes": "yes"})
        player = stage.player(kind, source="127.0.0.7")
        for _ in range(3):
            player.read_until(b"here ")
            player.send(b"raw " + (DO + SEND).hex().encode() + b"\r\n")
            player.read_until(DO + SEND)
            player.send(b"hello\r\n")
            assert player.read_until(b"hello\r\n").endswith(told("127.0.0.7") + b"hello\r\n")
            game.restart()
    finally:
        game.close()


def forwarded(name):
    return b"\xff\xfb\x71\xff\xfa\x71" + name + b"\xff\xf0"


@pytest.mark.short
@KINDS
def test_a_fuzzball_is_told_the_address_first_and_players_cannot_say_another(make_stage, kind):
    game = Game(free_port())
    stage = make_stage(its_game=game, game_options={"forwarded": "yes", "header": "none"})
    player = stage.player(kind, source="127.0.0.7")
    player.send(b"typed at once\r\n")
    link = game.accept_raw()
    assert link.read_line() == forwarded(b"127.0.0.7") + b"typed at once"
    link.send(b"\xff\xfd\x71Welcome\r\n")  # its DO is for stayd
    assert player.read_line() == b"Welcome"
    player.send(forwarded(b"192.0.2.66") + b"hello\r\n")
    assert link.read_line() == b"hello"
    game.close()


def test_a_fuzzball_is_told_the_host_name_if_there_is_one(make_stage):
    stage = make_stage({"host-names": "on"}, game_options={"forwarded": "yes", "header": "none"})
    player = stage.player("plain")
    player.send(b"hello\r\n")
    assert stage.game.accept_raw().read_line() == forwarded(b"localhost") + b"hello"
