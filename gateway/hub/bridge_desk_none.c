/* In the place of the hub's inner ends until they are there: nobody is reached by a tunnel. */
#include "gateway/hub/bridge_desk.h"

bool bridge_desk_has_source(const struct bridge_desk *d, const struct inner_source *s)
{
    (void)d, (void)s;
    return false;
}

void bridge_desk_source(struct bridge_desk *d, const struct inner_source *s,
                        void (*done)(void *ctx, enum err why, struct bridge *b), void *ctx)
{
    (void)d, (void)s;
    done(ctx, ERR_UNSUPPORTED, NULL);
}

void bridge_desk_on_wanted(struct bridge_desk *d,
                           void (*wanted)(void *owner, const struct bridge_spec *spec), void *owner)
{
    (void)d, (void)wanted, (void)owner;
}

void bridge_desk_refuse(struct bridge_desk *d, const struct bridge_inner *inner, enum err why)
{
    (void)d, (void)inner, (void)why;
}
