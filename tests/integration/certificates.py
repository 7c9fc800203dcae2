"""Throw-away certificate authorities and server certificates, made once per test run by openssl."""

import atexit
import functools
import pathlib
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass

NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"
CA_CONFIG = """
[ca]
default_ca = it
[it]
database = {0}/index
serial = {0}/serial
new_certs_dir = {0}
certificate = {0}/ca.pem
private_key = {0}/ca.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""


@dataclass(frozen=True)
class Certificate:
    cert: pathlib.Path
    key: pathlib.Path
    ca: pathlib.Path


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args}: {done.stderr}")


@functools.cache
def _folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="tunnel-ca-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@functools.cache
def authority(name="ca"):
    """The folder of a certificate authority: ca.pem and ca.key."""
    folder = _folder() / name
    folder.mkdir()
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-days", 30,
            "-subj", f"/CN=test {name}", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    (folder / "index").touch()
    (folder / "serial").write_text("01\n")
    (folder / "openssl.cnf").write_text(CA_CONFIG.format(folder))
    return folder


@functools.cache
def certificate(names=NAMES, ca="ca", start="20240101000000Z", end="20490101000000Z", key="ec"):
    """A server certificate for these subject alternative names. The defaults are right ones."""
    folder = authority(ca)
    base = folder / f"server-{abs(hash((names, start, end, key)))}"
    made, request = base.with_suffix(".pem"), base.with_suffix(".csr")
    kind = ["rsa:2048"] if key == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl("req", "-newkey", *kind, "-nodes", "-keyout", base.with_suffix(".key"),
            "-out", request, "-subj", "/CN=hub", "-addext", f"subjectAltName={names}")
    openssl("ca", "-batch", "-notext", "-config", folder / "openssl.cnf", "-in", request,
            "-out", made, "-startdate", start, "-enddate", end)
    return Certificate(made, base.with_suffix(".key"), folder / "ca.pem")


@functools.cache
def device(name, ca="devices"):
    """A client certificate whose common name is `name`."""
    folder = authority(ca)
    base = folder / f"device-{abs(hash(name))}"
    made, request = base.with_suffix(".pem"), base.with_suffix(".csr")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", base.with_suffix(".key"), "-out", request, "-subj", f"/CN={name}",
            "-addext", "extendedKeyUsage=clientAuth")
    openssl("ca", "-batch", "-notext", "-config", folder / "openssl.cnf", "-in", request,
            "-out", made, "-days", 30)
    return Certificate(made, base.with_suffix(".key"), folder / "ca.pem")


@functools.cache
def trust(verify=True):
    """What a client trusts that knows certificate()'s authority."""
    context = ssl.create_default_context(cafile=certificate().ca)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def expired():
    return certificate(start="20200101000000Z", end="20200201000000Z")


def wrong_name():
    return certificate(names="DNS:hub.example")
