#include "tui/state/export.h"
#include "tui/state/keys.h"
#include "tui/state/moment.h"
#include "tui/view/view_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- keys ---- */

static int bar_width(const struct key_binding *b)
{
    return grid_width(span_of(b->bar_key)) + grid_width(span_of(b->bar));
}

static int draw_binding(struct canvas *v, int column, const struct key_binding *b)
{
    bool off = b->closes && v->s->readonly;
    int row = v->g->rows - 1;
    column += grid_text(v->g, row, column, -1, span_of(b->bar_key), off ? ROLE_QUIET : ROLE_KEY);
    column += grid_text(v->g, row, column, -1, span_of(b->bar), off ? ROLE_QUIET : ROLE_LABEL);
    return column;
}

/* Whether the key is in the bar of this screen. */
static bool is_in_bar(const struct canvas *v, const struct key_binding *b)
{
    return b->bar != NULL && (b->screens & key_screen(v->ui->screen)) != 0 &&
           key_is_for(b, v->role);
}

/* Draws as many keys as fit, in the table's order; the key that quits always has its place at the
 * end. */
static void draw_key_bar(struct canvas *v)
{
    const struct key_binding *last = NULL;
    int gap = v->g->columns >= 100 ? 2 : 1, at = v->g->columns > 30;
    for (size_t i = 0; i < n_key_bindings; i++)
        if (is_in_bar(v, &key_bindings[i]))
            last = &key_bindings[i];
    for (const struct key_binding *b = key_bindings; last != NULL && b <= last; b++) {
        if (!is_in_bar(v, b))
            continue;
        int after = b == last ? 0 : gap + bar_width(last);
        if (at + bar_width(b) + after <= v->g->columns)
            at = draw_binding(v, at, b) + gap;
    }
}

/* ---- prompts and messages ---- */

/* Draws a left and a right text; the right one is left out when there is no space. */
static void two(struct canvas *v, const char *left, enum role left_role, const char *right,
                enum role right_role)
{
    int row = v->g->rows - 1, columns = v->g->columns, margin = columns > 30;
    int used = margin + grid_text(v->g, row, margin, -1, span_of(left), left_role);
    int wanted = grid_width(span_of(right));
    if (used + 2 + wanted + margin <= columns)
        grid_text(v->g, row, columns - margin - wanted, wanted, span_of(right), right_role);
}

static void paged_hint(const struct canvas *v, char *out, size_t size)
{
    struct paged_facts f = paged_list_facts(v->m, paged_list_on(v->ui->screen));
    if (f.problem[0] != '\0')
        snprintf(out, size, "%.90s", f.problem);
    else
        snprintf(out, size, "%zu of %llu   Enter keep  Esc clear", f.matching,
                 (unsigned long long)f.total);
}

/* The end of the typed text stays visible. */
static void draw_entry(struct canvas *v, const char *name)
{
    char left[UI_TEXT_MAX + 32], right[96];
    const struct ui *ui = v->ui;
    const char *text = ui->text;
    int room = v->g->columns - (int)strlen(name) - 5;
    while (text[0] != '\0' && grid_width(span_of(text)) > (room > 1 ? room : 1))
        do
            text++;
        while (((unsigned char)text[0] & 0xc0) == 0x80);
    snprintf(left, sizeof left, "%s: %s%s_", name, text != ui->text ? "~" : "", text);
    if (ui->problem[0] != '\0')
        snprintf(right, sizeof right, "%.90s", ui->problem);
    else if (ui->prompt == PROMPT_FILTER)
        snprintf(right, sizeof right, "%zu of %zu   Enter keep  Esc clear", v->list.streams.total,
                 streams_in_all(v));
    else if (ui->prompt == PROMPT_PAGED)
        paged_hint(v, right, sizeof right);
    else
        snprintf(right, sizeof right, "Enter find  Esc leave");
    two(v, left, ROLE_TEXT, right, ui->problem[0] != '\0' ? ROLE_BAD : ROLE_QUIET);
}

/* "Close 12 streams of ssh?" */
static void group_question(const struct canvas *v, char *out, size_t size)
{
    const struct ui *ui = v->ui;
    char of[64] = "";
    if (ui->closing_all > ui->n_closing)
        snprintf(of, sizeof of, " of %llu", (unsigned long long)ui->closing_all);
    snprintf(out, size, "Close %zu%s stream%s of %.60s?", ui->n_closing, of,
             ui->n_closing == 1 ? "" : "s", ui->closing_of);
}

static void draw_question(struct canvas *v)
{
    char text[400], age[FORMAT_SIZE];
    const struct snapshot_stream *s = model_stream(v->m, ui_closing(v->ui, 0));
    if (v->ui->closing_of[0] != '\0') {
        group_question(v, text, sizeof text);
    } else if (v->ui->n_closing > 1) {
        snprintf(text, sizeof text, "Close %zu streams?", v->ui->n_closing);
    } else if (s == NULL) {
        snprintf(text, sizeof text, "Close stream %llu?", (unsigned long long)ui_closing(v->ui, 0));
    } else {
        const char *to = s->service[0] != '\0' ? s->service : s->target;
        char cut[64];
        struct span client = format_address(s->client, 24, cut, sizeof cut);
        format_age(s->age, age);
        snprintf(text, sizeof text, "Close stream %llu (%.*s -> %.20s, %s)?",
                 (unsigned long long)s->id, (int)(client.n < 60 ? client.n : 60), client.p, to,
                 age);
    }
    two(v, text, ROLE_BAD, "y close   other key keep", ROLE_KEY);
}

