/* The framing of a chunked body (RFC 9112 section 7.1), byte by byte: private to core/http. Pure.
 *
 * Strict: a size is hex digits only, below 2^63; blanks may follow it, and then only an extension.
 * Every line ends with CRLF, CR and LF stand nowhere else, and other control characters than the
 * tab are refused. A trailer line is a header that is not folded. Between the content of two
 * chunks, and after the last one, there are at most CHUNKS_FRAMING_MAX bytes. */
#ifndef CORE_HTTP_CHUNKS_H
#define CORE_HTTP_CHUNKS_H

#include "core/http/http.h"

#define CHUNKS_FRAMING_MAX 81920

enum chunks_at {
    CHUNKS_SIZE, /* the first digit of a size */
    CHUNKS_DIGITS,
    CHUNKS_BLANKS,
    CHUNKS_EXTENSION,
    CHUNKS_SIZE_LF,
    CHUNKS_DATA,
    CHUNKS_DATA_CR,
    CHUNKS_DATA_LF,
    CHUNKS_LINE, /* the first byte of a trailer line */
    CHUNKS_NAME,
    CHUNKS_VALUE,
    CHUNKS_LINE_LF,
    CHUNKS_LAST_LF,
    CHUNKS_DONE,
    CHUNKS_BROKEN
};

/* A zeroed struct stands before the first chunk. */
struct chunks {
    enum chunks_at at;
    /* Bytes of the current chunk's content that are still to come, or its size so far. */
    uint64_t left;
    size_t framing; /* bytes since the last content */
};

/* Takes bytes up to the body's end and no further, and gives the content among them to `content`
 * (which may be NULL). Returns how many were taken, or -ERR_PROTOCOL, also at every later call. */
long chunks_feed(struct chunks *c, const uint8_t *p, size_t n, http_body_content *content,
                 void *owner);

#endif
