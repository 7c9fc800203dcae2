/* tunnelctl devices invite, invitations, uninvite. */
#include "core/base/text.h"
#include "gateway/ctl/devices.h"
#include "gateway/ctl/print.h"
#include "gateway/ctl/token_file.h"

#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000
#define MINUTES_MAX 525600 /* a year */
#define USES_MAX 1000000

/* ---- the request ---- */

/* The items of an option's value, with commas or blanks between them. */
struct items {
    struct span rest;
    char *item;
};

static const char *next_item(void *ctx)
{
    struct items *i = ctx;
    free(i->item);
    i->item = NULL;
    while (i->rest.n > 0) {
        size_t n = 0;
        while (n < i->rest.n && strchr(", ", i->rest.p[n]) == NULL)
            n++;
        struct span item = {i->rest.p, n};
        size_t used = n < i->rest.n ? n + 1 : n;
        i->rest = (struct span){i->rest.p + used, i->rest.n - used};
        if (item.n > 0)
            return i->item = span_dup(item);
    }
    return NULL;
}

static cJSON *put_names(struct options *o, cJSON *input)
{
    const char *text = options_get(o, "names");
    struct items items = {.rest = span_of(text)};
    cJSON *names = cJSON_CreateArray();
    for (const char *name; (name = next_item(&items)) != NULL;)
        names = ctl_json_push(names, cJSON_CreateString(name));
    if (text == NULL || cJSON_GetArraySize(names) == 0)
        options_fail(o, "which names? tunnelctl devices invite --names 'plant7-*'");
    return ctl_json_put(input, "names", names);
}

cJSON *devices_put_labels(struct options *o, cJSON *input)
{
    const char *text = options_get(o, "labels");
    struct items items = {.rest = span_of(text)};
    if (text == NULL)
        return input;
    cJSON *labels = devices_labels(o, "labels", next_item, &items);
    free(items.item);
    return ctl_json_put(input, "labels", labels);
}

static cJSON *put_numbers(struct options *o, cJSON *input)
{
    uint64_t uses = 1, ms = 0;
    enum err why = options_number(o, "uses", 1, USES_MAX, &uses);
    if (why == ERR_OK)
        why = options_duration_in(o, "lifetime", MINUTE_MS, &ms);
    uint64_t minutes = ms / MINUTE_MS;
    if (why == ERR_OK && (ms % MINUTE_MS != 0 || minutes < 1 || minutes > MINUTES_MAX))
        why = options_reject(o, "lifetime", "is not whole minutes from 1m to 365d");
    input = ctl_json_put(input, "uses", cJSON_CreateNumber((double)uses));
    input = ctl_json_put(input, "lifetimeMinutes", cJSON_CreateNumber((double)minutes));
    return options_flag(o, "approve") ? ctl_json_put(input, "approve", cJSON_CreateTrue()) : input;
}

/* ---- the answer ---- */

