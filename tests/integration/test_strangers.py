# SPDX-License-Identifier: Apache-2.0
"""
G2: what lies in log/data.mdb beside the tables of traild is found: a further table, and a row among
the names of tables. mdb_load of the LMDB authors puts them there.
"""
import shutil
import subprocess

import pytest
import wire
from wire import Client

DUMP = """VERSION=3
format=print
type=btree
HEADER=END
 stranger
 of another hand
DATA=END
"""


@pytest.mark.parametrize("words", [["-s", "strange"], []], ids=["table", "row"])
def test_g2_what_no_traild_makes_is_found(traild, words):
    if not shutil.which("mdb_load"):
        pytest.skip("lmdb-utils is not installed")
    run = traild.start()
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
    run.stop()
    traild.assert_valid(run.state_dir)
    subprocess.run(["mdb_load", *words, str(run.state_dir / "log")], input=DUMP, text=True,
                   check=True)
    code, value, _ = traild.check(run.state_dir)
    assert code == 5 and value["verdict"] == "invalid"
    assert {f["code"] for f in value["findings"]} == {"store.stranger"}
