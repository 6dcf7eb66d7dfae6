# SPDX-License-Identifier: Apache-2.0
"""trail on a terminal and in a pipe: width, colour, pager, characters, times."""
import base64
import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import unicodedata

import pytest

FORMS = ["text", "short", "table", "json", "csv"]
HOSTILE = ("\x1b]0;owned\x07\x1b[31m\r\n\x85\x9b31m\u202e\u2066\u2028\ufeff\U000e0041\u0301"
           "=cmd,\"x\";=1 \u8a9e\U0001f600a\u0301\u0302\u0303\u0304\u0305")
PLAIN = {"time": "2026-03-29T01:00:00Z", "action": "READ", "source": "journal",
         "actor": {"id": "anna", "name": "Anna Berg", "unit": "nord"},
         "object": {"id": "/journal/4711"}, "subject": "p-93", "purpose": "case:2026-118"}
# What this user's own settings say must not decide what is tested.
UNSET = ("COLUMNS", "NO_COLOR", "PAGER", "TRAIL_PAGER", "LESS", "LESSOPEN", "LANG", "LC_CTYPE", "LC_MESSAGES", "TZ")


class Terminal:
    """Runs trail in a pipe or on a terminal of its own."""

    def __init__(self, build, folder, address):
        self.program, self.folder, self.address = build / "trail", folder, address

    def environment(self, more):
        env = {k: v for k, v in os.environ.items() if k not in UNSET}
        env.update(LC_ALL="C.UTF-8", TZ="Europe/Stockholm", TERM="xterm",
                   XDG_STATE_HOME=str(self.folder / "state"),
                   TRAIL_CONNECT=f"unix:{self.address}")
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def pipe(self, *args, code=0, **env):
        done = subprocess.run([self.program, *map(str, args)], capture_output=True, timeout=60,
                              env=self.environment(env), check=False)
        assert done.returncode == code, done
        return done.stdout.decode("utf-8")

    def fail(self, *args, code=2, **env):
        """What is said where nothing is shown."""
        done = subprocess.run([self.program, *map(str, args)], capture_output=True, timeout=60,
                              env=self.environment(env), check=False)
        assert (done.returncode, done.stdout) == (code, b""), done
        return done.stderr.decode("utf-8")

    def screen(self, *args, code=0, columns=80, **env):
        """What the terminal is sent, with the line ends that trail wrote."""
        words = [str(self.program), *map(str, args)]
        pid, master = pty.fork()
        if pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 50, columns, 0, 0))
                os.execve(words[0], words, self.environment(env))
            finally:
                os._exit(99)
        out = b""
        while True:
            try:
                more = os.read(master, 65536)
            except OSError:  # EIO: nobody holds the other end any more
                break
            if not more:
                break
            out += more
        os.close(master)
        _, status = os.waitpid(pid, 0)
        text = out.decode("utf-8").replace("\r\n", "\n")
        assert os.waitstatus_to_exitcode(status) == code, text
        return text


@pytest.fixture(scope="module")
def log(build, module_traild):
    """A daemon with a plain event, a refused one, a hostile one, and a very long one."""
    daemon = module_traild.start()
    terminal = Terminal(build, module_traild.folder, daemon.address)
    events = [
        PLAIN,
        dict(PLAIN, outcome="DENIED", reason="no relation"),
        dict(PLAIN, reason=HOSTILE, outcome="FAILURE",
             actor={"id": "\u8a9e" * 300, "name": "\u0301Zed \U0001f600" * 100, "unit": "=u"},
             object={"id": "@SUM(\"1,2\")"}, subject="-1", purpose="+1;=2",
             attributes=[{"key": "k", "value": HOSTILE}],
             changes=[{"field": "f", "old": HOSTILE, "new": HOSTILE}]),
        dict(PLAIN, changes=[{"field": "f", "old": "\x1b" * 4000, "new": "\x1b" * 4000}] * 3),
    ]
    path = module_traild.folder / "events.jsonl"
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    first = json.loads(terminal.pipe("import", path, "-o", "json"))["first_index"]
    terminal.plain, terminal.denied, terminal.hostile, terminal.long = range(first, first + 4)
    return terminal


def columns_of(line):
    """Not through the C library that trail asks."""
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def assert_harmless(text):
    for c in text:
        assert c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Cn"), repr(text)


# ---- what is shown ------------------------------------------------------------------------------

