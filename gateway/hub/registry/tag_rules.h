/* Which changes of a tunnel's tags are allowed, and what they lead to. Pure. Private to the
 * registries. */
#ifndef GATEWAY_HUB_REGISTRY_TAG_RULES_H
#define GATEWAY_HUB_REGISTRY_TAG_RULES_H

#include "gateway/hub/registry/registry.h"

#define TAGS_MAX 200

/* Puts t's tags as they are after the change into *after, which is empty and is to be freed in any
 * case, and asks c->permits. ERR_FORBIDDEN, ERR_LIMIT (registry_tag), ERR_NO_MEMORY. */
enum err tag_judge(const struct tunnel_record *t, const struct tag_change *c, void *ctx,
                   struct tags *after);

#endif
