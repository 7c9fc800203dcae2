/* Reads and validates the whole database. */
#include "gateway/hub/registry/row_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX 128

static const char *const sql[TABLE_COUNT] = {
    [TABLE_TUNNELS] = "SELECT number, id, key_id, thing, description, created, updated, "
                      "lifetime_minutes, expires, closed, idle_ms FROM tunnels ORDER BY number",
    [TABLE_SIDES] = "SELECT tunnel, side, token, used, client, connected, changed FROM sides "
                    "ORDER BY tunnel, side",
    [TABLE_SERVICES] = "SELECT tunnel, position, name FROM services ORDER BY tunnel, position",
    [TABLE_TAGS] = "SELECT tunnel, key, value FROM tags ORDER BY tunnel, rowid",
    [TABLE_INVITATIONS] = "SELECT id, token, names, labels, uses, used, created, expires, key_id, "
                          "approve FROM invitations ORDER BY rowid",
    [TABLE_DEVICES] =
        "SELECT name, state, key, by_certificate, invitation, enrolled, last_seen, "
        "last_address, version, services, labels, azure_id, sealed, topics FROM devices ORDER BY name",
};

static bool begin(struct reader *r)
{
    for (int t = 0; t < TABLE_COUNT; t++) {
        r->result = sqlite3_prepare_v2(r->d->db, sql[t], -1, &r->table[t], NULL);
        if (r->result != SQLITE_OK)
            return row_reader_fail(r, sql_err(r->result), NULL);
        if (!row_reader_step(r, (enum table)t))
            return false;
    }
    return true;
}

/* ---- rows ---- */

static bool is_id(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:");
    return n > 0 && n <= ID_MAX && id[n] == '\0';
}

static void about_tunnel(struct reader *r, int64_t number)
{
    snprintf(r->subject, sizeof r->subject, "tunnel number %lld", (long long)number);
}

static bool take_tunnel(struct reader *r, struct tunnel_record *out)
{
    enum table t = TABLE_TUNNELS;
    if (!row_reader_number(r, t, 0, 1, &out->number))
        return false;
    about_tunnel(r, out->number);
    if (!row_reader_copy(r, t, 1, &out->id) || !row_reader_copy(r, t, 2, &out->key_id) ||
        !row_reader_copy(r, t, 3, &out->thing) || !row_reader_copy(r, t, 4, &out->description) ||
        !row_reader_number(r, t, 5, 0, &out->created) ||
        !row_reader_number(r, t, 6, 0, &out->updated) ||
        !row_reader_number(r, t, 7, 1, &out->lifetime_minutes) ||
        !row_reader_number(r, t, 8, 0, &out->expires) ||
        !row_reader_number(r, t, 9, 0, &out->closed) ||
        !row_reader_number(r, t, 10, 0, &out->idle_ms))
        return false;
    return is_id(out->id) || row_reader_fail(r, ERR_PROTOCOL, "its id is not one");
}

static bool take_side(struct reader *r, struct tunnel_record *out, size_t nth)
{
    enum table t = TABLE_SIDES;
    int64_t side;
    if (!row_reader_number(r, t, 1, 0, &side))
        return false;
    if (nth >= SIDE_COUNT || side != (int64_t)nth)
        return row_reader_fail(r, ERR_PROTOCOL, "it must have two sides");
    struct record_side *s = &out->sides[nth];
    if (!row_reader_bytes(r, t, 2, s->token, TOKEN_HASH) || !row_reader_flag(r, t, 3, &s->used) ||
        !row_reader_flag(r, t, 5, &s->connected) || !row_reader_number(r, t, 6, 0, &s->changed))
        return false;
    s->has_client = sqlite3_column_type(r->table[t], 4) != SQLITE_NULL;
    return !s->has_client || row_reader_bytes(r, t, 4, s->client, TOKEN_HASH);
}

static bool take_service(struct reader *r, struct tunnel_record *out, size_t nth)
{
    struct span name = {0};
    (void)nth;
    return row_reader_text(r, TABLE_SERVICES, 2, &name) &&
           (texts_add(&out->services, name) || row_reader_fail(r, ERR_NO_MEMORY, NULL));
}

static bool take_tag(struct reader *r, struct tunnel_record *out, size_t nth)
{
    char *key = NULL;
    struct span value = {0};
    (void)nth;
    bool done =
        row_reader_copy(r, TABLE_TAGS, 1, &key) && row_reader_text(r, TABLE_TAGS, 2, &value) &&
        (tags_set(&out->tags, span_of(key), value) || row_reader_fail(r, ERR_NO_MEMORY, NULL));
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
            about_tunnel(r, number);
            return row_reader_fail(r, ERR_PROTOCOL,
                                   "parts of it are there, but not the tunnel itself");
        }
        if (!take(r, out, *n) || !row_reader_step(r, t))
            return false;
    }
    return true;
}

static bool take_all(struct reader *r, struct tunnel_record *out)
{
    size_t sides, others;
    return take_tunnel(r, out) && take_rows(r, TABLE_SIDES, out, &sides, take_side) &&
           (sides == SIDE_COUNT || row_reader_fail(r, ERR_PROTOCOL, "it must have two sides")) &&
           take_rows(r, TABLE_SERVICES, out, &others, take_service) &&
           take_rows(r, TABLE_TAGS, out, &others, take_tag);
}

/* Whether no rows are left after the last tunnel. */
static bool at_end(struct reader *r)
{
    for (int t = TABLE_SIDES; t < TUNNEL_TABLES; t++) {
        if (!r->row[t])
            continue;
        about_tunnel(r, sqlite3_column_int64(r->table[t], 0));
        return row_reader_fail(r, ERR_PROTOCOL, "parts of it are there, but not the tunnel itself");
    }
    return true;
}

static void tell(const struct reader *r, char *text, size_t size)
{
    const char *path = r->d->path;
    if (r->result != SQLITE_OK)
        sql_wrong_in(r->d->path, r->d->db, r->result, text, size);
    else if (r->why == ERR_PROTOCOL)
        snprintf(text, size, "%s: damaged (%s: %s); repair it, or restore a backup", path,
                 r->subject, r->problem);
    else
        snprintf(text, size, "%s: %s", path, err_text(r->why));
}

static bool read_tunnels(struct reader *r)
{
    bool good = true;
    while (good && r->row[TABLE_TUNNELS]) {
        struct tunnel_record record = {0};
        enum err e = ERR_OK;
        good = take_all(r, &record);
        if (good)
            e = r->to->tunnel(r->owner, &record);
        tunnel_record_free(&record); /* the reader may have left something in it */
        good = good &&
               (e == ERR_OK || row_reader_fail(r, e, "its id or a token is another one's, too")) &&
               row_reader_step(r, TABLE_TUNNELS);
    }
    return good && at_end(r);
}

enum err database_read(void *backend, const struct store_reader *to, void *owner, char *text,
                       size_t size)
{
    struct reader r = {.d = backend, .to = to, .owner = owner};
    if (!begin(&r) || !read_tunnels(&r) || !device_rows_read(&r))
        tell(&r, text, size);
    for (int t = 0; t < TABLE_COUNT; t++)
        sqlite3_finalize(r.table[t]);
    return r.why;
}
