"""A hub's state directory as SQLite sees it, without the hub: for what a test cannot wait for."""

import contextlib
import hashlib
import pathlib
import sqlite3
import time
import uuid


def database(state):
    return pathlib.Path(state) / "hub.db"


def expire(state, tunnel, seconds):
    """In the store of a hub that is not running: the tunnel ends in so many seconds from now."""
    with contextlib.closing(sqlite3.connect(database(state))) as db, db:
        changed = db.execute("UPDATE tunnels SET expires = ? WHERE id = ?",
                             (int((time.time() + seconds) * 1000), tunnel)).rowcount
    if changed != 1:
        raise AssertionError(f"{changed} tunnels with id {tunnel}")


def invite(state, token, names, uses=1, seconds=3600, approve=False):
    """In the store of a hub that is not running: a join token for devices of these names."""
    now = int(time.time() * 1000)
    with contextlib.closing(sqlite3.connect(database(state))) as db, db:
        db.execute("INSERT INTO invitations (id, token, names, labels, uses, used, created, expires,"
                   " key_id, approve) VALUES (?, ?, ?, '', ?, 0, ?, ?, '', ?)",
                   (str(uuid.uuid4()), hashlib.sha256(token.encode()).digest(),
                    "\n".join(names), uses, now, now + seconds * 1000, approve))


def devices(state):
    """{name: its key} of the devices in the store."""
    with contextlib.closing(sqlite3.connect(database(state))) as db:
        return dict(db.execute("SELECT name, key FROM devices"))


def used(state, token):
    """How often the join token was used."""
    with contextlib.closing(sqlite3.connect(database(state))) as db:
        (n,), = db.execute("SELECT used FROM invitations WHERE token = ?",
                           (hashlib.sha256(token.encode()).digest(),))
        return n


def shorten_idle(state, tunnel, seconds):
    """In the store of a hub that is not running: the tunnel's idle time is that short."""
    with contextlib.closing(sqlite3.connect(database(state))) as db, db:
        changed = db.execute("UPDATE tunnels SET idle_ms = ? WHERE id = ? AND closed = 0",
                             (int(seconds * 1000), tunnel)).rowcount
    if changed != 1:
        raise AssertionError(f"{changed} open tunnels with id {tunnel}")


def contents(state):
    """Every byte of the state directory's files, by name."""
    return {file.name: file.read_bytes() for file in pathlib.Path(state).iterdir()
            if file.is_file()}


@contextlib.contextmanager
def locked(state):
    """Nobody else writes meanwhile."""
    with contextlib.closing(sqlite3.connect(database(state), isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")
