#include "gateway/source/service_traits.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum said { NOTHING, YES, NO };

struct trait_entry {
    char *id;
    enum said said[TRAIT_COUNT];
};

void service_traits_free(struct service_traits *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->items[i].id);
    free(t->items);
    *t = (struct service_traits){.n = 0};
}

static struct trait_entry *find(const struct service_traits *t, struct span id)
{
    for (size_t i = 0; i < t->n; i++)
        if (span_is(id, t->items[i].id))
            return &t->items[i];
    return NULL;
}

static enum err add(struct service_traits *t, struct span id)
{
    if (t->n == SERVICE_TRAITS_MAX)
        return ERR_LIMIT;
    struct trait_entry *items = realloc(t->items, (t->n + 1) * sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    t->items = items;
    items[t->n] = (struct trait_entry){.id = span_dup(id)};
    if (items[t->n].id == NULL)
        return ERR_NO_MEMORY;
    t->n++;
    return ERR_OK;
}

enum err service_traits_set(struct service_traits *t, struct span id, enum trait trait, bool yes)
{
    enum err why = find(t, id) != NULL ? ERR_OK : add(t, id);
    if (why == ERR_OK)
        find(t, id)->said[trait] = yes ? YES : NO;
    return why;
}

static enum said said_of(const struct service_traits *t, const char *id, enum trait trait)
{
    const struct trait_entry *e = find(t, span_of(id));
    return e != NULL ? e->said[trait] : NOTHING;
}

/* Returns what was said of the service itself, else what was said of every service. */
static enum said said(const struct service_traits *t, const char *service, enum trait trait)
{
    enum said own = said_of(t, service[0] != '\0' ? service : SERVICE_TRAITS_NAMELESS, trait);
    return own != NOTHING ? own : said_of(t, SERVICE_TRAITS_ANY, trait);
}

static bool begins_so(const char *service)
{
    static const char *const prefixes[] = {"HTTP", "WEB"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncasecmp(service, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

bool service_traits_has(const struct service_traits *t, const char *service, enum trait trait)
{
    enum trait other = trait == TRAIT_HTTP ? TRAIT_CLIENT_FIRST : TRAIT_HTTP;
    enum said of_it = said(t, service, trait);
    if (of_it != NOTHING)
        return of_it == YES;
    return said(t, service, other) == YES || begins_so(service);
}
