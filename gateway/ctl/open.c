/* tunnelctl open. */
#include "core/base/service_id.h"
#include "gateway/ctl/gateway_process.h"
#include "gateway/ctl/tag.h"
#include "gateway/ctl/token_output.h"
#include "gateway/ctl/tunnel_selector.h"

#include <stdlib.h>
#include <string.h>

/* Minutes, ten years; more is a typing error, and the service has its own limit. */
#define LIFETIME_MAX 5256000
#define MINUTE_MS 60000

static const struct option table[] = {
    {.name = "thing", .argument = "NAME", .help = "The thing (device) that it leads to."},
    {.name = "services",
     .argument = "ID[,ID...]",
     .help = "The services that can be reached through it, such as HTTP1,SSH1; without: one "
             "nameless."},
    {.name = "lifetime",
     .argument = "TIME",
     .help = "How long it lasts, such as 90m, 12h or 1d (a bare number is minutes); 12h unless "
             "the hub says less."},
    {.name = "description", .argument = "TEXT", .help = "What it is for; lists show it."},
    {.name = "tag",
     .argument = "KEY=VALUE",
     .help = "A tag. May be repeated.",
     .flags = OPTION_MANY},
    {.name = "run-source",
     .help = "Run tunnel-gateway as its source, with the arguments behind \"--\", and close the "
             "tunnel when it ends (not when its token was rotated away)."},
    {.name = "keep-open",
     .help = "With --run-source: leave the tunnel open when the gateway ends."},
};
static const struct option_group own = OPTION_GROUP("New tunnel", table);

/* ---- the request ---- */

/* NULL: a sentence for ctl_usage is there, or there is no memory. */
static cJSON *read_services(struct options *o, const char *text)
{
    cJSON *services = cJSON_CreateArray();
    struct span rest = span_of(text);
    for (bool more = true; more && services != NULL;) {
        size_t before = rest.n;
        struct span item = span_cut(&rest, ',');
        more = item.n < before; /* also true for an empty id after the last comma */
        char *id = span_dup(span_trim(item));
        bool valid = id != NULL && service_id_is(span_of(id));
        if (id != NULL && !valid)
            options_reject(o, "services", "has an id that is not " SERVICE_ID_RULE);
        services = ctl_json_push(services, valid ? cJSON_CreateString(id) : NULL);
        free(id);
    }
    return services;
}

static cJSON *put_destination(struct options *o, cJSON *input)
{
    const char *thing = options_get(o, "thing"), *services = options_get(o, "services");
    if (services == NULL && thing != NULL) {
        options_fail(o, "a tunnel to a thing needs --services");
        cJSON_Delete(input);
        return NULL;
    }
    if (services == NULL)
        return input;
    cJSON *config = ctl_json_put(cJSON_CreateObject(), "services", read_services(o, services));
    if (thing != NULL)
        config = ctl_json_put(config, "thingName", cJSON_CreateString(thing));
    return ctl_json_put(input, "destinationConfig", config);
}

static cJSON *put_tags(struct options *o, cJSON *input)
{
    const char *text;
    if (options_each(o, "tag", 0) == NULL)
        return input;
    cJSON *tags = cJSON_CreateArray();
    for (size_t i = 0; (text = options_each(o, "tag", i)) != NULL; i++) {
        if (!tag_is(text))
            options_reject(o, "tag", "is not KEY=VALUE");
        tags = ctl_json_push(tags, tag_is(text) ? tag_json(text) : NULL);
    }
    return ctl_json_put(input, "tags", tags);
}

static cJSON *put_lifetime(struct options *o, cJSON *input)
{
    uint64_t ms = 0;
    if (options_get(o, "lifetime") == NULL)
        return input;
    enum err why = options_duration_in(o, "lifetime", MINUTE_MS, &ms);
    uint64_t minutes = ms / MINUTE_MS;
    if (why == ERR_OK && (ms % MINUTE_MS != 0 || minutes < 1 || minutes > LIFETIME_MAX))
        why = options_reject(o, "lifetime", "is not whole minutes from 1m to %dm", LIFETIME_MAX);
    cJSON *number = why == ERR_OK ? cJSON_CreateNumber((double)minutes) : NULL;
    return ctl_json_put(input, "timeoutConfig",
                        ctl_json_put(cJSON_CreateObject(), "maxLifetimeTimeoutMinutes", number));
}

static cJSON *make_input(struct options *o)
{
    cJSON *input = put_destination(o, cJSON_CreateObject());
    if (input != NULL && options_get(o, "description") != NULL)
        input =
            ctl_json_put(input, "description", cJSON_CreateString(options_get(o, "description")));
    if (input != NULL)
        input = put_lifetime(o, input);
    return input != NULL ? put_tags(o, input) : NULL;
}

/* ---- the gateway ---- */

static int close_again(struct ctl *c, const char *id)
{
    cJSON *answer, *input = ctl_json_put(cJSON_CreateObject(), "tunnelId", cJSON_CreateString(id));
    enum outcome result = tunneling_call(&c->api, "CloseTunnel", input, &answer);
    cJSON_Delete(answer);
    if (result == CTL_OK || strcmp(c->api.error, "ResourceNotFoundException") == 0)
        return CTL_OK;
    ctl_fail("the tunnel %s could not be closed: %s", id, c->api.problem);
    return (int)result;
}

