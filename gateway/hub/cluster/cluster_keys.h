/* What nodes prove to each other who they are with: this one's certificate and key, and the
 * authority of all of them. Shared by threads; the last holder frees it, so that a reload takes
 * nothing away from a handshake that runs. */
#ifndef GATEWAY_HUB_CLUSTER_CLUSTER_KEYS_H
#define GATEWAY_HUB_CLUSTER_CLUSTER_KEYS_H

#include "core/tls/tls.h"

struct cluster_key_files {
    const char *cert, *key, *ca; /* PEM */
};

struct cluster_keys;
/* NULL with *why and a sentence in text: what could not be read, and where. */
struct cluster_keys *cluster_keys_new(const struct cluster_key_files *files, enum err *why,
                                      char *text, size_t size);
struct cluster_keys *cluster_keys_ref(struct cluster_keys *k); /* adds a holder; returns k */
void cluster_keys_free(struct cluster_keys *k);                /* removes one; NULL is fine */

struct identity *cluster_keys_identity(const struct cluster_keys *k);
const struct trust *cluster_keys_servers(const struct cluster_keys *k); /* nodes that are dialled */
const struct trust *cluster_keys_clients(const struct cluster_keys *k); /* nodes that dial */
/* The sessions of nodes that dial, and of nobody else (tls_server_options.cache_certified). */
struct tls_cache *cluster_keys_cache(const struct cluster_keys *k);

#endif
