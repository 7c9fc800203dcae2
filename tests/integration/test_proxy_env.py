"""A web proxy between our programs and the hub, from the environment or an option."""

import base64
import hashlib
import re
import socket
import ssl
import threading
import unittest

import certificates
from harness import Case
from origins import Http, Origin
from programs import environment, run
from sockets import Shared, free_port, read_exactly, read_head


class WebProxy(Origin):
    """Answers CONNECT; .heads are the requests. `tls`: the way to it is TLS, too."""

    def __init__(self, login=None, tls=False, status=None):
        self.heads = []
        self.login = login and "Basic " + base64.b64encode(login.encode()).decode()
        self.status = status
        self.context = None
        if tls:
            cert = certificates.certificate()
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(cert.cert, cert.key)
        super().__init__()

    def serve(self, connection):
        if self.context:
            connection = Shared(self.context.wrap_socket(connection, server_side=True))
        head = read_head(connection)
        self.heads.append(head)
        if self.status:
            connection.sendall(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        if self.login and f"proxy-authorization: {self.login}".lower() not in head.lower():
            connection.sendall(b"HTTP/1.1 407 Authentication Required\r\n"
                               b"Proxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = head.split()[1].rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as far:
            # A greeting with odd but legal lines, in two pieces.
            connection.sendall(b"HTTP/1.1 200 Connection est")
            connection.sendall(b"ablished\r\nProxy-Agent: test\r\nX-Empty:\r\n\r\n")
            other = threading.Thread(target=self.pump, args=(far, connection), daemon=True)
            other.start()
            self.pump(connection, far)
            other.join()
        connection.close()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        finally:
            try:
                b.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Strict(WebProxy):
    """Wants what `challenges` say; .good are the requests that were let through."""

    def __init__(self, challenges, algorithm="md5", user="me", password="p@ss"):
        super().__init__()
        self.challenges, self.algorithm = challenges, algorithm
        self.user, self.password = user, password
        self.good = []

    def answer(self, head):
        """The response that a Digest client has to give, by RFC 7616."""
        def digest(*parts):
            return hashlib.new(self.algorithm, ":".join(parts).encode()).hexdigest()
        fields = dict(re.findall(r'(\w+)="?([^",\r]*)', head.partition("Digest ")[2]))
        secret = digest(self.user, fields["realm"], self.password)
        asked = digest("CONNECT", head.split()[1])
        return fields["response"], digest(secret, fields["nonce"], fields["nc"], fields["cnonce"],
                                          fields["qop"], asked)

    def serve(self, connection):
        peeked = connection.recv(8000, socket.MSG_PEEK).decode()
        given = "Proxy-Authorization: Digest " in peeked and self.answer(peeked)
        if given and given[0] == given[1]:
            self.good.append(peeked)
            super().serve(connection)
            return
        self.heads.append(read_head(connection))
        lines = "".join(f"Proxy-Authenticate: {c}\r\n" for c in self.challenges)
        connection.sendall(f"HTTP/1.1 407 Who are you\r\n{lines}Content-Length: 2\r\n"
                           "Connection: close\r\n\r\nno".encode())


class Socks(Origin):
    """A SOCKS5 proxy; .asked are (type, host, port) of its clients."""

    def __init__(self, login=None, code=0, without_v6=""):
        self.asked, self.login, self.code, self.without_v6 = [], login, code, without_v6
        super().__init__()

    def serve(self, connection):
        methods = read_exactly(connection, read_exactly(connection, 2)[1])
        wanted = 2 if self.login else 0
        if wanted not in methods:
            connection.sendall(b"\5\xff")
            return
        connection.sendall(bytes([5, wanted]))
        if self.login:
            user = read_exactly(connection, read_exactly(connection, 2)[1])
            password = read_exactly(connection, read_exactly(connection, 1)[0])
            right = f"{user.decode()}:{password.decode()}" == self.login
            connection.sendall(bytes([1, 0 if right else 1]))
            if not right:
                return
        kind = read_exactly(connection, 4)[3]
        size = {1: 4, 4: 16}.get(kind) or read_exactly(connection, 1)[0]
        host, port = read_exactly(connection, size), read_exactly(connection, 2)
        self.asked.append((kind, host, int.from_bytes(port)))
        if kind == 4 and self.without_v6 == "hangs up":
            return
        connection.sendall(bytes([5, self.code, 0, 1, 0, 0, 0, 0, 0, 0]))
        if self.code or (kind == 4 and self.without_v6 == "says yes"):
            return
        with socket.create_connection(("localhost", int.from_bytes(port))) as far:
            other = threading.Thread(target=WebProxy.pump, args=(far, connection), daemon=True)
            other.start()
            WebProxy.pump(connection, far)
            other.join()


class ReverseProxy(Origin):
    """A server of TLS in front of a hub that leaves the upgrade out, as one does that nobody told of
    WebSocket; without a hub behind it it has a page of its own."""

    def __init__(self, hub_port):
        self.hub_port = hub_port
        cert = certificates.certificate()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert.cert, cert.key)
        super().__init__()

    def serve(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as client:
            head = read_head(client)
            lines = [line for line in head.split("\r\n")
                     if line and not line.lower().startswith(("upgrade:", "connection:"))]
            request = "\r\n".join([*lines, "Connection: close", "", ""]).encode()
            try:
                with socket.create_connection(("localhost", self.hub_port)) as far, \
                        certificates.trust().wrap_socket(far, server_hostname="localhost") as hub:
                    hub.sendall(request)
                    client.sendall(hub.recv(65536).replace(b"channel-id",
                                                           b"Server: nginx\r\nchannel-id"))
                    WebProxy.pump(hub, client)
            except OSError:
                page = b"<html><head><title>502 Bad Gateway</title></head><h1>raw</h1></html>"
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n"
                               b"Content-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)
                               + page)


class ProxyCase(Case):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))
        self.services = {"HTTP1": self.web}
        self.tokens = self.tunnel(self.services)
        self.the_hub = self.hub()
        self.endpoint = f"localhost:{self.the_hub.port}"

    def agent_with(self, *more, up=True, ends=(0,), **variables):
        return self.agent(self.the_hub, self.tokens, self.services, *more, up=up, ends=ends,
                          endpoint=self.endpoint, env=environment(**variables))


