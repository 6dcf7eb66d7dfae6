# SPDX-License-Identifier: Apache-2.0
"""
The face of an answer: chosen fields, a CSV that says what it is, where to go on the next time, what
happened around an event, and how soon who follows sees it.
"""
import csv
import io
import json
import os
import re
import signal
import time

import pytest
from harness import SLOW
from test_search import Trail, write
from test_terminal import Terminal, assert_harmless, columns_of

COUNT = 12
ODD = 'o "q" \\ *:.. å'


def events():
    """One each minute from 12:00 on; the odd ones are about another object, in another act."""
    for n in range(COUNT):
        yield {"time": f"2026-03-01T12:{n:02}:00Z", "source": "journal", "action": "READ",
               "actor": {"id": ("anna", "bo")[n % 2], "unit": "nord"}, "subject": f"p-{n % 3}",
               "object": {"id": ("/o/1", ODD)[n % 2], "type": "journal"},
               "correlation": f"act-{n // 4}", "changes": [{"field": "f", "old": "=1", "new": "2"}]}


@pytest.fixture
def lone(build, traild):
    trail = Trail(build, traild.folder, None)
    trail.daemon = traild.start()
    trail.address = trail.daemon.address
    return trail


@pytest.fixture(scope="module")
def log(build, module_traild):
    daemon = module_traild.start()
    trail = Trail(build, module_traild.folder, daemon.address)
    done = trail("import", write(module_traild.folder, "e.jsonl", events()), "-o", "json")
    trail.first = json.loads(done.stdout)["first_index"]
    trail.terminal = Terminal(build, module_traild.folder, daemon.address)
    return trail


def minutes(rows):
    return [int(r["time"][14:16]) for r in rows]


# ---- fields ---------------------------------------------------------------------------------------

def test_json_has_the_chosen_members_alone(log):
    rows = log.rows("search", "source:journal", "-n", 2, "--fields", "actor.id,unit,index,reason")
    assert rows == [{"actor": {"id": n, "unit": "nord"}, "index": log.first + i}
                    for i, n in ((10, "anna"), (11, "bo"))]
    assert list(rows[0]) == ["actor", "index"]


def test_csv_has_the_chosen_columns_and_its_question(log):
    text = log("search", "source:journal", "-n", 2, "-o", "csv", "--fields", "object,changes").stdout
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[:2] for row in rows] == [
        ["object.id", "changes"], *([o, '[{"field":"f","old":"=1","new":"2"}]'] for o in ("/o/1", ODD))]
    assert {len(row) for row in rows} == {3}


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_chosen_columns_fit_any_terminal(log, columns):
    # Seven of the log's own, among them a path and a value that is spelt, on a screen with a pager.
    fields = "index,time,actor,object,subject,outcome,changes"
    text = log.terminal.screen("search", "source:journal", "-o", "table", "--fields", fields,
                               columns=columns, NO_COLOR="1", TRAIL_PAGER="cat -v >/dev/null; true")
    assert text == ""  # the pager had it all
    text = log.terminal.screen("search", "source:journal", "-o", "table", "--fields", fields,
                               "--no-pager", columns=columns, NO_COLOR="1")
    assert_harmless(text)
    said = [x for x in text.splitlines() if x.startswith("trail: ")]
    head, *rows = [x for x in text.splitlines() if x not in said][:-1]  # without completeness
    assert len(rows) == COUNT and max(map(columns_of, [head, *rows])) <= columns
    shown = head.split()
    assert shown == ["index", "time", "actor.id", "object.id", "subject", "outcome",
                     "changes"][:len(shown)]
    if columns > 40:
        assert not said and len(shown) == 7
        assert ('"old":"=1"' in rows[0]) == (columns == 200)
    else:
        assert f"the last {7 - len(shown)} of the fields" in said[0] and len(said) == 1


@pytest.mark.parametrize("words, sentence", [
    (["--fields", "actro", "-o", "csv"], 'no field "actro"; did you mean actor'),
    (["--fields", "object.nme", "-o", "json"], "did you mean object.name"),
    (["--fields", "zzzzzz", "-o", "csv"], "trail search --help"),
    (["--fields", "", "-o", "csv"], "comma"), (["--fields", "time,", "-o", "csv"], "comma"),
    (["--fields", "time,time", "-o", "table"], "twice"), (["--fields", "time"], "not with short"),
    (["--after", "x"], "--after x"), (["--after", "18446744073709551615"], "INDEX"),
    (["--after", "1", "-r"], "-r"), (["--after", "1", "--cursor-file", "f"], "--cursor-file"),
    (["--cursor-file", "f", "-r"], "-r"), (["--after", "1", "-f", "-n", "3"], "-n"),
    (["--cursor-file", "f", "--evidence", "d"], "--evidence"),
    (["--around", "5", "7"], "--around 5"), (["--around", "0m", "7"], "--around 0m"),
    (["--around", "-5m", "7"], "--around -5m"), (["--around", "5m"], "INDEX"),
    (["--around", "5m", "7", "8"], "INDEX"), (["--around", "5m", "7", "-S", "today"], "-S"),
    (["--same", "actr", "7"], "did you mean actor"), (["--same", "time", "7"], "correlation"),
    (["--same", "actor", "actor:anna"], "INDEX"), (["--lang", "de"], "sv"),
])
def test_what_cannot_be_asked_is_said_before_a_daemon_is_needed(log, words, sentence):
    done = log("--connect", "unix:/nowhere", "search", *words, code=2)
    assert sentence in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""


