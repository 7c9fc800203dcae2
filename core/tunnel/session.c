/* The life of a session, who may send next, and the connections that its source opens. */
#include "core/tunnel/internal.h"

#include "core/base/random.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_QUEUE_LIMIT 262144
#define DEFAULT_MAX_CONNECTIONS 4096
#define DEFAULT_LINGER_MS 30000
#define DEFAULT_STALL_MS 30000
#define DEFAULT_RESUME_MS 120000
#define DEFAULT_BUDGET 67108864
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

uint8_t *session_payload(struct session *s)
{
    return s->outgoing + PAYLOAD_AT;
}

void session_send_frame(struct session *s, const struct frame *f, size_t payload_size)
{
    uint8_t *payload = session_payload(s);
    size_t head = frame_wrap(payload, f, payload_size);
    s->transport.send(s->transport.ctx, payload - head, head + payload_size);
}

void session_send(struct session *s, struct conn *c, int type, size_t payload_size)
{
    struct frame f = {.type = type, .stream = c->stream, .connection = c->connection};
    if (c->native)
        native_fill(c, &f);
    else if (!c->nameless)
        f.service = span_of(c->id);
    session_send_frame(s, &f, payload_size);
}

/* Takes the next frame that it owes: a start before all, a reset behind all. */
static int next_owed(struct conn *c)
{
    int start = c->start_type;
    c->start_type = 0;
    if (start != 0)
        return start;
    bool *const flags[] = {&c->opened_owed, &c->credit_owed, &c->fin_owed};
    static const int types[] = {FRAME_CONNECTION_OPENED, FRAME_CREDIT, FRAME_CONNECTION_FIN};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (*flags[i]) {
            *flags[i] = false;
            return types[i];
        }
    c->reset_owed = false;
    return c->connection != 0 ? FRAME_CONNECTION_RESET : FRAME_STREAM_RESET;
}

static void send_control(struct session *s, struct conn *c)
{
    int type = next_owed(c);
    if (!conn_owes(c))
        list_remove(&c->control);
    session_send(s, c, type, 0);
    conn_free_if_done(c);
}

/* The first whose owed frames may go out; NULL: none. Native ones wait for the far end. */
static struct conn *next_control(struct session *s)
{
    list_each(node, &s->control)
    {
        struct conn *c = list_entry(node, struct conn, control);
        if (!c->native || s->synced)
            return c;
    }
    return NULL;
}

/* Whose turn it is; NULL: nobody's. */
static struct conn *next_in_rings(struct session *s)
{
    bool bulk = list_empty(&s->sparse) || (s->sparse_run >= SPARSE_RUN && !list_empty(&s->bulk));
    struct list *ring = bulk ? &s->bulk : &s->sparse;
    s->sparse_run = bulk ? 0 : s->sparse_run + 1;
    return list_empty(ring) ? NULL : list_entry(ring->next, struct conn, ring);
}

static size_t quantum(const struct session *s, const struct conn *c)
{
    return c->native || s->role == SESSION_SOURCE ? SESSION_QUANTUM : SESSION_QUANTUM_FOREIGN;
}

/* Control frames, then sparse connections, then bulk ones in turn, while there is room. */
void session_pump(struct session *s)
{
    if (s->pumping)
        return;
    s->pumping = true;
    int turn = FRAMES_A_TURN;
    while (turn > 0 && session_ready(s)) {
        if (peer_send_next(s))
            continue;
        struct conn *c = next_control(s);
        if (c != NULL) {
            send_control(s, c);
            continue;
        }
        c = next_in_rings(s);
        if (c == NULL)
            break;
        size_t n = conn_read(c, s->outgoing + PAYLOAD_AT, quantum(s, c));
        if (n > 0)
            session_send(s, c, FRAME_DATA, n);
        turn--;
    }
    s->pumping = false;
    if (turn == 0)
        loop_defer(s->loop, &s->again);
}

