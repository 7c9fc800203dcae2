#include "gateway/source/auth_throttle.h"

#include <stdlib.h>
#include <string.h>

#define FULL_MS ((uint64_t)GUESSES_AT_ONCE * GUESSES_AGAIN_MS)

/* What an address owes is a point in time: when it will owe nothing. */
struct debtor {
    struct ip origin;
    uint64_t free_ms;
};

struct guesses {
    struct debtor debtors[GUESSES_ADDRESSES];
};

struct guesses *guesses_new(void)
{
    return calloc(1, sizeof(struct guesses));
}

void guesses_free(struct guesses *g)
{
    free(g);
}

/* NULL: it owes nothing. */
static struct debtor *find(struct guesses *g, struct ip origin, uint64_t now)
{
    for (size_t i = 0; i < GUESSES_ADDRESSES; i++) {
        struct debtor *d = &g->debtors[i];
        if (d->free_ms > now && memcmp(&d->origin, &origin, sizeof origin) == 0)
            return d;
    }
    return NULL;
}

static struct debtor *least(struct guesses *g)
{
    struct debtor *found = &g->debtors[0];
    for (size_t i = 1; i < GUESSES_ADDRESSES; i++)
        if (g->debtors[i].free_ms < found->free_ms)
            found = &g->debtors[i];
    return found;
}

bool guesses_may(struct guesses *g, struct ip origin, uint64_t now)
{
    const struct debtor *d = find(g, origin, now);
    return d == NULL || d->free_ms - now + GUESSES_AGAIN_MS <= FULL_MS;
}

void guesses_wrong(struct guesses *g, struct ip origin, uint64_t now)
{
    struct debtor *d = find(g, origin, now);
    if (d == NULL) {
        d = least(g);
        *d = (struct debtor){origin, now};
    }
    d->free_ms += GUESSES_AGAIN_MS;
}
