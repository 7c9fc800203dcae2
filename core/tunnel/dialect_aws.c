#include "core/tunnel/dialect_aws.h"

#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/conn_io.h"
#include "core/tunnel/idle.h"

#include <limits.h>
#include <stdio.h>

#define MAX_OWED 65536    /* connections that only wait for their reset to leave */
#define LOOK_AGAIN_MS 500 /* whether a client that has finished sending is still there */

/* ---- connections of the source ---- */

static uint32_t next_connection(const struct conn_host *h, struct service *service)
{
    do
        service->last_connection++;
    while (service->last_connection == 0 ||
           conn_find(h, service, service->last_connection) != NULL);
    return service->last_connection;
}

static int open_stream(struct aws *a, struct service *service)
{
    int version = a->dialect.host->version;
    if (version >= 3 && service->stream != 0)
        return FRAME_CONNECTION_START;
    a->last_stream = a->last_stream < INT_MAX ? a->last_stream + 1 : 1;
    service->stream = a->last_stream;
    service->nameless = version == 1;
    service->numbered = version >= 3;
    return FRAME_STREAM_START;
}

static struct conn *open_conn(struct dialect *d, struct service *service)
{
    struct conn_host *h = d->host;
    int type = open_stream((struct aws *)d, service);
    struct conn *c = conn_create(d, service, h->version >= 3 ? next_connection(h, service) : 0);
    if (c != NULL)
        c->start_type = type;
    return c;
}

/* c ends before its start has left. When that was to open the service's stream, the next start in
 * line has to, or the stream was never there. */
static void start_unsent(struct conn *c, enum err why, bool tell)
{
    struct service *service = c->service;
    (void)why, (void)tell;
    if (c->start_type != FRAME_STREAM_START || c->stream != service->stream)
        return;
    list_each(node, &c->host->scheduler.control)
    {
        struct conn *next = list_entry(node, struct conn, turn.control);
        if (next == c || next->service != service || next->dialect != c->dialect ||
            next->start_type != FRAME_CONNECTION_START)
            continue;
        next->start_type = FRAME_STREAM_START;
        return;
    }
    service->stream = 0;
}

/* ---- one connection ---- */

static void fill(const struct conn *c, struct frame *f)
{
    if (!c->nameless)
        f->service = span_of(c->id);
}

static size_t read_early(struct conn *c, uint8_t *p, size_t n)
{
    n = c->kept.size < n ? c->kept.size : n;
    queue_copy(&c->kept, 0, p, n);
    queue_take(&c->kept, &c->host->out, n);
    c->window.acked += n; /* it is not sent again */
    conn_count(c, true, n);
    conn_count_frame(c, true);
    if (c->local == NULL && c->kept.size == 0)
        list_remove(&c->turn.ring);
    return n;
}

static size_t read_conn(struct conn *c, const uint8_t **from)
{
    uint8_t *p = host_payload(c->host);
    size_t n = c->dialect->quantum;
    *from = p;
    if (c->kept.size > 0)
        return read_early(c, p, n);
    long got = conn_pull(c, p, n);
    if (got <= 0)
        return 0;
    conn_count_frame(c, true);
    return (size_t)got;
}

/* The service has finished, and with it the connection. Or the client has, which V1 to V3 cannot
 * say to the far end. It may still wait for
 * an answer, until `linger_ms` of silence; when it is gone altogether nobody waits. A process that
 * is just closing may look alive for a moment, so the look is repeated. */
static void linger(struct conn *c)
{
    const struct conn_host *h = c->host;
    uint64_t silence = host_now(h) - c->heard_at;
    if (h->role == SESSION_DESTINATION) {
        conn_finish(c, ERR_SERVICE_CLOSED, true, CONN_FLUSH);
    } else if (stream_peer_gone(c->local)) {
        conn_finish(c, ERR_CLIENT_CLOSED, true, CONN_NOW);
    } else if (silence >= h->linger_ms) {
        conn_finish(c, ERR_LINGERED, true, CONN_FLUSH);
    } else {
        uint64_t left = h->linger_ms - silence;
        conn_start_timer(c, left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS);
    }
}

/* Every end is said by a reset, so theirs counts as one where nothing else is known; but when the
 * service ended first, its client's end can come no more. */
