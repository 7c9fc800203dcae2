"""What share/doc/howto/on-the-wire.md says, compared with what passes between the real programs."""

import contextlib
import os
import pathlib
import re
import subprocess
import unittest

import certificates
from api import Key
from blocks import ROOT, blocks
from capture import BINARY, CHANGE, DATA, HANDSHAKE, Proxy, frames, handshakes, heads, hello, records
from harness import Case
from origins import Http
from programs import environment, run, wait_until
from test_runner import run as run_page

PAGE = ROOT / "share/doc/howto/on-the-wire.md"
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITES = {0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02f: "ECDHE-RSA-AES128-GCM-SHA256",
          0xc02c: "ECDHE-ECDSA-AES256-GCM-SHA384", 0xc030: "ECDHE-RSA-AES256-GCM-SHA384",
          0xcca9: "ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca8: "ECDHE-RSA-CHACHA20-POLY1305"}
EXTENSIONS = {0: "server_name", 13: "signature_algorithms", 10: "supported_groups",
              11: "ec_point_formats", 65281: "renegotiation_info"}
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
DEVICE, SERVICE, SAID = "pump-07", "HTTP1", b"web /name"

# A device is reached by name, on a machine whose names come from a name server.
NAMES = """```sh
sed -i 's/hub.example//' /etc/hosts
python3 "$HERE/names_asked.py" >asked 2>&1 &
until getent hosts hub.example; do sleep 0.05; done
tunnel-hub --cert hub.pem --key hub.key --keys keys.ini --state state --listen 0.0.0.0:443
tunnelctl devices invite --endpoint hub.example --names pump-07 --token-file join
tunnel-agent -e hub.example --device pump-07 --join-token-file join -d HTTP1=80
tunnel-gateway -e hub.example
curl -fsS -x socks5h://127.0.0.1:1080 http://HTTP1.pump-07.tunnel/
curl -sS -x socks5h://127.0.0.1:1080 http://HTTP9.pump-07.tunnel/ || true
until grep -q last.example asked; do getent hosts last.example || sleep 0.05; done
sort -u asked
test "$(sort -u asked | tr '\\n' ' ')" = "hub.example last.example "
```
"""


def row(name):
    """What the page's table says behind a name."""
    return re.search(rf"^\| {name} \| (.*) \|$", PAGE.read_text(), re.M)[1]


def requests():
    """{first line: header lines} of the page."""
    return {block.text.split("\n")[0]: block.text.strip().split("\n")[1:]
            for block in blocks(PAGE.read_text(), "page") if block.language == "http"}


def connections(pid):
    """(local port, remote port) of a program's established TCP connections."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if found := re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}")):
                inodes.add(found[1])
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(file).read_text().splitlines()[1:]:
            word = line.split()
            if word[3] == "01" and word[9] in inodes:
                yield tuple(int(w.rpartition(":")[2], 16) for w in word[1:3])


class Wire(Case):
    def go(self, tls=None, **certificate):
        """A page, asked for by name, through agent, gateway and proxy in front of the hub."""
        own = certificates.certificate()
        self.the_hub = self.hub("--keys", self.keys_file(KEY.section()), unsigned=False,
                                *(["--device-ca", own.ca] if certificate else []))
        self.proxy = Proxy(self.the_hub.port, (own.cert, own.key, own.ca) if tls else None)
        self.addCleanup(self.proxy.close)
        self.web = self.origin(Http("web"))
        env = environment(AWS_ACCESS_KEY_ID=KEY.id, AWS_SECRET_ACCESS_KEY=KEY.secret, HOME=self.dir,
                          AWS_CA_BUNDLE=own.ca)
        at = f"localhost:{self.proxy.port}"
        join, who = self.dir / "join", ["--device", DEVICE]
        if certificate:
            who = ["--cert", certificate["cert"], "--key", certificate["key"]]
        else:
            made = run(self.program("tunnelctl"), "devices", "invite", "--endpoint",
                       f"localhost:{self.the_hub.port}", "--names", DEVICE, "--token-file", join, env=env)
            self.assertEqual(made.code, 0, made)
            who += ["--join-token-file", join, "--state-dir", self.dir / "device"]
        self.the_agent = self.start(self.program("tunnel-agent"), "-e", at, "--ca", own.ca, *who,
                                    "-d", f"{SERVICE}={self.web.port}")
        self.the_agent.wait_line("stands by")
        self.the_gateway = self.start(self.program("tunnel-gateway"), "-e", at, "--ca", own.ca,
                                      "--listen", "127.0.0.1:0", env=env)
        port = self.the_gateway.wait_line(r"Listening on \S+:(\d+)")[1]
        got = run("curl", "-sS", "-x", f"socks5h://127.0.0.1:{port}",
                  f"http://{SERVICE}.{DEVICE}.tunnel/name")
        self.assertEqual(got.out.strip(), SAID, got)
        return int(port)

    def ways(self, pattern):
        """The connections whose client sent that."""
        return [way for way in self.proxy.ways if re.search(pattern, bytes(way.up))]

    # ---- as anybody sees it ----

    def test_tls(self):
        self.go()
        wait_until(lambda: len(self.proxy.ways) >= 3, "all connections")
        ways = list(self.proxy.ways)  # one may just begin
        wait_until(lambda: all(DATA in [kind for kind, _, _ in records(data)]
                               for way in ways for data in (way.up, way.down)), "data on each of them")
        for way in ways:
            version, suites, extensions = hello(dict(handshakes(way.up))[CLIENT_HELLO])
            self.assertEqual((version, row("version")), (0x303, "TLS 1.2"))
            listed = re.findall(r"`([A-Z0-9-]+)`", row("cipher suites"))
            self.assertEqual({SUITES[suite] for suite in suites}, set(listed))
            listed = re.findall(r"`([a-z_]+)`", row("extensions"))
            self.assertEqual({EXTENSIONS[kind] for kind in extensions}, set(listed))
            self.assertEqual(extensions[0][5:], b"localhost")
            self.assertNotIn(CERTIFICATE, dict(handshakes(way.up)))
            self.assert_encrypted(way)
        # The first of a program shows the hub's certificate, later ones resume its session.
        shown = [CERTIFICATE in dict(handshakes(way.down)) for way in ways]
        self.assertIn(True, shown)
        self.assertIn(False, shown)

    def assert_encrypted(self, way):
        """Behind ChangeCipherSpec there are only records that are encrypted, and no word of ours is
        anywhere."""
        for data in (way.up, way.down):
            kinds = [kind for kind, _, _ in records(data)]
            self.assertIn(CHANGE, kinds)
            self.assertEqual(kinds[kinds.index(CHANGE) + 1:].count(HANDSHAKE), 1)  # Finished
            for word in (DEVICE, SERVICE, KEY.id, "tunnel", "st1.", "join_", "GET ", "name"):
                self.assertNotIn(word.encode(), data)

    def test_certificate_of_a_device(self):
        """In the clear, with its name."""
        folder = certificates.authority("ca")
        key, request, made = (self.dir / f"device.{end}" for end in ("key", "csr", "pem"))
        certificates.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                             "-keyout", key, "-out", request, "-subj", f"/CN={DEVICE}")
        certificates.openssl("x509", "-req", "-in", request, "-CA", folder / "ca.pem", "-CAkey",
                             folder / "ca.key", "-days", 2, "-set_serial", 7777, "-out", made)
        self.go(cert=made, key=key)
        shown = [dict(handshakes(way.up)).get(CERTIFICATE, b"") for way in self.proxy.ways]
        self.assertTrue(any(DEVICE.encode() in one for one in shown))

    # ---- inside TLS ----

    def assert_asked(self, first, way):
        """A request is the page's, header by header."""
        method = first.split(" HTTP")[0].encode()
        (line, names, headers), *_ = heads(bytes(way.up), re.escape(method))
        self.assertEqual(line, first)
        shown = [text.split(": ", 1) for text in requests()[first]]
        self.assertEqual(names, [name for name, _ in shown])
        for name, value in shown:
            if value != "…" and name != "Host":
                self.assertEqual(headers[name], value)

    def test_requests(self):
        self.go(tls=True)
        device, = self.ways(rb"GET /device")
        source, = self.ways(rb"GET /tunnel\?local-proxy-mode=source")
        destination, = self.ways(rb"GET /tunnel\?local-proxy-mode=destination")
        asked = requests()
        self.assertEqual(len(asked), 4)
        for way, word in ((device, "GET /device"), (source, "POST"), (source, "mode=source"),
                          (destination, "mode=destination")):
            first, = [line for line in asked if word in line]
            self.assert_asked(first, way)
        # What the device says: its name and the join token; what the gateway says: names and host.
        said = b"".join(text for code, text in frames(device.up) if code == BINARY)
        for word in (DEVICE.encode(), (self.dir / "join").read_text().strip().encode()):
            self.assertIn(word, said)
        self.assertIn(f'"device":"{DEVICE}","service":"{SERVICE}","reason":"tunnel-gateway on '
                      f'{os.uname().nodename}"'.encode(), source.up)
        for secret in (KEY.secret.encode(), b"PRIVATE"):
            self.assertFalse([way for way in self.proxy.ways if secret in way.up])
        # Whatever else is asked is on the page, too.
        rest = {line for way in self.proxy.ways for line, _, _ in heads(bytes(way.up), rb"(?:GET|POST) ")}
        self.assertLessEqual(rest - set(asked), {"GET /healthz HTTP/1.1"})

    def test_what_the_hub_sees(self):
        """The data of a service that has no encryption of its own, the name, and the client."""
        self.go(tls=True)
        way, = self.ways(rb"GET /tunnel\?local-proxy-mode=destination")
        wait_until(lambda: SAID in b"".join(t for _, t in frames(way.up)), "the answer")
        told = b"".join(text for _, text in frames(way.down))
        for word in (b"GET /name HTTP/1.1", f"{SERVICE}.{DEVICE}.tunnel".encode(), b"127.0.0.1:"):
            self.assertIn(word, told)

    # ---- who connects to whom ----

    def test_names_that_are_looked_up(self):
        code, output = run_page(NAMES)
        self.assertEqual(code, 0, output)

    def test_connections(self):
        port = self.go()
        hub = {self.the_hub.port, self.the_hub.ops_port}
        self.assertLessEqual({local for local, _ in connections(self.the_hub.pid)}, hub)
        self.assertTrue(list(connections(self.the_hub.pid)))
        for program, may in ((self.the_agent, {self.proxy.port, self.web.port}),
                             (self.the_gateway, {self.proxy.port})):
            to = {remote for local, remote in connections(program.pid) if local != port}
            self.assertIn(self.proxy.port, to)
            self.assertLessEqual(to, may)
        listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(f"pid={self.the_agent.pid},", listening)
        self.assertEqual(re.findall(rf"(\S+):(\d+) .*pid={self.the_gateway.pid},", listening),
                         [("127.0.0.1", str(port))])


if __name__ == "__main__":
    unittest.main()
