#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
sbom.py BUILD > FILE: what the programs and the library in folder BUILD consist of, as SPDX 2.3 in
JSON: our source, the files built from it, and Debian's packages of the shared libraries that these
link to, with version and licence. What is needed to build is listed as such. Says the same for the
same build on the same packages: its date is that of debian/changelog, its name a hash of itself.
"""
import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = "SPDXRef-DOCUMENT"
SOURCE = "SPDXRef-source-traild"
UNKNOWN = "NOASSERTION"
# Debian's short names that are not SPDX's own. What stands in neither is not asserted.
LICENCES = {
    "Expat": "MIT", "ISC": "ISC", "Zlib": "Zlib", "Apache-2.0": "Apache-2.0",
    "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause",
    "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later",
    "GPL-3": "GPL-3.0-only", "GPL-3+": "GPL-3.0-or-later",
    "LGPL-2": "LGPL-2.0-only", "LGPL-2+": "LGPL-2.0-or-later",
    "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
    "LGPL-3": "LGPL-3.0-only", "LGPL-3+": "LGPL-3.0-or-later",
}


def say(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def source_version_and_date():
    say_of = lambda field: say("dpkg-parsechangelog", "-l", str(ROOT / "debian/changelog"),
                               "-S", field).strip()
    when = datetime.datetime.fromtimestamp(int(say_of("Timestamp")), datetime.timezone.utc)
    return say_of("Version"), when.strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- programs and what they load ------------------------------------------------------------------

def built(folder):
    """The files that a package ships from this build."""
    library = sorted(folder.glob("libtrail.so.*.*.*"))
    return [folder / "trail", folder / "trail-witness", folder / "traild", folder / "traild-signer",
            folder / "traild-courier",
            *library]


@functools.cache
def needed(path):
    """The libraries that a file itself names."""
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", say("readelf", "--dynamic", str(path))))


def loaded(path):
    """Name to path of every library that is loaded with it."""
    return dict(re.findall(r"^\s*(\S+) => (/\S+) \(", say("ldd", str(path)), re.M))


@functools.cache
def package_of(path):
    """The package that owns a file; dpkg knows it by its name before or after /usr was merged."""
    real = os.path.realpath(path)
    names = {path, real, real.removeprefix("/usr"), f"/usr{path}"}
    done = subprocess.run(["dpkg-query", "--search", *sorted(names)], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    owners = {line.split(": ")[0] for line in done.stdout.splitlines()
              if not line.startswith("diversion ")}
    if len(owners) != 1:
        sys.exit(f"sbom.py: {path} belongs to {sorted(owners) or 'no package'}")
    return owners.pop()


# ---- packages -------------------------------------------------------------------------------------

def licence_of(name):
    """What a machine-readable debian/copyright says of 'Files: *', as SPDX; else NOASSERTION."""
    path = pathlib.Path("/usr/share/doc") / name.split(":")[0] / "copyright"
    text = path.read_text(errors="replace") if path.exists() else ""
    if not re.match(r"Format: *https?://www\.debian\.org/doc/packaging-manuals/copyright-format", text):
        return UNKNOWN
    for stanza in re.split(r"\n[ \t]*\n", text):
        if re.search(r"^Files:\s*\*\s*$", stanza, re.M):
            found = re.search(r"^License:[ \t]*(.+)$", stanza, re.M)
            return expression(found[1]) if found else UNKNOWN
    return UNKNOWN


def expression(words):
    """'GPL-2+ or Expat' as SPDX writes it; NOASSERTION when a word of it is not known."""
    parts = re.split(r"\s+(or|and)\s+", words.strip())
    known = [p.upper() if p in ("or", "and") else LICENCES.get(p) for p in parts]
    return " ".join(known) if all(known) else UNKNOWN


def ref(*words):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", "-".join(words))


def debian_package(name):
    version, architecture, source = say(
        "dpkg-query", "-f", "${Version}\t${Architecture}\t${source:Package}", "-W", name).split("\t")
    bare = name.split(":")[0]
    return {
        "SPDXID": ref("debian", bare),
        "name": bare,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": False,
        "sourceInfo": f"built by Debian from its source package {source}",
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": licence_of(name),
        "licenseComments": "declared: of 'Files: *' in Debian's copyright file, where a machine can "
                           "read it",
        "copyrightText": UNKNOWN,
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{bare}@{version.replace('+', '%2B')}"
                                f"?arch={architecture}"}],
    }


def our_source(version):
    return {
        "SPDXID": SOURCE,
        "name": "traild",
        "versionInfo": version,
        "supplier": UNKNOWN,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": UNKNOWN,
        "primaryPackagePurpose": "SOURCE",
    }


def built_file(path):
    data = path.read_bytes()
    return {
        "SPDXID": ref("file", path.name),
        "fileName": f"./{path.name}",
        "fileTypes": ["BINARY"],
        "checksums": [{"algorithm": a.upper(), "checksumValue": hashlib.new(a, data).hexdigest()}
                      for a in ("sha1", "sha256")],
        "licenseConcluded": "Apache-2.0",
        "licenseInfoInFiles": ["Apache-2.0"],
        "copyrightText": UNKNOWN,
    }


# ---- the document ---------------------------------------------------------------------------------

def build_needs():
    """BUILD_DEPS of the Makefile."""
    text = (ROOT / "Makefile").read_text()
    return re.search(r"^BUILD_DEPS := ((?:.*\\\n)*.*)$", text, re.M)[1].replace("\\\n", " ").split()


def relation(subject, kind, other):
    return {"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": other}


def contents(folder):
    """(files, Debian's packages by name, relationships)"""
    packages, relations = {}, [relation(DOCUMENT, "DESCRIBES", SOURCE)]
    files = built(folder)
    for path in files:
        own = ref("file", path.name)
        relations.append(relation(own, "GENERATED_FROM", SOURCE))
        links = {}
        for library, where in loaded(path).items():
            name = package_of(where)
            packages[name] = packages.get(name) or debian_package(name)
            # One package may hold several: what is named by the file itself prevails.
            links[name] = links.get(name, False) or library in needed(path)
        for name, direct in sorted(links.items()):
            other = packages[name]["SPDXID"]
            relations.append(relation(own, "DYNAMIC_LINK", other) if direct
                             else relation(other, "RUNTIME_DEPENDENCY_OF", own))
    names = {name.split(":")[0] for name in packages}
    for name in build_needs():
        if name not in names:
            packages[name] = debian_package(name)
        relations.append(relation(ref("debian", name), "BUILD_DEPENDENCY_OF", SOURCE))
    return [built_file(p) for p in files], packages, relations


def document(folder):
    version, created = source_version_and_date()
    files, packages, relations = contents(folder)
    body = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": f"traild-{version}",
        "creationInfo": {"created": created, "creators": ["Tool: traild-sbom"]},
        "packages": [our_source(version), *(packages[name] for name in sorted(packages))],
        "files": files,
        "relationships": relations,
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {**body, "documentNamespace": f"https://spdx.org/spdxdocs/traild-{version}-{digest[:32]}"}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: sbom.py BUILD")
    json.dump(document(pathlib.Path(sys.argv[1])), sys.stdout, indent=1)
    print()
