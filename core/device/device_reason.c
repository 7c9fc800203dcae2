#include "core/device/device_reason.h"

#include <stddef.h>

static const struct reason {
    const char *name, *text;
    enum device_retry retry;
} reasons[] = {
#define X(identifier, number, name, retry, text) [number] = {name, text, DEVICE_RETRY_##retry},
    DEVICE_REASONS(X)
#undef X
};

static const struct reason *reason_of(enum device_reason r)
{
    size_t i = (size_t)r;
    return &reasons[i < sizeof reasons / sizeof *reasons ? i : DEVICE_REASON_UNKNOWN];
}

const char *device_reason_name(enum device_reason r)
{
    return reason_of(r)->name;
}

const char *device_reason_text(enum device_reason r)
{
    return reason_of(r)->text;
}

enum device_retry device_reason_retry(enum device_reason r)
{
    return reason_of(r)->retry;
}

static const struct code {
    const char *name, *text;
} codes[] = {
#define X(identifier, number, name, text) [number] = {name, text},
    DEVICE_CODES(X)
#undef X
};

static const struct code *code_of(enum device_code c)
{
    size_t i = (size_t)c;
    return &codes[i < sizeof codes / sizeof *codes ? i : DEVICE_CODE_UNKNOWN];
}

const char *device_code_name(enum device_code c)
{
    return code_of(c)->name;
}

const char *device_code_text(enum device_code c)
{
    return code_of(c)->text;
}
