/* Names to addresses, by what this machine is configured for (getaddrinfo(3): /etc/hosts, DNS, …),
 * off the loop. A name server that is silent holds up nobody but who asks for the names that only
 * it knows: each name has a thread of its own while it is looked up, and all who want the same name
 * at the same time wait for the same answer. Nothing is kept afterwards. */
#ifndef CORE_NET_LOOKUP_H
#define CORE_NET_LOOKUP_H

#include "core/base/err.h"
#include "core/net/addresses.h"
#include "core/net/loop.h"

#define LOOKUP_UNTRUSTED 32 /* threads at once for names that strangers ask for; more wait */

/* Blocks: for programs without a loop, and before it runs. Sets *out, in the resolver's order (RFC
 * 6724); ERR_RESOLVE when there is no such name. */
enum err lookup_now(const char *host, struct addresses *out);

struct lookup;
struct lookup_options {
    const char *host;
    /* A stranger's name: not one of our configuration, of which there are few and which never wait
     * for a thread. */
    bool untrusted;
    /* From now until done comes in any case; 0: 15,000, which is enough for two dead name servers
     * in front of a good one. */
    uint64_t limit_ms;
};

/* done comes exactly once, never from inside: the addresses, valid during the call, or n = 0 with
 * the error as of lookup_now, which is ERR_RESOLVE also when nobody told in time. The lookup is
 * gone after it. NULL: no memory. */
struct lookup *lookup_start(struct loop *loop, const struct lookup_options *o,
                            void (*done)(void *owner, const struct addresses *found, enum err why),
                            void *owner);
/* done will not come. A thread that waits for an answer cannot be stopped: it ends by itself, and
 * the loop with it (loop_leave). */
void lookup_cancel(struct lookup *l);

#endif
