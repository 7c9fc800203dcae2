/* tunnelctl rotate. */
#include "gateway/ctl/token_output.h"
#include "gateway/ctl/tunnel_selector.h"

static const struct option table[] = {
    {.name = "source", .help = "Only the source's token."},
    {.name = "destination", .help = "Only the destination's."},
};
static const struct option_group own = OPTION_GROUP("Rotation", table);

static const struct {
    const char *mode, *title;
} kinds[] = {
    {"ALL", "has new access tokens; the old ones are void"},
    {"SOURCE", "has a new source token; the old one is void"},
    {"DESTINATION", "has a new destination token; the old one is void"},
};

static int tell(struct ctl *c, const struct selected_tunnel *tunnel, const char *what,
                const cJSON *answer)
{
    cJSON *details = NULL;
    char title[TUNNEL_ID_MAX + 80];
    snprintf(title, sizeof title, "Tunnel %s %s", tunnel->id, what);
    /* The lifetime is worth printing, but the command must not fail without it. */
    if (!ctl_wants_json(c))
        tunneling_describe(&c->api, tunnel->id, &details);
    int code = token_output_print(
        c, &(struct token_output){.answer = answer, .tunnel = details, .title = title});
    cJSON_Delete(details);
    return code;
}

static int rotate(struct ctl *c)
{
    char *const *operands;
    struct selected_tunnel tunnel;
    cJSON *answer;
    bool source = options_flag(c->options, "source");
    size_t kind = source == options_flag(c->options, "destination") ? 0 : source ? 1 : 2;
    if (options_operands(c->options, &operands) != 1) {
        options_fail(c->options, "which tunnel? tunnelctl rotate ID");
        return ctl_usage(c);
    }
    int code = token_output_check(c);
    if (code == CTL_OK)
        code = ctl_outcome(c, tunnel_selector_resolve(&c->api, operands[0], false, &tunnel));
    if (code != CTL_OK)
        return code;
    cJSON *input = ctl_json_put(cJSON_CreateObject(), "tunnelId", cJSON_CreateString(tunnel.id));
    input = ctl_json_put(input, "clientMode", cJSON_CreateString(kinds[kind].mode));
    code = ctl_call(c, "RotateTunnelAccessToken", input, &answer);
    if (code != CTL_OK)
        return code;
    code = token_output_save(c, answer);
    if (code != CTL_OK)
        ctl_fail("the new token is lost, and the old one is void: rotate again");
    else
        code = tell(c, &tunnel, kinds[kind].title, answer);
    ctl_json_wipe(answer);
    return code;
}

static const struct option_group *const groups[] = {
    &own, &token_output_options, &ctl_options, &program_check_options, &program_options, NULL};

const struct command command_rotate = {
    .word = "rotate",
    .summary = "give a tunnel new access tokens",
    .program = {.name = "tunnelctl rotate",
                .summary = "Gives a tunnel new access tokens: the old ones are void, and who is "
                           "connected with one is disconnected. Its end does not move.",
                .usage = "  tunnelctl rotate ID [--source|--destination]\n",
                .max_operands = 1,
                .groups = groups},
    .check = token_output_check,
    .run = rotate,
};
