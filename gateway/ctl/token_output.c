#include "gateway/ctl/token_output.h"

#include "core/base/text.h"
#include "core/config/hub_config.h"
#include "gateway/ctl/print.h"
#include "gateway/ctl/token_file.h"

#include <stdlib.h>
#include <string.h>

static const struct option table[] = {
    {.name = "source-token-file",
     .argument = "FILE",
     .help = "Write the source's access token there (mode 0600) and do not print it."},
    {.name = "destination-token-file",
     .argument = "FILE",
     .help = "The same for the destination's."},
    {.name = "data-endpoint",
     .argument = "HOST[:PORT]",
     .help = "Where the ends of the tunnel connect, when that is not where the control API is."},
};
const struct option_group token_output_options = OPTION_GROUP("Access tokens", table);

static const struct {
    const char *key, *file_option;
} ends[END_COUNT] = {
    [END_SOURCE] = {"sourceAccessToken", "source-token-file"},
    [END_DESTINATION] = {"destinationAccessToken", "destination-token-file"},
};

const char *token_output_token(const cJSON *answer, enum tunnel_end end)
{
    const char *token = ctl_json_text_at(answer, ends[end].key);
    size_t n = 0;
    while (token != NULL && token[n] > ' ' && token[n] <= '~')
        n++;
    return token != NULL && n > 0 && token[n] == '\0' ? token : NULL;
}

static const char *file_of(const struct ctl *c, enum tunnel_end end)
{
    return options_get(c->options, ends[end].file_option);
}

/* ---- checks ---- */

static bool data_endpoint_right(struct ctl *c)
{
    const char *text = options_get(c->options, "data-endpoint");
    char *host = NULL, problem[200];
    int port = 0;
    if (text == NULL)
        return true;
    enum err why = endpoint_parse(text, &host, &port, problem, sizeof problem);
    free(host);
    if (why != ERR_OK)
        options_reject(c->options, "data-endpoint", "%s", problem);
    return why == ERR_OK;
}

int token_output_check(struct ctl *c)
{
    const char *source = file_of(c, END_SOURCE), *destination = file_of(c, END_DESTINATION);
    char text[600];
    if (!data_endpoint_right(c))
        return ctl_usage(c);
    if (source != NULL && destination != NULL && strcmp(source, destination) == 0) {
        options_fail(c->options, "both tokens cannot go to one file");
        return ctl_usage(c);
    }
    for (enum tunnel_end end = 0; end < END_COUNT; end++)
        if (file_of(c, end) != NULL &&
            token_file_check(file_of(c, end), text, sizeof text) != ERR_OK)
            return ctl_fail("--%s: %s", ends[end].file_option, text);
    return CTL_OK;
}

const char *token_output_endpoint(const struct ctl *c, char out[API_URL_NAME])
{
    const char *given = options_get(c->options, "data-endpoint");
    return given != NULL ? given : api_url_data_host(&c->api.endpoint, out);
}

int token_output_save(struct ctl *c, const cJSON *answer)
{
    char text[600];
    for (enum tunnel_end end = 0; end < END_COUNT; end++) {
        const char *path = file_of(c, end), *token = token_output_token(answer, end);
        if (path != NULL && token != NULL &&
            token_file_write(path, token, text, sizeof text) != ERR_OK)
            return ctl_fail("%s", text);
    }
    return CTL_OK;
}

/* ---- the screen ---- */

/* Prints a word as a shell reads it. */
static void print_word(const char *word)
{
    if (word[0] != '\0' && word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789-_=+./:,@[]")] == '\0') {
        fputs(word, stdout);
        return;
    }
    putchar('\'');
    for (; *word != '\0'; word++)
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*word);
    putchar('\'');
}

static void print_option(const char *name, const char *value)
{
    printf(" %s ", name);
    print_word(value);
}

/* Prints " -d SSH1=PORT,HTTP1=PORT". People paste the line into a shell, and the hub chooses the
 * service ids in it. */
