/* The life of a session, its pump, and the connections that its source opens. */
#include "core/base/queue.h"
#include "core/base/random.h"
#include "core/tunnel/idle.h"
#include "core/tunnel/resume.h"
#include "core/tunnel/session_internal.h"
#include "core/tunnel/stall.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_QUEUE_LIMIT 262144
#define DEFAULT_MAX_CONNECTIONS 4096
#define DEFAULT_LINGER_MS 30000
#define DEFAULT_STALL_MS 30000
#define DEFAULT_RESUME_MS 120000
#define DEFAULT_BUDGET 67108864
/* Frames that are sent before the other sockets of the loop get their turn, by one bulk connection
 * and by several, in whose batch a fresh one would wait. */
#define FRAMES_ALONE 8
#define FRAMES_SHARED 4

static size_t or_default(size_t value, size_t fallback)
{
    return value != 0 ? value : fallback;
}

static uint64_t ms_or_default(uint64_t value, uint64_t fallback)
{
    return value != 0 ? value : fallback;
}

static struct session *session_of(const struct conn_host *h)
{
    return list_entry(h, struct session, host);
}

/* ---- sending ---- */

static void send_data(struct conn *c)
{
    const uint8_t *p = NULL;
    size_t n = c->dialect->ops->read(c, &p);
    if (n > 0)
        conn_send(c, FRAME_DATA, p, n);
}

/* Control frames, then sparse connections, then bulk ones in turn, while there is room. */
static void pump(struct conn_host *h)
{
    if (h->pumping)
        return;
    h->pumping = true;
    int frames = scheduler_crowded(&h->scheduler) ? FRAMES_SHARED : FRAMES_ALONE;
    struct turn *t;
    while (frames > 0 && host_ready(h)) {
        if (resume_send_next(&session_of(h)->native))
            continue;
        if ((t = scheduler_next_control(&h->scheduler)) != NULL) {
            conn_send_owed(list_entry(t, struct conn, turn));
            continue;
        }
        if ((t = scheduler_next(&h->scheduler)) == NULL)
            break;
        send_data(list_entry(t, struct conn, turn));
        frames--;
    }
    h->pumping = false;
    if (frames == 0)
        host_pump_later(h);
}

static void pump_deferred(void *host)
{
    pump(host);
}

void session_writable(struct session *s)
{
    pump(&s->host);
}

/* ---- connections of the source ---- */

/* One of the service that makes room for another one. NULL: there is none. */
static struct conn *lingering(const struct session *s, const struct service *service)
{
    if (!s->host.speaking->ops->lingers)
        return NULL;
    list_each(node, &service->conns)
    {
        struct conn *c = list_entry(node, struct conn, all);
        if (conn_lingers(c))
            return c;
    }
    return NULL;
}

/* V1 and V2 carry one connection a service. */
static enum err evict_lingering(struct session *s, struct service *service)
{
    size_t most = s->host.version >= 3 ? s->host.max_connections : 1;
    if (service->live < most)
        return ERR_OK;
    struct conn *c = lingering(s, service);
    if (c == NULL)
        return s->host.version >= 3 ? ERR_LIMIT : ERR_BUSY;
    conn_finish(c, ERR_STREAM_REPLACED, true, CONN_FLUSH);
    return ERR_OK;
}

static struct service *find_service(const struct session *s, const char *id)
{
    return service_list_find(&s->host.services, s->host.version, span_of(id), 0);
}

bool session_full(const struct session *s, const char *id)
{
    const struct service *service = find_service(s, id);
    return s->host.version >= 3 && service != NULL && service->live >= s->host.max_connections &&
           lingering(s, service) == NULL;
}

void session_on_room(struct session *s, void (*room)(void *owner), void *owner)
{
    s->host.room = room;
    s->host.room_owner = owner;
}

/* An end that does not heed the target would connect to something else. */
static bool can_be_told(const struct session *s, const struct opening *o)
{
    bool heeds =
        s->host.speaking == s->host.native && (s->native.features & FRAME_FEATURE_TARGETS) != 0;
    return o == NULL || o->target[0] == '\0' || heeds;
}

/* V1 to V3 have no way to tell it. False: no memory. */
static bool tell(struct conn *c, const struct opening *o)
{
    uint8_t bytes[OPENING_MAX];
    bool native = o != NULL && c->dialect == c->host->native;
    struct span encoded = {(const char *)bytes, native ? opening_encode(o, bytes) : 0};
    if (encoded.n > 0)
        c->opening = (struct span){span_dup(encoded), encoded.n};
    return encoded.n == 0 || c->opening.p != NULL;
}

struct conn *conn_open(struct session *s, const char *id, const struct opening *opening,
                       const struct conn_events *events, void *owner, enum err *why)
{
    struct dialect *d = s->host.speaking;
    *why = session_device_offline(s) ? ERR_DEVICE_OFFLINE : ERR_HUB_DOWN;
    if (!session_reachable(s))
        return NULL;
    struct service *service = find_service(s, id);
    *why = service == NULL            ? ERR_NO_SERVICE
           : !can_be_told(s, opening) ? ERR_NO_TARGETS
                                      : evict_lingering(s, service);
    if (*why != ERR_OK)
        return NULL;
    int32_t stream = service->stream;
    struct conn *c = d->ops->open(d, service);
    if (c == NULL || !tell(c, opening) || !conn_register(c)) {
        *why = ERR_NO_MEMORY;
        service->stream = stream;
        if (c != NULL)
            conn_destroy(c);
        return NULL;
    }
    conn_set_owner(c, events, owner);
    conn_owe(c, 0); /* its start */
    pump(&s->host);
    return c;
}

