/* Bytes of a token (RFC 9110 section 5.6.2): private to core/http. */
#ifndef CORE_HTTP_TOKEN_H
#define CORE_HTTP_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool is_token_byte(uint8_t c)
{
    return c > ' ' && c < 127 && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

#endif
