# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What every end-to-end test gets. STAYD_BUILD names the folder of the build.

A test is bounded in time by an alarm; what it has started is ended with it, by process id;
when it fails, the logs are shown.
"""
import os
import shutil
import signal
import tempfile

import pytest

from support import network, processes
from support.daemon import Log, Stayd, free_port
from support.game import Game, Pair
from support.lone_game import LoneGame
from support.mush import Mush
from support.pki import Pki
from support.players import PlainPlayer, TlsPlayer
from support.town import Town
from support.waiting import PATIENCE

TEST_S = 240 * PATIENCE


def pytest_configure(config):
    config.addinivalue_line("markers", "short: also run with the sanitizers")
    processes.become_subreaper()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    folder = item.funcargs.get("folder") if hasattr(item, "funcargs") else None
    if report.when != "call" or not report.failed or not folder:
        return
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".log"):
                text = Log(os.path.join(place, name)).text()
                report.sections.append((name, text[-20000:]))


@pytest.fixture(autouse=True)
def is_bounded():
    def give_up(_number, _frame):
        raise AssertionError(f"the test takes more than {TEST_S} s")
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_S)
    yield
    signal.alarm(0)


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="stayd-e2e-")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def pki():
    path = tempfile.mkdtemp(prefix="stayd-pki-")
    yield Pki(path)
    shutil.rmtree(path)


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def game(folder):
    """A game on a Unix socket."""
    made = Game(os.path.join(folder, "game.sock"))
    yield made
    made.close()


@pytest.fixture
def lone(folder):
    """lone(name="game", **options): a game that is started, and ended with the test."""
    made = []

    def make(place=None, **options):
        made.append(LoneGame(place or os.path.join(folder, f"game{len(made)}.sock"), **options))
        return made[-1].start()
    yield make
    for game in made:
        game.close()


@pytest.fixture
def start_stayd(folder):
    """Start stayd and wait until it is ready: start_stayd(listeners, games, options)."""
    started = []

    def start(*arguments, is_awaited=True, **options):
        started.append(Stayd(folder, *arguments, **options))
        return started[-1].await_ready() if is_awaited else started[-1]
    yield start
    for stayd in started:
        stayd.end()


class Stage:
    """stayd with a TLS and a plain listener in front of a game: what most tests need."""

    def __init__(self, stayd, game, tls_port, plain_port):
        self.stayd = stayd
        self.game = game
        self.tls_port = tls_port
        self.plain_port = plain_port

    def player(self, kind="1.3", **options):
        """kind: 1.2, 1.3 or plain."""
        if kind == "plain":
            return PlainPlayer(self.plain_port, **options)
        return TlsPlayer(self.tls_port, version=kind, **options)

    def pair_of(self, player):
        return Pair(player, self.game.accept_of(player))

    def pair(self, kind="1.3", **options):
        return self.pair_of(self.player(kind, **options))


@pytest.fixture
def make_stage(start_stayd, game, pki):
    def make(options=None, tls=None, game_options=None, its_game=None, **more):
        its_game = its_game or game
        tls_port, plain_port = free_port(), free_port()
        listeners = {"tls": pki.listener(tls_port, **(tls or {})),
                     "plain": {"address": f"127.0.0.1:{plain_port}", "tls": "no"}}
        games = {"mush": {"connect": its_game.connect, **(game_options or {})}}
        stayd = start_stayd(listeners, games, {"host-names": "off", **(options or {})}, **more)
        return Stage(stayd, its_game, tls_port, plain_port)
    return make


@pytest.fixture
def stage(make_stage):
    return make_stage()


@pytest.fixture
def start_mush(folder):
    started = []

    def start(settings, **options):
        started.append(Mush(folder, settings, **options))
        return started[-1].await_ready()
    yield start
    for mush in started:
        mush.end()


@pytest.fixture
def town(start_mush, pki):
    """town(key=value, ...): minimush with these settings."""
    towns = []

    def begin(**settings):
        towns.append(Town(start_mush, pki, {key.replace("_", "-"): value
                                            for key, value in settings.items()}))
        return towns[-1]
    yield begin
    for made in towns:
        made.close()


@pytest.fixture
def net():
    if network.why_not():
        pytest.skip(network.why_not())
    made = network.Network()
    yield made
    made.end()


@pytest.fixture
def name_server(net):
    made = network.NameServer(net.udp_in_house())
    yield made
    made.end()
