"""A hub's state directory as SQLite sees it, without the hub: for what a test cannot wait for."""

import contextlib
import pathlib
import sqlite3
import time


def database(state):
    return pathlib.Path(state) / "hub.db"


def expire(state, tunnel, seconds):
    """In the store of a hub that is not running: the tunnel ends in so many seconds from now."""
    with contextlib.closing(sqlite3.connect(database(state))) as db, db:
        changed = db.execute("UPDATE tunnels SET expires = ? WHERE id = ?",
                             (int((time.time() + seconds) * 1000), tunnel)).rowcount
    if changed != 1:
        raise AssertionError(f"{changed} tunnels with id {tunnel}")


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
