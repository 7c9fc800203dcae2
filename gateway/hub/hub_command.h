/* What tunnel-hub is told by its command line, files and environment: the tables of its options,
 * the checks of what they say, and what a hub gets of it. Listens to nothing and opens nothing;
 * where to listen is for main.c. */
#ifndef GATEWAY_HUB_HUB_COMMAND_H
#define GATEWAY_HUB_HUB_COMMAND_H

#include "core/config/program.h"
#include "gateway/hub/fronts.h"
#include "gateway/hub/hub.h"

struct hub_command {
    struct options *options; /* of hub_program; the rest is what hub_command_check makes of them */
    uint64_t idle_ms, grace_ms, workers, memory, per_address, hook_refusals, lease_ms;
    struct hooks_options hook;
    struct ip_list exempt;
    struct fronts fronts;
    char credential[512]; /* the path of one that systemd has loaded */
};

extern const struct program hub_program;

/* An error leaves its sentence in options_problem. */
enum err hub_command_check(struct hub_command *c);
/* Reads again what may change while the hub runs. An error, as above; the times and the hook that
 * were in use may be replaced all the same. */
enum err hub_command_read_again(struct hub_command *c);
/* All but the loop and who hears that the node is taken; *c outlives what gets it. */
struct hub_options hub_command_options(struct hub_command *c);

#endif
