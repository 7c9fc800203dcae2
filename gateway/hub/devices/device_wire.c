#include "gateway/hub/devices/device_wire.h"

#include <stdlib.h>
#include <string.h>

void device_ticket_free(struct device_ticket *t)
{
    if (t == NULL)
        return;
    free(t->device);
    free(t->client_id);
    free(t->return_message);
    free(t);
}

void device_letter_free(struct device_letter *l)
{
    if (l == NULL)
        return;
    explicit_bzero(l->bytes, l->n_room + l->size);
    free(l);
}
