#include "gateway/common/api/api_message.h"

#include "core/base/text.h"
#include "core/http/request.h"

#include <stdio.h>
#include <string.h>

#define TYPE "application/x-amz-json-1.1"
#define SIGNATURE_LIMIT 16384 /* a session token has 1 to 2 KB */

/* ---- requests ---- */

static enum err sign(const struct api_caller *who, const char *host, const char *target,
                     const char *body, int64_t now, char *out, size_t size)
{
    const struct sigv4_request r = {.host = host,
                                    .path = who->endpoint->path,
                                    .content_type = TYPE,
                                    .target = target,
                                    .region = who->region,
                                    .body = span_of(body),
                                    .now = now};
    out[0] = '\0';
    return who->credentials != NULL ? sigv4_sign(&r, who->credentials, out, size) : ERR_OK;
}

enum err api_request_write(const struct api_caller *who, const char *target, const char *body,
                           int64_t now, struct buf *out)
{
    char host[API_URL_NAME], signature[SIGNATURE_LIMIT];
    api_url_name(who->endpoint, host);
    enum err why = sign(who, host, target, body, now, signature, sizeof signature);
    const struct http_field fields[] = {
        {"User-Agent", who->agent}, {"Content-Type", TYPE}, {"X-Amz-Target", target}, {NULL, NULL}};
    const struct http_request request = {.method = "POST",
                                         .target = who->endpoint->path,
                                         .host = host,
                                         .fields = fields,
                                         .lines = signature,
                                         .body = span_of(body)};
    if (why == ERR_OK && !http_request_write(&request, out))
        why = ERR_TOO_LARGE;
    explicit_bzero(signature, sizeof signature); /* it may hold a session token */
    return why;
}

/* ---- refusals ---- */

/* "com.amazonaws.iot#Name" in a body, "Name:http://…" in the header: keeps the name alone. */
static void keep_name(const char *text, struct api_failure *out)
{
    struct span rest = span_of(text), name;
    const char *hash = strrchr(text, '#');
    if (hash != NULL)
        rest = span_of(hash + 1);
    name = span_cut(&rest, ':');
    str_escape(name, out->error, sizeof out->error);
}

/* Copies the service's message as one line without a full stop. */
static void clean(const char *text, char *out, size_t size)
{
    char line[900];
    snprintf(line, sizeof line, "%s", text);
    for (char *p = line; (p = strpbrk(p, "\r\n\t")) != NULL;)
        *p = ' ';
    struct span said = span_of(line);
    while (said.n > 0 && strchr(". ", said.p[said.n - 1]) != NULL)
        said.n--;
    text_copy(said, TEXT_UTF8, out, size);
}

static const char *text_of(const cJSON *body, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, key));
}

bool api_failure_read(const char *header, const cJSON *body, struct api_failure *out)
{
    const char *name = text_of(body, "__type"), *said = text_of(body, "message");
    *out = (struct api_failure){.error = ""};
    if (said == NULL)
        said = text_of(body, "Message");
    keep_name(name != NULL ? name : header, out);
    if (out->error[0] == '\0')
        return false;
    clean(said != NULL ? said : "no reason was given", out->message, sizeof out->message);
    return true;
}

/* ---- secrets ---- */

static void wipe_texts(cJSON *j)
{
    for (cJSON *item = j; item != NULL; item = item->next) {
        if (cJSON_IsString(item) && item->valuestring != NULL)
            explicit_bzero(item->valuestring, strlen(item->valuestring));
        wipe_texts(item->child);
    }
}

void api_json_wipe(cJSON *j)
{
    wipe_texts(j);
    cJSON_Delete(j);
}
