/* What the source of a native session tells the destination about a connection that it opens,
 * besides the service: the payload of CONNECTION_START (share/doc/native.md, "Who asks for what").
 * It is there and not among the fields of each message, all of which cost time. Pure. */
#ifndef CORE_TUNNEL_OPENING_H
#define CORE_TUNNEL_OPENING_H

#include "core/base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define OPENING_TEXT_MAX 255 /* characters in each text */
#define OPENING_MAX 800      /* bytes of an encoded one */

struct opening {
    char target[OPENING_TEXT_MAX + 1]; /* the host behind the device; "": none was named */
    uint32_t port;                     /* the target's */
    char client[OPENING_TEXT_MAX + 1]; /* "192.0.2.7:50312", "[2001:db8::7]:50312"; "": not told */
    char asked[OPENING_TEXT_MAX + 1];  /* the host name that the client asked for; "": not told */
};

/* Returns the number of bytes written; 0: there was nothing to say. */
size_t opening_encode(const struct opening *o, uint8_t out[OPENING_MAX]);
/* False: that is none, or a text in it is too long. No bytes are an opening that says nothing. */
bool opening_decode(struct span bytes, struct opening *out);

#endif
