/* The streams in a report: all of them or a page, those that have ended, and groups. */
#include "core/control/report_internal.h"

static void put_all(const struct list *rows, const struct snapshot_query *wanted, uint64_t now,
                    struct json_writer *w)
{
    list_each(node, rows)
    {
        const struct monitor_row *r = list_entry(node, struct monitor_row, node);
        report_row(r, now, r->id == wanted->detail, wanted->trend, w);
    }
}

static void put_page_rows(const struct row_page *p, const struct snapshot_query *wanted,
                          bool closed, uint64_t now, struct json_writer *w)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct page_row *r = p->rows[i];
        if (wanted->streams.at_ms != 0 && !closed)
            report_row_then(r, w);
        else if (r->row != NULL)
            report_row(r->row, now, r->row->id == wanted->detail, wanted->trend, w);
        else
            report_kept_row(r->kept, now, w);
    }
}

static void put_page(const struct row_page *p, const struct row_query *q, struct json_writer *w)
{
    json_number(w, "total", (int64_t)p->total);
    json_number(w, "matching", (int64_t)p->matching);
    report_put_number(w, "from", p->from);
    report_put_number(w, "found", p->found);
    report_put_text(w, "filter", q->filter);
    report_put_text(w, "sort", q->sort);
    report_put_text(w, "problem", p->problem);
}

static void put_some(const struct monitor *m, const struct snapshot_query *wanted, uint64_t now,
                     struct json_writer *w)
{
    struct row_page p;
    row_page_take(m, &wanted->streams, &wanted->groups, false, &p);
    json_open(w, "streams", '[');
    put_page_rows(&p, wanted, false, now, w);
    json_close(w, ']');
    json_open(w, "streams_page", '{');
    put_page(&p, &wanted->streams, w);
    report_put_time(w, "at", wanted->streams.at_ms);
    report_put_flag(w, "lacks", p.lacks);
    json_close(w, '}');
    row_page_free(&p);
}

static void put_closed(const struct monitor *m, const struct snapshot_query *wanted, uint64_t now,
                       struct json_writer *w)
{
    struct row_page p;
    row_page_take(m, &wanted->closed, &wanted->groups, true, &p);
    json_open(w, "closed", '{');
    put_page(&p, &wanted->closed, w);
    json_open(w, "rows", '[');
    put_page_rows(&p, wanted, true, now, w);
    json_close(w, ']');
    json_close(w, '}');
    row_page_free(&p);
}

/* ---- groups ---- */

/* then: NULL unless a moment is asked for. */
static void put_group(const struct group *g, bool other, const struct sums_then *then,
                      const struct sum_then *was, struct json_writer *w)
{
    struct sum_now now = {g->served, g->failed, g->down, g->up};
    if (then != NULL && then->known && !sum_then_was(was, &now))
        return; /* it has come since */
    json_open(w, NULL, '{');
    report_put_text(w, "key", g->key);
    report_put_flag(w, "other", other);
    report_put_number(w, "open", g->open);
    report_put_number(w, "served", g->served);
    report_put_number(w, "refused", g->refused);
    report_put_number(w, "failed", g->failed);
    report_put_number(w, "bytes_down", g->down);
    report_put_number(w, "bytes_up", g->up);
    report_put_number(w, "rate_down", g->rate_down);
    report_put_number(w, "rate_up", g->rate_up);
    report_put_number(w, "peak", g->peak);
    if (then != NULL)
        sum_then_write(then, was, &now, w);
    json_close(w, '}');
}

static void put_groups(const struct monitor *m, enum group_kind kind, uint64_t at_ms,
                       struct json_writer *w)
{
    const struct groups *all = &m->groups[kind];
    const struct group *sorted[GROUPS_MAX + 1];
    struct sums_then then = {0};
    size_t n = monitor_groups_sorted(all, sorted);
    if (at_ms != 0)
        sums_then_take(m, at_ms, kind, &then);
    json_open(w, "groups", '{');
    json_text(w, "by", span_of(group_kind_name(kind)));
    json_open(w, "rows", '[');
    for (size_t i = 0; i < n; i++) {
        bool other = sorted[i] == &all->other;
        const struct sum_then *was = other ? then.other : sums_then_of(&then, sorted[i]->key);
        put_group(sorted[i], other, at_ms != 0 ? &then : NULL, was, w);
    }
    json_close(w, ']');
    json_close(w, '}');
    sums_then_free(&then);
}

void report_streams(struct monitor *m, const struct snapshot_query *wanted, uint64_t now,
                    struct json_writer *w)
{
    if (wanted->streams.wanted) {
        put_some(m, wanted, now, w);
    } else {
        json_open(w, "streams", '[');
        put_all(&m->rows, wanted, now, w);
        put_all(&m->closed, wanted, now, w);
        json_close(w, ']');
    }
    if (wanted->closed.wanted)
        put_closed(m, wanted, now, w);
    if (wanted->groups.kind != GROUP_NONE)
        put_groups(m, wanted->groups.kind, wanted->streams.wanted ? wanted->streams.at_ms : 0, w);
}