void session_pump_later(struct session *s)
{
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
        if (next == c || next->service != service || next->native ||
            next->start_type != FRAME_CONNECTION_START)
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
    if (s->peer.native)
        return ERR_LIMIT;
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

bool session_full(const struct session *s, const char *service)
{
    const struct service *found = session_find_service((struct session *)s, span_of(service), 0);
    if (s->version < 3 || found == NULL || found->live < s->max_connections)
        return false;
    list_each(node,
              &found->conns) if (!s->peer.native &&
                                 list_entry(node, struct conn, all)->local_ended) return false;
    return true;
}

void session_on_room(struct session *s, void (*room)(void *owner), void *owner)
{
    s->room = room;
    s->room_owner = owner;
}

void session_room(struct session *s, const struct service *service)
{
    if (s->room != NULL && service != NULL && service->live + 1 >= s->max_connections)
        s->room(s->room_owner);
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

static struct conn *open_plain(struct session *s, struct service *service)
{
    int type = open_stream(s, service);
    struct conn *c = conn_create(s, service, s->version >= 3 ? next_connection(s, service) : 0);
    if (c != NULL)
        c->start_type = type;
    return c;
}

/* Its id is the session's alone, and never comes again. */
static struct conn *open_native(struct session *s, struct service *service)
{
    struct conn *c =
        s->last_native < UINT32_MAX ? conn_create(s, service, s->last_native + 1) : NULL;
    if (c == NULL)
        return NULL;
    s->last_native++;
    native_create(c);
    c->start_type = FRAME_CONNECTION_START;
    return c;
}

struct conn *conn_open(struct session *s, const char *id, const struct conn_events *events,
                       void *owner, enum err *why)
{
    *why = session_device_offline(s) ? ERR_DEVICE_OFFLINE : ERR_HUB_DOWN;
    if (!session_reachable(s))
        return NULL;
    struct service *service = session_find_service(s, span_of(id), 0);
    *why = service == NULL ? ERR_NO_SERVICE : make_room(s, service);
    if (*why != ERR_OK)
        return NULL;
    int32_t stream = service->stream;
    struct conn *c = s->peer.native ? open_native(s, service) : open_plain(s, service);
    if (c == NULL || !conn_register(c)) {
        *why = ERR_NO_MEMORY;
        service->stream = stream;
        if (c != NULL)
            conn_destroy(c);
        return NULL;
    }
    *why = ERR_OK;
    conn_set_owner(c, events, owner);
    conn_owe(c);
    session_pump(s);
    return c;
}

/* ---- life ---- */

void session_change(struct session *s, const struct session_options *fresh)
{
    s->max_connections = or_default(fresh->max_connections, DEFAULT_MAX_CONNECTIONS);
    s->linger_ms = or_default(fresh->linger_ms, DEFAULT_LINGER_MS);
    s->stall_ms = or_default(fresh->stall_ms, DEFAULT_STALL_MS);
    s->resume_ms = or_default(fresh->resume_ms, DEFAULT_RESUME_MS);
}

struct session *session_new(struct loop *loop, const struct session_options *o,
                            const struct session_events *events, void *owner)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct session){
        .loop = loop,
        .time = o->time != NULL ? *o->time : time_source_of_loop(loop),
        .role = o->role,
        .version = o->version != 0 ? o->version : 3,
        .queue_limit = or_default(o->queue_limit, DEFAULT_QUEUE_LIMIT),
        .budget = o->memory != NULL ? o->memory : &s->own_budget,
        .events = events,
        .owner = owner,
    };
    session_change(s, o);
    struct list *const lists[] = {&s->leaving, &s->draining, &s->control, &s->sparse,  &s->bulk,
                                  &s->natives, &s->listing,  &s->hushed,  &s->starved, &s->unread};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        list_init(lists[i]);
    deferred_init(&s->again, pump_again, s);
    s->name = strdup(o->name != NULL ? o->name : "");
    s->outgoing = malloc(PAYLOAD_AT + SESSION_QUANTUM);
    budget_init(&s->own_budget, SIZE_MAX / 4);
    account_open(&s->in, s->budget, or_default(o->budget, DEFAULT_BUDGET));
    account_open(&s->out, s->budget, or_default(o->budget, DEFAULT_BUDGET));
    s->watch = s->time.timer_new(s->time.ctx, stall_watch, s);
    s->look = s->time.timer_new(s->time.ctx, stall_look, s);
    s->hush = s->time.timer_new(s->time.ctx, flow_timer, s);
    s->patience = s->time.timer_new(s->time.ctx, peer_out_of_patience, s);
    if (s->name == NULL || s->outgoing == NULL || s->watch == NULL || s->look == NULL ||
        s->hush == NULL || s->patience == NULL) {
        session_free(s);
        return NULL;
    }
    /* Ids should not repeat while a tunnel lives, also over restarts of this program. */
    (o->random != NULL ? o->random : random_bytes)(&s->last_stream, sizeof s->last_stream);
    s->last_stream = o->first_stream != 0 ? o->first_stream - 1 : s->last_stream & 0x3fffffff;
    return s;
}

