/* The bytes of requests (RFC 9112 section 3): all of our clients write theirs here. Pure. */
#ifndef CORE_HTTP_REQUEST_H
#define CORE_HTTP_REQUEST_H

#include "core/base/buf.h"
#include "core/base/str.h"

struct http_field {
    const char *name;  /* NULL: behind the last one */
    const char *value; /* NULL: this one is left out */
};

/* The texts are written as they are: whoever gives them sees to it that none ends its line. */
struct http_request {
    const char *method, *target;
    const char *host;                /* "hub:8443", "[::1]": as the Host header says it */
    const struct http_field *fields; /* NULL: there are none */
    const char *lines;               /* more header lines, each with its CRLF; NULL: none */
    struct span body;                /* p NULL: it has none, nor a Content-Length */
};

/* Appends it to out. False: it does not fit, or memory; out is as it was. */
bool http_request_write(const struct http_request *r, struct buf *out);

#endif
