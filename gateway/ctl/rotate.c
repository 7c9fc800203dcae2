/* tunnelctl rotate. */
#include "gateway/ctl/token_output.h"
#include "gateway/ctl/tunnel_selector.h"

static const struct option table[] = {
    {"source", 0, NULL, NULL, NULL, NULL, "Only the source's token.", 0},
    {"destination", 0, NULL, NULL, NULL, NULL, "Only the destination's.", 0},
};
static const struct option_group own = OPTION_GROUP("Rotation", table);

static const struct {
    const char *mode, *title;
} kinds[] = {
    {"ALL", "has new access tokens; the old ones are void"},
    {"SOURCE", "has a new source token; the old one is void"},
    {"DESTINATION", "has a new destination token; the old one is void"},
};

static int tell(struct ctl *c, const struct which *tunnel, const char *what, const cJSON *answer)
{
    cJSON *details = NULL;
    char title[TUNNEL_ID_MAX + 80];
    snprintf(title, sizeof title, "Tunnel %s %s", tunnel->id, what);
    if (!ctl_wants_json(c)) /* how long it lasts is worth knowing, but no reason to fail */
        tunneling_describe(&c->api, tunnel->id, &details);
    int code =
        handover_tell(c, &(struct handover){.answer = answer, .tunnel = details, .title = title});
    cJSON_Delete(details);
    return code;
}

static int rotate(struct ctl *c)
{
    char *const *operands;
    struct which tunnel;
    cJSON *answer;
    bool source = options_flag(c->options, "source");
    size_t kind = source == options_flag(c->options, "destination") ? 0 : source ? 1 : 2;
    if (options_operands(c->options, &operands) != 1) {
        options_fail(c->options, "which tunnel? tunnelctl rotate ID");
        return ctl_usage(c);
    }
    int code = handover_check(c);
    if (code == CTL_OK)
        code = ctl_outcome(c, which_tunnel(&c->api, operands[0], false, &tunnel));
    if (code != CTL_OK)
        return code;
    cJSON *input = json_put(cJSON_CreateObject(), "tunnelId", cJSON_CreateString(tunnel.id));
    input = json_put(input, "clientMode", cJSON_CreateString(kinds[kind].mode));
    code = ctl_call(c, "RotateTunnelAccessToken", input, &answer);
    if (code != CTL_OK)
        return code;
    code = handover_save(c, answer);
    if (code != CTL_OK)
        ctl_fail("the new token is lost, and the old one is void: rotate again");
    else
        code = tell(c, &tunnel, kinds[kind].title, answer);
    json_wipe(answer);
    return code;
}

static const struct option_group *const groups[] = {
    &own, &handover_options, &ctl_options, &program_check_options, &program_options, NULL};

const struct command command_rotate = {
    .word = "rotate",
    .summary = "give a tunnel new access tokens",
    .program = {.name = "tunnelctl rotate",
                .summary = "Gives a tunnel new access tokens: the old ones are void, and who is "
                           "connected with one is disconnected. Its end does not move.",
                .usage = "  tunnelctl rotate ID [--source|--destination]\n",
                .max_operands = 1,
                .groups = groups},
    .check = handover_check,
    .run = rotate,
};
