/* What the gateway is told about its own endpoint: whom it lets in, and what for. */
#ifndef GATEWAY_SOURCE_MAIN_CONFIG_ENDPOINT_H
#define GATEWAY_SOURCE_MAIN_CONFIG_ENDPOINT_H

#include "core/config/options.h"
#include "gateway/source/origins.h"

/* With the options of names (suffix, http-services), too. */
extern const struct option_group config_endpoint_group;

struct config_endpoint {
    struct origins origins;
    char *user, *password; /* NULL: no authentication */
    uint64_t grace_ms;     /* or TUNNELS_GRACE_AUTO */
    uint64_t max_clients;
    size_t memory;     /* bytes for all that waits in queues */
    bool ask_user;     /* SOCKS5 clients that can give a user name are asked for it */
    bool hide_clients; /* Devices are not told who the clients are. */
    bool direct;       /* what is no name of ours is dialled from here */
};

/* Into *out, which is all zero. Errors leave a sentence in options_problem. Call
 * config_endpoint_free in any case. */
enum err config_endpoint_read(struct options *o, struct config_endpoint *out);
void config_endpoint_free(struct config_endpoint *c); /* wipes the password */

#endif
