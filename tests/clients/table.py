"""The matrix of clients: how each program is pointed at the gateway, and what its user sees.

A row's command is a shell command; {p} is the gateway's 127.0.0.1:PORT, {host} and {port} its two
halves, {name} the host that is called, {dir} a folder of the row's own, {key}, {known} and {user}
what ssh needs. It has to end with 0 and show `shows` for a service that is there; for a name that
is none (unless `refused` is None) it has to fail, or at least show `refused`."""

from dataclasses import dataclass

WEB = "HTTP1.tunnel"
MISSING = "HTTP9.tunnel"
REASON = "no service"  # of the gateway's own words


@dataclass
class Client:
    title: str
    packages: str          # of Debian; NODE: of package.json
    command: str
    shows: str = "hello from web"
    refused: str | None = ""  # a regular expression; "": any failure
    name: str = WEB
    missing: str = MISSING
    cannot: str = ""       # why the command fails all the same; it has to, showing `shows`


SSH_OPTIONS = ("-F none -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR "
               "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={known}")


def by_ssh(title, packages, proxy_command, refused=""):
    return Client(f"ssh, {title}", f"openssh-client {packages}",
                  f"ssh {SSH_OPTIONS} -o 'ProxyCommand={proxy_command}' {{user}}@{{name}} echo hello from ssh",
                  "hello from ssh", refused, "SSH1.tunnel", "SSH9.tunnel")


NODE = "npm:"


def by_node(title, script, refused="", **more):
    return Client(title, NODE, f"node {{node}}/{script} {{p}} {{name}}", refused=refused,
                  **more)


def by_python(title, packages, code, refused="", **more):
    return Client(title, packages, f"/usr/bin/python3 -c '{code}'", refused=refused, **more)


PYTHON_SOCKS = ('import requests; p = "socks5h://{p}"; '
                'r = requests.get("http://{name}/hello", proxies={{"http": p}}); r.raise_for_status(); print(r.text)')
