# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""minimush is killed, and every line that was typed counts exactly once."""
import os
import random
import re
import signal
import struct
import time

import pytest

from support import processes
from support.daemon import BUILD, free_port
from support.mush import PASSWORD, Chorus, Mush, ask, create, reboot
from support.players import PlainPlayer, TlsPlayer
from support.town import BACK, knock
from support.waiting import WAIT_S, until

AWAY = b"GAME: The game has stopped. You stay connected until it is back.\r\n"
N_KILLS = 30


@pytest.fixture
def ports():
    return {"tls": free_port(), "plain": free_port()}


@pytest.fixture
def start(start_mush, ports, pki):
    """start(), start(key="value", ...): with a new configuration; again(): with the same."""
    def begin(**settings):
        return start_mush({"tls-address": f"127.0.0.1:{ports['tls']}",
                           "plain-address": f"127.0.0.1:{ports['plain']}",
                           "certificate": pki.path("mush.chain"), "key": pki.path("mush.key"),
                           **{key.replace("_", "-"): value for key, value in settings.items()}})
    return begin


@pytest.fixture
def again(start_mush):
    return lambda: start_mush(None)


@pytest.fixture
def join(start, ports):  # start: the game ends after its players
    """join(): a player at the connect screen; join(name): one in the game."""
    players = []

    def begin(name=None, kind="1.3"):
        players.append(PlainPlayer(ports["plain"]) if kind == "plain"
                       else TlsPlayer(ports["tls"], version=kind))
        return create(players[-1], name) if name else players[-1]
    yield begin
    assert start
    for player in players:
        player.close()


def await_back(player):
    """Told, both times, with nothing in between that is not the player's own."""
    assert player.read_until(AWAY) == AWAY
    assert player.read_until(BACK) == BACK


@pytest.mark.short
def test_after_a_kill_everybody_stands_where_they_stood(start, again, join):
    mush = start()
    one = join("One")
    two = join("Two", "plain")
    one.read_until(b"Two has connected.\r\n")
    ask(one, b"north", b"Exits: south, inn, east\r\n")
    two.read_until(b"One goes north.\r\n")
    one.send(b"think half a ")
    ask(two, b"think settled", b"settled\r\n")
    mush.kill()
    one.send(b"line\r\nthink typed meanwhile\r\n")
    two.send(b"page One=still there?\r\n")
    again()
    for player in (one, two):
        await_back(player)
    answer = one.read_until(re.compile(rb"(?s)half a line\r\n.*typed meanwhile\r\n"))
    assert answer.replace(b"Two pages: still there?\r\n", b"") == \
        b"half a line\r\ntyped meanwhile\r\n"
    two.read_until(b"You paged One with: still there?\r\n")
    who = ask(one, b"WHO", b"2 players are connected.\r\n")
    assert b"connected." not in who.replace(b"are connected.", b"")
    assert ask(one, b"look", b"Exits: south, inn, east\r\n").startswith(b"Lamp Street")
    two.send(b"QUIT\r\n")
    two.read_to_end()
    reboot(one)


def test_times_and_the_last_page_survive(start, again, join):
    mush = start()
    one = join("One")
    two = join("Two")
    ask(one, b"page two=first", b"You paged Two with: first\r\n")

    def idle():
        return int(re.search(rb"Two +\S+ +(\d+)s", ask(one, b"WHO", b"connected.\r\n")).group(1))
    idle_before = until(idle, "a second has passed for Two")
    mush.kill()
    again()
    await_back(one)
    assert idle() >= idle_before
    ask(one, b"page second", b"You paged Two with: second\r\n")
    two.read_until(b"One pages: second\r\n")


