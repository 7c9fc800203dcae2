#!/usr/bin/env bash
# Two programs of a device leave their numbers in .prom files for node_exporter's textfile collector, and share a
# metric, each with labels of its own; the second writes no HELP line, or other words in it.
# Guess: the samples of both are there, or node_textfile_scrape_error, which is for that, is 1.
# Seen: the second file's samples are missing, node_textfile_scrape_error is 0 and the page is 200. Without HELP in both
# files, or with the same words, all are there.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download prometheus-node-exporter=1.5.0-1+b6 >/dev/null
dpkg-deb -x ./*.deb root
cat >run.py <<'PY'
import os, re, socket, subprocess, sys, time, urllib.error, urllib.request
os.mkdir("files")
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
listener.close()
exporter = subprocess.Popen(["root/usr/bin/prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                             "--collector.textfile.directory=files", f"--web.listen-address=127.0.0.1:{port}"],
                            stderr=open("log", "w"))
def page():
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as r:
                return r.status, r.read().decode()
        except urllib.error.URLError:
            time.sleep(0.1)
    sys.exit("no exporter")
def seen(first, second):
    for name, text in ("first", first), ("second", second):
        with open(f"files/{name}.prom", "w") as f:
            f.write(text)
    status, text = page()
    return status, re.findall(r'^link_up.*', text, re.M), re.findall(r"^node_textfile_scrape_error (\d)", text, re.M)
help_ = "# HELP link_up Whether the link is up.\n"
kind = "# TYPE link_up gauge\n"
a, b = 'link_up{name="a"} 1\n', 'link_up{name="b"} 1\n'
cases = {"the same HELP": (help_ + kind + a, help_ + kind + b), "no HELP in both": (kind + a, kind + b),
         "no HELP in the second": (help_ + kind + a, kind + b),
         "other words in the second": (help_ + kind + a, help_.replace("Whether", "If") + kind + b)}
try:
    results = [seen(*files) for files in cases.values()]
finally:
    exporter.terminate()
    exporter.wait()
for case, result in zip(cases, results):
    print(f"{case}: status {result[0]}, {len(result[1])} of 2 samples, node_textfile_scrape_error {result[2][0]}")
both, one = (200, [a.strip(), b.strip()], ["0"]), (200, [a.strip()], ["0"])
sys.exit(0 if results[::2] == [both, one] and results[3] == one else "this has changed")
PY
/usr/bin/python3 run.py