struct session *conn_session(const struct conn *c)
{
    return session_of(c->host);
}

/* ---- life ---- */

void session_change(struct session *s, const struct session_options *fresh)
{
    s->host.max_connections = or_default(fresh->max_connections, DEFAULT_MAX_CONNECTIONS);
    s->host.linger_ms = ms_or_default(fresh->linger_ms, DEFAULT_LINGER_MS);
    s->host.stall_ms = ms_or_default(fresh->stall_ms, DEFAULT_STALL_MS);
    s->native.resume_ms = ms_or_default(fresh->resume_ms, DEFAULT_RESUME_MS);
    s->host.idle_ms = fresh->idle_ms;
    idle_changed(&s->host);
}

static void broken(struct conn_host *h, enum err why, const char *text)
{
    session_broken(session_of(h), why, text);
}

static bool init_host(struct session *s, struct loop *loop, const struct session_options *o,
                      const struct session_events *events, void *owner)
{
    struct conn_host *h = &s->host;
    *h = (struct conn_host){
        .pump = pump,
        .broken = broken,
        .events = events,
        .owner = owner,
        .loop = loop,
        .time = o->time != NULL ? o->time : &time_of_loop,
        .role = o->role,
        .version = o->version != 0 ? o->version : 3,
        .queue_limit = or_default(o->queue_limit, DEFAULT_QUEUE_LIMIT),
        .title = strdup(o->title != NULL ? o->title : ""),
        .aws = &s->aws.dialect,
        .native = &s->native.dialect,
        .speaking = &s->aws.dialect,
    };
    struct budget *budget = o->memory != NULL ? o->memory : &s->own_budget;
    budget_init(&s->own_budget, SIZE_MAX / 4);
    account_open(&h->in, budget, or_default(o->budget, DEFAULT_BUDGET));
    account_open(&h->out, budget, or_default(o->budget, DEFAULT_BUDGET));
    list_init(&h->leaving);
    list_init(&h->draining);
    scheduler_init(&h->scheduler);
    deferred_init(&h->pump_deferred, pump_deferred, h);
    return host_init_outgoing(h) && h->title != NULL;
}

/* Ids should not repeat while a tunnel lives, also over restarts of this program. */
static int32_t last_stream(const struct session_options *o)
{
    int32_t id;
    (o->random != NULL ? o->random : random_bytes)(&id, sizeof id);
    return o->first_stream != 0 ? o->first_stream - 1 : id & 0x3fffffff;
}

struct session *session_new(struct loop *loop, const struct session_options *o,
                            const struct session_events *events, void *owner)
{
    struct session *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    bool there = init_host(s, loop, o, events, owner);
    there = stall_init(&s->host) && there;
    there = idle_init(&s->host) && there;
    there = native_init(&s->native, &s->host) && there;
    aws_init(&s->aws, &s->host, last_stream(o));
    session_change(s, o);
    if (there)
        return s;
    session_free(s);
    return NULL;
}

void session_attach(struct session *s, const struct transport *t)
{
    if (!t->native)
        resume_end_all(&s->native, ERR_LINK_LOST, false);
    s->host.transport = *t;
    s->host.attached = true;
    s->host.open = false;
    idle_changed(&s->host);
}

static void detach(struct session *s, enum err why)
{
    struct conn_host *h = &s->host;
    h->attached = h->open = h->stall.stalled = h->stall.full = false;
    resume_lost(&s->native);
    aws_lost(&s->aws, why);
    session_return_memory(s);
}

void session_lost(struct session *s)
{
    detach(s, ERR_LINK_LOST);
}

void session_detach(struct session *s, enum err why)
{
    detach(s, why);
    resume_end_all(&s->native, why, false);
}

void session_free(struct session *s)
{
    struct conn_host *h = &s->host;
    session_detach(s, ERR_SHUTDOWN);
    while (!list_empty(&h->leaving))
        conn_finish(list_entry(h->leaving.next, struct conn, all), ERR_SHUTDOWN, false, CONN_NOW);
    loop_cancel(&h->pump_deferred);
    stall_free(h);
    idle_free(h);
    native_free(&s->native);
    map_free(&h->by_id);
    service_list_free(&h->services);
    free(h->title);
    free(h->outgoing);
    account_close(&h->in);
    account_close(&h->out);
    budget_free(&s->own_budget);
    free(s);
}

/* ---- what it knows ---- */

bool session_stalled(const struct session *s)
{
    return s->host.stall.stalled;
}

void session_pressure(const struct session *s, struct session_pressure *out)
{
    const struct stall *stall = &s->host.stall;
    *out = (struct session_pressure){
        .held = s->host.in.used,
        .kept = s->host.out.used,
        .limit = account_limit(&s->host.in),
        .times = stall->times,
        .dropped = stall->dropped,
        .now = (stall->stalled && stall->full) || !list_empty(&stall->budget_waiters),
    };
}

bool session_open(const struct session *s)
{
    return s->host.open;
}

bool session_reachable(const struct session *s)
{
    return host_reachable(&s->host);
}

bool session_device_offline(const struct session *s)
{
    const struct conn_host *h = &s->host;
    return h->role == SESSION_SOURCE && h->attached && h->open && h->transport.native &&
           !h->peer.attached;
}

uint64_t session_round_trip_us(const struct session *s)
{
    return s->native.round_trip_us;
}

const struct session_peer *session_peer(const struct session *s)
{
    return &s->host.peer;
}

size_t session_services(const struct session *s, const char *const **ids)
{
    *ids = s->host.services.ids;
    return s->host.services.n_ids;
}

size_t session_connections(const struct session *s)
{
    return s->host.n_live;
}
