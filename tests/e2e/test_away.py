# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The game dies, comes back, ends in order, hangs: what its players see."""
import os
import signal
import subprocess
import sys
import time

import pytest

from support import processes
from support.away import AWAY, BACK, HERE, KINDS, attach, await_back, check_echo, enter, read_here
from support.control import Control
from support.daemon import ROOT, free_port
from support.game import TLV_RESUMED, TLV_UNIQUE_ID, Game
from support.players import PlainPlayer, TlsPlayer
from support.waiting import until

CHUNK_BYTES = 20480  # vault/layout.h


@pytest.mark.short
@pytest.mark.parametrize("kind", KINDS)
def test_players_of_a_game_that_was_killed_are_told_and_held_until_it_is_back(
        make_stage, lone, kind):
    game = lone()
    stage = make_stage(its_game=game)
    player = enter(stage, kind)
    player.send(b"half a li")
    game.kill()
    assert player.read_until(AWAY) == AWAY
    player.send(b"ne\r\nsaid to nobody\r\nand half ")
    game.start()
    await_back(player, is_told=True)
    player.send(b"a line\r\n")
    check_echo(player, b"after")
    stage.stayd.log.expect("game-away game=mush")


def test_all_players_are_back_after_many_kills_in_a_row(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    players = [enter(stage, kind) for kind in KINDS * 4]
    for _ in range(10):
        game.restart()
        for player in players:
            await_back(player)
            check_echo(player)


def test_who_comes_while_the_game_is_away_is_told_at_once_and_let_in(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    enter(stage)
    game.kill()
    stage.stayd.log.expect("game-away")

    def told_after_s():
        start = time.monotonic()
        players.append(stage.player("1.3"))
        players[-1].read_until(b"You are connected and will be let in when it does.\r\n")
        return time.monotonic() - start
    players = []
    until(lambda: told_after_s() < 2, "a player is told before a game's slowness would be told")
    player = players[-1]
    player.send(b"typed early\r\n")
    game.start()
    text = player.read_until(b"echo typed early\r\n")
    assert BACK in text and HERE.search(text)


@pytest.mark.parametrize("how", ["hold", "end"])
def test_a_thousand_quits_are_told_apart_from_as_many_crashes(make_stage, lone, how):
    game = lone()
    stage = make_stage(its_game=game, game_options={"on-shutdown": how, "shutdown-wait": "100ms",
                                                    "reconnect-rate": 10000})
    staying = [enter(stage, kind) for kind in ("1.3", "plain") * 10]
    for n in range(25):
        leaving = [enter(stage, "plain") for _ in range(20)]
        for player, other in zip(leaving, staying):
            player.send(b"quit\r\n")
            other.send(b"busy %d\r\n" % n)
        for player in staying:
            player.read_until(b"echo busy %d\r\n" % n)
        for player in leaving:
            assert player.read_to_end() == (b"bye\r\n", "eof")
            player.close()
        game.restart()
        for player in staying:
            await_back(player)


def test_a_quit_on_tls_ends_with_close_notify_and_the_last_words(make_stage, lone):
    stage = make_stage(its_game=lone())
    for kind in ("1.2", "1.3"):
        player, other = enter(stage, kind), enter(stage, kind)
        player.send(b"quit\r\n")
        assert player.read_to_end() == (b"bye\r\n", "close_notify")
        check_echo(other)


def test_an_orderly_end_holds_the_players_whom_the_game_has_closed(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"shutdown-wait": "20s"})
    players = [enter(stage, kind) for kind in KINDS]
    players[0].send(b"shutdown 300\r\n")
    for player in players:
        assert player.read_until(AWAY) == b"going down\r\n" + AWAY
    game.start()
    for player in players:
        await_back(player, is_told=True)
        check_echo(player)


def test_an_orderly_end_ends_the_players_if_so_configured(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"on-shutdown": "end"})
    players = [enter(stage, kind) for kind in KINDS]
    players[0].send(b"shutdown 300\r\n")
    for player in players:
        text, how = player.read_to_end()
        assert text == b"going down\r\n" and how in ("close_notify", "eof")


def test_a_game_that_only_exits_is_held(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"on-shutdown": "end"})
    player = enter(stage)
    player.send(b"exit\r\n")
    player.read_until(AWAY)
    game.start()
    player.read_until(BACK)


def test_players_are_ended_with_a_message_when_the_hold_is_over(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"hold": "1s", "gone-text": "It is over."})
    players = [enter(stage, kind) for kind in KINDS]
    game.kill()
    for player in players:
        text, how = player.read_to_end()
        assert text == AWAY + b"It is over.\r\n" and how in ("close_notify", "eof")