static void print_map(const cJSON *tunnel)
{
    const cJSON *services = ctl_json_at(tunnel, "destinationConfig.services"), *item;
    struct buf map = {.limit = 65536};
    bool good = true;
    cJSON_ArrayForEach(item, services)
    {
        char id[160];
        print_safe(cJSON_GetStringValue(item), 0, id, sizeof id);
        good = good && buf_printf(&map, "%s%s=PORT", map.size > 0 ? "," : "", id);
    }
    good = good && buf_append(&map, "", 1);
    print_option("-d", good && map.size > 1 ? (const char *)map.data : "PORT");
    buf_free(&map);
}

static void print_command(struct ctl *c, const struct token_output *h, enum tunnel_end end)
{
    const char *path = file_of(c, end);
    char memory[API_URL_NAME];
    if (path == NULL) {
        fputs("  AWSIOT_TUNNEL_ACCESS_TOKEN=", stdout);
        print_word(token_output_token(h->answer, end));
        fputs(" \\\n", stdout);
    }
    fputs(end == END_SOURCE ? "  tunnel-gateway" : "  tunnel-agent", stdout);
    print_option("-e", token_output_endpoint(c, memory));
    if (ctl_insecure(c))
        fputs(" -k", stdout);
    else if (ctl_ca(c) != NULL)
        print_option("--ca", ctl_ca(c));
    if (path != NULL)
        print_option("--token-file", path);
    if (end == END_DESTINATION)
        print_map(h->tunnel);
    putchar('\n');
}

static void print_device(struct ctl *c, const struct token_output *h)
{
    bool here =
        options_get(c->options, "data-endpoint") == NULL && api_url_is_loopback(&c->api.endpoint);
    if (here)
        printf("\nOn the device (another machine needs the hub's name for %s):\n",
               c->api.endpoint.host);
    else
        printf("\nOn the device:\n");
    print_command(c, h, END_DESTINATION);
}

static void print_head(const struct token_output *h)
{
    char text[9000], time[32];
    const char *arn = ctl_json_text_at(h->answer, "tunnelArn");
    const char *thing = ctl_json_text_at(h->tunnel, "destinationConfig.thingName");
    text_line(stdout, "%s", h->title);
    if (arn != NULL)
        printf("  ARN       %s\n", print_safe(arn, 0, text, sizeof text));
    if (thing != NULL)
        printf("  thing     %s\n", print_safe(thing, 0, text, sizeof text));
    printf("  services  %s\n",
           print_list(ctl_json_at(h->tunnel, "destinationConfig.services"), text, sizeof text));
    if (print_expiry(h->tunnel) > 0) /* unknown when the key may not describe tunnels */
        printf("  until     %s\n", print_time(print_expiry(h->tunnel), time));
}

static int tell_text(struct ctl *c, const struct token_output *h)
{
    print_head(h);
    if (token_output_token(h->answer, END_DESTINATION) != NULL)
        print_device(c, h);
    if (token_output_token(h->answer, END_SOURCE) != NULL && !h->runs_source) {
        printf("\nHere:\n");
        print_command(c, h, END_SOURCE);
    }
    return ctl_flush();
}

/* ---- JSON ---- */

static int tell_json(struct ctl *c, const struct token_output *h)
{
    cJSON *shown = cJSON_Duplicate(h->answer, true);
    for (enum tunnel_end end = 0; shown != NULL && end < END_COUNT; end++)
        if (file_of(c, end) != NULL || (end == END_SOURCE && h->runs_source))
            ctl_json_wipe(cJSON_DetachItemFromObjectCaseSensitive(shown, ends[end].key));
    int code = ctl_print_json(shown);
    ctl_json_wipe(shown);
    return code;
}

int token_output_print(struct ctl *c, const struct token_output *h)
{
    return ctl_wants_json(c) ? tell_json(c, h) : tell_text(c, h);
}
