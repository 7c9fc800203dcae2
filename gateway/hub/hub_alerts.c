#include "gateway/hub/hub_internal.h"

#include "core/base/log.h"
#include "core/control/monitor.h"

#include <time.h>

#define MINUTE_MS 60000
#define DAY_S 86400
#define COUNT(a) (sizeof(a) / sizeof *(a))

bool hub_alerts_open(struct hub *hub)
{
    hub->alerts = (struct hub_alerts){.hooks = hooks_new()};
    return hub->alerts.hooks != NULL && hub_alerts_set(hub) == ERR_OK;
}

enum err hub_alerts_set(struct hub *hub)
{
    char text[512];
    hub->alerts.refusals = hub->o.hook_refusals;
    if (!hooks_check(hub->o.hook.command, text, sizeof text))
        log_warning("%s", text);
    return hooks_set(hub->alerts.hooks, &hub->o.hook);
}

static void store_failing(struct hub *hub)
{
    hub->alerts.failing_from = loop_now(hub->o.loop);
    hooks_tell(hub->alerts.hooks, HOOK_STORE_FAILING, NULL, 0);
}

static void store_works(struct hub *hub)
{
    const struct log_field fields[] = {
        {"seconds", NULL, (int64_t)(loop_now(hub->o.loop) - hub->alerts.failing_from) / 1000}};
    hooks_tell(hub->alerts.hooks, HOOK_STORE_WORKS, fields, COUNT(fields));
}

void hub_alerts_watch(const struct hub *hub)
{
    static const struct {
        const char *name, *text[2];
    } stores[] = {
        {"file", {"what changes is stored again", "what changes cannot be stored"}},
        {"redis", {"Redis answers again", "Redis does not answer; what changes has to wait"}},
    };
    bool failing = hub->alerts.store_failing;
    size_t kind = hub->redis != NULL;
    monitor_store(hub->monitor, stores[kind].name, failing, stores[kind].text[failing]);
}

void hub_alerts_tick(struct hub *hub)
{
    bool failing = !registry_healthy(hub->registry);
    if (failing == hub->alerts.store_failing)
        return;
    hub->alerts.store_failing = failing;
    hub_alerts_watch(hub);
    if (failing)
        store_failing(hub);
    else
        store_works(hub);
}

void hub_alert_device(struct hub *hub, const struct hub_alert_device *d)
{
    const struct log_field fields[] = {
        {"device", d->device, 0},
        {"client", d->client, 0},
        {"wire", d->wire, 0},
        {"reason", d->reason != NULL ? d->reason : "", 0},
        {"seconds", NULL, (int64_t)d->seconds},
    };
    if (d->reason != NULL)
        hooks_tell(hub->alerts.hooks, HOOK_DEVICE_AWAY, fields, COUNT(fields));
    else
        hooks_tell(hub->alerts.hooks, HOOK_DEVICE_PRESENT, fields, 3);
}

void hub_alert_tunnel(struct hub *hub, const struct tunnel_record *t, const char *why)
{
    const struct log_field fields[] = {
        {"tunnel", t->id, 0},
        {"thing", t->thing, 0},
        {"key", t->key_id, 0},
        {"reason", why != NULL ? why : "", 0},
        {"seconds", NULL, ((int64_t)time(NULL) * 1000 - t->created) / 1000},
    };
    if (why != NULL)
        hooks_tell(hub->alerts.hooks, HOOK_TUNNEL_CLOSED, fields, COUNT(fields));
    else
        hooks_tell(hub->alerts.hooks, HOOK_TUNNEL_OPENED, fields, 3);
}

void hub_alert_refused(struct hub *hub, const char *client, const char *reason)
{
    struct hub_alerts *a = &hub->alerts;
    uint64_t now = loop_now(hub->o.loop);
    if (now - a->minute >= MINUTE_MS) {
        a->minute = now;
        a->refused = 0;
    }
    if (++a->refused != a->refusals)
        return;
    const struct log_field fields[] = {
        {"times", NULL, (int64_t)a->refused},
        {"seconds", NULL, (int64_t)(now - a->minute) / 1000},
        {"client", client, 0},
        {"reason", reason, 0},
    };
    hooks_tell(a->hooks, HOOK_REFUSALS, fields, COUNT(fields));
}

void hub_alert_certificate(struct hub *hub)
{
    int64_t ends = identity_ends(hub->identity), left = ends - (int64_t)time(NULL);
    time_t at = (time_t)ends;
    char text[40] = "";
    struct tm tm;
    if (left >= (int64_t)HUB_ALERT_CERTIFICATE_DAYS * DAY_S)
        return;
    if (gmtime_r(&at, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    const struct log_field fields[] = {
        {"file", hub->o.cert_file, 0},
        {"ends", text, 0},
        {"days", NULL, left > 0 ? left / DAY_S : 0},
        {"ended", left > 0 ? "no" : "yes", 0},
    };
    hooks_tell(hub->alerts.hooks, HOOK_CERTIFICATE, fields, COUNT(fields));
}
