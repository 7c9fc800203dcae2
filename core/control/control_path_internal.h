/* Private to core/control: the folder of a control socket. */
#ifndef CORE_CONTROL_CONTROL_PATH_INTERNAL_H
#define CORE_CONTROL_CONTROL_PATH_INTERNAL_H

#include "core/base/err.h"
#include "core/control/control.h"

/* Creates the last folder of the path with mode 0700 when it is missing; in an existing one only
 * this user may have the right to write. On failure a sentence is in text. */
enum err control_folder(const char *path, char *text, size_t size);

#endif
