# SPDX-License-Identifier: Apache-2.0
"""
G8 against who edits the files: a stopped store is changed, row by row, also by one who knows every
format and makes sums, tags and commitments fit. What is asked of it then is answered as before, or
refused, or by nobody; never otherwise. With an index that was made before, and without one.

    TRAIL_G8_EDITS    random bits, over all tables (40; full 600)
"""
import collections
import hashlib
import os
import pathlib
import random
import shutil
import tempfile
import time

import damage
import pytest
import wire
from harness import SEED, StartFailed
from wire import Client, Rows, pb

EDITS = int(os.environ.get("TRAIL_G8_EDITS", "40"))
EVENTS = 3000
ORIGIN = "example.org/test"
# What may come instead of the sound answer. "unproven": it came, and its own proofs do not fit.
SAFE = ("sound", "no start", "ended", "UNAVAILABLE", "unproven")


class Refused(Exception):
    """An error instead of the answer."""


class Doubter(Client):
    """Says how it was refused."""

    def want(self, kind, **body):
        response = self.call(**body)
        if response.WhichOneof("body") == "error":
            raise Refused(pb.Code.Name(response.error.code))
        return getattr(response, kind)


# ---- the store and what is asked of it -----------------------------------------------------------

def numbered(n):
    return wire.event(n, actor=f"a{n % 3}", obj=f"/o/{n % 7}", subject=f"p-{n % 5}",
                      action=1 + n % 5, outcome=n % 4, reason="x" * (n % 50))


