/* WebSocket frames (RFC 6455 section 5): a pure parser and header writer. Payload bytes stay where
 * they are and are unmasked in place, in 64-bit words. */
#ifndef CORE_WS_FRAME_H
#define CORE_WS_FRAME_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_CONTINUATION, WS_TEXT, WS_BINARY, WS_CLOSE = 8, WS_PING, WS_PONG };

#define WS_HEADER_MAX 14   /* bytes in front of a payload */
#define WS_CONTROL_MAX 125 /* payload of a control frame */
#define WS_REASON_MAX 123  /* text in a Close: the room that its code leaves */
/* Payload of the largest data frame that we accept in tunnels (share/doc/protocol.md). */
#define WS_FRAME_MAX 131076

/* x ^= mask, for n bytes that begin at payload offset `at`. */
void ws_mask(uint8_t *p, size_t n, const uint8_t mask[4], size_t at);

/* Writes the header for a payload of n bytes so that it ends at `end`; returns its length.
 * mask NULL: unmasked. The payload is not touched. */
size_t ws_header(uint8_t *end, bool fin, enum ws_opcode op, uint64_t n, const uint8_t mask[4]);

struct ws_parser {
    bool masked;   /* what is required: true at a server, false at a client */
    uint64_t most; /* payload of the largest data frame; WS_FRAME_MAX unless it is set anew */
    uint8_t header[WS_HEADER_MAX];
    size_t header_have, header_need;
    bool in_payload, fin, fragmented; /* fragmented: a data message is open */
    enum ws_opcode op;                /* of this frame; continuations show the message's opcode */
    enum ws_opcode message;           /* of the open message, while control frames come between */
    uint8_t mask[4];
    uint64_t left, at;   /* payload bytes of this frame that are to come, and that have passed */
    size_t clear;        /* bytes at the front of the input that are unmasked already */
    uint16_t close_code; /* after an error: the code to close with (1002, 1009), else 0 */
    const char *problem; /* after an error: what was wrong */
};

enum ws_event_type { WS_NEED_MORE, WS_PAYLOAD, WS_FRAME_END, WS_ERROR };

struct ws_event {
    enum ws_event_type type;
    size_t used;      /* input bytes before the payload piece: consume them first */
    uint8_t *payload; /* WS_PAYLOAD: a piece, unmasked; consume with ws_parser_took */
    size_t n;         /* length of the piece, > 0 */
    enum err why;     /* WS_ERROR: ERR_PROTOCOL or ERR_TOO_LARGE; the same at every further call */
    const char *text; /* WS_ERROR: what was wrong */
};

void ws_parser_init(struct ws_parser *w, bool masked);
/* Looks at n bytes at p and says what comes next:
 *   WS_PAYLOAD   header bytes are `used`; up to n payload bytes of frame w->op lie at `payload`.
 *                The caller takes any number of them, calls ws_parser_took(w, taken), and moves p
 *                by used + taken.
 *   WS_FRAME_END the frame is complete (w->op, w->fin tell which); `used` bytes were its header
 *                when it was empty, else 0. Comes once for each frame, also for empty ones.
 *   WS_NEED_MORE all n bytes were used.
 *   WS_ERROR     reserved bits, unknown opcode, wrong masking, control frames that are fragmented
 *                or over 125 bytes, continuation without start or start inside one, a data frame
 *                over `most`, a length not minimally encoded or with the top bit set. */
struct ws_event ws_parse(struct ws_parser *w, uint8_t *p, size_t n);
void ws_parser_took(struct ws_parser *w, size_t taken);

/* The payload of a Close (5.5.1, 7.4). ws_close_parse gives 1005 and no text for an empty one;
 * *text points into p. False: one byte, a code that must not be on the wire, or text that is not
 * UTF-8. ws_close_write writes an empty payload for code 1005; text (which may be NULL) is cut at a
 * character when it is over WS_REASON_MAX bytes. Returns the length. */
bool ws_close_parse(const uint8_t *p, size_t n, int *code, struct span *text);
size_t ws_close_write(uint8_t out[WS_CONTROL_MAX], int code, const char *text);

#endif
