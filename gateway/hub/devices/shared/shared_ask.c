/* Questions to Redis that outlive nobody: the registry may end before they are answered. */
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include <stdlib.h>

struct question {
    struct list node; /* in shared_devices.asked; on no list: the registry has ended */
    redis_done *done;
    void *ctx;
    struct nodes_waiter waiter; /* of one that the nodes answer */
};

static void on_answer(void *owner, enum err why, const struct redis_reply *reply)
{
    struct question *q = owner;
    bool waits = list_is_on(&q->node);
    redis_done *done = q->done;
    void *ctx = q->ctx;
    list_remove(&q->node);
    free(q);
    if (waits)
        done(ctx, why, reply);
}

/* NULL: `done` has been called. */
static struct question *question_new(struct shared_devices *r, redis_done *done, void *ctx)
{
    struct question *q = r->ended ? NULL : malloc(sizeof *q);
    if (q == NULL) {
        done(ctx, r->ended ? ERR_SHUTDOWN : ERR_NO_MEMORY, NULL);
        return NULL;
    }
    q->done = done;
    q->ctx = ctx;
    list_init(&q->node);
    list_append(&r->asked, &q->node);
    return q;
}

void shared_devices_ask(struct shared_devices *r, const struct span *args, size_t n, size_t key,
                        redis_done *done, void *ctx)
{
    struct question *q = question_new(r, done, ctx);
    if (q != NULL)
        redis_ask(r->o.redis, args, n, key, on_answer, q);
}

void shared_devices_call(struct shared_devices *r, const char *function, const char *key,
                         const struct span *args, size_t n, redis_done *done, void *ctx)
{
    struct question *q = question_new(r, done, ctx);
    if (q != NULL)
        redis_call(r->o.redis, function, key, args, n, on_answer, q);
}

/* What could not be heard of is as unknown as before. */
static void on_news(void *owner, bool heard)
{
    (void)heard;
    on_answer(owner, ERR_OK, NULL);
}

void shared_devices_hear(struct shared_devices *r, redis_done *done, void *ctx)
{
    struct question *q = question_new(r, done, ctx);
    if (q == NULL)
        return;
    q->waiter = (struct nodes_waiter){.done = on_news, .ctx = q};
    if (!nodes_hear(r->o.nodes, &q->waiter))
        on_news(q, false);
}

static void on_nothing(void *ctx, enum err why, const struct redis_reply *reply)
{
    (void)ctx, (void)why, (void)reply;
}

void shared_tell(struct shared_devices *r, const char *command, const struct shared_key *key,
                 const char *a, const char *b)
{
    const struct span args[] = {span_of(command), span_of(key->text), span_of(a), span_of(b)};
    if (!r->ended)
        redis_ask(r->o.redis, args, b != NULL ? 4 : a != NULL ? 3 : 2, 1, on_nothing, NULL);
}

void shared_ask_end(struct shared_devices *r)
{
    r->ended = true;
    while (!list_empty(&r->asked)) {
        struct question *q = list_entry(r->asked.next, struct question, node);
        list_remove(&q->node); /* Redis' answer, or its end, frees it */
        q->done(q->ctx, ERR_SHUTDOWN, NULL);
    }
}
