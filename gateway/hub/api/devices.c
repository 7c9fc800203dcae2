/* DescribeDevice, UpdateDevice, ResetDevice, DeleteDevice; and what all operations on devices have
 * in common. */
#include "core/device/device_key.h"
#include "gateway/hub/api/api_internal.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TUNNELS_SHOWN 100 /* of DescribeDevice */
#define TUNNEL_LOOKS                                                                               \
    100000 /* takes some milliseconds, in which the main thread does nothing else */

/* ---- which device ---- */

void answer_device_error(struct call *c, enum err why)
{
    if (why == ERR_NOT_FOUND)
        answer_fault(c, FAULT_NOT_FOUND,
                     "Device %s does not exist, or it is none of this access key's.", c->thing);
    else
        answer_error(c, why);
}

bool may_know(const struct call *c, const struct device_record *d)
{
    return c->key == NULL || key_sees(c->key, d->name, &d->labels);
}

bool permitted_device(struct call *c, struct access_request *w, const struct device_record *d)
{
    w->operation = c->operation;
    w->thing = d->name;
    w->tags = &d->labels;
    const char *denied = denial(c, w);
    return denied == NULL || REFUSE(c, FAULT_ACCESS_DENIED, "%s", denied);
}

struct lookup {
    struct call *c;
    device_run *run;
};

static void on_found(void *ctx, enum err why, const struct device_record *d)
{
    struct lookup l = *(struct lookup *)ctx;
    free(ctx);
    if (why == ERR_OK && !may_know(l.c, d))
        why = ERR_NOT_FOUND;
    if (why != ERR_OK) {
        answer_device_error(l.c, why);
        return;
    }
    snprintf(l.c->thing, sizeof l.c->thing, "%s", d->name);
    l.run(l.c, d);
}

void about_device(struct call *c, device_run *run)
{
    const char *name = input_text(c->input, "device");
    snprintf(c->thing, sizeof c->thing, "%s", name);
    if (!may_operate(c))
        return;
    struct lookup *l = malloc(sizeof *l);
    if (l == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return;
    }
    *l = (struct lookup){c, run};
    device_registry_get(c->api->devices, span_of(name), on_found, l);
}

/* ---- what is shown ---- */

const struct device_presence *presence_of(const struct call *c, const char *device)
{
    return c->api->notices != NULL ? notices_presence(c->api->notices, device) : NULL;
}

void write_texts(struct call *c, const char *name, const struct texts *texts)
{
    json_open(&c->out, name, '[');
    for (size_t i = 0; i < texts->n; i++)
        json_text(&c->out, NULL, span_of(texts->items[i]));
    json_close(&c->out, ']');
}

static void write_time(struct call *c, const char *name, int64_t ms)
{
    if (ms != 0)
        json_time(&c->out, name, ms);
}

static void write_word(struct call *c, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_text(&c->out, name, span_of(text));
}

void write_device(struct call *c, const struct device_record *d)
{
    const struct device_presence *p = presence_of(c, d->name);
    bool here = p != NULL && p->present;
    bool elsewhere = !here && d->node != NULL, present = here || elsewhere;
    if (elsewhere)
        p = NULL; /* what was so while its link was here */
    int64_t left = p != NULL && !present && p->since > d->last_seen ? p->since : d->last_seen;
    json_text(&c->out, "device", span_of(d->name));
    json_text(&c->out, "state", span_of(device_state_name(d->state)));
    json_flag(&c->out, "present", present);
    write_time(c, "since", p != NULL ? p->since : 0);
    write_time(c, "lastSeenAt", present ? c->api->clock() : left);
    write_word(c, "address", p != NULL ? p->address : d->last_address);
    write_word(c, "version", p != NULL ? p->version : d->version);
    write_texts(c, "services", p != NULL ? &p->services : &d->services);
    write_tags(c, "labels", &d->labels);
    if (elsewhere)
        json_text(&c->out, "node", span_of(d->node)); /* which knows whether it accepts, and more */
    else
        json_flag(&c->out, "accepting", here && p->accepting);
    if (p != NULL) {
        json_text(&c->out, "carrier", span_of(p->carrier->name));
        json_text(&c->out, "wire", span_of(p->carrier->wire));
    }
}

/* ---- DescribeDevice ---- */

struct description {
    struct call *c;
    size_t room, looks;
};

static void write_end(struct call *c, const char *name, const struct record_side *side)
{
    json_open(&c->out, name, '{');
    json_text(&c->out, "status", span_of(side->connected ? "CONNECTED" : "DISCONNECTED"));
    write_time(c, "lastUpdatedAt", side->changed);
    json_close(&c->out, '}');
}

static bool on_tunnel(void *ctx, const struct tunnel_record *t)
{
    struct description *d = ctx;
    struct call *c = d->c;
    if (t->closed == 0 && (c->key == NULL || key_sees(c->key, t->thing, &t->tags))) {
        json_open(&c->out, NULL, '{');
        write_summary(c, t);
        write_texts(c, "services", &t->services);
        write_end(c, "sourceConnectionState", &t->sides[SIDE_SOURCE]);
        write_end(c, "destinationConnectionState", &t->sides[SIDE_DESTINATION]);
        json_close(&c->out, '}');
        d->room--;
    }
    return d->room > 0 && --d->looks > 0;
}

