#include "core/control/monitor_devices.h"

#include "core/control/monitor_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const state_names[MONITOR_DEVICE_STATES] = {"pending", "away", "present",
                                                               "disabled"};

const char *monitor_device_state_name(enum monitor_device_presence s)
{
    return state_names[s];
}

/* ---- the filter ---- */

static const char *known(const char *text)
{
    return text != NULL ? text : "";
}

static bool has_word(const char *text, struct span word)
{
    size_t n = strlen(known(text));
    for (size_t i = 0; i + word.n <= n; i++)
        if (strncasecmp(text + i, word.p, word.n) == 0)
            return true;
    return false;
}

static bool has_label(const struct monitor_device *d, struct span key, struct span value)
{
    for (size_t i = 0; i < d->n_labels; i++) {
        struct monitor_label l = d->label(d->labels, i);
        if (span_is(key, l.key) && span_is(value, l.value))
            return true;
    }
    return false;
}

static bool has_service(const struct monitor_device *d, struct span word)
{
    for (size_t i = 0; i < d->n_services; i++)
        if (has_word(d->services[i], word))
            return true;
    return false;
}

static bool fits_word(const struct monitor_device *d, struct span word)
{
    if (memchr(word.p, '=', word.n) != NULL) {
        struct span key = span_cut(&word, '=');
        if (span_is(key, "device"))
            return span_is(word, d->name);
        return (span_is(key, "node") && span_is(word, known(d->node))) || has_label(d, key, word);
    }
    for (int s = 0; s < MONITOR_DEVICE_STATES; s++)
        if (span_is_nocase(word, state_names[s]))
            return d->state == (enum monitor_device_presence)s;
    if (span_is_nocase(word, "maintenance"))
        return d->maintenance;
    return has_word(d->name, word) || has_word(d->address, word) || has_word(d->version, word) ||
           has_service(d, word);
}

static bool fits(const struct monitor_device *d, struct span filter)
{
    while (filter.n > 0) {
        struct span word = span_cut(&filter, ' ');
        if (word.n > 0 && !fits_word(d, word))
            return false;
    }
    return true;
}

/* ---- the order ---- */

typedef int order(const struct monitor_device *a, const struct monitor_device *b);

static int by_name(const struct monitor_device *a, const struct monitor_device *b)
{
    return strcmp(a->name, b->name);
}

static int by_state(const struct monitor_device *a, const struct monitor_device *b)
{
    return (int)a->state - (int)b->state;
}

/* The latest change comes first. */
static int by_since(const struct monitor_device *a, const struct monitor_device *b)
{
    return (a->since < b->since) - (a->since > b->since);
}

static int by_address(const struct monitor_device *a, const struct monitor_device *b)
{
    return strcmp(known(a->address), known(b->address));
}

static int by_version(const struct monitor_device *a, const struct monitor_device *b)
{
    return strcmp(known(a->version), known(b->version));
}

static int by_node(const struct monitor_device *a, const struct monitor_device *b)
{
    return strcmp(known(a->node), known(b->node));
}

static const struct {
    const char *name;
    order *compare;
} orders[] = {
    {"state", by_state},     {"device", by_name},     {"state_for", by_since},
    {"address", by_address}, {"version", by_version}, {"node", by_node},
};

struct sorting {
    order *compare;
    int sign;
};

static struct sorting sorting_of(struct span name)
{
    struct sorting s = {by_state, 1};
    if (name.n > 0 && name.p[0] == '-') {
        s.sign = -1;
        name = (struct span){name.p + 1, name.n - 1};
    }
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (span_is(name, orders[i].name))
            s.compare = orders[i].compare;
    return s;
}

/* Equal ones are in the order of their names, so that rows do not move between two answers. */
static int compare(const void *a, const void *b, void *ctx)
{
    const struct sorting *s = ctx;
    int difference = s->sign * s->compare(a, b);
    return difference != 0 ? difference : by_name(a, b);
}

/* ---- the rows ---- */

struct gathered {
    const struct device_query *query;
    struct monitor_device_page *page;
    size_t n, room; /* of those that fit */
};

static void take(void *to, const struct monitor_device *d)
{
    struct gathered *g = to;
    struct monitor_device_page *p = g->page;
    p->total++;
    p->counts[d->state]++;
    if (!fits(d, g->query->filter))
        return;
    p->matching++;
    if (g->query->limit == 0)
        return;
    if (g->n == g->room) {
        size_t room = g->room > 0 ? 2 * g->room : 256;
        void *more = realloc(p->memory, room * sizeof *p->memory);
        if (more == NULL)
            return;
        p->memory = more;
        g->room = room;
    }
    p->memory[g->n++] = *d;
}

