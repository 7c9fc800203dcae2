/* localproxy, a drop-in replacement for the reference local proxy in either role. */
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/config/hub_config.h"
#include "core/config/program.h"
#include "core/net/loop.h"
#include "core/settings/settings.h"
#include "gateway/common/hub_check.h"
#include "gateway/localproxy/config.h"
#include "gateway/localproxy/run.h"

#define OPERANDS_MAX 64

static const struct option_group *const groups[] = {&hub_options,      &localproxy_options,
                                                    &settings_options, &program_check_options,
                                                    &program_options,  NULL};

static const struct program program = {
    .name = "localproxy",
    .max_operands = OPERANDS_MAX,
    .groups = groups,
    .summary = "One end of a secure tunnel, with the command line of the AWS local proxy.",
    .usage = "  localproxy -r REGION -t TOKEN -s 5555               (source)\n"
             "  localproxy -e HUB[:PORT] -t TOKEN -d SSH1=22,WEB=80 (destination)\n",
    .banner = "Running AWS IoT Secure Tunneling Local Proxy version: " TUNNEL_VERSION,
    .examples = "  AWSIOT_TUNNEL_ACCESS_TOKEN=... localproxy -r eu-central-1 -s SSH1=5555\n"
                "  AWSIOT_TUNNEL_ACCESS_TOKEN=... localproxy -r eu-central-1 -d SSH1=22 -v 5\n",
};

/* Where this differs from the reference program on purpose:
 *   exit code         The reference exits with 0 after every answer of the hub that is neither 101
 *                     nor 5xx, wrong tokens included, and when connect_retry_count is used up. A
 *                     script cannot tell these from a tunnel that was closed in good order, so the
 *                     exit code is 1 here.
 *   SIGTERM           kills the reference (143); here it ends the program in good order, with 0.
 *   connect_retry_count, reconnect_on_data_error, verbose in a --config file
 *                     have the effect that their names promise.
 *   -s                takes ADDRESS:PORT, port 0 (a free one) and unix paths, too; -d takes
 *                     [IPv6]:PORT.
 *   -b                is, beside the host of a bare -d PORT, the local address of connections to
 *                     services, as the reference's documents say.
 *   --config-dir      works with any number of services.
 *   web proxy         http_proxy, HTTP_PROXY, ALL_PROXY and NO_PROXY count; a missing scheme means
 *                     http://; Digest and SOCKS5 are spoken, too.
 *   answers           Redirects, 404, 408, 429 and the like may come from a server in front of the
 *                     hub, and are tried again.
 *   max_active_connections
 *                     The reference's source dies at the 129th connection, and its destination
 *                     ignores the limit; here the next ones wait in the source's listen queue.
 *   retries           back off exponentially, with jitter, instead of every 2.5 s. */

/* Warns of operands, which the reference program ignores. */
static void warn_of_operands(const struct options *o)
{
    char *const *operands, text[80];
    size_t n = options_operands(o, &operands);
    for (size_t i = 0; i < n; i++)
        log_warning("\"%s\" belongs to no option, and is left out",
                    str_escape(span_of(operands[i]), text, sizeof text));
}

static int run(struct options *o)
{
    struct hub_config hub = {.port = 0};
    struct localproxy_config config = {.source = false};
    const char *settings = options_get(o, "settings-json");
    warn_of_operands(o);
    enum err why = settings != NULL ? settings_load(o, settings) : ERR_OK;
    if (why == ERR_OK)
        why = hub_config_read(o, &(struct hub_rules){.reference = true}, &hub);
    if (why == ERR_OK)
        why = localproxy_config_read(o, &config);
    int code = why != ERR_OK                     ? program_fail(&program, o)
               : options_flag(o, "check-config") ? check_program(&program, o, &hub)
                                                 : localproxy_run(&hub, &config);
    localproxy_config_free(&config);
    hub_config_free(&hub);
    return code;
}

static int export(struct options *o)
{
    return settings_export(o, options_get(o, "export-default-settings")) == ERR_OK
               ? 0
               : program_fail(&program, o);
}

static int go(struct options *o)
{
    return options_get(o, "export-default-settings") != NULL ? export(o) : run(o);
}

int main(int argc, char **argv)
{
    process_begin();
    loop_exit(program_main(&program, argc, argv, go));
}
