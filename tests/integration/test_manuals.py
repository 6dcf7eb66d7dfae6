# SPDX-License-Identifier: Apache-2.0
"""
Manuals, --help and programs say the same: options, arguments, exit codes, public functions. What a
program takes is found out by running it; every example that a page, --help or README.md shows is
run against a real daemon.
"""
import datetime
import json
import os
import re
import string
import subprocess

import manual
import pytest
from harness import ROOT
from manual import Page

PAGES = {
    "traild": Page(ROOT / "daemon/traild.8"),
    "check": Page(ROOT / "daemon/traild-check.8"),
    "courier": Page(ROOT / "daemon/courier/traild-courier.8"),
    "signer": Page(ROOT / "daemon/signer/traild-signer.8"),
    "witness": Page(ROOT / "client/witness/trail-witness.8"),
    "trail": Page(ROOT / "client/trail.1"),
    "libtrail": Page(ROOT / "client/libtrail.3"),
}
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z])(?![\w-])")
COMMANDS = re.findall(r'^\t\{ "(\w+)", cmd_', (ROOT / "client/cli/main.c").read_text(), re.M)


@pytest.fixture
def programs(build):
    return {"traild": [build / "traild"], "check": [build / "traild", "check"],
            "courier": [build / "traild-courier"],
            "signer": [build / "traild-signer"], "trail": [build / "trail"],
            "witness": [build / "trail-witness"]}


def run(words, **how):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=60,
                          check=False, **{"env": dict(os.environ, TRAIL_CONNECT="unix:/nowhere"),
                                          **how})


def help_of(words):
    done = run([*words, "--help"])
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


def without_examples(text):
    """What --help says of the program itself: examples use other programs' options, too."""
    return re.split(r"^(?:Examples?:|Try it)", text, flags=re.M)[0]


def codes_of_help(text):
    """Exit codes, from the paragraph that tells of them."""
    return {int(n) for part in re.split(r"\n\n", text) if re.search(r"\b[Ee]xit\b", part)
            for n in re.findall(r"(?<![\w(.,-])[0-9](?![\w)-]|\.\d)", part)}


def codes_of_page(page):
    text = "\n".join(page.lines("EXIT STATUS"))
    return {int(n) for n in re.findall(r"^(?:\.It )?([0-9])\b|\\\(bu ([0-9])\b|\\\(bu\n([0-9])\b", text,
                                       re.M) for n in n if n}


# ---- traild, traild check, traild-signer ----------------------------------------------------------

def takes(words, option):
    """
    Whether a program takes the option, with a value or without: --help behind both still answers.
    Never without the word between, or --help would be the value, and the program would run.
    """
    return any(run([*words, option, word, "--help"]).returncode == 0 for word in ("1", "json"))


def shortest(option, others):
    """The shortest beginning that none of the others has; getopt takes it for the whole."""
    return next((option[:n] for n in range(3, len(option))
                 if not any(o.startswith(option[:n]) for o in others if o != option)), option)


@pytest.mark.parametrize("name", ["traild", "check", "signer", "witness"])
def test_options_of_help_page_and_program_are_the_same(programs, name):
    """A long option that is on no page would make the shortest beginning of another ambiguous, or
    be taken by its first letter."""
    page = manual.options(PAGES[name].lines("SYNOPSIS", "DESCRIPTION"))
    told = set(OPTION.findall(without_examples(help_of(programs[name]))))
    if name == "traild":  # both show the synopsis of check as well
        both = manual.options(PAGES["check"].lines("SYNOPSIS")) - {"--state-dir"}
        page, told = page - both, told - both
    assert told | {"--help"} == page, "--help and the page differ"
    longs = {o for o in page if o.startswith("--")}
    for option in longs:
        assert takes(programs[name], option) and takes(programs[name], shortest(option, longs))
    for letter in string.ascii_letters + string.digits:
        assert takes(programs[name], f"-{letter}") == (f"-{letter}" in page), letter
        if not any(o.startswith(f"--{letter}") for o in longs):
            assert not takes(programs[name], f"--{letter}"), letter


@pytest.mark.parametrize("name", ["traild", "check", "signer", "witness"])
def test_exit_codes_of_help_and_page_are_the_same(programs, name):
    codes = codes_of_page(PAGES[name])
    assert codes >= {0, 2, 3, 5}
    assert codes_of_help(help_of(programs[name])) == codes


