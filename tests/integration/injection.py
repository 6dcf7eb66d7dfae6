# SPDX-License-Identifier: Apache-2.0
"""
A disk that fails or hangs: strace makes system calls of a running traild return an error, or wait.
"""
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from harness import SLOW


def tracers(pid):
    """Who traces each thread."""
    return [re.search(r"^TracerPid:\s+(\d+)$", (task / "status").read_text(), re.M)[1]
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]


class Injection:
    """
    From here on `fault` befalls the `when`-th `call` of each thread of traild on data.mdb: as
    strace(1) writes it, "error=EIO" or "delay_enter=5s".
    """

    def __init__(self, run, call, when, fault="error=EIO"):
        if not shutil.which("strace"):
            pytest.skip("strace is not installed")
        self.path = run.factory.folder / f"inject{run.number}"
        data = run.state_dir / "log" / "data.mdb"
        self.strace = subprocess.Popen(
            ["strace", "-f", "-qq", "-p", str(run.pid), "-o", str(self.path), "-P", str(data), "-e",
             f"trace={call}", "-e", f"inject={call}:{fault}:when={when}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 30 * SLOW
        while any(tracer != str(self.strace.pid) for tracer in tracers(run.pid)):
            if self.strace.poll() is not None:
                pytest.skip("this user may not trace another process")
            assert time.monotonic() < limit, "strace does not attach"
            time.sleep(0.01)  # asks again; nothing depends on how long this takes

    def hits(self):
        """The lines of the calls that were made to fail, once traild has ended."""
        self.strace.wait(30 * SLOW)
        return [line for line in self.path.read_text().splitlines() if "(INJECTED)" in line]

    def end(self):
        """Let traild go, if it still runs."""
        if self.strace.poll() is None:
            self.strace.send_signal(signal.SIGINT)
            self.strace.wait(30 * SLOW)
