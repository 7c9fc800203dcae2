#!/usr/bin/env bash
# Firmware is sent as a difference to what the device has, in VCDIFF (RFC 3284): made by xdelta3, applied by npm's decoder.
# Guess: what xdelta3 makes by itself a decoder of the RFC refuses, since it compresses once more and has a header of its own;
# without these two, -S none -A, it is read, and its checksums (Adler-32, a bit that open-vcdiff has as well) are looked at
# or skipped.
# Seen: @ably/vcdiff-decoder 1.0.6 refuses the first. With -S none, where only the header is left, it says "VCD_DECOMPRESS is not
# supported", since it takes the header's bytes for a window. With -S none -A it gives other bytes, without an error: the
# checksum's four bytes are data for it. Only with -n as well, no checksum, it gives the new file; so whoever sends
# differences to it sends a hash of the whole as well.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock @ably/vcdiff-decoder@1.0.6
apt-get -q -o APT::Sandbox::User=root download xdelta3=3.0.11-dfsg-1.2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
seq 1 5000 >old
{ seq 1 900; echo firmware 1.10; seq 950 3000; seq 100 400; seq 3001 5000; } >new
cat >apply.cjs <<'JS'
const { decode } = require('@ably/vcdiff-decoder'), { readFileSync } = require('fs')
try {
    const made = Buffer.from(decode(new Uint8Array(readFileSync(process.argv[2])), new Uint8Array(readFileSync('old'))))
    console.log(made.equals(readFileSync('new')) ? 'the new file' : 'other bytes')
} catch (error) {
    console.log(`refused: ${error.message ?? error}`)
}
JS
changed=no
try() { # EXPECTED, OPTIONS OF xdelta3
    local seen expected=$1
    shift
    root/usr/bin/xdelta3 -f -e "$@" -s old new difference
    root/usr/bin/xdelta3 -f -d -s old difference made && cmp made new
    seen=$(timeout 20 node apply.cjs difference)
    echo "xdelta3 ${*:-by itself}: $seen"
    [[ $seen == "$expected"* ]] || changed=yes
}
try "refused: non-zero Hdr_Indicator"
try "refused: VCD_DECOMPRESS is not supported" -S none
try "other bytes" -S none -A
try "the new file" -S none -A -n
[ "$changed" = no ]
