/* What all commands share: options, output and errors. */
#include "gateway/ctl/ctl.h"

#include "core/base/text.h"

#include <stdarg.h>

#define DEFAULT_ENDPOINT "https://127.0.0.1:8443"

static const struct option table[] = {
    {.name = "endpoint",
     .argument = "URL",
     .env = "TUNNEL_ENDPOINT",
     .fallback = DEFAULT_ENDPOINT,
     .help = "The hub's control API: https://HOST[:PORT] or HOST[:PORT], port 443 if none is "
             "given."},
    {.name = "ca",
     .argument = "FILE",
     .env = "AWS_CA_BUNDLE",
     .help = "Only these certificate authorities (PEM) may sign its certificate, not the "
             "system's."},
    {.name = "no-ssl-host-verify",
     .letter = 'k',
     .help = "Do not verify its certificate at all. Anyone on the way can then read the tokens."},
    {.name = "profile",
     .argument = "NAME",
     .help = "The access key of this profile in ~/.aws/credentials. Without it: AWS_ACCESS_KEY_ID "
             "and AWS_SECRET_ACCESS_KEY, or the profile AWS_PROFILE or \"default\"."},
    {.name = "region", .argument = "REGION", .help = "The region to sign for; hubs take any."},
    {.name = "unsigned",
     .help = "Do not sign (for a hub on this machine with --allow-unsigned-loopback)."},
    {.name = "json", .help = "Print the service's JSON."},
};
const struct option_group ctl_options = OPTION_GROUP("Control API", table);

int ctl_fail(const char *format, ...)
{
    struct buf text = {.limit = 16384};
    va_list args;
    va_start(args, format);
    if (buf_vprintf(&text, format, args))
        text_line(stderr, "tunnelctl: %.*s", (int)text.size, (const char *)text.data);
    va_end(args);
    buf_free(&text);
    return CTL_FAILED;
}

int ctl_no_memory(void)
{
    return ctl_fail("%s", err_text(ERR_NO_MEMORY));
}

int ctl_usage(struct ctl *c)
{
    return program_fail(&c->command->program, c->options);
}

int ctl_outcome(struct ctl *c, enum outcome outcome)
{
    if (outcome != CTL_OK)
        ctl_fail("%s", c->api.problem);
    return (int)outcome;
}

int ctl_call(struct ctl *c, const char *operation, cJSON *input, cJSON **output)
{
    return ctl_outcome(c, tunneling_call(&c->api, operation, input, output));
}

bool ctl_wants_json(const struct ctl *c)
{
    return options_flag(c->options, "json");
}

int ctl_print_json(const cJSON *j)
{
    return j != NULL && ctl_json_print(j) ? CTL_OK : ctl_fail("the answer could not be printed");
}

int ctl_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? CTL_OK
                                                  : ctl_fail("the output could not be written");
}

const char *ctl_ca(const struct ctl *c)
{
    const char *given = options_get(c->options, "ca");
    return given != NULL ? given : c->profile.ca_bundle;
}

bool ctl_insecure(const struct ctl *c)
{
    return options_flag(c->options, "no-ssl-host-verify");
}
