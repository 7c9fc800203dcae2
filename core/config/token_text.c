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

/* Invisible text around a token: blanks, a no-break space, a zero-width space (copied from a page),
 * a byte order mark. */
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

static bool ends_in_token(struct span name)
{
    return name.n >= 5 && span_is_nocase((struct span){name.p + name.n - 5, 5}, "token");
}

/* Whether a name is that of an environment variable, which ends at "=" whatever follows. */
static bool is_variable(struct span name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!isupper((unsigned char)name.p[i]) && name.p[i] != '_')
            return false;
    return true;
}

static const char *const quotes[][2] = {
    {"\"", "\""}, {"'", "'"}, {"\xe2\x80\x9c", "\xe2\x80\x9d"}, {"\xe2\x80\x98", "\xe2\x80\x99"}};

/* Takes quotes of any kind off, also the curly ones of word processors, and the comma after them in
 * JSON. Quotes with others in between belong to two texts. */
static struct span without_quotes(struct span s)
{
    struct span whole = ends(s, ",") ? trim((struct span){s.p, s.n - 1}) : s;
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        size_t before = strlen(quotes[i][0]), after = strlen(quotes[i][1]);
        if (whole.n < before + after || !starts(whole, quotes[i][0]) || !ends(whole, quotes[i][1]))
            continue;
        struct span inner = {whole.p + before, whole.n - before - after};
        if (memmem(inner.p, inner.n, quotes[i][1], after) == NULL)
            return trim(inner);
    }
    return s;
}

/* Takes a name off: NAME_TOKEN=, perhaps after "export", or "accessToken": and its like, followed
 * by a blank or quote, as YAML, JSON and people write it. A token may have "=" at its end, but no
 * blank in it. */
static struct span without_name(struct span s)
{
    struct span text = trim(starts(s, "export ") ? (struct span){s.p + 7, s.n - 7} : s);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '=' && text.p[i] != ':')
            continue;
        struct span name = without_quotes(trim((struct span){text.p, i}));
        struct span rest = {text.p + i + 1, text.n - i - 1};
        bool apart = rest.n > 0 && strchr(" \t\"'", rest.p[0]) != NULL;
        bool named = ends_in_token(name) && (apart || (text.p[i] == '=' && is_variable(name)));
        return named ? trim(rest) : s;
    }
    return s;
}

/* Turns UTF-16 of ASCII into bytes; NULL: no memory, or it has other characters. */
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
