"""What share/doc/clients.md says of each program, with the real one. A program that is not
installed is passed over by name; scripts/clients installs all that Debian and npm carry."""

import base64
import hashlib
import pathlib
import shutil
import subprocess
import unittest

import certificates
from harness import Case
from origins import Http, Origin
from programs import environment, run, wait_until
from sockets import dial, free_port
from sshd import Sshd
from wire import MAGIC, headers_of, read_head

URL = "http://HTTP1.tunnel/name"
NODE_MODULES = pathlib.Path(__file__).resolve().parents[2] / "build/npm-clients/node_modules"


def needs(*programs):
    missing = [p for p in programs if not shutil.which(p, path="/usr/bin:/usr/sbin:/bin:/sbin")]
    return unittest.skipIf(missing, f"not installed: {' '.join(missing)}")


class Clients(Case):
    def setUp(self):
        super().setUp()
        self.web = self.origin(Http("web"))
        self.way = self.open_way({"HTTP1": self.web})
        self.http, self.socks = f"http://{self.way.proxy}", f"socks5h://{self.way.proxy}"
        self.host, self.port = "127.0.0.1", str(self.way.port)

    def tool(self, *argv, input=None, **env):
        return run(*argv, cwd=self.dir, input=input,
                   env=environment(HOME=self.dir, LANG="C.UTF-8", PATH="/usr/bin:/usr/sbin:/bin",
                                   **env))

    def gets(self, *argv, **env):
        """The page comes through, on standard output."""
        done = self.tool(*argv, **env)
        self.assertIn("web /name", done.text, done)

    def saves(self, *argv, **env):
        """The page comes through, into the file "out"."""
        out = self.dir / "out"
        done = self.tool(*argv, **env)
        self.assertTrue(out.exists(), done)
        self.assertEqual(out.read_text(), "web /name\n", done)
        out.unlink()

    def fails(self, *argv, **env):
        done = self.tool(*argv, **env)
        self.assertNotIn("web /name", done.text)
        return done


