/* The tables of the store, and how those of older hubs become today's. Private to the store. */
#ifndef GATEWAY_HUB_REGISTRY_SCHEMA_H
#define GATEWAY_HUB_REGISTRY_SCHEMA_H

#include "core/base/err.h"

#include <sqlite3.h>
#include <stddef.h>

#define SCHEMA_APPLICATION 0x74756e68 /* "tunh", the file's application_id */

/* Step i, SQL, makes version i + 1 out of version i; version 0 is an empty file. A step that has
 * been released never changes. */
struct schema {
    const char *const *steps;
    size_t n;
};
extern const struct schema schema_today;

/* Reads only. ERR_PROTOCOL with a sentence when the file is somebody else's or of a newer hub. */
enum err schema_check(sqlite3 *db, const struct schema *s, char *text, size_t size);
/* All missing steps in one transaction; after schema_check. */
enum err schema_migrate(sqlite3 *db, const struct schema *s, char *text, size_t size);

#endif
