# SPDX-License-Identifier: Apache-2.0
"""
The grammar of queries a second time, from its description alone (QUERIES in trail(1)): which of a file's
events answer a query, worked out from JSON lines as `trail search -o json` prints them. Shares
nothing with the project; standard library only.

An event is looked up by its values, not judged one by one: for each field the events of each value,
and the values in the order of their bytes. An answer is a number with one byte per event.
"""
import bisect
import collections
import datetime
import re

WORDS = {"action": ["create", "read", "modify", "delete", "execute"],
         "outcome": ["success", "denied", "failure", "unknown"],
         "medium": ["digital", "paper", "oral"]}
NUMBERS = ["index", "class"]
TEXTS = ["actor", "object", "subject", "source", "peer", "unit", "type", "verb", "purpose",
         "correlation", "id", "host"]
FIELDS = TEXTS + list(WORDS) + NUMBERS

Term = collections.namedtuple("Term", "negated field shape low high")  # shape: is begins between


class NoQuery(ValueError):
    """The text is no query; args[0]: the byte where the term stands."""


# ---- reading -------------------------------------------------------------------------------------

TERM = re.compile(r'(-?)([a-z]+):((?:"(?:[^"\\]|\\["\\])*"|[^\s"])+)(?=\s|$)', re.ASCII)
PIECE = re.compile(r'"((?:[^"\\]|\\["\\])*)"|([^"]+)')


def pieces(value):
    """[(text, bare)]: quoted and bare parts, one after the other."""
    return [(re.sub(r'\\(.)', r"\1", m[1]), False) if m[1] is not None else (m[2], True)
            for m in PIECE.finditer(value)]


def split_value(value, at):
    """(shape, low, high) of what stands behind the colon."""
    parts = pieces(value)
    bare = [n for n, (text, is_bare) in enumerate(parts) if is_bare and ".." in text]
    if bare:
        n = bare[0]
        before, after = parts[n][0].split("..", 1)
        lows = [*parts[:n], (before, True)] if before else parts[:n]
        highs = [(after, True), *parts[n + 1:]] if after else parts[n + 1:]
        if len(lows) > 1 or len(highs) > 1 or not lows + highs:
            raise NoQuery(at)
        if any(is_bare and (text.startswith(".") or ".." in text or text.endswith("*"))
               for text, is_bare in lows + highs):
            raise NoQuery(at)
        return ("between", *(ends[0][0] if ends else None for ends in (lows, highs)))
    if parts[-1] == ("*", True) and len(parts) == 2 and not parts[0][1]:
        return "begins", parts[0][0], None
    if len(parts) != 1:
        raise NoQuery(at)
    text, is_bare = parts[0]
    if is_bare and text.endswith("*"):
        return "begins", text[:-1], None
    return "is", text, None


def number(text, at):
    if text is None:
        return None
    if not re.fullmatch("[0-9]+", text) or int(text) >= 1 << 64:
        raise NoQuery(at)
    return int(text)


def understand(negated, field, value, at):
    if field not in FIELDS:
        raise NoQuery(at)
    shape, low, high = split_value(value, at)
    if field in WORDS:
        if shape != "is" or low.lower() not in WORDS[field]:
            raise NoQuery(at)
        low = low.lower()
    elif field in NUMBERS:
        low, high = number(low, at), number(high, at)
        if shape == "begins":
            raise NoQuery(at)
    else:
        if field == "id":
            low, high = (end and end.lower() for end in (low, high))
        low, high = (end if end is None else end.encode() for end in (low, high))
    if shape == "between" and None not in (low, high) and low > high:
        raise NoQuery(at)
    return Term(negated, field, shape, low, high)


def parse(text):
    """The terms of a query."""
    terms, at = [], 0
    while True:
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n"))
        if at == len(text):
            return terms
        found = TERM.match(text, at)
        if not found:
            raise NoQuery(len(text[:at].encode()))
        terms.append(understand(found[1] == "-", found[2], found[3], at))
        at = found.end()


# ---- matching ------------------------------------------------------------------------------------

def time_ns(text):
    """RFC 3339 with up to nine digits behind the second, in UTC."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0") or 0)


def value_of(event, field):
    """What an event has there: bytes, a word or a number; b"": nothing."""
    if field in WORDS:
        return event.get(field, {"outcome": "success", "medium": "digital"}.get(field, "")).lower()
    if field in NUMBERS:
        return event[field]
    where = {"actor": ("actor", "id"), "object": ("object", "id"), "unit": ("actor", "unit"),
             "type": ("object", "type"), "host": ("origin", "host")}.get(field)
    text = event.get(where[0], {}).get(where[1]) if where else event.get(field)
    return (text or "").encode()


class Column:
    """One field: its values in order, and where each stands."""

    def __init__(self, events, field):
        self.places = collections.defaultdict(list)
        for place, event in enumerate(events):
            self.places[value_of(event, field)].append(place)
        self.values = sorted(self.places)

    def _between(self, low, high):
        first = 0 if low is None else bisect.bisect_left(self.values, low)
        last = len(self.values) if high is None else bisect.bisect_right(self.values, high)
        return self.values[first:last]

    def fitting(self, term):
        """The values that fit, whether or not the term is negated."""
        if term.shape == "is":
            return [term.low] if term.low in self.places else []
        if term.shape == "between":
            return [v for v in self._between(term.low, term.high) if v != b""]
        first = bisect.bisect_left(self.values, term.low)
        out = []
        for value in self.values[first:]:
            if not value.startswith(term.low):
                break
            out.append(value)
        return [v for v in out if v != b""]


class Oracle:
    """Events, as dictionaries made of JSON lines, in the order of the log."""

    def __init__(self, events):
        self.events = list(events)
        self.times = [time_ns(e["time"]) for e in self.events]
        self.columns = {field: Column(self.events, field) for field in FIELDS}

    def _places(self, term):
        marks = bytearray(len(self.events))
        column = self.columns[term.field]
        for value in column.fitting(term):
            for place in column.places[value]:
                marks[place] = 1
        return int.from_bytes(marks, "big")

    def answer(self, text, since_ns=0, until_ns=0):
        """Indices in the log of the events that answer, in its order."""
        return self.answer_terms(parse(text), since_ns, until_ns)

    def answer_terms(self, terms, since_ns=0, until_ns=0):
        all_of_them = int.from_bytes(b"\x01" * len(self.events), "big")
        wanted, left = {}, all_of_them
        for term in terms:
            if term.negated:
                left &= all_of_them ^ self._places(term)
            else:
                wanted[term.field] = wanted.get(term.field, 0) | self._places(term)
        for places in wanted.values():
            left &= places
        marks = left.to_bytes(len(self.events), "big")
        found = [place for place in range(len(marks)) if marks[place]] if left else []
        return [self.events[place]["index"] for place in found
                if (not since_ns or self.times[place] >= since_ns) and
                (not until_ns or self.times[place] < until_ns)]
