# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Balancers: who the player is stands in a header before all else, where `proxy` says so, and nowhere else."""
import os
import re
import shutil
import socket

import pytest

from support import game as wire
from support.balancer import Way, balancer, header_v1, header_v2, tlv
from support.daemon import free_port, run_stayd
from support.game import Game, Pair
from support.players import PlainPlayer, TlsPlayer, connect, context_for
from support.proxy import proxy
from support.waiting import until

HERE = "127.0.0.1"
needs_haproxy = pytest.mark.skipif(not shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"),
                                   reason="haproxy is not installed (apt-get install haproxy)")


class House:
    """stayd behind a balancer, with a listener for each kind."""

    def __init__(self, start_stayd, game, pki, options, tls, its_proxy, **more):
        self.game = game
        self.tls_port, self.plain_port, self.open_port = free_port(), free_port(), free_port()
        self.stayd = start_stayd(
            {"tls": pki.listener(self.tls_port, proxy=its_proxy, **tls),
             "plain": {"address": f"{HERE}:{self.plain_port}", "tls": "no", "proxy": its_proxy},
             "open": {"address": f"{HERE}:{self.open_port}", "tls": "no"}},
            {"mush": {"connect": game.connect, **more}}, {"host-names": "off", **options})

    def come(self, header, port=None, source=None):
        """A balancer's connection, of which nothing is known to be taken yet."""
        sock = connect(port or self.plain_port, source=source)
        sock.sendall(header)
        return sock

    def plain(self, header, **where):
        """A player without TLS who comes with this header, and its link."""
        player = PlainPlayer(sock=self.come(header, **where))
        while (link := self.game.accept()).header.address == "127.0.0.3":
            pass  # who was not to come had a link before it was closed
        return Pair(player, link)


@pytest.fixture
def make_house(start_stayd, game, pki):
    def make(options=None, tls=None, its_proxy="127.0.0.0/8", **more):
        return House(start_stayd, game, pki, options or {}, tls or {}, its_proxy, **more)
    return make


@pytest.fixture
def house(make_house):
    return make_house()


def is_closed(sock):
    try:
        while sock.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def told(header):
    return (header.address, header.port), (header.to_address, header.to_port)


@needs_haproxy
@pytest.mark.parametrize("version", ("send-proxy", "send-proxy-v2"))
@pytest.mark.parametrize("kind", ("1.2", "1.3"))
def test_tls_that_haproxy_passes_through_is_the_players(house, folder, version, kind):
    front = free_port()
    options = " proxy-v2-options unique-id,crc32c" if version.endswith("v2") else ""
    with balancer(folder, Way(front, house.tls_port, version + options)):
        player = TlsPlayer(front, version=kind, name="mush.example")
        pair = Pair(player, house.game.accept())
        header = pair.link.header
        assert told(header) == ((HERE, player.port), (HERE, front))
        assert header.ssl_client == 1
        assert header.ssl[wire.TLV_SSL_VERSION] == b"TLSv" + kind.encode()
        assert header.tlvs[wire.TLV_AUTHORITY] == b"mush.example"
        assert (wire.TLV_PROXY_ID in header.tlvs) == bool(options)
        pair.check()
        house.stayd.family.kill("worker", "entry")
        pair.check()
        house.stayd.family.await_whole()
        other = TlsPlayer(front)
        assert told(house.game.accept().header) == ((HERE, other.port), (HERE, front))
        pair.check()


@needs_haproxy
def test_tls_that_haproxy_has_ended_is_told_as_its_word(house, folder, pki):
    front = free_port()
    with open(pki.path("haproxy.pem"), "w", encoding="ascii") as both:
        for name in ("mush.chain", "mush.key"):
            with open(pki.path(name), encoding="ascii") as part:
                both.write(part.read())
    with open(pki.path("cas.pem"), "w", encoding="ascii") as both:
        for name in ("root.pem", "between.pem"):
            with open(pki.path(name), encoding="ascii") as part:
                both.write(part.read())
    way = Way(front, house.plain_port,
              "send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,ssl-cipher,unique-id,authority,crc32c",
              f"ssl crt {pki.path('haproxy.pem')} verify optional ca-file {pki.path('cas.pem')} "
              "crt-ignore-err all ca-ignore-err all", "id-%pid-%rt")
    with balancer(folder, way):
        context = context_for("1.3", client_certificate=pki.player_certificate())
        player = TlsPlayer(front, context=context, name="mush.example")
        pair = Pair(player, house.game.accept())
        header = pair.link.header
        assert told(header) == ((HERE, player.port), (HERE, front))
        assert header.ssl_client & 3 == 3 and header.ssl_verify == 0
        assert header.ssl[wire.TLV_SSL_VERSION] == b"TLSv1.3"
        assert header.ssl[wire.TLV_SSL_CN] == b"player.example"
        assert header.ssl[wire.TLV_SSL_CIPHER] == player.tls.cipher()[0].encode()
        assert header.tlvs[wire.TLV_AUTHORITY] == b"mush.example"
        assert re.fullmatch(rb"id-\d+-\d+", header.tlvs[wire.TLV_PROXY_ID])
        assert len(header.tlvs[wire.TLV_UNIQUE_ID]) == 16
        house.stayd.log.expect(rf"player-open address={HERE} port={player.port} .*listener=plain .*"
                               rf"proxy={HERE}:\d+ proxy-id=" + header.tlvs[wire.TLV_PROXY_ID].decode())
        house.stayd.family.kill("worker")
        house.stayd.family.kill("entry")
        pair.check()
        # Without a certificate nothing is verified, whatever the balancer says of it.
        house.stayd.family.await_whole()
        without = TlsPlayer(front)
        header = house.game.accept().header
        assert header.ssl_client == 1 and header.ssl_verify != 0
        assert header.address == HERE and header.port == without.port


