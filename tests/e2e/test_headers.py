# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What the game is told of a player, byte for byte, and that it comes first and alone."""
import hashlib
import ssl

import pytest

from support import game as wire
from support.daemon import free_port
from support.game import Game, Pair
from support.players import PlainPlayer, context_for


@pytest.fixture
def tcp_game():
    made = Game(free_port())
    yield made
    made.close()


@pytest.mark.short
def test_proxy_v2_tells_addresses_and_a_new_id_for_each_player(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain", "plain")]
    ports = [stage.tls_port, stage.tls_port, stage.plain_port, stage.plain_port]
    for pair, port in zip(pairs, ports):
        header = pair.link.header
        assert (header.address, header.port) == ("127.0.0.1", pair.player.port)
        assert (header.to_address, header.to_port) == ("127.0.0.1", port)
        pair.check()
    ids = {pair.link.header.tlvs[wire.TLV_UNIQUE_ID] for pair in pairs}
    assert len(ids) == 4 and all(len(unique) == 16 for unique in ids)


def test_proxy_v2_says_of_a_plain_player_nothing_of_tls(stage):
    assert set(stage.pair("plain").link.header.tlvs) == {wire.TLV_UNIQUE_ID}


@pytest.mark.parametrize("version,ciphers,cipher", (
    ("1.2", "ECDHE+AES256", b"ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("1.2", "ECDHE+CHACHA20", b"ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("1.3", None, None)))
def test_proxy_v2_says_version_and_cipher(stage, version, ciphers, cipher):
    pair = stage.pair(version, context=context_for(version, ciphers))
    header = pair.link.header
    assert header.ssl_client == 1 and header.ssl_verify != 0
    assert header.ssl[wire.TLV_SSL_VERSION] == b"TLSv" + version.encode()
    assert header.ssl[wire.TLV_SSL_CIPHER] == (cipher or pair.player.tls.cipher()[0].encode())


def test_proxy_v2_says_which_name_and_protocol_the_player_asked_for(make_stage):
    stage = make_stage(tls={"alpn": "telnet, other"})
    pair = stage.pair(context=context_for(alpn=["other", "telnet"]), name="mush.example")
    assert pair.link.header.tlvs[wire.TLV_AUTHORITY] == b"mush.example"
    assert pair.link.header.tlvs[wire.TLV_ALPN] == b"telnet"
    assert pair.player.tls.selected_alpn_protocol() == "telnet"


@pytest.mark.parametrize("kind", ("1.2", "1.3"))
def test_proxy_v2_tells_of_a_player_certificate(make_stage, pki, kind):
    stage = make_stage(tls={"client-certificates": "ask", "client-ca": pki.path("root.pem")})
    certificate = context_for(kind, client_certificate=pki.player_certificate())
    header = stage.pair(context=certificate).link.header
    assert header.ssl_client == 7 and header.ssl_verify == 0
    assert header.ssl[wire.TLV_SSL_CN] == b"player.example"
    with open(pki.path("player.pem"), encoding="utf-8") as file:
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).digest()
    assert header.tlvs[wire.TLV_CERTIFICATE] == fingerprint


def test_facts_that_do_not_fit_are_left_out_and_the_player_gets_in(make_stage, pki):
    stage = make_stage(tls={"client-certificates": "ask", "client-ca": pki.path("root.pem")})
    name = ".".join("abcdefghijklmnopqrstuvwxyz" * 2 for _ in range(4))
    pair = stage.pair(context=context_for(client_certificate=pki.player_certificate()), name=name)
    assert pair.link.header.tlvs.get(wire.TLV_AUTHORITY) in (None, name.encode())
    stage.stayd.log.expect("dropped-fact")
    pair.check()


def test_a_player_without_a_certificate_or_with_a_strange_one_gets_in_when_asked(make_stage, pki):
    stage = make_stage(tls={"client-certificates": "ask", "client-ca": pki.path("rsa.pem")})
    without = stage.pair().link.header
    assert without.ssl_client == 1 and wire.TLV_CERTIFICATE not in without.tlvs
    context = context_for(client_certificate=pki.player_certificate())
    strange = stage.pair(context=context).link.header
    assert strange.ssl_client == 7 and strange.ssl_verify != 0
    assert wire.TLV_CERTIFICATE in strange.tlvs


def test_proxy_v1_tells_the_addresses_in_one_line(make_stage):
    stage = make_stage(game_options={"header": "proxy-v1"})
    player = stage.player()
    link = stage.game.accept_raw()
    assert link.read_until(b"\r\n") == \
        b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (player.port, stage.tls_port)
    Pair(player, link).check()


def test_proxy_v1_over_tcp_tells_an_ipv6_players_in_one_line_and_with_one_read(
        start_stayd, tcp_game, port):
    start_stayd({"plain": {"address": f"[::1]:{port}", "tls": "no"}},
                {"mush": {"connect": tcp_game.connect, "header": "proxy-v1"}}, {"host-names": "off"})
    player = PlainPlayer(port, host="::1")
    link = tcp_game.accept_raw()
    wanted = b"PROXY TCP6 ::1 ::1 %d %d\r\n" % (player.port, port)
    assert link.sock.recv(107) == wanted
    Pair(player, link).check()


def test_pennmush_is_told_address_and_host_name(make_stage):
    stage = make_stage({"host-names": "on"}, game_options={"header": "pennmush"})
    player = stage.player()
    link = stage.game.accept_raw()
    assert link.read_until(b"\r\n") == b"127.0.0.1^localhost\r\n"
    Pair(player, link).check()


def test_pennmush_is_told_the_address_twice_when_there_is_no_name(make_stage):
    stage = make_stage(game_options={"header": "pennmush"})
    player = stage.player("plain")
    link = stage.game.accept_raw()
    assert link.read_until(b"\r\n") == b"127.0.0.1^127.0.0.1\r\n"
    Pair(player, link).check()


@pytest.mark.parametrize("kind", ("1.3", "plain"))
def test_without_a_header_the_first_byte_is_the_players(make_stage, kind):
    stage = make_stage(game_options={"header": "none"})
    player = stage.player(kind)
    Pair(player, stage.game.accept_raw()).check()


@pytest.mark.short
@pytest.mark.parametrize("kind", ("1.2", "1.3", "plain"))
@pytest.mark.parametrize("header,end", (("proxy-v2", None), ("proxy-v1", b"\r\n"),
                                        ("pennmush", b"\r\n")))
def test_the_header_comes_alone_however_late_the_game_reads(make_stage, kind, header, end):
    stage = make_stage(game_options={"header": header})
    player = stage.player(kind)
    player.send(b"typed at once\r\n")
    link = stage.game.accept_raw()
    # Another player's line has been relayed after it, so stayd has had time for the first one.
    other = stage.player(kind)
    other.send(b"from somebody else\r\n")
    stage.game.accept_raw().read_until(b"from somebody else\r\n")
    first = link.sock.recv(8192)
    if end:
        assert first.endswith(end) and first.count(end) == 1
    else:
        assert len(first) == 16 + int.from_bytes(first[14:16], "big")
    assert link.read_line() == b"typed at once"


@pytest.mark.short
def test_a_game_on_a_tcp_port_is_reached_in_the_same_way(make_stage, tcp_game):
    stage = make_stage(its_game=tcp_game)
    for kind in ("1.2", "1.3", "plain"):
        pair = stage.pair(kind)
        pair.check()
        pair.player.end_sending()
        assert pair.link.read_to_end() == (b"", "eof")
        pair.link.send(b"Good-bye.\r\n")
        pair.link.close()
        assert pair.player.read_to_end()[0] == b"Good-bye.\r\n"


@pytest.mark.parametrize("kind", ("1.3", "plain"))
def test_a_game_on_a_tcp_port_that_closes_is_heard_to_its_last_byte(make_stage, tcp_game, kind):
    stage = make_stage(its_game=tcp_game)
    pair = stage.pair(kind)
    words = b"".join(b"%07d " % n for n in range(12500))
    pair.link.send(words)
    pair.link.close()
    assert pair.player.read_to_end()[0] == words


def test_a_game_that_takes_the_header_for_words_is_pointed_out_once(make_stage):
    stage = make_stage()

    def come(kind):
        player = stage.player(kind)
        link = stage.game.accept_raw()
        link.read_until(b"QUIT\n")
        link.send(b"Huh?\r\nBye!\r\n")
        link.close()
        player.read_to_end()
    for kind in ("1.3", "plain"):
        come(kind)
    stage.stayd.log.expect('header-doubt game=mush hint=".*write header = none"')
    come("plain")
    assert len(stage.stayd.log.find("header-doubt")) == 1


def test_a_game_that_reads_the_header_may_close_whom_it_likes(stage):
    heard = stage.pair("plain")
    heard.check()
    newcomer = stage.pair()
    newcomer.link.close()
    newcomer.player.read_to_end()
    newcomer.player.close()
    stage.stayd.log.expect('player-close .*why="the game closed it"')
    assert not stage.stayd.log.find("header-doubt")
