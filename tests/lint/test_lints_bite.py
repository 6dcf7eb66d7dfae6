# SPDX-License-Identifier: Apache-2.0
"""
Every lint can be red: each fault here is planted in a throw-away copy of what its lint looks at,
which must then name it. The lints that are cheap on the whole tree get all of it; a copy for the
others holds one module.
"""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TREE = ("include", "proto", "daemon", "client", "tests/lint")
MODULE = ("include", "proto/frame.c", "proto/frame.h", "proto/bytes.h", "proto/err.h",
          "proto/trail.proto", "build/gen", "tests/lint", "Makefile", ".clang-format",
          ".clang-tidy", "tests/.clang-tidy")
LIBRARY = ("build/release/libtrail.a", "build/release/libtrail.so",
           "build/release/libtrail.so.1", "build/release/libtrail.so.0.1.0",
           "debian/libtrail1.symbols")

LONG = "".join(f"\tx += {n};\n" for n in range(60))
FAULTS = {
    # what: (lint, what is copied, file, text that is replaced or "" for the end, by what, the word)
    "unformatted line": ("format", MODULE, "proto/frame.c", "",
                         "int  x ;\n", "clang-format-violations"),
    "floor": ("floors", TREE, "proto/frame.h", '#include "bytes.h"',
              '#include "bytes.h"\n#include "tree.h"', "does not lie below"),
    "forbidden house": ("floors", TREE, "proto/frame.c", "",
                        '#include "../daemon/db.h"\n', "proto/ never sees daemon/"),
    "door": ("floors", TREE, "proto/frame.c", "",
             "#include <lmdb.h>\n", "only daemon/db may"),
    "unlisted module": ("floors", TREE, "tests/lint/floors.txt", "proto/suggest",
                        "", "proto/suggest is not in"),
    "long function": ("sizes", TREE, "proto/frame.c", "",
                      f"int f(int x)\n{{\n{LONG}\treturn x;\n}}\n", "has 64 lines"),
    "many parameters": ("sizes", TREE, "proto/frame.c", "",
                        "int f(int a, int b, int c, int d, int e, int g, int h, int i)\n{\n\t"
                        "return a;\n}\n", "has 8 parameters"),
    "long line": ("sizes", TREE, "proto/frame.c", "",
                  f"/* {'x' * 100} */\n", "over 100 columns"),
    "unmapped function": ("exports", TREE + LIBRARY, "include/trail.h", "void trail_free(",
                          "int trail_planted(void);\nvoid trail_free(", "trail_planted is in trail.h"),
    "undeclared export": ("exports", TREE + LIBRARY, "client/libtrail.map", "local:",
                          "trail_planted;\nlocal:", "trail_planted, which is not in trail.h"),
    "header that needs another": ("headers", MODULE, "proto/frame.h", '#include "bytes.h"', "",
                                  "proto/frame.h does not compile alone"),
    "keyword of C++": ("headers", MODULE, "include/trail.h", "void trail_free(",
                       "int trail_planted(int class);\nvoid trail_free(", "trail.h is not C++17"),
    "C11 in public": ("headers", MODULE, "include/trail.h", "void trail_free(",
                      "struct trail_planted {\n\tstruct {\n\t\tint a;\n\t};\n};\nvoid trail_free(", "trail.h is not C99"),
    "undocumented setting": ("settings", TREE, "daemon/traild.8", ".It Va reserve Pq",
                             ".It Va spare Pq", "traild.8: reserve is not there"),
    "setting that is none": ("settings", TREE, "daemon/traild.conf.example", "#readers = 2",
                             "#writers = 2", "writers is no setting"),
    "other default": ("settings", TREE, "daemon/traild.conf.example", "#reserve = 256M",
                      "#reserve = 255M", "reserve is 256M, not 255M"),
    "other bounds": ("settings", TREE, "daemon/config.c", "readers), 1, 16, 2",
                     "readers), 1, 15, 2", "readers does not say 1 to 15"),
    "message without a manual": ("messages", TREE, "daemon/traild.8", ".It Li TRAIL-D001",
                                 ".It Li TRAIL-D000", "traild.8 does not list TRAIL-D001"),
    "message of another meaning": ("messages", TREE, "tests/lint/messages.txt", "LOG_SIGN_SYNC",
                                   "LOG_SIGN_SUNK", "an id keeps its meaning"),
    "unknown macro": ("manuals", TREE, "daemon/traild.8", ".Sh SIGNALS",
                      ".Sh SIGNALS\n.Zz", "unknown macro"),
    "missing manual": ("manuals", TREE, "client/trail.1", None, None, "trail.1 is missing"),
    "no licence": ("spdx", MODULE, "proto/frame.h", "/* SPDX-License-Identifier: Apache-2.0 */",
                   "", "proto/frame.h: no SPDX line"),
    "cppcheck": ("cppcheck", MODULE, "proto/frame.c", "",
                 "int f(void)\n{\n\tint a[2] = { 0 };\n\treturn a[2];\n}\n", "arrayIndexOutOfBounds"),
    "clang-tidy": ("tidy", MODULE, "proto/frame.c", "",
                   "int f(int a);\nint f(int a)\n{\n\tif (a)\n\t\treturn 1;\n\telse\n\t\treturn 2;\n}\n",
                   "readability-else-after-return"),
    "shell": ("shell", MODULE, "tests/lint/lint_cppcheck", "set -eu",
              "set -eu\nrm -f $1", "SC2086"),
    "python": ("python", MODULE, "tests/lint/lint_spdx", "import fnmatch",
               "import fnmatch\nimport json", "'json' imported but unused"),
}


def copy(names, to):
    for name in names:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
    for folder in ("daemon", "client", "tests"):
        (to / folder).mkdir(exist_ok=True)
    (to / ".gitignore").write_text("build/\n# SPDX-License-Identifier: Apache-2.0\n")
    subprocess.run(["git", "init", "-q", "."], cwd=to, check=True)


def run(lint, tree):
    more = ["TIDY_C=proto/frame.c"] if lint == "tidy" else []
    done = subprocess.run([str(tree / f"tests/lint/lint_{lint}"), *more], cwd=tree, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    return done.returncode, done.stdout


def plant(path, old, new):
    if old is None:
        path.unlink()
        return
    text = path.read_text()
    assert old in text, f"{path} has changed: plant the fault elsewhere"
    path.write_text(text.replace(old, new, 1) if old else text + new)


@pytest.mark.parametrize("fault", FAULTS)
def test_lint_names_a_planted_fault(tmp_path, fault):
    lint, names, file, old, new, word = FAULTS[fault]
    copy(names, tmp_path)
    code, said = run(lint, tmp_path)
    assert code == 0, f"red before anything was planted:\n{said}"
    plant(tmp_path / file, old, new)
    code, said = run(lint, tmp_path)
    assert code != 0 and word in said, f"exit {code}:\n{said}"


def test_every_lint_has_its_fault():
    lints = {path.name.removeprefix("lint_") for path in (ROOT / "tests/lint").glob("lint_*")}
    assert lints == {fault[0] for fault in FAULTS.values()}
