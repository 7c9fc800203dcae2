#include "core/base/service_id.h"

#include <string.h>

bool service_id_is(struct span s)
{
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_-";
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || strchr(characters, s.p[i]) == NULL)
            return false;
    return s.n > 0 && s.n <= SERVICE_ID_MAX;
}
