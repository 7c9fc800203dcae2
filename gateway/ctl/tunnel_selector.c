#include "gateway/ctl/tunnel_selector.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define UUID_LENGTH 36
#define TEXT(number) #number
#define TEXT_OF(macro) TEXT(macro)
#define SHOWN 3 /* number of matching tunnels that are listed */

static const char id_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=:";

static enum outcome fail(struct tunneling *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum outcome fail(struct tunneling *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    s->error[0] = '\0';
    vsnprintf(s->problem, sizeof s->problem, format, args);
    va_end(args);
    return CTL_FAILED;
}

bool tunnel_selector_is_id(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= TUNNEL_ID_MAX && strspn(text, id_characters) == n;
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < UUID_LENGTH; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (text[i] == '\0' ||
            (dash ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL))
            return false;
    }
    return text[UUID_LENGTH] == '\0';
}

/* "arn:aws:iot:REGION:ACCOUNT:tunnel/ID" */
static enum outcome from_arn(struct tunneling *s, const char *arn, struct selected_tunnel *out)
{
    const char *id = strstr(arn, ":tunnel/");
    char safe[200];
    if (id == NULL || !tunnel_selector_is_id(id + strlen(":tunnel/")) ||
        strlen(arn) > TUNNEL_ARN_MAX)
        return fail(s, "%s is not the ARN of a tunnel",
                    str_escape(span_of(arn), safe, sizeof safe));
    snprintf(out->id, sizeof out->id, "%s", id + strlen(":tunnel/"));
    snprintf(out->arn, sizeof out->arn, "%s", arn);
    return CTL_OK;
}

/* ---- look-up ---- */

struct search {
    const char *prefix; /* beginning of the id; NULL: open tunnels only */
    const cJSON *found;
    size_t n;
    char shown[SHOWN * (TUNNEL_ID_MAX + 2) + 8]; /* "id, id, id, ..." */
};

static void show(struct search *w, const char *id)
{
    size_t used = strlen(w->shown);
    const char *comma = w->n > 1 ? ", " : "";
    if (w->n <= SHOWN)
        snprintf(w->shown + used, sizeof w->shown - used, "%s%.*s", comma, TUNNEL_ID_MAX, id);
    else if (w->n == SHOWN + 1)
        snprintf(w->shown + used, sizeof w->shown - used, "%s...", comma);
}

static void search(struct search *w, const cJSON *summaries)
{
    const cJSON *t;
    cJSON_ArrayForEach(t, summaries)
    {
        const char *id = ctl_json_text_at(t, "tunnelId"), *status = ctl_json_text_at(t, "status");
        if (id == NULL || !tunnel_selector_is_id(id))
            continue;
        if (w->prefix != NULL && strcmp(id, w->prefix) == 0) { /* a whole id decides */
            w->found = t;
            w->n = 1;
            return;
        }
        if (w->prefix != NULL ? strncmp(id, w->prefix, strlen(w->prefix)) != 0
                              : status == NULL || strcmp(status, "OPEN") != 0)
            continue;
        w->found = t;
        w->n++;
        show(w, id);
    }
}

static void take(struct selected_tunnel *out, const cJSON *tunnel)
{
    const char *arn = ctl_json_text_at(tunnel, "tunnelArn");
    snprintf(out->id, sizeof out->id, "%s", ctl_json_text_at(tunnel, "tunnelId"));
    if (arn != NULL && strlen(arn) <= TUNNEL_ARN_MAX)
        snprintf(out->arn, sizeof out->arn, "%s", arn);
}

/* Whether a thing of that name has an open tunnel. */
static bool is_thing(struct tunneling *s, const char *name)
{
    struct search w = {.prefix = NULL};
    cJSON *summaries;
    if (tunneling_list(s, name, &summaries) != CTL_OK)
        return false;
    search(&w, summaries);
    cJSON_Delete(summaries);
    return w.n > 0;
}

/* No tunnel matches. `advice` says what to do, unless name is a thing's name without "thing:". */
static enum outcome unknown(struct tunneling *s, const char *name, const char *advice)
{
    if (is_thing(s, name))
        return fail(s, "there is no tunnel %s; did you mean thing:%s?", name, name);
    return fail(s, "there is no tunnel %s; %s", name, advice);
}

static enum outcome from_list(struct tunneling *s, const char *thing, const char *prefix,
                              struct selected_tunnel *out)
{
    struct search w = {.prefix = prefix};
    cJSON *summaries;
    enum outcome result = tunneling_list(s, thing, &summaries);
    if (result != CTL_OK)
        return result;
    search(&w, summaries);
    if (w.n == 1)
        take(out, w.found);
    else if (w.n == 0 && thing != NULL)
        result = fail(s, "there is no open tunnel to the thing %s", thing);
    else if (w.n == 0)
        result = unknown(s, prefix, "\"tunnelctl list --all\" shows what there is");
    else if (thing != NULL)
        result = fail(s, "there are %zu open tunnels to the thing %s (%s): name one by its id", w.n,
                      thing, w.shown);
    else
        result = fail(s, "%zu ids begin with %s (%s): give more of it", w.n, prefix, w.shown);
    cJSON_Delete(summaries);
    return result;
}

static enum outcome ask_arn(struct tunneling *s, struct selected_tunnel *out)
{
    cJSON *tunnel;
    enum outcome result = tunneling_describe(s, out->id, &tunnel);
    if (result == CTL_OK)
        take(out, tunnel);
    if (result == CTL_OK && out->arn[0] == '\0')
        result = fail(s, "the hub's answer has no ARN for %s", out->id);
    cJSON_Delete(tunnel);
    return result;
}

static enum outcome find(struct tunneling *s, const char *name, struct selected_tunnel *out)
{
    char safe[200];
    str_escape(span_of(name), safe, sizeof safe);
    if (strncmp(name, "arn:", 4) == 0)
        return from_arn(s, name, out);
    if (!tunnel_selector_is_id(name))
        return fail(s, "\"%s\" is not the id of a tunnel; \"tunnelctl list\" shows them", safe);
    if (strncmp(name, "thing:", 6) == 0 && name[6] != '\0')
        return from_list(s, name + 6, NULL, out);
    if (is_uuid(name)) {
        snprintf(out->id, sizeof out->id, "%s", name);
        return CTL_OK;
    }
    if (strlen(name) < TUNNEL_ID_PREFIX)
        return unknown(s, name, "of an id give at least " TEXT_OF(TUNNEL_ID_PREFIX) " characters");
    return from_list(s, NULL, name, out);
}

enum outcome tunnel_selector_resolve(struct tunneling *s, const char *name, bool want_arn,
                                     struct selected_tunnel *out)
{
    *out = (struct selected_tunnel){.id = ""};
    enum outcome result = find(s, name, out);
    return result == CTL_OK && want_arn && out->arn[0] == '\0' ? ask_arn(s, out) : result;
}
