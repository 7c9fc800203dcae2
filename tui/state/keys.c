#include "tui/state/keys.h"

#include "tui/state/columns.h"
#include "tui/state/groups.h"
#include "tui/state/moment.h"
#include "tui/state/paged_list.h"
#include "tui/state/stream_list.h"
#include "tui/state/ui_internal.h"

#include <stdio.h>
#include <string.h>

const char *const key_group_names[KEYS_GROUPS] = {
    [KEYS_MOVE] = "Move",   [KEYS_OPEN] = "Open",       [KEYS_FIND] = "Find",
    [KEYS_SORT] = "Sort",   [KEYS_STREAMS] = "Streams", [KEYS_VIEW] = "View",
    [KEYS_GRAPH] = "Graph", [KEYS_SCREEN] = "Screen"};

#define ACTION(name) static unsigned name(struct ui *ui, struct model *m, uint32_t key)

/* ---- open, back, quit ---- */

ACTION(help)
{
    (void)m, (void)key;
    if (ui->screen == SCREEN_HELP) {
        ui->screen = ui->before_help;
    } else {
        ui->before_help = ui->screen;
        ui->screen = SCREEN_HELP;
        ui->help_top = 0;
    }
    return UI_NOTHING;
}

ACTION(back)
{
    if (ui->screen == SCREEN_HELP)
        return help(ui, m, key);
    enum paged_kind kind = paged_list_on(ui->screen);
    if (kind < PAGED_KINDS && ui->lists[kind].filter[0] != '\0' && key == UIKEY_ESCAPE) {
        ui->lists[kind].filter[0] = '\0';
        return UI_REFRESH;
    }
    if (ui->screen == SCREEN_DEVICE)
        ui->screen = SCREEN_DEVICES;
    else if (ui->screen == SCREEN_STREAM)
        ui->screen = ui->before_stream;
    else if (ui->screen != SCREEN_MAIN)
        ui->screen = SCREEN_MAIN;
    else if (ui->moment > 0)
        ui->moment = 0;
    else if (ui->search_text[0] != '\0')
        ui->search_text[0] = '\0';
    else
        ui_clear_filter(ui);
    ui_settle(ui, m);
    bool list = paged_list_on(ui->screen) < PAGED_KINDS || ui->screen == SCREEN_DEVICE;
    return list || m->shown.streams_page.known ? UI_REFRESH : UI_NOTHING;
}

ACTION(history)
{
    if (ui->screen == SCREEN_HISTORY)
        return back(ui, m, key);
    ui->screen = SCREEN_HISTORY;
    ui_settle(ui, m);
    return UI_REFRESH;
}

ACTION(devices)
{
    (void)key;
    if (!m->shown.devices.known) {
        ui_say(ui, true, "devices are listed at a hub, and by \"tunnel-gateway devices\"");
        return UI_NOTHING;
    }
    ui->screen = SCREEN_DEVICES;
    ui_settle(ui, m);
    return UI_REFRESH;
}

ACTION(nodes)
{
    (void)key;
    if (m->shown.n_nodes == 0) {
        ui_say(ui, true, "nodes are listed at a hub that is one of a cluster");
        return UI_NOTHING;
    }
    ui->screen = SCREEN_NODES;
    ui_settle(ui, m);
    return UI_REFRESH;
}

/* A window of maintenance begins or ends; no paste that the terminal did not mark does that. */
ACTION(accept_or_not)
{
    (void)key;
    const struct snapshot_standby *device = &m->shown.device;
    if (ui->read > 1)
        return UI_NOTHING;
    if (device->name == NULL)
        ui_say(ui, true, "this is no device that stands by: watch its tunnel-agent");
    else if (m->shown.readonly)
        ui_say(ui, true, "nothing is switched here: the program was started for reading only");
    else if (m->link != MODEL_LIVE)
        ui_say(ui, true, "not connected: nothing can be switched now");
    else
        return device->accepting ? UI_REJECT : UI_ACCEPT;
    return UI_NOTHING;
}

ACTION(quit)
{
    return ui->screen == SCREEN_MAIN || key != 'q' ? UI_QUIT : back(ui, m, key);
}

/* ---- sort ---- */

