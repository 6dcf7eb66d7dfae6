# SPDX-License-Identifier: Apache-2.0
"""trail report: how many events have what, against numbers that are counted here."""
import collections
import csv
import datetime
import io
import json
import os
import re
import subprocess
import sys
import zoneinfo

import pytest
from harness import ROOT
from test_search import Trail, write
from test_terminal import Terminal, assert_harmless, columns_of
from wire import Client, pb

COUNT = 6000
UTC = datetime.timezone.utc
BEGIN = datetime.datetime(2026, 3, 28, 20, 0, tzinfo=UTC)  # the clocks of Stockholm change next day
# What a report counts, and where an event of this file has it.
FIELDS = {"actors": ("actor", "id"), "objects": ("object", "id"), "subjects": ("subject",),
          "actions": ("action",), "outcomes": ("outcome",), "sources": ("source",),
          "units": ("actor", "unit"), "types": ("object", "type"), "verbs": ("verb",),
          "purposes": ("purpose",), "correlations": ("correlation",), "media": ("medium",),
          "hosts": ("origin", "host")}


def events():
    """Few have the same object, so that keys take more than a page; some lack what others have."""
    for n in range(COUNT):
        event = {"time": (BEGIN + datetime.timedelta(minutes=n)).isoformat(), "source": f"s{n % 3}",
                 "action": ("READ", "CREATE", "MODIFY", "DELETE", "EXECUTE")[n % 5],
                 "outcome": ("SUCCESS", "DENIED")[n % 7 == 0], "medium": ("DIGITAL", "PAPER")[n % 9 == 0],
                 "actor": {"id": ("anna", "bo", "eve")[n // 7 % 3]}, "object": {"id": f"/o/{n // 2}"}}
        if n % 4 == 0:
            event |= {"subject": f"p-{n % 8}", "purpose": "(none)", "verb": "print",
                      "correlation": f"c{n % 5}", "origin": {"host": f"h{n % 6}"}}
            event["actor"]["unit"] = "nord"
            event["object"]["type"] = "journal"
        yield event


@pytest.fixture(scope="module")
def log(build, module_traild):
    daemon = module_traild.start()
    trail = Trail(build, module_traild.folder, daemon.address)
    trail("import", write(module_traild.folder, "e.jsonl", events()))
    trail.terminal = Terminal(build, module_traild.folder, daemon.address)
    return trail


def value(event, path):
    for name in path:
        event = event.get(name, {})
    return event if isinstance(event, str) else ""


def counted(path, which=lambda e: True):
    words = path[-1] in ("action", "outcome", "medium")
    return collections.Counter(value(e, path).lower() if words else value(e, path)
                               for e in events() if which(e))


def lines(text):
    return [tuple(json.loads(line).values()) for line in text.splitlines()]


# ---- the numbers ----------------------------------------------------------------------------------

@pytest.mark.parametrize("what", FIELDS)
def test_counts_are_those_of_the_events(log, what):
    done = log("report", what, "-source:traild", "-o", "json")
    want = counted(FIELDS[what])
    assert lines(done.stdout) == sorted(want.items(), key=lambda x: (-x[1], x[0].encode()))
    assert f"{COUNT} events · 3 of 3 sources current · 0 gaps · " in done.stderr
    part = log("report", what, "source:s1", "action:read", "-o", "json").stdout
    assert dict(lines(part)) == counted(FIELDS[what],
                                        lambda e: (e["source"], e["action"]) == ("s1", "READ"))


def test_counts_of_what_the_record_alone_tells(log):
    assert lines(log("report", "classes", "-source:traild", "-o", "json").stdout) == [("0", COUNT)]
    assert lines(log("report", "peers", "-source:traild", "-o", "json").stdout) == \
        [(f"unix:{os.getuid()}", COUNT)]


def test_the_top_is_said_to_be_a_part(log):
    done = log("report", "objects", "-n", 3, "source:s0", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    last = list(rows[0])[-1]
    assert re.fullmatch(r"trail report objects source:s0, log example\.org/test, question in record \d+",
                        last)
    assert [r["count"] for r in rows] == ["1"] * 3 and rows[0]["object"] == "/o/0"
    assert rows[-1][last].startswith("3 of 2000 lines, 1 of 1 sources current, 0 gaps, ")
    assert "showing 3 of 2,000; -n 0 for all" in done.stderr
    log("report", "actors", "actor:nobody", code=1)


# ---- time -----------------------------------------------------------------------------------------

def day_begins(zone):
    day = BEGIN.astimezone(zone).date()
    while True:
        begin = datetime.datetime.combine(day, datetime.time(), zone).astimezone(UTC)
        if begin > BEGIN + datetime.timedelta(minutes=COUNT - 1):
            return
        yield begin
        day += datetime.timedelta(days=1)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Stockholm", "Asia/Kolkata", "America/St_Johns", "Asia/Pyongyang"])
def test_days_are_those_of_the_readers_zone(log, zone):
    begins = list(day_begins(zoneinfo.ZoneInfo(zone)))
    ends = begins[1:] + [BEGIN + datetime.timedelta(days=9)]
    times = [BEGIN + datetime.timedelta(minutes=n) for n in range(COUNT)]
    want = [(b.strftime("%Y-%m-%dT%H:%M:%S.000000000Z"), sum(b <= t < e for t in times))
            for b, e in zip(begins, ends, strict=True)]
    env = dict(log.env(), TZ=zone)
    done = subprocess.run(log.words(["report", "time", "-source:traild", "-o", "json"]), env=env,
                          capture_output=True, text=True, timeout=60, check=True)
    assert lines(done.stdout) == want and sum(n for _, n in want) == COUNT


def test_a_timeline_has_no_holes(log):
    """One minute of ten, and before and behind the events as far as was asked."""
    text = log("report", "time", "index:5..2000", 'object:/o/10', "object:/o/20", "--by", "minute",
               "-S", "2026-03-28T20:18:00Z", "-U", "2026-03-28T20:44:00Z", "-o", "json").stdout
    got = lines(text)
    assert [t[11:16] for t, _ in got] == [f"20:{m}" for m in range(18, 44)]
    assert [m for m, (_, n) in enumerate(got, 18) if n] == [20, 21, 40, 41]
    hours = lines(log("report", "time", "-source:traild", "--by", "hour", "-o", "json").stdout)
    assert len(hours) == COUNT // 60 and {n for _, n in hours} == {60}
    done = log("report", "time", "--by", "minute", code=2)
    assert "more than" in done.stderr and done.stdout == ""


# ---- how it looks ---------------------------------------------------------------------------------

@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("words", [["actors"], ["objects", "-n", "7"], ["time", "--by", "hour"]])
def test_bars_fit_any_terminal(log, columns, words):
    for env, block in (({}, "\u2588"), ({"LC_ALL": "C", "NO_COLOR": "1"}, "#")):
        text = log.terminal.screen("report", *words, "-source:traild", "--no-pager", columns=columns,
                                   **env)
        text = text.rsplit("\r", 1)[-1]  # of the bar of progress, if it was shown, the end
        rows = [x for x in text.splitlines() if re.match(r" *\d+ ", x) and "sources" not in x]
        assert len(rows) == {"actors": 3, "objects": 7, "time": 100}[words[0]]
        assert "\x1b" not in text and (block == "\u2588" or text.isascii())
        if columns > 20:  # which is too narrow for a time and a bar
            assert all(block in row for row in rows) and max(map(columns_of, rows)) <= columns
    assert_harmless("".join(rows))


def test_a_pipe_has_whole_labels_and_no_bars(log):
    text = log("report", "purposes", "-source:traild", "--lang", "sv").stdout
    # What is absent is not taken for who has these letters.
    assert text == "4500 (saknas)\n1500 \"(none)\"\n"


def test_the_longest_bar_is_of_the_most(log):
    text = log.terminal.screen("report", "subjects", "subject:p-*", "index:0..1004", "--no-pager",
                               columns=60, LC_ALL="C")
    bars = [row.count("#") for row in text.splitlines() if "p-" in row and "#" in row]
    assert len(bars) == 2 and bars[0] == bars[1] > 40


# ---- what it gets, and who may ask ------------------------------------------------------------------

@pytest.mark.parametrize("words, sentence", [
    ([], "what to count by"), (["actrs"], "did you mean actors"), (["zzz"], "report --help"),
    (["time", "--by", "week"], "minute, hour or day"), (["actors", "--by", "day"], "report time"),
    (["time", "-n", "3"], "-n"), (["actors", "actr:x"], "did you mean actor"),
    (["actors", "-S", "soon"], "not a time"), (["actors", "-n", "x"], "-n x"),
    (["actors", "-o", "table"], "text, json or csv"),
])
def test_what_cannot_be_counted_is_said_before_a_daemon_is_needed(log, words, sentence):
    done = log("--connect", "unix:/nowhere", "report", *words, code=2)
    assert sentence in done.stderr and done.stdout == ""


def test_g9_a_report_is_on_record_in_full(log):
    log("report", "units", "subject:p-4", "-S", "2026-03-01", "-o", "json")
    asked = log.rows("search", "source:traild", "verb:report", "-n", 1)[0]
    assert asked["action"] == "READ" and asked["subject"] == "p-4"
    assert asked["attributes"][:2] == [{"key": "query", "value": "subject:p-4"},
                                       {"key": "by", "value": "unit"}]
    told = log("search", "source:traild", "verb:report", "-n", 1).stdout
    assert "had the log counted about person p-4" in told and 'by "unit"' in told


def request(by=1, **how):
    paging = {k: how.pop(k) for k in ("newest_first", "count", "limit", "follow_ms") if k in how}
    return pb.Report(by=by, paging=pb.Paging(**paging), **how)


@pytest.mark.parametrize("report", [
    request(by=0), request(by=17), request(bucket_ns=10 ** 9), request(by=16), request(by=16, bucket_ns=1),
    request(by=16, bucket_ns=2 ** 63), request(newest_first=True), request(count=True), request(limit=1),
    request(follow_ms=1), request(after=b"x" * 4097), request(query="actr:x")])
def test_g12_a_report_that_cannot_be_had_is_refused(log, report):
    with Client(log.address) as client:
        assert client.error(report=report).code == pb.INVALID
        page = client.want("rows", report=request(by=5))
        assert page.matched == sum(c.count for c in page.counts) > 0


def test_pages_of_a_report_are_bounded_and_go_on(log):
    """Every object but a few is another key: more than a page has."""
    seen, pages, following = collections.Counter(), 0, {}
    with Client(log.address) as client:
        while True:
            page = client.want("rows", report=pb.Report(
                query="source:s0 source:s1 source:s2", by=2, paging=pb.Paging(**following)))
            assert 0 < len(page.counts) <= 4096 and not page.rows
            for c in page.counts:
                seen[c.key.decode()] += c.count
            pages += 1
            following = {"next": page.next}
            if page.done:
                break
    assert seen == counted(("object", "id")) and page.matched == COUNT


# ---- the insider ------------------------------------------------------------------------------------

def test_the_insider_is_found_by_the_command_of_the_readme(build, traild):
    """Of the municipal data: who reads the journal of p-000042 at night without a purpose."""
    trail = Trail(build, traild.folder, traild.start().address)
    path = traild.folder / "municipal.jsonl"
    with path.open("w", encoding="utf-8") as out:
        subprocess.run([sys.executable, ROOT / "tests" / "support" / "municipal.py", "20000"], stdout=out,
                       check=True, timeout=120)
    trail("import", path)
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"^\$ trail (report .*)\n((?:.+\n)+)```", readme, re.M)
    words = [w.strip("'") for w in shown[1].split()]
    done = trail(*words)
    # How it was found, and how long the log was, are not what is shown.
    other = re.compile(r"(scan|index) . checkpoint \d+")
    assert other.sub("", done.stdout + done.stderr) == other.sub("", shown[2])
    assert "it-drift" in done.stdout
    # And what a search for the same says of it.
    found = trail.rows("search", *words[2:])
    assert {(r["actor"]["id"], r["subject"]) for r in found} == {("anv05999", "p-000042")}
    assert len(found) == 11
