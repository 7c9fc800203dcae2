#include "core/tunnel/dialect_native.h"

#include "core/base/log.h"
#include "core/tunnel/conn_io.h"
#include "core/tunnel/native_flow.h"
#include "core/tunnel/progress.h"

#define MAX_OWED 65536 /* connections that only wait for their answer to leave */

/* What CONNECTION_OPENED says, by its number on the wire; CONNECTION_RESET says ERR_IDLE alone. */
static const enum err classes[] = {
    ERR_OK,        ERR_REFUSED, ERR_UNREACHABLE, ERR_TIMEOUT,      ERR_RESOLVE,    ERR_NO_SERVICE,
    ERR_FORBIDDEN, ERR_LIMIT,   ERR_IDLE,        ERR_NEEDS_TARGET, ERR_NO_TARGETS,
};
#define N_CLASSES (sizeof classes / sizeof *classes)
#define CLASS_OTHER 15 /* it failed, and none of these says how */

static uint32_t class_of(enum err why)
{
    for (uint32_t i = 0; i < N_CLASSES; i++)
        if (classes[i] == why)
            return i;
    return CLASS_OTHER;
}

static enum err error_of(uint32_t number)
{
    return number < N_CLASSES ? classes[number] : ERR_PEER_RESET;
}

/* ---- life ---- */

static struct conn *create(struct native *n, struct service *service, uint32_t id)
{
    struct conn *c = conn_create(&n->dialect, service, id);
    if (c == NULL)
        return NULL;
    list_init(&native_conn_of(c)->in_natives);
    list_init(&native_conn_of(c)->listing);
    list_init(&native_conn_of(c)->credit_delayed);
    c->key.service = NULL;
    c->stream = 0;
    flow_open(c);
    return c;
}

/* Its id is the session's alone, and never comes again. */
static struct conn *open_conn(struct dialect *d, struct service *service)
{
    struct native *n = (struct native *)d;
    struct conn *c = n->last_begun < UINT32_MAX ? create(n, service, n->last_begun + 1) : NULL;
    if (c == NULL)
        return NULL;
    n->last_begun++;
    list_append(&n->conns, &native_conn_of(c)->in_natives);
    c->start_type = FRAME_CONNECTION_START;
    return c;
}

static void attached(struct conn *c)
{
    if (c->host->role != SESSION_DESTINATION)
        return;
    conn_owe(c, CONN_OWES_OPENED);
}

static void retire(struct conn *c)
{
    list_remove(&native_conn_of(c)->in_natives);
    list_remove(&native_conn_of(c)->listing);
    flow_retire(c);
}

enum err native_end(const struct conn *c)
{
    bool client = ((const struct native_conn *)c)->we_ended == (c->host->role == SESSION_SOURCE);
    return client ? ERR_CLIENT_CLOSED : ERR_SERVICE_CLOSED;
}

static bool ended_well(const struct conn *c)
{
    return c->window.fin_received || c->stats.why == ERR_OK;
}

/* What its client had to say is complete and sent, but for the FIN. */
static bool said_all(const struct conn *c)
{
    return !c->window.fin_ever && window_all_sent(&c->window) && c->tap.whole != NULL &&
           c->tap.whole(c->tap.ctx);
}

static void ending(struct conn *c, enum err why, bool tell)
{
    c->owed &= ~(unsigned)(tell ? CONN_OWES_CREDIT | CONN_OWES_FIN : CONN_OWES_FIN);
    if (tell && why == ERR_OK && said_all(c))
        c->owed |= CONN_OWES_FIN;
}

static void fill(const struct conn *c, struct frame *f)
{
    const struct window *w = &c->window;
    switch (f->type) {
    case FRAME_CONNECTION_START:
        f->service = span_of(c->id);
        break;
    case FRAME_CONNECTION_OPENED:
        f->error = class_of(c->refusal);
        break;
    case FRAME_CONNECTION_RESET:
        f->error = c->stats.why == ERR_IDLE ? class_of(ERR_IDLE) : 0;
        break;
    case FRAME_CREDIT:
        f->received = w->acked_out;
        f->window = (uint32_t)(w->granted - w->acked_out);
        f->fin = w->shut;
        break;
    case FRAME_RESUME:
        f->epoch = native_of(c)->epoch;
        f->received = w->received;
        f->fin = w->fin_received;
        break;
    default:
        break;
    }
}

/* ---- both directions end by themselves ---- */

/* It is over once each side has all of the other's bytes, and knows it. */
static void delivered(struct conn *c)
{
    struct window *w = &c->window;
    bool shut = w->fin_received && !w->shut && c->local != NULL && conn_all_delivered(c) &&
                (c->unwritable || stream_ready(c->local));
    host_unstall(c->host); /* there may be room in the budget */
    if (shut) {
        w->shut = true;
        if (!c->unwritable)
            stream_shutdown(c->local);
    }
    flow_credit(c, shut);
    if (shut && w->fin_acked)
        conn_finish(c, native_end(c), false, CONN_NOW);
}

static void local_ended(struct conn *c)
{
    native_conn_of(c)->we_ended = !c->window.fin_received;
    progress_unread(c);
    flow_sent(c);
}

const struct dialect_ops native_ops = {
    .conn_size = sizeof(struct native_conn),
    .answers = true,
    .windows = true,
    .open = open_conn,
    .attached = attached,
    .read = flow_read,
    .fill = fill,
    .delivered = delivered,
    .local_ended = local_ended,
    .ending = ending,
    .retire = retire,
    .ended_well = ended_well,
    .look = flow_look,
};

/* ---- what comes ---- */

struct conn *native_find(const struct native *n, uint32_t id)
{
    return conn_find(n->dialect.host, NULL, id);
}

