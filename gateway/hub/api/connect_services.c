/* Which services a device is asked for. */
#include "core/device/device_name.h"
#include "gateway/hub/api/api_internal.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The service that a text means, in any spelling whose fold is the same; the exact one first. */
static const char *find_service(const struct texts *told, const char *text)
{
    char fold[DEVICE_NAME_MAX + 1], other[DEVICE_NAME_MAX + 1];
    if (texts_have(told, span_of(text)))
        return text;
    device_name_fold(span_of(text), fold);
    for (size_t i = 0; i < told->n; i++)
        if (device_name_fold(span_of(told->items[i]), other) && strcmp(fold, other) == 0)
            return told->items[i];
    return NULL;
}

/* The service that is asked for. A device that tells none (MQTT) knows best what it has, so what is
 * asked for is passed on. NULL: it does not have it. */
static const char *service_asked(const struct call *c, const struct device_record *d,
                                 const char *text)
{
    const struct device_presence *p = presence_of(c, d->name);
    const char *found = find_service(&d->services, text);
    bool tells = p == NULL || !p->present || p->carrier->tells;
    return found != NULL || tells ? found : text;
}

static bool may_use(const struct call *c, const char *service)
{
    return c->key == NULL || key_permits_service(c->key, service);
}

/* What is served is told as far as the caller may use it. */
static bool refuse_unserved(struct call *c, const struct device_record *d, const char *text)
{
    struct buf list = {.limit = 16384};
    for (size_t i = 0; i < d->services.n; i++)
        if (may_use(c, d->services.items[i]))
            buf_printf(&list, "%s%s", list.size > 0 ? ", " : "", d->services.items[i]);
    answer_fault(c, FAULT_SERVICE_NOT_SERVED,
                 list.size > 0 ? "Device %s does not serve %s: it serves %.*s."
                               : "Device %s does not serve %s.%.*s",
                 d->name, text, (int)list.size, list.size > 0 ? (const char *)list.data : "");
    buf_free(&list);
    return false;
}

static bool add_service(struct call *c, struct texts *to, const char *service)
{
    if (texts_have(to, span_of(service)) || texts_add(to, span_of(service)))
        return true;
    answer_error(c, ERR_NO_MEMORY);
    return false;
}

static bool take_asked(struct call *c, const struct device_record *d, const cJSON *list,
                       struct texts *out)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *service = service_asked(c, d, item->valuestring);
        if (service == NULL)
            return refuse_unserved(c, d, item->valuestring);
        if (!add_service(c, out, service))
            return false;
    }
    return true;
}

/* All that the device told and the key may use, as far as a tunnel may have them. */
static bool take_told(struct call *c, const struct device_record *d, struct texts *out)
{
    uint64_t most = limits_of_call(c)->services_per_tunnel;
    for (size_t i = 0; i < d->services.n && out->n < most; i++)
        if (may_use(c, d->services.items[i]) && !add_service(c, out, d->services.items[i]))
            return false;
    return true;
}

bool choose_services(struct call *c, const struct device_record *d, struct texts *out,
                     char **wanted)
{
    const cJSON *list = shape_member(c->input, "services");
    const char *text = input_text(c->input, "service");
    const char *service = text != NULL ? service_asked(c, d, text) : "";
    uint64_t most = limits_of_call(c)->services_per_tunnel;
    if (service == NULL)
        return refuse_unserved(c, d, text);
    *wanted = strdup(service);
    if (*wanted == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return false;
    }
    if (text != NULL && !add_service(c, out, service))
        return false;
    if (list != NULL ? !take_asked(c, d, list, out) : !take_told(c, d, out))
        return false;
    if (out->n > most)
        return REFUSE(c, FAULT_LIMIT_EXCEEDED,
                      "The limit services-per-tunnel is %" PRIu64 ". Ask for fewer services.",
                      most);
    if (out->n == 0)
        return REFUSE(c, FAULT_SERVICE_NOT_SERVED,
                      "Device %s serves nothing that this access key may use.", d->name);
    return true;
}
