"""Nobody takes a part for the whole: each side of a connection hears of an end (FIN) only when the
other side's end came, and of everything else by a reset. V1 to V3 have one word for both."""

import queue
import select
import signal
import socket
import struct
import subprocess
import threading
import unittest
from dataclasses import dataclass

from control import Control
from harness import Case
from origins import Origin
from programs import DEADLINE, environment, wait_until
from sockets import dial, dial_in_vain, free_port, http_connect, read_exactly, socks5

FIN, RESET, OPEN = "fin", "reset", None
NATIVE, V3, V2 = "native", "V3", "V2"
RESUME = ("--resume-timeout", "1s")
LOGIN = "Authorization: NTLM TlRMTVNTUAABAAAA\r\n"


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def end_of(s):
    """(what still came, how it ended)"""
    data = bytearray()
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        return bytes(data), RESET
    return bytes(data), FIN


class Parley(Origin):
    """Greets, and reads to the end. `calls` has each connection, for the test to end."""

    def __init__(self):
        self.calls = queue.Queue()
        super().__init__()

    def serve(self, connection):
        call = Service(connection)
        connection.sendall(b"part")
        self.calls.put(call)
        call.run()


class Service:
    """Its side of one connection: what it heard so far, and `ended` once it has ended."""

    def __init__(self, connection):
        self.connection = connection
        self.heard, self.order, self.ended = bytearray(), None, None

    def run(self):
        while self.ended is None and self.order is None:
            if not select.select([self.connection], [], [], 0.02)[0]:
                continue
            try:
                piece = self.connection.recv(65536)
            except ConnectionResetError:
                self.ended = RESET
                return
            self.heard += piece
            if not piece:
                self.ended = FIN
        if self.order == RESET:
            reset(self.connection)

    def end(self):
        wait_until(lambda: self.ended, "the service's end")
        return bytes(self.heard), self.ended


@dataclass
class Call:
    """One connection, with a part said in each direction."""

    way: object
    client: socket.socket
    service: Service

    def client_end(self):
        self.client.settimeout(DEADLINE)
        return end_of(self.client)[1]


class Base(Case):
    def way_of(self, protocol, *gateway, agent=()):
        self.parley = self.origin(Parley())
        version = () if protocol == NATIVE else ("-y", protocol)
        return self.open_way({"SSH1": self.parley}, gateway=(*version, *RESUME, *gateway),
                             agent=(*RESUME, *agent))

    def call(self, way):
        return self.begin(way, socks5(way.port, "SSH1.tunnel"))

    def begin(self, way, client):
        self.addCleanup(client.close)
        self.assertEqual(read_exactly(client, 4), b"part")
        client.sendall(b"upload")
        return Call(way, client, self.service())

    def service(self):
        """That has heard a part of the upload."""
        service = self.parley.calls.get(timeout=DEADLINE)
        wait_until(lambda: service.heard == b"upload", "the part of the upload")
        return service

    def check(self, call, client, service):
        """How each side must have heard of it (None: it was the one who ended)."""
        if client is not None:
            self.assertEqual(call.client_end(), client, "the client's end")
        if service is not None:
            self.assertEqual(call.service.end(), (b"upload", service), "the service's end")


def client_closes(case, call):
    call.client.close()


def client_resets(case, call):
    reset(call.client)


def service_closes(case, call):
    call.service.order = FIN


def service_resets(case, call):
    call.service.order = RESET


def operator(program):
    def closes(case, call):
        at = Control(case.dir / program / "admin.sock")
        case.assertEqual(at.close(at.wait_stream(service="SSH1", state="open")), 204)
    return closes


def hub_dies(case, call):
    call.way.hub.kill()


def agent_dies(case, call):
    call.way.agent.kill()


def agent_ends(case, call):
    call.way.agent.terminate()


def gateway_dies(case, call):
    call.way.gateway.kill()


def gateway_ends(case, call):
    call.way.gateway.terminate()


def tunnel_is_closed(case, call):
    call.way.agent.ends = call.way.gateway.ends = (0, 1)
    call.way.hub.api.call("CloseTunnel", tunnelId=call.way.tokens.id)


def gateway_is_replaced(case, call):
    call.way.gateway.ends = (0, 1, 3)
    case.gateway(call.way.hub, call.way.tokens)


