#include "tui/state/column_picker.h"

const struct columns *column_picker_table(const struct ui *ui)
{
    return ui->focus == PANE_SERVICES ? &service_columns : &stream_columns;
}

int column_picker_list(const struct ui *ui, const struct model *m, int at[COLUMNS_MAX])
{
    bool columns = ui->prompt == PROMPT_COLUMNS;
    const struct columns *c = columns ? &stream_columns : column_picker_table(ui);
    int n = 0;
    for (int i = 0; i < c->n && n < COLUMNS_MAX; i++)
        if ((columns || c->items[i].compare != NULL) &&
            column_is_in(&c->items[i], column_role_of(&m->shown), columns ? SHOW_BOTH : ui->totals))
            at[n++] = i;
    return n;
}
