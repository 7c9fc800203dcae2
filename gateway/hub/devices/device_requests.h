/* Copies of what registries of devices are asked for, where the answer outlives the call. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_REQUESTS_H
#define GATEWAY_HUB_DEVICES_DEVICE_REQUESTS_H

#include "gateway/hub/devices/device_registry.h"

/* In each, the first member has the request as the registry was given it, with views of the rest.
 * X_keep fills in *to, which is zeroed. False: no memory. X_drop is right in any case. */

struct kept_enrolment {
    struct enrolment e;
    struct device_sighting sighting; /* what it tells */
    uint8_t key[DEVICE_KEY_SIZE];
    char *name, *join_token, *version, *address;
    struct texts services;
};
bool kept_enrolment_keep(struct kept_enrolment *to, const struct enrolment *from);
void kept_enrolment_drop(struct kept_enrolment *k); /* wipes the join token */

struct kept_update {
    struct device_update u;
    enum device_state state;
    struct tags add;
    struct texts remove;
};
bool kept_update_keep(struct kept_update *to, const struct device_update *from);
void kept_update_drop(struct kept_update *k);

#endif
