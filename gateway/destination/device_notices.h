/* What becomes of the notices of a device's hub: who asks for what is not served, or for too much,
 * is rejected; for everybody else the device's owner is asked (acceptance.h); who is accepted gets
 * a tunnel. A notice that comes twice gets the same answer. */
#ifndef GATEWAY_DESTINATION_DEVICE_NOTICES_H
#define GATEWAY_DESTINATION_DEVICE_NOTICES_H

#include "core/config/services.h"
#include "gateway/destination/acceptance.h"
#include "gateway/destination/accepted_tunnels.h"

struct device_notices;

/* What the members point to must outlive the notices. */
struct device_notices_options {
    struct acceptance *acceptance;
    struct accepted_tunnels *tunnels;
    const char *device; /* its name; copied */
    /* Tells the hub; perhaps from inside device_notices_take. */
    void (*answer)(void *owner, struct span id, bool accepted, enum device_code code,
                   struct span why);
    /* The TLS session that a tunnel's connection may resume. */
    const struct tls_session *(*session)(void *owner);
    void *owner;
};

struct device_notices *
device_notices_new(const struct device_notices_options *o); /* NULL: memory */
/* Gives up what is being asked: no answer comes. Before acceptance and tunnels go. NULL is fine. */
void device_notices_free(struct device_notices *d);

/* map: the services that there are now. */
void device_notices_take(struct device_notices *d, const struct services *map,
                         const struct hub_notice *n);
/* Nobody waits for it any more. */
void device_notices_withdraw(struct device_notices *d, struct span id);

#endif