static int run_and_close(struct ctl *c, const struct gateway_process_options *o, const char *id)
{
    char text[400];
    int code = CTL_FAILED;
    if (c->caller != NULL)
        caller_rest(c->caller);
    if (gateway_process_run(c->loop, o, &code, text, sizeof text) != ERR_OK)
        code = ctl_fail("%s", text);
    if (code == GATEWAY_TOKEN_REPLACED) {
        ctl_fail("the gateway has ended: its source token was replaced by someone else; the tunnel "
                 "%s stays open",
                 id);
        return code;
    }
    int closed = close_again(c, id);
    if (closed == CTL_OK)
        ctl_fail("the gateway has ended, the tunnel %s is closed", id);
    return code != CTL_OK ? code : closed;
}

static int run_gateway(struct ctl *c, const cJSON *answer, const char *id)
{
    char endpoint[API_URL_NAME], program[4096], text[400];
    const struct gateway_process_options o = {.program =
                                                  gateway_process_find(program, sizeof program),
                                              .token = token_output_token(answer, END_SOURCE),
                                              .endpoint = token_output_endpoint(c, endpoint),
                                              .ca = ctl_ca(c),
                                              .insecure = ctl_insecure(c),
                                              .args = c->rest,
                                              .n_args = c->n_rest};
    if (!options_flag(c->options, "keep-open"))
        return run_and_close(c, &o, id);
    gateway_process_exec(&o, text, sizeof text);
    ctl_fail("%s", text);
    close_again(c, id); /* its token is lost */
    return CTL_FAILED;
}

/* ---- the command ---- */

/* The tunnel as the service describes it, or as far as it is known from what was asked for. */
static cJSON *learn(struct ctl *c, const char *id, cJSON **asked)
{
    cJSON *tunnel = NULL;
    if (tunneling_describe(&c->api, id, &tunnel) != CTL_OK) {
        double now = (double)c->api.clock() / 1000;
        tunnel = ctl_json_put(*asked, "createdAt", cJSON_CreateNumber(now));
        *asked = NULL;
    }
    return tunnel;
}

static int tell(struct ctl *c, const cJSON *answer, const char *id, cJSON **asked)
{
    char title[TUNNEL_ID_MAX + 40];
    snprintf(title, sizeof title, "Tunnel %s is open", id);
    cJSON *tunnel = ctl_wants_json(c) ? NULL : learn(c, id, asked);
    int code = token_output_print(
        c, &(struct token_output){.answer = answer,
                                  .tunnel = tunnel,
                                  .title = title,
                                  .runs_source = options_flag(c->options, "run-source")});
    cJSON_Delete(tunnel);
    return code;
}

/* Saves or prints the tokens. A tunnel whose tokens are lost is closed again, because it is
 * useless. */
static int hand_over(struct ctl *c, const cJSON *answer, cJSON **asked)
{
    const char *id = ctl_json_text_at(answer, "tunnelId");
    if (id == NULL || !tunnel_selector_is_id(id) ||
        token_output_token(answer, END_SOURCE) == NULL ||
        token_output_token(answer, END_DESTINATION) == NULL)
        return ctl_fail("the hub's answer has no tunnel or no tokens in it");
    int code = token_output_save(c, answer);
    if (code == CTL_OK)
        code = tell(c, answer, id, asked);
    if (code != CTL_OK) {
        if (close_again(c, id) == CTL_OK)
            ctl_fail("the tunnel %s, whose tokens are lost, was closed again", id);
        return code;
    }
    return options_flag(c->options, "run-source") ? run_gateway(c, answer, id) : CTL_OK;
}

static bool rest_is_right(struct ctl *c)
{
    if (options_flag(c->options, "run-source"))
        return true;
    if (c->n_rest > 0)
        options_fail(c->options, "arguments behind \"--\" are for the gateway: --run-source");
    else if (options_flag(c->options, "keep-open"))
        options_fail(c->options, "--keep-open is for --run-source");
    else
        return true;
    return false;
}

static int prepare(struct ctl *c, cJSON **input)
{
    *input = NULL;
    if (!rest_is_right(c))
        return ctl_usage(c);
    int code = token_output_check(c);
    if (code != CTL_OK)
        return code;
    *input = make_input(c->options);
    if (*input != NULL)
        return CTL_OK;
    return options_problem(c->options)[0] != '\0' ? ctl_usage(c) : ctl_no_memory();
}

static int check_open(struct ctl *c)
{
    cJSON *input;
    int code = prepare(c, &input);
    cJSON_Delete(input);
    return code;
}

static int open_tunnel(struct ctl *c)
{
    cJSON *input, *asked, *answer;
    int code = prepare(c, &input);
    if (code != CTL_OK)
        return code;
    asked = cJSON_Duplicate(input, true);
    code = ctl_call(c, "OpenTunnel", input, &answer);
    if (code == CTL_OK)
        code = hand_over(c, answer, &asked);
    cJSON_Delete(asked);
    ctl_json_wipe(answer);
    return code;
}

static const struct option_group *const groups[] = {
    &own, &token_output_options, &ctl_options, &program_check_options, &program_options, NULL};

const struct command command_open = {
    .word = "open",
    .summary = "open a tunnel and print its two access tokens",
    .program = {.name = "tunnelctl open",
                .summary =
                    "Opens a tunnel and prints its two access tokens, which are stored nowhere "
                    "else.",
                .usage = "  tunnelctl open [--thing NAME] [--services ID,ID...] [options]\n"
                         "  tunnelctl open ... --run-source [-- tunnel-gateway's arguments]\n",
                .examples = "  tunnelctl open --thing plant7 --services SSH1,HTTP1 --lifetime 1h\n"
                            "  tunnelctl open --services SSH1 --destination-token-file d.token \\\n"
                            "      --run-source -- --listen 127.0.0.1:1080\n",
                .groups = groups},
    .takes_rest = true,
    .check = check_open,
    .run = open_tunnel,
};