static void broken(struct native *n, enum err why, const char *text)
{
    n->dialect.host->broken(n->dialect.host, why, text);
}

/* asked: the service, which may be none of ours. */
static void refuse(struct native *n, struct conn *c, struct span asked, enum err why)
{
    const struct conn_host *h = c->host;
    char id[80];
    if (h->n_leaving > MAX_OWED) {
        broken(n, ERR_LIMIT, "too many connections were refused at once");
        return;
    }
    log_debug("%sa connection for service \"%s\" refused: %s", h->title,
              str_escape(asked, id, sizeof id), err_text(why));
    c->refusal = why;
    conn_finish(c, why, true, CONN_NOW);
}

/* False: no memory. */
static bool keep_opening(struct conn *c, struct span opening)
{
    if (opening.n > 0)
        c->opening = (struct span){span_dup(opening), opening.n};
    return opening.n == 0 || c->opening.p != NULL;
}

static struct span said_by(const struct frame *f)
{
    return (struct span){(const char *)f->payload, f->payload_size};
}

static void begin(struct native *n, const struct frame *f)
{
    struct conn_host *h = n->dialect.host;
    struct span said = said_by(f);
    n->last_begun = f->connection;
    struct service *service = service_list_find(&h->services, h->version, f->service, 0);
    struct conn *c = create(n, service != NULL ? service : h->services.all, f->connection);
    if (c == NULL)
        broken(n, ERR_NO_MEMORY, "no memory for a connection");
    else if (service == NULL)
        refuse(n, c, f->service, ERR_NO_SERVICE);
    else if (service->live >= h->max_connections)
        refuse(n, c, f->service, ERR_LIMIT);
    else if (!keep_opening(c, said) || !conn_register(c))
        refuse(n, c, f->service, ERR_NO_MEMORY);
    else {
        list_append(&n->conns, &native_conn_of(c)->in_natives);
        h->events->incoming(h->owner, c);
    }
}

static void on_start(struct native *n, const struct frame *f)
{
    struct opening unused;
    if (n->dialect.host->role == SESSION_SOURCE)
        broken(n, ERR_PROTOCOL, "the destination tried to open a connection");
    else if (f->connection <= n->last_begun)
        broken(n, ERR_PROTOCOL, "a connection id was used again");
    else if (!opening_decode(said_by(f), &unused))
        broken(n, ERR_PROTOCOL, "a start that says what cannot be read");
    else if (n->dialect.host->open) /* nothing can be opened before SERVICE_IDS */
        begin(n, f);
}

static void on_opened(struct native *n, struct conn *c, const struct frame *f)
{
    if (c->host->role == SESSION_DESTINATION) {
        broken(n, ERR_PROTOCOL, "the source answered an opening");
    } else if (f->error != 0) {
        conn_finish(c, error_of(f->error), false, CONN_NOW);
    } else {
        bool first = !c->answered && c->events->answer != NULL;
        native_conn_of(c)->opened = c->answered = true;
        if (first)
            c->events->answer(c->owner, c, ERR_OK);
    }
}

static void on_fin(struct native *n, struct conn *c)
{
    if (c->window.fin_received) {
        broken(n, ERR_PROTOCOL, "a second FIN");
        return;
    }
    c->window.fin_received = true;
    if (c->unwritable)
        delivered(c);
    else
        conn_flush(c);
}

static void on_credit(struct native *n, struct conn *c, const struct frame *f)
{
    const char *wrong = flow_credited(c, f);
    if (wrong != NULL)
        broken(n, ERR_PROTOCOL, wrong);
    else if (c->window.shut && c->window.fin_acked)
        conn_finish(c, native_end(c), false, CONN_NOW);
    else
        flow_go_on(c);
}

/* Behind the client's FIN it only says that the client wants no more. */
static void on_reset(struct conn *c, const struct frame *f)
{
    bool all_said = c->host->role == SESSION_DESTINATION && c->window.fin_received;
    bool idle = error_of(f->error) == ERR_IDLE;
    enum err why = idle ? ERR_IDLE : all_said ? ERR_CLIENT_CLOSED : ERR_PEER_RESET;
    conn_finish(c, why, false, CONN_FLUSH);
}

static bool on_data(struct native *n, struct conn *c, const struct frame *f)
{
    if (f->payload_size == 0)
        return true;
    if (c->window.fin_received)
        broken(n, ERR_PROTOCOL, "data behind a FIN");
    else if (!window_allows(&c->window, f->payload_size - c->part))
        broken(n, ERR_PROTOCOL, "data beyond the window");
    else
        return conn_deliver(c, f->payload, f->payload_size);
    return true;
}

/* Ids that were never begun are a violation, those of connections that are over are late. The reset
 * of one whose start was lost is no violation. */
static bool never_was(const struct native *n, const struct frame *f)
{
    return f->connection == 0 ||
           (f->connection > n->last_begun && f->type != FRAME_CONNECTION_RESET);
}

bool native_frame(struct native *n, const struct frame *f)
{
    if (f->type == FRAME_CONNECTION_START) {
        on_start(n, f);
        return true;
    }
    if (never_was(n, f)) {
        broken(n, ERR_PROTOCOL, "a message for a connection that never was");
        return true;
    }
    struct conn *c = native_find(n, f->connection);
    if (c == NULL)
        return true;
    switch (f->type) {
    case FRAME_DATA:
        return on_data(n, c, f);
    case FRAME_CONNECTION_OPENED:
        on_opened(n, c, f);
        break;
    case FRAME_CONNECTION_FIN:
        on_fin(n, c);
        break;
    case FRAME_CREDIT:
        on_credit(n, c, f);
        break;
    default:
        on_reset(c, f);
        break;
    }
    return true;
}
