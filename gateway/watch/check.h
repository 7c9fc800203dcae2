/* --check-config of both ends: what their options name beyond themselves. */
#ifndef GATEWAY_WATCH_CHECK_H
#define GATEWAY_WATCH_CHECK_H

#include "core/config/hub.h"

/* Whether the certificates to trust can be read, and the web proxy's URL is one. Else a sentence.
 * Connects to nobody. */
enum err check_hub(const struct hub_config *hub, char *text, size_t size);

#endif
