/* HTTP/1.1 message heads and bodies (RFC 9112): pure incremental parsers and small helpers. */
#ifndef CORE_HTTP_HTTP_H
#define CORE_HTTP_HTTP_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"

#define HTTP_MAX_HEADERS 100

struct http_head {
    bool request;
    struct span method;     /* of a request */
    struct span target;     /* of a request: as sent */
    int status;             /* of a response */
    struct span reason;     /* of a response */
    int minor;              /* HTTP/1.minor */
    bool keep_alive;        /* by version and Connection */
    bool chunked;           /* Transfer-Encoding: chunked */
    int64_t content_length; /* -1: not given */
    size_t n_headers;
    struct {
        struct span name, value; /* value trimmed */
    } headers[HTTP_MAX_HEADERS];
};

/* Reads one head, fed any split of bytes. It is strict. ERR_PROTOCOL: obsolete line folding, blanks
 * before a colon, a bare CR, two Hosts, Content-Length twice or beside Transfer-Encoding,
 * Transfer-Encoding twice, in HTTP/1.0, or in a request without chunked as its last coding, bytes
 * that are no header characters, and HTTP/0.9 or 2. ERR_TOO_LARGE: more than `limit` bytes or
 * HTTP_MAX_HEADERS lines. Any method of token characters and any target of visible ASCII is
 * accepted. Empty lines before a request are skipped; a request without Host is accepted (HTTP/1.0
 * clients), and callers that need it check for it. Lines end with CRLF; in responses a bare LF is
 * accepted too (9112 2.2), since small devices send it. */
enum http_kind {
    HTTP_REQUEST,
    HTTP_RESPONSE, /* the next response, whatever it is */
    HTTP_ANSWER,   /* the final response: those with status 1xx other than 101 are skipped */
    /* The final response of a web proxy to CONNECT. Only its status, its headers and where it ends
     * count: proxies are less strict about the rest, which does not matter here (lengths and
     * codings of a 2xx, versions, folded lines, lines that are no headers, more of them than fit).
     * keep_alive, chunked and content_length are meaningless. */
    HTTP_PROXY_ANSWER
};
struct http_reader;
struct http_reader *http_reader_new(enum http_kind kind, size_t limit); /* NULL: memory */
void http_reader_free(struct http_reader *r);
/* Takes bytes up to the end of the head and no further: 0 when it is complete already. Returns how
 * many were taken, or -err, also at every later call. http_reader_head returns the complete head
 * (its views live until http_reader_free), and NULL before. */
long http_reader_feed(struct http_reader *r, const uint8_t *p, size_t n);
const struct http_head *http_reader_head(const struct http_reader *r);

/* http_header returns the first header of that name (case-blind), or an empty span with p == NULL;
 * http_header_count, how many there are. */
struct span http_header(const struct http_head *h, const char *name);
size_t http_header_count(const struct http_head *h, const char *name);
/* Whether a comma-separated header (all its lines) has that token (case-blind). */
bool http_header_has(const struct http_head *h, const char *name, const char *token);

/* Finds where one message ends: tells how many of the bytes after its head belong to its body. It
 * is for relaying one exchange; no byte is changed or kept. A response to HEAD and one with status
 * 1xx, 204 or 304 has no body. The caller has to know that another head follows a 1xx other than
 * 101, and that bytes of another protocol follow a 101 or the 2xx to a CONNECT. */
struct http_body;
struct http_body *http_body_new(const struct http_head *h, bool head_request); /* NULL: memory */
void http_body_free(struct http_body *b);
/* Returns how many of the n bytes belong to the message (fewer than n: the message ended there), or
 * -ERR_PROTOCOL for broken chunk framing, also at every later call. A response without length ends
 * with the connection: all bytes belong to it, and http_body_done never becomes true. */
long http_body_feed(struct http_body *b, const uint8_t *p, size_t n);
bool http_body_done(const struct http_body *b); /* true from the start for messages without body */
/* From now on http_body_feed also gives the content of the body, without chunk framing, as pieces
 * of the bytes that it is fed. The callback may not use b. */
typedef void http_body_content(void *owner, const uint8_t *p, size_t n);
void http_body_tell(struct http_body *b, http_body_content *content, void *owner);

/* Decodes "Authorization"-style Basic credentials (RFC 7617): base64 of user:password. False: not
 * Basic, or broken. *user and *password are malloc'd. */
bool http_basic(struct span value, char **user, char **password);

const char *http_reason(int status); /* "Not Found"; "Unknown" for codes without a name */

#endif