def test_what_is_no_option_is_refused(programs):
    for name in ("traild", "check", "signer", "witness", "trail"):
        assert run([*programs[name], "--nonsense"]).returncode == 2


# ---- trail ------------------------------------------------------------------------------------------

COMMON = manual.options(PAGES["trail"].lines("SYNOPSIS", "DESCRIPTION"))


def command_items():
    heads = {}
    for head, below in manual.items(PAGES["trail"].lines("COMMANDS")):
        words = manual.tokens(head)
        assert words[:3:2] == ["It", "Cm"], head
        heads[words[3]] = (head, below)
    return heads


def page_options(command):
    """Those that its item in COMMANDS and the section of its name tell of."""
    head, below = command_items()[command]
    section = PAGES["trail"].lines(command.upper())
    more = page_options("search") - {"--around", "--same"} if command == "history" else set()
    return manual.options([head, *below, *section]) | more


def taken(trail, command):
    """The real table: trail says it for shells; letters are tried."""
    done = run([*trail, "complete", *command, "--"])
    longs = set(done.stdout.split())
    letters = {f"-{x}" for x in string.ascii_letters + string.digits
               if run([*trail, *command, f"-{x}", "1", "--help"]).returncode == 0}
    return longs | letters


def test_commands_of_help_page_and_program_are_the_same(programs):
    trail = programs["trail"]
    told = re.findall(r"^  (\w+) +\S", help_of(trail), re.M)
    assert told == COMMANDS == [n for n in command_items() if n not in ("help", "complete")]
    assert [line.split("\t")[0] for line in run([*trail, "complete", ""]).stdout.splitlines()] == told
    assert {"help", "complete"} <= set(command_items())
    assert run([*trail, "help"]).stdout == help_of(trail)
    assert run([*trail, "help", "key"]).stdout == help_of([*trail, "key"])


def test_common_options_are_the_same(programs):
    told = set(OPTION.findall(help_of(programs["trail"])))
    assert told == COMMON == taken(programs["trail"], [])


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_each_command_are_the_same(programs, command):
    real = taken(programs["trail"], [command])
    page = page_options(command)
    assert COMMON <= real, "a common option is not taken"
    told = set(OPTION.findall(without_examples(help_of([*programs["trail"], command]))))
    told -= {"--help"}
    assert told <= page | COMMON, "--help tells of what the page does not have"
    assert real - COMMON <= page, "the page lacks what the program takes"
    assert page <= real, "the page has what the program does not take"
    assert real - COMMON <= told, "--help lacks what the program takes"


@pytest.mark.parametrize("command", COMMANDS)
def test_arguments_and_exit_codes_of_each_command_are_the_same(programs, command):
    text = help_of([*programs["trail"], command])
    usage = text.split("\n")[0].split(">")[0].removeprefix(f"usage: trail {command}")
    operands = re.findall(r"\b[A-Z]+\b", re.sub(r"\[-[^\]]*\]", "", usage))
    assert operands == manual.arguments(command_items()[command][0])
    codes = codes_of_help(text)
    assert codes <= codes_of_page(PAGES["trail"]) == {0, 1, 2, 3, 4, 5, 6}


# ---- libtrail ---------------------------------------------------------------------------------------

def test_functions_of_libtrail_page_are_those_that_it_exports():
    mapped = re.findall(r"^\t(trail_\w+);", (ROOT / "client/libtrail.map").read_text(), re.M)
    named = [w for line in PAGES["libtrail"].lines("FUNCTIONS") if line.startswith(".Fn ")
             for w in manual.tokens(line) if w.startswith("trail_")]
    assert len(mapped) > 150 and sorted(named) == sorted(mapped)


def test_functions_that_the_page_speaks_of_exist():
    mapped = set(re.findall(r"^\t(trail_\w+);", (ROOT / "client/libtrail.map").read_text(), re.M))
    for line in (ROOT / "client/libtrail.3").read_text().splitlines():
        if line.startswith(".Fn "):
            assert {w for w in manual.tokens(line) if w.startswith("trail_")} <= mapped, line


# ---- examples ---------------------------------------------------------------------------------------

