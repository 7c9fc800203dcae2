/* A monitor's rows in their groups. */
#include "core/control/monitor_internal.h"

#include <stdio.h>
#include <string.h>

const char *monitor_group_key(const struct monitor *m, enum group_kind kind,
                              const char *const texts[FILTER_TEXTS], char out[GROUP_KEY])
{
    static const enum filter_text members[GROUP_KINDS] = {
        [GROUP_USER] = FILTER_USER,
        [GROUP_SERVICE] = FILTER_SERVICE,
        [GROUP_DEVICE] = FILTER_TUNNEL,
    };
    enum filter_text member = members[kind];
    if (kind == GROUP_CLIENT)
        return group_client_key(texts[FILTER_PROCESS], texts[FILTER_CLIENT], out);
    if (member == FILTER_TUNNEL && strcmp(m->o.role, "hub") == 0)
        member = FILTER_SERVICE;
    snprintf(out, GROUP_KEY, "%s", texts[member]);
    return out;
}

void monitor_group_set(struct monitor_row *r, enum group_kind kind, const char *key)
{
    struct groups *all = &r->monitor->groups[kind];
    struct group *from = r->groups[kind], *to = monitor_groups_get(all, key);
    r->groups[kind] = to;
    if (to == from)
        return;
    to->open++;
    to->served += r->answered;
    to->down += r->counters.down;
    to->up += r->counters.up;
    if (from == NULL)
        return;
    from->open--;
    from->served -= r->answered;
    from->down -= r->counters.down;
    from->up -= r->counters.up;
    monitor_groups_tidy(all, from);
}

void monitor_group_who(struct monitor_row *r)
{
    const char *texts[FILTER_TEXTS];
    char key[GROUP_KEY];
    r->kind->texts(r, texts);
    group_client_key(texts[FILTER_PROCESS], texts[FILTER_CLIENT], key);
    monitor_group_set(r, GROUP_CLIENT, key);
    monitor_group_set(r, GROUP_USER, texts[FILTER_USER]);
}

void monitor_group_where(struct monitor_row *r)
{
    const char *texts[FILTER_TEXTS];
    r->kind->texts(r, texts);
    monitor_group_set(r, GROUP_SERVICE, texts[FILTER_SERVICE]);
    monitor_group_set(r, GROUP_DEVICE, texts[FILTER_TUNNEL]);
}

void monitor_groups_bytes(struct monitor_row *r, uint64_t down, uint64_t up)
{
    if (down == 0 && up == 0)
        return;
    for (int k = 0; k < GROUP_KINDS; k++) {
        struct group *g = r->groups[k];
        if (g == NULL)
            continue;
        g->down += down;
        g->up += up;
        g->second_down += down;
        g->second_up += up;
    }
}

void monitor_groups_served(struct monitor_row *r)
{
    for (int k = 0; k < GROUP_KINDS; k++)
        if (r->groups[k] != NULL)
            r->groups[k]->served++;
}

void monitor_groups_ended(struct monitor_row *r, bool refused, bool failed)
{
    for (int k = 0; k < GROUP_KINDS; k++) {
        struct group *g = r->groups[k];
        r->groups[k] = NULL;
        if (g == NULL)
            continue;
        g->open--;
        g->refused += refused;
        g->failed += failed;
        monitor_groups_tidy(&r->monitor->groups[k], g);
    }
}