CLIENTS = [
    # ---- curl and those that download ----
    Client("curl socks5h", "curl", "curl -sS -x socks5h://{p} http://{name}/hello", refused="5|4"),
    Client("curl socks4a", "curl", "curl -sS -x socks4a://{p} http://{name}/hello"),
    Client("curl http", "curl", "curl -sSf -x http://{p} http://{name}/hello"),
    Client("curl CONNECT", "curl", "curl -sS -p -x http://{p} http://{name}/hello"),
    Client("curl ALL_PROXY", "curl", "ALL_PROXY=socks5h://{p} curl -sS http://{name}/hello"),
    Client("curl socks5", "curl", "curl -sS -x socks5://{p} http://{name}/hello", "Could not resolve",
           cannot="resolves by itself"),
    Client("wget", "wget", "http_proxy=http://{p} wget -qS -t1 -O - http://{name}/hello"),
    Client("wget2", "wget2", "wget2 -S --tries=1 --http-proxy=http://{p} -O - http://{name}/hello",
           refused="502"),  # its exit code is 0 all the same
    Client("lftp", "lftp", "lftp -c 'set http:proxy http://{p}; set net:max-retries 1; cat http://{name}/hello'"),
    Client("aria2", "aria2", "aria2c -q --max-tries=1 --all-proxy=http://{p} -d {dir} -o got http://{name}/hello "
           "&& cat {dir}/got"),
    Client("httpie", "httpie", "http --ignore-stdin --check-status --proxy=http:http://{p} http://{name}/hello"),
    Client("httpie socks5h", "httpie python3-socks",
           "http --ignore-stdin --proxy=http:socks5h://{p} http://{name}/hello"),
    Client("apt socks5h", "apt", "/usr/lib/apt/apt-helper -o Acquire::http::Proxy=socks5h://{p} -o Acquire::Retries=0 "
           "-o APT::Sandbox::User=root download-file http://{name}/hello {dir}/got && cat {dir}/got"),
    Client("apt http", "apt", "/usr/lib/apt/apt-helper -o Acquire::http::Proxy=http://{p} -o Acquire::Retries=0 "
           "-o APT::Sandbox::User=root download-file http://{name}/hello {dir}/got && cat {dir}/got"),
    Client("ab", "apache2-utils", "ab -q -n 20 -c 4 -X {p} http://{name}/hello", r"Failed requests: +0\nTotal", "Non-2xx"),
    # ---- text browsers ----
    Client("lynx", "lynx", "http_proxy=http://{p}/ lynx -dump http://{name}/hello", refused=REASON),
    Client("w3m", "w3m", "http_proxy=http://{p}/ w3m -dump http://{name}/hello", refused=REASON),
    Client("links", "links", "links -socks-proxy {p} -only-proxies 1 -dump http://{name}/hello"),
    Client("links http", "links", "links -http-proxy {p} -dump http://{name}/hello", refused=REASON),
    Client("elinks", "elinks", "HOME={dir} elinks -eval 'set protocol.http.proxy.host = \"{p}\"' -dump http://{name}/hello",
           refused=REASON),
    # ---- Firefox ----
    *(Client(f"Firefox {title}", "firefox-esr", f"/usr/bin/python3 {{scripts}}/firefox.py {{dir}} http://{{name}}/hello {preferences}", refused=refused)
      for title, preferences, refused in (
          ("PAC", "network.proxy.type=2 network.proxy.autoconfig_url=http://{p}/proxy.pac", REASON),
          ("SOCKS5", "network.proxy.type=1 network.proxy.socks={host} network.proxy.socks_port={port}", "about:neterror|Firefox"),
          ("http", "network.proxy.type=1 network.proxy.http={host} network.proxy.http_port={port}", REASON))),
    # ---- languages ----
    by_python("Python urllib", "python3", 'import os, urllib.request; os.environ["http_proxy"] = "http://{p}"; '
              'print(urllib.request.urlopen("http://{name}/hello").read().decode())', "HTTPError"),
    by_python("Python requests", "python3-requests", PYTHON_SOCKS.replace("socks5h", "http"), "HTTPError"),
    by_python("Python requests socks5h", "python3-requests python3-socks", PYTHON_SOCKS, "0x04|0x05"),
    by_python("Python requests socks5", "python3-requests python3-socks", PYTHON_SOCKS.replace("socks5h", "socks5"),
              shows="Name or service not known|Temporary failure|No address", cannot="resolves by itself"),
    by_python("Python httpx socks5", "python3-httpx python3-socksio", 'import httpx; '
              'print(httpx.get("http://{name}/hello", proxies="socks5://{p}").raise_for_status() or '
              'httpx.get("http://{name}/hello", proxies="socks5://{p}").text)'),
    by_python("Python pycurl", "python3-pycurl", 'import pycurl; c = pycurl.Curl(); '
              'c.setopt(pycurl.URL, "http://{name}/hello"); c.setopt(pycurl.PROXY, "socks5h://{p}"); c.perform()'),
    by_python("Python aiohttp", "python3-aiohttp", '''import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession(raise_for_status=True) as s:
        async with s.get("http://{name}/hello", proxy="http://{p}") as r:
            print(await r.text())
asyncio.run(main())'''),
    *(by_python(f"PySocks {kind}", "python3-socks", 'import socks; s = socks.socksocket(); '
                f's.set_proxy(socks.{kind}, "{{host}}", {{port}}); s.settimeout(9); s.connect(("{{name}}", 25)); print(s.recv(99))',
                shows="220 mail.example", name="SMTP1.tunnel", missing="SMTP9.tunnel")
      for kind in ("SOCKS5", "SOCKS4")),
    Client("Perl LWP", "libwww-perl", "http_proxy=http://{p} lwp-request -m GET http://{name}/hello", refused=REASON),
    Client("Perl LWP socks", "libwww-perl liblwp-protocol-socks-perl", "perl -MLWP::UserAgent -e '$u = LWP::UserAgent->new; "
           "$u->proxy(http => q(socks://{p})); $r = $u->get(q(http://{name}/hello)); print $r->decoded_content; "
           "exit !$r->is_success'"),
    Client("Perl HTTP::Tiny", "perl", "http_proxy=http://{p} perl -MHTTP::Tiny -e '$r = HTTP::Tiny->new->get(q(http://{name}/hello)); "
           "print $r->{{content}}; exit !$r->{{success}}'", refused=REASON),
    Client("Ruby net/http", "ruby", "http_proxy=http://{p} ruby -rnet/http -e 'r = Net::HTTP.get_response(URI(\"http://{name}/hello\")); "
           "puts r.body; exit r.is_a?(Net::HTTPOK)'", refused=REASON),
    Client("PHP streams", "php-cli", "php -r 'echo file_get_contents(\"http://{name}/hello\", false, stream_context_create([\"http\" => "
           "[\"proxy\" => \"tcp://{p}\", \"request_fulluri\" => true]])) ?: exit(1);'"),
    Client("PHP curl", "php-cli php-curl", "php -r '$c = curl_init(\"http://{name}/hello\"); curl_setopt($c, CURLOPT_PROXY, \"socks5h://{p}\"); "
           "exit(curl_exec($c) ? 0 : 1);'"),
    Client("Java URLConnection", "default-jdk-headless", "java -Dhttp.proxyHost={host} -Dhttp.proxyPort={port} {scripts}/Get.java http://{name}/hello"),
    Client("Java SOCKS", "default-jdk-headless", "java -DsocksProxyHost={host} -DsocksProxyPort={port} {scripts}/Get.java http://{name}/hello"),
    Client("Java HttpClient", "default-jdk-headless", "java {scripts}/GetModern.java {host} {port} http://{name}/hello"),
    by_node("Node undici ProxyAgent", "undici.js"),
    by_node("Node undici Socks5", "undici_socks.js"),
    by_node("Node socks-proxy-agent", "socks_agent.js"),
    by_node("Node http-proxy-agent", "http_agent.js", REASON),
    by_node("Node https-proxy-agent (CONNECT)", "connect_agent.js"),
    by_node("Node pac-proxy-agent", "pac_agent.js", REASON),
    by_node("Node axios", "axios.js", "50[0-9]|40[0-9]"),
    by_node("Node proxy-agent", "proxy_agent.js", REASON),
    by_node("Node ws by SOCKS", "ws_socks.js", shows="echo: hello", name="WS1.tunnel", missing="WS9.tunnel"),
    by_node("Node ws by CONNECT", "ws.js", shows="echo: hello", name="WS1.tunnel", missing="WS9.tunnel"),
    Client("npm", NODE, "npm --userconfig /dev/null --registry http://{name}/ --proxy http://{p} --fetch-retries 0 "
           "--cache {dir}/cache ping", "PONG|pong", refused="E[45]|error"),
    # ---- version control ----
    Client("git http socks5h", "git", "GIT_CONFIG_GLOBAL=/dev/null git -c http.proxy=socks5h://{p} ls-remote http://{name}/project.git",
           "refs/heads/main"),
    Client("git http", "git", "GIT_CONFIG_GLOBAL=/dev/null git -c http.proxy=http://{p} ls-remote http://{name}/project.git",
           "refs/heads/main"),
    Client("svn", "subversion", "svn --non-interactive --config-dir {dir} --config-option servers:global:http-proxy-host={host} "
           "--config-option servers:global:http-proxy-port={port} info http://{name}/hello", "does not appear|E1|OPTIONS|E17",
           refused=None, cannot="the page server is none"),
    Client("hg", "mercurial", "hg --config http_proxy.host={p} identify http://{name}/", "[0-9a-f]{12}",
           name="WEB2.tunnel", missing="WEB9.tunnel"),
    # ---- ssh ----
    by_ssh("tunnel-gateway connect", "", "{bin}/tunnel-gateway connect %h %p --gateway {p}", REASON),
    by_ssh("nc -X 5", "netcat-openbsd", "nc -X 5 -x {p} %h %p", "Host unreachable|refused|General"),
    by_ssh("nc -X connect", "netcat-openbsd", "nc -X connect -x {p} %h %p", REASON),
    by_ssh("ncat socks5", "ncat", "ncat --proxy {p} --proxy-type socks5 %h %p"),
    by_ssh("ncat http", "ncat", "ncat --proxy {p} --proxy-type http %h %p"),
    by_ssh("socat SOCKS4A", "socat", "socat - SOCKS4A:{host}:%h:%p,socksport={port}"),
    by_ssh("socat PROXY", "socat", "socat - PROXY:{host}:%h:%p,proxyport={port}", REASON),
    by_ssh("connect-proxy -S", "connect-proxy", "connect-proxy -S {p} %h %p"),
    by_ssh("connect-proxy -H", "connect-proxy", "connect-proxy -H {p} %h %p"),
    by_ssh("corkscrew", "corkscrew", "corkscrew {host} {port} %h %p"),
    by_ssh("proxytunnel", "proxytunnel", "proxytunnel -q -p {p} -d %h:%p"),
    Client("scp", "openssh-client", f"echo hello >{{dir}}/a && scp {SSH_OPTIONS} -o 'ProxyCommand=nc -X 5 -x {{p}} %h %p' {{dir}}/a {{user}}@{{name}}:{{dir}}/b "
           "&& cat {dir}/b", "hello", "", "SSH1.tunnel", "SSH9.tunnel"),
    Client("sftp", "openssh-client", f"echo pwd | sftp {SSH_OPTIONS} -o 'ProxyCommand=nc -X 5 -x {{p}} %h %p' {{user}}@{{name}}",
           "Remote working directory", "", "SSH1.tunnel", "SSH9.tunnel"),
    Client("rsync over ssh", "rsync openssh-client", f"echo hello >{{dir}}/a && rsync -e \"ssh {SSH_OPTIONS} -o 'ProxyCommand=nc -X 5 -x {{p}} %h %p'\" "
           "{dir}/a {user}@{name}:{dir}/b && cat {dir}/b", "hello", "", "SSH1.tunnel", "SSH9.tunnel"),
    Client("plink", "putty-tools", "puttygen {key} -O private -o {dir}/key.ppk && plink -batch -ssh -i {dir}/key.ppk -hostkey {fingerprint} "
           "-proxycmd 'nc -X 5 -x {p} %host %port' {user}@{name} echo hello from ssh", "hello from ssh", "", "SSH1.tunnel", "SSH9.tunnel"),
    Client("dbclient", "dropbear-bin", "dropbearconvert openssh dropbear {key} {dir}/key && dbclient -y -y -i {dir}/key "
           "-J 'nc -X 5 -x {p} {name} 22' {user}@{name} echo hello from ssh", "hello from ssh", "", "SSH1.tunnel", "SSH9.tunnel"),
    # ---- other protocols ----
    Client("rsync daemon", "rsync", "RSYNC_PROXY={p} rsync rsync://{name}/files/", "hello.txt", "", "RSYNC1.tunnel", "RSYNC9.tunnel"),
    Client("mosquitto_pub", "mosquitto-clients", "mosquitto_pub --proxy socks5h://{p} -h {name} -t a -m hello -q 1 && echo published", "published", "",
           "MQTT1.tunnel", "MQTT9.tunnel"),
    Client("mosquitto_sub", "mosquitto-clients", "mosquitto_pub -h 127.0.0.1 -p {broker} -t b -r -m retained && "
           "mosquitto_sub --proxy socks5h://{p} -h {name} -t b -C 1 -W 10", "retained", "", "MQTT1.tunnel", "MQTT9.tunnel"),
    *(Client(f"openvpn {title}", "openvpn", "openvpn --dev null --proto tcp-client --remote {name} 1194 --nobind --ifconfig-noexec "
             f"--tls-client --ca {{vpn.ca}} --cert {{vpn.cert}} --key {{vpn.key}} --{option} {{host}} {{port}} "
             "--connect-retry 1 1 --connect-retry-max 3 --log {dir}/log & while sleep 0.1; do grep -q 'Sequence Completed' {dir}/log && break; "
             "kill -0 $! 2>{dir}/gone || break; done; cat {dir}/log; kill $! && wait",
             "Initialization Sequence Completed", "", "VPN1.tunnel", "VPN9.tunnel")
      for title, option in (("by SOCKS", "socks-proxy"), ("http", "http-proxy"))),
    Client("irssi", "irssi", "mkdir {dir}/irssi && sed 's/HOST/{host}/; s/PORT/{port}/; s/NAME/{name}/' {scripts}/irssi.conf >{dir}/irssi/config && "
           "TERM=xterm timeout 9 script -qec 'irssi --home={dir}/irssi' /dev/null", "hello from irc", "502", "IRC1.tunnel", "IRC9.tunnel"),
    Client("WeeChat", "weechat-headless", "timeout 20 weechat-headless --dir {dir}/w -r '/proxy add gw socks5 {host} {port}' "
           "-r '/server add way {name}/6667 -notls' -r '/set irc.server.way.proxy gw' -r '/set irc.server.way.nicks visitor' "
           "-r '/set irc.server.way.command /quit' -r '/set irc.server.way.autoreconnect off' -r '/connect way' -r '/wait 10 /quit'; cat {dir}/w/logs/*way* && "
           "grep -q 'hello from irc' {dir}/w/logs/*way*", "hello from irc", "", "IRC1.tunnel", "IRC9.tunnel"),
    Client("msmtp", "msmtp", "msmtp --host={name} --port=25 --proxy-host={host} --proxy-port={port} --auth=off --serverinfo --timeout=10",
           "SMTP server at", "", "SMTP1.tunnel", "SMTP9.tunnel"),
    Client("openssl s_client", "openssl", "echo | openssl s_client -proxy {p} -connect {name}:443 -brief", "CONNECTION ESTABLISHED", "", "TLS1.tunnel",
           "TLS9.tunnel"),
    # ---- wrappers and proxies in front ----
    Client("proxychains4", "proxychains4 curl", "printf 'strict_chain\\nproxy_dns\\n[ProxyList]\\nsocks5 {host} {port}\\n' >{dir}/c && "
           "proxychains4 -q -f {dir}/c curl -sS http://{name}/hello"),
    Client("tsocks", "tsocks curl", "printf 'server = {host}\\nserver_port = {port}\\nserver_type = 5\\n' >{dir}/c && "
           "TSOCKS_CONF_FILE={dir}/c tsocks curl -sS http://{name}/hello", "Could not resolve", cannot="resolves by itself"),
    Client("torsocks", "torsocks curl", "torsocks -a {host} -P {port} curl -sS http://{name}/hello", "Could not resolve|Couldn.t|failed",
           cannot="asks for Tor's own command RESOLVE"),
    Client("haproxy in front", "haproxy", "printf 'defaults\n timeout connect 9s\n timeout client 9s\n timeout server 9s\n"
           "listen way\n bind {dir}/way\n server web {name}:80 socks4 {p}\n' >{dir}/c && haproxy -f {dir}/c", "could not resolve address",
           cannot="resolves by itself"),
    *(Client(f"{title} in front", f"{package} curl", f"{{scripts}}/in_front {kind} {{p}} {{dir}} http://{{name}}/hello", refused=refused)
      for title, package, kind, refused in (
          ("tinyproxy", "tinyproxy-bin", "tinyproxy", REASON), ("tinyproxy by SOCKS", "tinyproxy-bin", "tinyproxy-socks5", ""),
          ("privoxy", "privoxy", "privoxy-http", REASON), ("privoxy by SOCKS", "privoxy", "privoxy", ""),
          ("squid", "squid-openssl", "squid", REASON))),
    Client("dante in front", "dante-server curl", "{scripts}/in_front dante {p} {dir} http://{name}/hello", r"SOCKS5 connection to .* \(4\)",
           cannot="resolves by itself"),
]
