#include "gateway/hub/azure/azure_login.h"

#include "gateway/hub/devices/device_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 263 /* 253 of a name, ":65535", and some */

struct attempt {
    const struct azure_logins *logins;
    void (*done)(void *ctx, const struct azure_login_answer *a);
    void *ctx;
    struct sas sas; /* views into `password` */
    char path[DEVICE_AZURE_ID_MAX + sizeof "/devices//modules/"];
    char host[HOST_MAX + 1];
    size_t size;
    char password[];
};

/* The path of the device's resource, "/devices/pump" or "/devices/edge/modules/module". False: it
 * does not fit, or there is more than one '/'. */
static bool device_path(struct span azure_id, char *out, size_t size)
{
    struct span module = azure_id, device = span_cut(&module, '/');
    int n = snprintf(out, size, "/devices/%.*s%s%.*s", (int)device.n, device.p,
                     module.n > 0 ? "/modules/" : "", (int)module.n, module.n > 0 ? module.p : "");
    return device.n > 0 && n >= 0 && (size_t)n < size &&
           (module.n == 0 || memchr(module.p, '/', module.n) == NULL) &&
           (module.n > 0 || azure_id.n == device.n);
}

static void answer(struct attempt *t, const struct azure_login_answer *a)
{
    t->done(t->ctx, a);
    explicit_bzero(t->password, t->size);
    free(t);
}

static void refuse(struct attempt *t, enum sas_verdict why)
{
    answer(t, &(struct azure_login_answer){.verdict = why});
}

static enum sas_verdict verify(const struct attempt *t, const struct device_secret *s)
{
    return sas_verify(&t->sas, s->bytes, s->n, span_of(t->host), span_of(t->path),
                      t->logins->now());
}

static void on_device(void *ctx, enum err why, const struct device_record *d)
{
    struct attempt *t = ctx;
    struct device_keys keys;
    if (why != ERR_OK || !device_keys_open(t->logins->secrets_key, d, &keys)) {
        refuse(t, SAS_UNKNOWN);
        return;
    }
    enum sas_verdict v = verify(t, &keys.primary);
    if (v == SAS_MISMATCH)
        v = verify(t, &keys.secondary);
    explicit_bzero(&keys, sizeof keys);
    if (v == SAS_OK)
        answer(t, &(struct azure_login_answer){
                      .verdict = v, .device = d, .expires = (int64_t)t->sas.expires * 1000});
    else
        refuse(t, v);
}

static struct attempt *attempt_new(const struct azure_logins *l, const struct azure_login *q)
{
    struct attempt *t = calloc(1, sizeof *t + q->password.n + 1);
    if (t == NULL)
        return NULL;
    t->logins = l;
    t->size = q->password.n;
    if (t->size > 0)
        memcpy(t->password, q->password.p, t->size);
    return t;
}

void azure_login_check(const struct azure_logins *l, const struct azure_login *q,
                       void (*done)(void *ctx, const struct azure_login_answer *a), void *ctx)
{
    struct attempt *t = q->password.n <= SAS_MAX ? attempt_new(l, q) : NULL;
    if (t == NULL) {
        done(ctx, &(struct azure_login_answer){.verdict = SAS_MALFORMED});
        return;
    }
    t->done = done;
    t->ctx = ctx;
    enum sas_verdict v = sas_parse((struct span){t->password, t->size}, &t->sas);
    bool known = v == SAS_OK && l->secrets_key != NULL && t->sas.policy[0] == '\0' &&
                 q->host.n <= HOST_MAX && q->azure_id.n <= DEVICE_AZURE_ID_MAX &&
                 device_path(q->azure_id, t->path, sizeof t->path);
    if (!known) {
        refuse(t, v != SAS_OK ? v : SAS_UNKNOWN);
        return;
    }
    snprintf(t->host, sizeof t->host, "%.*s", (int)q->host.n, q->host.n > 0 ? q->host.p : "");
    device_registry_get_azure(l->devices, q->azure_id, on_device, t);
}
