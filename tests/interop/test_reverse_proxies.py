"""A hub behind web servers and proxies that end TLS, with the configurations of
share/doc/behind-a-proxy.md as they stand there."""

import os
import pathlib
import re
import shutil
import socket
import unittest

import certificates
from api import Api, Key
from harness import Case
from origins import Echo
from programs import wait_until
from sockets import free_port, read_exactly, socks5

PAGE = pathlib.Path(__file__).resolve().parents[2] / "share/doc/behind-a-proxy.md"
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
APACHE = "/usr/lib/apache2/modules"
SIZE = 300_000


def reachable(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class ReverseProxies(Case):
    def setUp(self):
        super().setUp()
        self.cert = certificates.certificate()
        self.ports = {"443": free_port(), "8444": free_port(), "6081": free_port()}

    def written(self, name):
        """The page's configuration, with this test's ports, files and names."""
        text = re.search(rf"^```{name}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)[1]
        both = self.dir / "both.pem"
        both.write_text(self.cert.cert.read_text() + self.cert.key.read_text())
        both.chmod(0o600)
        for old, new in (("crt /etc/ssl/hub.pem", f"crt {both}"),
                         ('pem-file = "/etc/ssl/hub.pem"', f'pem-file = "{both}"'),
                         ("/etc/ssl/hub-ca.pem", self.cert.ca), ("/etc/ssl/hub.pem", self.cert.cert),
                         ("/etc/ssl/hub.key", self.cert.key), ("hub.example", "localhost"),
                         ("8443", self.the_hub.port), ("8444", self.ports["8444"]), ("6081", self.ports["6081"])):
            text = text.replace(old, str(new))
        return re.sub(r"(?<![\w.])443\b", f"{self.ports['443']}", text)

    def config(self, name, before="", after=""):
        file = self.dir / f"{name}.conf"
        file.write_text(before + self.written(name) + after)
        return file

    def serve(self, *argv, port="443"):
        """A proxy in the foreground, until it listens."""
        if not shutil.which(argv[0]):
            self.fail(f"{argv[0]} is not installed (scripts/setup --tests)")
        program = self.start(*argv, ends=(0, -15, 143))
        wait_until(lambda: reachable(self.ports[port]) or not program.alive(), "it listens")
        self.assertTrue(program.alive(), program.output())

    def check(self):
        """Both ends of a tunnel, bytes both ways, and a signed call."""
        port = self.ports["443"]
        tokens = self.tunnel(["ECHO1"], name="plant7")
        with Api(port, KEY, host="localhost") as api:
            self.assertIn(tokens.id, [t["tunnelId"] for t in api.list()])
        origin = self.origin(Echo())
        endpoint = f"localhost:{port}"
        agent = self.agent(self.the_hub, tokens, {"ECHO1": origin}, endpoint=endpoint)
        gateway = self.gateway(self.the_hub, tokens, endpoint=endpoint)
        with socks5(gateway.port, "ECHO1.tunnel") as sock:
            data = bytes(range(256)) * (SIZE // 256)
            for at in range(0, len(data), 10_000):
                sock.sendall(data[at:at + 10_000])
                self.assertEqual(read_exactly(sock, len(data[at:at + 10_000])),
                                 data[at:at + 10_000])
        self.assert_alive(agent, gateway)

    def begin(self):
        self.the_hub = self.hub("--keys", self.keys_file(KEY.section()), unsigned=False)
        self.the_hub.api = Api(self.the_hub.port, KEY, host="localhost")

    def test_nginx(self):
        self.begin()
        file = self.config("nginx", f"daemon off;\nmaster_process off;\npid {self.dir}/pid;\n"
                           "error_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
                           + "".join(f"{kind}_temp_path {self.dir}/{kind};\n" for kind in
                                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")), "}\n")
        self.serve("/usr/sbin/nginx", "-p", self.dir, "-e", "stderr", "-c", file)
        self.check()

    def test_haproxy(self):
        self.begin()
        self.serve("/usr/sbin/haproxy", "-db", "-f", self.config("haproxy"))
        self.check()

    def test_apache(self):
        self.begin()
        modules = ("mpm_event", "authz_core", "proxy", "proxy_http", "ssl", "socache_shmcb",
                   "reqtimeout")
        file = self.config("apache", "".join(f"LoadModule {m}_module {APACHE}/mod_{m}.so\n"
                                             for m in modules)
                           + f"Listen {self.ports['443']}\nServerRoot {self.dir}\n"
                           f"PidFile {self.dir}/pid\nDefaultRuntimeDir {self.dir}\n"
                           "ErrorLog /dev/stderr\nServerName localhost\n"
                           f"Mutex file:{self.dir} default\n")
        self.serve("/usr/sbin/apache2", "-X", "-f", file)
        self.check()

    def test_lighttpd(self):
        self.begin()
        self.serve("/usr/bin/stunnel4", self.config("stunnel", "foreground = yes\npid =\n"),
                   port="8444")
        file = self.config("lighttpd", f'server.port = {free_port()}\n'
                           f'server.document-root = "{self.dir}"\n')
        self.serve("/usr/sbin/lighttpd", "-D", "-f", file)
        self.check()

    def test_caddy(self):
        self.begin()
        file = self.config("caddy", "{\nadmin off\nauto_https off\nstorage file_system "
                           f"{self.dir}/caddy\n}}\n")
        self.serve("/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", file)
        self.check()

    @unittest.skipUnless(shutil.which("hitch") and shutil.which("varnishd"),
                         "hitch and varnish are not installed")
    def test_varnish(self):
        self.begin()
        self.serve("/usr/bin/stunnel4", self.config("stunnel", "foreground = yes\npid =\n"),
                   port="8444")
        self.serve("/usr/sbin/varnishd", "-F", "-j", "none", "-n", self.dir / "varnish",
                   "-a", f"127.0.0.1:{self.ports['6081']}", "-f", self.config("vcl"),
                   "-p", "pipe_timeout=90", port="6081")
        self.serve("/usr/sbin/hitch", "--user", "nobody" if os.geteuid() == 0 else "",
                   "--config", self.config("hitch"))
        self.check()

    @unittest.skipUnless(shutil.which("traffic_server"), "trafficserver is not installed")
    def test_trafficserver(self):
        """It refuses to be root, so nobody gets a folder with all that it needs."""
        self.begin()
        user = "nobody" if os.geteuid() == 0 else f"#{os.geteuid()}"
        root = self.dir / "trafficserver"
        places = {"prefix": "/usr", "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin",
                  "includedir": "/usr/include", "libdir": "/usr/lib/trafficserver",
                  "libexecdir": "/usr/lib/trafficserver/modules"}
        for part in ("sysconfdir", "localstatedir", "runtimedir", "logdir", "cachedir", "datadir"):
            places[part] = root / part
            places[part].mkdir(parents=True)
        shutil.copy("/etc/trafficserver/ip_allow.yaml", places["sysconfdir"])  # without it nobody may
        (places["sysconfdir"] / "storage.config").write_text(f"{places['cachedir']} 16M\n")
        (root / "runroot.yaml").write_text("".join(f"{part}: {place}\n" for part, place in places.items()))
        for block, name, before in (
                ("records", "records.config", f"CONFIG proxy.config.admin.user_id STRING {user}\n"
                 "CONFIG proxy.config.exec_thread.autoconfig INT 0\nCONFIG proxy.config.exec_thread.limit INT 2\n"
                 "CONFIG proxy.config.log.logging_enabled INT 0\n"),
                ("remap", "remap.config", ""), ("multicert", "ssl_multicert.config", "")):
            text = self.written(block)
            for file in (self.cert.cert, self.cert.key, self.cert.ca):
                shutil.copy(file, root)
                text = text.replace(str(file), str(root / file.name))
            (places["sysconfdir"] / name).write_text(before + text)
        if user == "nobody":
            self.dir.chmod(0o711)
            for file in (root, *root.rglob("*")):
                shutil.chown(file, user)
        self.serve("/usr/bin/traffic_server", f"--run-root={root}/runroot.yaml")
        self.check()

    def test_squid(self):
        self.begin()
        file = self.config("squid", f"pid_filename {self.dir}/pid\ncache_log /dev/stderr\n"
                           "access_log none\nvisible_hostname localhost\n"
                           f"coredump_dir {self.dir}\npinger_enable off\n"
                           "shutdown_lifetime 0 seconds\n")
        self.serve("/usr/sbin/squid", "-N", "-f", file)
        self.check()


if __name__ == "__main__":
    unittest.main()
