#include "core/control/control.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/control/admin_server.h"
#include "core/control/control_path_internal.h"
#include "core/control/event_stream_internal.h"
#include "core/control/monitor_internal.h"
#include "core/control/query.h"
#include "core/control/report.h"
#include "core/net/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define PEER_AGE_MS 200 /* milliseconds; shorter streams are not worth a walk through /proc */
#define JSON_TYPE "application/json"
#define KEEP_MS 10000 /* milliseconds for which a snapshot's memory is kept for the next one */

static const struct option table[] = {
    {.name = "control",
     .argument = "PATH",
     .help = "The unix socket for tunnel-tui, /v1/snapshot and /metrics, or \"off\". Default: "
             "admin.sock in $XDG_RUNTIME_DIR/PROGRAM or /run/PROGRAM.",
     .flags = OPTION_EXACT | OPTION_START},
    {.name = "control-readonly",
     .help = "Nothing can be closed through that socket.",
     .flags = OPTION_EXACT | OPTION_START},
};
const struct option_group control_options = OPTION_GROUP("Watching", table);

static const struct option ops_table[] = {CONTROL_OPS_OPTIONS("off")};
const struct option_group control_ops_options = OPTION_GROUP("Operations", ops_table);

struct control {
    struct control_setup setup;
    struct monitor *monitor;
    struct timer *tick;
    struct admin_server *server;  /* NULL: there is no socket */
    struct admin_server *ops;     /* NULL: there is no TCP address */
    struct event_streams *events; /* NULL: there is no socket */
    struct peer_search *search;
    uint64_t searched_ms;     /* when the last search began */
    uint64_t ids[PEER_BATCH]; /* of the streams whose peers are searched for */
    struct json_writer out;   /* the last snapshot */
    uint64_t asked_ms;        /* when it was requested */
};

/* ---- the clients' processes ---- */

static void on_found(void *owner, const struct peer *found, size_t n)
{
    struct control *c = owner;
    c->search = NULL;
    for (size_t i = 0; i < n; i++) {
        struct monitor_row *r = monitor_row_find(c->monitor, c->ids[i]);
        struct monitor_stream *s = r != NULL ? monitor_row_stream(r) : NULL;
        if (s == NULL)
            continue;
        s->peer = found[i];
        if (r->counters.state != MONITOR_STREAM_CLOSED)
            monitor_group_who(r);
    }
}

/* Searches only while a client reads snapshots, and at most once a tick. */
static void search_peers(struct control *c)
{
    struct peer peers[PEER_BATCH];
    uint64_t now = monitor_now(c->monitor);
    size_t n = 0;
    if (c->setup.search == NULL || c->search != NULL || now - c->searched_ms < TICK_MS)
        return;
    list_each(node, &c->monitor->rows)
    {
        const struct monitor_row *r = list_entry(node, struct monitor_row, node);
        const struct monitor_stream *s = monitor_row_stream(r);
        if (s == NULL || n == PEER_BATCH || s->peer.state != PEER_LOCAL ||
            now - r->accepted_ms < PEER_AGE_MS)
            continue;
        c->ids[n] = r->id;
        peers[n++] = s->peer;
    }
    if (n == 0)
        return;
    c->searched_ms = now;
    c->search = c->setup.search(c->setup.loop, peers, n, on_found, c);
}

/* ---- pages ---- */

/* A snapshot a second of a thousand streams is half a megabyte, so its memory is kept while a
 * client asks for them. */
static void snapshot(void *owner, struct admin_request *client, struct span rest, struct span query)
{
    struct control *c = owner;
    struct json_writer *w = &c->out;
    struct query_texts texts;
    struct snapshot_query wanted;
    query_snapshot(query, &wanted, &texts);
    wanted.readonly = c->setup.readonly;
    (void)rest;
    search_peers(c);
    buf_take(&w->bytes, w->bytes.size);
    w->more = w->failed = false;
    c->asked_ms = monitor_now(c->monitor);
    report_snapshot(c->monitor, &wanted, w);
    if (w->failed || !buf_append(&w->bytes, "\n", 1))
        admin_answer_text(client, 503, "The snapshot is too large, or memory is short.\n");
    else
        admin_answer(client, 200, JSON_TYPE,
                     (struct span){(const char *)w->bytes.data, w->bytes.size});
}

