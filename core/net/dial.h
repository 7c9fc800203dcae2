/* Connections to a name or address, over TCP or a unix socket. */
#ifndef CORE_NET_DIAL_H
#define CORE_NET_DIAL_H

#include "core/net/addresses.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

/* Which address of a name a dial took, for the next one to the same name: it begins there, or with
 * the address behind it when what came after the connection failed. Belongs to the owner; all zero
 * knows nothing. */
struct dial_memory {
    union address last;
    bool failed; /* to be set by the owner; a dial that succeeds clears it */
};

struct dial;
struct dial_options {
    const char *host;           /* name or address (no brackets), or unix path with a '/' */
    int port;                   /* 0 for unix paths */
    const char *bind;           /* local address to go out from, or NULL */
    uint64_t timeout_ms;        /* for each address tried; 0: 10,000 */
    uint64_t stagger_ms;        /* from one address to the next while none has answered; 0: 250 */
    struct dial_memory *memory; /* or NULL; must live until the dial is over */
    bool untrusted;             /* as in lookup.h */
};
/* Resolves, and connects to the addresses as RFC 8305 has it: families alternate, the next address
 * is tried when the one before failed or has not answered for a moment, who is connected first
 * wins, and the others are closed. done comes exactly once, never from inside dial_start: a ready
 * stream that now belongs to the owner, or NULL with the error (of several, the last one that tells
 * more than that there is no route). The struct dial is gone after it. NULL: no memory. */
struct dial *dial_start(struct loop *loop, const struct dial_options *options,
                        void (*done)(void *owner, struct stream *s, enum err why), void *owner);
void dial_cancel(struct dial *d); /* done will not come */

#endif