def test_every_line_counts_exactly_once_whatever_is_killed_how_often(start, again, join):
    mush = start()
    speaker = join("Speaker")
    hearer = join("Hearer", "plain")
    players = {"Older": join("Older", "1.2"), "Plain": join("Plain", "plain")}
    for player in players.values():
        ask(player, b"north", b"Exits: south, inn, east\r\n")
    players["Older"].read_until(b"Plain arrives.\r\n")
    chorus = Chorus(players)
    chance = random.Random(4202)
    n_said = n_kills = 0
    heard = b""
    for _ in range(N_KILLS):
        for _ in range(chance.randrange(1, 40)):
            speaker.send(b"say number %d\r\n" % n_said)
            n_said += 1
        time.sleep(chance.random() * 0.02)
        for victim in chance.sample(("worker", "game"), chance.randrange(1, 3)):
            if victim == "game":
                mush.kill()
                n_kills += 1
            else:
                mush.family.kill("worker")
        if mush.process.poll() is not None:
            mush = again()
            heard += hearer.read_until(BACK)
        chorus.await_progress(2)
    chorus.finish()
    speaker.send(b"page Hearer=that is all\r\n")
    said = speaker.read_until(b"You paged Hearer with: that is all\r\n")
    heard += hearer.read_until(b"Speaker pages: that is all\r\n")
    wanted = [b"%d" % n for n in range(n_said)]
    assert re.findall(rb'You say, "number (\d+)"\r\n', said) == wanted
    assert re.findall(rb'Speaker says, "number (\d+)"\r\n', heard) == wanted
    assert heard.count(BACK) == n_kills and b"disconnected" not in heard


def crowd(join, n):
    """n characters, a third each of TLS 1.2, TLS 1.3 and plain, in two rooms."""
    players = {}
    for index in range(n):
        name = f"P{index}"
        players[name] = join(name, ("1.2", "1.3", "plain")[index % 3])
        if index % 2:
            ask(players[name], b"north", b"Exits: south, inn, east\r\n")
    for player in players.values():
        ask(player, b"think settled", b"settled\r\n")
    return players


def check_crowd(players):
    """Each is itself, in its room."""
    for index, (name, player) in enumerate(players.items()):
        ask(player, b"think this is " + name.encode(), b"this is " + name.encode() + b"\r\n")
        room = b"Lamp Street" if index % 2 else b"The Harbour"
        assert room in ask(player, b"look", re.compile(rb"Exits: .*\r\n")), name
        player.send(b':is "' + name.encode() + b'".\r\n')
        player.read_until(name.encode() + b' is "' + name.encode() + b'".\r\n')


def test_fifty_players_outlive_fifty_kills_of_the_game_and_of_stayds_processes(start, again, join):
    mush = start()
    players = crowd(join, 50)
    chance = random.Random(2011)
    chorus = Chorus(players)
    for n in range(50):
        victims = [(), ("worker",), ("spare",), ("guard",), ("worker", "guard")][n % 5]
        time.sleep(chance.random() * 0.05)
        os.kill(mush.process.pid, signal.SIGKILL)  # and at once:
        if victims:
            mush.family.kill(*victims)
        mush.kill()
        mush = again()
        if chance.random() < 0.3:
            mush.family.kill("worker")
        chorus.await_progress(1)
    chorus.finish()
    check_crowd(players)
    assert not mush.log.find(r"player-close")


def test_without_resume_they_see_the_login_screen_connected_still(start, again, join):
    mush = start(resume="no")
    players = crowd(join, 6)
    mush.kill()
    for player in players.values():
        assert AWAY in player.read_until(AWAY)
        player.send(b"typed for nobody\r\n")
    again()
    for name, player in players.items():
        text = player.read_until(b"create NAME PASSWORD")
        assert BACK in text and b"typed" not in text
        ask(player, f"connect {name} {PASSWORD}".encode(), f"You are {name}".encode())