ACTION(sort_by)
{
    int by = key == '<' ? -1 : 1;
    if (paged_list_on(ui->screen) < PAGED_KINDS) {
        paged_list_sort(ui, m, paged_list_on(ui->screen), by);
        return UI_REFRESH;
    }
    if (ui->focus == PANE_SERVICES)
        ui->service_sort = columns_neighbour(&service_columns, &m->shown, ui, ui->service_sort, by);
    else
        ui->sort = columns_neighbour(&stream_columns, &m->shown, ui, ui->sort, by);
    ui_settle(ui, m);
    return m->shown.streams_page.known ? UI_REFRESH : UI_NOTHING;
}

ACTION(reverse)
{
    (void)key;
    if (m->link != MODEL_LIVE)
        return UI_RETRY; /* as the box of a lost program says */
    enum paged_kind kind = paged_list_on(ui->screen);
    if (kind < PAGED_KINDS) {
        ui->lists[kind].reverse = !ui->lists[kind].reverse;
        return UI_REFRESH;
    }
    if (ui->focus == PANE_SERVICES)
        ui->service_reverse = !ui->service_reverse;
    else
        ui->reverse = !ui->reverse;
    ui_settle(ui, m);
    return m->shown.streams_page.known ? UI_REFRESH : UI_NOTHING;
}

/* ---- groups ---- */

ACTION(group)
{
    bool hub = column_role_of(&m->shown) == COLUMN_HUB;
    (void)key;
    if (m->paused && m->shown.streams_page.known) {
        ui_say(ui, true, "the pause has kept no other groups: end it first (p)");
        return UI_NOTHING;
    }
    ui->groups = (struct grouping){.by = groups_next(ui->groups.by, hub)};
    ui->stream_row = ui->stream_top = 0;
    ui->focus = PANE_STREAMS;
    if (ui->groups.by == GROUP_NONE)
        ui_say(ui, false, "no groups");
    else
        ui_say(ui, false, "by %s: who used most since the start; Space shows the %ss",
               groups_noun(ui->groups.by, hub), column_row_noun(column_role_of(&m->shown)));
    return UI_REFRESH;
}

/* ---- time ---- */

ACTION(travel)
{
    moment_step(ui, m, key == UIKEY_LEFT ? -1 : 1);
    ui->log_up = 0;
    ui_settle(ui, m);
    return UI_REFRESH;
}

/* ---- streams ---- */

ACTION(pause_picture)
{
    (void)key;
    model_pause(m, !m->paused);
    ui_settle(ui, m);
    return UI_REFRESH;
}

ACTION(tag)
{
    uint64_t id = ui_selected(ui, m);
    size_t i = 0;
    if (ui->screen == SCREEN_MAIN && ui->focus == PANE_STREAMS && ui->groups.by != GROUP_NONE &&
        ui_fold(ui, m, key) != UI_NOTHING)
        return UI_REFRESH;
    if (ui->screen != SCREEN_MAIN || ui->focus != PANE_STREAMS || id == 0)
        return pause_picture(ui, m, key);
    ui_step(ui, m, 0); /* selects this stream itself, rather than its row */
    while (i < ui->n_tags && ui->tags[i] != id)
        i++;
    if (i < ui->n_tags) {
        memmove(&ui->tags[i], &ui->tags[i + 1], (ui->n_tags - i - 1) * sizeof *ui->tags);
        ui->n_tags--;
    } else if (ui->n_tags < UI_TAGS_MAX) {
        ui->tags[ui->n_tags++] = id;
    } else {
        ui_say(ui, true, "no more than %d can be tagged", UI_TAGS_MAX);
        return UI_NOTHING;
    }
    ui_step(ui, m, 1);
    return UI_NOTHING;
}

ACTION(untag)
{
    (void)m, (void)key;
    ui->n_tags = 0;
    return UI_NOTHING;
}

ACTION(follow)
{
    (void)key;
    ui->follow = !ui->follow;
    if (ui->follow)
        ui_say(ui, false, "the newest %s stays selected",
               column_row_noun(column_role_of(&m->shown)));
    else
        ui_say(ui, false, "not following any more");
    ui_settle(ui, m);
    return UI_NOTHING;
}

/* ---- view ---- */

