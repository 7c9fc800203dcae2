/* The source side, for programs that put it together: listening ports of services (mappings.h) for
 * those that want nothing else, the endpoint (inbound.h) and several tunnels (tunnels.h) for the
 * gateway. */
#ifndef GATEWAY_SOURCE_SOURCE_H
#define GATEWAY_SOURCE_SOURCE_H

#include "gateway/source/inbound.h"
#include "gateway/source/mappings.h"
#include "gateway/source/tunnels.h"

#endif
