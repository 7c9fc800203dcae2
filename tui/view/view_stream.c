#include "tui/state/log_lines.h"
#include "tui/view/view_page.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 21 }; /* rows of the page with empty ones, without target and end */

/* ---- identity ---- */

static const char *const titles[] = {"Stream", "Stream", "Tunnel"};

static const char *state_text(const struct canvas *v, const struct snapshot_stream *s,
                              enum role *role)
{
    static const struct {
        const char *text, *hub; /* hub NULL: the same there */
        enum role role;
    } states[] = {[SNAPSHOT_CONNECTING] = {"asking the device", NULL, ROLE_BUSY},
                  [SNAPSHOT_OPEN] = {"open", NULL, ROLE_OK},
                  [SNAPSHOT_HALF] = {"one side done", "one end connected", ROLE_BUSY},
                  [SNAPSHOT_DRAINING] = {"draining", "ends are sent away", ROLE_BUSY},
                  [SNAPSHOT_CLOSED] = {"closed", NULL, ROLE_BAD},
                  [SNAPSHOT_STATE_OTHER] = {"", NULL, ROLE_TEXT}};
    unsigned at = s->state <= SNAPSHOT_STATE_OTHER ? s->state : SNAPSHOT_STATE_OTHER;
    *role = states[at].role;
    return v->role == COLUMN_HUB && states[at].hub != NULL ? states[at].hub : states[at].text;
}

static const char *via_text(const char *via)
{
    static const char *const names[][2] = {{"socks5", "SOCKS5"},
                                           {"socks4", "SOCKS4"},
                                           {"connect", "HTTP CONNECT"},
                                           {"http", "a forwarded HTTP request"},
                                           {"port", "a listening port"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(via, names[i][0]) == 0)
            return names[i][1];
    return via;
}

static void client_text(const struct snapshot_stream *s, char *out, size_t size)
{
    int n = snprintf(out, size, "%.300s", s->client);
    if (s->pid > 0 && n > 0)
        snprintf(out + n, size - (size_t)n, "  pid %lld %.80s (uid %lld)", (long long)s->pid,
                 s->process, (long long)s->uid);
}

static void draw_who(struct page *p, const struct snapshot_stream *s)
{
    static const char *const client_names[] = {"Client", "Client", "Source"};
    static const char *const target_names[] = {"Target", "Target", "Other end"};
    bool hub = p->v->role == COLUMN_HUB;
    char client[512], opened[FORMAT_SIZE], first[FORMAT_SIZE], stream[48] = "";
    client_text(s, client, sizeof client);
    if (s->stream_id != 0) /* native connections have no stream id */
        snprintf(stream, sizeof stream, "   stream id %lld", (long long)s->stream_id);
    page_field(p, client_names[p->v->role], "%s", client);
    page_field(p, hub ? "Tunnel id" : "Asked", "%s%s%s", s->asked, s->via[0] != '\0' ? " by " : "",
               via_text(s->via));
    page_field(p, target_names[p->v->role], "%s", s->target);
    if (hub)
        page_field(p, "Thing", "%s", s->service);
    else if (s->service[0] != '\0')
        page_field(p, "Service", "%s%s%s%s   connection id %llu", s->service,
                   s->tunnel[0] != '\0' ? "   device " : "", s->tunnel, stream,
                   (unsigned long long)s->connection_id);
    format_clock(s->opened, p->v->c->utc_offset, false, opened);
    format_wait(s->first_byte, first);
    page_field(p, "Opened", "%s%s%s", opened,
               s->first_byte > 0 ? "   first byte from the device after " : "",
               s->first_byte > 0 ? first : "");
    if (s->resumed > 0)
        page_field(p, "Resumed", "%llu time%s: the connection to the hub was lost and came back",
                   (unsigned long long)s->resumed, s->resumed == 1 ? "" : "s");
    if (s->state == SNAPSHOT_CLOSED)
        page_field(p, "Closed", "%s", reason_text(s->reason));
}

/* ---- bytes ---- */

static void pair_rates(struct page *p, const char *name, double down, double up)
{
    char a[FORMAT_SIZE], b[FORMAT_SIZE];
    format_rate_long(down, p->v->ui->units, a);
    format_rate_long(up, p->v->ui->units, b);
    page_pair(p, name, a, b, true);
}

static void queued_text(uint64_t queued, uint64_t limit, char out[2 * FORMAT_SIZE])
{
    char now[FORMAT_SIZE], most[FORMAT_SIZE];
    format_bytes_long(queued, now);
    format_bytes_long(limit, most);
    snprintf(out, 2 * FORMAT_SIZE, limit > 0 ? "%.20s of %.20s" : "%.20s", now, most);
}

static void paused_text(uint64_t times, double seconds, char out[2 * FORMAT_SIZE])
{
    char time[FORMAT_SIZE];
    format_wait(seconds, time);
    snprintf(out, 2 * FORMAT_SIZE, times > 0 ? "%llu time%s, %.20s" : "never",
             (unsigned long long)times, times == 1 ? "" : "s", time);
}

/* Writes "256 KiB, by the reader": the window, and what limits it now. */
static void window_text(uint64_t window, const char *bound, char out[2 * FORMAT_SIZE])
{
    static const struct {
        const char *name, *text;
    } bounds[] = {{"path", ", by the path"},
                  {"window", ", used up"},
                  {"budget", ", by memory"},
                  {"reader", ", by the reader"}};
    char size[FORMAT_SIZE];
    const char *text = "";
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (strcmp(bounds[i].name, bound) == 0)
            text = bounds[i].text;
    format_bytes_long(window, size);
    snprintf(out, 2 * FORMAT_SIZE, "%.14s%s", size, text);
}

static void draw_how_much(struct page *p, const struct snapshot_stream *s)
{
    char a[2 * FORMAT_SIZE], b[2 * FORMAT_SIZE];
    page_directions(p);
    format_bytes_long(s->bytes_down, a);
    format_bytes_long(s->bytes_up, b);
    page_pair(p, "Bytes", a, b, true);
    pair_rates(p, "Rate now", s->rate_down, s->rate_up);
    pair_rates(p, "Peak 1 s", s->peak_down, s->peak_up);
    if (p->v->role == COLUMN_HUB)
        return; /* a hub does not look into messages, and holds none */
    if (s->state == SNAPSHOT_CLOSED && s->frames_down + s->frames_up == 0)
        return; /* of those that ended a while ago the rest is not kept */
    format_thousands(s->frames_down, a);
    format_thousands(s->frames_up, b);
    page_pair(p, "Frames", a, b, false);
    queued_text(s->queued_down, s->queue_limit, a);
    queued_text(s->queued_up, s->queue_limit, b);
    page_pair(p, "Queued now", a, b, false);
    paused_text(s->pauses_down, s->paused_down, a);
    paused_text(s->pauses_up, s->paused_up, b);
    page_pair(p, "Waited", a, b, false);
    if (s->window_down + s->window_up > 0) {
        window_text(s->window_down, s->bound_down, a);
        window_text(s->window_up, s->bound_up, b);
        page_pair(p, "Window", a, b, false);
    }
    page_pair(p, "Finished", s->ended_down ? "yes" : "no", s->ended_up ? "yes" : "no", false);
}

static void draw_history(struct page *p, const struct snapshot_stream *s)
{
    const struct snapshot_samples *h = &s->history;
    struct canvas *v = p->v;
    int height = v->g->rows >= LAYOUT_TALL ? 2 : 1;
    if (h->n == 0 || p->row + 2 * height > v->g->rows - 1)
        return;
    struct series series = {"Down", ROLE_DOWN, h->down, h->n, h->last, 1, 60, s->rate_down, -1};
    draw_series(v, p->row, height, &series);
    p->row += height;
    series = (struct series){"Up", ROLE_UP, h->up, h->n, h->last, 1, 60, s->rate_up, -1};
    draw_series(v, p->row, height, &series);
    p->row += height;
}

/* ---- times ---- */

static void draw_times(struct page *p, const struct snapshot_stream *s)
{
    static const char *const began[] = {"accepted", "asked for", "one end connected"};
    static const char *const answered[] = {"client told", "service connected",
                                           "both ends connected"};
    const struct {
        const char *what;
        double at; /* seconds after the opening */
        bool came;
    } times[] = {{began[p->v->role], 0, true},
                 {"request complete", s->requested, s->requested > 0},
                 {"device asked", s->started, s->started > 0},
                 {answered[p->v->role], s->answered, s->answered > 0},
                 {"first byte from device", s->started + s->first_byte, s->first_byte > 0}};
    int width = 38, across = (p->v->g->columns - 1) / width, n = 0;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char clock[FORMAT_SIZE];
        int row = p->row + n / (across > 0 ? across : 1);
        int column = 1 + width * (n % (across > 0 ? across : 1));
        if (!times[i].came || row >= p->v->g->rows - 1)
            continue;
        format_clock(s->opened + times[i].at, p->v->c->utc_offset, true, clock);
        grid_print(p->v->g, row, column, width - 1, ROLE_TEXT, "%s %s", clock, times[i].what);
        n++;
    }
}

