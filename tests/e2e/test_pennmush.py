# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""PennMUSH, unchanged (support/penn.py stands in for it): stayd beside it, and in its ssl_slave's place."""
import array
import os
import re
import signal
import socket
import ssl
import threading

import pytest

from support import processes
from support.control import Control
from support.daemon import BUILD, STAYD, Family, Log, conf_text, free_port
from support.penn import Penn
from support.players import PlainPlayer, TlsPlayer, context_for
from support.stream import Ended
from support.waiting import WAIT_S, until

SLAVE = os.path.join(BUILD, "src", "dropin", "stayd-ssl-slave")
AWAY = b"The game has stopped. You stay connected until it is back.\r\n"
HERE = re.compile(rb"here (\S) (\S+) (.+) (\d+)\r\n")
NAWS = b"\xff\xfb\x1f\xff\xfa\x1f\x00\x78\x00\x32\xff\xf0"
CROWD = 200


def address_of(n):
    return f"127.7.{n // 200}.{1 + n % 200}"


class Player:
    """Who sends the size of the window right away, and knows what the game must say of it.
    flag: None takes the first it hears."""

    def __init__(self, number, port, kind, flag):
        self.where = (address_of(number), "localhost")
        self.flag = flag
        self.stream = PlainPlayer(port, source=address_of(number)) if kind == "plain" else \
            TlsPlayer(port, version=kind, source=address_of(number))
        self.stream.send(NAWS)

    def _check(self, flag, address, host, pid):
        self.flag = self.flag or flag.decode()
        assert (flag.decode(), address.decode(), host.decode()) == (self.flag, *self.where)
        return int(pid)

    def await_here(self):
        """Let in; the process that did."""
        return self._check(*HERE.search(self.stream.read_until(HERE)).groups())

    def look(self, size=b"120x50"):
        self.stream.send(b"look\r\n")
        text = self.stream.read_until(re.compile(rb"look (\S+) (\S) (\S+) (.+) (\d+)\r\n"))
        found = re.search(rb"look (\S+) (\S) (\S+) (.+) (\d+)\r\n", text).groups()
        assert found[0] == size
        return self._check(*found[1:])

    def await_away(self):
        self.stream.read_until(AWAY)


