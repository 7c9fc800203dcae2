#include "core/tunnel/window.h"

#define STEP_LEAST 16384 /* a connection acknowledges so many at once in any case */

void window_init(struct window *w, uint64_t now_ms)
{
    *w = (struct window){
        .limit = WINDOW_INITIAL,
        .granted = WINDOW_INITIAL,
        .size = WINDOW_INITIAL,
        .probe_at = now_ms,
    };
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- what goes out ---- */

bool window_all_sent(const struct window *w)
{
    return w->sent == w->end;
}

size_t window_may_send(const struct window *w, size_t n)
{
    return (size_t)least(n, w->limit - w->sent);
}

size_t window_may_resend(const struct window *w, size_t n)
{
    return (size_t)least(n, least(w->end, w->limit) - w->sent);
}

const char *window_credited(struct window *w, uint64_t received, uint32_t size, bool fin,
                            size_t *freed)
{
    if (received < w->acked)
        return "a credit that goes back";
    if (received > w->sent || (fin && (!w->fin_sent || received != w->sent)))
        return "a credit for what was not sent";
    if (size > WINDOW_MOST || received + size < w->limit)
        return "a window that is wrong";
    *freed = (size_t)(received - w->acked);
    w->acked = received;
    w->limit = received + size;
    w->fin_acked = fin;
    return NULL;
}

bool window_resumed(struct window *w, uint64_t received, bool fin)
{
    if (received < w->acked || received > w->end || received > w->limit ||
        (fin && (!w->fin_ever || received != w->end)))
        return false;
    w->sent = received;
    w->fin_sent = fin;
    return true;
}

/* ---- what comes in ---- */

bool window_allows(const struct window *w, size_t n)
{
    return n <= w->granted - w->received;
}

uint64_t window_consumed(const struct window *w, size_t held)
{
    uint64_t handed_on = w->received > held ? w->received - held : 0;
    return handed_on > w->acked_out ? handed_on : w->acked_out;
}

/* So much is handed on before it is acknowledged. A sender on a long path needs steps that are
 * small against its window, or it would stand still between them. */
static uint64_t step(const struct window *w, size_t waiting)
{
    uint64_t own = w->size / 8 > WINDOW_INITIAL / 2 ? w->size / 8 : WINDOW_INITIAL / 2;
    uint64_t share = WITHHELD_MOST / (waiting > 0 ? waiting : 1);
    return least(own, share > STEP_LEAST ? share : STEP_LEAST);
}

enum credit window_credit_due(const struct window *w, size_t held, size_t waiting)
{
    uint64_t fresh = window_consumed(w, held) - w->acked_out;
    return fresh >= step(w, waiting) ? CREDIT_NOW : fresh > 0 ? CREDIT_DELAYED : CREDIT_NONE;
}

void window_grant(struct window *w, size_t held)
{
    w->acked_out = window_consumed(w, held);
    if (w->acked_out + w->size > w->granted) /* what was granted stays granted */
        w->granted = w->acked_out + w->size;
}

/* ---- how large ---- */

void round_trips_add(struct round_trips *t, uint64_t us)
{
    t->us[t->n++ % ROUND_TRIPS] = us;
}

uint64_t round_trips_shortest(const struct round_trips *t)
{
    uint64_t shortest = UINT64_MAX;
    for (size_t i = 0; i < ROUND_TRIPS; i++)
        if (t->us[i] != 0 && t->us[i] < shortest)
            shortest = t->us[i];
    return shortest != UINT64_MAX ? shortest : 0;
}

/* The size that a probe shows to be right, when all of it was used. If that took hardly longer than
 * the path's own round trip, the window was what held the sender up. Else it was the path, or the
 * reader: then it is a third more than what passes in a round trip, and no more is in flight that
 * a keystroke would wait behind. */
static uint32_t fitting(const struct window *w, const struct round_trips *path, uint64_t elapsed_ms)
{
    uint64_t trip_ms = round_trips_shortest(path) / 1000 + 1, right = 2 * (uint64_t)w->size;
    if (4 * elapsed_ms > 5 * trip_ms)
        right = (w->received - w->probe) * trip_ms * 4 / (3 * elapsed_ms);
    right = right < WINDOW_INITIAL ? WINDOW_INITIAL : right;
    return (uint32_t)least(right, WINDOW_MOST);
}

void window_tune(struct window *w, const struct round_trips *path, uint64_t now_ms, size_t *all,
                 size_t most)
{
    uint32_t before = w->size;
    if (*all > most && before > WINDOW_INITIAL) {
        w->size /= 2;
    } else if (w->received - w->probe >= before) {
        uint32_t right = fitting(w, path, now_ms - w->probe_at);
        if (right < before || *all + (right - before) <= most)
            w->size = right;
        w->probe = w->received;
        w->probe_at = now_ms;
    }
    *all += w->size;
    *all -= before;
}
