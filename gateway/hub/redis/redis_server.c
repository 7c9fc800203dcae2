#include "gateway/hub/redis/redis_server.h"

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "gateway/hub/redis/redis_info.h"
#include "gateway/hub/redis/redis_link.h"
#include "redis_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS 2000
#define PATIENCE_MS 250 /* between two questions to a server that is loading */

enum state { PAUSED, CONNECTING, LOGIN, INFO, LOADING, PIN, LIST, LIBRARY, READY };

struct redis_server {
    struct redis_server_options o;
    struct redis_place place;
    char name[128];
    enum state state;
    struct redis_link *link;
    struct list waiting;
    struct timer *timer;
    unsigned fails; /* in a row */
    bool checked;   /* it was found good once: what it keeps is only warned of from then on */
    bool warned;
};

void redis_function(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s_" REDIS_LIBRARY, name);
}

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
        if (c->done == NULL) /* a greeting's */
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

static void fail_with_answer(struct redis_server *s, enum err why, const char *what,
                             struct span answer)
{
    char shown[256], text[400];
    text_copy(answer, TEXT_UTF8, shown, sizeof shown);
    snprintf(text, sizeof text, "%s: %s", what, shown);
    fail(s, why, text);
}

/* ---- the greeting ---- */

static void say(struct redis_server *s, enum state next, const struct span *args, size_t n)
{
    struct redis_command *c = redis_command_new(args, n);
    s->state = next;
    if (c == NULL || !redis_link_send(s->link, c)) {
        redis_command_free(c);
        fail(s, ERR_NO_MEMORY, "cannot be asked: out of memory");
    }
}

static void ask_info(struct redis_server *s)
{
    say(s, INFO, (const struct span[]){span_of("INFO")}, 1);
}

static void log_in(struct redis_server *s)
{
    struct span args[3] = {span_of("AUTH"), span_of(s->o.user), span_of(s->o.password)};
    if (s->o.user == NULL)
        args[1] = args[2];
    say(s, LOGIN, args, s->o.user != NULL ? 3 : 2);
}

static void load(struct redis_server *s)
{
    const struct span args[] = {
        span_of("FUNCTION"), span_of("LOAD"), {redis_library, sizeof redis_library}};
    say(s, LIBRARY, args, 3);
}

/* A server that is full says that it has them, and takes none. */
static void look_for_functions(struct redis_server *s)
{
    const struct span args[] = {span_of("FUNCTION"), span_of("LIST"), span_of("LIBRARYNAME"),
                                span_of("tunnel_" REDIS_LIBRARY)};
    say(s, LIST, args, 4);
}

static void ask_pin(struct redis_server *s)
{
    const struct span args[] = {span_of("HGET"), span_of(s->o.pin->key), span_of(s->o.pin->field)};
    say(s, PIN, args, 3);
}

static void on_pin(struct redis_server *s, struct span value)
{
    if (span_is(value, s->o.pin->value))
        look_for_functions(s);
    else
        fail(s, ERR_PROTOCOL, "has lost what hubs kept there, or is another one");
}

static void send_waiting(struct redis_server *s)
{
    list_each(node, &s->waiting)
    {
        struct redis_command *c = list_entry(node, struct redis_command, node);
        if (s->state != READY || !redis_link_send(s->link, c))
            return;
    }
}

static void greeted(struct redis_server *s)
{
    s->state = READY;
    s->fails = 0;
    s->checked = true;
    send_waiting(s);
    s->o.events->ready(s->o.owner, s);
}

static void denied(struct redis_server *s, struct span error)
{
    char shown[256], text[512];
    text_copy(error, TEXT_UTF8, shown, sizeof shown);
    if (strncmp(shown, "NOAUTH", 6) == 0)
        snprintf(text, sizeof text, "wants a password, and none was given: %s", shown);
    else if (strncmp(shown, "WRONGPASS", 9) == 0)
        snprintf(text, sizeof text, "does not take the %s: %s",
                 s->o.user != NULL ? "user's name with this password" : "password", shown);
    else
        snprintf(text, sizeof text,
                 "denies this user a command that is needed (share/doc/cluster.md has the list): "
                 "%s",
                 shown);
    fail(s, ERR_AUTH, text);
}

static void be_patient(struct redis_server *s, struct span answer)
{
    char shown[256], text[512];
    text_copy(answer, TEXT_UTF8, shown, sizeof shown);
    snprintf(text, sizeof text, "Redis at %s asks for patience: %s", s->name, shown);
    s->state = LOADING;
    s->fails++;
    timer_start(s->timer, PATIENCE_MS);
    s->o.events->failed(s->o.owner, s, ERR_BUSY, text);
}

