#!/usr/bin/env bash
# The UPS of a site tells its state by Network UPS Tools, and takes names: SET VAR pump ups.id "Hall 2 north". Texts with blanks stand
# in quotation marks, and in these a quotation mark has a backslash before it.
# Guess: npm's node-nut writes and reads this form, and what it says was set is set.
# Seen: node-nut 1.0.3 sends a value as it stands, without quotation marks: "Hall 2 north" makes the UPS "Hall", and the callback
# says that all is well. It reads a location of Rack "3" with the backslashes in it; upsc 2.8.0 has Rack "3". What NUT's own
# upsrw 2.8.0 sets is whole with blanks, but ends at a quotation mark, and it says OK too.
set -euo pipefail
t=$(mktemp -d)
started=()
trap '[ ${#started[@]} = 0 ] || kill "${started[@]}"; rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock node-nut@1.0.3
apt-get -q -o APT::Sandbox::User=root download nut-server=2.8.0-7 nut-client=2.8.0-7 libupsclient6=2.8.0-7 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*):$(echo "$t"/root/lib/*-linux-gnu*)
export LD_LIBRARY_PATH NUT_CONFPATH="$t/nut" NUT_STATEPATH="$t/state" NUT_ALTPIDPATH="$t/state"
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir nut state
printf '[pump]\ndriver = dummy-ups\nport = %s/nut/pump.dev\n' "$t" >nut/ups.conf
printf 'ups.id: old\nups.status: OL\ndevice.location: "Rack \\"3\\""\n' >nut/pump.dev
printf 'LISTEN 127.0.0.1 %s\n' "$port" >nut/upsd.conf
printf '[admin]\npassword = secret\nactions = SET\n' >nut/upsd.users
chmod 600 nut/*
within() { # runs the command until it succeeds, 10 seconds at most
    for _ in {1..50}; do
        ! "$@" || return 0
        sleep 0.2
    done
    echo "no success: $*" >&2
    return 1
}
root/lib/nut/dummy-ups -a pump -u "$(id -un)" -D >driver.log 2>&1 &
started+=($!)
within test -S state/dummy-ups-pump
root/lib/nut/upsd -u "$(id -un)" -D >upsd.log 2>&1 &
started+=($!)
get() { root/bin/upsc "pump@127.0.0.1:$port" "$1" 2>/dev/null; }
is() { [[ $(get "$1") == "$2" ]]; }
within is ups.id old
set_by_upsrw() { root/bin/upsrw -s "ups.id=$1" -u admin -p secret "pump@127.0.0.1:$port" 2>&1; }
told=$(set_by_upsrw 'Hall 2 south')
within is ups.id 'Hall 2 south'
echo "upsrw, Hall 2 south: $told, it is $(get ups.id)"
told=$(set_by_upsrw 'Hall "2" west')
within is ups.id 'Hall '
echo "upsrw, Hall \"2\" west: $told, it is $(get ups.id)"
cat >with-npm.cjs <<'JS'
const Nut = require('node-nut'), nut = new Nut(Number(process.argv[2]), '127.0.0.1')
nut.on('error', error => { throw error })
nut.on('ready', () => nut.SetUsername('admin', () => nut.SetPassword('secret', () => nut.GetUPSVars('pump', values => {
    nut.SetRWVar('pump', 'ups.id', 'Hall 2 north', error => {
        console.log(`${error}, ${values['device.location']}`)
        process.exit()
    })
}))))
nut.start()
JS
seen=$(timeout 20 node with-npm.cjs "$port")
within is ups.id Hall
echo "node-nut, Hall 2 north: error and the location: $seen; it is $(get ups.id), and by upsc the location $(get device.location)"
[[ $told == OK && $seen == 'null, Rack \"3\"' && $(get device.location) == 'Rack "3"' ]]
