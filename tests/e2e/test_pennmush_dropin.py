# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""stayd in the place of an unchanged PennMUSH's ssl_slave (support/penn.py stands in for the game)."""
import os
import signal
import socket
import ssl

import pytest

from support import processes
from support.control import Control
from support.daemon import BUILD, STAYD, Family, Log, conf_text, free_port
from support.penn import Penn
from support.penn_crowd import (HERE, Player, empty_backlog, fill_backlog, look_at, make_crowd, reboot,
                                shut_down)
from support.players import TlsPlayer, context_for
from support.stream import Ended
from support.waiting import until

SLAVE = os.path.join(BUILD, "src", "dropin", "stayd-ssl-slave")


class Dropin:
    """The game with the drop-in. own: options of [stayd] in a configuration of the admin's."""

    def __init__(self, folder, own=None, **options):
        self.port = free_port()
        self.run = os.path.join(folder, "data", "stayd.run")
        self.game = Penn(folder, SLAVE, STAYD, ssl_port=self.port, **options)
        self.words = Log(self.game.log_path)
        self.log = Log(os.path.join(self.run, "stayd.log"))
        self.conf = os.path.join(self.run, "stayd.conf")
        self.control = os.path.join(self.run, "control.sock")
        self.family = Family()
        if own:
            self._write(own)
        self.game.start()

    def _write(self, own):
        os.mkdir(self.run, 0o700)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(conf_text(
                {"control": self.control, "log": self.log.path, **own},
                {"tls": {"address": f"0.0.0.0:{self.port}"}},
                {"pennmush": {"connect": self.game.connect, "header": "pennmush",
                              "links": "connector"}}))

    def await_ready(self, n=1):
        self.log.expect(" connector game=pennmush is=\"here\"", n)
        return self

    def slave(self):
        """The living one; another is made when the last is dead."""
        found = [pid for pid, name in processes.descendants().items() if name == "ssl_slave"]
        return max(found, default=None)

    def kill_slave(self):
        """The game makes another one, which is at work when this returns."""
        pid = self.slave()
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.slave() not in (None, pid), "the game makes another one")

        def is_at_work():
            try:
                return self.ask_game()["connector"] == "yes"
            except (Ended, OSError):
                return False  # stayd itself is started anew
        until(is_at_work, "it is at work")

    def ask_game(self):
        """What stayd says of the game."""
        return Control(self.control).ask("status").items[1]

    def enter(self, number=0, kind="1.3"):
        player = Player(number, self.port, kind, "S")
        player.await_here()
        player.look()
        return player

    def close(self):
        self.game.close()
        until(lambda: not self.slave(), "the drop-in ends with its game")
        processes.end_all([pid for pids in self.family.members().values() for pid in pids])
        self.log.check()


