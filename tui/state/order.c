#include "tui/state/order.h"

#include "tui/state/columns_write.h"
#include "tui/state/row_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sorting {
    const struct snapshot *s;
    const struct column *column;
    bool descending;
};

static int turned(const struct sorting *how, int order)
{
    return how->descending ? -order : order;
}

static int compare_streams(const void *a, const void *b, void *sorting)
{
    const struct sorting *how = sorting;
    const struct snapshot_stream *x = &how->s->streams[*(const uint32_t *)a];
    const struct snapshot_stream *y = &how->s->streams[*(const uint32_t *)b];
    int order = turned(how, how->column->compare(x, y));
    return order != 0 ? order : compare_counts(x->id, y->id);
}

static int compare_services(const void *a, const void *b, void *sorting)
{
    const struct sorting *how = sorting;
    const struct snapshot_service *x = &how->s->services[*(const uint32_t *)a];
    const struct snapshot_service *y = &how->s->services[*(const uint32_t *)b];
    int order = turned(how, how->column->compare(x, y));
    if (order == 0)
        order = compare_texts(x->id, y->id);
    return order != 0 ? order : compare_texts(x->tunnel, y->tunnel);
}

static struct sorting sorting_of(const struct snapshot *s, const struct columns *c, int column,
                                 bool reverse)
{
    const struct column *by = &c->items[column >= 0 && column < c->n ? column : 0];
    return (struct sorting){s, by, by->number != reverse};
}

static struct order room_for(size_t n)
{
    return (struct order){.at = n > 0 ? malloc(n * sizeof(uint32_t)) : NULL};
}

/* What the program has filtered and sorted. */
static struct order page_of(const struct snapshot *s)
{
    struct order o = room_for(s->n_streams);
    o.from = s->streams_page.from;
    o.total = s->streams_page.matching;
    for (; o.at != NULL && o.n < s->n_streams; o.n++)
        o.at[o.n] = (uint32_t)o.n;
    if (o.total < o.from + o.n)
        o.total = o.from + o.n;
    return o;
}

/* Whether the rows answer another question than the screen has now, as after `/` during a pause. */
static bool is_other_question(const struct ui *ui, const struct model *m)
{
    const struct model_page *q = &m->answered.streams;
    return strcmp(m->shown.streams_page.filter, ui->filter_text) != 0 ||
           (q->sort != NULL && strcmp(q->sort, stream_columns.items[ui->sort].name) != 0) ||
           (q->sort != NULL && q->reverse != ui->reverse);
}

struct order order_streams_that(const struct ui *ui, const struct model *m,
                                bool (*fits)(const struct snapshot_stream *s, const void *owner),
                                const void *owner)
{
    const struct snapshot *s = &m->shown;
    if (s->streams_page.known && !(m->paused && (model_has_all(m) || is_other_question(ui, m))))
        return page_of(s);
    struct order o = room_for(s->n_streams);
    struct sorting how = sorting_of(s, &stream_columns, ui->sort, ui->reverse);
    for (size_t i = 0; o.at != NULL && i < s->n_streams; i++)
        if (row_filter_stream(&ui->filter, &s->streams[i]) &&
            (fits == NULL || fits(&s->streams[i], owner)))
            o.at[o.n++] = (uint32_t)i;
    if (o.n > 1)
        qsort_r(o.at, o.n, sizeof *o.at, compare_streams, &how);
    o.total = o.n;
    return o;
}

struct order order_streams(const struct ui *ui, const struct model *m)
{
    return order_streams_that(ui, m, NULL, NULL);
}

struct order order_services(const struct ui *ui, const struct model *m)
{
    const struct snapshot *s = &m->shown;
    struct order o = room_for(s->n_services);
    struct sorting how = sorting_of(s, &service_columns, ui->service_sort, ui->service_reverse);
    for (size_t i = 0; o.at != NULL && i < s->n_services; i++)
        o.at[o.n++] = (uint32_t)i;
    if (o.n > 1)
        qsort_r(o.at, o.n, sizeof *o.at, compare_services, &how);
    o.total = o.n;
    return o;
}

void order_free(struct order *o)
{
    free(o->at);
    *o = (struct order){0};
}

const struct snapshot_stream *order_stream(const struct order *o, const struct model *m, size_t row)
{
    return row >= o->from && row - o->from < o->n ? &m->shown.streams[o->at[row - o->from]] : NULL;
}

long order_stream_row(const struct order *o, const struct model *m, uint64_t id)
{
    for (size_t i = 0; i < o->n && id != 0; i++)
        if (m->shown.streams[o->at[i]].id == id)
            return (long)(o->from + i);
    return -1;
}

void service_name(const struct snapshot_service *s, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", s->tunnel != NULL ? s->tunnel : "", s->id != NULL ? s->id : "");
}

long order_service_row(const struct order *o, const struct model *m, const char *name)
{
    char this[sizeof((struct ui *)NULL)->service];
    for (size_t i = 0; i < o->n; i++) {
        service_name(&m->shown.services[o->at[i]], this, sizeof this);
        if (name[0] == '\0' || strcmp(this, name) == 0)
            return (long)i;
    }
    return -1;
}

const struct snapshot_service *service_find(const struct model *m, const char *name)
{
    char this[sizeof((struct ui *)NULL)->service];
    for (size_t i = 0; i < m->shown.n_services; i++) {
        service_name(&m->shown.services[i], this, sizeof this);
        if (strcmp(this, name) == 0)
            return &m->shown.services[i];
    }
    return NULL;
}
