"""Certificates that renew themselves, as share/doc/howto/certificates.md has it: certbot's commands of that
page with pebble as the authority; a hub under load and a device that stands by notice nothing."""

import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import unittest
import urllib.request

import certificates
import fronts
from api import Api, Key
from harness import Case, mapping, write_secret
from origins import Echo
from programs import environment, run, wait_until
from sockets import free_port, read_exactly, socks5

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "share/doc/howto/certificates.md"
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NAME = "hub.localhost"  # the page's hub.example; such names lead here without DNS (RFC 6761)


def reachable(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Acme(Case):
    def setUp(self):
        super().setUp()
        for program in ("certbot", "pebble", "pebble-challtestsrv", "/usr/sbin/nginx"):
            if not shutil.which(program):
                self.fail(f"{program} is not installed (scripts/setup --tests)")
        self.http, self.acme, self.https = free_port(), free_port(), free_port()
        self.authority = self.start_authority()
        (self.dir / "etc").mkdir(mode=0o750)
        (self.dir / "bin").mkdir()
        self.pem = self.dir / "etc/hub.pem"

    # ---- the authority ----

    def start_authority(self):
        """pebble, which asks its own DNS server; every name leads to this machine. Its root, PEM."""
        dns, management, control = free_port(), free_port(), free_port()
        own = certificates.certificate()
        config = self.dir / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.acme}", "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(own.cert), "privateKey": str(own.key), "httpPort": self.http,
            "tlsPort": self.http, "ocspResponderURL": "", "externalAccountBindingRequired": False}}))
        self.start("pebble-challtestsrv", "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-dns01",
                   f"127.0.0.1:{dns}", "-http01", "", "-https01", "", "-tlsalpn01", "", "-management",
                   f"127.0.0.1:{control}", ends=(0, -15, 2))
        wait_until(lambda: reachable(control), "the DNS server")
        # Nonces are not refused, and nothing sleeps: those are pebble's ways to try clients.
        self.start("pebble", "-config", config, "-dnsserver", f"127.0.0.1:{dns}", ends=(0, -15, 2),
                   env=environment(PEBBLE_VA_NOSLEEP=1, PEBBLE_WFE_NONCEREJECT=0, PEBBLE_AUTHZREUSE=0))
        wait_until(lambda: reachable(management), "pebble")
        with urllib.request.urlopen(f"https://127.0.0.1:{management}/roots/0",
                                    context=certificates.trust()) as answer:
            root = self.dir / "root.pem"
            root.write_bytes(answer.read())
        return root

    # ---- the page's commands ----

    def command(self, begin):
        """The page's command that begins so, with this test's folders, server and ports."""
        text = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.M | re.S)).replace("\\\n", "")
        (line,) = [line for line in text.splitlines() if line.startswith(begin)]
        for old, new in (("/etc/tunnel-hub", self.dir / "etc"), ("/usr/local/sbin", self.dir / "bin"),
                         ("/var/www/html", self.dir / "www"), ("hub.example", NAME)):
            line = line.replace(old, str(new))
        if not begin.startswith("certbot"):
            return line
        # `renew` goes by what was noted with the certificate
        where = f"--config-dir {self.dir}/le --work-dir {self.dir}/work --logs-dir {self.dir}/logs"
        if "renew" in begin:  # without a terminal it would wait for up to eight minutes before
            where += " --no-random-sleep-on-renew"
        if "certonly" in begin:
            where += f" --server https://localhost:{self.acme}/dir --http-01-port {self.http}"
            where += " --http-01-address 127.0.0.1" if "--standalone" in begin else ""
        return f"{line} {where}"

    def run_page(self, begin):
        env = environment(REQUESTS_CA_BUNDLE=certificates.certificate().ca, TUNNEL_HUB_PEM=self.pem,
                          PATH=f"{self.dir}/fake:{os.environ['PATH']}")
        done = run("sh", "-e", "-c", self.command(begin), cwd=ROOT, env=env)
        self.assertEqual(done.code, 0, done)
        return done

    def fake_systemctl(self, units):
        """units: {name: pid}; a reload is a SIGHUP, as the units have it."""
        (self.dir / "fake").mkdir()
        file = self.dir / "fake/systemctl"
        cases = "\n".join(f"    {name}) kill -HUP {pid} ;;" for name, pid in units.items())
        file.write_text(f"#!/bin/sh\nset -eu\ncase $1 in try-reload-or-restart) shift ;; *) exit 1 ;; esac\n"
                        f"for unit; do\n    case $unit in\n{cases}\n    *) exit 1 ;;\n    esac\ndone\n")
        file.chmod(0o755)

    # ---- the hub ----

    def start_hub(self, *more):
        """With a certificate of the test's own at first."""
        own = certificates.certificate()
        self.pem.write_text(own.cert.read_text() + own.key.read_text())
        self.pem.chmod(0o600)
        hub = self.start(self.program("tunnel-hub"), "--listen", f"127.0.0.1:{free_port()}", "--cert", self.pem,
                         "--key", self.pem, "--state", self.dir / "state", "--keys",
                         self.keys_file(KEY.section()), "--ops-listen", "127.0.0.1:0", "-v", "4", *more,
                         name="tunnel-hub")
        return self.take_hub(hub)

    def serial(self, port):
        """Of the certificate that is shown, which the authority has signed for NAME."""
        context = ssl.create_default_context(cafile=self.authority)
        with fronts.dial(port) as sock, context.wrap_socket(sock, server_hostname=NAME) as tls:
            return tls.getpeercert()["serialNumber"]

    def device(self, port):
        """It comes to NAME, and trusts the authority alone."""
        api = Api(self._hub.port, KEY, verify=False)
        folder = self.dir / "agent"
        folder.mkdir(exist_ok=True)
        more = {}
        if not (folder / "state").exists():
            more["TUNNEL_JOIN_TOKEN"] = api.of_hub("CreateInvitation", names=["press7"])["joinToken"]
        agent = self.start(self.program("tunnel-agent"), "-e", f"{NAME}:{port}", "--ca", self.authority,
                           "-v", "5", "--state-dir", folder / "state", "--device", "press7", "-d",
                           mapping({"ECHO1": self.origin(Echo())}),
                           env=environment(XDG_RUNTIME_DIR=folder, **more))
        agent.wait_line("stands by")
        return agent

    def way(self, port):
        """A tunnel to the device; a connection to its echo."""
        answer = Api(self._hub.port, KEY, verify=False).open(["ECHO1"], thing="press7")
        source = write_secret(self.dir / "source", answer["sourceAccessToken"] + "\n")
        gateway = self.start(self.program("tunnel-gateway"), "-e", f"{NAME}:{port}", "--ca", self.authority,
                             "--token-file", source, "--listen", "127.0.0.1:0", "-v", "5")
        gateway.wait_line("is up, with")
        at = int(gateway.wait_line(r"Listening on \S+:(\d+)")[1])
        sock = socks5(at, "ECHO1.tunnel")
        self.addCleanup(sock.close)
        return gateway, sock

    def assert_echo(self, sock):
        sock.sendall(b"x" * 10000)
        self.assertEqual(read_exactly(sock, 10000), b"x" * 10000)


