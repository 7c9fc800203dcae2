/* The key that seals the symmetric keys of devices. */
#include "core/base/log.h"
#include "core/device/device_name.h"
#include "gateway/hub/hub_internal.h"

#include <stdio.h>
#include <string.h>

const uint8_t *hub_secrets_key(const struct hub *hub)
{
    return hub->o.secrets_file != NULL ? hub->secrets_key : NULL;
}

bool hub_read_secrets_key(struct hub *hub, enum err *why, char *text, size_t size)
{
    if (hub->o.secrets_file != NULL)
        *why = device_keys_read_secret(hub->o.secrets_file, hub->secrets_key, text, size);
    return hub->o.secrets_file == NULL || *why == ERR_OK;
}

struct sealed_devices {
    const uint8_t *key;
    size_t n, opened;
    char other[DEVICE_NAME_MAX + 1]; /* one that does not open */
};

static void try_device(void *to, const struct device_record *d)
{
    struct sealed_devices *s = to;
    struct device_keys keys;
    if (d->sealed == NULL)
        return;
    s->n++;
    if (s->key != NULL && device_keys_open(s->key, d, &keys))
        s->opened++;
    else
        snprintf(s->other, sizeof s->other, "%s", d->name);
    explicit_bzero(&keys, sizeof keys);
}

/* A key that does not open them would leave these devices outside, with nothing but "wrong
 * password" to be seen. */
bool hub_check_secrets_key(struct hub *hub, enum err *why, char *text, size_t size)
{
    struct sealed_devices s = {.key = hub_secrets_key(hub)};
    device_registry_each(hub->devices, try_device, &s);
    if (s.key == NULL && s.n > 0)
        log_warning("devices whose symmetric keys cannot be opened, since there is no "
                    "--secrets-key: %zu",
                    s.n);
    if (s.key == NULL || s.opened == s.n)
        return true;
    *why = ERR_USAGE;
    snprintf(text, size,
             "%s: it is not the key with which the symmetric keys of device %s were sealed: give "
             "that one (or none, to reset such devices)",
             hub->o.secrets_file, s.other);
    return false;
}
