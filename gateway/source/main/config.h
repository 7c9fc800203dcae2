/* What tunnel-gateway is told by its command line, files and environment. */
#ifndef GATEWAY_SOURCE_MAIN_CONFIG_H
#define GATEWAY_SOURCE_MAIN_CONFIG_H

#include "core/config/hub_config.h"
#include "core/config/program.h"
#include "core/config/services.h"
#include "gateway/source/main/config_devices.h"
#include "gateway/source/names.h"
#include "gateway/source/origins.h"
#include "gateway/source/service_traits.h"
#include "gateway/source/tunnels.h"

#define CONFIG_TUNNELS_MAX 256

struct config_tunnel {
    char *name;              /* "" for the nameless one */
    struct options *options; /* of a [tunnel NAME] section; NULL for the nameless one */
    struct hub_config hub;
    struct services map;          /* listening ports */
    struct tunnel_options tunnel; /* points to hub, map and name */
};

struct config {
    struct options *options;
    struct names *names;
    struct config_tunnel tunnels[CONFIG_TUNNELS_MAX];
    size_t n_tunnels;
    struct config_devices devices;
    struct service_traits traits;
    struct origins origins;
    char *user, *password; /* NULL: no authentication */
    uint64_t grace_ms;     /* or TUNNELS_GRACE_AUTO */
    uint64_t max_clients;
    size_t memory;     /* bytes for all that waits in queues */
    bool ask_user;     /* SOCKS5 clients that can give a user name are asked for it */
    bool hide_clients; /* Devices are not told who the clients are. */
    bool direct;       /* what is no name of ours is dialled from here */
};

/* Reads everything, and checks the rest when it is asked to (--check-config, PROGRAM_DONE then);
 * PROGRAM_FAILED: the sentence is on stderr. Call config_free in any case. */
enum program_next config_read(struct config *c, int argc, char **argv);
void config_free(struct config *c); /* wipes secrets */

/* Reads all of it once more into *fresh, from the file and the files that it names; but
 * OPTION_STARTs are as they were. An error leaves its sentence in options_problem of c->options.
 * Call config_free for it in any case. */
enum err config_read_again(const struct config *c, struct config *fresh);
/* The one that was read again becomes the one in use, with c's options. Returns c, for config_free.
 */
struct config *config_replace(struct config *c, struct config *fresh);

/* The i-th address to listen on; NULL: no more. */
const char *config_listen(const struct config *c, size_t i);

#endif
