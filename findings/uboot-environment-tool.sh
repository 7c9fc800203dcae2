#!/usr/bin/env bash
# U-Boot keeps its variables in flash; from Linux, updates read and write them by fw_printenv and fw_setenv of
# libubootenv, which replaced U-Boot's own tools in Debian and on many devices.
# Guess: fw_printenv fails for a variable that is not there, as U-Boot's did; "fw_setenv -s" of what fw_printenv printed
# changes nothing, and says which line it cannot read; U-Boot's mkenvimage joins a line that ends in a backslash with
# the next.
# Seen: libubootenv 0.3.2 prints "NAME=" and ends with 0 for what is not there, as for what is empty. After its own
# output is read again the empty variables are gone, and of a value of two lines the second is gone without a word, or,
# where it has a "=", has become a variable of its own, spaces before its name and all. mkenvimage 2023.01 drops the
# backslash but keeps the line's end in the value.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libubootenv-tool=0.3.2-1 libubootenv0.1=0.3.2-1 \
    u-boot-tools=2023.01+dfsg-2+deb12u3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
tool() { timeout 10 "root/usr/bin/fw_$1" -c fw.config "${@:2}"; }
# shellcheck disable=SC1003 # a backslash at the end of a line
printf '%s\n' 'args=console=ttyS0 \' '  root=/dev/sda' 'empty=' 'note=one\' 'two' 'plain=1' >environment
root/usr/bin/mkenvimage -s 4096 -o image environment
echo "$t/image 0 0x1000" >fw.config
tool printenv >first
status=0
missing=$(tool printenv missing) || status=$?
echo "missing: $missing, status $status"
tool setenv -s first
tool printenv >second
echo '--- printed at first:'
cat first
echo '--- after that was read again:'
cat second
printf '%s\n' 'args=console=ttyS0 ' '  root=/dev/sda' 'empty=' 'note=one' 'two' 'plain=1' | cmp - first
printf '%s\n' '  root=/dev/sda' 'args=console=ttyS0 ' 'note=one' 'plain=1' | cmp - second
[ "$missing" = 'missing=' ] && [ "$status" = 0 ] && [ "$(tool printenv empty)" = 'empty=' ]
