# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""stayctl: what an admin sees, and the exit status."""
import json
import os
import re
import subprocess
import threading

import pytest

from support.control import STAYCTL, Control, run_stayctl
from support.waiting import WAIT_S, until


def players_of(stayd):
    return json.loads(run_stayctl(stayd, "--json", "list").stdout)["items"]


@pytest.mark.short
def test_what_it_prints_is_for_people(stage):
    nobody = run_stayctl(stage.stayd, "list")
    assert (nobody.returncode, nobody.stdout) == (0, "nobody is connected\n")
    stage.pair().check()
    status = run_stayctl(stage.stayd, "status")
    assert status.returncode == 0 and "1 of at most" in status.stdout
    head, player = run_stayctl(stage.stayd, "list").stdout.splitlines()
    assert head.split()[0] == "FROM" and player.split()[0] == "127.0.0.1"
    assert player.index(players_of(stage.stayd)[0]["conn"]) == head.index("CONN")
    assert run_stayctl(stage.stayd, "held", "mush").stdout == "nobody waits\n"


@pytest.mark.short
def test_json_has_numbers_and_booleans(stage):
    stage.pair().check()
    document = json.loads(run_stayctl(stage.stayd, "--json", "status").stdout)
    stayd, game, certificate = document["items"]
    assert isinstance(certificate["days"], int) and certificate["name"] == "mush.example"
    assert stayd["players"] == 1 and document["result"] == {}
    assert game["attached"] is False and game["held"] == 0 and game["name"] == "mush"
    player = players_of(stage.stayd)[0]
    assert player["held"] is False and isinstance(player["port"], int) and player["host"] == ""
    error = run_stayctl(stage.stayd, "--json", "list", "chess")
    assert error.returncode == 1 and json.loads(error.stdout)["error"] == "no-such-game"


@pytest.mark.short
def test_whatever_is_a_number_or_a_flag_on_the_wire_is_one_in_json(make_stage):
    """But where it is a text by its key: a version, a name."""
    stage = make_stage()
    stage.pair().check()
    stage.stayd.family.kill("worker")
    run_stayctl(stage.stayd, "upgrade", "/nowhere/stayd")
    control = Control(os.path.join(stage.stayd.folder, "control.sock"))
    n_flags = 0
    for verb in ("status", "list"):
        document = json.loads(run_stayctl(stage.stayd, "--json", verb).stdout)
        wire = control.ask(verb).items
        assert len(wire) == len(document["items"])
        for said, item in zip(wire, document["items"]):
            assert said.keys() == item.keys()
            for key, value in said.items():
                if re.fullmatch(r"0|[1-9]\d*", value):
                    assert isinstance(item[key], int), key
                elif value in ("yes", "no") and key != "tls":
                    assert isinstance(item[key], bool), key
                    n_flags += 1
                else:
                    assert isinstance(item[key], str), key
    stayd = json.loads(run_stayctl(stage.stayd, "--json", "status").stdout)["items"][0]
    assert {"last-death-since", "upgrade-since"} <= stayd.keys() and n_flags >= 4


@pytest.mark.short
def test_a_wrong_verb_is_told_what_is_near(stage):
    for word, words in (("stat", "there is no verb stat; did you mean status?"),
                        ("lsit", "there is no verb lsit; did you mean list?"),
                        ("x\x1b", "there is no verb x?; there are held status list kick notice "
                                  "upgrade reload"),
                        ("attach", "there is no verb attach here; games ask it themselves")):
        done = run_stayctl(stage.stayd, word)
        assert done.returncode == 2 and f"stayctl: {words}" in done.stderr, done
    done = run_stayctl(stage.stayd, "status", "x")
    assert "stayctl: more than there should be; write status\n" in done.stderr


@pytest.mark.short
def test_status_says_why_a_game_cannot_be_reached(make_stage):
    stage = make_stage(game_options={"connect": "unix:/nowhere/game.sock"})
    player = stage.player("plain")
    until(lambda: "game mush cannot be reached: No such file or directory (unix:/nowhere/game.sock)"
          in run_stayctl(stage.stayd, "status").stdout.splitlines(), "the reason")
    game = json.loads(run_stayctl(stage.stayd, "--json", "status").stdout)["items"][1]
    assert game["error"] == "No such file or directory" and game["held"] == 1
    player.close()


@pytest.mark.short
def test_kick_takes_the_first_digits_of_an_id(stage):
    pair, other = stage.pair(), stage.pair()
    conn = pair.link.header.tlvs[5].hex()
    assert run_stayctl(stage.stayd, "kick", "0000").returncode == 1
    assert run_stayctl(stage.stayd, "kick", conn[:3]).returncode == 2
    kicked = run_stayctl(stage.stayd, "kick", conn[:12].upper(), "You", "were idle.")
    assert (kicked.returncode, kicked.stdout) == (0, "kicked\n")
    assert pair.player.read_to_end()[0] == b"You were idle.\r\n"
    pair.player.close()
    pair.link.close()
    stage.stayd.log.expect("player-close")
    assert run_stayctl(stage.stayd, "kick", conn).stdout == "gone already\n"
    other.check()


@pytest.mark.short
def test_notice_reaches_everybody(stage):
    pairs = [stage.pair(), stage.pair("plain")]
    assert run_stayctl(stage.stayd, "notice", "*", "Lunch", "time.").stdout == "said to 2 players\n"
    for pair in pairs:
        assert pair.player.read_line() == b"Lunch time."
        pair.check()


@pytest.mark.short
def test_wrong_arguments_are_explained(stage):
    for arguments, words in (((), "no verb"), (("frob",), "no verb frob"),
                             (("attach", "mush"), "no verb attach"),
                             (("list", "a", "b"), "write list [GAME]"),
                             (("notice", "*"), "is missing"), (("kick",), "hexadecimal"),
                             (("notice", "*", "a\nb"), "control character"), (("--bogus",), "")):
        result = run_stayctl(stage.stayd, *arguments)
        assert result.returncode == 2 and words in result.stderr, arguments
    shown = run_stayctl(stage.stayd, "--help")
    assert shown.returncode == 0 and "notice GAME|* TEXT" in shown.stdout


def test_it_says_why_stayd_cannot_be_reached(stage, folder):
    path = os.path.join(folder, "control.sock")

    def ask(control):
        return subprocess.run([STAYCTL, "--control", control, "status"], capture_output=True,
                              text=True, timeout=WAIT_S, check=False)
    result = ask(os.path.join(folder, "none"))
    assert result.returncode == 3 and "is stayd running" in result.stderr
    stage.stayd.family.kill_all()
    stage.stayd.process.wait()
    result = ask(path)
    assert result.returncode == 3 and "not running" in result.stderr
    assert ask("/" * 200).returncode == 3


def test_it_outlives_the_workers(stage):
    stage.pair().check()
    results = []

    def ask_all_the_time():
        for _ in range(100):
            results.append(run_stayctl(stage.stayd, "list").returncode)
    asking = threading.Thread(target=ask_all_the_time)
    asking.start()
    while asking.is_alive():
        n = len(results)
        stage.stayd.family.kill("worker")
        asking.join(0.2)
        until(lambda: len(results) > n or not asking.is_alive(), "there is an answer")
    assert results == [0] * 100
