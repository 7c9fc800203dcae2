/* Wrong passwords, by the address they come from (core/net/ip.h): each one costs its address
 * something that only time gives back, and without it no further one is looked at. Who guesses is
 * slow, whatever he does; nobody at another address notices. Pure: the time is passed in
 * (milliseconds, monotonic). */
#ifndef GATEWAY_SOURCE_AUTH_THROTTLE_H
#define GATEWAY_SOURCE_AUTH_THROTTLE_H

#include "core/net/ip.h"

#define GUESSES_AT_ONCE 20     /* of one address */
#define GUESSES_AGAIN_MS 500   /* after which it has one more */
#define GUESSES_ADDRESSES 1024 /* remembered; the one with the fewest wrong ones is forgotten */

struct guesses;
struct guesses *guesses_new(void); /* NULL: no memory */
void guesses_free(struct guesses *g);

/* Whether a password from there may be looked at. */
bool guesses_may(struct guesses *g, struct ip origin, uint64_t now);
/* It was wrong. */
void guesses_wrong(struct guesses *g, struct ip origin, uint64_t now);

#endif
