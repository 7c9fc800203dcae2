/* Retry-After (RFC 9110 section 10.2.3): seconds, or a date. Pure. */
#ifndef CORE_HTTP_LATER_H
#define CORE_HTTP_LATER_H

#include "core/base/str.h"

/* In how many ms to come back: 0 for what is past; -1: no such header (value.p NULL), or neither of
 * the two. now_ms since the epoch. */
int64_t http_later(struct span value, int64_t now_ms);

#endif
