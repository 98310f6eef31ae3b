# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""stayd as a unit of a real systemd: no restart and no death of all its processes costs a player."""
import os
import random
import select
import signal
import time

import pytest

from conftest import Stage
from support.daemon import BUILD, free_port
from support.game import Pair
from support.players import (PlainPlayer, TlsPlayer, context_for, half_shaken,
                             is_finished_in_time)
from support.systemd import UNIT, USER, Systemd, Unit, why_not
from support.waiting import WAIT_S, until
from test_end import ENDS
from test_upgrade import Crowd

WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.fixture
def systemd(folder):
    os.chmod(folder, 0o755)
    booted = Systemd(folder)
    yield booted
    booted.end()


@pytest.fixture
def begin(systemd, game, pki):
    tls_port, plain_port = free_port(), free_port()
    listeners = {"tls": pki.listener(tls_port),
                 "plain": {"address": f"127.0.0.1:{plain_port}", "tls": "no"}}
    os.chmod(game.connect.removeprefix("unix:"), 0o777)

    def start(**options):
        unit = Unit(systemd, listeners, {"mush": {"connect": game.connect}}, {"host-names": "off"},
                    **options)
        return Stage(unit.start(), game, tls_port, plain_port)
    return start


@pytest.fixture
def stage(begin):
    return begin()


@pytest.fixture
def site(systemd, begin):
    """A stage whose program others can take the place of."""
    return begin(program=os.path.join(systemd.folder, "stayd"))


@pytest.fixture
def crowd(stage):
    talking = Crowd(stage, 21)
    yield talking
    talking.finish()


def is_refused(port):
    try:
        PlainPlayer(port).close()
    except ConnectionRefusedError:
        return True
    return False


def fill(stream, data):
    """As much as there is room for on the way; how many bytes went."""
    n = 0
    while True:
        went = stream.send_some(data[n:n + 65536])
        if went == 0 and is_full(stream):
            return n
        n += went


def is_full(stream):
    """Nothing can be written any more: whoever is on the way has taken what it takes."""
    return not select.select([], [stream.sock], [], 0.5)[1]


def n_stored(systemd):
    return int(systemd.show("NFileDescriptorStore"))


def await_stored(systemd, n):
    until(lambda: n_stored(systemd) == n, f"{n} descriptors in the store")


