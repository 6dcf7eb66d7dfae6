# SPDX-License-Identifier: Apache-2.0
"""
Pages of rows: Search, History, Get and Sources over the wire, each row proven, each question on
record before it is answered (DESIGN.md sections 7, 8 and G8, G9).
"""
import os
import random
import threading
import time

import pytest
import wire
from wire import Client, pb

ME = f"uid:{os.getuid()}"


def fill(c, count=300, batch=50, source="journal", epoch=7, first=1):
    """Events whose actor, object, subject, action and outcome follow from their number."""
    for at in range(first, first + count, batch):
        c.append(source, epoch, at, [numbered(n) for n in range(at, min(at + batch, first + count))])


def numbered(n):
    return wire.event(n, actor=f"a{n % 3}", obj=f"/o/{n % 7}", subject=f"p-{n % 5}",
                      action=1 + n % 5, outcome=n % 4)


def traces(c, verb=None):
    """Events of the log itself that tell of questions, oldest first; asking leaves one more."""
    rows = c.search("source:traild action:read").all()
    return [r for r in rows if verb in (None, r.event.verb)]


def attributes(row):
    return {a.key: a.value for a in row.event.attributes}


# ---- what is found -------------------------------------------------------------------------------

TERMS = [
    ("", lambda n: True),
    ("actor:a1", lambda n: n % 3 == 1),
    ("object:/o/3", lambda n: n % 7 == 3),
    ("subject:p-4", lambda n: n % 5 == 4),
    ("action:delete", lambda n: 1 + n % 5 == 4),
    ("outcome:DENIED", lambda n: n % 4 == 1),
    ("source:journal", lambda n: True),
    ("source:other", lambda n: False),
    ('actor:"a2" object:/o/0 action:read', lambda n: n % 3 == 2 and n % 7 == 0 and 1 + n % 5 == 2),
    ("actor:nobody", lambda n: False),
]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [0, 7])
def test_search_finds_exactly_what_matches_in_order(traild, newest_first, limit):
    run = traild.start()
    with Client(run.address) as c:
        fill(c)
        for query, matches in TERMS:
            answer = c.search(query, newest_first=newest_first, limit=limit)
            seqs = [r.record.seq for r in answer.all() if r.record.source]
            want = [n for n in range(1, 301) if matches(n)]
            assert seqs == (want[::-1] if newest_first else want), query
            assert answer.matched == len(answer.rows)
            assert answer.completeness.method == pb.Completeness.SCAN
            if limit:
                assert answer.pages >= len(answer.rows) / limit


def test_history_is_that_of_one_object(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c)
        rows = c.history("/o/3").all()
        assert [r.record.seq for r in rows] == [n for n in range(1, 301) if n % 7 == 3]
        assert all(r.source == "journal" and r.peer.name == str(os.getuid()) for r in rows)
        assert c.history('odd "id" *').all() == []


def test_bounds_of_time_and_index(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c, 100)
        t = wire.EVENT_TIME_NS
        rows = c.search("source:journal").all()
        times = [r.event.time_ns for r in rows]
        assert times == sorted(times) and times[0] != times[-1]
        some = c.search("source:journal", since_ns=times[20], until_ns=times[40]).all()
        assert [r.event.time_ns for r in some] == [x for x in times if times[20] <= x < times[40]]
        assert c.search("source:journal", until_ns=t - 10**18).all() == []
        middle = rows[50].index
        assert c.search("source:journal", **{"from": middle}).all()[0].index == middle
        assert c.search("source:journal", newest_first=True,
                        **{"from": middle}).all()[0].index == middle - 1
        assert [r.index for r in c.search(f"index:{middle}").all()] == [middle]
        assert c.search(f"index:{2**64 - 1}").all() == []


def test_counting_needs_no_rows(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c)
        answer = c.search("actor:a1", count=True)
        assert answer.all() == [] and answer.matched == 100
        # Some rows, then the rest counted: `matched` goes on.
        answer = c.search("actor:a1", limit=10, newest_first=True)
        answer.page()
        answer.request.paging.count = True
        answer.all()
        assert len(answer.rows) == 10 and answer.matched == 100


def test_get_gives_any_range(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c, 2000, 500)
        raw, _ = c.records()
        answer = wire.Rows(c, "get", pb.Get(index=0, count=10**6))
        rows = answer.all()
        assert answer.pages > 1
        assert [r.raw for r in rows] == raw[:len(rows)] and rows[-1].index == answer.read - 1
        chained = sum(1 for r in rows if not r.path)
        assert chained == len(rows) - answer.pages, "one path a page"
        assert [r.index for r in wire.Rows(c, "get", pb.Get(index=5, count=3)).all()] == [5, 6, 7]
        evidence = wire.Rows(c, "get", pb.Get(index=9, want_genesis=True))
        evidence.one()
        assert 0 in [item.index for item in evidence.last.named]
        for bad in (pb.Get(index=2**63), pb.Get(index=1, count=5, want_genesis=True),
                    pb.Get(index=1, paging=pb.Paging(count=True))):
            assert c.error(get=bad).code == pb.INVALID


