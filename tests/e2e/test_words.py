# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What is wrong is said in words, before anything starts; what is right is shown to players."""
import os
import re
import resource
import shutil
import signal
import socket
import subprocess

import pytest

from support.daemon import STAYD, Family, conf_text, free_port, run_stayd
from support.game import Game, Pair
from support.players import PlainPlayer, TlsPlayer, context_for, program
from support.processes import is_alive
from support.waiting import WAIT_S, until


@pytest.fixture
def write_conf(folder, port):
    """A configuration file with these certificate options; returns its path."""
    def write(listener=None, text="", **options):
        path = os.path.join(folder, "stayd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(conf_text(
                {"control": f"{folder}/control.sock", "log": f"{folder}/stayd.log", **options},
                {"tls": listener or {"address": f"127.0.0.1:{port}"}},
                {"mush": {"connect": f"unix:{folder}/game.sock"}}) + text)
        return path
    return write


def test_check_calls_a_good_configuration_good_and_starts_nothing(write_conf, pki, folder, port):
    conf = write_conf(pki.listener(port))
    done = run_stayd("--check", "-c", conf)
    assert done.returncode == 0 and done.stdout == f"{conf}: good\n"
    assert sorted(os.listdir(folder)) == ["stayd.conf"]


def break_missing(pki, listener):
    listener["certificate"] = pki.path("nowhere.pem")
    return r"nowhere\.pem: .*No such file"


def break_key(pki, listener):
    listener["key"] = pki.path("other.key")
    return r"other\.key: the key does not match the certificate in .*mush\.chain"


def break_dates(pki, listener):
    listener.update(certificate=pki.path("old.chain"), key=pki.path("old.key"))
    return r"old\.chain: certificate 1 \(CN = old\.example\) expired on \d{4}-"


def break_chain(pki, listener):
    listener["certificate"] = pki.path("mush.pem")
    return r"mush\.pem: the chain is incomplete: .*between\.example"


def break_form(pki, listener):
    listener["certificate"] = pki.path("mush.key")
    return r"mush\.key: .*certificate"


# One that has expired is served at the start, with a warning (test_certificates.py).
@pytest.mark.parametrize("spoil,start", [
    (spoil, start) for spoil in (break_missing, break_key, break_dates, break_chain, break_form)
    for start in (False, True) if not (start and spoil is break_dates)])
def test_a_wrong_certificate_is_refused_in_words(write_conf, pki, port, folder, spoil, start):
    listener = pki.listener(port)
    words = spoil(pki, listener)
    conf = write_conf(listener)
    done = run_stayd(*([] if start else ["--check"]), "-c", conf)
    assert done.returncode == 1 and re.search(words, done.stderr), done.stderr
    assert not os.path.exists(f"{folder}/control.sock.lock")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read")
def test_a_key_that_may_not_be_read_is_refused_in_words(write_conf, pki, folder, port):
    for name in ("mush.chain", "mush.key"):
        shutil.copy(pki.path(name), folder)
    shutil.copy(STAYD, folder)
    conf = write_conf({"address": f"127.0.0.1:{port}", "certificate": "mush.chain",
                       "key": "mush.key"})
    os.chmod(folder, 0o755)
    os.chmod(f"{folder}/mush.chain", 0o644)
    os.chmod(f"{folder}/mush.key", 0o600)
    done = subprocess.run([program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups",
                           f"{folder}/stayd", "--check", "-c", conf], capture_output=True,
                          text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1 and re.search(r"mush\.key: .*Permission denied", done.stderr)


def test_a_mistake_in_the_configuration_is_named_with_its_line_and_what_would_be_right(write_conf):
    conf = write_conf(text="[listen more]\nadress = 127.0.0.1:1\nadddress = x\nholdd = 1\n")
    with open(conf, encoding="utf-8") as file:
        line = file.read().split("\n").index("adress = 127.0.0.1:1") + 1
    done = run_stayd("--check", "-c", conf)
    assert done.returncode == 1
    assert re.search(rf"stayd\.conf:{line}: .*adress.*did you mean address\?", done.stderr)
    assert re.search(rf"stayd\.conf:{line + 1}: .*adddress.*did you mean address\?", done.stderr)
    assert re.search(rf"stayd\.conf:{line + 2}: .*holdd", done.stderr)


@pytest.mark.parametrize("option,value,words", (
    ("handshake-timeout", "10", "unit"), ("handshake-timeout", "1h", "5m"),
    ("max-players", "many", "number"), ("log-level", "loud", "info"),
    ("stop-timeout", "-1s", "500ms"), ("name-servers", "ns.example", "address")))
def test_a_wrong_value_is_refused_with_what_would_be_right(write_conf, option, value, words):
    done = run_stayd("--check", "-c", write_conf(**{option: value}))
    assert done.returncode == 1
    assert re.search(rf"stayd\.conf:\d+: .*{option}.*{words}", done.stderr), done.stderr


@pytest.mark.parametrize("limit,words", ((300, "too low for a single player; raise it to"),
                                         (700, r"max-players is 2000, but .* allows \d+;")))
@pytest.mark.usefixtures("run_daemon")
def test_a_low_limit_of_descriptors_is_said_with_what_it_would_have_to_be(
        write_conf, pki, port, limit, words):
    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    # Root could raise the limit again, so it is taken the right to.
    wrapper = [program("setpriv"), "--bounding-set=-sys_resource"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*wrapper, STAYD, "--daemon", "-c", write_conf(pki.listener(port))], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=WAIT_S, check=False, preexec_fn=lower)
    assert done.returncode == (1 if limit == 300 else 0) and re.search(words, done.stderr)


