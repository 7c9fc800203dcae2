#include "core/aws/credentials.h"

#include "core/base/file.h"
#include "core/base/ini.h"
#include "core/base/secret.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* X(name here, key in the files, variable) */
#define VALUE_TABLE(X)                                                                             \
    X(KEY_ID, "aws_access_key_id", "AWS_ACCESS_KEY_ID")                                            \
    X(SECRET, "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY")                                    \
    X(TOKEN, "aws_session_token", "AWS_SESSION_TOKEN")                                             \
    X(REGION, "region", "AWS_REGION")                                                              \
    X(CA_BUNDLE, "ca_bundle", "AWS_CA_BUNDLE")
enum value {
#define X(name, key, variable) VALUE_##name,
    VALUE_TABLE(X)
#undef X
        VALUE_COUNT
};
static const char *const keys[] = {
#define X(name, key, variable) key,
    VALUE_TABLE(X)
#undef X
};
static const char *const variables[] = {
#define X(name, key, variable) variable,
    VALUE_TABLE(X)
#undef X
};

/* Ways of getting keys that are not supported. over_keys: the AWS tools prefer this way even where
 * the profile has keys. */
static const struct way {
    const char *key, *text;
    bool over_keys;
} ways[] = {
    {"sso_session", "IAM Identity Center (sso_session)", true},
    {"sso_start_url", "IAM Identity Center (sso_start_url)", true},
    {"role_arn", "assuming a role (role_arn)", true},
    {"login_session", "a console login (login_session)", false},
    {"credential_process", "running a program (credential_process)", false},
};

/* One source of keys: the environment, the credentials file, the config file. */
struct source {
    char where[PATH_MAX]; /* a path; "" for the environment */
    char *values[VALUE_COUNT];
    bool found;            /* the profile is there */
    const struct way *way; /* the way in which it gets its keys when it does not hold them */
};
enum { ENVIRONMENT, CREDENTIALS_FILE, CONFIG_FILE, SOURCES };

