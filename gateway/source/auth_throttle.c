#include "gateway/source/auth_throttle.h"

#include <stdlib.h>
#include <string.h>

#define FULL_MS ((uint64_t)AUTH_THROTTLE_BURST * AUTH_THROTTLE_INTERVAL_MS)

/* A debt is kept as the point in time when the address owes nothing any more. */
struct debtor {
    struct ip origin;
    uint64_t free_ms;
};

struct auth_throttle {
    struct debtor debtors[AUTH_THROTTLE_ADDRESSES];
};

struct auth_throttle *auth_throttle_new(void)
{
    return calloc(1, sizeof(struct auth_throttle));
}

void auth_throttle_free(struct auth_throttle *g)
{
    free(g);
}

/* NULL: the address owes nothing. */
static struct debtor *find(struct auth_throttle *g, struct ip origin, uint64_t now)
{
    for (size_t i = 0; i < AUTH_THROTTLE_ADDRESSES; i++) {
        struct debtor *d = &g->debtors[i];
        if (d->free_ms > now && memcmp(&d->origin, &origin, sizeof origin) == 0)
            return d;
    }
    return NULL;
}

static struct debtor *least(struct auth_throttle *g)
{
    struct debtor *found = &g->debtors[0];
    for (size_t i = 1; i < AUTH_THROTTLE_ADDRESSES; i++)
        if (g->debtors[i].free_ms < found->free_ms)
            found = &g->debtors[i];
    return found;
}

bool auth_throttle_allows(struct auth_throttle *g, struct ip origin, uint64_t now)
{
    const struct debtor *d = find(g, origin, now);
    return d == NULL || d->free_ms - now + AUTH_THROTTLE_INTERVAL_MS <= FULL_MS;
}

void auth_throttle_failed(struct auth_throttle *g, struct ip origin, uint64_t now)
{
    struct debtor *d = find(g, origin, now);
    if (d == NULL) {
        d = least(g);
        *d = (struct debtor){origin, now};
    }
    d->free_ms += AUTH_THROTTLE_INTERVAL_MS;
}