class Alone(Acme):
    def test_page(self):
        hub = self.start_hub()
        self.fake_systemctl({"tunnel-hub": hub.pid})
        self.run_page("install -m 755")
        mark = hub.mark()
        self.run_page("certbot certonly --standalone")
        hub.wait_line("certificate and key were read again", after=mark)
        first = self.serial(hub.port)
        self.assertEqual(self.pem.stat().st_mode & 0o777, 0o640)
        self.assertEqual(list(self.pem.parent.iterdir()), [self.pem])

        agent = self.device(hub.port)
        gateway, sock = self.way(hub.port)
        self.assert_echo(sock)
        marks = hub.mark(), agent.mark(), gateway.mark()
        self.run_page("certbot renew --force-renewal")
        hub.wait_line("certificate and key were read again", after=marks[0])
        self.assertNotEqual(self.serial(hub.port), first)
        self.assert_echo(sock)
        for program, mark in ((agent, marks[1]), (gateway, marks[2])):
            self.assertFalse(program.has_line("trying again", after=mark))
        self.assertEqual(agent.terminate(), 0)
        self.device(hub.port)


class BehindNginx(Acme):
    def nginx(self, tls):
        """With the page's configuration of behind-nginx.md, or at first with port 80 alone."""
        front = re.search(r"^```nginx\n(.*?)^```$", (PAGE.parent / "behind-nginx.md").read_text(), re.M | re.S)[1]
        live = self.dir / "le/live" / NAME
        for old, new in (("listen 443", f"listen 127.0.0.1:{self.https}"), ("hub.example", NAME),
                         ("/etc/ssl/front.pem", live / "fullchain.pem"), ("/etc/ssl/front.key", live / "privkey.pem"),
                         ("127.0.0.1:8080", f"127.0.0.1:{self.plain}")):
            self.assertIn(old, front)
            front = front.replace(old, str(new))
        temp = "".join(f"{kind}_temp_path {self.dir}/{kind};\n" for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.dir / "nginx.conf").write_text(
            f"daemon off;\npid {self.dir}/pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\naccess_log off;\n{temp}"
            f"server {{ listen 127.0.0.1:{self.http}; root {self.dir}/www; }}\n{front if tls else ''}}}\n")

    def test_page(self):
        (self.dir / "www").mkdir()
        self.dir.chmod(0o755)  # nginx's workers are another user
        own = certificates.certificate()
        front = self.dir / "etc/front.pem"
        shutil.copy(own.cert, front)
        self.plain = free_port()
        hub = self.start_hub("--listen-plain", f"127.0.0.1:{self.plain}", "--front-cert", front)
        self.nginx(False)
        nginx = self.start("/usr/sbin/nginx", "-p", self.dir, "-e", "stderr", "-c", self.dir / "nginx.conf",
                           ends=(0, -15))
        wait_until(lambda: reachable(self.http), "nginx")
        self.fake_systemctl({"tunnel-hub": hub.pid, "nginx": nginx.pid})
        mark = hub.mark()
        self.run_page("certbot certonly --webroot")
        hub.wait_line("certificate and key were read again", after=mark)
        self.nginx(True)
        os.kill(nginx.pid, 1)
        wait_until(lambda: reachable(self.https), "nginx's TLS")
        first = self.serial(self.https)

        agent = self.device(self.https)
        _, sock = self.way(self.https)
        mark = hub.mark()
        self.run_page("certbot renew --force-renewal")
        hub.wait_line("certificate and key were read again", after=mark)
        wait_until(lambda: self.serial(self.https) != first, "nginx shows the new one")
        self.assert_echo(sock)
        self.assertEqual(agent.terminate(), 0)
        self.device(self.https)


if __name__ == "__main__":
    unittest.main()
