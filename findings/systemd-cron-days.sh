#!/usr/bin/env bash
# A device's jobs by cron(5): with a day of the month and a day of the week, "0 3 1,15 * 1" is at 3:00 on the 1st, on the 15th and
# on Mondays, on each of them; 7 is Sunday, and so "5-7" is Friday to Sunday. systemd-cron is Debian's cron for machines where
# systemd's timers shall run everything: it makes a timer of each line.
# Guess: the timers elapse when cron and the libraries for such lines say, or the line is refused.
# Seen: systemd-cron 1.15.19 makes "Mon *-*-1,15" of the first, the Mondays that are a 1st or a 15th: four nights of half a year and
# not 34. Of "5-7" it logs that it is garbled, and makes a timer for every night. python3-croniter 1.3.5, and npm's cron-parser
# and croner, have the manual's days.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock cron-parser@5.10.5 croner@11.0.0
apt-get -q -o APT::Sandbox::User=root download systemd-cron=1.15.19-5 python3-croniter=1.3.5-3 python3-dateutil python3-six \
    systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lines=("0 3 1,15 * 1" "0 3 * * 5-7" "0 3 * * 1-5" "0 3 1,15 * *")
mkdir -p etc/cron.d timers
printf '%s root /bin/true\n' "${lines[@]}" >etc/cron.d/device
printf 'root:x:0:0:root:/root:/bin/sh\n' >etc/passwd
unshare -rm sh -c 'mount --bind etc /etc && exec python3 root/lib/systemd/system-generators/systemd-crontab-generator timers' 2>log || true
cat log
cat >libraries.cjs <<'JS'
const { CronExpressionParser } = require('cron-parser'), { Cron } = require('croner')
const start = new Date('2026-12-31T12:00:00Z'), end = new Date('2027-06-30T12:00:00Z')
for (const line of process.argv.slice(2)) {
    const from = CronExpressionParser.parse(line, { currentDate: start, tz: 'UTC' })
    let parsed = 0
    while (from.next().toDate() < end) parsed++
    const runs = new Cron(line, { timezone: 'UTC' }).nextRuns(400, start).filter(date => date < end).length
    console.log(`${parsed} ${runs}`)
}
JS
cat >try.py <<'PY'
import glob, os, subprocess, sys
from datetime import datetime, timedelta
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
from croniter import croniter
lines = sys.argv[1:]
start, end = datetime(2026, 12, 31, 12), datetime(2027, 6, 30, 12)
calendars = {}
for name in glob.glob("timers/*.timer"):
    with open(name) as file:
        text = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    calendars[text["Description"].split('"')[1].removesuffix(" root /bin/true")] = text["OnCalendar"].strip()
def elapses(calendar):
    shown = subprocess.run(["root/usr/bin/systemd-analyze", "calendar", "--iterations=400", "--base-time=2026-12-31 12:00:00 UTC", calendar],
                           stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "TZ": "UTC"}).stdout
    dates = [" ".join(line.split()[-3:-1]) for line in shown.splitlines() if line.split()[-1:] == ["UTC"]]
    return sum(datetime.fromisoformat(date) < end for date in dates)
in_node = subprocess.run(["node", "libraries.cjs", *lines], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
seen = []
for line, of_node in zip(lines, in_node):
    runs = croniter(line, start)
    by_croniter = 0
    while runs.get_next(datetime) < end:
        by_croniter += 1
    seen.append([calendars[line], elapses(calendars[line]), by_croniter, *map(int, of_node.split())])
    print('"{}": OnCalendar={}: in half a year {} times, by croniter {}, cron-parser {}, croner {}'.format(line, *seen[-1]))
sys.exit(seen != [["Mon *-*-1,15 3:0:00", 4, 34, 34, 34], ["*-*-* 3:0:00", 181, 78, 78, 78],
                  ["Mon,Tue,Wed,Thu,Fri *-*-* 3:0:00", 129, 129, 129, 129], ["*-*-1,15 3:0:00", 12, 12, 12, 12]])
PY
LD_LIBRARY_PATH=$(find "$t/root" -name 'libsystemd-shared*' -printf '%h') timeout 60 /usr/bin/python3 try.py "${lines[@]}"
