/* The streams of a group that is to be closed: where the program sends pages they are asked for
 * first.
 */
#include "tui/state/columns.h"
#include "tui/state/groups.h"
#include "tui/state/ui_internal.h"

#include <stdio.h>
#include <string.h>

void ui_choose_members(struct ui *ui, const struct model *m)
{
    bool hub = column_role_of(&m->shown) == COLUMN_HUB;
    struct order o = order_streams(ui, m);
    ui->n_closing = 0;
    ui->closing_all = m->shown.streams_page.known ? o.total : 0;
    for (size_t i = 0; i < o.n; i++) {
        const struct snapshot_stream *s = &m->shown.streams[o.at[i]];
        char key[MODEL_KEY];
        groups_key(s, ui->groups.by, hub, key);
        bool member = m->shown.streams_page.known || strcmp(key, ui->groups.key) == 0;
        if (!member || s->state == SNAPSHOT_CLOSED)
            continue;
        if (ui->n_closing < UI_TAGS_MAX)
            ui->closing[ui->n_closing++] = s->id;
    }
    order_free(&o);
    snprintf(ui->closing_of, sizeof ui->closing_of, "%s", ui->groups.key);
    ui->prompt = ui->n_closing > 0 ? PROMPT_CLOSE : PROMPT_NONE;
    if (ui->n_closing == 0)
        ui_say(ui, true, "it has no stream to close");
}

/* Whether the snapshot has what PROMPT_GATHER asked for. */
static bool gathered(const struct ui *ui, const struct model *m)
{
    const struct model_wanted *w = &m->answered;
    return w->one_group && w->streams.rows == UI_TAGS_MAX && strcmp(w->group, ui->groups.key) == 0;
}

void ui_settle_close(struct ui *ui, const struct model *m)
{
    if (ui->prompt == PROMPT_GATHER && gathered(ui, m))
        ui_choose_members(ui, m);
}
