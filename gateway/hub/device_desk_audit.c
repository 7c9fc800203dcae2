/* What the logs, the audit log and those who watch hear of devices. */
#include "gateway/hub/device_desk_internal.h"

#include "core/base/log.h"
#include "core/device/device_key.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

void desk_audit_enrolled(const struct hub *hub, const struct device_record *r, const char *client)
{
    char fingerprint[DEVICE_FINGERPRINT_SIZE] = "";
    if (r->has_key)
        device_key_fingerprint(r->key, fingerprint);
    struct log_field fields[] = {
        {"device", r->name, 0},           {"client", client, 0},
        {"invitation", r->invitation, 0}, {"state", device_state_name(r->state), 0},
        {"fingerprint", fingerprint, 0},
    };
    audit_event(hub->audit, "enrol", fields, COUNT(fields));
    log_event(LOG_INFO, "device enrolled", fields, COUNT(fields));
    monitor_device_changed(hub->monitor, &(struct monitor_device_change){.event = "device-enrolled",
                                                                         .name = r->name,
                                                                         .address = client});
}

static void note(struct hub *hub, const char *client, const char *name, enum err why,
                 const char *text)
{
    hub->refused++;
    hub_alert_refused(hub, client, text);
    bool told = refusal_log_add(hub->refusal_log, loop_now(hub->o.loop), client, text, why);
    monitor_refused(
        hub->monitor,
        &(struct monitor_refusal){
            .client = client, .asked = name, .why = why, .text = text, .untold = !told});
}

void desk_audit_refused(struct hub *hub, struct span name, const char *client,
                        enum enrol_result result)
{
    char device[DEVICE_LINK_NAME_MAX + 1], text[80];
    snprintf(device, sizeof device, "%.*s", (int)name.n, name.p);
    snprintf(text, sizeof text, "device: %s", enrol_result_name(result));
    struct log_field fields[] = {
        {"device", device, 0}, {"client", client, 0}, {"reason", enrol_result_name(result), 0}};
    audit_stranger(hub->audit, "enrol-refuse", fields, COUNT(fields));
    note(hub, client, device, result == ENROL_NOT_STORED ? ERR_IO : ERR_FORBIDDEN, text);
}

void desk_note_misbehaved(struct hub *hub, const char *client, const char *name, enum err why,
                          const char *text)
{
    note(hub, client, name, why, text);
}

/* Whether the device is there by another link, too. */
static bool is_there_besides(const struct desk_link *l)
{
    list_each(node, &l->seat->links)
    {
        const struct desk_link *other = list_entry(node, struct desk_link, node);
        if (other != l && other->shown)
            return true;
    }
    return false;
}

/* g NULL: it has come. */
void desk_audit_presence(struct desk_link *l, const struct device_gone *g)
{
    static const char *const wires[DEVICE_WIRES] = {"device link", "MQTT"};
    struct hub *hub = l->desk->hub;
    const char *event = g != NULL ? "device-away" : "device-present";
    struct log_field fields[] = {
        {"device", l->seat->name, 0},
        {"client", l->client, 0},
        {"wire", wires[l->wire], 0},
        {"reason", g != NULL ? g->text : "", 0},
        {"seconds", NULL, g != NULL ? (int64_t)g->seconds : 0},
    };
    size_t n = g != NULL ? COUNT(fields) : 3;
    l->shown = g == NULL;
    audit_event(hub->audit, event, fields, n);
    log_event(LOG_INFO, g != NULL ? "device away" : "device present", fields, n);
    monitor_device_changed(hub->monitor,
                           &(struct monitor_device_change){.event = event,
                                                           .name = l->seat->name,
                                                           .address = l->client,
                                                           .why = g != NULL ? g->why : ERR_OK,
                                                           .text = g != NULL ? g->text : NULL});
    if (!is_there_besides(l))
        hub_alert_device(hub, &(struct hub_alert_device){.device = l->seat->name,
                                                         .client = l->client,
                                                         .wire = wires[l->wire],
                                                         .reason = g != NULL ? g->text : NULL,
                                                         .seconds = g != NULL ? g->seconds : 0});
}

void desk_audit_notice(const struct hub *hub, const struct notice_event *e)
{
    const struct notice_answer *a = &e->answer;
    bool rejected = e->answered && a->result == NOTICE_REJECTED;
    struct log_field fields[] = {
        {"device", e->device, 0},
        {"tunnel", e->tunnel, 0},
        {"key", e->opened_by, 0},
        {"notice", e->id, 0},
        {"result", e->answered ? notice_result_name(a->result) : "delivered", 0},
        {"milliseconds", NULL, (int64_t)a->took_ms},
        {"code", rejected ? device_code_name(a->code) : "", 0},
        {"words", rejected ? a->words : "", 0},
    };
    audit_event(hub->audit, "notice", fields, !e->answered ? 5 : rejected ? COUNT(fields) : 6);
}
