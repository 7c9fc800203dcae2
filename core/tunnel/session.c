/* Frames in, frames out: the services and streams of one end, and who may send next. */
#include "core/base/log.h"
#include "core/tunnel/internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_QUEUE_LIMIT 262144
#define DEFAULT_MAX_CONNECTIONS 4096
#define DEFAULT_LINGER_MS 30000
#define FRAMES_A_TURN 8      /* sent before the other sockets of the loop get their turn */
#define SPARSE_RUN 16        /* sparse connections served in a row while bulk ones wait */
#define MAX_OWED 65536       /* connections that only wait for their reset to leave */
#define PAYLOAD_AT (WS_HEADER_MAX + FRAME_HEAD_MAX)

static size_t or_default(size_t value, size_t fallback)
{
    return value != 0 ? value : fallback;
}

/* ---- services ---- */

static void free_services(struct session *s)
{
    for (size_t i = 0; i < s->n_services; i++)
        free(s->services[i].id);
    free(s->services);
    free(s->ids);
    s->services = NULL;
    s->ids = NULL;
    s->n_services = s->n_ids = 0;
}

static struct service *service_named(struct session *s, struct span id)
{
    for (size_t i = 0; i < s->n_services; i++)
        if (span_is(id, s->services[i].id))
            return &s->services[i];
    return NULL;
}

/* An empty id means the only service there is (in V1: the first); with several, the one whose stream
 * has that id and was opened without a name. */
static struct service *find_service(struct session *s, struct span id, int32_t stream)
{
    struct service *exact = service_named(s, id);
    if (exact != NULL || id.n > 0)
        return exact;
    for (size_t i = 0; i < s->n_services; i++)
        if (s->services[i].nameless && s->services[i].stream == stream)
            return &s->services[i];
    return s->n_services == 1 || (s->n_services > 0 && s->version == 1) ? &s->services[0] : NULL;
}

static bool add_service(struct session *s, struct span id)
{
    char *copy = span_dup(id);
    if (copy == NULL)
        return false;
    struct service *service = &s->services[s->n_services++];
    service->id = copy;
    list_init(&service->conns);
    return true;
}

/* Fills s->services from the list; an empty list is one service without a name. */
static bool take_services(struct session *s, const struct frame *f)
{
    size_t n = f->n_services > 0 ? f->n_services : 1;
    s->services = calloc(n, sizeof *s->services);
    s->ids = calloc(n, sizeof *s->ids);
    if (s->services == NULL || s->ids == NULL)
        return false;
    for (size_t i = 0; i < f->n_services; i++)
        if (f->services[i].n > 0 && f->services[i].n <= FRAME_SERVICE_MAX &&
            service_named(s, f->services[i]) == NULL && !add_service(s, f->services[i]))
            return false;
    s->n_ids = s->n_services;
    for (size_t i = 0; i < s->n_ids; i++)
        s->ids[i] = s->services[i].id;
    return s->n_services > 0 || add_service(s, span_of(""));
}

static bool same_services(struct session *s, const struct frame *f)
{
    size_t known = 0;
    for (size_t i = 0; i < f->n_services; i++) {
        if (service_named(s, f->services[i]) == NULL)
            return false;
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen || span_equal(f->services[i], f->services[k]);
        known += !seen;
    }
    return known == s->n_ids;
}

static void broken(struct session *s, enum err why, const char *text)
{
    s->events->broken(s->owner, why, text);
}

static void on_service_ids(struct session *s, const struct frame *f)
{
    if (s->open) {
        if (!same_services(s, f))
            log_warning("%s: the hub sent another list of services in mid-session; the first one stays",
                        s->name);
        return;
    }
    free_services(s);
    if (!take_services(s, f)) {
        free_services(s);
        broken(s, ERR_NO_MEMORY, "no memory for the list of services");
        return;
    }
    s->open = true;
    enum err why = s->events->services(s->owner, s->ids, s->n_ids);
    if (why != ERR_OK)
        broken(s, why, "the services of the tunnel do not fit the configuration");
}

/* ---- sending ---- */

bool session_ready(const struct session *s)
{
    return s->attached && s->transport.ready(s->transport.ctx);
}

static void send_frame(struct session *s, struct conn *c, int type, size_t payload_size)
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
    send_frame(s, c, type, 0);
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
            send_frame(s, c, FRAME_DATA, n);
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

/* ---- receiving ---- */

static struct conn *find_conn(struct session *s, struct service *service, uint32_t connection)
{
    struct conn_key key = {service, connection};
    return map_get(&s->by_id, &key, sizeof key);
}

/* Ends every live connection of a service's stream, which is closed then; not those that owners open
 * when they hear of it. */
