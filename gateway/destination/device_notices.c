#include "gateway/destination/device_notices.h"

#include "core/base/list.h"
#include "core/base/log.h"
#include "gateway/destination/device_answers.h"

#include <stdlib.h>
#include <string.h>

struct device_notices {
    struct device_notices_options o;
    char *device;
    struct device_answers answers;
    struct list asked; /* of struct asked */
};

/* A notice that the device's own command is asked about. */
struct asked {
    struct list node;
    struct device_notices *d;
    struct device_request *request;
    struct acceptance_question *question;
};

/* Tells the log and the hub. */
static void answer(struct device_notices *d, const struct device_request *r, bool accepted,
                   enum device_code code, const char *why)
{
    const char *reason = why[0] != '\0' ? why : device_code_text(code);
    const struct log_field fields[] = {
        {"id", r->id, 0},
        {"service", r->service, 0},
        {"by", r->opened_by, 0},
        {"why", r->why, 0},
        {"accepted", accepted ? "yes" : "no", 0},
        {"reason", reason, 0}, /* of a rejection */
    };
    log_event(LOG_INFO, "notice", fields, sizeof fields / sizeof *fields - accepted);
    device_answers_keep(&d->answers, r->id, accepted, code, why);
    d->o.answer(d->o.owner, span_of(r->id), accepted, code, span_of(why));
}

/* The tunnel is begun before the hub is told: by the time that the source comes, it is on its way.
 */
static void decide(struct device_notices *d, const struct device_request *r, bool accepted,
                   enum device_code code, const char *why)
{
    if (accepted && !accepted_tunnels_room(d->o.tunnels, r->tunnel)) {
        accepted = false;
        code = DEVICE_CODE_BUSY;
    }
    if (accepted && !accepted_tunnels_open(d->o.tunnels, r, d->o.session(d->o.owner))) {
        accepted = false;
        code = DEVICE_CODE_BUSY;
        why = err_text(ERR_NO_MEMORY);
    }
    answer(d, r, accepted, code, why);
}

static void free_asked(struct asked *a)
{
    list_remove(&a->node);
    device_request_free(a->request);
    free(a);
}

static void on_decided(void *owner, bool accepted, enum device_code code, const char *why)
{
    struct asked *a = owner;
    decide(a->d, a->request, accepted, code, why);
    a->question = NULL;
    free_asked(a);
}

/* Whether something of what is wanted is mapped here. */
static bool serves(const struct services *map, const struct hub_notice *n)
{
    char id[SERVICE_ID_MAX + 1];
    for (size_t i = 0; i <= n->n_services; i++) {
        struct span wanted = i < n->n_services ? n->services[i] : n->service;
        if (wanted.n == 0 || (n->service.n > 0 && !span_equal(wanted, n->service)))
            continue;
        memcpy(id, wanted.p, wanted.n);
        id[wanted.n] = '\0';
        if (services_find(map, id) != NULL)
            return true;
    }
    return n->service.n == 0 && n->n_services == 0;
}

static bool is_asked(const struct device_notices *d, struct span id)
{
    list_each(node, &d->asked)
    {
        if (span_is(id, list_entry(node, struct asked, node)->request->id))
            return true;
    }
    return false;
}

static void ask(struct device_notices *d, struct device_request *r)
{
    struct asked *a = calloc(1, sizeof *a);
    if (a == NULL) {
        answer(d, r, false, DEVICE_CODE_BUSY, err_text(ERR_NO_MEMORY));
        device_request_free(r);
        return;
    }
    *a = (struct asked){.d = d, .request = r};
    list_init(&a->node);
    list_append(&d->asked, &a->node);
    struct acceptance_question *q = acceptance_ask(d->o.acceptance, d->device, r, on_decided, a);
    if (q != NULL) /* else it is decided, and a is gone */
        a->question = q;
}

/* A hub that was not told the answer, since the link was lost, tells the notice again. */
void device_notices_take(struct device_notices *d, const struct services *map,
                         const struct hub_notice *n)
{
    const struct device_answer *known = device_answers_find(&d->answers, n->id);
    if (known != NULL) {
        d->o.answer(d->o.owner, n->id, known->accepted, known->code, span_of(known->why));
        return;
    }
    if (is_asked(d, n->id))
        return;
    struct device_request *r = device_request_new(n);
    if (r == NULL) {
        d->o.answer(d->o.owner, n->id, false, DEVICE_CODE_BUSY, span_of(""));
    } else if (!serves(map, n)) {
        answer(d, r, false, DEVICE_CODE_NOT_SERVED, "");
        device_request_free(r);
    } else {
        ask(d, r);
    }
}

void device_notices_withdraw(struct device_notices *d, struct span id)
{
    list_each(node, &d->asked)
    {
        struct asked *a = list_entry(node, struct asked, node);
        if (!span_is(id, a->request->id))
            continue;
        log_info("notice %s: withdrawn before it was decided", a->request->id);
        acceptance_cancel(a->question);
        free_asked(a);
    }
    accepted_tunnels_withdraw(d->o.tunnels, id);
}

/* ---- life ---- */

struct device_notices *device_notices_new(const struct device_notices_options *o)
{
    struct device_notices *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->o = *o;
    list_init(&d->asked);
    d->device = str_copy(o->device);
    if (d->device != NULL)
        return d;
    free(d);
    return NULL;
}

void device_notices_free(struct device_notices *d)
{
    if (d == NULL)
        return;
    while (!list_empty(&d->asked)) {
        struct asked *a = list_entry(d->asked.next, struct asked, node);
        acceptance_cancel(a->question);
        free_asked(a);
    }
    free(d->device);
    free(d);
}
