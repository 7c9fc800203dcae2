#include "core/tls/alert.h"

const char *alert_name(int number)
{
    switch (number) {
#define X(name, value, text)                                                                       \
    case value:                                                                                    \
        return text;
        ALERT_TABLE(X)
#undef X
    default:
        return "unknown";
    }
}
