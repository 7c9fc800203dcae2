#include "tui/state/keys.h"
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
        snprintf(right, sizeof right, "%zu of %zu   Enter keep  Esc clear", v->streams.n,
                 v->s->n_streams);
    else if (ui->prompt == PROMPT_DEVICES)
        snprintf(right, sizeof right, "%llu of %llu   Enter keep  Esc clear",
                 (unsigned long long)v->s->devices.matching,
                 (unsigned long long)v->s->devices.total);
    else
        snprintf(right, sizeof right, "Enter find  Esc leave");
    two(v, left, ROLE_TEXT, right, ui->problem[0] != '\0' ? ROLE_BAD : ROLE_QUIET);
}

static void draw_question(struct canvas *v)
{
    char text[400], age[FORMAT_SIZE];
    const struct snapshot_stream *s = model_stream(v->m, ui_closing(v->ui, 0));
    if (v->ui->n_closing > 1) {
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

static void draw_paused(struct canvas *v)
{
    char text[160], clock[FORMAT_SIZE], behind[FORMAT_SIZE];
    size_t held = model_held(v->m);
    format_clock(v->m->paused_clock, v->c->utc_offset, false, clock);
    format_seconds(v->c->time - v->m->paused_clock, behind);
    snprintf(text, sizeof text, "PAUSED at %s, %s behind, %zu event%s held", clock, behind, held,
             held == 1 ? "" : "s");
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
    grid_fill(v->g, v->g->rows - 1, 0, v->g->columns, ' ', ROLE_TEXT);
    if (ui->prompt == PROMPT_FILTER || ui->prompt == PROMPT_SEARCH || ui->prompt == PROMPT_DEVICES)
        draw_entry(v, ui->prompt == PROMPT_SEARCH ? "Search" : "Filter");
    else if (ui->prompt == PROMPT_CLOSE)
        draw_question(v);
    else if (ui->prompt == PROMPT_SORT)
        two(v, "Up Down choose   Enter sort   Esc back", ROLE_LABEL, "", ROLE_LABEL);
    else if (ui->prompt == PROMPT_COLUMNS)
        two(v, "Up Down choose   Space show or hide   Enter done", ROLE_LABEL, "", ROLE_LABEL);
    else if (ui->message[0] != '\0')
        two(v, ui->message, ui->message_bad ? ROLE_BAD : ROLE_TEXT, "", ROLE_TEXT);
    else if (v->m->paused && ui->screen != SCREEN_HELP)
        draw_paused(v);
    else if (ui->screen == SCREEN_MAIN && ui->filter_text[0] != '\0')
        draw_filter(v, ui->filter_text);
    else if (ui->screen == SCREEN_DEVICES && ui->devices.filter[0] != '\0')
        draw_filter(v, ui->devices.filter);
    else
        draw_key_bar(v);
}
