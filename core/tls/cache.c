#include "core/tls/cache.h"

#include <stdlib.h>
#include <string.h>

/* ---- a server's ---- */

struct tls_cache {
    br_ssl_session_cache_lru lru;
    size_t size;
    unsigned char store[];
};

struct tls_cache *tls_cache_new(size_t bytes)
{
    struct tls_cache *c = calloc(1, sizeof *c + bytes);
    if (c == NULL)
        return NULL;
    c->size = bytes;
    br_ssl_session_cache_lru_init(&c->lru, c->store, bytes);
    return c;
}

void tls_cache_free(struct tls_cache *c)
{
    if (c == NULL)
        return;
    explicit_bzero(c, sizeof *c + c->size);
    free(c);
}

static struct cache_use *of(const br_ssl_session_cache_class **ctx)
{
    return (struct cache_use *)(void *)ctx; /* its first member */
}

static void save(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                 const br_ssl_session_parameters *parameters)
{
    struct cache_use *use = of(ctx);
    use->resumed = false;
    use->cache->lru.vtable->save(&use->cache->lru.vtable, server, parameters);
}

static int load(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                br_ssl_session_parameters *parameters)
{
    struct cache_use *use = of(ctx);
    int found = use->cache->lru.vtable->load(&use->cache->lru.vtable, server, parameters);
    use->resumed = found != 0;
    return found;
}

static const br_ssl_session_cache_class use_class = {
    .context_size = sizeof(struct cache_use),
    .save = save,
    .load = load,
};

void cache_attach(struct cache_use *use, struct tls_cache *cache, br_ssl_server_context *server)
{
    *use = (struct cache_use){.vtable = &use_class, .cache = cache};
    br_ssl_server_set_cache(server, &use->vtable);
}

/* ---- a client's ---- */

struct session {
    br_ssl_session_parameters parameters;
    uint8_t bound_to[16]; /* hash of trust and host */
    bool valid;
};
_Static_assert(sizeof(struct session) <= sizeof(struct tls_session),
               "struct tls_session too small");

static void bind_to(uint8_t out[16], const struct trust *trust, const char *host)
{
    uint8_t hash[br_sha256_SIZE];
    br_sha256_context c;
    br_sha256_init(&c);
    br_sha256_update(&c, trust->id, sizeof trust->id);
    br_sha256_update(&c, host, strlen(host));
    br_sha256_out(&c, hash);
    memcpy(out, hash, 16);
}

bool session_take(struct tls_session *s, const struct trust *trust, const char *host,
                  br_ssl_session_parameters *out)
{
    struct session own;
    uint8_t bound_to[sizeof own.bound_to];
    if (s == NULL)
        return false;
    memcpy(&own, s, sizeof own);
    explicit_bzero(s, sizeof *s);
    bind_to(bound_to, trust, host);
    bool good = own.valid && memcmp(own.bound_to, bound_to, sizeof bound_to) == 0;
    if (good)
        *out = own.parameters;
    explicit_bzero(&own, sizeof own);
    return good;
}

void session_put(struct tls_session *s, const struct trust *trust, const char *host,
                 const br_ssl_session_parameters *parameters)
{
    struct session own = {.parameters = *parameters, .valid = parameters->session_id_len > 0};
    if (s == NULL)
        return;
    bind_to(own.bound_to, trust, host);
    memcpy(s, &own, sizeof own);
    explicit_bzero(&own, sizeof own);
}
