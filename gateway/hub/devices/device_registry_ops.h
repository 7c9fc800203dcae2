/* What a registry of devices is made of, for implementations alone. Callers use device_registry.h,
 * which says what each operation does. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_REGISTRY_OPS_H
#define GATEWAY_HUB_DEVICES_DEVICE_REGISTRY_OPS_H

#include "gateway/hub/devices/device_registry.h"

typedef void enrol_done(void *ctx, enum enrol_result result, const struct device_record *d);

struct device_registry_ops {
    void (*free)(struct device_registry *r);
    const struct store_companion *(*companion)(struct device_registry *r);
    void (*limit)(struct device_registry *r, size_t max_devices);
    struct device_counts (*counts)(const struct device_registry *r);
    void (*each)(const struct device_registry *r,
                 void (*take)(void *to, const struct device_record *d), void *to);
    /* NULL, both: `each` has all devices. */
    void (*watch)(struct device_registry *r);
    struct device_reading (*reading)(const struct device_registry *r);
    void (*get)(struct device_registry *r, struct span name, device_done *done, void *ctx);
    void (*get_azure)(struct device_registry *r, struct span id, device_done *done, void *ctx);
    void (*page)(struct device_registry *r, const struct device_page *q, void *ctx);
    void (*enrol)(struct device_registry *r, const struct enrolment *e, enrol_done *done,
                  void *ctx);
    void (*create)(struct device_registry *r, const struct device_creation *c, device_done *done,
                   void *ctx);
    void (*topics)(struct device_registry *r, struct span name, uint32_t topics, device_done *done,
                   void *ctx);
    void (*seen)(struct device_registry *r, struct span name, const struct device_sighting *s);
    /* NULL, all three: the devices are this hub's alone. */
    void (*linked)(struct device_registry *r, struct span name, bool linked);
    void (*look)(struct device_registry *r, struct span name);
    void (*reclaim)(struct device_registry *r);
    void (*update)(struct device_registry *r, struct span name, const struct device_update *u,
                   device_done *done, void *ctx);
    void (*reset)(struct device_registry *r, struct span name, device_done *done, void *ctx);
    void (*remove)(struct device_registry *r, struct span name, device_done *done, void *ctx);
    void (*invite)(struct device_registry *r, struct invitation *i, const char *join_token,
                   size_t max_of_key, invitation_done *done, void *ctx);
    void (*invitations)(struct device_registry *r, const struct invitation_page *q, void *ctx);
    void (*invitation)(struct device_registry *r, struct span id, invitation_done *done, void *ctx);
    void (*uninvite)(struct device_registry *r, struct span id, invitation_done *done, void *ctx);
};

/* The first member of every registry of devices. */
struct device_registry {
    const struct device_registry_ops *ops;
    struct list subscribers;
};

void device_registry_init(struct device_registry *r, const struct device_registry_ops *ops);

/* Call the event of all subscribers. */
void device_registry_tell_enrolled(struct device_registry *r, const struct device_record *d);
void device_registry_tell_changed(struct device_registry *r, const struct device_record *d,
                                  enum device_state before);
void device_registry_tell_reset(struct device_registry *r, const struct device_record *d);
void device_registry_tell_removed(struct device_registry *r, const struct device_record *d);
void device_registry_tell_moved(struct device_registry *r, const struct device_record *d);

#endif
