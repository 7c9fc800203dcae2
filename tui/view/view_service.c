#include "tui/state/log_lines.h"
#include "tui/view/view_page.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 22 };

/* "peer-reset 3, timeout 1" */
static void reasons_text(const struct snapshot_reasons *r, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < r->n && n + 1 < size; i++) {
        snprintf(out + n, size - n, "%s%s %llu", i > 0 ? ", " : "", r->items[i].name,
                 (unsigned long long)r->items[i].count);
        n += strlen(out + n);
    }
}

static void draw_counts(struct page *p, const struct snapshot_service *s)
{
    const struct snapshot_counts *c = &s->counts;
    char errors[400], refusals[400], first[FORMAT_SIZE];
    reasons_text(&c->errors, errors, sizeof errors);
    reasons_text(&c->refusals, refusals, sizeof refusals);
    format_wait(s->first_byte, first);
    page_field(p, "Streams", "%llu open (max %llu)   %llu served   %llu failed   %llu refused",
               (unsigned long long)c->open, (unsigned long long)c->max,
               (unsigned long long)c->served, (unsigned long long)c->failed,
               (unsigned long long)c->refused);
    page_field(p, "Failed", "%s", errors);
    page_field(p, "Refused", "%s", refusals);
    if (s->first_byte > 0)
        page_field(p, "Answers", "the device's first byte after %s, on average", first);
    format_wait(s->round_trip, first);
    if (s->round_trip > 0)
        page_field(p, "Trip", "%s to the device and back, end to end", first);
}

static void draw_bytes(struct page *p, const struct snapshot_service *s)
{
    char a[FORMAT_SIZE], b[FORMAT_SIZE];
    page_directions(p);
    format_bytes_long(s->counts.bytes_down, a);
    format_bytes_long(s->counts.bytes_up, b);
    page_pair(p, "Bytes", a, b, true);
    format_rate_long(s->counts.rate_down, p->v->ui->units, a);
    format_rate_long(s->counts.rate_up, p->v->ui->units, b);
    page_pair(p, "Rate now", a, b, true);
}

static bool is_tcp(const char *listen)
{
    return listen[0] != '\0' && strchr(listen, '/') == NULL && strrchr(listen, ':') != NULL;
}

/* Whether text may be pasted into a shell, because a shell takes it literally. */
static bool pastes(const char *text)
{
    for (; *text != '\0'; text++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:/[]",
                   *text) == NULL)
            return false;
    return true;
}

static void draw_commands(struct page *p, const struct snapshot_service *s)
{
    const struct snapshot *all = p->v->s;
    const char *listen = all->n_listen > 0 ? all->listen[0] : "";
    if (p->v->role != COLUMN_SOURCE || s->host[0] == '\0' || !pastes(s->host) || !pastes(listen))
        return;
    if (is_tcp(listen)) {
        page_field(p, "ssh", "ssh -o ProxyCommand='nc -X 5 -x %s %%h %%p' %s", listen, s->host);
        page_field(p, "curl", "curl --socks5-hostname %s http://%s/", listen, s->host);
    } else if (listen[0] != '\0') {
        page_field(p, "ssh", "ssh -o ProxyCommand='tunnel-gateway connect %%h %%p --gateway %s' %s",
                   listen, s->host);
        page_field(p, "other", "tunnel-gateway connect %s 80 --gateway %s", s->host, listen);
    }
}

static bool is_its(const struct snapshot_stream *stream, const void *owner)
{
    const struct snapshot_service *s = owner;
    return strcmp(stream->service, s->id) == 0 && strcmp(stream->tunnel, s->tunnel) == 0;
}

/* The streams of this service, in their order. */
static void draw_its_streams(struct page *p, const struct snapshot_service *s)
{
    const struct model_wanted *w = &p->v->m->answered;
    int rows = p->v->g->rows - 1 - p->row - 1;
    if (rows <= 0 ||
        (p->v->s->streams_page.known && (!w->one_group || strcmp(w->group, s->id) != 0)))
        return; /* the page is one of another screen */
    struct order its = order_streams_that(p->v->ui, p->v->m, is_its, s);
    draw_its_table(p->v, p->row, p->row + 1, rows, &its, -1);
    order_free(&its);
}

void draw_service(struct canvas *v)
{
    const struct snapshot_service *s = service_find(v->m, v->ui->service);
    char title[400];
    if (s == NULL) {
        page_begin(v, ROWS, "Service", "gone", ROLE_BAD);
        return;
    }
    snprintf(title, sizeof title, "Service %.128s%s%.200s", s->id,
             s->tunnel[0] != '\0' ? " on " : "", s->tunnel);
    struct page p = page_begin(v, ROWS, title, s->state, role_of_state(s->state));
    page_field(&p, "Host name", "%s", s->host);
    page_field(&p, "Target", "%s", s->target);
    draw_counts(&p, s);
    page_gap(&p);
    draw_bytes(&p, s);
    page_gap(&p);
    draw_commands(&p, s);
    page_gap(&p);
    draw_its_streams(&p, s);
}
