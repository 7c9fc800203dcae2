/* A hub's devices, and the page of one. */
#include "tui/state/device_tunnels.h"
#include "tui/view/view_page.h"

#include <stdio.h>
#include <string.h>

enum { COUNTS = 1, HEAD = 2, FIRST = 3, PAGE_ROWS = 16 };

enum { OLD_S = 30 };

/* What is to be known of the devices at a cluster's other nodes. Returns the columns used. */
static int draw_reading(struct canvas *v, int at)
{
    const struct snapshot_devices *d = &v->s->devices;
    char age[FORMAT_SIZE];
    format_age(d->read_ago, age);
    if (d->reading)
        return grid_print(v->g, COUNTS, at, -1, ROLE_BUSY, "others: reading");
    if (d->lacks)
        return grid_print(v->g, COUNTS, at, -1, ROLE_BUSY, "others: not all");
    if (d->read_ago > OLD_S)
        return grid_print(v->g, COUNTS, at, -1, ROLE_BUSY, "others: %s old", age);
    return 0;
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
    char number[FORMAT_SIZE];
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
    at += 2 + draw_reading(v, at + 2);
    draw_list_range(v, PAGED_DEVICES, COUNTS, at);
}

/* What is in the place of rows when there are none. */
static void draw_nothing(struct canvas *v)
{
    if (v->s->devices.reading)
        grid_print(v->g, FIRST, 2, -1, ROLE_QUIET, "none so far");
    else if (v->s->devices.total > 0)
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
    draw_paged_table(v, PAGED_DEVICES, HEAD, FIRST, rows > 0 ? rows : 0);
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
    if (d->node[0] != '\0' && d->carrier[0] == '\0')
        page_field(p, "Connected", "to the cluster's node %s, from %s", d->node, d->address);
    else if (d->present)
        page_field(p, "Connected", "for %s, from %s%s%s%s%s", age, d->address,
                   d->carrier[0] != '\0' ? ", by " : "", d->carrier,
                   d->node[0] != '\0' ? ", to node " : "", d->node);
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
static void draw_its_tunnels(struct page *p)
{
    struct canvas *v = p->v;
    struct order its = device_tunnels_of(v->ui, v->m);
    int rows = v->g->rows - 1 - p->row - 1;
    if (rows > 0)
        draw_its_table(v, p->row, p->row + 1, rows, &its, (long)v->ui->device_tunnel);
    order_free(&its);
}

void draw_device(struct canvas *v)
{
    const struct snapshot_device *d = paged_list_selected(v->ui, v->m, PAGED_DEVICES);
    char title[200];
    snprintf(title, sizeof title, "Device %.128s", v->ui->lists[PAGED_DEVICES].name);
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
    draw_its_tunnels(&p);
}