@pytest.mark.parametrize("form", FORMS)
def test_hostile_text_is_harmless_in_every_form(log, form):
    for index in (log.hostile, log.long):
        for text in (log.pipe("show", index, "-o", form),
                     log.screen("show", index, "-o", form, "--no-pager", NO_COLOR="1")):
            assert_harmless(text.replace("\r\n", "\n"))
            assert len(text) > 100


@pytest.mark.parametrize("form", FORMS)
def test_a_locale_that_is_not_utf_8_gets_ascii(log, form):
    text = log.pipe("show", log.hostile, "-o", form, LC_ALL="C")
    assert text.isascii()
    assert ("\\u8a9e" if form == "json" else "\\u{8a9e}") in text


def test_the_sentence(log):
    assert log.pipe("show", log.denied, "-o", "short") == (
        f"{log.denied:8}  2026-03-29 03:00:00 +02:00  Anna Berg (anna, nord) tried to read "
        "/journal/4711 about person p-93 in journal, purpose: case:2026-118 "
        "\u2013 denied: \"no relation\" [late]\n")
    assert "2026-03-29 01:00:00Z  Anna" in log.pipe("show", log.denied, "-o", "short", "--utc")
    for index, words in ((0, "DAEMON record, by traild"), (log.plain - 1, "SOURCE journal begins")):
        assert words in log.pipe("show", index, "-o", "short")


SWEDISH = ("Anna Berg (anna, nord) f\u00f6rs\u00f6kte l\u00e4sa /journal/4711 om person p-93 i "
           "journal, syfte: case:2026-118 \u2013 nekades: \"no relation\" [inkom sent]\n")


@pytest.mark.parametrize("env, swedish", [
    ({"LC_ALL": "sv_SE.UTF-8"}, True), ({"LC_ALL": None, "LC_MESSAGES": "sv_SE"}, True),
    ({"LC_ALL": None, "LANG": "sv"}, True), ({"LC_ALL": "", "LANG": "sv_FI@euro"}, True),
    ({"LC_ALL": "C", "LANG": "sv_SE"}, False), ({"LC_ALL": None, "LANG": "svenska"}, False),
    ({"LC_ALL": None, "LC_MESSAGES": "en_US", "LANG": "sv_SE"}, False), ({"LC_ALL": None}, False)])
def test_the_locale_chooses_the_language(log, env, swedish):
    """Also where the C library has no such locale: then all is ASCII."""
    text = log.pipe("show", log.denied, "-o", "short", **env)
    plain = SWEDISH.translate(str.maketrans("\u00e4\u00f6\u2013", "ao-"))
    assert text.endswith((SWEDISH, plain)) == swedish and ("tried to read" in text) != swedish


def test_lang_has_the_last_word(log):
    words = ("show", log.denied, "-o", "short")
    assert log.pipe(*words, "--lang", "sv", LANG="en_US").endswith(SWEDISH)
    assert log.pipe("--lang", "sv", *words).endswith(SWEDISH)
    assert "tried to read" in log.pipe(*words, "--lang", "en", LC_ALL="sv_SE")
    text = log.pipe(*words, "--lang", "sv", LC_ALL="C")
    assert text.isascii() and "forsokte lasa" in text and " - nekades: " in text
    for form in ("json", "csv"):
        assert log.pipe("show", log.denied, "-o", form, "--lang", "sv").count("DENIED") == 1
    assert "en (English) or sv" in log.fail("show", log.denied, "--lang", "de")


@pytest.mark.parametrize("zone, shown", [
    ("Europe/Stockholm", "2026-03-29T03:00:00+02:00"), ("Pacific/Apia", "2026-03-29T14:00:00+13:00"),
    ("Nowhere/Land", "2026-03-29T01:00:00+00:00")])
def test_people_read_their_own_zone_and_programs_utc(log, zone, shown):
    assert shown in log.pipe("show", log.plain, "-o", "table", TZ=zone)
    assert "2026-03-29T01:00:00Z" in log.pipe("show", log.plain, "-o", "table", "--utc", TZ=zone)
    for form in ("json", "csv"):
        assert "2026-03-29T01:00:00.000000000Z" in log.pipe("show", log.plain, "-o", form, TZ=zone)


@pytest.mark.parametrize("columns", [20, 33, 79, 80, 81, 100, 200])
def test_a_table_fits_the_terminal(log, columns):
    for index in (0, log.plain, log.denied, log.hostile):
        text = log.screen("show", index, "-o", "table", "--no-pager", columns=columns, NO_COLOR="1")
        assert max(columns_of(line) for line in text.split("\n")) <= columns, text
        assert len(text.split("\n")) == 3


