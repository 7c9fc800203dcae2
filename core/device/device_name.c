#include "core/device/device_name.h"

#include "core/base/service_id.h"

/* Things and services have the same alphabet and length (AWS's OpenTunnel). */
bool device_name_valid(struct span name)
{
    return service_id_is(name);
}

static char folded(char c)
{
    if (c == ':' || c == '_')
        return '-';
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool device_name_fold(struct span name, char out[DEVICE_NAME_MAX + 1])
{
    bool valid = device_name_valid(name);
    size_t n = valid ? name.n : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = folded(name.p[i]);
    out[n] = '\0';
    return valid;
}
