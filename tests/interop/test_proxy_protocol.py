"""Services that are told who their client is, by the PROXY protocol: nginx and haproxy, as they are in
Debian, answer with what they have understood."""

import shutil
import socket
import struct
import unittest

import certificates
import store
from api import Api, Key
from harness import Case, Tokens, write_secret
from origins import Origin
from programs import run, wait_until
from sockets import free_port, read_exactly, socks5

CLIENT = "127.0.0.9"  # nobody else is there


def listens(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
            return True
    except OSError:
        return False


class Servers(Case):
    def serve(self, port, *argv):
        if not shutil.which(argv[0]):
            self.fail(f"{argv[0]} is not installed (scripts/setup --tests)")
        program = self.start(*argv, ends=(0, -15, 143))
        wait_until(lambda: listens(port) or not program.alive(), "it listens")
        self.assertTrue(program.alive(), program.output())
        return program

    def nginx(self, tls=False):
        """Its answer: the header's client, who it takes for the client, the header's server."""
        port, tls = free_port(), "ssl" if tls else ""
        cert = certificates.certificate()
        v6 = f"listen [::1]:{port} {tls} proxy_protocol;" if has_v6() else ""
        temp = "".join(f"{kind}_temp_path {self.dir}/{kind};\n"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = self.dir / f"nginx{port}.conf"
        file.write_text(f"""daemon off; master_process off; pid {self.dir}/pid{port};
error_log stderr;
events {{}}
http {{
    {temp}
    log_format who "from $remote_addr:$remote_port";
    access_log /dev/stdout who;
    set_real_ip_from 127.0.0.0/8;
    set_real_ip_from ::1;
    real_ip_header proxy_protocol;
    server {{
        listen 127.0.0.1:{port} {tls} proxy_protocol;
        {v6}
        ssl_certificate {cert.cert};
        ssl_certificate_key {cert.key};
        location / {{
            return 200 "$proxy_protocol_addr $proxy_protocol_port $remote_addr $proxy_protocol_server_addr $proxy_protocol_server_port";
        }}
    }}
}}
""")
        server = self.serve(port, "/usr/sbin/nginx", "-p", self.dir, "-e", "stderr", "-c", file)
        server.port = port
        return server

    def haproxy(self):
        """Its answer: who it takes for the client and for the server, and the authority."""
        port = free_port()
        file = self.dir / "haproxy.conf"
        file.write_text(f"""defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 60s
frontend web
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority]"
""")
        server = self.serve(port, "/usr/sbin/haproxy", "-db", "-f", file)
        server.port = port
        return server

    def ask(self, way, *more, name="web1.tunnel", scheme="http", proxy=None):
        """curl from CLIENT: what was answered, and the port that it came from."""
        done = run("curl", "-sS", "--interface", CLIENT, "-x", proxy or f"socks5h://{way.proxy}",
                   "--max-time", "60", "-w", "\n%{local_port}", *more, f"{scheme}://{name}/")
        self.assertEqual(done.code, 0, done)
        return done.text.rsplit("\n", 1)


class ProxyProtocol(Servers):
    def test_nginx(self):
        server = self.nginx()
        for version in ("v1", "v2"):
            for host in ("127.0.0.1", *(["[::1]"] if has_v6() else [])):
                with self.subTest(version, host=host):
                    way = self.open_way({"WEB1": f"{host}:{server.port},proxy={version}"})
                    mark = server.mark()
                    text, port = self.ask(way)
                    self.assertEqual(text, f"{CLIENT} {port} {CLIENT} 127.0.0.1 {server.port}")
                    server.wait_line(f"^from {CLIENT}:{port}$", after=mark)
                    text, port = self.ask(way, proxy=f"http://{way.proxy}")
                    self.assertEqual(text, f"{CLIENT} {port} {CLIENT} 127.0.0.1 {server.port}")

    def test_haproxy(self):
        server = self.haproxy()
        for version, authority in (("v1", ""), ("v2", "WEB1.Tunnel")):
            with self.subTest(version):
                way = self.open_way({"WEB1": f"127.0.0.1:{server.port},proxy={version}"})
                text, port = self.ask(way, name="WEB1.Tunnel")
                self.assertEqual(text.rstrip(" -"),
                                 f"{CLIENT} {port} 127.0.0.1 {server.port} {authority}".rstrip())

    @unittest.skipUnless(has_v6(), "there is no IPv6 here")
    def test_a_client_of_ipv6(self):
        server = self.nginx()
        for version in ("v1", "v2"):
            with self.subTest(version):
                way = self.open_way({"WEB1": f"127.0.0.1:{server.port},proxy={version}"},
                                    gateway=("--listen", "[::1]:0"))
                port = way.gateway.wait_line(r"Listening on \[::1\]:(\d+)")[1]
                done = run("curl", "-sS", "-g", "-x", f"socks5h://[::1]:{port}", "-w",
                           "\n%{local_port}", "http://web1.tunnel/")
                text, port = done.text.rsplit("\n", 1)
                self.assertEqual(text, f"::1 {port} ::1 ::ffff:7f00:1 {server.port}"
                                 if version == "v1" else
                                 f"::1 {port} ::1 ::ffff:127.0.0.1 {server.port}")

    def test_tls_and_a_long_name(self):
        """nginx 1.22 looks at 107 bytes in front of TLS, so the header must not be longer."""
        server = self.nginx(tls=True)
        name = "web" + "-" * 50 + "1"
        for version in ("v1", "v2"):
            with self.subTest(version):
                way = self.open_way({name: f"127.0.0.1:{server.port},proxy={version}"})
                text, port = self.ask(way, "-k", scheme="https", name=f"{name}.tunnel")
                self.assertEqual(text, f"{CLIENT} {port} {CLIENT} 127.0.0.1 {server.port}")

    def test_nobody_knows_the_client(self):
        """The service sees the agent, as without a header."""
        nginx, haproxy = self.nginx(), self.haproxy()
        for version in ("v1", "v2"):
            services = {"WEB1": f"127.0.0.1:{nginx.port},proxy={version}",
                        "WEB2": f"127.0.0.1:{haproxy.port},proxy={version}"}
            for more in (("-y", "V3"), ("--hide-clients",)):
                with self.subTest(version, more=more):
                    way = self.open_way(services, gateway=more)
                    self.assertEqual(self.ask(way)[0], "  127.0.0.1  ")
                    self.assertRegex(self.ask(way, name="web2.tunnel")[0],
                                     rf"^127\.0\.0\.1 \d+ 127\.0\.0\.1 {haproxy.port} -?$")
            with self.subTest(version, more="unix socket"):
                tokens = self.tunnel(services)
                self.agent(way.hub, tokens, services)
                path = self.dir / f"gateway.{version}"
                self.gateway(way.hub, tokens, listen=str(path))
                done = run("curl", "-sS", "-x", f"socks5h://localhost{path}", "http://web1.tunnel/")
                self.assertEqual(done.text, "  127.0.0.1  ", done)

    def test_a_list_of_hosts(self):
        server = self.nginx()
        way = self.open_way({"NET": f"127.0.0.1:{server.port},1,proxy=v2"})
        text, port = self.ask(way, name=f"127-0-0-1--{server.port}.NET.tunnel")
        self.assertEqual(text, f"{CLIENT} {port} {CLIENT} 127.0.0.1 {server.port}")


class Keeps(Origin):
    """Keeps the version 2 header of each client, and sends back what follows."""

    def __init__(self):
        self.headers = []
        super().__init__()

    def serve(self, connection):
        head = read_exactly(connection, 16)
        self.headers.append(head + read_exactly(connection, struct.unpack(">H", head[14:])[0]))
        while data := connection.recv(65536):
            connection.sendall(data)


class Bytes(Servers):
    def test_who_opened_the_tunnel(self):
        """A device that stands by is told it with the notice."""
        key, join = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), "join_" + "A" * 43
        service = self.origin(Keeps())
        self.hub().terminate()
        store.invite(self.dir / "state", join, ["plant7-*"])
        hub = self.hub("--keys", self.keys_file(key.section()), unsigned=False)
        agent = self.start(self.program("tunnel-agent"), "-e", f"localhost:{hub.port}",
                           "--ca", certificates.certificate().ca, "--device", "plant7-press",
                           "--join-token-file", write_secret(self.dir / "join", join + "\n"),
                           "--state-dir", self.dir / "agent", "-d", f"SSH1={service.address},proxy=v2",
                           "-v", "5")
        agent.wait_line('device "plant7-press" is enrolled')
        with Api(hub.port, key, host="localhost") as api:
            opened = api.open(["SSH1"], thing="plant7-press")
        tokens = Tokens(self.dir / "source", self.dir / "destination")
        tokens.take(opened)
        gateway = self.gateway(hub, tokens)
        gateway.wait_line("a native end is on the other side")
        with socks5(gateway.port, "ssh1.tunnel") as sock:
            sock.sendall(b"hello")
            self.assertEqual(read_exactly(sock, 5), b"hello")
        self.assertEqual(service.headers[0][28:], b"\xe0\0\x0bAKIDEXAMPLE\x02\0\x0bssh1.tunnel")
        self.assert_alive(agent)

    def test_what_comes_behind_it(self):
        """The header is first, whole and once, whatever the client sends and when."""
        service = self.origin(Keeps())
        way = self.open_way({"SSH1": f"{service.address},proxy=v2"})
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", way.port), 60,
                                          source_address=(CLIENT, 0)) as sock:
                port = sock.getsockname()[1]
                sock.sendall(b"\5\1\0\5\1\0\3\x0bssh1.tunnel\0\x16hello")  # without waiting
                self.assertEqual(read_exactly(sock, 2 + 10 + 5)[-5:], b"hello")
        head = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12 + 3 + 11)
        head += socket.inet_aton(CLIENT) + socket.inet_aton("127.0.0.1")
        head += struct.pack(">HH", port, service.port) + b"\x02\0\x0bssh1.tunnel"
        self.assertEqual((len(service.headers), service.headers[-1]), (3, head))


if __name__ == "__main__":
    unittest.main()
