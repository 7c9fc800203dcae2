/* A web proxy's answer to CONNECT (RFC 9110 section 9.3.6). Only its status and the end of its head
 * count: what proxies write in between is not as strict as http.h wants it, and concerns nobody
 * (lengths and codings of a 2xx, headers whose names are none, folded lines). Pure. */
#ifndef CORE_HTTP_CONNECT_H
#define CORE_HTTP_CONNECT_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"

#define CONNECT_HEAD_MAX 32768

struct connect_answer {
    int status; /* 0: the head is not complete yet */
    struct buf head;
};

/* Takes bytes, of any split, up to the end of the head and no further; interim answers (1xx) are
 * passed over. Returns how many were taken, or -ERR_PROTOCOL (not HTTP), -ERR_TOO_LARGE,
 * -ERR_NO_MEMORY. A zeroed struct is ready to begin. */
long connect_feed(struct connect_answer *a, const uint8_t *p, size_t n);
void connect_free(struct connect_answer *a); /* zeroed afterwards */

/* Views into the complete head: what follows the status, and the n-th header of that name
 * (case-blind; p NULL: there are not so many). */
struct span connect_reason(const struct connect_answer *a);
struct span connect_header(const struct connect_answer *a, const char *name, size_t nth);

#endif
