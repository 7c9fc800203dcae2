/* Snapshots and events: whatever is read can be looked at all over, and shown by the dashboard's
 * model twice: as the first one, and after another one. */
#include "core/control/client/snapshot.h"
#include "tui/state/model.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static size_t seen;

static void look(const char *text)
{
    MUST(text != NULL);
    seen += strlen(text);
}

static void look_at_counts(const struct snapshot_counts *c)
{
    MUST(c->open <= UINT64_C(1) << 53 && c->rate_down >= 0);
    for (size_t i = 0; i < c->errors.n; i++)
        look(c->errors.items[i].name);
    for (size_t i = 0; i < c->refusals.n; i++)
        look(c->refusals.items[i].name);
}

static void look_at_samples(const struct snapshot_samples *s)
{
    MUST(s->n <= SNAPSHOT_SAMPLES_MAX && s->last >= s->n);
    for (size_t i = 0; i < s->n; i++)
        seen += s->down[i] ^ s->up[i];
}

static void look_at(const struct snapshot *s)
{
    look(s->program), look(s->role), look(s->version), look(s->instance), look(s->host);
    for (size_t i = 0; i < s->n_listen; i++)
        look(s->listen[i]);
    look_at_counts(&s->totals);
    for (size_t i = 0; i < s->n_tunnels; i++)
        look(s->tunnels[i].name), look(s->tunnels[i].hub), look(s->tunnels[i].state);
    for (size_t i = 0; i < s->n_services; i++)
        look(s->services[i].id), look(s->services[i].state), look_at_counts(&s->services[i].counts);
    for (size_t i = 0; i < s->n_streams; i++) {
        look(s->streams[i].client), look(s->streams[i].reason);
        look(snapshot_state_name(s->streams[i].state));
        look_at_samples(&s->streams[i].history);
    }
    look_at_samples(&s->seconds);
    look_at_samples(&s->tens);
    for (size_t i = 0; i < s->n_events; i++)
        look(s->events[i].event), look(s->events[i].text);
}

static void look_at_model(const struct model *m)
{
    MUST(m->seconds.n <= MODEL_SECONDS && m->tens.n <= MODEL_TENS && m->n_events <= MODEL_EVENTS);
    for (size_t i = 0; i < m->seconds.n; i++)
        seen += m->seconds.down[i] ^ m->seconds.up[i];
    for (size_t i = 0; i < m->n_events; i++)
        look(m->events[i].e.event), look(m->events[i].e.text);
    seen += model_held(m);
}

static void show(struct model *m, const uint8_t *data, size_t size)
{
    struct snapshot s;
    char problem[100] = "";
    enum err why =
        snapshot_read((struct span){(const char *)data, size}, &s, problem, sizeof problem);
    MUST((why == ERR_OK) == (s.memory != NULL) && (why == ERR_OK) == (problem[0] == '\0'));
    if (why == ERR_OK) {
        look_at(&s);
        model_take(m, &s, 1);
    } else {
        model_lost(m, problem, 1, 2);
    }
    look_at_model(m);
}

static void show_event(struct model *m, const uint8_t *data, size_t size)
{
    struct snapshot s;
    char problem[100];
    if (snapshot_read_event((struct span){(const char *)data, size}, &s, problem, sizeof problem) !=
        ERR_OK)
        return;
    model_event(m, &s.events[0]);
    snapshot_free(&s);
    look_at_model(m);
}

static const char before[] =
    "{\"schema\":1,\"instance\":\"a\",\"history\":{\"seconds\":{\"last\":3,\"down\":[1,2],"
    "\"up\":[3,4]}},\"events\":{\"list\":[{\"event\":\"up\",\"number\":2}]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model m;
    model_init(&m, "x");
    show(&m, data, size);
    show_event(&m, data, size);
    show(&m, (const uint8_t *)before, sizeof before - 1);
    model_pause(&m, true);
    show(&m, data, size);
    model_pause(&m, false);
    look_at_model(&m);
    model_free(&m);
    return seen == SIZE_MAX;
}
