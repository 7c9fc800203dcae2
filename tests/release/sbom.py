#!/usr/bin/env python3
"""Checks a release: sums, that archives have what their SBOM says, and the SBOM's own form (SPDX 2.3,
sections 3 to 11). tests/release/sbom.py FOLDER"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

# What is in few programs, and in no other: a device carries no database, no Redis and no JSON parser.
ONLY_IN = {
    "SQLite": {"tunnel-hub"},
    "hiredis": {"tunnel-hub"},
    "ncurses": {"tunnel-tui"},
    "cJSON": {"tunnel-hub", "tunnel-gateway", "tunnel-tui", "tunnelctl", "localproxy"},
}


def check(sbom):
    doc = json.loads(sbom.read_text())
    assert (doc["spdxVersion"], doc["dataLicense"], doc["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
    ids = ["SPDXRef-DOCUMENT", *(e["SPDXID"] for e in doc["packages"] + doc["files"])]
    assert len(set(ids)) == len(ids), "an identifier is there twice"
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", i) for i in ids)
    for relation in doc["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= set(ids), relation
    whole = doc["packages"][0]
    package = sbom.with_name(whole["packageFileName"])
    assert whole["checksums"][0]["checksumValue"] == hashlib.sha256(package.read_bytes()).hexdigest()
    said = {f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]} for f in doc["files"]}
    top = sbom.name.removesuffix(".spdx.json")
    with tarfile.open(package) as tar:
        real = {"." + m.name.removeprefix(top): hashlib.sha256(tar.extractfile(m).read()).hexdigest() for m in tar}
    assert {name: sums["SHA256"] for name, sums in said.items()} == real
    code = hashlib.sha1("".join(sorted(s["SHA1"] for s in said.values())).encode()).hexdigest()
    assert whole["packageVerificationCode"]["packageVerificationCodeValue"] == code
    names = {p["SPDXID"]: p["name"] for p in doc["packages"]}
    for relation in doc["relationships"]:
        if relation["relationshipType"] == "STATIC_LINK":
            program, part = relation["spdxElementId"], names[relation["relatedSpdxElement"]]
            program = program.removeprefix("SPDXRef-File-bin-")
            assert program in ONLY_IN.get(part, {program}), f"{program} has {part} in it"
    parts = {p["name"] for p in doc["packages"][1:]}
    assert all(f"./licences/{part}" in real for part in parts), "a licence is missing"
    print(f"{sbom.name}: {len(real)} files, {', '.join(sorted(parts))}")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    for file in sorted(folder.glob("*.spdx.json")):
        check(file)
