#!/usr/bin/env python3
"""Packs static programs: a tar.gz with the licences of all that is inside, and its SBOM (SPDX 2.3).

What is inside a program is read from its linker map. The same input gives the same bytes.
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
import time
import uuid
from pathlib import Path

# Archive in a linker map: the part's name, the source package, its licence as SPDX names it.
PARTS = {
    "libc.a": ("musl", "musl", "MIT"),
    "libuv_a.a": ("libuv", "libuv1", "MIT"),
    "libbearssl.a": ("BearSSL", "bearssl", "MIT"),
    "libprotobuf-nanopb.a": ("nanopb", "nanopb", "Zlib"),
    "libcjson.a": ("cJSON", "cjson", "MIT"),
    "libhiredis.a": ("hiredis", "hiredis", "BSD-3-Clause"),
    "libsqlite3.a": ("SQLite", "sqlite3", "blessing"),
    "libncursesw.a": ("ncurses", "ncurses", "X11-distribute-modifications-variant"),
    "libtinfo.a": ("ncurses", "ncurses", "X11-distribute-modifications-variant"),
    "libgcc.a": ("libgcc", None, "GPL-3.0-or-later WITH GCC-exception-3.1"),
}
ALSO_LINKED = {"crtbeginS.o": "libgcc.a"}  # parts that have no archive


def main():
    args = arguments()
    linked = {p.name.removesuffix(".map"): parts_in(p) for p in sorted(args.maps.glob("*.map"))}
    name = f"tunnel-{args.version}-linux-{args.arch}"
    files = contents(args, sorted(set().union(*linked.values())))
    package = args.out / f"{name}.tar.gz"
    package.write_bytes(packed(name, files, args.epoch))
    (args.out / f"{name}.spdx.json").write_text(
        json.dumps(sbom(args, name, package, files, linked), indent=1) + "\n")


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--arch", required=True)
    p.add_argument("--version", required=True)
    p.add_argument("--epoch", type=int, required=True, help="time of all files, seconds since 1970")
    p.add_argument("--stage", type=Path, required=True, help="what cmake --install made: bin, share …")
    p.add_argument("--maps", type=Path, required=True, help="folder with PROGRAM.map")
    p.add_argument("--fetched", type=Path, required=True, help="share/packaging/static/fetch's folder")
    p.add_argument("--compiler", required=True, help="the sysroot's cc")
    p.add_argument("--root", type=Path, required=True, help="the repository")
    p.add_argument("--out", type=Path, required=True)
    return p.parse_args()


def parts_in(map_file):
    """The keys of PARTS that something of is in the program. A map begins with what was taken of
    archives, and tells later where it is, which it cannot for what is optimised as a whole."""
    text = map_file.read_text(errors="replace")
    taken = re.findall(r"^(\S+)\(", text.split("Linker script and memory map", 1)[0], re.M)
    taken += re.findall(r"^LOAD (\S+\.o)$", text, re.M)
    names = {Path(path).name for path in taken}
    return {ALSO_LINKED.get(name, name) for name in names} & set(PARTS)


def contents(args, archives):
    """{path in the package: (bytes, mode)}"""
    files = {}
    for path in args.stage.rglob("*"):
        if path.is_file():
            files[str(path.relative_to(args.stage))] = (path.read_bytes(), path.stat().st_mode & 0o111)
    for name in ("LICENSE", "README.md", "CHANGELOG.md"):
        files[name] = ((args.root / name).read_bytes(), 0)
    for archive in archives:
        part, source, _ = PARTS[archive]
        text = gcc_copyright(args) if source is None else args.fetched / "src" / source / "debian/copyright"
        files[f"licences/{part}"] = (text.read_bytes(), 0)
        if source is None:
            files["licences/GPL-3"] = (Path("/usr/share/common-licenses/GPL-3").read_bytes(), 0)
    return {k: (data, 0o755 if executable else 0o644) for k, (data, executable) in sorted(files.items())}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def gcc_package(args):
    path = Path(run(args.compiler, "-print-libgcc-file-name")).resolve()
    return run("dpkg", "-S", str(path)).split(": ")[0]


def gcc_copyright(args):
    return Path("/usr/share/doc", gcc_package(args).split(":")[0], "copyright")


def packed(name, files, epoch):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, (data, mode) in files.items():
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size, info.mode, info.mtime = len(data), mode, epoch
            info.uname = info.gname = "root"
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), compresslevel=9, mtime=0)


def digest(kind, data):
    return {"algorithm": kind.upper(), "checksumValue": hashlib.new(kind, data).hexdigest()}


def source_of(args, source):
    """Version and archives of a Debian source package, as its .dsc has them."""
    text = next((args.fetched / "dsc").glob(f"{source}_*.dsc")).read_text()
    version = re.search(r"^Version: (.*)$", text, re.M)[1]
    sums = text.split("Checksums-Sha256:", 1)[1]
    return version, re.findall(r"^ ([0-9a-f]{64}) \d+ (\S+)$", sums, re.M)


def part_entry(args, archive):
    name, source, licence = PARTS[archive]
    if source is None:
        package = gcc_package(args).split(":")[0]
        version = run("dpkg-query", "-W", "-f", "${source:Version}\n", package).splitlines()[0]
        purl, comment = f"pkg:deb/debian/{package}@{version}", "of Debian's compiler"
    else:
        version, archives = source_of(args, source)
        purl = f"pkg:deb/debian/{source}@{version}?arch=source"
        comment = "sources: " + ", ".join(f"{f} SHA256 {s}" for s, f in archives)
    return {
        "SPDXID": f"SPDXRef-{name}", "name": name, "versionInfo": version,
        "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "comment": comment,
        "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": purl.replace("+", "%2B")}],
    }


def file_id(path):
    return "SPDXRef-File-" + re.sub(r"[^A-Za-z0-9.-]", "-", path)


def sbom(args, name, package, files, linked):
    sha1 = sorted(hashlib.sha1(data).hexdigest() for data, _ in files.values())
    code = hashlib.sha1("".join(sha1).encode()).hexdigest()
    parts = {PARTS[a][0]: part_entry(args, a) for a in sorted(set().union(*linked.values()))}
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-tunnel")]
    relations += [("SPDXRef-tunnel", "CONTAINS", file_id(f)) for f in files]
    for program, archives in linked.items():
        relations += [(file_id(f"bin/{program}"), "STATIC_LINK", f"SPDXRef-{part}")
                      for part in sorted({PARTS[a][0] for a in archives})]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name + code)}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(args.epoch)),
            "creators": ["Tool: tunnel-release"],
        },
        "packages": [{
            "SPDXID": "SPDXRef-tunnel", "name": "tunnel", "versionInfo": args.version,
            "packageFileName": package.name, "downloadLocation": "NOASSERTION",
            "checksums": [digest("sha256", package.read_bytes())],
            "filesAnalyzed": True, "packageVerificationCode": {"packageVerificationCodeValue": code},
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "Apache-2.0",
            "licenseInfoFromFiles": ["NOASSERTION"], "copyrightText": "NOASSERTION",
        }] + list(parts.values()),
        "files": [{
            "SPDXID": file_id(f), "fileName": f"./{f}",
            "checksums": [digest("sha1", data), digest("sha256", data)],
            "licenseConcluded": "NOASSERTION", "licenseInfoInFiles": ["NOASSERTION"],
            "copyrightText": "NOASSERTION",
        } for f, (data, _) in files.items()],
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                          for a, kind, b in relations],
    }


if __name__ == "__main__":
    main()
