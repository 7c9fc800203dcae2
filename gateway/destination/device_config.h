/* What tunnel-agent is told about standing by as a device. */
#ifndef GATEWAY_DESTINATION_DEVICE_CONFIG_H
#define GATEWAY_DESTINATION_DEVICE_CONFIG_H

#include "core/config/options.h"
#include "core/device/device_identity.h"
#include "core/tls/tls.h"

extern const struct option_group agent_standby_options;

struct device_config {
    char *directory;                 /* of the state; NULL: none is needed */
    char name[DEVICE_NAME_MAX + 1];  /* the device's */
    bool by_certificate;             /* that says who it is, and there is no key file */
    bool known;                      /* `identity` was read; else it has to be made */
    struct device_identity identity; /* when it is known */
    char *join_token;                /* NULL: none was given */
    char *accept_command;            /* NULL: none */
    bool accept_never;
    size_t max_tunnels;
};

/* Whether the options mean a device: one is named, or the state directory has one, or there is a
 * certificate, and no access token is given. Both at once are an error. */
enum err device_config_wanted(struct options *o, bool *wanted);
/* identity: the certificate's; NULL: there is none. out is zeroed first, and the caller frees it
 * whatever the result. */
enum err device_config_read(struct options *o, const struct identity *identity,
                            struct device_config *out);
void device_config_free(struct device_config *c); /* wipes secrets */

#endif
