#!/usr/bin/env bash
# Prometheus reads the text exposition format with one parser in the server and with another one in
# `promtool check metrics`, the tool that exporters are told to test with.
# Guess: what promtool accepts the server scrapes, and the other way round.
# Seen: neither. A blank in front of a sample and a HELP text that is not UTF-8 pass promtool, and
# cost the server the whole scrape (up 0), samples before the odd line included. A missing line feed
# at the end, an unknown escape in a label and a TYPE line behind its sample are fatal in promtool
# and are scraped by the server. (promtool's exit code 3 is lint only: the text was parsed.)
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download prometheus=2.42.0+ds-5+deb12u1 >/dev/null
dpkg-deb -x ./*.deb root
export PATH="$t/root/usr/bin:$PATH"
promtool --version | head -1
cat >run.py <<'PY'
import http.server, json, socket, subprocess, sys, threading, time, urllib.parse, urllib.request
cases = {  # name: (text, promtool parses it, the server scrapes it)
    "plain": (b'a{l="x"} 1\n', True, True),
    "blank before a sample": (b" a 1\n", True, False),
    "HELP that is not UTF-8": (b"# HELP a \xff\na 1\n", True, False),
    "no line feed at the end": (b"a 1", False, True),
    "unknown escape in a label": (b'a{l="x\\ty"} 1\n', False, True),
    "TYPE behind its sample": (b"a 1\n# TYPE a gauge\n", False, True),
    "CR LF line ends": (b"# TYPE a gauge\r\na 1\r\n", False, False),
}
texts = [c[0] for c in cases.values()]
class Exporter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(texts[int(self.path[1:])])
    def log_message(self, *_):
        pass
exporter = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
threading.Thread(target=exporter.serve_forever, daemon=True).start()
with socket.create_server(("127.0.0.1", 0)) as s:
    port = s.getsockname()[1]
target = "127.0.0.1:%d" % exporter.server_address[1]
with open("config.yml", "w") as f:
    f.write("global: {scrape_interval: 1s}\nscrape_configs:\n")
    for i in range(len(texts)):
        f.write(f" - {{job_name: c{i}, metrics_path: /{i}, static_configs: [{{targets: ['{target}']}}]}}\n")
server = subprocess.Popen(["prometheus", "--config.file", "config.yml", "--storage.tsdb.path", "data",
                           "--web.listen-address", f"127.0.0.1:{port}"], stderr=open("log", "w"))
def up():
    query = urllib.parse.urlencode({"query": "up"})
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=5) as r:
            return {x["metric"]["job"]: x["value"][1] == "1" for x in json.load(r)["data"]["result"]}
    except OSError:
        return {}
for _ in range(300):
    scraped = up()
    if len(scraped) == len(texts):
        break
    time.sleep(0.2)
server.terminate()
server.wait()
good = True
for i, (name, (text, tool, scrape)) in enumerate(cases.items()):
    parsed = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True).returncode != 1
    print(f"{name}: promtool {'parses' if parsed else 'refuses'}, server {'scrapes' if scraped[f'c{i}'] else 'refuses'}")
    good = good and (parsed, scraped[f"c{i}"]) == (tool, scrape)
sys.exit(0 if good else "this has changed")
PY
/usr/bin/python3 run.py
