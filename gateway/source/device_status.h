/* What a client is told while its device is not connected. */
#ifndef GATEWAY_SOURCE_DEVICE_STATUS_H
#define GATEWAY_SOURCE_DEVICE_STATUS_H

#include "core/tunnel/session.h"

/* How long clients wait for a device that has just left. After a hub's restart both ends connect
 * anew, and either of them may be the first. */
#define DEVICE_STATUS_WAIT_MS 2000

#define DEVICE_STATUS_TEXT 192
/* Writes "device plant7 is not connected, last seen 04:36:12; is tunnel-agent running there?"
 * quiet: the reader is a stranger and is told no names. */
void device_status_text(const struct session *s, struct loop *loop, bool quiet,
                        char out[DEVICE_STATUS_TEXT]);

/* Writes ", last seen 04:36:12", or the date when that is more than a day ago; "" when no clock
 * knows.
 */
void device_status_seen(uint64_t ago_ms, char *out, size_t size);

/* Whether the device left less than DEVICE_STATUS_WAIT_MS ago, so that a client may wait. */
bool device_status_is_awaited(const struct session *s, struct loop *loop);

#endif
