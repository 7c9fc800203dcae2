#include "tui/state/columns.h"

#include <string.h>

/* The `keep` of a wanted column, just above that of host names, and of ages. */
enum { WANTED_SERVICES = 75, WANTED_STREAMS = 55 };

enum column_role column_role_of(const struct snapshot *s)
{
    const char *role = s->role != NULL ? s->role : "";
    return strcmp(role, "hub") == 0           ? COLUMN_HUB
           : strcmp(role, "destination") == 0 ? COLUMN_DESTINATION
                                              : COLUMN_SOURCE;
}

const char *column_row_noun(enum column_role role)
{
    return role == COLUMN_HUB ? "tunnel" : "stream";
}

int column_find(const struct columns *c, const char *name)
{
    struct span wanted = span_of(name);
    for (int i = 0; i < c->n; i++) {
        const struct column *column = &c->items[i];
        bool same = span_is_nocase(wanted, column->name);
        for (int role = 0; role < COLUMN_ROLES; role++)
            /* Titles are found as the user sees them. */
            same = same ||
                   (column->titles[role] != NULL && span_is_nocase(wanted, column->titles[role]));
        if (same)
            return i;
    }
    return -1;
}

bool column_is_in(const struct column *c, enum column_role role, enum totals totals)
{
    return c->titles[role] != NULL && !(c->kind == COLUMN_RATE && totals == SHOW_TOTALS) &&
           !(c->kind == COLUMN_TOTAL && totals == SHOW_RATES) &&
           !(c->kind == COLUMN_NO_RATE && totals != SHOW_TOTALS);
}

/* ---- selection ---- */

/* Digits of the longest id, because a cut id would be wrong. */
static int id_width(const struct snapshot_stream *streams, size_t n)
{
    uint64_t most = 0;
    int digits = 1;
    for (size_t i = 0; i < n; i++)
        most = streams[i].id > most ? streams[i].id : most;
    for (; most > 9; most /= 10)
        digits++;
    return digits;
}

static uint64_t without_names(const struct columns *c, const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_tunnels; i++)
        if (s->tunnels[i].name[0] != '\0')
            return 0;
    int column = s->n_tunnels > 0 ? column_find(c, "tunnel") : -1;
    return column >= 0 ? (uint64_t)1 << column : 0;
}

static uint64_t bit_of(const struct columns *c, const char *name)
{
    int column = column_find(c, name);
    return column >= 0 ? (uint64_t)1 << column : 0;
}

uint64_t columns_lacking(const struct columns *c, const struct snapshot *s)
{
    bool closed = c == &closed_columns, told = s->streams_page.known;
    const struct snapshot_stream *rows = closed ? s->closed.rows : s->streams;
    bool trend = false, user = told, idle = told, trip = false;
    if (c == &device_columns)
        return s->n_nodes > 0 ? 0 : bit_of(c, "node");
    if (c == &node_columns)
        return 0;
    for (size_t i = 0; i < (closed ? s->closed.n_rows : s->n_streams); i++) {
        trend = trend || rows[i].trend.n > 0;
        user = user || rows[i].user[0] != '\0';
        idle = idle || rows[i].idle > 0;
    }
    for (size_t i = 0; i < s->n_tunnels; i++)
        trip = trip || s->tunnels[i].far_round_trip > 0;
    return (trend ? 0 : bit_of(c, "trend")) | (user ? 0 : bit_of(c, "user")) |
           (idle ? 0 : bit_of(c, "idle")) | (trip ? 0 : bit_of(c, "round_trip"));
}

/* The column that tells the device, where there are several. On wide screens the host names of
 * services tell it, too. */
static uint64_t device_column(const struct columns *c, const struct snapshot *s, int width)
{
    bool told = c == &service_columns && column_role_of(s) == COLUMN_SOURCE && width >= 80;
    int column = s->n_tunnels > 1 && !told ? column_find(c, "tunnel") : -1;
    return column >= 0 ? (uint64_t)1 << column : 0;
}

