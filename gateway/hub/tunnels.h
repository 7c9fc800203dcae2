/* The tunnels that a hub serves, from the --tunnels file, and the life of their access tokens
 * (share/doc/protocol.md, "Tokens"): a token is good for one connection, unless that brought a
 * client token; then the two together are good for ever again. What was used is known as long as
 * the hub runs. */
#ifndef GATEWAY_HUB_TUNNELS_H
#define GATEWAY_HUB_TUNNELS_H

#include "gateway/hub/tunnel_file.h"

struct relay;
struct tunnels;

struct tunnel {
    const struct tunnel_record *record; /* changes when the file is read again */
    struct relay *relay;                /* the owner's; NULL at first */
    struct tunnel_side {
        struct tunnel *tunnel;
        enum side side;
        bool used, has_client_token;
        uint8_t client_token[TOKEN_HASH];
    } sides[SIDE_COUNT];
    bool kept; /* private */
};

const char *tunnel_name(const struct tunnel *t); /* the name, else the id */

struct tunnels_events {
    /* It was removed from the file or has expired (why: a few words); freed after this. */
    void (*ended)(void *owner, struct tunnel *t, const char *why);
    /* One side got another access token: whoever came with the old one has to go. */
    void (*rotated)(void *owner, struct tunnel *t, enum side side);
};

/* Empty at first. NULL: no memory. */
struct tunnels *tunnels_new(const char *path, const struct tunnels_events *events, void *owner);
void tunnels_free(struct tunnels *ts); /* without events */
size_t tunnels_count(const struct tunnels *ts);
/* Walks all: start with *at = 0, ends with NULL. */
struct tunnel *tunnels_next(const struct tunnels *ts, size_t *at);

/* Reads the file; now: epoch seconds. A tunnel is known by its id: it goes on, with what was used,
 * unless its services have changed. On error (sentence in text) everything stays as it was. */
enum err tunnels_load(struct tunnels *ts, int64_t now, char *text, size_t size);

/* Loads again when the file is another one than at the last try; ends what has expired. Logs. */
void tunnels_refresh(struct tunnels *ts, int64_t now);

struct admission {
    struct tunnel *tunnel; /* NULL: refused */
    int status;            /* then with this status */
    const char *text;      /* and this text, static storage */
};
/* Whether that request may come in; if so its token counts as used from now on. Looks into the file
 * once more when the token is unknown. */
struct admission tunnels_admit(struct tunnels *ts, const struct request *r, int64_t now);

#endif
