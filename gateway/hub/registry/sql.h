/* Helpers for repeated calls of SQLite. Private to the store. */
#ifndef GATEWAY_HUB_REGISTRY_SQL_H
#define GATEWAY_HUB_REGISTRY_SQL_H

#include "core/base/err.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* Turns a result of SQLite into an error. ERR_BUSY: another connection holds the lock;
 * ERR_PROTOCOL: the file is damaged or not a database; else ERR_NO_MEMORY or ERR_IO. */
enum err sql_err(int result);
/* The same with a sentence: SQLite's own, or what to do about a damaged file. */
enum err sql_wrong(sqlite3 *db, int result, char *text, size_t size);
/* The same, with the file's path in front of the sentence. */
enum err sql_wrong_in(const char *path, sqlite3 *db, int result, char *text, size_t size);
int sql_run(sqlite3 *db, const char *sql);                  /* runs statements that give no rows */
int sql_number(sqlite3 *db, const char *sql, int64_t *out); /* the single number that sql yields */

/* One run of a prepared statement. Parameters are bound in order and cleared after the run, until
 * which texts and bytes must live. */
struct sql_call {
    sqlite3_stmt *statement;
    int at, result;
};
void sql_put_number(struct sql_call *c, int64_t number);
void sql_put_text(struct sql_call *c, const char *text);
void sql_put_bytes(struct sql_call *c, const void *p, size_t n); /* p may be NULL: binds NULL */
int sql_call(struct sql_call *c); /* runs it; returns an SQLite result */

#endif
