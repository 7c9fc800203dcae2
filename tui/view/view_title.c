#include "tui/view/view_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Seconds before its end from which a tunnel is in the title, as the programs warn of it. */
#define TUNNEL_SOON_S 3600
#define CERTIFICATE_SOON_S (30 * 86400)

/* ---- the state ---- */

static const char *const worst_first[] = {"over", "down", "no-device", "connecting", "up"};
enum { STATES = sizeof worst_first / sizeof *worst_first };

enum role role_of_state(const char *state)
{
    return strcmp(state, "up") == 0 || strcmp(state, "ready") == 0 ? ROLE_OK
           : strcmp(state, "over") == 0 || strcmp(state, "offline") == 0 ||
                   strcmp(state, "no-device") == 0
               ? ROLE_BAD
               : ROLE_BUSY;
}

static int rank(const char *state)
{
    int i = 0;
    while (i < STATES && strcmp(state, worst_first[i]) != 0)
        i++;
    return i;
}

static const struct snapshot_tunnel *worst(const struct snapshot *s, size_t *as_bad)
{
    const struct snapshot_tunnel *found = NULL;
    *as_bad = 0;
    for (size_t i = 0; i < s->n_tunnels; i++) {
        if (found == NULL || rank(s->tunnels[i].state) < rank(found->state)) {
            found = &s->tunnels[i];
            *as_bad = 0;
        }
        *as_bad += rank(s->tunnels[i].state) == rank(found->state);
    }
    return found;
}

/* down: what a tunnel without hub is called. */
static void tunnel_text(const struct snapshot_tunnel *t, const char *which, const char *down,
                        char *out, size_t size)
{
    char since[FORMAT_SIZE], retry[FORMAT_SIZE];
    format_age(t->state_for, since);
    format_seconds(t->retry_in, retry);
    switch (rank(t->state)) {
    case 0:
        snprintf(out, size, "OVER%s %s", which, t->text[0] != '\0' ? t->text : t->reason);
        break;
    case 1:
        snprintf(out, size, "%s%s %s, retry %s", down, which, since, retry);
        break;
    case 2:
        snprintf(out, size, "NO DEVICE%s %s", which, since);
        break;
    case 3:
        snprintf(out, size, "CONNECTING%s %s", which, since);
        break;
    default:
        snprintf(out, size, "UP%s %s", which, since);
    }
}

static const char *program_word(const struct canvas *v)
{
    static const char *const words[] = {
        [COLUMN_SOURCE] = "GATEWAY", [COLUMN_DESTINATION] = "AGENT", [COLUMN_HUB] = "HUB"};
    return words[v->role];
}

/* Whether the hub is there and refuses the device that an agent stands by as. */
static bool is_refused(const struct canvas *v)
{
    const struct snapshot_standby *d = &v->s->device;
    return d->name != NULL && strcmp(d->state, "refused") == 0;
}

/* "UP 3d04h", "HUB DOWN 42s, retry 5 s", "GATEWAY LOST". */
static void draw_state_text(const struct canvas *v, char *out, size_t size, enum role *role)
{
    size_t as_bad;
    char which[48] = "", up[FORMAT_SIZE];
    const struct snapshot_tunnel *t = worst(v->s, &as_bad);
    *role = ROLE_BAD;
    if (v->m->link == MODEL_LOST) {
        snprintf(out, size, "%s LOST", program_word(v));
        return;
    }
    if (v->s->schema == 0) {
        snprintf(out, size, "NOT CONNECTED");
        return;
    }
    *role = t != NULL ? role_of_state(t->state) : ROLE_OK;
    if (v->s->n_tunnels > 1)
        snprintf(which, sizeof which, " %zu of %zu,", as_bad, v->s->n_tunnels);
    format_age(v->s->uptime, up);
    if (t != NULL)
        tunnel_text(t, which, is_refused(v) ? "REFUSED" : "HUB DOWN", out, size);
    else
        snprintf(out, size, "UP %s", up);
}

/* ---- the parts ---- */

enum { PARTS = 15, PART_TEXT = 400 };

struct parts {
    int n;
    struct part {
        int keep; /* the lowest are left out first */
        int most; /* greatest width in columns */
        enum role role;
        char text[PART_TEXT];
    } items[PARTS];
};

