"""The listener for other nodes, and who comes there: nodes with nonsense, and everybody else."""

import pathlib
import shutil
import signal
import socket
import ssl
import struct
import unittest

import certificates
from cluster import ClusterCase, hub_metrics, open_at
from programs import DEADLINE, wait_until
from wire import SUBPROTOCOL, headers_of, read_head

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\0\0\0"


def proxy(client="192.0.2.7", port=4711):
    """A header of version 2 that tells of this client."""
    return (SIGNATURE + b"\x21\x11" + struct.pack(">H", 12) + socket.inet_aton(client)
            + socket.inet_aton("127.0.0.1") + struct.pack(">HH", port, 443))


def upgrade(token, mode, *more):
    return "\r\n".join((f"GET /tunnel?local-proxy-mode={mode} HTTP/1.1", "Host: hub",
                        "Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
                        f"access-token: {token}", *more, "", "")).encode()


def call(operation, body=b"{}"):
    return (f"POST / HTTP/1.1\r\nHost: hub\r\nContent-Type: application/x-amz-json-1.1\r\n"
            f"X-Amz-Target: IoTSecuredTunneling.{operation}\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body


class Listener(ClusterCase):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.node("a"), self.node("b")
        for n in (self.a, self.b):
            self.wait_nodes(n, 2)

    def inner(self, name):
        """The port of that node's --cluster-listen."""
        return self.ports[name][1]

    def come(self, first=b"", ca="cluster", shown="cluster", name="a"):
        """A connection inside TLS."""
        context = ssl.create_default_context(cafile=certificates.certificate(ca=ca).ca)
        if shown:
            proof = certificates.certificate(ca=shown)
            context.load_cert_chain(proof.cert, proof.key)
        raw = socket.create_connection(("127.0.0.1", self.inner(name)), DEADLINE)
        sock = context.wrap_socket(raw, server_hostname="localhost")
        self.addCleanup(sock.close)
        if first:
            sock.sendall(first)
        return sock

    def status(self, sock):
        head, rest = read_head(sock)
        return int(head.split()[1]), head, rest

    def assert_closed(self, sock):
        try:
            self.assertEqual(sock.recv(100), b"")
        except OSError:
            pass

    def test_only_nodes(self):
        """Without a certificate of the cluster nothing is answered, whatever else it shows."""
        self.assert_closed(self.come(LOCAL + call("ListTunnels"), shown=None))
        self.a.wait_line("it has shown no certificate of the cluster")
        failed = 'tunnel_hub_tls_handshakes_total{result="failed"}'
        before = hub_metrics(self.a)[failed]
        with self.assertRaises(OSError):
            self.come(shown="ca")  # that of the hub's clients
        wait_until(lambda: hub_metrics(self.a)[failed] == before + 1, "that was no node")

    def test_no_header(self):
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", SIGNATURE + b"\x31\x11\0\0",
                         SIGNATURE + b"\x21\x11\xff\xff", b"PROXY TCP9 x\r\n"):
            with self.subTest(nonsense):
                self.assert_closed(self.come(nonsense))

    def test_what_a_node_may_call(self):
        """Only what is below /cluster/v1/, and only there."""
        def post(path, body):
            return (f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
                    ).encode() + body
        sock = self.come(LOCAL)
        for path, body, status in (
                ("/cluster/v1/look", b'{"from":"b","looks":[{"kind":"tunnel","id":"x"}]}', 204),
                ("/cluster/v1/look", b'{"from":"b","looks":[{"kind":"new","id":"x"}]}', 204),
                ("/cluster/v1/look", b"nonsense", 400),
                ("/cluster/v1/notice", b"{}", 400),
                ("/cluster/v1/other", b"{}", 404),
                ("/tunnel", b"{}", 404)):
            sock.sendall(post(path, body))
            self.assertEqual(self.status(sock)[0], status, path)
        sock.sendall(call("ListTunnels"))
        self.assertEqual(self.status(sock)[0], 404)
        answer = self.a.api.send({"host": "a", "content-length": "2"}, b"{}", "/cluster/v1/look")
        self.assertEqual(answer.status, 404)

    def test_a_client_that_was_passed_on(self):
        """It is who the node says, not of this machine, and is not passed on again."""
        sock = self.come(proxy("127.0.0.1") + call("ListTunnels"))
        status, head, _ = self.status(sock)
        self.assertEqual(status, 403, head)  # --allow-unsigned-loopback is not for it
        self.assertEqual(headers_of(head).get("connection"), "close")
        tokens = open_at(self.a.api, self.dir, ["SSH1"])
        self.end("tunnel-gateway", self.b, tokens.source, "--listen", "127.0.0.1:0").wait_line(
            "Successfully established")
        destination = pathlib.Path(tokens.destination).read_text().strip()
        sock = self.come(proxy() + upgrade(destination, "destination"))
        status, head, rest = self.status(sock)
        self.assertEqual(status, 503, head)
        sock = self.come(proxy() + upgrade(destination, "destination"), name="b")
        self.assertEqual(self.status(sock)[0], 101)
        wait_until(lambda: '"client":"192.0.2.7:4711"' in self.audit("b"), "its address is told")

    def test_a_name_that_a_client_makes_up(self):
        """Only a node is believed which device has shown its certificate."""
        devices = certificates.authority("devices") / "ca.pem"
        for n in ("a", "b"):
            self.nodes[n].terminate()
        a, b = [self.node(n, "--device-ca", devices) for n in ("a", "b")]
        for n in (a, b):
            self.wait_nodes(n, 2)
        tokens = open_at(a.api, self.dir, ["SSH1"], thing="plant7")
        token = pathlib.Path(tokens.destination).read_text().strip()
        request = upgrade(token, "destination", "tunnel-certified: plant7")
        context = certificates.trust(verify=False)
        raw = socket.create_connection(("127.0.0.1", a.port), DEADLINE)
        with context.wrap_socket(raw, server_hostname="localhost") as sock:
            sock.sendall(request)
            self.assertEqual(self.status(sock)[0], 403)
        # Passed on by a node with that name, it is let in.
        self.assertEqual(self.status(self.come(proxy() + request))[0], 101)

    def test_new_keys(self):
        """At SIGHUP nodes take another authority, and nobody is disconnected."""
        for n in list(self.nodes.values()):
            n.terminate()
        self.proof = certificates.Certificate(*(self.dir / n for n in ("cert", "key", "ca")))

        def lay(ca):
            for name in ("cert", "key", "ca"):
                shutil.copy(getattr(certificates.certificate(ca=ca), name),
                            getattr(self.proof, name))
        lay("cluster")
        a, b = [self.node(n, announce=False) for n in ("a", "b")]
        for n in (a, b):
            self.wait_nodes(n, 2)
        tokens = open_at(a.api, self.dir, ["SSH1"])
        agent = self.agent(a, tokens, {"SSH1": "127.0.0.1:1"})
        gateway = self.gateway(b, tokens)
        lay("cluster2")
        for n in (a, b):
            n.process.send_signal(signal.SIGHUP)
            n.wait_line("the cluster's certificate, key and authority were read again")
        with self.assertRaises(OSError):
            self.come(LOCAL, ca="cluster2", shown="cluster")
        self.assert_alive(agent, gateway)
        self.assertFalse(gateway.has_line("was lost"))
        gateway.terminate()
        self.gateway(b, tokens)
        wait_until(lambda: hub_metrics(b)["tunnel_hub_forwards"] == 1, "the first one has gone")

    def test_a_certified_device_elsewhere(self):
        """The name in its certificate goes along when its connection is passed on."""
        devices = certificates.authority("devices") / "ca.pem"
        for n in ("a", "b"):
            self.nodes[n].terminate()
        a, b = [self.node(n, "--device-ca", devices, announce=False) for n in ("a", "b")]
        for n in (a, b):
            self.wait_nodes(n, 2)
        tokens = open_at(a.api, self.dir, ["SSH1"], thing="plant7")
        gateway = self.gateway(b, tokens, up=False)
        gateway.wait_line("Successfully established")
        proof = certificates.device("plant7")
        self.agent(a, tokens, {"SSH1": "127.0.0.1:1"}, "--cert", proof.cert, "--key", proof.key)
        gateway.wait_line("is up, with")
        self.assertEqual(hub_metrics(a)["tunnel_hub_forwards"], 1)


if __name__ == "__main__":
    unittest.main()
