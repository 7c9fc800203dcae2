#include "tests/unit/redis_faults.h"

#include <stdlib.h>
#include <string.h>

struct redis_faults redis_faults;

void redis_faults_none(struct loop *loop)
{
    redis_faults = (struct redis_faults){.loop = loop};
}

void redis_faults_next(const char *command, enum redis_fault fault, size_t skip)
{
    redis_faults.command = command;
    redis_faults.fault = fault;
    redis_faults.count = 0;
    redis_faults.at = skip + 1;
}

bool redis_faults_struck(void)
{
    return redis_faults.at != 0 && redis_faults.count >= redis_faults.at;
}

/* ---- commands ---- */

struct command {
    struct redis *redis;
    const char *function; /* of redis_call; NULL: redis_ask */
    const char *key;
    struct span args[REDIS_ARGS_MAX];
    size_t n, at;
};

void __real_redis_ask(struct redis *r, const struct span *args, size_t n, size_t key,
                      redis_done *done, void *ctx);
void __real_redis_call(struct redis *r, const char *function, const char *key,
                       const struct span *args, size_t n, redis_done *done, void *ctx);

static void go(const struct command *c, redis_done *done, void *ctx)
{
    if (c->function != NULL)
        __real_redis_call(c->redis, c->function, c->key, c->args, c->n, done, ctx);
    else
        __real_redis_ask(c->redis, c->args, c->n, c->at, done, ctx);
}

/* One whose answer comes later, or is another one. */
struct asked {
    struct list node;
    struct deferred later;
    redis_done *done;
    void *ctx;
    struct command command; /* with copies, while it is held */
};
static struct list held = {&held, &held};

static struct asked *asked_new(redis_done *done, void *ctx)
{
    struct asked *a = calloc(1, sizeof *a);
    if (a == NULL)
        abort();
    list_init(&a->node);
    a->done = done;
    a->ctx = ctx;
    return a;
}

static void answer_busy(void *owner)
{
    struct asked *a = owner;
    a->done(a->ctx, ERR_BUSY, NULL);
    free(a);
}

static void lose(void *ctx, enum err why, const struct redis_reply *reply)
{
    (void)why, (void)reply;
    answer_busy(ctx);
}

static void ignore(void *ctx, enum err why, const struct redis_reply *reply)
{
    (void)ctx, (void)why, (void)reply;
}

static void refuse(redis_done *done, void *ctx)
{
    struct asked *a = asked_new(done, ctx);
    deferred_init(&a->later, answer_busy, a);
    loop_defer(redis_faults.loop, &a->later);
}

static void hold(const struct command *c, redis_done *done, void *ctx)
{
    struct asked *a = asked_new(done, ctx);
    a->command = *c;
    a->command.function = c->function != NULL ? strdup(c->function) : NULL;
    a->command.key = c->key != NULL ? strdup(c->key) : NULL;
    for (size_t i = 0; i < c->n; i++)
        a->command.args[i].p = span_dup(c->args[i]);
    list_append(&held, &a->node);
}

void redis_faults_release(void)
{
    while (!list_empty(&held)) {
        struct asked *a = list_entry(held.next, struct asked, node);
        struct command *c = &a->command;
        list_remove(&a->node);
        go(c, a->done, a->ctx);
        for (size_t i = 0; i < c->n; i++)
            free((char *)(uintptr_t)c->args[i].p);
        free((char *)(uintptr_t)c->function);
        free((char *)(uintptr_t)c->key);
        free(a);
    }
}

static void strike(const struct command *c, redis_done *done, void *ctx)
{
    switch (redis_faults.fault) {
    case REDIS_LOSES:
        go(c, lose, asked_new(done, ctx));
        break;
    case REDIS_REFUSES:
        refuse(done, ctx);
        break;
    case REDIS_REPEATS:
        go(c, ignore, NULL);
        hold(c, done, ctx);
        break;
    case REDIS_HOLDS:
        hold(c, done, ctx);
        break;
    }
}

static void ask(const struct command *c, redis_done *done, void *ctx)
{
    struct redis_faults *f = &redis_faults;
    const char *name = c->function != NULL ? c->function : c->args[0].p;
    bool counts = f->command == NULL || strcmp(f->command, name) == 0;
    if (f->before != NULL)
        f->before(name);
    f->count += counts;
    if (f->away)
        refuse(done, ctx);
    else if (counts && f->count == f->at)
        strike(c, done, ctx);
    else
        go(c, done, ctx);
}

void __wrap_redis_ask(struct redis *r, const struct span *args, size_t n, size_t key,
                      redis_done *done, void *ctx)
{
    struct command c = {.redis = r, .n = n, .at = key};
    memcpy(c.args, args, n * sizeof *args);
    ask(&c, done, ctx);
}

void __wrap_redis_call(struct redis *r, const char *function, const char *key,
                       const struct span *args, size_t n, redis_done *done, void *ctx)
{
    struct command c = {.redis = r, .function = function, .key = key, .n = n};
    memcpy(c.args, args, n * sizeof *args);
    ask(&c, done, ctx);
}

bool __real_redis_up(const struct redis *r);
bool __wrap_redis_up(const struct redis *r)
{
    return !redis_faults.away && __real_redis_up(r);
}
