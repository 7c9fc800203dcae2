#include "core/base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *text;
    int socks5, http;
} table[ERR_COUNT] = {
#define X(name, text, socks, http) {#name, text, socks, http},
    ERR_TABLE(X)
#undef X
};

const char *err_name(enum err e)
{
    static _Thread_local char names[ERR_COUNT][24];
    if (names[e][0] == '\0') {
        const char *from = table[e].name;
        for (size_t i = 0; from[i] != '\0' && i < sizeof names[e] - 1; i++)
            names[e][i] = from[i] == '_' ? '-' : (char)tolower((unsigned char)from[i]);
    }
    return names[e];
}

const char *err_text(enum err e)
{
    return table[e].text;
}

bool err_is_end(enum err e)
{
    static const bool ends[ERR_COUNT] = {
        [ERR_OK] = true,
        [ERR_EOF] = true,
        [ERR_CLIENT_CLOSED] = true,
        [ERR_SERVICE_CLOSED] = true,
    };
    return ends[e];
}

int err_socks5(enum err e)
{
    return table[e].socks5;
}

int err_http(enum err e)
{
    return table[e].http;
}

enum err err_from_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERMISSION;
    case EISDIR:
        return ERR_UNSUPPORTED;
    case ENOMEM:
        return ERR_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        return ERR_NO_DESCRIPTORS;
    default:
        return ERR_IO;
    }
}
