#include "gateway/hub/tunnels.h"

#include "core/base/log.h"
#include "core/base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The records' memory, and what finds tunnels by it. */
struct table {
    struct tunnel_file file;
    struct map by_id;    /* struct tunnel */
    struct map by_token; /* struct tunnel_side, by its token's hash */
};

struct tunnels {
    char *path;
    const struct tunnels_events *events;
    void *owner;
    struct table table;
    struct stat seen; /* the file at the last try to read it */
};

static const char previously_used[] =
    "Invalid access token: The access token was previously used and can not be used again. "
    "Open a new tunnel, and give the client a client token (-i) if it shall be able to reconnect.";
static const char other_client[] =
    "Invalid client token: The provided client token does not match the client token that was "
    "previously set. Connect with the same one, or open a new tunnel.";
static const char unknown_token[] =
    "Invalid access token: no open tunnel has it. The tunnel may have been closed or have expired, "
    "or it belongs to another hub: open a new tunnel, or check the token and the endpoint.";
static const char is_destination_token[] = "Invalid access token: it is the destination's, not the "
                                           "source's. Give this one to the agent on "
                                           "the device, and the source token to the gateway.";
static const char is_source_token[] = "Invalid access token: it is the source's, not the "
                                      "destination's. Give this one to the gateway, "
                                      "and the destination token to the agent on the device.";

const char *tunnel_name(const struct tunnel *t)
{
    return t->record->name[0] != '\0' ? t->record->name : t->record->id;
}

/* ---- tables ---- */

static void table_free(struct table *t)
{
    map_free(&t->by_id);
    map_free(&t->by_token);
    tunnel_file_free(&t->file);
}

static bool table_put(struct table *t, const struct tunnel_record *r, struct tunnel *tunnel)
{
    if (!map_put(&t->by_id, r->id, strlen(r->id), tunnel))
        return false;
    for (size_t side = 0; side < SIDE_COUNT; side++)
        if (!map_put(&t->by_token, r->hash[side], TOKEN_HASH, &tunnel->sides[side]))
            return false;
    return true;
}

static void table_remove(struct table *t, const struct tunnel_record *r)
{
    map_remove(&t->by_id, r->id, strlen(r->id));
    for (size_t side = 0; side < SIDE_COUNT; side++)
        map_remove(&t->by_token, r->hash[side], TOKEN_HASH);
}

static struct tunnel *table_find(const struct table *t, const struct tunnel_record *r)
{
    return map_get(&t->by_id, r->id, strlen(r->id));
}

struct tunnels *tunnels_new(const char *path, const struct tunnels_events *events, void *owner)
{
    struct tunnels *ts = calloc(1, sizeof *ts);
    if (ts == NULL)
        return NULL;
    ts->events = events;
    ts->owner = owner;
    ts->path = span_dup(span_of(path));
    if (ts->path != NULL)
        return ts;
    free(ts);
    return NULL;
}

void tunnels_free(struct tunnels *ts)
{
    size_t at = 0;
    if (ts == NULL)
        return;
    for (struct tunnel *t; (t = map_next(&ts->table.by_id, &at)) != NULL;)
        free(t);
    table_free(&ts->table);
    free(ts->path);
    free(ts);
}

size_t tunnels_count(const struct tunnels *ts)
{
    return ts->table.by_id.size;
}

struct tunnel *tunnels_next(const struct tunnels *ts, size_t *at)
{
    return map_next(&ts->table.by_id, at);
}

/* ---- reading the file ---- */

static bool expired(const struct tunnel_record *r, int64_t now)
{
    return r->expires != 0 && r->expires <= now;
}

static bool same_services(const struct tunnel_record *a, const struct tunnel_record *b)
{
    if (a->n_services != b->n_services)
        return false;
    for (size_t i = 0; i < a->n_services; i++)
        if (strcmp(a->services[i], b->services[i]) != 0)
            return false;
    return true;
}

static struct tunnel *tunnel_new(void)
{
    struct tunnel *t = calloc(1, sizeof *t);
    for (size_t side = 0; t != NULL && side < SIDE_COUNT; side++)
        t->sides[side] = (struct tunnel_side){.tunnel = t, .side = (enum side)side};
    return t;
}

/* Fills `next` from its file: known tunnels where they go on, else new ones without record. */
static bool table_fill(struct tunnels *ts, struct table *next, int64_t now)
{
    for (size_t i = 0; i < next->file.n; i++) {
        const struct tunnel_record *r = &next->file.records[i];
        struct tunnel *known = table_find(&ts->table, r), *t = known;
        if (expired(r, now))
            continue;
        if (known == NULL || !same_services(known->record, r))
            t = tunnel_new();
        if (t == NULL)
            return false;
        if (!table_put(next, r, t)) {
            if (table_find(next, r) == NULL && t != known)
                free(t);
            return false;
        }
    }
    return true;
}

/* Frees what table_fill made. */
static void table_drop(struct table *next)
{
    size_t at = 0;
    for (struct tunnel *t; (t = map_next(&next->by_id, &at)) != NULL;)
        if (t->record == NULL)
            free(t);
    table_free(next);
}

