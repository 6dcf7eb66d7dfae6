# SPDX-License-Identifier: Apache-2.0
"""
A witness that nobody here wrote: Filippo Valsorda's litewitness, as `make interop` fetches it, with
the ssh-agent that keeps its key. For who wants a log of ours witnessed by strangers:

    with Litewitness(folder, [vkey]) as witness:
        witness.url, witness.vkey
"""
import os
import re
import select
import shutil
import socket
import subprocess

import pytest
from foreign import fetched
from harness import SLOW


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Litewitness:
    def __init__(self, folder, vkeys, name="litewitness.example/w"):
        self.program, self.control = fetched("litewitness"), fetched("witnessctl")
        if not shutil.which("ssh-agent"):
            pytest.skip("ssh-agent is not installed")
        self.folder, self.name, self.port = folder, name, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes = []
        for vkey in vkeys:
            self.trust(vkey)

    def _run(self, *words):
        return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True,
                              timeout=60 * SLOW, env=dict(os.environ, SSH_AUTH_SOCK=str(self.folder / "agent")))

    def trust(self, vkey):
        origin = vkey.split("+")[0]
        database = self.folder / "litewitness.db"
        self._run(self.control, "add-log", "-db", database, "-origin", origin)
        self._run(self.control, "add-key", "-db", database, "-origin", origin, "-key", vkey)

    def _begin(self, *words, stderr=None):
        self.processes.append(subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL, stderr=stderr))

    def _until(self, ready, what):
        for _ in range(int(400 * SLOW)):
            found = ready()
            if found:
                return found
            select.select([], [], [], 0.05)
        raise AssertionError(f"litewitness: {what} does not come")

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def __enter__(self):
        try:
            return self._start()
        except BaseException:  # nobody calls __exit__ then, and what runs by now would stay
            self.__exit__()
            raise

    def _start(self):
        agent, key, log = self.folder / "agent", self.folder / "ssh-key", self.folder / "litewitness.log"
        self._begin("ssh-agent", "-D", "-a", agent, stderr=subprocess.DEVNULL)
        self._until(agent.exists, "ssh-agent")
        self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        self._run("ssh-add", "-q", key)
        fingerprint = self._run("ssh-keygen", "-lf", f"{key}.pub").stdout.split()[1]
        with open(log, "wb") as stderr:
            self._begin(self.program, "-db", self.folder / "litewitness.db", "-name", self.name,
                        "-key", fingerprint, "-ssh-agent", agent, "-listen", f"127.0.0.1:{self.port}",
                        stderr=stderr)
        self._until(self._listens, log.read_text)
        self.vkey = re.search(r"vkey=(\S+)", log.read_text())[1]
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(30 * SLOW)