def dies_at(folder, n, is_done):
    """Start the game so that it dies at its n-th write. False: it has no more to write, and
    is_done() is true."""
    die = os.path.join(BUILD, "tests", "e2e", "libdie.so")
    mush = Mush(folder, None, wrapper=("env", f"LD_PRELOAD={die}", f"DIE_AT={n}"))
    until(lambda: mush.process.poll() is not None or is_done(), "it dies, or all is done")
    if mush.process.poll() is None:
        processes.await_rest()  # the last acknowledgement
    has_died = mush.process.poll() is not None
    mush.kill()
    return has_died


def has_come(player, *texts):
    """Have these come? They can still be read."""
    player.receive(0.01)
    return all(text in player.buffer for text in texts)


def test_a_kill_at_any_write_loses_nothing_and_doubles_nothing(start, again, join, folder):
    mush = start()
    one, two = join("One"), join("Two", "plain")

    def is_done():
        return has_come(one, b'You say, "number %d"\r\n' % n, b"thing%d" % n,
                        b"Two pages: number %d\r\n" % n) and \
            has_come(two, b"You paged One with: number %d\r\n" % n)
    n = 0
    is_dying = True
    while is_dying:
        n += 1
        mush.kill()
        one.send(b"say number %d\r\n@create thing%d\r\n" % (n, n))
        two.send(b"page One=number %d\r\n" % n)
        is_dying = dies_at(folder, n, is_done)
    again()
    said = ask(one, b"think over", b"\nover\r\n")
    heard = ask(two, b"think over", b"\nover\r\n")
    held = ask(one, b"inventory", re.compile(rb"You carry: .*\r\n"))
    wanted = [b"%d" % number for number in range(1, n + 1)]
    assert n > 20
    assert re.findall(rb'You say, "number (\d+)"\r\n', said) == wanted
    assert re.findall(rb"Two pages: number (\d+)\r\n", said) == wanted
    assert re.findall(rb"thing(\d+)", held) == wanted
    assert re.findall(rb'One says, "number (\d+)"\r\n', heard) == wanted
    assert re.findall(rb"You paged One with: number (\d+)\r\n", heard) == wanted


def test_a_reboot_and_a_kill_one_after_the_other(start, again, join):
    mush = start()
    wizard, one = join("Wizard"), join("One")
    chorus = Chorus({"One": one})
    for _ in range(5):
        chorus.await_progress(3)
        reboot(wizard)
        wizard.send(b"think half ")
        chorus.await_progress(3)
        mush.kill()
        mush = again()
        assert wizard.read_until(b"GAME: The game is back.\r\n")
        wizard.send(b"and half\r\n")
        assert wizard.read_line() == b"half and half"
    chorus.finish()


def test_the_world_that_was_built_is_there_once(start, again, join):
    mush = start()
    wizard = join("Wizard")
    for n in range(60):
        wizard.send(b"@create thing%d\r\n" % n)
        if n % 10 == 9:
            mush.kill()
            mush = again()
    ask(wizard, b"think built", b"built\r\n")
    held = ask(wizard, b"inventory", re.compile(rb"You carry: .*\r\n"))
    assert re.findall(rb"thing(\d+)", held) == [b"%d" % n for n in range(60)]


def await_hashing(mush):
    """The thread for passwords has worked a little, so it is at it."""
    def has_worked():
        pid = mush.process.pid
        threads = {int(name) for name in os.listdir(f"/proc/{pid}/task")} - {pid}
        return any(processes.cpu_seconds(f"{pid}/task/{thread}") > 0 for thread in threads)
    until(has_worked, "a password is being hashed")


def test_a_login_that_was_being_worked_on_is_done_again(start, again, join):
    mush = start(password_cost=9)  # slow enough to be killed in
    player = join()
    player.read_until(b"WHO, QUIT\r\n")
    player.send(b"create One correct-horse\r\n")
    for _ in range(2):
        await_hashing(mush)
        mush.kill()
        mush = again()
        assert b"You are One" not in player.read_until(BACK)
    player.read_until(b"You are One")
    text = ask(player, b"think in", b"in\r\n")
    assert b"What?" not in text
    late = join()
    late.read_until(b"WHO, QUIT\r\n")
    ask(late, b"connect One", b"Password: ")
    late.send(b"correct-")
    mush.kill()
    mush = again()
    late.read_until(b"GAME: The game is back.\r\nPassword: ")
    late.send(b"horse\r\n")
    late.read_until(b"You are One")


