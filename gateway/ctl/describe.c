/* tunnelctl describe. */
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/print.h"
#include "gateway/ctl/tunnel_selector.h"

static int describe(struct ctl *c)
{
    char *const *operands;
    struct selected_tunnel tunnel;
    cJSON *details;
    if (options_operands(c->options, &operands) != 1) {
        options_fail(c->options, "which tunnel? tunnelctl describe ID");
        return ctl_usage(c);
    }
    int code = ctl_outcome(c, tunnel_selector_resolve(&c->api, operands[0], false, &tunnel));
    if (code != CTL_OK)
        return code;
    code = ctl_outcome(c, tunneling_describe(&c->api, tunnel.id, &details));
    if (code == CTL_OK && ctl_wants_json(c)) {
        details = ctl_json_put(cJSON_CreateObject(), "tunnel", details);
        code = ctl_print_json(details);
    } else if (code == CTL_OK) {
        print_tunnel(details);
    }
    cJSON_Delete(details);
    return code;
}

static const struct option_group *const groups[] = {&ctl_options, &program_check_options,
                                                    &program_options, NULL};

const struct command command_describe = {
    .word = "describe",
    .summary = "show everything about a tunnel",
    .program = {.name = "tunnelctl describe",
                .summary = "Shows everything about a tunnel: its state, its ends, its tags.",
                .usage = "  tunnelctl describe ID\n",
                .max_operands = 1,
                .groups = groups},
    .run = describe,
};
