#include "gateway/ctl/ctl.h"

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/nearest.h"
#include "core/base/process.h"
#include "core/tls/tls.h"

#include <string.h>

static const struct command *const commands[] = {
    &command_open, &command_list,  &command_describe, &command_close,   &command_rotate,
    &command_tag,  &command_untag, &command_cut,      &command_devices, NULL,
};

/* ---- setting up ---- */

static int read_endpoint(struct ctl *c)
{
    char problem[200];
    if (api_url_read(options_get(c->options, "endpoint"), &c->api.endpoint, problem,
                     sizeof problem) == ERR_OK)
        return CTL_OK;
    options_reject(c->options, "endpoint", "%s", problem);
    return ctl_usage(c);
}

static int read_profile(struct ctl *c)
{
    char text[600] = "";
    if (options_flag(c->options, "unsigned"))
        return CTL_OK;
    if (aws_profile_read(options_get(c->options, "profile"), process_environment, &c->profile, text,
                         sizeof text) != ERR_OK)
        return ctl_fail("%s", text);
    /* A hub on this machine may accept unsigned calls. */
    bool local = api_url_is_loopback(&c->api.endpoint);
    bool asked = options_get(c->options, "profile") != NULL;
    if (c->profile.credentials.key_id != NULL)
        c->api.credentials = &c->profile.credentials;
    else if (c->profile.elsewhere != NULL && (asked || !local))
        return ctl_fail("%s", c->profile.elsewhere);
    else if (!local)
        return ctl_fail("no access key was found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                        "or use --profile with a profile in ~/.aws/credentials");
    return CTL_OK;
}

static int read_region(struct ctl *c, char memory[API_URL_REGION])
{
    if (api_url_sign_region(&c->api.endpoint, options_get(c->options, "region"), c->profile.region,
                            memory) != ERR_OK) {
        options_fail(c->options, "the region has other characters than lower-case letters, "
                                 "digits and '-', or is too long: --region");
        return ctl_usage(c);
    }
    c->api.region = memory;
    return CTL_OK;
}

static int read_trust(struct ctl *c)
{
    const char *ca = ctl_ca(c);
    bool directory = ca != NULL && file_is_directory(ca);
    struct trust_sources from = {.insecure = ctl_insecure(c),
                                 .file = directory ? NULL : ca,
                                 .directory = directory ? ca : NULL};
    char text[600];
    enum err why;
    if (from.insecure)
        log_warning("The hub's certificate is NOT verified (--no-ssl-host-verify): anyone on the "
                    "way can read and change what passes");
    c->trust = trust_new(&from, &why, text, sizeof text);
    return c->trust != NULL ? CTL_OK : ctl_fail("certificate authorities: %s", text);
}

/* Proxies are not used for this machine, which they could not reach. */
static int read_proxy(struct ctl *c)
{
    const struct api_url *e = &c->api.endpoint;
    const char *url = upstream_from_env(e->host, e->port, process_environment);
    if (url == NULL || api_url_is_loopback(e))
        return CTL_OK;
    enum err why = upstream_parse(url, &c->proxy);
    if (why == ERR_OK)
        return CTL_OK;
    return ctl_fail("the proxy's URL in the environment (https_proxy, all_proxy) %s",
                    upstream_wrong(why));
}

static int connect_service(struct ctl *c)
{
    int code = read_trust(c);
    if (code == CTL_OK)
        code = read_proxy(c);
    if (code != CTL_OK)
        return code;
    const struct caller_options o = {.target = {.host = c->api.endpoint.host,
                                                .port = c->api.endpoint.port,
                                                .proxy = c->proxy.host != NULL ? &c->proxy : NULL,
                                                .trust = c->trust}};
    c->caller = caller_new(c->loop, &o);
    c->api.post = caller_post;
    c->api.carrier = c->caller;
    return c->caller != NULL ? CTL_OK : ctl_no_memory();
}

static int check(struct ctl *c)
{
    int code = c->command->check != NULL ? c->command->check(c) : CTL_OK;
    if (code == CTL_OK)
        program_checked(&c->command->program, c->options);
    return code;
}

static int set_up_and_run(struct ctl *c)
{
    char region[API_URL_REGION];
    int code = read_endpoint(c);
    if (c->api.clock == NULL)
        c->api.clock = clock_wall_ms;
    if (code == CTL_OK)
        code = read_profile(c);
    if (code == CTL_OK)
        code = read_region(c, region);
    if (code == CTL_OK && (c->loop = loop_new()) == NULL)
        code = ctl_no_memory();
    if (code == CTL_OK && c->api.post == NULL)
        code = connect_service(c);
    if (code == CTL_OK)
        code = options_flag(c->options, "check-config") ? check(c) : c->command->run(c);
    return code == CTL_OK ? ctl_flush() : code;
}

static void tear_down(struct ctl *c)
{
    caller_free(c->caller);
    trust_free(c->trust);
    upstream_free(&c->proxy);
    aws_profile_free(&c->profile);
    api_url_free(&c->api.endpoint);
    if (c->loop != NULL)
        loop_leave(c->loop); /* a name look-up may still be running */
    options_free(c->options);
}

/* ---- commands ---- */

/* Cuts argv at "--" for a command that takes what follows. */
static void cut_rest(struct ctl *c, int *argc, char **argv)
{
    for (int i = 1; c->command->takes_rest && i < *argc; i++) {
        if (strcmp(argv[i], "--") != 0)
            continue;
        c->rest = argv + i + 1;
        c->n_rest = (size_t)(*argc - i - 1);
        *argc = i;
    }
}

static int run_command(struct ctl *c, int argc, char **argv)
{
    c->options = program_options_new(&c->command->program);
    if (c->options == NULL)
        return ctl_no_memory();
    cut_rest(c, &argc, argv);
    enum program_next next = program_read(&c->command->program, c->options, argc, argv);
    int code = next == PROGRAM_GO ? set_up_and_run(c) : next == PROGRAM_DONE ? CTL_OK : CTL_FAILED;
    tear_down(c);
    return code;
}

static void usage(FILE *out)
{
    fprintf(out, "The tunnels and devices of a hub.\n\nUsage:\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(out, "  tunnelctl %-8s  %s\n", commands[i]->word, commands[i]->summary);
    fprintf(out, "\nA tunnel is named by its id, the first 6 characters of it or more, its ARN, or "
                 "thing:NAME.\n\"tunnelctl COMMAND --help\" tells more.\n");
}

/* --manual and --completion describe all commands. */
static int describe(int argc, char **argv)
{
    static const struct option_group *const groups[] = {&program_options, NULL};
    const struct program *programs[sizeof commands / sizeof *commands] = {NULL};
    for (size_t i = 0; commands[i] != NULL; i++)
        programs[i] = &commands[i]->program;
    const struct program program = {.name = "tunnelctl",
                                    .summary = "Opens, shows and closes the tunnels of a hub.",
                                    .usage = "  tunnelctl COMMAND [options]\n",
                                    .commands = programs,
                                    .needs_command = true,
                                    .groups = groups};
    struct options *o = program_options_new(&program);
    if (o == NULL)
        return ctl_no_memory();
    int code = program_read(&program, o, argc, argv) == PROGRAM_DONE ? CTL_OK : CTL_FAILED;
    options_free(o);
    return code;
}

static const struct command *find_command(const char *word)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(word, commands[i]->word) == 0)
            return commands[i];
    return NULL;
}

/* The command that follows options, for the advice to put it first. */
static const char *first_command(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (find_command(argv[i]) != NULL)
            return argv[i];
    return "COMMAND";
}

static const char *meant(const char *word, char *text, size_t size)
{
    struct nearest near = nearest_to(span_of(word));
    for (size_t i = 0; commands[i] != NULL; i++)
        nearest_try(&near, commands[i]->word);
    return nearest_advice(&near, "", text, size);
}

int ctl_main(struct ctl *c, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    char safe[80], advice[80];
    c->command = find_command(name);
    if (c->command != NULL)
        return run_command(c, argc - 1, argv + 1);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        usage(stdout);
        return ctl_flush();
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("tunnelctl %s\n", TUNNEL_VERSION);
        return ctl_flush();
    }
    if (strcmp(name, "--manual") == 0 || strncmp(name, "--completion", 12) == 0)
        return describe(argc, argv);
    if (name[0] == '-')
        ctl_fail("options go behind the command: tunnelctl %s ...", first_command(argc, argv));
    else if (name[0] != '\0')
        ctl_fail("there is no command \"%s\"%s", str_escape(span_of(name), safe, sizeof safe),
                 meant(name, advice, sizeof advice));
    usage(stderr);
    return CTL_FAILED;
}
