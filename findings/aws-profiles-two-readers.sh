#!/usr/bin/env bash
# ~/.aws/credentials and ~/.aws/config, which all AWS tools of a machine share.
# Guess: botocore (the AWS command line) and the JavaScript SDK read one file alike.
# Seen: a comment behind a value is cut off by the SDK and part of the value for botocore; keys in capitals, a profile
# whose name has a blank and a region in the credentials file are known to botocore only; a secret that stands in the
# other file than its id, a key that stands twice and a line without "=" are errors in botocore, the latter two for
# every profile of the file, and are taken by the SDK. What works with one is no proof for the other.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-botocore=1.29.27+repack-1 python3-jmespath \
    python3-dateutil python3-urllib3 python3-six python3-requests python3-charset-normalizer python3-chardet \
    python3-idna python3-certifi >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock @aws-sdk/credential-provider-ini@3.973.32 \
    @smithy/shared-ini-file-loader@4.7.2
cat >read.py <<'PY'
import sys, botocore.session
try:
    session = botocore.session.Session(profile=sys.argv[1])
    c = session.get_credentials()
    print(c and c.access_key, c and c.secret_key, session.get_config_variable("region"))
except Exception as e:
    print(type(e).__name__)
PY
cat >read.js <<'JS'
const { fromIni } = require('@aws-sdk/credential-provider-ini')
const { loadSharedConfigFiles } = require('@smithy/shared-ini-file-loader')
const profile = process.argv[2]
Promise.all([fromIni({ profile })(), loadSharedConfigFiles()])
    .then(([c, files]) => console.log(c.accessKeyId, c.secretAccessKey, files.configFile[profile]?.region ?? 'None'))
    .catch(e => console.log(e.name))
JS
cat >run.py <<'PY'
import os, subprocess, sys
KEYS = "aws_access_key_id = ID\naws_secret_access_key = SECRET\n"
REGION = "region = eu-west-1\n"
fine = "ID SECRET eu-west-1"
cases = {  # what: credentials, config, profile, botocore, the SDK
    "as documented": ("[p]\n" + KEYS, "[profile p]\n" + REGION, "p", fine, fine),
    "a comment behind a value": ("[p]\n" + KEYS, "[profile p]\nregion = eu-west-1 # home\n", "p", fine + " # home", fine),
    "keys in capitals": ("[p]\n" + KEYS.upper(), "[profile p]\n" + REGION, "p", fine,
                         "CredentialsProviderError"),
    "a name with a blank": ("[my dev]\n" + KEYS, '[profile "my dev"]\n' + REGION, "my dev", fine,
                            "CredentialsProviderError"),
    "the region beside the keys": ("[p]\n" + KEYS + REGION, "", "p", fine, "ID SECRET None"),
    "id and secret in two files": ("[p]\naws_access_key_id = ID\n", "[profile p]\naws_secret_access_key = SECRET\n" + REGION, "p",
                                   "PartialCredentialsError", fine),
    "another profile's key twice": ("[q]\nx = 1\nx = 2\n[p]\n" + KEYS, "[profile p]\n" + REGION, "p", "ConfigParseError", fine),
    "another profile's line without =": ("[q]\nnote\n[p]\n" + KEYS, "[profile p]\n" + REGION, "p", "ConfigParseError", fine),
}
base = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
    "AWS_SHARED_CREDENTIALS_FILE": "credentials", "AWS_CONFIG_FILE": "config", "AWS_EC2_METADATA_DISABLED": "true"}
changed = False
for what, (credentials, config, profile, *expected) in cases.items():
    for name, content in ("credentials", credentials), ("config", config):
        with open(name, "w") as f:
            f.write(content)
    seen = [subprocess.run([*c, profile], env=base, capture_output=True, text=True, timeout=60).stdout.strip()
            for c in (["/usr/bin/python3", "read.py"], ["node", "read.js"])]
    print(f"{what}: botocore: {seen[0]}; SDK: {seen[1]}", flush=True)
    changed |= seen != expected
sys.exit("this has changed" if changed else 0)
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py
