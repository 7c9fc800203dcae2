#include "gateway/destination/target.h"

#include <stdio.h>
#include <string.h>

const char *target_where(const struct opening *o, char *out, size_t size)
{
    bool v6 = strchr(o->target, ':') != NULL;
    out[0] = '\0';
    if (o->target[0] != '\0')
        snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", o->target, o->port);
    return out;
}

enum err target_choose(const struct service_mapping *s, const struct opening *o,
                       char dial[TARGETS_HOST], char text[TARGET_TEXT])
{
    dial[0] = '\0';
    text[0] = '\0';
    if (s->targets == NULL && o->target[0] == '\0')
        return ERR_OK;
    if (s->targets == NULL) {
        snprintf(text, TARGET_TEXT, "the service leads to one place, and the source named another");
        return ERR_NO_TARGETS;
    }
    if (o->target[0] == '\0') {
        snprintf(text, TARGET_TEXT, "it may lead to %.200s, and the source named none of them",
                 targets_text(s->targets));
        return ERR_NEEDS_TARGET;
    }
    if (targets_allow(s->targets, o->target, o->port, dial))
        return ERR_OK;
    snprintf(text, TARGET_TEXT, "that is not among %.300s", targets_text(s->targets));
    return ERR_FORBIDDEN;
}
