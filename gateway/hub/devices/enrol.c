/* Decides who a device is that has proven a key or shown a certificate. */
#include "gateway/hub/devices/device_requests.h"
#include "gateway/hub/devices/device_rules.h"
#include "gateway/hub/devices/device_task.h"

#include "core/device/device_name.h"

#include <stdlib.h>
#include <string.h>

struct enrol {
    struct device_task request; /* first member */
    struct kept_enrolment kept;
    enum enrol_result result;
    bool is_new, reserved;
    char *invitation; /* id of the one that gives the name; NULL: by certificate */
    enrol_done *done;
};

static bool decided(struct enrol *n, enum enrol_result result)
{
    n->result = result;
    n->request.why = ERR_OK;
    return false;
}

/* ---- a new record, or a new key for one that was reset ---- */

/* Labels that the device kept through a reset and those of the invitation may be too many together.
 */
static enum enrol_result check_room(const struct enrol *n)
{
    const struct local_devices *r = n->request.registry;
    bool full = n->is_new && r->max_devices > 0 && r->n + r->enrolling >= r->max_devices;
    return full || n->request.next.labels.n > DEVICE_LABELS_MAX ? ENROL_FULL : ENROL_NEW;
}

static enum enrol_result find_invitation(struct enrol *n, struct invitation_entry **out)
{
    const struct enrolment *e = &n->kept.e;
    if (e->key == NULL)
        return ENROL_NEW;
    if (e->join_token.n == 0)
        return ENROL_UNKNOWN_DEVICE;
    return invitations_check(n->request.registry, e->join_token, e->name, out);
}

static bool make_record(struct enrol *n, struct invitation_entry *i)
{
    struct device_task *q = &n->request;
    const struct enrolment *e = &n->kept.e;
    int64_t now = q->registry->now();
    bool fine = n->is_new ? device_rules_begin(&q->next, e->name, now) &&
                                device_rules_see(&q->next, &n->kept.sighting, now) &&
                                device_index_reserve(q->registry)
                          : device_task_copy(q);
    if (fine && i != NULL)
        n->invitation = strdup(i->i.id);
    return fine && (i == NULL || n->invitation != NULL) &&
           device_rules_enrol(&q->next, e->key, i != NULL ? &i->i : NULL, e->approve_all, now);
}

static bool prepare(struct device_task *q)
{
    struct enrol *n = (struct enrol *)q;
    struct invitation_entry *i = NULL;
    const struct enrolment *e = &n->kept.e;
    enum enrol_result result =
        q->entry->stored ? device_rules_identify(&q->entry->record, e->name, e->key) : ENROL_NEW;
    if (!q->entry->stored && device_index_azure(q->registry, e->name) != NULL)
        result = ENROL_NAME_TAKEN;
    if (result == ENROL_NEW)
        result = find_invitation(n, &i);
    if (result != ENROL_NEW)
        return decided(n, result);
    n->is_new = !q->entry->stored;
    q->why = ERR_NO_MEMORY;
    if (!make_record(n, i))
        return false;
    result = check_room(n);
    if (result != ENROL_NEW)
        return decided(n, result);
    n->reserved = true;
    q->registry->enrolling += n->is_new;
    if (i != NULL)
        i->reserved++;
    q->change = (struct change){.kind = CHANGE_DEVICE, .device = &q->next, .id = n->invitation};
    n->result = ENROL_NEW;
    return true;
}

static void apply(struct device_task *q)
{
    struct enrol *n = (struct enrol *)q;
    struct device_entry *e = q->entry;
    if (n->is_new) {
        e->record = q->next;
        q->next = (struct device_record){0};
        device_index_insert(q->registry, e);
    } else {
        device_task_swap(q);
    }
    device_registry_tell_enrolled(&q->registry->registry, &e->record);
}

/* ---- the answer ---- */

static void unreserve(struct enrol *n, bool used)
{
    struct local_devices *r = n->request.registry;
    if (!n->reserved)
        return;
    n->reserved = false;
    r->enrolling -= n->is_new;
    if (n->invitation != NULL)
        invitations_settle(r, n->invitation, used);
}

static void free_members(struct enrol *n)
{
    free(n->invitation);
    kept_enrolment_drop(&n->kept);
}

static void answer(struct device_task *q, enum err why)
{
    struct enrol *n = (struct enrol *)q;
    struct device_entry *e = q->entry;
    unreserve(n, why == ERR_OK);
    enum enrol_result result = why == ERR_OK ? n->result : ENROL_NOT_STORED;
    bool here = result == ENROL_KNOWN || (result == ENROL_NEW && !n->is_new);
    if (here)
        sighting_apply(q->registry, e, &n->kept.sighting);
    n->done(q->ctx, result, here || result == ENROL_NEW ? &e->record : NULL);
    free_members(n);
}

void local_devices_enrol(struct device_registry *registry, const struct enrolment *with,
                         enrol_done *done, void *ctx)
{
    struct local_devices *r = local_devices_of(registry);
    struct device_entry *e = device_index_take(r, with->name);
    struct enrol *n = e != NULL ? device_task_new(r, e, sizeof *n) : NULL;
    if (n == NULL || !kept_enrolment_keep(&n->kept, with)) {
        if (n != NULL)
            free_members(n);
        free(n);
        if (e != NULL)
            device_index_tidy(r, e);
        done(ctx, device_name_valid(with->name) ? ENROL_NOT_STORED : ENROL_NAME_INVALID, NULL);
        return;
    }
    n->request.prepare = prepare;
    n->request.apply = apply;
    n->request.answer = answer;
    n->request.ctx = ctx;
    n->done = done;
    device_task_ask(&n->request);
}