@pytest.mark.short
def test_whom_a_header_names_is_the_player_and_what_follows_is_the_players(house):
    for header in (header_v1(), header_v2(), header_v2(tlv(0xE7, b"what nobody knows"))):
        pair = house.plain(header + b"typed at once\r\n")
        assert told(pair.link.header) == (("192.0.2.7", 1234), ("198.51.100.1", 4201))
        assert pair.link.read_line() == b"typed at once"
        pair.check()


@pytest.mark.short
@pytest.mark.parametrize("header", (header_v1(), header_v2(tlv(5, b"its-id"))))
def test_a_header_may_come_byte_by_byte_and_what_is_behind_it_at_once(house, header):
    sock = connect(house.plain_port)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for n in range(len(header) - 1):
        sock.sendall(header[n:n + 1])
    assert not house.game.has_caller()
    sock.sendall(header[-1:] + b"first words\r\n")
    link = house.game.accept()
    assert link.header.address == "192.0.2.7"
    assert link.read_line() == b"first words"


def test_a_header_before_tls_may_come_with_the_hello(house):
    player = TlsPlayer(sock=house.come(header_v2(tlv(5, b"its-id")), house.tls_port), is_shaken=False)
    player.shake()
    pair = Pair(player, house.game.accept())
    assert pair.link.header.address == "192.0.2.7" and pair.link.header.ssl_client == 1
    assert pair.link.header.tlvs[wire.TLV_PROXY_ID] == b"its-id"
    pair.check()


@pytest.mark.parametrize("header", (header_v2(command=0), header_v2(family=0), b"PROXY UNKNOWN\r\n",
                                    b"PROXY UNKNOWN ::1 ::1 1 2\r\n"))
def test_who_is_not_named_counts_as_the_balancer_itself(house, header):
    pair = house.plain(header)
    assert told(pair.link.header) == ((HERE, pair.player.port), (HERE, house.plain_port))
    pair.check()


def test_a_health_check_that_has_left_comes_to_no_game(house):
    sock = house.come(header_v2(command=0))
    sock.close()
    house.plain(header_v1(source=("192.0.2.9", 9))).check()
    assert all(link.header.address == "192.0.2.9" for link in house.game.links)


@pytest.mark.parametrize("words,why", (
    (b"connect guest guest\r\n", "there is none"),
    (b"PROXY TCP4 1.2.3.4 here 1 2\r\n", "its addresses or ports are none"),
    (b"PROXY TCP4 " + b"1" * 100, "longer than 4096 bytes, or a line of more than 107"),
    (header_v2(tlv(3, b"\0\0\0\0")), "its checksum is wrong"),
    (header_v2(b"\x05\x00\x09short"), "a TLV in it is cut short")))
def test_a_balancers_header_that_is_wrong_or_missing_is_named_and_gets_nobody_in(house, words, why):
    assert is_closed(house.come(words))
    house.stayd.log.expect(rf"warning proxy-header address={HERE} why=\".*{why}.*\"")
    assert not house.game.has_caller()


def test_a_header_that_trickles_ends_with_the_time_for_handshakes(make_house):
    house = make_house({"handshake-timeout": "1s"})
    socks = [house.come(header_v2()[:20], port) for port in (house.tls_port, house.plain_port)]
    assert all(is_closed(sock) for sock in socks)
    house.stayd.log.expect(rf"handshake-failed address={HERE} reason=\"not complete within", n=2)


@pytest.mark.short
def test_elsewhere_a_header_is_named_and_gets_nobody_in(make_house):
    house = make_house(its_proxy="127.0.0.2")
    # Not from those in `proxy`, to a listener that is for these.
    assert is_closed(house.come(header_v1()))
    house.stayd.log.expect(r"limited network=127.0.0.1 why=\"sent a PROXY header")
    # On a listener that is for players who come by themselves.
    assert is_closed(house.come(header_v2(), house.open_port, source="127.0.0.3"))
    house.stayd.log.expect(r"limited network=127.0.0.3 why=\"sent a PROXY header")
    house.stayd.log.expect(r"player-close .*begins with a PROXY header")
    # Without one, no player of a balancer's.
    assert is_closed(house.come(b"hello", source="127.0.0.4"))
    house.stayd.log.expect(r"limited network=127.0.0.4 why=\"not among those")
    # Often is said once, and counted.
    for _ in range(5):
        assert is_closed(house.come(header_v1()))
    assert len(house.stayd.log.find(r"limited network=127.0.0.1 ")) == 1
    # And those who may, do.
    house.plain(header_v1(), source="127.0.0.2").check()


