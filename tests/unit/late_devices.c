#include "tests/unit/late_devices.h"

#include <stdlib.h>
#include <string.h>

#define LATE_MS 1

struct late {
    struct device_registry registry; /* first */
    struct device_registry *inner;
    struct device_subscriber subscriber;
    struct timer *timer;
    bool timer_runs;
    struct list asks; /* struct ask, in the order of asking: to be asked, or to be answered */
};

/* One call, until it is answered. */
struct ask {
    struct list node;
    struct late *late;
    void (*run)(struct ask *a); /* what is to be done when it is its turn */
    void *ctx;

    /* what was asked for */
    char *name, *token, *version, *address;
    bool has_key, has_services, approve_all, has_state;
    uint8_t key[DEVICE_KEY_SIZE];
    struct texts services, remove;
    struct tags add;
    enum device_state state;
    bool (*permits)(void *ctx, const struct device_record *d, const struct tags *after);
    enum err (*reseal)(void *ctx, struct device_record *next);
    char *azure_id;
    struct device_record sealed; /* what is to be sealed */
    uint32_t topics;
    struct invitation to_invite;
    const char *join_token; /* the caller's */
    size_t max_of_key;
    bool (*each_device)(void *ctx, const struct device_record *d);
    bool (*each_invitation)(void *ctx, const struct invitation *i);
    void (*ended)(void *ctx, enum err why);
    device_done *done;
    invitation_done *invited;
    enrol_done *enrolled;

    /* the answer */
    enum err why;
    enum enrol_result result;
    bool found;
    struct device_record device;
    struct invitation invitation;
};

static struct late *late_of(struct device_registry *r)
{
    return (struct late *)r;
}

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static char *copy(const char *text)
{
    return text != NULL ? must(strdup(text)) : NULL;
}

/* ---- turns ---- */

static void later(struct ask *a, void (*run)(struct ask *a))
{
    struct late *l = a->late;
    a->run = run;
    list_append(&l->asks, &a->node);
    if (!l->timer_runs)
        timer_start(l->timer, LATE_MS);
    l->timer_runs = true;
}

static struct ask *ask_new(struct device_registry *r, struct span name, void *ctx)
{
    struct ask *a = must(calloc(1, sizeof *a));
    a->late = late_of(r);
    a->ctx = ctx;
    a->name = must(span_dup(name));
    list_init(&a->node);
    return a;
}

static void ask_free(struct ask *a)
{
    free(a->name);
    free(a->token);
    free(a->version);
    free(a->address);
    free(a->azure_id);
    device_record_free(&a->sealed);
    texts_free(&a->services);
    texts_free(&a->remove);
    tags_free(&a->add);
    invitation_free(&a->to_invite);
    invitation_free(&a->invitation);
    if (a->device.name != NULL)
        device_record_free(&a->device);
    free(a);
}

static void on_turn(void *owner)
{
    struct late *l = owner;
    struct list now;
    list_init(&now);
    l->timer_runs = false;
    while (!list_empty(&l->asks))
        list_append(&now, l->asks.next);
    while (!list_empty(&now)) {
        struct ask *a = list_entry(now.next, struct ask, node);
        list_remove(&a->node);
        a->run(a);
    }
}

/* ---- answers ---- */

static void tell_device(struct ask *a)
{
    if (a->done != NULL)
        a->done(a->ctx, a->why, a->found ? &a->device : NULL);
    ask_free(a);
}

static void tell_enrolled(struct ask *a)
{
    a->enrolled(a->ctx, a->result, a->found ? &a->device : NULL);
    ask_free(a);
}

static void tell_invitation(struct ask *a)
{
    a->invited(a->ctx, a->why, a->found ? &a->invitation : NULL);
    ask_free(a);
}

static void tell_end(struct ask *a)
{
    a->ended(a->ctx, a->why);
    ask_free(a);
}

static void keep(struct ask *a, const struct device_record *d)
{
    a->found = d != NULL;
    if (d != NULL && !device_record_copy(&a->device, d))
        abort();
}

static void on_device(void *ctx, enum err why, const struct device_record *d)
{
    struct ask *a = ctx;
    a->why = why;
    keep(a, d);
    later(a, tell_device);
}

static void on_enrolled(void *ctx, enum enrol_result result, const struct device_record *d)
{
    struct ask *a = ctx;
    a->result = result;
    keep(a, d);
    later(a, tell_enrolled);
}

static void on_invitation(void *ctx, enum err why, const struct invitation *i)
{
    struct ask *a = ctx;
    a->why = why;
    a->found = i != NULL;
    if (i != NULL) {
        a->invitation = *i;
        a->invitation.id = copy(i->id);
        a->invitation.key_id = copy(i->key_id);
        a->invitation.names = (struct texts){0};
        a->invitation.labels = (struct tags){0};
        if (!texts_copy(&a->invitation.names, &i->names) ||
            !tags_copy(&a->invitation.labels, &i->labels))
            abort();
    }
    later(a, tell_invitation);
}

