/* What the dashboard has its program do: end streams, let in everybody or nobody. Each kind has a
 * connection of its own, on which one call follows the other. */
#ifndef TUI_ADMIN_CALLS_H
#define TUI_ADMIN_CALLS_H

#include "core/net/loop.h"

#define ADMIN_CALLS_MAX 1024 /* streams whose end may be asked for at once */

struct admin_calls;

struct admin_calls_events {
    /* What became of a call: a sentence, which lives until this returns. bad: it has failed. */
    void (*said)(void *owner, bool bad, const char *text);
    /* What was asked for is done: the program's next snapshot is another one. */
    void (*changed)(void *owner);
};

/* path: the control socket's; copied. NULL: no memory. */
struct admin_calls *admin_calls_new(struct loop *loop, const char *path,
                                    const struct admin_calls_events *events, void *owner);
void admin_calls_free(struct admin_calls *c); /* calls on their way are not told; NULL is fine */

/* Neither tells anything from inside. */

/* Ends a stream, after those that wait; with ADMIN_CALLS_MAX of them it is left alone. `changed`
 * follows the last one. */
void admin_calls_close(struct admin_calls *c, uint64_t id);
/* Lets in everybody, or nobody; ignored while such a call is on its way. */
void admin_calls_accept(struct admin_calls *c, bool everybody);

#endif
