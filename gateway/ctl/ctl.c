#include "gateway/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <string.h>
#include <time.h>

static const struct option table[] = {
    {"tunnels", 0, "FILE", NULL, NULL, NULL, "The hub's list of tunnels (its --tunnels).", 0},
    {"json", 0, NULL, NULL, NULL, NULL, "Print JSON.", 0},
};
const struct option_group ctl_options = OPTION_GROUP("Tunnels", table);

enum program_next ctl_read(const struct program *p, const struct option_group *own,
                           struct options **o, int argc, char **argv)
{
    const struct option_group *groups[3];
    size_t n = 0;
    if (own != NULL)
        groups[n++] = own;
    groups[n++] = &ctl_options;
    groups[n++] = &program_options;
    *o = options_new(groups, n);
    if (*o == NULL) {
        ctl_fail(err_text(ERR_NO_MEMORY));
        return PROGRAM_FAILED;
    }
    enum program_next next = program_read(p, *o, argc, argv);
    if (next == PROGRAM_GO && options_get(*o, "tunnels") == NULL) {
        options_fail(*o, "--tunnels is missing");
        program_fail(p, *o);
        next = PROGRAM_FAILED;
    }
    return next;
}

int ctl_fail(const char *sentence)
{
    fprintf(stderr, "tunnelctl: %s\n", sentence);
    return 1;
}

char *ctl_time(int64_t epoch, char out[32])
{
    time_t t = (time_t)epoch;
    struct tm parts;
    if (epoch == 0 || gmtime_r(&t, &parts) == NULL ||
        strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts) == 0)
        snprintf(out, 32, "-");
    return out;
}

char *ctl_services(const struct tunnel_record *r, char *out, size_t size)
{
    size_t used = 0;
    snprintf(out, size, "-");
    for (size_t i = 0; i < r->n_services && used < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", r->services[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}

struct cJSON *ctl_json(const struct tunnel_record *r)
{
    cJSON *j = cJSON_CreateObject(), *services = NULL;
    bool ok = cJSON_AddStringToObject(j, "tunnelId", r->id) != NULL &&
              cJSON_AddStringToObject(j, "name", r->name) != NULL &&
              (services = cJSON_AddArrayToObject(j, "services")) != NULL;
    for (size_t i = 0; ok && i < r->n_services; i++)
        ok = cJSON_AddItemToArray(services, cJSON_CreateString(r->services[i]));
    if (ok && r->created != 0)
        ok = cJSON_AddNumberToObject(j, "created", (double)r->created) != NULL;
    if (ok && r->expires != 0)
        ok = cJSON_AddNumberToObject(j, "expires", (double)r->expires) != NULL;
    if (ok)
        return j;
    cJSON_Delete(j);
    return NULL;
}
