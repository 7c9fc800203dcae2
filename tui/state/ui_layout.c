#include "tui/state/columns.h"
#include "tui/state/ui_internal.h"

struct layout ui_layout(const struct ui *ui, const struct model *m)
{
    bool hub = column_role_of(&m->shown) == COLUMN_HUB;
    return layout_of(ui->columns, ui->rows, hub ? 0 : m->shown.n_services, ui->log_rows);
}
