"""Azure's side of device streams: shared access signatures, and the REST call of service programs,
made by hand and independent of the code under test."""

import base64
import hashlib
import hmac
import http.client
import json
import re
import time
import urllib.parse
from dataclasses import dataclass

import certificates
from programs import DEADLINE

CONNECT = "iothub-streaming-connect-timeout-in-seconds"
RESPONSE = "iothub-streaming-response-timeout-in-seconds"
MESSAGE = re.compile(r"ErrorCode:(\w+);(.+)")
TRACKING = re.compile(r"Tracking ID:[0-9a-f-]{36}-TimeStamp:\d\d/\d\d/\d{4} \d\d:\d\d:\d\d")


def signature(resource, key, expiry):
    """The bytes of a signature, in base64."""
    mac = hmac.digest(base64.b64decode(key), f"{resource}\n{expiry}".encode(), "sha256")
    return base64.b64encode(mac).decode()


def sas(resource, key, policy=None, expiry=None, encode=urllib.parse.quote_plus):
    """A token for a resource that is given as it is to stand in it. key: base64."""
    expiry = int(time.time()) + 3600 if expiry is None else expiry
    token = f"SharedAccessSignature sr={resource}&sig={encode(signature(resource, key, expiry))}"
    return f"{token}&se={expiry}" + (f"&skn={policy}" if policy else "")


@dataclass(frozen=True)
class Policy:
    """Its section of a keys file, and its tokens."""

    name: str
    primary: str = base64.b64encode(hashlib.sha256(b"primary").digest()).decode()
    secondary: str = base64.b64encode(hashlib.sha256(b"secondary").digest()).decode()

    def section(self, **rules):
        lines = [f"[policy {self.name}]", f"primary-key = {self.primary}",
                 f"secondary-key = {self.secondary}"]
        lines += [f"{name.replace('_', '-')} = {value}" for name, value in rules.items()]
        return "\n".join(lines) + "\n"

    def token(self, host, key=None, **more):
        more.setdefault("policy", self.name)
        return sas(host, key or self.primary, **more)


@dataclass
class Reply:
    status: int
    headers: dict  # names in small letters
    body: bytes

    @property
    def code(self):
        """iothub-errorcode, which is at the front of the message, too."""
        code, _ = MESSAGE.fullmatch(self.json["Message"]).groups()
        assert code == self.headers["iothub-errorcode"], self
        assert TRACKING.fullmatch(self.json["ExceptionMessage"]), self
        return code

    @property
    def text(self):
        return MESSAGE.fullmatch(self.json["Message"])[2]

    @property
    def json(self):
        assert self.headers["content-type"] == "application/json; charset=utf-8", self
        return json.loads(self.body)

    @property
    def accepted(self):
        """By the device; spelled as SDKs compare it."""
        assert self.status == 200 and self.body == b"", self
        return {"True": True, "False": False}[self.headers["iothub-streaming-is-accepted"]]

    @property
    def url(self):
        return self.headers["iothub-streaming-url"]

    @property
    def token(self):
        return self.headers["iothub-streaming-auth-token"]


class Service:
    """A service program of a hub (a Program of harness.py); host: what it calls the hub."""

    def __init__(self, hub, policy, host="localhost"):
        self.port, self.policy, self.host = hub.port, policy, host

    def connection(self):
        return http.client.HTTPSConnection("localhost", self.port, timeout=DEADLINE,
                                           context=certificates.trust())

    def send(self, path, headers, method="POST"):
        """A request with exactly these headers."""
        connection = self.connection()
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            got = connection.getresponse()
            return Reply(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            connection.close()

    def head(self, connect=None, response=None, token=None, **more):
        headers = {"Host": f"{self.host}:{self.port}", "Content-Length": "0",
                   "Authorization": token or self.policy.token(self.host), **more}
        if connect is not None:
            headers[CONNECT] = connect
        if response is not None:
            headers[RESPONSE] = response
        return headers

    def stream(self, device, name, version="2018-10-20-preview", **more):
        return self.send(f"/twins/{device}/streams/{name}?api-version={version}",
                         self.head(**more))
