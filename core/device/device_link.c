#include "core/device/device_link.h"

bool device_link_token_is(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0 && s.n <= DEVICE_LINK_TOKEN_MAX;
}
