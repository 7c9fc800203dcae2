"""A client of the control endpoint (share/doc/control.md): HTTP over its unix socket."""

import http.client
import json
import pathlib
import re
import socket

from programs import DEADLINE, wait_until

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "share/doc/control.md"


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("x", timeout=DEADLINE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Control:
    """What is behind one socket. program.start()ed programs have it below their XDG_RUNTIME_DIR."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def ask(self, method, target):
        """(status, body)"""
        connection = Unix(self.path)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, target):
        status, body = self.ask("GET", target)
        assert status == 200, (target, status, body)
        return body

    def snapshot(self, query=""):
        return json.loads(self.get("/v1/snapshot" + query))

    def streams(self, **members):
        """Those whose members are so."""
        return [s for s in self.snapshot().get("streams", [])
                if all(s.get(k) == v for k, v in members.items())]

    def wait_stream(self, **members):
        return wait_until(lambda: self.streams(**members), f"a stream with {members}")[0]

    def wait_totals(self, **members):
        def totals():
            now = self.snapshot()["totals"]
            return all(now.get(k) == v for k, v in members.items()) and now
        return wait_until(totals, f"totals with {members}")

    def service(self, id):
        return next(s for s in self.snapshot()["services"] if s["id"] == id)

    def close(self, stream):
        return self.ask("DELETE", f"/v1/streams/{stream['id']}")[0]

    def metrics(self):
        """{"name{label=\"value\"}": number}"""
        lines = self.get("/metrics").decode().splitlines()
        return {name: float(value) for name, _, value in
                (line.rpartition(" ") for line in lines if line and line[0] != "#")}

    def events(self):
        return Events(self.path)

    def request_only(self, target):
        """A socket on which a request was sent, whose answer nobody reads."""
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(self.path))
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return s


class Events:
    """/v1/events from now on."""

    def __init__(self, path):
        self.connection = Unix(path)
        self.connection.request("GET", "/v1/events")
        self.answer = self.connection.getresponse()
        self.numbers = []

    def wait(self, kind, **members):
        """The next event of that kind with these members; others are passed over."""
        while line := self.answer.readline():
            event = json.loads(line)
            if "number" in event:
                self.numbers.append(event["number"])
            if event["event"] == kind and all(event.get(k) == v for k, v in members.items()):
                return event
        raise AssertionError(f"the events ended before {kind} {members}")

    def close(self):
        self.connection.close()


def documented(heading):
    """The members in the first column of the table below that line of the document."""
    text = DOCUMENT.read_text().split(heading + "\n", 1)[1].strip().split("\n\n", 1)[0]
    return {name for row in text.splitlines()[2:]
            for name in re.findall(r"`(\w+)`", row.split("|")[1])}
