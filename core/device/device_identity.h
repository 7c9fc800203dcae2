/* Who a device is, kept in a file of its state directory: its key, and the name that it has at the
 * hub. */
#ifndef CORE_DEVICE_DEVICE_IDENTITY_H
#define CORE_DEVICE_DEVICE_IDENTITY_H

#include "core/base/err.h"
#include "core/device/device_key.h"
#include "core/device/device_name.h"

#include <stddef.h>

#define DEVICE_IDENTITY_FILE "device.key" /* in the state directory */

struct device_identity {
    char name[DEVICE_NAME_MAX + 1];
    bool enrolled; /* A hub has welcomed this name with this key. */
    struct device_key key;
};
void device_identity_wipe(struct device_identity *i);

/* Reads DIRECTORY/device.key. ERR_NOT_FOUND: there is none. ERR_PERMISSION: it is not a regular
 * file of this user alone (a symbolic link, another owner, readable by others). ERR_USAGE: it is
 * damaged. All with a sentence in text. */
enum err device_identity_load(const char *directory, struct device_identity *out, char *text,
                              size_t size);

/* Writes the file (mode 0600) whole or not at all, also when the power fails: what was there stays
 * until the new one is on the disk. The directory must exist. Errors come with a sentence. */
enum err device_identity_save(const char *directory, const struct device_identity *i, char *text,
                              size_t size);

/* Removes the file; that there is none is fine. */
enum err device_identity_remove(const char *directory, char *text, size_t size);

#endif
