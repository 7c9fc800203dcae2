#include "gateway/hub/relay/registration.h"

#include <stdlib.h>

void registration_free(struct registration *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->n_services; i++)
        free(t->services[i]);
    free(t->services);
    free(t->return_message);
    free(t->label);
    free(t->device);
    free(t->tunnel);
    free(t);
}
