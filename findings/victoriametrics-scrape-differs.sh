#!/usr/bin/env bash
# One exposition, scraped by Prometheus and by VictoriaMetrics, which reads the same configuration.
# Guess: same samples, or both refuse.
# Seen: of a series that stands twice Prometheus keeps the first value, VictoriaMetrics the last; a
# value with a plus sign is taken by Prometheus and dropped without a word by VictoriaMetrics; NaN is
# stored by the one and skipped by the other.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download prometheus=2.42.0+ds-5+deb12u1 \
    victoria-metrics=1.79.5+ds1-2+b5 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
export PATH="$t/root/usr/bin:$PATH"
cat >run.py <<'PY'
import http.server, json, socket, subprocess, sys, threading, time, urllib.parse, urllib.request
TEXT = b'twice{l="x"} 1\ntwice{l="x"} 2\nplus +3\nnot NaN\nlast 4\n'
class Exporter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(TEXT)
    def log_message(self, *_):
        pass
exporter = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
threading.Thread(target=exporter.serve_forever, daemon=True).start()
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]
ports = {"prometheus": free_port(), "victoria-metrics": free_port()}
with open("config.yml", "w") as f:
    f.write("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: j, static_configs: "
            "[{targets: ['127.0.0.1:%d']}]}]\n" % exporter.server_address[1])
commands = {
    "prometheus": ["prometheus", "--config.file", "config.yml", "--storage.tsdb.path", "p",
                   "--web.listen-address", f"127.0.0.1:{ports['prometheus']}"],
    "victoria-metrics": ["victoria-metrics", "-promscrape.config", "config.yml", "-storageDataPath", "v",
                         "-search.latencyOffset", "0s", "-memory.allowedPercent", "5",
                         "-httpListenAddr", f"127.0.0.1:{ports['victoria-metrics']}"],
}
servers = [subprocess.Popen(c, stderr=open(n + ".log", "w")) for n, c in commands.items()]
def samples(port):
    query = urllib.parse.urlencode({"query": '{__name__=~"twice|plus|not|last"}'})
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=5) as r:
            return {x["metric"]["__name__"]: x["value"][1] for x in json.load(r)["data"]["result"]}
    except OSError:
        return {}
seen = {}
for _ in range(300):
    seen = {n: samples(p) for n, p in ports.items()}
    if all("last" in s for s in seen.values()):
        break
    time.sleep(0.2)
for s in servers:
    s.terminate()
    s.wait()
for name, s in seen.items():
    print(name, dict(sorted(s.items())))
sys.exit(0 if seen == {"prometheus": {"twice": "1", "plus": "3", "not": "NaN", "last": "4"},
                       "victoria-metrics": {"twice": "2", "last": "4"}} else "this has changed")
PY
/usr/bin/python3 run.py
