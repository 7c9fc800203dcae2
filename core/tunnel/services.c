/* The services of a session: what SERVICE_IDS said, and which one a frame means. */
#include "core/tunnel/internal.h"

#include <stdlib.h>

void session_free_services(struct session *s)
{
    for (size_t i = 0; i < s->n_services; i++)
        free(s->services[i].id);
    free(s->services);
    free(s->ids);
    s->services = NULL;
    s->ids = NULL;
    s->n_services = s->n_ids = 0;
}

static struct service *service_named(struct session *s, struct span id)
{
    for (size_t i = 0; i < s->n_services; i++)
        if (span_is(id, s->services[i].id))
            return &s->services[i];
    return NULL;
}

struct service *session_find_service(struct session *s, struct span id, int32_t stream)
{
    struct service *exact = service_named(s, id);
    if (exact != NULL || id.n > 0)
        return exact;
    for (size_t i = 0; i < s->n_services; i++)
        if (s->services[i].nameless && s->services[i].stream == stream)
            return &s->services[i];
    return s->n_services == 1 || (s->n_services > 0 && s->version == 1) ? &s->services[0] : NULL;
}

static bool add_service(struct session *s, struct span id)
{
    char *copy = span_dup(id);
    if (copy == NULL)
        return false;
    struct service *service = &s->services[s->n_services++];
    service->id = copy;
    list_init(&service->conns);
    return true;
}

/* Fills s->services from the list; an empty list is one service without a name. */
bool session_take_services(struct session *s, const struct frame *f)
{
    size_t n = f->n_services > 0 ? f->n_services : 1;
    s->services = calloc(n, sizeof *s->services);
    s->ids = calloc(n, sizeof *s->ids);
    if (s->services == NULL || s->ids == NULL)
        return false;
    for (size_t i = 0; i < f->n_services; i++)
        if (f->services[i].n > 0 && service_named(s, f->services[i]) == NULL &&
            !add_service(s, f->services[i]))
            return false;
    s->n_ids = s->n_services;
    for (size_t i = 0; i < s->n_ids; i++)
        s->ids[i] = s->services[i].id;
    return s->n_services > 0 || add_service(s, span_of(""));
}

/* The list stays, for connections that are still there; what the protocol said of it does not. */
void session_renew_services(struct session *s)
{
    for (size_t i = 0; i < s->n_services; i++) {
        struct service *service = &s->services[i];
        service->stream = service->orphan = 0;
        service->nameless = service->numbered = false;
        service->last_connection = 0;
    }
}

bool session_same_services(struct session *s, const struct frame *f)
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
