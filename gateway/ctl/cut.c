/* tunnelctl cut. */
#include "core/base/text.h"
#include "gateway/ctl/ctl.h"

static const struct option table[] = {
    {.name = "key", .argument = "ID", .help = "The access key that opened them."},
};
static const struct option_group own = OPTION_GROUP("Cutting off", table);

static int tell(struct ctl *c, const char *key, const cJSON *answer)
{
    const cJSON *closed = cJSON_GetObjectItemCaseSensitive(answer, "closedTunnels");
    char safe[300];
    if (ctl_wants_json(c))
        return ctl_print_json(answer);
    if (!cJSON_IsNumber(closed))
        return ctl_fail("the hub's answer does not tell how many tunnels were closed");
    text_line(stdout, "closed %.0f tunnel%s of %s", closed->valuedouble,
              closed->valuedouble == 1 ? "" : "s", str_escape(span_of(key), safe, sizeof safe));
    return CTL_OK;
}

static int cut(struct ctl *c)
{
    const char *key = options_get(c->options, "key");
    cJSON *answer;
    if (key == NULL) {
        options_fail(c->options, "which access key? tunnelctl cut --key ID");
        return ctl_usage(c);
    }
    int code = ctl_call(c, "TunnelHub.CutKey",
                        ctl_json_put(cJSON_CreateObject(), "accessKeyId", cJSON_CreateString(key)),
                        &answer);
    if (code == CTL_OK)
        code = tell(c, key, answer);
    cJSON_Delete(answer);
    return code;
}

static const struct option_group *const groups[] = {&own, &ctl_options, &program_check_options,
                                                    &program_options, NULL};

const struct command command_cut = {
    .word = "cut",
    .summary = "close all tunnels that an access key has opened",
    .program = {.name = "tunnelctl cut",
                .summary = "Closes all tunnels that an access key has opened, with all that goes "
                           "through them.",
                .usage = "  tunnelctl cut --key ID\n",
                .groups = groups},
    .run = cut,
};
