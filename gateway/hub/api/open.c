/* OpenTunnel. */
#include "gateway/hub/api/api_internal.h"

#include "gateway/hub/api/model.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The lifetime: what was asked for or AWS's default, capped by the limit. */
static int64_t lifetime_of(const struct call *c)
{
    const cJSON *minutes =
        shape_member(shape_member(c->input, "timeoutConfig"), "maxLifetimeTimeoutMinutes");
    int64_t most = (int64_t)limits_of_call(c)->lifetime_minutes;
    if (minutes != NULL)
        return (int64_t)minutes->valuedouble;
    return most < MODEL_LIFETIME_MINUTES ? most : MODEL_LIFETIME_MINUTES;
}

static bool check_services(struct call *c, const cJSON *list)
{
    uint64_t most = limits_of_call(c)->services_per_tunnel;
    uint64_t n = (uint64_t)cJSON_GetArraySize(list);
    if (n > most)
        return REFUSE(c, FAULT_LIMIT_EXCEEDED,
                      "The limit services-per-tunnel is %" PRIu64 ": %" PRIu64 " were asked for. "
                      "Ask for fewer services.",
                      most, n);
    return true;
}

/* Takes the services, each of which may occur once. Comparing all pairs is fine, since there are at
 * most 64. */
static bool take_services(struct call *c, const cJSON *list, struct texts *out)
{
    if (!take_texts(c, list, out))
        return false;
    for (size_t i = 0; i < out->n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(out->items[i], out->items[j]) == 0)
                return REFUSE(c, FAULT_VALIDATION, "Service '%s' is given twice.", out->items[i]);
    return true;
}

static char *copy_text(const char *text)
{
    return strdup(text != NULL ? text : "");
}

static bool fill_record(struct call *c, struct tunnel_record *r)
{
    const cJSON *destination = shape_member(c->input, "destinationConfig");
    r->key_id = copy_text(c->key_id);
    r->thing = copy_text(input_text(destination, "thingName"));
    r->description = copy_text(input_text(c->input, "description"));
    r->lifetime_minutes = lifetime_of(c);
    if (r->key_id == NULL || r->thing == NULL || r->description == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return false;
    }
    memcpy(c->thing, r->thing, strlen(r->thing) + 1); /* the model: 128 characters, ASCII */
    return take_services(c, shape_member(destination, "services"), &r->services) &&
           take_tags(c, shape_member(c->input, "tags"), &r->tags);
}

static bool may_open(struct call *c, const struct tunnel_record *r)
{
    struct access_request w = {
        .thing = r->thing[0] != '\0' ? r->thing : NULL, .services = &r->services, .tags = &r->tags};
    return permitted(c, &w, NULL);
}

void answer_open_error(struct call *c, enum err why)
{
    if (why == ERR_LIMIT)
        answer_fault(c, FAULT_LIMIT_EXCEEDED,
                     "The limit tunnels-per-key is %" PRIu64 ": so many tunnels of this access key "
                     "are open. Close tunnels that are not needed.",
                     limits_of_call(c)->tunnels_per_key);
    else
        answer_error(c, why);
}

static void on_opened(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct call *c = ctx;
    if (why != ERR_OK) {
        answer_open_error(c, why);
        return;
    }
    note_tunnel(c, t);
    json_open(&c->out, NULL, '{');
    json_text(&c->out, "tunnelId", span_of(t->id));
    write_arn(c, "tunnelArn", t->id);
    write_tokens(c);
    json_close(&c->out, '}');
    answer_ok(c);
}

static bool prepare(struct call *c, struct tunnel_record *r)
{
    const cJSON *services = shape_member(shape_member(c->input, "destinationConfig"), "services");
    return note_items(c, "services", services) &&
           note_items(c, "tags", shape_member(c->input, "tags")) && check_services(c, services) &&
           fill_record(c, r) && may_open(c, r);
}

void open_tunnel(struct call *c, const struct tunnel_record *t)
{
    struct tunnel_record r = {0};
    const char *token[SIDE_COUNT];
    (void)t;
    if (prepare(c, &r)) {
        c->fresh[SIDE_SOURCE] = c->fresh[SIDE_DESTINATION] = true;
        tokens_new(c, token);
        drop_input(c);
        registry_open(c->api->registry, &r, token, (size_t)limits_of_call(c)->tunnels_per_key,
                      on_opened, c);
    }
    tunnel_record_free(&r);
}
