/* From a service to the host name that is shown for it. */
#include "gateway/source/names_internal.h"

#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63

/* How an id is written in a host name; the last form that leads to the service is taken. */
enum form { AS_IS, LOWER, FOLDED };

/* Whether every client that was measured accepts the label. */
static bool fits_everyone(const char *label)
{
    size_t size = strlen(label);
    if (size == 0 || size > LABEL_MAX || label[0] == '-' || label[size - 1] == '-' ||
        strncmp(label, "xn--", 4) == 0)
        return false;
    for (size_t i = 0; i < size; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", label[i]) == NULL)
            return false;
    return true;
}

struct candidate {
    const struct names *names;
    const struct names_tunnel *tunnels;
    size_t n_tunnels, tunnel;
    const char *service;
    char *out; /* of NAMES_HOST bytes */
};

static bool leads_there(const struct candidate *c, const char *host)
{
    struct names_answer answer;
    const struct names_question q = {
        .host = span_of(host), .tunnels = c->tunnels, .n_tunnels = c->n_tunnels};
    return strlen(host) <= NAMES_HOST_MAX && names_resolve(c->names, &q, &answer) == ERR_OK &&
           answer.tunnel == c->tunnel && strcmp(answer.service, c->service) == 0 &&
           answer.target.host[0] == '\0';
}

/* Tries label[.device].suffix. True: it leads to the service, and is in c->out. */
static bool try_label(const struct candidate *c, const char *label, const char *device)
{
    char host[2 * NAMES_HOST];
    int n = snprintf(host, sizeof host, "%s%s%s.%s", label, device[0] != '\0' ? "." : "", device,
                     names_suffix(c->names));
    if (n < 0 || n > NAMES_HOST_MAX || !leads_there(c, host))
        return false;
    memcpy(c->out, host, (size_t)n + 1);
    return true;
}

static void fold_to(enum form form, const char *id, char out[NAMES_HOST])
{
    size_t i = 0;
    for (; id[i] != '\0' && i < NAMES_HOST - 1; i++)
        out[i] = form == FOLDED ? names_folded(id[i]) : form == LOWER ? names_lower(id[i]) : id[i];
    out[i] = '\0';
}

static bool try_aliases(const struct candidate *c)
{
    char label[NAMES_HOST];
    const char *alias;
    for (size_t i = 0; (alias = names_alias_at(c->names, i)) != NULL; i++) {
        fold_to(LOWER, alias, label);
        if (try_label(c, label, ""))
            return true;
    }
    return false;
}

bool names_canonical(const struct names *n, const struct names_tunnel *tunnels, size_t n_tunnels,
                     size_t tunnel, const char *service, char out[NAMES_HOST])
{
    const struct candidate c = {n, tunnels, n_tunnels, tunnel, service, out};
    const char *id = service[0] != '\0' ? service : "default", *name = tunnels[tunnel].name;
    char label[NAMES_HOST], device[NAMES_HOST];
    out[0] = '\0';
    if (try_aliases(&c))
        return true;
    for (int form = FOLDED; form >= AS_IS; form--) {
        fold_to((enum form)form, id, label);
        for (int device_form = FOLDED; device_form >= AS_IS; device_form--) {
            fold_to((enum form)device_form, name, device);
            if (try_label(&c, label, device))
                return fits_everyone(label) && (device[0] == '\0' || fits_everyone(device));
        }
    }
    return false;
}