def test_a_header_before_tls_where_none_counts_is_named(stage):
    sock = connect(stage.tls_port)
    sock.sendall(header_v2())
    assert sock.recv(7) == bytes((21, 3, 3, 0, 2, 2, 49))
    assert is_closed(sock)
    stage.stayd.log.expect(r"limited network=127.0.0.1 why=\"sent a PROXY header")


@pytest.mark.short
def test_limits_count_whom_the_header_names(make_house, folder):
    deny = os.path.join(folder, "deny")
    with open(deny, "w", encoding="ascii") as file:
        file.write("192.0.2.66\n")
    house = make_house({"deny": deny, "max-players-per-address": "1", "connections-per-second": "no"})
    first = house.plain(header_v1())
    second = PlainPlayer(sock=house.come(header_v1(source=("192.0.2.7", 1235))))
    assert second.read_line().startswith(b"As many players are connected from your network")
    denied = PlainPlayer(sock=house.come(header_v1(source=("192.0.2.66", 1))))
    assert denied.read_line() == b"You cannot connect from where you are."
    house.stayd.log.expect(r"limited network=192.0.2.66 why=\"allow or deny")
    other = house.plain(header_v1(source=("192.0.2.8", 1)))
    first.check()
    other.check()


def test_handshakes_count_for_whom_the_header_names(make_house):
    house = make_house({"max-handshakes-per-address": "1"})
    socks = [house.come(header_v1(source=(f"192.0.2.{n}", 1)) + b"\x16", house.tls_port) for n in (1, 2)]
    until(lambda: not house.stayd.log.find("limited") and house.stayd.family.is_at_rest(), "both wait")
    third = house.come(header_v1(source=("192.0.2.1", 2)) + b"\x16", house.tls_port)
    house.stayd.log.expect(r"limited network=192.0.2.1 why=")
    for sock in (*socks, third):
        sock.close()


def test_tls_between_balancer_and_stayd_is_not_the_players(make_house, pki):
    house = make_house(tls={"client_certificates": "ask", "client_ca": pki.path("root.pem")})
    word = tlv(0x20, b"\x01\0\0\0\0" + tlv(0x21, b"TLSv1.2"))
    context = context_for(client_certificate=pki.player_certificate())
    player = TlsPlayer(sock=house.come(header_v2(word), house.tls_port), context=context, name="mush.example")
    pair = Pair(player, house.game.accept())
    header = pair.link.header
    assert header.ssl_client == 1 and header.ssl == {wire.TLV_SSL_VERSION: b"TLSv1.2"}
    assert wire.TLV_CERTIFICATE not in header.tlvs
    assert header.tlvs[wire.TLV_AUTHORITY] == b"mush.example"
    pair.check()


def test_the_name_that_a_balancer_tells_chooses_the_game(start_stayd, game, folder, port):
    other = Game(os.path.join(folder, "other.sock"))
    try:
        start_stayd({"plain": {"address": f"{HERE}:{port}", "tls": "no", "game": "one", "proxy": HERE}},
                    {"one": {"connect": game.connect}, "other": {"connect": other.connect, "sni": "other.example"}},
                    {"host-names": "off"})
        for host, its_game in ((b"other.example", other), (b"nobody.example", game)):
            sock = connect(port)
            sock.sendall(header_v2(tlv(2, host)))
            assert its_game.accept().header.tlvs[wire.TLV_AUTHORITY] == host
            sock.close()
    finally:
        other.close()


def test_a_listener_for_all_balancers_of_the_world_is_refused(folder, game):
    path = os.path.join(folder, "stayd.conf")
    for networks in ("0.0.0.0/0", "::/0", "192.0.2.0/24, nobody"):
        with open(path, "w", encoding="ascii") as file:
            file.write(f"[stayd]\ncontrol = {folder}/control.sock\n[listen p]\naddress = {HERE}:{free_port()}\n"
                       f"tls = no\nproxy = {networks}\n[game mush]\nconnect = {game.connect}\n")
        done = run_stayd("--check", "-c", path)
        assert done.returncode == 1 and f"{path}:6: proxy = " in done.stderr, done.stderr


def test_a_loop_whose_header_is_read_is_found_out(start_stayd, folder):
    door, back = free_port(), free_port()
    with proxy(back, door):
        stayd = start_stayd({"plain": {"address": f"{HERE}:{door}", "tls": "no", "proxy": HERE}},
                            {"mush": {"connect": f"tcp:{HERE}:{back}"}}, {"host-names": "off"})
        sock = connect(door)
        sock.sendall(header_v2())
        stayd.log.expect("error game-loop game=mush")
        stayd.log.expect(r"player-close .*link of stayd's own")
        sock.close()
