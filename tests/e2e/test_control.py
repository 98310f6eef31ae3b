# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The control channel: who may, what is answered, and that nobody can do harm with it."""
import os
import pwd
import select
import signal
import socket
import stat
import subprocess
import sys

import pytest

from support.control import Control
from support.daemon import ROOT, free_port
from support.players import PlainPlayer
from support.processes import cpu_seconds, end_all
from support.stream import Ended
from support.waiting import WAIT_S, until

NOBODY, STRANGER = 65534, 65532
NOBODY_NAME = pwd.getpwuid(NOBODY).pw_name
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="other users can be played by root only")
NO_CONN = "0" * 32


def path_of(stayd):
    return os.path.join(stayd.folder, "control.sock")


def open_control(stage, **options):
    return Control(path_of(stage.stayd), **options)


def conn_of(control, player):
    """The connection id of this player."""
    port = str(player.sock.getsockname()[1])
    return next(item["conn"] for item in control.ask("list").items if item["port"] == port)


@pytest.mark.short
def test_status_tells_of_stayd_and_its_game(stage):
    stage.pair().check()
    control = open_control(stage)
    assert control.greeting.startswith("stayd 1 ")
    family = stage.stayd.family
    family.await_whole()
    answer = control.ask("status")
    stayd, game, certificate = answer.items
    assert answer.word == "ok" and stayd["what"] == "stayd" and stayd["players"] == "1"
    assert {role: int(stayd[role]) for role in ("guard", "spare", "worker", "entry")} == family.await_whole()
    assert game["what"] == "game" and game["name"] == "mush" and game["state"] == "here"
    assert game["connect"] == stage.game.connect and game["players"] == "1" and game["held"] == "0"
    assert certificate["what"] == "certificate" and certificate["name"] == "mush.example"
    assert certificate["listener"] == "tls" and certificate["days"] in ("29", "30")


@pytest.mark.short
def test_list_shows_each_player(stage):
    pairs = {kind: stage.pair(kind) for kind in ("1.2", "1.3", "plain")}
    control = open_control(stage)
    items = {int(item["port"]): item for item in control.ask("list").items}
    assert control.ask("list mush").items and len(items) == 3
    for kind, pair in pairs.items():
        item = items[pair.player.sock.getsockname()[1]]
        assert bytes.fromhex(item["conn"]) == pair.link.header.tlvs[5]
        assert item["address"] == "127.0.0.1" and item["game"] == "mush" and item["held"] == "no"
        assert item["tls"] == ("no" if kind == "plain" else f"TLSv{kind}")
        assert item["listener"] == ("plain" if kind == "plain" else "tls")
        assert (item["cipher"] == "") == (kind == "plain") and item["host"] == ""


@pytest.mark.short
def test_kick_ends_the_player_after_its_text(stage):
    pair, other = stage.pair(), stage.pair()
    control = open_control(stage)
    conn = conn_of(control, pair.player)
    assert control.ask(f"kick {conn} Good-bye, Gr\u00fcn.").word == "ok"
    assert pair.player.read_to_end() == ("Good-bye, Gr\u00fcn.\r\n".encode(), "close_notify")
    pair.player.close()
    pair.link.close()
    stage.stayd.log.expect("player-close")
    assert control.ask(f"kick {conn}").pairs == {"gone": "1"}
    stage.stayd.log.expect(rf"control-order verb=kick uid={os.getuid()} pid={os.getpid()} id={conn}")
    other.check()


@pytest.mark.parametrize("on_shutdown", ["hold", "end"])
@pytest.mark.parametrize("kind", ["1.3", "plain"])
def test_the_words_of_a_close_are_said_although_the_game_closes_the_link_right_behind_it(
        make_stage, kind, on_shutdown):
    stage = make_stage(game_options={"on-shutdown": on_shutdown, "shutdown-wait": "5s"})
    control = open_control(stage)
    pairs = [stage.pair(kind) for _ in range(4)]
    worker = stage.stayd.family.pid("worker")
    os.kill(worker, signal.SIGSTOP)  # so that it sees all of it at once
    for pair in pairs:
        pair.link.send(b"last line\r\n")
        control.send(f"c close {pair.link.header.tlvs[5].hex()} So long.\n".encode())
        pair.link.close()
    os.kill(worker, signal.SIGCONT)
    for pair in pairs:
        text, how = pair.player.read_to_end()
        assert text == b"last line\r\nSo long.\r\n" and how in ("close_notify", "eof")
        assert control.read_answer().word == "ok"


