/* Private to services.h: services.c reads mappings, services_load.c the files that they come from.
 */
#ifndef CORE_CONFIG_SERVICES_INTERNAL_H
#define CORE_CONFIG_SERVICES_INTERNAL_H

#include "core/base/str.h"
#include "core/config/services.h"

/* Adds one mapping; of an id that is there already, for the same target, the first one counts.
 * id.p NULL: it has none.
 * Errors as services_parse. */
enum err services_add(struct services *s, struct span id, struct span value, enum services_use use,
                      char *problem, size_t size);

/* Cuts ":HOST:PORT" off the end of "[ADDRESS:]PORT:HOST:PORT" or "/path:HOST:PORT", and returns it
 * without the first colon; p NULL: there is none. What has a '/' is part of a path. */
struct span services_cut_target(struct span *value);
/* Errors as services_parse. target: what services_cut_target returned. */
enum err services_parse_target(struct span target, struct service_mapping *out, char *problem,
                               size_t size);

#endif
