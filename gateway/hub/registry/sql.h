/* Short words for what is said to SQLite again and again. Private to the store. */
#ifndef GATEWAY_HUB_REGISTRY_SQL_H
#define GATEWAY_HUB_REGISTRY_SQL_H

#include "core/base/err.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

/* ERR_BUSY: locked by another connection; ERR_PROTOCOL: the file is damaged or no database; else
 * ERR_NO_MEMORY or ERR_IO. */
enum err sql_err(int result);
/* The same, and a sentence: SQLite's own, or what to do about a damaged file. */
enum err sql_wrong(sqlite3 *db, int result, char *text, size_t size);
/* The same, with the file's path in front of the sentence. */
enum err sql_wrong_in(const char *path, sqlite3 *db, int result, char *text, size_t size);
int sql_run(sqlite3 *db, const char *sql); /* one or several statements, without rows */
int sql_number(sqlite3 *db, const char *sql, int64_t *out); /* the one number it answers */

/* One run of a prepared statement: parameters are put in order, and all of them are forgotten when
 * it is done. What texts and bytes point to must live until then. */
struct sql_call {
    sqlite3_stmt *statement;
    int at, result;
};
void sql_put_number(struct sql_call *c, int64_t number);
void sql_put_text(struct sql_call *c, const char *text);
void sql_put_bytes(struct sql_call *c, const void *p, size_t n); /* p NULL: NULL */
int sql_call(struct sql_call *c);                                /* SQLITE_OK or what went wrong */

#endif
