/* A limit on wrong passwords by origin (core/net/ip.h): an origin may give a burst of them, and
 * then one in each interval; passwords beyond that are not looked at. A guesser is slowed down, and
 * other origins do not notice. Pure: the time is passed in (milliseconds, monotonic). */
#ifndef GATEWAY_SOURCE_AUTH_THROTTLE_H
#define GATEWAY_SOURCE_AUTH_THROTTLE_H

#include "core/net/ip.h"

#define AUTH_THROTTLE_BURST 20        /* wrong passwords of one origin */
#define AUTH_THROTTLE_INTERVAL_MS 500 /* until the origin has one more */
/* How many origins are remembered; of more, the one with the least debt is forgotten. */
#define AUTH_THROTTLE_ADDRESSES 1024

struct auth_throttle;
struct auth_throttle *auth_throttle_new(void); /* NULL: no memory */
void auth_throttle_free(struct auth_throttle *g);

/* Whether a password from this origin may be looked at. */
bool auth_throttle_allows(struct auth_throttle *g, struct ip origin, uint64_t now);
/* Notes that a password from this origin was wrong. */
void auth_throttle_failed(struct auth_throttle *g, struct ip origin, uint64_t now);

#endif
