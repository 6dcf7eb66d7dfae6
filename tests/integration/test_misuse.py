# SPDX-License-Identifier: Apache-2.0
"""
No call of libtrail crashes its program: misuse.c makes every one of them with NULL, on a handle that
is not open or no more, and in the child of a fork.
"""
import re
import shutil
import subprocess

import pytest

from harness import ROOT

SOURCE = ROOT / "tests" / "integration" / "misuse.c"
# They take no object and no pointer: nothing can be NULL.
HARMLESS = {"trail_err_text", "trail_version", "trail_field_name", "trail_word_name", "trail_new",
            "trail_event_new", "trail_batch_new", "trail_query_new", "trail_err_retry",
            "trail_verify_new"}


def prototypes():
    """Name to parameters of every public function."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "include" / "trail.h").read_text(), flags=re.S)
    return dict(re.findall(r"^\w[\w ]*[ *](trail_\w+)\(([^;]*)\);", text, re.M))


def called(prefix):
    """What the functions of misuse.c whose names begin with `prefix` call."""
    bodies = re.findall(r"^static void " + prefix + r"\w*\(.*?^}", SOURCE.read_text(), re.M | re.S)
    assert bodies
    return set(re.findall(r"\b(trail_\w+)\(", "\n".join(bodies)))


@pytest.fixture
def misuse(build, folder):
    """The program, built against the static library of the mode under test."""
    command = {"asan": ["clang", "-fsanitize=address,undefined"],
               "tsan": ["clang", "-fsanitize=thread"]}.get(build.name, ["gcc"])
    target = folder / "misuse"
    subprocess.run([*command, "-std=gnu2x", "-g", "-Wall", "-Wextra", "-Werror",
                    f"-I{ROOT / 'include'}", "-o", target, SOURCE, build / "libtrail.a",
                    "-lsodium", "-lprotobuf-c", "-lcrypto"], check=True)
    return target


def run(program, traild, wrapper=()):
    daemon = traild.start()
    done = subprocess.run([*wrapper, program, f"unix:{daemon.address}"], capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stdout, f"{done.returncode}\n{done.stdout}{done.stderr}"


def test_misuse_is_answered(misuse, traild):
    run(misuse, traild)


@pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind")
def test_misuse_touches_and_leaks_nothing(misuse, traild, build):
    if build.name not in ("release", "debug"):
        pytest.skip("sanitizers look themselves, and valgrind cannot read clang's debug information")
    run(misuse, traild, ["valgrind", "-q", "--leak-check=full", "--error-exitcode=9"])


def test_no_function_is_missing():
    public = prototypes()
    assert len(public) == len(re.findall(r"^\t(trail_\w+);$",
                                         (ROOT / "client" / "libtrail.map").read_text(), re.M))
    assert not {n for n in public if n not in HARMLESS} - called("null_"), "not called with NULL"
    of_handle = {n for n, parameters in public.items()
                 if re.match(r"(const )?struct trail \*", parameters)}
    assert not of_handle - called("unusable_"), "not called on a handle that cannot speak"
    assert not {n for n in HARMLESS if "*" in public[n]}
