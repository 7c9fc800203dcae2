#include "core/base/log.h"
#include "core/base/text.h"
#include "gateway/hub/redis/redis_info.h"
#include "gateway/hub/redis/redis_internal.h"

#include <stdio.h>

#define TICK_MS 50        /* how exact the time limits of waiting commands are */
#define AGAIN_MS 50       /* before a server is asked again that wants patience */
#define LOSSES_MAX 3      /* lost connections that one command survives */
#define TRIES_MAX 100     /* answers to one command that ask for another try */
#define LOADS_MAX 3       /* of them, answers that the function is not there */
#define COMPLAIN_MS 60000 /* one line in the log for each kind of trouble and minute */

void redis_finish(struct redis *r, struct redis_command *c, enum err why,
                  const struct redis_reply *reply)
{
    redis_done *done = c->done;
    void *ctx = c->ctx;
    r->counts.unanswered--;
    if (why != ERR_OK)
        r->counts.failed++;
    redis_command_free(c);
    done(ctx, why, reply);
}

static void finish_failed(struct redis *r, struct redis_command *c)
{
    redis_finish(r, c, c->why, NULL);
}

void redis_tell_failed(void *owner)
{
    struct redis *r = owner;
    struct list now;
    list_init(&now);
    list_each(node, &r->failed)
    {
        list_append(&now, node);
    }
    while (!list_empty(&now))
        finish_failed(r, list_entry(now.next, struct redis_command, node));
}

void redis_fail_soon(struct redis *r, struct redis_command *c)
{
    list_append(&r->failed, &c->node);
    loop_defer(r->o.loop, &r->tell_failed);
}

static void start_ticking(struct redis *r)
{
    if (!r->ticking)
        timer_start(r->tick, TICK_MS);
    r->ticking = true;
}

void redis_ask_later(struct redis *r, struct redis_command *c)
{
    if (++c->tries > TRIES_MAX) {
        redis_fail_soon(r, c);
        return;
    }
    r->counts.resent++;
    c->asking = false;
    c->again = loop_now(r->o.loop) + AGAIN_MS;
    list_append(&r->later, &c->node);
    start_ticking(r);
}

/* NULL: not known now. */
static struct redis_server *server_for(struct redis *r, uint16_t slot)
{
    if (r->slots == NULL)
        return r->n > 0 ? r->servers[0] : NULL;
    if (slot != REDIS_SLOT_ANY)
        return r->slots[slot] != REDIS_NO_SHARD ? r->servers[r->slots[slot]] : NULL;
    for (size_t i = 0; i < r->n; i++)
        if (redis_server_ready(r->servers[i]))
            return r->servers[i];
    return r->n > 0 ? r->servers[0] : NULL;
}

void redis_dispatch(struct redis *r, struct redis_command *c)
{
    struct redis_server *s = server_for(r, c->slot);
    if (s == NULL) {
        redis_ask_later(r, c);
        return;
    }
    if (redis_server_down(s)) {
        redis_fail_soon(r, c);
        return;
    }
    redis_server_send(s, c);
    if (!redis_server_ready(s))
        start_ticking(r);
}

static bool expire(struct redis *r, struct list *waiting)
{
    uint64_t now = loop_now(r->o.loop);
    list_each(node, waiting)
    {
        struct redis_command *c = list_entry(node, struct redis_command, node);
        if (now >= c->until)
            redis_fail_soon(r, c);
    }
    return !list_empty(waiting);
}

void redis_on_tick(void *owner)
{
    struct redis *r = owner;
    uint64_t now = loop_now(r->o.loop);
    r->ticking = false;
    expire(r, &r->later);
    list_each(node, &r->later)
    {
        struct redis_command *c = list_entry(node, struct redis_command, node);
        if (now >= c->again) {
            list_remove(&c->node);
            redis_dispatch(r, c);
        }
    }
    bool waits = !list_empty(&r->later);
    for (size_t i = 0; i < r->n; i++)
        waits = expire(r, redis_server_waiting(r->servers[i])) || waits;
    if (waits)
        start_ticking(r);
}

/* ---- what servers tell ---- */

/* Up when all are ready, down as soon as one is down. */
void redis_set_up(struct redis *r)
{
    bool ready = r->n > 0, down = false;
    for (size_t i = 0; i < r->n; i++) {
        ready = ready && redis_server_ready(r->servers[i]);
        down = down || redis_server_down(r->servers[i]);
    }
    if (r->up ? !down : !ready)
        return;
    r->up = !r->up;
    if (r->start == STARTING) {
        r->start = STARTED;
    } else if (r->o.changed != NULL) {
        r->o.changed(r->o.owner, r->up);
    }
    if (r->up)
        r->told = 0;
}

static void on_ready(void *owner, struct redis_server *s)
{
    struct redis *r = owner;
    (void)s;
    if (r->start == STARTED)
        r->counts.reconnects++;
    redis_set_up(r);
}

