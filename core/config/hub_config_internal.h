/* Private to hub*.c: the parts of hub_config_read. */
#ifndef CORE_CONFIG_HUB_CONFIG_INTERNAL_H
#define CORE_CONFIG_HUB_CONFIG_INTERNAL_H

#include "core/config/hub_config.h"

enum err hub_access_token(struct options *o, const struct hub_rules *rules, struct hub_config *out);
enum err hub_client_token(struct options *o, const struct hub_rules *rules, struct hub_config *out);

#endif
