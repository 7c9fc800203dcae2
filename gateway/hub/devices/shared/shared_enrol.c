/* Decides who a device is that has proven a key or shown a certificate. A use of its invitation is
 * spent before the device is written, under the name's fold: who asks again, after an answer that
 * was lost, does not use it up once more. */
#include "gateway/hub/devices/device_requests.h"
#include "gateway/hub/devices/shared/shared_devices_internal.h"

#include "core/base/encoding.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct enrol {
    struct shared_azure azure; /* first member */
    struct kept_enrolment kept;
    enum enrol_result result;
    bool is_new, spent, counted, undone;
    int before; /* its state before a reset device is enrolled once more */
    uint8_t token[TOKEN_HASH];
    struct invitation invitation; /* with a join token */
    enrol_done *done;
};

static struct enrol *enrol_of(struct shared_task *t)
{
    return (struct enrol *)t;
}

static struct shared_key uses_of(const struct enrol *n)
{
    return shared_key("iu", n->invitation.id);
}

/* What this attempt has used is given back, unless the device that is there has used it. */
static void give_back(struct enrol *n)
{
    const struct shared_task *t = &n->azure.task;
    const struct shared_device *d = t->device;
    if (!n->spent || (d->known && strcmp(d->record.invitation, n->invitation.id) == 0))
        return;
    struct shared_key key = uses_of(n);
    shared_tell(t->registry, "SREM", &key, d->fold, NULL);
    n->spent = false;
}

static void finish(struct enrol *n, enum enrol_result result)
{
    n->result = result;
    if (result != ENROL_NEW)
        give_back(n);
    shared_task_end(&n->azure.task, ERR_OK);
}

/* ---- a new record, or a new key for one that was reset ---- */

static bool make_record(struct enrol *n)
{
    struct shared_task *t = &n->azure.task;
    const struct enrolment *e = &n->kept.e;
    int64_t now = nodes_now(t->registry->o.nodes);
    device_record_free(&t->next);
    bool fine = n->is_new ? device_rules_begin(&t->next, e->name, now) &&
                                device_rules_see(&t->next, &n->kept.sighting, now)
                          : device_record_copy(&t->next, &t->device->record);
    return fine && device_rules_enrol(&t->next, e->key, e->key != NULL ? &n->invitation : NULL,
                                      e->approve_all, now);
}

static bool has_room(const struct enrol *n)
{
    const struct shared_task *t = &n->azure.task;
    return !(n->is_new && shared_index_full(t->registry)) && t->next.labels.n <= DEVICE_LABELS_MAX;
}

static void write_record(struct enrol *n)
{
    struct shared_task *t = &n->azure.task;
    if (n->is_new) {
        shared_index_add(t->registry, t->device->fold, n->kept.name);
        t->registry->enrolling += !n->counted;
        n->counted = true;
    }
    shared_task_put(t, n->is_new ? WRITE_RECORD | WRITE_SEEN : WRITE_RECORD);
}

/* ---- its invitation ---- */

static void on_spent(struct shared_task *t, const struct redis_reply *reply)
{
    struct enrol *n = enrol_of(t);
    n->spent = redis_integer(redis_item(reply, 0)) == 1;
    if (n->spent)
        write_record(n);
    else
        finish(n, ENROL_TOKEN_USED_UP);
}

static void spend(struct enrol *n)
{
    struct shared_task *t = &n->azure.task;
    struct shared_key key = uses_of(n);
    char uses[24], until[24];
    snprintf(uses, sizeof uses, "%" PRId64, n->invitation.uses);
    snprintf(until, sizeof until, "%" PRId64, n->invitation.expires + INVITATION_KEEP_MS);
    const struct span args[] = {span_of(t->device->fold), span_of(uses), span_of(until)};
    shared_task_call(t, "spend", key.text, args, 3, on_spent);
}

/* Room is looked for before a use is spent, and so is memory. */
static void proceed(struct enrol *n)
{
    if (!make_record(n))
        shared_task_end(&n->azure.task, ERR_NO_MEMORY);
    else if (!has_room(n))
        finish(n, ENROL_FULL);
    else if (n->kept.e.key != NULL && !n->spent)
        spend(n);
    else
        write_record(n);
}

static void on_invitation(struct shared_task *t, const struct redis_reply *reply)
{
    struct enrol *n = enrol_of(t);
    enum err why = shared_invitation_read(reply, &n->invitation);
    if (why != ERR_OK && why != ERR_NOT_FOUND) {
        shared_task_end(t, why);
        return;
    }
    bool there = why == ERR_OK && memcmp(n->invitation.token, n->token, TOKEN_HASH) == 0;
    enum enrol_result result = device_rules_invited(
        there ? &n->invitation : NULL, 0, n->kept.e.name, nodes_now(t->registry->o.nodes));
    if (result != ENROL_NEW)
        finish(n, result);
    else
        proceed(n);
}

static void on_token(struct shared_task *t, const struct redis_reply *reply)
{
    char id[UUID_SIZE];
    struct span text = redis_text(reply);
    if (text.p == NULL || text.n >= sizeof id) {
        finish(enrol_of(t), ENROL_TOKEN_UNKNOWN);
        return;
    }
    snprintf(id, sizeof id, "%.*s", (int)text.n, text.p);
    struct shared_key key = shared_key("i", id);
    const struct span args[] = {span_of("HGETALL"), span_of(key.text)};
    shared_task_ask(t, args, 2, 1, on_invitation);
}