STUBS = {  # programs that an example uses and that are none of ours
    "ssh": 'shift; exec bash -c "$1"',
    "mail": "exec cat >/dev/null",
    "jq": "exec python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]'",
}


class Examples:
    """A folder in which every example can be run: a log with what they ask for, and their files."""

    def __init__(self, traild, folder):
        self.folder = folder
        self.daemon = traild.start(config={"seal_epoch": 1})
        stubs = folder / "stubs"
        stubs.mkdir()
        for name, script in STUBS.items():
            (stubs / name).write_text(f"#!/bin/bash\n{script}\n")
            (stubs / name).chmod(0o755)
        self.env = dict(os.environ, XDG_STATE_HOME=str(folder / "client"), LC_ALL="C.UTF-8",
                        TRAIL_CONNECT=f"unix:{self.daemon.address}",
                        PATH=f"{stubs}:{traild.traild.parent}:{os.environ['PATH']}")
        (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in self.events()))
        (folder / "old.csv").write_text("time,action,actor.id,object.id\n"
                                        "2026-03-01T12:00:00Z,READ,bo,/vpn\n")
        self("gzip -k old.csv")
        for actor in ("anna", "bo"):
            self(f"trail emit read /journal/4711 --actor {actor} --subject p-93")
        self("trail emit create '/case/a b'; trail emit read /hr/x --actor anna --outcome denied")
        self("trail emit modify /journal/4712 --actor bo --subject p-94; "
             "trail emit read /journal/4713 --actor eva --type journal; "
             "trail emit delete /hr/old.doc --actor eva")
        self("trail search subject:p-93 && trail verify")
        self("trail key > log.identity; trail checkpoint > last-month.note; trail publish published")
        # Until record 5 is sealed a sentence says that it is not.
        self("until trail prove 5 2>&1 >case-2026-118.tlog-proof | (! grep .); do sleep 0.05; done")

    @staticmethod
    def events():
        hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        yield {"time": hour_ago.isoformat(), "action": "READ", "source": "files",
               "actor": {"id": "anna"}, "object": {"id": "/hr"}, "outcome": "DENIED"}
        for i in range(10):
            yield {"time": f"2026-03-01T12:00:0{i}Z", "action": "READ", "source": "files",
                   "actor": {"id": "bo"}, "object": {"id": f"/o/{i}"}}

    def __call__(self, command, code=0):
        # Another program's folder, which an example writes to.
        command = command.replace("/var/lib/prometheus/node-exporter", str(self.folder))
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=self.folder,
                              env=self.env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, f"{command}\n{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def examples(module_traild):
    return Examples(module_traild, module_traild.folder)


def shown_on(page):
    commands = [c for c in manual.displays(page.lines(*page.sections)) if c.startswith("trail ")]
    assert commands
    return commands


def shown_by_help(command):
    program = ROOT / os.environ.get("TRAIL_BUILD", "build/release") / "trail"
    text = help_of([program, command])
    part = re.split(r"^Examples?:\n", text, flags=re.M)[1:]
    return [line.strip() for line in part[0].split("\n\n")[0].splitlines()] if part else []


@pytest.mark.parametrize("command", shown_on(PAGES["trail"]))
def test_every_example_of_trail_1_runs(examples, command):
    examples(command)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "sources"])
def test_every_example_of_help_runs(examples, command):
    shown = shown_by_help(command)
    assert shown
    for line in shown:
        if line.endswith(" -f"):  # it does not end; that it is taken shows where nobody listens
            examples(f"TRAIL_CONNECT=unix:/nowhere {line}", code=3)
        else:
            examples(line)


def test_every_example_of_traild_check_8_runs(traild, folder):
    example = Examples(traild, folder)
    example.daemon.stop()
    commands = manual.displays(PAGES["check"].lines("EXAMPLES"))
    assert commands
    for command in commands:
        assert "valid" in example(command.replace("/var/lib/trail", str(example.daemon.state_dir)))


def test_example_of_traild_runs_and_is_the_same_on_page_and_in_help(programs, traild, folder):
    shown = manual.displays(PAGES["traild"].lines("EXAMPLES"))
    told = help_of(programs["traild"]).split("Try it, without being root:\n")[1].split("\n\n")[0]
    assert shown == [line.strip() for line in told.splitlines()] and len(shown) == 2
    assert shown[0] == "traild --state-dir /tmp/log --listen unix:/tmp/trail.sock &"
    example = Examples(traild, folder)
    run_of = traild.start(folder / "log", origin=None)
    assert "verified" in example(shown[1].replace("/tmp/trail.sock", run_of.address))