def test_a_missing_configuration_is_named(folder):
    done = run_stayd("-c", f"{folder}/nowhere.conf")
    assert done.returncode == 1
    assert re.search(r"nowhere\.conf: .*No such file", done.stderr)


def test_a_second_stayd_for_the_same_control_path_is_refused_in_words(stage):
    pair = stage.pair()
    done = run_stayd("-c", stage.stayd.conf)
    assert done.returncode == 1
    guard = stage.stayd.guard_pid()
    assert re.search(rf"already running .*pid {guard}\b", done.stderr)
    stage.stayd.family.await_whole()
    stage.stayd.family.kill("guard", "spare")
    stage.stayd.family.await_whole()
    assert "already running" in run_stayd("-c", stage.stayd.conf).stderr
    pair.check()


def test_a_port_that_is_taken_is_named(write_conf, pki, port):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))
        sock.listen()
        done = run_stayd("-c", write_conf(pki.listener(port)))
    assert done.returncode == 1
    assert re.search(rf"127\.0\.0\.1:{port}.*[Aa]ddress already in use", done.stderr)


@pytest.mark.parametrize("option,words", (
    ("--help", r"Usage: stayd .*--check.*--options"), ("--version", r"^stayd \d+\.\d+\.\d+\n$"),
    ("--options", r"\[stayd\].*max-players = NUMBER.*\[listen NAME\].*\[game NAME\].*hold = "),
    ("--events", r"worker-died +warning ")))
def test_what_stayd_says_of_itself(option, words):
    done = run_stayd(option)
    assert done.returncode == 0 and done.stderr == ""
    assert re.search(words, done.stdout, re.DOTALL)


@pytest.mark.parametrize("arguments", (["--chekc"], ["-c"], ["what"]))
def test_wrong_arguments_are_refused_with_the_usage(arguments):
    done = run_stayd(*arguments)
    assert done.returncode == 2 and "Usage: stayd" in done.stderr


@pytest.fixture
def run_daemon(folder):
    """stayd --daemon; ended by the pid in its lock."""
    yield lambda conf: run_stayd("--daemon", "-c", conf)
    lock = f"{folder}/control.sock.lock"
    if os.path.exists(lock):
        with open(lock, encoding="utf-8") as file:
            pid = int(file.read() or 0)
        if pid and is_alive(pid):
            os.kill(pid, signal.SIGTERM)
        until(lambda: not Family().members(), "the daemon is gone")


@pytest.mark.short
def test_daemon_returns_when_players_can_connect(write_conf, run_daemon, pki, game, port):
    done = run_daemon(write_conf(pki.listener(port), **{"host-names": "off"}))
    assert done.returncode == 0, done.stderr
    player = TlsPlayer(port)
    assert game.accept().header.port == player.port


def test_a_daemon_started_without_standard_descriptors_serves_and_holds_its_lock(
        write_conf, run_daemon, pki, game, port):
    conf = write_conf(pki.listener(port), **{"host-names": "off"})
    status = subprocess.run(["/bin/sh", "-c", f"exec {STAYD} --daemon -c {conf} <&- >&- 2>&-"],
                            timeout=WAIT_S, check=False).returncode
    assert status == 0
    pair = Pair(player := TlsPlayer(port), game.accept_of(player))
    for role in ("worker", "guard"):
        Family().await_whole()
        Family().kill(role)
        pair.check()
    assert "already running" in run_stayd("-c", conf).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_started_by_root_it_becomes_the_user_and_works_as_before(
        start_stayd, game, pki, folder, port):
    os.chmod(folder, 0o755)
    os.chmod(game.place, 0o666)
    stayd = start_stayd({"tls": pki.listener(port)}, {"mush": {"connect": game.connect}},
                        {"user": "nobody", "host-names": "off"})
    pairs = []
    for roles in ((), ("worker",), ("guard",), ("guard", "spare")):
        if roles:
            stayd.family.kill(*roles)
        for pid in stayd.family.await_whole().values():
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                assert re.search(r"^Uid:(\t65534){4}$", file.read(), re.MULTILINE)
        player = TlsPlayer(port)
        pairs.append(Pair(player, game.accept_of(player)))
        for pair in pairs:
            pair.check()


