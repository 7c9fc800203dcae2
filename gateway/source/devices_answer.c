#include "gateway/source/devices_answer.h"

#include "core/base/text.h"
#include "core/device/device_link.h"
#include "gateway/source/device_status.h"

#include <stdio.h>
#include <string.h>

/* ---- refusals ---- */

/* format: has the device's name, then the hub's words; both may be left out by "%.0s". */
static const struct row {
    const char *error;
    enum err why;
    const char *format;
    bool of_service, of_key;
} rows[] = {
    {"ResourceNotFoundException", ERR_DEVICE_UNKNOWN,
     "the hub has no device %.64s that this access key may reach%.0s; \"tunnel-gateway devices\" "
     "lists those there are",
     false, false},
    {"DeviceRejectedException", ERR_DEVICE_REJECTED, "device %.64s refuses: %s", false, false},
    {"DeviceSilentException", ERR_DEVICE_SILENT,
     "device %.64s is there, but did not answer in time%.0s; try again, or look at its agent's log",
     false, false},
    {"DeviceNotEnabledException", ERR_DEVICE_REJECTED,
     "device %.64s is not enabled (%.60s); who runs the hub can let it in: tunnelctl devices "
     "approve, or enable",
     false, false},
    {"ServiceNotServedException", ERR_NO_SERVICE, "device %.64s: %s", true, false},
    {"AccessDeniedException", ERR_ACCESS_DENIED,
     "this access key may not reach that of device %.64s: %.60s; ask who runs the hub", true,
     false},
    {"LimitExceededException", ERR_LIMIT, "device %.64s: %s", false, false},
    {"ThrottlingException", ERR_LIMIT, "device %.64s: %s", false, false},
    {"UnknownOperationException", ERR_REJECTED,
     "no tunnel to device %.64s: this hub knows no devices%.0s", false, false},
    {"UnrecognizedClientException", ERR_ACCESS_DENIED,
     "no tunnel to device %.40s: the hub does not know this gateway's access key%.0s", false, true},
    {"InvalidSignatureException", ERR_ACCESS_DENIED,
     "no tunnel to device %.40s: the secret key or this machine's clock is wrong%.0s", false, true},
    {"RequestExpired", ERR_ACCESS_DENIED,
     "no tunnel to device %.40s: this machine's clock is wrong%.0s", false, true},
    {"MissingAuthenticationTokenException", ERR_ACCESS_DENIED,
     "no tunnel to device %.40s: the gateway has no access key%.0s", false, true},
};

static void read_away(const struct api_answer *a, const char *device, int64_t now,
                      struct devices_answer *out)
{
    const cJSON *seen = cJSON_GetObjectItemCaseSensitive(a->output, "lastSeenAt");
    double at = cJSON_IsNumber(seen) ? 1000 * seen->valuedouble : 0;
    char when[60] = "";
    if (at > 0 && at <= (double)now)
        device_status_seen((uint64_t)((double)now - at), when, sizeof when);
    out->why = ERR_DEVICE_OFFLINE;
    snprintf(out->text, sizeof out->text, "device %.64s is away%s; is tunnel-agent running there?",
             device, when);
}

/* A hub's words without "Device NAME " in front, which every sentence here says itself. */
static const char *without_name(const char *words, const char *fold)
{
    static const char device[] = "Device ";
    char its_fold[DEVICE_NAME_MAX + 1];
    if (strncmp(words, device, strlen(device)) != 0)
        return words;
    struct span name = {words + strlen(device), strcspn(words + strlen(device), " ")};
    bool same =
        name.p[name.n] == ' ' && device_name_fold(name, its_fold) && strcmp(its_fold, fold) == 0;
    return same ? name.p + name.n + 1 : words;
}

static void read_failure(const struct api_answer *a, const char *device, int64_t now,
                         struct devices_answer *out)
{
    char words[120], name[50];
    const struct api_failure *f = &a->failure;
    text_copy(span_of(f->message), TEXT_ASCII, words, sizeof words);
    if (strcmp(f->error, "DeviceAwayException") == 0) {
        read_away(a, device, now, out);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(f->error, rows[i].error) != 0)
            continue;
        out->why = rows[i].why;
        out->of_service = rows[i].of_service;
        out->of_key = rows[i].of_key;
        snprintf(out->text, sizeof out->text, rows[i].format, device, without_name(words, device));
        return;
    }
    out->why = ERR_REJECTED;
    text_copy(span_of(f->error), TEXT_ASCII, name, sizeof name);
    snprintf(out->text, sizeof out->text, "no tunnel to device %.40s: %s: %.70s", device, name,
             words);
}

static void not_reached(const struct api_answer *a, struct devices_answer *out)
{
    char words[150];
    text_copy(span_of(a->text), TEXT_ASCII, words, sizeof words);
    out->why = a->why == ERR_TIMEOUT                               ? ERR_TIMEOUT
               : a->why == ERR_PROTOCOL || a->why == ERR_TOO_LARGE ? ERR_REJECTED
                                                                   : ERR_HUB_DOWN;
    out->unreached = out->why == ERR_HUB_DOWN;
    snprintf(out->text, sizeof out->text, "no answer from the hub: %s", words);
}

/* ---- a tunnel ---- */

static const char *text_of(const cJSON *output, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(output, key));
    return text != NULL ? text : "";
}

static void read_tunnel(const cJSON *output, const char *fold, struct devices_answer *out)
{
    const char *device = text_of(output, "device"), *id = text_of(output, "tunnelId");
    char its_fold[DEVICE_NAME_MAX + 1];
    bool same = device_name_fold(span_of(device), its_fold) && strcmp(its_fold, fold) == 0;
    out->token = text_of(output, "sourceAccessToken");
    if (same && device_link_token_is(span_of(out->token)) && device_name_valid(span_of(id)) &&
        strlen(id) <= DEVICES_TUNNEL_ID) {
        snprintf(out->device, sizeof out->device, "%s", device);
        snprintf(out->tunnel_id, sizeof out->tunnel_id, "%s", id);
        return;
    }
    out->why = ERR_REJECTED;
    snprintf(out->text, sizeof out->text, "no tunnel to device %.64s: the hub's answer %s", fold,
             same ? "is no tunnel" : "is about another device");
}

void devices_answer_read(const struct api_answer *a, const char *fold, int64_t now,
                         struct devices_answer *out)
{
    *out = (struct devices_answer){.why = ERR_OK};
    if (a->why == ERR_OK)
        read_tunnel(a->output, fold, out);
    else if (a->why == ERR_REJECTED)
        read_failure(a, fold, now, out);
    else
        not_reached(a, out);
}
