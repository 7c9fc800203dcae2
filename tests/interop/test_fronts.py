"""A hub behind real fronts that say who the client is, with the configurations and commands of
share/doc/howto/behind-*.md as they stand there: a device enrols, bytes pass its tunnel, and the audit log has
everybody's own address, which nobody can forge."""

import grp
import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import socket
import unittest

import certificates
import fronts
import ops
from api import Api, Key
from harness import Case, mapping, write_secret
from origins import Http, content_hash
from programs import environment, run, wait_until
from sockets import free_port
from sshd import Sshd

PAGES = pathlib.Path(__file__).resolve().parents[2] / "share/doc/howto"
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
APACHE = "/usr/lib/apache2/modules"
CALLER, DEVICE, PERSON, STRANGER = "127.0.0.9", "127.0.0.7", "127.0.0.6", "127.0.0.11"
INSIDE = "DNS:inside.example"  # a hub whose web server has the certificate that others see


def reachable(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Fronts(fronts.AuditFile, Case):
    page = None  # behind-NAME.md

    def setUp(self):
        super().setUp()
        self.shown = certificates.certificate()
        self.ports = {p: free_port() for p in ("443", "8443", "8444", "8080")}
        self.socket = self.dir / "front" / "http.sock"
        self.both = self.dir / "front.pem"
        self.both.write_text(self.shown.cert.read_text())
        write_secret(self.dir / "front.pem.key", self.shown.key.read_text())
        write_secret(self.dir / "front.key", self.shown.key.read_text())
        self.file = self.dir / "audit.log"

    # ---- what stands on the page ----

    def here(self, text):
        """With this test's ports, files and names."""
        owner = f"-o {pwd.getpwuid(os.geteuid()).pw_name} -g {grp.getgrgid(os.getegid()).gr_name}"
        for old, new in (("-o tunnel-hub -g www-data", owner), ("/run/tunnel-hub-front ", f"{self.dir}/front "),
                         ("/run/tunnel-hub-front\n", f"{self.dir}/front\n"), ("/etc/ssl/front.pem", self.both), ("/etc/ssl/front.key", self.dir / "front.key"),
                         ("/run/tunnel-hub-front/http.sock", self.socket), ("hub.example", "localhost"),
                         ("0.0.0.0:443", "127.0.0.1:8443"), ("10.0.1.0/24", "127.0.0.1")):
            text = text.replace(old, str(new))
        for old, new in self.ports.items():
            text = re.sub(rf"(?<![\w.]){old}\b", str(new), text)
        return text

    def blocks(self, language):
        text = (PAGES / f"behind-{self.page}.md").read_text()
        return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)

    def config(self, language, before="", after="", change=()):
        (text,) = self.blocks(language)
        for old, new in change:
            self.assertIn(old, text)
            text = text.replace(old, new)
        file = self.dir / f"{language}.conf"
        file.write_text(before + self.here(text) + after)
        return file

    def lines(self, program, having=""):
        """The commands of the page that begin with this program, and have this text."""
        found = [self.here(line + "\n").strip() for text in self.blocks("sh")
                 for line in text.replace("\\\n", "").splitlines()
                 if line.startswith(program + " ") and having in line]
        self.assertTrue(found, f"no {program} with {having} on the page")
        return found

    # ---- what runs ----

    def begin(self, having, *more, **cert):
        """The hub as the page starts it; then the front is to be started."""
        cert = certificates.certificate(**cert)
        shutil.copy(cert.cert, self.dir / "hub.pem")
        shutil.copy(cert.key, self.dir / "hub.key")
        self.keys_file(KEY.section()).rename(self.dir / "keys.ini")
        words = shlex.split(self.lines("tunnel-hub", having)[0])[1:]
        if "--listen" not in words:
            words += ["--listen", f"127.0.0.1:{self.ports['8443']}"]
        hub = self.start(self.program("tunnel-hub"), *words, *more, "--ops-listen", "127.0.0.1:0",
                         "-v", "4", name="tunnel-hub")
        self.the_hub = self.take_hub(hub)
        return hub

    def front(self, *argv, port="443"):
        """A front in the foreground, until it listens."""
        if not shutil.which(argv[0]):
            self.fail(f"{argv[0]} is not installed (scripts/setup --tests)")
        program = self.start(*argv, ends=(0, -15, 143))
        wait_until(lambda: reachable(self.ports[port]) or not program.alive(), "it listens")
        self.assertTrue(program.alive(), program.output())
        return program

    def way_from(self, source):
        """A port that leads to the front, for programs that then come from that address."""
        port = free_port()
        self.start("socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr",
                   f"TCP:127.0.0.1:{self.ports['443']},bind={source}", ends=(0, -15, 143))
        wait_until(lambda: reachable(port), "socat listens")
        return f"localhost:{port}"

    # ---- what is to be seen ----

    def calls(self, headers=(), status=200):
        """A signed call from CALLER; the client that the audit log then has."""
        before = len(self.records("call"))
        sock = fronts.tls(int(self.ports["443"]), b"", CALLER, name="localhost")
        got, text = fronts.list_tunnels(sock, f"localhost:{self.ports['443']}", KEY, headers)
        self.assertEqual(got, status, text)
        return wait_until(lambda: self.records("call")[before:], "the call is in the audit log")[0]["client"]

    def check(self, port=True, ssh=False):
        """port: the front tells the clients' ports, too."""
        end = r":[1-9]\d*$" if port else ":0$"
        self.assertRegex(self.calls(), CALLER + end)
        for forged in ({"X-Forwarded-For": "192.0.2.99"}, {"Forwarded": "for=192.0.2.99"},
                       {"X-Forwarded-For": "192.0.2.99, 127.0.0.1", "Forwarded": "for=192.0.2.98"}):
            self.assertRegex(self.calls(forged), CALLER + end)
        self.check_tunnel(end, ssh)
        self.assert_unreported()

    def assert_unreported(self):
        """Nobody was refused but reachable(), through the front."""
        looks = "closed by the other side during the TLS handshake", "connection reset"
        self.assertFalse([r for r in self.records("refuse")
                          if r["reason"] not in looks or r["status"] != 0 or r["channel"]])

    def check_tunnel(self, end, ssh):
        service = Sshd(self, self.dir) if ssh else self.origin(Http())
        api = Api(int(self.ports["443"]), KEY, host="localhost")
        agent = self.start(
            self.program("tunnel-agent"), "-e", self.way_from(DEVICE), "--ca", self.shown.ca, "-v", "5",
            "--state-dir", self.dir / "agent", "--device", "press7", "-d", mapping({"IT1": service}),
            env=environment(XDG_RUNTIME_DIR=self.dir, TUNNEL_JOIN_TOKEN=api.of_hub(
                "CreateInvitation", names=["press7"])["joinToken"]))
        agent.wait_line("is enrolled, and stands by")
        answer = api.open(["IT1"], thing="press7")
        source = write_secret(self.dir / "source", answer["sourceAccessToken"] + "\n")
        gateway = self.start(self.program("tunnel-gateway"), "-e", self.way_from(PERSON), "--ca",
                             self.shown.ca, "--token-file", source, "--listen", "127.0.0.1:0", "-v", "5")
        gateway.port = int(gateway.wait_line(r"Listening on \S+:(\d+)")[1])
        gateway.wait_line("is up, with")
        if ssh:
            self.check_ssh(service, gateway)
        else:
            done = run("curl", "-sS", "-x", f"socks5h://127.0.0.1:{gateway.port}",
                       "http://it1.tunnel/bytes/1000000")
            self.assertEqual(done.code, 0, done)
        for side, address in (("source", PERSON), ("destination", DEVICE)):
            record = self.wait_record("connect", side=side, tunnel=answer["tunnelId"])
            self.assertRegex(record["client"], address + end)
        api.close_tunnel(answer["tunnelId"])
        agent.terminate()
        self.assert_alive(self.the_hub)

    def check_ssh(self, sshd, gateway):
        done = run("ssh", "-F", "none", "-i", sshd.dir / "client", "-o", "StrictHostKeyChecking=no",
                   "-o", f"UserKnownHostsFile={self.dir}/known", "-o",
                   f"ProxyCommand=nc -X 5 -x 127.0.0.1:{gateway.port} %h %p", "it1.tunnel", "echo hello")
        self.assertEqual((done.code, done.text.strip().splitlines()[-1:]), (0, ["hello"]), done)

    def check_strangers(self, port):
        """Whoever comes to the hub itself and forges a header is refused; so is a front's port without one."""
        mark = self.the_hub.mark()
        for header in (fronts.v1("192.0.2.99:5"), fronts.v2("192.0.2.99:5")):
            with fronts.dial(port, STRANGER) as sock:
                sock.sendall(header + b"\x16\x03\x01")
                self.assertTrue(fronts.is_over(sock))
        self.the_hub.wait_line(f"{STRANGER}.*its address is not in --trust-proxy", after=mark)
        self.assertFalse([r for r in self.records("call") if "192.0.2." in r["client"]])


