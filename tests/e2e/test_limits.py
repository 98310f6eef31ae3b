# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Nobody can shut the others out: limits per address, lists of networks, and who is refused is told so.

This machine's own addresses are exempt, so an empty list stands in the place of that here. Strangers come from
127.1.0.0/16, an address each, honest players from 127.0.0.1.
"""
import os
import random
import socket
import threading
import time

import pytest

from support.control import Control, run_stayctl
from support.game import Pair
from support.network import Network
from support.players import TlsPlayer, connect, half_shaken
from support.processes import memory_bytes
from support.waiting import until

GOOD_TRIES = 20
TLS = 4202
STRANGER = "127.1.0.1"
TOO_MANY_NEW = b"There are too many new connections from your network. Please try again in a minute.\r\n"
TOO_MANY_PLAYERS = b"As many players are connected from your network as can be. Please try again later.\r\n"
FULL = b"As many players are connected as can be. Please try again later.\r\n"
DENIED = b"You cannot connect from where you are.\r\n"
KINDS = ("1.2", "1.3", "plain")


def write_list(folder, name, *lines):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


@pytest.fixture
def make_house(make_stage, folder):
    """make_stage, with limits for this machine, too: house(**{"option": value})."""
    def make(**options):
        return make_stage({"exempt": write_list(folder, "exempt"), **options})
    return make


def address_of(number):
    return f"127.1.{number >> 8 & 255}.{number & 255}"


def median_entry(enter):
    """Seconds until an honest player is in; the middle one of five."""
    def once():
        begun = time.monotonic()
        enter()
        return time.monotonic() - begun
    return sorted(once() for _ in range(5))[2]


class Flood:
    """Calls `open` over and over, about `rate` times a second, and keeps the sockets that it returns."""

    def __init__(self, open_one, rate=50):
        self.socks = []
        self.is_over = False
        self.open_one = open_one
        self.pause = 1 / rate
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_over:
            try:
                self.socks.append(self.open_one(len(self.socks)))
            except OSError:
                pass
            time.sleep(self.pause)

    def await_n(self, n):
        until(lambda: len(self.socks) >= n, f"{n} connections")

    def end(self):
        self.is_over = True
        self.thread.join()
        for sock in self.socks:
            sock.close()


@pytest.fixture
def flood():
    made = []

    def start(*arguments, **options):
        made.append(Flood(*arguments, **options))
        return made[-1]
    yield start
    for one in made:
        one.end()


def begin(sock):
    """Half a record: this one has spoken, and takes its time."""
    sock.sendall(b"\x16\x03\x01\x01\x00")
    return sock


def test_hanging_handshakes_of_one_address_keep_nobody_out(make_house, flood):
    house = make_house(**{"max-handshakes": 32, "connections-per-second": "no",
                          "max-handshakes-per-address": "no", "max-players-per-address": "no"})
    quiet = median_entry(lambda: house.pair().check())
    crowd = flood(lambda n: begin(connect(house.tls_port, source=STRANGER)), rate=100)
    house.stayd.log.expect(f' limited network={STRANGER} why="gave way')
    attacked = median_entry(lambda: house.pair().check())
    assert crowd.thread.is_alive()
    assert attacked < 10 * quiet + 0.5
    assert len(house.stayd.log.find(" limited ")) <= 3
    assert not house.stayd.log.find("accept-paused")


def test_silent_connections_of_many_networks_keep_nobody_out(make_house, flood):
    house = make_house(**{"max-handshakes": 32})
    quiet = median_entry(lambda: house.pair().check())
    crowd = flood(lambda n: connect(house.tls_port, source=address_of(n)), rate=100)
    house.stayd.log.expect(' limited .*why="gave way')  # after 3 s, of which the kernel knows
    time.sleep(1)  # the bucket is full again
    attacked = median_entry(lambda: house.pair().check())
    assert crowd.thread.is_alive()
    assert attacked < 10 * quiet + 0.5
    assert not house.stayd.log.find("accept-paused")


def test_a_crowd_in_the_middle_of_its_handshakes_is_not_driven_out_by_newcomers(make_stage):
    """Each counts as of another address."""
    stage = make_stage({"max-handshakes": 2})
    crowd = [half_shaken(stage.tls_port) for _ in range(2)]
    stage.stayd.log.expect('accept-paused why="max-handshakes')
    late = stage.player(is_shaken=False)
    for player in crowd:
        player.shake()
        stage.pair_of(player).check()
    late.shake()
    stage.pair_of(late).check()
    assert not stage.stayd.log.find(" limited ")


@pytest.fixture
def road_house(net, start_stayd, game, pki):
    start_stayd({"tls": {**pki.listener(TLS), "address": f"[::]:{TLS}, 0.0.0.0:{TLS}"}},
                {"mush": {"connect": game.connect}}, {"host-names": "off"}, wrapper=net.wrapper())

    def enter(source):
        player = TlsPlayer(sock=net.connect(source, TLS))
        Pair(player, game.accept()).check()
        player.close()
    return enter


def test_an_ipv6_house_that_floods_keeps_neither_others_nor_its_neighbours_out(net, road_house, flood):
    """Each time from another address; half of them say nothing, half do not go on. Neighbours are of the same /48."""
    def open_one(n):
        sock = net.connect(f"{Network.CROWD}{n + 1:x}", TLS)
        return begin(sock) if n % 2 else sock
    quiet = median_entry(lambda: road_house("10.77.0.2"))
    crowd = flood(open_one, rate=100)
    crowd.await_n(600)
    attacked = median_entry(lambda: road_house("10.77.0.2"))
    neighbour = median_entry(lambda: road_house(Network.NEIGHBOUR))
    assert crowd.thread.is_alive()
    assert attacked < 10 * quiet + 0.5
    assert neighbour < 10 * quiet + 0.5


@pytest.mark.short
def test_an_address_that_takes_all_seats_it_may_locks_nobody_else_out_and_is_told(make_house):
    house = make_house(**{"max-players": 20, "max-players-per-address": 6, "connections-per-second": "no"})
    theirs = [house.pair(kind, source=STRANGER) for kind in KINDS * 2]
    for kind, ending in zip(KINDS, ("close_notify", "close_notify", "eof")):
        late = house.player(kind, source=STRANGER)
        assert late.read_to_end() == (TOO_MANY_PLAYERS, ending)
        house.pair(kind).check()
    house.stayd.log.expect(f" limited network={STRANGER} .*max-players-per-address")
    for pair in theirs:
        pair.check()
    theirs[0].player.close()
    theirs[0].link.close()
    house.stayd.log.expect(" player-close ")
    house.pair("1.3", source=STRANGER).check()
    house.stayd.family.kill("worker")  # the next one counts them anew
    house.stayd.log.expect(" ready players=9", 1)
    assert house.player("plain", source=STRANGER).read_to_end() == (TOO_MANY_PLAYERS, "eof")


def test_beyond_max_players_newcomers_are_told_and_get_in_later(make_house):
    house = make_house(**{"max-players": 2})
    pairs = [house.pair("1.3"), house.pair("plain")]
    for kind, ending in zip(KINDS, ("close_notify", "close_notify", "eof")):
        assert house.player(kind).read_to_end() == (FULL, ending)
    house.stayd.log.expect(' limited network=any why="max-players are connected"')
    for pair in pairs:
        pair.check()
    pairs[1].player.close()
    pairs[1].link.close()
    house.stayd.log.expect(" player-close ")
    house.pair("1.2").check()
    pairs[0].check()


def refused(house, kind):
    """How one that speaks first is refused; None: it was let in."""
    player = house.player(kind, source=STRANGER, **({} if kind == "plain" else {"is_shaken": False}))
    if kind != "plain":
        try:
            player.shake()
            house.game.accept().close()
            return None
        except OSError as error:
            return getattr(error, "reason", None) or str(error)
    player.send(b"connect guest guest\r\n")
    until(lambda: player.receive(0.01) and player.ended or house.game.has_caller(), "it is let in, or not")
    if not player.ended:
        house.game.accept().close()
        return None
    return player.read_to_end()


@pytest.mark.short
def test_an_address_that_comes_too_often_is_told_so_each_time_and_logged_once(make_house):
    house = make_house(**{"connections-per-second": 1})
    until(lambda: refused(house, "plain"), "it is too much")
    for kind in KINDS * GOOD_TRIES:
        expected = (TOO_MANY_NEW, "eof") if kind == "plain" else "TLSV1_ALERT_INTERNAL_ERROR"
        assert until(lambda kind=kind: refused(house, kind), "a second has brought just one in") == expected
    assert len(house.stayd.log.find(f" limited network={STRANGER} ")) == 1
    house.pair("1.3").check()
    control = Control(f"{house.stayd.folder}/control.sock")

    def are_all_counted():  # which the entry says once a second
        items = [item for item in control.ask("status").items if item["what"] == "limited"]
        return items and int(items[0]["refused"]) >= 3 * GOOD_TRIES and items
    items = until(are_all_counted, "all are counted")
    assert len(items) == 1 and items[0]["network"] == STRANGER
    assert items[0]["limit"] == "connections-per-second"
    said = run_stayctl(house.stayd, "status").stdout
    assert "NOT LET IN" in said and STRANGER in said and "connections-per-second" in said


def test_this_machines_addresses_are_exempt_unless_the_file_says_otherwise(make_stage):
    stage = make_stage({"connections-per-second": 1, "max-players-per-address": 1})
    pairs = [stage.pair("plain") for _ in range(12)]
    for pair in pairs:
        pair.check()
    assert not stage.stayd.log.find(" limited ")


@pytest.mark.short
def test_lists_are_taken_anew_at_a_reload_and_a_mistake_in_one_changes_nothing(make_house, folder):
    deny = write_list(folder, "deny")
    house = make_house(deny=deny)
    inside = house.pair("1.3", source=STRANGER)
    write_list(folder, "deny", "# unwanted", "127.1.0.0/16")
    assert run_stayctl(house.stayd, "reload").returncode == 0
    inside.check()  # who is in stays
    assert house.player("plain", source=STRANGER).read_to_end() == (DENIED, "eof")
    assert refused(house, "1.3") == "TLSV1_ALERT_ACCESS_DENIED"
    house.stayd.log.expect(f" limited network={STRANGER} .*deny")
    write_list(folder, "deny", "127.9.0.0/16", "127.1.0.7/16")
    said = run_stayctl(house.stayd, "reload")
    assert said.returncode != 0 and f"{deny}:2: 127.1.0.7/16: " in said.stdout + said.stderr
    assert house.player("plain", source=STRANGER).read_to_end() == (DENIED, "eof")
    write_list(folder, "deny", "127.9.0.0/16")
    assert run_stayctl(house.stayd, "reload").returncode == 0
    house.pair("1.3", source=STRANGER).check()
    house.pair().check()


def test_with_allow_nobody_else_gets_in_and_deny_is_stronger(make_house, folder):
    house = make_house(allow=write_list(folder, "allow", "127.0.0.0/24"),
                       deny=write_list(folder, "deny", "127.0.0.9"))
    house.pair("plain").check()
    for source in (STRANGER, "127.0.0.9"):
        assert house.player("plain", source=source).read_to_end() == (DENIED, "eof")


def n_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into another process")
def test_ten_thousand_garbage_connections_leave_memory_descriptors_and_log_as_they_are(make_house):
    house = make_house()
    bystander = house.pair()
    dice = random.Random(4202)
    ports = (house.tls_port, house.plain_port)

    def throw(n_from, n):
        n_thrown = 0
        for i in range(n_from, n_from + n):
            source = address_of(i) if i % 2 else STRANGER
            try:
                sock = connect(ports[0] if i % 8 else ports[1], source=source)
                sock.sendall(dice.randbytes(100))
                if i % 3 == 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.close()
                n_thrown += 1
            except OSError:
                pass
        assert n_thrown > n / 2
        bystander.check()
        while house.game.has_caller(0.05):
            house.game.accept().close()
    throw(0, 2000)
    pids = house.stayd.family.await_whole()

    def are_closed():
        return all(n_descriptors(pid) < 60 for pid in pids.values())
    until(are_closed, "all are closed")
    before = {role: memory_bytes(pid) for role, pid in pids.items()}
    n_lines = len(house.stayd.log.text().splitlines())
    begun = time.monotonic()
    throw(2000, 8000)
    seconds = time.monotonic() - begun
    until(are_closed, "all are closed")
    assert house.stayd.family.await_whole() == pids
    for role, pid in pids.items():
        until(lambda pid=pid, role=role: memory_bytes(pid) - before[role] < 2_000_000,
              f"memory of the {role} is given back")
    # Of each event 50 lines a second at most, and of these connections there are five events.
    assert len(house.stayd.log.text().splitlines()) - n_lines < 250 * (seconds + 2)
    assert len(house.stayd.log.find(" limited ")) <= 100
