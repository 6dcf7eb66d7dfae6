# SPDX-License-Identifier: Apache-2.0
"""
Random queries about given events (JSON lines as `trail search -o json` prints them): every field and
every operator in turn, most of them about an event that is there. The same seed gives the same.
"""
import collections
import random

import query_oracle
from query_oracle import FIELDS, NUMBERS, WORDS, time_ns, value_of

OPERATORS = ["is", "prefix", "range", "or", "not", "quotes", "since", "until", "absent"]

Query = collections.namedtuple("Query", "text since_ns until_ns fields operators")


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Maker:
    def __init__(self, events, seed):
        self.events = events
        self.rng = random.Random(seed)
        self.size = max(e["index"] for e in events) + 1
        self.used = set()

    def some(self):
        return self.rng.choice(self.events)

    def written(self, text, prefix=False):
        """The value with quotes where it needs them, and sometimes where it does not."""
        needs = not text and not prefix or set(text) & set(' "\\\t') or ".." in text or \
            text.endswith("*") or text.startswith(".") or text.endswith(".")
        if needs or self.rng.random() < 0.1:
            self.used.add("quotes")
            return quote(text)
        return text

    def case(self, text):
        return self.rng.choice([text, text.upper(), text.capitalize()])

    def between(self, low, high):
        """Sometimes open at one end."""
        self.used.add("range")
        ends = [self.written(low), self.written(high)]
        if self.rng.random() < 0.3:
            ends[self.rng.randrange(2)] = ""
        return "..".join(ends)

    def number(self, field, value):
        shape = self.rng.choice(["is", "range"]) if field == "class" else \
            self.rng.choice(["is", "range", "range", "range"])
        if shape == "is":
            self.used.add("is")
            return self.written(str(value))
        reach = 3 if field == "class" else self.size // self.rng.choice([3, 30, 300])
        return self.between(str(max(0, value - self.rng.randrange(reach + 1))),
                            str(value + self.rng.randrange(reach + 1)))

    def prefix(self, text):
        self.used.add("prefix")
        at = text.rfind("/") + 1 if self.rng.random() < 0.5 else 0
        cut = text[:at or self.rng.randrange(len(text)) + (self.rng.random() < 0.9)]
        return self.written(cut, prefix=True) + "*"

    def text(self, field, text):
        if not text:
            self.used.add("absent")
            self.used.add("is")
            return '""'
        if field == "id":
            text = self.case(text)
        shape = self.rng.choices(["is", "prefix", "range"], [5, 3, 2])[0]
        if shape == "prefix":
            return self.prefix(text)
        if shape == "range":
            other = value_of(self.some(), field).decode() or text
            if field == "id":
                text, other = text.lower(), other.lower()
            return self.between(*sorted([text, other], key=str.encode))
        self.used.add("is")
        return self.written(text)

    def value(self, field, event):
        value = value_of(event, field)
        if field in WORDS:
            self.used.add("is")
            return self.case(value)
        return self.number(field, value) if field in NUMBERS else self.text(field, value.decode())

    def field_terms(self, field, event):
        """Terms of one field that `event` meets: some alternatives, or none but what is not it."""
        terms = [f"{field}:{self.value(field, event)}"]
        while self.rng.random() < 0.25:
            self.used.add("or")
            terms.append(f"{field}:{self.value(field, self.some())}")
        return terms

    def exclusion(self, field, event):
        """A NOT that leaves `event` alone, if one is found."""
        for _ in range(8):
            before = set(self.used)
            term = f"-{field}:{self.value(field, self.some())}"
            if query_oracle.Oracle([event]).answer(term):
                self.used.add("not")
                return [term]
            self.used = before
        return []

    def bounds(self, event):
        at = time_ns(event["time"])
        since = until = 0
        if self.rng.random() < 0.15:
            self.used.add("since")
            since = at - self.rng.choice([0, 60, 3600, 40 * 86400]) * 10**9
        if self.rng.random() < 0.15:
            self.used.add("until")
            until = at + 1 + self.rng.choice([0, 60, 3600, 40 * 86400]) * 10**9
        return since, until

    def make(self, first):
        """One query, about field `first` and others."""
        self.used = set()
        event = self.some()
        others = self.rng.sample(FIELDS, self.rng.choice([0, 0, 1, 1, 2, 3]))
        fields = [first, *(f for f in others if f != first)]
        # Sometimes it is about two events, and most often about none, then.
        strange = self.rng.random() < 0.15
        terms = []
        for field in fields:
            about = self.some() if strange else event
            excluded = self.rng.random() < 0.25
            terms += self.exclusion(field, about) if excluded else self.field_terms(field, about)
        if not terms:
            terms = self.field_terms(first, event)
        self.rng.shuffle(terms)
        since, until = self.bounds(event)
        said = frozenset(t.lstrip("-").split(":", 1)[0] for t in terms)
        return Query(" ".join(terms), since, until, said, frozenset(self.used))


def make(events, count, seed):
    """`count` queries; the fields come in turn."""
    maker = Maker(events, seed)
    return [maker.make(FIELDS[n % len(FIELDS)]) for n in range(count)]
