#include "gateway/hub/devices/device_rules.h"

#include "core/base/glob.h"
#include "core/device/device_name.h"

#include <stdlib.h>
#include <string.h>

/* ---- who it is ---- */

static bool has_proven(const struct device_record *d, const uint8_t *key)
{
    return d->has_key ? memcmp(key, d->key, sizeof d->key) == 0 : !device_record_is_keyed(d);
}

enum enrol_result device_rules_identify(const struct device_record *d, struct span name,
                                        const uint8_t *key)
{
    if (!span_is(name, d->name))
        return ENROL_NAME_TAKEN;
    if (key != NULL && !has_proven(d, key))
        return ENROL_NAME_TAKEN;
    if (d->state == DEVICE_DISABLED)
        return ENROL_DISABLED;
    return device_record_is_keyed(d) ? ENROL_KNOWN : ENROL_NEW;
}

static bool invites(const struct invitation *i, struct span name)
{
    for (size_t k = 0; k < i->names.n; k++)
        if (glob_match(span_of(i->names.items[k]), name))
            return true;
    return false;
}

enum enrol_result device_rules_invited(const struct invitation *i, int64_t used, struct span name,
                                       int64_t now)
{
    if (i == NULL)
        return ENROL_TOKEN_UNKNOWN;
    if (i->expires <= now)
        return ENROL_TOKEN_EXPIRED;
    if (!invites(i, name))
        return ENROL_NOT_INVITED;
    return used >= i->uses ? ENROL_TOKEN_USED_UP : ENROL_NEW;
}

/* ---- what becomes of its record ---- */

static bool set_text(char **text, const char *to)
{
    if (to == NULL || (*text != NULL && strcmp(*text, to) == 0))
        return true;
    char *copy = strdup(to);
    if (copy == NULL)
        return false;
    free(*text);
    *text = copy;
    return true;
}

bool device_rules_begin(struct device_record *d, struct span name, int64_t now)
{
    d->name = span_dup(name);
    d->enrolled = d->last_seen = now;
    return d->name != NULL && set_text(&d->invitation, "") && set_text(&d->last_address, "") &&
           set_text(&d->version, "");
}

bool device_rules_enrol(struct device_record *d, const uint8_t *key, const struct invitation *i,
                        bool approve_all, int64_t now)
{
    d->has_key = key != NULL;
    d->by_certificate = key == NULL;
    if (key != NULL)
        memcpy(d->key, key, sizeof d->key);
    d->enrolled = now;
    d->state = approve_all || (i != NULL && i->approve) ? DEVICE_PENDING : DEVICE_ENABLED;
    return set_text(&d->invitation, i != NULL ? i->id : "") &&
           (i == NULL || tags_copy(&d->labels, &i->labels));
}

/* Services have the alphabet of devices' names; what a device tells beyond that is not kept. */
static bool set_services(struct texts *services, const struct texts *to)
{
    struct texts fresh = {0};
    for (size_t i = 0; to != NULL && i < to->n && fresh.n < DEVICE_SERVICES_MAX; i++) {
        struct span name = span_of(to->items[i]);
        if (device_name_valid(name) && !texts_have(&fresh, name) && !texts_add(&fresh, name)) {
            texts_free(&fresh);
            return false;
        }
    }
    if (to == NULL)
        return true;
    texts_free(services);
    *services = fresh;
    return true;
}

bool device_rules_see(struct device_record *d, const struct device_sighting *s, int64_t now)
{
    d->last_seen = now;
    bool address = set_text(&d->last_address, s->address);
    bool version = set_text(&d->version, s->version);
    return set_services(&d->services, s->services) && address && version;
}

bool device_rules_create(struct device_record *d, const struct device_creation *c, int64_t now)
{
    bool own = c->azure_id != NULL && c->azure_id[0] != '\0' && strcmp(c->azure_id, c->name) != 0;
    d->state = DEVICE_ENABLED;
    return device_rules_begin(d, span_of(c->name), now) &&
           (!own || set_text(&d->azure_id, c->azure_id)) &&
           device_record_seal(d, c->sealed, c->n_sealed) &&
           (c->labels == NULL || tags_copy(&d->labels, c->labels));
}

static bool set_labels(struct tags *labels, const struct device_update *u)
{
    for (size_t i = 0; u->remove != NULL && i < u->remove->n; i++)
        tags_remove(labels, span_of(u->remove->items[i]));
    return u->add == NULL || tags_copy(labels, u->add);
}

enum err device_rules_update(const struct device_record *d, struct device_record *next,
                             const struct device_update *u, void *ctx)
{
    if (!set_labels(&next->labels, u))
        return ERR_NO_MEMORY;
    if (next->labels.n > DEVICE_LABELS_MAX)
        return ERR_LIMIT;
    if (u->permits != NULL && !u->permits(ctx, d, &next->labels))
        return ERR_FORBIDDEN;
    enum err why = u->reseal != NULL ? u->reseal(ctx, next) : ERR_OK;
    if (why == ERR_OK && u->state != NULL)
        next->state = *u->state;
    return why;
}

void device_rules_reset(struct device_record *d)
{
    d->has_key = d->by_certificate = false;
    memset(d->key, 0, sizeof d->key);
    d->topics = 0;
    device_record_seal(d, NULL, 0); /* needs no memory */
}

/* ---- invitations ---- */

bool device_rules_invite(struct invitation *i, const char *id, const char *join_token, int64_t now)
{
    i->created = now;
    i->used = 0;
    token_hash(span_of(join_token), i->token);
    return set_text(&i->id, id) && (i->key_id != NULL || set_text(&i->key_id, ""));
}