class Web(Clients):
    @needs("curl")
    def test_curl(self):
        for words in (("--socks5-hostname", self.way.proxy), ("-x", self.socks),
                      ("--socks4a", self.way.proxy), ("-x", self.http), ("-p", "-x", self.http)):
            self.gets("curl", "-sS", *words, URL)
        self.gets("curl", "-sS", URL, ALL_PROXY=self.socks)
        for words in (("--socks5", self.way.proxy), ("--socks4", self.way.proxy)):
            self.assertIn("resolve", self.fails("curl", "-sS", *words, URL).err)

    @needs("wget")
    def test_wget(self):
        self.gets("wget", "-qO-", URL, http_proxy=self.http)

    @needs("wget2")
    def test_wget2(self):
        """HTTP only."""
        self.saves("wget2", "-q", "-O", "out", URL, http_proxy=self.http)

    @needs("aria2c")
    def test_aria2(self):
        self.saves("aria2c", "-q", "--all-proxy", self.http, "-o", "out", URL)
        done = self.tool("aria2c", "--all-proxy", self.http, "-o", "out", "http://NOPE.tunnel/")
        self.assertIn("502", done.text)
        self.assertNotIn("Resource not found", done.text)

    @needs("lftp")
    def test_lftp(self):
        """HTTP only."""
        self.gets("lftp", "-c", f"set http:proxy {self.http}; cat {URL}")

    @needs("GET")
    def test_perl_lwp(self):
        self.gets("GET", URL, http_proxy=self.http, PERL_LWP_ENV_PROXY="1")

    @needs("php")
    def test_php(self):
        """request_fulluri, or PHP takes the gateway for the web server."""
        code = ("echo @file_get_contents('%s', false, stream_context_create(['http' => "
                "['proxy' => 'tcp://%s', 'ignore_errors' => true, 'request_fulluri' => %s]]));"
                " echo $http_response_header[0];")
        self.gets("php", "-r", code % (URL, self.way.proxy, "true"))
        done = self.fails("php", "-r", code % (URL, self.way.proxy, "false"))
        self.assertIn("a proxy wants the whole URL", done.text)

    @needs("java")
    def test_java(self):
        source = self.dir / "Get.java"
        source.write_text(
            "import java.net.*; public class Get { public static void main(String[] a) throws "
            "Exception { System.out.print(new String(new URL(a[0]).openStream()"
            ".readAllBytes())); } }")
        if self.tool("java", source, "file:/dev/null").code != 0:
            self.skipTest("not installed: a JDK")
        self.gets("java", f"-Dhttp.proxyHost={self.host}", f"-Dhttp.proxyPort={self.port}",
                  source, URL)
        self.gets("java", f"-DsocksProxyHost={self.host}", f"-DsocksProxyPort={self.port}",
                  source, URL)

    def test_python_urllib(self):
        self.gets("python3", "-c", f"import urllib.request as r; print(r.urlopen('{URL}').read())",
                  http_proxy=self.http)

    def pysocks(self, kind, host, port=80):
        return ("/usr/bin/python3", "-c",
                f"import socks; s = socks.socksocket(); s.set_proxy(socks.{kind}, '{self.host}', "
                f"{self.port}); s.settimeout(60); s.connect(('{host}', {port}));"
                "s.sendall(b'GET /name HTTP/1.0\\r\\n\\r\\n'); print(s.recv(9999), s.recv(9999))")

    @unittest.skipIf(run("/usr/bin/python3", "-c", "import socks").code, "not installed: PySocks")
    def test_pysocks(self):
        for kind in ("SOCKS5", "SOCKS4", "HTTP"):
            self.gets(*self.pysocks(kind, "HTTP1.tunnel"))

    @needs("hg")
    def test_mercurial(self):
        repository = self.dir / "repository"
        self.tool("hg", "init", repository)
        (repository / "file").write_text("text\n")
        self.tool("hg", "-R", repository, "commit", "-Aqm", "a file", "-u", "me")
        self.web.files = {f"/r/{p.relative_to(repository)}": p.read_bytes()
                          for p in repository.rglob("*") if p.is_file()}
        done = self.tool("hg", "--config", f"http_proxy.host={self.way.proxy}", "clone", "-q",
                         "static-http://HTTP1.tunnel/r", "clone")
        self.assertEqual((self.dir / "clone/file").read_text(), "text\n", done)

    @needs("svn")
    def test_subversion(self):
        """It does not take an unknown service for a missing repository."""
        options = ("--config-option", f"servers:global:http-proxy-host={self.host}",
                   "--config-option", f"servers:global:http-proxy-port={self.port}")
        done = self.tool("svn", "ls", *options, "http://NOPE.tunnel/repo")
        self.assertIn("502", done.err)
        self.assertNotIn("not found", done.err.lower())
        self.tool("svn", "ls", *options, "http://HTTP1.tunnel/repo")
        self.assert_asked("OPTIONS")

    def assert_asked(self, method):
        self.way.gateway.wait_line(r"service=HTTP1")

    @needs("git")
    def test_git(self):
        for proxy in (self.http, self.socks):
            done = self.tool("git", "-c", f"http.proxy={proxy}", "ls-remote",
                             "http://HTTP1.tunnel/r.git")
            self.assertIn("not found", done.err)  # the service's own 404
        done = self.tool("git", "-c", f"http.proxy={self.http}", "ls-remote",
                         "http://NOPE.tunnel/r.git")
        self.assertNotIn("not found", done.err)

    @needs("proxychains4")
    def test_proxychains(self):
        config = self.dir / "proxychains.conf"
        config.write_text(f"proxy_dns\n[ProxyList]\nsocks5 {self.host} {self.port}\n")
        self.gets("proxychains4", "-q", "-f", config, "curl", "-sS", URL)


