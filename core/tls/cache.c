#include "core/tls/cache.h"

#include <stdlib.h>
#include <string.h>

/* ---- a server's ---- */

struct tls_cache {
    uv_mutex_t lock;
    br_ssl_session_cache_lru lru;
    uint8_t identity[TLS_FINGERPRINT]; /* the identity that all these sessions belong to */
    size_t size;
    unsigned char store[];
};

struct tls_cache *tls_cache_new(size_t bytes)
{
    struct tls_cache *c = calloc(1, sizeof *c + bytes);
    if (c == NULL || uv_mutex_init(&c->lock) != 0) {
        free(c);
        return NULL;
    }
    c->size = bytes;
    br_ssl_session_cache_lru_init(&c->lru, c->store, bytes);
    return c;
}

void tls_cache_free(struct tls_cache *c)
{
    if (c == NULL)
        return;
    uv_mutex_destroy(&c->lock);
    explicit_bzero(c, sizeof *c + c->size);
    free(c);
}

static struct cache_use *of(const br_ssl_session_cache_class **ctx)
{
    return (struct cache_use *)(void *)ctx; /* its first member */
}

/* The caller holds the lock. */
static bool is_mine(const struct cache_use *use)
{
    return memcmp(use->cache->identity, use->server.identity->id, sizeof use->cache->identity) == 0;
}

static void save(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                 const br_ssl_session_parameters *parameters)
{
    struct cache_use *use = of(ctx);
    use->resumed = false;
    if ((*use->server.shown > 0) != use->server.certified)
        return;
    struct tls_cache *c = use->cache;
    uv_mutex_lock(&c->lock);
    if (!is_mine(use)) {
        memcpy(c->identity, use->server.identity->id, sizeof c->identity);
        br_ssl_session_cache_lru_init(&c->lru, c->store, c->size);
    }
    c->lru.vtable->save(&c->lru.vtable, server, parameters);
    uv_mutex_unlock(&c->lock);
}

static int load(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                br_ssl_session_parameters *parameters)
{
    struct cache_use *use = of(ctx);
    struct tls_cache *c = use->cache;
    uv_mutex_lock(&c->lock);
    int found = is_mine(use) && use->server.now <= use->server.identity->ends &&
                c->lru.vtable->load(&c->lru.vtable, server, parameters);
    uv_mutex_unlock(&c->lock);
    use->resumed = found != 0;
    return found;
}

static const br_ssl_session_cache_class use_class = {
    .context_size = sizeof(struct cache_use),
    .save = save,
    .load = load,
};

void cache_attach(struct cache_use *use, struct tls_cache *cache, const struct cache_server *server,
                  br_ssl_server_context *context)
{
    *use = (struct cache_use){.vtable = &use_class, .cache = cache, .server = *server};
    br_ssl_server_set_cache(context, &use->vtable);
}

/* Finds the session id with its length (RFC 5246 section 7.4.1.2): it follows the record's header
 * (5 bytes) and the message's (4), version (2) and random (32). */
bool cache_knows(struct tls_cache *c, const uint8_t *record, size_t size)
{
    enum { ID = 5 + 4 + 2 + 32 };
    br_ssl_session_parameters p;
    if (c == NULL || size < ID + 1 + sizeof p.session_id || record[ID] != sizeof p.session_id)
        return false;
    memcpy(p.session_id, record + ID + 1, sizeof p.session_id);
    p.session_id_len = sizeof p.session_id;
    uv_mutex_lock(&c->lock);
    int found = c->lru.vtable->load(&c->lru.vtable, NULL, &p);
    uv_mutex_unlock(&c->lock);
    explicit_bzero(&p, sizeof p);
    return found != 0;
}

/* ---- a client's ---- */

struct session {
    br_ssl_session_parameters parameters;
    struct session_proof proof;
    uint8_t bound_to[16]; /* hash of its scope */
    bool valid;
};
_Static_assert(sizeof(struct session) <= sizeof(struct tls_session),
               "struct tls_session too small");

static void bind_to(uint8_t out[16], const struct session_scope *scope)
{
    static const uint8_t nobody[sizeof scope->identity->id];
    uint8_t hash[br_sha256_SIZE];
    br_sha256_context c;
    br_sha256_init(&c);
    br_sha256_update(&c, scope->trust->id, sizeof scope->trust->id);
    br_sha256_update(&c, scope->identity != NULL ? scope->identity->id : nobody, sizeof nobody);
    br_sha256_update(&c, scope->host, strlen(scope->host));
    br_sha256_out(&c, hash);
    memcpy(out, hash, 16);
}

bool session_take(struct tls_session *s, const struct session_scope *scope,
                  br_ssl_session_parameters *out, struct session_proof *proof)
{
    struct session own;
    uint8_t bound_to[sizeof own.bound_to];
    if (s == NULL)
        return false;
    memcpy(&own, s, sizeof own);
    explicit_bzero(s, sizeof *s);
    bind_to(bound_to, scope);
    bool good = own.valid && scope->now <= own.proof.until &&
                memcmp(own.bound_to, bound_to, sizeof bound_to) == 0;
    if (good) {
        *out = own.parameters;
        *proof = own.proof;
    }
    explicit_bzero(&own, sizeof own);
    return good;
}

void session_put(struct tls_session *s, const struct session_scope *scope,
                 const br_ssl_session_parameters *parameters, const struct session_proof *proof)
{
    struct session own = {
        .parameters = *parameters, .proof = *proof, .valid = parameters->session_id_len > 0};
    if (s == NULL)
        return;
    bind_to(own.bound_to, scope);
    memcpy(s, &own, sizeof own);
    explicit_bzero(&own, sizeof own);
}
