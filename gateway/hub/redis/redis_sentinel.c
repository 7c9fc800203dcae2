#include "core/base/log.h"
#include "gateway/hub/redis/redis_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The Sentinels are asked for the master again and again: one that was replaced while it slept
 * would go on taking writes, and lose them. */
#define PERIOD_MS 1000

static const struct redis_place *place(void *owner, size_t i)
{
    const struct redis *r = owner;
    return i < r->url.n ? &r->url.places[i] : NULL;
}

/* The host of an answer, or NULL. */
static char *host_of(const struct redis_reply *reply)
{
    struct span host = redis_text(redis_item(reply, 0));
    return host.n > 0 && host.n < 256 && memchr(host.p, 0, host.n) == NULL ? span_dup(host) : NULL;
}

static bool on_answered(void *owner, const struct redis_place *from,
                        const struct redis_reply *reply, char *text, size_t size)
{
    struct redis *r = owner;
    (void)from;
    int64_t port = redis_integer(redis_item(reply, 1));
    char *host = port > 0 && port < 65536 ? host_of(reply) : NULL;
    if (host == NULL) {
        snprintf(text, size, "does not know a master with the name %s", r->url.master);
        return false;
    }
    bool same =
        r->master.host != NULL && strcmp(r->master.host, host) == 0 && r->master.port == port;
    if (!same && r->master.host != NULL)
        log_info("the Sentinels have a new master: %s:%d", host, (int)port);
    free(r->master.host);
    r->master = (struct redis_place){host, (int)port};
    if (r->n == 0 && redis_add_server(r, &r->master) == NULL)
        redis_in_vain(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
    else if (r->n > 0 && !same)
        redis_server_again(r->servers[0]); /* asks, and is answered below */
    if (r->n > 0)
        redis_server_found(r->servers[0], &r->master);
    return true;
}

static void on_failed(void *owner, enum err why, const char *text)
{
    struct redis *r = owner;
    if (r->n > 0)
        redis_server_not_found(r->servers[0], why, text);
    else
        redis_in_vain(r, why, text);
}

enum err redis_begin_sentinel(struct redis *r)
{
    r->guide = redis_guide_new(&(struct redis_guide_options){
        .loop = r->o.loop,
        .user = r->url.sentinel_user,
        .password = r->url.sentinel_password,
        .what = "the Sentinel",
        .timeout_ms = r->o.timeout_ms,
        .period_ms = PERIOD_MS,
        .question = {"SENTINEL", "get-master-addr-by-name", r->url.master},
        .place = place,
        .answered = on_answered,
        .failed = on_failed,
        .owner = r});
    return r->guide != NULL ? ERR_OK : ERR_NO_MEMORY;
}