void redis_in_vain(struct redis *r, enum err why, const char *text)
{
    if (r->start == STARTED) {
        if (r->up)
            log_error("%s", text);
    } else if (why == ERR_BUSY && loop_now(r->o.loop) < r->patience) {
        log_info("%s", text);
    } else {
        r->start = REFUSED;
        r->why = why;
        snprintf(r->text, r->size, "%s", text);
    }
}

/* Each kind of reason is told once until Redis is up again: it may be away for another one than it
 * went for, such as an empty one in its place. */
static bool is_news(struct redis *r, enum err why)
{
    uint64_t kind = UINT64_C(1) << (why % 64);
    bool news = (r->told & kind) == 0;
    r->told |= kind;
    return news;
}

static void on_failed(void *owner, struct redis_server *s, enum err why, const char *text)
{
    struct redis *r = owner;
    if (r->start != STARTED) {
        redis_in_vain(r, why, text);
        return;
    }
    if (r->guide != NULL)
        redis_guide_ask(r->guide);
    if (!redis_server_down(s))
        return;
    if (is_news(r, why))
        log_error("%s; what needs it has to wait", text);
    list_each(node, redis_server_waiting(s))
    {
        redis_fail_soon(r, list_entry(node, struct redis_command, node));
    }
    redis_set_up(r);
}

/* The same may be wrong with each of thousands of commands. */
static void complain(struct redis *r, const struct redis_server *s, enum redis_trouble kind,
                     struct span said)
{
    const char *what = kind == REDIS_WAIT   ? "asks for patience"
                       : kind == REDIS_FULL ? "takes nothing new"
                                            : "refuses a command";
    uint64_t now = loop_now(r->o.loop), *last = &r->complained[kind];
    char shown[256];
    if (*last != 0 && now - *last < COMPLAIN_MS)
        return;
    *last = now;
    log_line(kind == REDIS_WAIT ? LOG_WARNING : LOG_ERROR, "Redis at %s %s: %s",
             redis_server_name(s), what, text_copy(said, TEXT_UTF8, shown, sizeof shown));
}

static void on_error(struct redis *r, struct redis_server *s, struct redis_command *c,
                     const struct redis_reply *reply)
{
    enum redis_trouble kind = redis_trouble(reply->text);
    switch (kind) {
    case REDIS_WAIT:
        complain(r, s, kind, reply->text);
        redis_ask_later(r, c);
        return;
    case REDIS_FULL:
        complain(r, s, kind, reply->text);
        redis_finish(r, c, ERR_BUSY, NULL);
        return;
    case REDIS_NO_FUNCTION:
        if (c->tries >= LOADS_MAX)
            break;
        redis_server_load(s);
        redis_ask_later(r, c);
        return;
    case REDIS_READONLY:
        redis_ask_later(r, c);
        redis_server_again(s);
        return;
    case REDIS_MOVED:
    case REDIS_ASK:
        if (r->follow == NULL || !r->follow(r, s, c, reply->text))
            break;
        return;
    default:
        break;
    }
    complain(r, s, kind, reply->text); /* it is nobody's weather */
    redis_finish(r, c, ERR_PROTOCOL, NULL);
}

static void on_answered(void *owner, struct redis_server *s, struct redis_command *c,
                        const struct redis_reply *reply)
{
    struct redis *r = owner;
    if (reply->type == REDIS_ERROR) {
        on_error(r, s, c, reply);
        return;
    }
    r->counts.last_ms = loop_now(r->o.loop) - c->sent;
    redis_finish(r, c, ERR_OK, reply);
}

static bool on_lost(void *owner, struct redis_command *c)
{
    struct redis *r = owner;
    bool again = ++c->losses <= LOSSES_MAX && loop_now(r->o.loop) < c->until;
    if (again) {
        r->counts.resent++;
        start_ticking(r);
    } else {
        redis_fail_soon(r, c);
    }
    return again;
}

static void on_find(void *owner, struct redis_server *s)
{
    struct redis *r = owner;
    (void)s;
    redis_guide_ask(r->guide);
}

static const struct redis_server_events events = {
    .ready = on_ready, .failed = on_failed, .answered = on_answered, .lost = on_lost};
static const struct redis_server_events events_with_sentinel = {.find = on_find,
                                                                .ready = on_ready,
                                                                .failed = on_failed,
                                                                .answered = on_answered,
                                                                .lost = on_lost};

struct redis_server *redis_add_server(struct redis *r, const struct redis_place *place)
{
    if (r->n == REDIS_SHARDS_MAX)
        return NULL;
    struct redis_server *s = redis_server_new(&(struct redis_server_options){
        .loop = r->o.loop,
        .kind = r->url.kind,
        .place = place,
        .user = r->url.user,
        .password = r->url.password,
        .pin = &r->pin,
        .timeout_ms = r->o.timeout_ms,
        .look_ms = r->o.look_ms,
        .events = r->url.kind == REDIS_SENTINEL ? &events_with_sentinel : &events,
        .owner = r});
    if (s != NULL)
        r->servers[r->n++] = s;
    return s;
}