@pytest.mark.parametrize("kind", ["1.3", "plain"])
def test_the_words_of_a_close_are_said_once_to_one_whose_link_has_ended(make_stage, kind):
    stage = make_stage(game_options={"shutdown-wait": "20s"})
    control = open_control(stage)
    pair = stage.pair(kind)
    conn = pair.link.header.tlvs[5].hex()
    pair.link.send(b"last line\r\n")
    pair.link.close()
    assert pair.player.read_line() == b"last line"
    assert control.ask(f"close {conn} So long.").word == "ok"
    assert control.ask(f"close {conn} So long.").word == "ok"
    text, how = pair.player.read_to_end()
    assert text == b"So long.\r\n" and how in ("close_notify", "eof")


def test_a_notice_is_said_once_even_if_a_worker_dies_in_between(stage):
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    control = open_control(stage)
    assert control.ask("notice * The machine reboots.", "n1").pairs == {"players": "3"}
    assert control.ask("notice * The machine reboots.", "n1").pairs == {"players": "3"}
    stage.stayd.family.kill("worker")
    with pytest.raises(Ended):
        control.read_line()
    control = open_control(stage)
    assert control.ask("notice * The machine reboots.", "n1").pairs == {"players": "3"}
    assert control.ask("notice mush Now.", "n2").pairs == {"players": "3"}
    for pair in pairs:
        assert pair.player.read_line() == b"The machine reboots."
        assert pair.player.read_line() == b"Now."
        pair.check()


@pytest.mark.short
def test_who_shuts_down_its_sending_gets_every_answer(stage):
    stage.pair()
    control = open_control(stage)
    control.send(b"a status\nb list\r\nc nonsense\nd held mush")
    control.end_sending()
    assert [(control.read_answer().word) for _ in range(3)] == ["ok", "ok", "no-such-verb"]
    cut = control.read_answer()
    assert (cut.id, cut.word) == ("d", "bad-request")  # the last line had no end
    assert control.read_to_end() == (b"", "eof")


@pytest.mark.short
def test_bad_input_is_answered_and_the_connection_goes_on(stage):
    control = open_control(stage)
    for line, its_id, word in (
            (b"", "-", "bad-request"),
            (b"\r", "-", "bad-request"),
            (b"\0\0\0", "-", "bad-request"),
            (b"\xff\xfb\x01 status", "-", "bad-request"),
            (b"i" * 33 + b" status", "-", "bad-request"),
            (b"1", "1", "bad-request"),
            (b"1 GET / HTTP/1.1", "1", "no-such-verb"),
            (b"1 list chess", "1", "no-such-game"),
            (b"1 notice chess hello", "1", "no-such-game"),
            (b"1 kick 12", "1", "bad-request"),
            (b"1 notice mush \x1b[2J", "1", "bad-request"),
            (b"1 notice mush " + b"x" * 1001, "1", "bad-request"),
            (b"1 state " + b"0" * 32 + b" " + b"0" * 8194, "1", "bad-request"),
            (b"1 ack " + b"0" * 32 + b" -1", "1", "bad-request"),
            (b"1 reboot mush", "1", "not-attached"),
            (b"1 shutdown mush end", "1", "not-attached")):
        control.send(line + b"\n")
        answer = control.read_answer()
        assert (answer.id, answer.word) == (its_id, word), line
    for request in (f"kick {NO_CONN}", f"close {NO_CONN} x", f"state {NO_CONN} 00",
                    f"ack {NO_CONN} 0"):
        assert control.ask(request).pairs == {"gone": "1"}
    assert control.ask(f"ack {NO_CONN} 0 {NO_CONN} 1").pairs == {"gone": "2"}


