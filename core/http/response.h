/* The bytes of responses (RFC 9112 section 4): all of our servers write theirs here. Pure. */
#ifndef CORE_HTTP_RESPONSE_H
#define CORE_HTTP_RESPONSE_H

#include "core/base/buf.h"
#include "core/base/str.h"

/* Whole responses: the leave to send a body, and the one behind which a CONNECT's bytes follow. */
#define HTTP_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define HTTP_ESTABLISHED "HTTP/1.1 200 Connection established\r\n\r\n"

struct http_response {
    int status;
    const char *reason;  /* NULL: the standard one */
    const char *type;    /* Content-Type; NULL: the response names none */
    const char *headers; /* more header lines, each with its CRLF; NULL: there are none */
    struct span body;
    bool endless; /* more of the body follows later, and ends with the connection: no length */
    bool close;   /* no further request is taken */
    /* What the request was. http_conn_answer fills this in itself. */
    bool to_head; /* HEAD: no body is written */
    bool to_old;  /* HTTP/1.0: a connection that is kept has to be said to be */
};

/* Appends it to out. False: it does not fit, or memory; out is as it was. */
bool http_response_write(const struct http_response *r, struct buf *out);

/* The first line alone, for responses that are none of those above: other lines follow, and an
 * empty one. False as above. */
bool http_response_line(int status, const char *reason, struct buf *out);

#endif
