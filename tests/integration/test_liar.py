# SPDX-License-Identifier: Apache-2.0
"""
trail against a daemon that lies (tests/integration/liar.py): it says so in a sentence, exits 5 and
prints no row that it did not verify, whatever field of whatever answer is changed. What a client
cannot notice stands in LIMITS, with the place where users are told.
"""
import json
import os
import re
import shutil
import subprocess

import liar
import pytest
import wire
from harness import ROOT, SLOW
from liar import Facts, Proxy, asker, teller
from test_client_py import Python
from wire import Client

TIMEOUT_S = 2 * SLOW
# "x" seven times in a row and then here and there, as one history; "y" is somebody else's.
OBJECTS = "xxxxxxxyxyxyxy"
ROWS = OBJECTS.count("x")


class World:
    """A log, two others, a liar in front of the first, and a user who knows the log."""

    def __init__(self, traild, trail):
        self.program, self.folder = trail, traild.folder
        self.run, self.other = traild.start(), traild.start(origin="example.org/other")
        self.twin = traild.start()
        self.proxy = Proxy(self.folder / "liar", self.run.address)
        (self.folder / "a.jsonl").write_text("".join(json.dumps(
            {"time": f"2026-03-01T12:00:{n:02}Z", "action": "READ", "actor": {"id": "anna"},
             "object": {"id": obj}, "source": "journal"}) + "\n"
            for n, obj in enumerate(OBJECTS)))
        self.trail("emit", "read", "x0", "--source", "archive", state="met")
        older = self.trail("checkpoint", state="met").stdout.encode()
        self.trail("emit", "read", "x0", "--source", "archive", state="met")
        self.first = json.loads(self.trail("import", self.folder / "a.jsonl", "-o", "json",
                                           state="writer").stdout)["first_index"]
        with Client(self.other.address) as other, Client(self.twin.address) as twin:
            self.facts = Facts(self.run.address, older, other.greeting, twin.greeting)
        self.learn()

    def learn(self):
        """Records that a liar may need."""
        facts = self.facts
        records = [wire.record_parse(raw) for raw in facts.client.records()[0]]
        sources = [i for i, r in enumerate(records) if r.kind == wire.SOURCE]
        facts.another_source = lambda index: next(i for i in sources if i != index)
        facts.control_row = sources[1]
        facts.peer = next(i for i, r in enumerate(records) if r.kind == wire.PEER)
        facts.start = next(i for i, r in enumerate(records) if i > 0 and r.kind == wire.DAEMON)
        facts.first_row = self.first
        facts.foreign_row = self.first + OBJECTS.index("y")

    def append(self, obj):
        """Past trail and the liar."""
        self.facts.client.append("archive", 0, 0, [wire.event(obj=obj)])

    def trail(self, *words, state="met", copy=False):
        """Any end of trail; copy: the user's state is not to learn from it."""
        folder = self.folder / state
        if copy:
            shutil.rmtree(self.folder / "copy", ignore_errors=True)
            if folder.exists():
                shutil.copytree(folder, self.folder / "copy")
            folder = self.folder / "copy"
        command = [self.program, "--connect", f"unix:{self.proxy.address}", "--timeout",
                   str(TIMEOUT_S), *map(str, words)]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=False,
                              timeout=15 * TIMEOUT_S,
                              env=dict(os.environ, XDG_STATE_HOME=str(folder), TZ="UTC"))

    def finish(self):
        self.facts.client.close()
        self.proxy.close()


@pytest.fixture(scope="module")
def world(module_traild, build):
    world = World(module_traild, build / "trail")
    yield world
    world.finish()


def found_out(world, done, about, honest=(), codes=(5,)):
    """trail noticed: the exit code, one sentence that says what, and no row but honest ones."""
    said = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert world.proxy.told > 0, f"the lie was never told: {said}"
    assert world.proxy.fault is None, world.proxy.fault
    assert done.returncode in codes, said
    sentences = [line for line in done.stderr.splitlines() if line.startswith("trail: ")]
    assert len(sentences) == 1 and re.search(f"{about}|answer is malformed", sentences[0]), said
    for line in done.stdout.splitlines():
        assert row_of(line) in honest, f"a row that was not verified: {line}\n{said}"


WHO = "log|first record|extends|shrank|checkpoint"
RECEIPT = r"the receipt for source \S+, seq \d+, does not verify: |checkpoint that .* did not sign"
PAGE = r"(record \d+|a page of the answer) does not verify: |checkpoint that .* did not sign|shrank"
LIST = r"the list of sources does not verify, at record \d+: |checkpoint that .* did not sign"


