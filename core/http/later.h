/* Retry-After (RFC 9110 section 10.2.3): seconds, or a date. Pure. */
#ifndef CORE_HTTP_LATER_H
#define CORE_HTTP_LATER_H

#include "core/base/str.h"

/* Returns in how many ms to come back: 0 for a time that is past; -1: there is no such header
 * (value.p NULL), or it is neither seconds nor a date. now_ms: since the epoch. */
int64_t http_later(struct span value, int64_t now_ms);

#endif
