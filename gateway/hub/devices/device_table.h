/* A worker's links of devices, whatever they speak (device_wire.h, worker_table.h), found by the
 * serial of their ticket. A worker's thread only. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_TABLE_H
#define GATEWAY_HUB_DEVICES_DEVICE_TABLE_H

#include "gateway/hub/devices/device_wire.h"
#include "gateway/hub/table/worker_table.h"

struct device_table;

struct device_table_options {
    struct loop *loop;
    wire_end_new *const *wires; /* DEVICE_WIRES, which outlive the table */
    /* As in struct wire_end_options. `gone` is called once for each link that joined. */
    void (*said)(void *owner, const struct device_ticket *t, const uint8_t *p, size_t n);
    void (*gone)(void *owner, const struct device_gone *g);
    void *owner;
};

struct device_table *device_table_new(const struct device_table_options *o); /* NULL: no memory */
/* Freed, it drops every link, so that the device comes back to the next hub; draining, as soon as
 * the link owes no answer. NULL of NULL. */
struct worker_table *device_table_base(struct device_table *t);

/* Takes ticket and stream over, as the wire's wire_end_new does. */
void device_table_join(struct device_table *t, struct device_ticket *ticket, struct stream *s);
/* Takes the letter over, for the link with that serial; one that is gone gets nothing. */
void device_table_send(struct device_table *t, uint64_t serial, struct device_letter *l);

#endif