def row_of(line):
    """A row of -o json but for its proof, which may be to another checkpoint."""
    row = json.loads(line)
    row.pop("proof", None)
    return json.dumps(row, sort_keys=True)


def honest_rows(world, words):
    world.proxy.lie()
    done = world.trail(*words, copy=True)
    assert done.returncode == 0, done.stderr
    rows = {row_of(line) for line in done.stdout.splitlines()}
    assert rows
    return rows


def tell(world, kind, lie, words, state="met"):
    """Run trail with this lie in every answer of the kind."""
    world.proxy.lie(on_answer=teller(lie, kind, world.facts))
    return world.trail(*words, state=state, copy=True)


def table(lies):
    return pytest.mark.parametrize("lie", lies.values(), ids=lies.keys())


# ---- who it is, and how far its log goes --------------------------------------------------------

@table(liar.HELLO)
def test_hello(world, lie):
    found_out(world, tell(world, "hello", lie, ["checkpoint"]), WHO)


@table({**liar.IDENTITIES, **liar.notes()})
def test_hello_at_a_first_contact(world, lie):
    """Nothing is known yet: identity, checkpoint and genesis must fit each other."""
    found_out(world, tell(world, "hello", lie, ["checkpoint"], state="new"), WHO)


@table(liar.PROOF)
def test_genesis_at_a_first_contact(world, lie):
    found_out(world, tell(world, "proof", lie, ["checkpoint"], state="new"), WHO)


@table(liar.notes(older=liar.OLDER))
def test_checkpoint(world, lie):
    found_out(world, tell(world, "checkpoint", lie, ["checkpoint"]), WHO)


@table(liar.notes())
def test_status(world, lie):
    found_out(world, tell(world, "status", lie, ["status"]), WHO)


def other_body(_, answer):
    answer.closed.SetInParent()


def other_id(request, answer):
    answer.id = request.id + 1


def behind_hello(lie):
    """on_answer: what the command itself asks for is answered so."""
    def on_answer(request, answer):
        if request.WhichOneof("body") not in ("hello", None):
            lie(request, answer)
    return on_answer


@pytest.mark.parametrize("lie", [other_body, other_id])
@pytest.mark.parametrize("words", [["checkpoint"], ["emit", "read", "x0"], ["show", "1"],
                                   ["prove", "1"], ["status"], ["history", "x"], ["search"],
                                   ["sources"]], ids=lambda words: words[0])
def test_an_answer_to_something_else(world, words, lie):
    world.proxy.lie(on_answer=behind_hello(lie))
    found_out(world, world.trail(*words, copy=True), "something else than asked|was not made")


# ---- receipts -----------------------------------------------------------------------------------

@table(liar.APPENDED)
def test_receipt(world, lie):
    done = tell(world, "appended", lie, ["emit", "read", "x0", "--source", "archive"])
    found_out(world, done, RECEIPT)


@table({**liar.PROOF})
def test_the_consistency_of_a_receipts_checkpoint(world, lie):
    words = ["emit", "read", "x0", "--source", "archive"]
    found_out(world, tell(world, "proof", lie, words), WHO)


@table(liar.HELD)
def test_receipt_for_what_is_held_already(world, lie):
    done = tell(world, "appended", lie, ["import", world.folder / "a.jsonl"])
    found_out(world, done, RECEIPT)


# ---- rows ---------------------------------------------------------------------------------------

HISTORY = ["history", "x", "-o", "json"]
SEARCH = ["search", "object:x", "actor:anna", "-n", "0", "-o", "json"]


@table(liar.MANY)
@pytest.mark.parametrize("words", [HISTORY, SEARCH], ids=lambda words: words[0])
def test_rows(world, words, lie):
    honest = honest_rows(world, words)
    found_out(world, tell(world, "rows", lie, words), PAGE, honest)


def small_pages(request):
    body = request.WhichOneof("body")
    if body in ("history", "search"):
        # No more than the client asked for, which it would see.
        paging = getattr(request, body).paging
        paging.limit = min(paging.limit or 3, 3)


REPORT = ["report", "objects", "-o", "json"]


@table(liar.COUNTED)
def test_counts_of_a_report(world, lie):
    found_out(world, tell(world, "rows", lie, REPORT), PAGE, set())


def test_a_time_that_is_none_in_a_report(world):
    found_out(world, tell(world, "rows", liar.key_becomes(b"7 bytes"), ["report", "time"]), PAGE, set())


