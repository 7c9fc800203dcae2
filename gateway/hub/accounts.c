#include "gateway/hub/accounts.h"

#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_CREDIT_MS 1000

struct entry {
    struct account account; /* first */
    char *key_id;
    _Atomic uint64_t connect_rate;
    struct meter connects;
};

struct accounts {
    struct map by_key;
    const struct limit_book *limits;
};

struct accounts *accounts_new(void)
{
    return calloc(1, sizeof(struct accounts));
}

void accounts_free(struct accounts *a)
{
    size_t at = 0;
    if (a == NULL)
        return;
    for (struct entry *e; (e = map_next(&a->by_key, &at)) != NULL;) {
        free(e->key_id);
        free(e);
    }
    map_free(&a->by_key);
    free(a);
}

static void set_rates(const struct accounts *a, struct entry *e)
{
    const struct limits *l = limits_of(a->limits, e->key_id);
    atomic_store(&e->account.tunnel_rate, l->bandwidth_per_tunnel);
    atomic_store(&e->account.rate, l->bandwidth_per_key);
    atomic_store(&e->connect_rate, l->connects_per_second);
}

void accounts_rules(struct accounts *a, const struct limit_book *limits)
{
    size_t at = 0;
    a->limits = limits;
    for (struct entry *e; (e = map_next(&a->by_key, &at)) != NULL;)
        set_rates(a, e);
}

struct account *accounts_get(struct accounts *a, const char *key_id)
{
    struct entry *e = map_get(&a->by_key, key_id, strlen(key_id));
    if (e != NULL)
        return &e->account;
    e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->key_id = strdup(key_id);
    if (e->key_id == NULL || !map_put(&a->by_key, e->key_id, strlen(e->key_id), e)) {
        free(e->key_id);
        free(e);
        return NULL;
    }
    meter_init(&e->account.meter, &e->account.rate, METER_CREDIT_MS);
    meter_init(&e->connects, &e->connect_rate, CONNECT_CREDIT_MS);
    set_rates(a, e);
    return &e->account;
}

bool account_connect(struct account *account, uint64_t now)
{
    struct entry *e = (struct entry *)account;
    if (meter_wait(&e->connects, now) > 0)
        return false;
    meter_charge(&e->connects, now, 1);
    return true;
}