# what happens: how (client, service) hear of it in a native session, in V3, in V2
ENDS = {
    client_closes: {NATIVE: (None, FIN), V3: (None, FIN), V2: (None, FIN)},
    client_resets: {NATIVE: (None, RESET), V3: (None, FIN), V2: (None, FIN)},
    service_closes: {NATIVE: (FIN, None), V3: (FIN, None), V2: (FIN, None)},
    service_resets: {NATIVE: (RESET, None), V3: (FIN, None), V2: (FIN, None)},
    operator("tunnel-gateway"): {NATIVE: (RESET, RESET), V3: (RESET, FIN), V2: (RESET, FIN)},
    operator("tunnel-agent"): {NATIVE: (RESET, RESET), V3: (FIN, RESET), V2: (FIN, RESET)},
}
BREAKS = {
    hub_dies: {NATIVE: (RESET, RESET), V3: (RESET, RESET)},
    agent_dies: {NATIVE: (RESET, RESET), V3: (RESET, RESET), V2: (FIN, RESET)},
    agent_ends: {NATIVE: (RESET, RESET), V3: (RESET, RESET), V2: (FIN, RESET)},
    gateway_dies: {NATIVE: (RESET, RESET), V3: (RESET, RESET), V2: (RESET, RESET)},
    gateway_ends: {NATIVE: (RESET, RESET), V3: (RESET, RESET), V2: (RESET, RESET)},
    tunnel_is_closed: {NATIVE: (RESET, RESET), V3: (RESET, RESET)},
    gateway_is_replaced: {NATIVE: (RESET, RESET), V3: (RESET, RESET), V2: (RESET, RESET)},
}


class Ends(Base):
    def test_one_connection(self):
        for protocol in (NATIVE, V3, V2):
            way = self.way_of(protocol)
            for happens, ends in ENDS.items():
                with self.subTest(f"{protocol}: {happens.__qualname__}"):
                    call = self.call(way)
                    happens(self, call)
                    self.check(call, *ends[protocol])
            for program in (way.gateway, way.agent, way.hub):
                program.terminate()

    def test_all_connections(self):
        for happens, ends in BREAKS.items():
            for protocol, heard in ends.items():
                with self.subTest(f"{protocol}: {happens.__qualname__}"):
                    way = self.way_of(protocol)
                    call = self.call(way)
                    happens(self, call)
                    self.check(call, *heard)
                    for program in self.programs:
                        program.terminate()

    def test_silence_after_the_clients_end(self):
        """In V3 the client may wait for an answer that has no end: the gateway gives up."""
        way = self.way_of(V3, "--linger", "1s")
        call = self.call(way)
        call.client.shutdown(socket.SHUT_WR)
        self.check(call, RESET, FIN)

    def test_a_mapped_port(self):
        """Nothing but a reset can say no there."""
        port = free_port()
        closed = f"127.0.0.1:{free_port()}"
        way = self.open_way({"SSH1": closed}, gateway=("-s", f"SSH1={port}"))
        way.gateway.wait_line(f"Listening for new connection on port {port}")
        self.assertEqual(dial_in_vain(port), b"")
        way.agent.kill()
        way.gateway.wait_line("nobody is on the other side")
        self.assertEqual(dial_in_vain(port), b"")


class Connect(Base):
    """tunnel-gateway connect: the exit code tells a part from the whole, and so does a kill."""

    def connect(self, way, host, port, **options):
        # Whoever runs the tests in the background has these signals ignored.
        started = subprocess.Popen(
            ["env", "--default-signal=INT,HUP", self.program("tunnel-gateway"), "connect",
             "--gateway", way.proxy, host, str(port)],
            env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **options)
        for pipe in (started.stdin, started.stdout, started.stderr):
            self.addCleanup(pipe.close)
        self.addCleanup(started.wait)
        self.addCleanup(started.kill)
        return started

    def begin(self, way):
        started = self.connect(way, "SSH1.tunnel", 22)
        self.assertEqual(started.stdout.read(4), b"part")
        started.stdin.write(b"upload")
        started.stdin.flush()
        return started, self.service()

    def test_download(self):
        way = self.way_of(NATIVE)
        started, service = self.begin(way)
        service.order = FIN
        self.assertEqual(started.wait(DEADLINE), 0)
        started, service = self.begin(way)
        service.order = RESET
        self.assertEqual(started.wait(DEADLINE), 1)
        self.assertIn(b"broke off", started.stderr.read())

    def test_upload(self):
        """A killed one breaks off; after the end of stdin it is an end, also for ssh, which closes
        stdin and sends SIGHUP at once."""
        way = self.way_of(NATIVE)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(number):
                started, service = self.begin(way)
                started.send_signal(number)
                self.assertEqual(service.end(), (b"upload", RESET))
        started, service = self.begin(way)
        started.stdin.write(b" and more")
        started.stdin.close()
        started.send_signal(signal.SIGHUP)
        self.assertEqual(service.end(), (b"upload and more", FIN))