def test_pages_stay_within_their_bounds(traild):
    run = traild.start()
    with Client(run.address) as c:
        big = [wire.event(n, raw=os.urandom(16000)) for n in range(1, 61)]
        for at in range(0, 60, 20):
            c.append("big", 3, 1 + at, big[at:at + 20])
        answer = c.search("source:big")
        while not answer.completeness:
            answer.page()
            assert answer.last.ByteSize() <= 256 * 1024 and len(answer.last.next) <= 64
            assert answer.last.rows or answer.last.done
        assert len(answer.rows) == 60 and answer.pages > 3


# ---- queries that are none -----------------------------------------------------------------------

@pytest.mark.parametrize("query,code,at", [
    ("actr:anna", pb.INVALID, 0), ("actor:a  anna", pb.INVALID, 9), ('actor:"a', pb.INVALID, 6),
    ("actor:", pb.INVALID, 0), ("action:look", pb.INVALID, 7), ("index:1x", pb.INVALID, 6),
    ("source:UPPER", pb.INVALID, 7), ('actor:"a"b', pb.INVALID, 9),
    ("-actor:", pb.INVALID, 0), ("actor:a*..b", pb.INVALID, 7), ("action:r*", pb.INVALID, 7),
    ("index:5..1", pb.INVALID, 6), ("actor:a actor:..", pb.INVALID, 14),
    ("id:* " * 65, pb.TOO_BIG, 320), ("x" * 5000, pb.TOO_BIG, 0)])
def test_bad_query_is_refused_at_its_place_and_leaves_nothing(traild, query, code, at):
    run = traild.start()
    with Client(run.address) as c:
        size = c.checkpoint().size
        error = c.error(search=pb.Search(query=query))
        assert (error.code, error.index) == (code, at) and error.sentence
        assert c.checkpoint().size == size
    assert "actor?" in error.sentence or not query.startswith("actr")


# ---- G9: on record before it is answered ---------------------------------------------------------

def test_g9_every_question_is_one_event_of_the_log(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c)
        answer = c.search("subject:p-3 action:delete", limit=5, since_ns=1)
        answer.all()
        assert answer.pages > 2
        read = c.get(answer.read)
        assert read.record.source == 0 and read.event.action == pb.ACTION_READ
        assert (read.event.verb, read.event.object.id) == ("search", "search")
        assert read.event.actor.id == ME and read.event.subject == "p-3"
        assert attributes(read) == {"query": "subject:p-3 action:delete", "since_ns": "1"}
        history = c.history("/o/3")
        history.all()
        told = c.get(history.read)
        assert told.event.verb == "history" and attributes(told) == {"object": "/o/3"}
        got = c.get(5)
        whole = traces(c)
        assert [t.event.object.id for t in whole] == [
            "search", f"get:{answer.read}", "history", f"get:{history.read}", "get:5"], \
            "each question once, whatever its pages; this one is not in its own answer"
        assert got.checkpoint


def test_g9_next_is_of_use_to_its_question_alone(traild):
    run = traild.start()
    with Client(run.address) as c, Client(run.address) as other:
        fill(c)
        answer = c.search("actor:a1", limit=10)
        answer.page()
        following = answer.last.next
        size = c.checkpoint().size

        def ask(client=c, query="actor:a1", following=following, **paging):
            return client.call(search=pb.Search(query=query, paging=pb.Paging(
                next=following, limit=10, **paging)))

        assert len(ask().rows.rows) == 10
        assert len(ask(client=other).rows.rows) == 10, "the same peer, on another connection"
        for refused in (ask(query="actor:a2"), ask(query=""), ask(newest_first=True),
                        ask(since_ns=5), ask(following=following[:-1]), ask(following=b"x")):
            assert refused.error.code == pb.INVALID
        history = c.call(history=pb.History(object="/o/1", paging=pb.Paging(next=following)))
        assert history.error.code == pb.INVALID
        rng = random.Random(5)
        for _ in range(200):
            bent = bytearray(following)
            bent[rng.randrange(4, 12)] ^= 1 << rng.randrange(8)
            assert ask(following=bytes(bent)).error.code == pb.INVALID, "no trace of it there"
        assert c.checkpoint().size == size, "a page leaves no event"


def test_g9_next_never_shows_what_came_behind_its_question(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c, 20, 20)
        answer = c.search("source:journal", limit=15)
        answer.page()
        c.append("journal", 7, 21, [numbered(n) for n in range(21, 41)])
        bent = answer.last.next[:12] + (2**40).to_bytes(8, "big") + answer.last.next[20:]
        far = c.call(search=pb.Search(query="source:journal", paging=pb.Paging(next=bent)))
        assert not far.rows.rows and far.rows.done
        back = answer.last.next[:12] + bytes(8) + answer.last.next[20:]
        again = c.call(search=pb.Search(query="source:journal", paging=pb.Paging(next=back)))
        assert len(again.rows.rows) == 20
        answer.all()
        assert [r.record.seq for r in answer.rows] == list(range(1, 21))


