# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Upgrades after reloads, and the one while the other is under way."""
import os
import random
import signal
import threading
import time

import pytest

from support.control import run_stayctl
from support.daemon import free_port
from support.game import Pair
from support.players import PlainPlayer
from support.waiting import until
from test_upgrade import Crowd, NEXT, Site, THIS


class Place(Site):
    """A site whose configuration a test rewrites."""

    def __init__(self, make_stage, folder, pki):
        super().__init__(make_stage, folder)
        stage = self.stage
        self.tls = pki.listener(stage.tls_port)
        self.plain = {"address": f"127.0.0.1:{stage.plain_port}", "tls": "no"}
        self.mush = {"connect": stage.game.connect}

    def write(self, listeners, games, **options):
        self.stayd.write_conf(listeners, games, {"host-names": "off", **options})

    def reload(self):
        return run(self, "reload")

    def pair_at(self, port):
        player = PlainPlayer(port)
        return Pair(player, self.stage.game.accept_of(player))


def run(place, *arguments):
    return run_stayctl(place.stayd, *arguments)


@pytest.fixture
def place(make_stage, folder, pki):
    return Place(make_stage, folder, pki)


def rearrange(place):
    """What stood first is gone, its player stays; what is new has its own place."""
    ports = free_port(), free_port()
    lone = {"address": f"127.0.0.1:{ports[0]}", "tls": "no", "game": "mush"}
    more = {"address": f"127.0.0.1:{ports[1]}, 127.0.0.1:{place.stage.plain_port}", "tls": "no",
            "game": "mush"}
    place.write({"lone": lone, "plain": more},
                {"zoo": {"connect": f"unix:{place.stayd.folder}/zoo"}, "mush": place.mush})
    done = place.reload()
    assert done.returncode == 0, done
    return ports


@pytest.mark.short
def test_after_a_reload_indices_and_sockets_go_to_the_next_program(place):
    crowd = Crowd(place.stage, 6)
    ports = rearrange(place)
    crowd.await_progress()
    counts = []
    for name, after in (("next", NEXT), ("this", THIS), ("next", NEXT)):
        place.put(name)
        done = place.upgrade()
        assert done.stdout.endswith(f"to {after}\n"), done
        for port in (*ports, place.stage.plain_port):
            place.pair_at(port).check()
        place.check_family()
        counts.append(place.count_fds())
        crowd.await_progress()
    done = place.reload()
    assert done.returncode == 0, done
    for port in (*ports, place.stage.plain_port):
        place.pair_at(port).check()
    crowd.finish()


@pytest.mark.parametrize("fault", ["ends", "crashes", "exits"])
def test_back_to_what_a_reload_had_made(place, fault):
    crowd = Crowd(place.stage, 6)
    ports = rearrange(place)
    place.put(fault)
    done = place.upgrade()
    assert done.returncode == 1, done
    place.check_family()
    for port in (*ports, place.stage.plain_port):
        place.pair_at(port).check()
    assert place.reload().returncode == 0
    place.put("next")
    assert place.upgrade().returncode == 0
    for port in (*ports, place.stage.plain_port):
        place.pair_at(port).check()
    crowd.finish()


@pytest.mark.parametrize("fault", ["hangs", "late"])
def test_a_reload_during_an_upgrade_is_refused(place, fault):
    crowd = Crowd(place.stage, 3)
    place.put(fault)
    upgrade = threading.Thread(target=place.upgrade)
    upgrade.start()
    if fault == "hangs":
        until(lambda: place.status().get("upgrade") == "trial", "it is tried")
        done = place.reload()
        assert done.returncode == 1 and "an upgrade is under way" in done.stderr, done
    else:
        place.stayd.log.expect("phase=probation")
        os.kill(place.stayd.guard_pid(), signal.SIGHUP)
    upgrade.join()
    place.check_family()
    crowd.await_progress()
    until(lambda: place.reload().returncode == 0, "a reload is possible again")
    crowd.finish()


@pytest.mark.short
def test_a_removed_game_with_players_is_in_an_upgrades_way(place):
    pair = place.stage.pair("plain")
    place.write({"tls": place.tls, "plain": place.plain},
                {"zoo": {"connect": f"unix:{place.stayd.folder}/zoo"}})
    assert place.reload().returncode == 0
    place.put("next")
    done = place.upgrade()
    assert done.returncode == 1 and "a game that a reload has removed" in done.stderr, done
    pair.check()
    pair.player.close()
    pair.link.close()
    until(lambda: place.upgrade().returncode == 0, "without players it is possible")


def test_reloads_upgrades_and_kills_at_random(place):
    chance = random.Random(int(os.environ.get("STAYD_SEED", "4")))
    crowd = Crowd(place.stage, 6)
    ports = free_port(), free_port()
    for n in range(12):
        lone = {"address": f"127.0.0.1:{ports[n % 2]}", "tls": "no", "game": "mush"}
        place.write({"lone": lone, "tls": place.tls, "plain": place.plain}, {"mush": place.mush})
        place.put("next" if n % 2 == 0 else "this")
        orders = [signal.SIGHUP, signal.SIGUSR2]
        chance.shuffle(orders)
        for order in orders:
            os.kill(place.stayd.family.await_whole()["guard"], order)
            time.sleep(chance.random() * 0.15)
        if n % 2:
            place.stayd.family.kill(chance.choice(["guard", "spare", "worker"]))
        crowd.await_progress()
        place.stayd.family.await_whole()

    def is_reloaded():
        return place.reload().returncode == 0
    until(is_reloaded, "a reload is possible")
    place.put("next")
    until(lambda: place.upgrade().returncode == 0, "an upgrade is possible")
    place.check_family()
    place.pair_at(ports[1]).check()
    crowd.finish()
