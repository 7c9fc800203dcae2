#!/usr/bin/env bash
# A tracker writes GPX 1.1: each time that it has lost its fix, or was off, a new segment begins in the track, so that nobody draws
# or adds up the way between. A height may be missing, or be 0 or less.
# Guess: npm's gpxparser keeps segments apart in distance and in GeoJSON, as a MultiLineString, as python3-gpxpy adds them up.
# Seen: gpxparser 3.0.8 has one list of points for a track and no trace of its segments: 1.36 km of driving are 118.2 km with the 117 km
# between. Its GeoJSON is one line through all, and of a point without height it has null for the third number, which no
# position of GeoJSON has (RFC 7946, section 3.1.1). python3-gpxpy 1.5.0 has 1.36 km in two segments.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock gpxparser@3.0.8
apt-get -q -o APT::Sandbox::User=root download python3-gpxpy=1.5.0-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >track.gpx <<'GPX'
<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="tracker" xmlns="http://www.topografix.com/GPX/1/1">
  <trk>
    <name>van</name>
    <trkseg>
      <trkpt lat="52.0" lon="13.0"><ele>10</ele><time>2026-12-01T03:00:00Z</time></trkpt>
      <trkpt lat="52.0" lon="13.01"><ele>0</ele><time>2026-12-01T03:01:00Z</time></trkpt>
    </trkseg>
    <trkseg>
      <trkpt lat="52.9" lon="13.9"><ele>-5</ele><time>2026-12-01T06:00:00Z</time></trkpt>
      <trkpt lat="52.9" lon="13.91"><time>2026-12-01T06:01:00Z</time></trkpt>
    </trkseg>
  </trk>
</gpx>
GPX
cat >with-npm.cjs <<'JS'
const Parser = require('gpxparser'), parser = new Parser()
parser.parse(require('fs').readFileSync('track.gpx', 'utf8'))
const [track] = parser.tracks, [{ geometry }] = parser.toGeoJSON().features
console.log(JSON.stringify({ metres: Math.round(track.distance.total), keys: Object.keys(track).sort(), geometry }))
JS
cat >try.py <<'PY'
import json, subprocess, sys
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
import gpxpy
with open("track.gpx") as file:
    [track] = gpxpy.parse(file).tracks
metres = round(track.length_2d())
by_npm = json.loads(subprocess.run(["node", "with-npm.cjs"], check=True, stdout=subprocess.PIPE, text=True).stdout)
print(f"gpxpy: {len(track.segments)} segments, {metres} m")
print(f"gpxparser: {by_npm['metres']} m, of a track it has {', '.join(by_npm['keys'])}")
print("GeoJSON:", json.dumps(by_npm["geometry"]))
sys.exit(not (len(track.segments) == 2 and 1300 < metres < 1400 and 118000 < by_npm["metres"] < 118400 and
              not any("seg" in key for key in by_npm["keys"]) and by_npm["geometry"] ==
              {"type": "LineString", "coordinates": [[13, 52, 10], [13.01, 52, 0], [13.9, 52.9, -5], [13.91, 52.9, None]]}))
PY
timeout 60 /usr/bin/python3 try.py
