/* Ini files: `key = value` lines and [sections]; '#' or ';' starts a comment line, " #" ends a
 * value. Keys may hold ':' (service ids do), values anything else. Pure.
 *
 * Not the inih library: as packaged it cuts lines at 200 bytes (an access token has up to 4,096)
 * and section names at 49, splits keys at ':', and takes what it cut off for a line of its own. */
#ifndef CORE_BASE_INI_H
#define CORE_BASE_INI_H

#include "core/base/err.h"
#include "core/base/str.h"

struct ini_entry {
    const char *file;    /* as given, for messages */
    int line;            /* from 1 */
    struct span section; /* trimmed; p == NULL before the first section */
    struct span key;     /* trimmed; p == NULL: the section starts here */
    struct span value;   /* trimmed; may be empty */
};

/* Calls `each` in order; anything but ERR_OK ends it and is returned. ERR_USAGE with a sentence
 * ("x.conf:3: ...") in problem: a line that is neither. */
enum err ini_parse(const char *file, struct span text,
                   enum err (*each)(void *owner, const struct ini_entry *entry), void *owner,
                   char *problem, size_t size);

#endif
