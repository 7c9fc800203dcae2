#include "core/base/glob.h"
#include "core/base/secret.h"
#include "gateway/hub/api/keys_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *const operation_names[] = {
#define X(name, text, whose) text,
    OPERATION_TABLE(X)
#undef X
};
static const char *const operation_services[] = {
#define X(name, text, whose) OPERATION_SERVICE_##whose,
    OPERATION_TABLE(X)
#undef X
};

const char *operation_name(enum operation o)
{
    return operation_names[o];
}

const char *operation_service(enum operation o)
{
    return operation_services[o];
}

bool operation_from(struct span name, enum operation *out)
{
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (span_is(name, operation_names[i])) {
            *out = (enum operation)i;
            return true;
        }
    return false;
}

/* ---- keys ---- */

static void key_free(struct access_key *k)
{
    secret_free(k->secret);
    explicit_bzero(k->keys, sizeof k->keys);
    free(k->id);
    texts_free(&k->things);
    texts_free(&k->services);
    texts_free(&k->tags);
    free(k);
}

struct keys *keys_ref(struct keys *k)
{
    if (k != NULL)
        k->more_owners++;
    return k;
}

void keys_free(struct keys *k)
{
    if (k == NULL || k->more_owners-- > 0)
        return;
    while (k->first != NULL) {
        struct access_key *key = k->first;
        k->first = key->next;
        key_free(key);
    }
    map_free(&k->by_id);
    free(k);
}

size_t keys_count(const struct keys *k)
{
    return k->by_id.size;
}

const struct access_key *keys_find(const struct keys *k, struct span id)
{
    return id.n > 0 ? map_get(&k->by_id, id.p, id.n) : NULL;
}

struct span access_key_secret(const struct access_key *k)
{
    return span_of(k->secret);
}

const struct device_secret *access_key_of_policy(const struct access_key *k, bool secondary)
{
    return k->is_policy && k->keys[secondary].n > 0 ? &k->keys[secondary] : NULL;
}

const char *access_key_id(const struct access_key *k)
{
    return k->id;
}

/* ---- denials ---- */

enum denial {
    DENIAL_NONE,
    DENIAL_OPERATION,
    DENIAL_THING,
    DENIAL_NO_THING,
    DENIAL_SERVICES,
    DENIAL_NO_SERVICES,
    DENIAL_TAGS,
    DENIAL_UNTAG,
    DENIAL_SOURCE,
    DENIAL_DESTINATION,
    DENIAL_DELETE,
    DENIAL_COUNT
};

#define SENTENCE(operation, on, because)                                                           \
    "The access key is not authorized to perform: " operation " on " on ", because " because "."
#define NOUN_AWS "tunnel"
#define NOUN_HUB "tunnel"
#define NOUN_DEVICES "device"
#define THING_AWS "the tunnel's thing"
#define THING_HUB THING_AWS
#define THING_DEVICES "such names"
/* The sentences of one operation, so that all of them are constants. */
#define SENTENCES(operation, noun, thing)                                                          \
    {                                                                                              \
        [DENIAL_OPERATION] =                                                                       \
            SENTENCE(operation, "any " noun, "it is not among the key's operations"),              \
        [DENIAL_THING] = SENTENCE(operation, thing, "none of the key's things matches it"),        \
        [DENIAL_NO_THING] = SENTENCE(operation, "a " noun " without a thing",                      \
                                     "the key is limited to certain things"),                      \
        [DENIAL_SERVICES] = SENTENCE(operation, "all services of the " noun,                       \
                                     "the key's services do not cover them all"),                  \
        [DENIAL_NO_SERVICES] = SENTENCE(operation, "a " noun " without services",                  \
                                        "the key is limited to certain services"),                 \
        [DENIAL_TAGS] = SENTENCE(operation, "a " noun " with such tags",                           \
                                 "a tag that the key requires is missing or has another value"),   \
        [DENIAL_UNTAG] =                                                                           \
            SENTENCE(operation, "these tags", "the key requires one of them on its " noun "s"),    \
        [DENIAL_SOURCE] = SENTENCE(operation, "the source's token",                                \
                                   "SOURCE is not among the key's client-modes"),                  \
        [DENIAL_DESTINATION] = SENTENCE(operation, "the destination's token",                      \
                                        "DESTINATION is not among the key's client-modes"),        \
        [DENIAL_DELETE] =                                                                          \
            SENTENCE(operation, "the " noun " with delete", "the key's may-delete is \"no\""),     \
    }