static void add(struct parts *p, int keep, int most, enum role role, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void add(struct parts *p, int keep, int most, enum role role, const char *format, ...)
{
    struct part *part = &p->items[p->n];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(part->text, sizeof part->text, format, arguments);
    va_end(arguments);
    part->keep = keep;
    part->most = most;
    part->role = role;
    p->n += part->text[0] != '\0' && p->n < PARTS - 1;
}

static int width_of(const struct part *part)
{
    int width = grid_width(span_of(part->text));
    return width < part->most ? width : part->most;
}

static int taken(const struct parts *p)
{
    int sum = p->n > 0 ? 3 * (p->n - 1) : 0; /* for " | " between parts */
    for (int i = 0; i < p->n; i++)
        sum += width_of(&p->items[i]);
    return sum;
}

static void drop_least(struct parts *p)
{
    int least = 0;
    for (int i = 1; i < p->n; i++)
        if (p->items[i].keep < p->items[least].keep)
            least = i;
    p->n--;
    memmove(&p->items[least], &p->items[least + 1], (size_t)(p->n - least) * sizeof *p->items);
}

/* The round trip to the other end of the only tunnel, in a native session. */
static double far_trip(const struct canvas *v)
{
    return v->s->n_tunnels == 1 ? v->s->tunnels[0].far_round_trip : 0;
}

static void add_far_trip(struct parts *p, const struct canvas *v)
{
    char now[FORMAT_SIZE];
    if (!(far_trip(v) > 0) || v->m->link == MODEL_LOST)
        return;
    format_wait(far_trip(v), now);
    add(p, 1, 20, ROLE_TITLE, "%s %s", v->role == COLUMN_SOURCE ? "device" : "gateway", now);
}

/* Adds "hub 23 ms"; on wide screens with the hub's address and the longest time. */
static void add_hub(struct parts *p, const struct canvas *v)
{
    char now[FORMAT_SIZE], most[FORMAT_SIZE];
    const struct snapshot_tunnel *t = v->s->n_tunnels > 0 ? &v->s->tunnels[0] : NULL;
    for (size_t i = 1; i < v->s->n_tunnels; i++)
        if (v->s->tunnels[i].round_trip > t->round_trip)
            t = &v->s->tunnels[i]; /* the slowest tunnel */
    if (t == NULL || !(t->round_trip > 0) || v->m->link == MODEL_LOST)
        return;
    format_wait(t->round_trip, now);
    format_wait(t->round_trip_max, most);
    if (v->g->columns >= (far_trip(v) > 0 ? 130 : 110))
        add(p, 6, 64, ROLE_TITLE, "hub %s %s (max %s)", t->hub, now, most);
    else
        add(p, 6, 20, ROLE_TITLE, "hub %s", now);
}

static void add_age(struct parts *p, const struct canvas *v)
{
    char age[FORMAT_SIZE];
    format_seconds(v->c->now - v->m->heard_at, age);
    if (v->m->link == MODEL_LOST && v->s->schema != 0)
        add(p, 8, 30, ROLE_TITLE, "data is %s old", age);
}

static void add_endpoint(struct parts *p, const struct canvas *v)
{
    const char *listen = v->s->n_listen > 0 ? v->s->listen[0] : "";
    const char *program = v->s->program != NULL ? v->s->program : "";
    const char *host = v->s->host != NULL ? v->s->host : "";
    char cut[64];
    struct span at = format_address(listen, 40, cut, sizeof cut);
    if (v->role == COLUMN_SOURCE)
        add(p, 3, 64, ROLE_TITLE, "%s%s%.*s", host, at.n > 0 ? " " : "", (int)at.n, at.p);
    else
        add(p, 3, 64, ROLE_TITLE, "%s on %s", program, host);
}

/* Adds the memory limit of all tunnels in which a connection waits for memory. */
static void add_memory(struct parts *p, const struct canvas *v)
{
    char most[FORMAT_SIZE];
    uint64_t limit = 0;
    for (size_t i = 0; i < v->s->n_tunnels; i++)
        if (v->s->tunnels[i].memory_short)
            limit += v->s->tunnels[i].memory_limit;
    if (limit == 0 || v->m->link == MODEL_LOST)
        return;
    format_bytes(limit, most);
    add(p, 9, 30, ROLE_BAD, "MEMORY FULL %s", most);
}

/* Adds the tunnel that expires first, if that is soon. */
static void add_ending(struct parts *p, const struct canvas *v)
{
    char left[FORMAT_SIZE], which[48] = "";
    const struct snapshot_tunnel *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < v->s->n_tunnels; i++) {
        const struct snapshot_tunnel *t = &v->s->tunnels[i];
        if (!(t->expires_in > 0) || t->expires_in > TUNNEL_SOON_S || strcmp(t->state, "over") == 0)
            continue;
        n++;
        if (first == NULL || t->expires_in < first->expires_in)
            first = t;
    }
    if (first == NULL || v->m->link == MODEL_LOST)
        return;
    if (v->s->n_tunnels > 1)
        snprintf(which, sizeof which, " %zu of %zu,", n, v->s->n_tunnels);
    format_left(first->expires_in, left);
    add(p, 9, 30, ROLE_BUSY, "ENDS%s IN %s", which, left);
}

static void add_certificate(struct parts *p, const struct canvas *v)
{
    char text[FORMAT_SIZE];
    double left = v->s->certificate_ends - v->s->time;
    if (!(v->s->certificate_ends > 0) || left > CERTIFICATE_SOON_S || v->m->link == MODEL_LOST)
        return;
    format_left(left, text);
    if (left > 0)
        add(p, 9, 30, ROLE_BUSY, "CERT ENDS IN %s", text);
    else
        add(p, 9, 30, ROLE_BAD, "CERT EXPIRED");
}

