/* Request bodies: untrusted JSON (RFC 8259), which is checked strictly before cJSON reads it. Pure.
 */
#ifndef GATEWAY_HUB_API_JSON_H
#define GATEWAY_HUB_API_JSON_H

#include "core/base/err.h"
#include "core/base/str.h"

struct cJSON;

#define JSON_DEPTH 32      /* objects and arrays inside each other */
#define JSON_NUMBER_MAX 63 /* characters of a number, which is all that cJSON takes */

/* Reads one object with blanks around it and nothing else. NULL with *why and a sentence (static
 * storage): ERR_PROTOCOL for a text that is not JSON or not UTF-8, is deeper than JSON_DEPTH, or
 * has NUL or half a surrogate pair in a string, a number out of a double's range, or a name twice
 * in an object; ERR_NO_MEMORY. Takes O(n log n). The caller frees the result with cJSON_Delete. */
struct cJSON *json_object(struct span body, enum err *why, const char **text);

#endif