static const char *const sentences[OPERATION_COUNT][DENIAL_COUNT] = {
#define X(name, text, whose)                                                                       \
    [OPERATION_##name] = SENTENCES(OPERATION_ACTIONS_##whose text, NOUN_##whose, THING_##whose),
    OPERATION_TABLE(X)
#undef X
};

static bool matches_one(const struct texts *globs, struct span text)
{
    for (size_t i = 0; i < globs->n; i++)
        if (glob_match(span_of(globs->items[i]), text))
            return true;
    return false;
}

/* Each glob must lie inside one of the key's things: those that only several of them together cover
 * are refused. */
static bool covers_all(const struct texts *things, const struct texts *names)
{
    for (size_t i = 0; i < names->n; i++) {
        size_t k = 0;
        while (k < things->n && !glob_covers(span_of(things->items[k]), span_of(names->items[i])))
            k++;
        if (k == things->n)
            return false;
    }
    return true;
}

static enum denial check_thing(const struct access_key *k, const struct access_request *w)
{
    struct span thing = span_of(w->thing);
    if (k->things.n == 0)
        return DENIAL_NONE;
    if (w->names != NULL)
        return covers_all(&k->things, w->names) ? DENIAL_NONE : DENIAL_THING;
    if (thing.n == 0)
        return DENIAL_NO_THING; /* "*" matches any thing but requires one */
    return matches_one(&k->things, thing) ? DENIAL_NONE : DENIAL_THING;
}

/* A caller that rotates a token gets one, so this is checked as if the caller opened the tunnel. */
static enum denial check_services(const struct access_key *k, const struct access_request *w)
{
    bool gives_tokens = w->operation == OPERATION_OPEN || w->operation == OPERATION_ROTATE ||
                        w->operation == OPERATION_CONNECT_DEVICE;
    if (!gives_tokens || k->services.n == 0)
        return DENIAL_NONE;
    if (w->services == NULL || w->services->n == 0)
        return DENIAL_NO_SERVICES;
    for (size_t i = 0; i < w->services->n; i++)
        if (!matches_one(&k->services, span_of(w->services->items[i])))
            return DENIAL_SERVICES;
    return DENIAL_NONE;
}

static const struct tag *find_tag(const struct tags *tags, struct span key)
{
    for (size_t i = 0; tags != NULL && i < tags->n; i++)
        if (span_is(key, tags->items[i].key))
            return &tags->items[i];
    return NULL;
}

/* A required tag: KEY, or KEY=VALUE. */
struct requirement {
    struct span key, value;
    bool any_value;
};

static struct requirement requirement_of(const char *text)
{
    struct span rest = span_of(text);
    bool any_value = strchr(text, '=') == NULL;
    struct span key = span_cut(&rest, '=');
    return (struct requirement){key, rest, any_value};
}

static bool has_value(const struct tag *tag, const struct requirement *r)
{
    return r->any_value || span_is(r->value, tag->value);
}

static enum denial check_tags(const struct access_key *k, const struct access_request *w)
{
    for (size_t i = 0; i < k->tags.n; i++) {
        struct requirement r = requirement_of(k->tags.items[i]);
        const struct tag *tag = find_tag(w->tags, r.key);
        if (tag == NULL || !has_value(tag, &r))
            return DENIAL_TAGS;
    }
    return DENIAL_NONE;
}

static enum denial check_untag(const struct access_key *k, const struct access_request *w)
{
    for (size_t i = 0; w->untag != NULL && i < k->tags.n; i++)
        if (texts_have(w->untag, requirement_of(k->tags.items[i]).key))
            return DENIAL_UNTAG;
    return DENIAL_NONE;
}

static enum denial check_modes(const struct access_key *k, const struct access_request *w)
{
    if (w->operation != OPERATION_ROTATE)
        return DENIAL_NONE;
    if (w->source && !k->source)
        return DENIAL_SOURCE;
    return w->destination && !k->destination ? DENIAL_DESTINATION : DENIAL_NONE;
}

static enum denial check_delete(const struct access_key *k, const struct access_request *w)
{
    return w->remove && !k->may_delete ? DENIAL_DELETE : DENIAL_NONE;
}

static enum denial (*const checks[])(const struct access_key *k, const struct access_request *w) = {
    check_thing, check_services, check_tags, check_untag, check_modes, check_delete,
};

const char *key_denies_operation(const struct access_key *k, enum operation o)
{
    return (k->operations & 1u << o) != 0 ? NULL : sentences[o][DENIAL_OPERATION];
}

static bool asks_for_all(enum operation o)
{
    return o == OPERATION_LIST || o == OPERATION_CUT_KEY || o == OPERATION_LIST_DEVICES ||
           o == OPERATION_LIST_INVITATIONS;
}

const char *key_denies(const struct access_key *k, const struct access_request *w)
{
    const char *denied = key_denies_operation(k, w->operation);
    if (denied != NULL)
        return denied;
    if (asks_for_all(w->operation))
        return NULL;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        enum denial why = checks[i](k, w);
        if (why != DENIAL_NONE)
            return sentences[w->operation][why];
    }
    return NULL;
}

bool key_reads_tags(const struct access_key *k)
{
    return k->tags.n > 0;
}

bool key_sees(const struct access_key *k, const char *thing, const struct tags *tags)
{
    const struct access_request w = {.operation = OPERATION_LIST, .thing = thing, .tags = tags};
    return check_thing(k, &w) == DENIAL_NONE && check_tags(k, &w) == DENIAL_NONE;
}

bool key_sees_names(const struct access_key *k, const struct texts *names,
                    const struct tags *labels)
{
    const struct access_request w = {.names = names, .tags = labels};
    return check_thing(k, &w) == DENIAL_NONE && check_tags(k, &w) == DENIAL_NONE;
}

bool key_permits_service(const struct access_key *k, const char *service)
{
    return k->services.n == 0 || matches_one(&k->services, span_of(service));
}
