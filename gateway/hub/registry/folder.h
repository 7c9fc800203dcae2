/* The ownership of the state directory. Private to the store. */
#ifndef GATEWAY_HUB_REGISTRY_FOLDER_H
#define GATEWAY_HUB_REGISTRY_FOLDER_H

#include "core/base/err.h"

#include <stddef.h>

/* Makes the folder (mode 0700, not its parents) if it is missing, and locks it until *lock is
 * closed. ERR_ADDRESS_IN_USE: another process has it locked. Errors come with a sentence in text.
 */
enum err folder_take(const char *folder, int *lock, char *text, size_t size);

#endif