def test_width_without_a_terminal(log):
    def width(**env):
        text = log.pipe("show", log.hostile, "-o", "table", **env)
        return max(columns_of(line) for line in text.split("\n"))
    assert 120 < width() <= 132
    assert 80 < width(COLUMNS="100") <= 100
    assert width(COLUMNS="many") == width()
    # A terminal that does not know its width goes by COLUMNS, too.
    for env, most in (({}, 80), ({"COLUMNS": "60"}, 60)):
        text = log.screen("show", log.hostile, "-o", "table", "--no-pager", columns=0, NO_COLOR="1",
                          **env)
        assert most - 20 < max(columns_of(line) for line in text.split("\n")) <= most


def test_csv_goes_back_in(log):
    text = log.pipe("show", log.plain, "-o", "csv")
    assert text.count("\r\n") == text.count("\n") == 2
    path = log.folder / "back.csv"
    path.write_text(text)
    index = json.loads(log.pipe("import", "--format", "csv", path, "-o", "json"))["first_index"]
    before, after = (json.loads(log.pipe("show", i, "-o", "json")) for i in (log.plain, index))
    assert before["proof"]["payload"] == after["proof"]["payload"]


def test_no_cell_of_csv_is_a_formula(log):
    head, row = csv.reader(io.StringIO(log.pipe("show", log.hostile, "-o", "csv")))
    cells = dict(zip(head, row, strict=True))
    assert cells["actor.unit"] == "'=u" and cells["subject"] == "'-1"
    assert cells["object.id"] == "'@SUM(\"1,2\")" and cells["purpose"] == "'+1;\\u{3d}2"
    assert cells["kind"] == "EVENT" and cells["received"].endswith("Z")


def test_json_is_exact_and_carries_the_proof(log):
    for locale in ("C", "C.UTF-8"):
        shown = json.loads(log.pipe("show", log.hostile, "-o", "json", LC_ALL=locale))
        assert shown["reason"] == shown["attributes"][0]["value"] == HOSTILE
        assert len(base64.b64decode(shown["proof"]["record"])) == 112


@pytest.mark.parametrize("words, sentence", [
    (["show", "1", "-o", "xml"], "-o xml is not possible with show; text, short, table, json or csv is"),
    (["-o", "table", "status"], "-o table is not possible with status; text, json or prom is"),
    (["show", "1", "--no-pagr"], "did you mean --no-pager?"),
])
def test_forms_that_a_command_does_not_know(log, words, sentence):
    done = subprocess.run([log.program, *words], capture_output=True, text=True, timeout=60,
                          env=log.environment({}), check=False)
    assert done.returncode == 2 and sentence in done.stderr


# ---- colour -------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["short", "table"])
def test_colour_is_for_terminals_that_want_it(log, form):
    words = ("show", log.denied, "-o", form, "--no-pager")
    coloured = log.screen(*words)
    plain = log.screen(*words, NO_COLOR="1")
    assert coloured.count("\x1b[31m") == coloured.count("\x1b[0m") == 1
    assert coloured.count("\x1b") == 2
    # Nothing is said by colour alone.
    assert coloured.replace("\x1b[31m", "").replace("\x1b[0m", "") == plain
    assert "denied" in plain.lower()
    assert "\x1b" in log.screen(*words, NO_COLOR="")
    for env in ({"TERM": "dumb"}, {"TERM": None}):
        assert log.screen(*words, **env) == plain
    assert "\x1b" not in log.pipe(*words)
    assert "\x1b" not in log.screen("show", log.plain, "-o", form, "--no-pager")


# ---- the pager ----------------------------------------------------------------------------------

MARK = "sed 's/^/paged: /'"


def test_the_pager_is_for_terminals_and_can_be_chosen(log):
    words = ("show", log.plain, "-o", "short")
    for env in ({"TRAIL_PAGER": MARK}, {"PAGER": MARK}, {"TRAIL_PAGER": MARK, "PAGER": "false"},
                {"TRAIL_PAGER": MARK, "TERM": "dumb"}):
        assert log.screen(*words, **env).startswith("paged: ")
    for env in ({"TRAIL_PAGER": "cat", "PAGER": MARK}, {"TRAIL_PAGER": "", "PAGER": MARK},
                {"TRAIL_PAGER": "", "TERM": None}, {"TERM": "dumb"}):
        assert log.screen(*words, **env) == log.pipe(*words)
    assert log.screen(*words, "--no-pager", PAGER=MARK) == log.pipe(*words)
    assert "paged" not in log.pipe(*words, PAGER=MARK, TRAIL_PAGER=MARK)


