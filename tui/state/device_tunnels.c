#include "tui/state/device_tunnels.h"

#include <string.h>

static bool leads_there(const struct snapshot_stream *s, const void *owner)
{
    return strcmp(s->service, owner) == 0;
}

struct order device_tunnels_of(const struct ui *ui, const struct model *m)
{
    const char *name = ui->lists[PAGED_DEVICES].name;
    const struct model_wanted *w = &m->answered;
    if (m->shown.streams_page.known && (!w->one_group || strcmp(w->group, name) != 0))
        return (struct order){0}; /* the page is one of another screen */
    return order_streams_that(ui, m, leads_there, name);
}

const struct snapshot_stream *device_tunnels_selected(const struct ui *ui, const struct model *m)
{
    struct order o = device_tunnels_of(ui, m);
    const struct snapshot_stream *s = order_stream(&o, m, ui->device_tunnel);
    order_free(&o);
    return s;
}

void device_tunnels_step(struct ui *ui, const struct model *m, long rows)
{
    struct order o = device_tunnels_of(ui, m);
    long last = o.total > 0 ? (long)o.total - 1 : 0, row = (long)ui->device_tunnel;
    row = rows < -row ? 0 : rows > last - row ? last : row + rows;
    ui->device_tunnel = (size_t)row;
    order_free(&o);
}

void device_tunnels_settle(struct ui *ui, const struct model *m)
{
    if (ui->screen == SCREEN_DEVICE)
        device_tunnels_step(ui, m, 0);
}
