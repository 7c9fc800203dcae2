#!/usr/bin/env bash
# A request to AWS is signed (Signature Version 4). What is signed is the query in canonical form: each name and value decoded and
# encoded anew, all but letters, digits and "-._~" as %XX in capitals, sorted. A URL as a program has it may be valid and look
# otherwise: "?b=2&a=1", "?t=12:30", "?path=a/b", "?a=%2f", "?flag".
# Guess: a signer brings any URL to that form, which is what it is for; for a plus sign they may differ.
# Seen: the AWS SDK's aws-crt, npm's aws4 and aws4fetch do. botocore's SigV4Auth, as used for URLs outside of its own clients,
# sorts but signs the letters as they stand, so with ":", "/" or "%2f" it is "SignatureDoesNotMatch". curl 7.88 --aws-sigv4
# does not even sort, or add the "=" of "?flag". Of "a+b" aws-crt makes a%2Bb, aws4 and aws4fetch a%20b. A URL for all is in that form.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock aws4@1.13.2 aws4fetch@1.0.20 aws-crt@1.33.2
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 \
    python3-botocore=1.29.27+repack-1 python3-jmespath python3-dateutil python3-urllib3 python3-six >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >sign.mjs <<'JS'
import { createRequire } from 'module'
import { AwsV4Signer } from 'aws4fetch'
const require = createRequire(import.meta.url), { auth, http } = require('aws-crt'), aws4 = require('aws4')
const [, , accessKeyId, secretAccessKey, time, host, ...targets] = process.argv, region = 'us-east-1', service = 'iot'
const date = new Date(time.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'))
const config = { algorithm: auth.AwsSigningAlgorithm.SigV4, signature_type: auth.AwsSignatureType.HttpRequestViaHeaders,
    provider: auth.AwsCredentialsProvider.newStatic(accessKeyId, secretAccessKey), region, service, date }
const signers = {
    'aws-crt': async target => {
        const request = new http.HttpRequest('GET', target, new http.HttpHeaders([['host', host]]))
        await auth.aws_sign_request(request, config)
        return [request.path, request.headers.get('authorization')]
    },
    aws4: async target => {
        const request = aws4.sign({ host, path: target, service, region, headers: { 'X-Amz-Date': time } }, { accessKeyId, secretAccessKey })
        return [request.path, request.headers.Authorization]
    },
    aws4fetch: async target => {
        const signer = new AwsV4Signer({ url: `https://${host}${target}`, accessKeyId, secretAccessKey, service, region, datetime: time })
        const { url, headers } = await signer.sign()
        return [url.pathname + url.search, headers.get('authorization')]
    }
}
const all = {}
for (const [name, sign] of Object.entries(signers)) all[name] = await Promise.all(targets.map(sign))
console.log(JSON.stringify(all))
process.exit()
JS
cat >run.py <<'PY'
import datetime, glob, hashlib, hmac, json, os, re, socket, subprocess, sys
from urllib.parse import quote, unquote
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
import botocore.auth, botocore.awsrequest, botocore.credentials
identity, secret, time, host = "AKIDEXAMPLE", "wJalrXUtnFEMIexample", "20260102T030405Z", "example.test"
def canonical(query, plus):
    encode = lambda text: quote(unquote(text.replace("+", plus)), safe="-._~")
    return "&".join("=".join(p) for p in sorted((encode(n), encode(v)) for n, _, v in (part.partition("=") for part in query.split("&"))))
def signature(query, signed, headers):
    request = "\n".join(["GET", "/", query, *(f"{n}:{headers[n]}" for n in signed), "", ";".join(signed), hashlib.sha256(b"").hexdigest()])
    scope = [headers["x-amz-date"][:8], "us-east-1", "iot", "aws4_request"]
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], "/".join(scope), hashlib.sha256(request.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
def verdict(target, authorization, headers): # as the server judges what it gets
    signed = re.search("SignedHeaders=([^, ]+)", authorization)[1].split(";")
    claimed = re.search("Signature=([0-9a-f]+)", authorization)[1]
    query = target.partition("?")[2]
    as_sign, as_blank = (signature(canonical(query, plus), signed, headers) == claimed for plus in ("%2B", " "))
    if as_sign:
        return "a plus sign" if "+" in query else "a blank" if "%20" in query else "right"
    return "a blank" if as_blank else "wrong"
class Clock(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return cls(2026, 1, 2, 3, 4, 5)
botocore.auth.datetime.datetime = Clock
def with_botocore(target):
    request = botocore.awsrequest.AWSRequest("GET", f"https://{host}{target}")
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(identity, secret), "iot", "us-east-1").add_auth(request)
    return verdict(target, request.headers["Authorization"], {"host": host, "x-amz-date": time})
def with_curl(target):
    with socket.create_server(("127.0.0.1", 0)) as s:
        client = subprocess.Popen(["root/usr/bin/curl", "-s", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:iot", "--user", f"{identity}:{secret}",
                                   f"http://127.0.0.1:{s.getsockname()[1]}{target}"], env={"LD_LIBRARY_PATH": library})
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(4096)
            c.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        client.wait()
    first, *rest = head.decode().strip().split("\r\n")
    headers = {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in rest)}
    return verdict(first.split(" ")[1], headers["authorization"], headers)
library = os.path.abspath(glob.glob("root/usr/lib/*-linux-gnu")[0])
targets = ["/?a=1&b=2", "/?a=%2F", "/?b=2&a=1", "/?t=12:30", "/?path=a/b", "/?a=%2f", "/?flag", "/?a=x+y"]
node = subprocess.run(["node", "--no-warnings", "sign.mjs", identity, secret, time, host, *targets], stdout=subprocess.PIPE, check=True).stdout
seen = {name: [verdict(*request, {"host": host, "x-amz-date": time}) for request in all_] for name, all_ in json.loads(node.splitlines()[-1]).items()}
seen["botocore"] = [with_botocore(t) for t in targets]
seen["curl"] = [with_curl(t) for t in targets]
for name, verdicts in seen.items():
    print(f"{name}:", *(f"{t[1:]} {v};" for t, v in zip(targets, verdicts)), flush=True)
good = ["right"] * 7
expected = {"aws-crt": good + ["a plus sign"], "aws4": good + ["a blank"], "aws4fetch": good + ["a blank"],
            "botocore": ["right", "right", "right", "wrong", "wrong", "wrong", "right", "wrong"],
            "curl": ["right", "right", "wrong", "wrong", "wrong", "wrong", "wrong", "wrong"]}
sys.exit(0 if seen == expected else "this has changed")
PY
/usr/bin/python3 run.py
