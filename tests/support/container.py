# SPDX-License-Identifier: Apache-2.0
"""
A Debian with systemd as process 1, in systemd-nspawn over the cached root that debian_root.sh makes.
What a test writes lies in an overlay of its own and goes with it; the network is the container's
own and empty. The container runs one script and ends; its exit code and what it printed come back.
"""
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = ("systemd-sysv", "dbus", "libevent-core-2.1-7", "libsodium23", "liblmdb0",
            "libprotobuf-c1", "libconfuse2", "libseccomp2", "libjansson4", "libssl3", "libzstd1",
            "procps")
UNIT = """[Unit]
Description=The test
After=basic.target
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
ExecStart=/bin/bash -eux /test.sh
StandardOutput=append:/test.log
StandardError=inherit
"""


class Unable(Exception):
    """No such container can run here; says why."""


def must(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unable(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")


class Container:
    """Raises Unable, after it saw that a container with nothing of ours in it does not boot, either."""

    def __init__(self, folder):
        if os.geteuid() != 0:
            raise Unable("needs uid 0")
        for program in ("systemd-nspawn", "mmdebstrap"):
            if not shutil.which(program):
                raise Unable(f"{program} is not installed")
        base = ROOT / "build" / "root" / "bookworm"
        must([str(ROOT / "tests/support/debian_root.sh"), str(base),
              "--include=" + ",".join(PACKAGES)])
        self.root = folder / "root"
        for name in ("root", "upper", "work"):
            (folder / name).mkdir()
        must(["mount", "-t", "overlay", "overlay", "-o",
              f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work", str(self.root)])
        code, log, console = self.run("echo it runs", 60)
        if code != 0 or "it runs" not in log:
            self.close()
            raise Unable(f"systemd does not boot in systemd-nspawn: {console.strip()[-500:]}")

    def run(self, script, seconds):
        """Boot, run `script` with bash -eux, power off: (exit code, what it printed, the console)."""
        (self.root / "test.sh").write_text(script)
        (self.root / "test.log").write_text("")
        unit = self.root / "etc/systemd/system/trail-test.service"
        unit.write_text(UNIT)
        wants = unit.parent / "multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        if not (wants / unit.name).exists():
            (wants / unit.name).symlink_to(unit)
        name = f"trail-test-{os.getpid()}"
        # Not registered and in no unit of the host's: it need not run systemd itself. Locked memory
        # is what nspawn withholds and a plain host does not; the signer keeps its key there.
        done = subprocess.run(
            ["timeout", "--kill-after=10", str(seconds), "systemd-nspawn", "--quiet",
             f"--directory={self.root}", f"--machine={name}", "--boot", "--private-network",
             "--register=no", "--keep-unit", "--link-journal=no", "--console=pipe",
             "--system-call-filter=@memlock"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        return done.returncode, (self.root / "test.log").read_text(errors="replace"), \
            done.stdout + done.stderr

    def close(self):
        subprocess.run(["umount", str(self.root)], check=True)
