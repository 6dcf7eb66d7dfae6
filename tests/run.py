#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Runs a suite (lint, unit, test, ci, full) on what the Makefile built, and ends with one line
"N passed, N failed, N skipped" over all runners. A step is a program of its own; what it counts is
read from the JUnit file that it writes, or it counts as one test. Exits 1 when anything failed, when
a runner said nothing, or when nothing ran.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = sys.executable
TSAN_UNITS = ("test_queue", "test_hash", "test_signer_link", "test_verify_page")


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.steps = []

    def add(self, name, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        self.steps.append((seconds, name, passed, failed, skipped))
        mark = "FAILED" if failed else "ok"
        print(f"--- {mark}: {name}: {passed} passed, {failed} failed, {skipped} skipped, "
              f"{seconds:.1f} s", flush=True)


def junit(path):
    """(passed, failed, skipped) of a JUnit file, or None when it cannot be read."""
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, FileNotFoundError):
        return None
    cases = list(root.iter("testcase"))
    failed = sum(1 for c in cases if c.find("failure") is not None or c.find("error") is not None)
    skipped = sum(1 for c in cases if c.find("skipped") is not None)
    return len(cases) - failed - skipped, failed, skipped


def step(tally, name, command, env=None, report=None):
    """Run one program; `report` is where it writes JUnit, if it does."""
    print(f"\n=== {name}", flush=True)
    began = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}).returncode
    seconds = time.monotonic() - began
    counted = junit(report) if report else (int(code == 0), int(code != 0), 0)
    if counted is None or (sum(counted) == 0):
        print(f"{name}: said nothing that can be counted (exit {code})")
        counted = (0, 1, 0)
    passed, failed, skipped = counted
    if code != 0 and failed == 0:
        print(f"{name}: exit {code} though no test failed")
        failed = 1
    tally.add(name, passed, failed, skipped, seconds)


def lints(tally):
    for script in sorted((ROOT / "tests" / "lint").glob("lint_*")):
        step(tally, f"lint {script.name}", [str(script)])


def units(tally, mode, scratch, only=None, wrapper=()):
    for program in sorted((ROOT / "build" / mode / "tests" / "unit").glob("test_*")):
        if program.suffix or (only and program.name not in only):
            continue
        report = scratch / f"{mode}-{program.name}.xml"
        vectors = ROOT.parent / "shared" / "vectors"
        env = {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(report),
               "TRAILD_SIGNER": str(ROOT / "build" / mode / "traild-signer")}
        if vectors.is_dir():
            env["TRAIL_VECTORS"] = str(vectors)
        step(tally, f"unit {mode} {program.name}", [*wrapper, str(program)], env, report)


def replay(tally, mode):
    for program in sorted((ROOT / "build" / mode / "tests" / "fuzz").glob("replay_*")):
        if program.suffix:
            continue
        corpus = ROOT / "tests" / "fuzz" / "corpus" / program.name.removeprefix("replay_")
        step(tally, f"replay {mode} {program.name}", [str(program), str(corpus)])


def pytest(tally, name, scratch, mode, env=None, select=()):
    report = scratch / f"pytest-{name}.xml"
    command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
               "-rs", *(select or ["tests/integration"])]
    step(tally, f"integration {name}", command,
         {"TRAIL_BUILD": str(ROOT / "build" / mode), **(env or {})}, report)


def suite_test(tally, scratch):
    lints(tally)
    units(tally, "release", scratch)
    replay(tally, "release")
    step(tally, "demo", ["tests/demo.sh"])
    pytest(tally, "release", scratch, "release")


def packages(tally, scratch):
    pytest(tally, "packages", scratch, "release", select=["tests/packages"])


def suite_ci(tally, scratch):
    suite_test(tally, scratch)
    packages(tally, scratch)
    units(tally, "asan", scratch)
    replay(tally, "asan")
    units(tally, "tsan", scratch, only=TSAN_UNITS)
    some = ["tests/integration/test_append.py", "tests/integration/test_numbering.py",
            "tests/integration/test_bad_input.py", "tests/integration/test_pages.py",
            "tests/integration/test_refusals.py"]
    pytest(tally, "asan", scratch, "asan", {"TRAIL_SLOW": "4"}, some)
    pytest(tally, "tsan", scratch, "tsan", {"TRAIL_SLOW": "8"}, some[:4])


def suite_full(tally, scratch):
    full = {"TRAIL_FULL": "1", "TRAIL_KILLS": "200", "TRAIL_MODEL_STEPS": "5000",
            "TRAIL_DAMAGE_BITS": "2000", "TRAIL_DAMAGE_PAGES": "600", "TRAIL_DAMAGE_META": "500",
            "TRAIL_G8_EDITS": "600"}
    lints(tally)
    for mode in ("release", "clang", "debug", "asan"):
        units(tally, mode, scratch)
        replay(tally, mode)
    units(tally, "tsan", scratch, only=TSAN_UNITS)
    units(tally, "debug", scratch, wrapper=(
        "valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--child-silent-after-fork=yes"),
        only=("test_wire", "test_event", "test_codec", "test_note", "test_checkpoint", "test_tree",
              "test_chunk", "test_epochs", "test_client_receipt"))
    step(tally, "demo", ["tests/demo.sh"])
    pytest(tally, "release", scratch, "release", full)
    packages(tally, scratch)
    pytest(tally, "clang", scratch, "clang")
    pytest(tally, "asan", scratch, "asan", {"TRAIL_SLOW": "4"})
    pytest(tally, "tsan", scratch, "tsan", {"TRAIL_SLOW": "8"},
           ["tests/integration/test_append.py", "tests/integration/test_numbering.py",
            "tests/integration/test_bad_input.py", "tests/integration/test_pages.py"])
    for program in sorted((ROOT / "build" / "fuzz" / "tests" / "fuzz").glob("fuzz_*")):
        if not program.suffix:
            corpus = ROOT / "tests" / "fuzz" / "corpus" / program.name.removeprefix("fuzz_")
            work = scratch / program.name
            work.mkdir()
            step(tally, f"fuzz {program.name} 60 s", [
                str(program), "-max_total_time=60", "-verbosity=0", "-print_final_stats=1",
                f"-artifact_prefix={work}/", str(work), str(corpus)])
    step(tally, "mutants", [PYTHON, "tests/mutants/run.py"])


SUITES = {
    "lint": lambda tally, scratch: lints(tally),
    "unit": lambda tally, scratch: units(tally, "release", scratch),
    "test": suite_test,
    "ci": suite_ci,
    "full": suite_full,
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in SUITES:
        sys.exit(f"usage: run.py {'|'.join(SUITES)}")
    tally = Tally()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        SUITES[sys.argv[1]](tally, pathlib.Path(scratch))
    print("\nwhat took longest:")
    for seconds, name, *_ in sorted(tally.steps, reverse=True)[:10]:
        print(f"  {seconds:7.1f} s  {name}")
    for _, name, _, failed, _ in tally.steps:
        if failed:
            print(f"FAILED: {name}")
    print(f"{time.monotonic() - began:.0f} s in all")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    main()