ACTION(units)
{
    (void)m, (void)key;
    ui->units = ui->units == UNITS_BYTES ? UNITS_BITS : UNITS_BYTES;
    ui_say(ui, false,
           ui->units == UNITS_BITS ? "rates in bits, k is 1000; totals stay in bytes"
                                   : "rates in bytes, K is 1024");
    return UI_NOTHING;
}

ACTION(totals)
{
    static const char *const names[] = {
        [SHOW_BOTH] = "rates and totals", [SHOW_RATES] = "rates", [SHOW_TOTALS] = "totals"};
    (void)m, (void)key;
    ui->totals = (enum totals)((ui->totals + 1) % 3);
    ui_say(ui, false, "columns show %s", names[ui->totals]);
    return UI_NOTHING;
}

ACTION(log_size)
{
    (void)key;
    ui->log_rows = ui->log_rows == 3 ? 8 : ui->log_rows == 8 ? 0 : 3;
    ui_settle(ui, m);
    return UI_NOTHING;
}

ACTION(window)
{
    static const char *const names[] = {
        [WINDOW_MINUTE] = "1 minute", [WINDOW_TEN] = "10 minutes", [WINDOW_HOUR] = "1 hour"};
    (void)m, (void)key;
    ui->window = (enum window)((ui->window + 1) % 3);
    ui_say(ui, false, "graphs go back at least %s", names[ui->window]);
    return UI_NOTHING;
}

ACTION(logarithmic)
{
    (void)m, (void)key;
    ui->logarithmic = !ui->logarithmic;
    ui_say(ui, false, ui->logarithmic ? "graphs are logarithmic" : "graphs are linear");
    return UI_NOTHING;
}

ACTION(graph_style)
{
    static const char *const names[] = {
        [GRAPH_BRAILLE] = "braille", [GRAPH_BLOCKS] = "blocks", [GRAPH_ASCII] = "ascii"};
    (void)m, (void)key;
    if (ui->ascii) {
        ui_say(ui, true, "nothing but ASCII can be shown here");
        return UI_NOTHING;
    }
    ui->graph = (enum graph_style)((ui->graph + 1) % 3);
    ui_say(ui, false, "graphs of %s; TUNNEL_TUI_GRAPH=%s makes it so from the start",
           names[ui->graph], names[ui->graph]);
    return UI_NOTHING;
}

ACTION(refresh_time)
{
    static const double steps[] = {0.2, 0.5, 1, 2, 5, 10};
    enum { STEPS = sizeof steps / sizeof *steps };
    int at = 0;
    (void)m;
    while (at < STEPS - 1 && steps[at] < ui->refresh)
        at++;
    at += key == '-' ? -1 : 1;
    ui->refresh = steps[at < 0 ? 0 : at >= STEPS ? STEPS - 1 : at];
    ui_say(ui, false, "a new picture every %g s", ui->refresh);
    return UI_REFRESH;
}

ACTION(mouse)
{
    (void)m, (void)key;
    ui->mouse = !ui->mouse;
    ui_say(ui, false,
           ui->mouse ? "the mouse is on; M lets the terminal select text" : "the mouse is off");
    return UI_MOUSE;
}

static void copy_service(struct ui *ui, const struct model *m)
{
    struct order o = order_services(ui, m);
    long row = order_service_row(&o, m, ui->service);
    const struct snapshot_service *s = row >= 0 ? &m->shown.services[o.at[row]] : NULL;
    if (s != NULL)
        snprintf(ui->copied, sizeof ui->copied, "%s", s->host[0] != '\0' ? s->host : s->id);
    order_free(&o);
}