def test_program_is_built_by_the_same_line_everywhere():
    """The header's own line is run by test_header.py."""
    line = re.search(r"cc -o journal .*", (ROOT / "include/trail.h").read_text())[0]
    assert f"`{line}`" in (ROOT / "README.md").read_text()
    assert manual.displays(PAGES["libtrail"].lines("SYNOPSIS")) == [line]


def test_every_line_of_readme_runs(traild, folder):
    """The block that one is to type; its daemon is started by us, on the folder that it names."""
    blocks = re.findall(r"^```\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    typed = [b for b in blocks if "build/release/traild " in b]
    assert len(typed) == 1
    example = Examples(traild, folder)
    example.env.pop("TRAIL_CONNECT")
    # What it writes goes to the test's own folder: a second run must find none of the first.
    block = re.sub(r"/tmp/(?!log\s|trail\.sock)", f"{folder}/", typed[0]) \
        .replace("build/release", str(traild.traild.parent)) \
        .replace(" tests/", f" {ROOT}/tests/")
    first, *between, kill, last = block.splitlines()
    words = re.fullmatch(r"\S+/traild --state-dir /tmp/log --listen unix:/tmp/trail.sock "
                         r"--origin (\S+) &  # until it says \"ready\"", first)
    run_of = traild.start(folder / "log", origin=words[1])
    said = example("\n".join(between).replace("/tmp/trail.sock", run_of.address))
    for seen in ("imported 20000 events", "created file git-export.c", "payloads opened",
                 "anna tried to delete /hr/old.doc in trail \u2013 denied",
                 "anv05999 (it-drift) read [open] journal /care-journal/journal/000041 about person "
                 "p-000042"):
        assert seen in said, f"{seen!r} is not in {said}"
    assert kill == "kill %1; wait"
    run_of.stop()
    assert "valid" in example(last.replace("/tmp/log", str(folder / "log")))


# ---- the promises of README -------------------------------------------------------------------------

def promises():
    """(what, limit, tests) of each row of the table."""
    text = (ROOT / "README.md").read_text()
    table = text.split("| promise | limit | tests |\n|---|---|---|\n")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def functions_of(name):
    """The names of all tests in a file of tests, found by its name."""
    found = [p for p in (ROOT / "tests").rglob(name) if "build" not in p.parts]
    assert len(found) == 1, f"{name} is {found}"
    return re.findall(r"\b(test_\w+|[a-z]\w+)\(", found[0].read_text())


@pytest.mark.parametrize("row", promises(), ids=lambda row: row[0].split("**")[1])
def test_every_promise_has_a_limit_and_tests_that_exist(row):
    what, limit, tests = row
    assert re.match(r"\*\*G\d+\*\*", what) and len(limit) > 20
    number = re.match(r"\*\*G(\d+)", what)[1]
    assert "`" in tests
    all_python = {n: p.name for p in (ROOT / "tests/integration").glob("test_*.py")
                  for n in re.findall(r"^def (test_\w+)", p.read_text(), re.M)}
    for part in tests.split(";"):
        names = re.findall(r"`([^`]+)`", part)
        patterns = [n for n in names if "*" in n]
        for name in names:
            if name.endswith((".py", ".c")):
                defined = functions_of(name)
                assert not patterns or name.endswith(".c") or any(
                    d.startswith(patterns[0].rstrip("*")) for d in defined), (name, patterns)
            elif name.endswith("/"):
                assert any((ROOT / name).iterdir())
            elif "*" not in name:
                assert name in all_python, f"there is no test {name}"
        for pattern in patterns:
            assert pattern.startswith((f"test_g{number}_",)), pattern


def test_every_test_that_bears_a_promise_is_of_one_that_readme_makes():
    made = {re.match(r"\*\*G(\d+)", row[0])[1] for row in promises()}
    borne = {n for p in (ROOT / "tests/integration").glob("test_*.py")
             for n in re.findall(r"^def test_g(\d+)_", p.read_text(), re.M)}
    assert len(made) >= 9 and borne <= made
