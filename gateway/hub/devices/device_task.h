/* One thing that is done to a device, in its turn. Private to the registry of devices. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_TASK_H
#define GATEWAY_HUB_DEVICES_DEVICE_TASK_H

#include "gateway/hub/devices/local_devices_internal.h"

struct device_task {
    struct change change; /* first member */
    struct list node;     /* in entry.waiting */
    struct local_devices *registry;
    struct device_entry *entry;
    /* Called in its turn: makes `next` and the change from the record as it is. False: there is
     * nothing to store, and `why` is the answer. */
    bool (*prepare)(struct device_task *q);
    void (*apply)(struct device_task *q); /* it is stored */
    /* Told in any case; frees what is its own. */
    void (*answer)(struct device_task *q, enum err why);
    enum err why;
    struct device_record next;
    device_done *done;
    void *ctx;
};

/* A request of `size` bytes, a struct that begins with struct device_task. NULL: no memory. */
void *device_task_new(struct local_devices *r, struct device_entry *e, size_t size);
/* Does it when it is its turn, and frees it after its answer. ERR_BUSY when too many wait. */
void device_task_ask(struct device_task *q);
/* Makes `next` a copy of the record. False: no memory, noted in q->why. */
bool device_task_copy(struct device_task *q);
/* The same of a device that is stored, to be stored again. False: ERR_NOT_FOUND, too. */
bool device_task_copy_stored(struct device_task *q);
/* Makes `next` the record of a stored device. What was seen meanwhile stays. */
void device_task_swap(struct device_task *q);

#endif
