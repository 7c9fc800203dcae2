/* Reads and validates the whole database. */
#include "gateway/hub/registry/database_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX 128
#define TEXT_MAX (64 << 10)

/* The tables are read side by side, each in the order of the tunnels' numbers. */
enum table { TABLE_TUNNELS, TABLE_SIDES, TABLE_SERVICES, TABLE_TAGS, TABLE_COUNT };

static const char *const sql[TABLE_COUNT] = {
    [TABLE_TUNNELS] = "SELECT number, id, key_id, thing, description, created, updated, "
                      "lifetime_minutes, expires, closed FROM tunnels ORDER BY number",
    [TABLE_SIDES] = "SELECT tunnel, side, token, used, client, connected, changed FROM sides "
                    "ORDER BY tunnel, side",
    [TABLE_SERVICES] = "SELECT tunnel, position, name FROM services ORDER BY tunnel, position",
    [TABLE_TAGS] = "SELECT tunnel, key, value FROM tags ORDER BY tunnel, rowid",
};

struct reader {
    const struct database *d;
    sqlite3_stmt *table[TABLE_COUNT];
    bool row[TABLE_COUNT]; /* the table's statement is at a row */
    int result;            /* SQLITE_OK until SQLite reports an error */
    enum err why;
    const char *problem; /* what is invalid about the tunnel `number` */
    int64_t number;
};

static bool fail(struct reader *r, enum err why, const char *problem)
{
    if (r->why == ERR_OK) {
        r->why = why;
        r->problem = problem;
    }
    return false;
}

static bool step(struct reader *r, enum table t)
{
    int result = sqlite3_step(r->table[t]);
    r->row[t] = result == SQLITE_ROW;
    if (result == SQLITE_ROW || result == SQLITE_DONE)
        return true;
    r->result = result;
    return fail(r, sql_err(result), NULL);
}

static bool begin(struct reader *r)
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        r->result = sqlite3_prepare_v2(r->d->db, sql[t], -1, &r->table[t], NULL);
        if (r->result != SQLITE_OK)
            return fail(r, sql_err(r->result), NULL);
        if (!step(r, (enum table)t))
            return false;
    }
    return true;
}

/* ---- fields ---- */

static bool take_number(struct reader *r, enum table t, int column, int64_t least, int64_t *out)
{
    if (sqlite3_column_type(r->table[t], column) != SQLITE_INTEGER)
        return fail(r, ERR_PROTOCOL, "a number is missing");
    *out = sqlite3_column_int64(r->table[t], column);
    return *out >= least || fail(r, ERR_PROTOCOL, "a number is too small");
}

static bool take_flag(struct reader *r, enum table t, int column, bool *out)
{
    int64_t number;
    if (!take_number(r, t, column, 0, &number))
        return false;
    *out = number == 1;
    return number <= 1 || fail(r, ERR_PROTOCOL, "a number that is yes or no is neither");
}

static bool look_text(struct reader *r, enum table t, int column, struct span *out)
{
    if (sqlite3_column_type(r->table[t], column) != SQLITE_TEXT)
        return fail(r, ERR_PROTOCOL, "a text is missing");
    const char *p = (const char *)sqlite3_column_text(r->table[t], column);
    if (p == NULL)
        return fail(r, ERR_NO_MEMORY, NULL);
    *out = (struct span){p, (size_t)sqlite3_column_bytes(r->table[t], column)};
    if (out->n > TEXT_MAX || memchr(p, '\0', out->n) != NULL)
        return fail(r, ERR_PROTOCOL, "a text is too long or has a NUL in it");
    return true;
}

static bool take_text(struct reader *r, enum table t, int column, char **out)
{
    struct span text = {0};
    if (!look_text(r, t, column, &text))
        return false;
    *out = span_dup(text);
    return *out != NULL || fail(r, ERR_NO_MEMORY, NULL);
}

static bool take_hash(struct reader *r, enum table t, int column, uint8_t out[TOKEN_HASH])
{
    if (sqlite3_column_type(r->table[t], column) != SQLITE_BLOB ||
        sqlite3_column_bytes(r->table[t], column) != TOKEN_HASH)
        return fail(r, ERR_PROTOCOL, "a token is not a SHA-256 hash");
    memcpy(out, sqlite3_column_blob(r->table[t], column), TOKEN_HASH);
    return true;
}

/* ---- rows ---- */

static bool is_id(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:");
    return n > 0 && n <= ID_MAX && id[n] == '\0';
}

static bool take_tunnel(struct reader *r, struct tunnel_record *out)
{
    enum table t = TABLE_TUNNELS;
    if (!take_number(r, t, 0, 1, &out->number))
        return false;
    r->number = out->number;
    if (!take_text(r, t, 1, &out->id) || !take_text(r, t, 2, &out->key_id) ||
        !take_text(r, t, 3, &out->thing) || !take_text(r, t, 4, &out->description) ||
        !take_number(r, t, 5, 0, &out->created) || !take_number(r, t, 6, 0, &out->updated) ||
        !take_number(r, t, 7, 1, &out->lifetime_minutes) ||
        !take_number(r, t, 8, 0, &out->expires) || !take_number(r, t, 9, 0, &out->closed))
        return false;
    return is_id(out->id) || fail(r, ERR_PROTOCOL, "its id is not one");
}

