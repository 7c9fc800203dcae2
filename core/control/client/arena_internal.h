/* Memory that is handed out piece by piece and freed at once; private to this folder. */
#ifndef CORE_CONTROL_CLIENT_ARENA_INTERNAL_H
#define CORE_CONTROL_CLIENT_ARENA_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/* An arena begins as {.limit = …}. */
struct arena {
    struct arena_block *blocks; /* the newest first */
    size_t limit, size;         /* bytes of all blocks */
    bool failed;                /* there was not enough memory at least once */
};

/* Returns n bytes aligned for any type, not zeroed. NULL: no memory, or over the limit. */
void *arena_take(struct arena *a, size_t n);
void arena_free(struct arena *a); /* leaves an empty arena and keeps its limit */

#endif