class ProxyEnvironment(ProxyCase):
    def test_all_three_clients(self):
        proxy = self.origin(WebProxy())
        url = f"http://{proxy.address}"
        self.agent_with(HTTPS_PROXY=url)
        gateway = self.gateway(self.the_hub, self.tokens, endpoint=self.endpoint,
                               env=environment(https_proxy=url))
        done = run("curl", "-sS", "-x", f"http://127.0.0.1:{gateway.port}",
                   "http://HTTP1.tunnel/bytes/3000000")
        self.assertEqual(len(done.out), 3_000_000, done.err)
        gateway.terminate()
        other = self.tunnel(self.services)
        token = other.source.read_text().strip()
        self.localproxy(self.the_hub, other.source, "-s", f"HTTP1={free_port()}",
                        env=environment(AWSIOT_TUNNEL_ACCESS_TOKEN=token, HTTPS_PROXY=url))
        self.assertEqual(len(proxy.heads), 3)
        for head in proxy.heads:
            self.assertTrue(head.startswith(f"CONNECT {self.endpoint} HTTP/1.1\r\n"), head)
            self.assertIn(f"\r\nHost: {self.endpoint}\r\n", head)
            self.assertNotIn("access-token", head.lower())
            self.assertNotIn("authorization", head.lower())

    def test_without_scheme(self):
        """The reference program cuts two characters off."""
        proxy = self.origin(WebProxy())
        self.agent_with(HTTPS_PROXY=proxy.address)
        self.assertEqual(len(proxy.heads), 1)

    def test_basic(self):
        proxy = self.origin(WebProxy(login="me:p@ss word"))
        agent = self.agent_with(HTTPS_PROXY=f"http://me:p%40ss%20word@{proxy.address}")
        self.assertIn("Host:", proxy.heads[0])
        self.assertNotIn("p@ss", agent.output())
        self.assertNotIn("p%40ss", agent.output())

    def test_login_wrong(self):
        proxy = self.origin(WebProxy(login="me:right"))
        agent = self.agent_with(HTTPS_PROXY=f"http://me:wrong@{proxy.address}", up=False,
                                ends=(1,))
        agent.wait_line("407")
        self.assertEqual(agent.wait(), 1)
        self.assertNotIn("wrong@", agent.output())

    def test_refusal_is_told(self):
        proxy = self.origin(WebProxy(status="403 Not With Me"))
        agent = self.agent_with(HTTPS_PROXY=f"http://{proxy.address}", up=False)
        agent.wait_line("403 Not With Me")

    def test_proxy_not_there(self):
        agent = self.agent_with(HTTPS_PROXY=f"http://127.0.0.1:{free_port()}", up=False)
        agent.wait_line("(?i)proxy.*refused|refused.*proxy")
        self.assertTrue(agent.alive())

    def test_no_proxy(self):
        proxy = self.origin(WebProxy())
        for variable in ("NO_PROXY", "no_proxy"):
            for value in ("localhost", "example.com, localhost", f"localhost:{self.the_hub.port}",
                          "*"):
                with self.subTest(f"{variable}={value}"):
                    agent = self.agent_with(**{"HTTPS_PROXY": f"http://{proxy.address}",
                                               variable: value})
                    agent.terminate()
                    self.tokens = self.tunnel(self.services)
        self.assertEqual(proxy.heads, [])
        self.agent_with(HTTPS_PROXY=f"http://{proxy.address}", NO_PROXY="example.com")
        self.assertEqual(len(proxy.heads), 1)

    def test_option(self):
        proxy = self.origin(WebProxy())
        self.agent_with("--web-proxy", f"http://{proxy.address}")
        self.assertEqual(len(proxy.heads), 1)

    def test_tls_to_the_proxy(self):
        proxy = self.origin(WebProxy(tls=True))
        self.agent_with(HTTPS_PROXY=f"https://localhost:{proxy.port}")
        self.assertEqual(len(proxy.heads), 1)

    def test_other_scheme(self):
        agent = self.agent_with(HTTPS_PROXY="socks4://127.0.0.1:9", up=False, ends=(1,))
        agent.wait_line("scheme that is not spoken here; there are http, https, socks5 and socks5h")
        self.assertEqual(agent.wait(), 1)

    def test_percent_in_a_password(self):
        proxy = self.origin(WebProxy(login="me:100%sure"))
        self.agent_with(HTTPS_PROXY=f"http://me:100%sure@{proxy.address}")
        self.assertEqual(len(proxy.heads), 1)


