/* Checks a request's body against the service model: AWS's clients send whatever they are given.
 * Members that the model does not know are ignored, null counts as absent, as AWS does. Pure. */
#ifndef GATEWAY_HUB_API_SHAPES_H
#define GATEWAY_HUB_API_SHAPES_H

#include "core/base/buf.h"
#include "gateway/hub/api/keys.h"

struct cJSON;

#define SHAPES_MAX_ERRORS 10 /* more are not listed */
#define SHAPES_MAX_SHOWN 256 /* characters of a value in a message; more are cut, with "..." */
#define SHAPES_MAX_TEXT ((size_t)32 * 1024) /* a limit for `text` that every message fits in */

/* most_minutes: the largest maxLifetimeTimeoutMinutes. ERR_PROTOCOL: something has the wrong type
 * (SerializationException); ERR_USAGE: a constraint does not hold (ValidationException), with all
 * of them, in AWS's words, in `text`; ERR_NO_MEMORY. */
enum err shapes_check(enum operation o, const struct cJSON *input, int64_t most_minutes,
                      struct buf *text);

/* A member of a checked structure, or NULL when it is absent or null; object may be NULL. */
const struct cJSON *shape_member(const struct cJSON *object, const char *name);

#endif
