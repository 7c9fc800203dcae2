/* CloseTunnel, DescribeTunnel, RotateTunnelAccessToken. */
#include "gateway/hub/api/api_internal.h"

#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <string.h>

/* ---- CloseTunnel ---- */

void close_tunnel(struct call *c, const struct tunnel_record *t)
{
    struct access_request w = {.remove = cJSON_IsTrue(shape_member(c->input, "delete"))};
    if (!permitted(c, &w, t) || !note_text(c, "delete", w.remove ? "true" : "false"))
        return;
    drop_input(c);
    registry_close(c->api->registry, t->id, w.remove, answer_empty, c);
}

/* ---- DescribeTunnel ---- */

static void write_side(struct call *c, const char *name, const struct record_side *side)
{
    json_open(&c->out, name, '{');
    json_text(&c->out, "status", span_of(side->connected ? "CONNECTED" : "DISCONNECTED"));
    if (side->changed != 0)
        json_time(&c->out, "lastUpdatedAt", side->changed);
    json_close(&c->out, '}');
}

static void write_destination(struct call *c, const struct tunnel_record *r)
{
    if (r->services.n == 0)
        return; /* the model knows no thing without services */
    json_open(&c->out, "destinationConfig", '{');
    if (r->thing[0] != '\0')
        json_text(&c->out, "thingName", span_of(r->thing));
    json_open(&c->out, "services", '[');
    for (size_t i = 0; i < r->services.n; i++)
        json_text(&c->out, NULL, span_of(r->services.items[i]));
    json_close(&c->out, ']');
    json_close(&c->out, '}');
}

static void write_tunnel(struct call *c, const struct tunnel_record *r)
{
    json_open(&c->out, "tunnel", '{');
    write_summary(c, r);
    write_side(c, "sourceConnectionState", &r->sides[SIDE_SOURCE]);
    write_side(c, "destinationConnectionState", &r->sides[SIDE_DESTINATION]);
    write_destination(c, r);
    json_open(&c->out, "timeoutConfig", '{');
    json_number(&c->out, "maxLifetimeTimeoutMinutes", r->lifetime_minutes);
    json_close(&c->out, '}');
    write_tags(c, "tags", &r->tags);
    json_close(&c->out, '}');
}

void describe_tunnel(struct call *c, const struct tunnel_record *t)
{
    struct access_request w = {0};
    if (!permitted(c, &w, t))
        return;
    json_open(&c->out, NULL, '{');
    write_tunnel(c, t);
    json_close(&c->out, '}');
    answer_ok(c);
}

/* ---- RotateTunnelAccessToken ---- */

static bool list_has(const cJSON *list, const char *service)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (strcmp(item->valuestring, service) == 0)
            return true;
    }
    return false;
}

/* Whether the list has as many services as the tunnel, and only the tunnel's. */
static bool same_services(const cJSON *list, const struct texts *services)
{
    if ((size_t)cJSON_GetArraySize(list) != services->n)
        return false;
    for (size_t i = 0; i < services->n; i++)
        if (!list_has(list, services->items[i]))
            return false;
    return true;
}

/* Where a tunnel leads is settled when it is opened. So the input may only repeat it, as clients do
 * that use one description of a device for both operations. */
static bool check_destination(struct call *c, const struct tunnel_record *r)
{
    const cJSON *destination = shape_member(c->input, "destinationConfig");
    const char *thing = input_text(destination, "thingName");
    if (destination == NULL)
        return true;
    if (!c->fresh[SIDE_DESTINATION])
        return REFUSE(c, FAULT_VALIDATION,
                      "You can not use destinationConfig with clientMode SOURCE.");
    if (thing != NULL && strcmp(thing, r->thing) != 0)
        return REFUSE(c, FAULT_VALIDATION,
                      "destinationConfig.thingName '%s' is not the tunnel's: a tunnel keeps its "
                      "thing.",
                      thing);
    if (!same_services(shape_member(destination, "services"), &r->services))
        return REFUSE(c, FAULT_VALIDATION,
                      "destinationConfig.services are not the tunnel's: a tunnel keeps its "
                      "services.");
    return true;
}

static void on_rotated(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct call *c = ctx;
    if (why != ERR_OK) {
        answer_error(c, why);
        return;
    }
    json_open(&c->out, NULL, '{');
    write_arn(c, "tunnelArn", t->id);
    write_tokens(c);
    json_close(&c->out, '}');
    answer_ok(c);
}

void rotate_token(struct call *c, const struct tunnel_record *t)
{
    const char *mode = input_text(c->input, "clientMode");
    struct access_request w = {.source = strcmp(mode, "DESTINATION") != 0,
                               .destination = strcmp(mode, "SOURCE") != 0};
    const char *token[SIDE_COUNT];
    c->fresh[SIDE_SOURCE] = w.source;
    c->fresh[SIDE_DESTINATION] = w.destination;
    if (!permitted(c, &w, t) || !check_destination(c, t) || !note_text(c, "clientMode", mode))
        return;
    tokens_new(c, token);
    drop_input(c);
    registry_rotate(c->api->registry, t->id, token, on_rotated, c);
}
