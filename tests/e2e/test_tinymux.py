# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""TinyMUX, a game on TCP that knows nothing of stayd: real addresses, and nobody is dropped."""
import re

import pytest

from support.daemon import free_port
from support.players import PlainPlayer, TerminalPlayer, TlsPlayer, program
from support.tinymux import PASSWORD, TinyMux
from support.waiting import until

TLS, PLAIN, GAME = 4202, 4201, 2860
AWAY = b"The game has stopped. You stay connected until it is back.\r\n"
BACK = b"The game is back.\r\n"
WELCOME = b"Welcome to TinyMUX"
EVERYWHERE = "[::]:{0}, 0.0.0.0:{0}"
WIZARD = "10.77.0.9"
PLACES = {"TlsFour": ("10.77.0.2", "1.3"), "TlsSix": ("fd77::2", "1.2"),
          "PlainFour": ("10.77.0.3", "plain"), "PlainSix": ("fd77::3", "plain")}


@pytest.fixture
def mux(folder, net):
    made = TinyMux(folder, "::1", GAME, wrapper=net.wrapper())
    yield made.start()
    made.end()


@pytest.fixture
def town(net, start_stayd, pki, mux):
    """player(source, kind), from another machine as it were."""
    start_stayd({"tls": {**pki.listener(TLS), "address": EVERYWHERE.format(TLS)},
                 "plain": {"address": EVERYWHERE.format(PLAIN), "tls": "no"}},
                {"mux": {"connect": mux.connect, "pid-file": mux.pid_file}},
                {"host-names": "off"}, wrapper=net.wrapper())

    def player(source, kind="1.3"):
        if kind == "plain":
            return PlainPlayer(sock=net.connect(source, PLAIN))
        return TlsPlayer(sock=net.connect(source, TLS), version=kind)
    return player


def ask(player, line, answer):
    player.send(line + b"\r\n")
    return player.read_until(answer)


def enter(player, name=b"wizard", password=PASSWORD):
    player.read_until(WELCOME)
    ask(player, b"connect " + name + b" " + password, b"MAIL: ")
    return player


def create(player, name):
    player.read_until(WELCOME)
    ask(player, b"create " + name + b" secret1", b"MAIL: ")
    return player


def shown(address):
    """As it stands on a socket for IPv6."""
    return address if ":" in address else f"::ffff:{address}"


def hosts(player):
    """Name and host of everybody in WHO."""
    text = ask(player, b"WHO", re.compile(rb"\d+ Players? logged in.*\n")).decode()
    rows = [line.split() for line in text.splitlines() if re.match(r"\w+ +\d+:\d\d ", line)]
    return sorted((row[0], row[-1]) for row in rows)


def restart(player):
    """It refuses for its first 15 seconds."""
    def is_begun():
        return b"GAME: Restart" in ask(player, b"@restart",
                                       re.compile(rb"(just started|GAME: Restart).*\n"))
    until(is_begun, "@restart is taken")
    player.read_until(b"GAME: Restart finished.")


def test_who_and_site_locks_have_the_real_addresses_and_keep_them_over_a_restart(town, mux):
    wizard = enter(town(WIZARD))
    players = [create(town(*place), name.encode()) for name, place in PLACES.items()]
    wanted = sorted([("Wizard", shown(WIZARD)),
                     *((name, shown(place[0])) for name, place in PLACES.items())])
    assert hosts(wizard) == wanted
    for address, kind in PLACES.values():
        assert re.search(rf"\[\d+/{re.escape(shown(address))}\] Connection opened", mux.log())
        wizard.send(f"@admin forbid_site={shown(address)}/128\r\n".encode())
        ask(wizard, b"think locked", b"locked")
        assert WELCOME not in town(address, kind).read_to_end()[0]
        town("fd77::4" if ":" in address else "10.77.0.4", kind).read_until(WELCOME)
    pid = mux.pid()
    restart(wizard)
    assert mux.pid() == pid
    assert hosts(wizard) == wanted
    for player in players:
        ask(player, b"think still here", b"still here")


def test_players_are_held_when_it_is_killed(town, mux):
    players = [enter(town(*place)) for place in PLACES.values()]
    mux.kill()
    for player in players:
        player.read_until(AWAY)
    mux.start()
    for player in players:
        player.read_until(BACK)
        enter(player)
    assert hosts(players[0]) == sorted(("Wizard", shown(place[0])) for place in PLACES.values())


def test_tt_plays_over_tls(folder, start_stayd, pki):
    port, tls = free_port(), free_port()
    mux = TinyMux(folder, "127.0.0.1", port)
    try:
        mux.start()
        start_stayd({"tls": pki.listener(tls)},
                    {"mux": {"connect": mux.connect, "pid-file": mux.pid_file}},
                    {"host-names": "off"})
        player = TerminalPlayer(program("tt++"), "-e", f"#ssl mux 127.0.0.1 {tls}",
                                env={"HOME": folder})
        player.read_until(WELCOME)
        ask(player, b"connect wizard " + PASSWORD, b"MAIL: ")
        mux.kill()
        player.read_until(b"You stay connected")
        mux.start()
        player.read_until(WELCOME)
        ask(player, b"connect wizard " + PASSWORD, b"MAIL: ")
        ask(player, b"WHO", b"1 Player logged in")
        player.close()
    finally:
        mux.end()