@pytest.mark.root
def test_g9_next_is_of_no_use_to_another_peer(traild):
    # Both the daemon's own user and root may ask.
    traild.folder.chmod(0o711)
    state = traild.folder / "own"
    state.mkdir()
    os.chown(state, 4242, 4242)
    os.chown(traild.folder, 4242, 4242)
    run = traild.start(state, uid=4242)
    with Client(run.address) as c, Client(run.address, uid=4242) as other:
        fill(c, 50)
        answer = c.search("actor:a1", limit=5)
        answer.page()
        error = other.error(search=pb.Search(query="actor:a1", paging=pb.Paging(
            next=answer.last.next, limit=5)))
        assert error.code == pb.INVALID


def test_next_is_good_across_a_restart(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c)
        answer = c.search("actor:a1", limit=10)
        answer.page()
    run.kill()
    run = traild.start(run.state_dir)
    with Client(run.address) as c:
        answer.client = c
        answer.all()
        assert len(answer.rows) == 100


# ---- following -----------------------------------------------------------------------------------

def test_follow_shows_what_comes_and_is_on_record_once(traild):
    run = traild.start()
    with Client(run.address) as c, Client(run.address) as writer:
        fill(writer, 10, 10)
        answer = c.search("source:journal", follow_ms=20_000)
        assert len(answer.page()) == 10
        for n in range(11, 21):
            number = c.send(search=answer.request)
            writer.append("noise", 5, n - 10, [numbered(n)])
            began = time.monotonic()
            writer.append("journal", 7, n, [numbered(n)])
            page = c.wait(number).rows
            assert time.monotonic() - began < 5 * wire.TIME_LIMIT_S / 30
            assert [wire.record_parse(i.record).seq for i in page.rows] == [n] and not page.done
            answer.request.paging.next = page.next
        assert len(traces(c, "search")) == 1


def test_follow_waits_no_longer_than_it_says(traild):
    run = traild.start()
    with Client(run.address) as c:
        answer = c.search("actor:nobody", follow_ms=1)
        answer.page()
        answer.request.paging.follow_ms = 700
        began = time.monotonic()
        answer.page()
        waited = time.monotonic() - began
        assert 0.65 < waited < 0.7 + wire.TIME_LIMIT_S and not answer.last.rows


def test_follow_on_another_connection_is_on_record_again(traild):
    run = traild.start()
    with Client(run.address) as c:
        fill(c, 10, 10)
        answer = c.search("source:journal", follow_ms=1000)
        answer.page()
        first = answer.read
        with Client(run.address) as other:
            answer.client = other
            answer.request.paging.follow_ms = 1
            answer.page()
            assert answer.read > first, "a trace of its own"
        assert len(traces(c, "search")) == 2


def test_drain_ends_who_follows(traild):
    run = traild.start()
    c = Client(run.address)
    number = c.send(search=pb.Search(query="actor:nobody", paging=pb.Paging(follow_ms=60_000)))
    second = Client(run.address)
    while len(traces(second, "search")) < 1:
        pass
    stopper = threading.Thread(target=run.stop)
    stopper.start()
    assert c.wait(number).rows.next
    stopper.join()


# ---- sources and completeness --------------------------------------------------------------------

def test_sources_are_proven_and_say_what_is_missing(traild):
    run = traild.start()
    with Client(run.address, claims=[("journal", 7), ("files", 9)]) as c:
        fill(c, 10, 10)
        c.append("files", 9, 4, [numbered(4)], lost=3)
        c.append("vpn", wire.IMPORT | 5, 1, [numbered(1)])
        answer = c.want("sources", sources=pb.SourcesRequest())
        cp = wire.checkpoint_parse(answer.checkpoint)
        names = {}
        for state in answer.sources:
            leaf = wire.leaf_hash(state.entry.record)
            assert wire.inclusion_fits(leaf, state.entry.index, cp.size, state.entry.path, cp.root)
            names[pb.Source.FromString(state.entry.payload).name] = state
        assert answer.done and list(names) == ["journal", "files", "vpn"]
        assert (names["files"].lost, names["files"].open, names["files"].imports) == (3, 1, 0)
        assert (names["vpn"].open, names["vpn"].imports) == (0, 1)
        assert names["journal"].newest and names["journal"].heard_ns
        assert all(s.missing == s.open_ends == 0 for s in answer.sources)
        complete = c.search("")
        complete.all()
        done = complete.completeness
        assert (done.sources, done.current, done.gaps) == (3, 3, 1)
        done = c.search("source:journal")
        done.all()
        assert (done.completeness.sources, done.completeness.gaps) == (1, 0)


def test_many_sources_come_in_pages(traild):
    run = traild.start()
    with Client(run.address) as c:
        for n in range(450):
            c.append(f"s{n:03}", 1, 1, [numbered(n + 1)])
        names, request = [], pb.SourcesRequest()
        while True:
            page = c.want("sources", sources=request)
            assert page.ByteSize() < 257 * 1024
            names += [pb.Source.FromString(s.entry.payload).name for s in page.sources]
            if page.done:
                break
            request.next = page.next
        assert names == [f"s{n:03}" for n in range(450)]
        answer = c.search("source:s449")
        assert len(answer.all()) == 1 and answer.completeness.sources == 1
