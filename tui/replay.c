#include "tui/replay.h"

#include "tui/view/render.h"

#include <stdio.h>
#include <string.h>

unsigned replay_keys(struct span keys, struct model *m, struct ui *ui)
{
    unsigned actions = UI_NOTHING;
    uint32_t key;
    while (render_key(&keys, &key))
        actions |= ui_key(ui, m, key);
    return actions;
}

static void play_loss(const struct snapshot_event *e, struct model *m, double *now)
{
    *now = m->heard_at + e->age;
    for (uint64_t i = 0; i < e->count || i == 0; i++)
        model_lost(m, e->text, *now, *now + 3);
}

static void play_event(const struct snapshot_event *e, struct model *m, struct ui *ui, double *now)
{
    if (strcmp(e->event, "lost") == 0)
        play_loss(e, m, now);
    else if (strcmp(e->event, "keys") == 0)
        replay_keys(span_of(e->text), m, ui);
    else
        model_event(m, e);
}

static enum err play_line(struct span line, struct model *m, struct ui *ui, double *now,
                          char *problem, size_t size)
{
    struct snapshot s;
    enum err why = snapshot_read(line, &s, problem, size);
    if (why == ERR_OK) {
        model_take(m, &s, *now += 1);
        ui_settle(ui, m);
        return ERR_OK;
    }
    if (s.schema != 0)
        return why;
    char ignored[100];
    if (snapshot_read_event(line, &s, ignored, sizeof ignored) != ERR_OK)
        return why;
    if (s.events[0].event[0] != '\0') {
        play_event(&s.events[0], m, ui, now);
        why = ERR_OK;
    }
    snapshot_free(&s);
    return why;
}

enum err replay_play(struct span text, struct model *m, struct ui *ui, double *now, char *problem,
                     size_t size)
{
    char reason[200];
    for (unsigned number = 1; text.n > 0; number++) {
        struct span line = span_trim(span_cut(&text, '\n'));
        enum err why = line.n > 0 ? play_line(line, m, ui, now, reason, sizeof reason) : ERR_OK;
        if (why != ERR_OK) {
            snprintf(problem, size, "line %u: %s", number, reason);
            return why;
        }
    }
    return ERR_OK;
}
