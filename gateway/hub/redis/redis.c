#include "gateway/hub/redis/redis.h"

#include "core/base/file.h"
#include "core/base/secret.h"
#include "gateway/hub/redis/redis_internal.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 2000
#define LOOK_MS 60000
#define PATIENCE_MS 60000 /* for a server that loads its data while we start */
#define PASSWORD_MAX 4096 /* bytes of its file */

/* ---- begin and end ---- */

/* Leaves it as it is when there is no file. */
static enum err read_password(const char *path, char **password, char *text, size_t size)
{
    struct span file = {0};
    if (path == NULL)
        return ERR_OK;
    enum err why = file_check_secret(path, text, size);
    if (why == ERR_OK)
        why = file_read(path, PASSWORD_MAX, &file, text, size);
    if (why != ERR_OK)
        return why;
    struct span rest = file;
    struct span line = span_line(&rest);
    secret_free(*password);
    *password = span_dup(line);
    file_wipe(&file);
    return *password != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err begin(struct redis *r, const struct redis_options *o, char *text, size_t size)
{
    enum err why = redis_url_parse(o->url, &r->url, text, size);
    if (why == ERR_OK)
        why = read_password(o->password_file, &r->url.password, text, size);
    if (why == ERR_OK)
        why = read_password(o->sentinel_password_file, &r->url.sentinel_password, text, size);
    if (why == ERR_OK && r->url.sentinel_user != NULL && r->url.sentinel_password == NULL) {
        snprintf(text, size, "the address of Redis has sentinel_username, and no password for it");
        why = ERR_USAGE;
    }
    if (why != ERR_OK)
        return why;
    r->tick = timer_new(o->loop, redis_on_tick, r);
    if (r->tick == NULL)
        return ERR_NO_MEMORY;
    switch (r->url.kind) {
    case REDIS_CLUSTER:
        return redis_begin_cluster(r);
    case REDIS_SENTINEL:
        return redis_begin_sentinel(r);
    default:
        break;
    }
    return redis_add_server(r, &r->url.places[0]) != NULL ? ERR_OK : ERR_NO_MEMORY;
}

struct redis *redis_new(const struct redis_options *o, enum err *why, char *text, size_t size)
{
    struct redis *r = calloc(1, sizeof *r);
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    *why = ERR_NO_MEMORY;
    if (r == NULL)
        return NULL;
    r->o = *o;
    r->o.url = r->o.password_file = r->o.sentinel_password_file = NULL;
    if (r->o.timeout_ms == 0)
        r->o.timeout_ms = TIMEOUT_MS;
    if (r->o.look_ms == 0)
        r->o.look_ms = LOOK_MS;
    r->text = text;
    r->size = size;
    uv_update_time(loop_uv(o->loop)); /* the caller may have been busy: that was not Redis' time */
    r->patience = loop_now(o->loop) + PATIENCE_MS;
    list_init(&r->all);
    list_init(&r->later);
    list_init(&r->failed);
    deferred_init(&r->tell_failed, redis_tell_failed, r);
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
    redis_guide_free(r->guide);
    for (size_t i = 0; i < r->n; i++)
        redis_server_stop(r->servers[i]);
    loop_cancel(&r->tell_failed);
    timer_free(r->tick);
    while (!list_empty(&r->all))
        redis_finish(r, list_entry(r->all.next, struct redis_command, all), ERR_SHUTDOWN, NULL);
    for (size_t i = 0; i < r->n; i++)
        redis_server_free(r->servers[i]);
    free(r->slots);
    free(r->master.host);
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
    for (size_t i = 0; i < r->n; i++)
        redis_server_again(r->servers[i]);
}

struct redis_counts redis_counts(const struct redis *r)
{
    struct redis_counts counts = r->counts;
    for (size_t i = 0; i < r->n; i++)
        counts.unsafe += redis_server_unsafe(r->servers[i]);
    return counts;
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
    if (r->slots != NULL && key > 0 && key < n)
        c->slot = redis_slot(args[key]);
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
