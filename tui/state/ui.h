/* The dashboard's own state: the screen, selections, order, filter and prompts, and what each key
 * does to them. Pure: takes keys and returns actions. Text entry takes every key while it lasts. */
#ifndef TUI_STATE_UI_H
#define TUI_STATE_UI_H

#include "core/control/filter/filter.h"
#include "core/format/format.h"
#include "tui/state/key.h"
#include "tui/state/model.h"
#include "tui/state/open_command.h"
#include "tui/state/role.h"

#define UI_TEXT_MAX 200  /* bytes of a filter or search */
#define UI_TAGS_MAX 1024 /* streams tagged at once */

enum screen {
    SCREEN_MAIN,
    SCREEN_STREAM,
    SCREEN_SERVICE,
    SCREEN_HELP,
    SCREEN_DEVICES,
    SCREEN_DEVICE,
    SCREEN_HISTORY, /* streams that have ended */
    SCREEN_NODES    /* of a hub's cluster */
};
enum pane { PANE_STREAMS, PANE_SERVICES, PANE_LOG, PANE_COUNT };
enum prompt {
    PROMPT_NONE,
    PROMPT_FILTER,
    PROMPT_SEARCH,
    PROMPT_PAGED,  /* a filter of the list on the screen, which the program reads */
    PROMPT_GATHER, /* the streams of a group are asked for, to be closed */
    PROMPT_CLOSE,  /* y closes the streams of ui_closing */
    PROMPT_OPEN,   /* Enter runs the command of ui->open */
    PROMPT_EXPORT, /* j or c writes a file */
    PROMPT_SORT,   /* a list of columns to sort by */
    PROMPT_COLUMNS /* a list of columns to show or hide */
};
enum totals { SHOW_BOTH, SHOW_RATES, SHOW_TOTALS };
enum window { WINDOW_MINUTE, WINDOW_TEN, WINDOW_HOUR };

enum group_by { GROUP_NONE, GROUP_CLIENT, GROUP_USER, GROUP_SERVICE, GROUP_DEVICE, GROUP_KINDS };

/* The lists that are a screen of their own, of which the program sends only what is on it, but of
 * nodes all (paged_list.h). */
enum paged_kind { PAGED_DEVICES, PAGED_CLOSED, PAGED_NODES, PAGED_KINDS };
#define PAGED_NAME 129
struct paged_list {
    char filter[UI_TEXT_MAX + 1];
    int sort; /* index into the list's columns */
    bool reverse;
    char name[PAGED_NAME]; /* the selected one; "": whichever is in its row */
    size_t row;            /* its row, among those that fit the filter */
    size_t top;            /* the first row shown */
};

/* Streams in groups: at most one of them is open, and has its streams below it (stream_list.h). */
struct grouping {
    enum group_by by;
    bool on_group; /* the selected row is a group: this one */
    char key[MODEL_KEY];
    bool other; /* the one of all whose key is not kept; it has no key */
    bool open;
    char open_key[MODEL_KEY];
};

struct ui {
    enum screen screen, before_help;
    enum screen before_stream; /* where Enter was pressed for SCREEN_STREAM */
    enum pane focus;
    enum prompt prompt;
    /* Selections stay with the stream or service, not with the row. 0 selects whatever is in its
     * row, "" the first row. */
    uint64_t stream;
    struct grouping groups;
    char service[300]; /* "TUNNEL/ID" */
    /* Rows of the selections; when a selected one is gone, its neighbour takes over. */
    size_t stream_row, service_row;
    size_t log_up;                            /* rows that the log is scrolled back */
    size_t stream_top, service_top, help_top; /* first row shown */
    struct paged_list lists[PAGED_KINDS];
    size_t device_tunnel;   /* on a device's page: the row of the selected tunnel */
    int sort, service_sort; /* index into the columns (columns.h) */
    bool reverse, service_reverse;
    uint64_t hidden; /* columns that are switched off: 1 << index */
    struct filter filter;
    char filter_text[UI_TEXT_MAX + 1], search_text[UI_TEXT_MAX + 1];
    char text[UI_TEXT_MAX + 1]; /* text that is being entered */
    char problem[128];          /* why the text being entered is not a valid filter */
    int list_at;                /* PROMPT_SORT, PROMPT_COLUMNS: the selected row */
    uint32_t searching;         /* 'n' or 'N', while rows for a search are on their way */
    bool follow;                /* the newest stream stays selected */
    enum units units;
    enum totals totals;
    enum window window;
    /* The moment that is looked at, by the clock of the program; 0: the present (moment.h). */
    double moment;
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
    uint64_t closing_all;       /* how many the group has, of which these are some or all */
    char closing_of[MODEL_KEY]; /* the group; "": they are of none */
    struct open_command open;   /* for PROMPT_OPEN, and the action UI_OPEN */
    bool in_tmux, on_desktop;   /* what a command can be opened in */
    char hostname[65];          /* of this machine */
    enum export_format { EXPORT_JSON, EXPORT_CSV } format; /* for the action UI_EXPORT */
    char copied[OPEN_TEXT];                                /* for the action UI_COPY */
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
    UI_REJECT = 512, /* it lets in nobody */
    UI_OPEN = 1024,  /* run the command of ui->open */
    UI_EXPORT = 2048 /* write the rows of the screen to a file, as ui->format says */
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
void ui_wanted(const struct ui *ui, const struct model *m, struct model_wanted *out);
/* Whether rows of the screen are not here, so that a look at once is worth it. */
bool ui_lacks(const struct ui *ui, const struct model *m);
/* Sets the filter at the start ("SSH1 down>1M"). False: it is invalid, and ui->message is a
 * sentence. */
bool ui_set_filter(struct ui *ui, const char *text);
/* Sorts the streams by a column's title or name ("down/s", "rate_down"); a leading '-' reverses the
 * order. False: there is no such column, and ui->message is a sentence. */
bool ui_set_sort(struct ui *ui, const char *name);

#endif