static bool pass_device(void *ctx, const struct device_record *d)
{
    const struct ask *a = ctx;
    return a->each_device(a->ctx, d);
}

static bool pass_invitation(void *ctx, const struct invitation *i)
{
    const struct ask *a = ctx;
    return a->each_invitation(a->ctx, i);
}

static void on_end(void *ctx, enum err why)
{
    struct ask *a = ctx;
    a->why = why;
    later(a, tell_end);
}

/* ---- devices ---- */

static void get(struct ask *a)
{
    device_registry_get(a->late->inner, span_of(a->name), on_device, a);
}

static void late_get(struct device_registry *r, struct span name, device_done *done, void *ctx)
{
    struct ask *a = ask_new(r, name, ctx);
    a->done = done;
    later(a, get);
}

static void get_azure(struct ask *a)
{
    device_registry_get_azure(a->late->inner, span_of(a->name), on_device, a);
}

static void late_get_azure(struct device_registry *r, struct span id, device_done *done, void *ctx)
{
    struct ask *a = ask_new(r, id, ctx);
    a->done = done;
    later(a, get_azure);
}

static void create(struct ask *a)
{
    const struct device_creation c = {.name = a->name,
                                      .azure_id = a->azure_id,
                                      .labels = &a->add,
                                      .sealed = a->sealed.sealed,
                                      .n_sealed = a->sealed.n_sealed};
    device_registry_create(a->late->inner, &c, on_device, a);
}

static void late_create(struct device_registry *r, const struct device_creation *c,
                        device_done *done, void *ctx)
{
    struct ask *a = ask_new(r, span_of(c->name), ctx);
    a->done = done;
    a->azure_id = copy(c->azure_id);
    if ((c->labels != NULL && !tags_copy(&a->add, c->labels)) ||
        !device_record_seal(&a->sealed, c->sealed, c->n_sealed))
        abort();
    later(a, create);
}

static void topics(struct ask *a)
{
    device_registry_topics(a->late->inner, span_of(a->name), a->topics, on_device, a);
}

static void late_topics(struct device_registry *r, struct span name, uint32_t to, device_done *done,
                        void *ctx)
{
    struct ask *a = ask_new(r, name, ctx);
    a->done = done;
    a->topics = to;
    later(a, topics);
}

static void page(struct ask *a)
{
    device_registry_page(
        a->late->inner,
        &(struct device_page){.after = a->name, .each = pass_device, .done = on_end}, a);
}

static void late_page(struct device_registry *r, const struct device_page *q, void *ctx)
{
    struct ask *a = ask_new(r, span_of(q->after), ctx);
    a->each_device = q->each;
    a->ended = q->done;
    later(a, page);
}

static void enrol(struct ask *a)
{
    const struct enrolment e = {.name = span_of(a->name),
                                .key = a->has_key ? a->key : NULL,
                                .join_token = span_of(a->token),
                                .services = a->has_services ? &a->services : NULL,
                                .version = a->version,
                                .address = a->address,
                                .approve_all = a->approve_all};
    device_registry_enrol(a->late->inner, &e, on_enrolled, a);
}

static void late_enrol(struct device_registry *r, const struct enrolment *e, enrol_done *done,
                       void *ctx)
{
    struct ask *a = ask_new(r, e->name, ctx);
    a->enrolled = done;
    a->has_key = e->key != NULL;
    if (a->has_key)
        memcpy(a->key, e->key, sizeof a->key);
    a->token = must(span_dup(e->join_token));
    a->has_services = e->services != NULL;
    if (a->has_services && !texts_copy(&a->services, e->services))
        abort();
    a->version = copy(e->version);
    a->address = copy(e->address);
    a->approve_all = e->approve_all;
    later(a, enrol);
}

static void late_seen(struct device_registry *r, struct span name, const struct device_sighting *s)
{
    device_registry_seen(late_of(r)->inner, name, s);
}

static bool on_permits(void *ctx, const struct device_record *d, const struct tags *after)
{
    const struct ask *a = ctx;
    return a->permits == NULL || a->permits(a->ctx, d, after);
}

static enum err on_reseal(void *ctx, struct device_record *next)
{
    const struct ask *a = ctx;
    return a->reseal == NULL ? ERR_OK : a->reseal(a->ctx, next);
}

static void update(struct ask *a)
{
    const struct device_update u = {.state = a->has_state ? &a->state : NULL,
                                    .add = &a->add,
                                    .remove = &a->remove,
                                    .permits = on_permits,
                                    .reseal = on_reseal};
    device_registry_update(a->late->inner, span_of(a->name), &u, on_device, a);
}

static void late_update(struct device_registry *r, struct span name, const struct device_update *u,
                        device_done *done, void *ctx)
{
    struct ask *a = ask_new(r, name, ctx);
    a->done = done;
    a->has_state = u->state != NULL;
    a->state = a->has_state ? *u->state : DEVICE_PENDING;
    a->permits = u->permits;
    a->reseal = u->reseal;
    if ((u->add != NULL && !tags_copy(&a->add, u->add)) ||
        (u->remove != NULL && !texts_copy(&a->remove, u->remove)))
        abort();
    later(a, update);
}

