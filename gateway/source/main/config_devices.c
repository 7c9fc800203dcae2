#include "gateway/source/main/config_devices.h"

#include "core/base/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MIN_MS 100
#define TIMEOUT_MIN_MS 1000
#define TIMEOUT_MAX_MS 60000

static const struct option table[] = {
    {.name = "profile",
     .argument = "NAME",
     .help = "The access key of this profile in ~/.aws/credentials, by which the hub is asked for "
             "tunnels to devices (SERVICE.DEVICE.tunnel). Without it: AWS_ACCESS_KEY_ID and "
             "AWS_SECRET_ACCESS_KEY, or the profile AWS_PROFILE or \"default\".",
     .flags = OPTION_EXACT},
    {.name = "devices",
     .argument = "on|off|auto",
     .fallback = "auto",
     .help = "Whether names of devices have the hub asked for a tunnel; auto: when there is an "
             "access key, and no token or --profile.",
     .flags = OPTION_EXACT},
    {.name = "device-idle",
     .argument = "TIME",
     .fallback = "10m",
     .help = "A device's tunnel is closed so long after its last connection.",
     .flags = OPTION_EXACT},
    {.name = "device-timeout",
     .argument = "TIME",
     .fallback = "30s",
     .help = "How long a device may take to accept: 1s to 60s.",
     .flags = OPTION_EXACT},
};
const struct option_group config_devices_group = OPTION_GROUP("Devices", table);

enum wish { AUTO, ON, OFF };

static enum err read_wish(struct options *o, enum wish *out)
{
    static const char *const words[] = {[AUTO] = "auto", [ON] = "on", [OFF] = "off"};
    const char *text = options_get(o, "devices");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = (enum wish)i;
            return ERR_OK;
        }
    return options_reject(o, "devices", "is not on, off or auto");
}

/* Whether a key is there. An error about one that nobody asked for is none. */
static enum err find_key(struct options *o, bool wanted, struct config_devices *out)
{
    char text[600] = "";
    struct aws_profile profile;
    enum err why = aws_profile_read(out->profile, process_environment, &profile, text, sizeof text);
    out->has_key = why == ERR_OK && profile.credentials.key_id != NULL;
    if (why == ERR_OK && profile.elsewhere != NULL)
        snprintf(text, sizeof text, "%s", profile.elsewhere);
    aws_profile_free(&profile);
    if (out->has_key || !wanted)
        return ERR_OK;
    return options_fail(o, "%s",
                        text[0] != '\0' ? text
                                        : "devices need an access key: set AWS_ACCESS_KEY_ID and "
                                          "AWS_SECRET_ACCESS_KEY, or use --profile");
}

static enum err read_hub(struct options *o, struct config_devices *out)
{
    enum err why = hub_config_read(o, &(struct hub_rules){.tokenless = true}, &out->hub);
    if (why != ERR_OK)
        return why;
    out->endpoint =
        (struct api_url){.host = strdup(out->hub.host), .port = out->hub.port, .path = strdup("/")};
    if (out->endpoint.host == NULL || out->endpoint.path == NULL)
        return options_fail(o, "out of memory");
    out->tunnel.end = (struct tunnel_end_options){.role = SESSION_SOURCE,
                                                  .user_agent = "tunnel-gateway/" TUNNEL_VERSION,
                                                  .version = 3,
                                                  .native = out->hub.native,
                                                  .hub = &out->hub};
    return ERR_OK;
}

static enum err read_times(struct options *o, struct config_devices *out)
{
    enum err why = options_duration(o, "device-idle", &out->idle_ms);
    if (why == ERR_OK)
        why = options_duration(o, "device-timeout", &out->timeout_ms);
    if (why == ERR_OK && (out->timeout_ms < TIMEOUT_MIN_MS || out->timeout_ms > TIMEOUT_MAX_MS))
        why = options_reject(o, "device-timeout", "is not from 1s to 60s");
    if (why == ERR_OK && out->idle_ms < IDLE_MIN_MS)
        why = options_reject(o, "device-idle", "is too short: 100ms at least");
    return why;
}

enum err config_devices_read(struct options *o, bool tokens, struct config_devices *out)
{
    enum wish wish = AUTO;
    const char *profile = options_get(o, "profile");
    bool hub = options_get(o, "proxy-endpoint") != NULL;
    enum err why = read_wish(o, &wish);
    if (why == ERR_OK)
        why = read_times(o, out);
    if (why != ERR_OK || wish == OFF)
        return why;
    bool asked = wish == ON || profile != NULL;
    if (asked && !hub)
        return options_fail(o, "devices need a hub: --proxy-endpoint HOST[:PORT]");
    if (!hub || (tokens && !asked))
        return ERR_OK;
    out->profile = profile != NULL ? strdup(profile) : NULL;
    if (profile != NULL && out->profile == NULL)
        return options_fail(o, "out of memory");
    why = find_key(o, asked, out);
    if (why == ERR_OK && out->has_key)
        why = read_hub(o, out);
    out->on = why == ERR_OK && out->has_key && (asked || out->hub.native);
    return why;
}

void config_devices_free(struct config_devices *c)
{
    api_url_free(&c->endpoint);
    hub_config_free(&c->hub);
    free(c->profile);
}

enum err config_devices_key(const struct config_devices *c, struct aws_profile *out,
                            char region[API_URL_REGION], char *text, size_t size)
{
    enum err why = aws_profile_read(c->profile, process_environment, out, text, size);
    if (why == ERR_OK && out->credentials.key_id == NULL) {
        snprintf(text, size, "%s",
                 out->elsewhere != NULL ? out->elsewhere : "there is no access key any more");
        why = ERR_NOT_FOUND;
    }
    if (why == ERR_OK && api_url_sign_region(&c->endpoint, NULL, out->region, region) != ERR_OK) {
        snprintf(text, size, "the profile's region is none: lower-case letters, digits and '-'");
        why = ERR_USAGE;
    }
    return why;
}
