#include "core/base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The texts stand one behind the other: a pointer to each would have to be relocated at the start
 * of a position-independent program, which takes 12 bytes of it, or 32 where pointers have 64 bits.
 */
static const struct texts {
#define X(name, text, socks, http) char name_##name[sizeof #name], text_##name[sizeof(text)];
    ERR_TABLE(X)
#undef X
} texts = {
#define X(name, text, socks, http) #name, text,
    ERR_TABLE(X)
#undef X
};

static const struct {
    uint16_t name, text; /* where in `texts` */
    uint16_t socks5, http;
} table[ERR_COUNT] = {
#define X(name, text, socks, http)                                                                 \
    {offsetof(struct texts, name_##name), offsetof(struct texts, text_##name), socks, http},
    ERR_TABLE(X)
#undef X
};

const char *err_name(enum err e)
{
    static _Thread_local char names[ERR_COUNT][24];
    if (names[e][0] == '\0') {
        const char *from = (const char *)&texts + table[e].name;
        for (size_t i = 0; from[i] != '\0' && i < sizeof names[e] - 1; i++)
            names[e][i] = from[i] == '_' ? '-' : (char)tolower((unsigned char)from[i]);
    }
    return names[e];
}

const char *err_text(enum err e)
{
    return (const char *)&texts + table[e].text;
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