static void reset(struct ask *a)
{
    device_registry_reset(a->late->inner, span_of(a->name), on_device, a);
}

static void late_reset(struct device_registry *r, struct span name, device_done *done, void *ctx)
{
    struct ask *a = ask_new(r, name, ctx);
    a->done = done;
    later(a, reset);
}

static void remove_device(struct ask *a)
{
    device_registry_remove(a->late->inner, span_of(a->name), on_device, a);
}

static void late_remove(struct device_registry *r, struct span name, device_done *done, void *ctx)
{
    struct ask *a = ask_new(r, name, ctx);
    a->done = done;
    later(a, remove_device);
}

/* ---- invitations ---- */

static void invite(struct ask *a)
{
    device_registry_invite(a->late->inner, &a->to_invite, a->join_token, a->max_of_key,
                           on_invitation, a);
}

static void late_invite(struct device_registry *r, struct invitation *i, const char *join_token,
                        size_t max_of_key, invitation_done *done, void *ctx)
{
    struct ask *a = ask_new(r, span_of(""), ctx);
    a->invited = done;
    a->to_invite = *i;
    *i = (struct invitation){0};
    a->token = copy(join_token);
    a->join_token = a->token;
    a->max_of_key = max_of_key;
    later(a, invite);
}

static void invitations(struct ask *a)
{
    device_registry_invitations(a->late->inner,
                                &(struct invitation_page){.after = span_of(a->name),
                                                          .each = pass_invitation,
                                                          .done = on_end},
                                a);
}

static void late_invitations(struct device_registry *r, const struct invitation_page *q, void *ctx)
{
    struct ask *a = ask_new(r, q->after, ctx);
    a->each_invitation = q->each;
    a->ended = q->done;
    later(a, invitations);
}

static void invitation(struct ask *a)
{
    device_registry_invitation(a->late->inner, span_of(a->name), on_invitation, a);
}

static void late_invitation(struct device_registry *r, struct span id, invitation_done *done,
                            void *ctx)
{
    struct ask *a = ask_new(r, id, ctx);
    a->invited = done;
    later(a, invitation);
}

static void uninvite(struct ask *a)
{
    device_registry_uninvite(a->late->inner, span_of(a->name), on_invitation, a);
}

static void late_uninvite(struct device_registry *r, struct span id, invitation_done *done,
                          void *ctx)
{
    struct ask *a = ask_new(r, id, ctx);
    a->invited = done;
    later(a, uninvite);
}

/* ---- the rest ---- */

static const struct store_companion *late_companion(struct device_registry *r)
{
    return device_registry_companion(late_of(r)->inner);
}

static void late_limit(struct device_registry *r, size_t max_devices)
{
    device_registry_limit(late_of(r)->inner, max_devices);
}

static struct device_counts late_counts(const struct device_registry *r)
{
    return device_registry_counts(((const struct late *)r)->inner);
}

static void late_each(const struct device_registry *r,
                      void (*take)(void *to, const struct device_record *d), void *to)
{
    device_registry_each(((const struct late *)r)->inner, take, to);
}

static void pass_enrolled(void *owner, const struct device_record *d)
{
    device_registry_tell_enrolled(owner, d);
}

static void pass_changed(void *owner, const struct device_record *d, enum device_state before)
{
    device_registry_tell_changed(owner, d, before);
}

static void pass_reset(void *owner, const struct device_record *d)
{
    device_registry_tell_reset(owner, d);
}

static void pass_removed(void *owner, const struct device_record *d)
{
    device_registry_tell_removed(owner, d);
}

static void late_free(struct device_registry *r)
{
    struct late *l = late_of(r);
    while (!list_empty(&l->asks))
        on_turn(l);
    device_registry_free(l->inner);
    timer_free(l->timer);
    free(l);
}

struct device_registry *late_devices_new(struct loop *loop, struct device_registry *inner)
{
    static const struct device_registry_ops ops = {
        .free = late_free,
        .companion = late_companion,
        .limit = late_limit,
        .counts = late_counts,
        .each = late_each,
        .get = late_get,
        .get_azure = late_get_azure,
        .create = late_create,
        .topics = late_topics,
        .page = late_page,
        .enrol = late_enrol,
        .seen = late_seen,
        .update = late_update,
        .reset = late_reset,
        .remove = late_remove,
        .invite = late_invite,
        .invitations = late_invitations,
        .invitation = late_invitation,
        .uninvite = late_uninvite,
    };
    static const struct device_events events = {.enrolled = pass_enrolled,
                                                .changed = pass_changed,
                                                .reset = pass_reset,
                                                .removed = pass_removed};
    struct late *l = must(calloc(1, sizeof *l));
    device_registry_init(&l->registry, &ops);
    l->inner = inner;
    l->timer = must(timer_new(loop, on_turn, l));
    list_init(&l->asks);
    l->subscriber = (struct device_subscriber){.events = &events, .owner = &l->registry};
    device_registry_subscribe(inner, &l->subscriber);
    return &l->registry;
}
