#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The tests can fail: each tests/mutants/*.patch breaks one promise in one line, and the test that it
names must turn red. A mutant that survives, does not apply or does not build fails the run; so does
a named test that is red before anything was broken.

A patch has a head of three lines and then one hunk with one changed line:

    Breaks: G1, an ack follows the sync
    Why: one sentence
    Test: unit test_tree test_one_hash_too_many_is_refused
          or: integration tests/integration/test_sync.py::test_ack_follows_sync

A fault that only a sanitizer sees has two more lines in its head, and is tried on the build of that
mode alone. Red is then every end but a good one that says those words:

    Mode: asan
    Says: LeakSanitizer: detected memory leaks

The words between which the line stands must occur once in the file; where they stand may move. The
work is done on copies of the tree, one per worker, so the checkout is never touched. Red means that
the named test itself reports a failure: a crash before it, an error in its preparation or a program
that hangs would prove nothing about it.

    run.py [-j WORKERS] [-b BUILD] [NAME ...]     names of patches, with or without .patch

BUILD is the folder that is copied so that little needs building (build/release, or TRAIL_BUILD);
build/asan and build/tsan are for the mutants of that mode.
"""
import argparse
import collections
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
import sanitizers  # noqa: E402

LEAST = {"": 30, "asan": 5, "tsan": 1}  # fewer would mean that patches were lost
TEST_LIMIT_S = 150
BUILD_LIMIT_S = 600
PROGRAMS = ("traild", "traild-signer", "traild-courier", "trail", "trail-witness")
COPIED = ("Makefile", "include", "proto", "daemon", "client", "tests")

Mutant = collections.namedtuple("Mutant", "name breaks test path old new mode says")
Test = collections.namedtuple("Test", "runner where case")  # case: "" for any of a program


class Unusable(Exception):
    """A patch that is not one, or does not fit the tree."""


# ---- patches -----------------------------------------------------------------------------------

def parse_test(text):
    words = text.split()
    if len(words) == 3 and words[0] == "unit":
        return Test("unit", words[1], words[2])
    if len(words) == 2 and words[0] == "integration" and "::" in words[1]:
        return Test("integration", words[1], "")
    raise Unusable(f"Test: {text!r} names no single test")


def parse_hunk(lines):
    """(old, new) of the one hunk, context included."""
    old, new, removed, added = [], [], 0, 0
    for line in lines:
        mark, rest = line[:1], line[1:]
        if mark not in (" ", "-", "+"):
            raise Unusable(f"not a line of a hunk: {line!r}")
        removed += mark == "-"
        added += mark == "+"
        if mark != "+":
            old.append(rest)
        if mark != "-":
            new.append(rest)
    if max(removed, added) != 1:
        raise Unusable(f"changes {removed} lines to {added}, not one")
    return "\n".join(old) + "\n", "\n".join(new) + "\n"


def parse(path):
    lines = path.read_text().splitlines()
    head = {}
    while lines and (match := re.match(r"^(Breaks|Why|Test|Mode|Says): (.+)$", lines[0])):
        head[match[1]] = match[2]
        lines.pop(0)
    if set(head) not in ({"Breaks", "Why", "Test"}, {"Breaks", "Why", "Test", "Mode", "Says"}):
        raise Unusable("its head is not Breaks, Why and Test, or these with Mode and Says")
    while lines and not lines[0].startswith("--- a/"):
        lines.pop(0)
    if len(lines) < 4 or lines[1] != "+++ b/" + lines[0][6:] or not lines[2].startswith("@@ "):
        raise Unusable("no hunk of one file")
    old, new = parse_hunk(lines[3:])
    return Mutant(path.stem, head["Breaks"], parse_test(head["Test"]), lines[0][6:], old, new,
                  head.get("Mode", ""), head.get("Says", ""))


def mutate(tree, mutant):
    """The mutated text of its file."""
    path = tree / mutant.path
    text = path.read_text() if path.exists() else ""
    found = text.count(mutant.old)
    if found != 1:
        raise Unusable(f"does not apply: its lines occur {found} times in {mutant.path}")
    return text.replace(mutant.old, mutant.new)


# ---- running -----------------------------------------------------------------------------------

def run(command, tree, limit, env=None):
    """(exit code, or None at the limit; what it said). It and its children end with it."""
    clean = {k: v for k, v in os.environ.items()
             if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", *sanitizers.VARIABLES)}
    with subprocess.Popen(command, cwd=tree, env={**clean, **(env or {})}, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=limit)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            return None, said


class Copy:
    """A private copy of the tree, and what is done in it."""

    def __init__(self, tree, build):
        self.tree = tree
        self.build = pathlib.PurePath("build") / build.name

    def make(self, tests):
        targets = {f"{self.build}/{name}" for name in PROGRAMS}
        targets |= {f"{self.build}/tests/unit/{t.where}" for t in tests if t.runner == "unit"}
        # A mutant may well leave a variable unused: that is not what is asked here.
        code, said = run(["make", "WARN=", *sorted(targets)], self.tree, BUILD_LIMIT_S)
        return said if code != 0 else None

    def judge(self, test):
        """("green", "red", "skipped" or what went wrong; what it said)"""
        report = self.tree / "report.xml"
        report.unlink(missing_ok=True)
        if test.runner == "unit":
            code, said = run([str(self.tree / self.build / "tests" / "unit" / test.where)],
                             self.tree, TEST_LIMIT_S, {
                                 "CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(report),
                                 "TRAILD_SIGNER": str(self.tree / self.build / "traild-signer")})
        else:
            code, said = run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                              f"--junitxml={report}", test.where], self.tree, TEST_LIMIT_S,
                             {"TRAIL_BUILD": str(self.tree / self.build)})
        if code is None:
            return f"no end in {TEST_LIMIT_S} s", said
        return self.read(report, test, code), said

    @staticmethod
    def read(report, test, code):
        try:
            cases = [c for c in ET.parse(report).getroot().iter("testcase")
                     if test.case in ("", c.get("name"))]
        except (ET.ParseError, FileNotFoundError):
            return f"no report (exit {code})"
        if not cases:
            return "there is no such test"
        if any(c.find("failure") is not None for c in cases):
            return "red"
        if any(c.find("error") is not None for c in cases):
            return "an error outside of the test"
        return "skipped" if all(c.find("skipped") is not None for c in cases) else "green"

    def challenge(self, mutant):
        """As judge(), of the mutant's test on the mutant."""
        path = self.tree / mutant.path
        sound = path.read_text()
        path.write_text(mutate(self.tree, mutant))
        try:
            broken = self.make([mutant.test])
            if broken:
                return "does not build", broken
            verdict, said = self.judge(mutant.test)
            if mutant.says and verdict not in ("green", "skipped"):
                verdict = "red" if mutant.says in said else f"does not say {mutant.says!r}"
            return verdict, said
        finally:
            path.write_text(sound)  # with a new time, so that make builds the sound one again


