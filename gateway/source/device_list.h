/* The devices that the gateway's access key may reach, as the hub lists them (ListDevices), for
 * people and programs: one line for each, with tabs between device, state, since when, and the host
 * names of its services. */
#ifndef GATEWAY_SOURCE_DEVICE_LIST_H
#define GATEWAY_SOURCE_DEVICE_LIST_H

#include "gateway/source/device_tunnels.h"
#include "gateway/source/names.h"

#define DEVICE_LIST_MAX (4u << 20) /* bytes; what is beyond that is left out */
#define DEVICE_LIST_MS 10000       /* for each of the hub's answers */

struct device_list;

struct device_list_options {
    const struct devices_api *api;
    const struct names *names;
    /* Comes once, and never from inside device_list_start; the list is gone. problem: a sentence of
     * printable ASCII why there are no rows, or NULL. */
    void (*done)(void *owner, const char *problem, struct span rows);
    void *owner;
};
struct device_list *device_list_start(const struct device_list_options *o); /* NULL: memory */
void device_list_cancel(struct device_list *l); /* `done` does not come; NULL is fine */

#endif
