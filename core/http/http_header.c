#include "core/http/http.h"

#include "core/base/encoding.h"

#include <stdlib.h>
#include <string.h>

struct span http_header(const struct http_head *h, const char *name)
{
    for (size_t i = 0; i < h->n_headers; i++)
        if (span_is_nocase(h->headers[i].name, name))
            return h->headers[i].value;
    return (struct span){NULL, 0};
}

size_t http_header_count(const struct http_head *h, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < h->n_headers; i++)
        count += span_is_nocase(h->headers[i].name, name);
    return count;
}

bool http_header_has(const struct http_head *h, const char *name, const char *token)
{
    for (size_t i = 0; i < h->n_headers; i++) {
        struct span rest = h->headers[i].value;
        if (!span_is_nocase(h->headers[i].name, name))
            continue;
        while (rest.n > 0)
            if (span_is_nocase(span_trim(span_cut(&rest, ',')), token))
                return true;
    }
    return false;
}

/* RFC 7617: neither user nor password has control characters. */
static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
            return false;
    return true;
}

static bool split_credentials(struct span s, char **user, char **password)
{
    if (s.n == 0 || memchr(s.p, ':', s.n) == NULL || !is_plain(s))
        return false;
    struct span name = span_cut(&s, ':');
    *user = span_dup(name);
    *password = span_dup(s);
    if (*user != NULL && *password != NULL)
        return true;
    free(*user);
    free(*password);
    return false;
}

bool http_basic(struct span value, char **user, char **password)
{
    struct span rest = span_trim(value);
    if (!span_is_nocase(span_cut(&rest, ' '), "Basic"))
        return false;
    rest = span_trim(rest);
    size_t room = rest.n / 4 * 3 + 1;
    uint8_t *plain = malloc(room);
    if (plain == NULL)
        return false;
    long n = base64_decode(rest, plain);
    bool ok = n > 0 && split_credentials((struct span){(char *)plain, (size_t)n}, user, password);
    explicit_bzero(plain, room);
    free(plain);
    return ok;
}
