# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""minimush was killed; who has not come back yet is there for those who have."""
import re

import pytest

from support.mush import reboot
from support.town import BACK, Held, answer

HARD_BYTES = 256 << 10  # LINK_HARD_BYTES
HELD = r"Ghost +\S+ +\S+ +held"


@pytest.fixture
def ghost(folder):
    """ghost(), ghost(name): the test holds this one, not stayd."""
    made = []

    def begin(name="Ghost"):
        made.append(Held(folder, name))
        return made[-1]
    yield begin
    for held in made:
        held.close()


def lose_ghost(here, ghost):
    """The game has died; the wizard is back, the ghost is not."""
    wizard = here.player("Wizard")
    held = ghost()
    wizard.read_until(b"Ghost has connected.\r\n")
    here.crash()
    wizard.read_until(BACK)
    return wizard, held


def test_the_first_one_back_is_heard_by_all_the_others(town):
    here = town(**{"stayd.game.reconnect-rate": 2})  # a second: each comes long after the other
    wizard, one, two, three = (here.player(name, "plain")
                               for name in ("Wizard", "One", "Two", "Three"))
    answer(two, b"north")
    three.read_until(b"Two goes north.\r\n")
    here.mush.kill()
    wizard.send(b"say hello\r\n@wall Supper!\r\n+public hi\r\npage One Two=psst\r\n"
                b"WHO\r\nthink ~\r\n")
    here.crash()
    assert b"4 players are connected.\r\n" in wizard.read_until(b"~\r\n")
    said, walled = 'Wizard says, "hello"', "Announcement by Wizard: Supper!"
    on_channel, paged = '[Public] Wizard says, "hi"', "Wizard pages (to One, Two): psst"
    for player, wanted in ((one, (said, walled, on_channel, paged)),
                           (two, (walled, on_channel, paged)),
                           (three, (said, walled, on_channel))):
        player.read_until(BACK)
        assert tuple(answer(player, b"think").splitlines()) == wanted + ("",)
    assert "disconnected" not in answer(wizard, b"think")


@pytest.mark.short
def test_who_has_not_come_back_is_seen_and_hears_everything_once(town, ghost):
    here = town()
    wizard, held = lose_ghost(here, ghost)
    assert re.search(HELD, answer(wizard, b"WHO"))
    assert "Ghost is here.\r\n" in answer(wizard, b"look")
    assert "2 on Public." in answer(wizard, b"@channel/who public")
    assert "You paged Ghost with: one" in answer(wizard, b"page ghost=one")
    assert 'You whisper, "two" to Ghost.' in answer(wizard, b"whisper ghost=two")
    here.crash()
    wizard.read_until(BACK)
    answer(wizard, b"say three")
    reboot(wizard)
    assert re.search(HELD, answer(wizard, b"WHO"))
    answer(wizard, b":is at four.")
    held.come_back()
    assert held.answer(b"think in") == (
        "GAME: The game is back.\r\nWizard pages: one\r\nWizard whispers, \"two\"\r\n"
        "Wizard says, \"three\"\r\nGAME: Wizard reboots the game. You stay connected.\r\n"
        "GAME: The reboot is over.\r\nWizard is at four.\r\nin\r\n")
    assert answer(wizard, b"think quiet") == "quiet\r\n"
    assert "plain" in answer(wizard, b"WHO")
    here.crash()
    held.come_back()
    assert held.answer(b"think in") == "GAME: The game is back.\r\nin\r\n"


def test_who_is_booted_meanwhile_gets_its_last_words_and_is_gone(town, ghost):
    here = town()
    wizard, held = lose_ghost(here, ghost)
    assert answer(wizard, b"@boot ghost=Enough.\r\nWHO").endswith("1 player is connected.\r\n")
    here.crash()  # and not forgotten
    held.come_back()
    held.send(b"say never said\r\n")
    assert held.stream.read_to_end() == (BACK + b"You are booted by Wizard: Enough.\r\n", "eof")
    assert "says" not in answer(wizard, b"think")


def test_who_does_not_come_back_is_seen_to_go_and_may_come_late(town, ghost):
    here = town(come_back=4)
    wizard = here.player("Wizard")
    held, booted = ghost(), ghost("Booted")
    wizard.read_until(b"Booted has connected.\r\n")
    here.crash()
    wizard.send(b"@boot booted=Enough.\r\n")
    wizard.read_until(b"Ghost has disconnected.\r\n")
    assert "1 player is connected." in answer(wizard, b"WHO")
    here.crash()
    assert "1 player is connected." in answer(wizard, b"WHO")
    held.come_back()
    assert wizard.read_line() == b"Ghost has connected."
    assert "The Harbour" in held.answer(b"look")
    booted.come_back()
    assert booted.stream.read_to_end()[0].endswith(b"You are booted by Wizard: Enough.\r\n")
    assert answer(wizard, b"think quiet") == "quiet\r\n"


def test_who_left_before_is_not_awaited(town):
    here = town()
    wizard, one = here.player("Wizard"), here.player("One")
    one.close()
    wizard.read_until(b"One has disconnected.\r\n")
    here.crash()
    wizard.read_until(BACK)
    assert "1 player is connected." in answer(wizard, b"WHO")


def test_who_is_away_for_too_many_words_is_told_how_many_were_lost(town, ghost):
    here = town()
    wizard, held = lose_ghost(here, ghost)
    for first in range(0, 400, 20):
        answer(wizard, b"".join(b"say %d %s\r\n" % (n, b"x" * 1000)
                                for n in range(first, first + 20)))
    held.come_back()
    text = held.read_until(re.compile(rb" lines were dropped.\r\n"))
    heard = [int(n) for n in re.findall(rb'Wizard says, "(\d+) x+"\r\n', text)]
    n_dropped = int(re.search(rb"(\d+) lines were dropped", text).group(1))
    assert heard == list(range(400 - n_dropped))
    assert HARD_BYTES < len(text) < HARD_BYTES + 2000
