#include "tui/state/columns_write.h"

#include <stdio.h>
#include <string.h>

#define WRITE(name, ...)                                                                           \
    static void write_##name(const void *row, enum units units, int width,                         \
                             struct column_text *out)                                              \
    {                                                                                              \
        const struct snapshot_stream *s = row;                                                     \
        (void)units, (void)width;                                                                  \
        __VA_ARGS__                                                                                \
    }
#define COMPARE(name, how, member)                                                                 \
    static int by_##name(const void *a, const void *b)                                             \
    {                                                                                              \
        const struct snapshot_stream *x = a, *y = b;                                               \
        return how(x->member, y->member);                                                          \
    }

static bool is_uncounted(const struct snapshot_stream *s)
{
    return s->then && !s->counted;
}

WRITE(id, {
    snprintf(out->buffer, sizeof out->buffer, "%llu", (unsigned long long)s->id);
    column_put_text(out, out->buffer, ROLE_TEXT);
})
WRITE(client, {
    out->text = format_address(s->client, width, out->buffer, sizeof out->buffer);
    out->more = span_of(s->process);
})
WRITE(service, column_put_text(out, s->service, ROLE_TEXT);)
WRITE(tunnel, column_put_text(out, s->tunnel, ROLE_TEXT);)
WRITE(target, { out->text = format_address(s->target, width, out->buffer, sizeof out->buffer); })
WRITE(asked, column_put_text(out, s->asked, ROLE_TEXT);)
WRITE(via, column_put_text(out, filter_via(s->via), ROLE_TEXT);)
WRITE(reason, column_put_text(out, s->reason, ROLE_QUIET);)
WRITE(age, {
    format_age(s->age, out->buffer);
    column_put_text(out, out->buffer, ROLE_TEXT);
})
WRITE(down, {
    if (column_put_unknown(is_uncounted(s), out))
        return;
    format_bytes(s->bytes_down, out->buffer);
    column_put_number(out, ROLE_DOWN);
})
WRITE(up, {
    if (column_put_unknown(is_uncounted(s), out))
        return;
    format_bytes(s->bytes_up, out->buffer);
    column_put_number(out, ROLE_UP);
})
WRITE(rate_down, {
    if (column_put_unknown(is_uncounted(s), out))
        return;
    format_rate(s->rate_down, units, out->buffer);
    column_put_number(out, ROLE_DOWN);
})
WRITE(rate_up, {
    if (column_put_unknown(is_uncounted(s), out))
        return;
    format_rate(s->rate_up, units, out->buffer);
    column_put_number(out, ROLE_UP);
})
WRITE(first, {
    if (column_put_unknown(s->then, out))
        return;
    format_moment(s->first_byte, out->buffer);
    column_put_number(out, ROLE_TEXT);
})
WRITE(queue, {
    if (column_put_unknown(s->then, out))
        return;
    format_bytes(s->queued_down + s->queued_up, out->buffer);
    column_put_number(out, ROLE_BUSY);
})

/* For how long no byte has moved; from a minute on the state says so in a word, too. */
#define IDLE_S 60
static bool is_idle(const struct snapshot_stream *s)
{
    return s->state == SNAPSHOT_OPEN && s->idle >= IDLE_S;
}

WRITE(user, column_put_text(out, s->user, ROLE_TEXT);)
WRITE(idle, {
    if (column_put_unknown(s->then, out))
        return;
    if (s->idle > 0)
        format_age(s->idle, out->buffer);
    else
        snprintf(out->buffer, sizeof out->buffer, "-");
    column_put_number(out, is_idle(s) ? ROLE_BUSY : ROLE_TEXT);
})
WRITE(closed_for, {
    format_age(s->closed_for, out->buffer);
    column_put_text(out, out->buffer, ROLE_TEXT);
})

