#include "gateway/hub/cluster/forward_ticket.h"

#include <stdlib.h>

void forward_ticket_free(struct forward_ticket *t)
{
    if (t == NULL)
        return;
    cluster_keys_free(t->keys);
    buf_wipe(&t->request);
    buf_free(&t->sorry);
    free(t->return_message);
    free(t);
}
