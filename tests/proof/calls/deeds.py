# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What befalls a house (house.py), and in the course of which each call is struck. A deed may be in vain when something
is struck; it may lose nobody."""
import os
import signal

from support.away import await_back
from support.systemd import UNIT

from house import GONE


def come(house, *kinds):
    """Newcomers of these kinds, who then go, each in another way. One who does not get in comes again, where that may
    be: house.n_may_fail."""
    for n, kind in enumerate(kinds):
        while True:
            try:
                player = house.enter(kind)
                house.check(player)
                house.leave(player, n)
                break
            except GONE:
                house.n_may_fail -= 1
                if house.n_may_fail < 0:
                    raise


def talk(house):
    house.talk()
    come(house, "1.3", "1.2", "plain")
    house.talk()


def flood(house):
    """More than any buffer holds, in both directions."""
    for player in house.players:
        try:
            player.send(b"flood 12000\r\n")
            for n in range(12000):
                assert player.read_line() == b"flood %d" % n
        except GONE as error:
            player.error = error
            house.lost.append(player)


def die(role):
    def deed(house):
        house.kill(role)
        house.talk()
        come(house, "1.3", "plain")
    return deed


def game_dies(house):
    house.game.restart()
    for player in house.players:
        try:
            if player not in house.lost:
                await_back(player)
        except GONE as error:
            player.error = error
            house.lost.append(player)
    house.talk()


def resuming_game_dies(house):
    """What it left with stayd, and the lines that it did not acknowledge, come again: check() counts them."""
    house.talk()
    house.game.restart()
    house.talk()
    come(house, "1.3")


def renew(house):
    """A certificate was renewed."""
    house.install()
    os.kill(house.pid("guard"), signal.SIGHUP)
    house.talk()
    come(house, "1.3")
    house.await_news(r" reload(-refused)? |guard-taken ")


def reload(house):
    """Another configuration."""
    house.n_reloads = getattr(house, "n_reloads", 0) + 1
    listeners = house.listeners
    if house.n_reloads % 2:
        house.listeners = {**listeners, "more": {"address": f"127.0.0.1:{house.more_port}", "tls": "no"}}
    house.write_conf(**{"stop-timeout": f"{house.n_reloads % 5 + 1}s"})
    house.listeners = listeners
    house.stayctl("reload")
    house.talk()
    come(house, "1.2")


def control(house):
    """What an admin asks."""
    house.stayctl("status")
    house.stayctl("list")
    house.stayctl("status", "--json")
    house.talk()


def upgrade_to(name):
    def deed(house):
        if name == "this":
            house.put()
            house.stayctl("upgrade")
        else:
            house.stayctl("upgrade", os.path.join(house.build, f"stayd-{name}"))
        house.talk()
        come(house, "1.3")
    return deed


def systemd_restarts(house):
    house.stayd.await_stored()
    house.stayd.systemd.ctl("restart", UNIT, check=house.must_start)
    house.talk()
    come(house, "1.3")


def all_die(house):
    house.stayd.await_stored()
    house.stayd.family.kill_all()
    house.talk()
    come(house, "plain")


DEEDS = {
    "talk": talk,
    "flood": flood,
    "a worker dies": die("worker"),
    "a guard dies": die("guard"),
    "a spare dies": die("spare"),
    "an entry dies": die("entry"),
    "the game dies": game_dies,
    "resuming: talk": talk,
    "resuming: the game dies": resuming_game_dies,
    "a certificate is renewed": renew,
    "reload": reload,
    "control": control,
    "upgrade": upgrade_to("this"),
    "upgrade, refused": upgrade_to("exits"),
    "upgrade, and back": upgrade_to("ends"),
    "unit: talk": talk,
    "unit: all die": all_die,
    "unit: restart": systemd_restarts,
}
