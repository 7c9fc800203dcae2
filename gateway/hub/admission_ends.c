/* Ends that move to their worker, ends that are gone, and those of tunnels that end. */
#include "gateway/hub/admission_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void admission_drop_empty(struct presence *p)
{
    if (p != NULL && p->present == 0)
        presence_free(p);
}

/* ---- ends that move, and ends that are gone ---- */

static void post_close(struct hub *hub, const struct presence *p, enum side side,
                       const struct close_reason *f)
{
    struct message_close *m = MESSAGE(struct message_close, MESSAGE_CLOSE, p->home);
    if (m != NULL && (m->tunnel = strdup(p->tunnel)) == NULL) {
        free(m);
        m = NULL;
    }
    if (m != NULL) {
        m->side = side;
        m->close_reason = *f;
    }
    hub_post(hub, m != NULL ? &m->message : NULL);
}

static void detach(struct hub *hub, const struct end_report *d)
{
    static const struct close_reason orphaned = {RELAY_DROP, ERR_STREAM_REPLACED,
                                                 "its successor was lost on the way"};
    const struct registration *registration = d->registration;
    struct presence *p = presence_of(registration);
    admission_note_disconnected(hub, d);
    hub->load[p->home]--;
    account_release(registration->account, loop_now(hub->o.loop));
    if (presence_leave(p, d)) {
        registry_connected(hub->registry, span_of(registration->tunnel), registration->side, false);
        /* The end may have been lost on its way to the worker, where the end that it replaces still
         * is. */
        if (p->present > 0)
            post_close(hub, p, registration->side, &orphaned);
    }
    admission_drop_empty(p);
}

void admission_lost(struct hub *hub, struct registration *r, enum err why, const char *text)
{
    struct end_report d = {.registration = r, .why = why};
    snprintf(d.text, sizeof d.text, "%s", text);
    detach(hub, &d);
    registration_free(r);
}

void admission_detached(struct hub *hub, void *message)
{
    detach(hub, &((struct message_detached *)message)->end_report);
    message_free(message);
}

/* Sends an end on to its tunnel's worker, unless it has lost its side on the way. */
void admission_migrate(struct hub *hub, void *message)
{
    struct message_migrate *m = message;
    const struct registration *registration = m->registration;
    const struct presence *p = presence_of(registration);
    if (p->end[registration->side] == registration->serial) {
        m->message.kind = MESSAGE_MIGRATE_IN;
        m->message.worker = p->home;
        hub_post(hub, &m->message);
        return;
    }
    struct end_report d = {.registration = m->registration,
                           .why = ERR_STREAM_REPLACED,
                           .text = "its place was taken meanwhile"};
    detach(hub, &d);
    message_free(&m->message);
}

/* ---- tunnels that end ---- */

/* Sends the end on that side away; one that is still on its way there has lost the side. */
static void dismiss_side(struct hub *hub, const struct tunnel_record *t, enum side side,
                         const struct close_reason *f)
{
    struct presence *p = presence_find(&hub->presences, t->id);
    if (p == NULL)
        return;
    if (presence_dismiss(p, side, f->why, f->text))
        registry_connected(hub->registry, span_of(t->id), side, false);
    post_close(hub, p, side, f);
}

static void close_side(struct hub *hub, const struct tunnel_record *t, enum side side, enum err why,
                       const char *text)
{
    dismiss_side(hub, t, side, &(struct close_reason){RELAY_CLOSE_ENDED, why, text});
}

static void on_opened(void *owner, const struct tunnel_record *t,
                      const char *const token[SIDE_COUNT])
{
    struct hub *hub = owner;
    (void)token;
    api_opened(hub->api, t);
    hub_alert_tunnel(hub, t, NULL);
}

static void on_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    char name[ADMISSION_LABEL_MAX];
    admission_label(t, name);
    log_info("tunnel %s: %s", name, why);
    hub_alert_tunnel(owner, t, why);
    for (int side = 0; side < SIDE_COUNT; side++)
        close_side(owner, t, (enum side)side, ERR_TUNNEL_CLOSED, why);
}

static void on_rotated(void *owner, const struct tunnel_record *t, enum side side,
                       const char *token)
{
    char name[ADMISSION_LABEL_MAX];
    (void)token;
    admission_label(t, name);
    log_info("tunnel %s: the %s has a new access token", name, side_name(side));
    close_side(owner, t, side, ERR_TOKEN_REPLACED, "the access token was replaced");
}

/* Its ends come back, and are sent to the node that has it now. */
static void on_moved(void *owner, const struct tunnel_record *t)
{
    static const struct close_reason moved = {RELAY_DROP, ERR_STREAM_REPLACED,
                                              "another node has the tunnel now"};
    char name[ADMISSION_LABEL_MAX];
    admission_label(t, name);
    log_info("tunnel %s: %s", name, moved.text);
    for (int side = 0; side < SIDE_COUNT; side++)
        dismiss_side(owner, t, (enum side)side, &moved);
}

const struct registry_events admission_events = {
    .opened = on_opened, .ended = on_ended, .rotated = on_rotated, .moved = on_moved};