@pytest.fixture
def dropin(folder):
    made = []

    def make(**options):
        made.append(Dropin(os.path.join(folder, "game"), **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


def test_in_the_slaves_place_a_crowd_on_tls_is_ssl_whatever_dies(dropin):
    stage = dropin().await_ready()
    game, log = stage.game, stage.log
    crowd = make_crowd(game, [(stage.port, "1.3"), (stage.port, "1.2")], "S")
    stage.kill_slave()
    stage.family.kill("worker")
    until(lambda: len(log.find("is=\"here\"")) >= 3, "the drop-in is at the next worker")
    for player in crowd:
        player.look()
    reboot(crowd)
    slave = stage.slave()
    game.kill()
    until(lambda: not processes.is_alive(slave), "the drop-in ends with its game")
    stage.family.await_whole()
    for player in crowd:
        player.await_away()
    game.start()
    for player in crowd:
        assert player.await_here() == game.process.pid
    for player in crowd:
        player.look(b"?")
    assert not stage.words.find("Disabling")


def test_in_the_slaves_place_nobody_hangs_whoever_is_killed_while_a_crowd_comes(dropin):
    stage = dropin().await_ready()
    crowd = make_crowd(stage.game, [(stage.port, "1.3"), (stage.port, "1.2")], "S",
                       is_looking=False)
    for _ in range(4):
        stage.family.kill("worker")
        stage.kill_slave()
    # Whom a slave had connected and the game not looked at when it died, is local to the game.
    for player in crowd:
        player.flag = None
    look_at(crowd, stage.game)
    assert sum(player.flag == "L" for player in crowd) <= 4 * 4


def test_in_the_slaves_place_a_full_backlog_only_delays(dropin):
    stage = dropin().await_ready()
    filling = fill_backlog(stage.game)
    players = [Player(n, stage.port, "1.2", "S") for n in range(3)]
    stage.log.expect("game-wait .*does not take connections")
    empty_backlog(stage.game, filling)
    for player in players:
        player.await_here()
        player.look()


@pytest.mark.short
def test_what_the_game_sets_is_what_stayd_has(dropin, pki, folder):
    os.makedirs(os.path.join(folder, "game"))
    both = os.path.join(folder, "game", "both.pem")
    with open(both, "wb") as file:
        for name in ("mush.chain", "mush.key"):
            file.write(open(pki.path(name), "rb").read())
    stage = dropin(ssl_private_key_file="both.pem", ssl_ip_addr="127.0.0.1", keepalive_timeout=77)
    stage.await_ready()
    assert os.stat(stage.run).st_mode & 0o777 == 0o700
    text = open(stage.conf, encoding="utf-8").read()
    assert f"address = 127.0.0.1:{stage.port}\n" in text and "keepalive = 77s\n" in text
    assert f"certificate = {both}\nkey = {both}\n" in text
    player = TlsPlayer(stage.port, context=context_for(trust=pki.path("root.pem")))
    assert HERE.search(player.read_until(HERE)).groups()[0] == b"S"
    game = stage.ask_game()
    assert (game["connector"], game["pid"]) == ("yes", str(stage.game.process.pid))


def test_stayd_has_nothing_of_the_game(dropin):
    stage = dropin().await_ready()
    guard = stage.family.pid("guard")
    assert os.getsid(guard) not in (os.getsid(0), os.getsid(stage.slave()))
    assert processes.look_into(os.readlink, guard, "cwd") == "/"
    for number in os.listdir(f"/proc/{guard}/fd"):
        file = os.readlink(f"/proc/{guard}/fd/{number}")
        assert not file.startswith(stage.game.folder) or file.startswith(stage.run)
    assert os.readlink(f"/proc/{guard}/fd/0") == "/dev/null"


def test_who_must_show_a_certificate_and_has_none_is_refused(dropin, pki):
    stage = dropin(ssl_require_client_cert=1, ssl_ca_file=pki.path("root.pem")).await_ready()
    certificate = context_for(client_certificate=pki.player_certificate())
    assert HERE.search(TlsPlayer(stage.port, context=certificate).read_until(HERE))[1] == b"S"
    for kind in ("1.2", "1.3"):
        with pytest.raises(Exception, match="(?i)alert|eof|reset|certificate"):
            TlsPlayer(stage.port, version=kind).read_until(HERE)


def test_at_a_shutdown_the_game_ends_and_its_players_wait_for_the_next_start(dropin):
    """However long it takes to save its database, with its players and its slave gone."""
    stage = dropin(save_s=1.5).await_ready()
    player = stage.enter()
    slave = stage.slave()
    shut_down(stage.game, [player])
    assert not processes.is_alive(slave)
    newcomer = Player(1, stage.port, "1.2", "S")
    newcomer.stream.read_until(b"You are connected and will be let in when it does.\r\n")
    stage.game.start()
    for one in (player, newcomer):
        one.await_here()
        one.look(b"120x50" if one is newcomer else b"?")


def test_without_a_slave_players_stay_and_newcomers_wait_until_the_reboot(dropin):
    stage = dropin().await_ready()
    player = stage.enter()
    for _ in range(4):
        stage.kill_slave()
    os.kill(stage.slave(), signal.SIGKILL)
    stage.words.expect("Disabling ssl_slave")
    player.look()
    newcomer = Player(0, stage.port, "1.3", "S")
    stage.log.expect("game-wait")
    reboot([player])
    newcomer.await_here()
    newcomer.look()


def test_settings_of_another_pennmush_are_refused_with_words(dropin):
    stage = dropin(settings_bytes=1360)
    stage.words.expect("Disabling ssl_slave")
    assert stage.words.find(r"1360 bytes of settings came .* instead of 1364; .*use its own ssl_slave")
    assert not stage.family.members()


@pytest.mark.parametrize("options,words", (
    ({"ssl_require_client_cert": 1}, "nobody could get in; .*ssl_ca_file"),
    ({"keepalive_timeout": -3}, "make no sense"),
    ({"ssl_certificate_file": "a,b.pem"}, "cannot hold this name; rename"),
))
def test_settings_that_cannot_be_used_are_refused_with_words(dropin, options, words):
    dropin(**options).words.expect(words)


def test_a_certificate_that_cannot_be_used_is_said_once_and_tried_again(dropin, pki, folder):
    os.makedirs(os.path.join(folder, "game"))
    file = os.path.join(folder, "game", "cert.pem")
    open(file, "wb").write(b"to be renewed\n")
    stage = dropin(ssl_certificate_file="cert.pem")
    stage.words.expect(r"ssl_slave \(stayd\): .*cert.pem")
    with open(file, "wb") as both:
        for name in ("mush.chain", "mush.key"):
            both.write(open(pki.path(name), "rb").read())
    stage.await_ready()
    assert len(stage.words.find("Spawning ssl_slave")) == 1


def test_new_settings_hold_at_once_and_players_stay(dropin):
    stage = dropin().await_ready()
    player = TlsPlayer(stage.port)
    player.read_until(HERE)
    first = stage.port
    stage.port = stage.game.options["ssl_port"] = free_port()
    stage.game.restart()
    stage.log.expect(" reload ")
    player.read_until(HERE)
    assert HERE.search(TlsPlayer(stage.port).read_until(HERE))[1] == b"S"
    with pytest.raises(ConnectionRefusedError):
        TlsPlayer(first)
    assert f":{stage.port}\n" in Log(stage.conf).text()
    assert os.listdir(stage.run).count("stayd.conf.former") == 0


def test_new_settings_that_stayd_refuses_are_said_and_the_former_ones_stay(dropin):
    with socket.create_server(("127.0.0.1", 0)) as other:
        stage = dropin().await_ready()
        player = TlsPlayer(stage.port)
        player.read_until(HERE)
        former = Log(stage.conf).text()
        stage.game.options.update(ssl_port=other.getsockname()[1], ssl_ip_addr="127.0.0.1")
        stage.game.restart()
        stage.words.expect("goes on with the settings it had, because: ")
        player.read_until(HERE)
        assert HERE.search(TlsPlayer(stage.port).read_until(HERE))[1] == b"S"
        assert Log(stage.conf).text() == former


def test_what_an_admin_has_changed_in_his_own_file_holds_with_the_next_slave(dropin):
    stage = dropin(own={"max-players": "7"}).await_ready()
    player = stage.enter()
    text = Log(stage.conf).text()
    with open(stage.conf, "w", encoding="utf-8") as file:
        file.write(text.replace("max-players = 7", "max-players = 7\nhandshake-timeout = 7s"))
    stage.kill_slave()
    stage.words.expect("stayd has read its configuration anew")
    player.look()
    assert "handshake-timeout = 7s" in Log(stage.conf).text()


def test_a_renewed_certificate_is_taken_by_itself_and_no_slave_says_otherwise(dropin, pki, folder):
    os.makedirs(os.path.join(folder, "game"))

    def renew(name):
        with open(os.path.join(folder, "game", "fresh.pem"), "wb") as both:
            for kind in ("chain", "key"):
                both.write(open(pki.path(f"{name}.{kind}"), "rb").read())
        os.rename(os.path.join(folder, "game", "fresh.pem"), os.path.join(folder, "game", "both.pem"))

    def shown():
        player = TlsPlayer(stage.port)
        player.read_until(HERE)
        player.close()
        return ssl.DER_cert_to_PEM_cert(player.tls.getpeercert(True))
    renew("mush")
    stage = dropin(ssl_certificate_file="both.pem").await_ready()
    player = stage.enter()
    assert shown() in Log(pki.path("mush.pem")).text()
    renew("rsa")
    until(lambda: shown() in Log(pki.path("rsa.pem")).text(), "the renewed one is shown")
    stage.kill_slave()
    player.look()
    assert shown() in Log(pki.path("rsa.pem")).text()
    assert not stage.words.find("former|kill [0-9]")


def test_a_stayd_that_is_gone_altogether_is_started_anew(dropin):
    stage = dropin().await_ready()
    stage.enter()
    stage.family.kill_all()
    stage.await_ready(2)
    stage.enter()
    assert len(stage.words.find("Spawning ssl_slave")) == 1


def test_a_configuration_that_the_admin_has_made_his_own_is_left_alone(dropin):
    stage = dropin(own={"max-players": "7"}).await_ready()
    stage.enter()
    stage.log.expect("max_players=7")
    assert "max-players = 7" in Log(stage.conf).text()
