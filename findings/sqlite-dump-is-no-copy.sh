#!/usr/bin/env bash
# A database is copied by the sqlite3 program: .dump into a new one, .clone, .recover, .backup, VACUUM INTO.
# Guess: all give the same database, perhaps laid out differently.
# Seen: only .backup and VACUUM INTO do. .dump loses user_version and application_id, in which programs keep their
# schema's version, cuts a text at its first NUL byte, and numbers the rows anew in a table without an INTEGER PRIMARY
# KEY. .clone loses the same, and with an error message leaves two AUTOINCREMENT counters for one table.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download sqlite3=3.40.1-2+deb12u2 libsqlite3-0=3.40.1-2+deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
sqlite() { root/usr/bin/sqlite3 "$@"; }
sqlite -version
sqlite original.db "
    PRAGMA user_version = 7;
    PRAGMA application_id = 99;
    CREATE TABLE tunnel(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
    INSERT INTO tunnel VALUES(5, 'ab' || char(0) || 'cd'), (100, 'gone');
    DELETE FROM tunnel WHERE id = 100;
    CREATE TABLE note(text TEXT);
    INSERT INTO note(rowid, text) VALUES(42, 'hello');"
sqlite original.db .dump | sqlite dump.db
sqlite original.db ".clone clone.db" >/dev/null
sqlite original.db ".backup backup.db"
sqlite original.db "VACUUM INTO 'vacuum.db'"
changed=no
try() { # NAME EXPECTED
    local seen
    seen=$(sqlite "$1.db" "SELECT (SELECT user_version FROM pragma_user_version) || ' ' ||
        (SELECT application_id FROM pragma_application_id) || ' ' || (SELECT hex(name) FROM tunnel) || ' ' ||
        (SELECT rowid FROM note) || ' ' || (SELECT group_concat(seq) FROM sqlite_sequence)")
    echo "$1: $seen"
    [ "$seen" = "$2" ] || changed=yes
}
echo "user_version, application_id, the name's bytes, rowid, counters:"
try original "7 99 6162006364 42 100"
try backup "7 99 6162006364 42 100"
try vacuum "7 99 6162006364 42 100"
try dump "0 0 6162 1 100"
try clone "0 0 6162 1 5,100"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }
