# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What a case has stored, held against its rules."""


def name_stores(machine):
    """(index among the events, event, names) of each store and call. A store's names: what it touches, "": others."""
    counts = {}
    named = []
    for index, event in enumerate(machine.events):
        if event.kind == "call":
            named.append((index, event, {event.what + "()"}))
        if event.kind != "store":
            continue
        names = set()
        for byte in range(event.at, event.at + event.size):
            found = [name for name, at, size in machine.watches if at <= byte < at + size]
            is_inside = any(at <= byte < at + size for at, size in machine.wholes)
            names.update(found[-1:] or ([""] if is_inside else []))
        for name in sorted(names):
            counts[name] = counts.get(name, 0) + 1
        named.append((index, event, names | {f"{name}#{counts[name]}" for name in names}))
    return named


def is_published(machine, first, then):
    """Does who sees the second of these events see the first one?"""
    return machine.events[then].is_release or any(event.kind == "barrier" for event in machine.events[first + 1:then])


def judge_order(machine, named, rule):
    firsts = [(index, event) for index, event, names in named if rule.first in names]
    thens = [(index, event) for index, event, names in named if rule.then in names]
    for name, found in ((rule.first, firsts), (rule.then, thens)):
        if not found:
            return f"there is no {name}"
    last, late = firsts[-1]
    if last >= thens[0][0]:
        if last == thens[0][0]:
            return f"{rule.first} and {rule.then} are one store"
        return f"{rule.first} at {machine.image.name_place(late.where)} comes after {rule.then}"
    if rule.kind == "published":
        for index, event in thens:
            if not is_published(machine, last, index):
                return f"no barrier between {rule.first} and {rule.then} at {machine.image.name_place(event.where)}"
    return None


def judge_stored(machine, named, rule):
    at, size = [watch[1:] for watch in machine.watches if watch[0] == rule.first][-1]
    stores = [event for _, event, names in named if rule.first in names]
    if len(stores) != rule.times:
        return f"{rule.first} is stored {len(stores)} times, not {rule.times}"
    for event in stores:
        if (event.at, event.size) != (at, size):
            where = machine.image.name_place(event.where)
            return f"{rule.first} is not stored by an instruction of its own, at {where}"
    return None


def judge(machine):
    """(how many rules were looked at, [(rule, what is wrong)])."""
    named = name_stores(machine)
    wrong = [(None, f"{machine.image.name_place(event.where)} stores what no rule knows of, at {event.at:#x}")
             for _, event, names in named if "" in names]
    for rule in machine.rules:
        said = judge_stored(machine, named, rule) if rule.kind == "stored" else judge_order(machine, named, rule)
        if said:
            wrong.append((rule, f"{rule.why}: {said}"))
    return len(machine.rules) + 1, wrong