static void find_invitation(struct enrol *n)
{
    char hex[2 * TOKEN_HASH + 1];
    invitation_free(&n->invitation);
    token_hash(n->kept.e.join_token, n->token);
    hex_encode(n->token, TOKEN_HASH, hex);
    struct shared_key key = shared_key("it", hex);
    const struct span args[] = {span_of("GET"), span_of(key.text)};
    shared_task_ask(&n->azure.task, args, 2, 1, on_token);
}

/* ---- who it is ---- */

static void on_free_name(struct shared_task *t)
{
    struct enrol *n = enrol_of(t);
    const struct enrolment *e = &n->kept.e;
    if (n->azure.taken)
        finish(n, ENROL_NAME_TAKEN);
    else if (e->key == NULL || n->spent)
        proceed(n);
    else if (e->join_token.n == 0)
        finish(n, ENROL_UNKNOWN_DEVICE);
    else
        find_invitation(n);
}

static void decide(struct shared_task *t)
{
    struct enrol *n = enrol_of(t);
    const struct enrolment *e = &n->kept.e;
    const struct shared_device *d = t->device;
    enum enrol_result result =
        d->known ? device_rules_identify(&d->record, e->name, e->key) : ENROL_NEW;
    n->is_new = !d->known;
    n->before = (int)d->record.state;
    if (result != ENROL_NEW) {
        finish(n, result);
        return;
    }
    n->azure.taken = false;
    if (n->is_new)
        shared_azure_check(&n->azure, n->kept.name, false, on_free_name);
    else
        on_free_name(t);
}

/* Without Redis: whoever was here lately is let in again as it was. */
static bool unread(struct shared_task *t)
{
    struct enrol *n = enrol_of(t);
    const struct enrolment *e = &n->kept.e;
    const struct shared_device *d = t->device;
    bool lately =
        d->linked || (d->remembered && loop_now(t->registry->o.loop) - d->left < REMEMBER_MS);
    if (!d->known || !lately || device_rules_identify(&d->record, e->name, e->key) != ENROL_KNOWN)
        return false;
    finish(n, ENROL_KNOWN);
    return true;
}

/* ---- it is written ---- */

static void tell(struct enrol *n)
{
    struct shared_task *t = &n->azure.task;
    struct shared_devices *r = t->registry;
    struct shared_device *d = t->device;
    if (n->is_new)
        shared_index_add(r, d->fold, d->record.name); /* a list may have taken it out */
    device_registry_tell_enrolled(&r->registry, &d->record);
    finish(n, ENROL_NEW);
}

/* Somebody claimed its name as an azure_id meanwhile, and may have missed it. */
static void on_still_free(struct shared_task *t)
{
    struct enrol *n = enrol_of(t);
    if (!n->azure.taken) {
        tell(n);
        return;
    }
    n->undone = true;
    shared_task_drop(t);
}

static void stored(struct shared_task *t)
{
    struct enrol *n = enrol_of(t);
    struct shared_device *d = t->device;
    int state = (int)d->record.state;
    if (n->undone) {
        shared_index_remove(t->registry, d->fold, d->record.name);
        shared_index_state(t->registry, d->record.name, state, -1);
        shared_device_forget(t->registry, d);
        finish(n, ENROL_NAME_TAKEN);
        return;
    }
    shared_index_state(t->registry, d->record.name, n->is_new ? -1 : n->before, state);
    if (n->is_new)
        shared_azure_check(&n->azure, n->kept.name, true, on_still_free);
    else
        tell(n);
}

static void answer(struct shared_task *t, enum err why)
{
    struct enrol *n = enrol_of(t);
    struct shared_device *d = t->device;
    enum enrol_result result = why == ERR_OK ? n->result : ENROL_NOT_STORED;
    bool here = result == ENROL_KNOWN || result == ENROL_NEW;
    t->registry->enrolling -= n->counted;
    if (here && !(result == ENROL_NEW && n->is_new))
        shared_device_see(t->registry, d, &n->kept.sighting);
    n->done(t->ctx, result, here ? &d->record : NULL);
    invitation_free(&n->invitation);
    kept_enrolment_drop(&n->kept);
}

static const struct shared_task_kind enrolling = {
    .decide = decide, .stored = stored, .unread = unread, .answer = answer};

void shared_devices_enrol(struct device_registry *registry, const struct enrolment *with,
                          enrol_done *done, void *ctx)
{
    struct shared_devices *r = shared_devices_of(registry);
    struct shared_device *d = shared_device_take(r, with->name);
    struct enrol *n = d != NULL ? shared_task_new(r, d, &enrolling, sizeof *n) : NULL;
    if (n == NULL || !kept_enrolment_keep(&n->kept, with)) {
        if (n != NULL)
            kept_enrolment_drop(&n->kept);
        free(n);
        if (d != NULL)
            shared_device_settle(r, d);
        done(ctx, device_name_valid(with->name) ? ENROL_NOT_STORED : ENROL_NAME_INVALID, NULL);
        return;
    }
    n->done = done;
    n->azure.task.ctx = ctx;
    shared_task_start(&n->azure.task);
}
