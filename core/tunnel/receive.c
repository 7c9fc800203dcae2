/* Frames that come in: what each does to the streams and connections of a session. */
#include "core/base/log.h"
#include "core/base/service_id.h"
#include "core/tunnel/internal.h"

#include <stdio.h>

#define MAX_OWED 65536 /* connections that only wait for their reset to leave */

/* With one that breaks the rules nothing is taken up again. */
void session_broken(struct session *s, enum err why, const char *text)
{
    if (why == ERR_PROTOCOL)
        peer_end_all(s, why, false);
    s->events->broken(s->owner, why, text);
}

static bool take_services(struct session *s, const struct frame *f)
{
    if (s->n_services > 0 && session_same_services(s, f)) {
        session_renew_services(s);
        return true;
    }
    peer_end_all(s, ERR_STREAM_REPLACED, false);
    session_free_services(s);
    if (session_take_services(s, f))
        return true;
    session_free_services(s);
    return false;
}

/* Ids get into host names, logs, labels and pages: one that breaks the rule stays out of all. An
 * empty one is no service, as an empty list is. */
static bool ids_are_right(struct session *s, const struct frame *f)
{
    char text[200], id[90];
    for (size_t i = 0; i < f->n_services; i++) {
        if (f->services[i].n == 0 || service_id_is(f->services[i]))
            continue;
        snprintf(text, sizeof text,
                 "the hub names a service \"%s\", which is no service id (" SERVICE_ID_RULE ")",
                 str_escape(f->services[i], id, sizeof id));
        session_broken(s, ERR_PROTOCOL, text);
        return false;
    }
    return true;
}

static void on_service_ids(struct session *s, const struct frame *f)
{
    if (!ids_are_right(s, f))
        return;
    if (s->open) {
        if (!session_same_services(s, f))
            log_warning(
                "%s: the hub sent another list of services in mid-session; the first one stays",
                s->name);
        return;
    }
    if (!take_services(s, f)) {
        session_broken(s, ERR_NO_MEMORY, "no memory for the list of services");
        return;
    }
    s->open = true;
    enum err why = s->events->services(s->owner, s->ids, s->n_ids);
    if (why != ERR_OK)
        session_broken(s, why, "the services of the tunnel do not fit the configuration");
}

struct conn *session_find_conn(struct session *s, struct service *service, uint32_t connection)
{
    struct conn_key key = {service, connection};
    return map_get(&s->by_id, &key, sizeof key);
}

/* To the client of one that has not been attached yet it is a refusal. */
static enum err meaning_of_loss(const struct conn *c, enum err why)
{
    return why == ERR_PEER_LOST && c->local == NULL ? ERR_PEER_RESET : why;
}

/* Ends every live connection of a service's stream, which is closed then; not those that owners
 * open when they hear of it. */
void session_end_stream(struct service *service, enum err why)
{
    struct list ending;
    list_init(&ending);
    service->stream = 0;
    list_each(node, &service->conns) if (!list_entry(node, struct conn, all)->native)
        list_append(&ending, node);
    while (!list_empty(&ending)) {
        struct conn *c = list_entry(ending.next, struct conn, all);
        conn_finish(c, meaning_of_loss(c, why), false, CONN_FLUSH);
    }
}

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
static void reject_now(struct session *s, const struct frame *f)
{
    struct conn c = {0};
    name_refused(&c, f);
    if (session_ready(s))
        session_send(s, &c, f->connection != 0 ? FRAME_CONNECTION_RESET : FRAME_STREAM_RESET, 0);
}

/* A connection that exists only to owe the far end a reset. */
static void reject(struct session *s, struct service *service, const struct frame *f, enum err why)
{
    if (f->service.n > FRAME_SERVICE_MAX)
        return;
    if (s->n_leaving > MAX_OWED) {
        session_broken(s, ERR_LIMIT, "too many connections were refused at once");
        return;
    }
    struct conn *c = conn_create(s, service, f->connection);
    if (c == NULL) {
        reject_now(s, f);
        return;
    }
    name_refused(c, f);
    log_debug("%s: %s for service \"%s\" refused: %s", s->name, frame_type_name(f->type),
              service->id, err_text(why));
    conn_finish(c, why, true, CONN_NOW);
}

static void on_start(struct session *s, struct service *service, const struct frame *f)
{
    bool fresh = service->stream != f->stream;
    if (fresh || f->connection == 0) {
        if (service->stream != 0)
            session_end_stream(service, ERR_STREAM_REPLACED);
        service->stream = f->stream;
        service->orphan = 0;
        service->nameless = f->service.n == 0;
        service->numbered = f->connection != 0;
    }
    if (session_find_conn(s, service, f->connection) != NULL) {
        conn_finish(session_find_conn(s, service, f->connection), ERR_PROTOCOL, true, CONN_NOW);
        return;
    }
    if (service->live >= s->max_connections) {
        reject(s, service, f, ERR_LIMIT);
        return;
    }
    struct conn *c = conn_create(s, service, f->connection);
    if (c == NULL || !conn_register(c)) {
        if (c != NULL)
            conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
        else
            reject(s, service, f, ERR_NO_MEMORY);
        return;
    }
    s->events->incoming(s->owner, c);
}

/* A reset is the protocol's only word for every end. For one connection it is the ordinary one, but
 * for a service that has said nothing yet: that one was refused, most likely. */
static enum err meaning_of_reset(const struct session *s, const struct conn *c)
{
    if (s->role == SESSION_DESTINATION)
        return ERR_CLIENT_CLOSED;
    return c->stats.down > 0 ? ERR_SERVICE_CLOSED : ERR_PEER_RESET;
}