def test_help_lists_every_field_that_is_taken(log):
    shown = re.search(r"^Fields for --fields.*?;", log("search", "--help").stdout, re.M | re.S)[0]
    names = set(re.findall(r"[a-z_.]+", shown.split(":", 1)[1]))
    offered = log("complete", "search", "--fields", "").stdout.split()
    assert names == set(offered) and len(offered) == 38
    for name in offered:
        log("search", "index:5", "-o", "json", "--fields", name)


# ---- a CSV says what it is --------------------------------------------------------------------------

def test_a_csv_is_the_shown_question_and_says_so(log):
    done = log("search", "actor:anna", "subject:p-1", "-S", "2026-03-01T12:00:00Z", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    last = list(rows[0])[-1]
    asked = re.fullmatch(r"trail search actor:anna subject:p-1, since 2026-03-01T12:00:00\.0{9}Z, "
                         r"log example\.org/test, question in record (\d+)", last)
    # What the header names is the log's own record of the question.
    question = log.rows("search", f"index:{asked[1]}")[0]
    assert question["attributes"][0] == {"key": "query", "value": "actor:anna subject:p-1"}
    assert minutes(rows) == [4, 10]
    how, size = re.search(r"0 gaps . (\w+) . checkpoint (\d+)", done.stderr).groups()
    assert [r[last] for r in rows] == [
        "", f"2 of 2 rows, 1 of 1 sources current, 0 gaps, {how}, checkpoint {size}"]


def test_a_csv_of_a_part_says_that_it_is_one(log):
    text = log("search", "source:journal", "-n", 3, "-o", "csv").stdout
    *_, last = csv.DictReader(io.StringIO(text))
    assert ", the last 3, " in list(last)[-1]
    assert list(last.values())[-1].startswith("3 of 12 rows, ")
    assert ", newest first, " in log("search", "source:journal", "-r", "-o", "csv").stdout
    assert "trail history /o/1, log" in log("history", "/o/1", "-o", "csv").stdout
    none = log("search", "actor:nobody", "-o", "csv", code=1).stdout
    assert none.count("\n") == 1 and none.endswith("\n") and "actor:nobody" in none


def test_a_csv_of_an_answer_goes_back_in(lone):
    path = write(lone.folder, "e.jsonl", events())
    lone("import", path)
    out = lone.folder / "out.csv"
    fields = "time,source,action,actor.id,actor.unit,object.id,object.type,subject,correlation"
    out.write_text(lone("search", "source:journal", "-o", "csv", "--fields", fields).stdout)
    assert "imported 12 events" in lone("import", "--source", "again", "--batch", "b", "--format", "csv",
                                        out).stdout


def test_no_question_is_a_formula(log):
    text = log("search", 'object:"x;=1+1\\"" source:journal', "-o", "csv", code=1).stdout
    head, = csv.reader(io.StringIO(text))
    assert head[-1].startswith('trail search object:"x;\\u{3d}1+1')


def test_what_stands_below_the_rows_is_in_the_readers_language(log):
    said = log.terminal.screen("search", "source:journal", "-n", "5", "--lang", "sv", "--no-pager")
    assert "visar 5 av 12; -n 0 visar alla" in said
    assert re.search(r"^12 h\u00e4ndelser \u00b7 1 av 1 k\u00e4lla aktuell \u00b7 0 luckor \u00b7 \w+ \u00b7 "
                     r"checkpoint \d+$", said, re.M)
    said = log.terminal.screen("search", "index:5..6", "--lang", "sv", "--no-pager", LC_ALL="C")
    assert said.isascii() and re.search(r" handelse.* - 1 av 1 kalla aktuell - 0 luckor - ", said)


# ---- going on ---------------------------------------------------------------------------------------

def test_after_shows_the_first_behind_a_record(log):
    found = log.rows("search", "source:journal", "--after", log.first + 2, "-n", 3)
    assert minutes(found) == [3, 4, 5]
    found = log.rows("search", "source:journal", "--after", log.first + 9)
    assert minutes(found) == [10, 11]
    log("search", "source:journal", "--after", log.first + 11, code=1)


def test_a_cursor_file_shows_each_row_once(lone):
    lone("import", write(lone.folder, "a.jsonl", list(events())[:7]))
    cursor = lone.folder / "cursor"
    words = ("search", "source:journal", "--cursor-file", cursor)
    done = lone(*words, "-n", 3, "-o", "json")
    assert minutes(map(json.loads, done.stdout.splitlines())) == [0, 1, 2]
    assert "showing 3 of 7; the next time goes on behind them" in done.stderr
    assert minutes(lone.rows(*words, "-n", 3)) == [3, 4, 5]
    assert minutes(lone.rows(*words)) == [6]
    lone(*words, code=1)
    lone("import", write(lone.folder, "b.jsonl", list(events())[7:]))
    assert minutes(lone.rows(*words)) == [7, 8, 9, 10, 11]
    assert os.listdir(lone.folder).count("cursor") == 1
    assert not [n for n in os.listdir(lone.folder) if n.startswith("cursor.")]


def test_a_cursor_file_belongs_to_one_question_and_one_log(lone, traild):
    cursor = lone.folder / "cursor"
    lone("search", "actor:anna", "-S", "yesterday", "--cursor-file", cursor, code=1)
    before = cursor.read_text()
    for words in (["search", "actor:bo", "-S", "yesterday"], ["search", "actor:anna"],
                  ["history", "actor:anna", "-S", "yesterday"],
                  ["search", "actor:anna", "-S", "yesterday", "-U", "today"]):
        assert "belongs to another question" in lone(*words, "--cursor-file", cursor, code=2).stderr
    lone.address = traild.start(origin="example.org/other").address
    done = lone("search", "actor:anna", "-S", "yesterday", "--cursor-file", cursor, code=2)
    assert "belongs to the log example.org/test" in done.stderr
    assert cursor.read_text() == before


def damaged(text):
    value = json.loads(text)
    yield ""
    yield text[:-10]
    yield text.replace('"next":', '"next": 1')
    yield text.replace("actor", "aktor")
    yield json.dumps(dict(value, sum="0" * 64))
    yield json.dumps({k: v for k, v in value.items() if k != "sum"})
    yield "[]"
    yield "x" * 70_000
    yield text.replace('{', '{"next":0,', 1)


def test_a_damaged_cursor_file_is_said_so(lone):
    cursor = lone.folder / "cursor"
    words = ("search", "actor:anna", "--cursor-file", cursor)
    lone(*words, code=1)
    good = cursor.read_text()
    for text in damaged(good):
        cursor.write_text(text)
        done = lone(*words, code=3)
        assert "is damaged" in done.stderr and done.stdout == "", text
        assert cursor.read_text() == text
    cursor.write_text(good)
    lone(*words, code=1)
    cursor.unlink()
    cursor.mkdir()
    assert "cannot read" in lone(*words, code=3).stderr


def test_a_cursor_does_not_move_past_rows_that_nobody_got(lone):
    lone("import", write(lone.folder, "a.jsonl", events()))
    cursor = lone.folder / "cursor"
    with open("/dev/full", "wb") as full:
        code = os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn(
            lone.program, lone.words(["search", "source:journal", "--cursor-file", cursor]),
            lone.env(), file_actions=[(os.POSIX_SPAWN_DUP2, full.fileno(), 1)]), 0)[1])
    assert code == 3 and not cursor.exists()
    assert len(lone.rows("search", "source:journal", "--cursor-file", cursor)) == COUNT
    done = lone("search", "source:journal", "--cursor-file", lone.folder / "no" / "cursor", code=3)
    assert "cannot write the cursor file" in done.stderr and done.stdout.count("\n") == COUNT


