# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A budget in time: others may do what they like, and a player's echo is not much later for it."""
import os
import pwd
import subprocess
import time

import pytest

from support import echo
from support.control import Control
from support.daemon import free_port
from support.game import Pair
from support.players import TlsPlayer
from support.waiting import WAIT_S, until

NOBODY = pwd.getpwnam("nobody")
STRANGER = 65432
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="other users can be played by root only")

# The wait that one echo in a hundred exceeds is mostly twice or thrice what it is when nothing is done.
# Without a budget it is dozens of times that. Other programs of the machine, such as other tests, make
# it stray, and more so for who has work to do: so the best of some rounds counts, and only what no
# neighbour explains is a fault.
USUAL = 3
MOST = 10
ROUNDS = 6
MEASURE_S = 0.7


class Scene:
    """stayd with two games: one with a player who is measured, the other for those who flood."""

    def __init__(self, start_stayd, game, pki, folder):
        os.chmod(folder, 0o711)
        self.other_port, self.other_path = free_port(), f"{folder}/other.sock"
        port = free_port()
        self.stayd = start_stayd(
            {"tls": {**pki.listener(port), "game": "mush"},
             "other": {**pki.listener(self.other_port), "game": "other"}},
            {"mush": {"connect": game.connect},
             "other": {"connect": f"unix:{self.other_path}", "header": "none",
                       "user": NOBODY.pw_name}},
            {"host-names": "off", "log-level": "info"})
        self.control = f"{folder}/control.sock"
        player = TlsPlayer(port, version="1.3")
        self.pair = Pair(player, game.accept_of(player))

    def flood(self, *what):
        if os.path.exists(self.other_path):
            os.unlink(self.other_path)
        return echo.Flood(self.other_port, self.other_path, *what)


@pytest.fixture
def scene(start_stayd, game, pki, folder):
    return Scene(start_stayd, game, pki, folder)


def assert_little_later(measure_quiet, measure):
    """measure() while others do their worst."""
    ratios = []
    for _ in range(ROUNDS):
        quiet = measure_quiet()
        busy = measure()
        quiet = max(quiet, measure_quiet())
        ratios.append(busy / quiet)
        print(f"one echo in a hundred takes longer than {quiet * 1000:.2f} ms, "
              f"and now than {busy * 1000:.2f} ms")
        if ratios[-1] <= USUAL:
            return
    assert min(ratios) <= MOST, ratios


# Records, of each player: what a second or so is spent with.
FLOODS = {"bytes": (100, 6000), "keys": (60, 400), "text": (30, 1000)}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_records_makes_others_wait_little(scene, kind):
    n_players, n_records = FLOODS[kind]

    def measure():
        flood = scene.flood(n_players, kind, n_records)
        try:
            flood.begin()
            busy = echo.measure(scene.pair, flood.is_over)
            n_left, n_heard = flood.end()
        finally:
            flood.kill()
        if kind != "keys":  # which may be cut off, for that is more than anybody needs
            assert n_left == n_players
            assert n_heard == n_players * n_records * (1 if kind == "bytes" else 16384)
        return busy
    assert_little_later(lambda: echo.measure_for(scene.pair, MEASURE_S), measure)


def knock(path, n, uid):
    started = [echo.start_last(echo.KNOCK, path, str(uid), stdout=subprocess.PIPE)
               for _ in range(n)]
    for process in started:
        assert process.stdout.readline() == "knocking\n"
    return started


def end_all(processes):
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@needs_root
@pytest.mark.parametrize("uid", (STRANGER, NOBODY.pw_uid), ids=("stranger", "game"))
def test_who_knocks_at_the_control_socket_makes_others_wait_little(scene, uid):
    """... beside who knocks as much where nobody listens, because that takes the processors, too."""
    def measure(path):
        knocking = knock(path, 4, uid)
        try:
            return echo.measure_for(scene.pair, MEASURE_S)
        finally:
            end_all(knocking)
    assert_little_later(lambda: measure("/nonexistent"), lambda: measure(scene.control))


def try_to_open(scene, uid):
    try:
        return Control(scene.control, uid=uid)
    except BlockingIOError:
        return None


@needs_root
def test_who_may_speak_is_heard_while_a_stranger_knocks(scene):
    start = time.monotonic()
    knocking = knock(scene.control, 4, STRANGER)
    try:
        for uid in (None, NOBODY.pw_uid) * 10:
            begun = time.monotonic()
            control = until(lambda: try_to_open(scene, uid), "there is room among those who knock")
            assert control.ask("held other").word == "ok"
            assert time.monotonic() - begun < WAIT_S
            control.close()
        n_refused = len(scene.stayd.log.find(" control-refused "))
    finally:
        end_all(knocking)
    assert 1 <= n_refused <= 50 * (time.monotonic() - start + 2)  # floods are cut