static bool take_side(struct reader *r, struct tunnel_record *out, size_t nth)
{
    enum table t = TABLE_SIDES;
    int64_t side;
    if (!take_number(r, t, 1, 0, &side))
        return false;
    if (nth >= SIDE_COUNT || side != (int64_t)nth)
        return fail(r, ERR_PROTOCOL, "it must have two sides");
    struct record_side *s = &out->sides[nth];
    if (!take_hash(r, t, 2, s->token) || !take_flag(r, t, 3, &s->used) ||
        !take_flag(r, t, 5, &s->connected) || !take_number(r, t, 6, 0, &s->changed))
        return false;
    s->has_client = sqlite3_column_type(r->table[t], 4) != SQLITE_NULL;
    return !s->has_client || take_hash(r, t, 4, s->client);
}

static bool take_service(struct reader *r, struct tunnel_record *out, size_t nth)
{
    struct span name = {0};
    (void)nth;
    return look_text(r, TABLE_SERVICES, 2, &name) &&
           (texts_add(&out->services, name) || fail(r, ERR_NO_MEMORY, NULL));
}

static bool take_tag(struct reader *r, struct tunnel_record *out, size_t nth)
{
    char *key = NULL;
    struct span value = {0};
    (void)nth;
    bool done = take_text(r, TABLE_TAGS, 1, &key) && look_text(r, TABLE_TAGS, 2, &value) &&
                (tags_set(&out->tags, span_of(key), value) || fail(r, ERR_NO_MEMORY, NULL));
    free(key);
    return done;
}

/* Takes the rows of that table that belong to the tunnel, and counts them in *n. */
static bool take_rows(struct reader *r, enum table t, struct tunnel_record *out, size_t *n,
                      bool (*take)(struct reader *r, struct tunnel_record *out, size_t nth))
{
    for (*n = 0; r->row[t]; ++*n) {
        int64_t number = sqlite3_column_int64(r->table[t], 0);
        if (number > out->number)
            return true;
        if (number < out->number) {
            r->number = number;
            return fail(r, ERR_PROTOCOL, "parts of it are there, but not the tunnel itself");
        }
        if (!take(r, out, *n) || !step(r, t))
            return false;
    }
    return true;
}

static bool take_all(struct reader *r, struct tunnel_record *out)
{
    size_t sides, others;
    return take_tunnel(r, out) && take_rows(r, TABLE_SIDES, out, &sides, take_side) &&
           (sides == SIDE_COUNT || fail(r, ERR_PROTOCOL, "it must have two sides")) &&
           take_rows(r, TABLE_SERVICES, out, &others, take_service) &&
           take_rows(r, TABLE_TAGS, out, &others, take_tag);
}

/* Whether no rows are left after the last tunnel. */
static bool at_end(struct reader *r)
{
    for (int t = TABLE_SIDES; t < TABLE_COUNT; t++) {
        if (!r->row[t])
            continue;
        r->number = sqlite3_column_int64(r->table[t], 0);
        return fail(r, ERR_PROTOCOL, "parts of it are there, but not the tunnel itself");
    }
    return true;
}

static void tell(const struct reader *r, char *text, size_t size)
{
    const char *path = r->d->path;
    if (r->result != SQLITE_OK)
        sql_wrong_in(r->d->path, r->d->db, r->result, text, size);
    else if (r->why == ERR_PROTOCOL)
        snprintf(text, size, "%s: damaged (tunnel number %lld: %s); repair it, or restore a backup",
                 path, (long long)r->number, r->problem);
    else
        snprintf(text, size, "%s: %s", path, err_text(r->why));
}

enum err database_read(void *backend, enum err (*each)(void *ctx, struct tunnel_record *r),
                       void *ctx, char *text, size_t size)
{
    struct reader r = {.d = backend};
    bool good = begin(&r);
    while (good && r.row[TABLE_TUNNELS]) {
        struct tunnel_record record = {0};
        enum err e = ERR_OK;
        good = take_all(&r, &record);
        if (good)
            e = each(ctx, &record);
        tunnel_record_free(&record); /* `each` may have left something in it */
        good = good && (e == ERR_OK || fail(&r, e, "its id or a token is another one's, too")) &&
               step(&r, TABLE_TUNNELS);
    }
    if (good)
        at_end(&r);
    if (r.why != ERR_OK)
        tell(&r, text, size);
    for (int t = 0; t < TABLE_COUNT; t++)
        sqlite3_finalize(r.table[t]);
    return r.why;
}
