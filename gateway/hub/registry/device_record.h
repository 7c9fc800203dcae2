/* What is known of a device, as it is kept in memory and in the store. Plain data. */
#ifndef GATEWAY_HUB_REGISTRY_DEVICE_RECORD_H
#define GATEWAY_HUB_REGISTRY_DEVICE_RECORD_H

#include "gateway/hub/registry/record.h"

#define DEVICE_KEY_SIZE 65      /* an uncompressed point of P-256 */
#define DEVICE_AZURE_ID_MAX 257 /* two ids of 128, with '/' between them */
#define DEVICE_SEALED_MAX 256   /* bytes */

/* X(name, text): text is what the control API, the store's sentences and the audit log say. */
#define DEVICE_STATE_TABLE(X)                                                                      \
    X(PENDING, "PENDING") /* enrolled, and not approved yet */                                     \
    X(ENABLED, "ENABLED")                                                                          \
    X(DISABLED, "DISABLED")
enum device_state {
#define X(name, text) DEVICE_##name,
    DEVICE_STATE_TABLE(X)
#undef X
        DEVICE_STATE_COUNT
};
const char *device_state_name(enum device_state s);
bool device_state_from(struct span name, enum device_state *out);

struct device_record {
    char *name; /* as it was enrolled; 1 to 128 of A-Z a-z 0-9 : _ - */
    enum device_state state;
    struct tags labels;
    /* What proves that it is the device, beside `sealed`. After a reset there is none of them: then
     * a join token may take the name once more. A certificate of the device CA is good enough in
     * any case. */
    bool has_key, by_certificate;
    uint8_t key[DEVICE_KEY_SIZE]; /* zeroes without has_key */
    char *invitation;             /* id of the one that it enrolled with; "": by certificate */
    int64_t enrolled;             /* ms since the epoch */
    int64_t last_seen;            /* ms; when its link was last there */
    char *last_address;           /* without port; "" when unknown */
    char *version;                /* of its agent; "" when unknown */
    struct texts services;        /* as it told them last */
    /* What Azure's clients call it, exactly so; no two devices have the same one, nor one the name
     * of another. NULL: its name. */
    char *azure_id;
    uint8_t *sealed; /* its symmetric keys (gateway/hub/azure/device_keys.h); NULL: none */
    size_t n_sealed;
    /* Not kept, nor copied: the other node of the cluster that has its link, if it lives; a view of
     * the registry's own. NULL: none. */
    const char *node;
    uint32_t topics; /* its topics that it is subscribed to, as its MQTT sessions say; 0: none */
};
/* Frees the contents, not d itself, which is zeroed. */
void device_record_free(struct device_record *d);
/* to is zeroed or as good as. False: no memory, and what is there is to be freed. */
bool device_record_copy(struct device_record *to, const struct device_record *from);
/* Replaces the sealed keys by a copy of these n bytes; 0: by none. False: no memory, and they are
 * as before. */
bool device_record_seal(struct device_record *d, const uint8_t *sealed, size_t n);
/* Whether something proves that a client is the device. */
static inline bool device_record_is_keyed(const struct device_record *d)
{
    return d->has_key || d->by_certificate || d->sealed != NULL;
}

#endif