static bool ended_well(const struct conn *c)
{
    enum err why = c->stats.why;
    if (c->host->role == SESSION_SOURCE)
        return err_is_end(why) || why == ERR_PEER_RESET;
    return err_is_end(why) && why != ERR_SERVICE_CLOSED;
}

static void nothing(struct conn *c)
{
    (void)c;
}

static void look_at_nothing(const struct conn *c, struct conn_info *out)
{
    (void)c, (void)out;
}

static const struct dialect_ops ops = {
    .conn_size = sizeof(struct conn),
    .lingers = true,
    .leave_resets = true,
    .open = open_conn,
    .attached = nothing,
    .read = read_conn,
    .fill = fill,
    .delivered = nothing,
    .local_ended = linger,
    .ending = start_unsent,
    .retire = nothing,
    .ended_well = ended_well,
    .look = look_at_nothing,
};

void aws_init(struct aws *a, struct conn_host *h, int32_t last_stream)
{
    size_t quantum = h->role == SESSION_SOURCE ? SESSION_QUANTUM : SESSION_QUANTUM_FOREIGN;
    *a = (struct aws){
        .dialect = {.ops = &ops, .host = h, .open = true, .quantum = quantum},
        .last_stream = last_stream,
    };
}

/* ---- ends ---- */

/* To the client of one that has not been attached yet it is a refusal. */
static enum err meaning_of_loss(const struct conn *c, enum err why)
{
    return why == ERR_PEER_LOST && c->local == NULL ? ERR_PEER_RESET : why;
}

/* Ends every live connection of a service's stream, which is closed then; not those that owners
 * open when they hear of it. */
static void end_stream(struct aws *a, struct service *service, enum err why)
{
    struct list ending;
    list_init(&ending);
    service->stream = 0;
    list_each(node, &service->conns) if (list_entry(node, struct conn, all)->dialect == &a->dialect)
        list_append(&ending, node);
    while (!list_empty(&ending)) {
        struct conn *c = list_entry(ending.next, struct conn, all);
        conn_finish(c, meaning_of_loss(c, why), false, CONN_FLUSH);
    }
}

static void end_all_streams(struct aws *a, enum err why)
{
    const struct service_list *all = &a->dialect.host->services;
    for (size_t i = 0; i < all->n; i++)
        end_stream(a, &all->all[i], why);
}

/* What is owed cannot be sent any more. */
void aws_lost(struct aws *a, enum err why)
{
    list_each(node, &a->dialect.host->scheduler.control)
    {
        struct conn *c = list_entry(node, struct conn, turn.control);
        if (c->dialect != &a->dialect)
            continue;
        list_remove(&c->turn.control);
        c->start_type = 0;
        c->owed = 0;
        conn_free_if_done(c);
    }
    end_all_streams(a, why);
}

/* ---- refusals ---- */

/* In the words of its start: the service may be one that we do not have. */
static void name_refused(struct conn *c, const struct frame *f)
{
    c->stream = f->stream;
    c->connection = f->connection;
    c->nameless = f->service.n == 0;
    if (!c->nameless)
        snprintf(c->id, sizeof c->id, "%.*s", (int)f->service.n, f->service.p);
}

/* Without memory to owe it: at once, or not at all. */
static void refuse_now(struct aws *a, const struct frame *f)
{
    struct conn c = {.host = a->dialect.host, .dialect = &a->dialect};
    name_refused(&c, f);
    if (host_ready(c.host))
        conn_send(&c, f->connection != 0 ? FRAME_CONNECTION_RESET : FRAME_STREAM_RESET, NULL, 0);
}

/* A connection that exists only to owe the far end a reset. */
static void refuse(struct aws *a, struct service *service, const struct frame *f, enum err why)
{
    struct conn_host *h = a->dialect.host;
    char id[80];
    if (f->service.n > FRAME_SERVICE_MAX)
        return;
    if (h->n_leaving > MAX_OWED) {
        h->broken(h, ERR_LIMIT, "too many connections were refused at once");
        return;
    }
    struct conn *c = conn_create(&a->dialect, service, f->connection);
    if (c == NULL) {
        refuse_now(a, f);
        return;
    }
    name_refused(c, f);
    log_debug("%s%s for service \"%s\" refused: %s", h->title, frame_type_name(f->type),
              str_escape(span_of(c->id), id, sizeof id), err_text(why));
    conn_finish(c, why, true, CONN_NOW);
}

