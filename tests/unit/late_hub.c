/* tunnel-hub on a registry that answers late: main.c's call of registry_new comes here. */
#include "tests/unit/late_registry.h"

struct registry *__real_registry_new(const struct registry_options *o, enum err *why, char *text,
                                     size_t size);
struct registry *__wrap_registry_new(const struct registry_options *o, enum err *why, char *text,
                                     size_t size);

struct registry *__wrap_registry_new(const struct registry_options *o, enum err *why, char *text,
                                     size_t size)
{
    struct registry *r = __real_registry_new(o, why, text, size);
    return r != NULL ? late_registry_new(o->loop, r) : NULL;
}
