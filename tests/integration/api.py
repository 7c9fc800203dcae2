"""A client of the hub's control API (awsJson1.1), unsigned or signed with a SigV4 of its own:
independent of the code under test."""

import datetime
import functools
import hashlib
import hmac
import http.client
import json
import re
from dataclasses import dataclass

import certificates
from programs import DEADLINE

SERVICE = "IoTSecuredTunneling"
TYPE = "application/x-amz-json-1.1"
OF_HUB = "TunnelHub"  # operations that only this hub has
SIGNED = ("content-type", "host", "x-amz-date", "x-amz-target")


@dataclass(frozen=True)
class Key:
    """An access key."""

    id: str
    secret: str
    token: str = None

    def section(self, **rules):
        """Its section of a keys file; may_delete="no" stands for "may-delete = no"."""
        lines = [f"[key {self.id}]", f"secret = {self.secret}"]
        lines += [f"{name.replace('_', '-')} = {value}" for name, value in rules.items()]
        return "\n".join(lines) + "\n"


@dataclass
class Answer:
    status: int
    headers: dict  # names in small letters
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The exception's name, or None."""
        return self.json["__type"].rpartition("#")[2] if self.status != 200 else None


class ApiError(Exception):
    """The hub said no: .code is the exception's name."""

    def __init__(self, answer):
        super().__init__(f"{answer.status} {answer.body!r}")
        self.answer, self.status, self.code = answer, answer.status, answer.code
        self.message = answer.json.get("message", "")


# ---- SigV4 ----

def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def timestamp(moment=None):
    moment = moment or datetime.datetime.now(datetime.timezone.utc)
    return moment.strftime("%Y%m%dT%H%M%SZ")


def authorization(key, headers, body, method="POST", path="/", region="us-east-1",
                  service=SERVICE, signed=SIGNED, date=None):
    """The Authorization header for these headers (names in small letters)."""
    canonical = "".join(f"{name}:{re.sub(' +', ' ', headers[name].strip())}\n" for name in signed)
    request = "\n".join((method, path, "", canonical, ";".join(signed),
                         hashlib.sha256(body).hexdigest()))
    when = headers["x-amz-date"]
    scope = f"{date or when[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", when, scope,
                         hashlib.sha256(request.encode()).hexdigest()))
    secret = functools.reduce(_hmac, scope.split("/"), f"AWS4{key.secret}".encode())
    return (f"AWS4-HMAC-SHA256 Credential={key.id}/{scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={_hmac(secret, to_sign).hex()}")


def head(host, operation, body, key=None, when=None, path="/", changes=(), signed=None, **scope):
    """The headers of a call. `changes` are made before it is signed; None takes one away.
    An operation of the hub's own names its service: "TunnelHub.ListDevices"."""
    target = operation if "." in operation else f"{SERVICE}.{operation}"
    headers = {"host": host, "content-type": TYPE, "x-amz-target": target,
               "content-length": str(len(body))}
    if key:
        headers["x-amz-date"] = timestamp(when)
        if key.token:
            headers["x-amz-security-token"] = key.token
    headers.update(changes)
    headers = {name: value for name, value in headers.items() if value is not None}
    if key:
        headers["authorization"] = authorization(key, headers, body, path=path,
                                                 signed=signed or SIGNED, **scope)
    return headers


def request(headers, body, path="/", method="POST"):
    """A whole request in bytes."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# ---- the client ----

class Api:
    """Calls over one connection that is kept, or (keep=False) a new one for each. Not for several
    threads at once."""

    def __init__(self, port, key=None, keep=False, host="127.0.0.1", region="us-east-1",
                 verify=True):
        self.port, self.key, self.keep, self.host, self.region = port, key, keep, host, region
        self.verify = verify
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    @property
    def authority(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def send(self, headers, body, path="/", method="POST"):
        """One request with exactly these headers."""
        if not self.connection:
            self.connection = http.client.HTTPSConnection(self.host, self.port, timeout=DEADLINE,
                                                          context=certificates.trust(self.verify))
        try:
            c = self.connection
            c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                c.putheader(name, value)
            c.endheaders(body)
            got = c.getresponse()
            answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        except Exception:
            self.close()
            raise
        if not self.keep:
            self.close()
        return answer

    def ask(self, operation, body=b"{}", path="/", **more):
        """A call with this body, well-formed or not; more: as for head()."""
        body = body.encode() if isinstance(body, str) else body
        more.setdefault("key", self.key)
        if more["key"]:
            more.setdefault("region", self.region)
        return self.send(head(self.authority, operation, body, path=path, **more), body, path)

    def call(self, operation, **parameters):
        """The operation's output; raises ApiError."""
        answer = self.ask(operation, json.dumps(parameters))
        if answer.status != 200:
            raise ApiError(answer)
        return answer.json

    def of_hub(self, operation, **parameters):
        """The same, of an operation that AWS does not have."""
        target = {"x-amz-target": f"{OF_HUB}.{operation}"}
        answer = self.ask(operation, json.dumps(parameters), changes=target)
        if answer.status != 200:
            raise ApiError(answer)
        return answer.json

    # ---- operations, by what tests mostly want ----

    def open(self, services=None, thing=None, lifetime=None, **more):
        where = {} if thing is None else {"thingName": thing}
        if services is not None:
            where["services"] = list(services)
        if where:
            more["destinationConfig"] = where
        if lifetime is not None:
            more["timeoutConfig"] = {"maxLifetimeTimeoutMinutes": lifetime}
        return self.call("OpenTunnel", **more)

    def close_tunnel(self, tunnel, **more):
        return self.call("CloseTunnel", tunnelId=tunnel, **more)

    def describe(self, tunnel):
        return self.call("DescribeTunnel", tunnelId=tunnel)["tunnel"]

    def rotate(self, tunnel, mode, **more):
        return self.call("RotateTunnelAccessToken", tunnelId=tunnel, clientMode=mode, **more)

    def list(self, **more):
        """All pages together."""
        found = []
        while True:
            page = self.call("ListTunnels", **more)
            found += page["tunnelSummaries"]
            if not page.get("nextToken"):
                return found
            more["nextToken"] = page["nextToken"]

    def states(self, tunnel):
        """(source's, destination's) as DescribeTunnel shows them."""
        seen = self.describe(tunnel)
        return (seen["sourceConnectionState"]["status"],
                seen["destinationConnectionState"]["status"])