static void events(void *owner, struct admin_request *client, struct span rest, struct span query)
{
    struct control *c = owner;
    (void)rest, (void)query;
    event_streams_join(c->events, admin_take_stream(client));
}

static void close_stream(void *owner, struct admin_request *client, struct span rest,
                         struct span query)
{
    struct control *c = owner;
    uint64_t id;
    (void)query;
    if (c->setup.readonly) {
        admin_answer_text(client, 403, "This endpoint is read-only (--control-readonly).\n");
        return;
    }
    struct monitor_row *r =
        str_number(rest, INT64_MAX, &id) ? monitor_row_find(c->monitor, id) : NULL;
    struct monitor_stream *s = r != NULL ? monitor_row_stream(r) : NULL;
    if (r == NULL || r->counters.state == MONITOR_STREAM_CLOSED) {
        admin_answer_text(client, 404, "There is no such stream; /v1/snapshot lists them.\n");
    } else if (s == NULL) {
        admin_answer_text(client, 403, "A hub closes whole tunnels only: tunnelctl close.\n");
    } else if (s->close == NULL) {
        admin_answer_text(client, 403, "This program cannot close single streams.\n");
    } else {
        s->close(s->ctx); /* s is closed now */
        admin_answer(client, 204, NULL, (struct span){NULL, 0});
    }
}

static void accept_or_not(void *owner, struct admin_request *client, struct span rest,
                          struct span query)
{
    struct control *c = owner;
    bool never = span_is(rest, "never");
    (void)query;
    if (c->setup.readonly)
        admin_answer_text(client, 403, "This endpoint is read-only (--control-readonly).\n");
    else if (!never && !span_is(rest, "always"))
        admin_answer_text(client, 404, "There is /v1/accept/always and /v1/accept/never.\n");
    else if (c->setup.accept == NULL || !c->setup.accept(c->setup.owner, never))
        admin_answer_text(client, 409, "This program does not stand by as a device.\n");
    else
        admin_answer(client, 204, NULL, (struct span){NULL, 0});
}

static const struct admin_page pages[] = {
    {"GET", "/v1/snapshot", snapshot},
    {"GET", "/v1/events", events},
    {"DELETE", "/v1/streams/", close_stream},
    {"POST", "/v1/accept/", accept_or_not},
};

/* ---- time ---- */

static uint64_t now(void *loop)
{
    return loop_now(loop);
}

static int64_t wall(void *loop)
{
    (void)loop;
    return clock_wall_ms();
}

static void on_tick(void *owner)
{
    struct control *c = owner;
    timer_start(c->tick, TICK_MS);
    monitor_tick(c->monitor);
    if (c->monitor->watched_ms != 0 && monitor_now(c->monitor) - c->monitor->watched_ms <= TICK_MS)
        search_peers(c);
    if (monitor_now(c->monitor) - c->asked_ms > KEEP_MS)
        buf_free(&c->out.bytes);
}

/* ---- on a unix socket ---- */

static const char *ready(void *owner)
{
    struct control *c = owner;
    return c->setup.unready != NULL ? c->setup.unready(c->setup.owner) : NULL;
}

static void metrics(void *owner, struct buf *out)
{
    struct control *c = owner;
    if (c->setup.metrics != NULL)
        c->setup.metrics(c->setup.owner, out);
    else
        report_metrics(c->monitor, out);
}