ACTION(copy)
{
    bool service =
        ui->screen == SCREEN_SERVICE || (ui->screen == SCREEN_MAIN && ui->focus == PANE_SERVICES);
    enum paged_kind list = paged_list_on(ui->screen);
    list = ui->screen == SCREEN_DEVICE ? PAGED_DEVICES : list;
    bool other = list < PAGED_KINDS;
    uint64_t id = service || other ? 0 : ui_selected(ui, m);
    (void)key;
    ui->copied[0] = '\0';
    if (other)
        snprintf(ui->copied, sizeof ui->copied, "%s", ui->lists[list].name);
    else if (ui->screen == SCREEN_MAIN && ui->groups.on_group && !service)
        snprintf(ui->copied, sizeof ui->copied, "%s", ui->groups.key);
    else if (service)
        copy_service(ui, m);
    else if (id != 0)
        snprintf(ui->copied, sizeof ui->copied, "%llu", (unsigned long long)id);
    if (!ui->copy)
        ui_say(ui, true, "copying is off; see --copy");
    else if (ui->copied[0] != '\0')
        ui_say(ui, false, "copied %.150s", ui->copied);
    return ui->copy && ui->copied[0] != '\0' ? UI_COPY : UI_NOTHING;
}

ACTION(redraw)
{
    (void)ui, (void)m, (void)key;
    return UI_REDRAW;
}

ACTION(stop)
{
    (void)ui, (void)m, (void)key;
    return UI_STOP;
}

#define F(n) (UIKEY_F + (n))
#define ON_LISTS (ON_MAIN | ON_STREAM | ON_SERVICE)
#define ON_PAGED (ON_DEVICES | ON_HISTORY)
#define ON_ROWS (ON_PAGED | ON_DEVICE | ON_NODES)