def test_five_hundred_held_players_get_through_a_backlog_of_five_oldest_first(make_stage, lone):
    game = lone(backlog=5, slowness=0.002)
    stage = make_stage(its_game=game, game_options={"reconnect-rate": 1000})
    players = [enter(stage, "plain") for _ in range(500)]
    game.restart()
    for player in players:
        await_back(player)
    assert [int(player.here[2]) for player in players] == list(range(500))


def test_a_game_that_hangs_is_not_taken_for_dead(make_stage, lone):
    game = lone(backlog=1)
    stage = make_stage(its_game=game)
    player = enter(stage)
    game.signal(signal.SIGSTOP)
    waiting = [stage.player("plain") for _ in range(8)]
    waiting[-1].read_until(b"will be let in")
    player.send(b"patient\r\n")
    game.signal(signal.SIGCONT)
    assert player.read_until(b"echo patient\r\n") == b"echo patient\r\n"
    for one in waiting:
        read_here(one)


def hexed(data):
    return b"raw " + data.hex().encode() + b"\r\n"


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_dead_game_left_unfinished_is_finished_and_options_are_withdrawn(
        make_stage, lone, kind):
    game = lone()
    stage = make_stage(its_game=game)
    player = enter(stage, kind)
    player.send(hexed(b"\xff\xfb\x01\xff\xfd\x1f\xff\xfb\xc9"))  # WILL ECHO, DO NAWS, WILL GMCP
    player.read_exactly(9)
    # The player agrees to ECHO and NAWS, and leaves GMCP unanswered.
    player.send(b"\xff\xfd\x01\xff\xfb\x1f")
    player.send(hexed(b"\x1b[31mred \xff\xfa\xc9Core.Hel"))
    player.read_until(b"Core.Hel")
    game.kill()
    text = player.read_until(AWAY)
    assert text.startswith(b"\xff\xf0") and b"\x1b[0m" in text
    assert b"\xff\xfc\x01" in text and b"\xff\xfe\x1f" in text
    player.send(b"\xff\xfe\x01\xff\xfc\x1f")  # the answers: not the next game's business
    game.start()
    await_back(player, is_told=True)
    check_echo(player)


def test_compression_is_never_agreed_on(make_stage, lone):
    stage = make_stage(its_game=lone())
    player = enter(stage)
    player.send(hexed(b"\xff\xfb\x56\xff\xfb\x55\xff\xfb\x57\xff\xfb\x58plain\r\n"))
    assert player.read_until(b"plain\r\n") == b"plain\r\n"
    # Who agrees or asks all the same is told no, once.
    asks = b"".join(b"\xff\xfd%c\xff\xfb%c" % (option, option) for option in range(85, 89))
    player.send(asks + b"said\r\n")
    text = player.read_until(b"echo said\r\n").removesuffix(b"echo said\r\n")
    for option in range(85, 89):
        assert b"\xff\xfc%c" % option in text and b"\xff\xfe%c" % option in text
    assert len(text) == len(asks)
    player.send(asks.replace(b"\xfd", b"\xfe").replace(b"\xfb", b"\xfc") + b"more\r\n")
    assert player.read_line() == b"echo more"


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_dead_game_has_changed_in_the_terminal_is_put_back(make_stage, lone, kind):
    game = lone()
    stage = make_stage(its_game=game)
    player = enter(stage, kind)
    left = b"\x1b[?25l\x1b]8;;send:look\x1b\\\x1b[?1000;2004h\x1b(0\r\n"
    player.send(hexed(left))
    player.read_until(left)
    game.kill()
    assert player.read_until(AWAY) == (b"\x1b]8;;\x1b\\\x1b[?25h\x1b[?1000l\x1b[?2004l\x1b(B" +
                                       AWAY)
    game.start()
    await_back(player, is_told=True)
    check_echo(player)


def test_a_game_that_is_no_telnet_is_not_looked_into(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"telnet": "no", "away-text": "off",
                                                    "back-text": "off"})
    player = enter(stage, "plain")
    player.send(hexed(b"\xff\xfb\x56\xff\x1b["))
    assert player.read_exactly(6) == b"\xff\xfb\x56\xff\x1b["
    game.restart()
    player.read_until(HERE)
    check_echo(player, b"lone \xff")


