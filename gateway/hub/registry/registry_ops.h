/* What a registry is made of, for implementations alone. Callers use registry.h, which says what
 * each operation does. */
#ifndef GATEWAY_HUB_REGISTRY_REGISTRY_OPS_H
#define GATEWAY_HUB_REGISTRY_REGISTRY_OPS_H

#include "core/base/list.h"
#include "gateway/hub/registry/registry.h"

struct registry_ops {
    void (*free)(struct registry *r);
    size_t (*open_count)(const struct registry *r);
    bool (*healthy)(const struct registry *r);
    void (*get)(struct registry *r, struct span id, registry_done *done, void *ctx);
    void (*page)(struct registry *r, const struct registry_page *q, void *ctx);
    void (*open)(struct registry *r, struct tunnel_record *record,
                 const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                 void *ctx);
    void (*close)(struct registry *r, const char *id, bool remove, const char *why,
                  registry_done *done, void *ctx);
    void (*rotate)(struct registry *r, const char *id, const char *const token[SIDE_COUNT],
                   registry_done *done, void *ctx);
    void (*tag)(struct registry *r, const char *id, const struct tag_change *c, registry_done *done,
                void *ctx);
    void (*admit)(struct registry *r, const struct admission_request *q,
                  void (*done)(void *ctx, struct admission a), void *ctx);
    void (*connected)(struct registry *r, struct span id, enum side side, bool connected);
    void (*look)(struct registry *r, const char *id);
    void (*reclaim)(struct registry *r);
};

/* The first member of every registry. */
struct registry {
    const struct registry_ops *ops;
    struct list subscribers;
};

void registry_init(struct registry *r, const struct registry_ops *ops);

/* Call the event of all subscribers. */
void registry_tell_opened(struct registry *r, const struct tunnel_record *t,
                          const char *const token[SIDE_COUNT]);
void registry_tell_ended(struct registry *r, const struct tunnel_record *t, const char *why);
void registry_tell_rotated(struct registry *r, const struct tunnel_record *t, enum side side,
                           const char *token);
void registry_tell_moved(struct registry *r, const struct tunnel_record *t);

#endif