def fill(c):
    seqs = collections.Counter()
    for at in range(0, EVENTS, 100):
        source = ("journal", "files", "vpn")[at // 100 % 3]
        lost = 2 if at == 600 else 0
        c.append(source, 7, seqs[source] + lost + 1, [numbered(n) for n in range(at, at + 100)],
                 lost=lost)
        seqs[source] += lost + 100


INDEX_RUN = 64
CONFIGS = {"scan": {"index": "false"}, "index": {"index_run": INDEX_RUN}}


def indexed(c):
    return next((f.value for f in c.status().figures.figures if f.name == pb.INDEXED), 0)


@pytest.fixture(scope="module", params=CONFIGS)
def store(module_traild, request):
    """The folder of a stopped store, its tables, and the sound answers."""
    run = module_traild.start(origin=ORIGIN, config=CONFIGS[request.param])
    with Client(run.address) as c:
        fill(c)
        while request.param == "index" and indexed(c) + INDEX_RUN <= c.status().size:
            pass
    run.stop()
    shm = pathlib.Path("/dev/shm")
    base = pathlib.Path(tempfile.mkdtemp(prefix="trail-g8-", dir=shm if shm.is_dir() else None))
    try:
        patient = Patient(module_traild, run.state_dir, base, request.param)
        assert len(patient.sound["answers"]) == len(QUESTIONS) + 1, "it answers everything"
        yield patient
    finally:
        shutil.rmtree(base)


QUESTIONS = {
    # Both ends lie within an hour: what the index knows of it is not sure. First, while
    # nothing made the index doubtful.
    "when": ("search", lambda: pb.Search(query="actor:a1", paging=pb.Paging(
        since_ns=wire.EVENT_TIME_NS + 200, until_ns=wire.EVENT_TIME_NS + EVENTS))),
    "counted": ("search", lambda: pb.Search(query="actor:a1", paging=pb.Paging(
        count=True, since_ns=wire.EVENT_TIME_NS + 200, until_ns=wire.EVENT_TIME_NS + EVENTS))),
    "all": ("search", lambda: pb.Search()),
    "actor": ("search", lambda: pb.Search(query="actor:a1", paging=pb.Paging(newest_first=True))),
    "source": ("search", lambda: pb.Search(query="source:journal")),
    "terms": ("search", lambda: pb.Search(query="source:files subject:p-4 action:delete")),
    "none": ("search", lambda: pb.Search(query="actor:nobody")),
    "late": ("search", lambda: pb.Search(query="source:vpn", paging=pb.Paging(
        **{"from": EVENTS // 2}))),
    "count": ("search", lambda: pb.Search(query="outcome:denied", paging=pb.Paging(count=True))),
    "history": ("history", lambda: pb.History(object="/o/3")),
    "get": ("get", lambda: pb.Get(index=EVENTS // 3)),
    "range": ("get", lambda: pb.Get(index=0, count=EVENTS)),
}


def sources(c, _size):
    page = c.want("sources", sources=pb.SourcesRequest())
    cp = wire.checkpoint_parse(page.checkpoint)
    out = []
    for s in page.sources:
        leaf = wire.leaf_hash(s.entry.record)
        assert wire.inclusion_fits(leaf, s.entry.index, cp.size, s.entry.path, cp.root)
        out.append((s.entry.record, s.entry.payload, s.newest, s.open, s.imports, s.open_ends,
                    s.lost, s.missing))
    return out


def rows(c, name, size):
    """What was found below `size`, where the log ended when it was changed."""
    kind, request = QUESTIONS[name]
    answer = Rows(c, kind, request())
    answer.all()
    done = answer.completeness
    return ([(r.index, r.raw, r.salt, r.payload, r.source, r.peer and r.peer.name)
             for r in answer.rows if r.index < size],
            answer.matched if name.startswith("count") else None,
            (done.method, done.sources, done.current, done.gaps))


class Patient:
    """A copy of the store that is changed and asked, again and again."""

    def __init__(self, traild, state, folder, how):
        self.traild, self.whole, self.folder, self.how = traild, state, folder, how
        self.tables = damage.tables(state / "log")
        self.size = sum(len(v) // wire.RECORD_LEN for v in self.tables["spine"].values())
        first = self.tables["spine"][bytes(8)][:wire.RECORD_LEN]
        self.genesis = wire.leaf_hash(first)
        self.number = 0
        self.sound = {"answers": {}}
        # Also proof that an unchanged store that mdb_load wrote is none the worse.
        self.sound = self.ask(self.tables)
        methods = {a[2][0] for n, a in self.sound["answers"].items()
                   if n in QUESTIONS and QUESTIONS[n][0] != "get"}
        assert methods == {pb.Completeness.INDEX if how == "index" else pb.Completeness.SCAN}

    def ask(self, tables):
        """{"answers": {question: answer}, "verdicts": {question: word}} of a store of these rows."""
        self.number += 1
        state = self.folder / f"s{self.number}"
        shutil.copytree(self.whole, state)
        damage.write_tables(state / "log", tables)
        out = {"answers": {}, "verdicts": {}}
        names = [*QUESTIONS, "sources"]
        try:
            run = self.traild.start(state, origin=ORIGIN, config=CONFIGS[self.how])
        except StartFailed as failed:
            assert isinstance(failed.code, int) and failed.code != 0, failed
            out["verdicts"] = dict.fromkeys(names, "no start")
            shutil.rmtree(state)
            return out
        for name in names:
            out["verdicts"][name] = self.judge(run, name, out["answers"])
        run.end()
        shutil.rmtree(state)
        return out

    def judge(self, run, name, answers):
        try:
            with Doubter(run.address) as c:
                ask = sources if name == "sources" else lambda c, size: rows(c, name, size)
                answer = answers[name] = ask(c, self.size)
        except Refused as refused:
            return str(refused)
        except (wire.Closed, OSError):
            # Whoever does not answer has ended, or is about to.
            run.wait_exit()
            return "ended"
        except AssertionError:
            return "unproven"
        sound = self.sound["answers"].get(name, answer)
        if self.how == "index" and name in QUESTIONS:
            # An index that is not believed any more leaves the log itself to be read.
            sound, answer = [(a[0], a[1], a[2][1:]) for a in (sound, answer)]
        return "sound" if answer == sound else "WRONG"

    def copy(self):
        return {name: dict(table) for name, table in self.tables.items()}


def judge(outcomes, measured):
    """Print what became of each kind of edit; no answer was another one."""
    counts = collections.Counter((kind, verdict) for kind, _, verdicts in outcomes
                                 for verdict in verdicts.values())
    words = [*SAFE, "WRONG"]
    lines = [f"{'edit':<12}" + "".join(f"{w:>13}" for w in words)]
    for kind in dict.fromkeys(kind for kind, _, _ in outcomes):
        lines.append(f"{kind:<12}" + "".join(f"{counts[kind, w]:>13}" for w in words))
    measured("answers of edited stores", "\n" + "\n".join(lines))
    wrong = [(kind, what, name, verdict) for kind, what, verdicts in outcomes
             for name, verdict in verdicts.items() if verdict not in SAFE]
    assert not wrong, wrong[:5]


# ---- the edits -----------------------------------------------------------------------------------

def test_g8_the_judge_sees_another_answer(store):
    """Else every test here would pass: other events, honestly made, are WRONG."""
    sound = dict(store.sound["answers"])
    store.sound["answers"]["history"] = ([], None, (1, 3, 3, 1))
    try:
        verdicts = store.ask(store.tables)["verdicts"]
    finally:
        store.sound["answers"] = sound
    assert verdicts.pop("history") == "WRONG"
    assert set(verdicts.values()) == {"sound"}


@pytest.mark.limit(60 + 3 * EDITS)
def test_g8_turned_bits_change_no_answer(store, measured):
    rng = random.Random(SEED)
    outcomes = []
    kinds = [name for name in ("spine", "payload", "control", "tile", "source", "head")
             if store.tables[name]]
    for i in range(EDITS):
        kind, changed = kinds[i % len(kinds)], store.copy()
        key = rng.choice(sorted(changed[kind]))
        value = bytearray(changed[kind][key])
        at = rng.randrange(len(value))
        value[at] ^= 1 << rng.randrange(8)
        changed[kind][key] = bytes(value)
        what = f"byte {at} of {key.hex()}"
        outcomes.append((kind, what, store.ask(changed)["verdicts"]))
    judge(outcomes, measured)
    for kind in ("spine", "payload"):
        assert any(v not in ("sound", "no start") for k, _, verdicts in outcomes if k == kind
                   for v in verdicts.values()), f"no question met the damage in {kind}"


@pytest.mark.limit(240)
def test_g8_rows_that_are_gone_change_no_answer(store, measured):
    rng = random.Random(SEED + 1)
    outcomes = []
    for kind in ("spine", "payload", "control", "tile"):
        for key in rng.sample(sorted(store.tables[kind]), 4):
            changed = store.copy()
            del changed[kind][key]
            outcomes.append((kind, key.hex(), store.ask(changed)["verdicts"]))
    judge(outcomes, measured)


class Forger:
    """One event of another actor, and as much of the rest as is asked for made to fit."""

    def __init__(self, patient):
        self.tables = patient.copy()
        self.patient = patient
        self.records = [raw for _, value in sorted(self.tables["spine"].items())
                        for raw in wire.split(value, wire.RECORD_LEN)]

    def chunk_of(self, index):
        keys = [k for k in self.tables["payload"] if int.from_bytes(k[4:], "big") <= index]
        key = max(keys)
        first = int.from_bytes(key[4:], "big")
        when = time.gmtime(wire.record_parse(self.records[first]).received_ns // 10**9)
        month = (when.tm_year - 1970) * 12 + when.tm_mon - 1
        return key, damage.Chunk(key, self.tables["payload"][key], self.patient.genesis, month)

    def payload(self, index, change):
        """The payload of `index` becomes change(payload), None: is gone; the tag fits."""
        key, chunk = self.chunk_of(index)
        item = next(i for i in chunk.items if i[0] == index)
        item[2] = change(item[2])
        if item[2] is None:
            chunk.items.remove(item)
        self.tables["payload"][key] = chunk.pack()
        return item[1], item[2]

    def record(self, index, **fields):
        record = wire.record_parse(self.records[index])._replace(**fields)
        self.records[index] = wire.record_bytes(record)

    def chain(self, index):
        """Every record behind `index` follows from it."""
        for i in range(index + 1, len(self.records)):
            self.record(i, prev=wire.leaf_hash(self.records[i - 1]))

    def tiles(self):
        """Every stored node follows from the records."""
        roots = [wire.leaf_hash(raw) for raw in self.records]
        level = 0
        while len(roots) >= 16:
            level += 1
            roots = [wire.tree_hash(roots[i:i + 16]) for i in range(0, len(roots) // 16 * 16, 16)]
            for key in [k for k in self.tables["tile"] if k[0] == level]:
                first = int.from_bytes(key[1:], "big")
                count = len(self.tables["tile"][key]) // 32
                self.tables["tile"][key] = b"".join(roots[first:first + count])

    def done(self):
        for key, value in self.tables["spine"].items():
            first = int.from_bytes(key, "big")
            count = len(value) // wire.RECORD_LEN
            self.tables["spine"][key] = b"".join(self.records[first:first + count])
        return self.tables


def other_actor(payload):
    forged = payload.replace(b"\x0a\x02a1", b"\x0a\x02a2")
    assert forged != payload and len(forged) == len(payload)
    return forged


def events_of(patient, source_name):
    """Indices of the events of one source whose actor is a1."""
    answer = patient.sound["answers"]["all"][0]
    return [row[0] for row in answer if row[4] == source_name and b"\x0a\x02a1" in row[3]]


@pytest.mark.limit(240)
def test_g8_forged_events_change_no_answer(store, measured):
    """As far as who does not have the log's key can go: payload, commitment, chain, tree."""
    outcomes = []
    indices = events_of(store, "journal")
    for index in (indices[0], indices[len(indices) // 2], indices[-1]):
        for depth, kind in enumerate(("gone", "payload", "commitment", "chain", "tiles")):
            forger = Forger(store)
            salt, payload = forger.payload(index, other_actor if depth else lambda _: None)
            if depth >= 2:
                forger.record(index, commitment=wire.commitment(salt, payload))
            if depth >= 3:
                forger.chain(index)
            if depth >= 4:
                forger.tiles()
            outcomes.append((kind, index, store.ask(forger.done())["verdicts"]))
    judge(outcomes, measured)
    for kind, index, verdicts in outcomes:
        assert verdicts["actor"] != "sound" and verdicts["all"] != "sound", (kind, index, verdicts)


@pytest.mark.limit(120)
def test_g8_a_source_cannot_be_renamed(store, measured):
    outcomes = []
    for fits in (False, True):
        forger = Forger(store)
        key, value = next((k, v) for k, v in forger.tables["control"].items()
                          if v[0] == wire.SOURCE and v.endswith(b"journal"))
        renamed = value[:-7] + b"another"
        forger.tables["control"][key] = renamed
        if fits:
            forger.record(int.from_bytes(key, "big"),
                          commitment=wire.commitment(renamed[1:17], renamed[17:]))
        outcomes.append(("renamed", fits, store.ask(forger.done())["verdicts"]))
    judge(outcomes, measured)
    assert all(v["late"] != "sound" or v["source"] != "sound" for _, _, v in outcomes)


@pytest.mark.limit(120)
def test_g8_state_rows_that_fit_hide_no_event(store):
    """
    State rows are proven by nothing: who makes their sums fit changes what Sources says, and the
    sums of `completeness`; the rows found stay (`traild check` finds the edit).
    """
    source = next(k[:8] for k in store.tables["source"])
    for gone in (True, False):
        changed = store.copy()
        for key in [k for k in changed["source"] if k.startswith(source)]:
            if gone:
                del changed["source"][key]
            elif len(key) == 16:
                row = bytearray(changed["source"][key][:64])
                row[23] ^= 7
                changed["source"][key] = bytes(row) + hashlib.sha256(key + row).digest()[:8]
        answers = store.ask(changed)["answers"]
        for name in QUESTIONS:
            if name in answers:
                assert answers[name][:2] == store.sound["answers"][name][:2], (gone, name)
        assert gone or len(answers) > len(QUESTIONS) // 2, "it started, and answered"