/* clang-format off */
const struct key_binding key_bindings[] = {
    /* The key bar, in this order. */
    {{'?', F(1)}, "? F1", "help", KEYS_SCREEN, ON_ALL, "?", "Help", false, help},
    {{UIKEY_ESCAPE}, "Esc", "back, no filter", KEYS_OPEN, ON_ALL & ~(unsigned)ON_MAIN, "Esc", " Back", false, back},
    {{'/', F(4)}, "/ F4", "filter", KEYS_FIND, ON_MAIN | ON_PAGED, "/", "Filter", false, ui_ask_filter},
    {{'<', '>'}, "< >", "by another column", KEYS_SORT, ON_MAIN | ON_PAGED, "<>", "Sort", false, sort_by},
    {{'r'}, "r", "reverse", KEYS_SORT, ON_MAIN | ON_PAGED, "r", "Rev", false, reverse},
    {{'p', 'Z'}, "p Z", "pause the picture", KEYS_VIEW, ON_LISTS | ON_ROWS, "p", "Pause", false, pause_picture},
    {{'u'}, "u", "bytes or bits", KEYS_VIEW, ON_LISTS | ON_NODES, "u", "Units", false, units},
    {{'K', F(9), UIKEY_DELETE}, "K F9 Del", "close (asks)", KEYS_STREAMS, ON_MAIN | ON_STREAM, "K", "Kill", true, ui_ask_close},
    {{UIKEY_TAB, UIKEY_BACK_TAB}, "Tab S-Tab", "next pane", KEYS_MOVE, ON_MAIN, "Tab", " Focus", false, ui_next_pane},
    {{UIKEY_ENTER}, "Enter", "details", KEYS_OPEN, ON_MAIN | ON_ROWS, "Enter", " Detail", false, ui_enter},
    {{'D'}, "D", "list devices", KEYS_STREAMS, ON_MAIN | ON_NODES | AT_HUB, "D", "evices", false, devices},
    {{'C'}, "C", "cluster's nodes", KEYS_STREAMS, ON_MAIN | ON_DEVICES | AT_HUB, NULL, NULL, false, nodes},
    {{'h'}, "h", "those that ended", KEYS_OPEN, ON_MAIN | ON_HISTORY, "h", "History", false, history},
    {{'a'}, "a", "in groups", KEYS_STREAMS, ON_MAIN, "a", "Group", false, group},
    {{'o'}, "o", "open (shows how)", KEYS_OPEN, ON_LISTS | ON_PAGED | ON_DEVICE, "o", "Open", false, ui_ask_open},
    {{'x'}, "x", "write to a file", KEYS_STREAMS, ON_LISTS | ON_ROWS, "x", "Export", false, ui_ask_export},
    {{'w'}, "w", "1, 10 or 60 minutes", KEYS_GRAPH, ON_LISTS, "w", "Window", false, window},
    {{'A'}, "A", "let in, or nobody", KEYS_STREAMS, ON_MAIN | AT_AGENT, NULL, NULL, true, accept_or_not},
    {{'t'}, "t", "rates, totals", KEYS_VIEW, ON_MAIN, "t", "Totals", false, totals},
    {{'y'}, "y", "copy id or name", KEYS_STREAMS, ON_LISTS | ON_ROWS, "y", "Copy", false, copy},
    {{'q', F(10), CTRL('c')}, "q", "quit", KEYS_OPEN, ON_ALL, "q", "Quit", false, quit},
    /* These are not in the bar. */
    {{UIKEY_UP, UIKEY_DOWN, 'k', 'j'}, "Up Down k j", "move", KEYS_MOVE, ON_ALL, NULL, NULL, false, ui_move},
    {{UIKEY_PAGE_UP, UIKEY_PAGE_DOWN, CTRL('b'), CTRL('f')}, "PgUp PgDn ^B ^F", "page", KEYS_MOVE, ON_ALL, NULL, NULL, false, ui_move},
    {{UIKEY_HOME, UIKEY_END, 'g', 'G'}, "Home End g G", "ends", KEYS_MOVE, ON_ALL, NULL, NULL, false, ui_move},
    {{UIKEY_ESCAPE}, NULL, NULL, KEYS_OPEN, ON_MAIN, NULL, NULL, false, back},
    {{F(3)}, "F3", "search", KEYS_FIND, ON_MAIN, NULL, NULL, false, ui_ask_search},
    {{'n', 'N'}, "n N", "step to matches", KEYS_FIND, ON_MAIN, NULL, NULL, false, ui_next_match},
    {{'s', F(6)}, "s F6", "from a list", KEYS_SORT, ON_MAIN, NULL, NULL, false, ui_ask_sort},
    {{UIKEY_LEFT, UIKEY_RIGHT}, "Left Right", "back in time", KEYS_GRAPH, ON_MAIN, NULL, NULL, false, travel},
    {{' '}, "Space", "tag, fold", KEYS_STREAMS, ON_LISTS, NULL, NULL, false, tag},
    {{'U'}, "U", "untag all", KEYS_STREAMS, ON_MAIN, NULL, NULL, false, untag},
    {{'F'}, "F", "follow newest", KEYS_STREAMS, ON_MAIN, NULL, NULL, false, follow},
    {{'l'}, "l", "log size", KEYS_VIEW, ON_MAIN, NULL, NULL, false, log_size},
    {{'c'}, "c", "choose columns", KEYS_VIEW, ON_MAIN, NULL, NULL, false, ui_ask_columns},
    {{'L'}, "L", "logarithmic", KEYS_GRAPH, ON_LISTS, NULL, NULL, false, logarithmic},
    {{'B'}, "B", "graphs' dots", KEYS_VIEW, ON_LISTS, NULL, NULL, false, graph_style},
    {{'+', '-', '='}, "+ -", "seconds a picture", KEYS_GRAPH, ON_LISTS, NULL, NULL, false, refresh_time},
    {{'M'}, "M", "mouse", KEYS_SCREEN, ON_ALL, NULL, NULL, false, mouse},
    {{CTRL('l')}, "^L", "redraw", KEYS_SCREEN, ON_ALL, NULL, NULL, false, redraw},
    {{CTRL('z')}, NULL, NULL, KEYS_SCREEN, ON_ALL, NULL, NULL, false, stop},
};
/* clang-format on */
const size_t n_key_bindings = sizeof key_bindings / sizeof *key_bindings;

bool key_is_for(const struct key_binding *b, enum column_role role)
{
    return ((b->screens & AT_HUB) == 0 || role == COLUMN_HUB) &&
           ((b->screens & AT_AGENT) == 0 || role == COLUMN_DESTINATION);
}

unsigned key_screen(enum screen s)
{
    static const unsigned bits[] = {
        [SCREEN_MAIN] = ON_MAIN,       [SCREEN_STREAM] = ON_STREAM,   [SCREEN_SERVICE] = ON_SERVICE,
        [SCREEN_HELP] = ON_HELP,       [SCREEN_DEVICES] = ON_DEVICES, [SCREEN_DEVICE] = ON_DEVICE,
        [SCREEN_HISTORY] = ON_HISTORY, [SCREEN_NODES] = ON_NODES};
    return bits[s];
}
