#include "gateway/hub/redis/redis.h"

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/text.h"
#include "gateway/hub/redis/redis_info.h"
#include "gateway/hub/redis/redis_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 2000
#define TICK_MS 50        /* how exact the time limits of waiting commands are */
#define AGAIN_MS 50       /* before a server is asked again that wants patience */
#define PATIENCE_MS 60000 /* for a server that loads its data while we start */
#define LOSSES_MAX 3      /* lost connections that one command survives */
#define TRIES_MAX 100     /* answers to one command that ask for another try */
#define LOADS_MAX 3       /* of them, answers that the function is not there */
#define PASSWORD_MAX 4096 /* bytes of its file */

/* ---- the ways of a command ---- */

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

static void tell_failed(void *owner)
{
    struct redis *r = owner;
    struct list now;
    list_init(&now);
    list_each(node, &r->failed) list_append(&now, node);
    while (!list_empty(&now))
        finish_failed(r, list_entry(now.next, struct redis_command, node));
}

void redis_fail_soon(struct redis *r, struct redis_command *c)
{
    list_append(&r->failed, &c->node);
    loop_defer(r->o.loop, &r->tell_failed);
}

void redis_ask_later(struct redis *r, struct redis_command *c)
{
    if (++c->tries > TRIES_MAX) {
        redis_fail_soon(r, c);
        return;
    }
    r->counts.resent++;
    c->again = loop_now(r->o.loop) + AGAIN_MS;
    list_append(&r->later, &c->node);
    timer_start(r->tick, TICK_MS);
}

