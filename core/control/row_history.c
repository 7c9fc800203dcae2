#include "core/control/row_history.h"

#include <stddef.h>
#include <stdlib.h>

#define TEN 10

static uint32_t sample(uint64_t bytes)
{
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

/* ---- the older part ---- */

static bool any_second(const struct row_history *h)
{
    for (size_t i = 0; i < ROW_SECONDS; i++)
        if (h->down[i] != 0 || h->up[i] != 0)
            return true;
    return false;
}

static bool any_ten(const struct row_tens *t)
{
    for (size_t i = 0; i < ROW_TENS; i++)
        if (t->down[i] != 0 || t->up[i] != 0)
            return true;
    return false;
}

/* The ten whose last sample is number `end`, which the seconds still have. */
static void put_ten(struct row_history *h, uint64_t end)
{
    size_t at = (size_t)((end / TEN - 1) % ROW_TENS);
    h->tens->down[at] = h->tens->up[at] = 0;
    for (uint64_t i = end - TEN + 1; i <= end; i++) {
        h->tens->down[at] += h->down[i % ROW_SECONDS];
        h->tens->up[at] += h->up[i % ROW_SECONDS];
    }
}

static void begin_tens(struct row_history *h)
{
    h->tens = calloc(1, sizeof *h->tens);
    h->lost = h->tens == NULL;
    for (uint64_t end = h->last - ROW_SECONDS + TEN; !h->lost && end <= h->last; end += TEN)
        put_ten(h, end);
}

/* At each tenth sample; before the sixtieth nothing is old. */
static void keep_ten(struct row_history *h)
{
    if (h->last < ROW_SECONDS || h->lost)
        return;
    if (h->tens != NULL)
        put_ten(h, h->last);
    else if (any_second(h))
        begin_tens(h);
    if (h->tens == NULL || any_ten(h->tens))
        return;
    free(h->tens);
    h->tens = NULL;
}

void row_history_add(struct row_history *h, uint64_t down, uint64_t up, bool tens)
{
    size_t at = (size_t)(++h->last % ROW_SECONDS);
    h->down[at] = sample(down);
    h->up[at] = sample(up);
    if (tens && h->last % TEN == 0)
        keep_ten(h);
}

void row_history_free(struct row_history *h)
{
    free(h->tens);
    h->tens = NULL;
}

/* ---- looking back ---- */

/* Adds the samples behind number `from`, which are among the seconds. */
static void add_seconds(const struct row_history *h, uint64_t from, struct row_since *out)
{
    for (uint64_t i = from + 1; i <= h->last; i++) {
        out->down += h->down[i % ROW_SECONDS];
        out->up += h->up[i % ROW_SECONDS];
    }
}

static bool has_seconds(const struct row_history *h, uint64_t since)
{
    uint64_t kept = h->last < ROW_SECONDS ? h->last : ROW_SECONDS;
    return since <= kept && (since < kept || h->last <= ROW_SECONDS);
}

/* The tens from the one of sample `from` on, up to the first that the seconds have whole. */
static void since_tens(const struct row_history *h, uint64_t from, struct row_since *out)
{
    const struct row_tens *t = h->tens;
    uint64_t first = from / TEN, part = TEN - from % TEN;
    uint64_t after = (h->last - ROW_SECONDS + TEN - 1) / TEN;
    add_seconds(h, after * TEN, out);
    if (t == NULL)
        return;
    for (uint64_t i = first; i < after; i++) {
        size_t at = (size_t)(i % ROW_TENS);
        out->down += i == first ? t->down[at] * part / TEN : t->down[at];
        out->up += i == first ? t->up[at] * part / TEN : t->up[at];
    }
    size_t before = (size_t)((from > 0 ? from - 1 : 0) / TEN % ROW_TENS);
    out->rate_down = t->down[before] / TEN;
    out->rate_up = t->up[before] / TEN;
}

bool row_history_since(const struct row_history *h, uint64_t since, bool tens,
                       struct row_since *out)
{
    *out = (struct row_since){0};
    if (since > h->last)
        return false;
    uint64_t from = h->last - since;
    if (has_seconds(h, since)) {
        add_seconds(h, from, out);
        out->rate_down = from > 0 ? h->down[from % ROW_SECONDS] : 0;
        out->rate_up = from > 0 ? h->up[from % ROW_SECONDS] : 0;
        return true;
    }
    /* The ten before `from` must be there for the rate. */
    uint64_t oldest = h->last / TEN > ROW_TENS ? (h->last / TEN - ROW_TENS) * TEN : 0;
    bool known = tens && !h->lost && from >= oldest && (from > oldest || oldest == 0);
    if (known)
        since_tens(h, from, out);
    return known;
}
