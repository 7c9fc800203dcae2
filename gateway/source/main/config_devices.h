/* What the gateway is told about devices: the hub that is asked for their tunnels, the access key,
 * and how the tunnels are kept. */
#ifndef GATEWAY_SOURCE_MAIN_CONFIG_DEVICES_H
#define GATEWAY_SOURCE_MAIN_CONFIG_DEVICES_H

#include "core/aws/credentials.h"
#include "core/config/hub_config.h"
#include "core/config/options.h"
#include "gateway/common/api/api_url.h"
#include "gateway/source/tunnels.h"

extern const struct option_group config_devices_group;

struct config_devices {
    bool on;       /* tunnels are opened on demand; else nothing below counts */
    bool has_key;  /* an access key was found, whether it is used or not */
    char *profile; /* of --profile, or NULL */
    struct api_url endpoint;
    struct hub_config hub;        /* without tokens */
    struct tunnel_options tunnel; /* points to hub; its session options are the caller's to fill */
    uint64_t idle_ms, timeout_ms;
};

/* tokens: the hub of these options has a tunnel of its own. Then devices are on only if they are
 * asked for, by --devices or --profile; else whenever there is a hub that may have some, and an
 * access key. Errors leave a sentence in options_problem. Call config_devices_free in any case. */
enum err config_devices_read(struct options *o, bool tokens, struct config_devices *out);
void config_devices_free(struct config_devices *c);

/* The access key at present and the region to sign for; config_devices_read found one. Errors come
 * with a sentence. The caller frees the profile in any case. */
enum err config_devices_key(const struct config_devices *c, struct aws_profile *out,
                            char region[API_URL_REGION], char *text, size_t size);

#endif
