/* The bytes of requests (RFC 9112 section 3), for all of our clients. Pure. */
#ifndef CORE_HTTP_REQUEST_H
#define CORE_HTTP_REQUEST_H

#include "core/base/buf.h"
#include "core/base/str.h"

struct http_field {
    const char *name;  /* NULL: the end of the table */
    const char *value; /* NULL: this field is left out */
};

/* The texts are written as they are: the caller makes sure that none of them ends its line. */
struct http_request {
    const char *method, *target;
    const char *host;                /* "hub:8443", "[::1]": as in the Host header */
    const struct http_field *fields; /* NULL: there are none */
    const char *lines; /* further header lines, each with its CRLF; NULL: there are none */
    struct span body;  /* p NULL: the request has neither a body nor a Content-Length */
};

/* Appends the request to out. False: it does not fit, or no memory; out is unchanged. */
bool http_request_write(const struct http_request *r, struct buf *out);

#endif
