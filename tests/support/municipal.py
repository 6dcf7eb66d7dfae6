#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Access events as the systems of a municipality emit them, one JSON object a line; the same seed gives
the same bytes. Standard library only.

    municipal.py EVENTS [--seed N] [--start DATE] > events.jsonl

40 systems; 6,000 employees in 120 units; 150,000 objects about 90,000 persons. A few employees and a
few objects make most of the events (Zipf). Most acts are reads; nine of ten fall into office hours;
one in fifty is denied; a few come from paper or the telephone, and some belong to one request.

The insider: employee anv05999 of the unit it-drift reads the journal of person p-000042 eleven
times, at night, without a purpose. Nobody else reads a journal without one, and it-drift has no
other employee.
"""
import argparse
import datetime
import itertools
import json
import random
import sys
import uuid

AREAS = ["care", "school", "permits", "salary", "archive", "rescue", "culture", "traffic"]
ROLES = ["register", "journal", "files", "portal", "mail"]
SYSTEMS = [f"{area}-{role}" for area in AREAS for role in ROLES]
EMPLOYEES, UNITS, OBJECTS, PERSONS = 6000, 120, 150_000, 90_000
# (type, share in a hundred)
TYPES = [("journal", 46), ("case", 18), ("document", 14), ("grade", 6), ("salary", 4), ("invoice", 6),
         ("permit", 4), ("mailbox", 2)]
ACTS = [("READ", "open", 74), ("MODIFY", "save", 13), ("CREATE", "register", 7),
        ("DELETE", "remove", 1), ("EXECUTE", "print", 2), ("EXECUTE", "export", 1),
        ("EXECUTE", "search", 2)]
TYPE_OF = [name for name, share in TYPES for _ in range(share)]
INSIDER, INSIDER_OBJECT, INSIDER_PERSON, INSIDER_READS = 5999, 41, 42, 11
OFFICE = range(6, 17)


def zipf(count, exponent):
    """Cumulated weights of numbers 0 .. count - 1."""
    return list(itertools.accumulate(1 / (n + 1) ** exponent for n in range(count)))


def times(rng, start, count):
    """An event every fifth of a second in office hours, and every other second at night."""
    at = start
    for _ in range(count):
        slower = 1 if at.hour in OFFICE else 9
        at += datetime.timedelta(microseconds=rng.randrange(1000, 400_000) * slower)
        yield at


def person_of(number):
    return INSIDER_PERSON if number == INSIDER_OBJECT else number * 7919 % PERSONS


def act_of(rng):
    action, verb, _ = rng.choices(ACTS, [share for _, _, share in ACTS])[0]
    return action, verb, "DENIED" if rng.random() < 0.02 else "SUCCESS"


def event(rng, at, who, what, act):
    action, verb, outcome = act
    system, kind = SYSTEMS[what % len(SYSTEMS)], TYPE_OF[what % len(TYPE_OF)]
    unit = "it-drift" if who == INSIDER else f"enhet-{who % UNITS:03}"
    out = {"id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
           "time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "action": action, "verb": verb,
           "outcome": outcome, "actor": {"id": f"anv{who:05}", "type": "USER", "unit": unit},
           "object": {"id": f"/{system}/{kind}/{what:06}", "type": kind},
           "subject": f"p-{person_of(what):06}",
           "origin": {"host": f"pc-{who % 4000:04}",
                      "address": f"10.{who % 32}.{what % 200}.{who % 250}"},
           "source": system}
    if kind == "journal" and who != INSIDER:
        out["purpose"] = f"arende:2026-{what:05}"
    if action == "MODIFY":
        out["changes"] = [{"field": "status", "old": "open",
                           "new": rng.choice(["closed", "pending"])}]
    if rng.random() < 0.03:
        out["medium"] = rng.choice(["PAPER", "ORAL"])
    if rng.random() < 0.2:
        out["correlation"] = f'request "{rng.randrange(500)}" \\ {rng.choice("abc")}*..'
    return out


def events(count, seed=1, start="2026-01-05"):
    """`count` events as dictionaries, in the order of their times."""
    rng = random.Random(seed)
    first = datetime.datetime.fromisoformat(start).replace(tzinfo=datetime.timezone.utc)
    when = list(times(rng, first, count))
    nights = [n for n, at in enumerate(when) if at.hour not in OFFICE] or list(range(count))
    insider = set(rng.sample(nights, min(INSIDER_READS, len(nights))))
    employees = rng.choices(range(EMPLOYEES), cum_weights=zipf(EMPLOYEES, 0.9), k=count)
    objects = rng.choices(range(OBJECTS), cum_weights=zipf(OBJECTS, 0.8), k=count)
    for n, (at, who, what) in enumerate(zip(when, employees, objects, strict=True)):
        act = act_of(rng)
        if n in insider:
            who, what, act = INSIDER, INSIDER_OBJECT, ("READ", "open", "SUCCESS")
        yield event(rng, at, who % INSIDER if n not in insider else who, what, act)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("events", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", default="2026-01-05")
    wish = parser.parse_args()
    for one in events(wish.events, wish.seed, wish.start):
        sys.stdout.write(json.dumps(one, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
