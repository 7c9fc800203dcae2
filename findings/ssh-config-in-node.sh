#!/usr/bin/env bash
# Tools that list the hosts of ~/.ssh/config read it by npm's ssh-config, whose compute() says what holds for a host.
# Valid lines: keywords in small letters, as OpenSSH takes them; SendEnv twice, which adds up; a negated criterion of
# Match.
# Guess: compute() agrees with "ssh -G".
# Seen: in ssh-config 5.3.0, not so. A "user" in small letters does not keep a later "User" from being set, and both
# are in the answer. Of two SendEnv the first alone stays. "Match !host d1 host d*" never matches.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock ssh-config@5.3.0
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 >/dev/null
dpkg-deb -x ./*.deb root
cat >config <<'CONFIG'
host pump
  user small
Host env
  SendEnv ONE
  SendEnv TWO
Match !host d1 host d*
  User negated
Host *
  User fallback
CONFIG
cat >try.cjs <<'JS'
const { execFileSync } = require('child_process')
const { readFileSync } = require('fs')
const module_ = require('ssh-config')
const config = (module_.default || module_).parse(readFileSync('config', 'utf8'))
const real = (host, key) => execFileSync('root/usr/bin/ssh', ['-G', '-F', 'config', host], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n')
    .filter(l => l.startsWith(key.toLowerCase() + ' ')).map(l => l.slice(key.length + 1)).join()
let ok = true
for (const [host, key, byOpenssh, byNode] of [['pump', 'User', 'small', 'fallback'], ['env', 'SendEnv', 'ONE,TWO', 'ONE'],
    ['d1', 'User', 'fallback', 'fallback'], ['d2', 'User', 'negated', 'fallback']]) {
    const a = real(host, key), answer = config.compute(host)
    console.log(`${host}: ssh: ${key} ${a}; ssh-config: ${key} ${answer[key]}`)
    ok &&= a === byOpenssh && String(answer[key]) === byNode
}
ok &&= config.compute('pump').user === 'small'
process.exit(ok ? 0 : 1)
JS
timeout 50 node try.cjs