/* ---- what comes ---- */

static void begin(struct aws *a, struct service *service, const struct frame *f)
{
    struct conn_host *h = a->dialect.host;
    bool fresh = service->stream != f->stream;
    if (fresh || f->connection == 0) {
        if (service->stream != 0)
            end_stream(a, service, ERR_STREAM_REPLACED);
        service->stream = f->stream;
        service->orphan = 0;
        service->nameless = f->service.n == 0;
        service->numbered = f->connection != 0;
    }
    struct conn *there = conn_find(h, service, f->connection);
    if (there != NULL) {
        conn_finish(there, ERR_PROTOCOL, true, CONN_NOW);
        return;
    }
    if (service->live >= h->max_connections) {
        refuse(a, service, f, ERR_LIMIT);
        return;
    }
    struct conn *c = conn_create(&a->dialect, service, f->connection);
    if (c == NULL)
        refuse(a, service, f, ERR_NO_MEMORY);
    else if (!conn_register(c))
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
    else
        h->events->incoming(h->owner, c);
}

static void on_start(struct aws *a, struct service *service, const struct frame *f)
{
    struct conn_host *h = a->dialect.host;
    if (h->role == SESSION_SOURCE) {
        h->broken(h, ERR_PROTOCOL, "the destination tried to open a connection");
    } else if (f->stream == 0) {
        h->broken(h, ERR_PROTOCOL, "a start without stream id");
    } else if (service == NULL) {
        char id[80];
        log_warning("%sa stream for service \"%s\", which this tunnel does not have", h->title,
                    str_escape(f->service, id, sizeof id));
        refuse(a, &h->services.all[0], f, ERR_NO_SERVICE);
    } else {
        begin(a, service, f);
    }
}

/* A reset is the protocol's only word for every end. For one connection it is the ordinary one, but
 * for a service that has said nothing yet: that one was refused, most likely. Where the idle time
 * is as good as over it is that: else a part would pass for the whole. */
static enum err meaning_of_reset(struct conn *c)
{
    if (idle_explains_reset(c))
        return ERR_IDLE;
    if (c->host->role == SESSION_DESTINATION)
        return ERR_CLIENT_CLOSED;
    return c->stats.down > 0 ? ERR_SERVICE_CLOSED : ERR_PEER_RESET;
}

static void on_reset(struct aws *a, struct service *service, const struct frame *f)
{
    struct conn_host *h = a->dialect.host;
    if (f->stream != service->stream)
        return; /* late: that stream is gone already */
    if (f->type == FRAME_STREAM_RESET && (service->numbered || f->stream == service->orphan)) {
        end_stream(a, service, host_absence(h));
        return;
    }
    struct conn *c = conn_find(h, service, f->connection);
    if (f->type == FRAME_STREAM_RESET)
        service->stream = 0;
    if (c != NULL)
        conn_finish(c, meaning_of_reset(c), false, CONN_FLUSH);
}

static bool on_data(struct aws *a, struct service *service, const struct frame *f)
{
    if (f->stream != service->stream || f->payload_size == 0)
        return true; /* stale */
    uint32_t connection = f->connection == 0 && service->numbered ? 1 : f->connection;
    struct conn *c = conn_find(a->dialect.host, service, connection);
    return c == NULL || conn_deliver(c, f->payload, f->payload_size);
}

bool aws_frame(struct aws *a, const struct frame *f)
{
    struct conn_host *h = a->dialect.host;
    if (!h->open)
        return true; /* nothing can have been opened before SERVICE_IDS */
    if (f->type == FRAME_SESSION_RESET) {
        end_all_streams(a, ERR_PEER_LOST);
        return true;
    }
    struct service *service = service_list_find(&h->services, h->version, f->service, f->stream);
    if (f->type == FRAME_STREAM_START || f->type == FRAME_CONNECTION_START)
        on_start(a, service, f);
    else if (service != NULL && f->type == FRAME_DATA)
        return on_data(a, service, f);
    else if (service != NULL)
        on_reset(a, service, f);
    return true;
}
