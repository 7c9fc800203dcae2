/* The two sides of a bridge: the service's program, which asked for it, and the device. */
#ifndef GATEWAY_HUB_BRIDGE_BRIDGE_SIDE_H
#define GATEWAY_HUB_BRIDGE_BRIDGE_SIDE_H

enum bridge_side { BRIDGE_SERVICE, BRIDGE_DEVICE, BRIDGE_SIDES };

static inline const char *bridge_side_name(enum bridge_side side)
{
    return side == BRIDGE_SERVICE ? "service" : "device";
}

#endif
