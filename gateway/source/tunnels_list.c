/* The tunnels that there are, by their place in the list. */
#include "gateway/source/tunnels_internal.h"

size_t tunnels_index(const struct tunnel *t)
{
    for (size_t i = 0; i < t->set->n; i++)
        if (t->set->all[i] == t)
            return i;
    return 0;
}

size_t tunnels_list(struct tunnels *set, const struct names_tunnel **list)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct tunnel *t = set->all[i];
        struct names_tunnel *out = &set->list[i];
        out->name = t->hidden ? "" : t->name;
        out->n_services = session_services(t->session, &out->services);
        out->known = out->n_services > 0 || session_open(t->session);
        out->on_demand = t->over != NULL;
    }
    *list = set->list;
    return set->n;
}

bool tunnels_is_up(const struct tunnels *set, size_t i)
{
    return session_open(set->all[i]->session);
}

bool tunnels_has_no_device(const struct tunnels *set, size_t i)
{
    return session_device_offline(set->all[i]->session);
}

void *tunnels_owner(const struct tunnels *set, size_t i)
{
    return set->all[i]->owner;
}

size_t tunnels_connections(const struct tunnels *set, size_t i)
{
    return session_connections(set->all[i]->session);
}
