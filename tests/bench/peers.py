"""The ways that scripts/bench measures, ours and those of other programs, each a row of WAYS.

Where a peer uses TLS it is version 1.2 with the suite and the certificate that ours has, and the
certificate is checked. Everything else is as the program or Debian's configuration of it has it."""

import pathlib
import shutil

import certificates
from programs import environment, wait_until
from sockets import dial, free_port
from sshd import Sshd
from way import TOP, Way

SUITE = "ECDHE-ECDSA-AES128-GCM-SHA256"
NULL = TOP / "build/null-cipher/bin"
CHAIN = TOP / "build/release/tests/chain"
GCM = ("-c", "aes128-gcm@openssh.com")
BOUND = 4 << 30  # bytes of address space for somebody else's localproxy

NGINX = """
daemon off;
{module}
pid {dir}/pid;
error_log stderr crit;
worker_processes auto;
events {{ worker_connections 4096; }}
stream {{
    server {{
        listen 127.0.0.1:{listen}{tls};
        proxy_pass 127.0.0.1:{to};
        {options}
    }}
}}
"""
NGINX_SERVER = "ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2;\n" \
    "        ssl_session_cache shared:s:1m;"
NGINX_CLIENT = """proxy_ssl on; proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers {suite};
        proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca}; proxy_ssl_name localhost;"""
NGINX_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")

HAPROXY = """
global
    ssl-default-bind-options ssl-max-ver TLSv1.2
    ssl-default-server-options ssl-max-ver TLSv1.2
    ssl-default-bind-ciphers {suite}
    ssl-default-server-ciphers {suite}
    maxconn 4096
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen it
    bind 127.0.0.1:{listen} {bind}
    server to 127.0.0.1:{to} {server}
"""

STUNNEL = """
foreground = yes
debug = 3
pid =
sslVersion = TLSv1.2
ciphers = {suite}
[it]
client = {client}
accept = 127.0.0.1:{listen}
connect = 127.0.0.1:{to}
{options}
"""

DANTE = """
logoutput: /dev/null
internal: 127.0.0.1 port = {listen}
external: lo
clientmethod: none
socksmethod: none
user.privileged: {user}
user.unprivileged: {user}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
"""


class Missing(Exception):
    """The sentence says what is not installed."""


class NotAsked(Exception):
    """Of a way that needs an option to be there."""


