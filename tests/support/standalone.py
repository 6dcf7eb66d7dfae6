# SPDX-License-Identifier: Apache-2.0
"""
For the scripts that make test data with a real daemon, outside of pytest: the same client and
harness as the integration tests.

    with standalone.factory() as traild:
        import wire
        run = traild.start()

TRAIL_BUILD is the folder with the programs (build/release).
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@contextlib.contextmanager
def factory():
    """A harness.Factory in a folder that anybody may enter; wire can be imported inside."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="trail-"))
    folder.chmod(0o755)
    (folder / "proto").mkdir()
    subprocess.run(["protoc", f"--proto_path={ROOT / 'proto'}",
                    f"--python_out={folder / 'proto'}", "trail.proto"], check=True)
    sys.path[:0] = [str(folder / "proto"), str(ROOT / "tests" / "integration")]
    import harness  # pylint: disable=import-outside-toplevel
    traild = harness.Factory(ROOT / os.environ.get("TRAIL_BUILD", "build/release"), folder)
    try:
        yield traild
    finally:
        traild.finish()
        shutil.rmtree(folder)


def table(state_dir, name):
    """{key: value} of one table of a stopped store, as LMDB's own mdb_dump tells it."""
    done = subprocess.run(["mdb_dump", "-s", name, str(pathlib.Path(state_dir) / "log")],
                          check=True, capture_output=True, text=True)
    rows = [bytes.fromhex(line) for line in done.stdout.split("\n") if line.startswith(" ")]
    return dict(zip(rows[::2], rows[1::2]))
