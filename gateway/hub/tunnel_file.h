/* The file that lists a hub's tunnels: JSON, written by tunnelctl, read by tunnel-hub.
 *
 *   {"tunnels": [{"id": "…", "name": "…", "services": ["SSH1", "HTTP1"],
 *                 "source-token-sha256": "<64 hex digits>",
 *                 "destination-token-sha256": "<64 hex digits>",
 *                 "created": <epoch seconds>, "expires": <epoch seconds; absent: never>}]}
 *
 * Only hashes of the tokens are in it. */
#ifndef GATEWAY_HUB_TUNNEL_FILE_H
#define GATEWAY_HUB_TUNNEL_FILE_H

#include "gateway/hub/request.h"

#define TOKEN_HASH 32
#define TUNNEL_SERVICES_MAX 64
#define TUNNEL_FILE_MAX (16u << 20) /* bytes */
#define TUNNEL_TEXT_MAX 128         /* characters of an id or a name */

struct tunnel_record {
    char *id;
    char *name; /* "" when it has none */
    char **services;
    size_t n_services;
    uint8_t hash[SIDE_COUNT][TOKEN_HASH];
    int64_t created; /* epoch seconds; 0: not known */
    int64_t expires; /* 0: never */
};

struct tunnel_file {
    struct tunnel_record *records;
    size_t n;
};

void token_hash(struct span token, uint8_t out[TOKEN_HASH]); /* SHA-256 */

/* Pure. ERR_PROTOCOL with a sentence in text that names the line and column, or the entry and the
 * key. */
enum err tunnel_file_parse(const char *json, size_t n, struct tunnel_file *out, char *text,
                           size_t size);
char *tunnel_file_print(const struct tunnel_file *f); /* malloc'd JSON; NULL: memory */
void tunnel_file_free(struct tunnel_file *f);         /* empty afterwards */

/* ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_TOO_LARGE, or as for parse. */
enum err tunnel_file_read(const char *path, struct tunnel_file *out, char *text, size_t size);

/* Reads the file (a missing one is empty), lets `edit` change it, and puts the result in its place
 * in one step, mode 0600, synced. Writers wait for each other (flock on PATH.lock), readers never
 * see half a file. An error from edit ends it, nothing is written then. */
enum err tunnel_file_update(const char *path,
                            enum err (*edit)(void *ctx, struct tunnel_file *f, char *text,
                                             size_t size),
                            void *ctx, char *text, size_t size);

/* Puts a file of that content, mode 0600 and synced, in the place of path in one step. */
enum err private_file_replace(const char *path, const char *content, char *text, size_t size);

/* For edit. Takes the record's memory over, also on failure (false: memory). */
bool tunnel_file_add(struct tunnel_file *f, struct tunnel_record *r);
void tunnel_file_remove(struct tunnel_file *f, size_t index);
void tunnel_record_free(struct tunnel_record *r);

#endif