def in_parallel(copies, items, work, done):
    """done(item, work(copy, item)), by one thread per copy."""
    waiting = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    faults = []

    def worker(copy):
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done(item, work(copy, item))
            except Exception as fault:  # pylint: disable=broad-except
                faults.append(fault)
                return

    threads = [threading.Thread(target=worker, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


# ---- the whole ---------------------------------------------------------------------------------

def make_copies(scratch, build, workers, tests):
    """The tree as it is, built, as often as there are workers."""
    first = scratch / "tree0"
    first.mkdir()
    for name in COPIED:
        of, to = ROOT / name, first / name
        if of.is_dir():
            shutil.copytree(of, to, symlinks=True)
        else:
            shutil.copy2(of, to)
    for folder in (ROOT / "build" / "gen", build):
        if folder.is_dir():
            shutil.copytree(folder, first / "build" / folder.name)
    broken = Copy(first, build).make(tests)
    if broken:
        sys.exit(f"{broken}\nthe tree does not build\n0 passed, 1 failed, 0 skipped")
    copies = [Copy(first, build)]
    for i in range(1, workers):
        tree = scratch / f"tree{i}"
        shutil.copytree(first, tree, symlinks=True)
        copies.append(Copy(tree, build))
    return copies


def tail(text, lines=25):
    return "".join(f"    | {line}\n" for line in text.splitlines()[-lines:])


class Board:
    """What became of each mutant."""

    def __init__(self, mutants):
        self.width = max((len(m.name) for m in mutants), default=1)
        self.verdicts = collections.Counter()
        self.lock = threading.Lock()

    def put(self, mutant, verdict, seconds=0.0, said=""):
        passed = verdict == "red"
        kind = "passed" if passed else "skipped" if verdict == "skipped" else "failed"
        words = {"red": "killed", "green": "SURVIVED", "skipped": "skipped"}
        with self.lock:
            self.verdicts[kind] += 1
            print(f"{mutant.name:{self.width}}  {words.get(verdict, 'FAILED: ' + verdict)}  "
                  f"{seconds:5.1f} s  {mutant.breaks}", flush=True)
            if kind == "failed" and said:
                print(tail(said), end="", flush=True)


def chosen(names, mode):
    """(usable mutants of a mode, number of patches that are none)"""
    paths = sorted(HERE.glob("*.patch"))
    wanted = {n.removesuffix(".patch") for n in names}
    unknown = wanted - {p.stem for p in paths}
    if unknown:
        sys.exit(f"no such mutant: {', '.join(sorted(unknown))}")
    mutants, unusable = [], 0
    for path in paths:
        if wanted and path.stem not in wanted:
            continue
        try:
            mutant = parse(path)
            if mutant.mode == mode:
                mutants.append(mutant)
            elif wanted:
                raise Unusable(f"is not for this build, but for {mutant.mode or 'release'}")
        except Unusable as why:
            unusable += 1
            print(f"{path.stem}: FAILED: {why}")
    if not wanted and len(mutants) + unusable < LEAST[mode]:
        unusable += 1
        print(f"FAILED: there are {len(mutants)} mutants; {LEAST[mode]} are promised")
    return mutants, unusable


def challenge_all(copies, mutants, board):
    """First each named test on the sound tree, then each mutant."""
    sound = {}
    in_parallel(copies, sorted({m.test for m in mutants}), Copy.judge, sound.__setitem__)
    ready = []
    for mutant in mutants:
        verdict, said = sound[mutant.test]
        if verdict == "green":
            ready.append(mutant)
        elif verdict == "skipped":
            board.put(mutant, "skipped")
        else:
            name = " ".join(word for word in mutant.test if word)
            board.put(mutant, f"{name} is not green before: {verdict}", said=said)

    def work(copy, mutant):
        began = time.monotonic()
        try:
            verdict, said = copy.challenge(mutant)
        except Unusable as why:
            verdict, said = str(why), ""
        # Green before and skipped now is a way of not looking.
        verdict = "the test was skipped" if verdict == "skipped" else verdict
        return verdict, time.monotonic() - began, said

    in_parallel(copies, ready, work, lambda mutant, result: board.put(mutant, *result))


def main():
    parser = argparse.ArgumentParser(description="Apply each mutant; its test must turn red.")
    parser.add_argument("-j", "--workers", type=int, default=2)
    parser.add_argument("-b", "--build", default=os.environ.get("TRAIL_BUILD", "build/release"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    began = time.monotonic()
    build = (ROOT / options.build).resolve()
    mutants, unusable = chosen(options.names, build.name if build.name in LEAST else "")
    board = Board(mutants)
    board.verdicts["failed"] += unusable
    with tempfile.TemporaryDirectory(prefix="trail-mutants-") as scratch:
        os.chmod(scratch, 0o755)  # some tests run as another user
        tests = {m.test for m in mutants}
        copies = make_copies(pathlib.Path(scratch), build, max(1, options.workers), tests)
        print(f"{len(mutants)} mutants, {len(tests)} named tests; built after "
              f"{time.monotonic() - began:.0f} s", flush=True)
        challenge_all(copies, mutants, board)
    count = board.verdicts
    print(f"{time.monotonic() - began:.0f} s in all")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
