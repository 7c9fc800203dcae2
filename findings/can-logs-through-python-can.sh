#!/usr/bin/env bash
# A recording of a CAN bus by candump -l (can-utils): data, a remote frame that asks for 8 bytes, a CAN FD frame, and an error
# frame, by which the controller says that it was too slow ("20000004", 2 is the flag of errors). python-can reads it, and
# writes and reads other forms of log, by the end of the file's name.
# Guess: each frame comes back as what it was, in each form, or there is an error.
# Seen: python-can 4.1.0 makes of the error frame a message like others, with the extended identifier 4 and its eight bytes, and
# writes it so; of errors on the bus, flag 0x80, it keeps that they were some. CSV and SQLite forget that a frame is CAN FD,
# and the channel; the log of candump what a remote frame asked for; ASC and BLF the names of the channels. TRC leaves out
# remote, FD and error frames, with a warning, and the time that it gives for its beginning is the recording's, counted from now.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-can=4.1.0-1 can-utils=2020.11.0-1 python3-wrapt python3-msgpack \
    python3-packaging python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >bus.log <<'LOG'
(1763600000.000001) can0 123#DEADBEEF
(1763600000.100001) can0 123#R8
(1763600000.200001) can0 126##1112233445566778899AABBCC
(1763600000.300001) can0 20000004#0004000000000000
(1763600000.400001) can1 20000080#0000000000000000
LOG
cat >try.py <<'PY'
import can, logging, sys
logging.disable(logging.WARNING)
def read(name):
    with can.LogReader(name) as frames:
        return list(frames)
kind = lambda f: "error" if f.is_error_frame else "remote" if f.is_remote_frame else "FD" if f.is_fd else "data"
short = lambda f: f"{f.arbitration_id:x} {kind(f)} {f.dlc}"
channel = lambda f: str(f.channel)
given = read("bus.log")
seen = {"as read": ([short(f) for f in given], channel(given[0]))}
for end in "log", "asc", "blf", "csv", "db", "trc":
    with can.Logger(f"copy.{end}") as writer:
        for frame in given:
            writer(frame)
    copy = read(f"copy.{end}")
    seen[end] = [short(f) for f in copy], channel(copy[0])
for form, (frames, first) in seen.items():
    print(f"{form}: {', '.join(frames)}; channel of the first one: {first}")
with open("copy.log") as file:
    line = file.read().splitlines()[3]
with open("copy.trc") as file:
    start = float(next(l for l in file if l.startswith(";$STARTTIME=")).split("=")[1])
years = (start - 25569) / 365.25 + 1970
print(f"the fourth line of copy.log: {line}; the trace of November 2025 begins in {years:.0f}")
right = ["123 data 4", "123 remote 8", "126 FD 12", "4 data 8", "0 error 0"]
without_fd = right[:2] + ["126 data 12"] + right[3:]
wanted = {"as read": (right, "can0"), "log": (right[:1] + ["123 remote 0"] + right[2:], "can0"), "asc": (right, "0"), "blf": (right, "0"),
          "csv": (without_fd, "None"), "db": (without_fd, "None"), "trc": ([right[0], right[3]], "1")}
sys.exit(not (seen == wanted and line.endswith("can0 00000004#0004000000000000 R") and years > 2080))
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages timeout 50 /usr/bin/python3 try.py
