/* The dashboard's own state: the screen, selections, order, filter and prompts, and what each key
 * does to them. Pure: takes keys and returns actions. Text entry takes every key while it lasts. */
#ifndef TUI_STATE_UI_H
#define TUI_STATE_UI_H

#include "core/control/filter/filter.h"
#include "core/format/format.h"
#include "tui/state/key.h"
#include "tui/state/model.h"
#include "tui/state/role.h"

#define UI_TEXT_MAX 200  /* bytes of a filter or search */
#define UI_TAGS_MAX 1024 /* streams tagged at once */

enum screen {
    SCREEN_MAIN,
    SCREEN_STREAM,
    SCREEN_SERVICE,
    SCREEN_HELP,
    SCREEN_DEVICES,
    SCREEN_DEVICE
};
enum pane { PANE_STREAMS, PANE_SERVICES, PANE_LOG, PANE_COUNT };
enum prompt {
    PROMPT_NONE,
    PROMPT_FILTER,
    PROMPT_SEARCH,
    PROMPT_DEVICES, /* a filter of devices, which the hub reads */
    PROMPT_CLOSE,   /* y closes the streams of ui_closing */
    PROMPT_SORT,    /* a list of columns to sort by */
    PROMPT_COLUMNS  /* a list of columns to show or hide */
};
enum totals { SHOW_BOTH, SHOW_RATES, SHOW_TOTALS };
enum window { WINDOW_MINUTE, WINDOW_TEN, WINDOW_HOUR };

/* The list of a hub's devices, of which the hub sends only what is on the screen. */
struct device_list {
    char filter[UI_TEXT_MAX + 1];
    int sort; /* index into device_columns */
    bool reverse;
    char name[129]; /* the selected one; "": whichever is in its row */
    size_t row;     /* its row, among those that fit the filter */
    size_t top;     /* the first row shown */
};

struct ui {
    enum screen screen, before_help;
    enum pane focus;
    enum prompt prompt;
    /* Selections stay with the stream or service, not with the row. 0 and "" select the first row.
     */
    uint64_t stream;
    char service[300]; /* "TUNNEL/ID" */
    /* Rows of the selections; when a selected one is gone, its neighbour takes over. */
    size_t stream_row, service_row;
    size_t log_up;                            /* rows that the log is scrolled back */
    size_t stream_top, service_top, help_top; /* first row shown */
    struct device_list devices;
    int sort, service_sort; /* index into the columns (columns.h) */
    bool reverse, service_reverse;
    uint64_t hidden; /* columns that are switched off: 1 << index */
    struct filter filter;
    char filter_text[UI_TEXT_MAX + 1], search_text[UI_TEXT_MAX + 1];
    char text[UI_TEXT_MAX + 1]; /* text that is being entered */
    char problem[128];          /* why the text being entered is not a valid filter */
    int list_at;                /* PROMPT_SORT, PROMPT_COLUMNS: the selected row */
    bool follow;                /* the newest stream stays selected */
    enum units units;
    enum totals totals;
    enum window window;
    bool logarithmic;
    enum graph_style graph;
    bool ascii;       /* ASCII is the only style available */
    int log_rows;     /* requested: 0, 3 or 8 */
    double refresh;   /* seconds between snapshots: 0.2 .. 10 */
    bool mouse, copy; /* copy: OSC 52 is allowed */
    size_t n_tags;
    uint64_t tags[UI_TAGS_MAX];
    size_t n_closing; /* for PROMPT_CLOSE, and the action UI_CLOSE */
    uint64_t closing[UI_TAGS_MAX];
    char copied[300];  /* for the action UI_COPY */
    char message[200]; /* shown in the last row until the next key */
    bool message_bad;
    int columns, rows; /* size of the screen */
    bool pasting;      /* between UIKEY_PASTE and UIKEY_PASTE_END: text, and never a command */
    /* Number of keys that were read at once with the present one; 0 or 1: it came alone. A question
     * takes no answer from several keys, which are a paste that the terminal did not mark. */
    size_t read;
};

/* The actions that a key asks of the app besides a new picture. */
enum ui_action {
    UI_NOTHING = 0,
    UI_QUIT = 1,
    UI_REDRAW = 2,   /* the whole terminal, Ctrl-L */
    UI_RETRY = 4,    /* connect now */
    UI_CLOSE = 8,    /* DELETE the streams of ui_closing */
    UI_REFRESH = 16, /* ask for a snapshot now (detail, refresh time) */
    UI_MOUSE = 32,   /* ui->mouse has changed */
    UI_COPY = 64,    /* copy ui->copied to the clipboard */
    UI_STOP = 128,   /* Ctrl-Z */
    UI_ACCEPT = 256, /* the agent lets in who wants something */
    UI_REJECT = 512  /* it lets in nobody */
};

void ui_init(struct ui *ui);
unsigned ui_key(struct ui *ui, struct model *m, uint32_t key);
/* button: 1 a click, 2 a double click, 4 and 5 the wheel up and down. */
unsigned ui_click(struct ui *ui, struct model *m, int row, int column, int button);
/* To be called after each new snapshot and resize. Moves selections that are gone to their
 * neighbours, and scroll positions into range. */
void ui_settle(struct ui *ui, const struct model *m);
/* The i-th stream to close with UI_CLOSE; 0: there are no more. */
uint64_t ui_closing(const struct ui *ui, size_t i);
/* The id of the stream whose history is to be asked for, or 0. */
uint64_t ui_detail(const struct ui *ui);
/* What the screen needs of the next snapshot; out has views into ui. */
void ui_wanted(const struct ui *ui, struct model_wanted *out);
/* Sets the filter at the start ("SSH1 down>1M"). False: it is invalid, and ui->message is a
 * sentence. */
bool ui_set_filter(struct ui *ui, const char *text);
/* Sorts the streams by a column's title or name ("down/s", "rate_down"); a leading '-' reverses the
 * order. False: there is no such column, and ui->message is a sentence. */
bool ui_set_sort(struct ui *ui, const char *name);

#endif
