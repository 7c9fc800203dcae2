/* The life of a session, who may send next, and the connections that its source opens. */
#include "core/tunnel/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_QUEUE_LIMIT 262144
#define DEFAULT_MAX_CONNECTIONS 4096
#define DEFAULT_LINGER_MS 30000
#define DEFAULT_STALL_MS 30000
#define FRAMES_A_TURN 8 /* sent before the other sockets of the loop get their turn */
#define SPARSE_RUN 16   /* sparse connections served in a row while bulk ones wait */
#define PAYLOAD_AT (WS_HEADER_MAX + FRAME_HEAD_MAX)

static size_t or_default(size_t value, size_t fallback)
{
    return value != 0 ? value : fallback;
}

/* ---- sending ---- */

bool session_ready(const struct session *s)
{
    return s->attached && s->transport.ready(s->transport.ctx);
}

void session_send(struct session *s, struct conn *c, int type, size_t payload_size)
{
    struct frame f = {.type = type, .stream = c->stream, .connection = c->connection};
    if (!c->nameless)
        f.service = span_of(c->id);
    uint8_t *payload = s->out + PAYLOAD_AT;
    size_t head = frame_wrap(payload, &f, payload_size);
    s->transport.send(s->transport.ctx, payload - head, head + payload_size);
}

static void send_control(struct session *s, struct conn *c)
{
    int type = c->start_type;
    if (type != 0) {
        c->start_type = 0;
    } else {
        type = c->connection != 0 ? FRAME_CONNECTION_RESET : FRAME_STREAM_RESET;
        c->reset_owed = false;
    }
    if (!c->reset_owed)
        list_remove(&c->control);
    session_send(s, c, type, 0);
    conn_free_if_done(c);
}

/* Whose turn it is; NULL: nobody's. */
static struct conn *next_in_rings(struct session *s)
{
    bool bulk = list_empty(&s->sparse) || (s->sparse_run >= SPARSE_RUN && !list_empty(&s->bulk));
    struct list *ring = bulk ? &s->bulk : &s->sparse;
    s->sparse_run = bulk ? 0 : s->sparse_run + 1;
    return list_empty(ring) ? NULL : list_entry(ring->next, struct conn, ring);
}

/* Control frames, then sparse connections, then bulk ones in turn, while there is room. */
void session_pump(struct session *s)
{
    if (s->pumping)
        return;
    s->pumping = true;
    int turn = FRAMES_A_TURN;
    while (turn > 0 && session_ready(s)) {
        if (!list_empty(&s->control)) {
            send_control(s, list_entry(s->control.next, struct conn, control));
            continue;
        }
        struct conn *c = next_in_rings(s);
        if (c == NULL)
            break;
        size_t n = conn_read(c, s->out + PAYLOAD_AT, SESSION_QUANTUM);
        if (n > 0)
            session_send(s, c, FRAME_DATA, n);
        turn--;
    }
    s->pumping = false;
    if (turn == 0)
        loop_defer(s->loop, &s->again);
}

static void pump_again(void *owner)
{
    session_pump(owner);
}

void session_writable(struct session *s)
{
    session_pump(s);
}

/* ---- connections of the source ---- */

void session_start_unsent(struct session *s, struct service *service, const struct conn *c)
{
    if (c->start_type != FRAME_STREAM_START || c->stream != service->stream)
        return;
    list_each(node, &s->control)
    {
        struct conn *next = list_entry(node, struct conn, control);
        if (next == c || next->service != service || next->start_type != FRAME_CONNECTION_START)
            continue;
        next->start_type = FRAME_STREAM_START;
        return;
    }
    service->stream = 0;
}

/* V1 and V2 carry one connection a service. When it is full, one whose client has finished sending
 * makes room: it lingers only in case that an answer is still to come. */
static enum err make_room(struct session *s, struct service *service)
{
    size_t most = s->version >= 3 ? s->max_connections : 1;
    if (service->live < most)
        return ERR_OK;
    list_each(node, &service->conns)
    {
        struct conn *c = list_entry(node, struct conn, all);
        if (!c->local_ended)
            continue;
        conn_finish(c, ERR_STREAM_REPLACED, true, CONN_FLUSH);
        return ERR_OK;
    }
    return s->version >= 3 ? ERR_LIMIT : ERR_BUSY;
}

static uint32_t next_connection(struct session *s, struct service *service)
{
    do
        service->last_connection++;
    while (service->last_connection == 0 ||
           session_find_conn(s, service, service->last_connection) != NULL);
    return service->last_connection;
}

