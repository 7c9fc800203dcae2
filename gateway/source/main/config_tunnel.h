/* The tunnels that the gateway is told about: one for each section [tunnel NAME], and the nameless
 * one of the command line, the top of the file and the environment. */
#ifndef GATEWAY_SOURCE_MAIN_CONFIG_TUNNEL_H
#define GATEWAY_SOURCE_MAIN_CONFIG_TUNNEL_H

#include "core/config/hub_config.h"
#include "core/config/options.h"
#include "core/config/services.h"
#include "gateway/source/tunnels.h"

#define CONFIG_TUNNELS_MAX 256

/* Also valid in a [tunnel NAME] section. */
extern const struct option_group config_tunnel_group;

struct config_tunnel {
    char *name;              /* "" for the nameless one */
    struct options *options; /* of a [tunnel NAME] section; NULL for the nameless one */
    struct hub_config hub;
    struct services map;          /* listening ports */
    struct tunnel_options tunnel; /* points to hub, map and name */
};

struct config_tunnels {
    struct config_tunnel all[CONFIG_TUNNELS_MAX];
    size_t n;
};

/* All of these leave the sentence of an error in options_problem of o. */

/* The section [tunnel NAME] begins, or has that key. */
enum err config_tunnels_key(struct config_tunnels *c, struct options *o, struct span name,
                            const struct ini_entry *e);
/* What the sections come to. */
enum err config_tunnels_read(struct config_tunnels *c, struct options *o);
/* Adds the nameless one; config_tunnel_read reads it. NULL: there are too many, or no memory. */
struct config_tunnel *config_tunnels_nameless(struct config_tunnels *c, struct options *o);
enum err config_tunnel_read(struct options *o, struct config_tunnel *t);
/* Only the options of a session (linger, stall-timeout, ...). */
enum err config_session_read(struct options *o, struct tunnel_end_options *out);
void config_tunnels_free(struct config_tunnels *c); /* wipes secrets */

#endif
