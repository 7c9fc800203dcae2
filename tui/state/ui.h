/* The dashboard's own state: what is on the screen, selected, sorted, filtered, asked; and what
 * each key does to it. Pure: keys come in, actions go out. Text entry owns every key while it
 * lasts. */
#ifndef TUI_STATE_UI_H
#define TUI_STATE_UI_H

#include "tui/state/filter.h"
#include "tui/state/format.h"
#include "tui/state/key.h"
#include "tui/state/model.h"
#include "tui/state/role.h"

#define UI_TEXT_MAX 200  /* bytes of a filter or search */
#define UI_TAGS_MAX 1024 /* streams tagged at once */

enum screen { SCREEN_MAIN, SCREEN_STREAM, SCREEN_SERVICE, SCREEN_HELP };
enum pane { PANE_STREAMS, PANE_SERVICES, PANE_LOG, PANE_COUNT };
enum prompt {
    PROMPT_NONE,
    PROMPT_FILTER,
    PROMPT_SEARCH,
    PROMPT_CLOSE,  /* y closes what ui_closing tells */
    PROMPT_SORT,   /* a list of columns to sort by */
    PROMPT_COLUMNS /* a list of columns to show or hide */
};
enum totals { SHOW_BOTH, SHOW_RATES, SHOW_TOTALS };
enum window { WINDOW_MINUTE, WINDOW_TEN, WINDOW_HOUR };

struct ui {
    enum screen screen, before_help;
    enum pane focus;
    enum prompt prompt;
    /* The selection sticks to what it is on, not to the row. 0 and "": the first row. */
    uint64_t stream;
    char service[300];                        /* "TUNNEL/ID" */
    size_t stream_row, service_row;           /* where they were: their neighbours, once gone */
    size_t log_up;                            /* rows that the log is scrolled back */
    size_t stream_top, service_top, help_top; /* first row shown */
    int sort, service_sort;                   /* index into the columns (columns.h) */
    bool reverse, service_reverse;
    uint64_t hidden; /* columns that were switched off: 1 << index */
    struct filter filter;
    char filter_text[UI_TEXT_MAX + 1], search_text[UI_TEXT_MAX + 1];
    char text[UI_TEXT_MAX + 1]; /* being entered */
    char problem[128];          /* why what is being entered is no filter */
    int list_at;                /* PROMPT_SORT, PROMPT_COLUMNS: the row */
    bool follow;                /* the newest stream stays selected */
    enum units units;
    enum totals totals;
    enum window window;
    bool logarithmic;
    enum graph_style graph;
    bool ascii;       /* there is no other style */
    int log_rows;     /* requested: 0, 3 or 8 */
    double refresh;   /* seconds between snapshots: 0.2 .. 10 */
    bool mouse, copy; /* copy: OSC 52 is allowed */
    size_t n_tags;
    uint64_t tags[UI_TAGS_MAX];
    size_t n_closing; /* PROMPT_CLOSE, and with the action UI_CLOSE */
    uint64_t closing[UI_TAGS_MAX];
    char copied[300];  /* with the action UI_COPY */
    char message[200]; /* in the last row until the next key */
    bool message_bad;
    int columns, rows; /* of the screen */
    bool pasting;      /* between UIKEY_PASTE and UIKEY_PASTE_END: text, and never a command */
    /* Keys that came at once with the one at hand, 0 or 1: it came alone. A question takes no
     * answer from many: that is a paste, where the terminal does not tell. */
    size_t read;
};

/* What a key asks of the app besides a new picture. */
enum ui_wish {
    UI_NOTHING = 0,
    UI_QUIT = 1,
    UI_REDRAW = 2,   /* the whole terminal, Ctrl-L */
    UI_RETRY = 4,    /* connect now */
    UI_CLOSE = 8,    /* DELETE the streams that ui_closing tells */
    UI_REFRESH = 16, /* ask for a snapshot now (detail, refresh time) */
    UI_MOUSE = 32,   /* ui->mouse has changed */
    UI_COPY = 64,    /* ui->copied is to go to the clipboard */
    UI_STOP = 128    /* Ctrl-Z */
};

void ui_init(struct ui *ui);
unsigned ui_key(struct ui *ui, struct model *m, uint32_t key);
/* button: 1 a click, 2 a double click, 4 and 5 the wheel up and down. */
unsigned ui_click(struct ui *ui, struct model *m, int row, int column, int button);
/* After each new snapshot and resize: selections that are gone move to their neighbours, scroll
 * positions fit. */
void ui_settle(struct ui *ui, const struct model *m);
/* The i-th stream to close with UI_CLOSE; 0: no more. */
uint64_t ui_closing(const struct ui *ui, size_t i);
/* The id of the stream whose own history is to be asked for, or 0. */
uint64_t ui_detail(const struct ui *ui);
/* At the start: "SSH1 down>1M". False, with a sentence in ui->message: not understood. */
bool ui_set_filter(struct ui *ui, const char *text);
/* The streams, by a column's title or name ("down/s", "rate_down"); '-' in front: reversed. False
 * as above. */
bool ui_set_sort(struct ui *ui, const char *name);

#endif
