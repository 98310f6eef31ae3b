# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""minimush is played: what people type there, over TLS, and what comes of it."""
import json
import re
import socket

import pytest

from support.mush import PASSWORD, Mush, ask, reboot
from support.town import BACK, answer
from support.waiting import WAIT_S

IAC, SB, SE = b"\xff", b"\xff\xfa", b"\xff\xf0"
WILL, WONT, DO, DONT = (IAC + bytes([verb]) for verb in (251, 252, 253, 254))
ECHO, TTYPE, NAWS, CHARSET, GMCP = (bytes([option]) for option in (1, 24, 31, 42, 201))


@pytest.mark.short
def test_a_newcomer_looks_around_walks_talks_and_is_seen(town):
    here = town()
    one, two = here.player("One"), here.player("Two", "plain")
    assert answer(one, b"think ready") == "Two has connected.\r\nready\r\n"
    look = answer(two, b"l")
    assert look.startswith("The Harbour\r\n") and "You see: notice board, brass bell\r\n" in look
    assert "One is here.\r\n" in look and look.endswith("Exits: north, up, pier\r\n")
    assert "NEWCOMERS" in answer(two, b"look board")
    assert "It stays where it is." in answer(two, b"get bell")
    assert answer(two, b'"hello').strip() == 'You say, "hello"'
    assert one.read_line() == b'Two says, "hello"'
    for line, seen in ((b":waves.", b"Two waves."), (b";'s hat falls.", b"Two's hat falls."),
                       (b"@emit Rain.", b"Rain."), (b"SAY Loud", b'Two says, "Loud"'),
                       (b"whisper one=psst", b'Two whispers, "psst"')):
        two.send(line + b"\r\n")
        assert one.read_line() == seen
    answer(two, b"think quiet")
    assert answer(two, b"n").startswith("Lamp Street")
    assert one.read_line() == b"Two goes north."
    assert "You take lantern." in answer(two, b"take lant")
    assert answer(two, b"i") == "You carry: lantern\r\n"
    answer(two, b"home")
    assert one.read_line() == b"Two arrives."
    assert "You give lantern to One." in answer(two, b"give one=lantern")
    assert one.read_line() == b"Two gives you lantern."
    assert "You drop lantern." in answer(one, b"drop lantern")
    assert "Which" not in answer(one, b"look lantern")
    assert "You do not see that here." in answer(one, b"look nothing")
    assert "What? Type help" in answer(one, b"frobnicate")


def test_pages_and_channels_reach_whom_they_are_meant_for(town):
    here = town()
    wizard, two, three = (here.player(name) for name in ("Wizard", "Two", "Three"))
    answer(wizard, b"up")
    two.read_until(b"Three has connected.\r\n")
    assert answer(two, b"page wizard three=hi") == "Wizard goes up.\r\n" \
        "You paged Wizard, Three with: hi\r\n"
    wizard.read_until(b"Two pages (to Wizard, Three): hi\r\n")
    three.read_until(b"Two pages (to Wizard, Three): hi\r\n")
    assert "Long distance to Three: Two nods" in answer(two, b"page Three=:nods")
    assert three.read_line() == b"From afar, Two nods"
    assert "You paged Three with: again" in answer(two, b"p again")
    assert three.read_line() == b"Three pages: again".replace(b"Three", b"Two")
    assert "Nobody is not connected." in answer(two, b"page Nobody=x")
    wizard.send(b"+pub hello\r\n")
    for player in (wizard, two, three):
        player.read_until(b'[Public] Wizard says, "hello"\r\n')
    assert "Channel Chat is there" in answer(wizard, b"@channel/add Chat")
    assert "You are not on Chat" in answer(two, b"=chat hi")
    answer(two, b"@channel/join chat")
    two.send(b"+chat :grins\r\n")
    two.read_until(b"[Chat] Two grins\r\n")
    assert "1 on Chat." in answer(two, b"@channel/who chat")
    assert re.search(r"Chat +not joined", answer(three, b"@channel/list"))
    answer(two, b"@channel/leave public")
    wizard.send(b"+public bye\r\n")
    three.read_until(b'Wizard says, "bye"\r\n')
    assert "bye" not in answer(two, b"think x")
    here.crash()
    assert "You are not on Public" in answer(two, b"+public x")


