/* Private to core/control: the folder of a control socket. */
#ifndef CORE_CONTROL_CONTROL_PATH_INTERNAL_H
#define CORE_CONTROL_CONTROL_PATH_INTERNAL_H

#include "core/base/err.h"
#include "core/control/control.h"

/* Makes the last folder of the path with mode 0700 when it is not there; one that is there must be
 * ours alone to write in. On failure a sentence in text. */
enum err control_folder(const char *path, char *text, size_t size);

#endif
