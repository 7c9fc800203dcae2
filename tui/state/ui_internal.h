/* Between the files of ui.h only. */
#ifndef TUI_STATE_UI_INTERNAL_H
#define TUI_STATE_UI_INTERNAL_H

#include "tui/state/layout.h"
#include "tui/state/order.h"
#include "tui/state/ui.h"

#define CTRL(c) ((c)&31)

/* Sets the message of the last row. */
void ui_say(struct ui *ui, bool bad, const char *format, ...) __attribute__((format(printf, 3, 4)));
struct layout ui_layout(const struct ui *ui, const struct model *m);

/* Movement (ui_move.c): each is an action of the key table. */
unsigned ui_move(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_next_pane(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_next_match(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_enter(struct ui *ui, struct model *m, uint32_t key);
/* rows: how far, down is positive; in the pane that has the focus, or the screen. */
void ui_step(struct ui *ui, const struct model *m, long rows);
/* The stream that is selected, also when that is by its row; 0: there is none. */
uint64_t ui_selected(const struct ui *ui, const struct model *m);

/* Text entry and lists (ui_prompt.c). */
unsigned ui_ask_filter(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_search(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_sort(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_columns(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_close(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_prompt_key(struct ui *ui, struct model *m, uint32_t key);
/* A key of pasted text; false: no text is being entered. */
bool ui_prompt_paste(struct ui *ui, struct model *m, uint32_t key);
void ui_clear_filter(struct ui *ui);

#endif