def test_who_has_left_does_not_come_back(start, again, join):
    mush = start()
    wizard = join("Wizard")
    quitter = join("Quitter")
    booted = join("Booted")
    quitter.send(b"QUIT\r\n")
    wizard.send(b"@boot Booted=Enough.\r\n")
    assert quitter.read_to_end()[0].endswith(b"Good-bye.\r\n")
    assert booted.read_to_end()[0].endswith(b"You are booted by Wizard: Enough.\r\n")
    ask(wizard, b"think all gone", b"all gone\r\n")
    mush.kill()
    again()
    ask(wizard, b"WHO", b"1 player is connected.\r\n")


def test_without_resume_players_stay_connected_and_log_in_anew(start, again, join):
    mush = start(resume="no")
    one = join("One")
    mush.kill()
    again()
    one.read_until(BACK + b"Welcome to")
    ask(one, f"connect One {PASSWORD}".encode(), b"You are One")


def test_a_shutdown_that_holds_keeps_everybody_for_the_next_start(start, again, join):
    mush = start(shutdown_holds="yes")
    wizard = join("Wizard")
    other = join("Other", "plain")
    ask(other, b"north", b"Exits: ")
    wizard.send(b"@shutdown\r\n")
    for player in (wizard, other):
        player.read_until(b"You stay connected until the game is back.\r\n")
    assert mush.process.wait(WAIT_S) == 0
    other.send(b"look\r\n")
    again()
    assert b"Lamp Street" in other.read_until(b"Exits: ")
    ask(wizard, b"WHO", b"2 players are connected.\r\n")


def test_a_line_beyond_the_limit_is_dropped_whole_and_play_goes_on(start, again, join):
    """Its beginning may be lost with either game, or not; the player is told so at least once."""
    mush = start()
    one = join("One")
    one.send(b"think " + b"x" * 100000)
    mush.kill()
    mush = again()
    one.read_until(BACK)
    one.send(b"x" * 30000)
    mush.kill()
    again()
    told = one.read_until(BACK)
    one.send(b"\r\nthink next\r\n")
    told += one.read_until(b"next\r\n")
    lines = [line for line in told.splitlines(keepends=True) if line not in (AWAY, BACK, b"next\r\n")]
    assert 1 <= len(lines) <= 2
    assert all(line.endswith(b"; nothing of it was done.\r\n") for line in lines)


def test_a_connection_that_comes_twice_counts_once(start, join, folder):
    """stayd's worker may die just while it joins a player to the game."""
    start()
    hearer = join("Hearer")
    number = os.urandom(16)
    first = knock(folder, {0x05: number})
    first.read_until(b"WHO, QUIT\r\n")
    second = knock(folder, {0x05: number})
    assert first.read_to_end() == (b"", "eof")
    lines = f"create Twice {PASSWORD}\r\nnorth\r\n".encode()
    second.read_until(b"WHO, QUIT\r\n")
    second.send(lines)
    second.read_until(b"Exits: south, inn, east\r\n")
    hearer.read_until(b"Twice goes north.\r\n")
    third = knock(folder, {0x05: number, 0xE2: struct.pack(">QQ", len(lines), 1 << 20)})
    assert second.read_to_end() == (b"", "eof")
    assert third.read_line() == b"GAME: The game is back."
    ask(third, b"look", b"Lamp Street")
    third.read_until(b"Exits: ")
    assert ask(hearer, b"think quiet", b"quiet\r\n") == b"quiet\r\n"
    third.close()