class Nginx(Fronts):
    page = "nginx"

    def nginx(self, language, http=False, **more):
        top = (f"daemon off;\nmaster_process off;\npid {self.dir}/pid;\nerror_log stderr;\n"
               "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nevents {}\n")
        temp = "".join(f"{kind}_temp_path {self.dir}/{kind};\n" for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = self.config(language, top + (f"http {{\naccess_log off;\n{temp}" if http else ""),
                           "}\n" if http else "", **more)
        self.front("/usr/sbin/nginx", "-p", self.dir, "-e", "stderr", "-c", file)

    def test_tcp(self):
        self.begin("--trust-proxy")
        self.nginx("nginx-stream")
        self.check(ssh=True)
        self.check_strangers(int(self.ports["8443"]))

    def check_as_told(self):
        """"Does it work?" of the page."""
        env = environment(AWS_CA_BUNDLE=self.shown.ca, AWS_ACCESS_KEY_ID=KEY.id, HOME=self.dir,
                          AWS_SECRET_ACCESS_KEY=KEY.secret, PATH=f"{self.bin}:{os.environ['PATH']}")
        done = run("sh", "-e", "-c", "\n".join(self.lines("tunnelctl") + self.lines("tail")),
                   cwd=self.dir, env=env)
        self.assertEqual(done.code, 0, done)
        json.loads(done.text.splitlines()[-1])  # of the call, or of reachable(), which was later
        last = self.records("call")[-1]
        self.assertEqual((last["operation"], last["client"]), ("ListTunnels", "127.0.0.1:0"))

    def test_by_name(self):
        self.begin("--trust-proxy")
        self.nginx("nginx-preread")
        self.assertRegex(self.calls(), CALLER + ":[1-9]")

    def test_http(self):
        self.begin("--listen-plain 127.0.0.1", names=INSIDE)
        self.nginx("nginx", http=True)
        self.check(port=False)
        self.check_as_told()
        self.check_strangers(int(self.ports["8080"]))

    def test_http_to_a_unix_socket(self):
        (install,) = self.lines("install")
        self.assertEqual(run("sh", "-c", install).code, 0)
        self.begin("http.sock", names=INSIDE)
        self.nginx("nginx", http=True, change=[
            ("http://127.0.0.1:8080;", "http://unix:/run/tunnel-hub-front/http.sock;")])
        self.check(port=False)

    def test_a_client_that_is_kept_in_front(self):
        self.begin("--listen-plain 127.0.0.1", names=INSIDE)
        self.nginx("nginx", http=True, change=[
            ("X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for")])
        self.assertEqual(self.calls({"X-Forwarded-For": "192.0.2.99"}), f"{CALLER}:0")

    def test_a_front_that_tells_nothing(self):
        """Then the client is believed what it says: the page warns of it."""
        self.begin("--listen-plain 127.0.0.1", names=INSIDE)
        self.nginx("nginx", http=True, change=[
            ("        proxy_set_header X-Forwarded-For $remote_addr;\n", "")])
        self.assertRegex(self.calls(), r"127\.0\.0\.1:[1-9]")
        self.assertEqual(self.calls({"X-Forwarded-For": "192.0.2.99"}), "192.0.2.99:0")


class Haproxy(Fronts):
    page = "haproxy"

    def haproxy(self, language, **more):
        self.front("/usr/sbin/haproxy", "-db", "-f", self.config(language, **more))

    def check_tcp(self, version):
        self.begin("--trust-proxy")
        self.haproxy("haproxy-tcp", change=[("send-proxy-v2", version)])
        self.check()
        self.check_strangers(int(self.ports["8443"]))

    def test_tcp(self):
        self.check_tcp("send-proxy-v2")

    def test_tcp_v1(self):
        self.check_tcp("send-proxy")

    def check_checks(self, version):
        hub = self.begin("--trust-proxy")
        self.haproxy("haproxy-tcp", change=[("send-proxy-v2 check", f"{version} check inter 50ms")])
        wait_until(lambda: ops.metrics(hub)["tunnel_hub_accepted_total"] > 50, "fifty checks")
        self.assertRegex(self.calls(), CALLER + ":[1-9]")
        self.assertLessEqual(len(self.records("refuse")), 2)  # looks
        self.assert_unreported()
        wait_until(lambda: ops.metrics(hub)["tunnel_hub_pending_connections"] < 3, "they are gone")

    def test_checks(self):
        """They leave no line."""
        self.check_checks("send-proxy-v2")

    def test_checks_v1(self):
        self.check_checks("send-proxy")

    def test_http(self):
        self.begin("--listen-plain 127.0.0.1", names=INSIDE)
        self.haproxy("haproxy")
        self.check(port=False)

    def test_http_with_a_proxy_header(self):
        self.begin("--listen-plain 127.0.0.1", "--trust-proxy", "127.0.0.1", names=INSIDE)
        self.haproxy("haproxy", change=[("127.0.0.1:8080", "127.0.0.1:8080 send-proxy-v2")])
        self.check()


class Caddy(Fronts):
    page = "caddy"

    def caddy(self, **more):
        file = self.config("caddy", "{\nadmin off\nauto_https off\nstorage file_system "
                           f"{self.dir}/caddy\n}}\n", **more)
        self.front("/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", file)

    def test_http(self):
        self.begin("--listen-plain 127.0.0.1", names=INSIDE)
        self.caddy()
        self.check(port=False)

    def test_http_to_a_unix_socket(self):
        self.socket.parent.mkdir()
        self.begin("--listen-plain 127.0.0.1", "--listen-plain", self.socket, names=INSIDE)
        self.caddy(change=[("127.0.0.1:8080", "unix//run/tunnel-hub-front/http.sock")])
        self.check(port=False)


class Apache(Fronts):
    page = "apache"

    def apache(self, **more):
        modules = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http", "ssl", "socache_shmcb",
                   "reqtimeout")
        file = self.config("apache", "".join(f"LoadModule {m}_module {APACHE}/mod_{m}.so\n"
                                             for m in modules)
                           + f"Listen {self.ports['443']}\nServerRoot {self.dir}\n"
                           f"PidFile {self.dir}/pid\nDefaultRuntimeDir {self.dir}\n"
                           "ErrorLog /dev/stderr\nServerName localhost\n"
                           f"Mutex file:{self.dir} default\n", **more)
        self.front("/usr/sbin/apache2", "-X", "-f", file)

    def test_http(self):
        self.begin("--listen-plain 127.0.0.1", names=INSIDE)
        self.apache()
        self.check(port=False)

    def test_http_to_a_unix_socket(self):
        self.socket.parent.mkdir()
        self.begin("--listen-plain 127.0.0.1", "--listen-plain", self.socket, names=INSIDE)
        self.apache(change=[("ProxyPass / http://127.0.0.1:8080/",
                             "ProxyPass / unix:/run/tunnel-hub-front/http.sock|http://hub/")])
        self.check(port=False)


class Balancer(Fronts):
    page = "tcp-balancer"

    def test_its_command(self):
        hub = self.begin("--trust-proxy")
        self.ports["443"] = self.ports["8443"]
        with fronts.tls(int(self.ports["443"]), fronts.v2("192.0.2.7:4711"), "127.0.0.1") as sock:
            status, _ = fronts.list_tunnels(sock, f"localhost:{self.ports['443']}", KEY)
        self.assertEqual(status, 200)
        self.wait_record("call", client="192.0.2.7:4711")
        with fronts.dial(int(self.ports["443"])) as sock:
            sock.sendall(b"\x16\x03\x01")
            self.assertTrue(fronts.is_over(sock))
        hub.wait_line(r'refused client=127\.0\.0\.1:\d+ reason="it does not begin with a PROXY header"')


if __name__ == "__main__":
    unittest.main()
