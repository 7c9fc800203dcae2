/* The hub behind its front door: tunnels, who is connected to them, and what they pass on. */
#ifndef GATEWAY_HUB_HUB_H
#define GATEWAY_HUB_HUB_H

#include "core/net/loop.h"
#include "core/net/stream.h"
#include "gateway/hub/refusals.h"
#include "gateway/hub/tunnels.h"

struct hub;

struct hub_options {
    struct loop *loop;
    const char *tunnels_file;
    uint64_t idle_ms; /* a client that is silent for so long is dropped; it may come back */
};

/* NULL with *why and a sentence. A tunnels file that is not there yet is no error. */
struct hub *hub_new(const struct hub_options *o, enum err *why, char *text, size_t size);
/* Drops every client without a Close frame, so that they come back to the next hub. */
void hub_free(struct hub *h);

/* Reads the tunnels file again, changed or not. */
void hub_reload(struct hub *h);

/* As tunnels_admit, by the present time. */
struct admission hub_admit(struct hub *h, const struct request *r);
/* A client that was admitted just now and has got its 101: takes its stream (a spill, ready or not)
 * over. It replaces whoever was on that side. */
void hub_join(struct hub *h, struct tunnel *t, const struct request *r, struct stream *spill,
              const char *channel);

struct refusals *hub_refusals(struct hub *h);

#endif
