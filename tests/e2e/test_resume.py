# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Games that resume their players: what they get, byte by byte; and the example in Python, killed again and
again."""
import os
import random
import re
import signal
import subprocess
import sys
import threading

import pytest

from support.control import Control
from support.daemon import ROOT
from support.lone_game import LoneGame
from support.waiting import WAIT_S, until

EXAMPLE = os.path.join(ROOT, "doc", "examples", "control.py")
ANSWER = re.compile(rb"(\d+): (.*)")
HERE = re.compile(rb"here \d+ [0-9a-f]{32} \d+\r\n")
RESUMED = re.compile(rb"resumed (\d+) (\d+) (.*)\r\n")
AWAY = b"The game has stopped. You stay connected until it is back.\r\n"
KINDS = ("1.2", "1.3", "plain")


class Example:
    """doc/examples/control.py as the game `mush`."""

    def __init__(self, folder):
        self.place = os.path.join(folder, "game.sock")
        self.connect = f"unix:{self.place}"
        self.control = os.path.join(folder, "control.sock")
        self.process = None

    def start(self):
        if os.path.exists(self.place):
            os.unlink(self.place)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", EXAMPLE, self.control, "mush", self.place])
        until(lambda: os.path.exists(self.place), "the game listens")

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def example(folder):
    game = Example(folder)
    yield game
    if game.process:
        game.kill()


class Counter(threading.Thread):
    """Types numbered lines, some ahead, and notes which number the game gave to each."""

    def __init__(self, player, n_lines):
        super().__init__(daemon=True)
        self.player = player
        self.n_lines = n_lines
        self.number_of = {}
        self.error = None
        self.start()

    def run(self):
        try:
            n_sent = 0
            while len(self.number_of) < self.n_lines:
                while n_sent < self.n_lines and n_sent - len(self.number_of) < 5:
                    self.player.send(b"line %d" % n_sent)
                    self.player.send(b"\r\n")
                    n_sent += 1
                self.hear(self.player.read_line())
        except BaseException as error:  # pylint: disable=broad-except
            self.error = repr(error)

    def hear(self, line):
        answer = ANSWER.fullmatch(line)
        if answer:
            number, text = int(answer[1]), answer[2]
            # An answer may be seen twice, an effect not: it has the same number then.
            assert self.number_of.setdefault(text, number) == number, line


def test_every_line_counts_once_although_the_game_and_stayds_worker_are_killed(
        make_stage, example):
    stage = make_stage(its_game=example)
    example.start()
    counters = [Counter(stage.player(kind), 150) for kind in ("1.2", "1.3", "plain") * 2]
    dice = random.Random(7)
    for n in range(15):
        seen = sum(len(counter.number_of) for counter in counters)
        until(lambda: any(counter.error for counter in counters) or
              sum(len(counter.number_of) for counter in counters) > seen + dice.randrange(40) or
              not any(counter.is_alive() for counter in counters), "lines are counted")
        if n % 3 == 2:
            os.kill(stage.stayd.family.pid("worker"), signal.SIGKILL)
        example.kill()
        example.start()
    for counter in counters:
        counter.join(WAIT_S)
        assert counter.error is None, counter.error
        # Each line has a number of its own, in the order in which they were typed.
        wanted = {b"line %d" % n: n + 1 for n in range(150)}
        assert counter.number_of == wanted


@pytest.fixture
def lone(folder, make_stage):
    """lone(words): stayd, and a game that attaches to it with these words."""
    games = []

    def make(words, **options):
        games.append(LoneGame(os.path.join(folder, "game.sock"), words=words,
                              control=os.path.join(folder, "control.sock")))
        stage = make_stage(its_game=games[-1], game_options=options)
        games[-1].start()
        return stage, games[-1]
    yield make
    for game in games:
        game.close()


def enter(stage, kind="1.3"):
    player = stage.player(kind)
    player.read_until(HERE)
    return player


def ask(player, line, answer=b"done\r\n"):
    player.send(line + b"\r\n")
    return player.read_until(answer)


def lose(game, player):
    game.kill()
    return player.read_until(AWAY)


@pytest.mark.short
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_not_acknowledged_and_what_was_typed_meanwhile_comes_with_the_state(lone, kind):
    stage, game = lone("resume ack")
    player = enter(stage, kind)
    ask(player, b"state in the kitchen")
    ask(player, b"ack")
    ask(player, b"one", b"echo one\r\n")
    player.send(b"two")
    lose(game, player)
    player.send(b" halves\r\nthree\r\n")
    game.start()
    assert RESUMED.search(player.read_until(RESUMED))[3] == b"in the kitchen"
    for word in (b"one", b"two halves", b"three"):
        assert player.read_line() == b"echo " + word


@pytest.mark.parametrize("kind", ("1.3", "plain"))
def test_that_input_waits_for_a_game_that_does_not_acknowledge_is_said_once(lone, kind):
    stage, game = lone("resume ack")
    good, bad = enter(stage, kind), enter(stage, kind)
    good.send(b"ack-lines\r\n")
    line = b"x" * 990
    for player, n in ((good, 60), (bad, 60)):
        for _ in range(n):
            player.send(line + b"\r\n")
    for _ in range(60):
        assert good.read_line() == b"echo " + line
    stage.stayd.log.expect("input-waits id=[0-9a-f]{32} game=mush unacknowledged=[0-9]{5}")
    lose(game, bad)
    game.start()
    bad.read_until(RESUMED)
    ask(good, b"still here", b"echo still here\r\n")
    assert len(stage.stayd.log.find("input-waits")) == 1


def test_offsets_say_where_input_and_output_go_on(lone):
    stage, game = lone("resume ack")
    player = stage.player("1.3")
    text = player.read_until(HERE)
    text += ask(player, b"ack")
    text += ask(player, b"one", b"echo one\r\n")
    lose(game, player)
    game.start()
    back = player.read_until(RESUMED)
    # stayd's own words are not the game's; "ack" was acted on, "one" was not.
    assert RESUMED.search(back).groups() == (b"%d" % len(b"ack\r\n"), b"%d" % len(text), b"")
    text += HERE.search(back)[0] + RESUMED.search(back)[0] + player.read_line() + b"\r\n"
    lose(game, player)
    game.start()
    back = player.read_until(RESUMED)
    assert RESUMED.search(back).groups() == (b"%d" % len(b"ack\r\n"), b"%d" % len(text), b"")


@pytest.mark.parametrize("telnet", ["yes", "no"])
@pytest.mark.parametrize("kind", KINDS)
def test_without_acknowledgements_the_line_in_which_the_game_died_is_for_nobody(lone, kind, telnet):
    stage, game = lone("resume", telnet=telnet)
    player = enter(stage, kind)
    ask(player, b"one", b"echo one\r\n")
    n_before = n_from_player(stage)
    player.send(b"two")
    until(lambda: n_from_player(stage) > n_before, "half the line has come")
    lose(game, player)
    player.send(b" halves\r\nthree\r\n")
    game.start()
    player.read_until(RESUMED)
    assert player.read_line() == b"echo three"
    # When it was between lines, nothing is lost.
    lose(game, player)
    player.send(b"four\r\n")
    game.start()
    player.read_until(RESUMED)
    assert player.read_line() == b"echo four"


NAWS = b"\xff\xfa\x1f\x00\x50\x00\x0d\xff\xf0"  # a window of thirteen lines: a CR that ends none


@pytest.mark.parametrize("n_before", [0, 2000, 20000])
@pytest.mark.parametrize("kind, telnet", [("1.3", "yes"), ("plain", "yes"), ("plain", "no")])
def test_a_line_too_long_to_be_kept_is_for_nobody_when_the_game_dies_in_it(
        lone, kind, telnet, n_before):
    """Its last n_before bytes come before the game dies, the others when no game is there."""
    stage, game = lone("resume ack", telnet=telnet)
    player = enter(stage, kind)
    ask(player, b"ack-lines", b"")
    ask(player, b"one", b"echo one\r\n")
    long = b"think " + b"A" * 40000 + b";@destroy me " + b"B" * 20000
    send_all(stage, player, long[:-n_before] if n_before else long)
    lose(game, player)
    player.send(long[-n_before:] if n_before else b"")
    player.send(b" end\r\nthree\r\n")
    game.start()
    player.read_until(RESUMED)
    assert player.read_line() == b"echo three"
    # Nor does the process after that one get a piece of it.
    lose(game, player)
    game.start()
    player.read_until(RESUMED)
    player.send(b"four\r\n")
    assert player.read_line() == b"echo three"  # not acknowledged
    assert player.read_line() == b"echo four"


@pytest.mark.parametrize("kind", ["1.3", "plain"])
def test_a_subnegotiation_before_a_long_line_neither_holds_it_up_nor_ends_it(lone, kind):
    stage, game = lone("resume ack")
    player = enter(stage, kind)
    ask(player, b"ack-lines", b"")
    ask(player, b"one", b"echo one\r\n")
    send_all(stage, player, NAWS + b"A" * 50000 + NAWS + b"B" * 1000)
    lose(game, player)
    player.send(b"end\r\nthree\r\n")
    game.start()
    player.read_until(RESUMED)
    assert player.read_line() == b"echo three"


@pytest.mark.parametrize("telnet", ["yes", "no"])
def test_a_line_begun_before_the_game_acknowledged_is_for_nobody_when_it_dies_in_it(lone, telnet):
    stage, game = lone("later", telnet=telnet)
    player = enter(stage, "plain")
    send_all(stage, player, b"half a")
    other = enter(stage, "plain")
    ask(other, b"attach resume ack")
    game.arguments[-1] = "resume ack"
    lose(game, player)
    player.send(b" line\r\nthree\r\n")
    game.start()
    player.read_until(RESUMED)
    assert player.read_line() == b"echo three"


RECORD_BYTES = 16384  # of text, and what goes with them in TLS 1.3
RECORD_OVERHEAD = 22


def send_all(stage, player, text):
    """Send it, and wait until it has come."""
    n_wanted = n_from_player(stage) + len(text)
    if hasattr(player, "tls"):
        n_wanted += -(-len(text) // RECORD_BYTES) * RECORD_OVERHEAD
    player.send(text)
    until(lambda: n_from_player(stage) >= n_wanted, "all of it has come")


def n_from_player(stage):
    """Bytes received from the only player, as they came."""
    control = Control(os.path.join(stage.stayd.folder, "control.sock"))
    item, = control.ask("list").items
    control.close()
    return int(item["from-player"])


def test_a_process_that_does_not_attach_gets_new_players(lone, folder):
    stage, game = lone("resume ack")
    player = enter(stage)
    ask(player, b"state secret")
    lose(game, player)
    player.send(b"typed for nobody\r\n")
    other = LoneGame(game.place).start()
    try:
        assert b"resumed" not in player.read_until(HERE)
        assert ask(player, b"hello", b"echo hello\r\n") == b"echo hello\r\n"
    finally:
        other.close()


@pytest.mark.parametrize("telnet", ["yes", "no"])
def test_a_process_that_does_not_attach_gets_nothing_of_much_that_was_typed_before(lone, telnet):
    stage, game = lone("resume ack", telnet=telnet)
    players = [enter(stage, kind) for kind in KINDS]
    game.kill()
    for player in players:
        player.read_until(AWAY)
        player.send(b"typed for nobody\r\n" * 4000 + b"and half a ")
    other = LoneGame(game.place).start()
    try:
        for player in players:
            player.read_until(HERE)
            player.send(b"line\r\nhello\r\n")
            assert player.read_line() == b"echo hello"
    finally:
        other.close()


def test_a_link_without_resume_is_counted_from_its_beginning(lone, folder):
    stage, game = lone("resume ack")
    player = enter(stage)
    ask(player, b"one", b"echo one\r\n")
    lose(game, player)
    stranger = LoneGame(game.place).start()  # does not attach
    try:
        player.read_until(HERE)
        ask(player, b"two", b"echo two\r\n")
        stranger.kill()
        player.read_until(AWAY)
        stranger.arguments = game.arguments  # attaches
        stranger.start()
        assert b"resumed" not in player.read_until(HERE)
        ask(player, b"ack-lines", b"")
        text = ask(player, b"three", b"echo three\r\n")
        stranger.kill()
        player.read_until(AWAY)
        stranger.start()
        found = RESUMED.search(player.read_until(RESUMED))
        assert int(found[1]) == len(b"ack-lines\r\nthree\r\n") and text
    finally:
        stranger.close()


def test_of_a_large_paste_no_line_is_lost_but_those_in_work(lone):
    stage, game = lone("resume ack")
    player = enter(stage, "plain")
    ask(player, b"state ack-lines")
    player.send(b"ack-lines\r\n")
    lines = [b"%05d " % n + b"x" * 90 for n in range(3000)]
    is_over = threading.Event()

    def write():
        player.sock.sendall(b"\r\n".join([*lines, b""]))
        is_over.wait()
        player.sock.sendall(b"that is all\r\n")  # which no kill can take away
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    heard = player.read_until(b"echo 00100")
    for _ in range(3):
        os.kill(stage.stayd.family.pid("worker"), signal.SIGKILL)
        heard += lose(game, player)
        game.start()
        heard += player.read_until(RESUMED)
    is_over.set()
    heard += player.read_until(b"echo that is all\r\n")
    writer.join()
    # The game acknowledges before it acts: the line that was in work when it died may be lost, no other.
    numbers = [int(n) for n in re.findall(rb"echo (\d{5}) x{90}\r\n", heard)]
    assert numbers == sorted(set(numbers)) and len(numbers) >= 3000 - 3 - 1


@pytest.mark.parametrize("plan, is_held", [(b"reboot", True), (b"shutdown hold", True),
                                           (b"shutdown end", False)])
def test_a_plan_says_what_closed_connections_mean(lone, plan, is_held):
    # The configuration says the contrary.
    stage, game = lone("resume ack", **{"on-shutdown": "end" if is_held else "hold"})
    players = [enter(stage, kind) for kind in KINDS]
    ask(players[0], b"plan " + plan)
    players[0].send(b"ack-lines\r\nshutdown 300\r\n")
    for player in players:
        if is_held:
            assert player.read_until(AWAY) == b"going down\r\n" + AWAY
        else:
            assert player.read_to_end()[0] == b"going down\r\n"
    if is_held:
        game.start()
        for player in players:
            player.read_until(RESUMED)


def test_stayd_ends_a_player_for_the_game_even_if_the_game_dies_at_once(lone):
    stage, game = lone("resume ack")
    player, other = enter(stage), enter(stage, "1.2")
    player.send(b"end So long.\r\n")
    assert player.read_to_end() == (b"So long.\r\n", "close_notify")
    game.restart()
    other.read_until(RESUMED)