/* Draws a stream that is no longer listed, whose end the log may still have. */
static void draw_gone(struct canvas *v)
{
    char title[64];
    snprintf(title, sizeof title, "%s %llu", titles[v->role], (unsigned long long)v->ui->stream);
    struct page p = page_begin(v, ROWS, title, "closed", ROLE_BAD);
    page_field(&p, "", "It is closed, and listed no more.");
    page_gap(&p);
    for (size_t i = 0; i < v->m->n_events && p.row < v->g->rows - 1; i++)
        if (v->m->events[i].e.number > 0 && v->m->events[i].e.stream == v->ui->stream)
            draw_event(v, p.row++, &v->m->events[i].e);
}

/* ", idle 5m02" */
static const char *idle_text(const struct snapshot_stream *s, char out[FORMAT_SIZE + 8])
{
    char time[FORMAT_SIZE];
    format_age(s->idle, time);
    snprintf(out, FORMAT_SIZE + 8, ", idle %.20s", time);
    return s->idle >= 1 && s->state != SNAPSHOT_CLOSED ? out : "";
}

void draw_stream(struct canvas *v)
{
    char title[512], state[96], age[FORMAT_SIZE], idle[FORMAT_SIZE + 8];
    enum role role;
    const struct snapshot_stream *s = model_stream(v->m, v->ui->stream);
    if (s == NULL) {
        draw_gone(v);
        return;
    }
    const char *name = s->service[0] != '\0' ? s->service : s->asked;
    format_age(s->age, age);
    snprintf(title, sizeof title, "%s %llu   %.200s%s%.200s", titles[v->role],
             (unsigned long long)s->id, name, s->tunnel[0] != '\0' ? " on " : "", s->tunnel);
    snprintf(state, sizeof state, "%s %s%s", state_text(v, s, &role), age, idle_text(s, idle));
    int rows = ROWS + (s->target[0] != '\0') + (s->state == SNAPSHOT_CLOSED) + (s->resumed > 0) +
               (s->window_down + s->window_up > 0);
    struct page p = page_begin(v, rows, title, state, role);
    draw_who(&p, s);
    page_gap(&p);
    draw_how_much(&p, s);
    page_gap(&p);
    draw_history(&p, s);
    page_gap(&p);
    draw_times(&p, s);
}
