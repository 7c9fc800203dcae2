#include "gateway/hub/registry/invitation.h"

#include <stdlib.h>

void invitation_free(struct invitation *i)
{
    free(i->id);
    free(i->key_id);
    texts_free(&i->names);
    tags_free(&i->labels);
    *i = (struct invitation){0};
}
