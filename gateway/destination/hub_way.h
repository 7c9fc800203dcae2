/* The way of a device's link to its hub, as the options name it: copies of their own. */
#ifndef GATEWAY_DESTINATION_HUB_WAY_H
#define GATEWAY_DESTINATION_HUB_WAY_H

#include "core/config/hub_config.h"
#include "core/http/upstream.h"
#include "core/tls/tls.h"
#include "core/tunnel/connector.h"

struct hub_way {
    char *host, *bind; /* bind NULL: any */
    int port;
    struct upstream proxy;
    bool proxied;
    const struct trust *trust; /* must outlive the way */
    struct identity *identity; /* held; NULL: none */
};

/* ERR_NO_MEMORY, or what upstream_parse says of the proxy's URL; *w may be freed then as well. */
enum err hub_way_take(struct hub_way *w, const struct hub_config *hub, const struct trust *trust,
                      struct identity *identity);
void hub_way_free(struct hub_way *w);
/* Whether both lead to the same hub by the same proxy; trust and identity may differ. */
bool hub_way_same(const struct hub_way *a, const struct hub_way *b);
/* Fills in what a connector needs of it; views. */
void hub_way_target(const struct hub_way *w, struct connector_target *out);

#endif