static void on_last_tunnel(void *ctx, enum err why)
{
    struct description *d = ctx;
    struct call *c = d->c;
    free(d);
    json_close(&c->out, ']');
    json_close(&c->out, '}');
    json_close(&c->out, '}');
    if (why == ERR_OK)
        answer_ok(c);
    else
        answer_unseen(c, why);
}

static void write_description(struct call *c, const struct device_record *d)
{
    char fingerprint[DEVICE_FINGERPRINT_SIZE];
    const struct device_presence *p = presence_of(c, d->name);
    write_device(c, d);
    json_time(&c->out, "enrolledAt", d->enrolled);
    write_word(c, "invitationId", d->invitation);
    if (d->has_key) {
        device_key_fingerprint(d->key, fingerprint);
        json_text(&c->out, "keyFingerprint", span_of(fingerprint));
    }
    if (d->azure_id != NULL)
        json_text(&c->out, "azureId", span_of(d->azure_id));
    json_flag(&c->out, "symmetricKeys", d->sealed != NULL);
    if (p != NULL && p->present && p->uptime_s != NOTICE_UPTIME_UNKNOWN)
        json_number(&c->out, "uptimeSeconds",
                    (int64_t)p->uptime_s + (c->api->clock() - p->told) / 1000);
}

void describe_device(struct call *c, const struct device_record *d)
{
    struct access_request w = {0};
    struct registry_page query = {
        .below = INT64_MAX, .thing = d->name, .each = on_tunnel, .done = on_last_tunnel};
    if (!permitted_device(c, &w, d))
        return;
    struct description *out = malloc(sizeof *out);
    if (out == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return;
    }
    *out = (struct description){c, TUNNELS_SHOWN, TUNNEL_LOOKS};
    json_open(&c->out, NULL, '{');
    json_open(&c->out, "device", '{');
    write_description(c, d);
    json_open(&c->out, "tunnels", '[');
    registry_page(c->api->registry, &query, out);
}

/* ---- UpdateDevice ---- */

static void on_changed(void *ctx, enum err why, const struct device_record *d)
{
    struct call *c = ctx;
    (void)d; /* the device may be gone */
    if (why == ERR_FORBIDDEN) {
        answer_fault(c, FAULT_ACCESS_DENIED, "%s", c->denied);
    } else if (why == ERR_LIMIT) {
        answer_fault(c, FAULT_LIMIT_EXCEEDED, "The limit of labels is %d per device.",
                     DEVICE_LABELS_MAX);
    } else if (why != ERR_OK) {
        answer_device_error(c, why);
    } else {
        answer_empty(c, ERR_OK, NULL);
    }
}

/* As with tags, no key may move a device out of its reach or into it. */
static bool permits(void *ctx, const struct device_record *d, const struct tags *after)
{
    struct call *c = ctx;
    struct access_request w = {.operation = c->operation, .thing = d->name, .tags = &d->labels};
    c->denied = denial(c, &w);
    w.tags = after;
    if (c->denied == NULL)
        c->denied = denial(c, &w);
    return c->denied == NULL;
}

static bool note_update(struct call *c, const char *state, const cJSON *labels, const cJSON *remove)
{
    return (state == NULL || note_text(c, "state", state)) &&
           (labels == NULL || note_items(c, "labels", labels)) &&
           (remove == NULL || note_items(c, "removeLabels", remove));
}

void update_device(struct call *c, const struct device_record *d)
{
    const cJSON *labels = shape_member(c->input, "labels");
    const cJSON *remove = shape_member(c->input, "removeLabels");
    const char *name = input_text(c->input, "state");
    struct tags add = {0};
    struct texts keys = {0};
    enum device_state state;
    bool has_state = name != NULL && device_state_from(span_of(name), &state);
    struct access_request w = {.untag = &keys};
    if (take_texts(c, remove, &keys) && take_tags(c, labels, &add) && permitted_device(c, &w, d) &&
        note_update(c, name, labels, remove)) {
        const struct device_update u = {
            .state = has_state ? &state : NULL, .add = &add, .remove = &keys, .permits = permits};
        drop_input(c);
        device_registry_update(c->api->devices, span_of(d->name), &u, on_changed, c);
    }
    tags_free(&add);
    texts_free(&keys);
}

/* ---- ResetDevice, DeleteDevice ---- */

void reset_device(struct call *c, const struct device_record *d)
{
    struct access_request w = {0};
    if (!permitted_device(c, &w, d))
        return;
    drop_input(c);
    device_registry_reset(c->api->devices, span_of(d->name), on_changed, c);
}

void delete_device(struct call *c, const struct device_record *d)
{
    struct access_request w = {.remove = true};
    if (!permitted_device(c, &w, d))
        return;
    drop_input(c);
    device_registry_remove(c->api->devices, span_of(d->name), on_changed, c);
}
