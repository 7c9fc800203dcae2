/* Connections to a name or address, over TCP or a unix socket. */
#ifndef CORE_NET_DIAL_H
#define CORE_NET_DIAL_H

#include "core/net/addresses.h"
#include "core/net/loop.h"
#include "core/net/stream.h"

/* Remembers which address of a name a dial took. The next dial to the same name begins there, or
 * with the address after it when the connection was made and failed later. The owner keeps it; all
 * zero means that nothing is known. */
struct dial_memory {
    union address last;
    bool failed; /* the owner sets it; a dial that succeeds clears it */
};

struct dial;
struct dial_options {
    const char *host;           /* name or address (no brackets), or unix path with a '/' */
    int port;                   /* 0 for unix paths */
    const char *bind;           /* local address to connect from, or NULL */
    uint64_t timeout_ms;        /* milliseconds for each address tried; 0: 10,000 */
    uint64_t stagger_ms;        /* milliseconds between addresses while none has answered; 0: 250 */
    struct dial_memory *memory; /* NULL, or lives until the dial is over */
    bool untrusted;             /* as in lookup.h */
};
/* Resolves the host and connects to its addresses as RFC 8305 says: families alternate, the next
 * address is tried when the one before has failed or has not answered for a moment, the first
 * connection wins, and the others are closed. `done` comes exactly once, never from inside
 * dial_start: with a ready stream that belongs to the owner from then on, or with NULL and the
 * error (of several, the last one that says more than that there is no route). The struct dial is
 * gone after it. NULL: no memory. */
struct dial *dial_start(struct loop *loop, const struct dial_options *options,
                        void (*done)(void *owner, struct stream *s, enum err why), void *owner);
void dial_cancel(struct dial *d); /* done will not be called */

#endif
