/* What both messages of the device link have in common (share/doc/devices.md): one of them is one
 * binary WebSocket message. */
#ifndef CORE_DEVICE_DEVICE_LINK_H
#define CORE_DEVICE_DEVICE_LINK_H

#include "core/base/service_id.h"

#define DEVICE_LINK_PROTOCOL "tunnel.device-1" /* the WebSocket subprotocol */
#define DEVICE_LINK_PATH "/device"
#define DEVICE_LINK_MESSAGE_MAX 16384 /* bytes of one message, either way */
#define DEVICE_LINK_SERVICES_MAX 64   /* in one message; those above are left out */
#define DEVICE_LINK_TUNNELS_MAX 64    /* the same; a device has no more at a time */

/* The longest texts that a receiver accepts; a message with a longer one is not understood. */
#define DEVICE_LINK_ID_MAX 64      /* a notice's id; a tunnel's that a device names */
#define DEVICE_LINK_TOKEN_MAX 4096 /* access token, join token */
#define DEVICE_LINK_WORDS_MAX 256  /* what people read: reasons, who, version */
#define DEVICE_LINK_NAME_MAX 1024  /* a device's name, which may be none (device_name_valid) */

#define DEVICE_JOIN_TOKEN_PREFIX "join_"

/* Whether s is something that the HTTP header of an access token can carry: visible ASCII, so that
 * whoever gives a token adds no header of its own. */
bool device_link_token_is(struct span s);

#endif