@table(liar.LATER)
def test_rows_of_a_later_page(world, lie):
    honest = honest_rows(world, HISTORY)
    world.proxy.lie(on_request=small_pages, on_answer=teller(lie, "rows", world.facts))
    done = world.trail(*HISTORY, copy=True)
    assert len(world.proxy.answers("rows")) >= 2, done.stderr
    world.proxy.told -= len(world.proxy.answers("rows"))  # small pages are no lie
    found_out(world, done, PAGE, honest)


def test_many_small_pages_are_no_lie(world):
    honest = honest_rows(world, HISTORY)
    world.proxy.lie(on_request=small_pages)
    done = world.trail(*HISTORY, copy=True)
    assert done.returncode == 0 and {row_of(line) for line in done.stdout.splitlines()} == honest
    assert len(world.proxy.answers("rows")) >= 3


@table(liar.ASKED)
def test_rows_of_another_question(world, lie):
    honest = honest_rows(world, HISTORY)
    world.proxy.lie(on_request=asker(lie, "history"))
    found_out(world, world.trail(*HISTORY, copy=True), PAGE, honest)


@pytest.mark.parametrize("bound, field", [(["-S", "2026-03-01T12:00:03Z"], "since_ns"),
                                          (["-U", "2026-03-01T12:00:03Z"], "until_ns")])
def test_rows_outside_of_the_time_that_was_asked(world, bound, field):
    words = [*SEARCH, *bound]
    honest = honest_rows(world, words)
    assert 0 < len(honest) < ROWS
    world.proxy.lie(on_request=asker(lambda s: s.paging.ClearField(field), "search"))
    found_out(world, world.trail(*words, copy=True), PAGE, honest)


LAST_TWO = ["search", "object:x", "-n", "2", "-o", "json"]


def uncounted(request):
    """Small pages, and rows where they were to be counted alone."""
    small_pages(request)
    if request.WhichOneof("body") == "search" and request.search.paging.count:
        request.search.paging.count = False
        request.search.paging.limit = 2


def test_rows_where_a_count_was_asked(world):
    honest = honest_rows(world, LAST_TWO)
    assert len(honest) == 2
    world.proxy.lie(on_request=uncounted)
    done = world.trail(*LAST_TWO, copy=True)
    assert any(a.rows.rows for a in world.proxy.answers("rows")[1:])
    found_out(world, done, PAGE, honest)


@pytest.mark.parametrize("words", [HISTORY, SEARCH], ids=lambda words: words[0])
def test_pages_that_creep_end(world, words):
    """Empty pages, each one record further: at the question's own record or the deadline."""
    honest = honest_rows(world, words)
    done = tell(world, "rows", liar.creeping, words)
    found_out(world, done, f"{PAGE}|in time", honest, codes=(3, 5))


@table(liar.FOLLOWED)
def test_rows_that_follow(world, lie):
    """The second page is asked for; then what it waits for comes, and the liar with it."""
    words = ["search", "object:z", "-n", "0", "-o", "json"]
    world.append("z")

    def on_request(request):
        if request.WhichOneof("body") == "search" and request.search.paging.next:
            world.append("z")
    world.proxy.lie(on_request, teller(lie, "rows", world.facts))
    done = world.trail(*words, "-f", copy=True)
    told, fault = world.proxy.told, world.proxy.fault
    honest = honest_rows(world, words)
    world.proxy.told, world.proxy.fault = told, fault
    assert done.stdout, "the first page is shown at once"
    found_out(world, done, PAGE, honest)


@table(liar.ONE)
def test_show(world, lie):
    found_out(world, tell(world, "rows", lie, ["show", world.first]), PAGE)


@table(liar.EVIDENCE)
def test_prove(world, lie):
    found_out(world, tell(world, "rows", lie, ["prove", world.first]), PAGE)


@table(liar.SOURCES)
def test_sources(world, lie):
    found_out(world, tell(world, "sources", lie, ["sources"]), LIST)


@table(liar.RECORDS)
def test_verify(world, lie):
    """The checkpoint of a page is not looked at: verify has its own, signed, and holds to that."""
    found_out_by_verify(world, tell(world, "records", lie, ["verify", "-o", "json"]))


@pytest.mark.parametrize("lie", [other_body, other_id])
def test_verify_is_answered_something_else(world, lie):
    world.proxy.lie(on_answer=behind_hello(lie))
    found_out_by_verify(world, world.trail("verify", "-o", "json", copy=True))


@table(liar.CONTROLS)
def test_verify_of_seals(world, lie):
    """A SEAL that is withheld or exchanged is no smaller matter than one that is forged."""
    found_out_by_verify(world, tell(world, "rows", lie, ["verify", "-o", "json"]))


