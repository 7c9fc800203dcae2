/* What is known of a tunnel, as it is kept in memory and in the store. Plain data. */
#ifndef GATEWAY_HUB_REGISTRY_RECORD_H
#define GATEWAY_HUB_REGISTRY_RECORD_H

#include "core/base/str.h"
#include "gateway/hub/registry/side.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_HASH 32 /* SHA-256 */
void token_hash(struct span token, uint8_t out[TOKEN_HASH]);

struct texts {
    char **items;
    size_t n;
};
struct tag {
    char *key, *value;
};
struct tags {
    struct tag *items;
    size_t n;
};
/* These structs own malloc'd copies. False: no memory, and what was added before stays. */
bool texts_add(struct texts *t, struct span text);
bool texts_copy(struct texts *to, const struct texts *from);
bool texts_have(const struct texts *t, struct span text);
void texts_free(struct texts *t); /* empty afterwards */
/* Adds the key or replaces its value. */
bool tags_set(struct tags *t, struct span key, struct span value);
bool tags_remove(struct tags *t, struct span key); /* true: the key was there */
bool tags_copy(struct tags *to, const struct tags *from);
void tags_free(struct tags *t);
size_t tags_size(const struct tags *t); /* approximate bytes of memory */

/* One end of a tunnel. */
struct record_side {
    uint8_t token[TOKEN_HASH];
    bool used;       /* an end was admitted with this token */
    bool has_client; /* that end brought the client token `client` */
    uint8_t client[TOKEN_HASH];
    bool connected;  /* the state that DescribeTunnel shows */
    int64_t changed; /* when `connected` last changed; 0: never */
};

struct tunnel_record {
    char *id;          /* a UUID */
    int64_t number;    /* increases in the order of creation */
    char *key_id;      /* the access key that opened it; "" for unsigned calls */
    char *thing;       /* "" when it has none */
    char *description; /* "" when it has none */
    struct texts services;
    struct tags tags;
    int64_t created, updated; /* ms */
    int64_t lifetime_minutes;
    int64_t idle_ms; /* closed when no source was there for so long; 0: not on demand */
    int64_t expires; /* ms */
    int64_t closed;  /* ms; 0: it is open */
    struct record_side sides[SIDE_COUNT];
};
/* Frees the contents, not r itself, which is zeroed. */
void tunnel_record_free(struct tunnel_record *r);
size_t tunnel_record_size(const struct tunnel_record *r); /* approximate bytes of memory */

#endif