/* What the marked place in the graphs is. */
static void draw_moment(struct canvas *v)
{
    char text[200], clock[FORMAT_SIZE], ago[FORMAT_SIZE], down[FORMAT_SIZE], up[FORMAT_SIZE];
    double before, moment = moment_time(v->ui, v->m, &before);
    struct series a = model_series(v, true), b = model_series(v, false);
    format_clock(moment, v->c->utc_offset, false, clock);
    format_seconds(before, ago);
    format_rate(a.now, v->ui->units, down);
    format_rate(b.now, v->ui->units, up);
    snprintf(text, sizeof text, "%sAT %s, %s ago: down %s up %s%s", v->m->paused ? "PAUSED, " : "",
             clock, ago, down, up, v->s->streams_page.lacks ? ", not all kept" : "");
    two(v, text, ROLE_BUSY, "Left Right move  Esc now", ROLE_KEY);
}

static void draw_export(struct canvas *v)
{
    char text[80];
    size_t n;
    const char *noun = export_noun(v->ui, v->m, &n);
    snprintf(text, sizeof text, "Write %zu row%s (%s) to a file here?", n, n == 1 ? "" : "s", noun);
    two(v, text, ROLE_BUSY, "j JSON lines  c CSV  other key no", ROLE_KEY);
}

static void draw_opening(struct canvas *v)
{
    static const char *const hows[] = {[OPEN_TMUX] = "Open in a new tmux window?",
                                       [OPEN_TERMINAL] = "Open in this terminal?",
                                       [OPEN_DESKTOP] = "Open in another window?",
                                       [OPEN_PRINT] = "To be run where it is wanted."};
    enum open_how how = v->ui->open.how;
    char keys[64];
    snprintf(keys, sizeof keys, "%s%s", v->ui->copy ? "y copy   " : "",
             how == OPEN_PRINT ? "other key back" : "Enter run   other key no");
    two(v, hows[how] != NULL ? hows[how] : "", ROLE_BUSY, keys, ROLE_KEY);
}

static void draw_paused(struct canvas *v)
{
    char text[160], clock[FORMAT_SIZE], behind[FORMAT_SIZE];
    size_t held = model_held(v->m);
    format_clock(v->m->paused_clock, v->c->utc_offset, false, clock);
    format_seconds(v->c->time - v->m->paused_clock, behind);
    const struct snapshot_page *page = &v->s->streams_page;
    char kept[64] = "";
    if (page->known && v->s->n_streams < page->matching && !v->m->keeping)
        snprintf(kept, sizeof kept, ", %zu of %zu rows kept", v->s->n_streams, page->matching);
    snprintf(text, sizeof text, "PAUSED at %s, %s behind, %zu event%s held%s", clock, behind, held,
             held == 1 ? "" : "s", kept);
    two(v, text, ROLE_BUSY, "p resume", ROLE_KEY);
}

static void draw_filter(struct canvas *v, const char *filter)
{
    char text[UI_TEXT_MAX + 32];
    snprintf(text, sizeof text, "Filter: %s", filter);
    two(v, text, ROLE_BUSY, "/ change  Esc clear  ? help", ROLE_KEY);
}

void draw_last_row(struct canvas *v)
{
    const struct ui *ui = v->ui;
    enum paged_kind list = paged_list_on(ui->screen);
    grid_fill(v->g, v->g->rows - 1, 0, v->g->columns, ' ', ROLE_TEXT);
    if (ui->prompt == PROMPT_FILTER || ui->prompt == PROMPT_SEARCH || ui->prompt == PROMPT_PAGED)
        draw_entry(v, ui->prompt == PROMPT_SEARCH ? "Search" : "Filter");
    else if (ui->prompt == PROMPT_CLOSE)
        draw_question(v);
    else if (ui->prompt == PROMPT_GATHER)
        two(v, "Asking which streams the group has ...", ROLE_BUSY, "any key keep", ROLE_KEY);
    else if (ui->prompt == PROMPT_EXPORT)
        draw_export(v);
    else if (ui->prompt == PROMPT_OPEN)
        draw_opening(v);
    else if (ui->prompt == PROMPT_SORT)
        two(v, "Up Down choose   Enter sort   Esc back", ROLE_LABEL, "", ROLE_LABEL);
    else if (ui->prompt == PROMPT_COLUMNS)
        two(v, "Up Down choose   Space show or hide   Enter done", ROLE_LABEL, "", ROLE_LABEL);
    else if (ui->message[0] != '\0')
        two(v, ui->message, ui->message_bad ? ROLE_BAD : ROLE_TEXT, "", ROLE_TEXT);
    else if (ui->moment > 0 && ui->screen == SCREEN_MAIN)
        draw_moment(v);
    else if (v->m->paused && ui->screen != SCREEN_HELP)
        draw_paused(v);
    else if (ui->screen == SCREEN_MAIN && ui->filter_text[0] != '\0')
        draw_filter(v, ui->filter_text);
    else if (list < PAGED_KINDS && ui->lists[list].filter[0] != '\0')
        draw_filter(v, ui->lists[list].filter);
    else
        draw_key_bar(v);
}
