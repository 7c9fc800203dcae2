/* What configuration says of services, and else their ids: whether the client speaks first, and
 * whether they are HTTP. Pure. */
#ifndef GATEWAY_SOURCE_SERVICE_TRAITS_H
#define GATEWAY_SOURCE_SERVICE_TRAITS_H

#include "core/base/err.h"
#include "core/base/str.h"

#include <stdbool.h>

enum trait { TRAIT_CLIENT_FIRST, TRAIT_HTTP, TRAIT_COUNT };

#define SERVICE_TRAITS_MAX 256
#define SERVICE_TRAITS_ANY "*"            /* in the place of an id: every service */
#define SERVICE_TRAITS_NAMELESS "default" /* the service of a tunnel without service ids */

/* A zeroed struct goes by the ids alone. */
struct service_traits {
    struct trait_entry *items;
    size_t n;
};
void service_traits_free(struct service_traits *t); /* zeroed afterwards */

/* Says whether the service with exactly this id has a trait; what was said last counts. ERR_LIMIT,
 * ERR_NO_MEMORY. */
enum err service_traits_set(struct service_traits *t, struct span id, enum trait trait, bool yes);

/* A service whose id begins with HTTP or WEB, in any case, has both traits unless something else
 * was said. A service that is said to have one of them is taken to have the other, too, as long as
 * nothing was said of that: clients of HTTP speak first, and most services whose clients do are
 * HTTP. */
bool service_traits_has(const struct service_traits *t, const char *service, enum trait trait);

#endif
