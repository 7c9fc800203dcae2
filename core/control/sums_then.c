#include "core/control/sums_then.h"

#include "core/control/report_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct taking {
    const struct monitor *m;
    struct moment when;
    enum group_kind kind;
    struct sums_then *out;
};

/* ---- keys ---- */

const char *sum_then_service(const char *tunnel, const char *service, char out[SERVICE_KEY])
{
    snprintf(out, SERVICE_KEY, "%s\n%s", tunnel, service);
    return out;
}

static struct sum_then *new_sum(const char *key)
{
    size_t n = strlen(key) + 1;
    struct sum_then *s = calloc(1, sizeof *s + n);
    if (s != NULL)
        memcpy(s->key, key, n);
    return s;
}

static struct sum_then *sum_of(const struct taking *t, const char *const texts[FILTER_TEXTS])
{
    char key[SERVICE_KEY];
    const struct groups *groups = &t->m->groups[t->kind];
    if (t->kind == GROUP_NONE)
        sum_then_service(texts[FILTER_TUNNEL], texts[FILTER_SERVICE], key);
    else
        monitor_group_key(t->m, t->kind, texts, key);
    if (t->kind != GROUP_NONE && map_get(&groups->by_key, key, strlen(key)) == NULL)
        return t->out->other;
    struct sum_then *s = map_get(&t->out->by_key, key, strlen(key));
    if (s != NULL)
        return s;
    s = new_sum(key);
    if (s != NULL && map_put(&t->out->by_key, s->key, strlen(s->key), s))
        return s;
    free(s);
    t->out->known = false;
    return NULL;
}

/* ---- rows ---- */

/* What one row adds to each sum. */
static void add(struct sum_then *to, const struct sum_then *s)
{
    to->open += s->open;
    to->rate_down += s->rate_down;
    to->rate_up += s->rate_up;
    to->unrated |= s->unrated;
    to->since_down += s->since_down;
    to->since_up += s->since_up;
    to->uncounted |= s->uncounted;
    to->served_since += s->served_since;
    to->failed_since += s->failed_since;
}

static void add_row(const struct taking *t, const char *const texts[FILTER_TEXTS],
                    const struct sum_then *s)
{
    struct sum_then *to = sum_of(t, texts);
    if (to == NULL)
        return;
    add(to, s);
    add(t->out->all, s);
}

static void add_live(const struct taking *t, const struct monitor_row *r)
{
    const char *texts[FILTER_TEXTS];
    struct row_then was = row_then_live(r, &t->when);
    uint64_t down = r->counters.down, up = r->counters.up;
    bool known = was.there && was.counted && was.down <= down && was.up <= up;
    r->kind->texts(r, texts);
    add_row(t, texts,
            &(struct sum_then){.open = was.there,
                               .rate_down = was.rate_down,
                               .rate_up = was.rate_up,
                               .unrated = was.there && !was.counted,
                               .uncounted = was.there && !known,
                               .since_down = known       ? down - was.down
                                             : was.there ? 0
                                                         : down,
                               .since_up = known       ? up - was.up
                                           : was.there ? 0
                                                       : up,
                               .served_since = r->answered_ms > t->when.at_ms});
}

static void add_kept(const struct taking *t, const struct kept_row *k)
{
    uint64_t at = t->when.at_ms, began = k->closed_ms - k->age_ms;
    bool there = began <= at;
    if (k->closed_ms <= at)
        return; /* all of it was before */
    add_row(t, k->texts,
            &(struct sum_then){.open = there,
                               .unrated = there,
                               .uncounted = there,
                               .since_down = there ? 0 : k->down,
                               .since_up = there ? 0 : k->up,
                               .served_since = k->answered_ms != 0 && began + k->answered_ms > at,
                               .failed_since = k->answered_ms != 0 && !monitor_is_orderly(k->why)});
}

void sums_then_take(const struct monitor *m, uint64_t at_ms, enum group_kind kind,
                    struct sums_then *out)
{
    struct taking t = {m, {at_ms, at_ms}, kind, out};
    *out = (struct sums_then){.all = new_sum(""), .other = new_sum("")};
    out->known = !row_then_lacks(m, &t.when) && out->all != NULL && out->other != NULL;
    if (!out->known)
        return;
    list_each(node, &m->rows) add_live(&t, list_entry(node, struct monitor_row, node));
    for (size_t i = 0; m->kept != NULL && i < m->kept_size; i++)
        if (m->kept[i] != NULL)
            add_kept(&t, m->kept[i]);
}

void sums_then_free(struct sums_then *s)
{
    size_t at = 0;
    struct sum_then *one;
    while ((one = map_next(&s->by_key, &at)) != NULL)
        free(one);
    map_free(&s->by_key);
    free(s->all);
    free(s->other);
}

const struct sum_then *sums_then_of(const struct sums_then *s, const char *key)
{
    return map_get(&s->by_key, key, strlen(key));
}

/* ---- writing ---- */

static uint64_t less(uint64_t now, uint64_t since)
{
    return now > since ? now - since : 0;
}

bool sum_then_was(const struct sum_then *s, const struct sum_now *now)
{
    return s == NULL ? now->served > 0 : s->open > 0 || now->served > s->served_since;
}

void sum_then_write(const struct sums_then *all, const struct sum_then *s,
                    const struct sum_now *now, struct json_writer *w)
{
    static const struct sum_then nothing = {0};
    if (!all->known)
        return;
    s = s != NULL ? s : &nothing;
    json_open(w, "then", '{');
    report_put_number(w, "open", s->open);
    report_put_number(w, "served", less(now->served, s->served_since));
    report_put_number(w, "failed", less(now->failed, s->failed_since));
    report_put_flag(w, "rated", !s->unrated);
    report_put_flag(w, "counted", !s->uncounted);
    if (!s->unrated) {
        report_put_number(w, "rate_down", s->rate_down);
        report_put_number(w, "rate_up", s->rate_up);
    }
    if (!s->uncounted) {
        report_put_number(w, "bytes_down", less(now->down, s->since_down));
        report_put_number(w, "bytes_up", less(now->up, s->since_up));
    }
    json_close(w, '}');
}
