# SPDX-License-Identifier: Apache-2.0
"""
Random queries about municipal events: what the log answers is what a program answers that has
nothing but the lines (tests/support/query_oracle.py). TRAILD_QUERIES=2000 TRAILD_EVENTS=200000 is
the whole of it.
"""
import collections
import json
import os
import subprocess

import pytest
import queries
import query_oracle
from harness import SLOW
from wire import pb

QUERIES = int(os.environ.get("TRAILD_QUERIES", "170"))
EVENTS = int(os.environ.get("TRAILD_EVENTS", "4000"))
SEED = 6
PLANNED = 2000  # what the numbers below are about
BY_TOOL = 30
LIMIT_S = max(120, QUERIES * EVENTS // 40_000)


class Municipality:
    """The log, what stands in it, and what is asked of it."""

    def __init__(self, build, traild, config):
        self.trail = build / "trail"
        number = traild.next_number()
        self.env = dict(os.environ, XDG_STATE_HOME=str(traild.folder / f"state-{number}"),
                        TZ="UTC", LC_ALL="C.UTF-8")
        self.run = traild.start(config=config)
        file = traild.folder / f"municipal-{number}.jsonl"
        sent = queries.write_events(file, EVENTS)
        self.call("import", file)
        self.stored = queries.read_back(self.trail, self.run.address, self.env)
        queries.assert_same(sent, self.stored)
        self.asked, self.cases = queries.make_cases(self.stored, max(QUERIES, PLANNED), SEED)

    def call(self, *words, codes=(0,)):
        done = subprocess.run([self.trail, "--connect", f"unix:{self.run.address}", *words],
                              env=self.env, capture_output=True, encoding="utf-8", check=False,
                              timeout=LIMIT_S * SLOW)
        assert done.returncode in codes, done.stderr
        return done.stdout


# Without an index, and with one whose runs are so short that little is left to be read in the log.
@pytest.fixture(scope="module", params=[{"index": "false"}, {"index_run": 200}],
                ids=["scan", "index"])
def town(build, module_traild, request):
    town = Municipality(build, module_traild, request.param)
    town.methods = [pb.Completeness.SCAN] + [pb.Completeness.INDEX] * ("index_run" in request.param)
    yield town
    town.run.stop()


@pytest.mark.limit(LIMIT_S)
def test_g8_the_queries_are_of_every_kind(town, measured):
    seen = collections.Counter()
    for query in town.asked[:PLANNED]:
        seen.update(query.fields | query.operators)
    with_answer = sum(1 for case in town.cases[:PLANNED] if case.count)
    measured("of 2,000 queries with an answer", with_answer)
    measured("queries by field and operator", dict(seen.most_common()))
    assert with_answer >= 0.7 * PLANNED
    assert with_answer < PLANNED, "an empty answer is one, too"
    for what in query_oracle.FIELDS + ["is", "prefix", "range", "or", "quotes", "since", "until",
                                       "absent"]:
        assert seen[what] >= 50, what
    assert seen["not"] >= 100


@pytest.mark.limit(LIMIT_S)
def test_g8_answers_are_those_of_an_independent_program(town, measured):
    asked = queries.ask_all(town.run.address, town.cases[:QUERIES], town.methods)
    assert asked == QUERIES
    measured("queries answered alike, each three times", asked)
    measured("events", EVENTS)


def when(ns):
    seconds = subprocess.run(["date", "-u", "-d", f"@{ns // 10**9}", "+%Y-%m-%dT%H:%M:%S"],
                             check=True, capture_output=True, text=True).stdout.strip()
    return f"{seconds}.{ns % 10**9:09}Z"


@pytest.mark.limit(LIMIT_S)
def test_g8_the_tool_shows_what_the_oracle_says(town):
    """The tool judges each row anew, by the same grammar."""
    step = max(1, QUERIES // BY_TOOL)
    for n, case in enumerate(town.cases[:QUERIES:step][:BY_TOOL]):
        bounds = [word for option, ns in (("-S", case.since_ns), ("-U", case.until_ns)) if ns
                  for word in (option, when(ns))]
        order = ["-r"] if n % 2 else []
        limit = "0" if case.count <= queries.ROWS else str(queries.ROWS)
        out = town.call("search", case.text, *bounds, *order, "-n", limit, "-o", "json",
                        codes=(0, 1))
        got = [json.loads(line)["index"] for line in out.splitlines()]
        assert got == (case.last[::-1] if order else case.last), case.text


def test_g8_the_insider_is_found_with_one_command(town):
    """Who reads journals without a purpose (README)."""
    out = town.call("search", "type:journal", 'purpose:""', "action:read", "-source:traild", "-o",
                    "json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 11
    assert {(r["actor"]["id"], r["actor"]["unit"], r["subject"]) for r in rows} == {
        ("anv05999", "it-drift", "p-000042")}


@pytest.mark.parametrize("text", [
    "anna", "actr:x", "actor:", 'actor:"a', 'actor:"a"b', "actor:..", "actor:a...b", "action:re*",
    "index:x", "index:5..1", "actor:a*..b", "class:*", "action:look", 'unit:"b".."a"'])
def test_the_oracle_refuses_what_the_grammar_refuses(text):
    with pytest.raises(query_oracle.NoQuery):
        query_oracle.parse(text)
