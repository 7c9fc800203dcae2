#include "gateway/source/tunnels_internal.h"

#include "core/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RETIRED_MS 30000 /* for clients that wait, and for the last bytes to slow ones */

static void tunnel_free(struct tunnel *t)
{
    list_remove(&t->retired);
    timer_free(t->retiring);
    buf_free(&t->told);
    mappings_free(t->mappings);
    tunnel_end_free(t->end);
    timer_free(t->absence);
    free(t->name);
    free(t);
}

static bool make_mappings(struct tunnel *t, const struct tunnel_options *o)
{
    const struct mappings_options mapped = {.session = t->session,
                                            .map = o->map,
                                            .bind = o->end.hub->bind,
                                            .assign = o->assign,
                                            .watched = t->watched,
                                            .forwards = t->set->forwards};
    if (o->map == NULL && !o->assign)
        return true;
    t->mappings = mappings_new(t->set->loop, &mapped);
    return t->mappings != NULL;
}

static bool name_it(struct tunnel *t, const char *name)
{
    char safe[140];
    str_escape(span_of(name), safe, sizeof safe);
    snprintf(t->title, sizeof t->title, "tunnel%s%s", safe[0] != '\0' ? " " : "", safe);
    t->name = strdup(name);
    return t->name != NULL;
}

static enum err make_parts(struct tunnel *t, const struct tunnel_options *o, char *text,
                           size_t size)
{
    enum err why = ERR_NO_MEMORY;
    struct tunnel_end_options end = o->end;
    t->absence = timer_new(t->set->loop, tunnels_on_absence, t);
    if (t->absence == NULL || !name_it(t, o->name)) {
        if (end.ready != NULL)
            stream_close(end.ready);
        snprintf(text, size, "%s", err_text(why));
        return why;
    }
    end.loop = t->set->loop;
    end.monitor = t->set->monitor;
    end.memory = &t->set->budget;
    end.name = t->name;
    end.title = t->title;
    t->end = tunnel_end_new(&end, &tunnels_end_events, t, &why, text, size);
    if (t->end == NULL)
        return why;
    t->session = tunnel_end_session(t->end);
    t->watched = tunnel_end_watched(t->end);
    return make_mappings(t, o) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err make_room(struct tunnels *set)
{
    if (set->n < set->room)
        return ERR_OK;
    if (set->n == TUNNELS_MAX)
        return ERR_LIMIT;
    size_t room = set->room > 0 ? 2 * set->room : 8;
    struct tunnel **all = realloc(set->all, room * sizeof *all);
    set->all = all != NULL ? all : set->all;
    struct names_tunnel *list = all != NULL ? realloc(set->list, room * sizeof *list) : NULL;
    if (list == NULL)
        return ERR_NO_MEMORY;
    set->list = list;
    set->room = room;
    return ERR_OK;
}

static void insert(struct tunnels *set, struct tunnel *t)
{
    size_t at = set->n;
    while (t->over == NULL && at > 0 && set->all[at - 1]->over != NULL)
        at--;
    memmove(&set->all[at + 1], &set->all[at], (set->n - at) * sizeof set->all[0]);
    set->all[at] = t;
    set->n++;
}

enum err tunnels_add(struct tunnels *set, const struct tunnel_options *o, char *text, size_t size)
{
    enum err why = make_room(set);
    struct tunnel *t = why == ERR_OK ? calloc(1, sizeof *t) : NULL;
    if (t == NULL) {
        why = why == ERR_OK ? ERR_NO_MEMORY : why;
        snprintf(text, size, "%s", why == ERR_LIMIT ? "too many tunnels" : err_text(why));
        if (o->end.ready != NULL)
            stream_close(o->end.ready);
        return why;
    }
    *t = (struct tunnel){.set = set, .told.limit = 65536, .over = o->over, .owner = o->owner};
    list_init(&t->retired);
    why = make_parts(t, o, text, size);
    if (why == ERR_OK)
        insert(set, t);
    else
        tunnel_free(t);
    return why;
}

static struct tunnel *find(const struct tunnels *set, const char *name)
{
    for (size_t i = 0; i < set->n && set->all[i]->over == NULL; i++)
        if (strcasecmp(set->all[i]->name, name) == 0)
            return set->all[i];
    return NULL;
}

enum err tunnels_change(struct tunnels *set, const struct tunnel_options *o, char *text,
                        size_t size)
{
    const struct tunnel *t = find(set, o->name);
    return t != NULL ? tunnel_end_change(t->end, &o->end, text, size) : ERR_NOT_FOUND;
}

static void on_retired(void *owner)
{
    tunnel_free(owner);
}

/* Clients that wait still ask its mappings where to go, and its session may have bytes that slow
 * ones have not taken. Without a timer it stays until the end. */
static void retire(struct tunnel *t)
{
    list_append(&t->set->retired, &t->retired);
    t->watched = NULL;
    mappings_close(t->mappings);
    tunnel_end_retire(t->end);
    t->retiring = timer_new(t->set->loop, on_retired, t);
    if (t->retiring != NULL)
        timer_start(t->retiring, RETIRED_MS);
}

static void take_out(struct tunnels *set, struct tunnel *t)
{
    size_t i = tunnels_index(t);
    memmove(&set->all[i], &set->all[i + 1], (set->n - i - 1) * sizeof set->all[0]);
    set->n--;
    bool on_demand = t->over != NULL;
    retire(t);
    if (!on_demand)
        tunnels_show(set);
    forwards_wake(set->forwards);
}

void tunnels_remove(struct tunnels *set, const char *name)
{
    struct tunnel *t = find(set, name);
    if (t != NULL)
        take_out(set, t);
}

static struct tunnel *find_owner(const struct tunnels *set, const void *owner)
{
    for (size_t i = 0; i < set->n; i++)
        if (set->all[i]->over != NULL && set->all[i]->owner == owner)
            return set->all[i];
    return NULL;
}

void tunnels_drop(struct tunnels *set, const void *owner)
{
    struct tunnel *t = find_owner(set, owner);
    if (t != NULL)
        take_out(set, t);
}

void tunnels_hide(struct tunnels *set, const void *owner)
{
    struct tunnel *t = find_owner(set, owner);
    if (t != NULL)
        t->hidden = true;
}

void tunnels_rules(struct tunnels *set, const struct tunnels_options *fresh)
{
    set->names = fresh->names;
    set->grace_ms = fresh->grace_ms;
    set->traits = fresh->traits;
    tunnels_show(set);
}

struct tunnels *tunnels_new(struct loop *loop, const struct tunnels_options *o)
{
    struct tunnels *set = calloc(1, sizeof *set);
    if (set == NULL)
        return NULL;
    set->loop = loop;
    list_init(&set->retired);
    set->monitor = o->monitor;
    set->forwards = o->forwards;
    tunnels_rules(set, o);
    budget_init(&set->budget, o->memory != 0 ? o->memory : SIZE_MAX / 4);
    set->finished = o->finished;
    set->owner = o->owner;
    return set;
}

void tunnels_free(struct tunnels *set)
{
    if (set == NULL)
        return;
    set->freeing = true;
    for (size_t i = 0; i < set->n; i++)
        tunnel_free(set->all[i]);
    while (!list_empty(&set->retired))
        tunnel_free(list_entry(set->retired.next, struct tunnel, retired));
    budget_free(&set->budget);
    free(set->all);
    free(set->list);
    free(set);
}
