#!/usr/bin/env bash
# credential_process in ~/.aws/config names a command that prints credentials as JSON; all AWS tools of a machine read it.
# Guess: botocore (the AWS command line) and the JavaScript SDK run the same command, and read its answer alike.
# Seen: the JavaScript SDK gives the line to a shell, botocore splits it into words: of $HOME, "*", "|" and a comment behind "#"
# botocore makes arguments as they stand, and of ";" a part of one. An Expiration without a zone, valid ISO 8601, is local time
# for the SDK and for botocore a TypeError about "offset-naive and offset-aware datetimes"; an empty one only the SDK passes over.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock @aws-sdk/credential-providers@3.1175.0
apt-get -q -o APT::Sandbox::User=root download python3-botocore=1.29.27+repack-1 python3-jmespath python3-dateutil \
    python3-urllib3=1.26.12-1+deb12u4 python3-six python3-requests=2.28.1+dfsg-1 python3-certifi python3-chardet \
    python3-idna >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
mkdir .aws
export PYTHONPATH="$t/root/usr/lib/python3/dist-packages" HOME=$t
unset "${!AWS_@}"
cat >give.py <<'PY'
import json, sys
expiration = {"Expiration": sys.argv[1]} if sys.argv[1] != "never" else {}
print(json.dumps({"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "+".join(sys.argv[2:])} | expiration))
PY
cat >client.mjs <<'JS'
import { fromProcess } from '@aws-sdk/credential-providers'
const got = await fromProcess()().catch(() => undefined)
console.log(got ? `${got.secretAccessKey}${got.expiration ? ' until ' + got.expiration.toISOString() : ''}` : 'error')
JS
cat >client.py <<'PY'
import botocore.session
try:
    print(botocore.session.Session().get_credentials().get_frozen_credentials().secret_key)
except Exception as e:
    print("error", type(e).__name__)
PY
changed=no
try() { # ARGUMENTS BOTOCORE JAVASCRIPT
    printf '[default]\ncredential_process = /usr/bin/python3 give.py %s\n' "$1" >.aws/config
    local botocore javascript
    botocore=$(timeout 60 /usr/bin/python3 client.py 2>/dev/null)
    javascript=$(TZ=Asia/Tokyo timeout 60 node client.mjs 2>/dev/null)
    echo "$1: botocore $botocore, JavaScript $javascript"
    if [ "$botocore" != "$2" ] || [ "$javascript" != "$3" ]; then changed=yes; fi
}
try 'never "a b"' 'a b' 'a b'
# shellcheck disable=SC2016 # it is the clients that expand it, or not
try 'never $HOME' '$HOME' "$t"
try 'never giv[e].py' 'giv[e].py' give.py
try 'never a | cat' 'a+|+cat' a
try 'never a # pump-07' 'a+#+pump-07' a
try 'never a;true' 'a;true' a
try '2099-01-01T09:00:00+09:00 a' a 'a until 2099-01-01T00:00:00.000Z'
try '2099-01-01T09:00:00 a' 'error TypeError' 'a until 2099-01-01T00:00:00.000Z'
try '"" a' 'error ParserError' a
[ $changed = no ]
