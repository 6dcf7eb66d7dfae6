# SPDX-License-Identifier: Apache-2.0
"""
The grammar of queries a second time, from its description alone (QUERIES in trail(1)): which of a file's
events answer a query, worked out from JSON lines as `trail search -o json` prints them. Shares
nothing with the project; standard library only.

Events are not judged one by one: every term is a stretch of the values of its field in their order,
and all events are compared with its ends at once. What they answer is a number, a byte per event.
"""
import bisect
import collections
import datetime
import itertools
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


GREATER = [bytes(byte > limit for byte in range(256)) for limit in range(256)]
EQUAL = [bytes(byte == limit for byte in range(256)) for limit in range(256)]
AT_LEAST = [bytes(byte >= limit for byte in range(256)) for limit in range(256)]


def marks(plane, table):
    return int.from_bytes(plane.translate(table), "big")


class Column:
    """One field: which place in the order of all its values each event's value has."""

    def __init__(self, values):
        self.values = sorted(set(values))
        rank = {value: n for n, value in enumerate(self.values)}
        ranks = [rank[value] for value in values]
        # Three digits to the base of 256, each a byte for every event.
        self.planes = [bytes(r >> shift & 255 for r in ranks) for shift in (16, 8, 0)]

    def from_rank(self, rank):
        """The events whose value has this rank or a higher one."""
        high, middle, low = self.planes
        out = marks(low, AT_LEAST[rank & 255])
        for plane, digit in ((middle, rank >> 8 & 255), (high, rank >> 16)):
            out = marks(plane, GREATER[digit]) | marks(plane, EQUAL[digit]) & out
        return out

    def between(self, first, last):
        """The events with a rank from `first` on and below `last`."""
        return self.from_rank(first) & ~self.from_rank(last) if first < last else 0

    def _prefix_end(self, first, prefix):
        """Behind the last value that begins so, of those that begin at rank `first`."""
        low, high = first, len(self.values)
        while low < high:
            middle = (low + high) // 2
            if self.values[middle].startswith(prefix):
                low = middle + 1
            else:
                high = middle
        return low

    def fitting(self, term):
        """The events that one term fits, whether or not it is negated."""
        some = bisect.bisect_right(self.values, b"") if term.field in TEXTS else 0
        first = 0 if term.low is None else bisect.bisect_left(self.values, term.low)
        if term.shape == "is":
            return self.between(first, bisect.bisect_right(self.values, term.low))
        if term.shape == "begins":
            return self.between(max(first, some), self._prefix_end(max(first, some), term.low))
        last = len(self.values) if term.high is None else bisect.bisect_right(self.values, term.high)
        return self.between(max(first, some), last)


class Oracle:
    """Events, as dictionaries made of JSON lines, in the order of the log."""

    def __init__(self, events):
        events = list(events)
        self.indices = [event["index"] for event in events]
        self.columns = {field: Column([value_of(event, field) for event in events])
                        for field in FIELDS}
        self.times = Column([time_ns(event["time"]) for event in events])

    def answer(self, text, since_ns=0, until_ns=0):
        """Indices in the log of the events that answer, in its order."""
        return self.answer_terms(parse(text), since_ns, until_ns)

    def answer_terms(self, terms, since_ns=0, until_ns=0):
        left = int.from_bytes(b"\x01" * len(self.indices), "big")
        wanted = {}
        for term in terms:
            fitting = self.columns[term.field].fitting(term)
            if term.negated:
                left &= ~fitting
            else:
                wanted[term.field] = wanted.get(term.field, 0) | fitting
        for fitting in wanted.values():
            left &= fitting
        if since_ns:
            left &= self.times.from_rank(bisect.bisect_left(self.times.values, since_ns))
        if until_ns:
            left &= ~self.times.from_rank(bisect.bisect_left(self.times.values, until_ns))
        return list(itertools.compress(self.indices, left.to_bytes(len(self.indices), "big")))