DIGEST = 'Digest realm="x", qop="auth", nonce="abc/1", opaque="o", algorithm='


class Logins(ProxyCase):
    def test_digest(self):
        for algorithm, name in (("md5", "MD5"), ("sha256", "SHA-256")):
            with self.subTest(name):
                proxy = self.origin(Strict(['Basic realm="x"', DIGEST + name], algorithm))
                agent = self.agent_with(HTTPS_PROXY=f"http://me:p%40ss@{proxy.address}")
                self.assertEqual(len(proxy.good), 1)
                self.assertNotIn("p@ss", agent.output())
                agent.terminate()
                self.tokens = self.tunnel(self.services)

    def refused(self, proxy, login, line):
        agent = self.agent_with(HTTPS_PROXY=f"http://{login}{proxy.address}", up=False, ends=(1,))
        agent.wait_line(line)
        self.assertEqual(agent.wait(), 1)
        self.assertNotIn("p%40ss", agent.output())

    def test_nothing_given(self):
        self.refused(self.origin(Strict([DIGEST + "MD5"])), "",
                     r"it wants a login \(407; Digest\): give user:password in the proxy's URL")

    def test_wrong_password(self):
        proxy = self.origin(Strict([DIGEST + "MD5"], password="other"))
        self.refused(proxy, "me:p%40ss@", r"did not accept user and password \(407; Digest\)")
        self.assertEqual(len(proxy.heads), 2)  # no account is locked by trying on

    def test_only_what_is_not_spoken(self):
        proxy = self.origin(Strict(["Negotiate", "NTLM"]))
        self.refused(proxy, "me:p%40ss@",
                     r"a login by Negotiate, NTLM \(407\); Basic and Digest .* are spoken here")