/* Where a hub keeps what it must not forget: that it fails, or that it works again. */
static void add_store(struct parts *p, const struct canvas *v)
{
    const struct snapshot_store *s = &v->s->store;
    char age[FORMAT_SIZE];
    if (s->name == NULL || v->m->link == MODEL_LOST)
        return;
    bool redis = strcmp(s->name, "redis") == 0;
    format_age(s->state_for, age);
    if (strcmp(s->state, "failing") == 0)
        add(p, 9, 30, ROLE_BAD, "%s %s", redis ? "REDIS AWAY" : "STORE FAILS", age);
    else
        add(p, 9, 30, ROLE_OK, "%s", redis ? "REDIS BACK" : "STORE WORKS");
}

/* What an agent stands by as. */
static void add_standby(struct parts *p, const struct canvas *v)
{
    const struct snapshot_standby *d = &v->s->device;
    if (d->name == NULL || v->m->link == MODEL_LOST)
        return;
    if (strcmp(d->state, "pending") == 0)
        add(p, 9, 30, ROLE_BUSY, "WAITS FOR APPROVAL");
    if (is_refused(v))
        add(p, 9, 50, ROLE_BAD, "%s", d->text);
    if (!d->accepting)
        add(p, 9, 30, ROLE_BUSY, "LETS IN NOBODY");
}

static void add_devices(struct parts *p, const struct canvas *v)
{
    if (v->s->device.name != NULL)
        add(p, 7, 40, ROLE_TITLE, "device %s", v->s->device.name);
    else if (v->s->devices.total > 0)
        add(p, 2, 32, ROLE_TITLE, "%llu of %llu devices %s",
            (unsigned long long)v->s->devices.present, (unsigned long long)v->s->devices.total,
            v->s->n_nodes > 0 ? "present" : "here");
    else if (v->s->n_tunnels == 1)
        add(p, 2, 32, ROLE_TITLE, "%s", v->s->tunnels[0].name);
    else if (v->s->n_tunnels > 1)
        add(p, 2, 32, ROLE_TITLE, "%zu devices", v->s->n_tunnels);
}

/* At a node of a cluster: which one, and how many of all are up. */
static void add_nodes(struct parts *p, const struct canvas *v)
{
    size_t up = 0;
    const char *self = "";
    for (size_t i = 0; i < v->s->n_nodes; i++) {
        const struct snapshot_node *n = &v->s->nodes[i];
        up += strcmp(n->state, "up") == 0;
        if (n->self)
            self = n->node;
    }
    if (v->s->n_nodes == 0)
        return;
    add(p, 5, 40, ROLE_TITLE, "node %s", self);
    add(p, up < v->s->n_nodes ? 9 : 3, 30, up < v->s->n_nodes ? ROLE_BAD : ROLE_TITLE,
        "%zu of %zu nodes up", up, v->s->n_nodes);
}

static void gather(struct parts *p, const struct canvas *v)
{
    char state[PART_TEXT];
    enum role role;
    add(p, 4, 12, ROLE_TITLE, "tunnel-tui");
    if (v->s->schema != 0)
        add_endpoint(p, v);
    draw_state_text(v, state, sizeof state, &role);
    add(p, 10, PART_TEXT, role, "%s", state);
    add_age(p, v);
    if (v->ui->filter.n > 0 && !v->list.grouped)
        add(p, 9, 30, ROLE_BUSY, "%zu of %zu", v->list.streams.total, streams_in_all(v));
    if (v->m->paused)
        add(p, 8, 10, ROLE_BUSY, "PAUSED");
    add_memory(p, v);
    add_ending(p, v);
    add_certificate(p, v);
    add_store(p, v);
    add_standby(p, v);
    add_hub(p, v);
    add_far_trip(p, v);
    add_devices(p, v);
    add_nodes(p, v);
}

void draw_title(struct canvas *v)
{
    struct parts p = {0};
    char clock[FORMAT_SIZE];
    int columns = v->g->columns, right = columns >= LAYOUT_COLUMNS ? 10 : 0;
    gather(&p, v);
    while (p.n > 1 && taken(&p) > columns - 2 - right)
        drop_least(&p);
    grid_fill(v->g, 0, 0, columns, ' ', ROLE_TITLE);
    int at = columns > 30;
    for (int i = 0; i < p.n; i++) {
        if (i > 0)
            grid_put(v->g, 0, at - 2, v->c->glyphs->vertical, ROLE_TITLE);
        int room = columns - right - at;
        int most = p.items[i].most < room ? p.items[i].most : room;
        at += grid_text(v->g, 0, at, most, span_of(p.items[i].text), p.items[i].role) + 3;
    }
    format_clock(v->c->time, v->c->utc_offset, false, clock);
    if (right > 0)
        grid_text_right(v->g, 0, columns - right, right - 1, span_of(clock), ROLE_TITLE);
}
