#include "gateway/ctl/tunneling.h"

#include "gateway/common/api/api_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_PREFIX SIGV4_SERVICE "."
#define PAGE 100 /* the most tunnels in an answer of ListTunnels */
#define PAGES_MAX 100000

/* ---- failures ---- */

static enum outcome no_memory(struct tunneling *s)
{
    snprintf(s->problem, sizeof s->problem, "%s", err_text(ERR_NO_MEMORY));
    return CTL_FAILED;
}

static const struct {
    enum err why;
    const char *text;
} unreachable[] = {
    {ERR_REFUSED, "is the hub running there? --endpoint or TUNNEL_ENDPOINT names another place"},
    {ERR_RESOLVE, "--endpoint or TUNNEL_ENDPOINT says where the hub is"},
    {ERR_TLS_UNTRUSTED, "name the authority that signed it with --ca FILE"},
    {ERR_TLS_NAME, "use a name that the certificate has with --endpoint"},
    {ERR_TLS_EXPIRED, "is this machine's clock right?"},
};

static enum outcome not_reached(struct tunneling *s, enum err why, const char *text)
{
    const char *advice = NULL;
    char name[API_URL_NAME];
    for (size_t i = 0; i < sizeof unreachable / sizeof *unreachable; i++)
        if (unreachable[i].why == why)
            advice = unreachable[i].text;
    snprintf(s->problem, sizeof s->problem, "cannot reach %s: %s%s%s",
             api_url_name(&s->endpoint, name), text, advice != NULL ? "; " : "",
             advice != NULL ? advice : "");
    return CTL_UNREACHABLE;
}

static const struct {
    const char *error, *text;
} advices[] = {
    {"MissingAuthenticationTokenException",
     "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or use --profile; a hub on this machine "
     "takes unsigned calls when it runs with --allow-unsigned-loopback"},
    {"MissingAuthenticationToken", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
    {"UnrecognizedClientException", "check the access key (AWS_ACCESS_KEY_ID or --profile)"},
    {"InvalidSignatureException",
     "check the secret key (AWS_SECRET_ACCESS_KEY or --profile) and this machine's clock"},
    {"IncompleteSignatureException", "check the access key (AWS_ACCESS_KEY_ID or --profile)"},
    {"RequestExpired", "check this machine's clock"},
    {"AccessDeniedException", "ask who runs the hub"},
    {"ResourceNotFoundException", "\"tunnelctl list --all\" shows what there is"},
    {"ThrottlingException", "try again later"},
    {"InternalServerException", "the hub's log says more; try again later"},
    {"UnknownOperationException", "is that a hub's control API?"},
};

static bool is_own(const char *operation)
{
    return strchr(operation, '.') != NULL; /* it names its service */
}

/* The hub's own operations are about devices and invitations, but for CutKey, which finds nothing
 * missing. */
static const char *advice_for(const char *error, const char *operation)
{
    if (is_own(operation) && strcmp(error, "ResourceNotFoundException") == 0)
        return strstr(operation, "Invitation") != NULL
                   ? "\"tunnelctl devices invitations\" shows what there is"
                   : "\"tunnelctl devices\" shows what there is";
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].error, error) == 0)
            return advices[i].text;
    return NULL;
}

/* Whether tunnel-hub reports that it computed the signature with another Host header than was
 * signed here. */
static bool host_was_changed(const struct tunneling *s, const char *message)
{
    char name[API_URL_NAME], ours[API_URL_NAME + 20];
    snprintf(ours, sizeof ours, "Host header \"%s\"", api_url_name(&s->endpoint, name));
    return strstr(message, "Host header \"") != NULL && strstr(message, ours) == NULL;
}

static enum outcome refused(struct tunneling *s, const char *operation, const struct call_answer *a,
                            const cJSON *body)
{
    struct api_failure failure;
    if (!api_failure_read(a->error, body, &failure)) {
        char where[API_URL_NAME];
        snprintf(s->problem, sizeof s->problem,
                 "%s answers HTTP %d (%s), and not as a hub's control API does; --endpoint or "
                 "TUNNEL_ENDPOINT says where the hub is",
                 api_url_name(&s->endpoint, where), a->status, http_reason(a->status));
        return CTL_FAILED;
    }
    memcpy(s->error, failure.error, sizeof s->error);
    const char *advice =
        host_was_changed(s, failure.message)
            ? "a proxy on the way changed the header Host, which is signed: have it pass Host on "
              "as it comes"
            : advice_for(s->error, operation);
    bool no_such_key = strcmp(s->error, "UnrecognizedClientException") == 0;
    snprintf(s->problem, sizeof s->problem, "%s: %s%s%s%s", s->error, failure.message,
             advice != NULL ? "; " : "", advice != NULL ? advice : "",
             no_such_key && api_url_is_loopback(&s->endpoint)
                 ? "; or --unsigned, when the hub runs with --allow-unsigned-loopback"
                 : "");
    return CTL_FAILED;
}

/* ---- one call ---- */

static enum err write_request(struct tunneling *s, const char *operation, const char *body,
                              struct buf *out)
{
    char target[160];
    const struct api_caller who = {.endpoint = &s->endpoint,
                                   .credentials = s->credentials,
                                   .region = s->region,
                                   .agent = "tunnelctl/" TUNNEL_VERSION};
    snprintf(target, sizeof target, "%s%s", is_own(operation) ? "" : TARGET_PREFIX, operation);
    return api_request_write(&who, target, body, s->clock(), out);
}