def test_players_build_and_others_cannot_change_it(town):
    here = town()
    here.player("Wizard")
    one, two = here.player("One"), here.player("Two")
    room = int(re.search(r"Room Attic is #(\d+)", answer(one, b"@dig Attic")).group(1))
    assert "This room is not yours" in answer(one, b"@open up2=#%d" % room)
    answer(one, b"@link me=#%d" % room)
    assert "Attic" in answer(one, b"home")
    dug = answer(one, b"@dig Roof=hatch;h,down;d")
    assert "Exit hatch" in dug and "Exit down" in dug
    answer(one, b"@describe here=Dust.\r\n@create old hat;hat\r\n@describe hat=Moths.")
    answer(one, b"drop hat\r\n@set hat=FIXED")
    look = answer(one, b"look")
    assert "Dust." in look and "You see: old hat" in look and "Exits: hatch" in look
    assert "There is no #%d" % room in answer(two, b"@link me=#%d" % room)
    answer(one, b"@set here=LINK_OK")
    assert "has its home in Attic" in answer(two, b"@link me=#%d" % room)
    answer(two, b"home")
    assert "is not yours to change" in answer(two, b"@name hat=mine")
    assert "is not yours to change" in answer(two, b"@destroy here=yes")
    assert "It stays where it is." in answer(two, b"get hat")
    assert "Owner: One" in answer(two, b"examine hat")
    assert "Only wizards" in answer(two, b"@set me=WIZARD")
    assert "That is too long" in answer(one, b"@describe hat=" + b"x" * 4001)
    assert "That is no name" in answer(one, b"@name hat=" + b"x" * 64)
    answer(one, b"h")
    assert "Somebody is in there" in answer(one, b"@destroy #%d=yes" % room)
    answer(one, b"@unlink d")
    assert "leads nowhere yet" in answer(one, b"d")
    here.crash()
    assert "Moths." in answer(two, b"look hat")


def test_who_builds_as_the_help_says_finds_the_way_back(town):
    here = town()
    here.player("Wizard")
    one = here.player("One")
    help_text = answer(one, b"help building")
    assert "@open out=#1" in help_text and "@link me= " in help_text
    room = int(re.search(r"Room My Room is #(\d+)", answer(one, b"@dig My Room")).group(1))
    answer(one, b"@link me=#%d" % room)
    assert "My Room" in answer(one, b"home")
    assert "Exit out" in answer(one, b"@open out=#1")
    assert "The Harbour" in answer(one, b"out")
    answer(one, b"home")
    assert "has its home in The Harbour" in answer(one, b"@link me=")
    assert "The Harbour" in answer(one, b"home")
    answer(one, b"@link me=#%d\r\nhome" % room)
    assert "@unlink EXIT" in answer(one, b"@link out=")


def test_what_is_left_out_is_asked_for_and_not_said(town):
    here = town()
    one, two = here.player("One"), here.player("Two")
    answer(one, b"think quiet")
    for line in (b"say", b'"', b"pose ", b":", b";", b"@emit", b"\\"):
        assert "what? " in answer(one, line), line
    answer(one, b"page two=hi")
    assert "Page Two what? page Two=TEXT" in answer(one, b"page Two")
    assert "You paged Two with: Two" in answer(one, b"page =Two")
    answer(two, b"think quiet")
    assert "and @cert/add" in answer(one, b"help certificates")
    assert 'No topic begins with "frob"' in answer(one, b"help frob")
    assert "quiet" == answer(two, b"think quiet").strip()


def test_unknown_words_at_the_connect_screen_are_called_so(town):
    stranger = town().player()
    stranger.read_until(b"WHO, QUIT\r\n")
    stranger.read_until(b"first character becomes the wizard.\r\n")
    stranger.send(b"hello\r\n")
    assert stranger.read_line() == b"That is not understood here. Come in first:"
    assert b"Welcome" not in stranger.read_until(b"WHO, QUIT\r\n")


def test_ordinary_players_have_a_quota_and_wizards_none(town):
    here = town()
    wizard, one = here.player("Wizard"), here.player("One")
    for player in (wizard, one):
        player.send(b"".join(b"@create x%d\r\n" % n for n in range(101)))
    assert "You own 100 objects, and that is the limit" in answer(one, b"think end")
    assert "limit" not in answer(wizard, b"think end")
    assert "is destroyed" in answer(one, b"@destroy x7")
    assert "You make" in answer(one, b"@create y")


