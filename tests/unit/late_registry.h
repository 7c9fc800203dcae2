/* A registry around another one, which answers as one may that keeps its tunnels elsewhere: never
 * from inside a call, in a later turn of the loop, look-ups and changes not in the order of asking,
 * lists in pieces, with records that are gone right after the callback. For tests of those who
 * ask. */
#ifndef TESTS_UNIT_LATE_REGISTRY_H
#define TESTS_UNIT_LATE_REGISTRY_H

#include "gateway/hub/registry/registry_ops.h"

/* Owns `inner`, also without memory. NULL: no memory. */
struct registry *late_registry_new(struct loop *loop, struct registry *inner);

#endif
