/* The tunnels in an SQLite file. Synchronous: every call may wait for the disk, and up to
 * DATABASE_BUSY_MS for another program's lock. One thread at a time. Private to the store. */
#ifndef GATEWAY_HUB_REGISTRY_DATABASE_H
#define GATEWAY_HUB_REGISTRY_DATABASE_H

#include "gateway/hub/registry/change.h"

#define DATABASE_BUSY_MS 2000

struct database;

/* Makes the file (0600) when it is not there, and brings older ones to today's schema. NULL with
 * *why and a sentence. */
struct database *database_open(const char *path, enum err *why, char *text, size_t size);
/* Moves what is in the WAL into the file, as far as the disk allows. NULL is fine. */
void database_close(struct database *d);

/* Each tunnel in the order of their numbers; `each` takes the record over, and ends the reading
 * with an error. ERR_PROTOCOL: what is in the file makes no sense, or `each` said so; the sentence
 * tells which tunnel. */
enum err database_read(struct database *d, enum err (*each)(void *ctx, struct tunnel_record *r),
                       void *ctx, char *text, size_t size);

/* All of them (struct change, in order) in one transaction; an empty list writes a little all the
 * same, to see whether the disk takes it. ERR_OK: they are on the disk. Else nothing is: ERR_BUSY,
 * ERR_NO_MEMORY, ERR_IO with a sentence; the next call tries anew. */
enum err database_apply(struct database *d, const struct list *changes, char *text, size_t size);

#endif
