#include "gateway/hub/redis/redis_command.h"

#include <stdlib.h>

struct redis_command *redis_command_new(const struct span *args, size_t n)
{
    struct redis_command *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    list_init(&c->node);
    list_init(&c->all);
    c->slot = REDIS_SLOT_ANY;
    c->text.limit = REDIS_COMMAND_MAX;
    bool fine = n <= REDIS_ARGS_MAX && buf_printf(&c->text, "*%zu\r\n", n);
    for (size_t i = 0; fine && i < n; i++)
        fine = buf_printf(&c->text, "$%zu\r\n", args[i].n) &&
               buf_append(&c->text, args[i].p, args[i].n) && buf_append(&c->text, "\r\n", 2);
    if (!fine)
        c->why = ERR_TOO_LARGE;
    return c;
}

void redis_command_free(struct redis_command *c)
{
    if (c == NULL)
        return;
    list_remove(&c->node);
    list_remove(&c->all);
    buf_wipe(&c->text);
    free(c);
}
