# SPDX-License-Identifier: Apache-2.0
"""
G9 from outside: nobody reads through the daemon unseen. Daemons are killed around questions, and
for every answer of which a single byte came there is an event that tells of it; strace shows the
commit of that event between question and answer; a `next` that was tampered with shows nothing
that its own event does not cover. test_pages.py has what each event says.

    TRAIL_KILLS   how many kills (50)
"""
import collections
import os
import random
import shutil
import socket

import pytest
import sanitizers
import wire
from harness import SEED, kill_amid
from test_sync import Counted, dsync_descriptors, is_meta_write, is_sync, judge, parse, without
from wire import Client, pb

KILLS = int(os.environ.get("TRAIL_KILLS", "50"))
READERS = 3
EVENTS = 400
ME = f"uid:{os.getuid()}"

Question = collections.namedtuple("Question", "verb object attributes")


def fill(c, count=EVENTS, first=1):
    for at in range(first, first + count, 100):
        c.append("journal", 7, at, [wire.event(n, actor=f"a{n % 3}", obj=f"/o/{n % 7}") for n in
                                    range(at, min(at + 100, first + count))])


def questions_on_record(address):
    """How often which question is told by an event of source 0; asking leaves one more."""
    found = collections.Counter()
    with Client(address) as c:
        answer = c.search("source:traild action:read")
        for row in answer.all():
            assert row.event.actor.id == ME
            found[Question(row.event.verb, row.event.object.id,
                           tuple((a.key, a.value) for a in row.event.attributes))] += 1
    return found


# ---- kills --------------------------------------------------------------------------------------

class Reader:
    """Asks one question after the other, and counts those of whose answer a byte came."""

    def __init__(self, number):
        self.rng = random.Random(SEED * 100 + number)
        self.shown = collections.Counter()
        self.cut, self.sent, self.fault = 0, 0, None

    def question(self):
        """A request, and how its event will tell of it. since_ns makes most of them unlike."""
        since = self.rng.randrange(1, 10**9)
        kind = self.rng.choice(("search", "history", "get", "range"))
        noted = (("since_ns", str(since)),)
        if kind == "search":
            query = f"actor:a{self.rng.randrange(3)}"
            return {"search": pb.Search(query=query, paging=pb.Paging(since_ns=since))}, \
                Question("search", "search", (("query", query), *noted))
        if kind == "history":
            obj = f"/o/{self.rng.randrange(7)}"
            return {"history": pb.History(object=obj, paging=pb.Paging(since_ns=since))}, \
                Question("history", "history", (("object", obj), *noted))
        index, count = self.rng.randrange(EVENTS), self.rng.randrange(2, 100)
        if kind == "get":
            return {"get": pb.Get(index=index)}, Question("get", f"get:{index}", ())
        return {"get": pb.Get(index=index, count=count)}, \
            Question("get", f"get:{index}", (("count", str(count)),))

    def round(self, address, answered):
        """Until the connection ends. `answered` is called after each answer."""
        try:
            with Client(address) as c:
                while True:
                    body, told = self.question()
                    number = c.send(**body)
                    self.sent += 1
                    # From the first byte on something was shown, whether or not the rest comes.
                    first = c.sock.recv(1, socket.MSG_PEEK)
                    if not first:
                        return
                    self.shown[told] += 1
                    self.cut += 1
                    answer = c.wait(number)
                    assert answer.WhichOneof("body") == "rows", answer
                    self.cut -= 1
                    answered()
        except (wire.Closed, ConnectionError):
            pass
        except BaseException as fault:  # told by the main thread
            self.fault = fault


@pytest.mark.limit(120 + KILLS * 5)
def test_g9_every_answer_is_told_by_an_event_whatever_was_killed(traild, measured):
    rng = random.Random(SEED)
    readers = [Reader(n) for n in range(READERS)]
    run = traild.start()
    state, own = run.state_dir, collections.Counter()
    with Client(run.address) as c:
        fill(c)
    for _ in range(KILLS):
        kill_amid(run, readers, run.kill, rng, 39)
        run = traild.start(state)
        shown = sum((r.shown for r in readers), collections.Counter())
        told = questions_on_record(run.address)
        hidden = shown + own - told
        assert not hidden, f"answered and in no event: {hidden}"
        own[Question("search", "search", (("query", "source:traild action:read"),))] += 1
    run.stop()
    traild.assert_valid(state)
    measured("kills", KILLS)
    measured("answers, each told by an event", sum(shown.values()))
    measured("questions that died on their way", sum(r.sent for r in readers) - sum(shown.values()))
    measured("events of questions that were never answered",
             sum((told - shown - own).values()))
    assert sum(shown.values()) > KILLS


# ---- strace -------------------------------------------------------------------------------------

class Asking(Counted):
    """Notes where each first page's answer begins: later pages need no commit."""

    def recv(self):
        body = self.recv_raw()
        response = pb.Response.FromString(body)
        if response.id in self.request_end:
            assert response.WhichOneof("body") == "rows", response
            self.stream.acks.append((self.request_end[response.id], self.received))
        self.received += 4 + len(body)
        return response

    def ask(self, **body):
        number = self.send(**body)
        self.request_end[number] = self.sent_bytes
        return number


def questions(n):
    since = pb.Paging(since_ns=1 + n)
    return ({"search": pb.Search(query="actor:a1", paging=since)},
            {"history": pb.History(object=f"/o/{n % 7}", paging=since)},
            {"get": pb.Get(index=n)}, {"get": pb.Get(index=n, count=50)})


