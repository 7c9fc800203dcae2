#include "gateway/source/names_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIXES_MAX 16
#define ALIASES_MAX 1024

struct alias {
    char *label, *target;
};

struct names {
    char *suffixes[SUFFIXES_MAX];
    size_t n_suffixes;
    struct alias *aliases;
    size_t n_aliases;
};

struct names *names_new(void)
{
    return calloc(1, sizeof(struct names));
}

void names_free(struct names *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->n_suffixes; i++)
        free(n->suffixes[i]);
    for (size_t i = 0; i < n->n_aliases; i++) {
        free(n->aliases[i].label);
        free(n->aliases[i].target);
    }
    free(n->aliases);
    free(n);
}

char names_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

char names_folded(char c)
{
    return c == ':' || c == '_' ? '-' : names_lower(c);
}

static bool host_character(char c)
{
    c = names_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_suffix(struct span s)
{
    if (s.n == 0 || s.n > NAMES_HOST_MAX || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!host_character(s.p[i]) || (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.')))
            return false;
    return true;
}

enum err names_add_suffix(struct names *n, const char *suffix)
{
    struct span s = span_trim(span_of(suffix));
    if (s.n > 0 && s.p[0] == '.')
        s = (struct span){s.p + 1, s.n - 1};
    if (!is_suffix(s))
        return ERR_USAGE;
    for (size_t i = 0; i < n->n_suffixes; i++)
        if (span_is_nocase(s, n->suffixes[i]))
            return ERR_OK;
    if (n->n_suffixes == SUFFIXES_MAX)
        return ERR_LIMIT;
    char *copy = span_dup(s);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    for (char *p = copy; *p != '\0'; p++)
        *p = names_lower(*p);
    n->suffixes[n->n_suffixes++] = copy;
    return ERR_OK;
}

const char *names_suffix_at(const struct names *n, size_t i)
{
    if (n->n_suffixes == 0)
        return i == 0 ? "tunnel" : NULL;
    return i < n->n_suffixes ? n->suffixes[i] : NULL;
}

const char *names_suffix(const struct names *n)
{
    return names_suffix_at(n, 0);
}

const char *names_alias_of(const struct names *n, struct span label)
{
    for (size_t i = 0; i < n->n_aliases; i++)
        if (span_is_nocase(label, n->aliases[i].label))
            return n->aliases[i].target;
    return NULL;
}

enum err names_add_alias(struct names *n, const char *label, const char *target)
{
    struct span l = span_trim(span_of(label)), t = span_trim(span_of(target));
    if (l.n == 0 || memchr(l.p, '.', l.n) != NULL || t.n == 0 || names_alias_of(n, l) != NULL)
        return ERR_USAGE;
    if (n->n_aliases == ALIASES_MAX)
        return ERR_LIMIT;
    struct alias *more = realloc(n->aliases, (n->n_aliases + 1) * sizeof *more);
    if (more == NULL)
        return ERR_NO_MEMORY;
    n->aliases = more;
    struct alias *a = &more[n->n_aliases];
    *a = (struct alias){span_dup(l), span_dup(t)};
    if (a->label == NULL || a->target == NULL) {
        free(a->label);
        free(a->target);
        return ERR_NO_MEMORY;
    }
    n->n_aliases++;
    return ERR_OK;
}

const char *names_alias_at(const struct names *n, size_t i)
{
    return i < n->n_aliases ? n->aliases[i].label : NULL;
}

/* ---- foreign names ---- */

bool names_is_address(struct span host)
{
    char text[64];
    unsigned char address[16];
    if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct span){host.p + 1, host.n - 2};
    if (host.n == 0 || host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* "tunnel" and ".tunnel" are ours, too: they lead nowhere, but no other resolver is to hear of
 * them. */
bool names_is_foreign(const struct names *n, struct span host, bool literal)
{
    const char *text;
    while (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    if (literal || names_is_address(host))
        return true;
    for (size_t i = 0; (text = names_suffix_at(n, i)) != NULL; i++) {
        struct span suffix = span_of(text), end = host;
        if (host.n < suffix.n)
            continue;
        end = (struct span){host.p + host.n - suffix.n, suffix.n};
        if (span_equal_nocase(end, suffix) && (end.p == host.p || end.p[-1] == '.'))
            return false;
    }
    return true;
}
