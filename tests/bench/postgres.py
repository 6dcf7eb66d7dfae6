# SPDX-License-Identifier: Apache-2.0
"""
PostgreSQL 15 for a benchmark: a cluster of its own in a folder of its own, run as an unprivileged
user, reached through a Unix socket by nobody else, and ended with us.
"""
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
HERE = pathlib.Path(__file__).resolve().parent

# Each as an engineer would set it on a machine that has `memory` MiB and `cores` cores for this alone.
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
shared_buffers = {quarter}MB
effective_cache_size = {most}MB
work_mem = 64MB
maintenance_work_mem = 1GB
max_worker_processes = 8
max_parallel_workers = {cores}
max_parallel_workers_per_gather = {cores}
max_parallel_maintenance_workers = {cores}
# A disk without heads.
random_page_cost = 1.1
effective_io_concurrency = 200
# No checkpoint in the middle of a load.
max_wal_size = 16GB
checkpoint_timeout = 30min
wal_compression = lz4
# A few objects and actors make most of the events: many of them by name in the statistics.
default_statistics_target = 1000
# Compiling takes longer than what is asked here.
jit = off
"""


def missing():
    """Why it cannot be measured here; None: it can."""
    if not (PROGRAMS / "postgres").exists():
        return "PostgreSQL 15 is not installed (Debian: postgresql-15)"
    return None


def unprivileged():
    """Words in front of a command that run it as a user who is not root, and that user's ids."""
    if os.getuid() != 0:
        return [], os.getuid(), os.getgid()
    for name in ("postgres", "nobody"):
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        words = ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"]
        return words, who.pw_uid, who.pw_gid
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody")


class Postgres:
    """A cluster in `folder`, or where `folder` cannot be reached by the user, below /var/tmp."""

    def __init__(self, folder):
        self.words, self.uid, self.gid = unprivileged()
        self.folder = pathlib.Path(folder)
        self.socket = None

    def reachable(self):
        return subprocess.run(self.words + ["test", "-x", str(self.folder.parent)],
                              check=False).returncode == 0

    def run(self, program, *words, **how):
        done = subprocess.run([*self.words, str(PROGRAMS / program), *map(str, words)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              cwd="/", **how)
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def create(self):
        if not self.reachable():
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-postgres-", dir="/var/tmp"))
        self.folder.mkdir(exist_ok=True)
        os.chown(self.folder, self.uid, self.gid)
        self.run("initdb", "-D", self.folder / "data", "--username=bench", "--auth=trust",
                 "--encoding=UTF8", "--locale=C", "--no-instructions")

    def start(self):
        # A socket's path is short, and the folder's may be long.
        self.socket = pathlib.Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        os.chown(self.socket, self.uid, self.gid)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 ** 20
        settings = SETTINGS.format(socket=self.socket, quarter=memory // 4, most=memory * 3 // 4,
                                   cores=os.cpu_count())
        (self.folder / "data" / "postgresql.auto.conf").write_text(settings, encoding="utf-8")
        try:
            # Not into our pipe, which the server would hold open.
            self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w",
                     "-t", "300", "-s", "start")
        except RuntimeError as failed:
            raise RuntimeError(f"{failed}\n{(self.folder / 'log').read_text()}") from None

    def stop(self):
        if self.socket is None:
            return
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-t", "300", "-m", "fast", "-s", "stop")
        shutil.rmtree(self.socket, ignore_errors=True)
        self.socket = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def connection(self):
        return f"host={self.socket} user=bench dbname=postgres"

    def sql(self, text):
        """One command; its rows as text, columns separated by |."""
        return self.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.connection, "-c", text)

    def sql_file(self, name):
        text = (HERE / name).read_text(encoding="utf-8")
        return self.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.connection, "-f", "-",
                        input=text)
