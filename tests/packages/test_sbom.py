# SPDX-License-Identifier: Apache-2.0
"""
`make sbom` says what the programs consist of: SPDX 2.3 whose parts refer to each other, and no shared
library that is loaded is missing.
"""
import hashlib
import json
import re
import subprocess

import pytest

from house import ROOT, make

FIELDS = {
    "packages": {"SPDXID", "name", "versionInfo", "downloadLocation", "licenseConcluded",
                 "licenseDeclared", "copyrightText", "filesAnalyzed"},
    "files": {"SPDXID", "fileName", "checksums", "licenseConcluded", "copyrightText"},
    "relationships": {"spdxElementId", "relationshipType", "relatedSpdxElement"},
}
KINDS = {"DESCRIBES", "GENERATED_FROM", "DYNAMIC_LINK", "RUNTIME_DEPENDENCY_OF",
         "BUILD_DEPENDENCY_OF"}


@pytest.fixture(scope="module")
def sbom():
    make("sbom")
    return json.loads((ROOT / "build" / "traild.spdx.json").read_text())


def linked(sbom, name):
    """The packages of what a file links to or loads."""
    own, kinds = f"SPDXRef-file-{name}", ("DYNAMIC_LINK", "RUNTIME_DEPENDENCY_OF")
    return {(set((r["spdxElementId"], r["relatedSpdxElement"])) - {own}).pop()
            for r in sbom["relationships"]
            if own in (r["spdxElementId"], r["relatedSpdxElement"]) and r["relationshipType"] in kinds}


def test_it_is_spdx(sbom):
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["dataLicense"] == "CC0-1.0"
    assert sbom["SPDXID"] == "SPDXRef-DOCUMENT" and sbom["name"]
    assert re.fullmatch(r"https://[^#\s]+", sbom["documentNamespace"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sbom["creationInfo"]["created"])
    assert all(re.match(r"(Tool|Person|Organization): ", c) for c in sbom["creationInfo"]["creators"])
    for what, fields in FIELDS.items():
        assert sbom[what]
        for one in sbom[what]:
            assert fields <= one.keys(), one


def test_its_parts_refer_to_each_other(sbom):
    ids = [one["SPDXID"] for what in ("packages", "files") for one in sbom[what]]
    ids.append(sbom["SPDXID"])
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", i) for i in ids)
    related = set()
    for r in sbom["relationships"]:
        assert r["relationshipType"] in KINDS
        related |= {r["spdxElementId"], r["relatedSpdxElement"]}
    assert related == set(ids)


def test_its_checksums_are_those_of_what_was_built(sbom):
    names = {f["fileName"].removeprefix("./") for f in sbom["files"]}
    assert {"traild", "traild-signer", "traild-courier", "trail", "trail-witness"} < names
    for f in sbom["files"]:
        data = (ROOT / "build" / "release" / f["fileName"]).read_bytes()
        for sum_ in f["checksums"]:
            assert sum_["checksumValue"] == hashlib.new(sum_["algorithm"].lower(), data).hexdigest()


def test_no_library_that_is_loaded_is_missing(sbom):
    for f in sbom["files"]:
        name = f["fileName"].removeprefix("./")
        out = subprocess.run(["ldd", ROOT / "build" / "release" / name], check=True, text=True,
                             capture_output=True).stdout
        paths = re.findall(r"=> (/\S+) ", out)
        assert paths
        # One package may hold several; every one of them is owned by some package that is listed.
        packages = {i.removeprefix("SPDXRef-debian-") for i in linked(sbom, name)}
        listed = "\n".join(subprocess.run(["dpkg", "-L", p], check=True, text=True,
                                          capture_output=True).stdout for p in packages).split("\n")
        shipped = {line.rsplit("/", 1)[-1] for line in listed}
        assert {p.rsplit("/", 1)[-1] for p in paths} <= shipped


def test_versions_and_licences_are_debians(sbom):
    debian = [p for p in sbom["packages"] if p["SPDXID"].startswith("SPDXRef-debian-")]
    for p in debian:
        version = subprocess.run(["dpkg-query", "-f", "${Version}\n", "-W", p["name"]], check=True,
                                 text=True, capture_output=True).stdout.splitlines()[0]
        assert p["versionInfo"] == version
        assert p["externalRefs"][0]["referenceLocator"].startswith(f"pkg:deb/debian/{p['name']}@")
    said = {p["name"]: p["licenseDeclared"] for p in debian}
    assert said["libsodium23"] == "ISC"          # machine-readable
    assert said["libc6"] == "NOASSERTION"        # not
    ours, = (p for p in sbom["packages"] if p not in debian)
    assert ours["licenseDeclared"] == "Apache-2.0"


def test_it_says_the_same_of_the_same_build(sbom):
    make("sbom")
    assert json.loads((ROOT / "build" / "traild.spdx.json").read_text()) == sbom
