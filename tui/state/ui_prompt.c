#include "tui/state/ui_internal.h"

#include "core/base/text.h"
#include "core/base/unicode.h"
#include "tui/state/column_picker.h"
#include "tui/state/paged_list.h"

#include <string.h>

/* ---- text ---- */

static void set_text(char *to, const char *from)
{
    memmove(to, from, strlen(from) + 1);
}

static void begin(struct ui *ui, enum prompt prompt, const char *text)
{
    ui->prompt = prompt;
    ui->problem[0] = '\0';
    set_text(ui->text, text);
}

unsigned ui_ask_filter(struct ui *ui, struct model *m, uint32_t key)
{
    (void)m, (void)key;
    enum paged_kind kind = paged_list_on(ui->screen);
    if (kind < PAGED_KINDS)
        begin(ui, PROMPT_PAGED, ui->lists[kind].filter);
    else
        begin(ui, PROMPT_FILTER, ui->filter_text);
    return UI_NOTHING;
}

unsigned ui_ask_search(struct ui *ui, struct model *m, uint32_t key)
{
    (void)m, (void)key;
    begin(ui, PROMPT_SEARCH, "");
    return UI_NOTHING;
}

void ui_clear_filter(struct ui *ui)
{
    ui->filter = (struct filter){0};
    ui->filter_text[0] = '\0';
}

/* While a word is incomplete ("age>") the words before it filter. */
static void apply(struct ui *ui, struct model *m)
{
    char text[sizeof ui->text];
    ui->problem[0] = '\0';
    if (ui->prompt == PROMPT_SEARCH || ui->prompt == PROMPT_PAGED) {
        set_text(ui->prompt == PROMPT_SEARCH ? ui->search_text
                                             : ui->lists[paged_list_on(ui->screen)].filter,
                 ui->text);
        return;
    }
    set_text(text, ui->text);
    if (!filter_parse(text, &ui->filter, ui->problem, sizeof ui->problem)) {
        char ignored[sizeof ui->problem];
        char *last = strrchr(text, ' ');
        *(last != NULL ? last : text) = '\0';
        if (!filter_parse(text, &ui->filter, ignored, sizeof ignored))
            return; /* an earlier word is invalid, so the filter stays */
    }
    set_text(ui->filter_text, text);
    ui_settle(ui, m);
}

static void insert(struct ui *ui, uint32_t c)
{
    char bytes[4];
    size_t n = strlen(ui->text), more = utf8_encode(c, bytes);
    if (n + more > UI_TEXT_MAX)
        return;
    memcpy(ui->text + n, bytes, more);
    ui->text[n + more] = '\0';
}

static void erase(struct ui *ui)
{
    size_t n = strlen(ui->text);
    while (n > 0 && ((unsigned char)ui->text[--n] & 0xc0) == 0x80)
        ;
    ui->text[n] = '\0';
}

static void erase_word(struct ui *ui)
{
    size_t n = strlen(ui->text);
    while (n > 0 && ui->text[n - 1] == ' ')
        n--;
    while (n > 0 && ui->text[n - 1] != ' ')
        n--;
    ui->text[n] = '\0';
}

static void leave(struct ui *ui, struct model *m, bool keep)
{
    enum prompt was = ui->prompt;
    ui->prompt = PROMPT_NONE;
    if (was == PROMPT_FILTER && !keep)
        ui_clear_filter(ui);
    if (was == PROMPT_FILTER && keep && ui->problem[0] != '\0')
        ui_say(ui, true, "%s", ui->problem);
    if (was == PROMPT_PAGED && !keep)
        ui->lists[paged_list_on(ui->screen)].filter[0] = '\0';
    if (was == PROMPT_SEARCH && !keep)
        ui->search_text[0] = '\0';
    if (was == PROMPT_SEARCH && keep && ui->text[0] != '\0')
        ui_next_match(ui, m, 'n');
    ui_settle(ui, m);
}

static bool takes_text(const struct ui *ui)
{
    return ui->prompt == PROMPT_FILTER || ui->prompt == PROMPT_SEARCH || ui->prompt == PROMPT_PAGED;
}

