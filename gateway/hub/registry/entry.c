#include "gateway/hub/registry/entry.h"

#include <stdlib.h>

struct entry *entry_new(struct tunnel_record *r)
{
    struct entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->record = *r;
    *r = (struct tunnel_record){0};
    list_init(&e->node);
    list_init(&e->of_thing);
    list_init(&e->closed);
    list_init(&e->unstored);
    list_init(&e->taggings);
    e->end.due = e->record.expires;
    e->bytes = tunnel_record_size(&e->record);
    for (int side = 0; side < SIDE_COUNT; side++)
        list_init(&e->waiting[side]);
    return e;
}

static void entry_free(struct entry *e)
{
    tunnel_record_free(&e->record);
    free(e);
}

void entry_pin(struct entry *e)
{
    e->pins++;
}

void entry_unpin(struct entry *e)
{
    if (--e->pins == 0 && e->gone)
        entry_free(e);
}

void entry_drop(struct entry *e)
{
    list_remove(&e->closed);
    list_remove(&e->unstored);
    e->gone = true;
    if (e->pins == 0)
        entry_free(e);
}
