#include "tui/state/log_lines.h"
#include "tui/view/view_page.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 22 };

static const struct snapshot_service *find(const struct canvas *v)
{
    char name[sizeof v->ui->service];
    for (size_t i = 0; i < v->s->n_services; i++) {
        service_name(&v->s->services[i], name, sizeof name);
        if (strcmp(name, v->ui->service) == 0)
            return &v->s->services[i];
    }
    return NULL;
}

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

/* The streams of this service, in their order. */
static struct order streams_of(struct canvas *v, const struct snapshot_service *s)
{
    struct order o = v->streams; /* reuses the order, which is not drawn otherwise here */
    o.n = 0;
    for (size_t i = 0; i < v->streams.n; i++) {
        const struct snapshot_stream *stream = &v->s->streams[v->streams.at[i]];
        if (strcmp(stream->service, s->id) == 0 && strcmp(stream->tunnel, s->tunnel) == 0)
            o.at[o.n++] = v->streams.at[i];
    }
    return o;
}

static void draw_its_streams(struct page *p, const struct snapshot_service *s)
{
    struct order its = streams_of(p->v, s);
    int rows = p->v->g->rows - 1 - p->row - 1;
    if (rows > 0)
        draw_stream_table(p->v, p->row, p->row + 1, rows, &its, 0, false);
}

void draw_service(struct canvas *v)
{
    const struct snapshot_service *s = find(v);
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
