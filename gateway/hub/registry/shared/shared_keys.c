#include "gateway/hub/registry/shared/shared_internal.h"

#include "core/base/encoding.h"

#include <stdarg.h>
#include <stdio.h>

/* A key that is cut off is one of nothing: names are shorter. */
void key_tunnel(char out[KEY_SIZE], const char *id)
{
    snprintf(out, KEY_SIZE, "tunnel:t:{%s}", id);
}

void key_token(char out[KEY_SIZE], const uint8_t token[TOKEN_HASH])
{
    char hex[2 * TOKEN_HASH + 1];
    hex_encode(token, TOKEN_HASH, hex);
    snprintf(out, KEY_SIZE, "tunnel:k:{%s}", hex);
}

void key_open(char out[KEY_SIZE], const char *key_id)
{
    snprintf(out, KEY_SIZE, "tunnel:open:{%s}", key_id);
}

void key_thing(char out[KEY_SIZE], const char *thing)
{
    snprintf(out, KEY_SIZE, "tunnel:thing:{%s}", thing);
}

void key_bucket(char out[KEY_SIZE], int64_t bucket)
{
    snprintf(out, KEY_SIZE, "tunnel:ix:{%lld}", (long long)bucket);
}

void number_text(char out[NUMBER_SIZE], int64_t number)
{
    snprintf(out, NUMBER_SIZE, "%lld", (long long)number);
}

/* ---- commands ---- */

static size_t collect(struct span args[REDIS_ARGS_MAX], va_list texts)
{
    size_t n = 0;
    for (const char *text; n < REDIS_ARGS_MAX && (text = va_arg(texts, const char *)) != NULL;)
        args[n++] = span_of(text);
    return n;
}

void shared_ask(struct shared *s, size_t key, redis_done *done, void *ctx, ...)
{
    struct span args[REDIS_ARGS_MAX];
    va_list texts;
    va_start(texts, ctx);
    size_t n = collect(args, texts);
    va_end(texts);
    redis_ask(s->o.redis, args, n, key, done, ctx);
}

void shared_call(struct shared *s, const char *function, const char *key, redis_done *done,
                 void *ctx, ...)
{
    struct span args[REDIS_ARGS_MAX];
    va_list texts;
    va_start(texts, ctx);
    size_t n = collect(args, texts);
    va_end(texts);
    redis_call(s->o.redis, function, key, args, n, done, ctx);
}

void shared_ignore(void *ctx, enum err why, const struct redis_reply *reply)
{
    (void)ctx, (void)why, (void)reply;
}