static void on_info(struct redis_server *s, struct span answer)
{
    struct redis_info info;
    char text[320];
    bool lasting = false;
    redis_info_read(answer, &info);
    if (info.redis && info.loading) {
        be_patient(s, span_of("it is loading its data"));
        return;
    }
    enum err why = redis_info_check(&info, s->o.kind, &lasting, text, sizeof text);
    if (why != ERR_OK && (lasting || !s->checked)) {
        fail(s, why, text);
        return;
    }
    if (why != ERR_OK && !s->warned)
        log_error("Redis at %s %s", s->name, text);
    s->warned = why != ERR_OK;
    if (s->o.pin->key[0] != 0)
        ask_pin(s);
    else
        look_for_functions(s);
}

/* Another hub was faster. */
static bool is_loaded(struct span error)
{
    return memmem(error.p, error.n, "already exists", 14) != NULL;
}

/* An error in place of what was asked for. */
static void on_error(struct redis_server *s, struct span error)
{
    if (s->state == LIBRARY && is_loaded(error)) {
        greeted(s);
        return;
    }
    switch (redis_trouble(error)) {
    case REDIS_MOVED: /* what is pinned is another shard's */
        look_for_functions(s);
        return;
    case REDIS_WAIT:
        be_patient(s, error);
        return;
    case REDIS_DENIED:
        denied(s, error);
        return;
    case REDIS_FULL:
        fail_with_answer(s, ERR_NO_MEMORY, "has no room", error);
        return;
    default:
        fail_with_answer(s, ERR_PROTOCOL,
                         s->state == LOGIN ? "was given a password that it does not want"
                                           : "does not take what it is asked",
                         error);
    }
}

static void on_greeting(struct redis_server *s, const struct redis_reply *reply)
{
    struct span text = redis_text(reply);
    if (reply->type == REDIS_ERROR)
        on_error(s, text);
    else if (s->state == LOGIN)
        ask_info(s);
    else if (s->state == INFO)
        on_info(s, text);
    else if (s->state == PIN)
        on_pin(s, text);
    else if (s->state == LIBRARY || (s->state == LIST && redis_count(reply) > 0))
        greeted(s);
    else if (s->state == LIST)
        load(s);
}

/* ---- the link ---- */

static void on_connected(void *owner)
{
    struct redis_server *s = owner;
    if (s->o.password != NULL)
        log_in(s);
    else
        ask_info(s);
}

static void on_answered(void *owner, struct redis_command *c, const struct redis_reply *reply)
{
    struct redis_server *s = owner;
    send_waiting(s); /* there may be room again */
    if (c->done != NULL) {
        s->o.events->answered(s->o.owner, s, c, reply);
        return;
    }
    redis_command_free(c);
    on_greeting(s, reply);
}

static void on_lost(void *owner, enum err why)
{
    struct redis_server *s = owner;
    char text[320];
    bool was_connected = s->state > CONNECTING;
    if (s->state == READY || s->state == LIBRARY) {
        log_info("the connection to Redis at %s is lost: %s", s->name, err_text(why));
        redis_server_again(s, NULL);
        return;
    }
    if (why == ERR_PROTOCOL || why == ERR_TOO_LARGE)
        snprintf(text, sizeof text, "is not Redis: what it answers is %s", err_text(why));
    else if (why == ERR_TIMEOUT)
        snprintf(text, sizeof text, "%s within %llu ms",
                 was_connected ? "does not answer" : "cannot be reached",
                 (unsigned long long)s->o.timeout_ms);
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

static void on_timer(void *owner)
{
    struct redis_server *s = owner;
    if (s->state == LOADING)
        ask_info(s);
    else
        connect_now(s);
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
    list_init(&s->waiting);
    s->timer = timer_new(o->loop, on_timer, s);
    if (s->timer == NULL || !set_place(s, o->place)) {
        redis_server_free(s);
        return NULL;
    }
    connect_now(s);
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
    if (s->state != READY || !list_empty(&s->waiting) || !redis_link_send(s->link, c))
        list_append(&s->waiting, &c->node);
}

void redis_server_load(struct redis_server *s)
{
    if (s->state == READY)
        load(s);
}

void redis_server_again(struct redis_server *s, const struct redis_place *place)
{
    drop_link(s);
    timer_stop(s->timer);
    if (place != NULL && !set_place(s, place))
        pause_before_next(s, ERR_NO_MEMORY);
    else
        connect_now(s);
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

const char *redis_server_name(const struct redis_server *s)
{
    return s->name;
}

const struct redis_place *redis_server_place(const struct redis_server *s)
{
    return &s->place;
}
