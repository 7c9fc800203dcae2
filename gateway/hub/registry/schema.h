/* The tables of the store, and the migration of older hubs' tables. Private to the store. */
#ifndef GATEWAY_HUB_REGISTRY_SCHEMA_H
#define GATEWAY_HUB_REGISTRY_SCHEMA_H

#include "core/base/err.h"

#include <sqlite3.h>
#include <stddef.h>

#define SCHEMA_APPLICATION 0x74756e68 /* "tunh", the file's application_id */

/* The SQL of step i turns version i into version i + 1; version 0 is an empty file. A step that has
 * been released never changes. */
struct schema {
    const char *const *steps;
    size_t n;
};
extern const struct schema schema_today;

/* Only reads. ERR_PROTOCOL with a sentence: the file belongs to another program or to a newer hub.
 */
enum err schema_check(sqlite3 *db, const struct schema *s, char *text, size_t size);
/* Runs all missing steps in one transaction. Must follow schema_check. */
enum err schema_migrate(sqlite3 *db, const struct schema *s, char *text, size_t size);

#endif
