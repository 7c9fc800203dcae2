/* What the audit log, the log of refusals, the operator's command and the monitor are told of ends
 * that are let in, refused, and gone. */
#include "gateway/hub/admission_internal.h"

#include <stdio.h>

void admission_label(const struct tunnel_record *r, char out[ADMISSION_LABEL_MAX])
{
    if (r->thing[0] != '\0')
        snprintf(out, ADMISSION_LABEL_MAX, "%.8s (%s)", r->id, r->thing);
    else
        snprintf(out, ADMISSION_LABEL_MAX, "%s", r->id);
}

static void audit_refuse(struct hub *hub, const struct admission_refusal *r)
{
    const struct tunnel_record *t = r->tunnel;
    struct log_field fields[] = {
        {"client", r->client, 0},
        {"side", r->side < SIDE_COUNT ? side_name(r->side) : "", 0},
        {"tunnel", t != NULL ? t->id : "", 0},
        {"thing", t != NULL ? t->thing : "", 0},
        {"channel", r->channel, 0},
        {"status", NULL, r->status},
        {"reason", r->text, 0},
    };
    if (t != NULL)
        audit_event(hub->audit, "refuse", fields, sizeof fields / sizeof *fields);
    else
        audit_stranger(hub->audit, "refuse", fields, sizeof fields / sizeof *fields);
}

void admission_note_connected(struct hub *hub, const struct registration *registration,
                              const struct tunnel_record *t)
{
    struct log_field fields[] = {
        {"tunnel", t->id, 0},
        {"thing", t->thing, 0},
        {"key", t->key_id, 0},
        {"side", side_name(registration->side), 0},
        {"client", registration->client, 0},
        {"channel", registration->channel, 0},
        {"subprotocol", registration->protocol, 0},
    };
    audit_event(hub->audit, "connect", fields, sizeof fields / sizeof *fields);
}

void admission_note_disconnected(struct hub *hub, const struct end_report *d)
{
    const struct registration *registration = d->registration;
    struct log_field fields[] = {
        {"tunnel", registration->tunnel, 0},
        {"thing", registration->device, 0},
        {"key", account_key(registration->account), 0},
        {"side", side_name(registration->side), 0},
        {"client", registration->client, 0},
        {"channel", registration->channel, 0},
        {"reason", d->text, 0},
        {"seconds", NULL, (int64_t)d->seconds},
        {"received", NULL, (int64_t)d->received},
        {"sent", NULL, (int64_t)d->sent},
    };
    audit_event(hub->audit, "disconnect", fields, sizeof fields / sizeof *fields);
}

void admission_note_refused(struct hub *hub, const struct admission_refusal *r)
{
    hub->refused++;
    hub_alert_refused(hub, r->client, r->text);
    bool told =
        refusal_log_add(hub->refusal_log, loop_now(hub->o.loop), r->client, r->text, r->why);
    monitor_refused(hub->monitor,
                    &(struct monitor_refusal){.client = r->client,
                                              .asked = r->tunnel != NULL ? r->tunnel->id : NULL,
                                              .why = r->why,
                                              .text = r->text,
                                              .untold = !told});
    audit_refuse(hub, r);
}

void admission_refusal_repeated(void *owner, const struct refusal_repeated *r)
{
    struct hub *hub = owner;
    monitor_refused(hub->monitor,
                    &(struct monitor_refusal){
                        .client = r->address, .why = r->why, .text = r->reason, .more = r->times});
}

void admission_refused(struct hub *hub, void *message)
{
    const struct message_refused *m = message;
    admission_note_refused(hub, &(struct admission_refusal){.client = m->client,
                                                            .channel = "",
                                                            .side = m->side,
                                                            .status = m->status,
                                                            .why = m->why,
                                                            .text = m->reason});
    message_free(message);
}
