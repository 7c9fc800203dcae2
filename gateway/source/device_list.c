#include "gateway/source/device_list.h"

#include "core/base/service_id.h"
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIST "TunnelHub.ListDevices"
#define PAGE 100        /* devices in an answer */
#define PAGES_MAX 200   /* a list that goes on beyond that does not end */
#define SERVICES_MAX 64 /* of a device; it tells the hub no more */
#define LATEST_S 1e11   /* no clock says more */

struct device_list {
    struct device_list_options o;
    struct devices_api api;
    struct api_call *call;
    unsigned pages;
    struct buf rows;
};

/* ---- rows ---- */

static const char *text_of(const cJSON *j, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, key));
}

static const char *state_of(const cJSON *device)
{
    const char *state = text_of(device, "state");
    if (state != NULL && strcmp(state, "PENDING") == 0)
        return "pending";
    if (state != NULL && strcmp(state, "DISABLED") == 0)
        return "disabled";
    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(device, "present")))
        return "away";
    return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(device, "accepting")) ? "refuses"
                                                                                : "present";
}

/* Since when it is there, or when it was seen last. */
static void write_since(const cJSON *device, char *out, size_t size)
{
    bool present = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(device, "present"));
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(device, present ? "since" : "lastSeenAt");
    struct tm parts;
    snprintf(out, size, "-");
    if (!cJSON_IsNumber(at) || !(at->valuedouble > 0) || at->valuedouble > LATEST_S)
        return;
    time_t then = (time_t)at->valuedouble;
    if (localtime_r(&then, &parts) != NULL)
        strftime(out, size, "%Y-%m-%d %H:%M", &parts);
}

static size_t read_services(const cJSON *device, const char *ids[SERVICES_MAX])
{
    const cJSON *service;
    size_t n = 0;
    cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(device, "services"))
    {
        const char *id = cJSON_GetStringValue(service);
        if (n < SERVICES_MAX && id != NULL && service_id_is(span_of(id)))
            ids[n++] = id;
    }
    return n;
}

/* Whether the name leads there: a label may be an alias, or mean two services. */
static bool leads_to(const struct names *names, const struct names_tunnel *device, const char *host,
                     const char *id)
{
    struct names_answer answer;
    const struct names_question q = {.host = span_of(host), .tunnels = device, .n_tunnels = 1};
    return names_resolve(names, &q, &answer) == ERR_OK && strcmp(answer.service, id) == 0 &&
           answer.target.host[0] == '\0';
}

static bool write_hosts(const cJSON *device, const char *fold, const struct names *names,
                        struct buf *out)
{
    const char *ids[SERVICES_MAX];
    const struct names_tunnel t = {.name = fold,
                                   .known = true,
                                   .services = ids,
                                   .n_services = read_services(device, ids),
                                   .on_demand = true};
    bool good = true, first = true;
    for (size_t i = 0; i < t.n_services; i++) {
        char label[DEVICE_NAME_MAX + 1], host[2 * NAMES_HOST];
        /* Services have the same alphabet as devices, and are folded in the same way. */
        if (!device_name_fold(span_of(ids[i]), label))
            continue;
        snprintf(host, sizeof host, "%s.%s.%s", label, fold, names_suffix(names));
        if (!leads_to(names, &t, host, ids[i]))
            continue;
        good = good && buf_printf(out, "%s%s", first ? "" : " ", host);
        first = false;
    }
    return good && (!first || buf_append(out, "-", 1));
}

/* Appends the line of one device, as ListDevices describes it. False: no memory. Nothing is
 * appended for one whose name is none. */
static bool put_device(const cJSON *device, const struct names *names, struct buf *out)
{
    const char *name = text_of(device, "device");
    char fold[DEVICE_NAME_MAX + 1], since[40];
    if (name == NULL || !device_name_fold(span_of(name), fold))
        return true;
    write_since(device, since, sizeof since);
    return buf_printf(out, "%s\t%s\t%s\t", name, state_of(device), since) &&
           write_hosts(device, fold, names, out) && buf_append(out, "\n", 1);
}

/* ---- pages ---- */

static void finish(struct device_list *l, const char *problem)
{
    const struct device_list_options o = l->o;
    struct buf rows = l->rows;
    free(l);
    o.done(o.owner, problem,
           (struct span){rows.data != NULL ? (const char *)rows.data : "", rows.size});
    buf_free(&rows);
}

static void fail(struct device_list *l, const struct api_answer *a)
{
    char name[70], words[200], text[300];
    text_copy(span_of(a->failure.error), TEXT_ASCII, name, sizeof name);
    text_copy(span_of(a->why == ERR_REJECTED ? a->failure.message : a->text), TEXT_ASCII, words,
              sizeof words);
    if (a->why == ERR_REJECTED)
        snprintf(text, sizeof text, "%s: %s", name, words);
    else
        snprintf(text, sizeof text, "no answer from the hub: %s", words);
    finish(l, text);
}

static bool ask(struct device_list *l, const char *token);

static void on_page(void *owner, struct api_answer *a)
{
    struct device_list *l = owner;
    const cJSON *device;
    l->call = NULL;
    if (a->why != ERR_OK) {
        fail(l, a);
        return;
    }
    bool room = true;
    cJSON_ArrayForEach(device, cJSON_GetObjectItemCaseSensitive(a->output, "devices")) room =
        room && put_device(device, l->o.names, &l->rows);
    const char *token = text_of(a->output, "nextToken");
    if (!room || token == NULL || token[0] == '\0' || ++l->pages == PAGES_MAX)
        finish(l, NULL);
    else if (!ask(l, token))
        finish(l, err_text(ERR_NO_MEMORY));
}

static bool ask(struct device_list *l, const char *token)
{
    enum err why;
    cJSON *input = cJSON_CreateObject();
    cJSON_AddNumberToObject(input, "maxResults", PAGE);
    if (token != NULL)
        cJSON_AddStringToObject(input, "nextToken", token);
    l->call = l->api.call(l->api.api,
                          &(struct api_call_options){.target = LIST,
                                                     .input = input,
                                                     .timeout_ms = DEVICE_LIST_MS,
                                                     .repeatable = true,
                                                     .done = on_page,
                                                     .owner = l},
                          &why);
    return l->call != NULL;
}

struct device_list *device_list_start(const struct device_list_options *o)
{
    struct device_list *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    *l = (struct device_list){.o = *o, .api = *o->api, .rows = {.limit = DEVICE_LIST_MAX}};
    if (ask(l, NULL))
        return l;
    free(l);
    return NULL;
}

void device_list_cancel(struct device_list *l)
{
    if (l == NULL)
        return;
    l->api.cancel(l->call);
    buf_free(&l->rows);
    free(l);
}