/* Gives t its record of the new table; tells when that brings another token. */
static void take_record(struct tunnels *ts, struct tunnel *t, const struct tunnel_record *r)
{
    const struct tunnel_record *old = t->record;
    t->record = r;
    t->kept = true;
    for (size_t i = 0; old != NULL && i < SIDE_COUNT; i++) {
        if (memcmp(old->hash[i], r->hash[i], TOKEN_HASH) == 0)
            continue;
        t->sides[i] = (struct tunnel_side){.tunnel = t, .side = (enum side)i};
        ts->events->rotated(ts->owner, t, (enum side)i);
    }
}

static void commit(struct tunnels *ts, struct table *next, int64_t now)
{
    struct table old = ts->table;
    size_t at = 0;
    ts->table = *next;
    for (size_t i = 0; i < ts->table.file.n; i++) {
        const struct tunnel_record *r = &ts->table.file.records[i];
        struct tunnel *t = table_find(&ts->table, r);
        if (t != NULL)
            take_record(ts, t, r);
    }
    for (struct tunnel *t; (t = map_next(&old.by_id, &at)) != NULL;) {
        if (t->kept)
            continue;
        const char *why = expired(t->record, now) ? "the tunnel has expired"
                          : table_find(&ts->table, t->record) != NULL
                              ? "the tunnel's services have changed"
                              : "the tunnel was closed";
        ts->events->ended(ts->owner, t, why);
        free(t);
    }
    at = 0;
    for (struct tunnel *t; (t = map_next(&ts->table.by_id, &at)) != NULL;)
        t->kept = false;
    table_free(&old);
}

enum err tunnels_load(struct tunnels *ts, int64_t now, char *text, size_t size)
{
    struct table next = {0};
    struct stat seen;
    if (stat(ts->path, &seen) == 0) /* before reading: a later change is found at the next look */
        ts->seen = seen;
    enum err e = tunnel_file_read(ts->path, &next.file, text, size);
    if (e != ERR_OK)
        return e;
    if (!table_fill(ts, &next, now)) {
        table_drop(&next);
        snprintf(text, size, "%s: %s", ts->path, err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    commit(ts, &next, now);
    return ERR_OK;
}

static bool file_changed(const struct tunnels *ts)
{
    struct stat now;
    return stat(ts->path, &now) == 0 &&
           (now.st_dev != ts->seen.st_dev || now.st_ino != ts->seen.st_ino ||
            now.st_size != ts->seen.st_size || now.st_mtim.tv_sec != ts->seen.st_mtim.tv_sec ||
            now.st_mtim.tv_nsec != ts->seen.st_mtim.tv_nsec);
}

static void end_expired(struct tunnels *ts, int64_t now)
{
    for (size_t i = 0; i < ts->table.file.n; i++) {
        const struct tunnel_record *r = &ts->table.file.records[i];
        struct tunnel *t = expired(r, now) ? table_find(&ts->table, r) : NULL;
        if (t == NULL)
            continue;
        table_remove(&ts->table, r);
        ts->events->ended(ts->owner, t, "the tunnel has expired");
        free(t);
    }
}

void tunnels_refresh(struct tunnels *ts, int64_t now)
{
    char text[512];
    if (file_changed(ts)) {
        if (tunnels_load(ts, now, text, sizeof text) == ERR_OK)
            log_info("%s: open tunnels: %zu", ts->path, tunnels_count(ts));
        else
            log_error("%s; going on with the tunnels known (%zu)", text, tunnels_count(ts));
    }
    end_expired(ts, now);
}

/* ---- tokens ---- */

static struct admission refuse(int status, const char *text)
{
    return (struct admission){.status = status, .text = text};
}

static struct tunnel_side *find_side(struct tunnels *ts, const uint8_t hash[TOKEN_HASH],
                                     int64_t now)
{
    struct tunnel_side *s = map_get(&ts->table.by_token, hash, TOKEN_HASH);
    if (s != NULL ? !expired(s->tunnel->record, now) : !file_changed(ts))
        return s;
    tunnels_refresh(ts, now);
    return map_get(&ts->table.by_token, hash, TOKEN_HASH);
}

struct admission tunnels_admit(struct tunnels *ts, const struct request *r, int64_t now)
{
    uint8_t hash[TOKEN_HASH], client_hash[TOKEN_HASH] = {0};
    bool has_client_token = r->client_token.p != NULL;
    token_hash(r->token, hash);
    struct tunnel_side *s = find_side(ts, hash, now);
    if (s == NULL)
        return refuse(403, unknown_token);
    if (s->side != r->side)
        return refuse(403, s->side == SIDE_SOURCE ? is_source_token : is_destination_token);
    if (has_client_token)
        token_hash(r->client_token, client_hash);
    if (s->used && (!s->has_client_token || !has_client_token))
        return refuse(400, previously_used);
    if (s->used && memcmp(s->client_token, client_hash, TOKEN_HASH) != 0)
        return refuse(400, other_client);
    s->used = true;
    s->has_client_token = has_client_token;
    memcpy(s->client_token, client_hash, TOKEN_HASH);
    return (struct admission){.tunnel = s->tunnel};
}
