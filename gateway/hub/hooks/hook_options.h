/* The options about the command that is told what happens. */
#ifndef GATEWAY_HUB_HOOKS_HOOK_OPTIONS_H
#define GATEWAY_HUB_HOOKS_HOOK_OPTIONS_H

#include "core/config/options.h"
#include "gateway/hub/hooks/hooks.h"

extern const struct option_group hook_options;

/* out: its command lives as long as the option's value. refusals: how many in a minute are an
 * event. ERR_USAGE with a sentence (options_problem), and nothing has changed. */
enum err hook_options_read(struct options *o, struct hooks_options *out, uint64_t *refusals);

#endif
