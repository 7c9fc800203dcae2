#include "core/control/row_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows as they are seen ---- */

static double seconds(uint64_t ms)
{
    return (double)ms / 1000;
}

static void see_live(const struct monitor_row *r, uint64_t now, struct page_row *out)
{
    const struct monitor_counters *c = &r->counters;
    bool closed = c->state == MONITOR_STREAM_CLOSED;
    uint64_t down, up;
    monitor_row_mean(r, &down, &up);
    *out = (struct page_row){.facts.id = r->id,
                             .id = (double)r->id,
                             .state = c->state,
                             .queued = (double)(c->queued_down + c->queued_up),
                             .first_byte = seconds(c->first_byte_ms),
                             .closed_at = closed ? seconds(r->closed_ms) : 0,
                             .row = r};
    r->kind->texts(r, out->facts.texts);
    out->facts.texts[FILTER_STATE] = monitor_state_name(c->state);
    out->facts.texts[FILTER_REASON] = r->why != ERR_OK ? err_name(r->why) : "";
    out->facts.texts[FILTER_TEXT] = out->facts.texts[FILTER_EVENT] = NULL;
    double *numbers = out->facts.numbers;
    numbers[FILTER_AGE] = seconds((closed ? r->closed_ms : now) - r->accepted_ms);
    numbers[FILTER_IDLE] = seconds(monitor_row_idle(r, now));
    numbers[FILTER_DOWN] = (double)c->down;
    numbers[FILTER_UP] = (double)c->up;
    numbers[FILTER_RATE_DOWN] = (double)down;
    numbers[FILTER_RATE_UP] = (double)up;
}

static void see_kept(const struct kept_row *k, struct page_row *out)
{
    *out = (struct page_row){.facts.id = k->id,
                             .id = (double)k->id,
                             .state = MONITOR_STREAM_CLOSED,
                             .first_byte = seconds(k->first_byte_ms),
                             .closed_at = seconds(k->closed_ms),
                             .kept = k};
    memcpy(out->facts.texts, k->texts, sizeof k->texts);
    out->facts.texts[FILTER_STATE] = monitor_state_name(MONITOR_STREAM_CLOSED);
    out->facts.texts[FILTER_REASON] = k->why != ERR_OK ? err_name(k->why) : "";
    double *numbers = out->facts.numbers;
    numbers[FILTER_AGE] = seconds(k->age_ms);
    numbers[FILTER_IDLE] = seconds(k->idle_ms);
    numbers[FILTER_DOWN] = (double)k->down;
    numbers[FILTER_UP] = (double)k->up;
    numbers[FILTER_RATE_DOWN] = numbers[FILTER_RATE_UP] = NAN;
}

/* What is not known is NaN, about which no word of a filter says anything. */
static void see_then(struct page_row *r)
{
    const struct row_then *t = &r->then;
    double *numbers = r->facts.numbers;
    r->state = t->state;
    r->queued = 0;
    r->facts.texts[FILTER_STATE] = monitor_state_name(t->state);
    if (t->state != MONITOR_STREAM_CLOSED)
        r->facts.texts[FILTER_REASON] = "";
    numbers[FILTER_AGE] = seconds(t->age_ms);
    numbers[FILTER_IDLE] = NAN;
    numbers[FILTER_DOWN] = t->counted ? (double)t->down : NAN;
    numbers[FILTER_UP] = t->counted ? (double)t->up : NAN;
    numbers[FILTER_RATE_DOWN] = t->counted ? (double)t->rate_down : NAN;
    numbers[FILTER_RATE_UP] = t->counted ? (double)t->rate_up : NAN;
}

/* ---- the order ---- */

#define TEXT(which) true, offsetof(struct page_row, facts.texts) + (which) * sizeof(const char *)
#define FACT(which) false, offsetof(struct page_row, facts.numbers) + (which) * sizeof(double)
#define NUMBER(member) false, offsetof(struct page_row, member)

/* Numbers are sorted from the greatest to the least; `ascending` ones the other way. */
static const struct sort {
    const char *name;
    bool text;
    size_t offset;
    bool ascending;
} sorts[] = {
    {"id", NUMBER(id), false},
    {"client", TEXT(FILTER_CLIENT), true},
    {"process", TEXT(FILTER_PROCESS), true},
    {"user", TEXT(FILTER_USER), true},
    {"via", TEXT(FILTER_VIA), true},
    {"service", TEXT(FILTER_SERVICE), true},
    {"tunnel", TEXT(FILTER_TUNNEL), true},
    {"target", TEXT(FILTER_TARGET), true},
    {"asked", TEXT(FILTER_ASKED), true},
    {"state", NUMBER(state), true},
    {"reason", TEXT(FILTER_REASON), true},
    {"age", FACT(FILTER_AGE), false},
    {"idle", FACT(FILTER_IDLE), false},
    {"bytes_down", FACT(FILTER_DOWN), false},
    {"bytes_up", FACT(FILTER_UP), false},
    {"rate_down", FACT(FILTER_RATE_DOWN), false},
    {"rate_up", FACT(FILTER_RATE_UP), false},
    {"first_byte", NUMBER(first_byte), false},
    {"queued", NUMBER(queued), false},
    {"closed_at", NUMBER(closed_at), false},
};
#define SORTS (sizeof sorts / sizeof *sorts)

