# SPDX-License-Identifier: Apache-2.0
"""
A daemon that lies: a proxy between clients and a real traild, which changes one thing of what goes
through, and the lies that it can tell. A lie is a function of what is told and of one answer's
body, which it changes; or of a request, which then asks traild something else.
"""
import base64
import collections
import errno
import select
import socket
import struct
import threading

import wire
from wire import Client, pb


def flip(data, at=None, bit=1):
    """The bytes with one bit changed, of the byte `at` or of the one in the middle."""
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]


# ---- the proxy ----------------------------------------------------------------------------------

class Frames:
    """Cuts a stream into the bodies of its frames."""

    def __init__(self):
        self.data = b""

    def take(self, more):
        self.data += more
        while len(self.data) >= 4:
            length, = struct.unpack(">I", self.data[:4])
            if len(self.data) < 4 + length:
                return
            body, self.data = self.data[4:4 + length], self.data[4 + length:]
            yield body


class Proxy:
    """
    on_request(request) and on_answer(request, answer) may change what they get. `told` counts the
    messages that left otherwise than they came.
    """

    def __init__(self, path, upstream, on_request=None, on_answer=None):
        self.address, self.upstream = str(path), upstream
        self.lie(on_request, on_answer)
        self.sockets, self.threads, self.lock = set(), [], threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.address)
        self.listener.listen()
        self._start(self._accept)

    def lie(self, on_request=None, on_answer=None):
        """From now on this lie, and no other; forget what was heard."""
        self.on_request, self.on_answer = on_request, on_answer
        self.told, self.fault, self.heard = 0, None, []

    def answers(self, kind):
        """The answers of a kind, as traild gave them."""
        return [a for a in self.heard if a.WhichOneof("body") == kind]

    def close(self):
        # Under the lock, since a thread that ends takes it before it closes its sockets.
        with self.lock:
            for sock in self.sockets | {self.listener}:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError as error:
                    # Whoever was at the other end is gone already: nothing is left to wake.
                    if error.errno != errno.ENOTCONN:
                        raise
            self.sockets = None
        for thread in self.threads:
            thread.join(60)
        self.listener.close()
        if self.fault:
            raise self.fault

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self, run, *args):
        thread = threading.Thread(target=run, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self._start(self._carry, client)

    def _carry(self, client):
        with client, socket.socket(socket.AF_UNIX) as daemon:
            try:
                daemon.connect(self.upstream)
                with self.lock:
                    if self.sockets is None:
                        return
                    self.sockets |= {client, daemon}
                self._pass_on(client, daemon)
            except OSError:
                pass  # one of them went away: so does the other
            except Exception as fault:  # pylint: disable=broad-except
                self.fault = fault  # told by close()
            finally:
                with self.lock:
                    if self.sockets is not None:
                        self.sockets -= {client, daemon}

    def _pass_on(self, client, daemon):
        asked, frames = {}, {client: Frames(), daemon: Frames()}
        while True:
            for sock in select.select([client, daemon], [], [])[0]:
                data = sock.recv(1 << 18)
                if not data:
                    return
                for body in frames[sock].take(data):
                    if sock is client:
                        daemon.sendall(wire.frame(self._request(body, asked)))
                    else:
                        client.sendall(wire.frame(self._answer(body, asked)))

    def _request(self, body, asked):
        request = pb.Request.FromString(body)
        asked[request.id] = pb.Request.FromString(body)
        if self.on_request:
            self.on_request(request)
        return self._leave(request, body)

    def _answer(self, body, asked):
        answer = pb.Response.FromString(body)
        self.heard.append(pb.Response.FromString(body))
        request = asked.get(answer.id, pb.Request())
        if self.on_answer:
            self.on_answer(request, answer)
        return self._leave(answer, body)

    def _leave(self, message, body):
        if message == type(message).FromString(body):
            return body
        self.told += 1
        return message.SerializeToString()


# ---- what lies are made of ----------------------------------------------------------------------

class Facts:
    """What a liar knows: the log that he speaks for, and two others."""

    def __init__(self, address, older, other, twin):
        self.client = Client(address)
        self.older = older  # a checkpoint of this log, from before
        self.other = other  # HelloAnswer of a log of another name
        self.twin = twin    # and of one of the same name, with another key

    def evidence(self, index, size):
        """Record `index` with all that belongs to it, proven in the tree of this size."""
        item = self.client.want("rows", get=pb.Get(index=index)).rows[0]
        del item.path[:]
        item.path.extend(self.client.prove(index=index, size=size).path)
        return item


Told = collections.namedtuple("Told", "facts request number")  # number: of this kind, from 0


def teller(lie, kind, facts):
    """on_answer of a Proxy: this lie, in each answer of this kind."""
    count = 0

    def on_answer(request, answer):
        nonlocal count
        if answer.WhichOneof("body") == kind:
            lie(Told(facts, request, count), getattr(answer, kind))
            count += 1
    return on_answer


def asker(lie, kind):
    """on_request of a Proxy: each request of this kind asks something else."""
    def on_request(request):
        if request.WhichOneof("body") == kind:
            lie(getattr(request, kind))
    return on_request


def changes(field, change):
    """Lie: a field of the answer, changed."""
    def lie(_, answer):
        setattr(answer, field, change(getattr(answer, field)))
    return lie


def flips_in(field, at=0):
    """Lie: a bit of one of the answer's repeated bytes."""
    def lie(_, answer):
        if len(getattr(answer, field)) > at:
            getattr(answer, field)[at] = flip(getattr(answer, field)[at])
    return lie


def drops_from(field):
    def lie(_, answer):
        if getattr(answer, field):
            getattr(answer, field).pop()
    return lie


def adds_to(field, value=b"\x5a" * 32):
    def lie(_, answer):
        getattr(answer, field).append(value)
    return lie


def empties(field):
    def lie(_, answer):
        answer.ClearField(field)
    return lie


def up(number):
    return number + 1


def down(number):
    return number - 1


def replace(messages, new):
    """Put other messages into a repeated field."""
    kept = [type(m).FromString(m.SerializeToString()) for m in new]
    del messages[:]
    messages.extend(kept)


# ---- checkpoints, wherever they stand -----------------------------------------------------------

def signature_flipped(note):
    head, line = note.decode().rsplit(" ", 1)
    return f"{head} {base64.b64encode(flip(base64.b64decode(line))).decode()}\n".encode()


def line_changed(note, number, change):
    lines = note.decode().split("\n")
    lines[number] = change(lines[number])
    return "\n".join(lines).encode()


def root_flipped(line):
    return base64.b64encode(flip(base64.b64decode(line))).decode()


def size_up(line):
    return str(int(line) + 1)


def says_note(make):
    def lie(told, answer):
        answer.checkpoint = make(told, answer.checkpoint)
    return lie


# Each of them is found by the signature, by the name, or by what was seen before.
NOTES = {
    "signature": says_note(lambda _, note: signature_flipped(note)),
    "root": says_note(lambda _, note: line_changed(note, 2, root_flipped)),
    "size": says_note(lambda _, note: line_changed(note, 1, size_up)),
    "origin": says_note(lambda _, note: line_changed(note, 0, lambda line: line + "x")),
    "of-another-log": says_note(lambda told, _: told.facts.other.checkpoint),
    "of-another-key": says_note(lambda told, _: told.facts.twin.checkpoint),
    "unsigned": says_note(lambda _, note: note.split(b"\n\n")[0] + b"\n\n"),
    "cut": says_note(lambda _, note: note[:len(note) // 2]),
    "absent": says_note(lambda _, note: b""),
}
OLDER = says_note(lambda told, _: told.facts.older)


def notes(**more):
    return {f"checkpoint-{name}": lie for name, lie in {**NOTES, **more}.items()}


# ---- Hello --------------------------------------------------------------------------------------

def identity_line(number, change):
    def lie(_, hello):
        lines = hello.identity.split("\n")
        lines[number] = change(lines[number])
        hello.identity = "\n".join(lines)
    return lie


def key_flipped(line):
    origin, _, key = line.split("+", 2)
    raw = flip(base64.b64decode(key))
    # The id fits the key: nothing about this line is wrong but that it is another's.
    keyid = wire.hashlib.sha256(origin.encode() + b"\n" + raw).hexdigest()[:8]
    return f"{origin}+{keyid}+{base64.b64encode(raw).decode()}"


def becomes(who):
    """All that it says is what the daemon of another log says."""
    def lie(told, hello):
        hello.CopyFrom(getattr(told.facts, who))
    return lie


IDENTITIES = {
    "identity-genesis": identity_line(2, root_flipped),
    "identity-key": identity_line(1, key_flipped),
    "identity-version": identity_line(0, lambda line: line + "2"),
    "identity-garbage": changes("identity", lambda _: "trust me\n"),
    "identity-absent": empties("identity"),
}
HELLO = {
    **IDENTITIES,
    "another-log": becomes("other"),
    "another-key": becomes("twin"),
    **notes(older=OLDER),
    "consistency-bit": flips_in("consistency"),
    "consistency-short": drops_from("consistency"),
    "consistency-long": adds_to("consistency"),
    "consistency-absent": empties("consistency"),
}

# ---- Prove: of genesis at a first contact, of consistency behind a receipt ----------------------

PROOF = {
    "path-bit": flips_in("path"),
    "path-short": drops_from("path"),
    "path-long": adds_to("path"),
    "path-absent": empties("path"),
}

# ---- Append -------------------------------------------------------------------------------------


def of_run(lie):
    """A lie about the first run of Appended."""
    def tell(told, answer):
        lie(told, answer.runs[0])
    return tell


def run_doubled(_, answer):
    answer.runs.add().CopyFrom(answer.runs[0])


def duplicate_with_nothing(_, answer):
    """Held already, not found, not compared: what a daemon may say of an epoch's number."""
    for run in answer.runs:
        answer.unchecked += run.count
        run.duplicate = True
        for field in ("records", "salts", "path"):
            run.ClearField(field)


RUN = {
    "index-up": changes("first_index", up),
    "index-down": changes("first_index", down),
    "index-huge": changes("first_index", lambda _: (1 << 64) - 1),
    "count-more": changes("count", up),
    "count-none": changes("count", lambda _: 0),
    "count-huge": changes("count", lambda _: (1 << 32) - 1),
    "seq-up": changes("first_seq", up),
    "seq-none": changes("first_seq", lambda _: 0),
    "received": changes("received_ns", up),
    "source-other": changes("source", up),
    "source-log": changes("source", lambda _: 0),
    "source-later": changes("source", lambda _: 1 << 40),
    "peer-other": changes("peer", up),
    "peer-daemon": changes("peer", lambda _: 0),
    "prev": changes("prev", flip),
    "prev-short": changes("prev", lambda prev: prev[:31]),
    "class": lambda _, run: run.classes.extend([1] * run.count),
    "classes-short": lambda _, run: run.classes.extend([0] * (run.count + 1)),
    "flags-other": lambda _, run: replace_numbers(run.flags, [2] * run.count),
    "flags-unknown": lambda _, run: replace_numbers(run.flags, [1 << 15] * run.count),
    "salt": changes("salts", flip),
    "salts-short": changes("salts", lambda salts: salts[:-1]),
    "salts-absent": empties("salts"),
    **PROOF,
}


def replace_numbers(numbers, new):
    del numbers[:]
    numbers.extend(new)


APPENDED = {
    **{f"run-{name}": of_run(lie) for name, lie in RUN.items()},
    **notes(older=OLDER),
    "no-run": empties("runs"),
    "run-twice": run_doubled,
    "unchecked": changes("unchecked", up),
    "duplicate-of-what-has-no-number": of_run(changes("duplicate", lambda _: True)),
}

# What is held already is shown with its records.
HELD = {
    "record": of_run(changes("records", flip)),
    "record-absent": of_run(changes("records", lambda records: records[:-112])),
    "records-turned": of_run(changes("records", lambda raw: b"".join(wire.split(raw, 112)[::-1]))),
    "salt": of_run(changes("salts", flip)),
    "salts-absent": of_run(empties("salts")),
    "index": of_run(changes("first_index", up)),
    "source": of_run(changes("source", up)),
    "path-bit": of_run(flips_in("path")),
    "path-absent": of_run(empties("path")),
    "new": of_run(changes("duplicate", lambda _: False)),
    "unchecked": changes("unchecked", up),
    "none": empties("runs"),
    **notes(older=OLDER),
}

# ---- rows of answers: Search, History, Get ------------------------------------------------------

RECORD_FIELDS = {"version": 0, "kind": 1, "flags": 3, "class": 7, "source": 15, "peer": 23,
                 "received": 31, "epoch": 39, "seq": 47, "commitment": 48, "prev": 111}


def tree_of(told, answer):
    """Size of the tree in which this page's rows are proven."""
    if answer.checkpoint:
        return wire.checkpoint_parse(answer.checkpoint).size
    body = getattr(told.request, told.request.WhichOneof("body"))
    return getattr(body, "paging", body).size


def of_item(field, where, lie):
    """A lie about one item of a repeated field, if it is there."""
    def tell(told, answer):
        items = getattr(answer, field)
        if items:
            lie(told, items[min(where, len(items) - 1)])
    return tell


def of_proven(field, lie):
    """A lie about the first item that has a path of its own."""
    def tell(told, answer):
        for item in getattr(answer, field):
            if item.path:
                lie(told, item)
                return
    return tell


def items(field, where):
    """Lies about one Evidence.Item of a field."""
    def about(lie):
        return of_item(field, where, lie)
    return {
        **{f"record-{name}": about(changes("record", lambda raw, at=at: flip(raw, at)))
           for name, at in RECORD_FIELDS.items()},
        "record-short": about(changes("record", lambda raw: raw[:-1])),
        "salt": about(changes("salt", flip)),
        "salt-absent": about(empties("salt")),
        "salt-short": about(changes("salt", lambda salt: salt[:-1])),
        "payload": about(changes("payload", flip)),
        "payload-absent": about(empties("payload")),
        "index-up": about(changes("index", up)),
        "index-huge": about(changes("index", lambda _: 1 << 63)),
        "path-bit": of_proven(field, flips_in("path")),
        "path-short": of_proven(field, drops_from("path")),
        "path-long": of_proven(field, adds_to("path")),
        "path-absent": of_proven(field, empties("path")),
    }


def doubled(field):
    def lie(_, answer):
        found = getattr(answer, field)
        if found:
            replace(found, [found[0], *found])
    return lie


def turned(field):
    def lie(_, answer):
        replace(getattr(answer, field), list(getattr(answer, field))[::-1])
    return lie


def named_kind(told, answer, kind):
    return [n for n in answer.named if wire.record_parse(n.record).kind == kind]


def source_of_another_name(told, answer):
    """Under the number of the row's source another source's entry, sound in itself."""
    size = tree_of(told, answer)
    for item in named_kind(told, answer, wire.SOURCE):
        other = told.facts.evidence(told.facts.another_source(item.index), size)
        index = item.index
        item.CopyFrom(other)
        item.index = index


def source_by_a_peer(told, answer):
    """The entry that should name the source is the one that names the peer."""
    peers = named_kind(told, answer, wire.PEER)
    for item in named_kind(told, answer, wire.SOURCE):
        index = item.index
        item.CopyFrom(peers[0])
        item.index = index


def without_kind(kind):
    def lie(told, answer):
        replace(answer.named, [n for n in answer.named if wire.record_parse(n.record).kind != kind])
    return lie


def withhold(_, item):
    """As if it were erased."""
    item.ClearField("salt")
    item.ClearField("payload")


def name_withheld(kind):
    def lie(told, answer):
        for item in named_kind(told, answer, kind):
            withhold(told, item)
    return lie


NAMED = {
    "none": empties("named"),
    "no-source": without_kind(wire.SOURCE),
    "no-peer": without_kind(wire.PEER),
    "other-source": source_of_another_name,
    "source-by-a-peer": source_by_a_peer,
    "source-withheld": name_withheld(wire.SOURCE),
    **items("named", 0),
}


def stale(told, answer):
    """The log as it was long ago, all of it sound: rows, names and proofs in the older tree."""
    size = wire.checkpoint_parse(told.facts.older).size
    for field in (answer.rows, answer.named):
        replace(field, [told.facts.evidence(i.index, size) for i in field if i.index < size])
    answer.checkpoint = told.facts.older
    answer.matched = len(answer.rows)


def with_row(told, answer, index):
    """A sound row more, in its place."""
    row = told.facts.evidence(index, tree_of(told, answer))
    replace(answer.rows, sorted([*answer.rows, row], key=lambda r: r.index))
    answer.matched += 1


def row_of_another_object(told, answer):
    if told.number == 0:
        with_row(told, answer, told.facts.foreign_row)


def row_of_another_kind(told, answer):
    """A SOURCE entry among the events."""
    if told.number == 0:
        with_row(told, answer, told.facts.control_row)


def row_behind_the_question(told, answer):
    if told.number == 0:
        with_row(told, answer, answer.read)


def linked(answer):
    """Positions of rows that prove the one before: it has no path."""
    return [i for i, row in enumerate(answer.rows)
            if any(r.index == row.index - 1 and not r.path for r in answer.rows)]


def row_left_out_of_a_chain(_, answer):
    if linked(answer):
        answer.rows.pop(linked(answer)[0])
        answer.matched -= 1


def no_progress(_, answer):
    """A page that is empty and not the last, and got nowhere: again and again."""
    del answer.rows[:]
    del answer.named[:]
    answer.matched, answer.position, answer.done = 0, 0, False
    answer.ClearField("completeness")


def creeping(told, answer):
    """The same, a record further each time."""
    no_progress(told, answer)
    answer.position = told.number + 1


def no_next(_, answer):
    answer.done = False
    answer.ClearField("next")
    answer.ClearField("completeness")


def read_behind_the_tree(told, answer):
    answer.read = tree_of(told, answer)


MANY = {
    **{f"row-{name}": lie for name, lie in items("rows", 1).items()},
    **{f"named-{name}": lie for name, lie in NAMED.items()},
    **notes(),
    "stale": stale,
    "row-of-another-object": row_of_another_object,
    "row-of-another-kind": row_of_another_kind,
    "row-behind-the-question": row_behind_the_question,
    "row-left-out-of-a-chain": row_left_out_of_a_chain,
    "row-twice": doubled("rows"),
    "rows-turned": turned("rows"),
    "row-withheld": of_item("rows", 1, withhold),
    "matched-more": changes("matched", up),
    "matched-less": changes("matched", down),
    "completeness-absent": empties("completeness"),
    "next-absent": no_next,
    "next-long": lambda _, answer: (no_next(_, answer), setattr(answer, "next", b"n" * 65)),
    "no-progress": no_progress,
    "read-behind-the-tree": read_behind_the_tree,
}


def of_count(change):
    def tell(_, answer):
        change(answer.counts[0])
    return tell


def key_becomes(key):
    return of_count(lambda count: setattr(count, "key", key))


# Pages of a report.
COUNTED = {
    **{name: lie for name, lie in notes().items()},
    **{name: MANY[name] for name in ("stale", "matched-more", "matched-less", "completeness-absent",
                                     "next-absent", "no-progress", "read-behind-the-tree")},
    "count-more": of_count(lambda count: setattr(count, "count", count.count + 1)),
    "count-of-all-numbers": of_count(lambda count: setattr(count, "count", 2 ** 64 - 1)),
    "count-left-out": lambda _, answer: answer.counts.pop(),
    "count-twice": doubled("counts"),
    "rows-too": lambda told, answer: with_row(told, answer, told.facts.first_row),
    "more-than-was-looked-at": lambda _, answer: (
        setattr(answer, "matched", answer.matched + 2 ** 32),
        setattr(answer.counts[0], "count", answer.counts[0].count + 2 ** 32)),
    "key-with-nul": key_becomes(b"a\0b"),
    "key-not-utf8": key_becomes(b"\xff"),
    "key-long": key_becomes(b"k" * 4097),
}


# Behind the first page: the proxy has the daemon make pages of three rows.
def later(lie):
    def tell(told, answer):
        if told.number == 1:
            lie(told, answer)
    return tell


def with_checkpoint(told, answer):
    """Rows of another tree than the one that was named, with the note of that one."""
    told.facts.evidence(0, 1)  # the log grows
    note = told.facts.client.want("checkpoint", checkpoint=pb.CheckpointRequest()).checkpoint
    for field in (answer.rows, answer.named):
        replace(field, [told.facts.evidence(i.index, wire.checkpoint_parse(note).size)
                        for i in field])
    answer.checkpoint = note


class FirstAgain:
    """The rows of the first page on the second, too."""

    def __init__(self):
        self.first = None

    def __call__(self, told, answer):
        if told.number == 0:
            self.first = [type(r).FromString(r.SerializeToString()) for r in answer.rows]
        elif told.number == 1:
            replace(answer.rows, self.first)


LATER = {
    **{name: later(MANY[name]) for name in (
        "row-record-source", "row-salt", "row-payload", "row-path-bit", "named-none", "row-twice",
        "rows-turned", "row-left-out-of-a-chain", "matched-more", "matched-less", "next-absent",
        "no-progress")},
    "row-behind-the-question": later(lambda told, answer: with_row(told, answer, answer.read)),
    "row-of-another-object":
        later(lambda told, answer: with_row(told, answer, told.facts.foreign_row)),
    "row-from-before":
        later(lambda told, answer: with_row(told, answer, told.facts.first_row)),
    "read-changes": later(changes("read", down)),
    "another-tree": later(with_checkpoint),
    "first-page-again": FirstAgain(),
}


# To who follows the log: each page with a checkpoint of its own.
FOLLOWED = {
    **{name: later(lie) for name, lie in MANY.items() if name.startswith("checkpoint-")},
    **{name: later(MANY[name]) for name in (
        "row-record-source", "row-salt", "row-payload", "row-path-bit", "named-none", "row-twice",
        "matched-more", "matched-less", "next-absent", "stale")},
    "checkpoint-older": later(OLDER),
    "row-of-another-object": LATER["row-of-another-object"],
    "read-changes": later(changes("read", down)),
    "first-page-again": FirstAgain(),
}


def another_record(told, answer):
    """Sound, and not the one that was asked for."""
    index = answer.rows[0].index + 1
    replace(answer.rows, [told.facts.evidence(index, tree_of(told, answer))])


def another_record_under_its_number(told, answer):
    another_record(told, answer)
    answer.rows[0].index -= 1


def record_more(told, answer):
    with_row(told, answer, answer.rows[0].index + 1)


ONE = {
    **{f"row-{name}": lie for name, lie in items("rows", 0).items()},
    **{f"named-{name}": lie for name, lie in NAMED.items()},
    **notes(),
    "stale": stale,
    "none": empties("rows"),
    "another": another_record,
    "another-under-its-number": another_record_under_its_number,
    "one-more": record_more,
    "twice": doubled("rows"),
    "no-progress": no_progress,
}


def no_genesis(_, answer):
    replace(answer.named, [n for n in answer.named if n.index != 0])


def other_genesis(told, answer):
    """Another DAEMON entry in the place of the first record."""
    for item in answer.named:
        if item.index == 0:
            item.CopyFrom(told.facts.evidence(told.facts.start, tree_of(told, answer)))
            item.index = 0


EVIDENCE = {**ONE, "no-genesis": no_genesis, "other-genesis": other_genesis}

# Requests that ask traild for something else than the client did.
ASKED = {
    "another-object": lambda history: setattr(history, "object", "y"),
    "newest-first": lambda history: setattr(history.paging, "newest_first",
                                            not history.paging.newest_first),
    "counted": lambda history: setattr(history.paging, "count", True),
}

# ---- Sources ------------------------------------------------------------------------------------


def entry_of_a_peer(told, answer):
    for state in answer.sources[:1]:
        state.entry.CopyFrom(told.facts.evidence(told.facts.peer, tree_of(told, answer)))


def sources_endless(_, answer):
    answer.done = False
    del answer.sources[:]


def sources_without_next(_, answer):
    answer.done = False
    answer.ClearField("next")


class Entries:
    """items() tells of Evidence.Items; here they lie inside of the states."""

    def __init__(self, answer):
        self.entries = [state.entry for state in answer.sources]


SOURCES = {
    **{f"entry-{name}": (lambda told, answer, lie=lie: lie(told, Entries(answer)))
       for name, lie in items("entries", 0).items()},
    **notes(),
    "entry-of-a-peer": entry_of_a_peer,
    "twice": doubled("sources"),
    "turned": turned("sources"),
    "next-absent": sources_without_next,
    "endless": sources_endless,
}

# ---- Records, as trail verify reads them --------------------------------------------------------


def raw_records(change):
    """In a page that holds some."""
    def lie(_, page):
        raw = wire.split(page.records, wire.RECORD_LEN)
        if len(raw) > 7:
            page.records = b"".join(change(raw))
    return lie


RECORDS = {
    **{f"record-{name}": raw_records(lambda raw, at=at: [*raw[:5], flip(raw[5], at), *raw[6:]])
       for name, at in RECORD_FIELDS.items()},
    "left-out": raw_records(lambda raw: [*raw[:5], *raw[6:]]),
    "twice": raw_records(lambda raw: [*raw[:6], *raw[5:]]),
    "turned": raw_records(lambda raw: [*raw[:5], raw[6], raw[5], *raw[7:]]),
    "half": changes("records", lambda raw: raw[:-1]),
    "first": changes("first", up),
    "empty": lambda _, page: (page.ClearField("records"), setattr(page, "done", False)),
    "empty-and-done": lambda _, page: (page.ClearField("records"), setattr(page, "done", True)),
}

# ---- Controls, behind verify: rows that are compared with the records ---------------------------

def of_controls(lie):
    """A lie about the first page of control entries of a whole log, and no other rows."""
    def tell(told, answer):
        if told.request.WhichOneof("body") == "controls" and not told.request.controls.next:
            lie(told, answer)
    return tell


def of_seal(lie):
    """About its first SEAL."""
    def tell(told, answer):
        lie(told, next(r for r in answer.rows if wire.record_parse(r.record).kind == wire.SEAL))
    return of_controls(tell)


def without(choose):
    def lie(told, answer):
        gone = choose(told, answer)
        replace(answer.rows, [r for r in answer.rows if r.index != gone])
    return of_controls(lie)


def seal_index(_, answer):
    return next(r.index for r in answer.rows if wire.record_parse(r.record).kind == wire.SEAL)


def foreign_control(told, answer):
    """An event among them, with its own payload."""
    new = told.facts.evidence(told.facts.first_row, told.facts.first_row + 1)
    replace(answer.rows, sorted([*answer.rows, new], key=lambda row: row.index))
    answer.position = max(answer.position, new.index + 1)


def controls_turned(_, answer):
    replace(answer.rows, list(answer.rows)[::-1])


def control_twice(_, answer):
    replace(answer.rows, [answer.rows[0], *answer.rows])


def controls_end(_, answer):
    """As if the log held no further one."""
    replace(answer.rows, answer.rows[:1])
    answer.done, answer.position = True, answer.rows[0].index + 1


def controls_go_round(_, answer):
    answer.done, answer.position = False, 0


def controls_without_next(_, answer):
    answer.done = False
    answer.ClearField("next")


CONTROLS = {
    "payload": of_seal(changes("payload", flip)),
    "salt": of_seal(changes("salt", flip)),
    "salt-absent": of_seal(empties("salt")),
    "payload-absent": of_seal(empties("payload")),
    "record": of_seal(changes("record", flip)),
    "index": of_seal(changes("index", up)),
    "seal-withheld": without(seal_index),
    "start-withheld": without(lambda told, _: told.facts.start),
    "genesis-withheld": without(lambda *_: 0),
    "foreign": of_controls(foreign_control),
    "turned": of_controls(controls_turned),
    "twice": of_controls(control_twice),
    "ended": of_controls(controls_end),
    "round": of_controls(controls_go_round),
    "next-absent": of_controls(controls_without_next),
}


def of_first(lie):
    def tell(told, answer):
        lie(told, answer.rows[0])
    return of_controls(tell)


def of_newest(lie):
    """About the newest SEAL alone, which is asked for by itself."""
    def tell(told, answer):
        if told.request.controls.newest_first:
            lie(told, answer.rows[0])
    return of_controls(tell)


def start_moved(told, answer):
    """A start that was, told of a place behind the newest SEAL, where it excuses that none came."""
    wanted = told.request.controls
    seal = getattr(wanted, "from")
    if wanted.kind == wire.DAEMON and seal != 0:
        new = told.facts.evidence(told.facts.start, told.facts.start + 1)
        new.index = seal + 1
        replace(answer.rows, [new])


# Before the records: what lies before --since, proven by paths.
BASE = {
    "start-moved": of_controls(start_moved),
    "seal-payload": of_newest(changes("payload", flip)),
    "seal-path-bit": of_newest(flips_in("path")),
    "seal-path-absent": of_newest(empties("path")),
    "payload": of_first(changes("payload", flip)),
    "path-bit": of_first(flips_in("path")),
    "path-absent": of_first(empties("path")),
    "salt-absent": of_first(empties("salt")),
    "index": of_first(changes("index", up)),
}
