/* Private to services.h: services.c reads mappings, services_load.c the files that they come from.
 */
#ifndef CORE_CONFIG_SERVICES_INTERNAL_H
#define CORE_CONFIG_SERVICES_INTERNAL_H

#include "core/base/str.h"
#include "core/config/services.h"

/* Adds one mapping; of an id that is there already the first one counts. id.p NULL: it has none.
 * Errors as services_parse. */
enum err services_add(struct services *s, struct span id, struct span value, enum services_use use,
                      char *problem, size_t size);

#endif
