#include "gateway/hub/registry/sql.h"

#include <stdio.h>

enum err sql_err(int result)
{
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return ERR_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_PROTOCOL;
    default:
        return ERR_IO;
    }
}

enum err sql_wrong(sqlite3 *db, int result, char *text, size_t size)
{
    enum err e = sql_err(result);
    const char *what = sqlite3_errmsg(db);
    if (e == ERR_PROTOCOL)
        snprintf(text, size, "%s; restore a backup, or move it away to begin without tunnels",
                 what);
    else
        snprintf(text, size, "%s", what);
    return e;
}

enum err sql_wrong_in(const char *path, sqlite3 *db, int result, char *text, size_t size)
{
    char problem[256];
    enum err e = sql_wrong(db, result, problem, sizeof problem);
    snprintf(text, size, "%s: %s", path, problem);
    return e;
}

int sql_run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int sql_number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *s;
    int result = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(s);
    *out = result == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return result == SQLITE_ROW ? SQLITE_OK : result == SQLITE_DONE ? SQLITE_ERROR : result;
}

static void note(struct sql_call *c, int result)
{
    if (c->result == SQLITE_OK)
        c->result = result;
}

void sql_put_number(struct sql_call *c, int64_t number)
{
    note(c, sqlite3_bind_int64(c->statement, ++c->at, number));
}

void sql_put_text(struct sql_call *c, const char *text)
{
    note(c, sqlite3_bind_text(c->statement, ++c->at, text, -1, SQLITE_STATIC));
}

void sql_put_bytes(struct sql_call *c, const void *p, size_t n)
{
    note(c, sqlite3_bind_blob64(c->statement, ++c->at, p, n, SQLITE_STATIC));
}

int sql_call(struct sql_call *c)
{
    if (c->result == SQLITE_OK && sqlite3_step(c->statement) != SQLITE_DONE)
        c->result = SQLITE_ERROR; /* sqlite3_reset returns the actual error */
    int result = sqlite3_reset(c->statement);
    sqlite3_clear_bindings(c->statement);
    return result != SQLITE_OK ? result : c->result;
}