def test_a_player_who_does_not_read_gets_the_dead_games_last_words_first(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game)
    player = stage.player("1.3", receive_bytes=4096)
    player.here = read_here(player)
    n = 40000
    player.send(b"flood %d\r\n" % n)
    player.read_until(b"flood 0\r\n")
    processes.await_rest()  # nobody has room for more
    game.restart()
    processes.await_rest()
    text = player.read_until(BACK)
    words, _, _ = text.partition(AWAY)
    lines = words.split(b"\r\n")
    # The end may be cut: the game died while it was writing.
    for index, line in enumerate(lines[:-2]):
        assert line == b"flood %d" % (index + 1)
    read_here(player)
    check_echo(player)


@pytest.mark.short
def test_games_are_chosen_by_name_and_listener_and_die_alone(start_stayd, lone, pki):
    red, blue = lone(), lone()
    tls, plain = free_port(), free_port()
    stayd = start_stayd(
        {"tls": {**pki.listener(tls), "game": "red"},
         "plain": {"address": f"127.0.0.1:{plain}", "tls": "no", "game": "blue"}},
        {"red": {"connect": red.connect, "sni": "red.example"},
         "blue": {"connect": blue.connect, "sni": "blue.example, *.blue.example"}},
        {"host-names": "off"})
    names = {None: red, "red.example": red, "BLUE.example": blue, "one.blue.example": blue,
             "one.two.blue.example": red, "other.example": red}
    players = []
    for name, game in names.items():
        player = TlsPlayer(tls, name=name)
        assert int(read_here(player)[0]) == game.pid, name
        players.append((player, game))
    player = PlainPlayer(plain)
    assert int(read_here(player)[0]) == blue.pid
    players.append((player, blue))
    blue.kill()
    for player, game in players:
        if game is red:
            check_echo(player)
        else:
            assert player.read_until(AWAY) == AWAY
    blue.start()
    for player, game in players:
        if game is blue:
            player.read_until(BACK)
            assert int(read_here(player)[0]) == blue.pid
        check_echo(player)
    stayd.log.expect("game-away game=blue")


@pytest.mark.parametrize("victims", [("worker",), ("guard",), ("spare",), ("worker", "guard")])
def test_game_and_stayds_processes_can_die_at_once(make_stage, lone, victims):
    game = lone()
    stage = make_stage(its_game=game)
    players = [enter(stage, kind) for kind in KINDS * 2]
    for _ in range(4):
        stage.stayd.family.await_whole()
        os.kill(game.pid, signal.SIGKILL)
        stage.stayd.family.kill(*victims)
        game.process.wait()
        stage.stayd.family.kill("worker")
        game.start()
        stage.stayd.family.kill("worker")
        for player in players:
            await_back(player)
            check_echo(player)


@pytest.mark.parametrize("telnet", ["yes", "no"])
@pytest.mark.parametrize("kind", ["1.3", "plain"])
def test_a_line_longer_than_what_is_kept_for_an_acknowledgement_goes_through(
        make_stage, kind, telnet):
    stage = make_stage(game_options={"telnet": telnet})
    control = attach(stage, "ack")
    pair = stage.pair(kind)
    conn = pair.link.header.tlvs[TLV_UNIQUE_ID].hex()
    pair.player.send(b"first\n" + b"x" * 19000)
    assert pair.link.read_exactly(19006)
    assert control.ask(f"ack {conn} 6").word == "ok"
    pair.player.send(b"x" * 100000)
    assert pair.link.read_exactly(100000) == b"x" * 100000
    pair.player.send(b"\n")
    assert pair.link.read_line() == b""
    assert control.ask(f"ack {conn} {119007}").word == "ok"
    pair.check()


@pytest.fixture
def take_over(folder):
    """take_over(lone): this process takes the place of that dead game."""
    made = []

    def take(lone_game):
        place = lone_game.connect.removeprefix("unix:")
        os.unlink(place)
        made.append(Game(place))
        return made[-1]
    yield take
    for game in made:
        game.close()


def test_offsets_begin_anew_for_a_game_that_is_not_told_where_the_input_goes_on(
        make_stage, lone, take_over):
    first = lone()
    stage = make_stage(its_game=first)
    player = enter(stage)
    check_echo(player)
    first.kill()
    player.read_until(AWAY)
    control = attach(stage, "ack")
    link = take_over(first).accept_of(player)
    assert TLV_RESUMED not in link.header.tlvs
    conn = link.header.tlvs[TLV_UNIQUE_ID].hex()
    for n in range(1, 6):  # more in all than stayd keeps
        player.send(b"x" * 8190 + b"\r\n")
        assert link.read_line() == b"x" * 8190
        assert control.ask(f"ack {conn} {n * 8192 + 1}").word == "bad-offset"
        assert control.ask(f"ack {conn} {n * 8192}").word == "ok"