void session_attach(struct session *s, const struct transport *t)
{
    if (!t->native)
        peer_end_all(s, ERR_LINK_LOST, false);
    s->transport = *t;
    s->attached = true;
    s->open = false;
}

/* Nothing can be sent any more: what is owed is forgotten. */
static void forget_owed(struct session *s)
{
    list_each(node, &s->control)
    {
        struct conn *c = list_entry(node, struct conn, control);
        if (c->native)
            continue; /* peer_lost has seen to it */
        list_remove(&c->control);
        c->start_type = 0;
        c->reset_owed = false;
        conn_free_if_done(c);
    }
}

static void detach(struct session *s, enum err why)
{
    s->attached = s->open = s->stalled = s->full = false;
    peer_lost(s);
    forget_owed(s);
    for (size_t i = 0; i < s->n_services; i++)
        session_end_stream(&s->services[i], why);
    session_return_memory(s);
}

void session_lost(struct session *s)
{
    detach(s, ERR_LINK_LOST);
}

void session_detach(struct session *s, enum err why)
{
    detach(s, why);
    peer_end_all(s, why, false);
}

void session_free(struct session *s)
{
    session_detach(s, ERR_SHUTDOWN);
    while (!list_empty(&s->leaving))
        conn_finish(list_entry(s->leaving.next, struct conn, all), ERR_SHUTDOWN, false, CONN_NOW);
    loop_cancel(&s->again);
    s->time.timer_free(s->watch);
    s->time.timer_free(s->look);
    s->time.timer_free(s->hush);
    s->time.timer_free(s->patience);
    map_free(&s->by_id);
    session_free_services(s);
    free(s->name);
    free(s->outgoing);
    account_close(&s->in);
    account_close(&s->out);
    budget_free(&s->own_budget);
    free(s);
}

bool session_stalled(const struct session *s)
{
    return s->stalled;
}

void session_pressure(const struct session *s, struct session_pressure *out)
{
    *out = s->pressure;
    out->held = s->in.used;
    out->kept = s->out.used;
    out->limit = account_limit(&s->in);
    out->now = (s->stalled && s->full) || !list_empty(&s->starved);
}

bool session_open(const struct session *s)
{
    return s->open;
}

bool session_reachable(const struct session *s)
{
    bool there = s->peer.attached || !s->transport.native; /* other hubs do not tell */
    return s->attached && s->open && there && (s->synced || !s->peer.native);
}

bool session_device_offline(const struct session *s)
{
    return s->role == SESSION_SOURCE && s->attached && s->open && s->transport.native &&
           !s->peer.attached;
}

uint64_t session_round_trip_us(const struct session *s)
{
    return s->round_trip_us;
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
