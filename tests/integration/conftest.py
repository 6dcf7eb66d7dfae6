# SPDX-License-Identifier: Apache-2.0
"""
The harness of the integration tests: finds the programs, starts and ends daemons, bounds every test
in time, and prints what was measured.

    TRAIL_BUILD     folder with traild and what belongs to it      (build/release)
    TRAIL_WRAPPER   words put in front of every traild, "valgrind -q ..."
    TRAIL_SLOW      factor on all time limits                      (1)
    TRAIL_MAP_SIZE  map_size of the daemons                        (8G)
    TRAIL_FULL      1: also what takes minutes
    TRAIL_SEED      seed of what is drawn at random                (1)
    TMPDIR          where the stores lie                           (/tmp)

and per test TRAIL_KILLS, TRAIL_MODEL_STEPS, TRAIL_DAMAGE_BITS, _PAGES, _META, TRAIL_G8_EDITS:
see there.

Only processes that a test started are ended, by their own descriptors (pidfd).
"""
import faulthandler
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TEST_LIMIT_S = 120

sys.path.insert(0, str(HERE))
import harness  # noqa: E402
from harness import ROOT, SLOW  # noqa: E402

sys.path.insert(0, str(ROOT / "tests" / "support"))
import sanitizers  # noqa: E402

_generated = tempfile.mkdtemp(prefix="trail-proto-")
subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}", f"--python_out={_generated}",
                "trail.proto"], check=True)
sys.path.insert(0, _generated)


def build_folder():
    folder = pathlib.Path(os.environ.get("TRAIL_BUILD", "build/release"))
    return folder if folder.is_absolute() else ROOT / folder


# ---- every test ends ---------------------------------------------------------------------------

def pytest_configure(config):
    # A shell's "&" hands down an ignored SIGINT, and the programs under test would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "limit(seconds): how long the test may take, instead of "
                            f"{TEST_LIMIT_S} s")
    config.addinivalue_line("markers", "root: needs uid 0")


def pytest_unconfigure(config):
    shutil.rmtree(_generated, ignore_errors=True)
    shutil.rmtree(_reports, ignore_errors=True)


class Overdue(Exception):
    pass


def _on_alarm(_number, _frame):
    faulthandler.dump_traceback(all_threads=True)
    raise Overdue("the test took longer than its limit")


def _bounded(item):
    marker = item.get_closest_marker("limit")
    seconds = (marker.args[0] if marker else TEST_LIMIT_S) * SLOW
    before = signal.signal(signal.SIGALRM, _on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from _bounded(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    yield from _bounded(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs uid 0")
    yield from _bounded(item)


# ---- no test passes while a sanitizer complains ------------------------------------------------

_reports = tempfile.mkdtemp(prefix="trail-reports-")
os.environ.update(sanitizers.environment(_reports))


def _no_report():
    yield
    texts = sanitizers.take(_reports)
    assert not texts, "a sanitizer complained:\n" + "\n".join(texts)


# Automatic ones are the first of their scope, so they look when all others have ended theirs.
no_report = pytest.fixture(autouse=True)(_no_report)
no_report_of_module = pytest.fixture(scope="module", autouse=True)(_no_report)


# ---- what was measured -------------------------------------------------------------------------

_measured = []


@pytest.fixture
def measured(request):
    """measured("kills", "20"): a line of the summary, which `make full` shows."""
    def put(what, value):
        _measured.append((request.node.name, what, str(value)))
        print(f"{what}: {value}")
    return put


def pytest_terminal_summary(terminalreporter):
    if not _measured:
        return
    terminalreporter.section("measured")
    last = None
    for test, what, value in _measured:
        if test != last:
            terminalreporter.write_line(test)
        last = test
        for i, line in enumerate(value.splitlines() or [""]):
            terminalreporter.write_line(f"    {what + ': ' if i == 0 else '    '}{line}")


# ---- folders and daemons -----------------------------------------------------------------------

@pytest.fixture(scope="session")
def build():
    folder = build_folder()
    for name in ("traild", "traild-signer", "traild-courier"):
        if not (folder / name).exists():
            pytest.fail(f"{folder / name} is missing: build it, or set TRAIL_BUILD")
    return folder


def _short_folder():
    # AF_UNIX paths end at 108 bytes, which pytest's own tmp_path may exceed.
    return pathlib.Path(tempfile.mkdtemp(prefix="trail-"))


@pytest.fixture
def folder():
    """A fresh folder with a short path, removed afterwards."""
    path = _short_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def traild(build, folder):
    """The factory of daemons: see harness.Factory."""
    factory = harness.Factory(build, folder, slow=SLOW)
    yield factory
    factory.finish()


@pytest.fixture(scope="module")
def module_traild(build):
    """As `traild`, for a store that several tests of a module copy or read."""
    path = _short_folder()
    factory = harness.Factory(build, path, slow=SLOW)
    yield factory
    factory.finish()
    shutil.rmtree(path, ignore_errors=True)


# ---- the clock -----------------------------------------------------------------------------------

@pytest.fixture
def wrong_clock(folder):
    """A library to preload, and what sets the clock that it shows wrong by so many seconds."""
    library, by = folder / "set_clock.so", folder / "wrong_by"
    subprocess.run([os.environ.get("CC", "cc"), "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1",
                    "-shared", "-fPIC", "-o", str(library),
                    str(ROOT / "tests/integration/set_clock.c"), "-ldl"], check=True)
    by.write_bytes(bytes(8))

    def set_wrong(seconds):
        with open(by, "r+b") as f:
            f.write(struct.pack("=q", seconds * 10**9))
    set_wrong.env = {"LD_PRELOAD": str(library), "SET_CLOCK": str(by)}
    return set_wrong


@pytest.fixture
def shim(folder):
    """The library that counts allocations and lets one fail: alloc_count.c says how."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    target = folder / "alloc_count.so"
    source = pathlib.Path(__file__).with_name("alloc_count.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", target, source],
                   check=True)
    return target
