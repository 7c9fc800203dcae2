/* What a localproxy command line comes to: which role, which version, which services. */
#ifndef GATEWAY_LOCALPROXY_CONFIG_H
#define GATEWAY_LOCALPROXY_CONFIG_H

#include "core/config/options.h"
#include "core/config/services.h"

#include <stdint.h>

extern const struct option_group localproxy_options;

struct localproxy_config {
    bool source;              /* else destination */
    int version;              /* source: 1, 2 or 3; destination: 0 or 1 */
    struct services services; /* may be empty at a source: every service gets a free port */
    bool from_files;          /* of --config-dir: they may hold more than the tunnel has */
    const char *address; /* -b, or the settings' default ("localhost"); belongs to the options */
    bool address_given;  /* it was -b */
    unsigned connect_retries; /* of a destination's dial, and of a source's busy port */
    uint64_t connect_retry_ms;
    size_t max_connections;
    bool give_up; /* after `hub_tries` failed tries to reach the hub */
    unsigned hub_tries;
    bool reconnect; /* after the connection to the hub was lost */
};

/* Validates. Directories of service maps are read: --config-dir, or ./config if there is one and
 * neither -s nor -d says anything. Failures leave a sentence in options_problem. Free with
 * localproxy_config_free whatever the result; out is zeroed first. */
enum err localproxy_config_read(struct options *o, struct localproxy_config *out);
void localproxy_config_free(struct localproxy_config *p);

#endif
