#include "gateway/hub/devices/device_requests.h"

#include <stdlib.h>
#include <string.h>

static bool keep(char **to, const char *from)
{
    *to = str_copy(from);
    return from == NULL || *to != NULL;
}

bool kept_enrolment_keep(struct kept_enrolment *to, const struct enrolment *from)
{
    bool services = from->services != NULL;
    to->name = span_dup(from->name);
    to->join_token = from->join_token.n > 0 ? span_dup(from->join_token) : NULL;
    if (from->key != NULL)
        memcpy(to->key, from->key, sizeof to->key);
    bool fine = to->name != NULL && (from->join_token.n == 0 || to->join_token != NULL) &&
                keep(&to->version, from->version) && keep(&to->address, from->address) &&
                (!services || texts_copy(&to->services, from->services));
    to->sighting = (struct device_sighting){.address = to->address,
                                            .version = to->version,
                                            .services = services ? &to->services : NULL};
    to->e = (struct enrolment){.name = span_of(to->name),
                               .key = from->key != NULL ? to->key : NULL,
                               .join_token = span_of(to->join_token),
                               .services = to->sighting.services,
                               .version = to->version,
                               .address = to->address,
                               .approve_all = from->approve_all};
    return fine;
}

void kept_enrolment_drop(struct kept_enrolment *k)
{
    free(k->name);
    free(k->version);
    free(k->address);
    if (k->join_token != NULL)
        explicit_bzero(k->join_token, strlen(k->join_token));
    free(k->join_token);
    texts_free(&k->services);
}

bool kept_update_keep(struct kept_update *to, const struct device_update *from)
{
    to->state = from->state != NULL ? *from->state : DEVICE_PENDING;
    bool fine = (from->add == NULL || tags_copy(&to->add, from->add)) &&
                (from->remove == NULL || texts_copy(&to->remove, from->remove));
    to->u = (struct device_update){.state = from->state != NULL ? &to->state : NULL,
                                   .add = &to->add,
                                   .remove = &to->remove,
                                   .permits = from->permits,
                                   .reseal = from->reseal};
    return fine;
}

void kept_update_drop(struct kept_update *k)
{
    tags_free(&k->add);
    texts_free(&k->remove);
}