@table(liar.BASE)
def test_verify_of_seals_before_where_it_begins(world, lie):
    world.proxy.lie()
    note = world.folder / "since.note"
    note.write_text(world.trail("checkpoint").stdout)
    world.append("x9")
    words = ["verify", f"--since={note}", "-o", "json"]
    found_out_by_verify(world, tell(world, "rows", lie, words))


def found_out_by_verify(world, done):
    """Its verdict is data; the sentence is one of a finding."""
    said = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert world.proxy.told > 0 and world.proxy.fault is None, said
    assert done.returncode == 5, said
    if done.stdout:
        report = json.loads(done.stdout)
        assert report["verdict"] == "invalid" and report["findings"], said
        assert all(f["code"] and f["what"] for f in report["findings"]), said
    else:
        assert done.stderr.startswith("trail: "), said


# ---- client.py, too, but for what it says that it leaves out ------------------------------------

BEYOND_PYTHON = {
    # It checks no signature, keeps nothing, and does not use the last three.
    "checkpoint-signature", "checkpoint-unsigned", "checkpoint-cut", "checkpoint-size", "stale",
    "completeness-absent", "next-long", "read-behind-the-tree",
}


@table({name: lie for name, lie in liar.MANY.items() if name not in BEYOND_PYTHON})
def test_python_client(world, lie):
    world.proxy.lie(on_answer=teller(lie, "rows", world.facts))
    done = Python(world.proxy.address)("history", "x", code=5)
    assert world.proxy.told > 0 and world.proxy.fault is None
    assert done.stderr.startswith("the daemon lies: ") and len(done.stderr.splitlines()) == 1


# ---- whole daemons that are not what they were --------------------------------------------------

class Before:
    """A log, a copy of all its state from when it was smaller, and a user who saw more."""

    def __init__(self, traild, build, folder):
        self.traild, self.program, self.folder = traild, build / "trail", folder
        first = traild.start()
        self.state, self.copy = first.state_dir, folder / "copy"
        with Client(first.address) as c:
            c.append("journal", 1, 1, [wire.event(i) for i in range(5)])
        first.stop()
        shutil.copytree(self.state, self.copy)
        now = traild.start(self.state)
        with Client(now.address) as c:
            c.append("journal", 1, 6, [wire.event(i) for i in range(5, 8)])
            self.size = c.checkpoint().size
        self.proxy = Proxy(folder / "p", now.address)
        assert self.trail("checkpoint").returncode == 0
        self.proxy.close()
        os.unlink(self.proxy.address)
        now.stop()

    def trail(self, *words):
        return subprocess.run(
            [self.program, "--connect", f"unix:{self.proxy.address}", "--timeout", str(TIMEOUT_S),
             *words], capture_output=True, encoding="utf-8", timeout=15 * TIMEOUT_S, check=False,
            env=dict(os.environ, XDG_STATE_HOME=str(self.folder / "user")))

    def serve(self, more):
        """The older copy, with `more` events of another history, behind one who hides our note."""
        run = self.traild.start(self.copy)
        with Client(run.address) as c:
            for _ in range(more):
                size = c.append("journal", 0, 0, [wire.event(99)])
            size = c.checkpoint().size
        self.proxy = Proxy(self.proxy.address, run.address, on_request=hide_checkpoint)
        return run, size


def hide_checkpoint(request):
    if request.WhichOneof("body") == "hello":
        request.hello.ClearField("checkpoint")


@pytest.fixture
def before(traild, build, folder):
    return Before(traild, build, folder)


def exposed(before, words, pattern):
    done = before.trail(*words)
    before.proxy.close()
    assert done.returncode == 5 and done.stdout == "", f"{done.returncode} {done.stderr}"
    assert re.search(pattern, done.stderr), done.stderr


def test_g6_a_log_that_shrank_is_found_out(before):
    _, size = before.serve(0)
    assert size < before.size
    exposed(before, ["checkpoint"], f"shrank.*{size} records, {before.size}")


def test_g3_a_fork_of_the_same_size_is_found_out(before):
    run, size = before.serve(0)
    with Client(run.address) as c:
        while size < before.size:
            c.append("journal", 0, 0, [wire.event(99)])
            size = c.checkpoint().size
    exposed(before, ["checkpoint"], f"two different trees of {size} records")


@pytest.mark.parametrize("words", [["checkpoint"], ["status"], ["emit", "read", "x"]],
                         ids=lambda words: words[0])
def test_g3_a_fork_that_grew_is_found_out(before, words):
    _, size = before.serve(12)
    assert size > before.size
    exposed(before, words, f"{size} records extends the one of {before.size}|cannot prove")