def test_a_cursor_does_not_move_past_a_pager_that_cannot_be_run(lone):
    lone("import", write(lone.folder, "a.jsonl", events()))
    terminal = Terminal(lone.program.parent, lone.folder, lone.address)
    words = ("search", "source:journal", "--cursor-file", lone.folder / "cursor", "-n", 5)
    assert "--no-pager" in terminal.screen(*words, code=3, TRAIL_PAGER="/nowhere/pager")
    assert not (lone.folder / "cursor").exists()
    text = terminal.screen(*words, TRAIL_PAGER="sed 's/^/paged: /'")
    assert len(re.findall(r"^paged: +\d+  2026", text, re.M)) == 5
    assert "paged: showing 5 of 12; the next time goes on behind them" in text
    assert minutes(lone.rows(*words)) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("words", [
    ["search", "source:journal", "-r", "-n", "3"], ["search", "--around", "1m", "FIRST", "source:journal"],
    ["search", "--same", "object", "FIRST", "-n", "0"], ["history", "/o/1", "-o", "table"],
    ["search", "source:journal", "--after", "FIRST", "-o", "csv", "--fields", "index"],
    ["report", "actors", "source:journal"]])
def test_every_answer_goes_through_the_pager_whole(log, words):
    words = [str(log.first) if w == "FIRST" else w for w in words]
    plain = log.terminal.screen(*words, "--no-pager", COLUMNS="80")
    paged = log.terminal.screen(*words, TRAIL_PAGER="sed 's/^/> /'", COLUMNS="80")
    number = re.compile(r"(checkpoint|record) \d+|index:\d+")
    # What is said before the first row is said to the terminal.
    rest = [line for line in plain.splitlines() if not line.startswith("trail: ")]
    shown = [line[2:] for line in paged.splitlines() if line.startswith("> ")]
    assert [number.sub("", x) for x in shown] == [number.sub("", x) for x in rest] and len(rest) > 1


