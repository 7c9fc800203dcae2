#include "gateway/hub/redis/redis_reply.h"

#include <hiredis/read.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(REDIS_TEXT == REDIS_REPLY_STRING && REDIS_LIST == REDIS_REPLY_ARRAY &&
                   REDIS_INTEGER == REDIS_REPLY_INTEGER && REDIS_NIL == REDIS_REPLY_NIL &&
                   REDIS_STATUS == REDIS_REPLY_STATUS && REDIS_ERROR == REDIS_REPLY_ERROR,
               "the types are hiredis'");

/* hiredis parses; what it makes of it is made here, so that it is counted. */
struct reply_reader {
    redisReader *reader;
    size_t used; /* bytes of the reply that is being read */
};

static bool charge(const redisReadTask *task, size_t bytes)
{
    struct reply_reader *r = task->privdata;
    if (bytes > REDIS_REPLY_MAX || r->used + bytes > REDIS_REPLY_MAX)
        return false;
    r->used += bytes;
    return true;
}

static struct redis_reply *make(const redisReadTask *task, size_t more)
{
    if (!charge(task, sizeof(struct redis_reply) + more))
        return NULL;
    struct redis_reply *reply = calloc(1, sizeof *reply);
    if (reply != NULL)
        reply->type = (enum redis_type)task->type;
    return reply;
}

/* Puts it into the list that it is an item of. */
static void *place(const redisReadTask *task, struct redis_reply *reply)
{
    if (task->parent != NULL) {
        struct redis_reply *list = task->parent->obj;
        list->items[task->idx] = reply;
    }
    return reply;
}

static void *make_text(const redisReadTask *task, char *p, size_t n)
{
    struct redis_reply *reply = make(task, n + 1);
    char *copy = reply != NULL ? malloc(n + 1) : NULL;
    if (copy == NULL) {
        free(reply);
        return NULL;
    }
    memcpy(copy, p, n);
    copy[n] = 0;
    reply->text = (struct span){copy, n};
    return place(task, reply);
}

static void *make_list(const redisReadTask *task, int n)
{
    size_t items = n > 0 ? (size_t)n : 0;
    if (items > REDIS_REPLY_MAX / sizeof(struct redis_reply *))
        return NULL;
    struct redis_reply *reply = make(task, items * sizeof *reply->items);
    if (reply == NULL)
        return NULL;
    reply->items = items > 0 ? calloc(items, sizeof(struct redis_reply *)) : NULL;
    if (items > 0 && reply->items == NULL) {
        free(reply);
        return NULL;
    }
    reply->n = items;
    return place(task, reply);
}

static void *make_integer(const redisReadTask *task, long long n)
{
    struct redis_reply *reply = make(task, 0);
    if (reply == NULL)
        return NULL;
    reply->integer = n;
    return place(task, reply);
}

static void *make_nil(const redisReadTask *task)
{
    struct redis_reply *reply = make(task, 0);
    if (reply == NULL)
        return NULL;
    reply->type = REDIS_NIL; /* the task's is what it might have been */
    return place(task, reply);
}

/* No deeper than hiredis reads, which is seven. */
static void free_reply(void *p)
{
    struct redis_reply *reply = p;
    if (reply == NULL)
        return;
    for (size_t i = 0; i < reply->n; i++)
        free_reply(reply->items[i]);
    free(reply->items);
    free((char *)reply->text.p);
    free(reply);
}

void redis_reply_free(struct redis_reply *reply)
{
    free_reply(reply);
}

static redisReplyObjectFunctions makers = {make_text, make_list, make_integer, make_nil,
                                           free_reply};

struct reply_reader *reply_reader_new(void)
{
    struct reply_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->reader = redisReaderCreateWithFunctions(&makers);
    if (r->reader == NULL) {
        free(r);
        return NULL;
    }
    r->reader->privdata = r;
    return r;
}

void reply_reader_free(struct reply_reader *r)
{
    if (r == NULL)
        return;
    redisReaderFree(r->reader);
    free(r);
}

bool reply_reader_feed(struct reply_reader *r, const uint8_t *p, size_t n)
{
    return redisReaderFeed(r->reader, (const char *)p, n) == REDIS_OK;
}

enum err reply_reader_next(struct reply_reader *r, struct redis_reply **reply)
{
    void *got = NULL;
    *reply = NULL;
    if (redisReaderGetReply(r->reader, &got) != REDIS_OK)
        return r->reader->err == REDIS_ERR_OOM ? ERR_TOO_LARGE : ERR_PROTOCOL;
    *reply = got;
    if (got != NULL)
        r->used = 0;
    else if (r->reader->len - r->reader->pos > REDIS_REPLY_MAX)
        return ERR_TOO_LARGE;
    return ERR_OK;
}

/* ---- readers ---- */

size_t redis_count(const struct redis_reply *r)
{
    return r != NULL ? r->n : 0;
}

const struct redis_reply *redis_item(const struct redis_reply *r, size_t i)
{
    return r != NULL && i < r->n ? r->items[i] : NULL;
}

int64_t redis_integer(const struct redis_reply *r)
{
    if (r == NULL)
        return 0;
    if (r->type == REDIS_INTEGER)
        return r->integer;
    struct span s = r->text;
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t number = 0;
    if (minus)
        s = (struct span){s.p + 1, s.n - 1};
    if (!str_number(s, INT64_MAX, &number))
        return 0;
    return minus ? -(int64_t)number : (int64_t)number;
}

struct span redis_text(const struct redis_reply *r)
{
    return r != NULL ? r->text : (struct span){0};
}

struct span redis_field(const struct redis_reply *r, size_t from, const char *name)
{
    for (size_t i = from; i + 1 < redis_count(r); i += 2)
        if (span_is(redis_text(redis_item(r, i)), name))
            return redis_text(redis_item(r, i + 1));
    return (struct span){0};
}
