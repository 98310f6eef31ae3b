# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""An orderly end: what is queued goes out, everybody is let go properly, nothing is left."""
import os
import signal
import time

import pytest

from support.daemon import free_port
from support.mush import ask, create
from support.players import PlainPlayer, TlsPlayer
from support.processes import is_alive
from support.waiting import PATIENCE, WAIT_S, until
from test_slow import Flood, push_until_stuck

ENDS = {"1.2": "close_notify", "1.3": "close_notify", "plain": "eof"}


@pytest.mark.short
@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_every_player_hears_the_end_and_all_processes_are_gone(stage, number):
    pairs = {kind: stage.pair(kind) for kind in ENDS}
    pids = stage.stayd.family.await_whole()
    os.kill(pids["guard"], number)
    for kind, pair in pairs.items():
        assert pair.player.read_to_end() == (b"", ENDS[kind])
        pair.player.close()
        assert pair.link.read_to_end()[0] == b""
    assert stage.stayd.await_end() == 0
    assert not any(is_alive(pid) for pid in pids.values())


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT))
def test_an_order_to_all_processes_at_once_ends_in_the_same_way(make_stage, number):
    """As a terminal's ^C does, and a service manager."""
    stage = make_stage(start_new_session=True)
    pairs = {kind: stage.pair(kind) for kind in ENDS}
    stage.stayd.family.await_whole()
    os.killpg(stage.stayd.process.pid, number)
    for kind, pair in pairs.items():
        assert pair.player.read_to_end() == (b"", ENDS[kind])
        pair.player.close()
    assert stage.stayd.await_end() == 0


@pytest.mark.parametrize("kind", ENDS)
def test_what_the_game_has_said_is_sent_before_the_end(make_stage, kind):
    stage = make_stage({"stop-timeout": "30s"})
    pair = stage.pair(kind, receive_bytes=16384)
    flood = Flood(pair.link)
    push_until_stuck([flood])
    stage.stayd.order_end()
    stage.stayd.log.expect(" stop within_ms")
    # What the game could not hand over any more is not stayd's; all that it had is sent.
    n_handed_over = flood.n_given - len(flood.left)
    text, end = pair.player.read_to_end()
    assert end == ENDS[kind] and flood.text().startswith(text)
    assert len(text) >= n_handed_over - 250_000, "but for what stood in the game's own socket"
    pair.player.close()
    assert stage.stayd.await_end() == 0


@pytest.mark.parametrize("kind", ENDS)
def test_a_player_that_does_not_read_holds_up_the_end_no_longer_than_stop_timeout(make_stage, kind):
    stage = make_stage({"stop-timeout": "1s"})
    pair = stage.pair(kind, receive_bytes=16384)
    push_until_stuck([Flood(pair.link)])
    start = time.monotonic()
    stage.stayd.order_end()
    assert stage.stayd.await_end() == 0
    assert 0.8 <= time.monotonic() - start <= 15 * PATIENCE  # without it there would be no end


def test_a_second_order_ends_at_once(make_stage):
    stage = make_stage({"stop-timeout": "30s"})
    pair = stage.pair(receive_bytes=16384)
    push_until_stuck([Flood(pair.link)])
    stage.stayd.order_end()
    stage.stayd.log.expect(" stop within_ms")
    stage.stayd.order_end()
    assert stage.stayd.await_end(20) == 0


@pytest.mark.parametrize("victim", ("worker", "spare", "guard"))
def test_the_end_goes_on_when_a_process_is_killed_in_the_middle(make_stage, victim):
    stage = make_stage({"stop-timeout": "60s"})
    slow = stage.pair(receive_bytes=16384)
    flood = Flood(slow.link)
    push_until_stuck([flood])
    stage.stayd.family.await_whole()
    stage.stayd.order_end()
    stage.stayd.log.expect(" stop within_ms")
    stage.stayd.family.kill(victim)
    text, end = slow.player.read_to_end()
    assert end == "close_notify" and flood.text().startswith(text)
    slow.player.close()
    until(lambda: not stage.stayd.family.members(), "all are gone")


def test_nobody_new_gets_in_once_the_end_has_begun(make_stage):
    stage = make_stage({"stop-timeout": "1s"})
    slow = stage.pair(receive_bytes=16384)
    push_until_stuck([Flood(slow.link)])
    stage.stayd.order_end()
    stage.stayd.log.expect(" stop within_ms")
    with pytest.raises(OSError):
        late = stage.player("1.3", is_shaken=False)
        late.sock.settimeout(5)
        late.shake()
    assert stage.stayd.await_end() == 0


@pytest.mark.short
def test_shutdown_in_the_game_ends_stayd_too_and_everybody_hears_good_bye(start_mush, pki):
    tls, plain = free_port(), free_port()
    mush = start_mush({"tls-address": f"127.0.0.1:{tls}", "plain-address": f"127.0.0.1:{plain}",
                       "certificate": pki.path("mush.chain"), "key": pki.path("mush.key")})
    wizard = create(TlsPlayer(tls), "Wizard")
    others = {"1.2": create(TlsPlayer(tls, version="1.2"), "Older"),
              "plain": create(PlainPlayer(plain), "Plain")}
    ask(wizard, b"@shutdown", b"GAME: Shutdown by Wizard. Good-bye.\r\n")
    for kind, player in {"1.3": wizard, **others}.items():
        text, end = player.read_to_end()
        assert end == ENDS[kind] and (player is wizard or b"Good-bye.\r\n" in text)
        player.close()
    assert mush.process.wait(WAIT_S) == 0
    until(lambda: not mush.family.members(), "stayd is gone, too")


def test_quit_flushes_and_closes_one_player_only(start_mush):
    plain = free_port()
    start_mush({"plain-address": f"127.0.0.1:{plain}"})
    stays, leaves = create(PlainPlayer(plain), "Stays"), create(PlainPlayer(plain), "Leaves")
    leaves.send(b"QUIT\r\n")
    text, end = leaves.read_to_end()
    assert text.endswith(b"Good-bye.\r\n") and end == "eof"
    stays.read_until(b"Leaves has disconnected.\r\n")
    ask(stays, b"think still here", b"still here\r\n")