class Pipes(Clients):
    """Programs that connect standard input and output."""

    request = b"GET /name HTTP/1.0\r\n\r\n"

    def pipes(self, *argv):
        done = self.tool(*argv, input=self.request)
        self.assertIn("web /name", done.text, done)

    @needs("nc")
    def test_nc(self):
        for kind in ("5", "connect"):
            self.pipes("nc", "-X", kind, "-x", self.way.proxy, "HTTP1.tunnel", "80")

    @needs("ncat")
    def test_ncat(self):
        for kind in ("socks5", "http"):
            self.pipes("ncat", "--proxy", self.way.proxy, "--proxy-type", kind,
                       *(["--proxy-dns", "remote"] if kind == "socks5" else []),
                       "HTTP1.tunnel", "80")

    @needs("socat")
    def test_socat(self):
        self.pipes("socat", "-t60", "-", f"SOCKS4A:{self.host}:HTTP1.tunnel:80,"
                   f"socksport={self.port}")
        self.pipes("socat", "-t60", "-", f"PROXY:{self.host}:HTTP1.tunnel:80,proxyport={self.port}")

    @needs("connect-proxy")
    def test_connect_proxy(self):
        for kind in ("-S", "-H"):
            self.pipes("connect-proxy", kind, self.way.proxy, "HTTP1.tunnel", "80")

    @needs("corkscrew")
    def test_corkscrew(self):
        """It leaves at the end of its input, so that stays open."""
        argv = ["corkscrew", self.host, self.port, "HTTP1.tunnel", "80"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
            p.stdin.write(self.request)
            p.stdin.flush()
            self.assertIn(b"web /name", b"".join(iter(p.stdout.readline, b"")))


class Putty(Case):
    """plink and psftp beside a second tunnel, where they once asked for a login."""

    def second_tunnel(self, hub):
        other = self.tunnel({"HTTP1": "127.0.0.1:9"}, name="b")
        config = self.dir / "gateway.conf"
        config.write_text(f"[tunnel b]\nendpoint = 127.0.0.1:{hub.port}\n"
                          f"token-file = {other.source}\nca = {certificates.certificate().ca}\n")
        return config

    @needs("plink", "psftp", "puttygen")
    def test_plink_and_psftp(self):
        sshd = Sshd(self, self.dir)
        hub = self.hub()
        way = self.open_way({"SSH1": sshd}, gateway=["--config", self.second_tunnel(hub)])
        way.gateway.wait_line("tunnel is up, with")
        key, home = self.dir / "key.ppk", self.dir / "home"
        run("puttygen", sshd.dir / "client", "-o", key)
        host_key = run("ssh-keygen", "-lf", sshd.dir / "host.pub").text.split()[1]
        for method in ("2", "3"):  # SOCKS 5, HTTP
            sessions = home / ".putty/sessions"
            sessions.mkdir(parents=True, exist_ok=True)
            (sessions / "way").write_text(
                f"HostName=SSH1.tunnel\nProtocol=ssh\nPortNumber=22\nProxyMethod={method}\n"
                f"ProxyHost=127.0.0.1\nProxyPort={way.port}\nProxyDNS=2\n")
            common = ("-batch", "-hostkey", host_key, "-i", key, "-load", "way")
            user = sshd.user("SSH1.tunnel").split("@")[0]
            env = environment(HOME=home)
            done = run("plink", *common, "-l", user, "echo it works", env=env)
            self.assertIn("it works", done.text, done)
            done = run("psftp", *common, "-l", user, "SSH1.tunnel", input=b"pwd\nquit\n", env=env)
            self.assertIn("Remote directory is", done.text, done)


class Broker(Origin):
    """As much of MQTT 3.1.1 as one message needs."""

    def serve(self, connection):
        while data := connection.recv(65536):
            if data[0] >> 4 == 1:
                connection.sendall(b"\x20\2\0\0")
            self.heard = getattr(self, "heard", b"") + data


class Irc(Origin):
    """Hears who it is that comes."""

    def serve(self, connection):
        self.heard = b""
        while data := connection.recv(65536):
            self.heard += data


class Others(Case):
    @needs("weechat-headless")
    def test_weechat(self):
        irc = self.origin(Irc())
        way = self.open_way({"IRC1": irc})
        for kind in ("socks5", "http"):
            irc.heard = b""
            self.start("weechat-headless", "--dir", self.dir / f"weechat-{kind}",
                       "-r", f"/proxy add gw {kind} 127.0.0.1 {way.port}",
                       "-r", "/server add way IRC1.tunnel/6667 -notls", "-r",
                       "/set irc.server.way.proxy gw", "-r", "/set irc.server.way.nicks visitor",
                       "-r", "/connect way", env=environment(HOME=self.dir), ends=(0, 1, -15))
            wait_until(lambda: b"NICK visitor" in irc.heard, kind)

    @needs("irssi", "script")
    def test_irssi(self):
        """By CONNECT; it does not wait for the answer, and takes that for a message of no kind."""
        irc, home = self.origin(Irc()), self.dir / "irssi"
        way = self.open_way({"IRC1": irc})
        home.mkdir()
        (home / "config").write_text(
            'servers = ( { address = "IRC1.tunnel"; chatnet = "way"; port = "6667"; autoconnect = '
            '"yes"; } );\nchatnets = { way = { type = "IRC"; nick = "visitor"; }; };\n'
            'settings = { core = { use_proxy = "yes"; proxy_address = "127.0.0.1"; proxy_port = '
            f'"{way.port}"; proxy_string = "CONNECT %s:%d HTTP/1.0\\r\\n\\r\\n"; '
            'proxy_string_after = ""; }; };\n')
        self.start("script", "-qc", f"irssi --home={home}", "/dev/null",
                   env=environment(HOME=home, TERM="xterm"), ends=(0, 1, 143, -15))
        wait_until(lambda: b"CAP LS" in getattr(irc, "heard", b""), "its greeting")

    @needs("mosquitto_pub")
    def test_mosquitto(self):
        """SOCKS only; and one sentence for every refusal."""
        broker = self.origin(Broker())
        way = self.open_way({"MQTT1": broker})
        publish = ("mosquitto_pub", "--proxy", f"socks5h://{way.proxy}", "-t", "a", "-m", "hello")
        done = run(*publish, "-h", "MQTT1.tunnel")
        self.assertEqual(done.code, 0, done)
        wait_until(lambda: b"hello" in getattr(broker, "heard", b""), "the message")
        self.assertNotEqual(run(*publish, "-h", "NOPE.tunnel").code, 0)

    def hop(self, name, config, *argv, port, **options):
        """Another proxy in front of us."""
        file = self.dir / f"{name}.conf"
        file.write_text(config)
        program = self.start(*(str(a).replace("CONFIG", str(file)) for a in argv), **options)
        wait_until(lambda: self.listens(port) or not program.alive(), name)
        self.assertTrue(program.alive(), program.output())
        done = run("curl", "-sS", "-x", f"http://127.0.0.1:{port}", URL)
        self.assertIn("web /name", done.text, done)

    @staticmethod
    def listens(port):
        try:
            dial(port).close()
            return True
        except OSError:
            return False

    @needs("tinyproxy")
    def test_tinyproxy_before_us(self):
        way = self.open_way({"HTTP1": self.origin(Http("web"))})
        for kind in ("http", "socks5"):
            port = free_port()
            self.hop("tinyproxy", f"Port {port}\nListen 127.0.0.1\nTimeout 60\n"
                     f"Upstream {kind} {way.proxy} \".tunnel\"\n",
                     "tinyproxy", "-d", "-c", "CONFIG", port=port)

    @needs("privoxy")
    def test_privoxy_before_us(self):
        way = self.open_way({"HTTP1": self.origin(Http("web"))})
        for rule in (f"forward-socks5 .tunnel {way.proxy} .", f"forward .tunnel {way.proxy}"):
            port = free_port()
            self.hop("privoxy", f"listen-address 127.0.0.1:{port}\n{rule}\n",
                     "privoxy", "--no-daemon", "CONFIG", port=port, ends=(0, 15))


def package(name):
    return unittest.skipUnless((NODE_MODULES / name).is_dir() and shutil.which("node"),
                               f"not installed: the npm package {name}")


class Greets(Origin):
    """A WebSocket server whose one message is a page's name."""

    def serve(self, connection):
        head, _ = read_head(connection)
        key = headers_of(head)["sec-websocket-key"] + MAGIC
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
        connection.sendall(b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n\x81\x09web /name")
        while connection.recv(4096):
            connection.sendall(b"\x88\0")
            return


class Node(Clients):
    def node(self, code):
        file = self.dir / "client.cjs"
        file.write_text(f"const url = '{URL}', http = '{self.http}', socks = '{self.socks}';\n"
                        f"(async () => {{ {code} }})().catch(e => {{ console.error(e); "
                        "process.exit(1); });\n")
        done = run("node", file, cwd=self.dir, env=environment(NODE_PATH=NODE_MODULES))
        self.assertIn("web /name", done.text, done)

    @package("undici")
    def test_undici(self):
        self.node("const u = require('undici'); const r = await u.request(url, {dispatcher: new "
                  "u.ProxyAgent({uri: http, proxyTunnel: false})}); console.log(await r.body.text())")
        for proxy in ("http", "socks.replace('socks5h', 'socks5')"):  # it resolves nothing itself
            self.node("const u = require('undici'); const r = await u.request(url, {dispatcher: "
                      f"new u.ProxyAgent({proxy})}}); console.log(await r.body.text())")

    @package("axios")
    def test_axios(self):
        self.node("const r = await require('axios').get(url, {proxy: {protocol: 'http', host: "
                  f"'{self.host}', port: {self.port}}}}}); console.log(r.data)")

    @package("socks-proxy-agent")
    def test_socks_proxy_agent(self):
        self.node("const {SocksProxyAgent} = require('socks-proxy-agent'); require('http').get(url,"
                  " {agent: new SocksProxyAgent(socks)}, r => r.pipe(process.stdout))")

    @package("ws")
    @package("https-proxy-agent")
    def test_ws(self):
        """A WebSocket by CONNECT, with a service that agrees and says one thing."""
        service = self.origin(Greets())
        way = self.open_way({"WEB2": service})
        for agent, name in (("https-proxy-agent", "HttpsProxyAgent"),
                            ("socks-proxy-agent", "SocksProxyAgent")):
            scheme = "http" if name.startswith("Https") else "socks5h"
            self.node(f"const A = require('{agent}').{name}, W = require('ws'); const w = new W("
                      f"'ws://WEB2.tunnel/', {{agent: new A('{scheme}://{way.proxy}')}}); "
                      "w.on('message', m => { console.log(String(m)); w.close(); });")

    @package("proxy-agent")
    def test_proxy_agent(self):
        for proxy in ("http", "socks"):
            self.node("const {ProxyAgent} = require('proxy-agent'); require('http').get(url, "
                      f"{{agent: new ProxyAgent({{getProxyForUrl: () => {proxy}}})}}, "
                      "r => r.pipe(process.stdout))")


if __name__ == "__main__":
    unittest.main()