static void text_key(struct ui *ui, struct model *m, uint32_t key)
{
    if (key == UIKEY_ENTER || key == UIKEY_ESCAPE || key == CTRL('c') ||
        (key == UIKEY_BACKSPACE && ui->text[0] == '\0')) {
        leave(ui, m, key == UIKEY_ENTER);
        return;
    }
    if (key == UIKEY_BACKSPACE)
        erase(ui);
    else if (key == CTRL('u'))
        ui->text[0] = '\0';
    else if (key == CTRL('w'))
        erase_word(ui);
    else if (key <= 0x10ffff && text_shows(key))
        insert(ui, key);
    apply(ui, m);
}

/* Line ends and tabs separate words. */
bool ui_prompt_paste(struct ui *ui, struct model *m, uint32_t key)
{
    if (!takes_text(ui))
        return false;
    if (key == UIKEY_ENTER || key == UIKEY_TAB)
        insert(ui, ' ');
    else if (key <= 0x10ffff && text_shows(key))
        insert(ui, key);
    apply(ui, m);
    return true;
}

/* ---- lists ---- */

unsigned ui_ask_sort(struct ui *ui, struct model *m, uint32_t key)
{
    int at[COLUMNS_MAX], sort = ui->focus == PANE_SERVICES ? ui->service_sort : ui->sort;
    (void)key;
    ui->prompt = PROMPT_SORT;
    ui->list_at = 0;
    for (int i = 0, n = column_picker_list(ui, m, at); i < n; i++)
        if (at[i] == sort)
            ui->list_at = i;
    return UI_NOTHING;
}

unsigned ui_ask_columns(struct ui *ui, struct model *m, uint32_t key)
{
    (void)m, (void)key;
    ui->prompt = PROMPT_COLUMNS;
    ui->list_at = 0;
    return UI_NOTHING;
}

static void pick(struct ui *ui, struct model *m, int column)
{
    if (ui->prompt == PROMPT_COLUMNS) {
        ui->hidden ^= (uint64_t)1 << column;
        return;
    }
    if (column_picker_table(ui) == &service_columns)
        ui->service_sort = column;
    else
        ui->sort = column;
    ui->prompt = PROMPT_NONE;
    ui_settle(ui, m);
}

static void list_key(struct ui *ui, struct model *m, uint32_t key)
{
    int at[COLUMNS_MAX], n = column_picker_list(ui, m, at);
    int by = key == UIKEY_UP || key == 'k'                              ? -1
             : key == UIKEY_DOWN || key == 'j'                          ? 1
             : key == UIKEY_PAGE_UP || key == UIKEY_HOME || key == 'g'  ? -n
             : key == UIKEY_PAGE_DOWN || key == UIKEY_END || key == 'G' ? n
                                                                        : 0;
    ui->list_at += by;
    ui->list_at = ui->list_at >= n ? n - 1 : ui->list_at;
    ui->list_at = ui->list_at < 0 ? 0 : ui->list_at;
    if (by != 0)
        return;
    bool enter = key == UIKEY_ENTER, done = enter && ui->prompt == PROMPT_COLUMNS;
    if ((enter || key == ' ') && !done && n > 0)
        pick(ui, m, at[ui->list_at]);
    if (done || key == UIKEY_ESCAPE || key == 'q' || key == CTRL('c'))
        ui->prompt = PROMPT_NONE;
}

unsigned ui_prompt_key(struct ui *ui, struct model *m, uint32_t key)
{
    if (key == CTRL('l'))
        return UI_REDRAW;
    if (ui->prompt == PROMPT_CLOSE || ui->prompt == PROMPT_GATHER || ui->prompt == PROMPT_OPEN ||
        ui->prompt == PROMPT_EXPORT)
        return ui_ask_key(ui, m, key);
    /* What the program filters and sorts has to be asked for anew. */
    bool asks = ui->prompt == PROMPT_PAGED || m->shown.streams_page.known;
    if (takes_text(ui))
        text_key(ui, m, key);
    else
        list_key(ui, m, key);
    return asks ? UI_REFRESH : UI_NOTHING;
}
