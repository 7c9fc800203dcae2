#include "tui/view/view.h"

#include "tui/view/view_internal.h"

const struct glyphs glyphs_ascii = {'-', '|', '+', '+', '+', '+', true};
const struct glyphs glyphs_utf8 = {0x2500, 0x2502, 0x250c, 0x2510, 0x2514, 0x2518, false};

/* Dims the picture of data that is not current. */
static void dim(struct canvas *v)
{
    for (int row = 1; row < v->g->rows - 1; row++)
        grid_paint(v->g, row, 0, v->g->columns, ROLE_QUIET);
}

static void draw_screen(struct canvas *v)
{
    switch (v->ui->screen) {
    case SCREEN_STREAM:
        draw_stream(v);
        break;
    case SCREEN_SERVICE:
        draw_service(v);
        break;
    case SCREEN_HELP:
        draw_help(v);
        break;
    case SCREEN_DEVICES:
        draw_devices(v);
        break;
    case SCREEN_DEVICE:
        draw_device(v);
        break;
    case SCREEN_NODES:
        draw_nodes(v);
        break;
    case SCREEN_HISTORY:
        draw_ended(v);
        break;
    default:
        draw_title(v);
        if (v->l.small)
            draw_small(v);
        else
            draw_main(v);
    }
}

void view_draw(const struct model *m, const struct ui *ui, const struct view_context *context,
               struct grid *g)
{
    struct canvas v = {m, &m->shown, ui, context, g, .role = column_role_of(&m->shown)};
    v.l = layout_of(g->columns, g->rows, v.role == COLUMN_HUB ? 0 : v.s->n_services, ui->log_rows);
    v.list = stream_list_of(ui, m);
    grid_clear(g);
    draw_screen(&v);
    if (m->link == MODEL_LOST && ui->screen != SCREEN_HELP)
        dim(&v);
    if (g->rows > 1)
        draw_last_row(&v);
    draw_boxes(&v);
    stream_list_free(&v.list);
}