def test_who_doing_uptime_and_help_say_what_there_is(town):
    here = town()
    one = here.player("One", "1.2")
    assert re.search(r"One +00:00 +\ds +TLSv1.2 +127.0.0.1", answer(one, b"WHO"))
    answer(one, b"@doing Reading the notice board")
    assert "Reading the notice board" in answer(one, b"DOING")
    assert "rooms" in answer(one, b"@stats") and "Up for" in answer(one, b"@uptime")
    assert "newcomers" in answer(one, b"help")
    assert "no @dump" in answer(one, b"help staying")
    assert "speak to everybody" in answer(one, b"help say")
    assert "Topics: @dig" in answer(one, b"help dig")
    assert "at most 40" in answer(one, b"@doing " + b"x" * 41)


def test_wizards_wall_boot_and_make_wizards(town):
    here = town()
    wizard, one, two = (here.player(name) for name in ("Wizard", "One", "Two"))
    assert "What?" in answer(one, b"@wall hello")
    wizard.send(b"@wall Supper!\r\n")
    for player in (wizard, one, two):
        player.read_until(b"Announcement by Wizard: Supper!\r\n")
    assert "WIZARD" in answer(wizard, b"@set *One=WIZARD")
    assert "Two is booted." in answer(one, b"@boot two=Enough.")
    text, end = two.read_to_end()
    assert text.endswith(b"You are booted by One: Enough.\r\n") and end == "close_notify"


def test_a_password_is_changed_and_the_old_one_is_worth_nothing(town):
    here = town()
    one = here.player("One")
    assert "not your old password" in answer(one, b"@password wrong=another-horse")
    assert "Your password is changed." in answer(
        one, f"@password {PASSWORD}=another-horse".encode())
    late = here.player()
    ask(late, f"connect One {PASSWORD}".encode(), b"There is no such character")
    ask(late, b"connect One another-horse", b"You are One")


def test_a_known_certificate_needs_no_password(town):
    here = town()
    one = here.player("One", certificate="player")
    assert "connect One is enough" in answer(one, b"@cert/add")
    assert "known already" in answer(one, b"@cert/add")
    assert re.search(r"1: [0-9a-f]{16}\.\.\. player.example, added .*, in use now",
                     answer(one, b"@cert/list"))
    again = here.player(certificate="player", kind="1.2")
    again.read_until(b"Your certificate is known: connect NAME is enough for One.\r\n")
    ask(again, b"connect one", b"You are One")
    here.crash()
    again.read_until(BACK)
    for other in (here.player(), here.player(certificate="other")):
        ask(other, b"connect one", b"Password: ")
    assert "has shown no certificate" in answer(here.player("Two"), b"@cert/add")
    assert "does not let you in any more" in answer(one, b"@cert/remove 1")
    ask(here.player(certificate="player"), b"connect one", b"Password: ")


def test_without_asking_for_certificates_nobody_shows_one(town):
    here = town(client_certificates="no")
    assert "has shown no certificate" in answer(here.player("One", certificate="player"),
                                                b"@cert/add")


def speak_telnet(player):
    """What a MUD program says, at the connect screen: its type and its window."""
    assert player.read_exactly(3) == DO + TTYPE
    player.read_until(b"WHO, QUIT\r\n")
    return answer_telnet(player)


def answer_telnet(player):
    player.send(WILL + TTYPE)
    player.read_until(SB + TTYPE + b"\x01" + SE)
    player.send(SB + TTYPE + b"\x00Tester" + SE)
    player.read_until(DO + NAWS)
    player.send(WILL + NAWS + SB + NAWS + b"\x00\x50\x00\xff\xff" + SE)
    return player


def log_in(player, name):
    ask(player, f"create {name} {PASSWORD}".encode(), b"Exits: north, up, pier\r\n")


def test_a_mud_program_is_understood_and_a_password_is_not_echoed(town):
    here = town(telnet_first="yes")
    player = speak_telnet(here.player())
    log_in(player, "One")
    assert "Program: Tester. Characters: utf-8. Window: 80 columns, 255 lines. GMCP: no." in \
        answer(player, b"@terminal")
    late = speak_telnet(here.player())
    ask(late, b"connect One", WILL + ECHO)
    late.send(DO + ECHO)
    late.read_until(b"Password: ")
    late.send(PASSWORD.encode() + b"\r\n")
    assert late.read_until(b"You are One").startswith(b"\r\n" + WONT + ECHO)
    late.send(DONT + ECHO)
    here.crash()
    for client in (player, late):
        client.read_until(BACK)
        client.read_until(DO + TTYPE)  # afresh
    answer_telnet(player)
    assert "Program: Tester" in answer(player, b"@terminal")
    reboot(player)
    assert "Program: Tester" in answer(player, b"@terminal")


