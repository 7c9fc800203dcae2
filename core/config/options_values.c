/* Parses the values of options as numbers, times and sizes. */
#include "core/config/options.h"

#include "core/base/str.h"

#include <string.h>

enum err options_number(struct options *o, const char *name, uint64_t min, uint64_t max,
                        uint64_t *out)
{
    const char *value = options_get(o, name);
    uint64_t number;
    if (value == NULL)
        return ERR_OK;
    if (!str_number(span_of(value), max, &number) || number < min)
        return options_reject(o, name, "is not a number from %llu to %llu", (unsigned long long)min,
                              (unsigned long long)max);
    *out = number;
    return ERR_OK;
}

enum err options_duration(struct options *o, const char *name, uint64_t *ms)
{
    bool settings = options_source(o, name) == OPTION_SETTINGS;
    return options_duration_in(o, name, settings ? 1 : 0, ms);
}

enum err options_duration_in(struct options *o, const char *name, uint64_t bare, uint64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const char *value = options_get(o, name);
    if (value == NULL)
        return ERR_OK;
    size_t digits = strspn(value, "0123456789");
    const char *unit = value + digits;
    uint64_t zero = strcmp(value, "0") == 0;
    uint64_t factor = *unit != '\0' ? 0 : bare > 0 ? bare : zero, number;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].unit) == 0)
            factor = units[i].ms;
    /* The limit is a hundred years, so that sums of times do not overflow. */
    if (factor == 0 || !str_number((struct span){value, digits}, 3155760000000 / factor, &number))
        return options_reject(o, name, "is not a time: write 500ms, 20s, 5m, 12h or 7d");
    *ms = number * factor;
    return ERR_OK;
}

enum err options_size(struct options *o, const char *name, uint64_t min, uint64_t max,
                      uint64_t *out)
{
    static const char units[] = "KMG";
    const char *value = options_get(o, name);
    if (value == NULL)
        return ERR_OK;
    size_t digits = strspn(value, "0123456789");
    const char *unit = value[digits] != '\0' ? strchr(units, value[digits]) : NULL;
    uint64_t factor = unit != NULL ? (uint64_t)1024 << 10 * (unit - units) : 1, number;
    if (unit == NULL || value[digits + 1] != '\0' ||
        !str_number((struct span){value, digits}, max / factor, &number) || number * factor < min)
        return options_reject(o, name, "is not a size from %lluM to %lluM: write 64M or 1G",
                              (unsigned long long)(min >> 20), (unsigned long long)(max >> 20));
    *out = number * factor;
    return ERR_OK;
}

enum err options_copy(struct options *o, char **to, const char *text)
{
    *to = text != NULL ? span_dup(span_of(text)) : NULL;
    if (text == NULL || *to != NULL)
        return ERR_OK;
    options_fail(o, "out of memory");
    return ERR_NO_MEMORY;
}
