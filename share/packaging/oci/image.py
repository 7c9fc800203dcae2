#!/usr/bin/env python3
"""Lays out OCI images of hub and agent from the static programs of scripts/release, without a
container engine: one oci-archive for each, for all architectures that were built. The same programs
give the same bytes.

    scripts/release && share/packaging/oci/image.py
    podman load -i build/images/tunnel-hub.tar      (docker: skopeo copy, share/doc/install.md)

An image has the programs, the authorities that Debian trusts, and a user without rights; no shell,
no C library. Nothing in it is written to but the folders of its volumes.
"""

import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
USER = 65532
ARCHITECTURES = {  # ours, and as OCI names them
    "x86_64": {"architecture": "amd64"},
    "aarch64": {"architecture": "arm64"},
    "armv7": {"architecture": "arm", "variant": "v7"},
}
INDEX, MANIFEST = ("application/vnd.oci.image.%s.v1+json" % k for k in ("index", "manifest"))
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass
class Image:
    name: str
    title: str
    programs: list      # the first one is run
    folders: list       # that it may write to
    command: list
    ports: list = field(default_factory=list)


IMAGES = [
    Image("tunnel-hub", "Hub for secure tunnels to devices", ["tunnel-hub", "tunnel-tui", "tunnelctl"],
          ["var/lib/tunnel-hub", "var/log/tunnel-hub", "run/tunnel-hub"],
          ["--config", "/etc/tunnel-hub/hub.conf"], ["8443/tcp"]),
    Image("tunnel-agent", "Device end of secure tunnels", ["tunnel-agent", "tunnel-tui"],
          ["var/lib/tunnel-agent", "run/tunnel-agent"],
          ["--config", "/etc/tunnel-agent/agent.conf"]),
]


def main():
    epoch = int(subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=ROOT))
    version = re.search(r"^project\(tunnel VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]
    out = ROOT / "build/images"
    out.mkdir(parents=True, exist_ok=True)
    for image in IMAGES:
        blobs = {}
        manifests = [manifest(image, arch, version, epoch, blobs) for arch in ARCHITECTURES
                     if programs_of(arch).exists()]
        file = out / f"{image.name}.tar"
        file.write_bytes(archive(manifests, version, blobs, epoch))
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size} bytes, "
              + ", ".join(m["platform"]["architecture"] for m in manifests))


def programs_of(arch):
    return ROOT / f"build/static/{arch}/stage/usr/local/bin"


def manifest(image, arch, version, epoch, blobs):
    """The descriptor of one architecture's manifest; what it names is put into blobs."""
    plain = layer(image, arch, epoch)
    packed = gzip.compress(plain, compresslevel=9, mtime=0)
    settings = {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
        "os": "linux", **ARCHITECTURES[arch],
        "config": {
            "User": f"{USER}:{USER}",
            "Entrypoint": [f"/usr/bin/{image.programs[0]}"],
            "Cmd": image.command,
            "ExposedPorts": {port: {} for port in image.ports},
            "Volumes": {f"/{image.folders[0]}": {}},
            "StopSignal": "SIGTERM",
            "Env": ["PATH=/usr/bin", f"STATE_DIRECTORY=/{image.folders[0]}"],
            # Not of OCI's specification, but engines that know it from Docker take it.
            "Healthcheck": {"Test": ["CMD", "/usr/bin/tunnel-tui", "--program", image.programs[0], "--check"],
                            "Interval": 30 * 10**9, "Timeout": 5 * 10**9, "Retries": 3},
            "Labels": {"org.opencontainers.image.title": image.title,
                       "org.opencontainers.image.version": version,
                       "org.opencontainers.image.licenses": "Apache-2.0"},
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]},
        "history": [{"created_by": "share/packaging/oci/image.py"}],
    }
    body = {
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": put(blobs, CONFIG, as_json(settings)),
        "layers": [put(blobs, LAYER, packed)],
    }
    return {**put(blobs, MANIFEST, as_json(body)), "platform": {"os": "linux", **ARCHITECTURES[arch]}}


def layer(image, arch, epoch):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        def add(path, data=None, mode=0o755, owner=0):
            info = tarfile.TarInfo(path)
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.mode, info.mtime, info.uid, info.gid = mode, epoch, owner, owner
            info.size = len(data or b"")
            tar.addfile(info, io.BytesIO(data or b""))

        for path in ("etc", "etc/ssl", "etc/ssl/certs", f"etc/{image.name}", "run", "tmp", "usr", "usr/bin",
                     "usr/share", f"usr/share/{image.name}", "var", "var/lib", "var/log"):
            add(path, mode=0o1777 if path == "tmp" else 0o755)
        for path in image.folders:
            add(path, mode=0o700, owner=USER)
        add("etc/passwd", f"root:x:0:0::/:/none\ntunnel:x:{USER}:{USER}::/:/none\n".encode(), 0o644)
        add("etc/group", f"root:x:0:\ntunnel:x:{USER}:\n".encode(), 0o644)
        add("etc/ssl/certs/ca-certificates.crt", Path("/etc/ssl/certs/ca-certificates.crt").read_bytes(), 0o644)
        for program in image.programs:
            add(f"usr/bin/{program}", (programs_of(arch) / program).read_bytes())
        for name, data in licences(arch).items():
            add(f"usr/share/{image.name}/{name}", data, 0o644)
    return raw.getvalue()


def licences(arch):
    """{name: bytes}: of all that is linked, and the SBOM, as scripts/release packed them."""
    package = next((ROOT / "build/release-files").glob(f"*-{arch}.tar.gz"))
    sbom = package.with_name(package.name.replace(".tar.gz", ".spdx.json"))
    found = {sbom.name: sbom.read_bytes()}
    with tarfile.open(package) as tar:
        for member in tar:
            if "/licences/" in member.name or member.name.endswith("/LICENSE"):
                found[Path(member.name).name] = tar.extractfile(member).read()
    return dict(sorted(found.items()))


def put(blobs, kind, data):
    name = hashlib.sha256(data).hexdigest()
    blobs[name] = data
    return {"mediaType": kind, "digest": f"sha256:{name}", "size": len(data)}


def as_json(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def archive(manifests, version, blobs, epoch):
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {**put(blobs, INDEX, as_json(index)),
         "annotations": {"org.opencontainers.image.ref.name": version}}]}
    files = {"oci-layout": as_json({"imageLayoutVersion": "1.0.0"}), "index.json": as_json(top),
             **{f"blobs/sha256/{name}": data for name, data in blobs.items()}}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, data in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.size, info.mtime, info.mode = len(data), epoch, 0o644
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


if __name__ == "__main__":
    main()
