# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The game sees where players really come from, and by which name."""
import os
import re
import shutil

import pytest

from support.game import Pair
from support.mush import ask, create, reboot
from support.network import AAAA, PTR, NameServer, Network, reverse_name
from support.players import PlainPlayer, TlsPlayer
from support.waiting import until

TLS, PLAIN = 4202, 4201
FOUR = ("10.77.0.2", "10.77.0.3")
SIX = ("fd77::2", "fd77::3")


class Town:
    """Programs in `house`, players in `road`."""

    def __init__(self, net, game=None, log=None):
        self.net = net
        self.game = game
        self.log = log

    def player(self, source, kind="1.3"):
        if kind == "plain":
            return PlainPlayer(sock=self.net.connect(source, PLAIN))
        return TlsPlayer(sock=self.net.connect(source, TLS), version=kind)

    def header(self, source, kind="1.3"):
        """What a fake game is told of a player from there."""
        player = self.player(source, kind)
        link = self.game.accept()
        Pair(player, link).check()
        return link.header


@pytest.fixture
def mush_town(net, start_mush, pki):
    def start(**settings):
        start_mush({"tls-address": f"[::]:{TLS}, 0.0.0.0:{TLS}",
                    "plain-address": f"[::]:{PLAIN}, 0.0.0.0:{PLAIN}",
                    "certificate": pki.path("mush.chain"), "key": pki.path("mush.key"),
                    **{key.replace("_", "-"): value for key, value in settings.items()}},
                   wrapper=net.wrapper())
        return Town(net)
    return start


@pytest.fixture
def named_town(net, start_stayd, game, pki, name_server):
    def start(**options):
        where = {TLS: f"[::]:{TLS}, 0.0.0.0:{TLS}", PLAIN: f"[::]:{PLAIN}, 0.0.0.0:{PLAIN}"}
        stayd = start_stayd(
            {"tls": {**pki.listener(TLS), "address": where[TLS]},
             "plain": {"address": where[PLAIN], "tls": "no"}},
            {"mush": {"connect": game.connect}},
            {"name-servers": f"127.0.0.1:{name_server.port}", "host-name-timeout": "30s",
             **{key.replace("_", "-"): value for key, value in options.items()}},
            wrapper=net.wrapper())
        return Town(net, game, stayd.log)
    return start


def who_lines(wizard):
    text = ask(wizard, b"WHO", re.compile(rb"\d+ players? (is|are) connected\."))
    return {line.split()[0]: line.split() for line in text.decode().splitlines() if line.split()}


def test_a_network_that_cannot_be_made_leaves_no_namespace(net, monkeypatch):
    names = []

    def make_half(half):
        names.append(half.house)
        half._ip("netns", "add", half.house)
        assert os.path.exists(f"/var/run/netns/{half.house}")
        half._ip("-n", half.road, "link", "set", "lo", "up")  # there is no road yet
    monkeypatch.setattr(Network, "_make", make_half)
    with pytest.raises(AssertionError, match="ip -n stayd-road"):
        Network()
    assert names and not os.path.exists(f"/var/run/netns/{names[0]}")


def test_who_shows_the_real_address_over_tls_and_plain_and_both_kinds_of_ip(mush_town):
    town = mush_town()
    wizard = create(town.player("10.77.0.9"), "Wizard")
    places = {"TlsFour": (FOUR[0], "1.3"), "TlsSix": (SIX[0], "1.2"),
              "PlainFour": (FOUR[1], "plain"), "PlainSix": (SIX[1], "plain")}
    players = [create(town.player(*place), name) for name, place in places.items()]

    def check():
        lines = who_lines(wizard)
        for name, (address, kind) in places.items():
            assert lines[name][-1] == address
            assert ("plain" if kind == "plain" else f"TLSv{kind}") in lines[name]
    check()
    reboot(wizard)
    check()
    assert len(players) == 4