static enum outcome judge(struct tunneling *s, const char *operation, const struct call_answer *a,
                          cJSON **output)
{
    cJSON *body =
        a->body.size > 0 ? cJSON_ParseWithLength((const char *)a->body.data, a->body.size) : NULL;
    if (a->status == 200 && cJSON_IsObject(body)) {
        *output = body;
        return CTL_OK;
    }
    enum outcome result = refused(s, operation, a, body);
    ctl_json_wipe(body);
    return result;
}

/* Whether a second call has no further effect. Opening, rotating or inviting twice would leave a
 * result that is never shown. */
static bool is_repeatable(const char *operation)
{
    static const char *const once[] = {"OpenTunnel", "RotateTunnelAccessToken",
                                       "TunnelHub.CreateInvitation"};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        if (strcmp(operation, once[i]) == 0)
            return false;
    return true;
}

static enum outcome post(struct tunneling *s, const char *operation,
                         const struct call_request *request, cJSON **output)
{
    struct call_answer answer;
    char text[512] = "";
    enum err why = s->post(s->carrier, request, &answer, text, sizeof text);
    enum outcome result =
        why == ERR_OK ? judge(s, operation, &answer, output) : not_reached(s, why, text);
    buf_wipe(&answer.body);
    return result;
}

enum outcome tunneling_call(struct tunneling *s, const char *operation, cJSON *input,
                            cJSON **output)
{
    struct buf request = {.limit = CALL_REQUEST_MAX};
    char *body = input != NULL ? cJSON_PrintUnformatted(input) : NULL;
    enum outcome result = CTL_FAILED;
    cJSON_Delete(input);
    *output = NULL;
    s->error[0] = '\0';
    if (body == NULL)
        return no_memory(s);
    enum err why = write_request(s, operation, body, &request);
    if (why == ERR_OK)
        result = post(s, operation,
                      &(struct call_request){.bytes = {(const char *)request.data, request.size},
                                             .repeatable = is_repeatable(operation)},
                      output);
    else
        snprintf(s->problem, sizeof s->problem, "the request cannot be written: %s", err_text(why));
    free(body);
    buf_wipe(&request);
    return result;
}

/* ---- calls that commands share ---- */

/* Moves the page's items to the end of `all`. */
static void gather(cJSON *all, const char *member, const cJSON *answer)
{
    cJSON *page = cJSON_GetObjectItemCaseSensitive(answer, member), *item;
    while (cJSON_IsArray(page) && (item = cJSON_DetachItemFromArray(page, 0)) != NULL)
        cJSON_AddItemToArray(all, item);
}

static enum outcome all_pages(struct tunneling *s, const char *operation, const char *member,
                              const cJSON *input, cJSON *all)
{
    cJSON *answer = NULL;
    enum outcome result = CTL_OK;
    const char *token = NULL;
    for (int pages = 0; pages == 0 || (result == CTL_OK && token != NULL); pages++) {
        if (pages == PAGES_MAX) {
            snprintf(s->problem, sizeof s->problem, "the list does not end");
            result = CTL_FAILED;
            break;
        }
        cJSON *page = cJSON_Duplicate(input, true);
        if (token != NULL)
            page = ctl_json_put(page, "nextToken", cJSON_CreateString(token));
        cJSON_Delete(answer); /* it holds the page's token */
        result = tunneling_call(s, operation, page, &answer);
        token = ctl_json_text_at(answer, "nextToken");
        if (token != NULL && token[0] == '\0')
            token = NULL;
        if (result == CTL_OK)
            gather(all, member, answer);
    }
    cJSON_Delete(answer);
    return result;
}

enum outcome tunneling_pages(struct tunneling *s, const char *operation, const char *member,
                             cJSON *input, cJSON **all)
{
    *all = cJSON_CreateArray();
    enum outcome result =
        *all != NULL && input != NULL ? all_pages(s, operation, member, input, *all) : no_memory(s);
    cJSON_Delete(input);
    if (result != CTL_OK) {
        cJSON_Delete(*all);
        *all = NULL;
    }
    return result;
}

enum outcome tunneling_list(struct tunneling *s, const char *thing, cJSON **summaries)
{
    cJSON *input = ctl_json_put(cJSON_CreateObject(), "maxResults", cJSON_CreateNumber(PAGE));
    if (thing != NULL)
        input = ctl_json_put(input, "thingName", cJSON_CreateString(thing));
    return tunneling_pages(s, "ListTunnels", "tunnelSummaries", input, summaries);
}

enum outcome tunneling_describe(struct tunneling *s, const char *id, cJSON **tunnel)
{
    cJSON *answer;
    enum outcome result = tunneling_call(
        s, "DescribeTunnel", ctl_json_put(cJSON_CreateObject(), "tunnelId", cJSON_CreateString(id)),
        &answer);
    *tunnel = answer != NULL ? cJSON_DetachItemFromObjectCaseSensitive(answer, "tunnel") : NULL;
    cJSON_Delete(answer);
    if (result != CTL_OK || *tunnel != NULL)
        return result;
    snprintf(s->problem, sizeof s->problem, "the hub's answer describes no tunnel");
    return CTL_FAILED;
}
