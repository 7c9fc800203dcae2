#include "gateway/destination/device_answers.h"

#include <stdio.h>

void device_answers_keep(struct device_answers *a, const char *id, bool accepted,
                         enum device_code code, const char *why)
{
    struct device_answer *one = &a->last[a->next];
    a->next = (a->next + 1) % DEVICE_ANSWERS_KEPT;
    *one = (struct device_answer){.accepted = accepted, .code = code};
    snprintf(one->id, sizeof one->id, "%s", id);
    snprintf(one->why, sizeof one->why, "%s", why);
}

const struct device_answer *device_answers_find(const struct device_answers *a, struct span id)
{
    for (size_t i = 0; i < DEVICE_ANSWERS_KEPT; i++)
        if (id.n > 0 && span_is(id, a->last[i].id))
            return &a->last[i];
    return NULL;
}