@pytest.fixture(scope="module")
def trace(module_traild):
    """(lines, the stream of a client that asks one by one, those of three that ask ahead)"""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if module_traild.wrapper:
        pytest.skip("strace would see the wrapper's calls")
    path = module_traild.folder / "trace"
    # As in test_sync: syncs begin late, so an answer that does not wait for them is the faster one.
    run = module_traild.start(env=sanitizers.traced(), wrapper=[
        "strace", "-f", "-yy", "-ttt", "-s", "0", "-o", str(path), "-e",
        "trace=read,recvfrom,recvmsg,readv,write,sendto,sendmsg,writev,pwrite64,pwritev,fdatasync,"
        "fsync,openat", "-e", "inject=fdatasync,fsync:delay_enter=3000", "-e",
        "inject=pwrite64:delay_enter=1000"])
    with Client(run.address) as c:
        fill(c)
    with Asking(run.address) as alone:
        for n in range(25):
            for body in questions(n):
                alone.wait(alone.ask(**body))
    ahead = [Asking(run.address) for _ in range(3)]
    for c in ahead:
        pending = [c.ask(**body) for n in range(5) for body in questions(n)]
        for number in pending:
            c.wait(number)
        c.close()
    run.stop()
    return path.read_text(errors="replace").splitlines(), alone.stream, [c.stream for c in ahead]


def test_g9_an_answer_leaves_behind_the_commit_of_its_event(trace, measured):
    lines, alone, ahead = trace
    looked_at, missing = judge(lines, [alone, *ahead])
    assert not missing, f"{len(missing)}: " + "\n".join(missing[:10])
    assert looked_at == 25 * 4 + 3 * 20
    measured("answers behind fdatasync and meta write", looked_at)


@pytest.mark.parametrize("what", ["sync", "meta"])
def test_a_trace_without_the_commit_is_found_out(trace, what):
    lines, alone, ahead = trace
    descriptors = dsync_descriptors(parse(lines))
    doctored = without(lines, is_sync if what == "sync" else
                       lambda call: is_meta_write(call, descriptors))
    assert len(doctored) < len(lines)
    looked_at, missing = judge(doctored, [alone, *ahead])
    assert looked_at == len(missing) > 0


# ---- later pages --------------------------------------------------------------------------------

@pytest.fixture
def page(traild):
    """(client, first page of a question that has more, its rows in full): asked once each."""
    run = traild.start()
    with Client(run.address) as c:
        fill(c)
        whole = [row.index for row in c.search("actor:a1").all()]
        c.search("actor:a2").all()
        first = c.want("rows", search=pb.Search(query="actor:a1", paging=paging()))
        # What came behind the question is nobody's business.
        fill(c, 100, EVENTS + 1)
        yield c, first, whole


def paging(**more):
    return pb.Paging(since_ns=5, limit=10, **more)


def go_on(c, following, query="actor:a1", **more):
    return c.call(search=pb.Search(query=query, paging=paging(next=following, **more)))


def shows_no_more(answer, first, whole):
    """Refused, or rows that the question's own event covers. Whether it was refused."""
    if answer.WhichOneof("body") == "error":
        assert answer.error.code == pb.INVALID, answer
        return True
    assert answer.rows.read == first.read
    assert all(row.index < first.read and row.index in whole for row in answer.rows.rows)
    return False


def test_g9_no_bit_of_next_can_be_changed_to_see_more(page, measured):
    c, first, whole = page
    size = c.checkpoint().size
    refused = sum(shows_no_more(go_on(c, bytes(x ^ y for x, y in zip(
        first.next, (1 << bit).to_bytes(len(first.next), "big")))), first, whole)
        for bit in range(8 * len(first.next)))
    measured("bits of next", f"{8 * len(first.next)}, {refused} of them refused")
    assert refused > 0
    assert c.checkpoint().size == size, "what was not asked anew left no event"


def test_g9_next_cannot_be_invented(page):
    """Not from nothing, and not by naming any other record as the one that tells of it."""
    c, first, whole = page
    rng = random.Random(SEED)
    for length in (1, 8, len(first.next), 64):
        for _ in range(50):
            answer = go_on(c, rng.randbytes(length))
            assert answer.error.code == pb.INVALID
    read = first.read.to_bytes(8, "big")
    assert first.next.count(read) == 1, "the test knows where the event's index stands"
    others = [i for i in range(c.checkpoint().size) if i != first.read]
    for index in others:
        answer = go_on(c, first.next.replace(read, index.to_bytes(8, "big")))
        assert answer.error.code == pb.INVALID, index
    assert not shows_no_more(go_on(c, first.next), first, whole), "as it was it goes on"


def test_g9_an_old_next_shows_what_its_event_covers_and_no_more(page):
    c, first, whole = page
    seen, following = [row.index for row in first.rows], first.next
    while True:
        answer = go_on(c, following)
        assert not shows_no_more(answer, first, whole)
        seen += [row.index for row in answer.rows.rows]
        if answer.rows.done:
            break
        following = answer.rows.next
    assert seen == whole


@pytest.mark.parametrize("more", [{"follow_ms": 1}, {"newest_first": True}, {"from": 3},
                                  {"until_ns": 1 << 62}], ids=lambda more: next(iter(more)))
def test_g9_next_of_one_question_is_none_of_another(page, more):
    """In other words it is refused, or a question of its own with an event of its own."""
    c, first, whole = page
    answer = go_on(c, first.next, **more)
    if answer.WhichOneof("body") == "rows" and "from" in more:
        shows_no_more(answer, first, whole)  # a narrower part of the same answer
    else:
        assert answer.error.code == pb.INVALID, answer
