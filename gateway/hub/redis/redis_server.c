#include "gateway/hub/redis/redis_server.h"

#include "core/base/log.h"
#include "core/base/random.h"
#include "gateway/hub/redis/redis_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 2000
#define PATIENCE_MS 250 /* between two questions to a server that is loading */

enum state { PAUSED, FINDING, CONNECTING, GREETING, LOADING, READY };

struct redis_server {
    struct redis_server_options o;
    struct redis_place place;
    char name[128];
    enum state state;
    struct redis_link *link;
    struct list waiting;
    struct timer *timer;
    unsigned fails; /* in a row */
    uint64_t ready_at;
    struct redis_greeting greeting;
};

/* ---- the ends of tries ---- */

static void pause_before_next(struct redis_server *s, enum err why)
{
    unsigned doubled = s->fails < 6 ? s->fails : 6;
    uint64_t most = (uint64_t)PAUSE_FIRST_MS << doubled;
    uint32_t dice = 0;
    random_bytes(&dice, sizeof dice);
    if (most > PAUSE_MAX_MS || why == ERR_AUTH)
        most = PAUSE_MAX_MS;
    s->state = PAUSED;
    timer_start(s->timer, most / 2 + dice % (most / 2));
}

/* The link and what was sent over it: those commands wait again, ahead of the others. */
static void drop_link(struct redis_server *s)
{
    struct list sent;
    list_init(&sent);
    if (s->link == NULL)
        return;
    redis_link_take(s->link, &sent);
    redis_link_free(s->link);
    s->link = NULL;
    while (!list_empty(&sent)) {
        struct redis_command *c = list_entry(sent.prev, struct redis_command, node);
        list_remove(&c->node);
        if (c->kind != REDIS_ASKED)
            redis_command_free(c);
        else if (s->o.events->lost(s->o.owner, c))
            list_prepend(&s->waiting, &c->node);
    }
}

static void fail(struct redis_server *s, enum err why, const char *what)
{
    char text[512];
    snprintf(text, sizeof text, "Redis at %s %s", s->name, what);
    drop_link(s);
    s->fails++;
    pause_before_next(s, why);
    s->o.events->failed(s->o.owner, s, why, text);
}

static bool send_asking(struct redis_server *s)
{
    struct redis_command *c = redis_command_new((const struct span[]){span_of("ASKING")}, 1);
    if (c != NULL)
        c->kind = REDIS_SILENT;
    if (c != NULL && redis_link_send(s->link, c))
        return true;
    redis_command_free(c);
    return false;
}

static bool transmit(struct redis_server *s, struct redis_command *c)
{
    if (s->state != READY || (c->asking && !send_asking(s)))
        return false;
    return redis_link_send(s->link, c);
}

static void send_waiting(struct redis_server *s)
{
    list_each(node, &s->waiting)
    {
        struct redis_command *c = list_entry(node, struct redis_command, node);
        if (!transmit(s, c))
            return;
    }
}

static void on_step(struct redis_server *s, enum greeting_step step)
{
    char text[704];
    switch (step) {
    case GREETING_GOES_ON:
        return;
    case GREETING_DONE:
        s->state = READY;
        s->ready_at = loop_now(s->o.loop);
        s->fails = 0;
        timer_start(s->timer, s->o.look_ms);
        send_waiting(s);
        s->o.events->ready(s->o.owner, s);
        return;
    case GREETING_PATIENCE:
        snprintf(text, sizeof text, "Redis at %s %s", s->name, s->greeting.text);
        s->state = LOADING;
        s->fails++;
        timer_start(s->timer, PATIENCE_MS);
        s->o.events->failed(s->o.owner, s, ERR_BUSY, text);
        return;
    default:
        fail(s, s->greeting.why, s->greeting.text);
    }
}

/* ---- the link ---- */

static void on_connected(void *owner)
{
    struct redis_server *s = owner;
    s->state = GREETING;
    s->greeting.link = s->link;
    on_step(s, redis_greet(&s->greeting));
}

static void on_answered(void *owner, struct redis_command *c, const struct redis_reply *reply)
{
    struct redis_server *s = owner;
    send_waiting(s); /* there may be room again */
    if (c->kind == REDIS_ASKED) {
        s->o.events->answered(s->o.owner, s, c, reply);
        return;
    }
    bool greeting = c->kind == REDIS_GREETING, look = c->kind == REDIS_LOOK;
    redis_command_free(c);
    if (greeting)
        on_step(s, redis_greet_answer(&s->greeting, reply));
    else if (look && !redis_greet_looked(&s->greeting, reply))
        redis_server_again(s);
}

/* The next connection is made at once, unless this one was short, too. */
static void lose(struct redis_server *s, enum err why)
{
    log_line(why == ERR_TIMEOUT ? LOG_WARNING : LOG_INFO,
             "the connection to Redis at %s is lost: %s", s->name, err_text(why));
    drop_link(s);
    if (loop_now(s->o.loop) > s->ready_at + PAUSE_MAX_MS)
        redis_server_again(s);
    else
        pause_before_next(s, why);
}

