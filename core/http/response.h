/* The bytes of responses (RFC 9112 section 4), for all of our servers. Pure. */
#ifndef CORE_HTTP_RESPONSE_H
#define CORE_HTTP_RESPONSE_H

#include "core/base/buf.h"
#include "core/base/str.h"

/* Whole responses: one that asks for the body, and one after which a CONNECT's bytes follow. */
#define HTTP_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define HTTP_ESTABLISHED "HTTP/1.1 200 Connection established\r\n\r\n"

struct http_response {
    int status;
    const char *reason;  /* NULL: the standard one */
    const char *type;    /* Content-Type; NULL: the response has none */
    const char *headers; /* further header lines, each with its CRLF; NULL: there are none */
    struct span body;
    bool endless; /* more of the body follows later and ends with the connection; no length */
    bool close;   /* no further request is accepted */
    /* Properties of the request. http_conn_answer fills these in itself. */
    bool to_head; /* the request is HEAD: no body is written */
    bool to_old;  /* HTTP/1.0: the response must say when the connection is kept */
};

/* Appends the response to out. False: it does not fit, or no memory; out is unchanged. */
bool http_response_write(const struct http_response *r, struct buf *out);

/* Appends the first line alone, for other responses: the caller adds further lines and an empty
 * one. False: as for http_response_write. */
bool http_response_line(int status, const char *reason, struct buf *out);

#endif
