#include "gateway/hub/registry/device_record.h"

#include <stdlib.h>
#include <string.h>

static const char *const states[DEVICE_STATE_COUNT] = {
#define X(name, text) [DEVICE_##name] = text,
    DEVICE_STATE_TABLE(X)
#undef X
};

const char *device_state_name(enum device_state s)
{
    return states[s];
}

bool device_state_from(struct span name, enum device_state *out)
{
    for (int i = 0; i < DEVICE_STATE_COUNT; i++) {
        if (span_is(name, states[i])) {
            *out = (enum device_state)i;
            return true;
        }
    }
    return false;
}

void device_record_free(struct device_record *d)
{
    free(d->name);
    free(d->invitation);
    free(d->last_address);
    free(d->version);
    free(d->azure_id);
    free(d->sealed);
    tags_free(&d->labels);
    texts_free(&d->services);
    *d = (struct device_record){0};
}

bool device_record_copy(struct device_record *to, const struct device_record *from)
{
    *to = *from;
    to->node = NULL;
    to->labels = (struct tags){0};
    to->services = (struct texts){0};
    to->name = strdup(from->name);
    to->invitation = strdup(from->invitation);
    to->last_address = strdup(from->last_address);
    to->version = strdup(from->version);
    to->azure_id = str_copy(from->azure_id);
    to->sealed = NULL;
    return to->name != NULL && to->invitation != NULL && to->last_address != NULL &&
           to->version != NULL && (from->azure_id == NULL || to->azure_id != NULL) &&
           device_record_seal(to, from->sealed, from->n_sealed) &&
           tags_copy(&to->labels, &from->labels) && texts_copy(&to->services, &from->services);
}

bool device_record_seal(struct device_record *d, const uint8_t *sealed, size_t n)
{
    uint8_t *copy = n > 0 ? malloc(n) : NULL;
    if (n > 0 && copy == NULL)
        return false;
    if (n > 0)
        memcpy(copy, sealed, n);
    free(d->sealed);
    d->sealed = copy;
    d->n_sealed = n;
    return true;
}