struct sorting {
    const struct sort *by;
    int sign;
};

static const struct sort *sort_named(const char *name)
{
    for (size_t i = 0; i < SORTS; i++)
        if (strcmp(sorts[i].name, name) == 0)
            return &sorts[i];
    return NULL;
}

static struct sorting sorting_of(const char *name, const char *otherwise)
{
    bool reverse = name[0] == '-';
    const struct sort *by = sort_named(name + reverse);
    if (by == NULL) {
        reverse = otherwise[0] == '-';
        by = sort_named(otherwise + reverse);
    }
    return (struct sorting){by, by->ascending != reverse ? 1 : -1};
}

static int compare_members(const struct sort *by, const struct page_row *a,
                           const struct page_row *b)
{
    const char *x = (const char *)a + by->offset, *y = (const char *)b + by->offset;
    if (by->text)
        return strcmp(*(const char *const *)(const void *)x, *(const char *const *)(const void *)y);
    double p = *(const double *)(const void *)x, q = *(const double *)(const void *)y;
    p = isnan(p) ? -INFINITY : p;
    q = isnan(q) ? -INFINITY : q;
    return (p > q) - (p < q);
}

/* Equal ones are in the order of their ids, so that rows do not move between two answers. */
static int compare(const struct sorting *how, const struct page_row *a, const struct page_row *b)
{
    int order = how->sign * compare_members(how->by, a, b);
    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static int compare_places(const void *a, const void *b, void *how)
{
    return compare(how, *(struct page_row *const *)a, *(struct page_row *const *)b);
}

/* ---- each row that fits ---- */

struct choice {
    const struct monitor *m;
    uint64_t now;
    bool kept;
    struct moment when;
    struct filter filter;
    const struct group_query *group;
    struct sorting how;
};

static bool is_in_group(const struct choice *c, const struct page_row *r)
{
    char key[GROUP_KEY];
    if (c->group->key == NULL || c->group->kind == GROUP_NONE)
        return true;
    monitor_group_key(c->m, c->group->kind, r->facts.texts, key);
    return strncmp(key, c->group->key, GROUP_KEY - 1) == 0;
}

typedef void take(void *to, const struct page_row *r);

/* What is done with each row; how many there are. */
struct visit {
    const struct choice *c;
    take *use;
    void *to;
    size_t total;
};

static void visit(struct visit *v, struct page_row *r)
{
    const struct choice *c = v->c;
    if (c->when.at_ms != 0 && !r->then.there)
        return;
    if (c->when.at_ms != 0)
        see_then(r);
    v->total++;
    if (is_in_group(c, r) && filter_matches(&c->filter, &r->facts))
        v->use(v->to, r);
}

static void visit_live(struct visit *v, const struct list *rows)
{
    struct page_row r;
    list_each(node, rows)
    {
        see_live(list_entry(node, struct monitor_row, node), v->c->now, &r);
        if (v->c->when.at_ms != 0)
            r.then = row_then_live(r.row, &v->c->when);
        visit(v, &r);
    }
}

static void visit_kept(struct visit *v, const struct monitor *m)
{
    struct page_row r;
    for (size_t i = 0; m->kept != NULL && i < m->kept_size; i++) {
        if (m->kept[i] == NULL)
            continue;
        see_kept(m->kept[i], &r);
        if (v->c->when.at_ms != 0)
            r.then = row_then_kept(r.kept, &v->c->when);
        visit(v, &r);
    }
}

/* Those that have just ended are kept, too. */
static size_t each(const struct choice *c, take *use, void *to)
{
    struct visit v = {c, use, to, 0};
    if (!c->kept)
        visit_live(&v, &c->m->rows);
    if (!c->kept && c->when.at_ms == 0)
        visit_live(&v, &c->m->closed);
    if (c->kept || c->when.at_ms != 0)
        visit_kept(&v, c->m);
    return v.total;
}

/* ---- where one of them stands ---- */

struct place {
    const struct choice *c;
    uint64_t id;
    bool found;
    struct page_row row;
    size_t before;
};

static void find(void *to, const struct page_row *r)
{
    struct place *p = to;
    if (r->facts.id != p->id)
        return;
    p->found = true;
    p->row = *r;
}

static void count_before(void *to, const struct page_row *r)
{
    struct place *p = to;
    p->before += compare(&p->c->how, r, &p->row) < 0;
}

/* The row of that id, counted from 1; 0: it does not fit. */
static size_t place_of(const struct choice *c, uint64_t id)
{
    struct place p = {.c = c, .id = id};
    if (id != 0)
        each(c, find, &p);
    if (!p.found)
        return 0;
    each(c, count_before, &p);
    return p.before + 1;
}

/* ---- the first rows: a heap with the last of them at its root ---- */

struct heap {
    const struct choice *c;
    struct row_page *page;
    size_t room;
};

static bool is_after(const struct heap *h, size_t i, size_t k)
{
    struct page_row **at = h->page->sorted;
    return compare(&h->c->how, at[i], at[k]) > 0;
}

static void swap(struct page_row **a, struct page_row **b)
{
    struct page_row *one = *a;
    *a = *b;
    *b = one;
}

static void sift_up(struct heap *h, size_t i)
{
    struct page_row **at = h->page->sorted;
    for (; i > 0 && is_after(h, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(&at[i], &at[(i - 1) / 2]);
}

static void sift_down(struct heap *h)
{
    struct page_row **at = h->page->sorted;
    for (size_t i = 0, n = h->page->n;;) {
        size_t last = i, left = 2 * i + 1;
        for (size_t k = left; k < n && k < left + 2; k++)
            if (is_after(h, k, last))
                last = k;
        if (last == i)
            return;
        swap(&at[i], &at[last]);
        i = last;
    }
}

static void put(void *to, const struct page_row *r)
{
    struct heap *h = to;
    struct row_page *p = h->page;
    p->matching++;
    if (p->n < h->room) {
        p->memory[p->n] = *r;
        p->sorted[p->n] = &p->memory[p->n];
        sift_up(h, p->n++);
    } else if (h->room > 0 && compare(&h->c->how, r, p->sorted[0]) < 0) {
        *p->sorted[0] = *r;
        sift_down(h);
    }
}

/* ---- all of it ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static uint64_t least_time(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static size_t listed(const struct choice *c)
{
    size_t open = (size_t)c->m->total.open;
    return c->kept              ? c->m->kept_size
           : c->when.at_ms != 0 ? open + c->m->kept_size
                                : open + c->m->n_closed;
}

void row_page_take(const struct monitor *m, const struct row_query *q,
                   const struct group_query *group, bool kept, struct row_page *out)
{
    struct choice c = {.m = m,
                       .now = monitor_now(m),
                       .kept = kept,
                       .group = group,
                       .how = sorting_of(q->sort, kept ? "closed_at" : "-id")};
    struct heap h = {.c = &c, .page = out};
    *out = (struct row_page){.n = 0};
    if (!filter_parse(q->filter, &c.filter, out->problem, sizeof out->problem))
        return;
    size_t limit = least(q->limit, ROW_PAGE_MAX), from = q->from, n = listed(&c);
    if (!kept && q->at_ms != 0) {
        c.when = (struct moment){q->at_ms, q->at_ms - least_time(q->at_ms, q->during_ms)};
        out->lacks = row_then_lacks(m, &c.when);
        n = listed(&c);
    }
    if (limit == 0 && q->find == 0 && c.filter.n == 0 && group->key == NULL && !kept &&
        q->at_ms == 0) {
        out->total = out->matching = n;
        return;
    }
    out->found = place_of(&c, q->find);
    if (q->after != 0)
        from = place_of(&c, q->after);
    from = least(from, n);
    h.room = limit > 0 ? least(from + limit, n) : 0;
    out->memory = malloc(h.room * sizeof *out->memory + 1);
    out->sorted = malloc(h.room * sizeof *out->sorted + 1);
    if (out->memory == NULL || out->sorted == NULL) {
        snprintf(out->problem, sizeof out->problem, "%s", err_text(ERR_NO_MEMORY));
        return;
    }
    out->total = each(&c, put, &h);
    if (out->n > 1)
        qsort_r(out->sorted, out->n, sizeof *out->sorted, compare_places, &c.how);
    out->from = least(from, out->matching);
    out->n = out->n > out->from ? out->n - out->from : 0;
    out->rows = out->sorted + out->from;
}

void row_page_free(struct row_page *p)
{
    free(p->memory);
    free(p->sorted);
}
