"""Agents that stand by, on the real hub: they enrol, come to each tunnel of theirs by themselves, and
outlive restarts and kills of either."""

import contextlib
import socket
import ssl
import threading
import unittest

import certificates
import ops
import store
from acceptor import Acceptor
from harness import Case, mapping, verbose
from origins import Echo
from programs import environment, wait_until
from sockets import Shared, read_exactly, socks5
from wire import tls_client

TOKEN = "join_" + "A" * 43


class DeviceWay(Case):
    def setUp(self):
        super().setUp()
        self.hub_state = self.dir / "state"
        self.hub().terminate()
        store.invite(self.hub_state, TOKEN, ["press-*"], uses=3)
        self.the_hub = self.hub()
        self.services = {"ECHO1": self.origin(Echo()), "ECHO2": self.origin(Echo())}

    def device(self, name, *more, endpoint=None, **options):
        folder = self.dir / name
        folder.mkdir(exist_ok=True)
        return self.start(
            self.program("tunnel-agent"), "-e", endpoint or f"127.0.0.1:{self.the_hub.port}",
            "--ca", certificates.certificate().ca, "--state-dir", folder / "state",
            "--device", name, "-d", mapping(self.services), *verbose(more), *more,
            env=environment(TUNNEL_JOIN_TOKEN=TOKEN, XDG_RUNTIME_DIR=folder), **options)

    def stands_by(self, name, *more, **options):
        agent = self.device(name, *more, **options)
        agent.wait_line("stands by")
        return agent

    def echo(self, gateway, host="ECHO1.tunnel"):
        with socks5(gateway.port, host) as sock:
            sock.sendall(b"hello")
            self.assertEqual(read_exactly(sock, 5), b"hello")

    def test_it_comes_to_its_tunnels(self):
        agent = self.stands_by("press-1")
        agent.wait_line('device "press-1" is enrolled')
        tokens = self.tunnel(["ECHO1"], name="press-1")
        self.echo(self.gateway(self.the_hub, tokens))
        agent.wait_line("notice id=.* accepted=yes")
        # It has resumed the link's TLS session, and there is no token in its log.
        self.assertGreaterEqual(ops.metrics(self.the_hub)[
            'tunnel_hub_tls_handshakes_total{result="resumed"}'], 1)
        self.assertNotIn(tokens.destination.read_text().strip(), agent.output())
        # One that is opened while the agent is away is told when it comes back.
        agent.terminate()
        later = self.tunnel(["ECHO2"], name="press-1")
        again = self.device("press-1")
        again.wait_line('device "press-1" is known to the hub, and stands by')
        self.echo(self.gateway(self.the_hub, later, up=False), "ECHO2.tunnel")

    def test_the_hub_is_killed(self):
        agent = self.stands_by("press-1")
        tokens = self.tunnel(["ECHO1"], name="press-1")
        gateway = self.gateway(self.the_hub, tokens)
        self.echo(gateway)
        sock = socks5(gateway.port, "ECHO1.tunnel")
        self.addCleanup(sock.close)
        port, mark = self.the_hub.port, agent.mark()
        self.the_hub.kill()
        agent.wait_line("trying again", after=mark)
        self.the_hub = self.hub(port=port)
        agent.wait_line("is known to the hub, and stands by", after=mark)
        sock.sendall(b"still there?")  # by a connection that was open before
        self.assertEqual(read_exactly(sock, 12), b"still there?")
        self.echo(gateway)

    def test_used_up_and_taken(self):
        for name in ("press-1", "press-2", "press-3"):
            self.stands_by(name).terminate()
        agent = self.device("press-4", ends=(1,))
        agent.wait_line(r"\[fatal\] the hub refused the device .*the join token is used up")
        self.assertEqual(agent.wait(), 1)
        (self.dir / "press-1/state/device.key").unlink()  # another machine of that name
        agent = self.device("press-1", ends=(1,))
        agent.wait_line(r"\[fatal\] the hub refused the device .*another device has this name")
        agent = self.device("door-1", ends=(1,))
        agent.wait_line(r"\[fatal\] the hub refused the device .*the join token is not for this name")
        # Those that are enrolled come back without it.
        self.stands_by("press-2")

    def test_killed_while_it_enrols(self):
        """Wherever the kill hits, there is one device in the end, and one use of the token."""
        for lines in range(1, 13):
            agent = self.device("press-1")
            wait_until(lambda: len(agent.lines) >= lines or agent.has_line("stands by"), "its log")
            agent.kill()
        self.stands_by("press-1").terminate()
        self.the_hub.terminate()
        self.assertEqual(store.used(self.hub_state, TOKEN), 1)
        self.assertEqual(list(store.devices(self.hub_state)), ["press-1"])

    def test_who_sits_in_the_middle(self):
        """With a certificate that the device trusts, passing everything on: the proof is for that
        certificate, and the hub has another one."""
        self.stands_by("press-1").terminate()
        middle = Middle(self.the_hub.port)
        self.addCleanup(middle.close)
        agent = self.device("press-1", endpoint=f"127.0.0.1:{middle.port}")
        agent.wait_line("the hub refused the device .*: the signature is not one of the device's key")
        self.assertFalse(agent.has_line("stands by"))


class Middle:
    """Ends TLS with a certificate of its own, and passes on what is inside."""

    def __init__(self, port):
        cert = certificates.certificate(key="rsa")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert.cert, cert.key)
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.acceptor = Acceptor(self.listener, self._came)

    def _came(self, bare):
        threading.Thread(target=self._one, args=(bare,), daemon=True).start()

    def _one(self, bare):
        with contextlib.suppress(OSError):
            near = Shared(self.context.wrap_socket(bare, server_side=True))
            far = Shared(tls_client(self.to))
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()
            self._pass(far, near)

    def _pass(self, one, other):
        with contextlib.suppress(OSError), one, other:
            while data := one.recv(65536):
                other.sendall(data)

    def close(self):
        self.acceptor.close()


if __name__ == "__main__":
    unittest.main()