def test_the_daemon_of_a_restored_log_stops_where_nobody_hides_the_newer_checkpoint(before):
    run, _ = before.serve(0)
    before.proxy.lie()
    done = before.trail("checkpoint")
    before.proxy.close()
    assert done.returncode in (3, 5) and done.stdout == ""
    assert run.wait_exit() != 0


# ---- what cannot be noticed, and where it says so -----------------------------------------------

def payload_withheld(told, answer):
    liar.withhold(told, answer.rows[0])


def all_left_out(_, answer):
    del answer.rows[:]
    del answer.named[:]
    answer.matched = 0


def last_left_out(_, answer):
    """The last row has a path of its own, and nothing that leans on it here."""
    alone = [i for i, row in enumerate(answer.rows)
             if row.path and not any(r.index == row.index - 1 for r in answer.rows)]
    answer.rows.pop(alone[-1])
    answer.matched -= 1


def all_current(_, answer):
    answer.completeness.sources, answer.completeness.current, answer.completeness.gaps = 9, 9, 0


def count_changed(told, answer):
    if told.request.search.paging.count:
        answer.matched += 5


def counts_moved(_, answer):
    counts = sum(c.count for c in answer.counts)
    del answer.counts[:]
    answer.counts.add(key=b"MORE", count=counts - 7)
    answer.counts.add(key=b"ELSE", count=7)


def healthy(_, answer):
    answer.events, answer.free_bytes, answer.full, answer.pending_gaps = 1, 1 << 50, False, 0
    answer.version = "9.9.9"


def sources_healthy(_, answer):
    for state in answer.sources:
        state.lost, state.missing, state.open_ends, state.heard_ns = 0, 0, 0, 1 << 60


def source_left_out(_, answer):
    answer.sources.pop()


WORD = "That no row is left out is the daemon's word"

# name: (kind of answer, lie, command, file, the words that state the limit, what trail prints)
LIMITS = {
    "a payload that is said to be erased": (
        "rows", payload_withheld, ["show", "FIRST"], "include/trail.h",
        "NULL: erased, or none is kept", "payload erased"),
    "a peer whose name is said to be erased": (
        "rows", liar.name_withheld(wire.PEER), ["show", "FIRST"], "include/trail.h",
        "NULL: none, or erased", "(erased)"),
    "a history of nothing": (
        "rows", all_left_out, ["history", "x"], "include/trail.h",
        WORD, ""),
    "a row that nothing on its page leans on": (
        "rows", last_left_out, ["history", "x"], "include/trail.h",
        WORD, ""),
    "completeness": (
        "rows", all_current, ["history", "x"], "README.md",
        "the numbers of the completeness line", "9 of 9 sources current"),
    "a count of rows that were not sent": (
        "rows", count_changed, ["search", "object:x", "-n", "2"], "README.md",
        "the numbers of the completeness line", "showing 2 of 15"),
    "a number of a report": (
        "rows", counts_moved, ["report", "objects"], "include/trail.h",
        "The counts are what the daemon says.", "7 ELSE"),
    "the numbers of status": (
        "status", healthy, ["status"], "include/trail.h",
        "only the checkpoint among it is checked", "9.9.9"),
    "the numbers of sources": (
        "sources", sources_healthy, ["sources"], "include/trail.h",
        "the rest is the daemon's word", ""),
    "a source that is left out": (
        "sources", source_left_out, ["sources"], "include/trail.h",
        "the rest is the daemon's word", ""),
    "an event that is said to be held, and not found": (
        "appended", liar.duplicate_with_nothing, ["import", "A.JSONL"], "include/trail.h",
        "whose content the daemon no longer has: nothing could be compared",
        "could not be compared"),
}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS.keys())
def test_limits_are_what_is_said_of_them(world, limit):
    kind, lie, words, file, stated, said = limit
    words = [{"FIRST": str(world.first), "A.JSONL": world.folder / "a.jsonl"}.get(w, w)
             for w in words]
    world.proxy.lie(on_request=small_pages if lie is count_changed else None,
                    on_answer=teller(lie, kind, world.facts))
    done = world.trail(*words, copy=True)
    assert world.proxy.told > 0 and world.proxy.fault is None
    # 6: what could not be compared is no success.
    allowed = (6,) if words[0] == "import" else (0, 1)
    assert done.returncode in allowed, done.stderr
    assert said in done.stdout + done.stderr
    text = re.sub(r"[\s*]+", " ", (ROOT / file).read_text())
    assert stated in text, f"{file} must state this limit"