struct columns_options columns_options(const struct columns *c, const struct snapshot *s,
                                       const struct ui *ui, int width)
{
    bool streams = c == &stream_columns, closed = c == &closed_columns;
    const struct snapshot_stream *rows = closed ? s->closed.rows : s->streams;
    return (struct columns_options){.role = column_role_of(s),
                                    .totals = ui->totals,
                                    .hidden = (streams ? ui->hidden : 0) | without_names(c, s) |
                                              columns_lacking(c, s),
                                    .wanted = c != &device_columns ? device_column(c, s, width) : 0,
                                    /* Space for the marks of selection and tag. */
                                    .at = streams ? 2 : 1,
                                    .width = width,
                                    .first = streams  ? id_width(rows, s->n_streams)
                                             : closed ? id_width(rows, s->closed.n_rows)
                                                      : 0};
}

/* ---- places ---- */

static void choose(const struct columns *c, const struct columns_options *o,
                   struct columns_fit *out)
{
    out->n = 0;
    for (int i = 0; i < c->n && i < COLUMNS_MAX; i++) {
        const struct column *column = &c->items[i];
        bool wanted = (o->wanted >> i & 1) != 0;
        if (!column_is_in(column, o->role, o->totals) || (o->width < column->from && !wanted) ||
            (o->hidden >> i & 1) != 0)
            continue;
        int width = i == 0 && o->first > column->least ? o->first : column->least;
        out->items[out->n++] = (struct columns_fitted){i, 0, width};
    }
}

static int taken(const struct columns_fit *fit)
{
    int sum = fit->n > 0 ? fit->n - 1 : 0; /* blanks between columns */
    for (int i = 0; i < fit->n; i++)
        sum += fit->items[i].width;
    return sum;
}

static int keep_of(const struct columns *c, const struct columns_options *o, int column)
{
    int wanted = c == &service_columns ? WANTED_SERVICES : WANTED_STREAMS;
    return (o->wanted >> column & 1) != 0 ? wanted : c->items[column].keep;
}

static void drop_least(const struct columns *c, const struct columns_options *o,
                       struct columns_fit *fit)
{
    int least = 0;
    for (int i = 1; i < fit->n; i++)
        if (keep_of(c, o, fit->items[i].column) < keep_of(c, o, fit->items[least].column))
            least = i;
    fit->n--;
    memmove(&fit->items[least], &fit->items[least + 1],
            (size_t)(fit->n - least) * sizeof *fit->items);
}

/* Gives columns their shares in turn, until nothing is left or no column can use more. */
static void grow(const struct columns *c, struct columns_fit *fit, int spare)
{
    for (bool grown = true; grown && spare > 0;) {
        grown = false;
        for (int i = 0; i < fit->n; i++) {
            const struct column *column = &c->items[fit->items[i].column];
            int *width = &fit->items[i].width;
            for (int n = 0; n < column->share && spare > 0 && *width < column->most; n++) {
                *width += 1;
                spare--;
                grown = true;
            }
        }
    }
}

void columns_fit(const struct columns *c, const struct columns_options *o, struct columns_fit *out)
{
    int room = o->width - o->at;
    choose(c, o, out);
    while (out->n > 1 && taken(out) > room)
        drop_least(c, o, out);
    grow(c, out, room - taken(out));
    for (int i = 0, at = o->at; i < out->n; i++) {
        out->items[i].at = at;
        at += out->items[i].width + 1;
    }
}

int columns_neighbour(const struct columns *c, const struct snapshot *s, const struct ui *ui,
                      int sort, int by)
{
    struct columns_options o = columns_options(c, s, ui, ui->columns);
    struct columns_fit fit;
    columns_fit(c, &o, &fit);
    int at = 0;
    while (at < fit.n && fit.items[at].column != sort)
        at++;
    if (at == fit.n)
        at = by > 0 ? fit.n - 1 : 0;
    for (int i = 1; i <= fit.n; i++) {
        int column = fit.items[(at + i * by + i * fit.n) % fit.n].column;
        if (c->items[column].compare != NULL)
            return column;
    }
    return sort;
}
