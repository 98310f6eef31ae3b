# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Who is refused in the handshake hears why, each time: also a program that speaks first, or has sent
more than anybody has read, where a mere close would be a reset that overtakes the alert."""
import socket
import ssl
import time

import pytest

from support.players import TlsPlayer, connect, context_for
from support.waiting import until

TRIES = 100
HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"


@pytest.fixture
def strict(make_stage, pki):
    """It requires a certificate."""
    return make_stage(tls={"client-certificates": "require", "client-ca": pki.path("root.pem")})


def has_been_reset(sock):
    """Where that comes after the words Linux still gives them out; others throw them away."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def begin(stage, context):
    """A player whose first flight is ready to be sent."""
    player = TlsPlayer(stage.tls_port, context=context, is_shaken=False)
    with pytest.raises(ssl.SSLWantReadError):
        player.tls.do_handshake()
    return player


def speak_first(stage, context, data, is_split):
    """A player without a certificate, of TLS 1.3, who is ready before stayd has looked at that."""
    player = begin(stage, context)
    player.flush()
    while True:
        player.incoming.write(player.sock.recv(1 << 16))
        try:
            player.tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            continue
    if is_split:
        player.flush()
    player.tls.write(data)
    try:
        player.flush()
    except (BrokenPipeError, ConnectionResetError):
        player.ended = "reset"
    return player


@pytest.mark.short
@pytest.mark.parametrize("n_bytes,is_split", ((3, False), (3, True), (1050, False), (1050, True),
                                              (100000, False)))
def test_a_player_without_a_certificate_who_speaks_first_hears_the_alert(strict, n_bytes, is_split):
    context = context_for("1.3")
    heard = {}
    for _ in range(TRIES):
        player = speak_first(strict, context, b"x" * n_bytes, is_split)
        player.read_to_end()
        outcome = player.ended, has_been_reset(player.sock)
        heard[outcome] = heard.get(outcome, 0) + 1
        player.close()
    assert heard == {("alert TLSV13_ALERT_CERTIFICATE_REQUIRED", False): TRIES}


@pytest.mark.parametrize("n_bytes", (3, 50000))
def test_a_program_that_has_sent_more_than_was_read_hears_the_alert(stage, n_bytes):
    context = context_for("1.2", ciphers="AES128-SHA")
    for _ in range(TRIES):
        player = begin(stage, context)
        player.sock.sendall(player.outgoing.read() + b"x" * n_bytes)
        heard = b""
        while more := player.sock.recv(4096):  # no reset
            heard += more
        assert heard == HANDSHAKE_FAILURE and not has_been_reset(player.sock)
        player.close()


def test_one_without_tls_sees_an_end_and_no_reset(stage):
    for _ in range(TRIES):
        with connect(stage.tls_port) as sock:
            sock.sendall(b"connect guest guest\r\n" * 100)
            assert sock.recv(4096) == b"" and not has_been_reset(sock)
    assert len(stage.stayd.log.find(" handshake-failed .*is not TLS")) >= 50


def test_those_who_stay_after_their_alert_are_closed_and_take_no_place(make_stage):
    """More of them than may linger, and than may shake hands."""
    stage = make_stage(options={"max-handshakes": 4, "handshake-timeout": "60s"})
    begun = time.monotonic()
    socks = []
    for _ in range(200):
        socks.append(connect(stage.tls_port))
        socks[-1].sendall(b"connect guest guest\r\n")
        assert socks[-1].recv(4096) == b""
    stage.pair().check()

    def are_closed():
        """A byte to a closed socket is answered by a reset, and then there is an error."""
        for sock in list(socks):
            try:
                sock.send(b"x")
            except OSError:
                sock.close()
                socks.remove(sock)
        return not socks
    until(are_closed, "all are closed")
    assert time.monotonic() - begun < 30
    stage.pair().check()
