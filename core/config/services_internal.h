/* Private to services*.c: one mapping into a map. */
#ifndef CORE_CONFIG_SERVICES_INTERNAL_H
#define CORE_CONFIG_SERVICES_INTERNAL_H

#include "core/base/str.h"
#include "core/config/services.h"

/* id.p == NULL: none was given. */
enum err services_add(struct services *s, struct span id, struct span endpoint,
                      enum services_use use, char *problem, size_t size);

#endif