def program(name):
    """Where a Debian program is, also those that only root has in its path."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if not found:
        raise Missing(f"{name} is not installed (scripts/setup --bench installs it)")
    return found


class Peers:
    """Starts ways, by a test case that ends what it has started."""

    def __init__(self, case, port, localproxy=None, before=None):
        self.case, self.port, self.proxy, self.bin = case, port, localproxy, before
        self.made = 0

    def folder(self):
        self.made += 1
        folder = self.case.dir / f"way{self.made}"
        folder.mkdir()
        return folder

    def start(self, listen, *argv, ends=(0, -15, 143), name=None):
        """A program, once it takes connections."""
        started = self.case.start(*argv, ends=ends, name=name, env=environment())
        wait_until(lambda: answers(listen) or not started.alive(), f"{started.name} listens")
        self.case.assert_alive(started)
        return started

    # ---- ours ----

    def direct(self):
        return Way("direct", self.port)

    def ours(self, name, *gateway, hub=()):
        # The echo's client speaks first: nothing is gained by waiting for the service.
        case = self.case
        case._hub = None  # each way has a hub of its own, whose memory nobody else has been in
        the_hub = case.hub("-v", "4", *hub, state=self.folder())
        way = case.open_way({"LOAD": f"127.0.0.1:{self.port}"}, agent=["-v", "4"],
                            gateway=["-v", "4", "--open-grace", "0", *gateway])
        return Way(name, f"{way.port}/LOAD.tunnel:1", [way.gateway, the_hub, way.agent])

    def native(self):
        return self.ours("native")

    def built(self, name, folder):
        """Native by another build's programs."""
        now, self.case.bin = self.case.bin, pathlib.Path(folder)
        try:
            return self.ours(name)
        finally:
            self.case.bin = now

    def before(self):
        if not self.bin:
            raise NotAsked
        return self.built("before", self.bin)

    def null(self):
        """A floor: our programs without encryption."""
        if not NULL.exists():
            raise Missing("the build without a cipher is not there: "
                          "cmake --preset null-cipher, cmake --build --preset null-cipher")
        return self.built("null cipher", NULL)

    def chain(self):
        """The other floor: three hops that do nothing but pass bytes on."""
        ports = [free_port() for _ in range(3)]
        to = [*ports[1:], self.port]
        hops = [self.start(at, CHAIN, at, then, name=f"hop {i + 1}")
                for i, (at, then) in reversed(list(enumerate(zip(ports, to))))]
        return Way("plain hops", ports[0], hops)

    def v3(self):
        return self.ours("V3", "-y", "V3")

    def localproxy(self):
        if not self.proxy:
            raise NotAsked
        case, folder, listen = self.case, self.folder(), free_port()
        case._hub = None
        hub = case.hub("-v", "4", state=folder / "state")
        tokens = case.tunnel({"LOAD": ""})
        shutil.copy(certificates.certificate().ca, folder)

        def end(name, token, *more):
            proxy = case.start("prlimit", f"--as={BOUND}", self.proxy, "-e",
                               f"localhost:{hub.port}", "-c", folder, "-v", "4", *more,
                               name=name, ends=(0, 1, -6, -11, -15, 143), env=environment(
                                   AWSIOT_TUNNEL_ACCESS_TOKEN=token.read_text().strip()))
            proxy.wait_line("Successfully established websocket connection")
            return proxy
        programs = [end("destination", tokens.destination, "-d", f"LOAD=127.0.0.1:{self.port}"),
                    end("source", tokens.source, "-s", f"LOAD={listen}")]
        wait_until(lambda: answers(listen), "localproxy listens")
        return Way("localproxy", listen, [*programs, hub])

    # ---- ssh ----

    def ssh(self, sshd, listen, *more, name="ssh"):
        return self.start(listen, "ssh", "-N", *more, "-p", sshd.port, *sshd.options("none"),
                          sshd.user("127.0.0.1"), ends=(0, 255, -15), name=name)

    def ssh_d(self, name="ssh -D", cipher=()):
        program("sshd")
        sshd, listen = Sshd(self.case, self.folder()), free_port()
        client = self.ssh(sshd, listen, *cipher, "-D", f"127.0.0.1:{listen}")
        return Way(name, f"{listen}/127.0.0.1:{self.port}", [client, sshd.program])

    def ssh_d_gcm(self):
        return self.ssh_d("ssh -D GCM", GCM)

    def bastion(self):
        """The device forwards a port of the bastion to itself, the laptop one of its own there."""
        program("sshd")
        sshd, middle, listen = Sshd(self.case, self.folder()), free_port(), free_port()
        device = self.ssh(sshd, middle, *GCM, "-R", f"127.0.0.1:{middle}:127.0.0.1:{self.port}",
                          name="ssh device")
        laptop = self.ssh(sshd, listen, *GCM, "-L", f"127.0.0.1:{listen}:127.0.0.1:{middle}",
                          name="ssh laptop")
        return Way("ssh bastion", listen, [laptop, sshd.program, device])

    # ---- relays with TLS, and SOCKS proxies without ----

    def nginx(self):
        """Laptop, hub and device, with TLS between them and a TLS connection for each client's."""
        argv = [program("nginx")]
        if not NGINX_MODULE.exists():
            raise Missing("nginx's stream module is not installed (scripts/setup --bench)")
        paths = vars(certificates.certificate())
        server = NGINX_SERVER.format(**paths)
        client = NGINX_CLIENT.format(**paths, suite=SUITE)
        ports = [free_port() for _ in range(3)]
        hops = (("device", 2, self.port, " ssl", server), ("hub", 1, ports[2], " ssl",
                                                          f"{server}\n        {client}"),
                ("laptop", 0, ports[1], "", client))
        programs = []
        for name, at, to, tls, options in hops:
            folder = self.folder()
            (folder / "conf").write_text(NGINX.format(
                dir=folder, module=f"load_module {NGINX_MODULE};", listen=ports[at], to=to, tls=tls,
                options=options))
            programs.append(self.start(ports[at], *argv, "-p", folder, "-e", "stderr", "-c",
                                       folder / "conf", name=f"nginx {name}"))
        return Way("nginx chain", ports[0], programs)

    def pair(self, name, argv, client, server):
        """Two programs of the same kind with TLS between them: client and server are the texts of
        their configurations without ports."""
        listen, middle, programs = free_port(), free_port(), []
        for end, text, at, to in (("server", server, middle, self.port),
                                  ("client", client, listen, middle)):
            file = self.folder() / "conf"
            file.write_text(text(at, to))
            programs.append(self.start(at, *argv, file, name=f"{name} {end}"))
        return Way(f"{name} pair", listen, programs)

    def haproxy(self):
        made = certificates.certificate()
        both = self.folder() / "both.pem"
        both.write_text(made.cert.read_text() + made.key.read_text())

        def client(listen, to):
            return HAPROXY.format(listen=listen, to=to, suite=SUITE, bind="", server=(
                f"ssl verify required ca-file {made.ca} verifyhost localhost"))

        def server(listen, to):
            return HAPROXY.format(listen=listen, to=to, suite=SUITE, bind=f"ssl crt {both}",
                                  server="")
        return self.pair("haproxy", (program("haproxy"), "-db", "-f"), client, server)

    def stunnel(self):
        made = certificates.certificate()

        def client(listen, to):
            return STUNNEL.format(listen=listen, to=to, suite=SUITE, client="yes", options=(
                f"verifyChain = yes\nCAfile = {made.ca}\ncheckIP = 127.0.0.1"))

        def server(listen, to):
            return STUNNEL.format(listen=listen, to=to, suite=SUITE, client="no",
                                  options=f"cert = {made.cert}\nkey = {made.key}")
        return self.pair("stunnel", (program("stunnel"),), client, server)

    def microsocks(self):
        listen = free_port()
        # Its line for each connection goes nowhere: reading them would cost the machine's time.
        server = self.start(listen, "sh", "-c", 'exec "$@" 2>/dev/null', "sh",
                            program("microsocks"), "-i", "127.0.0.1", "-p", listen,
                            name="microsocks")
        return Way("microsocks", f"{listen}/127.0.0.1:{self.port}", [server])

    def dante(self):
        folder, listen = self.folder(), free_port()
        owner = pathlib.Path(folder).owner()
        (folder / "conf").write_text(DANTE.format(listen=listen, user=owner))
        server = self.start(listen, program("danted"), "-f", folder / "conf", "-p", folder / "pid",
                            name="danted")
        return Way("dante", f"{listen}/127.0.0.1:{self.port}", [server])


def answers(port):
    try:
        dial(port).close()
        return True
    except OSError:
        return False


# In the order of the printed table. A set of ways is all that have the letter: b for what
# scripts/bench shows by itself, q for --peers --quick, p for --peers.
WAYS = (
    ("bqp", Peers.direct),
    ("bqp", Peers.native),
    ("bqp", Peers.before),
    ("qp", Peers.null),
    ("qp", Peers.chain),
    ("qp", Peers.v3),
    ("qp", Peers.nginx),
    ("qp", Peers.bastion),
    ("bp", Peers.ssh_d),
    ("qp", Peers.ssh_d_gcm),
    ("p", Peers.haproxy),
    ("p", Peers.stunnel),
    ("p", Peers.microsocks),
    ("p", Peers.dante),
    ("qp", Peers.localproxy),
)
