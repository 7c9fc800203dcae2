/* The store backend that keeps tunnels in an SQLite file, hub.db. A missing file is created (mode
 * 0600), and an older one is migrated to today's schema. Calls may wait up to DATABASE_BUSY_MS for
 * another program's lock; ERR_OK of `apply` means that all changes are on the disk; `close` moves
 * what is in the WAL into the file, as far as the disk allows. */
#ifndef GATEWAY_HUB_REGISTRY_DATABASE_H
#define GATEWAY_HUB_REGISTRY_DATABASE_H

#include "gateway/hub/registry/store_backend.h"

#define DATABASE_BUSY_MS 2000

extern const struct store_backend database_backend;

#endif
