# SPDX-License-Identifier: Apache-2.0
"""
A program that was built against libtrail keeps working with a later one: the ABI is compared with
the baseline in tests/abi (make abi-baseline), and the comparison is shown to see what breaks.
"""
import re
import shutil
import subprocess

import pytest

from harness import ROOT

ABI = ROOT / "tests" / "abi" / "abi"
BASELINE = ROOT / "tests" / "abi" / "libtrail.abi"

# A library small enough to be built for every case: three functions of trail.h.
LIBRARY = """
#include "trail.h"
struct trail { int inside; };
enum trail_err trail_set_timeout(struct trail *t, int timeout_ms)
{ t->inside = timeout_ms > 0; return TRAIL_OK; }
const char *trail_err_text(enum trail_err code) { return code ? "error" : "success"; }
uint64_t trail_status_get(const struct trail_status *s, enum trail_status_number number)
{ return s ? (uint64_t)number : 0; }
"""
COUNT = int(re.search(r"TRAIL_STATUS_COUNT = (\d+)", (ROOT / "include/trail.h").read_text())[1])
# What is replaced by what, in the header and in the library alike.
BREAKING = {
    "parameter": ("int timeout_ms", "long timeout_ms"),
    "return": ("uint64_t trail_status_get(", "uint32_t trail_status_get("),
    "enumerator": ("TRAIL_CORRUPT = -14", "TRAIL_CORRUPT = -24"),
    "renumbered": ("TRAIL_STATUS_FULL = 12", "TRAIL_STATUS_FULL = 13"),
    "removed": ("const char *trail_err_text(", "const char *trail_error_text("),
}
HARMLESS = {
    "function": ("/* The library's version", "void trail_more(void);\n/* The library's version"),
    "enumerator": ("TRAIL_MISUSE = -15,", "TRAIL_MISUSE = -15, TRAIL_OTHER = -16,"),
    "count": (f"TRAIL_STATUS_COUNT = {COUNT}",
              f"TRAIL_STATUS_MORE = {COUNT}, TRAIL_STATUS_COUNT = {COUNT + 1}"),
    "opaque": ("int inside;", "long inside; int more;"),
}

pytestmark = pytest.mark.skipif(not shutil.which("abidiff"), reason="no abigail-tools")


def dump(library, headers, out):
    subprocess.run([ABI, "dump", library, headers, out], check=True)
    return out


def compatible(old, new):
    done = subprocess.run([ABI, "compare", old, new], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout)
    # Bits: 4 a change, 8 an incompatible one; 1 and 2 would mean that nothing was compared.
    assert done.returncode in (0, 4, 8, 12), done.returncode
    return done.returncode == 0


def tiny(folder, name, change=("", "")):
    """The ABI of LIBRARY and its header after `change`."""
    where = folder / name
    where.mkdir()
    header = (ROOT / "include" / "trail.h").read_text()
    assert change[0] in header + LIBRARY, "the case no longer changes anything"
    (where / "trail.h").write_text(header.replace(*change))
    source = LIBRARY.replace(*change)
    if "trail_more" in change[1]:
        source += "void trail_more(void) {}\n"
    (where / "tiny.c").write_text(source)
    subprocess.run(["gcc", "-std=gnu2x", "-g", "-shared", "-fPIC", "-fvisibility=hidden",
                    "-o", where / "tiny.so", where / "tiny.c"], check=True)
    return dump(where / "tiny.so", where, where / "tiny.abi")


def test_library_keeps_its_abi(build, folder):
    now = dump(build / "libtrail.so", ROOT / "include", folder / "now.abi")
    assert compatible(BASELINE, now), "raise SONAME, or take the change back"


def test_baseline_holds_public_types_only():
    text = BASELINE.read_text()
    assert "class-decl name='trail' " in text
    assert "<data-member" not in text, "the inside of a struct is in the baseline"
    assert str(ROOT) not in text


def test_baseline_is_compared_by_value(build, folder):
    """One number of the real baseline is another: red."""
    now = dump(build / "libtrail.so", ROOT / "include", folder / "now.abi")
    text = BASELINE.read_text()
    old = "name='TRAIL_DENIED' value='-5'"
    assert text.count(old) == 1
    (folder / "other.abi").write_text(text.replace(old, "name='TRAIL_DENIED' value='-6'"))
    assert not compatible(folder / "other.abi", now)


@pytest.mark.parametrize("case", BREAKING)
def test_breaking_change_is_found(folder, case):
    assert not compatible(tiny(folder, "old"), tiny(folder, "new", BREAKING[case]))


@pytest.mark.parametrize("case", HARMLESS)
def test_addition_is_let_through(folder, case):
    assert compatible(tiny(folder, "old"), tiny(folder, "new", HARMLESS[case]))


def test_library_without_debug_information_is_refused(build, folder):
    """It would compare well with everything."""
    subprocess.run(["strip", "-g", "-o", folder / "bare.so", build / "libtrail.so"], check=True)
    with pytest.raises(subprocess.CalledProcessError):
        dump(folder / "bare.so", ROOT / "include", folder / "bare.abi")
