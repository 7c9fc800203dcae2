#include "tests/unit/redis_faults.h"

#include <stdlib.h>

struct redis_faults redis_faults;

void redis_faults_none(struct loop *loop)
{
    redis_faults = (struct redis_faults){.loop = loop};
}

struct asked {
    struct deferred later;
    redis_done *done;
    void *ctx;
};

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

static struct asked *asked_new(redis_done *done, void *ctx)
{
    struct asked *a = calloc(1, sizeof *a);
    if (a == NULL)
        abort();
    *a = (struct asked){.done = done, .ctx = ctx};
    return a;
}

/* True: it is refused. Otherwise *done and *ctx may be others now. */
static bool refused(const char *command, redis_done **done, void **ctx)
{
    struct redis_faults *f = &redis_faults;
    if (f->before != NULL)
        f->before(command);
    bool struck = ++f->count == f->at;
    if (!struck && !f->away)
        return false;
    struct asked *a = asked_new(*done, *ctx);
    if (f->away || f->fault == REDIS_REFUSES) {
        deferred_init(&a->later, answer_busy, a);
        loop_defer(f->loop, &a->later);
        return true;
    }
    *done = lose;
    *ctx = a;
    return false;
}

void __real_redis_ask(struct redis *r, const struct span *args, size_t n, size_t key,
                      redis_done *done, void *ctx);
void __wrap_redis_ask(struct redis *r, const struct span *args, size_t n, size_t key,
                      redis_done *done, void *ctx)
{
    if (!refused(args[0].p, &done, &ctx))
        __real_redis_ask(r, args, n, key, done, ctx);
}

void __real_redis_call(struct redis *r, const char *function, const char *key,
                       const struct span *args, size_t n, redis_done *done, void *ctx);
void __wrap_redis_call(struct redis *r, const char *function, const char *key,
                       const struct span *args, size_t n, redis_done *done, void *ctx)
{
    if (!refused(function, &done, &ctx))
        __real_redis_call(r, function, key, args, n, done, ctx);
}

bool __real_redis_up(const struct redis *r);
bool __wrap_redis_up(const struct redis *r)
{
    return !redis_faults.away && __real_redis_up(r);
}