static const char *set_one(const char *(*get)(const char *name), const char *name)
{
    const char *value = get(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static enum err read_environment(struct source *s, const char *(*get)(const char *name))
{
    for (int i = 0; i < VALUE_COUNT; i++) {
        const char *value = set_one(get, variables[i]);
        if (value == NULL && i == VALUE_REGION)
            value = set_one(get, "AWS_DEFAULT_REGION");
        if (value != NULL && (s->values[i] = strdup(value)) == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

/* ---- files ---- */

struct reading {
    struct source *source;
    struct span text;
    const char *profile;
    bool config;   /* reads the config file, whose section names differ */
    bool inside;   /* inside the profile's section */
    size_t indent; /* indentation of the section's last key of its own */
    bool has_keys;
};

/* Sections are "[default]", and in the config file "[profile NAME]", where the name may be
 * quoted. */
static bool is_section(const struct reading *r, struct span name)
{
    struct span rest = name;
    if (!r->config || span_is(name, "default"))
        return span_is(name, r->profile);
    if (!span_is(span_cut(&rest, ' '), "profile"))
        return false;
    rest = span_trim(rest);
    if (rest.n >= 2 && (rest.p[0] == '"' || rest.p[0] == '\'') && rest.p[rest.n - 1] == rest.p[0])
        rest = (struct span){rest.p + 1, rest.n - 2};
    return span_is(rest, r->profile);
}

static size_t indent_of(const struct reading *r, struct span key)
{
    const char *p = key.p;
    while (p > r->text.p && (p[-1] == ' ' || p[-1] == '\t'))
        p--;
    return (size_t)(key.p - p);
}

static enum err set_value(struct source *s, const struct ini_entry *e)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (span_is_nocase(e->key, ways[i].key) && e->value.n > 0 && s->way == NULL)
            s->way = &ways[i];
    for (int i = 0; i < VALUE_COUNT; i++) {
        if (!span_is_nocase(e->key, keys[i]))
            continue;
        secret_free(s->values[i]);
        s->values[i] = e->value.n > 0 ? span_dup(e->value) : NULL;
        if (e->value.n > 0 && s->values[i] == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static enum err each(void *owner, const struct ini_entry *e)
{
    struct reading *r = owner;
    if (e->key.p == NULL) {
        r->inside = is_section(r, e->section);
        r->source->found = r->source->found || r->inside;
        r->has_keys = false;
        return ERR_OK;
    }
    if (!r->inside)
        return ERR_OK;
    size_t indent = indent_of(r, e->key);
    if (r->has_keys && indent > r->indent)
        return ERR_OK; /* the line is part of the value above, as in "s3 =\n region = x" */
    r->has_keys = true;
    r->indent = indent;
    return set_value(r->source, e);
}

static enum err complain(enum err why, const char *what, char *text, size_t size)
{
    snprintf(text, size, "%s: %s", what, err_text(why));
    return why;
}

/* A missing file is no error. */
static enum err read_file(struct source *s, const char *profile, bool config, char *text,
                          size_t size)
{
    struct reading r = {.source = s, .profile = profile, .config = config};
    if (*s->where == '\0' || access(s->where, F_OK) != 0)
        return ERR_OK;
    enum err why = file_read(s->where, FILE_CONFIG_MAX, &r.text, text, size);
    if (why != ERR_OK)
        return why;
    why = ini_parse(s->where, r.text, each, &r, text, size);
    if (why == ERR_NO_MEMORY)
        complain(why, s->where, text, size);
    file_wipe(&r.text);
    return why;
}

/* "~/" is the home folder; where is empty when that is not known. */
static void locate(struct source *s, const char *(*get)(const char *name), const char *variable,
                   const char *fallback)
{
    const char *path = set_one(get, variable), *home = set_one(get, "HOME");
    if (path == NULL)
        path = fallback;
    bool at_home = strncmp(path, "~/", 2) == 0;
    if (at_home && home == NULL)
        return;
    int n =
        snprintf(s->where, sizeof s->where, "%s%s", at_home ? home : "", at_home ? path + 1 : path);
    if (n < 0 || (size_t)n >= sizeof s->where)
        s->where[0] = '\0'; /* longer than any path */
}

/* ---- together ---- */

static enum err half_a_key(const struct source *s, const char *profile, char *text, size_t size)
{
    const char *const *names = *s->where != '\0' ? keys : variables;
    bool no_id = s->values[VALUE_KEY_ID] == NULL;
    const char *has = names[no_id ? VALUE_SECRET : VALUE_KEY_ID];
    const char *lacks = names[no_id ? VALUE_KEY_ID : VALUE_SECRET];
    if (*s->where != '\0')
        snprintf(text, size, "%s: profile \"%s\" has %s without %s", s->where, profile, has, lacks);
    else
        snprintf(text, size, "the environment has %s without %s", has, lacks);
    return ERR_USAGE;
}

static char *move(struct source *s, enum value v)
{
    char *value = s->values[v];
    s->values[v] = NULL;
    return value;
}

/* Takes all parts of a key from one source. */
static enum err take_key(struct source *s, const char *profile, struct sigv4_credentials *c,
                         char *text, size_t size)
{
    bool id = s->values[VALUE_KEY_ID] != NULL, secret = s->values[VALUE_SECRET] != NULL;
    if (c->key_id != NULL || (!id && !secret))
        return ERR_OK;
    if (!id || !secret)
        return half_a_key(s, profile, text, size);
    *c = (struct sigv4_credentials){.key_id = move(s, VALUE_KEY_ID),
                                    .secret = move(s, VALUE_SECRET),
                                    .token = move(s, VALUE_TOKEN)};
    return ERR_OK;
}

/* Considers both files, as the AWS tools read them together. */
static const struct way *way_of(const struct source sources[SOURCES])
{
    const struct way *a = sources[CREDENTIALS_FILE].way, *b = sources[CONFIG_FILE].way;
    return a == NULL || (b != NULL && b->over_keys && !a->over_keys) ? b : a;
}

static enum err say_elsewhere(const struct way *way, const char *profile, struct aws_profile *out)
{
    int n = asprintf(&out->elsewhere,
                     "AWS profile \"%s\" gets its keys by %s, which is left to the AWS tools; hand "
                     "them over with: eval \"$(aws configure export-credentials --profile '%s' "
                     "--format env)\"",
                     profile, way->text, profile);
    if (n >= 0)
        return ERR_OK;
    out->elsewhere = NULL;
    return ERR_NO_MEMORY;
}

static enum err gather(struct source sources[SOURCES], const char *profile, bool environment_key,
                       struct aws_profile *out, char *text, size_t size)
{
    const struct way *way = way_of(sources);
    for (int i = 0; i < SOURCES; i++) {
        enum err why = ERR_OK;
        if (i == ENVIRONMENT ? environment_key : way == NULL || !way->over_keys)
            why = take_key(&sources[i], profile, &out->credentials, text, size);
        if (why != ERR_OK)
            return why;
        if (out->region == NULL)
            out->region = move(&sources[i], VALUE_REGION);
        if (out->ca_bundle == NULL)
            out->ca_bundle = move(&sources[i], VALUE_CA_BUNDLE);
    }
    if (out->credentials.key_id == NULL && way != NULL)
        return say_elsewhere(way, profile, out);
    return ERR_OK;
}

static enum err read_sources(struct source sources[SOURCES], const char *profile,
                             const char *(*get)(const char *name), char *text, size_t size)
{
    enum err why = read_environment(&sources[ENVIRONMENT], get);
    if (why != ERR_OK)
        return complain(why, "the environment", text, size);
    locate(&sources[CREDENTIALS_FILE], get, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
    locate(&sources[CONFIG_FILE], get, "AWS_CONFIG_FILE", "~/.aws/config");
    why = read_file(&sources[CREDENTIALS_FILE], profile, false, text, size);
    return why != ERR_OK ? why : read_file(&sources[CONFIG_FILE], profile, true, text, size);
}

enum err aws_profile_read(const char *profile, const char *(*get)(const char *name),
                          struct aws_profile *out, char *text, size_t size)
{
    const char *asked = profile != NULL ? profile : set_one(get, "AWS_PROFILE");
    const char *name = asked != NULL ? asked : "default";
    *out = (struct aws_profile){0};
    struct source *sources = calloc(SOURCES, sizeof *sources);
    if (sources == NULL)
        return complain(ERR_NO_MEMORY, "AWS profile", text, size);
    enum err why = read_sources(sources, name, get, text, size);
    if (why == ERR_OK && asked != NULL && !sources[CREDENTIALS_FILE].found &&
        !sources[CONFIG_FILE].found) {
        snprintf(text, size, "AWS profile \"%s\" is neither in %s nor in %s", name,
                 *sources[CREDENTIALS_FILE].where ? sources[CREDENTIALS_FILE].where
                                                  : "~/.aws/credentials",
                 *sources[CONFIG_FILE].where ? sources[CONFIG_FILE].where : "~/.aws/config");
        why = ERR_NOT_FOUND;
    }
    if (why == ERR_OK)
        why = gather(sources, name, profile == NULL, out, text, size);
    for (int i = 0; i < SOURCES; i++)
        for (int v = 0; v < VALUE_COUNT; v++)
            secret_free(sources[i].values[v]);
    free(sources);
    return why;
}

void aws_profile_free(struct aws_profile *p)
{
    secret_free(p->credentials.key_id);
    secret_free(p->credentials.secret);
    secret_free(p->credentials.token);
    free(p->region);
    free(p->ca_bundle);
    free(p->elsewhere);
    *p = (struct aws_profile){0};
}
