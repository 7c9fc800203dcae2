/* A destination at work: what tunnel-agent is, and localproxy's destination mode. */
#ifndef GATEWAY_DESTINATION_AGENT_H
#define GATEWAY_DESTINATION_AGENT_H

#include "gateway/destination/client.h"
#include "gateway/destination/destination.h"

/* client_run in the role of a destination (client.role is set here). */
enum err agent_run(const struct client_options *client,
                   const struct destination_options *destination);

#endif
