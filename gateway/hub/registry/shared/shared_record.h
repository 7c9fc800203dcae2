/* A tunnel as Redis keeps it: one text of JSON (record_json.h), and fields beside it for what
 * changes often. Pure. Private to the shared registry. */
#ifndef GATEWAY_HUB_REGISTRY_SHARED_SHARED_RECORD_H
#define GATEWAY_HUB_REGISTRY_SHARED_SHARED_RECORD_H

#include "core/base/err.h"
#include "gateway/hub/registry/record.h"

#define SHARED_STATE_SIZE 24

struct shared_record {
    struct tunnel_record record; /* its id is not in the text */
    char *why;                   /* of its closing; NULL: it is open, or has expired */
    char *used_by[SIDE_COUNT];   /* the request that used the token up; NULL: none */
};
void shared_record_free(struct shared_record *r); /* the contents; r is zeroed */
/* The text, which is to be freed, without the connection states. NULL: no memory. */
char *shared_record_write(const struct shared_record *r);
/* Reads what was written into *r, which is zeroed. Whatever else the text may be: ERR_PROTOCOL, or
 * ERR_NO_MEMORY, and *r is zeroed again. */
enum err shared_record_read(struct shared_record *r, struct span id, struct span text);
/* Replaces one of the texts by a copy. False: no memory, and it is as before. */
bool shared_record_set(char **text, const char *to);

/* When an open tunnel ends: with its lifetime, or sooner when it has no source for its idle time.
 * here: its source is connected, whatever the record says. */
int64_t shared_due(const struct tunnel_record *t, bool here);

/* A side's connection state: "1:1700000000000". An unreadable one is "never connected". */
void shared_state_write(const struct record_side *s, char out[SHARED_STATE_SIZE]);
void shared_state_read(struct record_side *s, struct span text);

#endif