@pytest.mark.short
def test_a_line_that_is_too_long_is_passed_over(stage):
    control = open_control(stage)
    longest = b"1 notice mush".ljust(16383)
    control.send(longest + b"\n")
    assert control.read_answer().word == "bad-request"
    control.send(longest + b" \n2 status\n")
    answer = control.read_answer()
    assert (answer.id, answer.word) == ("1", "too-long")
    assert control.read_answer().id == "2"
    control.send(b"x" * 100_000)
    answer = control.read_answer()  # before its end has come
    assert (answer.id, answer.word) == ("-", "too-long")
    control.send(b"y" * 100_000 + b"\n3 status\n")
    assert control.read_answer().id == "3"


def test_requests_may_come_byte_by_byte_or_many_at_once(stage):
    control = open_control(stage)
    for byte in b"slow status\n":
        control.send(bytes([byte]))
    assert control.read_answer().id == "slow"
    control.send(b"".join(b"m%d list\n" % n for n in range(1000)))
    assert [control.read_answer().id for _ in range(1000)] == [f"m{n}" for n in range(1000)]


@needs_root
def test_strangers_are_told_so_and_closed(make_stage, folder):
    os.chmod(folder, 0o711)
    stage = make_stage(game_options={"user": NOBODY_NAME})
    assert stat.S_IMODE(os.stat(path_of(stage.stayd)).st_mode) == 0o666
    for _ in range(200):
        control = open_control(stage, uid=STRANGER)
        assert control.greeting.startswith("error not-allowed ") and "; " in control.greeting
        assert control.read_to_end() == (b"", "eof")
        control.close()
    refused = stage.stayd.log.expect(rf"control-refused uid={STRANGER} pid={os.getpid()} ")
    assert len(refused) < 200  # floods are cut
    assert open_control(stage).ask("status").word == "ok"


@pytest.mark.parametrize("options,mode", (({}, 0o600), ({"user": NOBODY_NAME}, 0o666)))
def test_the_sockets_mode_does_not_depend_on_the_umask(start_stayd, game, options, mode):
    stayd = start_stayd({"plain": {"address": f"127.0.0.1:{free_port()}", "tls": "no"}},
                        {"mush": {"connect": game.connect, **options}}, umask=0o177)
    assert stat.S_IMODE(os.stat(path_of(stayd)).st_mode) == mode


@needs_root
def test_without_a_games_user_only_stayds_own_can_open_the_socket(stage, folder):
    os.chmod(folder, 0o711)
    assert stat.S_IMODE(os.stat(path_of(stage.stayd)).st_mode) == 0o600
    with pytest.raises(PermissionError):
        open_control(stage, uid=STRANGER)


@needs_root
def test_a_games_user_speaks_for_its_game_only(start_stayd, folder):
    os.chmod(folder, 0o711)
    ports = {"mine": free_port(), "other": free_port()}
    start_stayd({name: {"address": f"127.0.0.1:{port}", "tls": "no", "game": name}
                 for name, port in ports.items()},
                {"mine": {"connect": f"unix:{folder}/mine", "user": NOBODY_NAME},
                 "other": {"connect": f"unix:{folder}/other"}}, {"host-names": "off"})
    players = {name: PlainPlayer(port) for name, port in ports.items()}
    admin = Control(f"{folder}/control.sock")
    until(lambda: len(admin.ask("list").items) == 2, "both are connected")
    conns = {name: conn_of(admin, player) for name, player in players.items()}
    game = Control(f"{folder}/control.sock", uid=NOBODY)
    for request in ("status", "list", "list mine", f"kick {conns['mine']}", "notice mine x",
                    "held other", "attach other", "reboot other", "shutdown other end",
                    f"state {conns['other']} 00", f"close {conns['other']}",
                    f"ack {conns['other']} 0", f"ack {conns['mine']} 0 {conns['other']} 0"):
        assert game.ask(request).word == "not-allowed", request
    assert [item["conn"] for item in game.ask("held mine").items] == [conns["mine"]]
    assert game.ask("attach mine resume ack").pairs == {"players": "1", "held": "1"}
    assert game.ask(f"state {conns['mine']} 00ff").word == "ok"
    assert game.ask(f"ack {conns['mine']} 0").word == "ok"
    assert game.ask(f"ack {conns['mine']} 1000000").word == "bad-offset"
    assert game.ask("reboot mine").word == "ok"
    assert game.ask("shutdown mine hold").word == "ok"
    assert game.ask(f"close {conns['mine']} Bye.").word == "ok"
    assert players["mine"].read_until(b"Bye.\r\n")
    assert admin.ask(f"close {conns['other']}").word == "ok"


