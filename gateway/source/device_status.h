/* What a client is told while its device is not connected. */
#ifndef GATEWAY_SOURCE_DEVICE_STATUS_H
#define GATEWAY_SOURCE_DEVICE_STATUS_H

#include "core/tunnel/session.h"

/* So long a device that has only just gone, or a hub that is only just back, is waited for: both
 * ends connect anew after a hub's restart, and either may be the first. */
#define DEVICE_STATUS_WAIT_MS 2000

#define DEVICE_STATUS_TEXT 192
/* "device plant7 is not connected, last seen 04:36:12; is tunnel-agent running there?" quiet: to a
 * stranger, who is told no names. */
void device_status_text(const struct session *s, struct loop *loop, bool quiet,
                        char out[DEVICE_STATUS_TEXT]);

/* Whether the device has been away for less than DEVICE_STATUS_WAIT_MS, so that a client may wait.
 */
bool device_status_is_awaited(const struct session *s, struct loop *loop);

#endif
