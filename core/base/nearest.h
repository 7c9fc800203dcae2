/* "Did you mean": the known name that is nearest to a mistyped one. */
#ifndef CORE_BASE_NEAREST_H
#define CORE_BASE_NEAREST_H

#include "core/base/str.h"

#define NEAREST_MAX 64 /* bytes; a longer name is not compared */

struct nearest {
    struct span asked;
    const char *name; /* the nearest name so far, or NULL: no name is near */
    unsigned steps;   /* steps from the name asked for */
};

/* Starts a comparison. A letter that is missing, superfluous, wrong or swapped with its neighbour
 * is one step (optimal string alignment), and up to a third of the letters may be so. Case does not
 * count. */
struct nearest nearest_to(struct span asked);
void nearest_try(struct nearest *n, const char *name);

/* Returns "; did you mean --listen?", with `prefix` before the name, or "". */
const char *nearest_advice(const struct nearest *n, const char *prefix, char *text, size_t size);

#endif