def test_players_talk_on_over_restarts(systemd, site):
    """50 who talk, while stayd rekeys all the time; one who is always in the middle of a record; and
    one who does not read, so that all queues on the way are full."""
    unit = site.stayd
    crowd = Crowd(site, 50)
    halved = {kind: site.pair(kind) for kind in ("1.3", "1.2")}
    deaf = site.pair("1.3", receive_bytes=65536)
    flood = b"".join(b"%06d\r\n" % n for n in range(1_000_000))
    n_said = 0
    for n in range(5):
        unit.put("worn" if n % 2 == 0 else "this")
        n_said += fill(deaf.link, flood[n_said:])
        rests = {}
        for kind, pair in halved.items():
            record = pair.player.seal(b"line %d\r\n" % n)
            pair.player.send_raw(record[:len(record) // 2])
            rests[kind] = record[len(record) // 2:]
        guard = unit.family.pid("guard")
        unit.restart()
        assert unit.family.await_whole()["guard"] != guard
        crowd.await_progress()
        for kind, pair in halved.items():
            pair.player.send_raw(rests[kind])
            assert pair.link.read_line() == b"line %d" % n
            pair.check()
        assert systemd.show("ActiveState") == "active"
        pair = site.pair()  # the door is open
        pair.check()
        pair.player.close()
    assert 100_000 < n_said < len(flood), "it was held back"
    assert deaf.player.read_exactly(n_said) == flood[:n_said]
    crowd.finish()


def test_players_talk_on_when_all_three_processes_are_killed(systemd, stage, crowd):
    pairs = []
    for n in range(5):
        pairs.append(stage.pair(("1.3", "1.2", "plain")[n % 3]))
        stage.stayd.await_stored()
        stage.stayd.kill_all()
        for pair in pairs:
            pair.check()
        crowd.await_progress()
    assert systemd.show("NRestarts") == "5"
    assert not stage.stayd.log.find(r" restore .*(?:lost|unlinked)=[1-9]")


def test_the_death_of_a_guard_is_none_of_the_unit(systemd, stage, crowd):
    for _ in range(3):
        stage.stayd.family.kill("guard")
        found = stage.stayd.family.await_whole()
        until(lambda: stage.stayd.main_pid() == found["guard"], "systemd knows the new guard")
        systemd.ctl("reload", UNIT)
        crowd.await_progress()
    stage.stayd.family.kill("guard", "spare")
    stage.stayd.family.await_whole()
    crowd.await_progress()
    assert systemd.show("NRestarts") == "0"
    stage.stayd.restart()
    crowd.await_progress()


@pytest.mark.parametrize("is_slow", (False, True))
def test_stopped_it_ends_in_order(systemd, stage, is_slow):
    pairs = {kind: stage.pair(kind) for kind in ENDS}
    if is_slow:  # it sees the order and systemd's SIGTERM, with which a SIGCONT comes, at once
        os.kill(stage.stayd.main_pid(), signal.SIGSTOP)
    pairs["1.3"].link.send(b"goodbye\r\n")
    systemd.ctl("stop", UNIT)
    assert pairs["1.3"].player.read_line() == b"goodbye"
    for kind, pair in pairs.items():
        assert pair.player.read_to_end() == (b"", ENDS[kind])
    assert (systemd.show("ActiveState"), systemd.show("Result")) == ("inactive", "success")
    assert n_stored(systemd) == 0 and not stage.stayd.family.members()
    systemd.ctl("start", UNIT)
    stage.pair().check()


def test_an_orderly_end_by_hand_is_one(systemd, stage):
    pair = stage.pair()
    systemd.ctl("kill", "--kill-who=main", "-s", "INT", UNIT)
    assert pair.player.read_to_end() == (b"", "close_notify")
    until(lambda: systemd.show("ActiveState") == "inactive", "the unit has ended")
    assert systemd.show("Result") == "success" and systemd.show("NRestarts") == "0"


def test_a_restart_takes_the_file_as_it_is_now(systemd, stage, crowd):
    other = free_port()
    unit = stage.stayd
    unit.listeners["more"] = {"address": f"127.0.0.1:{other}", "tls": "no"}
    unit.write_conf()
    unit.restart()
    more = Pair(PlainPlayer(other), stage.game.accept())
    del unit.listeners["more"]
    unit.options["log-level"] = "info"
    unit.write_conf()
    unit.restart()
    more.check()
    until(lambda: is_refused(other), "nobody listens there any more")
    crowd.await_progress()


@pytest.mark.parametrize("fault", ("key", "option", "value", "control"))
def test_a_reload_that_is_refused_has_failed_and_the_unit_goes_on(systemd, stage, fault):
    unit, pair = stage.stayd, stage.pair()
    guard = unit.main_pid()
    option, value = {"option": ("kee", "x"), "value": ("max-handshakes", "many"),
                     "control": ("control", "/run/stayd/nobody.sock"), "key": (None, None)}[fault]
    key = unit.listeners["tls"]["key"]
    if option:
        unit.options[option] = value
    else:
        unit.listeners["tls"]["key"] = unit.stayctl_copy
    unit.write_conf()
    done = systemd.ctl("reload", UNIT, check=False)
    assert done.returncode != 0 and "failed" in done.stderr
    assert (systemd.show("ReloadResult"), systemd.show("ActiveState")) == ("exit-code", "active")
    unit.options.pop(option, None)
    unit.listeners["tls"]["key"] = key
    unit.write_conf()
    systemd.ctl("reload", UNIT)
    assert systemd.show("ReloadResult") == "success"
    pair.check()
    assert (unit.main_pid(), systemd.show("NRestarts")) == (guard, "0")


def test_a_restart_with_a_bad_file_is_tried_until_it_is_good(systemd, stage):
    pairs = [stage.pair(kind) for kind in ("1.3", "1.2", "plain")]
    unit = stage.stayd
    unit.options["max-handshakes"] = "many"
    unit.write_conf()
    assert systemd.ctl("restart", UNIT, check=False).returncode != 0
    until(lambda: int(systemd.show("NRestarts")) > 2, "it is tried again")
    for pair in pairs:
        pair.player.send(b"are you there?\r\n")
    del unit.options["max-handshakes"]
    unit.write_conf()
    for pair in pairs:
        assert pair.link.read_line() == b"are you there?"
        pair.check()


def test_a_restart_runs_the_program_that_is_installed_now(site):
    crowd = Crowd(site)
    site.stayd.put("next")
    site.stayd.restart()
    assert site.stayd.version() == "0.1.1"
    crowd.finish()


def test_tickets_are_good_after_a_restart_and_given_then(stage):
    context = context_for("1.3")
    pair = stage.pair("1.3", context=context)
    pair.check()
    for _ in range(2):
        stage.stayd.restart()
        session = pair.player.tls.session
        assert session.has_ticket
        pair = stage.pair("1.3", context=context, session=session)
        pair.check()
        assert pair.player.tls.session_reused


def test_a_program_of_another_layout_starts_anew_and_says_so(systemd, site):
    pair = site.pair("plain")
    site.stayd.put("layout")
    site.stayd.restart()
    site.stayd.log.expect("it knows vault layout 99, and the players are in one of layout")
    assert pair.player.read_to_end()[1] in ("eof", "reset")
    site.pair().check()
    await_stored(systemd, 2)


def test_an_upgrade_in_place_and_one_that_fails(systemd, site):
    crowd = Crowd(site)
    guard = site.stayd.main_pid()
    site.stayd.put("next")
    assert site.stayd.stayctl("upgrade").returncode == 0
    assert site.stayd.main_pid() == guard == site.stayd.family.await_whole()["guard"]
    site.stayd.put("ends")
    assert site.stayd.stayctl("upgrade").returncode != 0
    found = site.stayd.family.await_whole()
    until(lambda: site.stayd.main_pid() == found["guard"] != guard, "systemd knows the old spare")
    crowd.await_progress()
    site.stayd.put("this")
    site.stayd.restart()
    assert site.stayd.version() == "0.1.0"
    assert systemd.show("NRestarts") == "0"
    crowd.finish()


def test_who_leaves_is_let_go_although_systemd_has_the_socket(systemd, stage):
    await_stored(systemd, 1)
    for n, kind in enumerate(("1.3", "1.2", "plain") * 2):
        pair = stage.pair(kind)
        await_stored(systemd, 2)
        (pair.player if n < 3 else pair.link).close()
        assert (pair.link if n < 3 else pair.player).read_to_end()[0] == b""
        (pair.link if n < 3 else pair.player).close()
        await_stored(systemd, 1)


def test_only_so_many_are_stored_all_the_time(systemd, stage):
    unit = stage.stayd
    unit.options["store-players"] = "0"
    unit.write_conf()
    unit.restart()
    pair = stage.pair("plain")
    unit.restart()
    pair.check()
    unit.kill_all()
    assert pair.player.read_to_end()[1] in ("eof", "reset")
    stage.pair().check()
    unit.options["store-players"] = "64"
    unit.write_conf()
    systemd.ctl("reload", UNIT)
    pairs = [stage.pair("plain") for _ in range(80)]
    unit.await_stored(64)
    await_stored(systemd, 2)
    unit.kill_all()
    unit.log.expect(r" restore players=64 lost=17 unlinked=0")
    for pair in pairs[:63]:
        pair.check()


def test_a_handshake_under_way_is_finished_before_a_restart(systemd, stage):
    def is_finished():
        player = half_shaken(stage.tls_port)
        guard = stage.stayd.family.pid("guard")
        start = time.monotonic()
        systemd.ctl("--no-block", "restart", UNIT)
        try:
            time.sleep(0.2)  # so that stayd has mostly begun to leave
            return is_finished_in_time(player, start, lambda: stage.pair_of(player).check())
        finally:
            until(lambda: stage.stayd.family.await_whole()["guard"] != guard, "it was restarted")
    until(is_finished, "it was gone on with in time")


def test_systemd_itself_may_be_started_anew(systemd, stage, crowd):
    stage.stayd.await_stored()
    systemd.ctl("daemon-reexec")
    stage.stayd.kill_all()
    crowd.await_progress()
    systemd.ctl("daemon-reload")
    stage.stayd.restart()
    crowd.await_progress()


@pytest.mark.parametrize("seed", range(2))
def test_players_talk_on_whatever_happens_in_which_order(systemd, site, seed):
    crowd = Crowd(site)
    unit = site.stayd
    dice = random.Random(seed)

    def kill_all():
        unit.await_stored()
        unit.kill_all()

    def upgrade():
        unit.put(dice.choice(("this", "next", "ends", "crashes")))
        unit.stayctl("upgrade")
        unit.put("this")

    deeds = [unit.restart, kill_all, upgrade, lambda: systemd.ctl("reload", UNIT)] + [
        lambda roles=roles: unit.family.kill(*roles)
        for roles in (["guard"], ["spare"], ["worker"], ["guard", "spare"], ["worker", "guard"])]
    for deed in dice.choices(deeds, k=20):
        deed()
        unit.family.await_whole(3 * WAIT_S)
        crowd.await_progress(1)
    crowd.finish()


CHAT = """[Unit]
Wants={unit}
After={unit}

[Service]
ExecStart={program} /run/chat /run/stayd/control.sock
User={user}
RuntimeDirectory=chat
RuntimeDirectoryPreserve=restart
Restart=always
RestartSec=100ms
"""


def test_with_a_game_in_a_unit_of_its_own_no_line_is_lost_whatever_is_killed(systemd, pki):
    tls_port, plain_port = free_port(), free_port()
    unit = Unit(systemd, {"tls": pki.listener(tls_port),
                          "plain": {"address": f"127.0.0.1:{plain_port}", "tls": "no"}},
                {"chat": {"connect": "unix:/run/chat/game.sock"}}, {"host-names": "off"})
    chat = unit.take(os.path.join(BUILD, "doc", "examples", "chat_poll"))
    systemd.write("chat.service", CHAT.format(unit=UNIT, user=USER, program=chat))
    unit.start()
    systemd.ctl("start", "chat")
    players = {"Anna": TlsPlayer(tls_port, version="1.3"), "Bert": TlsPlayer(tls_port, version="1.2"),
               "Cora": PlainPlayer(plain_port)}
    for name, player in players.items():
        player.read_until(b"name?")
        player.send(name.encode() + b"\r\n")
        player.read_until(name.encode() + b": (is here)")

    def kill_game():
        systemd.ctl("kill", "-s", "KILL", "chat")

    def kill_both():
        kill_game()
        unit.kill_all()

    def restart_both():
        systemd.ctl("restart", "chat", UNIT)

    deeds = [lambda: None, kill_game, unit.restart, unit.kill_all, kill_both, restart_both,
             lambda: systemd.ctl("restart", "chat"), lambda: unit.family.kill("worker"), kill_game]
    for n, deed in enumerate(deeds):
        unit.await_stored()
        for name, player in players.items():
            player.send(b"line %d of %s\r\n" % (n, name.encode()))
        deed()
        for name, player in players.items():  # who is back first may speak to an empty room
            player.find(b"%s: line %d of %s" % (name.encode(), n, name.encode()))
