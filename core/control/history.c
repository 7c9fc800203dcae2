#include "core/control/history.h"

#define TEN 10

void history_init(struct history *h)
{
    *h = (struct history){.seconds = {.size = HISTORY_SECONDS}, .tens = {.size = HISTORY_TENS}};
    h->seconds.down = h->second_down;
    h->seconds.up = h->second_up;
    h->tens.down = h->ten_down;
    h->tens.up = h->ten_up;
}

static void add(struct history_ring *r, uint64_t down, uint64_t up)
{
    size_t at = (size_t)(++r->last % r->size);
    r->down[at] = down;
    r->up[at] = up;
}

void history_add(struct history *h, uint64_t down, uint64_t up)
{
    add(&h->seconds, down, up);
    h->sum_down += down;
    h->sum_up += up;
    if (h->seconds.last % TEN != 0)
        return;
    add(&h->tens, h->sum_down, h->sum_up);
    h->sum_down = h->sum_up = 0;
}

uint64_t history_from(const struct history_ring *r, uint64_t known)
{
    uint64_t oldest = r->last > r->size ? r->last - r->size + 1 : 1;
    /* A number from before a restart means nothing here. */
    if (known > r->last)
        known = 0;
    return known + 1 > oldest ? known + 1 : oldest;
}
