# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Configuration and certificates are reloaded, and no player notices."""
import os
import shutil
import signal

from support.waiting import until


def certificate_of(player):
    return player.tls.getpeercert(binary_form=True)


def install(pki, name, folder):
    """Put a certificate with its key where the listener expects them, as certbot does: at once."""
    for end in ("chain", "key"):
        fresh = os.path.join(folder, f"fresh.{end}")
        shutil.copy(pki.path(f"{name}.{end}"), fresh)
        os.rename(fresh, os.path.join(folder, f"mine.{end}"))


def mine(folder):
    return {"certificate": f"{folder}/mine.chain", "key": f"{folder}/mine.key"}


def hang_up(stayd, pattern=r" ready players=", n=1):
    """SIGHUP to the guard, and wait for n more lines like this."""
    before = len(stayd.log.find(pattern))
    os.kill(stayd.guard_pid(), signal.SIGHUP)
    stayd.log.expect(pattern, before + n)


def test_sighup_takes_a_new_certificate(make_stage, pki, folder):
    install(pki, "mush", folder)
    stage = make_stage(tls=mine(folder))
    pairs = [stage.pair(kind) for kind in ("1.2", "1.3", "plain")]
    old = certificate_of(pairs[0].player)
    install(pki, "other", folder)
    hang_up(stage.stayd)
    for pair in pairs:
        pair.check()
    pair = stage.pair()
    pair.check()
    assert certificate_of(pair.player) != old
