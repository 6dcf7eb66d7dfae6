#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Runs a suite (lint, unit, test, ci, full, cross) on what the Makefile built, and ends with one line
"N passed, N failed, N skipped" over all runners. A step is a program of its own; what it counts is
read from the JUnit file that it writes, or it counts as one test. Exits 1 when anything failed, when
a runner said nothing, when a sanitizer complained, or when nothing ran. What each step took stays in
build/times/SUITE.json; `run.py times` prints it.

    run.py SUITE [SECONDS]      when the build for it began, seconds since 1970
"""
import concurrent.futures
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = sys.executable
TIMES = ROOT / "build" / "times"

sys.path.insert(0, str(ROOT / "tests" / "support"))
import sanitizers  # noqa: E402

BESIDE_MAX = 4  # processes of integration tests: each may run a dozen daemons
TSAN_UNITS = ("test_queue", "test_hash", "test_signer_link", "test_verify_page")


class Tally:
    def __init__(self, reports):
        self.reports = reports  # the folder of what sanitizers say
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


def judge(name, code, complaints, counted):
    """(passed, failed, skipped) of a program that ended so, and why where it is no test that says it."""
    if counted is None or sum(counted) == 0:
        return (0, 1, 0), f"{name}: said nothing that can be counted (exit {code})"
    passed, failed, skipped = counted
    if code != 0 and failed == 0:
        return (passed, 1, skipped), f"{name}: exit {code} though no test failed"
    if complaints and failed == 0:
        return (passed, 1, skipped), f"{name}: a sanitizer complained though no test failed"
    return counted, None


def step(tally, name, command, env=None, report=None):
    """Run one program; `report` is where it writes JUnit, if it does."""
    print(f"\n=== {name}", flush=True)
    began = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env={
        **os.environ, **sanitizers.environment(tally.reports), **(env or {})}).returncode
    seconds = time.monotonic() - began
    complaints = sanitizers.take(tally.reports)
    print(*complaints, sep="\n", end="")
    counted, why = judge(name, code, complaints,
                         junit(report) if report else (int(code == 0), int(code != 0), 0))
    if why:
        print(why)
    tally.add(name, *counted, seconds)


def lints(tally):
    for script in sorted((ROOT / "tests" / "lint").glob("lint_*")):
        step(tally, f"lint {script.name}", [str(script)])


def lints_bite(tally, scratch):
    report = scratch / "lints-bite.xml"
    step(tally, "lints bite", [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                               f"--junitxml={report}", "tests/lint"], report=report)


def built(mode, folder, prefix):
    """The programs that the Makefile built there: none at all is no suite that passed."""
    found = sorted(p for p in (ROOT / "build" / mode / "tests" / folder).glob(prefix + "*") if not p.suffix)
    if not found:
        sys.exit(f"build/{mode}/tests/{folder} holds no {prefix}*: the Makefile builds them for this suite")
    return found


def units(tally, mode, scratch, only=None, wrapper=()):
    for program in built(mode, "unit", "test_"):
        if only and program.name not in only:
            continue
        report = scratch / f"{program.name}.xml"
        report.unlink(missing_ok=True)
        vectors = ROOT.parent / "shared" / "vectors"
        env = {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(report),
               "TRAILD_SIGNER": str(ROOT / "build" / mode / "traild-signer")}
        if vectors.is_dir():
            env["TRAIL_VECTORS"] = str(vectors)
        step(tally, f"unit {mode} {program.name}", [*wrapper, str(program)], env, report)


def replay(tally, mode, wrapper=()):
    for program in built(mode, "fuzz", "replay_"):
        corpus = ROOT / "tests" / "fuzz" / "corpus" / program.name.removeprefix("replay_")
        step(tally, f"replay {mode} {program.name}", [*wrapper, str(program), str(corpus)])


def pytest_command(report, select):
    return [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "-rs", *select]


def integration(tally, name, scratch, mode, env=None, select=None):
    """
    The integration tests, a file at a time and one for each core beside the others, since they wait
    for disks and clocks most of the time. The longest files begin, or the last would run alone.
    """
    files = [ROOT / path for path in select or ()] or (ROOT / "tests/integration").glob("test_*.py")

    def run(path):
        # Sanitizers report into a folder of conftest.py's own.
        report = scratch / f"pytest-{name}-{path.stem}.xml"
        began = time.monotonic()
        done = subprocess.run(
            pytest_command(report, [str(path)]), cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, "TRAIL_BUILD": str(ROOT / "build" / mode), **(env or {})})
        return path, report, done, time.monotonic() - began

    print(f"\n=== integration {name}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(min(os.cpu_count(), BESIDE_MAX)) as pool:
        todo = [pool.submit(run, p) for p in sorted(files, key=lambda p: -p.stat().st_size)]
        for future in concurrent.futures.as_completed(todo):
            path, report, done, seconds = future.result()
            title = f"integration {name} {path.stem}"
            counted, why = judge(title, done.returncode, [], junit(report))
            print(f"\n{done.stdout}" + (f"{why}\n" if why else ""), end="")
            tally.add(title, *counted, seconds)


def suite_test(tally, scratch):
    lints(tally)
    units(tally, "release", scratch)
    replay(tally, "release")
    step(tally, "demo", ["tests/demo.sh"])
    integration(tally, "release", scratch, "release")


def packages(tally, scratch):
    report = scratch / "pytest-packages.xml"
    step(tally, "packages", pytest_command(report, ["tests/packages"]),
         {"TRAIL_BUILD": str(ROOT / "build/release")}, report)


# Also under the sanitizers in ci: what every request meets, and crashes. make full runs all.
SANITIZED = [f"tests/integration/test_{name}.py" for name in (
    "append", "numbering", "bad_input", "pages", "refusals", "kill", "start")]
ASAN, TSAN = {"TRAIL_SLOW": "4"}, {"TRAIL_SLOW": "8"}


def suite_ci(tally, scratch):
    suite_test(tally, scratch)
    lints_bite(tally, scratch)
    packages(tally, scratch)
    units(tally, "asan", scratch)
    replay(tally, "asan")
    units(tally, "tsan", scratch, only=TSAN_UNITS)
    integration(tally, "asan", scratch, "asan", ASAN, SANITIZED)
    integration(tally, "tsan", scratch, "tsan", TSAN, SANITIZED)


def suite_cross(tally, scratch):
    """What was built for other machines, under qemu-user."""
    for arch, triple, qemu in (("s390x", "s390x-linux-gnu", "qemu-s390x-static"),
                               ("armhf", "arm-linux-gnueabihf", "qemu-arm-static")):
        libraries = ROOT / "build" / "cross" / arch / "root" / "usr" / "lib" / triple
        wrapper = (qemu, "-L", f"/usr/{triple}", "-E", f"LD_LIBRARY_PATH={libraries}")
        units(tally, f"cross/{arch}", scratch, wrapper=wrapper)
        replay(tally, f"cross/{arch}", wrapper)


def suite_full(tally, scratch):
    full = {"TRAIL_FULL": "1", "TRAIL_KILLS": "200", "TRAIL_MODEL_STEPS": "5000",
            "TRAIL_DAMAGE_BITS": "2000", "TRAIL_DAMAGE_PAGES": "600", "TRAIL_DAMAGE_META": "500",
            "TRAIL_G8_EDITS": "600"}
    lints(tally)
    lints_bite(tally, scratch)
    for mode in ("release", "clang", "debug", "asan"):
        units(tally, mode, scratch)
        replay(tally, mode)
    units(tally, "tsan", scratch, only=TSAN_UNITS)
    units(tally, "debug", scratch, wrapper=(
        "valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--child-silent-after-fork=yes"),
        only=("test_wire", "test_event", "test_codec", "test_note", "test_checkpoint", "test_tree",
              "test_chunk", "test_epochs", "test_client_receipt"))
    step(tally, "demo", ["tests/demo.sh"])
    integration(tally, "release", scratch, "release", full)
    packages(tally, scratch)
    integration(tally, "clang", scratch, "clang")
    integration(tally, "asan", scratch, "asan", {**ASAN, "TRAIL_KILLS": "60"})
    integration(tally, "tsan", scratch, "tsan", {**TSAN, "TRAIL_KILLS": "60"})
    for program in built("fuzz", "fuzz", "fuzz_"):
        corpus = ROOT / "tests" / "fuzz" / "corpus" / program.name.removeprefix("fuzz_")
        work = scratch / program.name
        work.mkdir()
        step(tally, f"fuzz {program.name} 60 s", [
            str(program), "-max_total_time=60", "-verbosity=0", "-print_final_stats=1",
            f"-artifact_prefix={work}/", str(work), str(corpus)])
    for mode in ("release", "asan", "tsan"):
        step(tally, f"mutants {mode}", [PYTHON, "tests/mutants/run.py", "-b", f"build/{mode}"])
    suite_cross(tally, scratch)


SUITES = {
    "lint": lambda tally, scratch: lints(tally),
    "unit": lambda tally, scratch: units(tally, "release", scratch),
    "test": suite_test,
    "ci": suite_ci,
    "full": suite_full,
    "cross": suite_cross,
}


# ---- what each step took -----------------------------------------------------------------------

def git(*words):
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def keep_times(suite, tally, build_s, tests_s):
    changed = " and changes" if git("status", "--porcelain", "-uno") else ""
    TIMES.mkdir(parents=True, exist_ok=True)
    (TIMES / f"{suite}.json").write_text(json.dumps({
        "suite": suite,
        "commit": git("rev-parse", "--short", "HEAD") + changed,
        "ended": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "seconds": build_s + tests_s,
        "steps": [{"name": "build", "seconds": build_s}] + [
            {"name": name, "seconds": seconds, "passed": passed, "failed": failed,
             "skipped": skipped} for seconds, name, passed, failed, skipped in tally.steps],
    }, indent=1) + "\n")


def print_times():
    records = sorted(TIMES.glob("*.json"))
    if not records:
        sys.exit("no suite has run yet: make test, make ci or make full")
    for path in records:
        record = json.loads(path.read_text())
        print(f"make {record['suite']}: {record['seconds'] / 60:.1f} minutes on {record['cores']} cores; "
              f"commit {record['commit']}, ended {record['ended']}")
        for step in sorted(record["steps"], key=lambda step: -step["seconds"]):
            print(f"  {step['seconds']:8.1f} s  {step['name']}"
                  + (f": {step['failed']} FAILED" if step.get("failed") else ""))


def main():
    if sys.argv[1:] == ["times"]:
        print_times()
        return
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in SUITES:
        sys.exit(f"usage: run.py {'|'.join(SUITES)} [SECONDS]; run.py times")
    suite = sys.argv[1]
    build_s = time.time() - float(sys.argv[2]) if sys.argv[2:] else 0.0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)  # some programs run as another user
        reports = pathlib.Path(scratch) / "reports"
        reports.mkdir()
        tally = Tally(reports)
        SUITES[suite](tally, pathlib.Path(scratch))
    keep_times(suite, tally, build_s, time.monotonic() - began)
    print("\nwhat took longest (make times says all):")
    print(f"  {build_s:7.1f} s  build")
    for seconds, name, *_ in sorted(tally.steps, reverse=True)[:10]:
        print(f"  {seconds:7.1f} s  {name}")
    for _, name, _, failed, _ in tally.steps:
        if failed:
            print(f"FAILED: {name}")
    print(f"{build_s + time.monotonic() - began:.0f} s in all")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    main()
