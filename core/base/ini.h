/* Ini files: `key = value` lines and [sections]; '#' or ';' starts a comment line, " #" ends a
 * value. Keys may hold ':' (service ids do), values anything else. Pure.
 *
 * The inih library does not do: as packaged it cuts lines at 200 bytes (an access token has up to
 * 4,096) and section names at 49, splits keys at ':', and reads what it cut off as another line. */
#ifndef CORE_BASE_INI_H
#define CORE_BASE_INI_H

#include "core/base/err.h"
#include "core/base/str.h"

struct ini_entry {
    const char *file;    /* the name of the file as given, for messages */
    int line;            /* from 1 */
    struct span section; /* trimmed; p == NULL before the first section */
    struct span key;     /* trimmed; p == NULL: the section starts here */
    struct span value;   /* trimmed; may be empty */
};

/* Calls `each` for every item in order; anything but ERR_OK from it ends the parsing and is
 * returned. ERR_USAGE with a sentence ("x.conf:3: ...") in problem: a line is neither a section nor
 * a key with its value. */
enum err ini_parse(const char *file, struct span text,
                   enum err (*each)(void *owner, const struct ini_entry *entry), void *owner,
                   char *problem, size_t size);

#endif
