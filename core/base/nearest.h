/* "Did you mean": the name that somebody who mistyped one probably meant. */
#ifndef CORE_BASE_NEAREST_H
#define CORE_BASE_NEAREST_H

#include "core/base/str.h"

#define NEAREST_MAX 64 /* bytes; nobody means anything by longer ones */

struct nearest {
    struct span asked;
    const char *name; /* the nearest so far, or NULL: none is near */
    unsigned steps;   /* from it */
};

/* Letters that are missing, too many, wrong or swapped with their neighbour are one step each
 * (optimal string alignment), and a third of the letters may be so. Case does not count. */
struct nearest nearest_to(struct span asked);
void nearest_try(struct nearest *n, const char *name);

/* "; did you mean --listen?", with `prefix` before the name, or "". */
const char *nearest_advice(const struct nearest *n, const char *prefix, char *text, size_t size);

#endif
