# SPDX-License-Identifier: Apache-2.0
"""
What a sanitizer says is never lost. A report on standard error may go unread (the signer's, a
child's whose stderr is /dev/null) and an exit code may be overtaken (SIGKILL, _exit); so every
program under test, and whatever it starts, writes its reports into one folder, and who started it
looks there.
"""
import os
import pathlib

VARIABLES = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
ALWAYS = {"UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "second_deadlock_stack=1"}


def of(program):
    """"asan", "tsan" or "": what the program was built with."""
    code = pathlib.Path(program).read_bytes()
    return "asan" if b"__asan_init" in code else "tsan" if b"__tsan_init" in code else ""


def environment(folder):
    """The variables that send reports into `folder`, which programs of any user may write to."""
    os.chmod(folder, 0o1777)
    return {name: ":".join(filter(None, (os.environ.get(name), ALWAYS.get(name),
                                         f"log_path={folder}/report"))) for name in VARIABLES}


def traced():
    """The variables of a program that strace watches: LeakSanitizer cannot work under ptrace."""
    return {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def take(folder):
    """The reports in `folder`, which are gone then."""
    texts = []
    for path in sorted(pathlib.Path(folder).glob("report.*")):
        texts.append(path.read_text(errors="replace"))
        path.unlink()
    return texts
