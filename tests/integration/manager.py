# SPDX-License-Identifier: Apache-2.0
"""
A service manager for one socket, where there is no systemd: holds it, starts the program that is
meant for it when somebody knocks and none runs, and reaps it (a .socket unit with Accept=no).
"""
import fcntl
import os
import select
import socket
import subprocess
import threading

from harness import hand_over


class SignerUnit:
    """traild-signer.socket and traild-signer.service; `peer` is its --peer."""

    def __init__(self, factory, folder, path, peer=None, uid=None, wrapper=()):
        self.factory = factory
        self.folder = folder
        self.path = str(path)
        self.peer = os.geteuid() if peer is None else peer
        self.uid = uid
        self.wrapper = list(wrapper)
        self.codes = []      # of all that ended, in order
        self.popen = None
        self.stderr_path = factory.folder / "signer-stderr"
        self.listener = high(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self.listener.bind(self.path)
        self.listener.listen(64)
        self._changed = threading.Condition()
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        poller = select.poll()
        poller.register(self.listener, select.POLLIN)
        poller.register(self._wake, select.POLLIN | select.POLLHUP)
        while True:
            if any(fd == self._wake for fd, _ in poller.poll()):
                return
            words = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"] \
                if self.uid is not None else []
            program = self.factory.programs_for_all().with_name("traild-signer")
            command = [*self.wrapper, *hand_over([self.listener]), *words, str(program), "--state-dir",
                       str(self.folder), "--peer", str(self.peer), "--allow-cow"]
            with open(self.stderr_path, "ab") as stderr, self._changed:
                self.popen = subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL,
                                              pass_fds=[self.listener.fileno()])
                self._changed.notify_all()
            code = self.popen.wait()
            with self._changed:
                self.codes.append(code)
                self._changed.notify_all()

    def wait_ends(self, count, seconds):
        """Until `count` signers have ended: their exit codes."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.codes) >= count, seconds), \
                f"{len(self.codes)} signers ended, not {count}\n{self.stderr()}"
            return list(self.codes)

    def stderr(self):
        return self.stderr_path.read_text() if self.stderr_path.exists() else ""

    def finish(self):
        os.close(self._stop)
        if self.popen and self.popen.poll() is None:
            self.popen.terminate()
        self._thread.join(30)
        assert not self._thread.is_alive(), "a signer does not end"
        self.listener.close()
        os.close(self._wake)


def listening(path, kind=socket.SOCK_STREAM):
    sock = high(socket.socket(socket.AF_UNIX, kind))
    sock.bind(str(path))
    sock.listen(128)
    return sock


def high(sock):
    """The same socket under a descriptor that is none of those which hand_over() gives away."""
    fd = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD_CLOEXEC, 64)
    sock.close()
    return socket.socket(fileno=fd)
