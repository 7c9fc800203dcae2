/* What tunnel-agent is told by its command line, files and environment. */
#ifndef GATEWAY_DESTINATION_AGENT_CONFIG_H
#define GATEWAY_DESTINATION_AGENT_CONFIG_H

#include "core/config/hub_config.h"
#include "core/config/services.h"
#include "gateway/common/tunnel_end.h"
#include "gateway/destination/destination.h"
#include "gateway/destination/device_config.h"

extern const struct option_group agent_service_options, agent_device_options;

struct agent_config {
    bool stands_by; /* as `device`, and serves many tunnels; else one, by its access token */
    struct device_config device;
    bool fixed_pings; /* --ping-period was given */
    struct hub_config hub;
    struct services services;
    size_t memory;                          /* bytes for all that waits in queues */
    struct tunnel_end_options end;          /* without loop, monitor and memory */
    struct destination_options destination; /* without monitor and watched */
};

/* Reads everything, also the files that the options name. NULL: options_problem says why. */
struct agent_config *agent_config_read(struct options *o);
void agent_config_free(struct agent_config *c); /* wipes secrets; NULL is fine */

#endif
