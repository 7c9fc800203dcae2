#!/usr/bin/env bash
# A curses program sees COLORS of 256 or more and takes number 208 of xterm's palette, an orange.
# Guess: with TERM=xterm-direct, which has 16777216 colours, it is that orange, too.
# Seen: it is nearly black. There a number is an RGB value, so 208 is the blue #0000d0 and 231, the palette's
# white, is a blue as well; numbers 0 to 7 stay the standard colours. konsole-direct and vte-direct do it, too. "At
# least 256" is no test for the palette: it is there if COLORS is 256.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download ncurses-term=6.4-4 ncurses-base=6.4-4 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
export TERMINFO_DIRS="$t/root/usr/share/terminfo:$t/root/lib/terminfo"
cat >seen.py <<'PY'
import curses, re, sys
def colour(number):
    said = curses.tparm(curses.tigetstr("setaf"), number).decode()
    rgb = re.fullmatch(r"\x1b\[38[:;]2[:;]+(\d+)[:;](\d+)[:;](\d+)m", said)
    return "#" + bytes(map(int, rgb.groups())).hex() if rgb else said.replace("\x1b", "ESC")
curses.setupterm(sys.argv[1])
seen = [curses.tigetnum("colors"), colour(1), colour(208), colour(231)]
print(sys.argv[1], *seen)
direct = [1 << 24, "ESC[31m", "#0000d0", "#0000e7"]
palette = [256, "ESC[31m", "ESC[38;5;208m", "ESC[38;5;231m"]
sys.exit(0 if seen == (direct if sys.argv[1].endswith("-direct") else palette) else "this has changed")
PY
for term in xterm-256color xterm-direct konsole-direct vte-direct; do /usr/bin/python3 seen.py $term; done
