#include "gateway/hub/registry/schema.h"

#include "gateway/hub/registry/sql.h"

#include <stdio.h>

/* Rows are found by the tunnel's number, the device's name or the invitation's id only: everything
 * else is looked up in memory. Tags keep the order in which they were set, by their rowid. Lists of
 * devices and invitations are texts of one item a line, since their rows are written as a whole;
 * labels are lines of keys and values by turns. */
static const char *const steps[] = {
    "CREATE TABLE tunnels ("
    "    number INTEGER PRIMARY KEY,"
    "    id TEXT NOT NULL,"
    "    key_id TEXT NOT NULL,"
    "    thing TEXT NOT NULL,"
    "    description TEXT NOT NULL,"
    "    created INTEGER NOT NULL,"
    "    updated INTEGER NOT NULL,"
    "    lifetime_minutes INTEGER NOT NULL,"
    "    expires INTEGER NOT NULL,"
    "    closed INTEGER NOT NULL) STRICT;"
    "CREATE TABLE sides ("
    "    tunnel INTEGER NOT NULL,"
    "    side INTEGER NOT NULL,"
    "    token BLOB NOT NULL,"
    "    used INTEGER NOT NULL,"
    "    client BLOB,"
    "    connected INTEGER NOT NULL,"
    "    changed INTEGER NOT NULL,"
    "    PRIMARY KEY (tunnel, side)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE services ("
    "    tunnel INTEGER NOT NULL,"
    "    position INTEGER NOT NULL,"
    "    name TEXT NOT NULL,"
    "    PRIMARY KEY (tunnel, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE tags ("
    "    tunnel INTEGER NOT NULL,"
    "    key TEXT NOT NULL,"
    "    value TEXT NOT NULL,"
    "    UNIQUE (tunnel, key)) STRICT;",
    "ALTER TABLE tunnels ADD COLUMN idle_ms INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE devices ("
    "    name TEXT PRIMARY KEY NOT NULL,"
    "    state TEXT NOT NULL,"
    "    key BLOB,"
    "    by_certificate INTEGER NOT NULL,"
    "    invitation TEXT NOT NULL,"
    "    enrolled INTEGER NOT NULL,"
    "    last_seen INTEGER NOT NULL,"
    "    last_address TEXT NOT NULL,"
    "    version TEXT NOT NULL,"
    "    services TEXT NOT NULL,"
    "    labels TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE invitations ("
    "    id TEXT NOT NULL,"
    "    token BLOB NOT NULL,"
    "    names TEXT NOT NULL,"
    "    labels TEXT NOT NULL,"
    "    uses INTEGER NOT NULL,"
    "    used INTEGER NOT NULL,"
    "    created INTEGER NOT NULL,"
    "    expires INTEGER NOT NULL,"
    "    key_id TEXT NOT NULL,"
    "    approve INTEGER NOT NULL,"
    "    UNIQUE (id)) STRICT;",
    "ALTER TABLE devices ADD COLUMN azure_id TEXT;"
    "ALTER TABLE devices ADD COLUMN sealed BLOB;"
    "ALTER TABLE devices ADD COLUMN topics INTEGER NOT NULL DEFAULT 0;",
};

const struct schema schema_today = {steps, sizeof steps / sizeof *steps};

enum err schema_check(sqlite3 *db, const struct schema *s, char *text, size_t size)
{
    int64_t application, version, tables;
    int result = sql_number(db, "PRAGMA application_id", &application);
    if (result == SQLITE_OK)
        result = sql_number(db, "PRAGMA user_version", &version);
    if (result == SQLITE_OK)
        result = sql_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (result != SQLITE_OK)
        return sql_wrong(db, result, text, size);
    if (application == 0 && version == 0 && tables == 0)
        return ERR_OK;
    if (application != SCHEMA_APPLICATION || version <= 0) {
        snprintf(text, size, "it is not a hub's database");
        return ERR_PROTOCOL;
    }
    if ((uint64_t)version > s->n) {
        snprintf(
            text, size,
            "it was written by a newer hub (schema version %lld, this one knows %zu): run that "
            "hub, or restore an older backup",
            (long long)version, s->n);
        return ERR_PROTOCOL;
    }
    return ERR_OK;
}

static int write_version(sqlite3 *db, size_t version)
{
    char sql[96];
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %zu",
             SCHEMA_APPLICATION, version);
    return sql_run(db, sql);
}

enum err schema_migrate(sqlite3 *db, const struct schema *s, char *text, size_t size)
{
    int64_t version;
    int result = sql_number(db, "PRAGMA user_version", &version);
    if (result == SQLITE_OK && (size_t)version == s->n)
        return ERR_OK;
    if (result == SQLITE_OK)
        result = sql_run(db, "BEGIN IMMEDIATE");
    for (size_t i = (size_t)version; result == SQLITE_OK && i < s->n; i++)
        result = sql_run(db, s->steps[i]);
    if (result == SQLITE_OK)
        result = write_version(db, s->n);
    if (result == SQLITE_OK)
        result = sql_run(db, "COMMIT");
    if (result == SQLITE_OK)
        return ERR_OK;
    enum err e = sql_wrong(db, result, text, size);
    if (!sqlite3_get_autocommit(db))
        sql_run(db, "ROLLBACK"); /* should this fail, closing the file rolls back */
    return e;
}