@pytest.fixture
def resuming(folder):
    """resuming(stage, place): doc/examples/control.py, a game that counts lines and resumes."""
    made = []

    def start(stage, place):
        made.append(subprocess.Popen([sys.executable, os.path.join(ROOT, "doc/examples/control.py"),
                                      os.path.join(stage.stayd.folder, "control.sock"), "mush",
                                      place]))
        return made[-1]
    yield start
    for game in made:
        game.kill()
        game.wait()


@pytest.mark.parametrize("kind", KINDS)
def test_who_came_from_a_game_that_did_not_resume_is_resumed_from_the_next_one_with_all_input(
        make_stage, lone, resuming, kind):
    first = lone()
    stage = make_stage(its_game=first)
    player = enter(stage, kind)
    check_echo(player)
    player.send(b"half a line for the fir")
    first.kill()
    player.read_until(AWAY)
    place = first.connect.removeprefix("unix:")
    second = resuming(stage, place)
    player.read_until(b"Welcome, 0 lines so far.\r\n")
    second.kill()
    player.read_until(AWAY)
    player.send(b"st\r\nnorth\r\n")
    resuming(stage, place)
    player.read_until(b"Welcome back, 0 lines so far.\r\n")
    assert player.read_until(b"1: north\r\n") == b"1: north\r\n"


def flood_of(n_bytes):
    """As many lines as make up at least n_bytes."""
    n = made = 0
    while made < n_bytes:
        made += len(b"flood %d\r\n" % n)
        n += 1
    return b"flood %d\r\n" % n


def test_who_does_not_read_is_held_no_longer_than_others(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"hold": "1s"})
    control = Control(os.path.join(stage.stayd.folder, "control.sock"))
    players = []

    def come(words):
        players.append(stage.player("plain", receive_bytes=4096))
        players[-1].send(words)

    def is_seen():
        """A game's life. Of most of these stayd has all of the last words, a chunk full, and cannot get rid
        of them; of how many, depends on what the kernel takes of each."""
        n = len(stage.stayd.log.find("game-failed"))
        come(b"flood 1000000\r\n")
        processes.await_rest()
        taken, = (int(item["to-player"]) for item in control.ask("list").items
                  if int(item["port"]) == players[-1].port)  # by the kernel
        game.restart()
        for more in range(CHUNK_BYTES - 250, CHUNK_BYTES + 50, 50):
            come(flood_of(taken + more))
        come(b"hello\r\n")  # who is held in any case
        processes.await_rest()
        game.kill()
        stage.stayd.log.expect("game-failed", n + 1)
        processes.await_rest()
        for player in players:
            player.close()
        game.start()
        return stage.stayd.log.find("game-failed .*the player does not read")
    found = until(is_seen, "one who does not read is given up")
    assert len(found) <= len(players), found


def test_players_whom_a_game_closes_before_it_ends_cost_little_until_then(make_stage, lone):
    n = 900
    game = lone(backlog=1024)
    stage = make_stage(its_game=game,
                       game_options={"shutdown-wait": "60s", "reconnect-rate": 10000})
    players = [enter(stage, "plain") for _ in range(n)]
    players[0].send(b"shutdown 100000\r\n")
    for player in players:
        player.read_until(b"going down\r\n")
    worker = stage.stayd.family.pid("worker")
    before = processes.cpu_seconds(worker)
    time.sleep(2)
    assert processes.cpu_seconds(worker) - before < 0.3
    game.kill()
    for player in players:
        assert player.read_until(AWAY) == AWAY
    game.start()
    for player in players:
        player.read_until(BACK)
    stage.stayd.log.expect(rf"game-away game=mush pid=\d+ players={n}$")
    stage.stayd.log.expect(rf"game-back game=mush players={n} seconds=\d+$")


def test_a_held_player_of_whom_no_more_can_be_kept_is_given_up_when_it_leaves(make_stage, lone):
    game = lone()
    stage = make_stage(its_game=game, game_options={"hold": "forever", "telnet": "no"})
    players = [enter(stage, kind) for kind in KINDS]
    game.kill()
    for player in players:
        player.read_until(AWAY)
        player.send(b"typed for nobody\r\n" * 4000)
    processes.await_rest()
    for player in players:
        player.close()
    stage.stayd.log.expect("player-close", n=len(players))