@needs_root
def test_connections_are_limited_in_all_and_for_a_user(make_stage, folder):
    os.chmod(folder, 0o711)
    stage = make_stage(game_options={"user": NOBODY_NAME})
    of_user = [open_control(stage, uid=NOBODY) for _ in range(16)]
    assert open_control(stage, uid=NOBODY).greeting.startswith("error short ")
    of_root = [open_control(stage) for _ in range(48)]
    assert open_control(stage).greeting.startswith("error short ")
    assert of_user[7].ask("held mush").word == "ok" and of_root[47].ask("status").word == "ok"
    of_user.pop().close()

    def may_connect():
        control = open_control(stage)
        return control.greeting.startswith("stayd ") and control
    assert until(may_connect, "there is a place again").ask("status").word == "ok"


def test_who_does_not_read_is_not_read_and_keeps_nobody_waiting(stage):
    pair = stage.pair()
    slow, quick = open_control(stage), open_control(stage)
    worker = stage.stayd.family.pid("worker")
    n_sent, unsent = 0, b""
    while True:  # until it takes no more
        unsent = unsent or b"s%d status\n" % n_sent
        n = slow.send_some(unsent)
        n_sent += n == len(unsent)
        unsent = unsent[n:]
        used_s = cpu_seconds(worker)
        if n == 0 and not select.select([], [slow.sock], [], 1)[1]:
            break
    assert cpu_seconds(worker) < used_s + 0.3  # it sleeps meanwhile
    before = rss_bytes(worker)
    for _ in range(20):
        pair.check()
        assert quick.ask("list").word == "ok"
    assert rss_bytes(worker) < before + (8 << 20)
    for n in range(n_sent):
        assert slow.read_answer().id == f"s{n}"
    slow.send(unsent)
    assert slow.read_answer().id == f"s{n_sent}"


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_dead_ones_socket_is_replaced_and_another_file_is_not(make_stage, folder):
    path = os.path.join(folder, "control.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    stage = make_stage()
    assert open_control(stage).ask("status").word == "ok"
    stage.stayd.order_end()
    assert stage.stayd.await_end() == 0 and not os.path.exists(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write("mine")
    refused = make_stage(is_awaited=False).stayd
    assert refused.process.wait(WAIT_S) == 1
    assert refused.log.find(r"this is not a socket")
    with open(path, encoding="utf-8") as file:
        assert file.read() == "mine"


@pytest.mark.short
def test_the_channel_is_served_during_an_orderly_end(make_stage):
    stage = make_stage({"stop-timeout": "20s"})
    pair = stage.pair("plain")
    pair.player.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stage.stayd.order_end()
    stage.stayd.log.expect(r" stop within_ms")
    control = open_control(stage)
    assert control.ask("status").word == "ok"
    control.send(b"half a li")
    pair.player.read_to_end()
    pair.player.close()
    assert stage.stayd.await_end() == 0
    assert control.read_to_end()[1] in ("eof", "reset")


def start_example(stage):
    return subprocess.Popen([sys.executable, os.path.join(ROOT, "doc/examples/control.py"),
                             path_of(stage.stayd), "mush", stage.game.place])


def test_the_example_game_keeps_its_players_over_kills_of_all(make_stage, folder, game):
    game.close()
    stage = make_stage()
    games = [start_example(stage)]
    try:
        players = [stage.player(kind) for kind in ("1.2", "1.3", "plain")]
        for player in players:
            player.read_until(b"Welcome, 0 lines so far.\r\n")
        for n in (1, 4, 7):
            for player in players:
                player.send(b"one\r\ntwo\r\n")
                player.read_until(b"%d: two\r\n" % (n + 1))
            stage.stayd.family.kill("worker")
            games[-1].kill()
            games[-1].wait()
            for player in players:
                player.send(b"while it is away\r\n")
            games.append(start_example(stage))
            for player in players:
                player.read_until(b"Welcome back, ")
                player.read_until(b"%d: while it is away\r\n" % (n + 2))
    finally:
        end_all([game.pid for game in games])
