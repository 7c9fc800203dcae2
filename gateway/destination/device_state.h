/* The state directory of a device: one process has it at a time, and it keeps who the device is. */
#ifndef GATEWAY_DESTINATION_DEVICE_STATE_H
#define GATEWAY_DESTINATION_DEVICE_STATE_H

#include "core/device/device_identity.h"

struct device_state;

/* Makes the directory (mode 0700, with its parents) if it is missing, locks it, and keeps `known`
 * as what is in it; NULL: makes a key and writes it, for a device of that name that is not
 * enrolled. An error comes with a sentence in text, and leaves no key. */
struct device_state *device_state_open(const char *directory, const char *name,
                                       const struct device_identity *known, enum err *why,
                                       char *text, size_t size);
void device_state_close(struct device_state *s); /* wipes the key in memory; NULL is fine */

const struct device_identity *device_state_identity(const struct device_state *s);
/* Notes that the device is enrolled; does nothing when that is noted already. */
enum err device_state_enrolled(struct device_state *s, char *text, size_t size);
enum err device_state_remove(struct device_state *s, char *text, size_t size); /* the key's file */

#endif
