#include "core/base/log.h"
#include "gateway/hub/redis/redis_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which master has which slot. Servers say it of single slots as soon as they are asked for one
 * that has moved (MOVED); the whole map is asked for then, when a server is lost, and every while.
 */
#define PERIOD_MS 10000
#define REDIRECTS_MAX 8 /* at once; after these each waits for a moment */

static size_t index_of(const struct redis *r, const char *host, int port)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct redis_place *place = redis_server_place(r->servers[i]);
        if (place->port == port && strcmp(place->host, host) == 0)
            return i;
    }
    return REDIS_NO_SHARD;
}

static size_t find_or_add(struct redis *r, const char *host, int port)
{
    struct redis_place place = {(char *)host, port}; /* is copied */
    size_t i = index_of(r, host, port);
    if (i == REDIS_NO_SHARD && redis_add_server(r, &place) != NULL)
        i = r->n - 1;
    return i;
}

/* As redis.follow. */
static bool follow(struct redis *r, struct redis_server *from, struct redis_command *c,
                   struct span error)
{
    struct redis_redirect to;
    if (r->slots == NULL || !redis_redirect_read(error, &to))
        return false;
    bool moved = error.p[0] == 'M';
    size_t i = find_or_add(r, to.host[0] != 0 ? to.host : redis_server_place(from)->host, to.port);
    if (moved)
        redis_guide_ask(r->guide);
    if (moved && i != REDIS_NO_SHARD)
        r->slots[to.slot] = (uint8_t)i;
    if (++c->redirects > REDIRECTS_MAX || i == REDIS_NO_SHARD) {
        redis_ask_later(r, c);
        return true;
    }
    r->counts.resent++;
    c->asking = !moved;
    if (moved || redis_server_down(r->servers[i]))
        redis_dispatch(r, c);
    else
        redis_server_send(r->servers[i], c);
    return true;
}

/* ---- the map ---- */

/* One line of the answer: first slot, last slot, master, replicas. False: it is none. */
static bool read_range(struct redis *r, const struct redis_place *from,
                       const struct redis_reply *line, uint8_t *slots)
{
    int64_t first = redis_integer(redis_item(line, 0)), last = redis_integer(redis_item(line, 1));
    const struct redis_reply *master = redis_item(line, 2);
    struct span said = redis_text(redis_item(master, 0));
    int64_t port = redis_integer(redis_item(master, 1));
    char host[256];
    if (first < 0 || last >= REDIS_SLOTS || first > last || port <= 0 || port > 65535 ||
        said.n >= sizeof host)
        return false;
    if (said.n == 0 || span_is(said, "?")) /* it does not know its own address */
        said = span_of(from->host);
    snprintf(host, sizeof host, "%.*s", (int)said.n, said.p);
    memset(slots + first, (int)find_or_add(r, host, (int)port), (size_t)(last - first + 1));
    return true;
}

/* Servers that have no slot any more end; what they were asked goes where it belongs now. */
static void drop_servers(struct redis *r)
{
    bool used[REDIS_SHARDS_MAX] = {0};
    struct list moved;
    list_init(&moved);
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        if (r->slots[i] != REDIS_NO_SHARD)
            used[r->slots[i]] = true;
    for (size_t i = r->n; i-- > 0;) {
        struct redis_server *s = r->servers[i];
        if (used[i])
            continue;
        redis_server_stop(s);
        list_each(node, redis_server_waiting(s))
        {
            list_append(&moved, node);
        }
        redis_server_free(s);
        r->servers[i] = r->servers[--r->n];
        for (size_t slot = 0; slot < REDIS_SLOTS; slot++)
            if (r->slots[slot] == r->n)
                r->slots[slot] = (uint8_t)i;
    }
    list_each(node, &moved)
    {
        struct redis_command *c = list_entry(node, struct redis_command, node);
        list_remove(&c->node);
        redis_dispatch(r, c);
    }
}

static bool on_answered(void *owner, const struct redis_place *from,
                        const struct redis_reply *reply, char *text, size_t size)
{
    struct redis *r = owner;
    uint8_t slots[REDIS_SLOTS];
    memset(slots, REDIS_NO_SHARD, sizeof slots);
    bool fine = redis_count(reply) > 0;
    for (size_t i = 0; fine && i < redis_count(reply); i++)
        fine = read_range(r, from, redis_item(reply, i), slots);
    if (fine && r->start != STARTED)
        fine = memchr(slots, REDIS_NO_SHARD, sizeof slots) == NULL;
    if (!fine) {
        snprintf(text, size, "does not know where all slots are");
        return false;
    }
    memcpy(r->slots, slots, sizeof slots);
    drop_servers(r);
    redis_set_up(r);
    return true;
}

static void on_failed(void *owner, enum err why, const char *text)
{
    redis_in_vain(owner, why, text);
}

/* The masters that are known, and those that the address names. */
static const struct redis_place *place(void *owner, size_t i)
{
    const struct redis *r = owner;
    if (i < r->n)
        return redis_server_place(r->servers[i]);
    return i - r->n < r->url.n ? &r->url.places[i - r->n] : NULL;
}

enum err redis_begin_cluster(struct redis *r)
{
    r->slots = malloc(REDIS_SLOTS);
    if (r->slots == NULL)
        return ERR_NO_MEMORY;
    memset(r->slots, REDIS_NO_SHARD, REDIS_SLOTS);
    r->follow = follow;
    r->guide = redis_guide_new(&(struct redis_guide_options){.loop = r->o.loop,
                                                             .user = r->url.user,
                                                             .password = r->url.password,
                                                             .what = "Redis",
                                                             .timeout_ms = r->o.timeout_ms,
                                                             .period_ms = PERIOD_MS,
                                                             .question = {"CLUSTER", "SLOTS"},
                                                             .place = place,
                                                             .answered = on_answered,
                                                             .failed = on_failed,
                                                             .owner = r});
    return r->guide != NULL ? ERR_OK : ERR_NO_MEMORY;
}
