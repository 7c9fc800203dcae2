/* What tunnel-gateway is told by its command line, files and environment. */
#ifndef GATEWAY_SOURCE_MAIN_CONFIG_H
#define GATEWAY_SOURCE_MAIN_CONFIG_H

#include "core/config/program.h"
#include "gateway/source/main/config_devices.h"
#include "gateway/source/main/config_endpoint.h"
#include "gateway/source/main/config_tunnel.h"
#include "gateway/source/names.h"
#include "gateway/source/service_traits.h"

struct config {
    struct options *options;
    struct names *names;
    struct service_traits traits;
    struct config_endpoint endpoint;
    struct config_tunnels tunnels;
    struct config_devices devices;
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
