# SPDX-License-Identifier: Apache-2.0
"""
G8 with an index: it answers as the log does, whatever state it is in; what was changed in its files
is noticed before it answers, and what was changed by somebody with the keys never adds a row.
"""
import collections
import itertools
import json
import os
import shutil
import subprocess
import threading

import index_files
import pytest
import queries
from harness import SLOW, SEED
from wire import Client, pb

QUERIES = int(os.environ.get("TRAILD_QUERIES", "120"))
EVENTS = int(os.environ.get("TRAILD_EVENTS", "6000"))
LIMIT_S = max(120, QUERIES * EVENTS // 40_000)
RUN = max(32, EVENTS // 2000)  # of many small segments, which are merged all the time
PIECE = 32768  # records that are indexed at once
INDEX, SCAN = pb.Completeness.INDEX, pb.Completeness.SCAN


def numbers(client):
    return {f.name: f.value for f in client.status().figures.figures}


def wait_indexed(run, at_least=1):
    """Until the index reaches all but a run of the log, has no holes and is not merged any more."""
    with Client(run.address) as client:
        while True:
            size = client.status().size
            told = numbers(client)
            if told[pb.INDEXED] + RUN > size and told[pb.INDEXED] >= at_least and \
                    not told[pb.INDEX_MISSING] and not told[pb.INDEX_MERGES]:
                return told


class Town:
    """A log of municipal events, and what an independent program answers about them."""

    def __init__(self, build, traild):
        self.trail = build / "trail"
        self.traild = traild
        self.env = dict(os.environ, XDG_STATE_HOME=str(traild.folder / "state"), TZ="UTC",
                        LC_ALL="C.UTF-8")
        self.run = traild.start(config={"index": "false"})
        self.state_dir = self.run.state_dir
        file = traild.folder / "municipal.jsonl"
        sent = queries.write_events(file, EVENTS)
        self.call("import", file)
        self.stored = queries.read_back(self.trail, self.run.address, self.env)
        queries.assert_same(sent, self.stored)
        end = self.stored[-1]["index"] + 1
        asked, cases = queries.make_cases(self.stored, QUERIES, SEED)
        # What comes later is not asked for, whatever it is.
        self.cases = [case if f"-index:{end}.." in case.text else
                      case._replace(text=f"{case.text} -index:{end}..") for case in cases]
        self.asked = asked

    def call(self, *words, codes=(0,)):
        done = subprocess.run([self.trail, "--connect", f"unix:{self.run.address}", *words],
                              env=self.env, capture_output=True, encoding="utf-8", check=False,
                              timeout=LIMIT_S * SLOW)
        assert done.returncode in codes, done.stderr
        return done.stdout

    def stop(self):
        if self.run.process.fd >= 0:
            self.run.stop()
            self.run.finish()

    def without_index(self):
        """The daemon is away, and what it had of an index, too."""
        self.stop()
        shutil.rmtree(self.state_dir / "index", ignore_errors=True)

    def restart(self, **config):
        self.stop()
        self.run = self.traild.start(self.state_dir, config={"index_run": RUN, **config})
        return self.run

    def said(self):
        return self.run.stderr_path.read_text()


@pytest.fixture(scope="module")
def town(build, module_traild):
    return Town(build, module_traild)


def ask(town, methods=()):
    return queries.ask_all(town.run.address, town.cases, methods)


def ask_some(town, methods=()):
    """Enough to come by every part of the index."""
    queries.ask_all(town.run.address, town.cases[:25], methods)


# ---- equal answers -------------------------------------------------------------------------------

@pytest.mark.limit(LIMIT_S)
def test_g8_answers_are_the_same_before_and_after_indexing(town, measured):
    # By scan each way costs the same, and they take turns.
    for n, way in enumerate(queries.WAYS):
        queries.ask_all(town.run.address, town.cases[n::3], [SCAN], ways=[way])
    town.restart()
    told = wait_indexed(town.run, EVENTS)
    assert ask(town, [INDEX]) == QUERIES
    measured("index bytes per event", told[pb.INDEX_BYTES] // told[pb.INDEXED])
    assert not told[pb.INDEX_DAMAGED] and "TRAIL-D09" not in town.said()


@pytest.mark.limit(3 * LIMIT_S)
def test_g8_answers_are_the_same_after_kill_9_while_the_index_is_built(town, measured):
    """Killed further and further on, until it was not; each time all is answered."""
    town.without_index()
    reached = []
    for kills in range(12):
        run = town.restart()
        with Client(run.address) as client:
            size = client.status().size
            until = size * (kills + 1) // 14
            while numbers(client)[pb.INDEXED] < until:
                pass
            reached.append(numbers(client)[pb.INDEXED])
        run.kill()
        run.finish()
        run = town.restart()
        step = max(1, QUERIES // 20)
        assert queries.ask_all(run.address, town.cases[kills::step]) > 0
        assert "TRAIL-D09" not in town.said(), "what was not finished is no damage"
    told = wait_indexed(town.run, EVENTS)
    assert ask(town, [INDEX]) == QUERIES
    assert not told[pb.INDEX_DAMAGED]
    measured("records indexed at the kills", reached)
    town.stop()
    index = index_files.Index(town.state_dir)
    assert {p.name for p in index.folder.iterdir()} == {"manifest"} | {
        index.path(place).name for place in index.places}, "nothing is left that nobody knows"


HOUR_NS = 3600 * 10**9


def report(client, by, text, since_ns=0, until_ns=0, bucket_ns=0, scan=False):
    """(counts by key, the completeness): pages added up, as the library does."""
    want = pb.Report(query=text, by=by, bucket_ns=bucket_ns, paging=pb.Paging(
        since_ns=since_ns, until_ns=until_ns, scan=scan))
    counts = collections.Counter()
    pages = 0
    while True:
        page = client.want("rows", report=want)
        pages += 1
        for count in page.counts:
            counts[count.key] += count.count
        assert sum(counts.values()) <= page.matched
        if page.done:
            assert sum(counts.values()) == page.matched
            return counts, page.completeness, pages
        want.paging.next = page.next
        want.after = page.counts[-1].key if page.counts else b""


def test_g8_the_tool_shows_reports_from_the_index(town):
    """The library adds up what comes on several pages, and judges each."""
    town.restart()
    wait_indexed(town.run, EVENTS)
    for words in (["objects"], ["actors", "-action:read"], ["units"], ["time", "--by", "day"]):
        out = town.call("report", *words, "-source:traild", "-o", "json")
        scanned = town.call("report", *words, "-source:traild", "-o", "json", "--scan")
        assert json.loads(out.splitlines()[0]) and out == scanned


@pytest.mark.limit(LIMIT_S)
def test_g8_reports_from_the_index_are_those_of_the_scan(town, measured):
    town.restart()
    wait_indexed(town.run, EVENTS)
    groups = [v.number for v in pb.DESCRIPTOR.enum_types_by_name["Group"].values if v.number]
    cases = [c for c in town.cases if "source:" not in c.text][:12]
    end = town.stored[-1]["index"] + 1
    whole = cases[0]._replace(text=f"-index:{end}..", since_ns=0, until_ns=0)
    times = [e["time"] for e in town.stored]
    middle = queries.query_oracle.time_ns(times[len(times) // 2])
    halves = [whole._replace(since_ns=middle), whole._replace(until_ns=middle),
              whole._replace(since_ns=middle // HOUR_NS * HOUR_NS),
              whole._replace(text="-source:traild")]
    most = 0
    with Client(town.run.address) as client:
        for case in [whole, *halves, *cases]:
            for by in groups:
                buckets = [HOUR_NS, 24 * HOUR_NS, 60 * 10**9] if by == pb.GROUP_TIME else [0]
                for bucket in buckets:
                    asked = (by, case.text, case.since_ns, case.until_ns, bucket)
                    got, told, pages = report(client, *asked)
                    want, scanned, _ = report(client, *asked, scan=True)
                    assert got == want, asked
                    assert (told.method, scanned.method) == (INDEX, SCAN)
                    assert told.gaps == scanned.gaps
                    most = max(most, pages)
    assert most > 1
    measured("pages of the longest report", most)


def test_g8_the_index_holds_what_events_say_and_nothing_else(town):
    """Read by a program that shares nothing with the daemon."""
    town.restart()
    wait_indexed(town.run, EVENTS)
    town.stop()
    index = index_files.Index(town.state_dir)
    assert index.holes == 0
    names = {"actor": (index_files.ACTOR, lambda e: e["actor"]["id"]),
             "unit": (index_files.UNIT, lambda e: e["actor"].get("unit")),
             "object": (index_files.OBJECT, lambda e: e["object"]["id"]),
             "subject": (index_files.SUBJECT, lambda e: e.get("subject")),
             "source": (index_files.SOURCE, lambda e: e["source"]),
             "verb": (index_files.VERB, lambda e: e.get("verb")),
             "host": (index_files.HOST, lambda e: e.get("origin", {}).get("host"))}
    found = {name: {} for name in names}
    for place in index.places:
        terms, _ = index.read(place)
        for name, (field, _) in names.items():
            for key, term in terms.items():
                if key[0] == field:
                    value = key[1:].decode()
                    found[name].setdefault(value, []).extend(place.low + d for d in term.docs)
    later = town.stored[-1]["index"]
    for name, (_, value_of) in names.items():
        want = {}
        for event in town.stored:
            if value_of(event) and event["index"] < index.indexed:
                want.setdefault(value_of(event), []).append(event["index"])
        # The log's own events and what came later are not among those that were stored.
        got = {value: [i for i in docs if i <= later] for value, docs in found[name].items()}
        own = {"traild", f"uid:{os.getuid()}"}
        assert {v: d for v, d in got.items() if d and v not in own} == want, name
    town.restart()


def test_g8_sources_of_many_are_not_mistaken_for_one_another(traild):
    """More than the daemon keeps names of at once, with their peer's among them."""
    run = traild.start(config={"index_run": 16})
    names = [f"source-{i}" for i in range(300)]
    event = bytes.fromhex("10011802") + b"\x3a\x03\x0a\x01n\x42\x03\x0a\x01n"
    own = {}
    with Client(run.address) as client:
        for i, name in enumerate(names):
            # Entries of sources come to stand at odd indices, then at even ones.
            events = [event] * (2 if i == len(names) // 2 else 1)
            run_of = client.append(name, 0, 0, events).runs[0]
            own[name] = list(range(run_of.first_index, run_of.first_index + len(events)))
        for name in reversed(names):
            own[name].append(client.append(name, 0, 0, [event]).runs[0].first_index)
        while numbers(client)[pb.INDEXED] <= max(map(max, own.values())) - 16:
            pass
        for name in names[::30]:
            rows = client.want("rows", search=pb.Search(query=f"source:{name}"))
            assert [item.index for item in rows.rows] == own[name], name
        counts, told, _ = report(client, pb.GROUP_SOURCE, "actor:n")
        assert counts == {name.encode(): len(own[name]) for name in names}
        assert told.method == INDEX
        mine = client.want("rows", search=pb.Search(
            query=f"peer:unix:{os.getuid()} actor:n", paging=pb.Paging(count=True)))
        assert mine.done and mine.matched == 2 * len(names) + 1


# ---- files that were changed ---------------------------------------------------------------------

def flip(path, at):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def largest(town):
    return max((town.state_dir / "index").glob("*.seg"), key=lambda p: p.stat().st_size)


def blocks(path):
    return path.stat().st_size // 4096


def others(town):
    return sorted(p for p in (town.state_dir / "index").glob("*.seg") if p != largest(town))


def swap(town):
    a, b = largest(town), others(town)[0]
    a_raw, b_raw = a.read_bytes(), b.read_bytes()
    a.write_bytes(b_raw)
    b.write_bytes(a_raw)


def swap_blocks(town):
    path = largest(town)
    raw = path.read_bytes()
    path.write_bytes(raw[4096:8192] + raw[:4096] + raw[8192:])


CHANGES = {
    "a byte of each block": lambda t: [flip(largest(t), 4096 * i + 100 + i % 3900)
                                       for i in range(blocks(largest(t)))],
    "a byte of the first leaf": lambda t: flip(largest(t), 20),
    "a byte of the root": lambda t: flip(largest(t), largest(t).stat().st_size - 2 * 4096 + 9),
    "a byte of the footer": lambda t: flip(largest(t), largest(t).stat().st_size - 4000),
    "a byte of a tag": lambda t: flip(largest(t), 4095),
    "a byte of what pads a block": lambda t: flip(largest(t),
                                                  largest(t).stat().st_size - 4096 + 2000),
    "cut by a block": lambda t: os.truncate(largest(t), largest(t).stat().st_size - 4096),
    "cut in half": lambda t: os.truncate(largest(t), blocks(largest(t)) // 2 * 4096),
    "cut within a block": lambda t: os.truncate(largest(t), largest(t).stat().st_size - 100),
    "emptied": lambda t: os.truncate(largest(t), 0),
    "longer": lambda t: largest(t).write_bytes(largest(t).read_bytes() + bytes(4096)),
    "removed": lambda t: largest(t).unlink(),
    "a link": lambda t: (largest(t).rename(t.state_dir / "elsewhere"),
                         (t.state_dir / "index" / "x").unlink(missing_ok=True)),
    "swapped with another": swap,
    "blocks swapped": swap_blocks,
    "the manifest is gone": lambda t: (t.state_dir / "index" / "manifest").unlink(),
    "a byte of the manifest": lambda t: flip(t.state_dir / "index" / "manifest", 60),
    "a tag of the manifest": lambda t: flip(
        t.state_dir / "index" / "manifest",
        (t.state_dir / "index" / "manifest").stat().st_size - 1),
    "the manifest is empty": lambda t: os.truncate(t.state_dir / "index" / "manifest", 0),
    "another key": lambda t: (t.state_dir / "keys" / "index").write_bytes(os.urandom(32)),
    "no key": lambda t: (t.state_dir / "keys" / "index").unlink(),
    "all is gone": lambda t: shutil.rmtree(t.state_dir / "index"),
}
UNSAID = {"the manifest is gone", "all is gone"}  # an index may be deleted


@pytest.mark.parametrize("change", CHANGES)
def test_g8_a_changed_index_is_noticed_before_it_answers(town, change):
    """Changed while the daemon is away."""
    town.restart()
    wait_indexed(town.run, EVENTS)
    town.stop()
    CHANGES[change](town)
    town.restart()
    ask_some(town)
    wait_indexed(town.run, EVENTS)
    ask_some(town, [INDEX])
    assert change in UNSAID or "TRAIL-D091" in town.said(), "it is not reported"


# (A footer is read when a segment is opened, and not again.)
ALIVE = ["a byte of each block", "cut in half", "emptied", "blocks swapped"]


@pytest.mark.parametrize("change", ALIVE)
def test_g8_an_index_that_is_changed_under_the_daemon_is_noticed(town, change):
    town.restart()
    wait_indexed(town.run, EVENTS)
    CHANGES[change](town)
    ask_some(town)
    told = wait_indexed(town.run, EVENTS)
    assert told[pb.INDEX_DAMAGED] >= 1 and "TRAIL-D091" in town.said()
    ask_some(town, [INDEX])


# ---- by somebody who has the keys ----------------------------------------------------------------

class Forger:
    """Somebody with the keys and the largest file of the index. The daemon is away."""

    def __init__(self, town):
        self.town = town
        town.restart()
        wait_indexed(town.run, EVENTS)
        town.stop()
        self.index = index_files.Index(town.state_dir)
        self.place = max(self.index.places, key=lambda p: self.index.path(p).stat().st_size)
        self.terms, self.sums = self.index.read(self.place)
        self.mine = {e["index"]: e for e in town.stored}

    def key_of(self, field, least, most):
        """A term of so many records, all of them stored by us."""
        return next(k for k, t in self.terms.items()
                    if k[0] == field and least <= len(t.docs) <= most
                    and all(self.place.low + d in self.mine for d in t.docs))

    def change(self, key, drop=(), add=()):
        docs = self.terms[key].docs
        self.terms[key] = self.terms[key]._replace(docs=sorted({*docs, *add} - {*drop}))

    def write(self):
        self.index.write(self.place, self.terms, self.sums)


@pytest.fixture
def forged(town):
    """
    One posting of an actor dropped, one added where another acted: (actor, index dropped, index
    added). The daemon is away.
    """
    forger = Forger(town)
    place, terms, mine = forger.place, forger.terms, forger.mine
    key = forger.key_of(index_files.ACTOR, 3, 100)
    docs = terms[key].docs
    dropped = docs[1]
    added = next(d for d in range(docs[1] + 1, place.high - place.low)
                 if d not in docs and place.low + d in mine)
    forger.change(key, [dropped], [added])
    forger.write()
    yield key[1:].decode(), place.low + dropped, place.low + added
    town.without_index()
    town.restart()


def indices(town, *words):
    out = town.call("search", "-n", "0", "-o", "json", *words, codes=(0, 1))
    return [json.loads(line)["index"] for line in out.splitlines()]


def test_g8_a_posting_that_was_added_with_the_keys_at_hand_never_shows(town, forged):
    actor, _, added = forged
    town.restart()
    want = [e["index"] for e in town.stored if e["actor"]["id"] == actor]
    got = indices(town, f"actor:{actor}")
    assert added not in got and set(got) <= set(want)
    # It said for sure what is not so: it is read no more, and made anew.
    wait_indexed(town.run, EVENTS)
    assert "TRAIL-D091" in town.said()
    assert indices(town, f"actor:{actor}") == want


def test_g8_a_posting_that_was_dropped_with_the_keys_at_hand_is_found_by_scan(town, forged):
    actor, dropped, _ = forged
    town.restart()
    want = [e["index"] for e in town.stored if e["actor"]["id"] == actor]
    assert dropped in want
    assert indices(town, f"actor:{actor}", "--scan") == want


# ---- verify --index ------------------------------------------------------------------------------

def verify_index(town, code):
    said = json.loads(town.call("verify", "--index", "-o", "json", codes=(code,)))
    assert said["verdict"] == {0: "valid", 5: "invalid", 6: "unverifiable"}[code]
    return said, [(f["code"], f["index"]) for f in said["findings"]]


def left_behind(town):
    """Files of the index that its manifest does not name; the daemon is away."""
    index = index_files.Index(town.state_dir)
    return {p.name for p in index.folder.iterdir()} - {"manifest"} - {
        index.path(place).name for place in index.places}


def test_g8_verify_index_says_that_a_sound_index_is_equal(town):
    town.restart()
    told = wait_indexed(town.run, EVENTS)
    said, found = verify_index(town, 0)
    assert not found and said["first_bad"] is None and said["root"] is None
    assert said["checked"] >= EVENTS and said["files"] == told[pb.INDEX_SEGMENTS]
    assert said["checked"] + said["uncovered"] == said["size"]
    text = town.call("verify", "--index")
    assert f"index: compared {said['checked']} records in {said['files']} file" in text
    assert text.splitlines()[0].endswith(": equal")
    assert town.call("verify", "--index", "-q") == ""
    town.stop()
    assert not left_behind(town) and "TRAIL-D09" not in town.said()


def test_g8_a_posting_that_was_dropped_with_the_keys_at_hand_is_found_by_verify_index(
        town, forged):
    actor, dropped, added = forged
    town.restart()
    want = [e["index"] for e in town.stored if e["actor"]["id"] == actor]
    said, found = verify_index(town, 5)
    assert found == [("index.dropped", dropped)] and said["first_bad"] == dropped
    assert "actor" in said["findings"][0]["what"]
    assert actor not in json.dumps(said), "it may be a person's name"
    told = wait_indexed(town.run, EVENTS)
    assert told[pb.INDEX_DAMAGED] == 1 and "TRAIL-D091" in town.said()
    assert indices(town, f"actor:{actor}") == want
    assert verify_index(town, 0)[1] == []
    assert added > dropped, "of a file the first difference is told"


def one_added(forger):
    key = forger.key_of(index_files.ACTOR, 2, 100)
    docs = forger.terms[key].docs
    added = next(d for d in range(docs[0] + 1, forger.place.high - forger.place.low)
                 if d not in docs and forger.place.low + d in forger.mine)
    forger.change(key, add=[added])
    return "index.added", forger.place.low + added


def last_dropped(forger):
    key = forger.key_of(index_files.OBJECT, 2, 100)
    last = forger.terms[key].docs[-1]
    forger.change(key, [last])
    return "index.dropped", forger.place.low + last


def term_removed(forger):
    key = forger.key_of(index_files.ACTOR, 1, 100)
    return "index.dropped", forger.place.low + forger.terms.pop(key).docs[0]


def last_term_removed(forger):
    key = max(forger.terms)
    return "index.dropped", forger.place.low + forger.terms.pop(key).docs[0]


def term_added(forger):
    forger.terms[bytes([index_files.ACTOR]) + b"nobody"] = index_files.Term(
        [5], forger.sums["first"], forger.sums["last"])
    return "index.added", forger.place.low + 5


def times_of_a_term(forger):
    key = forger.key_of(index_files.ACTOR, 3, 100)
    term = forger.terms[key]
    forger.terms[key] = term._replace(last_s=term.first_s)
    return "index.dropped", forger.place.low + term.docs[0]


def times_of_all(forger):
    forger.sums["first"] = forger.sums["last"]
    return "index.dropped", None


def records_counted(forger):
    forger.sums["records"] += 1
    return "index.damaged", forger.place.low


def losses_counted(forger):
    forger.sums["losses"] += 1
    return "index.damaged", forger.place.low


def long_terms_counted(forger):
    forger.sums["cut"] = sum(len(key) == 256 for key in forger.terms) + 1
    return "index.damaged", forger.place.low


FORGED = [one_added, last_dropped, term_removed, last_term_removed, term_added, times_of_a_term,
          times_of_all, records_counted, losses_counted, long_terms_counted]


@pytest.mark.parametrize("forge", FORGED)
def test_g8_verify_index_finds_what_was_forged_with_the_keys_at_hand(town, forge):
    forger = Forger(town)
    code, index = forge(forger)
    forger.write()
    town.restart()
    said, found = verify_index(town, 5)
    assert [c for c, _ in found] == [code] and index in (None, found[0][1]), said
    wait_indexed(town.run, EVENTS)
    assert verify_index(town, 0)[1] == []


def test_g8_verify_index_finds_a_file_that_the_manifest_does_not_name_any_more(town):
    """Its records are in no search, and nothing that is there tells of it."""
    forger = Forger(town)
    place = forger.place
    first = min(t.docs[0] for k, t in forger.terms.items() if k[0] == index_files.EVENT)
    forger.index.write_manifest([p for p in forger.index.places if p != place])
    town.restart()
    _, found = verify_index(town, 5)
    assert ("index.dropped", place.low + first) in found
    assert {code for code, _ in found} == {"index.dropped"}
    wait_indexed(town.run, EVENTS)
    assert verify_index(town, 0)[1] == []
    ask_some(town, [INDEX])


def test_g8_verify_index_finds_damage_too(town):
    town.restart()
    wait_indexed(town.run, EVENTS)
    flip(largest(town), 4096 * (blocks(largest(town)) // 2) + 50)
    assert [c for c, _ in verify_index(town, 5)[1]] == ["index.damaged"]
    wait_indexed(town.run, EVENTS)
    assert verify_index(town, 0)[1] == []


def test_g8_verify_index_leaves_no_file_behind_where_it_was_killed(town):
    """Each time a little later, until it came to its end."""
    for polls in range(8):
        town.restart()
        wait_indexed(town.run, EVENTS)
        with Client(town.run.address) as client:
            job = client.call(index_check=pb.IndexCheck(start=True)).index_check.job
            for _ in range(polls * polls):
                client.call(index_check=pb.IndexCheck(job=job))
        town.run.kill()
        town.run.finish()
        town.restart()
        town.stop()
        assert not left_behind(town)


def test_verify_index_joins_the_comparison_that_is_under_way(town):
    town.restart()
    wait_indexed(town.run, EVENTS)
    joined = 0
    with Client(town.run.address) as a, Client(town.run.address) as b:
        for _ in range(10):
            sent = [a.send(index_check=pb.IndexCheck(start=True)) for _ in range(2)]
            first, second = (a.wait(number).index_check for number in sent)
            assert second.job - first.job in (0, 1)  # the first may have ended between them
            joined += second.job == first.job
            answer = second
            while not answer.ended:
                answer = b.call(index_check=pb.IndexCheck(job=second.job)).index_check
            assert answer.done == answer.all > 0 and not answer.found and not answer.failed
        again = b.call(index_check=pb.IndexCheck(start=True)).index_check
        assert joined > 0 and again.job == second.job + 1
        assert b.error(index_check=pb.IndexCheck(job=second.job)).code == pb.INVALID
        assert b.error(index_check=pb.IndexCheck()).code == pb.INVALID


def test_verify_index_says_where_there_is_none(town):
    town.restart(index="false")
    _, found = verify_index(town, 6)
    assert found == [("index.none", None)]
    assert "index = false" in town.call("verify", "--index", codes=(6,))
    town.restart()


@pytest.mark.parametrize("words", [["--payloads"], ["--since"], ["."], ["--checkpoint", "x"]])
def test_verify_index_goes_with_nothing_else(town, words):
    town.call("verify", "--index", *words, codes=(2,))


NOISE = bytes.fromhex("10011802") + b"\x3a\x03\x0a\x01n\x42\x03\x0a\x01n"  # a valid event


# ---- last, because it adds a source ---------------------------------------------------------------

@pytest.mark.limit(2 * LIMIT_S)
def test_g8_answers_are_the_same_while_segments_are_built_and_merged(town, measured):
    """Events come all the while, so that there is always something to build and to merge."""
    town.without_index()
    town.restart()
    stop = threading.Event()
    sent = []

    def more():
        with Client(town.run.address) as client:
            client.hello(claims=[("noise", 7)])
            while not stop.is_set():
                client.append("noise", 7, len(sent) * 100 + 1, [NOISE] * 100)
                sent.append(100)

    noise = threading.Thread(target=more)
    noise.start()
    merging = 0
    try:
        assert not verify_index(town, 0)[1], "while the log grows"
        with Client(town.run.address) as client:
            for case in itertools.cycle(town.cases):
                before = numbers(client)[pb.INDEX_MERGES]
                answer = queries.ask(client, case)
                assert answer.indices == case.first, case.text
                merging += before or numbers(client)[pb.INDEX_MERGES]
                if merging == (100 if EVENTS >= 200_000 else 15):
                    break
    finally:
        stop.set()
        noise.join()
    wait_indexed(town.run)
    assert not verify_index(town, 0)[1]
    measured("queries asked during a merge", merging)
    measured("events that came meanwhile", sum(sent))
    assert "TRAIL-D09" not in town.said()


def all_in_one(index):
    """Files of one class and month become one, as the daemon would do in time: (place, terms, sums)."""
    parts = collections.defaultdict(list)
    for place in index.places:
        parts[place.class_no, place.month].append(place)
    mine = max(parts.values(), key=lambda places: places[-1].high - places[0].low)
    place = mine[0]._replace(high=mine[-1].high, serial=mine[0].serial ^ 1)
    terms, sums = {}, {"records": 0, "losses": 0, "first": 2**32 - 1, "last": 0}
    for part in mine:
        read, told = index.read(part)
        for key, term in read.items():
            there = terms.setdefault(key, index_files.Term([], 2**32 - 1, 0))
            there.docs.extend(part.low - place.low + doc for doc in term.docs)
            terms[key] = there._replace(first_s=min(there.first_s, term.first_s),
                                        last_s=max(there.last_s, term.last_s))
        sums = {"records": sums["records"] + told["records"],
                "losses": sums["losses"] + told["losses"],
                "first": min(sums["first"], told["first"]),
                "last": max(sums["last"], told["last"])}
    index.write(place, terms, sums)
    index.write_manifest(sorted({*index.places, place} - {*mine}))
    return place, terms, sums


@pytest.mark.limit(2 * LIMIT_S)
def test_g8_verify_index_compares_files_of_several_pieces(town):
    town.restart()
    with Client(town.run.address) as client:
        client.hello(claims=[("pieces", 7)])
        for first in range(1, 2 * PIECE, 1000):
            client.append("pieces", 7, first, [NOISE] * 1000)
    wait_indexed(town.run, 2 * PIECE)
    town.stop()
    place, terms, sums = all_in_one(index_files.Index(town.state_dir))
    index, kept = town.state_dir / "index", town.traild.folder / "kept"
    shutil.copytree(index, kept)
    town.restart()
    assert not verify_index(town, 0)[1]
    key = bytes([index_files.EVENT])
    docs = terms[key].docs
    assert len(docs) > PIECE
    for at in (0, PIECE, -1):
        town.stop()
        shutil.rmtree(index)
        shutil.copytree(kept, index)
        index_files.Index(town.state_dir).write(place, {**terms, key: terms[key]._replace(
            docs=[doc for doc in docs if doc != docs[at]])}, sums)
        town.restart()
        assert verify_index(town, 5)[1] == [("index.dropped", place.low + docs[at])]
    wait_indexed(town.run)
    assert not verify_index(town, 0)[1]