def make_crowd(game, ports, flag, n=CROWD, is_looking=True):
    """All at once: the game is stopped until each has done its handshake."""
    os.kill(game.process.pid, signal.SIGSTOP)
    crowd = [None] * n

    def come(first):
        for i in range(first, n, 8):
            port, kind = ports[i % len(ports)]
            crowd[i] = Player(i, port, kind, flag)
    threads = [threading.Thread(target=come, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.kill(game.process.pid, signal.SIGCONT)
    if is_looking:
        look_at(crowd, game)
    return crowd


def look_at(crowd, game):
    for player in crowd:
        assert player.await_here() == game.process.pid
        assert player.look() == game.process.pid


def reboot(crowd):
    crowd[0].stream.send(b"@shutdown/reboot\r\n")
    for player in crowd:
        player.stream.read_until(b"Reboot, please wait.\r\nReboot finished.\r\n")
        player.look()


def shut_down(game, crowd):
    """The game ends at once, and its players are held."""
    crowd[0].stream.send(b"@shutdown\r\n")
    assert game.process.wait(WAIT_S) == 0
    for player in crowd:
        player.stream.read_until(b"Going down - Bye\r\n")
        player.await_away()


# stayd beside an unchanged PennMUSH.

@pytest.fixture
def beside(make_stage, folder):
    """(game, stage)"""
    games = []

    def make(**options):
        games.append(Penn(os.path.join(folder, "game")).start())
        until(lambda: os.path.exists(games[-1].connect.removeprefix("unix:")), "the game listens")
        return games[-1], make_stage(
            {"host-names": "on"}, its_game=games[-1],
            game_options={"header": "pennmush", "shutdown-wait": "20s", **options})
    yield make
    for game in games:
        game.close()


def test_beside_pennmush_a_crowd_gets_in_at_once_and_stays_over_all_that_happens(beside):
    game, stage = beside()
    crowd = make_crowd(game, [(stage.tls_port, "1.3"), (stage.plain_port, "plain"),
                              (stage.tls_port, "1.2")], "L")
    stage.stayd.family.kill("worker")
    reboot(crowd)
    game.kill()
    for player in crowd:
        player.await_away()
    game.start()
    for player in crowd:
        assert player.await_here() == game.process.pid
    shut_down(game, crowd)
    game.start()
    for player in crowd:
        player.await_here()
        player.look(b"?")


def test_beside_pennmush_a_player_who_quits_is_gone_and_nobody_else(beside):
    game, stage = beside(**{"shutdown-wait": "200ms"})
    crowd = make_crowd(game, [(stage.tls_port, "1.3"), (stage.plain_port, "plain")], "L", 4)
    crowd[1].stream.send(b"quit\r\n")
    assert crowd[1].stream.read_to_end()[0] == b"bye\r\n"
    for player in (crowd[0], crowd[2], crowd[3]):
        player.look()


def fill_backlog(game):
    """Whoever connects now is turned away with EAGAIN. Returns the sockets that do it."""
    os.kill(game.process.pid, signal.SIGSTOP)
    filling = []
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            sock.connect(game.connect.removeprefix("unix:"))
            filling.append(sock)
        except BlockingIOError:
            sock.close()
            return filling


def empty_backlog(game, filling):
    for sock in filling:
        sock.close()
    os.kill(game.process.pid, signal.SIGCONT)


def test_beside_pennmush_a_full_backlog_only_delays(beside):
    game, stage = beside()
    filling = fill_backlog(game)
    players = [Player(n, stage.plain_port, "plain", "L") for n in range(3)]
    stage.stayd.log.expect("game-wait .*does not take connections")
    empty_backlog(game, filling)
    for player in players:
        player.await_here()
        player.look()


# stayd in the place of its ssl_slave.

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


# The connector, by itself (doc/PROTOCOL.control).

class Connector(Control):
    def __init__(self, stayd, path, game="mush"):
        super().__init__(f"{stayd.folder}/control.sock")
        self.path = path
        self.answer = self.ask(f"connector {game}")

    def read_ask(self):
        word, number, header = self.read_line().decode().split(" ")
        assert word == "connect"
        return number, bytes.fromhex(header)

    def pass_on(self, line, *socks):
        fds = array.array("i", [sock.fileno() for sock in socks])
        self.sock.sendmsg([line.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        for sock in socks:
            sock.close()

    def serve(self):
        number, header = self.read_ask()
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        sock.sendall(header)
        self.pass_on(f"{number} ok\n", sock)


@pytest.fixture
def connected(make_stage, game):
    """A stage whose game has links = connector."""
    return make_stage(game_options={"header": "pennmush", "links": "connector"})


def check_joined(stage, player):
    link = stage.game.accept_raw()
    assert link.read_until(b"\r\n") == b"127.0.0.1^127.0.0.1\r\n"
    player.send(b"hello\r\n")
    assert link.read_line() == b"hello"
    link.send(b"hello yourself\r\n")
    assert player.read_line() == b"hello yourself"


@pytest.mark.short
def test_links_are_made_by_the_newest_connector_one_at_a_time(connected):
    path = connected.game.connect.removeprefix("unix:")
    old = Connector(connected.stayd, path)
    assert old.answer.word == "ok"
    new = Connector(connected.stayd, path)
    assert old.read_to_end()[1] == "eof"
    first = connected.player()
    number, _ = new.read_ask()
    second = connected.player("plain")
    assert not new.receive(0.2)
    new.send(f"{number} error ECONNREFUSED\n".encode())
    for player in (first, second):
        new.serve()
        check_joined(connected, player)


@pytest.mark.short
def test_what_a_connector_passes_must_be_a_connection_to_the_game(connected):
    path = connected.game.connect.removeprefix("unix:")
    player = connected.player()

    def a_file(_number):
        return open(__file__, "rb"),

    def another_socket(_number):
        pair = socket.socketpair()
        return pair[0],

    def two(_number):
        return socket.socketpair()

    def nothing(_number):
        return ()
    for make in (a_file, another_socket, two, nothing):
        connector = Connector(connected.stayd, path)
        number, _ = connector.read_ask()
        connector.pass_on(f"{number} ok\n", *make(number))
        assert connector.read_to_end()[1] in ("eof", "reset"), make
    for line in ("0 ok\n", "9999 error EAGAIN\n", "what\n", "x" * 100):
        connector = Connector(connected.stayd, path)
        connector.read_ask()
        connector.send(line.encode())
        assert connector.read_to_end()[1] in ("eof", "reset"), line
    connector = Connector(connected.stayd, path)
    connector.serve()
    check_joined(connected, player)


def test_who_leaves_before_the_answer_comes_leaves_the_game_too(connected):
    connector = Connector(connected.stayd, connected.game.connect.removeprefix("unix:"))
    player = connected.player("plain")
    number, header = connector.read_ask()
    player.close()
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(connector.path)
    sock.sendall(header)
    connector.pass_on(f"{number} ok\n", sock)
    assert connected.game.accept_raw().read_to_end()[0] == header
    other = connected.player()
    connector.serve()
    check_joined(connected, other)


def test_a_game_without_links_by_connector_takes_none(stage):
    connector = Connector(stage.stayd, "")
    assert connector.answer.word == "bad-request"
    assert "links = connector" in connector.answer.why


def test_a_configuration_that_the_admin_has_made_his_own_is_left_alone(dropin):
    stage = dropin(own={"max-players": "7"}).await_ready()
    stage.enter()
    stage.log.expect("max_players=7")
    assert "max-players = 7" in Log(stage.conf).text()