/* Only what can stand in a file's line and on a screen is a token. */
static const char *join_token_of(const cJSON *answer)
{
    const char *token = ctl_json_text_at(answer, "joinToken");
    size_t n = token != NULL ? strlen(token) : 0;
    for (size_t i = 0; i < n; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return NULL;
    return n > 0 ? token : NULL;
}

static int print_invitation(struct ctl *c, const char *path, cJSON *answer, const char *token)
{
    char until[32], id[200];
    if (ctl_wants_json(c)) {
        if (path != NULL)
            cJSON_DeleteItemFromObjectCaseSensitive(answer, "joinToken");
        return ctl_print_json(answer);
    }
    print_safe(ctl_json_text_at(answer, "invitationId"), 0, id, sizeof id);
    text_line(stdout, "Invitation %s, until %s.", id,
              print_time(ctl_json_number_at(answer, "expiresAt"), until));
    if (path != NULL)
        text_line(stdout, "The join token is in %s.", path);
    else
        printf("%s\n", token);
    text_line(stdout,
              "On a device: tunnel-agent -e HUB --device NAME --join-token-file FILE -d SSH1=22");
    return CTL_OK;
}

static int take_answer(struct ctl *c, const char *path, cJSON *answer)
{
    const char *token = join_token_of(answer);
    char text[600];
    if (token == NULL)
        return ctl_fail("the hub's answer has no join token");
    if (path != NULL && token_file_write(path, token, text, sizeof text) != ERR_OK)
        return ctl_fail("%s", text);
    return print_invitation(c, path, answer, token);
}

int devices_invite(struct ctl *c, char *const *names, size_t n)
{
    const char *path = options_get(c->options, "token-file");
    char text[600];
    cJSON *answer, *input = put_names(c->options, cJSON_CreateObject());
    (void)names, (void)n;
    if (options_problem(c->options)[0] == '\0')
        input = devices_put_labels(c->options, input);
    if (options_problem(c->options)[0] == '\0')
        input = put_numbers(c->options, input);
    if (options_problem(c->options)[0] != '\0') {
        cJSON_Delete(input);
        return ctl_usage(c);
    }
    if (path != NULL && token_file_check(path, text, sizeof text) != ERR_OK) {
        cJSON_Delete(input);
        return ctl_fail("--token-file: %s", text);
    }
    int code = ctl_call(c, "TunnelHub.CreateInvitation", input, &answer);
    if (code == CTL_OK)
        code = take_answer(c, path, answer);
    ctl_json_wipe(answer);
    return code == CTL_OK ? ctl_flush() : code;
}

/* ---- invitations ---- */

static void cell_id(const cJSON *i, char out[CELL])
{
    print_safe(ctl_json_text_at(i, "invitationId"), 0, out, CELL);
}

static void cell_names(const cJSON *i, char out[CELL])
{
    print_list(ctl_json_at(i, "names"), out, CELL);
}

static void cell_used(const cJSON *i, char out[CELL])
{
    snprintf(out, CELL, "%.0f of %.0f", ctl_json_number_at(i, "used"),
             ctl_json_number_at(i, "uses"));
}

static void cell_until(const cJSON *i, char out[CELL])
{
    print_time(ctl_json_number_at(i, "expiresAt"), out);
}

static void cell_by(const cJSON *i, char out[CELL])
{
    print_safe(ctl_json_text_at(i, "createdBy"), 0, out, CELL);
}

static void cell_labels(const cJSON *i, char out[CELL])
{
    print_labels(ctl_json_at(i, "labels"), out, CELL);
}

static void cell_approve(const cJSON *i, char out[CELL])
{
    snprintf(out, CELL, "%s", cJSON_IsTrue(ctl_json_at(i, "approve")) ? "yes" : "-");
}

static const struct print_column columns[] = {
    {"ID", cell_id},           {"NAMES", cell_names},   {"USED", cell_used}, {"UNTIL", cell_until},
    {"APPROVE", cell_approve}, {"LABELS", cell_labels}, {"BY", cell_by},
};

int devices_invitations(struct ctl *c, char *const *names, size_t n)
{
    cJSON *all;
    (void)names, (void)n;
    int code = ctl_outcome(c, tunneling_pages(&c->api, "TunnelHub.ListInvitations", "invitations",
                                              cJSON_CreateObject(), &all));
    if (code != CTL_OK)
        return code;
    if (ctl_wants_json(c)) {
        all = ctl_json_put(cJSON_CreateObject(), "invitations", all);
        code = ctl_print_json(all);
    } else if (cJSON_GetArraySize(all) == 0) {
        text_line(stdout, "No invitations.");
    } else {
        print_table(all, columns, sizeof columns / sizeof *columns);
    }
    cJSON_Delete(all);
    return code == CTL_OK ? ctl_flush() : code;
}

int devices_uninvite(struct ctl *c, char *const *ids, size_t n)
{
    int code = CTL_OK;
    char safe[200];
    for (size_t i = 0; i < n; i++) {
        cJSON *answer,
            *input = ctl_json_put(cJSON_CreateObject(), "invitationId", cJSON_CreateString(ids[i]));
        int one = ctl_call(c, "TunnelHub.DeleteInvitation", input, &answer);
        if (one == CTL_OK && ctl_wants_json(c))
            one = ctl_print_json(answer);
        else if (one == CTL_OK)
            text_line(stdout, "withdrawn %s", str_escape(span_of(ids[i]), safe, sizeof safe));
        cJSON_Delete(answer);
        code = code == CTL_OK ? one : code;
    }
    return code;
}
