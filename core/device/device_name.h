/* Names of devices: 1 to 128 of A–Z a–z 0–9 : _ -, as AWS names things. */
#ifndef CORE_DEVICE_DEVICE_NAME_H
#define CORE_DEVICE_DEVICE_NAME_H

#include "core/base/str.h"

#define DEVICE_NAME_MAX 128
#define DEVICE_NAME_RULE "1 to 128 letters, digits, '-', '_' or ':'"

bool device_name_valid(struct span name);

/* Writes the name as a label of a host name has it: lower case, '-' for ':' and '_'. No two devices
 * of a hub have the same fold, so a label always means one device. Folding a fold changes nothing.
 * False: the name is not valid, and out is "". */
bool device_name_fold(struct span name, char out[DEVICE_NAME_MAX + 1]);

#endif
