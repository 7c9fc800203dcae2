/* Decides who a device is that has proven a key or shown a certificate. */
#include "gateway/hub/devices/device_task.h"

#include "core/device/device_name.h"

#include <stdlib.h>
#include <string.h>

struct enrol {
    struct device_task request; /* first member */
    enum enrol_result result;
    bool approve_all, has_key, is_new, reserved;
    uint8_t key[DEVICE_KEY_SIZE];
    char *name, *join_token, *version, *address;
    bool has_services;
    struct texts services;
    char *invitation; /* id of the one that gives the name; NULL: by certificate */
    enrol_done *done;
};

static struct device_sighting sighting_of(const struct enrol *n)
{
    return (struct device_sighting){.address = n->address,
                                    .version = n->version,
                                    .services = n->has_services ? &n->services : NULL};
}

/* ---- who it is ---- */

static bool decided(struct enrol *n, enum enrol_result result)
{
    n->result = result;
    n->request.why = ERR_OK;
    return false;
}

/* A name that is enrolled is never taken over: what proves it must be what the record has. */
static enum enrol_result check_known(const struct enrol *n, const struct device_record *d)
{
    if (strcmp(n->name, d->name) != 0)
        return ENROL_NAME_TAKEN;
    if (n->has_key &&
        !(d->has_key ? memcmp(n->key, d->key, sizeof n->key) == 0 : !device_record_is_keyed(d)))
        return ENROL_NAME_TAKEN;
    if (d->state == DEVICE_DISABLED)
        return ENROL_DISABLED;
    return device_record_is_keyed(d) ? ENROL_KNOWN : ENROL_NEW;
}

/* ---- a new record, or a new key for one that was reset ---- */

static bool fill_text(char **text, const char *from)
{
    *text = strdup(from);
    return *text != NULL;
}

static bool fill_new(struct enrol *n)
{
    struct device_record *d = &n->request.next;
    struct device_sighting s = sighting_of(n);
    d->enrolled = n->request.registry->now();
    return fill_text(&d->name, n->name) && fill_text(&d->last_address, "") &&
           fill_text(&d->version, "") && sighting_note(d, &s, d->enrolled);
}

static bool fill_credential(struct enrol *n, const struct invitation *i)
{
    struct device_record *d = &n->request.next;
    free(d->invitation);
    d->invitation = NULL;
    d->has_key = n->has_key;
    d->by_certificate = !n->has_key;
    memcpy(d->key, n->key, sizeof d->key);
    d->enrolled = n->request.registry->now();
    d->state = n->approve_all || (i != NULL && i->approve) ? DEVICE_PENDING : DEVICE_ENABLED;
    return fill_text(&d->invitation, i != NULL ? i->id : "") &&
           (i == NULL || tags_copy(&d->labels, &i->labels));
}

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
    if (!n->has_key)
        return ENROL_NEW;
    if (n->join_token == NULL)
        return ENROL_UNKNOWN_DEVICE;
    return invitations_check(n->request.registry, span_of(n->join_token), span_of(n->name), out);
}

static bool make_record(struct enrol *n, struct invitation_entry *i)
{
    struct device_task *q = &n->request;
    bool fine = n->is_new ? fill_new(n) && device_index_reserve(q->registry) : device_task_copy(q);
    if (fine && i != NULL)
        n->invitation = strdup(i->i.id);
    return fine && (i == NULL || n->invitation != NULL) &&
           fill_credential(n, i != NULL ? &i->i : NULL);
}

static bool prepare(struct device_task *q)
{
    struct enrol *n = (struct enrol *)q;
    struct invitation_entry *i = NULL;
    enum enrol_result result = q->entry->stored ? check_known(n, &q->entry->record) : ENROL_NEW;
    if (!q->entry->stored && device_index_azure(q->registry, span_of(n->name)) != NULL)
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
    free(n->name);
    free(n->version);
    free(n->address);
    free(n->invitation);
    if (n->join_token != NULL)
        explicit_bzero(n->join_token, strlen(n->join_token));
    free(n->join_token);
    texts_free(&n->services);
}

static void answer(struct device_task *q, enum err why)
{
    struct enrol *n = (struct enrol *)q;
    struct device_entry *e = q->entry;
    unreserve(n, why == ERR_OK);
    enum enrol_result result = why == ERR_OK ? n->result : ENROL_NOT_STORED;
    bool here = result == ENROL_KNOWN || (result == ENROL_NEW && !n->is_new);
    struct device_sighting s = sighting_of(n);
    if (here)
        sighting_apply(q->registry, e, &s);
    n->done(q->ctx, result, here || result == ENROL_NEW ? &e->record : NULL);
    free_members(n);
}

static bool keep(char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL;
}

static bool keep_all(struct enrol *n, const struct enrolment *e)
{
    n->approve_all = e->approve_all;
    n->has_key = e->key != NULL;
    if (n->has_key)
        memcpy(n->key, e->key, sizeof n->key);
    n->has_services = e->services != NULL;
    n->name = span_dup(e->name);
    n->join_token = e->join_token.n > 0 ? span_dup(e->join_token) : NULL;
    return n->name != NULL && (e->join_token.n == 0 || n->join_token != NULL) &&
           keep(&n->version, e->version) && keep(&n->address, e->address) &&
           (e->services == NULL || texts_copy(&n->services, e->services));
}

void local_devices_enrol(struct device_registry *registry, const struct enrolment *with,
                         enrol_done *done, void *ctx)
{
    struct local_devices *r = local_devices_of(registry);
    struct device_entry *e = device_index_take(r, with->name);
    struct enrol *n = e != NULL ? device_task_new(r, e, sizeof *n) : NULL;
    if (n == NULL || !keep_all(n, with)) {
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
