/* Runs localproxy in either mode. */
#ifndef GATEWAY_LOCALPROXY_RUN_H
#define GATEWAY_LOCALPROXY_RUN_H

#include "core/config/hub_config.h"
#include "gateway/localproxy/config.h"

/* Runs localproxy and returns the exit code. main must end with loop_exit. */
int localproxy_run(const struct hub_config *hub, const struct localproxy_config *config);

#endif
