# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""stayd as a unit of a real systemd: no restart and no death of all its processes costs a player."""
import os

import pytest

from conftest import Stage
from support.daemon import free_port
from support.systemd import UNIT, Systemd, Unit, may_boot
from support.waiting import until
from test_upgrade import Crowd

pytestmark = pytest.mark.skipif(not may_boot(), reason="needs root, systemd, and control groups of version 2")


@pytest.fixture
def systemd(folder):
    os.chmod(folder, 0o755)
    booted = Systemd(folder)
    yield booted
    booted.end()


@pytest.fixture
def stage(systemd, game, pki):
    tls_port, plain_port = free_port(), free_port()
    listeners = {"tls": pki.listener(tls_port),
                 "plain": {"address": f"127.0.0.1:{plain_port}", "tls": "no"}}
    os.chmod(game.connect.removeprefix("unix:"), 0o777)
    unit = Unit(systemd, listeners, {"mush": {"connect": game.connect}}, {"host-names": "off"})
    return Stage(unit.start(), game, tls_port, plain_port)


def test_players_talk_on_over_restarts(systemd, stage):
    crowd = Crowd(stage, 20)
    for n in range(5):
        guard = stage.stayd.family.pid("guard")
        stage.stayd.restart()
        assert stage.stayd.family.await_whole()["guard"] != guard
        crowd.await_progress()
        assert systemd.show("ActiveState") == "active"
    crowd.finish()
