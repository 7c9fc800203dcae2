#include "gateway/hub/registry/row_reader.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64 << 10)

bool row_reader_fail(struct reader *r, enum err why, const char *problem)
{
    if (r->why == ERR_OK) {
        r->why = why;
        r->problem = problem;
    }
    return false;
}

bool row_reader_step(struct reader *r, enum table t)
{
    int result = sqlite3_step(r->table[t]);
    r->row[t] = result == SQLITE_ROW;
    if (result == SQLITE_ROW || result == SQLITE_DONE)
        return true;
    r->result = result;
    return row_reader_fail(r, sql_err(result), NULL);
}

/* ---- fields ---- */

bool row_reader_number(struct reader *r, enum table t, int column, int64_t least, int64_t *out)
{
    if (sqlite3_column_type(r->table[t], column) != SQLITE_INTEGER)
        return row_reader_fail(r, ERR_PROTOCOL, "a number is missing");
    *out = sqlite3_column_int64(r->table[t], column);
    return *out >= least || row_reader_fail(r, ERR_PROTOCOL, "a number is too small");
}

bool row_reader_flag(struct reader *r, enum table t, int column, bool *out)
{
    int64_t number;
    if (!row_reader_number(r, t, column, 0, &number))
        return false;
    *out = number == 1;
    return number <= 1 || row_reader_fail(r, ERR_PROTOCOL, "a number that is yes or no is neither");
}

bool row_reader_text(struct reader *r, enum table t, int column, struct span *out)
{
    if (sqlite3_column_type(r->table[t], column) != SQLITE_TEXT)
        return row_reader_fail(r, ERR_PROTOCOL, "a text is missing");
    const char *p = (const char *)sqlite3_column_text(r->table[t], column);
    if (p == NULL)
        return row_reader_fail(r, ERR_NO_MEMORY, NULL);
    *out = (struct span){p, (size_t)sqlite3_column_bytes(r->table[t], column)};
    if (out->n > TEXT_MAX || memchr(p, '\0', out->n) != NULL)
        return row_reader_fail(r, ERR_PROTOCOL, "a text is too long or has a NUL in it");
    return true;
}

bool row_reader_copy(struct reader *r, enum table t, int column, char **out)
{
    struct span text = {0};
    if (!row_reader_text(r, t, column, &text))
        return false;
    *out = span_dup(text);
    return *out != NULL || row_reader_fail(r, ERR_NO_MEMORY, NULL);
}

bool row_reader_bytes(struct reader *r, enum table t, int column, void *out, size_t n)
{
    if (sqlite3_column_type(r->table[t], column) != SQLITE_BLOB ||
        (size_t)sqlite3_column_bytes(r->table[t], column) != n)
        return row_reader_fail(r, ERR_PROTOCOL, "a hash or key has another size");
    memcpy(out, sqlite3_column_blob(r->table[t], column), n);
    return true;
}

bool row_reader_blob(struct reader *r, enum table t, int column, size_t most, uint8_t **out,
                     size_t *n)
{
    size_t size = (size_t)sqlite3_column_bytes(r->table[t], column);
    if (sqlite3_column_type(r->table[t], column) != SQLITE_BLOB || size == 0 || size > most)
        return row_reader_fail(r, ERR_PROTOCOL, "sealed keys have another size");
    *out = malloc(size);
    if (*out == NULL)
        return row_reader_fail(r, ERR_NO_MEMORY, NULL);
    memcpy(*out, sqlite3_column_blob(r->table[t], column), size);
    *n = size;
    return true;
}