/* Eight cells, the newest at the right, as high as they are of the highest one. */
static void write_trend(const void *row, enum units units, int width, struct column_text *out)
{
    static const char *const blocks[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const dots[] = {" ", ".", ":", "|"};
    const char *const *steps = out->ascii ? dots : blocks;
    uint64_t most = out->ascii ? 3 : 8, peak = 0;
    const struct snapshot_trend *t = &((const struct snapshot_stream *)row)->trend;
    size_t n = 0;
    (void)units, (void)width;
    for (size_t i = 0; i < t->n && i < SNAPSHOT_TREND; i++)
        peak = t->cells[i] > peak ? t->cells[i] : peak;
    out->buffer[0] = '\0';
    for (size_t i = t->n; i < SNAPSHOT_TREND; i++)
        n += (size_t)snprintf(out->buffer + n, sizeof out->buffer - n, " ");
    for (size_t i = 0; i < t->n && i < SNAPSHOT_TREND; i++) {
        double part = peak > 0 ? (double)t->cells[i] / (double)peak * (double)most : 0;
        uint64_t step = t->cells[i] == 0 ? 0 : part < 1 ? 1 : (uint64_t)part;
        n += (size_t)snprintf(out->buffer + n, sizeof out->buffer - n, "%s", steps[step]);
    }
    column_put_text(out, out->buffer, ROLE_DOWN);
}

static void write_state(const void *row, enum units units, int width, struct column_text *out)
{
    static const struct {
        const char *word;
        enum role role;
    } states[] = {
        [SNAPSHOT_CONNECTING] = {"conn", ROLE_BUSY}, [SNAPSHOT_OPEN] = {"open", ROLE_OK},
        [SNAPSHOT_HALF] = {"half", ROLE_BUSY},       [SNAPSHOT_DRAINING] = {"drain", ROLE_BUSY},
        [SNAPSHOT_CLOSED] = {"clos", ROLE_QUIET},    [SNAPSHOT_STATE_OTHER] = {"?", ROLE_TEXT}};
    const struct snapshot_stream *s = row;
    unsigned at = s->state <= SNAPSHOT_STATE_OTHER ? s->state : SNAPSHOT_STATE_OTHER;
    (void)units, (void)width;
    if (is_idle(s))
        column_put_text(out, "idle", ROLE_BUSY);
    else
        column_put_text(out, states[at].word, states[at].role);
}

/* A tunnel's id is shortened to its beginning. */
static void write_tunnel_id(const void *row, enum units units, int width, struct column_text *out)
{
    const struct snapshot_stream *s = row;
    (void)units, (void)width;
    snprintf(out->buffer, sizeof out->buffer, "%.8s", s->asked);
    column_put_text(out, out->buffer, ROLE_TEXT);
}

COMPARE(id, compare_counts, id)
COMPARE(client, compare_texts, client)
COMPARE(via, compare_texts, via)
COMPARE(service, compare_texts, service)
COMPARE(tunnel, compare_texts, tunnel)
COMPARE(target, compare_texts, target)
COMPARE(asked, compare_texts, asked)
COMPARE(state, compare_counts, state)
COMPARE(reason, compare_texts, reason)
COMPARE(age, compare_numbers, age)
COMPARE(down, compare_counts, bytes_down)
COMPARE(up, compare_counts, bytes_up)
COMPARE(rate_down, compare_numbers, mean_down) /* the mean, so that rows do not move every second */
COMPARE(rate_up, compare_numbers, mean_up)
COMPARE(first, compare_numbers, first_byte)
COMPARE(user, compare_texts, user)
COMPARE(idle, compare_numbers, idle)

/* A lower age of the end is a later end. */
static int by_closed_at(const void *a, const void *b)
{
    const struct snapshot_stream *x = a, *y = b;
    return compare_numbers(y->closed_for, x->closed_for);
}

static int by_queue(const void *a, const void *b)
{
    const struct snapshot_stream *x = a, *y = b;
    return compare_counts(x->queued_down + x->queued_up, y->queued_down + y->queued_up);
}

/* The title for the roles of source, destination and hub. */
#define ALL(title)                                                                                 \
    {                                                                                              \
        title, title, title                                                                        \
    }
/* clang-format off */
static const struct column items[] = {
    {"id", ALL("ID"), 5, 5, 0, 60, 0, true, COLUMN_ALWAYS, write_id, by_id},
    {"client", {"CLIENT", NULL, "SOURCE"}, 16, 52, 3, 95, 0, false, COLUMN_ALWAYS, write_client, by_client},
    {"via", {"VIA", NULL, NULL}, 4, 4, 0, 20, 0, false, COLUMN_ALWAYS, write_via, by_via},
    {"service", {"SERVICE", "SERVICE", NULL}, 10, 32, 1, 90, 0, false, COLUMN_ALWAYS, write_service, by_service},
    {"service", {NULL, NULL, "THING"}, 10, 48, 6, 90, 0, false, COLUMN_ALWAYS, write_service, by_service},
    {"target", {NULL, "TARGET", "DESTINATION"}, 16, 40, 2, 85, 0, false, COLUMN_ALWAYS, write_target, by_target},
    {"tunnel", {"DEVICE", "DEVICE", NULL}, 9, 24, 1, 15, 100, false, COLUMN_ALWAYS, write_tunnel, by_tunnel},
    {"asked", {"ASKED FOR", NULL, NULL}, 16, 56, 2, 10, 140, false, COLUMN_ALWAYS, write_asked, by_asked},
    {"asked", {NULL, NULL, "TUNNEL"}, 8, 8, 0, 30, 0, false, COLUMN_ALWAYS, write_tunnel_id, by_asked},
    {"state", ALL("STATE"), 5, 5, 0, 80, 0, false, COLUMN_ALWAYS, write_state, by_state},
    /* The reason of a stream's end, in the place of the rates when those are shown. */
    {"reason", ALL("REASON"), 15, 15, 0, 45, 0, false, COLUMN_NO_RATE, write_reason, by_reason},
    {"age", ALL("AGE"), 5, 5, 0, 50, 0, true, COLUMN_ALWAYS, write_age, by_age},
    {"idle", ALL("IDLE"), 5, 5, 0, 16, 90, true, COLUMN_ALWAYS, write_idle, by_idle},
    {"bytes_down", ALL("DOWN"), 5, 5, 0, 40, 0, true, COLUMN_TOTAL, write_down, by_down},
    {"bytes_up", ALL("UP"), 5, 5, 0, 39, 0, true, COLUMN_TOTAL, write_up, by_up},
    {"rate_down", ALL("DOWN/s"), 7, 7, 0, 99, 0, true, COLUMN_RATE, write_rate_down, by_rate_down},
    {"rate_up", ALL("UP/s"), 7, 7, 0, 98, 0, true, COLUMN_RATE, write_rate_up, by_rate_up},
    {"trend", ALL("TREND"), 8, 8, 0, 17, 0, false, COLUMN_ALWAYS, write_trend, NULL},
    {"user", {"USER", NULL, NULL}, 8, 16, 1, 9, 140, false, COLUMN_ALWAYS, write_user, by_user},
    {"first_byte", {"FIRST", "FIRST", NULL}, 5, 5, 0, 11, 100, true, COLUMN_ALWAYS, write_first, by_first},
    {"queued", ALL("QUEUE"), 5, 5, 0, 12, 100, true, COLUMN_ALWAYS, write_queue, by_queue},
};
/* Those of streams that have ended, which the program sorts. */
static const struct column closed_items[] = {
    {"id", ALL("ID"), 5, 5, 0, 60, 0, true, COLUMN_ALWAYS, write_id, by_id},
    {"client", {"CLIENT", NULL, "SOURCE"}, 16, 52, 3, 95, 0, false, COLUMN_ALWAYS, write_client, by_client},
    {"via", {"VIA", NULL, NULL}, 4, 4, 0, 20, 0, false, COLUMN_ALWAYS, write_via, by_via},
    {"service", {"SERVICE", "SERVICE", NULL}, 10, 32, 1, 90, 0, false, COLUMN_ALWAYS, write_service, by_service},
    {"service", {NULL, NULL, "THING"}, 10, 48, 6, 90, 0, false, COLUMN_ALWAYS, write_service, by_service},
    {"target", {NULL, "TARGET", "DESTINATION"}, 16, 40, 2, 85, 0, false, COLUMN_ALWAYS, write_target, by_target},
    {"tunnel", {"DEVICE", "DEVICE", NULL}, 9, 24, 1, 15, 100, false, COLUMN_ALWAYS, write_tunnel, by_tunnel},
    {"asked", {"ASKED FOR", NULL, NULL}, 16, 56, 2, 10, 140, false, COLUMN_ALWAYS, write_asked, by_asked},
    {"asked", {NULL, NULL, "TUNNEL"}, 8, 8, 0, 30, 0, false, COLUMN_ALWAYS, write_tunnel_id, by_asked},
    {"user", {"USER", NULL, NULL}, 8, 16, 1, 9, 140, false, COLUMN_ALWAYS, write_user, by_user},
    {"age", ALL("LONG"), 5, 5, 0, 50, 0, true, COLUMN_ALWAYS, write_age, by_age},
    {"bytes_down", ALL("DOWN"), 5, 5, 0, 40, 0, true, COLUMN_ALWAYS, write_down, by_down},
    {"bytes_up", ALL("UP"), 5, 5, 0, 39, 0, true, COLUMN_ALWAYS, write_up, by_up},
    {"first_byte", {"FIRST", "FIRST", NULL}, 5, 5, 0, 11, 110, true, COLUMN_ALWAYS, write_first, by_first},
    {"reason", ALL("REASON"), 15, 24, 1, 98, 0, false, COLUMN_ALWAYS, write_reason, by_reason},
    {"closed_at", ALL("AGO"), 5, 5, 0, 97, 0, true, COLUMN_ALWAYS, write_closed_for, by_closed_at},
};
/* clang-format on */
const struct columns closed_columns = {sizeof closed_items / sizeof *closed_items, closed_items};
const struct columns stream_columns = {sizeof items / sizeof *items, items};