static int open_stream(struct session *s, struct service *service)
{
    if (s->version >= 3 && service->stream != 0)
        return FRAME_CONNECTION_START;
    s->last_stream = s->last_stream < INT_MAX ? s->last_stream + 1 : 1;
    service->stream = s->last_stream;
    service->nameless = s->version == 1;
    service->numbered = s->version >= 3;
    return FRAME_STREAM_START;
}

struct conn *conn_open(struct session *s, const char *id, const struct conn_events *events,
                       void *owner, enum err *why)
{
    *why = ERR_HUB_DOWN;
    if (!s->attached || !s->open)
        return NULL;
    struct service *service = session_find_service(s, span_of(id), 0);
    *why = service == NULL ? ERR_NO_SERVICE : make_room(s, service);
    if (*why != ERR_OK)
        return NULL;
    int32_t stream = service->stream;
    int type = open_stream(s, service);
    struct conn *c = conn_create(s, service, s->version >= 3 ? next_connection(s, service) : 0);
    if (c == NULL || !conn_register(c)) {
        *why = ERR_NO_MEMORY;
        service->stream = stream;
        if (c != NULL)
            conn_destroy(c);
        return NULL;
    }
    *why = ERR_OK;
    conn_own(c, events, owner);
    c->start_type = type;
    list_append(&s->control, &c->control);
    session_pump(s);
    return c;
}

/* ---- life ---- */

struct session *session_new(struct loop *loop, const struct session_options *o,
                            const struct session_events *events, void *owner)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct session){
        .loop = loop,
        .role = o->role,
        .version = o->version != 0 ? o->version : 3,
        .queue_limit = or_default(o->queue_limit, DEFAULT_QUEUE_LIMIT),
        .max_connections = or_default(o->max_connections, DEFAULT_MAX_CONNECTIONS),
        .linger_ms = or_default(o->linger_ms, DEFAULT_LINGER_MS),
        .stall_ms = or_default(o->stall_ms, DEFAULT_STALL_MS),
        .events = events,
        .owner = owner,
    };
    list_init(&s->leaving);
    list_init(&s->control);
    list_init(&s->sparse);
    list_init(&s->bulk);
    deferred_init(&s->again, pump_again, s);
    s->name = strdup(o->name != NULL ? o->name : "");
    s->out = malloc(PAYLOAD_AT + SESSION_QUANTUM);
    s->watch = timer_new(loop, session_look_at_stuck, s);
    if (s->name == NULL || s->out == NULL || s->watch == NULL) {
        session_free(s);
        return NULL;
    }
    /* Ids should not repeat while a tunnel lives, also over restarts of this program. */
    random_bytes(&s->last_stream, sizeof s->last_stream);
    s->last_stream = o->first_stream != 0 ? o->first_stream - 1 : s->last_stream & 0x3fffffff;
    return s;
}

void session_attach(struct session *s, const struct transport *t)
{
    s->transport = *t;
    s->peer = (struct session_peer){0};
    s->attached = true;
    s->open = false;
}

/* Nothing can be sent any more: what is owed is forgotten. */
static void forget_owed(struct session *s)
{
    while (!list_empty(&s->control)) {
        struct conn *c = list_entry(s->control.next, struct conn, control);
        list_remove(&c->control);
        c->start_type = 0;
        c->reset_owed = false;
        conn_free_if_done(c);
    }
}

void session_detach(struct session *s, enum err why)
{
    s->attached = s->open = s->stalled = false;
    forget_owed(s);
    for (size_t i = 0; i < s->n_services; i++)
        session_end_stream(&s->services[i], why);
    session_return_memory(s);
}

void session_free(struct session *s)
{
    session_detach(s, ERR_SHUTDOWN);
    while (!list_empty(&s->leaving))
        conn_finish(list_entry(s->leaving.next, struct conn, all), ERR_SHUTDOWN, false, CONN_NOW);
    loop_cancel(&s->again);
    timer_free(s->watch);
    map_free(&s->by_id);
    session_free_services(s);
    free(s->name);
    free(s->out);
    free(s);
}

bool session_stalled(const struct session *s)
{
    return s->stalled;
}

bool session_open(const struct session *s)
{
    return s->open;
}

const struct session_peer *session_peer(const struct session *s)
{
    return &s->peer;
}

size_t session_services(const struct session *s, const char *const **ids)
{
    *ids = s->ids;
    return s->n_ids;
}

size_t session_connections(const struct session *s)
{
    return s->n_live;
}