class SocksProxies(ProxyCase):
    def test_the_proxy_looks_the_name_up(self):
        proxy = self.origin(Socks(login="me:p@ss"))
        self.agent_with(ALL_PROXY=f"socks5h://me:p%40ss@{proxy.address}")
        self.assertEqual(proxy.asked, [(3, b"localhost", self.the_hub.port)])

    def test_the_name_is_looked_up_here(self):
        proxy = self.origin(Socks())
        self.agent_with("--web-proxy", f"socks5://{proxy.address}")
        self.assertEqual(proxy.asked, [(4, b"\0" * 15 + b"\1", self.the_hub.port)])

    def test_the_next_address_is_asked_for(self):
        """Whether the proxy only hangs up, as ssh -D does, or says yes before it knows."""
        for how in ("hangs up", "says yes"):
            with self.subTest(how):
                proxy = self.origin(Socks(without_v6=how))
                agent = self.agent_with(ALL_PROXY=f"socks5://{proxy.address}")
                self.assertEqual([kind for kind, _, _ in proxy.asked], [4, 1])
                agent.terminate()
                self.tokens = self.tunnel(self.services)

    def test_the_control_api(self):
        proxy = self.origin(Socks())
        done = run(self.program("tunnelctl"), "list", "--endpoint", f"hub.example:{self.the_hub.port}",
                   "--ca", certificates.certificate().ca,
                   env=environment(all_proxy=f"socks5h://{proxy.address}",
                                   AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y"))
        self.assertEqual(proxy.asked[:1], [(3, b"hub.example", self.the_hub.port)], done.err)

    def test_refusals(self):
        proxy = self.origin(Socks(code=5))
        agent = self.agent_with(ALL_PROXY=f"socks5h://{proxy.address}", up=False)
        agent.wait_line(f"the proxy {proxy.address}: the connection was refused behind it; trying")
        proxy = self.origin(Socks(login="me:other"))
        agent = self.agent_with(ALL_PROXY=f"socks5h://me:p@{proxy.address}", up=False, ends=(1,))
        agent.wait_line("it did not accept user and password")
        self.assertEqual(agent.wait(), 1)


class InBetween(ProxyCase):
    def test_the_upgrade_is_taken_out(self):
        proxy = self.origin(ReverseProxy(self.the_hub.port))
        self.endpoint = f"localhost:{proxy.port}"
        agent = self.agent_with(up=False)
        agent.wait_line("the WebSocket upgrade did not get through to the hub .*nginx in between")
        self.assertTrue(agent.alive())

    def test_its_own_page(self):
        proxy = self.origin(ReverseProxy(1))
        self.endpoint = f"localhost:{proxy.port}"
        agent = self.agent_with(up=False)
        agent.wait_line(r'HTTP 502 Bad Gateway, from nginx in the hub.s place \(a page with the title '
                        r'"502 Bad Gateway"\); trying again')
        self.assertNotIn("<", agent.output())
        self.assertNotIn("refused", agent.output())


if __name__ == "__main__":
    unittest.main()
