/* The bytes of an answer (RFC 9112 section 4): private to core/http. Pure. */
#ifndef CORE_HTTP_ANSWER_H
#define CORE_HTTP_ANSWER_H

#include "core/http/server.h"

/* Appends the answer to out: body-less for HEAD (head may be NULL: unknown), with the Connection
 * line that `keep` and the request's version need. False: it does not fit, or memory; out is as it
 * was. */
bool http_answer_write(const struct http_answer *a, const struct http_head *head, bool keep,
                       struct buf *out);

#endif
