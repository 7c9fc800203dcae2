/* Whether the password of an MQTT client is a shared access signature (sas.h) of the device that it
 * says to be. A device has a primary and a secondary key (devices/device_keys.h), and either will
 * do; a policy's token is no device's. */
#ifndef GATEWAY_HUB_AZURE_AZURE_LOGIN_H
#define GATEWAY_HUB_AZURE_AZURE_LOGIN_H

#include "gateway/hub/azure/sas.h"
#include "gateway/hub/devices/device_registry.h"

/* Plain data; what it points to must outlive the calls. */
struct azure_logins {
    struct device_registry *devices;
    const uint8_t *secrets_key; /* SEAL_KEY_SIZE bytes, by which devices' keys are sealed; NULL:
                                   there is none, and every password is SAS_UNKNOWN */
    int64_t (*now)(void);       /* ms since 1970 */
};

struct azure_login {
    struct span azure_id; /* "pump", or "edge/module": the MQTT client id */
    struct span host; /* what it calls the hub, in the user name: "hub.example", or with a port */
    struct span password;
};
struct azure_login_answer {
    enum sas_verdict verdict; /* SAS_UNKNOWN: no such device, or it has no symmetric keys */
    /* With SAS_OK: the device, in whatever state it is; a view. Else NULL. */
    const struct device_record *device;
    int64_t expires; /* with SAS_OK: ms since 1970 when the token is good no more */
};
/* Calls done once, perhaps from inside. Arguments need to live during the call only. */
void azure_login_check(const struct azure_logins *l, const struct azure_login *q,
                       void (*done)(void *ctx, const struct azure_login_answer *a), void *ctx);

#endif
