#include "tui/state/columns_write.h"

#include <stdio.h>
#include <string.h>

/* known: whether it is, of a moment that has passed. */
#define WRITE(name, how, value, role, known)                                                       \
    static void write_##name(const void *row, enum units units, int width,                         \
                             struct column_text *out)                                              \
    {                                                                                              \
        const struct snapshot_service *s = row;                                                    \
        (void)units, (void)width;                                                                  \
        if (column_put_unknown(s->past && !(known), out))                                          \
            return;                                                                                \
        how(value, out->buffer);                                                                   \
        column_put_number(out, role);                                                              \
    }
#define COMPARE(name, how, member)                                                                 \
    static int by_##name(const void *a, const void *b)                                             \
    {                                                                                              \
        const struct snapshot_service *x = a, *y = b;                                              \
        return how(x->member, y->member);                                                          \
    }
#define TEXT(name)                                                                                 \
    static void write_##name(const void *row, enum units units, int width,                         \
                             struct column_text *out)                                              \
    {                                                                                              \
        const struct snapshot_service *s = row;                                                    \
        (void)units, (void)width;                                                                  \
        column_put_text(out, s->name, ROLE_TEXT);                                                  \
    }
#define RATE(name, which)                                                                          \
    static void write_##name(const void *row, enum units units, int width,                         \
                             struct column_text *out)                                              \
    {                                                                                              \
        const struct snapshot_service *s = row;                                                    \
        (void)width;                                                                               \
        if (column_put_unknown(s->past && !s->counts.then.rated, out))                             \
            return;                                                                                \
        format_rate(s->counts.name, units, out->buffer);                                           \
        column_put_number(out, which);                                                             \
    }

TEXT(id)
TEXT(host)
TEXT(tunnel)
WRITE(open, format_count, s->counts.open, ROLE_TEXT, s->counts.then.known)
WRITE(max, format_count, s->counts.max, ROLE_TEXT, false)
WRITE(served, format_count, s->counts.served, ROLE_TEXT, s->counts.then.known)
WRITE(failed, format_count, s->counts.failed, ROLE_BAD, s->counts.then.known)
WRITE(refused, format_count, s->counts.refused, ROLE_BAD, false)
WRITE(first, format_moment, s->first_byte, ROLE_TEXT, false)
WRITE(down, format_bytes, s->counts.bytes_down, ROLE_DOWN, s->counts.then.counted)
WRITE(up, format_bytes, s->counts.bytes_up, ROLE_UP, s->counts.then.counted)
RATE(rate_down, ROLE_DOWN)
RATE(rate_up, ROLE_UP)

static void write_target(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_service *s = row;
    (void)units;
    out->text = format_address(s->target, width, out->buffer, sizeof out->buffer);
}

static void write_state(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_service *s = row;
    (void)units, (void)width;
    if (column_put_unknown(s->past, out))
        return;
    /* This state is one character too wide. */
    bool no_device = span_is(span_of(s->state), "no-device");
    column_put_text(out, no_device ? "no dev" : s->state,
                    span_is(span_of(s->state), "ready") ? ROLE_OK : ROLE_BAD);
}

static void write_trip(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_service *s = row;
    (void)units, (void)width;
    if (column_put_unknown(s->past, out))
        return;
    format_moment(s->round_trip, out->buffer);
    column_put_number(out, ROLE_TEXT);
}

COMPARE(host, compare_texts, host)
COMPARE(trip, compare_numbers, round_trip)
COMPARE(target, compare_texts, target)
COMPARE(state, compare_texts, state)
COMPARE(open, compare_counts, counts.open)
COMPARE(max, compare_counts, counts.max)
COMPARE(served, compare_counts, counts.served)
COMPARE(failed, compare_counts, counts.failed)
COMPARE(refused, compare_counts, counts.refused)
COMPARE(first, compare_numbers, first_byte)
COMPARE(down, compare_counts, counts.bytes_down)
COMPARE(up, compare_counts, counts.bytes_up)
COMPARE(rate_down, compare_numbers, counts.rate_down)
COMPARE(rate_up, compare_numbers, counts.rate_up)
COMPARE(tunnel, compare_texts, tunnel)
COMPARE(id, compare_texts, id)

#define ENDS(title)                                                                                \
    {                                                                                              \
        title, title, NULL                                                                         \
    }
/* clang-format off */
static const struct column items[] = {
    {"id", ENDS("SERVICE"), 13, 32, 1, 99, 0, false, COLUMN_ALWAYS, write_id, by_id},
    {"host", {"HOST NAME", NULL, NULL}, 20, 64, 2, 70, 0, false, COLUMN_ALWAYS, write_host, by_host},
    {"target", {NULL, "TARGET", NULL}, 20, 64, 2, 70, 0, false, COLUMN_ALWAYS, write_target, by_target},
    {"tunnel", ENDS("DEVICE"), 9, 24, 1, 40, 100, false, COLUMN_ALWAYS, write_tunnel, by_tunnel},
    {"state", ENDS("STATE"), 7, 7, 0, 90, 0, false, COLUMN_ALWAYS, write_state, by_state},
    {"open", ENDS("OPEN"), 5, 5, 0, 95, 0, true, COLUMN_ALWAYS, write_open, by_open},
    {"max", ENDS("MAX"), 5, 5, 0, 36, 100, true, COLUMN_ALWAYS, write_max, by_max},
    {"served", ENDS("SERVED"), 6, 6, 0, 60, 0, true, COLUMN_ALWAYS, write_served, by_served},
    {"failed", ENDS("ERR"), 4, 4, 0, 65, 0, true, COLUMN_ALWAYS, write_failed, by_failed},
    {"refused", ENDS("REFUSED"), 7, 7, 0, 30, 120, true, COLUMN_ALWAYS, write_refused, by_refused},
    {"bytes_down", ENDS("DOWN"), 6, 6, 0, 38, 112, true, COLUMN_TOTAL, write_down, by_down},
    {"bytes_up", ENDS("UP"), 6, 6, 0, 37, 112, true, COLUMN_TOTAL, write_up, by_up},
    {"rate_down", ENDS("DOWN/s"), 7, 7, 0, 98, 0, true, COLUMN_RATE, write_rate_down, by_rate_down},
    {"rate_up", ENDS("UP/s"), 7, 7, 0, 97, 0, true, COLUMN_RATE, write_rate_up, by_rate_up},
    {"first_byte", ENDS("FIRST"), 5, 5, 0, 35, 120, true, COLUMN_ALWAYS, write_first, by_first},
    {"round_trip", ENDS("TRIP"), 5, 5, 0, 34, 90, true, COLUMN_ALWAYS, write_trip, by_trip},
};
/* clang-format on */
const struct columns service_columns = {sizeof items / sizeof *items, items};
