/* The configuration that a localproxy command line gives: role, version, services. */
#ifndef GATEWAY_LOCALPROXY_CONFIG_H
#define GATEWAY_LOCALPROXY_CONFIG_H

#include "core/config/options.h"
#include "core/config/services.h"

#include <stdint.h>

extern const struct option_group localproxy_options;

struct localproxy_config {
    bool source;              /* false: destination */
    int version;              /* source: 1, 2 or 3; destination: 0 or 1 */
    struct services services; /* empty at a source: every service gets a free port */
    bool from_files; /* services came from --config-dir, which may hold more than the tunnel has */
    const char *address; /* -b, or the settings' default ("localhost"); belongs to the options */
    bool address_given;  /* address was given by -b */
    unsigned connect_retries; /* retries of a destination's dial, and of a source's busy port */
    uint64_t connect_retry_ms;
    size_t max_connections;
    bool give_up; /* end after `hub_tries` failed tries to reach the hub */
    unsigned hub_tries;
    bool reconnect; /* reconnect after the connection to the hub was lost */
};

/* Validates the options and reads the directories of service maps: --config-dir, or ./config if it
 * exists and neither -s nor -d is given. An error leaves a sentence in options_problem. *out is
 * zeroed first, and must be freed with localproxy_config_free whatever the result. */
enum err localproxy_config_read(struct options *o, struct localproxy_config *out);
void localproxy_config_free(struct localproxy_config *p);

#endif