@pytest.mark.parametrize("shut_out,let_in", ((FOUR, SIX), (SIX, FOUR)))
def test_sitelock_shuts_out_the_real_address_and_nobody_else(mush_town, shut_out, let_in):
    town = mush_town()
    wizard = create(town.player("10.77.0.9"), "Wizard")
    ask(wizard, f"@sitelock {shut_out[0]}".encode(), b"Nobody can connect from")
    for kind in ("1.2", "1.3", "plain"):
        text, end = town.player(shut_out[0], kind).read_to_end()
        assert b"not accepted here" in text
        assert end == ("eof" if kind == "plain" else "close_notify")
        for source in (shut_out[1], *let_in):
            town.player(source, kind).read_until(b"create NAME PASSWORD")


def test_sitelock_works_by_host_name(mush_town, name_server):
    name_server.add(FOUR[0], "bad.example")
    name_server.add(SIX[0], "also.bad.example")
    name_server.add(FOUR[1], "good.example")
    town = mush_town(host_names="on", name_servers=f"127.0.0.1:{name_server.port}")
    wizard = create(town.player("10.77.0.9"), "Wizard")
    ask(wizard, b"@sitelock *bad.example", b"Nobody can connect from")
    for source in (FOUR[0], SIX[0]):
        assert b"not accepted here" in town.player(source).read_to_end()[0]
    good = create(town.player(FOUR[1]), "Good")
    assert who_lines(wizard)["Good"][-2:] == ["good.example", f"[{FOUR[1]}]"]
    good.close()


def test_a_host_name_that_leads_back_is_passed_on_and_asked_for_once(named_town, name_server):
    name_server.add(FOUR[0], "four.example")
    name_server.add(SIX[0], "six.example")
    town = named_town()
    for _ in range(2):
        assert town.header(FOUR[0]).host == "four.example"
        assert town.header(SIX[0], "plain").host == "six.example"
    assert name_server.asked.count((reverse_name(FOUR[0]), PTR)) == 1
    assert name_server.asked.count(("six.example", AAAA)) == 1


def test_a_host_name_that_leads_elsewhere_or_nowhere_is_not_passed_on(named_town, name_server):
    name_server.add(FOUR[0], "forged.example", forward="10.77.0.200")
    name_server.add(SIX[0], "forged6.example", forward="fd77::200")
    name_server.reverse[reverse_name(FOUR[1])] = "nowhere.example"
    town = named_town()
    for source in (FOUR[0], SIX[0], FOUR[1], SIX[1]):
        header = town.header(source)
        assert (header.address, header.host) == (source, "")


@pytest.mark.parametrize("name", ("10.77.0.1", "with space.example", "semi;colon.example",
                                  "-dash.example"))
def test_a_name_that_is_no_host_name_is_not_passed_on(named_town, name_server, name):
    name_server.add(FOUR[0], name)
    header = named_town().header(FOUR[0])
    assert (header.address, header.host) == (FOUR[0], "")


def long_name(n):
    return ("dynamic-2001-db8-a1b2." * 12)[:n - 14] + "x.pool.example"


@pytest.mark.parametrize("n", (63, 64, 70, 127))
def test_a_long_host_name_is_found(named_town, name_server, n):
    assert len(long_name(n)) == n
    for source in (FOUR[0], SIX[0]):
        name_server.add(source, long_name(n))
    town = named_town()
    for source in (FOUR[0], SIX[0]):
        assert town.header(source).host == long_name(n)


def test_a_host_name_that_is_too_long_to_be_kept_is_not_passed_on_cut(named_town, name_server):
    name_server.add(FOUR[0], f"{'a' * 60}.{long_name(90)}")
    assert named_town().header(FOUR[0]).host == ""


def test_of_several_host_names_the_first_one_that_leads_back_counts(named_town, name_server):
    for source in (FOUR[0], SIX[0]):
        name_server.add(source, "right.example")
        name_server.add(source, "too.example")
        name_server.reverse[reverse_name(source)] = ["bad name.example", "nowhere.example",
                                                     "right.example", "too.example"]
    town = named_town()
    assert town.header(FOUR[0]).host == "right.example"
    assert town.header(SIX[0], "plain").host == "right.example"


def test_an_alias_is_followed_both_ways(named_town, name_server):
    name_server.alias[reverse_name(FOUR[0])] = "2.0-63.0.77.10.in-addr.arpa"  # RFC 2317
    name_server.reverse["2.0-63.0.77.10.in-addr.arpa"] = "www.example"
    name_server.alias["www.example"] = "host.example"
    name_server.forward["host.example"] = [FOUR[0]]
    assert named_town().header(FOUR[0]).host == "www.example"


