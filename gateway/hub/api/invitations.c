/* CreateInvitation, ListInvitations, DeleteInvitation. */
#include "gateway/hub/api/api_internal.h"

#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000
#define LIFETIME_MINUTES 1440 /* what an invitation has unless something else is asked for */

/* ---- CreateInvitation ---- */

static void on_invited(void *ctx, enum err why, const struct invitation *i)
{
    struct call *c = ctx;
    if (why == ERR_LIMIT) {
        answer_fault(c, FAULT_LIMIT_EXCEEDED,
                     "The limit invitations-per-key is %" PRIu64 ", and the hub as a whole keeps "
                     "10000 at most: delete invitations that are not needed.",
                     limits_of_call(c)->invitations_per_key);
        return;
    }
    if (why != ERR_OK) {
        answer_error(c, why);
        return;
    }
    json_open(&c->out, NULL, '{');
    json_text(&c->out, "invitationId", span_of(i->id));
    json_text(&c->out, "joinToken", span_of(c->token[0]));
    json_time(&c->out, "expiresAt", i->expires);
    json_close(&c->out, '}');
    if (note_text(c, "invitation", i->id))
        answer_ok(c);
}

static int64_t number_of(const struct call *c, const char *name, int64_t otherwise)
{
    const cJSON *j = shape_member(c->input, name);
    return j != NULL ? (int64_t)j->valuedouble : otherwise;
}

static bool fill(struct call *c, struct invitation *i)
{
    i->uses = number_of(c, "uses", 1);
    i->expires = c->api->clock() + MINUTE_MS * number_of(c, "lifetimeMinutes", LIFETIME_MINUTES);
    i->approve = cJSON_IsTrue(shape_member(c->input, "approve"));
    i->key_id = strdup(c->key_id);
    if (i->key_id == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return false;
    }
    return take_texts(c, shape_member(c->input, "names"), &i->names) &&
           take_tags(c, shape_member(c->input, "labels"), &i->labels);
}

void create_invitation(struct call *c, const struct tunnel_record *t)
{
    const cJSON *labels = shape_member(c->input, "labels");
    struct invitation i = {0};
    struct access_request w = {.names = &i.names, .tags = &i.labels};
    (void)t;
    w.operation = c->operation;
    if (fill(c, &i) && permitted(c, &w, NULL) &&
        note_items(c, "names", shape_member(c->input, "names")) &&
        (labels == NULL || note_items(c, "labels", labels))) {
        join_token_new(c->token[0]);
        drop_input(c);
        device_registry_invite(c->api->devices, &i, c->token[0],
                               (size_t)limits_of_call(c)->invitations_per_key, on_invited, c);
    }
    invitation_free(&i);
}

/* ---- ListInvitations ---- */

static bool may_know_of(const struct call *c, const struct invitation *i)
{
    return c->key == NULL || key_sees_names(c->key, &i->names, &i->labels);
}

struct page {
    struct call *c;
    char last[UUID_SIZE];
    bool more;
};

static bool on_each(void *ctx, const struct invitation *i)
{
    struct page *p = ctx;
    struct call *c = p->c;
    p->more = c->out.bytes.size >= PAGE_BYTES;
    if (p->more)
        return false;
    snprintf(p->last, sizeof p->last, "%s", i->id);
    if (!may_know_of(c, i))
        return true;
    json_open(&c->out, NULL, '{');
    json_text(&c->out, "invitationId", span_of(i->id));
    write_texts(c, "names", &i->names);
    write_tags(c, "labels", &i->labels);
    json_number(&c->out, "uses", i->uses);
    json_number(&c->out, "used", i->used);
    json_time(&c->out, "createdAt", i->created);
    json_time(&c->out, "expiresAt", i->expires);
    json_text(&c->out, "createdBy", span_of(i->key_id));
    json_flag(&c->out, "approve", i->approve);
    json_close(&c->out, '}');
    return true;
}

static void on_end(void *ctx, enum err why)
{
    struct page *p = ctx;
    if (why == ERR_NOT_FOUND)
        answer_fault(p->c, FAULT_VALIDATION,
                     "nextToken is not one of this hub's, or that invitation was deleted "
                     "meanwhile: list from the beginning.");
    else
        answer_page_end(p->c, why, p->more ? p->last : NULL);
    free(p);
}

void list_invitations(struct call *c, const struct tunnel_record *t)
{
    struct access_request w = {0};
    const struct invitation_page query = {
        .after = span_of(input_text(c->input, "nextToken")), .each = on_each, .done = on_end};
    (void)t;
    if (!permitted(c, &w, NULL))
        return;
    struct page *p = calloc(1, sizeof *p);
    if (p == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return;
    }
    p->c = c;
    answer_page(c, "invitations");
    device_registry_invitations(c->api->devices, &query, p);
}

/* ---- DeleteInvitation ---- */

static void answer_invitation_error(struct call *c, enum err why)
{
    if (why == ERR_NOT_FOUND)
        answer_fault(c, FAULT_NOT_FOUND,
                     "There is no such invitation, or it is none of this access key's.");
    else
        answer_error(c, why);
}

static void on_deleted(void *ctx, enum err why, const struct invitation *i)
{
    struct call *c = ctx;
    (void)i; /* it is gone */
    if (why == ERR_OK)
        answer_empty(c, ERR_OK, NULL);
    else
        answer_invitation_error(c, why);
}

static void on_found(void *ctx, enum err why, const struct invitation *i)
{
    struct call *c = ctx;
    if (why == ERR_OK && !may_know_of(c, i))
        why = ERR_NOT_FOUND;
    if (why != ERR_OK) {
        answer_invitation_error(c, why);
        return;
    }
    drop_input(c);
    device_registry_uninvite(c->api->devices, span_of(i->id), on_deleted, c);
}

void delete_invitation(struct call *c, const struct tunnel_record *t)
{
    const char *id = input_text(c->input, "invitationId");
    (void)t;
    if (may_operate(c) && note_text(c, "invitation", id))
        device_registry_invitation(c->api->devices, span_of(id), on_found, c);
}
