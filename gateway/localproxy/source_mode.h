/* localproxy's source mode: listening ports for the tunnel's services. */
#ifndef GATEWAY_LOCALPROXY_SOURCE_MODE_H
#define GATEWAY_LOCALPROXY_SOURCE_MODE_H

#include "gateway/destination/tunnel_program.h"
#include "gateway/localproxy/config.h"

/* tunnel_program_run in the role of a source (client.role is set here). */
enum err source_mode_run(const struct tunnel_program_options *client,
                         const struct localproxy_config *config);

#endif
