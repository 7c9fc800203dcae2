/* Closes many tunnels: all open ones that the caller picks. They go in turns of a few hundred, each
 * after the one before it is stored, so that neither the store's queue nor the loop is held up by
 * however many there are. */
#ifndef GATEWAY_HUB_REGISTRY_SWEEP_H
#define GATEWAY_HUB_REGISTRY_SWEEP_H

#include "gateway/hub/registry/registry.h"

struct sweep {
    const char *why; /* for the tunnels' ends, in static storage */
    /* Is asked about each open tunnel. Must not call the registry. */
    bool (*picks)(void *ctx, const struct tunnel_record *t);
    void (*closed)(void *ctx, const struct tunnel_record *t); /* t was open, and is closed now */
    /* After the last one. Not ERR_OK: what could not be stored ended the sweep, and the tunnels
     * that are left are open; as registry_done's errors. */
    void (*done)(void *ctx, enum err why);
};

/* done is called once, perhaps from inside the call. Tunnels that are opened meanwhile are not
 * looked at. */
void registry_sweep(struct registry *r, const struct sweep *how, void *ctx);

#endif
