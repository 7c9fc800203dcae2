/* Memory that is handed out piece by piece and freed at once; private to this folder. */
#ifndef CORE_CONTROL_CLIENT_ARENA_INTERNAL_H
#define CORE_CONTROL_CLIENT_ARENA_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/* Begin with {.limit = …}. */
struct arena {
    struct arena_block *blocks; /* the newest first */
    size_t limit, size;         /* bytes, of all blocks */
    bool failed;                /* there was too little at least once */
};

/* n bytes aligned for anything, not zeroed. NULL: no memory, or the limit. */
void *arena_take(struct arena *a, size_t n);
void arena_free(struct arena *a); /* empty afterwards, limit kept */

#endif
