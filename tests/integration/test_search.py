# SPDX-License-Identifier: Apache-2.0
"""trail search, history and sources: what an investigator types, and what comes back."""
import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest
from wire import Client, pb

COMPLETE = re.compile(r"^(\d+) events? . (\d+) of (\d+) sources? current . (\d+) gaps? . scan . "
                      r"checkpoint (\d+)$", re.M)
COUNT = 30


class Trail:
    """The tool in a pipe, or with a terminal for its standard output and error."""

    def __init__(self, build, folder, address):
        self.program, self.folder, self.address = build / "trail", folder, address

    def env(self, **more):
        return dict(os.environ, XDG_STATE_HOME=str(self.folder / "state"), TZ="UTC", TERM="dumb",
                    LC_ALL="C.UTF-8", PAGER="cat", TRAIL_CONNECT=f"unix:{self.address}", **more)

    def words(self, args):
        return [str(self.program), *map(str, args)]

    def __call__(self, *args, code=0, **more):
        done = subprocess.run(self.words(args), capture_output=True, text=True, timeout=60,
                              env=self.env(**more), check=False)
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def rows(self, *args, **more):
        return [json.loads(line) for line in self(*args, "-o", "json", **more).stdout.splitlines()]

    def screen(self, *args, code=0):
        """What a terminal is sent."""
        pid, master = pty.fork()
        if pid == 0:
            os.execve(self.program, self.words(args), self.env())
        out = b""
        while True:
            try:
                out += os.read(master, 65536)
            except OSError:  # EIO: nobody holds the other end any more
                break
        os.close(master)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code, out
        return out.decode().replace("\r\n", "\n")

    def start(self, *args):
        return subprocess.Popen(self.words(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=self.env())


def events(first, count):
    """Every third is denied; objects and actors take turns; a minute lies between two."""
    for n in range(first, first + count):
        yield {"time": f"2026-03-01T12:{n:02}:00Z", "source": "journal",
               "action": ("CREATE", "READ", "MODIFY", "DELETE")[n % 4],
               "outcome": "DENIED" if n % 3 == 0 else "SUCCESS",
               "actor": {"id": ("anna", "bo b")[n % 2]}, "object": {"id": f"/o/{n % 5}"},
               "subject": f"p-{n % 2}"}


def write(folder, name, lines):
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def log(build, module_traild):
    daemon = module_traild.start()
    trail = Trail(build, module_traild.folder, daemon.address)
    trail("import", write(module_traild.folder, "events.jsonl", events(0, COUNT)))
    return trail


@pytest.fixture
def lone(build, traild):
    """A log of the test's own."""
    trail = Trail(build, traild.folder, None)
    trail.daemon = traild.start()
    trail.address = trail.daemon.address
    return trail


# ---- what is found -------------------------------------------------------------------------------

@pytest.mark.parametrize("terms,matches", [
    (("source:journal",), lambda n: True),
    (("actor:anna",), lambda n: n % 2 == 0),
    (('actor:"bo b"',), lambda n: n % 2 == 1),
    (("object:/o/3", "action:read"), lambda n: n % 5 == 3 and n % 4 == 1),
    (("subject:p-1 outcome:denied",), lambda n: n % 2 == 1 and n % 3 == 0),
    (("source:journal", "-action:read"), lambda n: n % 4 != 1),
    (("-action:read", "object:/o/*", "-source:traild"), lambda n: n % 4 != 1),
    (("object:/o/1..", "-object:/o/4", "source:j*"), lambda n: n % 5 in (1, 2, 3)),
    (("action:read", "action:delete", "subject:p-1", "source:journal"), lambda n: n % 2 == 1 and n % 4 in (1, 3)),
    (('actor:"bo "*', "subject:*"), lambda n: n % 2 == 1),
    (("-subject:p-0", "source:journal", 'unit:""'), lambda n: n % 2 == 1),
])
def test_search_shows_what_matches_newest_last(log, terms, matches):
    want = [f"2026-03-01T12:{n:02}:00.000000000Z" for n in range(COUNT) if matches(n)]
    done = log("search", *terms, "-o", "json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["time"] for r in rows] == want
    events_, current, sources, gaps, _ = map(int, COMPLETE.search(done.stderr).groups())
    assert (events_, current, sources, gaps) == (len(want), 1, 1, 0)
    assert [r["time"] for r in log.rows("search", *terms, "-r")] == want[::-1]
    assert [r["time"] for r in log.rows("search", *terms, "-n", 3)] == want[-3:]
    assert [r["time"] for r in log.rows("search", *terms, "-n", 3, "-r")] == want[::-1][:3]
    assert [r["time"] for r in log.rows("search", *terms, "-n", 0)] == want


def test_history_tells_who_did_what(log):
    done = log("history", "/o/3")
    lines = done.stdout.splitlines()
    assert len(lines) == COUNT // 5
    words = [("tried to " if n % 3 == 0 else "") +
             (("create", "read", "modify", "delete") if n % 3 == 0 else
              ("created", "read", "modified", "deleted"))[n % 4] for n in range(3, COUNT, 5)]
    for line, word in zip(lines, words, strict=True):
        assert f" {word} /o/3" in line
    assert COMPLETE.search(done.stderr)


def test_times_bound_a_search(log):
    found = log.rows("search", "source:journal", "-S", "2026-03-01T12:10:00Z",
                     "-U", "2026-03-01T12:20:00Z")
    assert [r["time"][14:16] for r in found] == [f"{n}" for n in range(10, 20)]
    log("search", "source:journal", "-U", "2020-01-01", code=1)
    for bad in (["-S", "soon"], ["-S", "2026-03-02", "-U", "2026-03-01"], ["-n", "x"],
                ["-f", "-r"]):
        assert log("search", *bad, code=2).stderr.startswith("trail: ")


def test_nothing_found_is_exit_1_and_says_how_complete_that_is(log):
    done = log("search", "actor:nobody", code=1)
    assert done.stdout == "" and COMPLETE.search(done.stderr).group(1) == "0"
    log("history", "/nowhere", code=1)


def test_forms(log):
    done = log("history", "/o/3", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [r["object.id"] for r in rows] == ["/o/3"] * 6 and rows[0]["time"].endswith("Z")
    table = log("history", "/o/3", "-o", "table").stdout.splitlines()
    assert len(table) == 7 and "actor" in table[0] and "/o/3" in table[1]
    assert "short, table, json or csv" in log("search", "-o", "xml", code=2).stderr


def test_a_terminal_shows_the_last_ones_and_says_how_many_there_are(log):
    text = log.screen("search", "source:journal", "-n", "4")
    lines = text.splitlines()
    assert "showing 4 of 30; -n 0 for all" in lines and COMPLETE.search(text)
    assert [re.search(r"12:(\d\d):00", line).group(1) for line in lines[:4]] == \
        ["26", "27", "28", "29"]
    # 1,000 unless said otherwise: here that is all.
    text = log.screen("search", "source:journal")
    assert "showing" not in text and len(re.findall(r" 12:\d\d:00", text)) == 30


# ---- what cannot be asked ------------------------------------------------------------------------

@pytest.mark.parametrize("terms,said", [
    (["actr:anna"], '"actr" .byte 0.*did you mean actor'),
    (["actor:anna", "frobnicate"], '"frobnicate" .byte 11.*field:value'),
    (['actor:"anna'], "byte 6.*quotes"),
    (["action:look"], '"look" .byte 7.*create, read, modify, delete, execute'),
    (["index:x"], '"x" .byte 6'),
    (["-x"], "option -x "), (["-n"], "option -n "),
    (["--", "-actr:read"], '"actr" .byte 1.*did you mean actor'),
    (["actor:a", "-action:raed", "-n", "3"], '"raed" .byte 16.*did you mean read'),
    (["-actor:a", "index:5..1"], '"5..1" .byte 15.*turn it around'),
    (["index:.."], "byte 6.*one end at least"), (["action:re*"], "byte 7.*no prefix"),
    (["class:secret"], "byte 6.*a number"), (["id:17"], "byte 3.*UUID"),
    (["unit:a...b"], "byte 8.*quotes"), (["actor:a"] * 65, "byte 512.*at most 64 terms")])
def test_a_query_that_does_not_parse_is_one_line_that_points_at_the_place(log, terms, said):
    done = log("search", *terms, code=2)
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert re.search(said, done.stderr), done.stderr
    # A question is judged before a daemon is needed.
    away = log("--connect", f"unix:{log.folder}/none", "search", *terms, code=2)
    assert away.stdout == "" and away.stderr == done.stderr


@pytest.mark.parametrize("terms,lines", [
    (["actor:anna", "actr:bo", "-unit:x"], ["  actor:anna actr:bo -unit:x",
                                           "             ^^^^^^^"]),
    (['unit:"\u00e4\u4e16"', "index:5..1"], ['  unit:"\u00e4\u4e16" index:5..1',
                                           "                   ^^^^"]),
    (["actor:"], ["  actor:", "  ^^^^^^"])])
def test_a_terminal_is_shown_the_place(log, terms, lines):
    said, *shown = log.screen("search", *terms, code=2).splitlines()
    assert said.startswith("trail: the query, at ") and shown == lines
    # What would not stand under its place is not shown.
    assert log.screen("search", "unit:" + "x" * 200, *terms, code=2).count("\n") == 1


def test_a_query_that_is_too_long_is_said_so(log):
    assert "too big" in log("search", "actor:" + "a" * 4096, code=2).stderr


# ---- how it is understood ------------------------------------------------------------------------

@pytest.mark.parametrize("args,lines", [
    ([], ["every event"]),
    (["actor:anna"], ["actor is anna"]),
    (["actor:anna", 'actor:"bo b"', "-action:DELETE"],
     ['actor is one of: anna, "bo b"', "not: action is delete"]),
    (["object:/hr/*", "object:/x", "purpose:*", 'unit:""'],
     ["object begins with /hr/, or is /x", "unit is not there", "purpose is there"]),
    (["index:5..9", "index:12", "index:20..", "class:..3", "unit:..b", "-unit:a..b"],
     ["index is from 5 to 9, or is 12, or is from 20 on", "unit is up to b", "class is up to 3",
      "not: unit is from a to b"]),
    (["id:0198F3C2-7d1e-7c55-9a10-2f7c7b1f0a11", "-id:0A*"],
     ["id is 0198f3c2-7d1e-7c55-9a10-2f7c7b1f0a11", "not: id begins with 0a"]),
    (["actor:\x1b[2J", "-S", "2026-03-01", "-U", "2026-03-02T12:00:00Z"],
     ["actor is \\u{1b}[2J", "time is from 2026-03-01T00:00:00.000000000Z",
      "time is before 2026-03-02T12:00:00.000000000Z"])])
def test_explain_says_how_a_query_is_understood_and_asks_nothing(log, args, lines):
    before = int(log("checkpoint").stdout.splitlines()[1])
    done = log("--connect", "unix:/nowhere/sock", "search", "--explain", *args)
    assert done.stdout.splitlines() == lines and done.stderr == ""
    assert log("search", "--explain", *args).stdout == done.stdout
    assert int(log("checkpoint").stdout.splitlines()[1]) == before


def test_explain_refuses_what_cannot_be_asked(log):
    done = log("search", "--explain", "actr:anna", code=2)
    assert done.stdout == "" and "did you mean actor?" in done.stderr
    assert "too big" in log("search", "--explain", "actor:" + "a" * 4096, code=2).stderr
    assert log("history", "--explain", "a b").stdout == "object is a b\n"


def test_history_takes_one_object(log):
    for args in ([], ["a", "b"], [""]):
        assert "OBJECT" in log("history", *args, code=2).stderr


def test_without_a_daemon_it_says_what_to_do(log):
    done = log("search", "--connect", "unix:/nowhere/sock", code=3)
    assert "/nowhere/sock" in done.stderr and "not running, or no permission" in done.stderr


# ---- who asked -----------------------------------------------------------------------------------

def test_g9_each_command_leaves_one_event(lone):
    lone("import", write(lone.folder, "e.jsonl", events(0, COUNT)))
    before = int(lone("checkpoint").stdout.splitlines()[1])
    for args in (["search", "actor:anna", "-n", "2"], ["history", "/o/1"], ["show", "4"],
                 ["search", "subject:p-1", "-r"]):
        lone(*args)
    lone("prove", "4")
    lone("sources")
    assert int(lone("checkpoint").stdout.splitlines()[1]) == before + 5
    asked = lone.rows("search", "source:traild", "action:read")
    assert [(a["verb"], a.get("subject")) for a in asked] == [
        ("search", None), ("history", None), ("get", None), ("search", "p-1"), ("get", None)]
    assert asked[0]["attributes"] == [{"key": "query", "value": "actor:anna"}]
    told = lone("search", "source:traild", "subject:p-1").stdout
    assert 'uid:' in told and ' about person p-1 in traild, query "subject:p-1"' in told


# ---- what is missing -----------------------------------------------------------------------------

def test_declared_loss_is_a_gap_and_exit_6(lone):
    lone("import", write(lone.folder, "e.jsonl", events(0, 4)))
    with Client(lone.address, claims=[("vpn", 5)]) as c:
        event = pb.Event(time_ns=1, action=1, actor=pb.Actor(id="a"), object=pb.Object(id="/o/1"))
        c.append("vpn", 5, 4, [event.SerializeToString()], lost=3)
    done = lone("search", code=6)
    assert COMPLETE.search(done.stderr).group(4) == "1" and "trail sources" in done.stderr
    assert len(done.stdout.splitlines()) == 5
    lone("search", "source:journal")
    sources = lone("sources", code=6).stdout
    assert "3 declared lost" in sources and " ok" in sources
    rows = lone.rows("sources", code=6)
    assert [(r["source"], r["lost"], r["missing"]) for r in rows] == \
        [("journal", 0, 0), ("vpn", 3, 0)]


def test_sources_of_an_empty_log_are_none(lone):
    assert lone("sources", code=1).stdout == ""
    lone("search", "source:journal", code=1)


# ---- following -----------------------------------------------------------------------------------

def test_follow_shows_the_last_ones_and_what_comes(lone):
    lone("import", write(lone.folder, "e.jsonl", events(0, COUNT)))
    follower = lone.start("search", "source:journal", "-f", "-n", "2", "-o", "json")
    got = [json.loads(follower.stdout.readline())["time"][14:16] for _ in range(2)]
    assert got == ["28", "29"]
    for n in (40, 41):
        began = time.monotonic()
        lone("import", write(lone.folder, f"{n}.jsonl", events(n, 1)))
        assert json.loads(follower.stdout.readline())["time"][14:16] == f"{n}"
        assert time.monotonic() - began < 20
    follower.send_signal(signal.SIGINT)
    assert follower.wait(20) == -signal.SIGINT
    # The last ones, and what came: two questions, whatever came.
    asked = lone.rows("search", "source:traild", "action:read")
    assert [a["attributes"][-1]["key"] for a in asked] == ["query", "follow"]


def test_follow_ends_with_its_daemon(lone):
    follower = lone.start("search", "-f")
    follower.stdout.readline()
    lone.daemon.stop()
    assert follower.wait(20) == 3
    assert "trail: " in follower.stderr.read()
