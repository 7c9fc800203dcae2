#include "tui/state/moment.h"
#include "tui/view/view_internal.h"

#include <stdio.h>
#include <string.h>

/* Draws the number of services that have no row, "+9", from column `at` on. */
static void draw_more(struct canvas *v, int row, int at)
{
    char text[32];
    struct order services = order_services(v->ui, v->m);
    size_t more = services.n > (size_t)v->l.n_services ? services.n - (size_t)v->l.n_services : 0;
    order_free(&services);
    int n = snprintf(text, sizeof text, "+%zu", more);
    int margin = v->g->columns > 30;
    if (more > 0 && at + 2 + n + margin <= v->g->columns)
        grid_text(v->g, row, v->g->columns - n - margin, n, span_of(text), ROLE_BUSY);
}

static void draw_numbers(struct canvas *v, int row)
{
    static const char *const names[] = {"Down ", "Up "}, *const brief[] = {"dn ", "up "};
    bool narrow = v->g->columns < 30;
    const struct snapshot_counts *t = &v->s->totals;
    struct snapshot_then then = moment_totals(v->ui, v->m);
    bool past = v->ui->moment > 0;
    const double rates[] = {past ? then.rate_down : t->rate_down, past ? then.rate_up : t->rate_up};
    char text[FORMAT_SIZE];
    int at = v->g->columns > 30;
    for (int i = 0; i < 2; i++) {
        format_rate(rates[i], v->ui->units, text);
        if (past && !then.rated)
            snprintf(text, sizeof text, "?");
        at += grid_text(v->g, row, at, -1, span_of(narrow ? brief[i] : names[i]), ROLE_TEXT);
        at += grid_text(v->g, row, at, -1, span_of(text), i == 0 ? ROLE_DOWN : ROLE_UP);
        if (text[0] != '-' && text[0] != '?' && !narrow)
            at += grid_text(v->g, row, at, -1, span_of("/s"), i == 0 ? ROLE_DOWN : ROLE_UP);
        at += narrow ? 1 : 2;
    }
    if (past && !then.known)
        snprintf(text, sizeof text, "? open");
    else
        snprintf(text, sizeof text, "%llu open", (unsigned long long)(past ? then.open : t->open));
    if (at + grid_width(span_of(text)) <= v->g->columns)
        at += grid_text(v->g, row, at, -1, span_of(text), ROLE_TEXT);
    draw_more(v, row, at);
}

/* Draws name, open streams and rates, or the state, such as "offline", in place of the numbers. */
static void draw_service_line(struct canvas *v, int row, const struct snapshot_service *s)
{
    char open[FORMAT_SIZE], down[FORMAT_SIZE], up[FORMAT_SIZE];
    int columns = v->g->columns, numbers = 3 * 6, margin = columns > 30;
    int name = columns - numbers - margin < 6 ? columns - margin : columns - numbers - margin;
    if (name > 32)
        name = 32;
    int used = grid_text(v->g, row, margin, name - 1, span_of(s->id), ROLE_TEXT);
    if (v->s->n_tunnels > 1 && name - 2 - used >= 3) /* the device follows */
        grid_text(v->g, row, margin + used + 1, name - 2 - used, span_of(s->tunnel), ROLE_QUIET);
    int at = margin + name;
    bool known = !s->past || s->counts.then.known, rated = !s->past || s->counts.then.rated;
    if (!s->past && strcmp(s->state, "ready") != 0) {
        grid_text(v->g, row, at + 1, columns - at - 1, span_of(s->state), role_of_state(s->state));
        return;
    }
    format_count(s->counts.open, open);
    format_rate(s->counts.rate_down, v->ui->units, down);
    format_rate(s->counts.rate_up, v->ui->units, up);
    grid_text_right(v->g, row, at, 5, span_of(known ? open : "?"), ROLE_TEXT);
    if (!rated)
        snprintf(down, sizeof down, "?");
    if (!rated)
        snprintf(up, sizeof up, "?");
    grid_text_right(v->g, row, at + 6, 5, span_of(down), down[0] == '-' ? ROLE_QUIET : ROLE_DOWN);
    grid_text_right(v->g, row, at + 12, 5, span_of(up), up[0] == '-' ? ROLE_QUIET : ROLE_UP);
}

static void draw_services(struct canvas *v)
{
    struct order services = order_services(v->ui, v->m);
    for (int i = 0; i < v->l.n_services; i++) {
        size_t at = v->ui->service_top + (size_t)i;
        if (at >= services.n)
            break;
        struct snapshot_service s = moment_service(v->ui, v->m, &v->s->services[services.at[at]]);
        draw_service_line(v, v->l.services + i, &s);
        char name[sizeof v->ui->service];
        service_name(&s, name, sizeof name);
        if (v->ui->focus == PANE_SERVICES && strcmp(name, v->ui->service) == 0)
            grid_paint(v->g, v->l.services + i, 0, v->g->columns, ROLE_SELECTED);
    }
    order_free(&services);
}

void draw_small(struct canvas *v)
{
    if (v->s->schema == 0) {
        grid_text(v->g, 1, 0, -1, span_of(v->m->problem), ROLE_BAD);
        grid_text(v->g, 2, 0, -1, span_of(v->m->socket), ROLE_TEXT);
        return;
    }
    if (v->g->rows > 2)
        draw_numbers(v, 1);
    draw_services(v);
    if (v->l.n_streams > 0)
        draw_stream_table(v, v->l.stream_head, v->l.streams, v->l.n_streams,
                          v->ui->focus == PANE_STREAMS);
}