# ---- following --------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["json", "csv", "short"])
def test_who_follows_sees_an_event_within_a_second(lone, form):
    lone("emit", "read", "/first", "--source", "live")
    follower = lone.start("search", "source:live", "-f", "-o", form)
    while "/first" not in follower.stdout.readline():
        pass
    waits = []
    for n in range(20):
        lone("emit", "read", f"/o/{n}", "--source", "live")
        acked = time.monotonic()
        assert f"/o/{n}" in follower.stdout.readline()
        waits.append(time.monotonic() - acked)
    print(f"{form}: from the ack to the line {sorted(waits)[10] * 1000:.1f} ms (median), "
          f"{max(waits) * 1000:.1f} ms (most)")
    assert max(waits) < 1 * SLOW
    follower.send_signal(signal.SIGINT)
    assert follower.wait(20) == -signal.SIGINT


def test_who_follows_with_a_cursor_goes_on_where_it_was_killed(lone):
    cursor = lone.folder / "cursor"
    words = ("search", "source:live", "-f", "-o", "json", "--fields", "object",
             "--cursor-file", cursor)
    for begin in (0, 3):
        for n in range(begin, begin + 3):
            lone("emit", "read", f"/o/{n}", "--source", "live")
        follower = lone.start(*words)
        for n in range(begin, begin + 3):
            assert json.loads(follower.stdout.readline()) == {"object": {"id": f"/o/{n}"}}
        # The file is replaced behind the row: the next row is proof that it was.
        deadline = time.monotonic() + 20 * SLOW
        last = lone.rows("search", "source:live", "-n", 1)[0]["index"]
        while not cursor.exists() or json.loads(cursor.read_text())["next"] <= last:
            assert time.monotonic() < deadline
        follower.kill()
        follower.wait(20)


# ---- pivots -----------------------------------------------------------------------------------------

def test_around_an_event_both_ends_are_included(log):
    found = log.rows("search", "--around", "2m", log.first + 5, "source:journal")
    assert minutes(found) == [3, 4, 5, 6, 7]
    found = log.rows("search", "actor:anna", log.first + 5, "--around", "119s")
    assert minutes(found) == [4, 6]
    done = log("search", "--around", "1m", log.first + 5, "source:journal", "-o", "csv", "--utc")
    assert "from 2026-03-01T12:04:00.000000000Z to 2026-03-01T12:06:00.000000000Z" in done.stderr
    # Of a record without an event it is the time when the log received it.
    assert log.rows("search", "--around", "1d", 0)


@pytest.mark.parametrize("field, mine", [
    ("correlation", lambda n: n // 4 == 1),
    ("actor", lambda n: n % 2 == 1), ("object", lambda n: n % 2 == 1), ("subject", lambda n: n % 3 == 2)])
def test_the_same_is_asked_for_whatever_its_value(log, field, mine):
    found = log.rows("search", "--same", field, log.first + 5, "source:journal")
    assert minutes(found) == [n for n in range(COUNT) if mine(n)]
    both = log.rows("search", "--same", field, "--around", "2m", log.first + 5, "source:journal")
    assert minutes(both) == [n for n in range(3, 8) if mine(n)]


def test_g9_the_event_that_a_pivot_goes_out_from_is_on_record(lone):
    lone("import", write(lone.folder, "a.jsonl", events()))
    index = lone.rows("search", "source:journal", "-n", 1)[0]["index"]
    lone("search", "--same", "object", index)
    verbs = [(r["verb"], r["object"]["id"]) for r in lone.rows("search", "source:traild", "-n", 3)]
    assert verbs == [("search", "search"), ("get", f"get:{index}"), ("search", "search")]
    asked = lone.rows("search", "source:traild", "-n", 2)[0]["attributes"][0]["value"]
    assert asked == 'object:"o \\"q\\" \\\\ *:.. å"'


def test_what_is_not_there_has_no_same(log):
    assert "has no correlation" in log("search", "--same", "correlation", 0, code=1).stderr
    log("search", "--same", "actor", 10 ** 9, code=1)