class KeepsAlive(Origin):
    """Reads an HTTP head, answers when told to (at once, or when the whole request is there), keeps
    the connection, and says in `ends` how it ended."""

    def __init__(self, answer):
        self.answer = answer
        self.ends = queue.Queue()
        self.heard = threading.Event()
        super().__init__()

    def serve(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        self.heard.set()
        if self.answer:
            connection.sendall(self.answer)
        self.ends.put(end_of(connection)[1])


def closes(s):
    s.close()


def breaks_a_chunk(s):
    """No more goes up from there, so that what comes next is no end of the request."""
    s.sendall(b"zz\r\n")
    s.close()


CHUNKS = {"framing": "Transfer-Encoding: {}"}
KEPT = {"more": LOGIN}  # the login is the connection's, which stays, behind a pair of sockets

# how the client leaves, the body's length, what there is of it, how its service hears of that
LEAVES = [
    (reset, 100, b"upload", RESET, {}),
    (closes, 100, b"upload", FIN, {}),
    (breaks_a_chunk, "chunked", b"6\r\nupload\r\n", RESET, CHUNKS),
    (reset, 100, b"upload", RESET, KEPT),
    (closes, 100, b"upload", RESET, KEPT),
    (breaks_a_chunk, "chunked", b"6\r\nupload\r\n", RESET, CHUNKS | KEPT),
    (reset, 6, b"upload", RESET, KEPT),
    (closes, 6, b"upload", FIN, KEPT),
]


class Forwarded(Base):
    """Plain HTTP requests that the gateway forwards, through a tunnel and directly."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"

    def ways(self, answer):
        origin = self.origin(KeepsAlive(answer))
        for more in ((), ("-y", "V3")):
            way = self.open_way({"HTTP1": origin}, gateway=(*more, "--direct"))
            yield "V3" if more else NATIVE, way, origin, "HTTP1.tunnel"
        yield "direct", way, origin, origin.address

    def request(self, way, host, length, body=b"", more="", framing="Content-Length: {}"):
        s = dial(way.port)
        self.addCleanup(s.close)
        s.sendall(f"PUT http://{host}/ HTTP/1.1\r\nHost: {host}\r\n{more}"
                  f"{framing.format(length)}\r\n\r\n".encode() + body)
        return s

    def test_a_whole_exchange(self):
        """The service that would keep its connection hears that this was all."""
        for name, way, origin, host in self.ways(self.ANSWER):
            with self.subTest(name):
                s = self.request(way, host, 6, b"upload")
                data, how = end_of(s)
                self.assertTrue(data.endswith(b"body"), data)
                self.assertEqual(how, FIN)
                self.assertEqual(origin.ends.get(timeout=DEADLINE), FIN)

    def test_an_answer_before_the_request_is_whole(self):
        for name, way, origin, host in self.ways(self.ANSWER):
            with self.subTest(name):
                s = self.request(way, host, 100, b"upload")
                data, how = end_of(s)
                self.assertTrue(data.endswith(b"body"), data)
                self.assertEqual(how, FIN)
                self.assertEqual(origin.ends.get(timeout=DEADLINE), FIN if name == V3 else RESET)

    def test_clients_that_leave(self):
        """A request that was cut is none: its service hears of a break, but V3 has one word."""
        for name, way, origin, host in self.ways(None):
            for leave, length, body, ends, how in LEAVES:
                kept = how.get("more") == LOGIN
                if kept and name == "direct":
                    continue
                with self.subTest(f"{name}: {leave.__name__} behind {body} {'kept' * kept}"):
                    origin.heard.clear()
                    s = self.request(way, host, length, body, **how)
                    self.assertTrue(origin.heard.wait(DEADLINE))
                    leave(s)
                    self.assertEqual(origin.ends.get(timeout=DEADLINE), FIN if name == V3 else ends)

    def test_a_kept_connection_of_a_client_that_has_all(self):
        for name, way, origin, host in self.ways(self.ANSWER):
            if name == "direct":
                continue
            with self.subTest(name):
                s = self.request(way, host, 6, b"upload", more=LOGIN)
                self.assertEqual(read_exactly(s, len(self.ANSWER)), self.ANSWER)
                reset(s)
                self.assertEqual(origin.ends.get(timeout=DEADLINE), FIN)


class Direct(Base):
    def test_both_sides(self):
        way = self.way_of(NATIVE, "--direct")
        for happens, ends in ((client_closes, (None, FIN)), (client_resets, (None, RESET)),
                              (service_closes, (FIN, None)), (service_resets, (RESET, None)),
                              (gateway_dies, (RESET, RESET))):
            with self.subTest(happens.__name__):
                call = self.begin(way, http_connect(way.port, "127.0.0.1", self.parley.port))
                happens(self, call)
                self.check(call, *ends)


class UnixSockets(Base):
    def test_they_have_no_reset(self):
        """A unix socket cannot tell: what share/doc/errors.md says of it."""
        path = self.dir / "gateway.sock"
        way = self.way_of(NATIVE, "--listen", path)
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.settimeout(DEADLINE)
        s.connect(str(path))
        s.sendall(b"\5\1\0")
        self.assertEqual(read_exactly(s, 2), b"\5\0")
        s.sendall(b"\5\1\0\3\x0bSSH1.tunnel\0\x16")
        self.assertEqual(read_exactly(s, 10)[:2], b"\5\0")
        self.assertEqual(read_exactly(s, 4), b"part")
        self.parley.calls.get(timeout=DEADLINE).order = RESET
        self.assertEqual(end_of(s), (b"", FIN))


if __name__ == "__main__":
    unittest.main()
