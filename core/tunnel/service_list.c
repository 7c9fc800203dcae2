#include "core/tunnel/service_list.h"

#include <stdlib.h>

void service_list_free(struct service_list *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->all[i].id);
    free(s->all);
    free(s->ids);
    s->all = NULL;
    s->ids = NULL;
    s->n = s->n_ids = 0;
}

static struct service *service_named(const struct service_list *s, struct span id)
{
    for (size_t i = 0; i < s->n; i++)
        if (span_is(id, s->all[i].id))
            return &s->all[i];
    return NULL;
}

struct service *service_list_find(const struct service_list *s, int version, struct span id,
                                  int32_t stream)
{
    struct service *exact = service_named(s, id);
    if (exact != NULL || id.n > 0)
        return exact;
    for (size_t i = 0; i < s->n; i++)
        if (s->all[i].nameless && s->all[i].stream == stream)
            return &s->all[i];
    return s->n == 1 || (s->n > 0 && version == 1) ? &s->all[0] : NULL;
}

static bool add_service(struct service_list *s, struct span id)
{
    char *copy = span_dup(id);
    if (copy == NULL)
        return false;
    struct service *service = &s->all[s->n++];
    service->id = copy;
    list_init(&service->conns);
    return true;
}

bool service_list_take(struct service_list *s, const struct frame *f)
{
    size_t n = f->n_services > 0 ? f->n_services : 1;
    s->all = calloc(n, sizeof *s->all);
    s->ids = calloc(n, sizeof *s->ids);
    if (s->all == NULL || s->ids == NULL)
        return false;
    for (size_t i = 0; i < f->n_services; i++)
        if (f->services[i].n > 0 && service_named(s, f->services[i]) == NULL &&
            !add_service(s, f->services[i]))
            return false;
    s->n_ids = s->n;
    for (size_t i = 0; i < s->n_ids; i++)
        s->ids[i] = s->all[i].id;
    return s->n > 0 || add_service(s, span_of(""));
}

void service_list_renew(struct service_list *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct service *service = &s->all[i];
        service->stream = service->orphan = 0;
        service->nameless = service->numbered = false;
        service->last_connection = 0;
    }
}

void service_list_orphan(struct service_list *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->all[i].orphan = s->all[i].stream;
}

bool service_list_same(const struct service_list *s, const struct frame *f)
{
    size_t known = 0;
    for (size_t i = 0; i < f->n_services; i++) {
        if (service_named(s, f->services[i]) == NULL)
            return false;
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen || span_equal(f->services[i], f->services[k]);
        known += !seen;
    }
    return known == s->n_ids;
}
