/* A destination at work: what tunnel-agent is, and localproxy's destination mode. */
#ifndef GATEWAY_DESTINATION_AGENT_H
#define GATEWAY_DESTINATION_AGENT_H

#include "gateway/destination/destination.h"
#include "gateway/destination/tunnel_program.h"

struct agent;

/* At SIGHUP: reads the configuration again, and agent_change. NULL: SIGHUP ends the program. */
struct agent_reload {
    void (*read)(void *owner, struct agent *a);
    void *owner;
};

/* tunnel_program_run in the role of a destination (client.role is set here). */
enum err agent_run(const struct tunnel_program_options *client,
                   const struct destination_options *destination,
                   const struct agent_reload *reload);

/* As tunnel_program_change; and as destination_change for connections that come from now on. Both
 * must outlive it, or the next change. */
enum err agent_change(struct agent *a, const struct tunnel_program_options *client,
                      const struct destination_options *destination);

#endif
