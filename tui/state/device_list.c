#include "tui/state/device_list.h"

#include "tui/state/columns.h"

#include <stdio.h>
#include <string.h>

enum { AROUND = 4 }; /* the title, the counts, the table's head, the keys */

int device_list_room(const struct ui *ui)
{
    return ui->rows > AROUND + 1 ? ui->rows - AROUND : 1;
}

const struct snapshot_device *device_list_at(const struct model *m, size_t row)
{
    const struct snapshot_devices *d = &m->shown.devices;
    return row >= d->from && row - d->from < d->n_rows ? &d->rows[row - d->from] : NULL;
}

/* The row of the device of that name, or -1. */
static long row_of(const struct model *m, const char *name)
{
    const struct snapshot_devices *d = &m->shown.devices;
    for (size_t i = 0; name[0] != '\0' && i < d->n_rows; i++)
        if (strcmp(d->rows[i].device, name) == 0)
            return (long)(d->from + i);
    return -1;
}

const struct snapshot_device *device_list_selected(const struct ui *ui, const struct model *m)
{
    long row = row_of(m, ui->devices.name);
    if (row < 0 && ui->screen == SCREEN_DEVICE)
        return NULL;
    return device_list_at(m, row >= 0 ? (size_t)row : ui->devices.row);
}

static void scroll(struct device_list *l, size_t n, size_t room)
{
    size_t last = n > room ? n - room : 0;
    if (l->row < l->top)
        l->top = l->row;
    if (l->row >= l->top + room)
        l->top = l->row - room + 1;
    if (l->top > last)
        l->top = last;
}

static void select_row(struct ui *ui, const struct model *m, size_t row)
{
    const struct snapshot_device *d = device_list_at(m, row);
    ui->devices.row = row;
    snprintf(ui->devices.name, sizeof ui->devices.name, "%s", d != NULL ? d->device : "");
    scroll(&ui->devices, (size_t)m->shown.devices.matching, (size_t)device_list_room(ui));
}

bool device_list_pick(struct ui *ui, const struct model *m, size_t row)
{
    if (row >= m->shown.devices.matching)
        return false;
    select_row(ui, m, row);
    return true;
}

void device_list_step(struct ui *ui, const struct model *m, long rows)
{
    size_t n = (size_t)m->shown.devices.matching, row = ui->devices.row;
    size_t far = rows < 0 ? (size_t)-rows : (size_t)rows;
    if (n == 0)
        return;
    if (rows < 0)
        row = row > far ? row - far : 0;
    else
        row = far < n - 1 - (row < n ? row : n - 1) ? row + far : n - 1;
    select_row(ui, m, row);
}

void device_list_sort(struct ui *ui, int by)
{
    const struct columns *c = &device_columns;
    do
        ui->devices.sort = (ui->devices.sort + by + c->n) % c->n;
    while (c->items[ui->devices.sort].compare == NULL);
}

void device_list_settle(struct ui *ui, const struct model *m)
{
    struct device_list *l = &ui->devices;
    const struct snapshot_devices *d = &m->shown.devices;
    long row = row_of(m, l->name);
    /* A page that is being read keeps its device, and rows of another question move nothing. */
    if (ui->screen == SCREEN_DEVICE || !d->known ||
        (d->filter != NULL && strcmp(d->filter, l->filter) != 0))
        return;
    if (row >= 0)
        l->row = (size_t)row;
    if (l->row >= d->matching)
        l->row = d->matching > 0 ? (size_t)d->matching - 1 : 0;
    if (row < 0 && l->name[0] != '\0')
        select_row(ui, m, l->row);
    scroll(l, (size_t)d->matching, (size_t)device_list_room(ui));
}

void device_list_wanted(const struct ui *ui, struct model_wanted *out)
{
    const struct device_list *l = &ui->devices;
    enum screen screen = ui->screen == SCREEN_HELP ? ui->before_help : ui->screen;
    if (screen != SCREEN_DEVICES && screen != SCREEN_DEVICE)
        return;
    out->devices = (size_t)device_list_room(ui);
    out->devices_from = l->top;
    snprintf(out->devices_filter, sizeof out->devices_filter, "%s", l->filter);
    out->devices_sort = device_columns.items[l->sort].name;
    out->devices_reverse = l->reverse;
    if (screen != SCREEN_DEVICE)
        return;
    snprintf(out->devices_filter, sizeof out->devices_filter, "device=%s", l->name);
    out->devices_from = 0;
}
