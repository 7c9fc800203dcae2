"""A web proxy between our programs and the hub, from the environment or an option."""

import base64
import socket
import ssl
import threading
import unittest

import certificates
from harness import Case
from origins import Http, Origin
from programs import environment, run
from sockets import read_head


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
            connection = self.context.wrap_socket(connection, server_side=True)
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


class ProxyEnvironment(Case):
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
        self.localproxy(self.the_hub, other.source, "-s", f"HTTP1={self.free_port()}",
                        env=environment(AWSIOT_TUNNEL_ACCESS_TOKEN=token, HTTPS_PROXY=url))
        self.assertEqual(len(proxy.heads), 3)
        for head in proxy.heads:
            self.assertTrue(head.startswith(f"CONNECT {self.endpoint} HTTP/1.1\r\n"), head)
            self.assertIn(f"\r\nHost: {self.endpoint}\r\n", head)
            self.assertNotIn("access-token", head.lower())
            self.assertNotIn("authorization", head.lower())

    def free_port(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

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
        agent = self.agent_with(HTTPS_PROXY=f"http://127.0.0.1:{self.free_port()}", up=False)
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
        agent = self.agent_with(HTTPS_PROXY="socks5://127.0.0.1:9", up=False, ends=(1,))
        self.assertEqual(agent.wait(), 1)


if __name__ == "__main__":
    unittest.main()
