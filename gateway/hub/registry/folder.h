/* The state directory: whose it is. Private to the store. */
#ifndef GATEWAY_HUB_REGISTRY_FOLDER_H
#define GATEWAY_HUB_REGISTRY_FOLDER_H

#include "core/base/err.h"

#include <stddef.h>

/* Makes the folder (0700, not its parents) when it is not there, and locks it until *lock is
 * closed. ERR_ADDRESS_IN_USE: somebody else has it locked. A sentence in text. */
enum err folder_take(const char *folder, int *lock, char *text, size_t size);

#endif