static void end_stream(struct service *service, enum err why)
{
    struct list ending;
    list_init(&ending);
    service->stream = 0;
    while (!list_empty(&service->conns))
        list_append(&ending, service->conns.next);
    while (!list_empty(&ending))
        conn_finish(list_entry(ending.next, struct conn, all), why, false, CONN_FLUSH);
}

/* A connection that exists only to owe the far end a reset, in the words of its start: the service
 * may be one that we do not have. */
static void reject(struct session *s, struct service *service, const struct frame *f, enum err why)
{
    if (f->service.n > FRAME_SERVICE_MAX)
        return;
    if (s->n_leaving > MAX_OWED) {
        broken(s, ERR_LIMIT, "too many connections were refused at once");
        return;
    }
    struct conn *c = conn_create(s, service, f->connection);
    if (c == NULL)
        return;
    c->stream = f->stream;
    c->nameless = f->service.n == 0;
    if (!c->nameless)
        snprintf(c->id, sizeof c->id, "%.*s", (int)f->service.n, f->service.p);
    log_debug("%s: %s for service \"%s\" refused: %s", s->name, frame_type_name(f->type), service->id,
              err_text(why));
    conn_finish(c, why, true, CONN_NOW);
}

static void on_start(struct session *s, struct service *service, const struct frame *f)
{
    bool fresh = service->stream != f->stream;
    if (fresh || f->connection == 0) {
        if (service->stream != 0)
            end_stream(service, ERR_STREAM_REPLACED);
        service->stream = f->stream;
        service->nameless = f->service.n == 0;
        service->numbered = f->connection != 0;
    }
    if (find_conn(s, service, f->connection) != NULL) {
        conn_finish(find_conn(s, service, f->connection), ERR_PROTOCOL, true, CONN_NOW);
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
        return;
    }
    s->events->incoming(s->owner, c);
}

static void on_reset(struct session *s, struct service *service, const struct frame *f)
{
    if (f->stream != service->stream)
        return; /* late: that stream is gone already */
    if (f->type == FRAME_STREAM_RESET) {
        end_stream(service, ERR_PEER_RESET);
        return;
    }
    struct conn *c = find_conn(s, service, f->connection);
    if (c != NULL)
        conn_finish(c, ERR_PEER_RESET, false, CONN_FLUSH);
}

/* False: its connection cannot take more now; the frame must come again. */
static bool on_data(struct session *s, struct service *service, const struct frame *f)
{
    if (f->stream != service->stream || f->payload_size == 0)
        return true; /* stale */
    uint32_t connection = f->connection == 0 && service->numbered ? 1 : f->connection;
    struct conn *c = find_conn(s, service, connection);
    return c == NULL || conn_deliver(c, f->payload, f->payload_size);
}

static void on_unknown(struct session *s, const struct frame *f)
{
    if (!f->ignorable)
        broken(s, ERR_PROTOCOL, "a message of unknown type that must not be ignored");
}

static bool on_stream_frame(struct session *s, const struct frame *f)
{
    struct service *service = find_service(s, f->service, f->stream);
    bool start = f->type == FRAME_STREAM_START || f->type == FRAME_CONNECTION_START;
    if (!s->open)
        return true; /* nothing can have been opened before SERVICE_IDS */
    if (start && s->role == SESSION_SOURCE) {
        broken(s, ERR_PROTOCOL, "the destination tried to open a connection");
    } else if (start && f->stream == 0) {
        broken(s, ERR_PROTOCOL, "a start without stream id");
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
        broken(s, ERR_PROTOCOL, "bytes that are no tunnel message");
        return true;
    }
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
            end_stream(&s->services[i], ERR_PEER_RESET);
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

static void return_memory(struct session *s)
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
            broken(s, ERR_NO_MEMORY, "no memory for a message");
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
        return_memory(s);
    return s->attached ? taken : n;
}

void session_unstall(struct session *s)
{
    if (!s->stalled || !s->attached)
        return;
    s->stalled = false;
    s->transport.resume(s->transport.ctx);
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
    while (service->last_connection == 0 || find_conn(s, service, service->last_connection) != NULL);
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
    struct service *service = find_service(s, span_of(id), 0);
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
    if (s->name == NULL || s->out == NULL) {
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
        end_stream(&s->services[i], why);
    return_memory(s);
}

void session_free(struct session *s)
{
    session_detach(s, ERR_SHUTDOWN);
    while (!list_empty(&s->leaving))
        conn_finish(list_entry(s->leaving.next, struct conn, all), ERR_SHUTDOWN, false, CONN_NOW);
    loop_cancel(&s->again);
    map_free(&s->by_id);
    free_services(s);
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

size_t session_services(const struct session *s, const char *const **ids)
{
    *ids = s->ids;
    return s->n_ids;
}

size_t session_connections(const struct session *s)
{
    return s->n_live;
}