static void on_lost(void *owner, enum err why)
{
    struct redis_server *s = owner;
    char text[320];
    bool was_connected = s->state > CONNECTING;
    if (s->state == READY) {
        lose(s, why);
        return;
    }
    if (why == ERR_PROTOCOL || why == ERR_TOO_LARGE)
        snprintf(text, sizeof text, "is not Redis: what it answers is %s", err_text(why));
    else if (why == ERR_TIMEOUT)
        snprintf(text, sizeof text, "%s within %llu ms",
                 was_connected ? "does not answer" : "cannot be reached",
                 (unsigned long long)s->o.timeout_ms);
    else if (was_connected && !s->greeting.heard)
        snprintf(text, sizeof text,
                 "ends the connection instead of answering (%s); does it want TLS? Then see "
                 "share/doc/cluster.md",
                 err_text(why));
    else
        snprintf(text, sizeof text, "%s: %s", was_connected ? "went away" : "cannot be reached",
                 err_text(why));
    fail(s, why, text);
}

static const struct redis_link_events link_events = {on_connected, on_answered, on_lost};

static void connect_now(struct redis_server *s)
{
    s->state = CONNECTING;
    s->link = redis_link_new(&(struct redis_link_options){.loop = s->o.loop,
                                                          .place = &s->place,
                                                          .timeout_ms = s->o.timeout_ms,
                                                          .events = &link_events,
                                                          .owner = s});
    if (s->link == NULL)
        pause_before_next(s, ERR_NO_MEMORY);
}

static void find(struct redis_server *s)
{
    if (s->o.events->find == NULL) {
        connect_now(s);
        return;
    }
    s->state = FINDING;
    s->o.events->find(s->o.owner, s);
}

static void on_timer(void *owner)
{
    struct redis_server *s = owner;
    if (s->state == LOADING) {
        s->state = GREETING;
        on_step(s, redis_greet_again(&s->greeting));
    } else if (s->state == READY) {
        redis_greet_look(&s->greeting); /* or the next time */
        timer_start(s->timer, s->o.look_ms);
    } else {
        find(s);
    }
}

/* ---- for the owner ---- */

static bool set_place(struct redis_server *s, const struct redis_place *place)
{
    char *host = str_copy(place->host);
    if (host == NULL)
        return false;
    free(s->place.host);
    s->place = (struct redis_place){host, place->port};
    if (place->port == 0)
        snprintf(s->name, sizeof s->name, "%s", host);
    else
        snprintf(s->name, sizeof s->name, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host,
                 place->port);
    return true;
}

struct redis_server *redis_server_new(const struct redis_server_options *o)
{
    struct redis_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->o = *o;
    s->greeting = (struct redis_greeting){
        .kind = o->kind, .user = o->user, .password = o->password, .name = s->name, .pin = o->pin};
    list_init(&s->waiting);
    s->timer = timer_new(o->loop, on_timer, s);
    if (s->timer == NULL || !set_place(s, o->place)) {
        redis_server_free(s);
        return NULL;
    }
    find(s);
    return s;
}

void redis_server_free(struct redis_server *s)
{
    if (s == NULL)
        return;
    drop_link(s);
    timer_free(s->timer);
    free(s->place.host);
    free(s);
}

void redis_server_send(struct redis_server *s, struct redis_command *c)
{
    if (!list_empty(&s->waiting) || !transmit(s, c))
        list_append(&s->waiting, &c->node);
}

void redis_server_load(struct redis_server *s)
{
    if (s->state != READY)
        return;
    timer_stop(s->timer);
    s->state = GREETING;
    on_step(s, redis_greet_load(&s->greeting));
}

void redis_server_found(struct redis_server *s, const struct redis_place *place)
{
    if (s->state != FINDING)
        return;
    if (set_place(s, place))
        connect_now(s);
    else
        pause_before_next(s, ERR_NO_MEMORY);
}

void redis_server_not_found(struct redis_server *s, enum err why, const char *text)
{
    if (s->state != FINDING)
        return;
    s->fails++;
    pause_before_next(s, why);
    s->o.events->failed(s->o.owner, s, why, text);
}

void redis_server_again(struct redis_server *s)
{
    drop_link(s);
    timer_stop(s->timer);
    find(s);
}

void redis_server_stop(struct redis_server *s)
{
    drop_link(s);
    timer_stop(s->timer);
    s->state = PAUSED;
}

struct list *redis_server_waiting(struct redis_server *s)
{
    return &s->waiting;
}

bool redis_server_ready(const struct redis_server *s)
{
    return s->state == READY;
}

bool redis_server_down(const struct redis_server *s)
{
    return s->fails >= 2 && s->state != READY;
}

bool redis_server_unsafe(const struct redis_server *s)
{
    return s->greeting.warned;
}

const char *redis_server_name(const struct redis_server *s)
{
    return s->name;
}

const struct redis_place *redis_server_place(const struct redis_server *s)
{
    return &s->place;
}