def test_an_answer_that_does_not_repeat_the_question_exactly_is_not_believed(named_town,
                                                                             name_server):
    name_server.add(FOUR[0], "four.example")
    name_server.shouts = True
    assert named_town(host_name_timeout="3s").header(FOUR[0]).host == ""
    assert (reverse_name(FOUR[0]), PTR) in name_server.asked


def test_names_are_found_again_when_the_name_server_is_back(named_town, name_server):
    name_server.add(FOUR[0], "four.example")
    name_server.add(SIX[0], "six.example")
    name_server.is_silent = True
    town = named_town(host_name_timeout="300ms")
    assert town.header(FOUR[0]).host == ""
    name_server.is_silent = False
    town.log.expect(r" name address=10\.77\.0\.2 ")  # it was asked again
    assert town.header(SIX[0]).host == "six.example"
    assert town.header(FOUR[0]).host == "four.example"


@pytest.fixture
def resolv_conf(net):
    """The namespace's own /etc/resolv.conf (ip-netns(8)), written in place."""
    if not os.path.exists("/etc/resolv.conf"):
        pytest.skip("there is no /etc/resolv.conf, over which another could be mounted")
    folder = f"/etc/netns/{net.house}"
    os.makedirs(folder)

    def write(text):
        with open(f"{folder}/resolv.conf", "w", encoding="ascii") as file:
            file.write(text)
    yield write
    shutil.rmtree(folder)
    try:
        os.rmdir("/etc/netns")
    except OSError:
        pass  # somebody else's namespaces are in it


def test_when_the_systems_servers_change_others_are_asked_what_is_under_way(net, resolv_conf, game,
                                                                            start_stayd):
    silent = NameServer(net.udp_in_house(), ("127.0.0.8", 53))
    silent.is_silent = True
    other = NameServer(net.udp_in_house(), ("127.0.0.9", 53))
    names = dict(zip(FOUR, ("two.example", "three.example")))
    for source, name in names.items():
        other.add(source, name)
    resolv_conf("nameserver 127.0.0.8\n")
    stayd = start_stayd({"plain": {"address": f"0.0.0.0:{PLAIN}", "tls": "no"}},
                        {"mush": {"connect": game.connect}}, {"host-name-timeout": "30s"},
                        wrapper=net.wrapper())
    town = Town(net, game, stayd.log)
    players = [town.player(FOUR[0], "plain")]
    until(lambda: silent.asked, "the first one's name is asked for")
    resolv_conf("nameserver 127.0.0.9\n")
    players.append(town.player(FOUR[1], "plain"))
    seen = [game.accept().header for _ in players]
    assert {header.address: header.host for header in seen} == names
    silent.end()
    other.end()


def test_a_silent_name_server_delays_a_player_only_so_long(named_town, name_server):
    name_server.is_silent = True
    town = named_town(host_name_timeout="2s")
    player = town.player(FOUR[0])
    assert not town.game.has_caller(0.3), "the name is waited for"
    link = town.game.accept()
    assert (link.header.address, link.header.host) == (FOUR[0], "")
    Pair(player, link).check()


def test_with_no_wait_nobody_waits_and_the_name_is_there_the_second_time(named_town, name_server):
    name_server.add(FOUR[0], "four.example")
    town = named_town(host_names="no-wait")
    assert town.header(FOUR[0]).host == ""
    town.log.expect(r" name .*host=four.example")
    assert town.header(FOUR[0]).host == "four.example"


def test_with_names_off_nobody_is_asked(named_town, name_server):
    name_server.add(FOUR[0], "four.example")
    assert named_town(host_names="off").header(FOUR[0]).host == ""
    assert not name_server.asked


def test_what_was_typed_while_the_name_was_looked_up_is_kept(named_town, name_server):
    name_server.is_silent = True
    town = named_town(host_name_timeout="300ms")
    for kind in ("1.2", "1.3", "plain"):
        player = town.player(SIX[0], kind)
        player.send(b"typed too soon\r\n")
        assert town.game.accept().read_line() == b"typed too soon"
