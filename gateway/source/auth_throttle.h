/* Wrong passwords, by the address they come from (core/net/ip.h): each one costs its address
 * something that only time gives back, and without it no further one is looked at. Whoever guesses
 * is slow; nobody at another address notices. Pure: the time is passed in (milliseconds,
 * monotonic). */
#ifndef GATEWAY_SOURCE_AUTH_THROTTLE_H
#define GATEWAY_SOURCE_AUTH_THROTTLE_H

#include "core/net/ip.h"

#define AUTH_THROTTLE_BURST 20        /* of one address */
#define AUTH_THROTTLE_INTERVAL_MS 500 /* after which it has one more */
/* remembered; the one with the fewest wrong ones is forgotten */
#define AUTH_THROTTLE_ADDRESSES 1024

struct auth_throttle;
struct auth_throttle *auth_throttle_new(void); /* NULL: no memory */
void auth_throttle_free(struct auth_throttle *g);

/* Whether a password from there may be looked at. */
bool auth_throttle_allows(struct auth_throttle *g, struct ip origin, uint64_t now);
/* It was wrong. */
void auth_throttle_failed(struct auth_throttle *g, struct ip origin, uint64_t now);

#endif
