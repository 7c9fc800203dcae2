/* Checks a request's body against the service model, because AWS's clients send whatever they are
 * given. As at AWS, unknown members are ignored and null counts as absent. Pure. */
#ifndef GATEWAY_HUB_API_SHAPES_H
#define GATEWAY_HUB_API_SHAPES_H

#include "core/base/buf.h"
#include "gateway/hub/api/keys.h"

struct cJSON;

#define SHAPES_MAX_ERRORS 10 /* further errors are not listed */
#define SHAPES_MAX_SHOWN 256 /* characters of a value in a message; more are cut, with "..." */
#define SHAPES_MAX_TEXT ((size_t)32 * 1024) /* a limit for `text` that holds every message */

/* most_minutes: the largest maxLifetimeTimeoutMinutes. ERR_PROTOCOL: a value has the wrong type
 * (SerializationException); ERR_USAGE: constraints do not hold (ValidationException), and `text`
 * lists them in AWS's words; ERR_NO_MEMORY. */
enum err shapes_check(enum operation o, const struct cJSON *input, int64_t most_minutes,
                      struct buf *text);

/* A member of a checked structure, or NULL when it is absent or null; object may be NULL. */
const struct cJSON *shape_member(const struct cJSON *object, const char *name);

#endif
