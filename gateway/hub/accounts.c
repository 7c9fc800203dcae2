#include "gateway/hub/accounts.h"

#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_CREDIT_MS 1000

struct entry {
    struct account account; /* first */
    char *key_id;
    _Atomic uint64_t connect_rate, stream_rate;
    struct rate_limiter connects, streams;
    size_t held;
    uint64_t used; /* when the account was last asked for, or released */
};

struct accounts {
    struct map by_key;
    const struct limit_book *limits;
    uint64_t ticked;
};

struct accounts *accounts_new(void)
{
    return calloc(1, sizeof(struct accounts));
}

static void entry_free(struct entry *e)
{
    free(e->key_id);
    free(e);
}

void accounts_free(struct accounts *a)
{
    size_t at = 0;
    if (a == NULL)
        return;
    for (struct entry *e; (e = map_next(&a->by_key, &at)) != NULL;)
        entry_free(e);
    map_free(&a->by_key);
    free(a);
}

static void set_rates(const struct accounts *a, struct entry *e)
{
    const struct limits *l = limits_of(a->limits, e->key_id);
    atomic_store(&e->account.tunnel_rate, l->bandwidth_per_tunnel);
    atomic_store(&e->account.rate, l->bandwidth_per_key);
    atomic_store(&e->account.stream_idle_s, l->stream_idle_seconds);
    atomic_store(&e->connect_rate, l->connects_per_second);
    atomic_store(&e->stream_rate, l->streams_per_second);
}

void accounts_rules(struct accounts *a, const struct limit_book *limits)
{
    size_t at = 0;
    a->limits = limits;
    for (struct entry *e; (e = map_next(&a->by_key, &at)) != NULL;)
        set_rates(a, e);
}

static struct entry *make(struct accounts *a, const char *key_id)
{
    struct entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->key_id = strdup(key_id);
    if (e->key_id == NULL || !map_put(&a->by_key, e->key_id, strlen(e->key_id), e)) {
        entry_free(e);
        return NULL;
    }
    rate_limiter_init(&e->account.limiter, &e->account.rate, RATE_LIMITER_CREDIT_MS);
    rate_limiter_init(&e->connects, &e->connect_rate, CONNECT_CREDIT_MS);
    rate_limiter_init(&e->streams, &e->stream_rate, CONNECT_CREDIT_MS);
    set_rates(a, e);
    return e;
}

struct account *accounts_get(struct accounts *a, const char *key_id, uint64_t now)
{
    struct entry *e = map_get(&a->by_key, key_id, strlen(key_id));
    if (e == NULL)
        e = make(a, key_id);
    if (e == NULL)
        return NULL;
    e->used = now;
    return &e->account;
}

const char *account_key(const struct account *account)
{
    return ((const struct entry *)account)->key_id;
}

void account_hold(struct account *account)
{
    ((struct entry *)account)->held++;
}

void account_release(struct account *account, uint64_t now)
{
    struct entry *e = (struct entry *)account;
    e->held--;
    e->used = now;
}

/* Finds one idle account at a time, because a map must not change while it is walked. */
static struct entry *idle(const struct accounts *a, uint64_t now)
{
    size_t at = 0;
    struct entry *e;
    while ((e = map_next(&a->by_key, &at)) != NULL)
        if (e->held == 0 && now - e->used >= ACCOUNT_IDLE_MS)
            return e;
    return NULL;
}

void accounts_tick(struct accounts *a, uint64_t now)
{
    struct entry *e;
    if (now - a->ticked < ACCOUNT_IDLE_MS)
        return;
    a->ticked = now;
    while ((e = idle(a, now)) != NULL) {
        map_remove(&a->by_key, e->key_id, strlen(e->key_id));
        entry_free(e);
    }
}

size_t accounts_count(const struct accounts *a)
{
    return a->by_key.size;
}

static bool take_one(struct rate_limiter *m, uint64_t now)
{
    if (rate_limiter_wait(m, now) > 0)
        return false;
    rate_limiter_charge(m, now, 1);
    return true;
}

bool account_connect(struct account *account, uint64_t now)
{
    return take_one(&((struct entry *)account)->connects, now);
}

bool account_stream(struct account *account, uint64_t now)
{
    return take_one(&((struct entry *)account)->streams, now);
}
