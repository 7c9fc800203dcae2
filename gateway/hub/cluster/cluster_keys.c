#include "gateway/hub/cluster/cluster_keys.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CACHE_BYTES 65536 /* some 600 sessions: one for each worker of each other node */

struct cluster_keys {
    _Atomic size_t holders;
    struct identity *identity;
    struct trust *servers, *clients;
    struct tls_cache *cache;
};

static bool open_keys(struct cluster_keys *k, const struct cluster_key_files *files, enum err *why,
                      char *text, size_t size)
{
    struct trust_sources from = {.file = files->ca};
    k->identity = identity_new(files->cert, files->key, why, text, size);
    k->servers = k->identity != NULL ? trust_new(&from, why, text, size) : NULL;
    from.clients = true;
    k->clients = k->servers != NULL ? trust_new(&from, why, text, size) : NULL;
    if (k->clients == NULL)
        return false;
    k->cache = tls_cache_new(CACHE_BYTES);
    *why = ERR_NO_MEMORY;
    return k->cache != NULL;
}

struct cluster_keys *cluster_keys_new(const struct cluster_key_files *files, enum err *why,
                                      char *text, size_t size)
{
    struct cluster_keys *k = calloc(1, sizeof *k);
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(*why));
    if (k == NULL)
        return NULL;
    k->holders = 1;
    if (open_keys(k, files, why, text, size))
        return k;
    cluster_keys_free(k);
    return NULL;
}

struct cluster_keys *cluster_keys_ref(struct cluster_keys *k)
{
    atomic_fetch_add(&k->holders, 1);
    return k;
}

void cluster_keys_free(struct cluster_keys *k)
{
    if (k == NULL || atomic_fetch_sub(&k->holders, 1) > 1)
        return;
    identity_free(k->identity);
    trust_free(k->servers);
    trust_free(k->clients);
    tls_cache_free(k->cache);
    free(k);
}

struct identity *cluster_keys_identity(const struct cluster_keys *k)
{
    return k->identity;
}

const struct trust *cluster_keys_servers(const struct cluster_keys *k)
{
    return k->servers;
}

const struct trust *cluster_keys_clients(const struct cluster_keys *k)
{
    return k->clients;
}

struct tls_cache *cluster_keys_cache(const struct cluster_keys *k)
{
    return k->cache;
}