void redis_dispatch(struct redis *r, struct redis_command *c)
{
    if (redis_server_down(r->server)) {
        redis_fail_soon(r, c);
        return;
    }
    redis_server_send(r->server, c);
    if (!redis_server_ready(r->server))
        timer_start(r->tick, TICK_MS);
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

static void on_tick(void *owner)
{
    struct redis *r = owner;
    uint64_t now = loop_now(r->o.loop);
    expire(r, &r->later);
    list_each(node, &r->later)
    {
        struct redis_command *c = list_entry(node, struct redis_command, node);
        if (now >= c->again) {
            list_remove(&c->node);
            redis_dispatch(r, c);
        }
    }
    bool waits = expire(r, redis_server_waiting(r->server));
    if (waits || !list_empty(&r->later))
        timer_start(r->tick, TICK_MS);
}

static void fail_all(struct redis *r)
{
    list_each(node, redis_server_waiting(r->server))
        redis_fail_soon(r, list_entry(node, struct redis_command, node));
}

/* ---- what servers tell ---- */

static void set_up(struct redis *r, bool up)
{
    if (r->up == up)
        return;
    r->up = up;
    if (r->start == STARTED && r->o.changed != NULL)
        r->o.changed(r->o.owner, up);
}

static void on_ready(void *owner, struct redis_server *s)
{
    struct redis *r = owner;
    if (r->start == STARTED && !r->up)
        log_info("Redis at %s is there again", redis_server_name(s));
    if (r->start == STARTED)
        r->counts.reconnects++;
    set_up(r, true);
    r->start = STARTED;
}

static void on_start_failed(struct redis *r, enum err why, const char *text)
{
    if (why == ERR_BUSY && loop_now(r->o.loop) < r->patience) {
        log_info("%s", text);
        return;
    }
    r->start = REFUSED;
    r->why = why;
    snprintf(r->text, r->size, "%s", text);
}

static void on_failed(void *owner, struct redis_server *s, enum err why, const char *text)
{
    struct redis *r = owner;
    if (r->start != STARTED)
        on_start_failed(r, why, text);
    if (r->start != STARTED || !redis_server_down(s))
        return;
    if (r->up)
        log_error("%s; what needs it has to wait", text);
    fail_all(r);
    set_up(r, false);
}

/* An error that is nobody's weather. */
static void on_refused(struct redis *r, struct redis_command *c, const struct redis_reply *reply)
{
    char shown[256];
    log_error("Redis refused a command: %s",
              text_copy(reply->text, TEXT_UTF8, shown, sizeof shown));
    redis_finish(r, c, ERR_PROTOCOL, NULL);
}

static void on_full(struct redis *r, struct redis_command *c, const struct redis_reply *reply)
{
    char shown[256];
    log_error("Redis takes nothing new: %s",
              text_copy(reply->text, TEXT_UTF8, shown, sizeof shown));
    redis_finish(r, c, ERR_BUSY, NULL);
}

static void on_error(struct redis *r, struct redis_server *s, struct redis_command *c,
                     const struct redis_reply *reply)
{
    switch (redis_trouble(reply->text)) {
    case REDIS_WAIT:
        redis_ask_later(r, c);
        return;
    case REDIS_FULL:
        on_full(r, c, reply);
        return;
    case REDIS_NO_FUNCTION:
        if (c->tries >= LOADS_MAX)
            break;
        redis_server_load(s);
        redis_ask_later(r, c);
        return;
    case REDIS_READONLY:
        redis_ask_later(r, c);
        redis_server_again(s, NULL);
        return;
    default:
        break;
    }
    on_refused(r, c, reply);
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
    if (again)
        r->counts.resent++;
    else
        redis_fail_soon(r, c);
    return again;
}

static const struct redis_server_events server_events = {on_ready, on_failed, on_answered, on_lost};

/* ---- begin and end ---- */

static enum err read_password(struct redis *r, const char *path, char *text, size_t size)
{
    struct span file = {0};
    enum err why = file_check_secret(path, text, size);
    if (why == ERR_OK)
        why = file_read(path, PASSWORD_MAX, &file, text, size);
    if (why != ERR_OK)
        return why;
    struct span rest = file;
    struct span line = span_cut(&rest, '\n');
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    secret_free(r->url.password);
    r->url.password = span_dup(line);
    file_wipe(&file);
    return r->url.password != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err begin(struct redis *r, const struct redis_options *o, char *text, size_t size)
{
    enum err why = redis_url_parse(o->url, &r->url, text, size);
    if (why == ERR_OK && o->password_file != NULL)
        why = read_password(r, o->password_file, text, size);
    if (why != ERR_OK)
        return why;
    r->tick = timer_new(o->loop, on_tick, r);
    if (r->tick == NULL)
        return ERR_NO_MEMORY;
    r->server = redis_server_new(&(struct redis_server_options){.loop = o->loop,
                                                                .kind = r->url.kind,
                                                                .place = &r->url.places[0],
                                                                .user = r->url.user,
                                                                .password = r->url.password,
                                                                .pin = &r->pin,
                                                                .timeout_ms = r->o.timeout_ms,
                                                                .events = &server_events,
                                                                .owner = r});
    return r->server != NULL ? ERR_OK : ERR_NO_MEMORY;
}

struct redis *redis_new(const struct redis_options *o, enum err *why, char *text, size_t size)
{
    struct redis *r = calloc(1, sizeof *r);
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    *why = ERR_NO_MEMORY;
    if (r == NULL)
        return NULL;
    r->o = *o;
    r->o.url = r->o.password_file = NULL;
    if (r->o.timeout_ms == 0)
        r->o.timeout_ms = TIMEOUT_MS;
    r->text = text;
    r->size = size;
    r->patience = loop_now(o->loop) + PATIENCE_MS;
    list_init(&r->all);
    list_init(&r->later);
    list_init(&r->failed);
    deferred_init(&r->tell_failed, tell_failed, r);
    *why = begin(r, o, text, size);
    while (*why == ERR_OK && r->start == STARTING)
        uv_run(loop_uv(o->loop), UV_RUN_ONCE);
    if (*why == ERR_OK && r->start == REFUSED)
        *why = r->why;
    if (*why == ERR_OK)
        return r;
    redis_free(r);
    return NULL;
}

void redis_free(struct redis *r)
{
    if (r == NULL)
        return;
    if (r->server != NULL)
        redis_server_stop(r->server);
    loop_cancel(&r->tell_failed);
    timer_free(r->tick);
    while (!list_empty(&r->all))
        redis_finish(r, list_entry(r->all.next, struct redis_command, all), ERR_SHUTDOWN, NULL);
    redis_server_free(r->server);
    redis_url_free(&r->url);
    free(r);
}

/* ---- for callers ---- */

bool redis_up(const struct redis *r)
{
    return r->up;
}

void redis_pin(struct redis *r, const char *key, const char *field, const char *value)
{
    snprintf(r->pin.key, sizeof r->pin.key, "%s", key);
    snprintf(r->pin.field, sizeof r->pin.field, "%s", field);
    snprintf(r->pin.value, sizeof r->pin.value, "%s", value);
}

void redis_check(struct redis *r)
{
    redis_server_again(r->server, NULL);
}

struct redis_counts redis_counts(const struct redis *r)
{
    return r->counts;
}

/* The rest of redis_ask. c->why is why it cannot be sent, or ERR_OK. */
static void begin_command(struct redis *r, struct redis_command *c)
{
    c->until = loop_now(r->o.loop) + r->o.timeout_ms;
    list_append(&r->all, &c->all);
    r->counts.commands++;
    r->counts.unanswered++;
    bool fine = c->why == ERR_OK && r->counts.unanswered <= REDIS_QUEUE_MAX;
    if (c->why == ERR_OK)
        c->why = ERR_BUSY; /* what it is answered with, unless a server answers */
    if (fine)
        redis_dispatch(r, c);
    else
        redis_fail_soon(r, c);
}

void redis_ask(struct redis *r, const struct span *args, size_t n, size_t key, redis_done *done,
               void *ctx)
{
    struct redis_command *c = redis_command_new(args, n);
    if (c == NULL) {
        done(ctx, ERR_NO_MEMORY, NULL);
        return;
    }
    (void)key;
    c->done = done;
    c->ctx = ctx;
    begin_command(r, c);
}

static void ignore(void *ctx, enum err why, const struct redis_reply *reply)
{
    (void)ctx;
    (void)why;
    (void)reply;
}

void redis_forget(struct redis *r, const void *ctx)
{
    list_each(node, &r->all)
    {
        struct redis_command *c = list_entry(node, struct redis_command, all);
        if (c->ctx == ctx)
            c->done = ignore;
    }
}

void redis_call(struct redis *r, const char *function, const char *key, const struct span *args,
                size_t n, redis_done *done, void *ctx)
{
    char name[64];
    struct span all[REDIS_ARGS_MAX];
    size_t many = n < REDIS_ARGS_MAX - 4 ? n : REDIS_ARGS_MAX - 4;
    redis_function(function, name, sizeof name);
    all[0] = span_of("FCALL");
    all[1] = span_of(name);
    all[2] = span_of("1");
    all[3] = span_of(key);
    for (size_t i = 0; i < many; i++)
        all[4 + i] = args[i];
    redis_ask(r, all, 4 + n, 3, done, ctx);
}
