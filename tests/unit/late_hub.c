/* tunnel-hub on registries that answer late: its calls of registry_new and device_registry_new come
 * here. */
#include "tests/unit/late_devices.h"
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

struct device_registry *__real_device_registry_new(const struct device_registry_options *o);
struct device_registry *__wrap_device_registry_new(const struct device_registry_options *o);

struct device_registry *__wrap_device_registry_new(const struct device_registry_options *o)
{
    struct device_registry *r = __real_device_registry_new(o);
    return r != NULL ? late_devices_new(o->loop, r) : NULL;
}
