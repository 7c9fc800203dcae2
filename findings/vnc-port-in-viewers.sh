#!/usr/bin/env bash
# A device's screen by VNC through a tunnel: the tunnel's end here is a port of 127.0.0.1, 15901, and a viewer is given
# 127.0.0.1:15901. In VNC a number behind the colon is a display, whose port is 5900 more; "::" stands before a port.
# Guess: small numbers are displays, and what can be no display, 100 and more, is a port, as TigerVNC has it; "::" is a port.
# Seen: so have it TigerVNC 1.12.0, TightVNC 1.3.10 and SSVNC 1.0.29. gvncviewer 1.3.1 and vncsnapshot 1.2a, a program that
# takes pictures, add 5900 to all numbers and dial 21801, where at best nobody is; gvncviewer knows no "::", and
# cannot reach ports below 5900. With gvncviewer 127.0.0.1:10001 is the port 15901, and for the other ones the port 10001.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
packages=(tigervnc-viewer=1.12.0+dfsg-8 xtightvncviewer=1:1.3.10-7 ssvnc=1.0.29-6+b1 gvncviewer=1.3.1-1 vncsnapshot=1.2a-5.2 xvfb)
mapfile -t rest < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances "${packages[@]%%=*}" | grep -E '^(lib|xkb|x11-xkb|xserver-common)' | grep -vE '^(libc6|libc-)' | sort -u)
mapfile -t rest < <(apt-cache policy "${rest[@]}" |
    awk '/^[a-z]/ { name = $1 } /Candidate:/ && $2 != "(none)" { sub(":$", "", name); print name }')
apt-get -q -o APT::Sandbox::User=root download "${packages[@]}" "${rest[@]}" >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(find "$t/root/usr/lib" -path '*-linux-gnu*' \( -name '*.so.*' -o -name '*.so' \) -printf '%h\n' |
    grep -vE 'gconv|sasl2|gtk|gdk-pixbuf' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
cat >dialled.py <<'PY'
import select, socket, subprocess, sys
listening = {}
for port in (99, 150, 2222, 5999, 6050, 8122, 10001, 15901, 21801):
    s = listening[port] = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
viewer = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
ready = select.select(listening.values(), [], [], 10)[0]
viewer.kill()
viewer.wait()
print(*[port for port, s in listening.items() if s in ready] or ["none"])
PY
cat >inside <<'SH'
ip link set lo up
mount -t overlay overlay -o "lowerdir=$PWD/root/usr/bin:/usr/bin" /usr/bin # where Xvfb looks for xkbcomp
root/usr/bin/Xvfb -displayfd 3 -nolisten tcp -screen 0 640x480x24 -xkbdir "$PWD/root/usr/share/X11/xkb" 3>display >xvfb.log 2>&1 &
xvfb=$!
for _ in $(seq 100); do [ ! -s display ] || break; sleep 0.1; done
DISPLAY=:$(cat display) status=0
export DISPLAY
try() { # EXPECTED, COMMAND…
    local expected=$1 seen='' where
    shift
    for where in 127.0.0.1:99 127.0.0.1:150 127.0.0.1:2222 127.0.0.1:15901 127.0.0.1::15901 127.0.0.1:10001; do
        seen+="$(python3 dialled.py "${@/WHERE/$where}") "
    done
    echo "${1##*/} ${*:2}: 127.0.0.1 with :99, :150, :2222, :15901, ::15901, :10001 is port $seen"
    [ "$seen" = "$expected " ] || status=1
}
ports="5999 150 2222 15901 15901 10001"
try "$ports" root/usr/bin/xtigervncviewer WHERE
try "$ports" root/usr/bin/xtightvncviewer WHERE
try "$ports" root/usr/lib/ssvnc/vncviewer WHERE
try "5999 6050 8122 21801 none 15901" root/usr/bin/gvncviewer WHERE
try "5999 6050 8122 21801 15901 15901" root/usr/bin/vncsnapshot WHERE picture.jpg
kill "$xvfb"
exit "$status"
SH
timeout 150 unshare -rmn bash inside
