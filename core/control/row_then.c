#include "core/control/row_then.h"

#include <string.h>

static bool is_there(const struct moment *when, uint64_t begin_ms, uint64_t end_ms)
{
    return begin_ms <= when->at_ms && end_ms >= when->from_ms;
}

/* A hub's tunnel of which one end has not come is `half`. */
static enum monitor_state state_of(const struct monitor *m, bool answered)
{
    bool hub = strcmp(m->o.role, "hub") == 0;
    return answered ? MONITOR_STREAM_OPEN : hub ? MONITOR_STREAM_HALF : MONITOR_STREAM_CONNECTING;
}

/* What passed after the moment is taken off what passed up to the last tick. */
static void count_back(const struct monitor_row *r, const struct moment *when, struct row_then *out)
{
    uint64_t ticked = r->monitor->ticked_ms;
    uint64_t since = ticked > when->at_ms ? (ticked - when->at_ms + 999) / 1000 : 0;
    struct row_since s;
    out->counted = row_history_since(&r->history, since, r->monitor->tens, &s);
    if (!out->counted)
        return;
    out->down = r->tick_down > s.down ? r->tick_down - s.down : 0;
    out->up = r->tick_up > s.up ? r->tick_up - s.up : 0;
    out->rate_down = s.rate_down;
    out->rate_up = s.rate_up;
}

struct row_then row_then_live(const struct monitor_row *r, const struct moment *when)
{
    struct row_then out = {.there = is_there(when, r->accepted_ms, UINT64_MAX)};
    if (!out.there)
        return out;
    out.age_ms = when->at_ms - r->accepted_ms;
    out.state = state_of(r->monitor, r->answered_ms != 0 && r->answered_ms <= when->at_ms);
    count_back(r, when, &out);
    return out;
}

struct row_then row_then_kept(const struct kept_row *k, const struct moment *when)
{
    uint64_t begin_ms = k->closed_ms - k->age_ms;
    struct row_then out = {.there = is_there(when, begin_ms, k->closed_ms)};
    if (!out.there)
        return out;
    bool ended = k->closed_ms <= when->at_ms;
    uint64_t age_ms = when->at_ms - begin_ms;
    out.age_ms = ended ? k->age_ms : age_ms;
    bool answered = k->answered_ms != 0 && k->answered_ms <= age_ms;
    out.state = ended      ? MONITOR_STREAM_CLOSED
                : answered ? MONITOR_STREAM_OPEN
                           : MONITOR_STREAM_CONNECTING;
    out.counted = ended;
    out.down = ended ? k->down : 0;
    out.up = ended ? k->up : 0;
    return out;
}

bool row_then_lacks(const struct monitor *m, const struct moment *when)
{
    if (m->kept == NULL || m->n_kept <= m->kept_size)
        return false;
    const struct kept_row *oldest = m->kept[m->n_kept % m->kept_size];
    return oldest == NULL || oldest->closed_ms > when->from_ms;
}