def test_daemon_returns_with_the_complaint_when_it_cannot_start(write_conf, run_daemon, pki, port):
    conf = write_conf(pki.listener(port))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))
        sock.listen()
        done = run_daemon(conf)
        assert done.returncode == 1 and "already in use" in done.stderr
    done = run_daemon(write_conf(pki.listener(port), log="stderr"))
    assert done.returncode == 1 and "--daemon" in done.stderr
    done = run_daemon(write_conf(pki.listener(port), control="/proc/nowhere/control.sock"))
    assert done.returncode == 1 and "/proc/nowhere/control.sock" in done.stderr
    done = run_daemon(write_conf(pki.listener(port), user="no-such-user"))
    assert done.returncode == 1 and "no-such-user" in done.stderr


def names_of(player):
    """What the certificate that the player was shown stands for."""
    text = subprocess.run([program("openssl"), "x509", "-inform", "der", "-noout", "-text"],
                          input=player.tls.getpeercert(binary_form=True), capture_output=True,
                          timeout=WAIT_S, check=True).stdout.decode()
    return re.findall(r"DNS:(\S+)", text)


@pytest.mark.parametrize("kind", ("1.2", "1.3"))
def test_each_name_gets_its_certificate_and_no_name_or_a_strange_one_the_first(
        start_stayd, game, pki, port, kind):
    start_stayd({"tls": pki.listener(port, "mush", "other")}, {"mush": {"connect": game.connect}})
    for asked, shown in ((None, "mush"), ("mush.example", "mush"), ("other.example", "other"),
                         ("OTHER.example", "other"), ("strange.example", "mush")):
        assert names_of(TlsPlayer(port, version=kind, name=asked)) == [f"{shown}.example"]


@pytest.mark.parametrize("name", ("mush", "rsa"))
def test_the_whole_chain_is_sent(start_stayd, game, pki, port, name):
    """So that a player's program that knows only the root is content."""
    start_stayd({"tls": pki.listener(port, name)}, {"mush": {"connect": game.connect}})
    for kind in ("1.2", "1.3"):
        player = TlsPlayer(port, context=context_for(kind, trust=pki.path("root.pem")),
                           name=f"{name}.example")
        assert names_of(player) == [f"{name}.example"]


def test_without_a_certificate_one_is_made_named_and_kept(start_stayd, game, folder, port):
    listeners = {"tls": {"address": f"127.0.0.1:{port}"}}
    games = {"mush": {"connect": game.connect}}
    stayd = start_stayd(listeners, games)
    shown = TlsPlayer(port).tls.getpeercert(binary_form=True)
    made = os.path.join(folder, "stayd-selfsigned.pem")
    assert os.stat(made).st_mode & 0o077 == 0
    assert stayd.log.find(r"fingerprint is [0-9A-F]{2}:")
    stayd.order_end()
    stayd.await_end()
    start_stayd(listeners, games)
    assert TlsPlayer(port).tls.getpeercert(binary_form=True) == shown


def test_old_tls_and_suites_that_cannot_be_taken_over_are_not_offered(stage):
    for options in (["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
                    ["-tls1_2", "-cipher", "AES128-GCM-SHA256"]):
        done = subprocess.run(
            [program("openssl"), "s_client", "-connect", f"127.0.0.1:{stage.tls_port}",
             *options, "-cipher" if "-cipher" not in options else "-quiet",
             *([] if "-cipher" in options else ["ALL:@SECLEVEL=0"])],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_S, check=False)
        assert done.returncode != 0 and b"alert" in done.stderr, done.stderr
    stage.stayd.log.expect("handshake-failed", 4)
    stage.pair().check()


def test_tls_min_keeps_older_players_out(make_stage):
    stage = make_stage(tls={"tls-min": "1.3"})
    stage.pair("1.3").check()
    with pytest.raises(OSError, match="(?i)version|protocol"):
        stage.player("1.2")


def test_two_games_get_their_own_players(start_stayd, folder):
    games = {name: Game(f"{folder}/{name}.sock") for name in ("mush", "talker")}
    ports = {name: free_port() for name in games}
    start_stayd({f"plain-{name}": {"address": f"127.0.0.1:{port}", "tls": "no", "game": name}
                 for name, port in ports.items()},
                {name: {"connect": its.connect} for name, its in games.items()})
    for name, its in games.items():
        player = PlainPlayer(ports[name])
        assert its.accept().header.place == player.place
        its.close()