def test_the_pager_does_not_change_the_exit_code(log):
    assert "2026" in log.screen("show", log.plain, TRAIL_PAGER="cat; exit 7")
    assert "holds 0 to" in log.screen("show", 9999, TRAIL_PAGER=MARK, code=1)


def test_a_pager_that_cannot_be_run_is_said_so(log):
    text = log.screen("show", log.plain, TRAIL_PAGER="/nowhere/pager", code=3)
    assert "--no-pager" in text


def test_without_less_there_is_no_pager(log):
    (log.folder / "empty").mkdir()
    shown = log.screen("show", log.plain, PATH=str(log.folder / "empty"))
    # Whoever shows a record makes the log longer.
    size = re.compile(r"checkpoint \d+ ")
    assert size.sub("", shown) == size.sub("", log.pipe("show", log.plain))


def test_a_pager_that_is_left_early_ends_it_quietly(log):
    # More than a pipe holds, so that trail is still writing when its reader goes.
    assert len(log.pipe("show", log.long)) > 2 * 65536
    text = log.screen("show", log.long, TRAIL_PAGER="head -n 1")
    assert text == log.pipe("show", log.long).split("\n")[0] + "\n"


@pytest.mark.parametrize("limit", [(), ("-n", 100_000)])
def test_evidence_becomes_whole_though_its_reader_leaves(log, limit):
    log.pipe("emit", "read", "behind-the-long-one")
    folder = log.folder / f"left{len(limit)}"
    text = log.screen("search", "-o", "json", *limit, "--evidence", folder, TRAIL_PAGER="head -n 1")
    first, *rest = text.splitlines()
    rows = (folder / "rows.jsonl").read_text().splitlines()
    assert json.loads(first) == json.loads(rows[0])
    assert f"{len(rows)} events" in "".join(rest) and len(rest) == 1
    assert "behind-the-long-one" in rows[-1]
    identity = log.folder / "log.identity"
    identity.write_text(log.pipe("key"))
    verdict = json.loads(log.pipe("verify", "--log", identity, folder, "-o", "json", code=6))
    assert verdict["rows"] == len(rows) and verdict["invalid"] == 0


def test_evidence_that_fails_behind_a_pager_is_said_so(log):
    for name, take, why in (("taken-1", "touch {}", "is there already"),
                            ("taken-2", "mkdir -p {}/x", "is not empty")):
        folder = log.folder / name
        text = log.screen("search", "-o", "json", "--evidence", folder, code=3,
                          TRAIL_PAGER=take.format(folder) + "; head -n 1")
        assert why in text.splitlines()[-1]
        assert not list(log.folder.glob("taken-*.*"))
    text = log.screen("search", "--evidence", log.folder / "whole", TRAIL_PAGER="/nowhere/pager",
                      code=3)
    assert "--no-pager" in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_evidence_that_is_interrupted_leaves_no_events_behind(log, number):
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)  # which nobody empties: it stays half done
    with subprocess.Popen([log.program, "search", "-o", "json", "--evidence", log.folder / "broken"],
                          stdout=writing, stderr=subprocess.DEVNULL, env=log.environment({})) as run:
        deadline = time.monotonic() + 20
        while select.select([], [writing], [], 0)[1]:
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.01)
        assert list(next(log.folder.glob("broken.*")).iterdir())
        run.send_signal(number)
        assert run.wait(60) == -number
    os.close(reading)
    os.close(writing)
    assert not list(log.folder.glob("broken*"))


def test_a_pipe_that_is_left_early_ends_it_quietly(log):
    with subprocess.Popen([log.program, "show", str(log.long)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=log.environment({})) as run:
        assert run.stdout.read(5) == b"index"
        run.stdout.close()
        assert (run.stderr.read(), run.wait(60)) == (b"", 0)


def test_output_that_is_lost_is_no_success(log):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([log.program, "show", str(log.plain)], stdout=full, timeout=60,
                              stderr=subprocess.PIPE, env=log.environment({}), check=False)
    assert done.returncode == 3 and b"cannot write" in done.stderr


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_hostile_text_is_harmless_in_less(log):
    # less quits by itself when all fits: nobody is there to press q.
    text = log.screen("show", log.hostile, "-o", "short", columns=200)
    for attack in ("\x1b]0;", "\x1b[31m\\", "\x07", "\x85", "\u202e"):
        assert attack not in text
    assert "\\u{1b}]0;owned\\u{7}" in text