static void on_reset(struct session *s, struct service *service, const struct frame *f)
{
    if (f->stream != service->stream)
        return; /* late: that stream is gone already */
    if (f->type == FRAME_STREAM_RESET && (service->numbered || f->stream == service->orphan)) {
        session_end_stream(service, peer_absence(s));
        return;
    }
    struct conn *c = session_find_conn(s, service, f->connection);
    if (f->type == FRAME_STREAM_RESET)
        service->stream = 0;
    if (c != NULL)
        conn_finish(c, meaning_of_reset(s, c), false, CONN_FLUSH);
}

/* False: its connection cannot take more now; the frame must come again. */
static bool deliver(struct session *s, struct conn *c, const struct frame *f)
{
    if (!conn_deliver(c, f->payload, f->payload_size)) {
        stall_blocked(s, c, f->payload_size);
        return false;
    }
    return true;
}

static bool on_data(struct session *s, struct service *service, const struct frame *f)
{
    if (f->stream != service->stream || f->payload_size == 0)
        return true; /* stale */
    uint32_t connection = f->connection == 0 && service->numbered ? 1 : f->connection;
    struct conn *c = session_find_conn(s, service, connection);
    if (c != NULL && !deliver(s, c, f))
        return false;
    if (s->stuck == c)
        s->stuck = NULL;
    return true;
}

static bool on_native_frame(struct session *s, const struct frame *f)
{
    if (f->type == FRAME_DATA) {
        struct conn *c = native_data(s, f);
        if (c != NULL && !deliver(s, c, f))
            return false;
        return true;
    }
    native_frame(s, f);
    return true;
}

static void on_unknown(struct session *s, const struct frame *f)
{
    if (!f->ignorable)
        session_broken(s, ERR_PROTOCOL, "a message of unknown type that must not be ignored");
}

static bool on_stream_frame(struct session *s, const struct frame *f)
{
    struct service *service = session_find_service(s, f->service, f->stream);
    bool start = f->type == FRAME_STREAM_START || f->type == FRAME_CONNECTION_START;
    if (!s->open)
        return true; /* nothing can have been opened before SERVICE_IDS */
    if (start && s->role == SESSION_SOURCE) {
        session_broken(s, ERR_PROTOCOL, "the destination tried to open a connection");
    } else if (start && f->stream == 0) {
        session_broken(s, ERR_PROTOCOL, "a start without stream id");
    } else if (start && service == NULL) {
        char id[80];
        log_warning("%s: a stream for service \"%s\", which this tunnel does not have", s->name,
                    str_escape(f->service, id, sizeof id));
        reject(s, &s->services[0], f, ERR_NO_SERVICE);
    } else if (start) {
        on_start(s, service, f);
    } else if (service != NULL && f->type == FRAME_DATA) {
        return on_data(s, service, f);
    } else if (service != NULL) {
        on_reset(s, service, f);
    }
    return true;
}

static bool on_frame(struct session *s, const uint8_t *p, size_t n)
{
    struct frame f;
    if (frame_decode(p, n, &f) != ERR_OK) {
        session_broken(s, ERR_PROTOCOL, "bytes that are no tunnel message");
        return true;
    }
    if (frame_is_native(&f) && s->transport.native)
        return on_native_frame(s, &f);
    switch (f.type) {
    case FRAME_DATA:
    case FRAME_STREAM_START:
    case FRAME_CONNECTION_START:
    case FRAME_STREAM_RESET:
    case FRAME_CONNECTION_RESET:
        return on_stream_frame(s, &f);
    case FRAME_SERVICE_IDS:
        on_service_ids(s, &f);
        return true;
    case FRAME_SESSION_RESET:
        for (size_t i = 0; i < s->n_services; i++)
            session_end_stream(&s->services[i], ERR_PEER_LOST);
        return true;
    default:
        on_unknown(s, &f);
        return true;
    }
}

/* Delivers an assembled frame that had to wait, and tells by *taken that its last byte, which was
 * left to the transport meanwhile, is done with now. */
static bool deliver_waiting(struct session *s, size_t *taken)
{
    if (s->waiting == NULL)
        return true;
    if (!on_frame(s, s->waiting, s->waiting_size))
        return false;
    s->waiting = NULL;
    *taken = 1;
    return true;
}

static bool lend_memory(struct session *s)
{
    if (s->cutter.memory == NULL)
        s->cutter.memory = loop_block(s->loop);
    return s->cutter.memory != NULL;
}

void session_return_memory(struct session *s)
{
    loop_unblock(s->loop, s->cutter.memory);
    s->cutter = (struct frame_cutter){0};
    s->waiting = NULL;
}

size_t session_input(struct session *s, uint8_t *p, size_t n)
{
    size_t taken = 0;
    s->stalled = false;
    if (!deliver_waiting(s, &taken)) {
        s->stalled = true;
        return 0;
    }
    while (taken < n && s->attached) {
        uint8_t *frame;
        size_t size, used = frame_cut(&s->cutter, p + taken, n - taken, &frame, &size);
        if (frame == NULL && used == 0) {
            if (lend_memory(s))
                continue;
            session_broken(s, ERR_NO_MEMORY, "no memory for a message");
            break;
        }
        bool in_place = frame >= p && frame < p + n;
        if (frame != NULL && !on_frame(s, frame, size)) {
            s->stalled = true;
            if (in_place)
                break;
            s->waiting = frame;
            s->waiting_size = size;
            taken += used - 1; /* less than all: only then does the transport come again */
            break;
        }
        taken += used;
    }
    if (s->attached && s->cutter.have == 0 && s->waiting == NULL && s->cutter.memory != NULL)
        session_return_memory(s);
    return s->attached ? taken : n;
}

void session_unstall(struct session *s)
{
    if (!s->stalled || !s->attached)
        return;
    s->stalled = s->full = false;
    s->transport.resume(s->transport.ctx);
}
