/* tunnelctl close. */
#include "core/base/text.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/tunnel_selector.h"

#define OPERANDS_MAX 1000

static const struct option table[] = {
    {.name = "delete",
     .help = "Delete what is known of it at once, too; else it stays visible for some hours."},
};
static const struct option_group own = OPTION_GROUP("Closing", table);

static int close_one(struct ctl *c, const char *name, bool delete)
{
    struct selected_tunnel tunnel;
    cJSON *answer;
    int code = ctl_outcome(c, tunnel_selector_resolve(&c->api, name, false, &tunnel));
    if (code != CTL_OK)
        return code;
    cJSON *input = ctl_json_put(cJSON_CreateObject(), "tunnelId", cJSON_CreateString(tunnel.id));
    if (delete)
        input = ctl_json_put(input, "delete", cJSON_CreateTrue());
    code = ctl_call(c, "CloseTunnel", input, &answer);
    cJSON_Delete(answer);
    if (code == CTL_OK && !ctl_wants_json(c))
        text_line(stdout, "%s %s", delete ? "closed and deleted" : "closed", tunnel.id);
    return code;
}

/* A tunnel that cannot be closed does not stop the loop; an unreachable service does. */
static int close_all(struct ctl *c)
{
    char *const *operands;
    size_t n = options_operands(c->options, &operands);
    int worst = CTL_OK;
    if (n == 0) {
        options_fail(c->options, "which tunnels? tunnelctl close ID...");
        return ctl_usage(c);
    }
    for (size_t i = 0; i < n && worst != CTL_UNREACHABLE; i++) {
        int code = close_one(c, operands[i], options_flag(c->options, "delete"));
        worst = code > worst ? code : worst;
    }
    if (worst == CTL_OK && ctl_wants_json(c))
        printf("{}\n");
    return worst;
}

static const struct option_group *const groups[] = {&own, &ctl_options, &program_check_options,
                                                    &program_options, NULL};

const struct command command_close = {
    .word = "close",
    .summary = "close tunnels",
    .program = {.name = "tunnelctl close",
                .summary = "Closes tunnels: both ends are disconnected and the tokens are void.",
                .usage = "  tunnelctl close ID... [--delete]\n",
                .max_operands = OPERANDS_MAX,
                .groups = groups},
    .run = close_all,
};
