# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""One strike: a deed, in the course of which one call is the last one of its process, or fails; and the verdict."""
import re
import signal
from dataclasses import dataclass

from support.stream import Ended

from deeds import DEEDS, come
from errors import HINDRANCE, LIARS, MISTAKE, PROCESS_CALLS, STREAM_CALLS, class_of
from tracer import Call

TRIAL_S = 60
CRASH = re.compile(r'(?:worker|entry)-died .*how="(?!signal 9 |killed, it seems)')
ALL_STEPS = 1 << 20


@dataclass(frozen=True)
class Strike:
    deed: str
    call: Call
    how: str      # before, after, fail, step
    more: object = None  # the error's name; the number of the change of the vault

    @property
    def kind(self):
        return class_of(self.call, self.more) if self.how == "fail" else self.how

    def command(self):
        import errno
        if self.how == "fail":
            is_over = (self.call.name in STREAM_CALLS and self.kind != HINDRANCE or
                       self.call.name in PROCESS_CALLS and self.more == "ESRCH")
            word = "lie" if self.call.name in LIARS else "cut" if is_over else "fail"
            return word, getattr(errno, self.more)
        return (self.how, self.more) if self.how == "step" else (self.how,)

    def __str__(self):
        return f"{self.deed}: {self.how} {f'{self.more} ' if self.more else ''}{self.call}"

    def is_of_an_entry(self):
        return self.call.role == "entry" or self.call.role.endswith("+!")

    def may_end_start(self):
        """May a start end itself or be dead, so that systemd makes another one, and says so to who waits?"""
        return self.how != "fail" or self.kind == MISTAKE or self.call.role.startswith("stayd")

    def may_lose(self):
        """(players, newcomers) that may be lost, at most."""
        is_kill = self.how != "fail"
        if is_kill:
            is_all = self.deed in ("unit: all die", "unit: restart")  # who is in a queue is not in the store
            return 0, 2 if self.is_of_an_entry() or is_all else 0
        if self.kind == HINDRANCE:
            return 0, 0
        return 1, 2 if self.is_of_an_entry() else 1


class Fault(Exception):
    pass


def give_up(_number, _frame):
    raise Fault(f"not done within {TRIAL_S} s")


def look_at_log(strike, news):
    words = "quarantine|poison"
    if strike.how != "fail":
        words += "|panic|system"
    elif strike.kind == HINDRANCE:
        words += "|panic"
    broken = re.search(rf"^\S+ \w+ (?:{words}) .*", news, re.MULTILINE)
    if broken:
        raise Fault(f"the log: {broken.group()}")


def run(house, strike):
    """(what became of it, whether the house is as before). Raises Fault."""
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TRIAL_S)
    players, newcomers = strike.may_lose()
    house.n_may_fail = newcomers
    house.must_start = not strike.may_end_start()
    house.news()
    house.tracer.strike(strike.call, *strike.command())
    try:
        DEEDS[strike.deed](house)
        result = house.tracer.result()
        house.await_whole()
        house.talk()
        come(house, "plain")
        if len(house.lost) > players:
            raise Fault("; ".join(f"{player.kind} is lost: {player.error!r}" for player in house.lost))
        news = house.news()
        look_at_log(strike, news)
    except (AssertionError, Ended, OSError) as error:
        raise Fault(f"{type(error).__name__}: {error}") from error
    finally:
        signal.alarm(0)
    for player in house.lost:
        player.close()
        house.players[house.players.index(player)] = house.enter(player.kind)
    house.lost.clear()
    has_crashed = CRASH.search(news)
    if has_crashed and strike.how != "fail":
        raise Fault(f"a crash: {has_crashed.group()}")
    return result, not has_crashed
