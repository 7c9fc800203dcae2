/* Tunnel frames: a two-byte big-endian length and a protobuf Message (proto/tunnel.proto), and how
 * they are cut out of a byte stream. Pure. The payload is never copied by the codec. */
#ifndef CORE_TUNNEL_FRAME_H
#define CORE_TUNNEL_FRAME_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_PAYLOAD_MAX 64512 /* bytes of payload in one frame (share/doc/protocol.md) */
#define FRAME_MAX (2 + 65535)   /* a whole frame with its length */
#define FRAME_SERVICE_MAX 128   /* characters of a service id */
#define FRAME_HEAD_MAX 192      /* what frame_wrap may put in front of a payload */
#define FRAME_SERVICES_MAX 64   /* ids in one SERVICE_IDS that we look at */

enum frame_type {
    FRAME_UNKNOWN,
    FRAME_DATA,
    FRAME_STREAM_START,
    FRAME_STREAM_RESET,
    FRAME_SESSION_RESET,
    FRAME_SERVICE_IDS,
    FRAME_CONNECTION_START,
    FRAME_CONNECTION_RESET,
    /* native sessions (share/doc/native.md) */
    FRAME_PEER = 16,
    FRAME_CONNECTION_OPENED,
    FRAME_CONNECTION_FIN,
    FRAME_CREDIT,
    FRAME_RESUME,
    FRAME_ECHO,
    FRAME_ECHO_REPLY
};

#define FRAME_NATIVE_PROTOCOL "tunnel.native-1" /* the WebSocket subprotocol */

/* What the end that says RESUME understands beyond the first native ends: a set, in the first byte
 * of the last one's payload. */
enum frame_feature {
    FRAME_FEATURE_TARGETS = 1 /* It heeds a target in CONNECTION_START (opening.h). */
};

struct frame {
    int type; /* enum frame_type, or a number that we do not know */
    int32_t stream;
    uint32_t connection;
    bool ignorable;
    struct span service; /* view into the bytes decoded */
    const uint8_t *payload;
    size_t payload_size;
    size_t n_services; /* SERVICE_IDS; duplicates are left in */
    struct span services[FRAME_SERVICES_MAX];
    /* of native sessions */
    uint32_t epoch; /* PEER, RESUME */
    bool attached;  /* PEER */
    bool left;      /* PEER: it said goodbye, and comes back as another */
    struct span subprotocol, instance, device; /* PEER */
    uint32_t error;                            /* CONNECTION_OPENED: enum frame_error */
    uint64_t received;                         /* RESUME, CREDIT: bytes, counted from 0 */
    uint32_t window;                           /* CREDIT: bytes beyond `received` */
    bool fin;                                  /* RESUME, CREDIT: and then the FIN */
};

/* Whether it belongs to a native session: a type that only such sessions have, or one of theirs
 * that V1 to V3 have as well, but never without a stream id. */
bool frame_is_native(const struct frame *f);

const char *frame_type_name(int type); /* "STREAM_START", or "type 99" (static storage) */

/* Decodes one Message of n bytes (without the length). Field order does not matter, unknown fields
 * are skipped, the last of a repeated scalar counts. ERR_PROTOCOL: not a Message. */
enum err frame_decode(const uint8_t *p, size_t n, struct frame *out);

/* Writes everything that goes before a payload of payload_size bytes so that it ends at `end`
 * (FRAME_HEAD_MAX bytes of room in front); the payload field comes last. Returns its length. */
size_t frame_wrap(uint8_t *end, const struct frame *f, size_t payload_size);

/* Writes a whole frame, payload and services included; returns its length, 0 when it does not fit.
 */
size_t frame_encode(const struct frame *f, uint8_t *out, size_t size);

/* Cuts frames out of bytes in any split. Frames that lie whole in the input are given in place;
 * others are put together in `memory` (FRAME_MAX bytes, lent by the owner while `have` > 0). */
struct frame_cutter {
    uint8_t *memory;
    size_t have;
};
/* Looks at n bytes at p. Returns how many of them the next frame used, and sets *frame, *size (the
 * Message without its length; *frame NULL: all n bytes used and it is not complete yet, or memory
 * is NULL and needed: then 0 bytes are used and the caller must lend it). In-place frames live as
 * long as the input, assembled ones until the next call. */
size_t frame_cut(struct frame_cutter *c, uint8_t *p, size_t n, uint8_t **frame, size_t *size);

#endif
