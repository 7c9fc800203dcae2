#include "tui/state/paged_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { AROUND = 4 }; /* the title, the counts, the table's head, the keys */

static struct paged_facts device_facts(const struct model *m)
{
    const struct snapshot_devices *d = &m->shown.devices;
    return (struct paged_facts){d->known, d->total, d->matching, d->from, d->n_rows, d->filter, ""};
}

static struct paged_facts closed_facts(const struct model *m)
{
    const struct snapshot_closed *c = &m->shown.closed;
    const struct snapshot_page *p = &c->page;
    return (struct paged_facts){p->known,
                                p->total,
                                p->matching,
                                p->from,
                                c->n_rows,
                                p->filter,
                                p->problem != NULL ? p->problem : ""};
}

static const void *device_row(const struct model *m, size_t i)
{
    return &m->shown.devices.rows[i];
}

static const void *closed_row(const struct model *m, size_t i)
{
    return &m->shown.closed.rows[i];
}

static struct paged_facts node_facts(const struct model *m)
{
    size_t n = m->shown.n_nodes;
    return (struct paged_facts){n > 0, n, n, 0, n, NULL, ""};
}

static const void *node_row(const struct model *m, size_t i)
{
    return &m->shown.nodes[i];
}

static void node_name(const void *row, char *out, size_t size)
{
    const struct snapshot_node *n = row;
    snprintf(out, size, "%s", n->node);
}

static void device_name(const void *row, char *out, size_t size)
{
    const struct snapshot_device *d = row;
    snprintf(out, size, "%s", d->device);
}

static void closed_name(const void *row, char *out, size_t size)
{
    const struct snapshot_stream *s = row;
    snprintf(out, size, "%" PRIu64, s->id);
}

static const struct {
    const struct columns *columns;
    enum screen screen, page;
    struct paged_facts (*facts)(const struct model *m);
    const void *(*row)(const struct model *m, size_t i);
    void (*name)(const void *row, char *out, size_t size);
} kinds[PAGED_KINDS] = {
    [PAGED_DEVICES] = {&device_columns, SCREEN_DEVICES, SCREEN_DEVICE, device_facts, device_row,
                       device_name},
    [PAGED_CLOSED] = {&closed_columns, SCREEN_HISTORY, SCREEN_STREAM, closed_facts, closed_row,
                      closed_name},
    [PAGED_NODES] = {&node_columns, SCREEN_NODES, SCREEN_NODES, node_facts, node_row, node_name},
};

enum paged_kind paged_list_on(enum screen screen)
{
    int kind = 0;
    while (kind < PAGED_KINDS && kinds[kind].screen != screen)
        kind++;
    return (enum paged_kind)kind;
}

const struct columns *paged_list_columns(enum paged_kind kind)
{
    return kinds[kind].columns;
}

struct paged_facts paged_list_facts(const struct model *m, enum paged_kind kind)
{
    return kinds[kind].facts(m);
}

int paged_list_room(const struct ui *ui)
{
    return ui->rows > AROUND + 1 ? ui->rows - AROUND : 1;
}

const void *paged_list_at(const struct model *m, enum paged_kind kind, size_t row)
{
    struct paged_facts f = kinds[kind].facts(m);
    return row >= f.from && row - f.from < f.here ? kinds[kind].row(m, row - f.from) : NULL;
}

static void name_of(const void *row, enum paged_kind kind, char out[PAGED_NAME])
{
    out[0] = '\0';
    if (row != NULL)
        kinds[kind].name(row, out, PAGED_NAME);
}

/* The row of the item of that name, or -1. */
static long row_of(const struct model *m, enum paged_kind kind, const char *name)
{
    struct paged_facts f = kinds[kind].facts(m);
    char this[PAGED_NAME];
    for (size_t i = 0; name[0] != '\0' && i < f.here; i++) {
        name_of(kinds[kind].row(m, i), kind, this);
        if (strcmp(this, name) == 0)
            return (long)(f.from + i);
    }
    return -1;
}

const void *paged_list_selected(const struct ui *ui, const struct model *m, enum paged_kind kind)
{
    const struct paged_list *l = &ui->lists[kind];
    long row = row_of(m, kind, l->name);
    if (row < 0 && ui->screen != kinds[kind].screen)
        return NULL;
    return paged_list_at(m, kind, row >= 0 ? (size_t)row : l->row);
}

static void scroll(struct paged_list *l, size_t n, size_t room)
{
    size_t last = n > room ? n - room : 0;
    if (l->row < l->top)
        l->top = l->row;
    if (l->row >= l->top + room)
        l->top = l->row - room + 1;
    if (l->top > last)
        l->top = last;
}

static void select_row(struct ui *ui, const struct model *m, enum paged_kind kind, size_t row)
{
    struct paged_list *l = &ui->lists[kind];
    l->row = row;
    name_of(paged_list_at(m, kind, row), kind, l->name);
    scroll(l, kinds[kind].facts(m).matching, (size_t)paged_list_room(ui));
}

bool paged_list_pick(struct ui *ui, const struct model *m, enum paged_kind kind, size_t row)
{
    if (row >= kinds[kind].facts(m).matching)
        return false;
    select_row(ui, m, kind, row);
    return true;
}

void paged_list_step(struct ui *ui, const struct model *m, enum paged_kind kind, long rows)
{
    size_t n = kinds[kind].facts(m).matching, row = ui->lists[kind].row;
    size_t far = rows < 0 ? (size_t)-rows : (size_t)rows;
    if (n == 0)
        return;
    if (rows < 0)
        row = row > far ? row - far : 0;
    else
        row = far < n - 1 - (row < n ? row : n - 1) ? row + far : n - 1;
    select_row(ui, m, kind, row);
}

void paged_list_sort(struct ui *ui, const struct model *m, enum paged_kind kind, int by)
{
    int *sort = &ui->lists[kind].sort;
    *sort = columns_neighbour(kinds[kind].columns, &m->shown, ui, *sort, by);
}

void paged_list_settle(struct ui *ui, const struct model *m, enum paged_kind kind)
{
    struct paged_list *l = &ui->lists[kind];
    struct paged_facts f = kinds[kind].facts(m);
    long row = row_of(m, kind, l->name);
    /* A page that is being read keeps its item, and rows of another question move nothing. */
    if (ui->screen == kinds[kind].page || !f.known ||
        (f.filter != NULL && strcmp(f.filter, l->filter) != 0))
        return;
    if (row >= 0)
        l->row = (size_t)row;
    if (l->row >= f.matching)
        l->row = f.matching > 0 ? f.matching - 1 : 0;
    if (row < 0 && l->name[0] != '\0')
        select_row(ui, m, kind, l->row);
    scroll(l, f.matching, (size_t)paged_list_room(ui));
}

struct model_page paged_list_wanted(const struct ui *ui, enum paged_kind kind)
{
    const struct paged_list *l = &ui->lists[kind];
    struct model_page p = {.asked = true,
                           .rows = (size_t)paged_list_room(ui),
                           .from = l->top,
                           .sort = kinds[kind].columns->items[l->sort].name,
                           .reverse = l->reverse};
    snprintf(p.filter, sizeof p.filter, "%s", l->filter);
    return p;
}