/* While not all are here, the counts are those that the cluster tells. */
static void look_at_fleet(const struct monitor *m, bool rows, struct monitor_device_page *p)
{
    struct monitor_fleet f = {.whole = true};
    if (m->devices.fleet == NULL || !m->devices.fleet(m->devices.ctx, rows, &f))
        return;
    p->reading = rows && !f.whole;
    p->lacks = f.cut;
    p->age_ms = f.age_ms;
    if (f.whole && !f.cut)
        return;
    p->total = 0;
    for (int s = 0; s < MONITOR_DEVICE_STATES; s++)
        p->total += p->counts[s] = f.counts[s];
}

bool monitor_devices_page(const struct monitor *m, const struct device_query *q,
                          struct monitor_device_page *out)
{
    struct gathered g = {.query = q, .page = out};
    struct sorting s = sorting_of(q->sort);
    size_t limit = q->limit < MONITOR_DEVICES_MAX ? q->limit : MONITOR_DEVICES_MAX;
    *out = (struct monitor_device_page){.n = 0};
    if (m->devices.each == NULL)
        return false;
    m->devices.each(m->devices.ctx, take, &g);
    look_at_fleet(m, limit > 0, out);
    if (g.n > 0)
        qsort_r(out->memory, g.n, sizeof *out->memory, compare, &s);
    out->from = q->from < g.n ? q->from : g.n;
    out->n = g.n - out->from < limit ? g.n - out->from : limit;
    out->rows = g.n > 0 ? out->memory + out->from : NULL;
    return true;
}

void monitor_devices_page_free(struct monitor_device_page *p)
{
    free(p->memory);
}

static void write_text(struct json_writer *w, const char *name, const char *text)
{
    if (known(text)[0] != '\0')
        json_text(w, name, span_of(text));
}

static void write_time(struct json_writer *w, const char *name, int64_t ms)
{
    if (ms > 0)
        json_time(w, name, ms);
}

static void write_row(const struct monitor_device *d, int64_t now, struct json_writer *w)
{
    json_open(w, NULL, '{');
    json_text(w, "device", span_of(d->name));
    json_text(w, "state", span_of(state_names[d->state]));
    if (d->present)
        json_flag(w, "present", true);
    if (d->maintenance)
        json_flag(w, "maintenance", true);
    write_time(w, "since", d->since);
    write_time(w, "state_for", d->since > 0 ? now - d->since : 0);
    write_time(w, "enrolled", d->enrolled);
    write_text(w, "address", d->address);
    write_text(w, "version", d->version);
    write_text(w, "carrier", d->carrier);
    write_text(w, "node", d->node);
    json_open(w, "services", '[');
    for (size_t i = 0; i < d->n_services; i++)
        json_text(w, NULL, span_of(d->services[i]));
    json_close(w, ']');
    json_open(w, "labels", '[');
    for (size_t i = 0; i < d->n_labels; i++) {
        struct monitor_label l = d->label(d->labels, i);
        json_open(w, NULL, '{');
        json_text(w, "key", span_of(l.key));
        json_text(w, "value", span_of(l.value));
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
}

static void write_rows(const struct monitor_device_page *p, struct span filter, int64_t now,
                       struct json_writer *w)
{
    json_text(w, "filter", filter);
    if (p->reading)
        json_flag(w, "reading", true);
    if (p->lacks)
        json_flag(w, "lacks", true);
    write_time(w, "read_ago", (int64_t)p->age_ms);
    json_number(w, "from", (int64_t)p->from);
    json_open(w, "rows", '[');
    for (size_t i = 0; i < p->n; i++)
        write_row(&p->rows[i], now, w);
    json_close(w, ']');
}

/* Writes the member "devices": the counts, and the rows that were asked for. */
static void write_devices(const struct monitor *m, const struct device_query *q,
                          struct json_writer *w)
{
    struct monitor_device_page p;
    if (!monitor_devices_page(m, q, &p))
        return;
    json_open(w, "devices", '{');
    json_number(w, "total", (int64_t)p.total);
    for (int s = 0; s < MONITOR_DEVICE_STATES; s++)
        json_number(w, state_names[s], (int64_t)p.counts[s]);
    json_number(w, "matching", (int64_t)p.matching);
    if (q->limit > 0)
        write_rows(&p, q->filter, m->o.wall(m->o.clock), w);
    json_close(w, '}');
    monitor_devices_page_free(&p);
}

void monitor_devices(struct monitor *m, const struct monitor_device_source *source)
{
    if (m == NULL)
        return;
    m->devices = source != NULL ? *source : (struct monitor_device_source){0};
    m->write_devices = write_devices;
}
