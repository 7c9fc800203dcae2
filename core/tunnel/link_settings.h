/* A link's own copy of its options: where the hub is, by which way, as whom, and how often. Only
 * link.c uses it. Wipes tokens; opens nothing. */
#ifndef CORE_TUNNEL_LINK_SETTINGS_H
#define CORE_TUNNEL_LINK_SETTINGS_H

#include "core/tunnel/link.h"

struct link_settings {
    char *host, *access_token, *client_token, *subprotocol, *instance, *bind, *agent;
    int port;
    enum session_role role;
    const struct trust *trust;
    struct identity *identity; /* held; NULL: none */
    struct upstream proxy;
    bool proxied;
    uint64_t ping_ms, retry_first_ms, retry_max_ms; /* retry_first_ms may be 0 */
};

/* All but `ready` and `tls_session`. ERR_NO_MEMORY or what is wrong with the proxy's URL: nothing
 * is to be freed. */
enum err link_settings_init(struct link_settings *s, const struct link_options *o);
void link_settings_free(struct link_settings *s);
/* Takes from n all but role, agent and instance, and gives n what was there, to be freed. True:
 * they lead another way than before. */
bool link_settings_take(struct link_settings *s, struct link_settings *n);

#endif
