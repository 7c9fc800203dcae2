/* A hub's devices, and the page of one. */
#include "tui/state/device_list.h"
#include "tui/view/view_page.h"

#include <stdio.h>
#include <string.h>

enum { COUNTS = 1, HEAD = 2, FIRST = 3, PAGE_ROWS = 16 };

/* "1-20 of 9,812" */
static void range_text(const struct canvas *v, char *out, size_t size)
{
    const struct snapshot_devices *d = &v->s->devices;
    size_t top = v->ui->devices.top, end = top + (size_t)device_list_room(v->ui);
    char all[FORMAT_SIZE];
    format_thousands(d->matching, all);
    if (end > d->matching)
        end = d->matching;
    if (d->matching == 0)
        snprintf(out, size, "0 of %llu", (unsigned long long)d->total);
    else
        snprintf(out, size, "%zu-%zu of %s", top + 1, end, all);
}

static void draw_counts(struct canvas *v)
{
    const struct snapshot_devices *d = &v->s->devices;
    const struct {
        const char *name;
        uint64_t n;
        enum role role;
    } parts[] = {{"present", d->present, ROLE_OK},
                 {"away", d->away, ROLE_BAD},
                 {"pending", d->pending, ROLE_BUSY},
                 {"disabled", d->disabled, ROLE_QUIET}};
    char number[FORMAT_SIZE], range[80];
    format_thousands(d->total, number);
    int at = 1 + grid_print(v->g, COUNTS, 1, -1, ROLE_TEXT, "%s device%s", number,
                            d->total == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].n == 0)
            continue;
        format_thousands(parts[i].n, number);
        at += 2;
        at += grid_print(v->g, COUNTS, at, -1, parts[i].role, "%s %s", number, parts[i].name);
    }
    range_text(v, range, sizeof range);
    int wanted = grid_width(span_of(range));
    if (at + 2 + wanted < v->g->columns)
        grid_text(v->g, COUNTS, v->g->columns - 1 - wanted, wanted, span_of(range), ROLE_QUIET);
}

/* What is in the place of rows when there are none. */
static void draw_nothing(struct canvas *v)
{
    if (v->s->devices.total > 0)
        grid_print(v->g, FIRST, 2, -1, ROLE_QUIET, "no device fits the filter");
    else
        grid_print(v->g, FIRST, 2, -1, ROLE_QUIET,
                   "no device has enrolled: tunnelctl devices invite makes a join token");
}

void draw_devices(struct canvas *v)
{
    int rows = v->g->rows - FIRST - 1;
    draw_title(v);
    if (v->g->rows <= FIRST)
        return;
    draw_counts(v);
    draw_device_table(v, HEAD, FIRST, rows > 0 ? rows : 0);
    if (v->s->devices.matching == 0 && rows > 0)
        draw_nothing(v);
}

/* ---- one device ---- */

static void append(char *out, size_t size, const char *format, const char *a, const char *b)
{
    size_t n = strlen(out);
    snprintf(out + n, size - n, format, a, b);
}

static void draw_words(struct page *p, const struct snapshot_device *d)
{
    char services[900] = "", labels[900] = "";
    for (size_t i = 0; i < d->n_services; i++)
        append(services, sizeof services, "%s%s", i > 0 ? ", " : "", d->services[i]);
    for (size_t i = 0; i < d->n_labels; i++) {
        append(labels, sizeof labels, "%s%s=", i > 0 ? ", " : "", d->labels[i].key);
        append(labels, sizeof labels, "%s%s", d->labels[i].value, "");
    }
    page_field(p, "Services", "%s", services);
    page_field(p, "Labels", "%s", labels);
}

static void draw_times(struct page *p, const struct snapshot_device *d)
{
    char age[FORMAT_SIZE] = "";
    if (d->state_for > 0)
        format_age(d->state_for, age);
    if (d->present)
        page_field(p, "Connected", "for %s, from %s%s%s", age, d->address,
                   d->carrier[0] != '\0' ? ", by " : "", d->carrier);
    else if (d->state_for > 0)
        page_field(p, "Away", "for %s%s%s", age, d->address[0] != '\0' ? ", was at " : "",
                   d->address);
    else
        page_field(p, "Away", "it has not been here since the hub knows it");
    if (d->enrolled > 0)
        format_age(p->v->s->time - d->enrolled, age);
    if (d->enrolled > 0)
        page_field(p, "Enrolled", "%s ago", age);
}

/* What an operator can do about the state, which the dashboard itself does not change. */
static void draw_advice(struct page *p, const struct snapshot_device *d)
{
    static const struct {
        const char *state, *command;
    } rows[] = {{"pending", "approve"}, {"disabled", "enable"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(d->state, rows[i].state) == 0)
            page_field(p, "Next", "tunnelctl devices %s %s", rows[i].command, d->device);
    if (d->maintenance)
        page_field(p, "Now", "it accepts nothing at present (tunnel-agent --accept never)");
}

/* The tunnels of this device, in their order. */
static void draw_its_tunnels(struct page *p, const struct snapshot_device *d)
{
    struct canvas *v = p->v;
    struct order its = v->streams; /* reuses the order, which is not drawn otherwise here */
    int rows = v->g->rows - 1 - p->row - 1;
    its.n = 0;
    for (size_t i = 0; i < v->streams.n; i++)
        if (strcmp(v->s->streams[v->streams.at[i]].service, d->device) == 0)
            its.at[its.n++] = v->streams.at[i];
    if (rows > 0)
        draw_stream_table(v, p->row, p->row + 1, rows, &its, 0, false);
}

void draw_device(struct canvas *v)
{
    const struct snapshot_device *d = device_list_selected(v->ui, v->m);
    char title[200];
    snprintf(title, sizeof title, "Device %.128s", v->ui->devices.name);
    if (d == NULL) {
        page_begin(v, PAGE_ROWS, title, "not here", ROLE_BAD);
        return;
    }
    enum role role = strcmp(d->state, "present") == 0 ? ROLE_OK
                     : strcmp(d->state, "away") == 0  ? ROLE_BAD
                                                      : ROLE_BUSY;
    struct page p = page_begin(v, PAGE_ROWS, title, d->state, role);
    draw_times(&p, d);
    page_field(&p, "Version", "%s", d->version);
    draw_words(&p, d);
    draw_advice(&p, d);
    page_gap(&p);
    draw_its_tunnels(&p, d);
}
