# SPDX-License-Identifier: Apache-2.0
"""
The demo notices when it does not see what it promises: with a check that always says yes, and with
answers from which a row or a sentence is missing, it fails.
"""
import os
import shutil
import subprocess

import pytest
import sanitizers
from harness import ROOT

LIES = {
    # program: (what stands in its place, what the demo must say)
    "traild": ('if [ "$1" = check ]; then echo "valid: all is well"; exit 0; fi',
               "the verdict invalid"),
    "trail": ('case " $* " in *" history "*) "$real" "$@" | sed "\\$d"; exit 0;; esac',
              "who deleted it"),
}


def demo(traild, replaced=None, script=""):
    build = traild.folder / "build"
    shutil.copytree(traild.traild.parent, build,
                    ignore=lambda _, names: [n for n in names
                                             if n not in ("traild", "traild-signer", "traild-courier",
                                                          "trail")])
    if replaced:
        real = build / f"real-{replaced}"
        (build / replaced).rename(real)
        (build / replaced).write_text(f'#!/bin/bash\nreal={real}\n{script}\nexec "$real" "$@"\n')
        (build / replaced).chmod(0o755)
    return subprocess.run([str(ROOT / "tests" / "demo.sh")], capture_output=True, text=True,
                          env=dict(os.environ, TRAIL_BUILD=str(build)), check=False)


@pytest.mark.parametrize("program", LIES)
def test_demo_fails_when_a_program_says_what_is_not_so(traild, program):
    if sanitizers.of(traild.traild) == "tsan":
        pytest.skip("the demo's daemon maps 1 TiB, more than TSan leaves room for")
    script, complaint = LIES[program]
    done = demo(traild, program, script)
    assert done.returncode != 0
    assert "did not see what it promises" in done.stderr and complaint in done.stderr, done.stderr