static enum err open_endpoint(struct control *c, const char *path, char *text, size_t size)
{
    const struct admin_server_options o = {.loop = c->setup.loop,
                                           .where = path,
                                           .unready = ready,
                                           .metrics = metrics,
                                           .pages = pages,
                                           .n_pages = sizeof pages / sizeof *pages,
                                           .owner = c};
    enum err why = control_folder(path, text, size);
    if (why != ERR_OK)
        return why;
    c->events = event_streams_new(c->setup.loop, c->monitor);
    if (c->events != NULL)
        c->server = admin_server_new(&o, &why);
    else
        why = ERR_NO_MEMORY;
    if (why == ERR_ADDRESS_IN_USE)
        snprintf(text, size, "%s is in use by another %s", path, c->setup.program);
    else
        snprintf(text, size, "cannot listen on %s: %s", path, listener_problem(path, why));
    return why;
}

/* Opens the socket at the path that was given, or at the default one if possible. */
static enum err open_somewhere(struct control *c, const char *asked, char *text, size_t size)
{
    char path[256], problem[400];
    if (asked != NULL && strcmp(asked, "off") == 0)
        return ERR_OK;
    if (asked == NULL && !control_path(c->setup.program, process_environment, path, sizeof path))
        return ERR_OK;
    enum err why = open_endpoint(c, asked != NULL ? asked : path, problem, sizeof problem);
    if (why == ERR_OK) {
        log_info("tunnel-tui can watch this at %s", control_where(c));
    } else if (asked == NULL) {
        log_warning("tunnel-tui cannot watch this: %s (--control names another place, or \"off\")",
                    problem);
        event_streams_free(c->events);
        c->events = NULL;
        why = ERR_OK;
    } else {
        snprintf(text, size, "--control: %s", problem);
    }
    return why;
}

/* ---- on a TCP address ---- */

static const char *ops_name(void *owner, size_t i)
{
    return options_each(((struct control *)owner)->setup.ops, "ops-host", i);
}

static enum err open_ops(struct control *c, char *text, size_t size)
{
    const char *where = c->setup.ops != NULL ? options_get(c->setup.ops, "ops-listen") : "off";
    const struct admin_server_options o = {.loop = c->setup.loop,
                                           .where = where,
                                           .unready = ready,
                                           .metrics = metrics,
                                           .pages = c->setup.ops_pages,
                                           .n_pages = c->setup.n_ops_pages,
                                           .name = ops_name,
                                           .owner = c};
    enum err why = ERR_OK;
    if (strcmp(where, "off") == 0)
        return ERR_OK;
    c->ops = admin_server_new(&o, &why);
    if (c->ops == NULL)
        snprintf(text, size, "--ops-listen: cannot listen on %s: %s", where,
                 listener_problem(where, why));
    else
        log_info("operations: listening on %s", admin_server_name(c->ops));
    return why;
}

/* ---- life ---- */

struct control *control_new(const struct control_setup *s, enum err *why, char *text, size_t size)
{
    struct control *c = calloc(1, sizeof *c);
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(*why));
    if (c == NULL)
        return NULL;
    c->setup = *s;
    c->out.bytes.limit = ADMIN_ANSWER_MAX - sizeof JSON_TYPE;
    c->tick = timer_new(s->loop, on_tick, c);
    c->monitor = monitor_new(&(struct monitor_options){.program = s->program,
                                                       .role = s->role,
                                                       .version = TUNNEL_VERSION,
                                                       .now = now,
                                                       .wall = wall,
                                                       .clock = s->loop});
    if (c->tick != NULL && c->monitor != NULL)
        *why = open_somewhere(c, s->path, text, size);
    if (*why == ERR_OK)
        *why = open_ops(c, text, size);
    if (*why != ERR_OK) {
        control_free(c);
        return NULL;
    }
    timer_start(c->tick, TICK_MS);
    return c;
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    peer_search_cancel(c->search);
    admin_server_free(c->server);
    admin_server_free(c->ops);
    event_streams_free(c->events);
    timer_free(c->tick);
    buf_free(&c->out.bytes);
    monitor_free(c->monitor);
    free(c);
}

struct monitor *control_monitor(struct control *c)
{
    return c != NULL ? c->monitor : NULL;
}

const struct options *control_ops(const struct control *c)
{
    return c->setup.ops;
}

const char *control_where(const struct control *c)
{
    return c->server != NULL ? admin_server_name(c->server) : NULL;
}
