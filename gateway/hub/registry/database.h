/* The tunnels in an SQLite file, hub.db. It is made (0600) when it is not there, and older ones are
 * brought to today's schema. Calls may wait up to DATABASE_BUSY_MS for another program's lock;
 * ERR_OK of `apply` means that all is on the disk; `close` moves what is in the WAL into the file,
 * as far as the disk allows. */
#ifndef GATEWAY_HUB_REGISTRY_DATABASE_H
#define GATEWAY_HUB_REGISTRY_DATABASE_H

#include "gateway/hub/registry/store_backend.h"

#define DATABASE_BUSY_MS 2000

extern const struct store_backend database_backend;

#endif
