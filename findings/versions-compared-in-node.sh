#!/usr/bin/env bash
# A device, or what updates it, asks which of two versions is newer: 1.2.3-rc.10 or 1.2.3-rc.2 or 1.2.3 or 1.2.3+7 (Semantic
# Versioning 2.0.0, where what is behind "+" does not count), and for packages 1.0 or 1.0-1, 1.0-2 or 1.00-1 (Debian's policy).
# Guess: all of npm's libraries for one of the two orders have that order; a small one refuses what it does not know.
# Seen: semver 7.6.3 and compare-versions 6.1.1 do. For semver-compare 1.0.0, rc.10 and rc.2 are the same, 1.2.3 is newer than
# 1.2.3+7, and that is the same as rc.10, so that sorted lists depend on how they were before. For compare-version 0.1.2 a release
# candidate is newer than its release. For deb-version-compare 1.2.1 "1.0" and "1.0-1" are the same, but "1.0-1" is newer than "1.0";
# "1.0-2" is older than "1.00-1", and "1.00-1" is older than "1.0-2". dpkg says newer to "1.0-1" and to "1.0-2".
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock semver@7.6.3 compare-versions@6.1.1 semver-compare@1.0.0 \
    compare-version@0.1.2 deb-version-compare@1.2.1
cat >try.cjs <<'JS'
const { spawnSync } = require('child_process')
const dpkg = (a, b) => ['lt', 'eq', 'gt'].findIndex(is => spawnSync('dpkg', ['--compare-versions', a, is, b]).status === 0) - 1
const kinds = [
    [[['1.2.3-rc.10', '1.2.3-rc.2'], ['1.2.3-rc.10', '1.2.3'], ['1.2.3', '1.2.3+7'], ['1.2.3-rc.10', '1.2.3+7']],
     { semver: [require('semver').compare, '1 -1 0 -1'], 'compare-versions': [require('compare-versions').compareVersions, '1 -1 0 -1'],
       'semver-compare': [require('semver-compare'), '0 -1 1 0'], 'compare-version': [require('compare-version'), '1 1 0 1'] }],
    [[['1.0', '1.0-1'], ['1.0-1', '1.0'], ['1.0-2', '1.00-1'], ['1.00-1', '1.0-2']],
     { dpkg: [dpkg, '-1 1 1 -1'], 'deb-version-compare': [require('deb-version-compare'), '0 1 -1 -1'] }],
]
let asSeen = true
for (const [pairs, by] of kinds) {
    console.log(pairs.map(([a, b]) => `${a} and ${b}`).join(', '))
    for (const [name, [compare, wanted]] of Object.entries(by)) {
        const seen = pairs.map(([a, b]) => compare(a, b)).join(' ')
        console.log(`    by ${name}: ${seen}`)
        asSeen &&= seen === wanted
    }
}
process.exit(asSeen ? 0 : 1)
JS
timeout 60 node try.cjs
