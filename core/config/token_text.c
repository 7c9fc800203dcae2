#include "core/config/token_text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool starts(struct span s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

static bool ends(struct span s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p + s.n - n, with, n) == 0;
}

/* What is around a text without being seen: blanks, a no-break space, a space without width (copied
 * from a page), a mark. */
static const char *const unseen[] = {" ", "\t", "\r", "\xc2\xa0", "\xe2\x80\x8b", "\xef\xbb\xbf"};

static struct span trim(struct span s)
{
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen;) {
        size_t n = strlen(unseen[i]);
        if (starts(s, unseen[i]))
            s = (struct span){s.p + n, s.n - n};
        else if (ends(s, unseen[i]))
            s.n -= n;
        else {
            i++;
            continue;
        }
        i = 0;
    }
    return s;
}

/* NAME_TOKEN=, perhaps after "export": what is behind it. A token may have "=" at its end, but none
 * is of capitals alone. */
static struct span without_name(struct span s)
{
    struct span rest = trim(starts(s, "export ") ? (struct span){s.p + 7, s.n - 7} : s);
    struct span whole = rest, name = span_cut(&rest, '=');
    if (name.n == whole.n)
        return s;
    name = trim(name);
    for (size_t i = 0; i < name.n; i++)
        if (!isupper((unsigned char)name.p[i]) && name.p[i] != '_')
            return s;
    return ends(name, "TOKEN") ? trim(rest) : s;
}

static struct span without_quotes(struct span s)
{
    bool quoted = s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0];
    return quoted ? trim((struct span){s.p + 1, s.n - 2}) : s;
}

/* UTF-16 of ASCII, as bytes; NULL: memory, or other characters are in it. */
static char *narrow(struct span s, bool big_endian, size_t *n)
{
    char *out = malloc(s.n / 2 + 1);
    *n = 0;
    for (size_t i = 2; out != NULL && i + 1 < s.n; i += 2) {
        char high = s.p[i + !big_endian], low = s.p[i + big_endian];
        if (high != 0 || low == 0 || (unsigned char)low > 127) {
            explicit_bzero(out, *n);
            free(out);
            return NULL;
        }
        out[(*n)++] = low;
    }
    return out;
}

static const char *find(struct span text, char **token)
{
    struct span line = {.n = 0};
    while (text.n > 0 && (line.n == 0 || line.p[0] == '#'))
        line = trim(span_cut(&text, '\n'));
    if (line.n > 0 && (line.p[0] == '{' || line.p[0] == '['))
        return "has JSON in it: the token alone belongs there";
    line = without_quotes(without_name(without_quotes(line)));
    if (line.n == 0 || line.p[0] == '#')
        return "has no token in it";
    *token = span_dup(line);
    return *token != NULL ? NULL : "does not fit into memory";
}

const char *token_text(struct span text, char **token)
{
    bool little = starts(text, "\xff\xfe"), big = starts(text, "\xfe\xff");
    size_t n;
    *token = NULL;
    if (!little && !big)
        return find(text, token);
    char *bytes = narrow(text, big, &n);
    if (bytes == NULL)
        return "is UTF-16 with characters that no token has";
    const char *problem = find((struct span){bytes, n}, token);
    explicit_bzero(bytes, n);
    free(bytes);
    return problem;
}
