# SPDX-License-Identifier: Apache-2.0
"""
Municipal events in a log, random queries about them, and whether a daemon answers as the oracle does
(tests/support/query_oracle.py). ask_all may be called again on a daemon that runs, or was started
anew, on the same store.
"""
import collections
import json
import os
import subprocess

import municipal
import query_maker
import query_oracle
from wire import Client, pb

EVENT_FIELDS = ["id", "action", "verb", "actor", "object", "subject", "purpose", "origin",
                "correlation", "changes"]

ROWS = 1000  # of an answer that are compared at either end; the others are counted

# What answers: how many, and the indices of the first and last, oldest first. sources: how many it
# concerns.
Case = collections.namedtuple("Case", "text since_ns until_ns count first last sources")
Answer = collections.namedtuple("Answer", "indices matched completeness")


def write_events(path, count, seed=1):
    """A file for `trail import`; the events as they stand in it."""
    events = list(municipal.events(count, seed))
    with path.open("w") as out:
        for event in events:
            out.write(json.dumps(event) + "\n")
    return events


def read_back(trail, address, env):
    """Every event that sources sent, as the log has it."""
    out = subprocess.run([trail, "--connect", f"unix:{address}", "search", "-n", "0", "-o", "json",
                          "-source:traild"], env=env, check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in out.splitlines()]


def assert_same(sent, stored):
    """The log has what was sent, each once; what order sources have among each other is its own."""
    by_id = {event["id"]: event for event in stored}
    assert len(sent) == len(stored) == len(by_id)
    for said in sent:
        event = by_id[said["id"]]
        assert [said.get(f) for f in EVENT_FIELDS] == [event.get(f) for f in EVENT_FIELDS]
        assert said["source"] == event["source"]
        assert query_oracle.time_ns(said["time"]) == query_oracle.time_ns(event["time"])
    indices = [event["index"] for event in stored]
    assert indices == sorted(set(indices))


# ---- the questions -------------------------------------------------------------------------------

def may_be_own(terms):
    """Whether an event of the log itself, which tells of a question, might answer."""
    own = {"index": 0, "class": 0, "source": "traild", "peer": "traild", "action": "READ",
           "verb": "search", "actor": {"id": f"uid:{os.getuid()}"}, "object": {"id": "search"},
           "time": "2026-01-01T00:00:00Z"}
    known = [t for t in terms if t.field not in ("subject", "index")]
    return bool(query_oracle.Oracle([own]).answer_terms(known))


def make_cases(stored, count, seed):
    """(the queries, and each as a case with the answer that the oracle gives)"""
    oracle = query_oracle.Oracle(stored)
    end = stored[-1]["index"] + 1
    # One event of each source: what a question's terms say of sources.
    sources = list({event["source"]: event for event in stored}.values())
    of_sources = query_oracle.Oracle(sources)
    queries = query_maker.make(stored, count, seed)
    cases = []
    for query in queries:
        terms = query_oracle.parse(query.text)
        # Each question adds an event to the log: what is not to be among the rows is left out.
        text = query.text + (f" -index:{end}.." if may_be_own(terms) else "")
        found = oracle.answer(text, query.since_ns, query.until_ns)
        cases.append(Case(
            text, query.since_ns, query.until_ns, len(found), found[:ROWS], found[-ROWS:],
            len(of_sources.answer_terms([t for t in terms if t.field == "source"]))))
    return queries, cases


# ---- asking --------------------------------------------------------------------------------------

def ask(client, case, newest_first=False, rows_max=ROWS):
    """The first rows, the others counted. Page by page on one connection, nothing proven."""
    search = pb.Search(query=case.text, paging=pb.Paging(
        since_ns=case.since_ns, until_ns=case.until_ns, newest_first=newest_first,
        limit=rows_max, count=rows_max == 0))
    indices = []
    while True:
        page = client.want("rows", search=search)
        indices += [item.index for item in page.rows]
        if page.done:
            return Answer(indices, page.matched, page.completeness)
        search.paging.next = page.next
        search.paging.count = len(indices) >= rows_max
        search.paging.limit = max(1, rows_max - len(indices))


WAYS = ((False, ROWS), (True, ROWS), (False, 0))


def assert_answers(client, case, methods, ways=WAYS):
    """Upwards, downwards and counted."""
    for newest_first, rows_max in ways:
        answer = ask(client, case, newest_first, rows_max)
        want = case.last[::-1] if newest_first else case.first
        said = f"{case.text} since {case.since_ns} until {case.until_ns}"
        assert answer.indices == want[:rows_max], said
        assert answer.matched == case.count, said
        assert (answer.completeness.sources, answer.completeness.gaps) == (case.sources, 0), said
        assert not methods or answer.completeness.method in methods, said


def ask_all(address, cases, methods=(), until=lambda: False, ways=WAYS):
    """
    Every case is answered as the oracle says. methods: of the answers (pb.Completeness.SCAN ...);
    any, if none is named. until: when to stop before the end. How many were asked.
    """
    with Client(address) as client:
        for asked, case in enumerate(cases):
            if until():
                return asked
            assert_answers(client, case, methods, ways)
    return len(cases)
