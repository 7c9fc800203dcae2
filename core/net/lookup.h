/* Resolves names to addresses the way this machine is configured (getaddrinfo(3): /etc/hosts, DNS,
 * …), off the loop. A silent name server delays only the lookups of names that it alone knows: each
 * name has a thread of its own while it is looked up, and all lookups of the same name at the same
 * time share one answer. Nothing is cached afterwards. */
#ifndef CORE_NET_LOOKUP_H
#define CORE_NET_LOOKUP_H

#include "core/base/err.h"
#include "core/net/addresses.h"
#include "core/net/loop.h"

/* Threads at once for names that clients choose; further lookups wait. */
#define LOOKUP_UNTRUSTED 32

/* Blocks, so it is for programs without a loop, and for the time before the loop runs. Sets *out,
 * in the resolver's order (RFC 6724); ERR_RESOLVE when there is no such name. */
enum err lookup_now(const char *host, struct addresses *out);

struct lookup;
struct lookup_options {
    const char *host;
    /* The name comes from a client. Names of our configuration are few, and never wait for a
     * thread. */
    bool untrusted;
    /* Milliseconds after which `done` comes in any case; 0: 15,000, which is enough for two dead
     * name servers in front of a good one. */
    uint64_t limit_ms;
};

/* `done` comes exactly once, never from inside: with the addresses, valid during the call, or with
 * n = 0 and the error of lookup_now, which is ERR_RESOLVE also when the time is over. The lookup is
 * gone after it. NULL: no memory. */
struct lookup *lookup_start(struct loop *loop, const struct lookup_options *o,
                            void (*done)(void *owner, const struct addresses *found, enum err why),
                            void *owner);
/* `done` will not be called. A thread that waits for an answer cannot be stopped: it ends by
 * itself, and the loop with it (loop_leave). */
void lookup_cancel(struct lookup *l);

#endif
