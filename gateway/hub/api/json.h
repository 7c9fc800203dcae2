/* Request bodies: JSON (RFC 8259) from strangers, read with cJSON after a strict check of our own.
 * Pure. */
#ifndef GATEWAY_HUB_API_JSON_H
#define GATEWAY_HUB_API_JSON_H

#include "core/base/err.h"
#include "core/base/str.h"

struct cJSON;

#define JSON_DEPTH 32      /* objects and arrays inside each other */
#define JSON_NUMBER_MAX 63 /* characters of a number: cJSON takes no more */

/* One object and blanks around it, nothing else. NULL with *why and a sentence (static storage):
 * ERR_PROTOCOL for what is no JSON, not UTF-8, deeper than JSON_DEPTH, has NUL or half a surrogate
 * pair in a string, a number that no double holds, or the same name twice in an object;
 * ERR_NO_MEMORY. Takes O(n log n). Free with cJSON_Delete. */
struct cJSON *json_object(struct span body, enum err *why, const char **text);

#endif
