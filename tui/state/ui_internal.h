/* Private to ui.h: ui.c takes keys and clicks, ui_move.c moves the selections, ui_prompt.c,
 * ui_ask.c and ui_gather.c are prompts and what is chosen for them, ui_layout.c places the parts,
 * wanted.c says what the next snapshot has to have. Pure. */
#ifndef TUI_STATE_UI_INTERNAL_H
#define TUI_STATE_UI_INTERNAL_H

#include "tui/state/layout.h"
#include "tui/state/order.h"
#include "tui/state/ui.h"

#define CTRL(c) ((c)&31)

/* Sets the message of the last row. */
void ui_say(struct ui *ui, bool bad, const char *format, ...) __attribute__((format(printf, 3, 4)));
struct layout ui_layout(const struct ui *ui, const struct model *m);

/* Movement (ui_move.c). Each function is an action of the key table. */
unsigned ui_move(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_next_pane(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_next_match(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_enter(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_fold(struct ui *ui, struct model *m, uint32_t key);
/* Moves by that many rows, downwards if positive, in the focused pane or the screen. */
void ui_step(struct ui *ui, const struct model *m, long rows);
/* The id of the selected stream, even if it is selected by its row; 0: there is none. */
uint64_t ui_selected(const struct ui *ui, const struct model *m);

/* Text entry and lists (ui_prompt.c). */
unsigned ui_ask_filter(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_search(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_sort(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_columns(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_close(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_open(struct ui *ui, struct model *m, uint32_t key);
unsigned ui_ask_export(struct ui *ui, struct model *m, uint32_t key);
/* The prompts that take one key (ui_ask.c). */
unsigned ui_ask_key(struct ui *ui, struct model *m, uint32_t key);
/* Chooses the streams of the group ui->groups.key that are here and fit the filter, and asks
 * whether to close them (ui_gather.c). */
void ui_choose_members(struct ui *ui, const struct model *m);
/* Goes on with closing a group once its streams are here. */
void ui_settle_close(struct ui *ui, const struct model *m);
unsigned ui_prompt_key(struct ui *ui, struct model *m, uint32_t key);
/* Handles a key of pasted text. False: no text is being entered. */
bool ui_prompt_paste(struct ui *ui, struct model *m, uint32_t key);
void ui_clear_filter(struct ui *ui);

#endif