def test_gmcp_says_where_one_is(town):
    here = town(telnet_first="yes")
    player = speak_telnet(here.player())
    player.send(DO + GMCP)
    player.send(SB + GMCP + b'Core.Hello {"client":"Tester","version":"1"}' + SE +
                SB + GMCP + b'Core.Supports.Set ["Char 1","Room 1"]' + SE +
                SB + GMCP + b"Core.Ping" + SE)
    player.read_until(SB + GMCP + b"Core.Ping" + SE)
    player.send(f"create One {PASSWORD}\r\n".encode())
    player.read_until(SB + GMCP + b"Room.Info ")
    info = json.loads(player.read_until(SE)[:-2])
    assert info == {"num": 1, "name": "The Harbour", "exits": {"north": 2, "up": 4, "pier": 7}}
    player.send(b"north\r\n")
    player.read_until(SB + GMCP + b"Room.Info ")
    assert json.loads(player.read_until(SE)[:-2])["name"] == "Lamp Street"


def test_latin_1_is_agreed_on_and_what_it_lacks_becomes_a_mark(town):
    here = town(telnet_first="yes")
    other = speak_telnet(here.player())
    log_in(other, "Other")
    player = speak_telnet(here.player())
    player.send(DO + CHARSET)
    player.read_until(SB + CHARSET + b"\x01;UTF-8;ISO-8859-1" + SE)
    player.send(SB + CHARSET + b"\x02ISO-8859-1" + SE)
    log_in(player, "Latin")
    other.read_until(b"Latin has connected.\r\n")
    player.send("say Grüße, ÿ\r\n".encode("latin-1").replace(b"\xff", b"\xff\xff"))
    player.read_until('You say, "Grüße, ÿ"\r\n'.encode("latin-1").replace(b"\xff", b"\xff\xff"))
    other.read_until('Latin says, "Grüße, ÿ"\r\n'.encode())
    other.send("say 5 €, Größe\r\n".encode())
    player.read_until('Other says, "5 ?, Größe"\r\n'.encode("latin-1"))
    here.crash()
    other.send("say ü\r\n".encode())
    player.read_until('Other says, "ü"\r\n'.encode("latin-1"))


def test_a_raw_terminal_sees_no_telnet_beyond_the_first_three_bytes(town):
    here = town(telnet_first="yes")
    player = here.player(kind="plain")
    assert player.read_exactly(3) == DO + TTYPE
    player.read_until(b"WHO, QUIT\r\n")
    text = ask(player, f"create One {PASSWORD}".encode(), b"Exits: north, up, pier\r\n")
    text += ask(player, b"north\r\nlook", b"Lamp Street")
    assert IAC not in text
    late = here.player(kind="plain")
    late.read_until(b"WHO, QUIT\r\n")
    assert ask(late, b"connect One", b"Password: ") == b"Password: "
    ask(late, PASSWORD.encode(), b"You are One")


def test_lines_beyond_the_rate_wait_and_are_not_lost(town):
    here = town(lines_at_once=5, lines_a_second=50)
    one = here.player("One")
    two = here.player("Two")
    one.send(b"".join(b"think %d\r\n" % n for n in range(40)))
    text = one.read_until(b"\n39\r\n")
    assert [int(n) for n in re.findall(rb"^(\d+)\r$", text, re.MULTILINE)] == list(range(40))
    one.send(b"".join(b"think %d\r\n" % n for n in range(40)))
    assert "now" in answer(two, b"think now")
    here.crash()  # what had to wait was not acknowledged
    text = one.read_until(b"\n39\r\n").replace(BACK, b"")
    assert [int(n) for n in re.findall(rb"^(\d+)\r$", text, re.MULTILINE)] == list(range(40))


def test_a_wrong_password_makes_one_wait_and_does_not_say_what_was_wrong(town):
    here = town()
    here.player("One")
    late = here.player()
    late.read_until(b"WHO, QUIT\r\n")
    ask(late, b"connect One", b"Password: ")
    ask(late, b"", b"No password")
    for name in (b"One", b"Nobody"):
        ask(late, b"connect " + name + b" wrong-horse",
            b"There is no such character, or it has another password.\r\n")
    ask(late, f"connect One {PASSWORD}".encode(), b"You are One")


def test_a_port_in_use_names_the_file_that_is_to_be_changed(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        mush = Mush(folder, {"plain-address": "127.0.0.1:%d" % taken.getsockname()[1]})
        assert mush.process.wait(WAIT_S) == 1
        said = mush.words.text()
    assert "Address already in use" in said
    assert f" {folder}/data/run/stayd.conf is made from {mush.conf}: change that one\n" in said
