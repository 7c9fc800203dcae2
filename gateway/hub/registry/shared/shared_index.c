/* The indexes: what leads to tunnels by token, thing and number, and the places of access keys.
 * They cannot be written together with the tunnel, so they come first and go last. What leads to
 * nothing is found by those who read it, and by a look at a few here and there with each tunnel
 * that is opened, so that no index outgrows its tunnels. */
#include "gateway/hub/registry/shared/shared_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLEAN_EVERY 4 /* openings */
#define CLEAN "8"     /* members of an index that are looked at then */

bool leads_elsewhere(const struct redis_reply *reply, const char *id)
{
    struct span text = redis_text(reply);
    size_t n = strlen(id);
    return text.p != NULL && (text.n <= n || memcmp(text.p, id, n) != 0 || text.p[n] != ' ');
}

void index_forget(struct shared *s, const struct tunnel_record *t, bool tokens)
{
    char key[KEY_SIZE];
    key_bucket(key, t->number / BUCKET);
    shared_tell(s, "ZREM", key, t->id);
    key_thing(key, t->thing);
    shared_tell(s, "ZREM", key, t->id);
    key_open(key, t->key_id);
    shared_tell(s, "ZREM", key, t->id);
    for (int side = 0; tokens && side < SIDE_COUNT; side++) {
        key_token(key, t->sides[side].token);
        shared_tell(s, "DEL", key);
    }
}

/* ---- numbers ---- */

static void on_number(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct counting *c = ctx;
    struct shared *s = c->shared;
    if (s != NULL) {
        s->counting = NULL;
        if (why == ERR_OK) {
            s->old_number = s->last_number;
            s->last_number = redis_integer(reply);
        }
    }
    free(c);
}

void index_count(struct shared *s)
{
    struct counting *c = s->counting == NULL ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return;
    c->shared = s;
    s->counting = c;
    shared_ask(s, 1, on_number, c, "GET", KEY_NUMBER, (char *)NULL);
}

void index_stray(struct shared *s, const char *key, const char *id, int64_t number)
{
    if (number <= s->old_number)
        shared_tell(s, "ZREM", key, id);
}

/* ---- looking here and there ---- */

/* A look at a few members of one index. */
struct cleaning {
    struct list node;      /* shared.cleanings */
    struct shared *shared; /* NULL: it is gone */
    int64_t bucket;        /* that is perhaps empty; or -1 */
    size_t pending;
    char key[KEY_SIZE];
};
struct member {
    struct cleaning *cleaning;
    int64_t number;
    char id[ID_SIZE];
};

static void cleaning_back(struct cleaning *c)
{
    if (--c->pending > 0)
        return;
    list_remove(&c->node);
    free(c);
}

static void on_exists(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct member *m = ctx;
    if (why == ERR_OK && redis_integer(reply) == 0 && m->cleaning->shared != NULL)
        index_stray(m->cleaning->shared, m->cleaning->key, m->id, m->number);
    cleaning_back(m->cleaning);
    free(m);
}

static void look_at(struct cleaning *c, struct span id, int64_t number)
{
    struct member *m =
        id.n < ID_SIZE && number <= c->shared->old_number ? calloc(1, sizeof *m) : NULL;
    char key[KEY_SIZE];
    if (m == NULL)
        return;
    m->cleaning = c;
    m->number = number;
    memcpy(m->id, id.p, id.n);
    key_tunnel(key, m->id);
    c->pending++;
    shared_ask(c->shared, 1, on_exists, m, "EXISTS", key, (char *)NULL);
}

static void on_members(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct cleaning *c = ctx;
    struct shared *s = c->shared;
    char bucket[NUMBER_SIZE];
    size_t n = redis_count(reply);
    if (s != NULL && why == ERR_OK && n == 0 && c->bucket >= 0 &&
        c->bucket < s->old_number / BUCKET) {
        number_text(bucket, c->bucket);
        shared_tell(s, "ZREM", KEY_BUCKETS, bucket);
    }
    for (size_t i = 0; s != NULL && i + 1 < n; i += 2)
        look_at(c, redis_text(redis_item(reply, i)), redis_integer(redis_item(reply, i + 1)));
    cleaning_back(c);
}

static struct cleaning *cleaning_new(struct shared *s)
{
    struct cleaning *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->shared = s;
    c->pending = 1;
    c->bucket = -1;
    list_init(&c->node);
    list_append(&s->cleanings, &c->node);
    return c;
}

static void ask_members(struct cleaning *c)
{
    shared_ask(c->shared, 1, on_members, c, "ZRANDMEMBER", c->key, CLEAN, "WITHSCORES",
               (char *)NULL);
}

static void on_oldest(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct cleaning *c = ctx;
    if (c->shared == NULL || why != ERR_OK || redis_count(reply) == 0) {
        cleaning_back(c);
        return;
    }
    c->bucket = redis_integer(redis_item(reply, 0));
    key_bucket(c->key, c->bucket);
    ask_members(c);
}

void index_clean(struct shared *s, const char *thing)
{
    struct cleaning *c;
    if (s->opened++ % CLEAN_EVERY != 0)
        return;
    if ((c = cleaning_new(s)) != NULL) {
        key_thing(c->key, thing);
        ask_members(c);
    }
    if ((c = cleaning_new(s)) != NULL)
        shared_ask(s, 1, on_oldest, c, "ZRANGE", KEY_BUCKETS, "0", "0", (char *)NULL);
}

void index_end(struct shared *s)
{
    if (s->counting != NULL)
        s->counting->shared = NULL;
    while (!list_empty(&s->cleanings)) {
        struct cleaning *c = list_entry(s->cleanings.next, struct cleaning, node);
        c->shared = NULL;
        list_remove(&c->node);
    }
}
