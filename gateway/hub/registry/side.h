/* The two ends of a tunnel. */
#ifndef GATEWAY_HUB_REGISTRY_SIDE_H
#define GATEWAY_HUB_REGISTRY_SIDE_H

enum side { SIDE_SOURCE, SIDE_DESTINATION, SIDE_COUNT };

static inline const char *side_name(enum side s)
{
    return s == SIDE_SOURCE ? "source" : "destination";
}

static inline enum side side_other(enum side s)
{
    return s == SIDE_SOURCE ? SIDE_DESTINATION : SIDE_SOURCE;
}

#endif
