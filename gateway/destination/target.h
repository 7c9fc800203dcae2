/* Whether a connection may go where its source wants it to, and where that is. Pure. */
#ifndef GATEWAY_DESTINATION_TARGET_H
#define GATEWAY_DESTINATION_TARGET_H

#include "core/config/services.h"
#include "core/tunnel/opening.h"

#define TARGET_TEXT 400 /* bytes of a sentence with its NUL */

/* ERR_OK: the mapping's own endpoint is dialled, or the host in `dial` at the opening's port when
 * that is not "". Else `text` says why not: ERR_NEEDS_TARGET, ERR_NO_TARGETS, ERR_FORBIDDEN. */
enum err target_choose(const struct service_mapping *s, const struct opening *o,
                       char dial[TARGETS_HOST], char text[TARGET_TEXT]);

/* Writes "10.0.7.20:502" or "[fd00:7::20]:502"; "" when none was named. Returns out. */
const char *target_where(const struct opening *o, char *out, size_t size);

#endif
